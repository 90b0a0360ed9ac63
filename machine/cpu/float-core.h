/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common way through float.h, inline: a Float that stays in registers costs a fifth of one that
 * is passed in memory. Included by float.h alone, whose comments say what these functions do.
 *
 * 1. Whatever is not a finite number of moderate size goes to the functions in float.c and
 *    float-arithmetic.c.
 * 2. float_round() is the only place that makes a number fit a format, so overflow, underflow and
 *    inexact have one definition for scalar, vector, quad and conversions.
 */
#ifndef MACHINE_CPU_FLOAT_CORE_H
#define MACHINE_CPU_FLOAT_CORE_H

#include "machine/cpu/float.h"

#define FLOAT_HOT     static inline __attribute__((always_inline))
#define FLOAT_TOP_BIT ((Uint128)1 << 127)

/* The rare ways: special operands, products of more than 128 bits, results out of range. */
Float float_add_special(FloatContext *context, Float a, Float b);
Float float_multiply_special(FloatContext *context, Float a, Float b);
Float float_multiply_add_special(FloatContext *context, Float a, Float c, Float b);
Float float_multiply_wide(Float a, Float b);
Float float_multiply_add_wide(const FloatContext *context, Float a, Float c, Float b);
Float float_overflowed(FloatContext *context, const FloatFormat *format, Float x);
Float float_round_tiny(FloatContext *context, const FloatFormat *format, Float x);

FLOAT_HOT Float float_unpack_inline(const FloatFormat *f, Uint128 bits)
{
    const int fraction_bits = f->precision - 1;
    const int max = (1 << f->exponent_bits) - 1;
    int exponent = (int)(bits >> fraction_bits) & max;
    Float x = { .significand = bits << (128 - fraction_bits) >> 1 | (Uint128)1 << 127,
                .exponent = exponent - f->bias,
                .kind = FLOAT_FINITE,
                .sign = (bits >> (fraction_bits + f->exponent_bits)) & 1 };
    if (G_LIKELY(exponent - 1 < max - 1 && exponent > 0))
        return x;
    Uint128 fraction = x.significand << 1;
    if (exponent) {
        x.kind = fraction ? FLOAT_NAN : FLOAT_INFINITY;
        return x;
    }
    if (!fraction)
        return float_zero(x.sign);
    int zeros = float_leading_zeros(fraction);
    x.significand = fraction << zeros;
    x.exponent = -f->bias - zeros;
    return x;
}

FLOAT_HOT Uint128 float_pack_inline(const FloatFormat *f, Float x)
{
    const int fraction_bits = f->precision - 1;
    const int max = (1 << f->exponent_bits) - 1;
    Uint128 sign = (Uint128)x.sign << (fraction_bits + f->exponent_bits);
    int exponent = x.exponent + f->bias;
    Uint128 fraction = x.significand << 1 >> (128 - fraction_bits);
    if (G_UNLIKELY(x.kind != FLOAT_FINITE || exponent <= 0)) {
        if (x.kind == FLOAT_ZERO)
            return sign;
        if (x.kind == FLOAT_FINITE && exponent > 1 - f->precision)
            return sign | x.significand >> (128 - fraction_bits - exponent);
        if (x.kind != FLOAT_FINITE)
            exponent = max;
        if (x.kind == FLOAT_INFINITY)
            fraction = 0;
    }
    return sign | (Uint128)(exponent & max) << fraction_bits | fraction;
}

static inline Float float_unpack_double(uint64_t bits)
{
    return float_unpack_inline(&float_double, bits);
}

static inline uint64_t float_pack_double(Float x)
{
    return (uint64_t)float_pack_inline(&float_double, x);
}

static inline Float float_unpack_single(uint32_t bits)
{
    return float_unpack_inline(&float_single, bits);
}

static inline uint32_t float_pack_single(Float x)
{
    return (uint32_t)float_pack_inline(&float_single, x);
}

static inline unsigned float_class(const FloatFormat *format, Float x)
{
    switch (x.kind) {
    case FLOAT_ZERO: return x.sign ? 0x12 : 0x02;
    case FLOAT_INFINITY: return x.sign ? 0x09 : 0x05;
    case FLOAT_NAN: return 0x11;
    default: break;
    }
    bool denormal = x.exponent < 1 - format->bias;
    return (x.sign ? 0x08 : 0x04) | (denormal ? 0x10 : 0);
}

FLOAT_HOT Float float_round(FloatContext *context, const FloatFormat *format, Float x)
{
    if (G_UNLIKELY(x.kind != FLOAT_FINITE))
        return x;
    bool tiny = x.exponent < 1 - format->bias;
    if (G_UNLIKELY(tiny && !(context->scaling & FPSCR_UE)))
        return float_round_tiny(context, format, x);
    const int drop = 128 - format->precision;
    const Uint128 unit = (Uint128)1 << drop;
    Uint128 rest = x.significand & (unit - 1);
    if (rest) {
        bool up = float_grows(context->rounding, x.sign, x.significand & unit, rest, unit >> 1);
        context->raised |= FPSCR_XX | FPSCR_FI | (up ? FPSCR_FR : 0);
        x.significand -= rest;
        x.significand += up ? unit : 0;
        if (!x.significand) {
            x.significand = (Uint128)1 << 127;
            x.exponent++;
        }
    }
    if (G_UNLIKELY(tiny)) {
        context->raised |= FPSCR_UX;
        x.exponent += format->scale;
    } else if (G_UNLIKELY(x.exponent > format->bias)) {
        if (!(context->scaling & FPSCR_OE))
            return float_overflowed(context, format, x);
        context->raised |= FPSCR_OX;
        x.exponent -= format->scale;
    }
    return x;
}

static inline Float float_exact_zero(const FloatContext *context)
{
    return float_zero(context->rounding == FLOAT_DOWN);
}

/* Two finite numbers. */
FLOAT_HOT Float float_add_finite(const FloatContext *context, Float a, Float b)
{
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.significand < b.significand)) {
        Float t = a;
        a = b;
        b = t;
    }
    Uint128 small = float_shift_sticky(b.significand, a.exponent - b.exponent);
    if (a.sign == b.sign) {
        Uint128 sum = a.significand + small;
        if (sum < small) {
            sum = sum >> 1 | (sum & 1) | FLOAT_TOP_BIT;
            a.exponent++;
        }
        a.significand = sum;
        return a;
    }
    a.significand -= small;
    if (!a.significand)
        return float_exact_zero(context);
    int zeros = float_leading_zeros(a.significand);
    a.significand <<= zeros;
    a.exponent -= zeros;
    return a;
}

FLOAT_HOT Float float_add(FloatContext *context, Float a, Float b)
{
    if (G_LIKELY(a.kind == FLOAT_FINITE && b.kind == FLOAT_FINITE))
        return float_add_finite(context, a, b);
    return float_add_special(context, a, b);
}

FLOAT_HOT Float float_subtract(FloatContext *context, Float a, Float b)
{
    return float_add(context, a, float_negate_number(b));
}

/* Whether both fit in 53 bits, so that their product leaves 22 low bits free. */
static inline bool float_are_narrow(Float a, Float b)
{
    const Uint128 below = ((Uint128)1 << 75) - 1;
    return !((a.significand | b.significand) & below);
}

/* The product of two finite narrow numbers. */
FLOAT_HOT Float float_multiply_narrow(Float a, Float b)
{
    a.significand = (Uint128)(uint64_t)(a.significand >> 64) * (uint64_t)(b.significand >> 64);
    int shift = !(a.significand >> 127);
    a.significand <<= shift;
    a.exponent += b.exponent + 1 - shift;
    a.sign ^= b.sign;
    return a;
}

FLOAT_HOT Float float_multiply(FloatContext *context, Float a, Float b)
{
    if (G_UNLIKELY(a.kind != FLOAT_FINITE || b.kind != FLOAT_FINITE))
        return float_multiply_special(context, a, b);
    if (G_LIKELY(float_are_narrow(a, b)))
        return float_multiply_narrow(a, b);
    return float_multiply_wide(a, b);
}

FLOAT_HOT Float float_multiply_add(FloatContext *context, Float a, Float c, Float b, bool subtract)
{
    if (subtract)
        b = float_negate_number(b);
    if (G_UNLIKELY(a.kind != FLOAT_FINITE || b.kind != FLOAT_FINITE || c.kind != FLOAT_FINITE)) {
        if (b.kind != FLOAT_ZERO || a.kind != FLOAT_FINITE || c.kind != FLOAT_FINITE)
            return float_multiply_add_special(context, a, c, b);
        return float_multiply(context, a, c);
    }
    if (G_LIKELY(float_are_narrow(a, c)))
        return float_add_finite(context, float_multiply_narrow(a, c), b);
    return float_multiply_add_wide(context, a, c, b);
}

#endif
