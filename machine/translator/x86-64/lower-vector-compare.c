/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of integer comparisons: masks, and CR6 for the Rc forms.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void vector_record_by(Recipe *r, HostReg temp, HostReg zero)
{
    asm_mov_imm(r->as, temp, 0);
    asm_mov_imm(r->as, zero, 0);
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec1(r->as, VPTEST, r->t, 3); /* ZF: t & 3 is zero; CF: ~t & 3 is zero */
    asm_setcc(r->as, CC_B, temp);
    asm_setcc(r->as, CC_E, zero);
    asm_shift_imm(r->as, 4, false, temp, 3);
    asm_lea(r->as, false, temp, mem_indexed(temp, zero, 1, 0));
    asm_store8(r->as, cr_mem(6), temp);
    asm_store_imm8(r->as, cr_less_mem(6), CR_IS_IN_STATE);
}

static void record(Recipe *r)
{
    HostReg temp = allocator_temp(&r->low->allocator), zero = allocator_temp(&r->low->allocator);
    vector_record_by(r, temp, zero);
}

void recipe_not_equal_or_zero(Recipe *r)
{
    asm_vec(r->as, VPXOR, 0, 0, 0);
    asm_vec(r->as, r->op, 1, r->a, 0);
    asm_vec(r->as, r->op, 2, r->b, 0);
    asm_vec(r->as, VPOR, 1, 1, 2);
    recipe_not_ab(r);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

/* a > b: not min(a, b) = a; the comparison of this element size is EQUAL. */
static void above(Recipe *r, VecOp equal)
{
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    asm_vec(r->as, equal, r->t, r->t, r->a);
    vector_complement(r, r->t);
}

void recipe_above_b(Recipe *r)
{
    above(r, VEC_0F(0x74));
}

void recipe_above_h(Recipe *r)
{
    above(r, VEC_0F(0x75));
}

void recipe_above_w(Recipe *r)
{
    above(r, VEC_0F(0x76));
}

void recipe_above_d(Recipe *r)
{
    vector_above_d(r, r->t);
}

#define RECORDING(name)                                                                            \
    void recipe_##name##_rc(Recipe *r)                                                             \
    {                                                                                              \
        recipe_##name(r);                                                                          \
        record(r);                                                                                 \
    }
RECORDING(ab)
RECORDING(not_ab)
RECORDING(not_equal_or_zero)
RECORDING(above_b)
RECORDING(above_h)
RECORDING(above_w)
RECORDING(above_d)
