/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference engine: a predecoded interpreter.
 */
#ifndef MACHINE_CPU_INTERPRETER_H
#define MACHINE_CPU_INTERPRETER_H

#include "machine/cpu/cpu.h"

/*
 * Attempts instructions until cpu->left is used up or something has changed that only a boundary
 * looks at. On return the processor is exactly at a boundary.
 */
void interpreter_run(Cpu *cpu);

/*
 * Attempts instructions until one does not simply follow the other (a branch, an exception, the end
 * of a page or of the budget). False if a boundary must look before the next attempt.
 */
bool interpreter_run_straight(Cpu *cpu);

/*
 * For engines: what is left to do after the instruction at cpu->s.cia was attempted and ended with
 * STATUS: counting it, delivering its exception, moving on. False if a boundary must look now.
 */
bool interpreter_finish_attempt(Cpu *cpu, ExecStatus status);

#endif
