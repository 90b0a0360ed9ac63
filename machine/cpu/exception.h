/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts: entering handlers, and which asynchronous one is due.
 */
#ifndef MACHINE_CPU_EXCEPTION_H
#define MACHINE_CPU_EXCEPTION_H

#include "machine/cpu/cpu.h"

/* Enters the handler of cpu->exception, raised by the instruction at cpu->s.cia. */
void exception_deliver(Cpu *cpu);
/* Enters the trace handler; the instruction at ADDRESS has completed, cia is the next. */
void exception_deliver_trace(Cpu *cpu, uint64_t address);

/* The highest-priority asynchronous interrupt that is pending and enabled, or VECTOR_NONE. */
Vector exception_pending(const Cpu *cpu);
/*
 * Phase 5 of a boundary: enters the handler of exception_pending(), if there is one; wakes a halted
 * processor. Returns what was delivered.
 */
Vector exception_take_pending(Cpu *cpu);

/* The first virtual ns at which the decrementer's sign will change if it is left alone. */
uint64_t exception_decrementer_deadline(const Cpu *cpu);
/* To be called where virtual time may have come to that deadline, before a budget is given. */
void exception_refresh_decrementer(Cpu *cpu);

#endif
