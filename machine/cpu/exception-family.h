/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between processor families in how interrupts are entered. exception.c calls these;
 * what is common to all is there.
 */
#ifndef MACHINE_CPU_EXCEPTION_FAMILY_H
#define MACHINE_CPU_EXCEPTION_FAMILY_H

#include "machine/cpu/cpu.h"

typedef struct ExceptionFamily {
    /* Sets the registers that are not zero at power-on. */
    void (*reset)(Cpu *cpu);
    /* Enters the handler of cpu->exception. */
    void (*deliver)(Cpu *cpu);
    /* Enters the trace handler after the instruction at ADDRESS. */
    void (*deliver_trace)(Cpu *cpu, uint64_t address);
    /* Enters the handler of an asynchronous interrupt; for the decrementer's, it is dealt with. */
    void (*deliver_asynchronous)(Cpu *cpu, Vector vector);
    /* Whether a decrementer interrupt waits (whatever MSR.EE). */
    bool (*decrementer_is_pending)(const Cpu *cpu);
    /* DEC is about to be written with a value of that sign. */
    void (*decrementer_write)(Cpu *cpu, bool negative);
    /* DSISR of an alignment interrupt. */
    uint32_t (*alignment_dsisr)(const Insn *insn);
    /* MSR after a move to it, or a return from an interrupt, that asks for VALUE. */
    uint64_t (*msr_from)(const Cpu *cpu, uint64_t value, uint64_t kept);
} ExceptionFamily;

extern const ExceptionFamily exceptions_book3;   /* 64-bit guests: Power ISA 3.0B, Book III */
extern const ExceptionFamily exceptions_classic; /* 32-bit processors: PEM chapter 6 */

#endif
