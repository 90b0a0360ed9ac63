/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of logic, integer arithmetic and counts.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void vector_complement(Recipe *r, Xmm reg)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, reg, reg, 3);
}

void recipe_ab(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->a, r->b);
}

void recipe_ba(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
}

void recipe_not_ab(Recipe *r)
{
    recipe_ab(r);
    vector_complement(r, r->t);
}

void recipe_a_not_b(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, r->t, r->b, 3);
    asm_vec(r->as, r->op, r->t, r->a, r->t);
}

/* SAT becomes 1 unless X equals Y. */
static void saturated_unless_equal(Recipe *r, Xmm x, Xmm y)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    asm_vec(r->as, VPXOR, 3, x, y);
    asm_vec1(r->as, VPTEST, 3, 3);
    asm_setcc(r->as, CC_NE, temp);
    asm_rex(r->as, false, temp, 0, CPU_REG, true);
    asm_byte(r->as, 0x08); /* or byte */
    asm_modrm_mem(r->as, temp, CPU_MEM(s.vscr_sat));
}

void recipe_saturate(Recipe *r)
{
    recipe_ab(r);
    asm_vec(r->as, r->op | 0xf0, 2, r->a, r->b); /* the modulo operation */
    saturated_unless_equal(r, r->t, 2);
}

/* min(a, ~b) + b */
void recipe_saturate_add_w(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, 2, r->b, 3);
    asm_vec(r->as, VEC_38(0x3b), 2, r->a, 2);
    asm_vec(r->as, VEC_0F(0xfe), r->t, 2, r->b);
    saturated_unless_equal(r, 2, r->a);
}

/* max(a, b) - b */
void recipe_saturate_sub_w(Recipe *r)
{
    asm_vec(r->as, VEC_38(0x3f), 2, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfa), r->t, 2, r->b);
    saturated_unless_equal(r, 2, r->a);
}
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
void recipe_population_b(Recipe *r)
{
    vector_load_words(r->low, 0, 0x0f0f0f0f);
    vector_load_constant(r->low, 1, CONSTANT_NIBBLE_COUNTS);
    asm_vec(r->as, VPAND, 2, r->b, 0);
    asm_vec(r->as, VPSHUFB, 2, 1, 2);
    asm_vpsrlw(r->as, 3, r->b, 4);
    asm_vec(r->as, VPAND, 3, 3, 0);
    asm_vec(r->as, VPSHUFB, 1, 1, 3);
    asm_vec(r->as, VEC_0F(0xfc), r->t, 1, 2);
}

void recipe_population_d(Recipe *r)
{
    recipe_population_b(r);
    asm_vec(r->as, VPXOR, 0, 0, 0);
    asm_vec(r->as, VEC_0F(0xf6), r->t, r->t, 0); /* psadbw */
}
