/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pseudo-random operands for vector instructions, the same on every machine.
 *
 * Included by the unit test and by vector-oracle.c, which runs the same instructions elsewhere; so
 * it uses nothing but the language. Values are drawn from several families, since random bits alone
 * would rarely be equal, saturate, or be decimal.
 */
#ifndef TESTS_CPU_VECTOR_CASES_H
#define TESTS_CPU_VECTOR_CASES_H

#include <stdint.h>

enum { CASE_COUNT = 400, CASE_MEMORY = 128 };

/* What a row of vector-golden.def needs of its operands. */
enum {
    CASE_DECIMAL =
        1,          /* mostly valid decimal numbers; the result of an invalid one is not compared */
    CASE_INDEX = 2, /* RA names a byte, at most 12 */
    CASE_STORAGE = 4,  /* RA is the address of the memory, RB an offset */
    CASE_LENGTH = 8,   /* RB is a length in its first byte */
    CASE_SCALAR = 16,  /* doubleword 1 of the result is undefined and not compared */
    CASE_VALID = 32,   /* VRA and VRB are valid decimal numbers */
    CASE_COUNTED = 64, /* halfword 3 of VRA holds a byte, a small signed count */
    CASE_NO_CR = 128,  /* the condition field is not compared, but for an invalid operand */
};

typedef struct {
    uint64_t v[4][2]; /* VRT, VRA, VRB, VRC: doublewords 0 and 1 */
    uint64_t gpr[4];  /* r4 (RA), r5 (RB), r6 (a target), 0 */
    uint64_t cr, zero;
    uint64_t vscr[2];
} VectorCase;

static uint64_t case_seed;

static uint64_t case_random(void)
{
    uint64_t z = case_seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned case_below(unsigned limit)
{
    return (unsigned)(case_random() % limit);
}

enum {
    FAMILY_EDGES,
    FAMILY_ONES,
    FAMILY_DECIMAL,
    FAMILY_ZONED,
    FAMILY_ZONED_EBCDIC,
    FAMILY_NATIONAL,
    FAMILY_SPARSE,
    FAMILY_SMALL,
    FAMILY_ALL_ONES,
    FAMILY_RANDOM,
    FAMILY_COUNT
};

static uint64_t case_byte(unsigned family, unsigned i)
{
    static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x81, 2 };
    switch (family) {
    case FAMILY_EDGES: return edges[case_below(8)];
    case FAMILY_ONES: return case_below(2) ? 0 : 0xff;
    case FAMILY_DECIMAL: {
        uint64_t tens = case_below(10);
        return tens << 4 | case_below(10);
    }
    case FAMILY_ZONED: return 0x30 + case_below(10);
    case FAMILY_ZONED_EBCDIC: return 0xf0 + case_below(10);
    case FAMILY_NATIONAL: return i & 1 ? 0x30 + case_below(10) : 0;
    case FAMILY_SPARSE: return case_below(4) ? 0 : case_below(256);
    default: return case_below(256);
    }
}

/* Signs where decimal formats have them; many small numbers, and the largest. */
static void case_decimal_ends(unsigned family, uint64_t *value)
{
    static const uint8_t signs[] = { 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0xc, 0x3 };
    if (family == FAMILY_DECIMAL) {
        unsigned shape = case_below(8);
        value[1] = (value[1] & ~15ull) | signs[case_below(8)];
        if (shape < 3)
            value[0] = 0;
        if (shape < 2)
            value[1] &= shape ? 15 : 0xff;
        if (shape == 7)
            value[0] = 0x9999999999999999ull;
    } else if (family == FAMILY_ZONED || family == FAMILY_ZONED_EBCDIC) {
        value[1] = (value[1] & ~0xf0ull) | (uint64_t)case_below(16) << 4;
    } else if (family == FAMILY_NATIONAL) {
        value[1] = (value[1] & ~0xffffull) | (case_below(2) ? 0x2b : 0x2d);
    }
}

static void case_value(uint64_t *value)
{
    unsigned family = case_below(FAMILY_COUNT);
    for (unsigned half = 0; half < 2; half++) {
        value[half] = 0;
        for (unsigned i = 0; i < 8; i++)
            value[half] = value[half] << 8 | case_byte(family, i);
    }
    case_decimal_ends(family, value);
    if (family == FAMILY_SMALL) {
        value[0] = 0;
        value[1] >>= case_below(64);
    } else if (family == FAMILY_ALL_ONES) {
        value[0] = value[1] = ~0ull;
    }
}

static int case_is_decimal(const uint64_t *value)
{
    for (unsigned i = 0; i < 31; i++)
        if ((value[i >> 4] >> (60 - 4 * (i & 15)) & 15) > 9)
            return 0;
    return (value[1] & 15) >= 10;
}

static void case_signed_decimal(uint64_t *value)
{
    do
        case_value(value);
    while (!case_is_decimal(value));
}

/* Decimal operands: a small count in byte 7 and halfword 3 of VRA, or numbers in both. */
static void case_decimal(VectorCase *c, unsigned k)
{
    uint64_t count = case_below(70) - 35;
    c->v[1][0] = (c->v[1][0] & ~0xffffull) | (count & (k & 4 ? 0x3f : 0xffff));
    if ((k & 3) > 1)
        case_signed_decimal(c->v[2]);
    if ((k & 7) == 3)
        case_signed_decimal(c->v[1]);
}

static void case_make(VectorCase *c, unsigned k, unsigned needs, uint8_t *memory)
{
    case_seed = 0x1234567ull * (k + 1);
    for (unsigned i = 0; i < 4; i++)
        case_value(c->v[i]);
    for (unsigned i = 0; i < 2; i++)
        if ((k & 7) == 5 + i)
            c->v[2][0] = c->v[1][0], c->v[2][1] = i ? c->v[2][1] : c->v[1][1];
    if ((needs & CASE_DECIMAL) && (k & 3))
        case_decimal(c, k);
    if (needs & CASE_VALID)
        case_signed_decimal(c->v[1]), case_signed_decimal(c->v[2]);
    if (needs & CASE_COUNTED)
        c->v[1][0] = (c->v[1][0] & ~0xffffull) | (((uint64_t)case_below(70) - 35) & 0xff);
    for (unsigned i = 0; i < 3; i++)
        c->gpr[i] = case_random();
    c->gpr[3] = c->cr = c->zero = c->vscr[0] = 0;
    c->vscr[1] = case_below(2) ? 0x10000 : 0;
    c->vscr[1] |= case_below(4) == 0;
    if (needs & CASE_INDEX)
        c->gpr[0] = (c->gpr[0] & ~15ull) | case_below(13);
    for (unsigned i = 0; i < CASE_MEMORY; i++)
        memory[i] = (uint8_t)case_random();
    if (needs & CASE_LENGTH)
        c->gpr[1] = (uint64_t)case_below(20) << 56 | c->gpr[1] >> 8;
    else if (needs & CASE_STORAGE)
        c->gpr[1] = case_below(48);
}

/* FNV-1a of the bytes of VALUE, most significant first. */
static uint64_t case_digest(uint64_t digest, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        digest = (digest ^ (value >> (56 - 8 * i) & 0xff)) * 1099511628211ull;
    return digest;
}

#define CASE_DIGEST_START 1469598103934665603ull

/* What an instruction left behind. The condition field is CR6. */
static uint64_t case_outcome(uint64_t digest, const VectorCase *c, unsigned needs,
                             const uint8_t *memory)
{
    const int invalid = (needs & CASE_DECIMAL) && c->cr == 1;
    digest = case_digest(digest, invalid ? 0 : c->v[0][0]);
    digest = case_digest(digest, invalid || needs & CASE_SCALAR ? 0 : c->v[0][1]);
    for (unsigned i = needs & CASE_STORAGE ? 1 : 0; i < 3; i++)
        digest = case_digest(digest, c->gpr[i]);
    digest = case_digest(digest, needs & CASE_NO_CR && !invalid ? 0 : c->cr);
    digest = case_digest(digest, c->vscr[1]);
    for (unsigned i = 0; i < CASE_MEMORY; i += 8) {
        uint64_t bytes = 0;
        for (unsigned j = 0; j < 8; j++)
            bytes = bytes << 8 | memory[i + j];
        digest = case_digest(digest, bytes);
    }
    return digest;
}

#endif
