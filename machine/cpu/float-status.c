/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPSCR bookkeeping that is not worth inlining, and the single/double bit conversions of memory.
 */
#include "machine/cpu/float-status.h"

uint64_t float_summarise(uint64_t fpscr)
{
    uint32_t low = (uint32_t)fpscr;
    bool vx = low & FPSCR_VX_ALL;
    /* VX, OX, UX, ZX, XX stand 22 places above VE, OE, UE, ZE, XE. */
    low = (low & ~(FPSCR_FEX | FPSCR_VX)) | (vx ? FPSCR_VX : 0);
    bool enabled = low >> 22 & low & (FPSCR_VE | FPSCR_OE | FPSCR_UE | FPSCR_ZE | FPSCR_XE);
    return fpscr >> 32 << 32 | low | (enabled ? FPSCR_FEX : 0);
}

ExecStatus float_trap(Cpu *cpu)
{
    if (!(cpu->s.msr & (MSR_FE0 | MSR_FE1)))
        return EXEC_NEXT;
    return cpu_raise_program(cpu, PROGRAM_FP_ENABLED);
}

unsigned float_compare_raising(const Cpu *cpu, Float a, Float b, bool ordered, uint32_t *raised)
{
    unsigned code = float_compare(a, b);
    if (code != CR_SO)
        return code;
    bool signalling = float_is_signalling(a) || float_is_signalling(b);
    if (signalling)
        *raised |= FPSCR_VXSNAN;
    if (ordered && (!signalling || !(cpu->s.fpscr & FPSCR_VE)))
        *raised |= FPSCR_VXVC;
    return code;
}

ExecStatus float_compare_ordered(Cpu *cpu, unsigned field, Float a, Float b, bool ordered)
{
    uint32_t raised = 0;
    unsigned code = float_compare_raising(cpu, a, b, ordered, &raised);
    float_raise(cpu, raised);
    float_set_fpcc(cpu, code);
    cpu->s.crf[field] = (uint8_t)code;
    return float_finish(cpu, raised);
}

Float float_extreme(FloatContext *context, Float a, Float b, bool want_maximum)
{
    if (float_is_signalling(a) || float_is_signalling(b)) {
        context->raised |= FPSCR_VXSNAN;
        return float_quiet(context, a.kind == FLOAT_NAN ? a : b);
    }
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return b.kind == FLOAT_NAN ? a : b;
    unsigned code = float_compare(a, b);
    if (code == CR_EQ)
        return a.sign == want_maximum ? b : a;
    return code == (want_maximum ? CR_GT : CR_LT) ? a : b;
}

/*
 * The tests give 1, fg, fe, 0 (estimates being good to 14 bits and more): fe says that the quotient
 * or root needs care, fg that the operands do, as the book's conditions on exponents list them.
 */
uint8_t float_test_divide(const FloatFormat *format, Float a, Float b)
{
    const int min = 1 - format->bias, max = format->bias;
    bool b_denormal = b.kind == FLOAT_FINITE && b.exponent < min;
    bool fg =
        a.kind == FLOAT_INFINITY || b.kind == FLOAT_INFINITY || b.kind == FLOAT_ZERO || b_denormal;
    bool fe = a.kind == FLOAT_NAN || a.kind == FLOAT_INFINITY || b.kind == FLOAT_NAN ||
              b.kind == FLOAT_INFINITY || b.kind == FLOAT_ZERO;
    if (!fe) {
        /* The exponent field as if a denormal number had the least normal exponent. */
        int eb = MAX(b.exponent, min), ea = a.kind == FLOAT_ZERO ? 0 : MAX(a.exponent, min);
        fe = eb <= min || eb >= max - 2;
        if (a.kind != FLOAT_ZERO)
            fe |= ea - eb >= max || ea - eb <= min + 1 || ea <= min + format->precision - 1;
    }
    return (uint8_t)(8 | fg << 2 | fe << 1);
}

uint8_t float_test_root(const FloatFormat *format, Float b)
{
    const int min = 1 - format->bias;
    bool fg = b.kind == FLOAT_INFINITY || b.kind == FLOAT_ZERO ||
              (b.kind == FLOAT_FINITE && b.exponent < min);
    bool fe = b.kind != FLOAT_FINITE || b.sign || b.exponent <= min + format->precision - 1;
    return (uint8_t)(8 | fg << 2 | fe << 1);
}

uint64_t float_single_to_double(uint32_t single)
{
    uint64_t sign = (uint64_t)(single >> 31) << 63;
    uint32_t exponent = single >> 23 & 0xff;
    uint64_t fraction = single & 0x7fffff;
    if (exponent == 0xff)
        return sign | 0x7ff0000000000000ull | fraction << 29;
    if (exponent)
        return sign | (uint64_t)(exponent + 896) << 52 | fraction << 29;
    if (!fraction)
        return sign;
    int zeros = __builtin_clz((uint32_t)fraction) - 8; /* to move the leading 1 to bit 23 */
    return sign | (uint64_t)(897 - zeros) << 52 | (fraction << zeros & 0x7fffff) << 29;
}

/* Exponents that single lacks give what the book leaves undefined: the same bits are picked. */
uint32_t float_double_to_single(uint64_t bits)
{
    uint32_t exponent = bits >> 52 & 0x7ff;
    uint32_t sign = (uint32_t)(bits >> 32) & 0x80000000u;
    if (exponent > 896 || !(bits << 1))
        return ((uint32_t)(bits >> 32) & 0xc0000000u) | (uint32_t)(bits >> 29 & 0x3fffffff);
    if (exponent < 874)
        return sign;
    uint64_t significand = 1ull << 52 | (bits & 0xfffffffffffffull);
    return sign | (uint32_t)(significand >> (29 + 897 - exponent));
}
