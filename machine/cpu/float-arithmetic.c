/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Add, multiply, fused multiply-add, divide, square root and comparison of unpacked numbers.
 *
 * Results are exact up to the sticky bit 0; nothing here rounds.
 *
 * 1. A sum whose operands' exponents differ by two or more loses at most one leading bit, so the
 *    sticky bit stays below every format's rounding place. When they differ by less, nothing is
 *    lost in alignment: operands have at least one free low bit. This is why the narrow fused path
 *    asks for factors of at most 53 bits (a product of 106) and quad factors take the 256-bit path.
 * 2. Invalid operations return the default NaN and raise exactly their own VX bits; an infinity
 *    times zero with a NaN addend raises VXIMZ and returns the addend's NaN.
 */
#include "machine/cpu/float.h"

Float float_default_nan(void)
{
    return (Float){ .significand = (Uint128)3 << 126, .kind = FLOAT_NAN };
}

Float float_quiet(FloatContext *context, Float a)
{
    if (float_is_signalling(a))
        context->raised |= FPSCR_VXSNAN;
    a.significand |= (Uint128)1 << 126;
    return a;
}

Float float_quieted(FloatContext *context, Float a)
{
    return a.kind == FLOAT_NAN ? float_quiet(context, a) : a;
}

static Float invalid(FloatContext *context, uint32_t reason)
{
    context->raised |= reason;
    return float_default_nan();
}

/* The NaN result of an operation on A and B, one of which is a NaN. */
static Float choose_nan(FloatContext *context, Float a, Float b)
{
    if (float_is_signalling(a) || float_is_signalling(b))
        context->raised |= FPSCR_VXSNAN;
    return float_quiet(context, a.kind == FLOAT_NAN ? a : b);
}

Float float_add_special(FloatContext *context, Float a, Float b)
{
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return choose_nan(context, a, b);
    if (a.kind == FLOAT_INFINITY && b.kind == FLOAT_INFINITY && a.sign != b.sign)
        return invalid(context, FPSCR_VXISI);
    if (a.kind == FLOAT_INFINITY || b.kind == FLOAT_INFINITY)
        return a.kind == FLOAT_INFINITY ? a : b;
    if (a.kind != FLOAT_ZERO)
        return a;
    if (b.kind != FLOAT_ZERO || a.sign == b.sign)
        return b;
    return float_exact_zero(context);
}

/* The 256-bit product, as its high and low halves. */
static void multiply_wide(Uint128 a, Uint128 b, Uint128 *high, Uint128 *low)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
    uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    Uint128 p00 = (Uint128)a0 * b0, p01 = (Uint128)a0 * b1;
    Uint128 p10 = (Uint128)a1 * b0, p11 = (Uint128)a1 * b1;
    Uint128 middle = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    *low = middle << 64 | (uint64_t)p00;
    *high = p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64);
}

/* The product of two finite numbers: the low half of its 256 bits goes to *LOW. */
static Float multiply_quad(Float a, Float b, Uint128 *low)
{
    multiply_wide(a.significand, b.significand, &a.significand, low);
    a.exponent += b.exponent + 1;
    if (!(a.significand >> 127)) {
        a.significand = a.significand << 1 | *low >> 127;
        *low <<= 1;
        a.exponent--;
    }
    a.sign ^= b.sign;
    return a;
}

Float float_multiply_special(FloatContext *context, Float a, Float b)
{
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return choose_nan(context, a, b);
    unsigned sign = a.sign ^ b.sign;
    bool infinite = a.kind == FLOAT_INFINITY || b.kind == FLOAT_INFINITY;
    bool zero = a.kind == FLOAT_ZERO || b.kind == FLOAT_ZERO;
    if (infinite && zero)
        return invalid(context, FPSCR_VXIMZ);
    return infinite ? float_infinity(sign) : float_zero(sign);
}

/* P + B, where P's significand has 128 more bits in LOW; both finite. */
static Float add_wide(const FloatContext *context, Float p, Uint128 low, Float b)
{
    /* In 256 bits, as (high, low). One bit of headroom is not needed: carries are caught. */
    Uint128 high1 = p.significand, low1 = low, high2 = b.significand, low2 = 0;
    int distance = p.exponent - b.exponent;
    bool swapped = distance < 0 || (distance == 0 && high1 < high2);
    Float result = swapped ? b : p;
    if (swapped) {
        high1 = b.significand, low1 = 0;
        high2 = p.significand, low2 = low;
        distance = -distance;
    }
    if (distance > 127) {
        low2 = float_shift_sticky(high2, MIN(distance - 128, 200)) | (low2 != 0);
        high2 = 0;
    } else if (distance > 0) {
        bool lost = low2 << (128 - distance) != 0;
        low2 = low2 >> distance | high2 << (128 - distance) | lost;
        high2 >>= distance;
    }
    if (p.sign == b.sign) {
        Uint128 l = low1 + low2, carry = l < low1;
        Uint128 h = high1 + high2 + carry;
        result.significand = h | (l != 0);
        if (h < high1 || (h == high1 && (high2 || carry))) {
            result.significand = h >> 1 | (h & 1) | (l != 0) | FLOAT_TOP_BIT;
            result.exponent++;
        }
        return result;
    }
    Uint128 h = high1 - high2 - (low1 < low2), l = low1 - low2;
    if (!h && !l)
        return float_exact_zero(context);
    if (!h) {
        h = l;
        l = 0;
        result.exponent -= 128;
    }
    int zeros = float_leading_zeros(h);
    if (zeros) {
        h = h << zeros | l >> (128 - zeros);
        l <<= zeros;
    }
    result.significand = h | (l != 0);
    result.exponent -= zeros;
    return result;
}

Float float_multiply_add_special(FloatContext *context, Float a, Float c, Float b)
{
    bool times_zero = (a.kind == FLOAT_INFINITY && c.kind == FLOAT_ZERO) ||
                      (a.kind == FLOAT_ZERO && c.kind == FLOAT_INFINITY);
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN || c.kind == FLOAT_NAN) {
        if (float_is_signalling(a) || float_is_signalling(b) || float_is_signalling(c))
            context->raised |= FPSCR_VXSNAN;
        if (times_zero)
            context->raised |= FPSCR_VXIMZ;
        return float_quiet(context, a.kind == FLOAT_NAN ? a : b.kind == FLOAT_NAN ? b : c);
    }
    if (times_zero)
        return invalid(context, FPSCR_VXIMZ);
    Float product = float_multiply(context, a, c);
    return float_add(context, product, b);
}

Float float_multiply_wide(Float a, Float b)
{
    Uint128 low;
    Float product = multiply_quad(a, b, &low);
    product.significand |= low != 0;
    return product;
}

Float float_multiply_add_wide(const FloatContext *context, Float a, Float c, Float b)
{
    Uint128 low;
    Float product = multiply_quad(a, c, &low);
    return add_wide(context, product, low, b);
}

static Float divide_special(FloatContext *context, Float a, Float b)
{
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return choose_nan(context, a, b);
    if (a.kind == FLOAT_INFINITY && b.kind == FLOAT_INFINITY)
        return invalid(context, FPSCR_VXIDI);
    if (a.kind == FLOAT_ZERO && b.kind == FLOAT_ZERO)
        return invalid(context, FPSCR_VXZDZ);
    unsigned sign = a.sign ^ b.sign;
    if (a.kind == FLOAT_INFINITY)
        return float_infinity(sign);
    if (b.kind == FLOAT_ZERO) {
        context->raised |= FPSCR_ZX;
        return float_infinity(sign);
    }
    return float_zero(sign);
}

/* N / D for D <= N < 2 D, as a significand. */
static Uint128 divide_wide(Uint128 n, Uint128 d)
{
    Uint128 quotient = 1, rest = n - d;
    for (int i = 0; i < 127; i++) {
        bool carry = rest >> 127;
        rest <<= 1;
        bool fits = carry || rest >= d;
        rest -= fits ? d : 0;
        quotient = quotient << 1 | fits;
    }
    return quotient | (rest != 0);
}

Float float_divide(FloatContext *context, Float a, Float b)
{
    if (G_UNLIKELY(a.kind != FLOAT_FINITE || b.kind != FLOAT_FINITE))
        return divide_special(context, a, b);
    bool less = a.significand < b.significand;
    a.sign ^= b.sign;
    a.exponent -= b.exponent + less;
    if (G_LIKELY(!context->wide && float_are_narrow(a, b))) {
        uint64_t divisor = (uint64_t)(b.significand >> 64);
        Uint128 dividend = a.significand >> !less;
        uint64_t quotient = (uint64_t)(dividend / divisor);
        bool exact = dividend == (Uint128)quotient * divisor;
        a.significand = (Uint128)quotient << 64 | !exact;
        return a;
    }
    /* A quotient below 1 takes twice the dividend; both lose a low bit, which quad leaves free. */
    a.significand = less ? divide_wide(a.significand, b.significand >> 1)
                         : divide_wide(a.significand >> 1, b.significand >> 1);
    return a;
}

/*
 * The root of X, fixed point with 124 fraction bits, 1 <= X < 4, to BITS fraction bits; sets
 * *INEXACT. One bit at a time: with q the root so far and w the weight of the next bit, the scaled
 * rest (x - q^2) / w is compared with 2 q + w.
 */
static Uint128 root_wide(Uint128 x, int bits, bool *inexact)
{
    Uint128 q = 0;
    for (Uint128 w = (Uint128)1 << 124; bits >= 0; w >>= 1, bits--) {
        Uint128 t = 2 * q + w;
        if (t <= x) {
            x -= t;
            q += w;
        }
        x <<= 1;
    }
    *inexact = x != 0;
    return q;
}

/* The same with 60 fraction bits. */
static uint64_t root_narrow(uint64_t x, int bits, bool *inexact)
{
    uint64_t q = 0;
    for (uint64_t w = 1ull << 60; bits >= 0; w >>= 1, bits--) {
        uint64_t t = 2 * q + w;
        uint64_t fits = -(uint64_t)(t <= x);
        x = (x - (t & fits)) << 1;
        q += w & fits;
    }
    *inexact = x != 0;
    return q;
}

Float float_square_root(FloatContext *context, Float a)
{
    if (a.kind == FLOAT_NAN)
        return float_quiet(context, a);
    if (a.kind == FLOAT_ZERO)
        return a;
    if (a.sign)
        return invalid(context, FPSCR_VXSQRT);
    if (a.kind == FLOAT_INFINITY)
        return a;
    bool odd = a.exponent & 1;
    bool inexact;
    Uint128 x = a.significand >> (odd ? 2 : 3);
    a.exponent = (a.exponent - (int)odd) / 2;
    if (!context->wide && float_are_narrow(a, a))
        a.significand = (Uint128)root_narrow((uint64_t)(x >> 64), 56, &inexact) << 67;
    else
        a.significand = root_wide(x, 116, &inexact) << 3;
    a.significand |= inexact;
    return a;
}

Float float_reciprocal(FloatContext *context, Float a)
{
    return float_divide(context, float_from_unsigned(1), a);
}

Float float_reciprocal_root(FloatContext *context, const FloatFormat *format, Float a)
{
    if (a.kind == FLOAT_ZERO) {
        context->raised |= FPSCR_ZX;
        return float_infinity(a.sign);
    }
    Float root = float_square_root(context, a);
    if (root.kind == FLOAT_NAN || root.kind == FLOAT_INFINITY)
        return root.kind == FLOAT_NAN ? root : float_zero(0);
    FloatContext inner = { .rounding = context->rounding };
    root = float_round(&inner, format, root);
    context->raised |= inner.raised & (FPSCR_XX | FPSCR_FI);
    return float_divide(context, float_from_unsigned(1), root);
}

unsigned float_compare(Float a, Float b)
{
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return 1;
    if (a.kind == FLOAT_ZERO && b.kind == FLOAT_ZERO)
        return 2;
    if (a.sign != b.sign || a.kind == FLOAT_ZERO || b.kind == FLOAT_ZERO) {
        bool less = a.kind == FLOAT_ZERO ? !b.sign : a.sign;
        return less ? 8 : 4;
    }
    bool greater; /* in magnitude */
    if (a.kind != b.kind)
        greater = a.kind > b.kind;
    else if (a.kind == FLOAT_INFINITY ||
             (a.exponent == b.exponent && a.significand == b.significand))
        return 2;
    else
        greater =
            a.exponent > b.exponent || (a.exponent == b.exponent && a.significand > b.significand);
    return greater != a.sign ? 4 : 8;
}
