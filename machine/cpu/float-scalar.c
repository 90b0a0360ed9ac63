/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalar floating-point arithmetic on the FPRs (Power ISA 3.0B, Book I 4.6.6 to 4.6.9).
 *
 * 1. Single-precision forms take operands of any double value and round once from the exact result.
 *    A NaN keeps the payload bits that single has.
 * 2. Negating forms negate after rounding, and never a NaN.
 * 3. Comparisons set FPCC alone of FPRF and leave FR and FI.
 */
#include "machine/cpu/float-status.h"

#define ARITHMETIC(name, format, expression) FLOAT_SCALAR(name, format, expression) FLOAT_RC(name)
#define NEGATED(name, format, expression)    FLOAT_NEGATED(name, format, expression) FLOAT_RC(name)

#define A float_operand(cpu, insn->a)
#define B float_operand(cpu, insn->b)
#define C float_operand(cpu, insn->c)

ARITHMETIC(fadd, &float_double, float_add(&context, A, B))
ARITHMETIC(fadds, &float_single, float_add(&context, A, B))
ARITHMETIC(fsub, &float_double, float_subtract(&context, A, B))
ARITHMETIC(fsubs, &float_single, float_subtract(&context, A, B))
ARITHMETIC(fmul, &float_double, float_multiply(&context, A, C))
ARITHMETIC(fmuls, &float_single, float_multiply(&context, A, C))
ARITHMETIC(fdiv, &float_double, float_divide(&context, A, B))
ARITHMETIC(fdivs, &float_single, float_divide(&context, A, B))
ARITHMETIC(fsqrt, &float_double, float_square_root(&context, B))
ARITHMETIC(fsqrts, &float_single, float_square_root(&context, B))
ARITHMETIC(fre, &float_double, float_reciprocal(&context, B))
ARITHMETIC(fres, &float_single, float_reciprocal(&context, B))
ARITHMETIC(frsqrte, &float_double, float_reciprocal_root(&context, &float_double, B))
ARITHMETIC(frsqrtes, &float_single, float_reciprocal_root(&context, &float_double, B))
ARITHMETIC(fmadd, &float_double, float_multiply_add(&context, A, C, B, false))
ARITHMETIC(fmadds, &float_single, float_multiply_add(&context, A, C, B, false))
ARITHMETIC(fmsub, &float_double, float_multiply_add(&context, A, C, B, true))
ARITHMETIC(fmsubs, &float_single, float_multiply_add(&context, A, C, B, true))
NEGATED(fnmadd, &float_double, float_multiply_add(&context, A, C, B, false))
NEGATED(fnmadds, &float_single, float_multiply_add(&context, A, C, B, false))
NEGATED(fnmsub, &float_double, float_multiply_add(&context, A, C, B, true))
NEGATED(fnmsubs, &float_single, float_multiply_add(&context, A, C, B, true))

ARITHMETIC(frsp, &float_single, float_quieted(&context, B))

/* Integers of 64 bits to numbers; only double and single need rounding. */
ARITHMETIC(fcfid, &float_double, float_from_signed((int64_t)cpu_fpr(cpu, insn->b)))
ARITHMETIC(fcfids, &float_single, float_from_signed((int64_t)cpu_fpr(cpu, insn->b)))
ARITHMETIC(fcfidu, &float_double, float_from_unsigned(cpu_fpr(cpu, insn->b)))
ARITHMETIC(fcfidus, &float_single, float_from_unsigned(cpu_fpr(cpu, insn->b)))

/*
 * Conversions to integers. FPRF is undefined: it stays, or becomes that of a NaN with VXCVI. So is
 * the high word of the word forms: the sign of the result, except that a NaN's word is not
 * extended.
 */
static ExecStatus to_integer(Cpu *cpu, const Insn *insn, FloatRounding rounding, unsigned width,
                             bool is_signed)
{
    FloatContext context = float_context(cpu);
    Float x = B;
    uint64_t value = float_to_integer(&context, x, rounding, width, is_signed);
    if (x.kind == FLOAT_NAN && width == 32)
        value &= 0xffffffffu;
    if (float_commit(cpu, context.raised)) {
        if (context.raised & FPSCR_VXCVI)
            float_set_fprf(cpu, 0x11);
        float_set_vsr(cpu, insn->t, value);
    }
    return float_finish(cpu, context.raised);
}

#define TO_INTEGER(name, width, is_signed)                                                         \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return to_integer(cpu, insn, cpu->s.fpscr & FPSCR_RN, width, is_signed);                   \
    }                                                                                              \
    FLOAT_RC(name)                                                                                 \
    ExecStatus op_##name##z(Cpu *cpu, const Insn *insn)                                            \
    {                                                                                              \
        return to_integer(cpu, insn, FLOAT_TO_ZERO, width, is_signed);                             \
    }                                                                                              \
    FLOAT_RC(name##z)

TO_INTEGER(fctid, 64, true)
TO_INTEGER(fctidu, 64, false)
TO_INTEGER(fctiw, 32, true)
TO_INTEGER(fctiwu, 32, false)

/* Rounding to an integral number: never inexact, FR and FI are 0. */
static ExecStatus to_integral(Cpu *cpu, const Insn *insn, FloatRounding rounding)
{
    FloatContext context = float_context(cpu);
    Float x = float_to_integral(&context, B, rounding);
    context.raised &= FPSCR_VXSNAN;
    return float_deliver(cpu, &context, &float_double, insn->t, x);
}

#define TO_INTEGRAL(name, rounding)                                                                \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return to_integral(cpu, insn, rounding);                                                   \
    }                                                                                              \
    FLOAT_RC(name)

TO_INTEGRAL(frin, FLOAT_NEAREST_AWAY)
TO_INTEGRAL(friz, FLOAT_TO_ZERO)
TO_INTEGRAL(frip, FLOAT_UP)
TO_INTEGRAL(frim, FLOAT_DOWN)

/* Comparisons. */
ExecStatus op_fcmpu(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, false);
}

ExecStatus op_fcmpo(Cpu *cpu, const Insn *insn)
{
    return float_compare_ordered(cpu, insn->t, A, B, true);
}

ExecStatus op_ftdiv(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = float_test_divide(&float_double, A, B);
    return EXEC_NEXT;
}

ExecStatus op_ftsqrt(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = float_test_root(&float_double, B);
    return EXEC_NEXT;
}

/* Moves: bits only. */
#define SIGN (1ull << 63)

#define MOVE(name, expression)                                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t b = cpu_fpr(cpu, insn->b);                                                        \
        cpu_set_fpr(cpu, insn->t, expression);                                                     \
        return EXEC_NEXT;                                                                          \
    }

#define MOVE_RC(name, expression) MOVE(name, expression) FLOAT_RC(name)

MOVE_RC(fmr, b)
MOVE_RC(fneg, b ^ SIGN)
MOVE_RC(fabs, b & ~SIGN)
MOVE_RC(fnabs, b | SIGN)
MOVE_RC(fcpsgn, (b & ~SIGN) | (cpu_fpr(cpu, insn->a) & SIGN))
MOVE(fmrgew, cpu_fpr(cpu, insn->a) >> 32 << 32 | b >> 32)
MOVE(fmrgow, cpu_fpr(cpu, insn->a) << 32 | (uint32_t)b)

/* C if A >= 0 (-0 is, a NaN is not), else B. */
ExecStatus op_fsel(Cpu *cpu, const Insn *insn)
{
    Float a = A;
    bool take_c = a.kind == FLOAT_ZERO || (a.kind != FLOAT_NAN && !a.sign);
    cpu_set_fpr(cpu, insn->t, cpu_fpr(cpu, take_c ? insn->c : insn->b));
    return EXEC_NEXT;
}
FLOAT_RC(fsel)
