/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX floating point: four singles (Power ISA 3.0B, Book I 6.10).
 *
 * 1. Not governed by FPSCR: rounding is to nearest, nothing is raised, NaNs come back quiet in the
 *    order VRA, VRB, VRC.
 * 2. With VSCR.NJ set, denormal operands and tiny results are zeros of the same sign.
 * 3. The estimates, of which the book asks a few good bits, are the rounded values; see float.h.
 */
#include "machine/cpu/float-status.h"

/* Element I of REGISTER as the operations see it. */
static inline Float element(const Cpu *cpu, const Vsr *reg, unsigned i)
{
    Float x = float_unpack_single(VSR_W(*reg, i));
    if (cpu->s.vscr_nj && x.kind == FLOAT_FINITE && x.exponent < 1 - float_single.bias)
        return float_zero(x.sign);
    return x;
}

#define LANES(name, expression)                                                                    \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        FloatContext context = { .flushing = cpu->s.vscr_nj };                                     \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b], vc = cpu->s.vsr[insn->c];    \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            Float a G_GNUC_UNUSED = element(cpu, &va, i), b = element(cpu, &vb, i);                \
            Float c G_GNUC_UNUSED = element(cpu, &vc, i);                                          \
            Float x = expression;                                                                  \
            VSR_W(cpu->s.vsr[insn->t], i) = float_pack_single(x);                                  \
        }                                                                                          \
        return EXEC_NEXT;                                                                          \
    }

#define ROUND(x) float_round(&context, &float_single, x)

LANES(vaddfp, ROUND(float_add(&context, a, b)))
LANES(vsubfp, ROUND(float_subtract(&context, a, b)))
LANES(vmaddfp, ROUND(float_multiply_add(&context, a, c, b, false)))
LANES(vnmsubfp, float_negate_number(ROUND(float_multiply_add(&context, a, c, b, true))))
LANES(vrefp, ROUND(float_reciprocal(&context, b)))
LANES(vrsqrtefp, ROUND(float_reciprocal_root(&context, &float_single, b)))
LANES(vexptefp, ROUND(float_exp2(&context, b)))
LANES(vlogefp, ROUND(float_log2(&context, b)))
LANES(vrfin, float_to_integral(&context, b, FLOAT_NEAREST))
LANES(vrfiz, float_to_integral(&context, b, FLOAT_TO_ZERO))
LANES(vrfip, float_to_integral(&context, b, FLOAT_UP))
LANES(vrfim, float_to_integral(&context, b, FLOAT_DOWN))

/* The greater or lesser; any NaN wins, A's first. */
static Float extreme(FloatContext *context, Float a, Float b, bool want_maximum)
{
    if (a.kind == FLOAT_NAN || b.kind == FLOAT_NAN)
        return float_quiet(context, a.kind == FLOAT_NAN ? a : b);
    return float_extreme(context, a, b, want_maximum);
}

LANES(vmaxfp, extreme(&context, a, b, true))
LANES(vminfp, extreme(&context, a, b, false))

/* Comparisons. For vcmpbfp bit 0 says that a > b, bit 1 that a < -b; a NaN sets both. */
static uint32_t mask(bool hit)
{
    return hit ? 0xffffffffu : 0;
}

static uint32_t out_of_bounds(Float a, Float b)
{
    bool above = !(float_compare(a, b) & (CR_LT | CR_EQ));
    b.sign ^= 1;
    bool below = !(float_compare(a, b) & (CR_GT | CR_EQ));
    return (uint32_t)above << 31 | (uint32_t)below << 30;
}

#define COMPARE(name, expression, all_code)                                                        \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            Float a = element(cpu, &va, i), b = element(cpu, &vb, i);                              \
            VSR_W(cpu->s.vsr[insn->t], i) = expression;                                            \
        }                                                                                          \
        return EXEC_NEXT;                                                                          \
    }                                                                                              \
    ExecStatus op_##name##_rc(Cpu *cpu, const Insn *insn)                                          \
    {                                                                                              \
        op_##name(cpu, insn);                                                                      \
        Uint128 q = cpu->s.vsr[insn->t].q;                                                         \
        cpu->s.crf[6] = !q ? CR_EQ : !~q ? (all_code) : 0;                                         \
        return EXEC_NEXT;                                                                          \
    }

COMPARE(vcmpeqfp, mask(float_compare(a, b) == CR_EQ), CR_LT)
COMPARE(vcmpgtfp, mask(float_compare(a, b) == CR_GT), CR_LT)
COMPARE(vcmpgefp, mask(float_compare(a, b) & (CR_GT | CR_EQ)), CR_LT)
COMPARE(vcmpbfp, out_of_bounds(a, b), 0)

/* Conversions: the integer divided, the number multiplied, by 2 to the power UIM. */
static Float scaled(Float x, int power)
{
    x.exponent += power;
    return x;
}

#define FROM_INTEGER(name, from)                                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        FloatContext context = { 0 };                                                              \
        const int power = (int)INSN_BITS(insn, 11, 15);                                            \
        const Vsr vb = cpu->s.vsr[insn->b];                                                        \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            Float x = ROUND(scaled(from(VSR_W(vb, i)), -power));                                   \
            VSR_W(cpu->s.vsr[insn->t], i) = float_pack_single(x);                                  \
        }                                                                                          \
        return EXEC_NEXT;                                                                          \
    }

#define FROM_SIGNED(w) float_from_signed((int32_t)(w))

FROM_INTEGER(vcfsx, FROM_SIGNED)
FROM_INTEGER(vcfux, float_from_unsigned)

/* A NaN gives 0 and does not count as saturation. */
static ExecStatus to_integer(Cpu *cpu, const Insn *insn, bool is_signed)
{
    const int power = (int)INSN_BITS(insn, 11, 15);
    const Vsr vb = cpu->s.vsr[insn->b];
    for (unsigned i = 0; i < 4; i++) {
        FloatContext context = { 0 };
        Float x = scaled(element(cpu, &vb, i), power);
        bool nan = x.kind == FLOAT_NAN;
        uint64_t value = nan ? 0 : float_to_integer(&context, x, FLOAT_TO_ZERO, 32, is_signed);
        VSR_W(cpu->s.vsr[insn->t], i) = (uint32_t)value;
        if (context.raised & FPSCR_VXCVI)
            cpu->s.vscr_sat = 1;
    }
    return EXEC_NEXT;
}

ExecStatus op_vctsxs(Cpu *cpu, const Insn *insn)
{
    return to_integer(cpu, insn, true);
}

ExecStatus op_vctuxs(Cpu *cpu, const Insn *insn)
{
    return to_integer(cpu, insn, false);
}
