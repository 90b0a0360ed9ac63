/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What runs in place of an instruction that is not executed, and the functions that many rows
 * share.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/decode.h"
#include "machine/cpu/ops.h"

/*
 * An undefined instruction. A POWER9 gives its hypervisor the emulation assistance interrupt; what
 * the guest sees of it is the program interrupt that the hypervisor makes of it.
 */
ExecStatus op_illegal(Cpu *cpu, const Insn *insn)
{
    return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
}

ExecStatus op_privileged(Cpu *cpu, const Insn *insn)
{
    return cpu_raise_program(cpu, PROGRAM_PRIVILEGED);
}

ExecStatus op_fp_unavailable(Cpu *cpu, const Insn *insn)
{
    return cpu_raise(cpu, VECTOR_FP_UNAVAILABLE, 0);
}

ExecStatus op_vec_unavailable(Cpu *cpu, const Insn *insn)
{
    return cpu_raise(cpu, VECTOR_VEC_UNAVAILABLE, 0);
}

ExecStatus op_vsx_unavailable(Cpu *cpu, const Insn *insn)
{
    return cpu_raise(cpu, VECTOR_VSX_UNAVAILABLE, 0);
}

/* Transactional memory, which no guest can enable. */
ExecStatus op_tm_unavailable(Cpu *cpu, const Insn *insn)
{
    return cpu_raise_facility(cpu, FSCR_TM);
}

/* Prefetches and other hints, which change nothing and never fault. */
ExecStatus op_hint(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}
