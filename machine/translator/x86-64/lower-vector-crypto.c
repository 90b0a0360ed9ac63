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
