/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX scalar floating point on doubleword 0 (Power ISA 3.0B, Book I chapter 7): arithmetic,
 * rounding, comparison, maximum and minimum, signs.
 *
 * 1. Results clear doubleword 1.
 * 2. The A forms of multiply-add take the addend from VRT, the M forms a factor.
 */
#include "machine/cpu/float-status.h"

#define A float_operand(cpu, insn->a)
#define B float_operand(cpu, insn->b)
#define T float_operand(cpu, insn->t)

#define BOTH(name, expression)                                                                     \
    FLOAT_SCALAR(name##dp, &float_double, expression)                                              \
    FLOAT_SCALAR(name##sp, &float_single, expression)

BOTH(xsadd, float_add(&context, A, B))
BOTH(xssub, float_subtract(&context, A, B))
BOTH(xsmul, float_multiply(&context, A, B))
BOTH(xsdiv, float_divide(&context, A, B))
BOTH(xssqrt, float_square_root(&context, B))
BOTH(xsre, float_reciprocal(&context, B))
BOTH(xsrsqrte, float_reciprocal_root(&context, &float_double, B))
BOTH(xsmadda, float_multiply_add(&context, A, B, T, false))
BOTH(xsmaddm, float_multiply_add(&context, A, T, B, false))
BOTH(xsmsuba, float_multiply_add(&context, A, B, T, true))
BOTH(xsmsubm, float_multiply_add(&context, A, T, B, true))
FLOAT_SCALAR(xsrsp, &float_single, float_quieted(&context, B))

#define BOTH_NEGATED(name, expression)                                                             \
    FLOAT_NEGATED(name##dp, &float_double, expression)                                             \
    FLOAT_NEGATED(name##sp, &float_single, expression)

BOTH_NEGATED(xsnmadda, float_multiply_add(&context, A, B, T, false))
BOTH_NEGATED(xsnmaddm, float_multiply_add(&context, A, T, B, false))
BOTH_NEGATED(xsnmsuba, float_multiply_add(&context, A, B, T, true))
BOTH_NEGATED(xsnmsubm, float_multiply_add(&context, A, T, B, true))

/* Rounding to an integral number; only xsrdpic reports that it was inexact. */
static ExecStatus to_integral(Cpu *cpu, const Insn *insn, FloatRounding rounding, bool exact)
{
    FloatContext context = float_context(cpu);
    Float x = float_to_integral(&context, B, rounding);
    if (!exact)
        context.raised &= FPSCR_VXSNAN;
    else if (context.raised & FPSCR_FI)
        context.raised |= FPSCR_XX;
    return float_deliver(cpu, &context, &float_double, insn->t, x);
}

#define TO_INTEGRAL(name, rounding, exact)                                                         \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return to_integral(cpu, insn, rounding, exact);                                            \
    }

TO_INTEGRAL(xsrdpi, FLOAT_NEAREST_AWAY, false)
TO_INTEGRAL(xsrdpic, cpu->s.fpscr &FPSCR_RN, true)
TO_INTEGRAL(xsrdpim, FLOAT_DOWN, false)
TO_INTEGRAL(xsrdpip, FLOAT_UP, false)
TO_INTEGRAL(xsrdpiz, FLOAT_TO_ZERO, false)

/* Comparisons into CR. */
ExecStatus op_xscmpudp(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, false);
}

ExecStatus op_xscmpodp(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, true);
}

ExecStatus op_xstdivdp(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = float_test_divide(&float_double, A, B);
    return EXEC_NEXT;
}

ExecStatus op_xstsqrtdp(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = float_test_root(&float_double, B);
    return EXEC_NEXT;
}

/* What does not touch FR, FI and FPRF: VALUE goes to doubleword 0, both doublewords are written. */
static ExecStatus deliver_bits(Cpu *cpu, const Insn *insn, uint32_t raised, uint64_t value)
{
    return float_deliver_vector(cpu, raised, insn->t, (Vsr){ .q = UINT128(value, 0) });
}

/* Comparisons into a mask. WANTED: CR bits that make it true. */
static ExecStatus compare_mask(Cpu *cpu, const Insn *insn, unsigned wanted, bool ordered)
{
    uint32_t raised = 0;
    unsigned code = float_compare_raising(cpu, A, B, ordered, &raised);
    return deliver_bits(cpu, insn, raised, code & wanted ? ~0ull : 0);
}

ExecStatus op_xscmpeqdp(Cpu *cpu, const Insn *insn)
{
    return compare_mask(cpu, insn, CR_EQ, false);
}

ExecStatus op_xscmpgtdp(Cpu *cpu, const Insn *insn)
{
    return compare_mask(cpu, insn, CR_GT, true);
}

ExecStatus op_xscmpgedp(Cpu *cpu, const Insn *insn)
{
    return compare_mask(cpu, insn, CR_GT | CR_EQ, true);
}

static ExecStatus extreme(Cpu *cpu, const Insn *insn, bool want_maximum)
{
    FloatContext context = { 0 };
    Float x = float_extreme(&context, A, B, want_maximum);
    return deliver_bits(cpu, insn, context.raised, float_pack_double(x));
}

ExecStatus op_xsmaxdp(Cpu *cpu, const Insn *insn)
{
    return extreme(cpu, insn, true);
}

ExecStatus op_xsmindp(Cpu *cpu, const Insn *insn)
{
    return extreme(cpu, insn, false);
}

/*
 * The C and Java forms. C: a > b ? a : b, so a NaN or two zeros give B. Java: a NaN gives itself, A
 * first, and +0 exceeds -0. Neither quiets a NaN.
 */
static ExecStatus extreme_language(Cpu *cpu, const Insn *insn, unsigned wanted, bool java)
{
    Float a = A, b = B;
    bool take_a = float_compare(a, b) & wanted;
    bool signalling = float_is_signalling(a) || float_is_signalling(b);
    if (java && a.kind == FLOAT_NAN)
        take_a = true;
    if (java && a.kind == FLOAT_ZERO && b.kind == FLOAT_ZERO)
        take_a = a.sign == (wanted == CR_LT);
    return deliver_bits(cpu, insn, signalling ? FPSCR_VXSNAN : 0,
                        VSR_D(cpu->s.vsr[take_a ? insn->a : insn->b], 0));
}

#define EXTREME(name, wanted, java)                                                                \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return extreme_language(cpu, insn, wanted, java);                                          \
    }

EXTREME(xsmaxcdp, CR_GT, false)
EXTREME(xsmincdp, CR_LT, false)
EXTREME(xsmaxjdp, CR_GT, true)
EXTREME(xsminjdp, CR_LT, true)

/* Signs: bits only. */
#define SIGN (1ull << 63)

#define MOVE(name, expression)                                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t b = VSR_D(cpu->s.vsr[insn->b], 0);                                                \
        float_set_vsr(cpu, insn->t, expression);                                                   \
        return EXEC_NEXT;                                                                          \
    }

MOVE(xsabsdp, b & ~SIGN)
MOVE(xsnabsdp, b | SIGN)
MOVE(xsnegdp, b ^ SIGN)
MOVE(xscpsgndp, (b & ~SIGN) | (VSR_D(cpu->s.vsr[insn->a], 0) & SIGN))
