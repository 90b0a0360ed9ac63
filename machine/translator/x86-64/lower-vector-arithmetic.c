/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of logic, sums, averages and extremes of integers.
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

void vector_note_saturation(Recipe *r, HostReg temp)
{
    asm_setcc(r->as, CC_NE, temp);
    asm_rex(r->as, false, temp, 0, CPU_REG, true);
    asm_byte(r->as, 0x08); /* or byte */
    asm_modrm_mem(r->as, temp, CPU_MEM(s.vscr_sat));
}

void vector_saturated_unless_equal(Recipe *r, Xmm x, Xmm y)
{
    HostReg temp = r->stub ? r->temp : allocator_temp(&r->low->allocator);
    asm_vec(r->as, VPXOR, 3, x, y);
    asm_vec1(r->as, VPTEST, 3, 3);
    vector_note_saturation(r, temp);
}

void recipe_saturate(Recipe *r)
{
    recipe_ab(r);
    asm_vec(r->as, r->op | 0xf0, 2, r->a, r->b); /* the modulo operation */
    vector_saturated_unless_equal(r, r->t, 2);
}

/* min(a, ~b) + b */
void recipe_saturate_add_w(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, 2, r->b, 3);
    asm_vec(r->as, VEC_38(0x3b), 2, r->a, 2);
    asm_vec(r->as, VEC_0F(0xfe), r->t, 2, r->b);
    vector_saturated_unless_equal(r, 2, r->a);
}

/* max(a, b) - b */
void recipe_saturate_sub_w(Recipe *r)
{
    asm_vec(r->as, VEC_38(0x3f), 2, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfa), r->t, 2, r->b);
    vector_saturated_unless_equal(r, 2, r->a);
}

/* t where no bit 31 of xmm3 is set, else the bound on the side of X. */
static void bound_words(Recipe *r, Xmm x)
{
    HostReg temp = r->stub ? r->temp : allocator_temp(&r->low->allocator);
    asm_vpsrad(r->as, 3, 3, 31);
    asm_vpsrad(r->as, 0, x, 31);
    asm_vec(r->as, VPCMPEQD, 2, 2, 2);
    asm_vpsrld(r->as, 2, 2, 1);
    asm_vec(r->as, VPXOR, 0, 0, 2);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->t, 0, 3 << 4);
    asm_vec1(r->as, VPTEST, 3, 3);
    vector_note_saturation(r, temp);
}

/* Overflow: the sum has the sign of neither. */
void vector_add_signed_words(Recipe *r, Xmm x, Xmm y)
{
    asm_vec(r->as, VPADDD, r->t, x, y);
    asm_vec(r->as, VPXOR, 3, x, r->t);
    asm_vec(r->as, VPXOR, 2, y, r->t);
    asm_vec(r->as, VPAND, 3, 3, 2);
    bound_words(r, x);
}

void recipe_saturate_add_signed_w(Recipe *r)
{
    vector_add_signed_words(r, r->a, r->b);
}

void recipe_saturate_sub_signed_w(Recipe *r)
{
    asm_vec(r->as, VPSUBD, r->t, r->a, r->b);
    asm_vec(r->as, VPXOR, 3, r->a, r->t);
    asm_vec(r->as, VPXOR, 2, r->a, r->b);
    asm_vec(r->as, VPAND, 3, 3, 2);
    bound_words(r, r->a);
}

/* Carries: b > ~a; not borrowed: a >= b. */
void recipe_carry_w(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, 0, r->a, 3);
    asm_vec(r->as, VPMINUD, 0, 0, r->b);
    asm_vec(r->as, VPCMPEQD, 0, 0, r->b);
    asm_vec(r->as, VPSUBD, r->t, 0, 3);
}

void recipe_no_borrow_w(Recipe *r)
{
    asm_vec(r->as, VPMAXUD, 0, r->a, r->b);
    asm_vec(r->as, VPCMPEQD, 0, 0, r->a);
    asm_vec(r->as, VPXOR, 3, 3, 3);
    asm_vec(r->as, VPSUBD, r->t, 3, 0);
}

void recipe_negate(Recipe *r)
{
    asm_vec(r->as, VPXOR, 3, 3, 3);
    asm_vec(r->as, r->op, r->t, 3, r->b);
}

/* --- averages round up; differences ----------------------------------------------------------- */

/* Of signed ones: as unsigned, with 0x80... added to all. */
static void average_signed(Recipe *r, uint32_t signs)
{
    vector_load_words(r->low, 0, signs);
    asm_vec(r->as, VPXOR, 1, r->a, 0);
    asm_vec(r->as, VPXOR, 2, r->b, 0);
    asm_vec(r->as, r->op, 1, 1, 2);
    asm_vec(r->as, VPXOR, r->t, 1, 0);
}

void recipe_average_signed_b(Recipe *r)
{
    average_signed(r, 0x80808080);
}

void recipe_average_signed_h(Recipe *r)
{
    average_signed(r, 0x80008000);
}

/* (a | b) - ((a ^ b) >> 1) */
static void average_words(Recipe *r, bool is_signed)
{
    asm_vec(r->as, VPOR, 0, r->a, r->b);
    asm_vec(r->as, VPXOR, 1, r->a, r->b);
    if (is_signed)
        asm_vpsrad(r->as, 1, 1, 1);
    else
        asm_vpsrld(r->as, 1, 1, 1);
    asm_vec(r->as, VPSUBD, r->t, 0, 1);
}

void recipe_average_w(Recipe *r)
{
    average_words(r, false);
}

void recipe_average_signed_w(Recipe *r)
{
    average_words(r, true);
}

static void difference(Recipe *r, VecOp maximum, VecOp minimum, VecOp subtract)
{
    asm_vec(r->as, maximum, 0, r->a, r->b);
    asm_vec(r->as, minimum, 1, r->a, r->b);
    asm_vec(r->as, subtract, r->t, 0, 1);
}

void recipe_difference_b(Recipe *r)
{
    difference(r, VEC_0F(0xde), VEC_0F(0xda), VPSUBB);
}

void recipe_difference_h(Recipe *r)
{
    difference(r, VEC_38(0x3e), VPMINUW, VPSUBW);
}

void recipe_difference_w(Recipe *r)
{
    difference(r, VPMAXUD, VPMINUD, VPSUBD);
}

/* --- doublewords ------------------------------------------------------------------------------ */

/* a > b, unsigned. */
void vector_above_d(Recipe *r, Xmm to)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vpsllq(r->as, 3, 3, 63);
    asm_vec(r->as, VPXOR, 1, r->a, 3);
    asm_vec(r->as, VPXOR, 2, r->b, 3);
    asm_vec(r->as, VPCMPGTQ, to, 1, 2);
}

void recipe_maximum_d(Recipe *r)
{
    asm_vec(r->as, VPCMPGTQ, 0, r->a, r->b);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->b, r->a, 0 << 4);
}

void recipe_minimum_d(Recipe *r)
{
    asm_vec(r->as, VPCMPGTQ, 0, r->a, r->b);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->a, r->b, 0 << 4);
}

void recipe_maximum_unsigned_d(Recipe *r)
{
    vector_above_d(r, 0);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->b, r->a, 0 << 4);
}

void recipe_minimum_unsigned_d(Recipe *r)
{
    vector_above_d(r, 0);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->a, r->b, 0 << 4);
}
