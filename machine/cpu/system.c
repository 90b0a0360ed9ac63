/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions: MSR, returns from interrupts, system calls, translation invalidation,
 * doorbells. (Moves to and from special registers are in spr.c.)
 *
 * Privilege and facilities have been checked at decode. A guest of a hypervisor cannot change
 * MSR.HV and MSR.ME.
 */
#include "machine/cpu/board-hooks.h"
#include "machine/cpu/float.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

#define MSR_NEVER_CHANGED (MSR_HV | MSR_ME)

/* MSR as VALUE asks for, within what the model has; PR forces EE, IR and DR (Book III 3.2.1). */
static uint64_t msr_from(const Cpu *cpu, uint64_t value, uint64_t kept)
{
    kept |= MSR_NEVER_CHANGED | ~cpu->model->msr_mask;
    uint64_t msr = (cpu->s.msr & kept) | (value & ~kept);
    if (msr & MSR_PR)
        msr |= MSR_EE | MSR_IR | MSR_DR;
    return msr;
}

static void set_msr(Cpu *cpu, uint64_t msr)
{
    cpu->s.msr = msr;
    cpu_mode_changed(cpu);
}

/*
 * With FPSCR.FEX already set, an MSR that enables floating-point exceptions is followed by one, as
 * if the next instruction had caused it (Book III 6.5.9 and 6.9). To be asked once cia is the next.
 * Linux keeps FE0 and FE1 clear except while a process owns the FPU and asked for SIGFPE. QEMU 7.2
 * waits for the next floating-point instruction instead.
 */
static bool is_float_exception_due(const Cpu *cpu)
{
    return cpu->s.msr & (MSR_FE0 | MSR_FE1) && cpu->s.fpscr & FPSCR_FEX;
}

static ExecStatus raise_float_exception(Cpu *cpu)
{
    return cpu_raise_program(cpu, PROGRAM_FP_ENABLED | PROGRAM_NEXT);
}

static ExecStatus finish_move_to_msr(Cpu *cpu, uint64_t msr)
{
    set_msr(cpu, msr);
    if (!is_float_exception_due(cpu))
        return EXEC_BOUNDARY;
    cpu->s.cia = cpu_ea(cpu, cpu->s.cia + 4);
    return raise_float_exception(cpu);
}

ExecStatus op_mfmsr(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = cpu->s.msr;
    return EXEC_NEXT;
}

ExecStatus op_mtmsr(Cpu *cpu, const Insn *insn)
{
    bool only_ee_ri = INSN_BITS(insn, 15, 15);
    uint64_t kept = only_ee_ri ? ~(MSR_EE | MSR_RI) : ~(uint64_t)UINT32_MAX | MSR_LE;
    return finish_move_to_msr(cpu, msr_from(cpu, cpu->s.gpr[insn->t], kept));
}

ExecStatus op_mtmsrd(Cpu *cpu, const Insn *insn)
{
    bool only_ee_ri = INSN_BITS(insn, 15, 15);
    uint64_t kept = only_ee_ri ? ~(MSR_EE | MSR_RI) : MSR_LE;
    return finish_move_to_msr(cpu, msr_from(cpu, cpu->s.gpr[insn->t], kept));
}

static ExecStatus return_to(Cpu *cpu, uint64_t address, uint64_t msr)
{
    set_msr(cpu, msr_from(cpu, msr, 0));
    cpu->s.cia = cpu_ea(cpu, address & ~3ull);
    return is_float_exception_due(cpu) ? raise_float_exception(cpu) : EXEC_BRANCH_BOUNDARY;
}

ExecStatus op_rfid(Cpu *cpu, const Insn *insn)
{
    return return_to(cpu, cpu->s.spr[SPR_SRR0], cpu->s.spr[SPR_SRR1]);
}

ExecStatus op_rfscv(Cpu *cpu, const Insn *insn)
{
    return return_to(cpu, cpu->s.lr, cpu->s.ctr);
}

ExecStatus op_sc(Cpu *cpu, const Insn *insn)
{
    enum { LEVEL_HYPERVISOR = 1 };
    unsigned level = INSN_BITS(insn, 20, 26);
    if (level == LEVEL_HYPERVISOR && cpu->board->hypercall)
        return cpu->board->hypercall(cpu->board_opaque, cpu);
    cpu->s.cia = cpu_ea(cpu, cpu->s.cia + 4);
    return cpu_raise(cpu, VECTOR_SYSTEM_CALL, 0);
}

ExecStatus op_scv(Cpu *cpu, const Insn *insn)
{
    if (!(cpu->s.spr[SPR_FSCR] >> FSCR_SCV & 1))
        return cpu_raise_facility(cpu, FSCR_SCV);
    cpu->s.cia = cpu_ea(cpu, cpu->s.cia + 4);
    return cpu_raise(cpu, VECTOR_SYSTEM_CALL_VECTORED, INSN_BITS(insn, 20, 26));
}

/* --- translation invalidation --------------------------------------------------------------------- */

enum { INVALIDATE_PAGE = 0, INVALIDATE_PROCESS = 1 }; /* RB.IS; 2 and 3: all of the partition */
enum { RIC_WALK_CACHE = 1 };

static ExecStatus invalidate(Cpu *cpu, const Insn *insn)
{
    unsigned ric = INSN_BITS(insn, 12, 13);
    bool process_scoped = INSN_BITS(insn, 14, 14);
    bool radix = INSN_BITS(insn, 15, 15);
    uint64_t rb = cpu->s.gpr[insn->b];
    uint32_t process = (uint32_t)(cpu->s.gpr[insn->t] >> 32);
    if (!process_scoped)
        return cpu_raise_program(cpu, PROGRAM_PRIVILEGED);
    if (ric == RIC_WALK_CACHE)
        return EXEC_NEXT; /* no walk is cached */
    unsigned scope = rb >> 10 & 3;
    if (radix && scope == INVALIDATE_PAGE)
        mmu_invalidate_page(cpu->mmu, process, rb & ~0xfffull);
    else if (radix && scope == INVALIDATE_PROCESS)
        mmu_invalidate_context(cpu->mmu, process);
    else
        mmu_invalidate_all(cpu->mmu);
    return EXEC_BOUNDARY;
}

ExecStatus op_tlbie(Cpu *cpu, const Insn *insn)
{
    return invalidate(cpu, insn);
}

ExecStatus op_tlbiel(Cpu *cpu, const Insn *insn)
{
    return invalidate(cpu, insn);
}

/* One processor, in order: nothing to wait for. */
ExecStatus op_tlbsync(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

/* Segment lookaside instructions change nothing that radix translation uses. */
ExecStatus op_slbia(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

ExecStatus op_slbie(Cpu *cpu, const Insn *insn)
{
    return EXEC_NEXT;
}

/* --- doorbells ------------------------------------------------------------------------------------ */

#define DOORBELL_TYPE(value) ((value) >> 27 & 31)
#define DOORBELL_PRIVILEGED 5
#define DOORBELL_TARGET(value) ((value) & 0x7f)

ExecStatus op_msgsndp(Cpu *cpu, const Insn *insn)
{
    uint64_t message = cpu->s.gpr[insn->b];
    if (DOORBELL_TYPE(message) == DOORBELL_PRIVILEGED && DOORBELL_TARGET(message) == 0)
        cpu->s.doorbell_pending = 1;
    return EXEC_BOUNDARY;
}

ExecStatus op_msgclrp(Cpu *cpu, const Insn *insn)
{
    uint64_t message = cpu->s.gpr[insn->b];
    if (DOORBELL_TYPE(message) == DOORBELL_PRIVILEGED)
        cpu->s.doorbell_pending = 0;
    return EXEC_NEXT;
}
