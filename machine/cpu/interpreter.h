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

#endif
