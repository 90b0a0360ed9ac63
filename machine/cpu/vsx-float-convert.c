/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX conversions between formats and to and from integers, scalar and vector.
 *
 * 1. A word result of a doubleword stands in both its halves, as processors do where the book
 *    leaves one half undefined.
 * 2. Conversions to integers round to zero. Their FPRF is undefined: it stays.
 */
#include "machine/cpu/float-status.h"

/* Sources, given `source`. */
#define DP(i) float_unpack_double(VSR_D(source, i))
#define SP(i) float_unpack_single(VSR_W(source, i))
#define HP(i) float_unpack(&float_half, VSR_H(source, i))

/* Results. */
#define TO_DOUBLE(x) float_pack_double(float_round(&context, &float_double, x))
#define TO_SINGLE(x) float_pack_single(float_round(&context, &float_single, x))
#define TWICE(w)     (uint64_t)(w) << 32 | (w)
#define QUIET(x)     float_quieted(&context, x)

static inline uint64_t truncated(FloatContext *context, Float x, unsigned width, bool is_signed)
{
    uint64_t value = float_to_integer(context, x, FLOAT_TO_ZERO, width, is_signed);
    return width == 32 ? (uint32_t)value : value;
}

/* Scalar, to a number. */
#define SCALAR(name, format, expression)                                                           \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr source = cpu->s.vsr[insn->b];                                                    \
        FloatContext context = float_context(cpu);                                                 \
        return float_deliver(cpu, &context, format, insn->t, expression);                          \
    }

SCALAR(xscvspdp, &float_double, QUIET(SP(0)))
SCALAR(xscvhpdp, &float_double, QUIET(HP(3)))
SCALAR(xscvsxddp, &float_double, float_from_signed((int64_t)VSR_D(source, 0)))
SCALAR(xscvuxddp, &float_double, float_from_unsigned(VSR_D(source, 0)))
SCALAR(xscvsxdsp, &float_single, float_from_signed((int64_t)VSR_D(source, 0)))
SCALAR(xscvuxdsp, &float_single, float_from_unsigned(VSR_D(source, 0)))

ExecStatus op_xscvdpsp(Cpu *cpu, const Insn *insn)
{
    FloatContext context = float_context(cpu);
    Float x = float_round(&context, &float_single, QUIET(float_operand(cpu, insn->b)));
    if (float_commit(cpu, context.raised)) {
        float_set_fprf(cpu, float_class(&float_single, x));
        float_set_vsr(cpu, insn->t, TWICE(float_pack_single(x)));
    }
    return float_finish(cpu, context.raised);
}

ExecStatus op_xscvdphp(Cpu *cpu, const Insn *insn)
{
    FloatContext context = float_context(cpu);
    Float x = float_round(&context, &float_half, QUIET(float_operand(cpu, insn->b)));
    if (float_commit(cpu, context.raised)) {
        float_set_fprf(cpu, float_class(&float_half, x));
        float_set_vsr(cpu, insn->t, (uint64_t)float_pack(&float_half, x));
    }
    return float_finish(cpu, context.raised);
}

/* The forms that signal nothing move bits as loads and stores of single do. */
ExecStatus op_xscvdpspn(Cpu *cpu, const Insn *insn)
{
    float_set_vsr(cpu, insn->t, TWICE(float_double_to_single(VSR_D(cpu->s.vsr[insn->b], 0))));
    return EXEC_NEXT;
}

ExecStatus op_xscvspdpn(Cpu *cpu, const Insn *insn)
{
    float_set_vsr(cpu, insn->t, float_single_to_double(VSR_W(cpu->s.vsr[insn->b], 0)));
    return EXEC_NEXT;
}

/* Scalar, to an integer. */
static ExecStatus to_integer(Cpu *cpu, const Insn *insn, unsigned width, bool is_signed)
{
    FloatContext context = float_context(cpu);
    uint64_t value = truncated(&context, float_operand(cpu, insn->b), width, is_signed);
    if (float_commit(cpu, context.raised))
        float_set_vsr(cpu, insn->t, width == 32 ? TWICE(value) : value);
    return float_finish(cpu, context.raised);
}

#define TO_INTEGER(name, width, is_signed)                                                         \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return to_integer(cpu, insn, width, is_signed);                                            \
    }

TO_INTEGER(xscvdpsxds, 64, true)
TO_INTEGER(xscvdpuxds, 64, false)
TO_INTEGER(xscvdpsxws, 32, true)
TO_INTEGER(xscvdpuxws, 32, false)

/* Vector. In a row i is the element of the result. */
#define VECTOR(name, count, element, expression)                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr source = cpu->s.vsr[insn->b];                                                    \
        FloatContext context = float_context(cpu);                                                 \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < (count); i++)                                                     \
            element(result, i) = expression;                                                       \
        return float_deliver_vector(cpu, context.raised, insn->t, result);                         \
    }

/* A word result for each doubleword. */
#define VECTOR_TWICE(name, expression)                                                             \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr source = cpu->s.vsr[insn->b];                                                    \
        FloatContext context = float_context(cpu);                                                 \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < 2; i++) {                                                         \
            uint32_t word = (uint32_t)(expression);                                                \
            VSR_D(result, i) = TWICE(word);                                                        \
        }                                                                                          \
        return float_deliver_vector(cpu, context.raised, insn->t, result);                         \
    }

VECTOR_TWICE(xvcvdpsp, TO_SINGLE(QUIET(DP(i))))
VECTOR(xvcvspdp, 2, VSR_D, float_pack_double(QUIET(SP(2 * i))))
VECTOR(xvcvhpsp, 4, VSR_W, float_pack_single(QUIET(HP(2 * i + 1))))
VECTOR(xvcvsphp, 4, VSR_W,
       (uint32_t)float_pack(&float_half, float_round(&context, &float_half, QUIET(SP(i)))))

VECTOR(xvcvdpsxds, 2, VSR_D, truncated(&context, DP(i), 64, true))
VECTOR(xvcvdpuxds, 2, VSR_D, truncated(&context, DP(i), 64, false))
VECTOR_TWICE(xvcvdpsxws, truncated(&context, DP(i), 32, true))
VECTOR_TWICE(xvcvdpuxws, truncated(&context, DP(i), 32, false))
VECTOR(xvcvspsxds, 2, VSR_D, truncated(&context, SP(2 * i), 64, true))
VECTOR(xvcvspuxds, 2, VSR_D, truncated(&context, SP(2 * i), 64, false))
VECTOR(xvcvspsxws, 4, VSR_W, (uint32_t)truncated(&context, SP(i), 32, true))
VECTOR(xvcvspuxws, 4, VSR_W, (uint32_t)truncated(&context, SP(i), 32, false))

VECTOR(xvcvsxddp, 2, VSR_D, TO_DOUBLE(float_from_signed((int64_t)VSR_D(source, i))))
VECTOR(xvcvuxddp, 2, VSR_D, TO_DOUBLE(float_from_unsigned(VSR_D(source, i))))
VECTOR_TWICE(xvcvsxdsp, TO_SINGLE(float_from_signed((int64_t)VSR_D(source, i))))
VECTOR_TWICE(xvcvuxdsp, TO_SINGLE(float_from_unsigned(VSR_D(source, i))))
VECTOR(xvcvsxwdp, 2, VSR_D, TO_DOUBLE(float_from_signed((int32_t)VSR_W(source, 2 * i))))
VECTOR(xvcvuxwdp, 2, VSR_D, TO_DOUBLE(float_from_unsigned(VSR_W(source, 2 * i))))
VECTOR(xvcvsxwsp, 4, VSR_W, TO_SINGLE(float_from_signed((int32_t)VSR_W(source, i))))
VECTOR(xvcvuxwsp, 4, VSR_W, TO_SINGLE(float_from_unsigned(VSR_W(source, i))))
