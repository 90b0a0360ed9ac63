/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX vector floating point on two doubles or four singles (Power ISA 3.0B, Book I chapter 7).
 *
 * 1. All elements are computed and all their exceptions recorded, then the target is written as a
 *    whole; if any exception is enabled it is not written at all. FR, FI and FPRF stay.
 * 2. In a row a, b and t are the unpacked elements of XA, XB and the old XT.
 */
#include "machine/cpu/float-status.h"

#define LANES(name, count, element, unpack, pack, format_, expression)                             \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const FloatFormat *format G_GNUC_UNUSED = format_;                                         \
        FloatContext context = float_context(cpu);                                                 \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b], vt = cpu->s.vsr[insn->t];    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            Float a G_GNUC_UNUSED = unpack(element(va, i));                                        \
            Float b G_GNUC_UNUSED = unpack(element(vb, i));                                        \
            Float t G_GNUC_UNUSED = unpack(element(vt, i));                                        \
            element(result, i) = pack(expression);                                                 \
        }                                                                                          \
        return float_deliver_vector(cpu, context.raised, insn->t, result);                         \
    }

#define BOTH(name, expression)                                                                     \
    LANES(name##dp, 2, VSR_D, float_unpack_double, float_pack_double, &float_double, expression)   \
    LANES(name##sp, 4, VSR_W, float_unpack_single, float_pack_single, &float_single, expression)

#define ROUND(x) float_round(&context, format, x)

BOTH(xvadd, ROUND(float_add(&context, a, b)))
BOTH(xvsub, ROUND(float_subtract(&context, a, b)))
BOTH(xvmul, ROUND(float_multiply(&context, a, b)))
BOTH(xvdiv, ROUND(float_divide(&context, a, b)))
BOTH(xvsqrt, ROUND(float_square_root(&context, b)))
BOTH(xvre, ROUND(float_reciprocal(&context, b)))
BOTH(xvrsqrte, ROUND(float_reciprocal_root(&context, format, b)))
BOTH(xvmadda, ROUND(float_multiply_add(&context, a, b, t, false)))
BOTH(xvmaddm, ROUND(float_multiply_add(&context, a, t, b, false)))
BOTH(xvmsuba, ROUND(float_multiply_add(&context, a, b, t, true)))
BOTH(xvmsubm, ROUND(float_multiply_add(&context, a, t, b, true)))
BOTH(xvnmadda, float_negate_number(ROUND(float_multiply_add(&context, a, b, t, false))))
BOTH(xvnmaddm, float_negate_number(ROUND(float_multiply_add(&context, a, t, b, false))))
BOTH(xvnmsuba, float_negate_number(ROUND(float_multiply_add(&context, a, b, t, true))))
BOTH(xvnmsubm, float_negate_number(ROUND(float_multiply_add(&context, a, t, b, true))))
BOTH(xvmax, float_extreme(&context, a, b, true))
BOTH(xvmin, float_extreme(&context, a, b, false))

/* Rounding to an integral number; only the C forms report that it was inexact. */
static Float to_integral(FloatContext *context, Float x, FloatRounding rounding, bool exact)
{
    FloatContext inner = { 0 };
    x = float_to_integral(&inner, x, rounding);
    context->raised |= inner.raised & FPSCR_VXSNAN;
    if (exact && (inner.raised & FPSCR_FI))
        context->raised |= FPSCR_XX;
    return x;
}

#define INTEGRAL(suffix, rounding, exact)                                                          \
    LANES(xvrdpi##suffix, 2, VSR_D, float_unpack_double, float_pack_double, &float_double,         \
          to_integral(&context, b, rounding, exact))                                               \
    LANES(xvrspi##suffix, 4, VSR_W, float_unpack_single, float_pack_single, &float_single,         \
          to_integral(&context, b, rounding, exact))

INTEGRAL(, FLOAT_NEAREST_AWAY, false)
INTEGRAL(c, context.rounding, true)
INTEGRAL(m, FLOAT_DOWN, false)
INTEGRAL(p, FLOAT_UP, false)
INTEGRAL(z, FLOAT_TO_ZERO, false)

/* Comparisons: masks, and CR6 (8 all true, 2 all false) for the Rc forms. */
#define COMPARE(name, count, element, unpack, wanted, ordered)                                     \
    static ExecStatus compare_##name(Cpu *cpu, const Insn *insn, bool record)                      \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        Vsr result;                                                                                \
        uint32_t raised = 0;                                                                       \
        unsigned hits = 0;                                                                         \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            Float a = unpack(element(va, i)), b = unpack(element(vb, i));                          \
            bool hit = float_compare_raising(cpu, a, b, ordered, &raised) & (wanted);              \
            element(result, i) = 0 - (uint64_t)hit;                                                \
            hits += hit;                                                                           \
        }                                                                                          \
        if (record)                                                                                \
            cpu->s.crf[6] = hits == (count) ? 8 : hits ? 0 : 2;                                    \
        return float_deliver_vector(cpu, raised, insn->t, result);                                 \
    }                                                                                              \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return compare_##name(cpu, insn, false);                                                   \
    }                                                                                              \
    ExecStatus op_##name##_rc(Cpu *cpu, const Insn *insn)                                          \
    {                                                                                              \
        return compare_##name(cpu, insn, true);                                                    \
    }

#define COMPARE_BOTH(name, wanted, ordered)                                                        \
    COMPARE(name##dp, 2, VSR_D, float_unpack_double, wanted, ordered)                              \
    COMPARE(name##sp, 4, VSR_W, float_unpack_single, wanted, ordered)

COMPARE_BOTH(xvcmpeq, CR_EQ, false)
COMPARE_BOTH(xvcmpgt, CR_GT, true)
COMPARE_BOTH(xvcmpge, CR_GT | CR_EQ, true)

/* The software tests: a condition holds if it does for any element. */
#define TEST(name, count, element, unpack, call)                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        uint8_t code = 0;                                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            Float a G_GNUC_UNUSED = unpack(element(va, i));                                        \
            Float b = unpack(element(vb, i));                                                      \
            code |= call;                                                                          \
        }                                                                                          \
        cpu->s.crf[insn->t] = code;                                                                \
        return EXEC_NEXT;                                                                          \
    }

TEST(xvtdivdp, 2, VSR_D, float_unpack_double, float_test_divide(&float_double, a, b))
TEST(xvtdivsp, 4, VSR_W, float_unpack_single, float_test_divide(&float_single, a, b))
TEST(xvtsqrtdp, 2, VSR_D, float_unpack_double, float_test_root(&float_double, b))
TEST(xvtsqrtsp, 4, VSR_W, float_unpack_single, float_test_root(&float_single, b))

/* Signs: bits only. */
#define SIGNS_DP UINT128(1ull << 63, 1ull << 63)
#define SIGNS_SP UINT128(0x8000000080000000ull, 0x8000000080000000ull)

#define MOVE(name, expression)                                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        Uint128 a G_GNUC_UNUSED = cpu->s.vsr[insn->a].q, b = cpu->s.vsr[insn->b].q;                \
        cpu->s.vsr[insn->t].q = expression;                                                        \
        return EXEC_NEXT;                                                                          \
    }

MOVE(xvabsdp, b & ~SIGNS_DP)
MOVE(xvabssp, b & ~SIGNS_SP)
MOVE(xvnabsdp, b | SIGNS_DP)
MOVE(xvnabssp, b | SIGNS_SP)
MOVE(xvnegdp, b ^ SIGNS_DP)
MOVE(xvnegsp, b ^ SIGNS_SP)
MOVE(xvcpsgndp, (b & ~SIGNS_DP) | (a & SIGNS_DP))
MOVE(xvcpsgnsp, (b & ~SIGNS_SP) | (a & SIGNS_SP))
