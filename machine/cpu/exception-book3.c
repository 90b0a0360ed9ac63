/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of a 64-bit guest (Power ISA 3.0B, Book III chapter 6).
 *
 * 1. With LPCR.AIL = 2 or 3, interrupts taken with IR = DR = 1 keep relocation and go to the
 *    alternate location; machine check and system reset never do.
 * 2. The decrementer is pending while its sign bit is set, and stops being so when it is written
 *    positive or wraps: a level, not an edge.
 * 3. A guest of a hypervisor cannot change MSR.HV and MSR.ME.
 */
#include "machine/cpu/exception-family.h"
#include "machine/cpu/model.h"

/* MSR bits that SRR1 does not save, because the interrupt puts its own information there. */
#define SRR1_INFORMATION            0x783f0000ull
#define AIL_2_OFFSET                0x0000000000018000ull
#define AIL_3_OFFSET                0xc000000000004000ull
#define SCV_OFFSET                  0x0000000000017000ull
#define SCV_AIL_3_OFFSET            0xc000000000003000ull
#define MSR_KEPT                    (MSR_HV | MSR_ME)
#define SRR1_TRACE_BRANCH_OR_SINGLE (1ull << 30)

static void reset(Cpu *cpu)
{
    cpu->s.msr = MSR_SF | MSR_ME;
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
    cpu->s.cia = (uint64_t)vector + (location == 3   ? AIL_3_OFFSET
                                     : location == 2 ? AIL_2_OFFSET
                                                     : 0);
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

static void deliver(Cpu *cpu)
{
    const CpuException *exception = &cpu->exception;
    switch (exception->vector) {
    case VECTOR_SYSTEM_CALL_VECTORED: enter_system_call_vectored(cpu, exception->srr1); return;
    case VECTOR_DATA_STORAGE:
        cpu->s.spr[SPR_DSISR] = exception->dsisr;
        cpu->s.spr[SPR_DAR] = exception->dar;
        break;
    case VECTOR_DATA_SEGMENT:
    case VECTOR_ALIGNMENT: cpu->s.spr[SPR_DAR] = exception->dar; break;
    default: break;
    }
    enter(cpu, exception->vector, cpu->s.cia, exception->srr1);
}

static void deliver_trace(Cpu *cpu, uint64_t address)
{
    cpu->s.spr[SPR_SIAR] = address;
    enter(cpu, VECTOR_TRACE, cpu->s.cia, SRR1_TRACE_BRANCH_OR_SINGLE);
}

static void deliver_asynchronous(Cpu *cpu, Vector vector)
{
    enter(cpu, vector, cpu->s.cia, 0);
}

static bool decrementer_is_pending(const Cpu *cpu)
{
    return cpu_decrementer(cpu) >> 63;
}

static void decrementer_write(Cpu *cpu, bool negative)
{
}

/* Since ISA 3.0 DSISR is not set by alignment interrupts (deliver leaves it alone). */
static uint32_t alignment_dsisr(const Insn *insn)
{
    return 0;
}

/* Within what the model has; PR forces EE, IR and DR (Book III 3.2.1). */
static uint64_t msr_from(const Cpu *cpu, uint64_t value, uint64_t kept)
{
    kept |= MSR_KEPT | ~cpu->model->msr_mask;
    uint64_t msr = (cpu->s.msr & kept) | (value & ~kept);
    if (msr & MSR_PR)
        msr |= MSR_EE | MSR_IR | MSR_DR;
    return msr;
}

const ExceptionFamily exceptions_book3 = {
    .reset = reset,
    .deliver = deliver,
    .deliver_trace = deliver_trace,
    .deliver_asynchronous = deliver_asynchronous,
    .decrementer_is_pending = decrementer_is_pending,
    .decrementer_write = decrementer_write,
    .alignment_dsisr = alignment_dsisr,
    .msr_from = msr_from,
};
