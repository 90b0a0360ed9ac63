/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of integer products, their sums, and sums across.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void recipe_even_w(Recipe *r)
{
    asm_vpsrlq(r->as, 0, r->a, 32);
    asm_vpsrlq(r->as, 1, r->b, 32);
    asm_vec(r->as, r->op, r->t, 0, 1);
}

void recipe_multiply_add_h(Recipe *r)
{
    asm_vec(r->as, VEC_0F(0xd5), 0, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfd), r->t, 0, xmm_read(r->low, r->insn->c));
}

/* Pairs of products of signed halfwords in X and Y, added to SUM. */
static void add_pairs(Recipe *r, Xmm to, Xmm x, Xmm y, Xmm sum)
{
    asm_vec(r->as, VEC_0F(0xf5), x, x, y); /* pmaddwd */
    asm_vec(r->as, VEC_0F(0xfe), to, x, sum);
}

void recipe_sum_h(Recipe *r)
{
    asm_vec(r->as, VEC_0F(0xf5), 0, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfe), r->t, 0, xmm_read(r->low, r->insn->c));
}

void recipe_sum_ub(Recipe *r)
{
    vector_load_words(r->low, 2, 0x00ff00ff);
    asm_vec(r->as, VPAND, 0, r->a, 2);
    asm_vec(r->as, VPAND, 1, r->b, 2);
    add_pairs(r, r->t, 0, 1, xmm_read(r->low, r->insn->c));
    asm_vpsrlw(r->as, 0, r->a, 8);
    asm_vpsrlw(r->as, 1, r->b, 8);
    add_pairs(r, r->t, 0, 1, r->t);
}

/* VRA signed, VRB unsigned. */
void recipe_sum_mb(Recipe *r)
{
    vector_load_words(r->low, 2, 0x00ff00ff);
    asm_vpsllw(r->as, 0, r->a, 8);
    asm_vpsraw(r->as, 0, 0, 8);
    asm_vec(r->as, VPAND, 1, r->b, 2);
    add_pairs(r, r->t, 0, 1, xmm_read(r->low, r->insn->c));
    asm_vpsraw(r->as, 0, r->a, 8);
    asm_vpsrlw(r->as, 1, r->b, 8);
    add_pairs(r, r->t, 0, 1, r->t);
}

/* --- products of bytes and halfwords: the operation is not used ------------------------------- */

/* Of the left element of each pair, and of the right one; zero- or sign-extended to a pair. */
static void left_b(Recipe *r, Xmm to, Xmm from, bool is_signed)
{
    if (is_signed)
        asm_vpsraw(r->as, to, from, 8);
    else
        asm_vpsrlw(r->as, to, from, 8);
}

static void right_b(Recipe *r, Xmm to, Xmm from, bool is_signed)
{
    asm_vpsllw(r->as, to, from, 8);
    left_b(r, to, to, is_signed);
}

static void left_h(Recipe *r, Xmm to, Xmm from, bool is_signed)
{
    if (is_signed)
        asm_vpsrad(r->as, to, from, 16);
    else
        asm_vpsrld(r->as, to, from, 16);
}

static void right_h(Recipe *r, Xmm to, Xmm from, bool is_signed)
{
    asm_vpslld(r->as, to, from, 16);
    left_h(r, to, to, is_signed);
}

#define PRODUCT(name, part, multiply, is_signed)                                                   \
    void recipe_##name(Recipe *r)                                                                  \
    {                                                                                              \
        part(r, 0, r->a, is_signed);                                                               \
        part(r, 1, r->b, is_signed);                                                               \
        asm_vec(r->as, multiply, r->t, 0, 1);                                                      \
    }
PRODUCT(even_ub, left_b, VPMULLW, false)
PRODUCT(even_sb, left_b, VPMULLW, true)
PRODUCT(odd_ub, right_b, VPMULLW, false)
PRODUCT(odd_sb, right_b, VPMULLW, true)
PRODUCT(even_uh, left_h, VPMULLD, false)
PRODUCT(even_sh, left_h, VPMULLD, true)
PRODUCT(odd_uh, right_h, VPMULLD, false)
PRODUCT(odd_sh, right_h, VPMULLD, true)

void recipe_sum_uh(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    recipe_even_uh(r);
    asm_vec(r->as, VPADDD, r->t, r->t, c);
    right_h(r, 0, r->a, false);
    right_h(r, 1, r->b, false);
    asm_vec(r->as, VPMULLD, 0, 0, 1);
    asm_vec(r->as, VPADDD, r->t, r->t, 0);
}

/* To the function if any word of REG is the least one. */
static void check_least(Recipe *r, Xmm reg)
{
    asm_vec_mem(r->as, VPCMPEQD, 3, reg, vector_constant(r, CONSTANT_SIGNS_W));
    asm_vec1(r->as, VPTEST, 3, 3);
    r->stub->site = asm_jcc(r->as, CC_NE);
}

/* The sum of two products is too great for a word only if all four factors are the least ones. */
void recipe_sum_saturate_h(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    asm_vec(r->as, VEC_0F(0xf5), 1, r->a, r->b); /* pmaddwd */
    check_least(r, 1);
    vector_add_signed_words(r, 1, c);
}

/* In xmm0 the upper halves of products, doubled; only of the least number with itself too great. */
static void add_products(Recipe *r, Xmm c)
{
    asm_vec_mem(r->as, VPCMPEQW, 2, r->a, vector_constant(r, CONSTANT_SIGNS_H));
    asm_vec_mem(r->as, VPCMPEQW, 3, r->b, vector_constant(r, CONSTANT_SIGNS_H));
    asm_vec(r->as, VPAND, 2, 2, 3);
    asm_vec1(r->as, VPTEST, 2, 2);
    r->stub->site = asm_jcc(r->as, CC_NE);
    asm_vec(r->as, VEC_0F(0xed), r->t, 0, c); /* paddsw */
    asm_vec(r->as, VPADDW, 2, 0, c);
    vector_saturated_unless_equal(r, r->t, 2);
}

void recipe_multiply_high_add_h(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    asm_vec(r->as, VEC_0F(0xe5), 0, r->a, r->b); /* pmulhw */
    asm_vec(r->as, VPMULLW, 1, r->a, r->b);
    asm_vpsllw(r->as, 0, 0, 1);
    asm_vpsrlw(r->as, 1, 1, 15);
    asm_vec(r->as, VPOR, 0, 0, 1);
    add_products(r, c);
}

void recipe_multiply_round_add_h(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    asm_vec(r->as, VEC_38(0x0b), 0, r->a, r->b); /* pmulhrsw */
    add_products(r, c);
}

/* --- sums across ------------------------------------------------------------------------------ */

/* Sums of the pairs of halfwords in REG. */
static void add_halfwords(Recipe *r, Xmm reg)
{
    vector_load_words(r->low, 2, 0x00010001);
    asm_vec(r->as, VEC_0F(0xf5), reg, reg, 2);
}

void recipe_across_ub(Recipe *r)
{
    vector_load_words(r->low, 0, 0x01010101);
    asm_vec(r->as, VPMADDUBSW, 1, r->a, 0);
    add_halfwords(r, 1);
    /* min(b, ~sum) + sum */
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, 2, 1, 3);
    asm_vec(r->as, VPMINUD, 2, 2, r->b);
    asm_vec(r->as, VPADDD, r->t, 2, 1);
    vector_saturated_unless_equal(r, 2, r->b);
}

void recipe_across_sb(Recipe *r)
{
    vector_load_words(r->low, 0, 0x01010101);
    asm_vec(r->as, VPMADDUBSW, 1, 0, r->a);
    add_halfwords(r, 1);
    vector_add_signed_words(r, 1, r->b);
}

void recipe_across_sh(Recipe *r)
{
    asm_vec1(r->as, VMOVAPS, 1, r->a);
    add_halfwords(r, 1);
    vector_add_signed_words(r, 1, r->b);
}

/* Five words from the state, the last being b's: to the function if their sum is no word. */
void recipe_across_sw(Recipe *r)
{
    HostReg sum = r->temp, next = r->constants;          /* no constants are needed */
    asm_rm(r->as, 0x63, true, sum, vsr_mem(r->insn->b)); /* movsxd */
    for (int i = 0; i < 4; i++) {
        Mem mem = vsr_mem(r->insn->a);
        mem.displacement += 4 * i;
        asm_rm(r->as, 0x63, true, next, mem);
        asm_alu(r->as, ALU_ADD, true, sum, next);
    }
    asm_rr(r->as, 0x63, true, next, sum);
    asm_alu(r->as, ALU_CMP, true, next, sum);
    r->stub->site = asm_jcc(r->as, CC_NE);
    asm_vec1(r->as, VMOVD_TO_XMM, r->t, sum);
}
