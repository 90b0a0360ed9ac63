/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binary floating point in integers: exact arithmetic on unpacked numbers, rounded once.
 *
 * A Float is a number of any format (half, single, double, quad), unpacked. Arithmetic functions
 * return the exact result, or one that rounds as the exact result does (see invariant 2); then
 * float_round() makes it a number of the wanted format and float_pack() its bits. What was noticed
 * on the way is collected in a FloatContext as FPSCR bits; float-status.h merges them into a
 * processor.
 *
 * 1. A finite Float is normalised: bit 127 of its significand is set. Denormal numbers are unpacked
 *    to smaller exponents.
 * 2. Bit 0 of an arithmetic result is sticky: set if anything below it was lost. No format has more
 *    than 113 bits, so rounding decides alike.
 * 3. No host floating point, no libm, no tables of a host: the same bits everywhere.
 */
#ifndef MACHINE_CPU_FLOAT_H
#define MACHINE_CPU_FLOAT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 Uint128;

#define UINT128(high, low) ((Uint128)(high) << 64 | (low))

/* FPSCR bits (Power ISA 3.0B, Book I 4.2.2). */
#define FPSCR_FX         0x80000000u
#define FPSCR_FEX        0x40000000u
#define FPSCR_VX         0x20000000u
#define FPSCR_OX         0x10000000u
#define FPSCR_UX         0x08000000u
#define FPSCR_ZX         0x04000000u
#define FPSCR_XX         0x02000000u
#define FPSCR_VXSNAN     0x01000000u
#define FPSCR_VXISI      0x00800000u
#define FPSCR_VXIDI      0x00400000u
#define FPSCR_VXZDZ      0x00200000u
#define FPSCR_VXIMZ      0x00100000u
#define FPSCR_VXVC       0x00080000u
#define FPSCR_FR         0x00040000u
#define FPSCR_FI         0x00020000u
#define FPSCR_FPRF       0x0001f000u
#define FPSCR_FPRF_SHIFT 12
#define FPSCR_FPCC       0x0000f000u
#define FPSCR_VXSOFT     0x00000400u
#define FPSCR_VXSQRT     0x00000200u
#define FPSCR_VXCVI      0x00000100u
#define FPSCR_VE         0x00000080u
#define FPSCR_OE         0x00000040u
#define FPSCR_UE         0x00000020u
#define FPSCR_ZE         0x00000010u
#define FPSCR_XE         0x00000008u
#define FPSCR_NI         0x00000004u
#define FPSCR_RN         0x00000003u
#define FPSCR_DRN        (7ull << 32)

/* All invalid operation bits, and all bits that setting FX goes with. */
#define FPSCR_VX_ALL     0x01f80700u
#define FPSCR_EXCEPTIONS (FPSCR_VX_ALL | FPSCR_OX | FPSCR_UX | FPSCR_ZX | FPSCR_XX)

/* The first four have the values of FPSCR.RN. */
typedef enum {
    FLOAT_NEAREST, /* ties to even */
    FLOAT_TO_ZERO,
    FLOAT_UP,
    FLOAT_DOWN,
    FLOAT_TO_ODD,       /* inexact results get a last bit of 1 */
    FLOAT_NEAREST_AWAY, /* ties away from zero */
} FloatRounding;

typedef enum { FLOAT_ZERO, FLOAT_FINITE, FLOAT_INFINITY, FLOAT_NAN } FloatKind;

typedef struct {
    Uint128 significand; /* finite: 1.xxx with the 1 in bit 127; NaN: as packed, bit 126 is quiet */
    int32_t exponent;    /* finite: the value is significand / 2^127 * 2^exponent */
    uint8_t kind;        /* FloatKind */
    uint8_t sign;        /* 1: negative */
} Float;

typedef struct {
    int precision; /* bits of the significand, the implied one included */
    int exponent_bits;
    int bias;
    int scale; /* how far enabled overflow and underflow move the exponent */
} FloatFormat;

static const FloatFormat float_half = { 11, 5, 15, 0 };
static const FloatFormat float_single = { 24, 8, 127, 192 };
static const FloatFormat float_double = { 53, 11, 1023, 1536 };
static const FloatFormat float_quad = { 113, 15, 16383, 24576 };

typedef struct {
    uint32_t raised;  /* FPSCR exception bits, FR and FI of this operation */
    uint8_t rounding; /* FloatRounding */
    uint8_t scaling;  /* FPSCR_OE | FPSCR_UE: results out of range are scaled */
    uint8_t flushing; /* VMX with VSCR.NJ: tiny results become zero */
    uint8_t wide;     /* quad: quotients and roots need more than 64 bits */
} FloatContext;

/* The bits of a number in FORMAT, in the low bits. */
Float float_unpack(const FloatFormat *format, Uint128 bits);
/*
 * The reverse. X must fit FORMAT after truncation of a NaN's payload; an exponent out of range
 * (which only scaled results have) keeps its low bits.
 */
Uint128 float_pack(const FloatFormat *format, Float x);
static inline Float float_unpack_double(uint64_t bits);
static inline uint64_t float_pack_double(Float x);
static inline Float float_unpack_single(uint32_t bits);
static inline uint32_t float_pack_single(Float x);

/*
 * Rounds X to FORMAT under CONTEXT: sets FI and FR, raises XX, OX and UX. Tininess is detected
 * before rounding. FR says that the magnitude grew; of an overflow, that the result is infinite.
 */
static inline Float float_round(FloatContext *context, const FloatFormat *format, Float x);
/* The FPRF code (5 bits) of X, a number of FORMAT. */
static inline unsigned float_class(const FloatFormat *format, Float x);

/*
 * Arithmetic. NaN operands are taken in the order A, B, C and come back quiet; SNaNs raise VXSNAN.
 * A generated NaN is positive with a zero payload.
 */
static inline Float float_add(FloatContext *context, Float a, Float b);
static inline Float float_subtract(FloatContext *context, Float a, Float b);
static inline Float float_multiply(FloatContext *context, Float a, Float b);
/* A * C + B, or A * C - B. */
static inline Float float_multiply_add(FloatContext *context, Float a, Float c, Float b,
                                       bool subtract);
Float float_divide(FloatContext *context, Float a, Float b);
Float float_square_root(FloatContext *context, Float a);
/*
 * Estimates: 1 / A, and 1 / R for R the root of A rounded to FORMAT. The book allows any value near
 * enough; this one is the same on every host.
 */
Float float_reciprocal(FloatContext *context, Float a);
Float float_reciprocal_root(FloatContext *context, const FloatFormat *format, Float a);

/* A quieted copy of the NaN A; raises VXSNAN if it was signalling. */
Float float_quiet(FloatContext *context, Float a);
/* A, quieted if it is a NaN. */
Float float_quieted(FloatContext *context, Float a);

static inline bool float_is_signalling(Float a)
{
    return a.kind == FLOAT_NAN && !((uint64_t)(a.significand >> 64) >> 62 & 1);
}

Float float_default_nan(void);

static inline Float float_zero(unsigned sign)
{
    return (Float){ .kind = FLOAT_ZERO, .sign = (uint8_t)sign };
}

static inline Float float_infinity(unsigned sign)
{
    return (Float){ .kind = FLOAT_INFINITY, .sign = (uint8_t)sign };
}

/* -A, except that NaNs keep their sign. */
static inline Float float_negate_number(Float a)
{
    a.sign ^= a.kind != FLOAT_NAN;
    return a;
}

/* How A relates to B, as a CR field: 8 less, 4 greater, 2 equal, 1 unordered. Raises nothing. */
unsigned float_compare(Float a, Float b);

/* Integers to numbers: exact. */
Float float_from_unsigned(uint64_t value);
Float float_from_signed(int64_t value);
/*
 * X to an integer of WIDTH (8-64) bits, in the low bits, sign-extended if IS_SIGNED. Out of range:
 * the nearest bound and VXCVI. NaN: the least value and VXCVI (and VXSNAN).
 */
uint64_t float_to_integer(FloatContext *context, Float x, FloatRounding rounding, unsigned width,
                          bool is_signed);
/* X to an integral number; raises only VXSNAN, sets FI and FR (the caller decides about XX). */
Float float_to_integral(FloatContext *context, Float x, FloatRounding rounding);

/* 2^X and log2(X) rounded to single, for the vector estimates. */
Float float_exp2(FloatContext *context, Float x);
Float float_log2(FloatContext *context, Float x);

/* Shifts right; what is lost is kept in bit 0. COUNT is 0 or more. */
static inline Uint128 float_shift_sticky(Uint128 x, int count)
{
    if (count == 0)
        return x;
    if (count > 127)
        return x != 0;
    return x >> count | ((x << (128 - count)) != 0);
}

static inline int float_leading_zeros(Uint128 x)
{
    uint64_t high = (uint64_t)(x >> 64);
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x);
}

/* Whether dropping REST (in units where HALF is half of the last place) rounds away from zero. */
static inline bool float_grows(FloatRounding rounding, unsigned sign, bool odd, Uint128 rest,
                               Uint128 half)
{
    switch (rounding) {
    case FLOAT_NEAREST: return rest > half || (rest == half && odd);
    case FLOAT_TO_ZERO: return false;
    case FLOAT_UP: return rest && !sign;
    case FLOAT_DOWN: return rest && sign;
    case FLOAT_TO_ODD: return rest && !odd;
    case FLOAT_NEAREST_AWAY: return rest >= half;
    }
    g_assert_not_reached();
}

#include "machine/cpu/float-core.h"

#endif
