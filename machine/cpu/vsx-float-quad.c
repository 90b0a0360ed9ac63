/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quad-precision scalar floating point on the VRs (Power ISA 3.0B, Book I 7.6, the QP
 * instructions).
 *
 * 1. The forms whose names end in o round to odd whatever FPSCR.RN says, so that a second rounding
 *    to a narrower format is exact.
 */
#include "machine/cpu/float-status.h"

static inline Float operand(const Cpu *cpu, unsigned n)
{
    return float_unpack(&float_quad, cpu->s.vsr[n].q);
}

#define A operand(cpu, insn->a)
#define B operand(cpu, insn->b)
#define T operand(cpu, insn->t)

/* Delivers X, which is rounded. */
static ExecStatus deliver(Cpu *cpu, const FloatContext *context, unsigned t, Float x)
{
    if (float_commit(cpu, context->raised)) {
        float_set_fprf(cpu, float_class(&float_quad, x));
        cpu->s.vsr[t].q = float_pack(&float_quad, x);
    }
    return float_finish(cpu, context->raised);
}

#define RESULT(name, setup, expression)                                                            \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        FloatContext context = float_context(cpu);                                                 \
        context.wide = true;                                                                       \
        setup;                                                                                     \
        Float x = expression;                                                                      \
        return deliver(cpu, &context, insn->t, x);                                                 \
    }

#define ROUND(x) float_round(&context, &float_quad, x)

#define ARITHMETIC(name, expression)                                                               \
    RESULT(name, (void)0, expression)                                                              \
    RESULT(name##o, context.rounding = FLOAT_TO_ODD, expression)

ARITHMETIC(xsaddqp, ROUND(float_add(&context, A, B)))
ARITHMETIC(xssubqp, ROUND(float_subtract(&context, A, B)))
ARITHMETIC(xsmulqp, ROUND(float_multiply(&context, A, B)))
ARITHMETIC(xsdivqp, ROUND(float_divide(&context, A, B)))
ARITHMETIC(xssqrtqp, ROUND(float_square_root(&context, B)))
ARITHMETIC(xsmaddqp, ROUND(float_multiply_add(&context, A, B, T, false)))
ARITHMETIC(xsmsubqp, ROUND(float_multiply_add(&context, A, B, T, true)))
ARITHMETIC(xsnmaddqp, float_negate_number(ROUND(float_multiply_add(&context, A, B, T, false))))
ARITHMETIC(xsnmsubqp, float_negate_number(ROUND(float_multiply_add(&context, A, B, T, true))))

/* Conversions. Those to quad are exact. */
RESULT(xscvdpqp, (void)0, float_quieted(&context, float_operand(cpu, insn->b)))
RESULT(xscvsdqp, (void)0, float_from_signed((int64_t)VSR_D(cpu->s.vsr[insn->b], 0)))
RESULT(xscvudqp, (void)0, float_from_unsigned(VSR_D(cpu->s.vsr[insn->b], 0)))

FLOAT_SCALAR(xscvqpdp, &float_double, float_quieted(&context, B))

ExecStatus op_xscvqpdpo(Cpu *cpu, const Insn *insn)
{
    FloatContext context = float_context(cpu);
    context.rounding = FLOAT_TO_ODD;
    Float x = float_quieted(&context, B);
    return float_deliver(cpu, &context, &float_double, insn->t, x);
}

static ExecStatus to_integer(Cpu *cpu, const Insn *insn, unsigned width, bool is_signed)
{
    FloatContext context = float_context(cpu);
    uint64_t value = float_to_integer(&context, B, FLOAT_TO_ZERO, width, is_signed);
    if (float_commit(cpu, context.raised))
        float_set_vsr(cpu, insn->t, value);
    return float_finish(cpu, context.raised);
}

#define TO_INTEGER(name, width, is_signed)                                                         \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return to_integer(cpu, insn, width, is_signed);                                            \
    }

TO_INTEGER(xscvqpsdz, 64, true)
TO_INTEGER(xscvqpudz, 64, false)
TO_INTEGER(xscvqpswz, 32, true)
TO_INTEGER(xscvqpuwz, 32, false)

/* The rounding that R (bit 15) and RMC (bits 21-22) ask for; reserved codes follow FPSCR.RN. */
static FloatRounding requested_rounding(const Cpu *cpu, const Insn *insn)
{
    static const uint8_t chosen[4] = { FLOAT_NEAREST, FLOAT_TO_ZERO, FLOAT_UP, FLOAT_DOWN };
    unsigned rmc = INSN_BITS(insn, 21, 22);
    if (INSN_BITS(insn, 15, 15))
        return chosen[rmc];
    return rmc ? (FloatRounding)(cpu->s.fpscr & FPSCR_RN) : FLOAT_NEAREST_AWAY;
}

static ExecStatus to_integral(Cpu *cpu, const Insn *insn, bool exact)
{
    FloatContext context = float_context(cpu);
    Float x = float_to_integral(&context, B, requested_rounding(cpu, insn));
    if (!exact)
        context.raised &= FPSCR_VXSNAN;
    else if (context.raised & FPSCR_FI)
        context.raised |= FPSCR_XX;
    return deliver(cpu, &context, insn->t, x);
}

ExecStatus op_xsrqpi(Cpu *cpu, const Insn *insn)
{
    return to_integral(cpu, insn, false);
}

ExecStatus op_xsrqpix(Cpu *cpu, const Insn *insn)
{
    return to_integral(cpu, insn, true);
}

/* Rounds to the precision of double-extended, which has quad's range; NaNs are cut to it. */
ExecStatus op_xsrqpxp(Cpu *cpu, const Insn *insn)
{
    static const FloatFormat extended = { 64, 15, 16383, 24576 };
    FloatContext context = float_context(cpu);
    context.rounding = requested_rounding(cpu, insn);
    Float x = float_round(&context, &extended, float_quieted(&context, B));
    if (x.kind == FLOAT_NAN)
        x.significand = x.significand >> 64 << 64;
    return deliver(cpu, &context, insn->t, x);
}

/* Comparisons. */
ExecStatus op_xscmpuqp(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, false);
}

ExecStatus op_xscmpoqp(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, true);
}

/* Signs: bits only. */
#define SIGN ((Uint128)1 << 127)

#define MOVE(name, expression)                                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        Uint128 b = cpu->s.vsr[insn->b].q;                                                         \
        cpu->s.vsr[insn->t].q = expression;                                                        \
        return EXEC_NEXT;                                                                          \
    }

MOVE(xsabsqp, b & ~SIGN)
MOVE(xsnabsqp, b | SIGN)
MOVE(xsnegqp, b ^ SIGN)
MOVE(xscpsgnqp, (b & ~SIGN) | (cpu->s.vsr[insn->a].q & SIGN))
