/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of carryless products and ciphers.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void recipe_carryless(Recipe *r)
{
    asm_vec_imm(r->as, VPCLMULQDQ, 0, r->a, r->b, 0x00);
    asm_vec_imm(r->as, VPCLMULQDQ, 1, r->a, r->b, 0x11);
    asm_vec(r->as, VPXOR, r->t, 0, 1);
}

/* --- AES: the host has the state's bytes the other way around --------------------------------- */

static void reverse(Recipe *r, Xmm to, Xmm from)
{
    asm_vec(r->as, VPSHUFB, to, from, 3);
}

/* The operation, whose last step is to add the key, which thus may be added behind it. */
void recipe_cipher(Recipe *r)
{
    vector_load_constant(r->low, 3, CONSTANT_REVERSE_Q);
    reverse(r, 0, r->a);
    asm_vec(r->as, VPXOR, 1, 1, 1);
    asm_vec(r->as, r->op, 0, 0, 1);
    reverse(r, 0, 0);
    asm_vec(r->as, VPXOR, r->t, 0, r->b);
}

/* The book adds the key before the columns are mixed, the host's aesdec after it. */
void recipe_inverse_cipher(Recipe *r)
{
    vector_load_constant(r->low, 3, CONSTANT_REVERSE_Q);
    reverse(r, 0, r->a);
    reverse(r, 1, r->b);
    asm_vec(r->as, VEC_38(0xdf), 0, 0, 1); /* aesdeclast */
    asm_vec1(r->as, VEC_38(0xdb), 0, 0);   /* aesimc */
    reverse(r, r->t, 0);
}

/* The last round without a key is the S-box and a permutation. */
void recipe_substitute(Recipe *r)
{
    asm_vec(r->as, VPXOR, 1, 1, 1);
    asm_vec(r->as, VEC_38(0xdd), 0, r->a, 1); /* aesenclast */
    vector_load_constant(r->low, 3, CONSTANT_UNSHIFT_ROWS);
    reverse(r, r->t, 0);
}

/* --- SHA-2 ------------------------------------------------------------------------------------ */

typedef struct {
    uint8_t first, second, third;
} Sigma;

/* TO = a shifted right by COUNT; rotated, unless IS_SHIFT. */
static void rotate_right(Recipe *r, Xmm to, unsigned count, bool wide, bool is_shift)
{
    unsigned opcode = wide ? 0x73 : 0x72, bits = wide ? 64 : 32;
    asm_vec_shift(r->as, opcode, 2, to, r->a, count);
    if (is_shift)
        return;
    asm_vec_shift(r->as, opcode, 6, 3, r->a, bits - count);
    asm_vec(r->as, VPOR, to, to, 3);
}

static void sigma(Recipe *r, Xmm to, const Sigma *amounts, bool wide, bool is_upper)
{
    rotate_right(r, to, amounts->first, wide, false);
    rotate_right(r, 0, amounts->second, wide, false);
    asm_vec(r->as, VPXOR, to, to, 0);
    rotate_right(r, 0, amounts->third, wide, !is_upper);
    asm_vec(r->as, VPXOR, to, to, 0);
}

/* ONES: which halfwords of the result take the second of the two functions. */
static void sigmas(Recipe *r, const Sigma amounts[2], bool wide, unsigned ones)
{
    bool is_upper = INSN_BITS(r->insn, 16, 16);
    if (ones != 0xff)
        sigma(r, 1, &amounts[0], wide, is_upper);
    if (ones != 0)
        sigma(r, 2, &amounts[1], wide, is_upper);
    asm_vec_imm(r->as, VPBLENDW, r->t, ones == 0xff ? 2 : 1, ones == 0 ? 1 : 2, ones);
}

void recipe_sigma_w(Recipe *r)
{
    static const Sigma amounts[2][2] = { { { 7, 18, 3 }, { 17, 19, 10 } },
                                         { { 2, 13, 22 }, { 6, 11, 25 } } };
    unsigned six = INSN_BITS(r->insn, 17, 20), ones = 0;
    for (unsigned i = 0; i < 4; i++)
        ones |= (six >> i & 1) * 3u << 2 * i;
    sigmas(r, amounts[INSN_BITS(r->insn, 16, 16)], false, ones);
}

/* Of the four bits the first counts for doubleword 0, the third for doubleword 1. */
void recipe_sigma_d(Recipe *r)
{
    static const Sigma amounts[2][2] = { { { 1, 8, 7 }, { 19, 61, 6 } },
                                         { { 28, 34, 39 }, { 14, 18, 41 } } };
    unsigned six = INSN_BITS(r->insn, 17, 20);
    unsigned ones = (six >> 1 & 1) * 0x0fu | (six >> 3 & 1) * 0xf0u;
    sigmas(r, amounts[INSN_BITS(r->insn, 16, 16)], true, ones);
}
