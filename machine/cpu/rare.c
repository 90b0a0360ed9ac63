/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that exist but have next to nothing to act on in this machine: event-based branches
 * (no event ever occurs), the branch history (never written), segment lookaside entries (radix
 * translation has none).
 *
 * 1. What is read of an absent resource is zero, or "not found".
 */
#include "machine/cpu/decode.h"
#include "machine/cpu/ops.h"

#define BESCR_GE (1ull << 63)

/* Returns from an event-based branch; a program may also use it as a jump. */
ExecStatus op_rfebb(Cpu *cpu, const Insn *insn)
{
    if (cpu->s.msr & MSR_PR && !(cpu->s.spr[SPR_FSCR] >> FSCR_EBB & 1))
        return cpu_raise_facility(cpu, FSCR_EBB);
    uint64_t *status = &cpu->s.spr[SPR_BESCR];
    *status = INSN_BITS(insn, 20, 20) ? *status | BESCR_GE : *status & ~BESCR_GE;
    cpu->s.cia = cpu_ea(cpu, cpu->s.spr[SPR_EBBRR] & ~3ull);
    return EXEC_BRANCH;
}

ExecStatus op_clrbhrb(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

ExecStatus op_mfbhrbe(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = 0;
    return EXEC_NEXT;
}

ExecStatus op_slbmte(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

ExecStatus op_slbieg(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

ExecStatus op_slbsync(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

static ExecStatus read_nothing(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = 0;
    return EXEC_NEXT;
}

ExecStatus op_slbmfee(Cpu *cpu, const Insn *insn)
{
    return read_nothing(cpu, insn);
}

ExecStatus op_slbmfev(Cpu *cpu, const Insn *insn)
{
    return read_nothing(cpu, insn);
}

ExecStatus op_slbfee_rc(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[0] = cpu->s.so;
    return read_nothing(cpu, insn);
}
