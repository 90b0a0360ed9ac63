/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions: MSR, returns from interrupts, system calls, translation invalidation,
 * doorbells. (Moves to and from special registers are in spr.c.)
 *
 * Privilege and facilities have been checked at decode.
 */
#include "machine/cpu/board-hooks.h"
#include "machine/cpu/exception-family.h"
#include "machine/cpu/float.h"
#include "machine/cpu/hash32.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

static uint64_t msr_from(const Cpu *cpu, uint64_t value, uint64_t kept)
{
    return cpu->model->exceptions->msr_from(cpu, value, kept);
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

/* With MSR.POW, once the move is done, the processor waits for an interrupt. */
static void nap(Cpu *cpu, uint64_t value)
{
    if (value & MSR_POW && cpu->s.spr[SPR_HID0] & cpu->model->hid0_nap)
        cpu->s.halted = 1;
}

ExecStatus op_mtmsr(Cpu *cpu, const Insn *insn)
{
    if (!cpu->model->is_64bit) {
        ExecStatus status = finish_move_to_msr(cpu, msr_from(cpu, cpu->s.gpr[insn->t], 0));
        if (status == EXEC_BOUNDARY)
            nap(cpu, cpu->s.gpr[insn->t]);
        return status;
    }
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

/* Of 32-bit processors: SRR1 gives back what an interrupt put there. */
ExecStatus op_rfi(Cpu *cpu, const Insn *insn)
{
    enum { SRR1_INFORMATION = 0x783f0000 };
    uint64_t srr1 = cpu->s.spr[SPR_SRR1];
    set_msr(cpu, msr_from(cpu, srr1, SRR1_INFORMATION));
    cpu->s.cia = cpu_ea(cpu, cpu->s.spr[SPR_SRR0] & ~3ull);
    return is_float_exception_due(cpu) ? raise_float_exception(cpu) : EXEC_BRANCH_BOUNDARY;
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

/* --- translation invalidation ----------------------------------------------------------------- */

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

/* --- 32-bit processors: segment registers, translation lookaside buffer ----------------------- */

/*
 * Drops every translation of the congruence class that the address falls into, in all address
 * spaces (MPC7400 UM 5.4.3.2): operating systems rely on 64 of them emptying the buffer.
 */
ExecStatus op_tlbie_g4(Cpu *cpu, const Insn *insn)
{
    hash32_invalidate_class(cpu, (uint32_t)cpu->s.gpr[insn->b]);
    return EXEC_BOUNDARY;
}

static ExecStatus write_segment(Cpu *cpu, unsigned number, uint64_t value)
{
    cpu->s.sr[number] = (uint32_t)value & HASH32_SEGMENT_BITS;
    cpu_mode_changed(cpu);
    return EXEC_BOUNDARY;
}

#define SEGMENT_OF(address) ((address) >> 28 & 15)

ExecStatus op_mtsr(Cpu *cpu, const Insn *insn)
{
    return write_segment(cpu, INSN_BITS(insn, 12, 15), cpu->s.gpr[insn->t]);
}

ExecStatus op_mtsrin(Cpu *cpu, const Insn *insn)
{
    return write_segment(cpu, SEGMENT_OF(cpu->s.gpr[insn->b]), cpu->s.gpr[insn->t]);
}

ExecStatus op_mfsr(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = cpu->s.sr[INSN_BITS(insn, 12, 15)];
    return EXEC_NEXT;
}

ExecStatus op_mfsrin(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = cpu->s.sr[SEGMENT_OF(cpu->s.gpr[insn->b])];
    return EXEC_NEXT;
}

/* --- doorbells -------------------------------------------------------------------------------- */

#define DOORBELL_TYPE(value)   ((value) >> 27 & 31)
#define DOORBELL_PRIVILEGED    5
#define DOORBELL_TARGET(value) ((value)&0x7f)

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
