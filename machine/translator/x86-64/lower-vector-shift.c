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

/* Rotated right by 8: a byte's overflow is in the other byte of its halfword. */
static void fold_halfwords(Recipe *r, Xmm reg)
{
    asm_vpsrlw(r->as, 3, reg, 8);
    asm_vec(r->as, VPOR, reg, reg, 3);
}

void recipe_rotate_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_UP);
    vector_load_words(r->low, 0, 0x00ff00ff);
    asm_vpsrlw(r->as, 2, r->a, 8);
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VPMULLW, 2, 2, 3);
    fold_halfwords(r, 2);
    asm_vpsllw(r->as, 2, 2, 8);
    asm_vec(r->as, VPAND, 3, r->a, 0);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPMULLW, 1, 1, 3);
    fold_halfwords(r, 1);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

/* Times 2 to the 7 - count, shifted right by 7. */
void recipe_shift_signed_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_DOWN);
    vector_load_words(r->low, 0, 0x00ff00ff);
    asm_vpsraw(r->as, 2, r->a, 8);
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VPMULLW, 2, 2, 3);
    asm_vpsraw(r->as, 2, 2, 7);
    asm_vpsllw(r->as, 2, 2, 8);
    asm_vpsllw(r->as, 3, r->a, 8);
    asm_vpsraw(r->as, 3, 3, 8);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPMULLW, 1, 1, 3);
    asm_vpsraw(r->as, 1, 1, 7);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

/* --- halfwords, as words: of each pair one in xmm1, the other in xmm2 ------------------------- */

/* The counts of the right ones into xmm1, of the left ones into xmm0. */
static void load_halfword_counts(Recipe *r)
{
    vector_load_words(r->low, 0, 0x000f000f);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vpslld(r->as, 1, 0, 16);
    asm_vpsrld(r->as, 1, 1, 16);
    asm_vpsrld(r->as, 0, 0, 16);
}

/* The lower halves of xmm1, the upper ones of xmm2. */
static void join_halfwords(Recipe *r)
{
    asm_vec_imm(r->as, VPBLENDW, r->t, 1, 2, 0xaa);
}

void recipe_shift_left_h(Recipe *r)
{
    load_halfword_counts(r);
    asm_vec(r->as, VPSLLVD, 1, r->a, 1);
    asm_vpsrld(r->as, 2, r->a, 16);
    asm_vpslld(r->as, 2, 2, 16);
    asm_vec(r->as, VPSLLVD, 2, 2, 0);
    join_halfwords(r);
}

void recipe_shift_right_h(Recipe *r)
{
    load_halfword_counts(r);
    asm_vpslld(r->as, 2, r->a, 16);
    asm_vpsrld(r->as, 2, 2, 16);
    asm_vec(r->as, VPSRLVD, 1, 2, 1);
    asm_vec(r->as, VPSRLVD, 2, r->a, 0);
    join_halfwords(r);
}

void recipe_shift_signed_h(Recipe *r)
{
    load_halfword_counts(r);
    asm_vpslld(r->as, 2, r->a, 16);
    asm_vec(r->as, VPSRAVD, 1, 2, 1);
    asm_vpsrld(r->as, 1, 1, 16);
    asm_vec(r->as, VPSRAVD, 2, r->a, 0);
    join_halfwords(r);
}

/* A halfword twice, shifted left: what leaves the upper copy comes back from the lower one. */
void recipe_rotate_h(Recipe *r)
{
    load_halfword_counts(r);
    asm_vec_imm(r->as, VPSHUFLW, 2, 0, r->a, 0xa0);
    asm_vec_imm(r->as, VPSHUFHW, 2, 0, 2, 0xa0);
    asm_vec(r->as, VPSLLVD, 1, 2, 1);
    asm_vpsrld(r->as, 1, 1, 16);
    asm_vec_imm(r->as, VPSHUFLW, 2, 0, r->a, 0xf5);
    asm_vec_imm(r->as, VPSHUFHW, 2, 0, 2, 0xf5);
    asm_vec(r->as, VPSLLVD, 2, 2, 0);
    join_halfwords(r);
}

/* By way of the complement for negative ones. */
void recipe_shift_signed_d(Recipe *r)
{
    load_63(r, 0);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, VPXOR, 1, 1, 1);
    asm_vec(r->as, VPCMPGTQ, 1, 1, r->a);
    asm_vec(r->as, VPXOR, 2, r->a, 1);
    asm_vec(r->as, VPSRLVQ, 2, 2, 0);
    asm_vec(r->as, VPXOR, r->t, 2, 1);
}

/* --- the whole register ----------------------------------------------------------------------- */

/* The count, 0 to 7, into xmm0, and 64 less it into xmm1. */
static void load_bit_count(Recipe *r)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    asm_mov_imm(r->as, temp, 7);
    asm_vec1(r->as, VMOVD_TO_XMM, 0, temp);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_mov_imm(r->as, temp, 64);
    asm_vec1(r->as, VMOVD_TO_XMM, 1, temp);
    asm_vec(r->as, VPSUBQ, 1, 1, 0);
}

void recipe_shift_left_q(Recipe *r)
{
    load_bit_count(r);
    asm_vpslldq(r->as, 2, r->a, 8);
    asm_vec(r->as, VPSRLQ, 2, 2, 1);
    asm_vec(r->as, VPSLLQ, r->t, r->a, 0);
    asm_vec(r->as, VPOR, r->t, r->t, 2);
}

void recipe_shift_right_q(Recipe *r)
{
    load_bit_count(r);
    asm_vpsrldq(r->as, 2, r->a, 8);
    asm_vec(r->as, VPSLLQ, 2, 2, 1);
    asm_vec(r->as, VPSRLQ, r->t, r->a, 0);
    asm_vec(r->as, VPOR, r->t, r->t, 2);
}

/* The count of bytes into all of xmm0. */
static void load_byte_count(Recipe *r)
{
    asm_vpsrlw(r->as, 0, r->b, 3);
    vector_load_words(r->low, 1, 0x0f0f0f0f);
    asm_vec(r->as, VPAND, 0, 0, 1);
    asm_vec(r->as, VPXOR, 1, 1, 1);
    asm_vec(r->as, VPSHUFB, 0, 0, 1);
}

/* Byte numbers with bit 7 give zero: those below 0, and those from 0x80 on. */
void recipe_shift_left_bytes(Recipe *r)
{
    load_byte_count(r);
    vector_load_constant(r->low, 1, CONSTANT_NUMBERS);
    asm_vec(r->as, VPSUBB, 1, 1, 0);
    asm_vec(r->as, VPSHUFB, r->t, r->a, 1);
}

void recipe_shift_right_bytes(Recipe *r)
{
    load_byte_count(r);
    vector_load_constant(r->low, 1, CONSTANT_NUMBERS_70);
    asm_vec(r->as, VPADDB, 1, 1, 0);
    asm_vec(r->as, VPSHUFB, r->t, r->a, 1);
}
