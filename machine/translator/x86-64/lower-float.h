/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalar floating point while a block is lowered: what its code knows and the state does not yet.
 *
 * 1. The last arithmetic operation of a block is noted in the state (float-pending.h) where the
 *    block is left, not where it stands: most are followed by another one. Until then the xmm
 *    registers with its operands are kept, and a stub that calls C code notes it first.
 * 2. That it is noted again after a stub came back does no harm: what it does to FPSCR is the same
 *    the second time.
 * 3. FPSCR's control bits are looked at once, by the first operation that depends on them; only
 *    CALLs change them. If they are not plain the interpreter does the rest of the block.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_LOWER_FLOAT_H
#define MACHINE_TRANSLATOR_X86_64_LOWER_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool is_lazy;   /* there is such an operation */
    uint8_t insn;   /* its number in the block */
    uint8_t xmm[4]; /* what its t, a, b, c held; 0: not read */
    bool has_fpcc;  /* a comparison came behind it: pending.fpcc is already right */
} FloatNote;

typedef struct {
    FloatNote note;
    bool is_plain;  /* FPSCR was looked at */
    bool is_marked; /* pending.unsettled was set */
    /* At this place of the code the host's flags are those of a comparison into this CR field. */
    const uint8_t *flags_at;
    uint8_t flags_field;
} FloatState;

#endif
