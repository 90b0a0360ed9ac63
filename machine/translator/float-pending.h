/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What floating-point operations of translated code have not yet done to FPSCR.
 *
 * FPRF, FR and FI are those of the last operation, and only few programs look. So translated code
 * notes the last operation and its operands (cpu->pending), and FPSCR is brought up to date by
 * doing it again with the interpreter's function. That a result was inexact stays in the host's
 * MXCSR until then.
 *
 * 1. Nothing is pending outside translated code and while a function of the interpreter runs.
 * 2. Only results that raise nothing but XX are left pending, under an FPSCR that rounds to nearest
 *    and enables nothing. All others are the interpreter's from the start.
 * 3. In translated code MXCSR holds no inexact flag that is not the guest's: it is cleared on
 *    entry, and no C code called from there uses floating point. It holds an underflow flag only on
 *    the way to float_settled_rest() or float_settled_call(), which clear it.
 * 4. While a block runs the last operation may be known to its code alone (x86-64/lower-float.h):
 *    every way out of the block notes it first.
 */
#ifndef MACHINE_TRANSLATOR_FLOAT_PENDING_H
#define MACHINE_TRANSLATOR_FLOAT_PENDING_H

#include "machine/translator/block.h"

/* MXCSR of translated code: round to nearest, all exceptions masked, no flags. */
#define FLOAT_MXCSR 0x1f80u

/* Constants for translated code. */
void float_pending_init(Cpu *cpu);

void float_pending_settle(Cpu *cpu);

/* As helper_call(), with nothing pending. */
void float_settled_call(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);
/* As helper_rest(). */
void float_settled_rest(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);

#endif
