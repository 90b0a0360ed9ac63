/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts: what is common to all families. How each enters its handlers is in exception-book3.c
 * and exception-classic.c.
 *
 * 1. An instruction that raised an exception has not completed: SRR0 is its own address, except for
 *    sc and scv, which raise theirs as completed.
 */
#include "machine/cpu/exception.h"

#include "machine/clock.h"
#include "machine/cpu/exception-family.h"
#include "machine/cpu/model.h"

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
    cpu->exception = (CpuException){ .vector = VECTOR_ALIGNMENT,
                                     .dar = ea,
                                     .dsisr = cpu->model->exceptions->alignment_dsisr(insn) };
    return EXEC_EXCEPTION;
}

ExecStatus cpu_raise_facility(Cpu *cpu, uint64_t cause)
{
    uint64_t *fscr = &cpu->s.spr[SPR_FSCR];
    *fscr = (*fscr & ~(0xffull << 56)) | cause << 56;
    return cpu_raise(cpu, VECTOR_FACILITY_UNAVAILABLE, 0);
}

void exception_deliver(Cpu *cpu)
{
    cpu->model->exceptions->deliver(cpu);
}

void exception_deliver_trace(Cpu *cpu, uint64_t address)
{
    cpu->model->exceptions->deliver_trace(cpu, address);
}

/* --- asynchronous interrupts --------------------------------------------------------------------
 */

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
    cpu->model->exceptions->deliver_asynchronous(cpu, vector);
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
    cpu->decrementer_is_negative = cpu->model->exceptions->decrementer_is_pending(cpu);
}
