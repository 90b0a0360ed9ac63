/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats: bits to unpacked numbers and back, and the rounding between.
 *
 * 1. float_round() is the only place that makes a number fit a format, so overflow, underflow and
 *    inexact have one definition for scalar, vector, quad and conversions.
 * 2. A number is tiny when its exact value is below the smallest normal number (the book's rule),
 *    not when its rounded value is.
 */
#include "machine/cpu/float.h"

const FloatFormat float_half = { 11, 5, 15, 0 };
const FloatFormat float_single = { 24, 8, 127, 192 };
const FloatFormat float_double = { 53, 11, 1023, 1536 };
const FloatFormat float_quad = { 113, 15, 16383, 24576 };

static inline __attribute__((always_inline)) Float unpack(const FloatFormat *f, Uint128 bits)
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

static inline __attribute__((always_inline)) Uint128 pack(const FloatFormat *f, Float x)
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

Float float_unpack(const FloatFormat *format, Uint128 bits)
{
    return unpack(format, bits);
}

Uint128 float_pack(const FloatFormat *format, Float x)
{
    return pack(format, x);
}

Float float_unpack_double(uint64_t bits)
{
    return unpack(&float_double, bits);
}

uint64_t float_pack_double(Float x)
{
    return (uint64_t)pack(&float_double, x);
}

Float float_unpack_single(uint32_t bits)
{
    return unpack(&float_single, bits);
}

uint32_t float_pack_single(Float x)
{
    return (uint32_t)pack(&float_single, x);
}

unsigned float_class(const FloatFormat *format, Float x)
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

/* The result of an overflow that is not enabled. */
static Float overflowed(FloatContext *context, const FloatFormat *format, Float x)
{
    context->raised |= FPSCR_OX | FPSCR_XX | FPSCR_FI;
    FloatRounding r = context->rounding;
    if (r == FLOAT_NEAREST || r == FLOAT_NEAREST_AWAY || (r == FLOAT_UP && !x.sign) ||
        (r == FLOAT_DOWN && x.sign)) {
        context->raised |= FPSCR_FR;
        return float_infinity(x.sign);
    }
    context->raised &= ~FPSCR_FR;
    x.significand = ~(Uint128)0 << (128 - format->precision);
    x.exponent = format->bias;
    return x;
}

/* Rounds a tiny number at the fixed place of denormal numbers. */
static Float round_tiny(FloatContext *context, const FloatFormat *format, Float x)
{
    if (context->flushing)
        return float_zero(x.sign);
    const int drop = 128 - format->precision;
    const Uint128 unit = (Uint128)1 << drop;
    Uint128 s = float_shift_sticky(x.significand, 1 - format->bias - x.exponent);
    Uint128 rest = s & (unit - 1);
    bool up = float_grows(context->rounding, x.sign, s & unit, rest, unit >> 1);
    s -= rest;
    s += up ? unit : 0;
    if (rest)
        context->raised |= FPSCR_UX | FPSCR_XX | FPSCR_FI | (up ? FPSCR_FR : 0);
    if (!s)
        return float_zero(x.sign);
    int zeros = float_leading_zeros(s);
    x.significand = s << zeros;
    x.exponent = 1 - format->bias - zeros;
    return x;
}

static inline __attribute__((always_inline)) Float round_to(FloatContext *context,
                                                            const FloatFormat *format, Float x)
{
    if (G_UNLIKELY(x.kind != FLOAT_FINITE))
        return x;
    bool tiny = x.exponent < 1 - format->bias;
    if (G_UNLIKELY(tiny && !(context->scaling & FPSCR_UE)))
        return round_tiny(context, format, x);
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
            return overflowed(context, format, x);
        context->raised |= FPSCR_OX;
        x.exponent -= format->scale;
    }
    return x;
}

Float float_round(FloatContext *context, const FloatFormat *format, Float x)
{
    if (format == &float_double)
        return round_to(context, &float_double, x);
    return round_to(context, format, x);
}
