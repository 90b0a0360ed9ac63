/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of shifts and rotates of elements.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void recipe_shift_w(Recipe *r)
{
    vector_load_words(r->low, 0, 31);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, r->op, r->t, r->a, 0);
}

/* 63 in each doubleword. */
static void load_63(Recipe *r, Xmm reg)
{
    asm_vec(r->as, VPCMPEQD, reg, reg, reg);
    asm_vpsrlq(r->as, reg, reg, 58);
}

void recipe_shift_d(Recipe *r)
{
    load_63(r, 0);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, r->op, r->t, r->a, 0);
}

/* The other way by SIZE - count, which gives zero for a count of 0: the right half then is a
 * itself. */
void recipe_rotate_w(Recipe *r)
{
    vector_load_words(r->low, 0, 31);
    vector_load_words(r->low, 1, 32);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, VEC_0F(0xfa), 1, 1, 0);
    asm_vec(r->as, VEC_38(0x47), r->t, r->a, 0);
    asm_vec(r->as, VEC_38(0x45), 1, r->a, 1);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

void recipe_rotate_d(Recipe *r)
{
    load_63(r, 0);
    asm_vec(r->as, VPCMPEQD, 1, 1, 1);
    asm_vec(r->as, VEC_0F(0xfb), 1, 0, 1); /* 63 - -1 */
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, VEC_0F(0xfb), 1, 1, 0);
    asm_vec(r->as, VEC_38W(0x47), r->t, r->a, 0);
    asm_vec(r->as, VEC_38W(0x45), 1, r->a, 1);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

/* Into xmm1: a power of two for each byte of b, from TABLE by the low three bits. */
static void load_powers(Recipe *r, VectorConstant table)
{
    vector_load_words(r->low, 0, 0x07070707);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    vector_load_constant(r->low, 1, table);
    asm_vec(r->as, VPSHUFB, 1, 1, 0);
}

void recipe_shift_left_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_UP);
    vector_load_words(r->low, 0, 0x00ff00ff);
    asm_vec(r->as, VPANDN, 2, 0, r->a); /* bytes at odd places */
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VEC_0F(0xd5), 2, 2, 3); /* pmullw */
    asm_vec(r->as, VEC_0F(0xd5), 1, r->a, 1);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

void recipe_shift_right_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_DOWN);
    vector_load_words(r->low, 0, 0x00ff00ff);
    asm_vpsrlw(r->as, 2, r->a, 8);
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VEC_0F(0xd5), 2, 2, 3);
    asm_vpsrlw(r->as, 2, 2, 7);
    asm_vpsllw(r->as, 2, 2, 8);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPAND, 3, r->a, 0);
    asm_vec(r->as, VEC_0F(0xd5), 1, 1, 3);
    asm_vpsrlw(r->as, 1, 1, 7);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}
