/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of a 64-bit guest (Power ISA 3.0B, Book III chapter 6).
 *
 * 1. An instruction that raised an exception has not completed: SRR0 is its own address, except for
 *    sc and scv, which raise theirs as completed.
 * 2. With LPCR.AIL = 2 or 3, interrupts taken with IR = DR = 1 keep relocation and go to the
 *    alternate location; machine check and system reset never do.
 * 3. The decrementer is pending while its sign bit is set, and stops being so when it is written
 *    positive or wraps: a level, not an edge.
 */
#include "machine/cpu/exception.h"

#include "machine/clock.h"
#include "machine/cpu/model.h"

/* MSR bits that SRR1 does not save, because the interrupt puts its own information there. */
#define SRR1_INFORMATION 0x783f0000ull
#define AIL_2_OFFSET 0x0000000000018000ull
#define AIL_3_OFFSET 0xc000000000004000ull
#define SCV_OFFSET 0x0000000000017000ull
#define SCV_AIL_3_OFFSET 0xc000000000003000ull
#define MSR_KEPT (MSR_HV | MSR_ME)
#define SRR1_TRACE_BRANCH_OR_SINGLE (1ull << 30)

ExecStatus cpu_raise(Cpu *cpu, Vector vector, uint64_t srr1)
{
    cpu->exception = (CpuException){ .vector = vector, .srr1 = srr1 };
    return EXEC_EXCEPTION;
}

ExecStatus cpu_raise_program(Cpu *cpu, uint64_t reason)
{
    return cpu_raise(cpu, VECTOR_PROGRAM, reason);
}

ExecStatus cpu_raise_alignment(Cpu *cpu, uint64_t ea, const Insn *insn)
{
    (void)insn; /* since ISA 3.0 DSISR is not set by alignment interrupts */
    cpu->exception = (CpuException){ .vector = VECTOR_ALIGNMENT, .dar = ea };
    return EXEC_EXCEPTION;
}

ExecStatus cpu_raise_facility(Cpu *cpu, uint64_t cause)
{
    uint64_t *fscr = &cpu->s.spr[SPR_FSCR];
    *fscr = (*fscr & ~(0xffull << 56)) | cause << 56;
    return cpu_raise(cpu, VECTOR_FACILITY_UNAVAILABLE, 0);
}

static unsigned alternate_location(const Cpu *cpu, Vector vector)
{
    bool relocated = (cpu->s.msr & (MSR_IR | MSR_DR)) == (MSR_IR | MSR_DR);
    if (!relocated || vector == VECTOR_SYSTEM_RESET || vector == VECTOR_MACHINE_CHECK)
        return 0;
    return (cpu->s.spr[SPR_LPCR] & LPCR_AIL) >> LPCR_AIL_SHIFT;
}

/* The MSR under which handlers start. */
static uint64_t handler_msr(const Cpu *cpu, unsigned location)
{
    uint64_t msr = (cpu->s.msr & MSR_KEPT) | MSR_SF;
    if (cpu->s.spr[SPR_LPCR] & LPCR_ILE)
        msr |= MSR_LE;
    if (location >= 2)
        msr |= MSR_IR | MSR_DR;
    return msr;
}

static void enter(Cpu *cpu, Vector vector, uint64_t return_address, uint64_t srr1)
{
    unsigned location = alternate_location(cpu, vector);
    cpu->s.spr[SPR_SRR0] = return_address;
    cpu->s.spr[SPR_SRR1] = (cpu->s.msr & ~SRR1_INFORMATION) | srr1;
    cpu->s.msr = handler_msr(cpu, location);
    cpu->s.cia = (uint64_t)vector + (location == 3 ? AIL_3_OFFSET : location == 2 ? AIL_2_OFFSET : 0);
    cpu_mode_changed(cpu);
}

/* scv saves into LR and CTR and leaves EE and RI alone (Book III 6.5.27). */
static void enter_system_call_vectored(Cpu *cpu, uint64_t level)
{
    unsigned location = alternate_location(cpu, VECTOR_SYSTEM_CALL_VECTORED);
    cpu->s.lr = cpu->s.cia;
    cpu->s.ctr = cpu->s.msr & ~SRR1_INFORMATION;
    cpu->s.msr = handler_msr(cpu, location) | (cpu->s.msr & (MSR_EE | MSR_RI));
    cpu->s.cia = (location == 3 ? SCV_AIL_3_OFFSET : SCV_OFFSET) + level * 0x20;
    cpu_mode_changed(cpu);
}

void exception_deliver(Cpu *cpu)
{
    const CpuException *exception = &cpu->exception;
    switch (exception->vector) {
    case VECTOR_SYSTEM_CALL_VECTORED:
        enter_system_call_vectored(cpu, exception->srr1);
        return;
    case VECTOR_DATA_STORAGE:
        cpu->s.spr[SPR_DSISR] = exception->dsisr;
        cpu->s.spr[SPR_DAR] = exception->dar;
        break;
    case VECTOR_DATA_SEGMENT:
    case VECTOR_ALIGNMENT:
        cpu->s.spr[SPR_DAR] = exception->dar;
        break;
    default:
        break;
    }
    enter(cpu, exception->vector, cpu->s.cia, exception->srr1);
}

void exception_deliver_trace(Cpu *cpu, uint64_t address)
{
    cpu->s.spr[SPR_SIAR] = address;
    enter(cpu, VECTOR_TRACE, cpu->s.cia, SRR1_TRACE_BRANCH_OR_SINGLE);
}

/* --- asynchronous interrupts -------------------------------------------------------------------- */

Vector exception_pending(const Cpu *cpu)
{
    if (cpu->s.reset_pending)
        return VECTOR_SYSTEM_RESET;
    if (!(cpu->s.msr & MSR_EE))
        return VECTOR_NONE;
    if (cpu->s.external_line)
        return VECTOR_EXTERNAL;
    if (cpu->decrementer_is_negative)
        return VECTOR_DECREMENTER;
    if (cpu->s.doorbell_pending)
        return VECTOR_DOORBELL;
    return VECTOR_NONE;
}

Vector exception_take_pending(Cpu *cpu)
{
    Vector vector = exception_pending(cpu);
    if (vector == VECTOR_NONE)
        return VECTOR_NONE;
    cpu->s.halted = 0;
    if (vector == VECTOR_SYSTEM_RESET)
        cpu->s.reset_pending = 0;
    if (vector == VECTOR_DOORBELL)
        cpu->s.doorbell_pending = 0;
    enter(cpu, vector, cpu->s.cia, 0);
    return vector;
}

uint64_t exception_decrementer_deadline(const Cpu *cpu)
{
    uint64_t ticks_left = (cpu_decrementer(cpu) & 0x7fffffff) + 1;
    uint64_t ticks = cpu_timebase(cpu) - cpu->s.tb_offset + ticks_left;
    return clock_ns_from_ticks(ticks, cpu->model->timebase_hz);
}

void exception_refresh_decrementer(Cpu *cpu)
{
    cpu->decrementer_is_negative = cpu_decrementer(cpu) >> 63;
}
