/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes that count bits: ones, leading and trailing zeros.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

/* t = the ones in each byte of FROM, which may be t. */
static void count_bytes(Recipe *r, Xmm from)
{
    vector_load_words(r->low, 0, 0x0f0f0f0f);
    vector_load_constant(r->low, 1, CONSTANT_NIBBLE_COUNTS);
    asm_vec(r->as, VPAND, 2, from, 0);
    asm_vec(r->as, VPSHUFB, 2, 1, 2);
    asm_vpsrlw(r->as, 3, from, 4);
    asm_vec(r->as, VPAND, 3, 3, 0);
    asm_vec(r->as, VPSHUFB, 1, 1, 3);
    asm_vec(r->as, VPADDB, r->t, 1, 2);
}

static void count_halfwords(Recipe *r, Xmm from)
{
    count_bytes(r, from);
    vector_load_words(r->low, 0, 0x01010101);
    asm_vec(r->as, VPMADDUBSW, r->t, r->t, 0);
}

static void count_words(Recipe *r, Xmm from)
{
    count_halfwords(r, from);
    vector_load_words(r->low, 0, 0x00010001);
    asm_vec(r->as, VEC_0F(0xf5), r->t, r->t, 0); /* pmaddwd */
}

static void count_doublewords(Recipe *r, Xmm from)
{
    count_bytes(r, from);
    asm_vec(r->as, VPXOR, 0, 0, 0);
    asm_vec(r->as, VEC_0F(0xf6), r->t, r->t, 0); /* psadbw */
}

#define POPULATION(letter, count)                                                                  \
    void recipe_population_##letter(Recipe *r)                                                     \
    {                                                                                              \
        count(r, r->b);                                                                            \
    }
POPULATION(b, count_bytes)
POPULATION(h, count_halfwords)
POPULATION(w, count_words)
POPULATION(d, count_doublewords)

/* Trailing zeros are the ones of ~b & (b - 1). */
#define TRAILING(letter, count, add)                                                               \
    void recipe_trailing_##letter(Recipe *r)                                                       \
    {                                                                                              \
        asm_vec(r->as, VPCMPEQD, 3, 3, 3);                                                         \
        asm_vec(r->as, add, r->t, r->b, 3);                                                        \
        asm_vec(r->as, VPANDN, r->t, r->b, r->t);                                                  \
        count(r, r->t);                                                                            \
    }
TRAILING(b, count_bytes, VPADDB)
TRAILING(h, count_halfwords, VPADDW)
TRAILING(w, count_words, VPADDD)
TRAILING(d, count_doublewords, VPADDQ)

/* Leading zeros are the zeros of b with all bits right of a one set. SHIFT: opcode of a shift. */
static void spread_ones(Recipe *r, unsigned shift, unsigned width)
{
    asm_vec1(r->as, VMOVAPS, r->t, r->b);
    for (unsigned count = 1; count < width; count *= 2) {
        asm_vec_shift(r->as, shift, 2, 0, r->t, count);
        if (width == 8) {
            vector_load_words(r->low, 1, 0x01010101 * (0xff >> count));
            asm_vec(r->as, VPAND, 0, 0, 1);
        }
        asm_vec(r->as, VPOR, r->t, r->t, 0);
    }
    vector_complement(r, r->t);
}

#define LEADING(letter, count, shift, width)                                                       \
    void recipe_leading_##letter(Recipe *r)                                                        \
    {                                                                                              \
        spread_ones(r, shift, width);                                                              \
        count(r, r->t);                                                                            \
    }
LEADING(b, count_bytes, 0x71, 8)
LEADING(h, count_halfwords, 0x71, 16)
LEADING(w, count_words, 0x72, 32)
LEADING(d, count_doublewords, 0x73, 64)
