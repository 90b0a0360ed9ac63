/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers to integers and back, rounding to integral numbers, and the two transcendental estimates.
 *
 * 1. Conversions to integers raise VXCVI alone (no XX, FI or FR) when the rounded value is out of
 *    range: the check comes after rounding.
 * 2. 2^x and log2(x) are computed with over 100 good bits in fixed point and rounded once; a case
 *    that would need more bits is not known for 24-bit operands.
 */
#include "machine/cpu/float.h"

#define HALF ((Uint128)1 << 127)

Float float_from_unsigned(uint64_t value)
{
    if (!value)
        return float_zero(0);
    int zeros = __builtin_clzll(value);
    return (Float){ .significand = UINT128(value << zeros, 0),
                    .exponent = 63 - zeros,
                    .kind = FLOAT_FINITE };
}

Float float_from_signed(int64_t value)
{
    Float x = float_from_unsigned(value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    x.sign = value < 0;
    return x;
}

/* The integer part of a finite X below 2^127, and the rest as a fraction of 2^128. */
static inline Uint128 split(Float x, Uint128 *rest)
{
    if (x.exponent < 0) {
        *rest = float_shift_sticky(x.significand, -x.exponent - 1);
        return 0;
    }
    *rest = x.exponent < 127 ? x.significand << (x.exponent + 1) : 0;
    return x.significand >> (127 - x.exponent);
}

static uint64_t bound(unsigned width, bool is_signed, bool negative)
{
    uint64_t ones = ~0ull >> (64 - width);
    if (!is_signed)
        return negative ? 0 : ones;
    return negative ? ~(ones >> 1) : ones >> 1;
}

uint64_t float_to_integer(FloatContext *context, Float x, FloatRounding rounding, unsigned width,
                          bool is_signed)
{
    if (x.kind == FLOAT_ZERO)
        return 0;
    if (x.kind == FLOAT_NAN && float_is_signalling(x))
        context->raised |= FPSCR_VXSNAN;
    if (x.kind != FLOAT_FINITE || x.exponent > 64) {
        context->raised |= FPSCR_VXCVI;
        return bound(width, is_signed, x.sign || x.kind == FLOAT_NAN);
    }
    Uint128 rest;
    Uint128 value = split(x, &rest);
    bool up = float_grows(rounding, x.sign, value & 1, rest, HALF);
    value += up;
    Uint128 limit = bound(width, is_signed, false);
    if (x.sign)
        limit = is_signed ? limit + 1 : 0;
    if (value > limit) {
        context->raised |= FPSCR_VXCVI;
        return bound(width, is_signed, x.sign);
    }
    if (rest)
        context->raised |= FPSCR_XX | FPSCR_FI | (up ? FPSCR_FR : 0);
    return x.sign ? 0 - (uint64_t)value : (uint64_t)value;
}

Float float_to_integral(FloatContext *context, Float x, FloatRounding rounding)
{
    if (x.kind == FLOAT_NAN)
        return float_quiet(context, x);
    if (x.kind != FLOAT_FINITE || x.exponent >= 127)
        return x;
    Uint128 rest;
    Uint128 value = split(x, &rest);
    bool up = float_grows(rounding, x.sign, value & 1, rest, HALF);
    value += up;
    if (rest)
        context->raised |= FPSCR_FI | (up ? FPSCR_FR : 0);
    if (!value)
        return float_zero(x.sign);
    int zeros = float_leading_zeros(value);
    x.significand = value << zeros;
    x.exponent = 127 - zeros;
    return x;
}

/* The high half of a product: fixed point numbers below 1 (fractions of 2^128). */
static Uint128 fraction_multiply(Uint128 a, Uint128 b)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
    uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    Uint128 p01 = (Uint128)a0 * b1, p10 = (Uint128)a1 * b0;
    Uint128 middle = ((Uint128)a0 * b0 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    return (Uint128)a1 * b1 + (p01 >> 64) + (p10 >> 64) + (middle >> 64);
}

/* ln 2 and 1 / (2 ln 2) as fractions of 2^128. */
#define LN_2        UINT128(0xb17217f7d1cf79abull, 0xc9e3b39803f2f6afull)
#define HALF_LOG2_E UINT128(0xb8aa3b295c17f0bbull, 0xbe87fed0691d3e88ull)

/* 2^F - 1 for a fraction F, as a fraction: the series of exp(F ln 2). */
static Uint128 exp2_fraction(Uint128 f)
{
    Uint128 t = fraction_multiply(f, LN_2);
    Uint128 term = t, sum = 0;
    for (unsigned n = 2; term; n++) {
        sum += term;
        term = fraction_multiply(term, t) / n;
    }
    return sum;
}

Float float_exp2(FloatContext *context, Float x)
{
    if (x.kind == FLOAT_NAN)
        return float_quiet(context, x);
    if (x.kind == FLOAT_ZERO)
        return float_from_unsigned(1);
    if (x.kind == FLOAT_INFINITY)
        return x.sign ? float_zero(0) : x;
    Float result = { .significand = HALF, .kind = FLOAT_FINITE, .exponent = x.sign ? -2000 : 2000 };
    if (x.exponent > 9) /* |x| >= 1024: far out of range, which rounding turns into inf or 0 */
        return result;
    Uint128 f;
    int n = (int)split(x, &f);
    result.exponent = n;
    if (x.sign) {
        result.exponent = f ? -n - 1 : -n;
        f = 0 - f;
    }
    if (f)
        result.significand = HALF | exp2_fraction(f) >> 1 | 1;
    return result;
}

/* log2((1 + z) / (1 - z)) as a number, for 0 < Z < 0.2 as a fraction: 2 / ln 2 * atanh(z). */
static Float log2_series(Uint128 z)
{
    Uint128 square = fraction_multiply(z, z), power = z, sum = 0;
    for (unsigned n = 1; power; n += 2) {
        sum += power / n;
        power = fraction_multiply(power, square);
    }
    /* The product is log2 / 4, HALF_LOG2_E being a quarter of the factor 2 / ln 2. */
    Uint128 product = fraction_multiply(sum, HALF_LOG2_E);
    int zeros = float_leading_zeros(product);
    return (
        Float){ .significand = product << zeros | 1, .exponent = 1 - zeros, .kind = FLOAT_FINITE };
}

Float float_log2(FloatContext *context, Float x)
{
    if (x.kind == FLOAT_NAN)
        return float_quiet(context, x);
    if (x.kind == FLOAT_ZERO)
        return float_infinity(1);
    if (x.sign) {
        context->raised |= FPSCR_VXSQRT;
        return float_default_nan();
    }
    if (x.kind == FLOAT_INFINITY)
        return x;
    /* m in [0.75, 1.5): log2(x) = e + log2(m) without cancellation. */
    int e = x.exponent + (x.significand >> 126 == 3);
    Float m = x, one = float_from_unsigned(1);
    m.exponent -= e;
    FloatContext inner = { .rounding = FLOAT_NEAREST };
    Float whole = float_from_signed(e);
    Float above = float_subtract(&inner, m, one);
    if (above.kind == FLOAT_ZERO)
        return whole;
    Float z = float_divide(&inner, above, float_add(&inner, m, one));
    Float part = log2_series(float_shift_sticky(z.significand, -z.exponent - 1));
    part.sign = z.sign;
    return float_add(&inner, whole, part);
}
