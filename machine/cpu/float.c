/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats, and the rare ends of rounding; the common way is inline in float-core.h.
 *
 * 1. A number is tiny when its exact value is below the smallest normal number (the book's rule),
 *    not when its rounded value is.
 */
#include "machine/cpu/float.h"

Float float_unpack(const FloatFormat *format, Uint128 bits)
{
    return float_unpack_inline(format, bits);
}

Uint128 float_pack(const FloatFormat *format, Float x)
{
    return float_pack_inline(format, x);
}

/* The result of an overflow that is not enabled. */
Float float_overflowed(FloatContext *context, const FloatFormat *format, Float x)
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
Float float_round_tiny(FloatContext *context, const FloatFormat *format, Float x)
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
