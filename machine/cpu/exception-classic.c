/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of 32-bit processors (PEM chapter 6; MPC7400 and MPC7450 user's manuals chapter 4).
 *
 * 1. SRR1 gets MSR bits 0, 5-9 and 16-31; the interrupt's own information is in 1-4 and 10-15. rfi
 *    gives the same bits back. Both clear POW.
 * 2. Handlers are at MSR.IP ? 0xfff00000 : 0 and run without translation, with ME and IP as they
 * were (a machine check clears ME).
 * 3. The decrementer interrupt is an edge: DEC's sign going from 0 to 1, by counting or by a write,
 *    latches it, and only taking it clears the latch. What has not been looked at yet is computed
 *    from DEC's history, so it does not depend on when anybody looks.
 */
#include "machine/cpu/exception-family.h"
#include "machine/cpu/model.h"

#define SRR1_SAVED    0x87c0ffffu
#define PREFIX_HIGH   0xfff00000u
#define RESET_ADDRESS 0xfff00100u

static void reset(Cpu *cpu)
{
    cpu->s.msr = MSR_IP;
    cpu->s.cia = RESET_ADDRESS;
    cpu->s.vscr_nj = 1;
    cpu->s.dec_zero_tb = cpu->s.dec_seen_tb = cpu_timebase(cpu);
}

static void enter(Cpu *cpu, Vector vector, uint64_t srr1)
{
    uint64_t msr = cpu->s.msr;
    uint64_t kept = MSR_IP | (vector == VECTOR_MACHINE_CHECK ? 0 : MSR_ME);
    cpu->s.spr[SPR_SRR0] = cpu->s.cia;
    cpu->s.spr[SPR_SRR1] = (msr & SRR1_SAVED) | srr1;
    cpu->s.msr = msr & kept;
    cpu->s.cia = (msr & MSR_IP ? PREFIX_HIGH : 0) + (uint64_t)vector;
    cpu_mode_changed(cpu);
}

static void deliver(Cpu *cpu)
{
    const CpuException *exception = &cpu->exception;
    if (exception->vector == VECTOR_DATA_STORAGE || exception->vector == VECTOR_ALIGNMENT) {
        cpu->s.spr[SPR_DSISR] = exception->dsisr;
        cpu->s.spr[SPR_DAR] = exception->dar;
    }
    enter(cpu, exception->vector, exception->srr1);
}

static void deliver_trace(Cpu *cpu, uint64_t address)
{
    enter(cpu, VECTOR_TRACE, 0);
}

/* --- the decrementer ----------------------------------------------------------------------------
 */

/* How often the sign had gone from 0 to 1 by time base TB, counted from an arbitrary number on. */
static int64_t sign_changes(const Cpu *cpu, uint64_t tb)
{
    return (int64_t)(tb - cpu->s.dec_zero_tb - 1) >> 32;
}

static bool decrementer_is_pending(const Cpu *cpu)
{
    return cpu->s.dec_latch ||
           sign_changes(cpu, cpu_timebase(cpu)) > sign_changes(cpu, cpu->s.dec_seen_tb);
}

static void decrementer_write(Cpu *cpu, bool negative)
{
    bool was_negative = cpu_decrementer(cpu) >> 63;
    cpu->s.dec_latch = decrementer_is_pending(cpu) || (negative && !was_negative);
    cpu->s.dec_seen_tb = cpu_timebase(cpu);
}

static void deliver_asynchronous(Cpu *cpu, Vector vector)
{
    if (vector == VECTOR_DECREMENTER) {
        cpu->s.dec_latch = 0;
        cpu->s.dec_seen_tb = cpu_timebase(cpu);
        cpu->decrementer_is_negative = 0;
    }
    enter(cpu, vector, 0);
}

/* --- the rest --------------------------------------------------------------------------------- */

/*
 * PEM table 6-10. A D form gives bits 5 and 1-4 of its word where an X form gives bits 29-30, 25
 * and 21-24.
 */
static uint32_t alignment_dsisr(const Insn *insn)
{
    enum { PRIMARY_INDEXED = 31 };
    uint32_t registers = INSN_BITS(insn, 6, 15);
    if (insn->word >> 26 == PRIMARY_INDEXED)
        return INSN_BITS(insn, 29, 30) << 15 | INSN_BITS(insn, 25, 25) << 14 |
               INSN_BITS(insn, 21, 24) << 10 | registers;
    return INSN_BITS(insn, 5, 5) << 14 | INSN_BITS(insn, 1, 4) << 10 | registers;
}

/* POW is never held: what it asks for is done by the move (system32.c). */
static uint64_t msr_from(const Cpu *cpu, uint64_t value, uint64_t kept)
{
    uint64_t changeable = cpu->model->msr_mask & ~MSR_POW & ~kept;
    return (cpu->s.msr & ~changeable & ~MSR_POW) | (value & changeable);
}

const ExceptionFamily exceptions_classic = {
    .reset = reset,
    .deliver = deliver,
    .deliver_trace = deliver_trace,
    .deliver_asynchronous = deliver_asynchronous,
    .decrementer_is_pending = decrementer_is_pending,
    .decrementer_write = decrementer_write,
    .alignment_dsisr = alignment_dsisr,
    .msr_from = msr_from,
};
