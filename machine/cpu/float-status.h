/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPSCR: what an operation noticed, merged into the processor.
 *
 * 1. FPSCR.VX and FPSCR.FEX always agree with the bits they summarise.
 * 2. FX is set when an exception bit goes from 0 to 1.
 * 3. An enabled invalid operation or division by zero leaves the target and FPRF alone and clears
 *    FR and FI; other enabled exceptions deliver their result first. A vector operation with any
 *    enabled exception leaves its target alone. Then, if MSR.FE0 or FE1 is set, the program
 *    interrupt is raised; both imprecise modes act as the precise one.
 */
#ifndef MACHINE_CPU_FLOAT_STATUS_H
#define MACHINE_CPU_FLOAT_STATUS_H

#include "machine/cpu/cpu.h"
#include "machine/cpu/float.h"
#include "machine/cpu/ops.h"

static inline FloatContext float_context(const Cpu *cpu)
{
    return (FloatContext){ .rounding = cpu->s.fpscr & FPSCR_RN,
                           .scaling = cpu->s.fpscr & (FPSCR_OE | FPSCR_UE) };
}

/* The raised exceptions (FPSCR exception bits) that FPSCR enables. */
static inline uint32_t float_enabled(const Cpu *cpu, uint32_t raised)
{
    uint32_t fpscr = (uint32_t)cpu->s.fpscr;
    uint32_t on = (raised & FPSCR_VX_ALL) && (fpscr & FPSCR_VE) ? FPSCR_VX_ALL : 0;
    /* OX, UX, ZX, XX stand 22 places above their enables. */
    on |= (fpscr & (FPSCR_OE | FPSCR_UE | FPSCR_ZE | FPSCR_XE)) << 22;
    return raised & on;
}

/* FPSCR with VX and FEX computed afresh. */
uint64_t float_summarise(uint64_t fpscr);

/* Adds exception bits RAISED to FPSCR; other bits of RAISED are ignored. */
static inline void float_raise(Cpu *cpu, uint32_t raised)
{
    raised &= FPSCR_EXCEPTIONS;
    if (G_LIKELY(!(raised & ~cpu->s.fpscr)))
        return;
    cpu->s.fpscr = float_summarise(cpu->s.fpscr | raised | FPSCR_FX);
}

/* The program interrupt for enabled exceptions, if the MSR wants it. */
ExecStatus float_trap(Cpu *cpu);

/*
 * Ends a scalar operation: merges RAISED with FR and FI, and returns whether the target and FPRF
 * may be written. Follow with float_finish().
 */
static inline bool float_commit(Cpu *cpu, uint32_t raised)
{
    float_raise(cpu, raised);
    cpu->s.fpscr &= ~(uint64_t)(FPSCR_FR | FPSCR_FI);
    if (G_UNLIKELY(float_enabled(cpu, raised) & (FPSCR_VX_ALL | FPSCR_ZX)))
        return false;
    cpu->s.fpscr |= raised & (FPSCR_FR | FPSCR_FI);
    return true;
}

static inline void float_set_fprf(Cpu *cpu, unsigned code)
{
    cpu->s.fpscr = (cpu->s.fpscr & ~(uint64_t)FPSCR_FPRF) | code << FPSCR_FPRF_SHIFT;
}

static inline void float_set_fpcc(Cpu *cpu, unsigned code)
{
    cpu->s.fpscr = (cpu->s.fpscr & ~(uint64_t)FPSCR_FPCC) | code << FPSCR_FPRF_SHIFT;
}

/* How the instruction ends once its result stands. */
static inline ExecStatus float_finish(Cpu *cpu, uint32_t raised)
{
    if (G_UNLIKELY(float_enabled(cpu, raised)))
        return float_trap(cpu);
    return EXEC_NEXT;
}

/* CR1 of an Rc=1 form: FX, FEX, VX and OX. */
static inline void float_set_cr1(Cpu *cpu)
{
    cpu->s.crf[1] = (cpu->s.fpscr >> 28) & 15;
}

/* A register's doubleword 0, the other one cleared; VSX scalar results. */
static inline void float_set_vsr(Cpu *cpu, unsigned n, uint64_t value)
{
    cpu->s.vsr[n].q = UINT128(value, 0);
}

/* A NaN of a single-precision result has a payload that single can hold. */
static inline Float float_narrow_nan(const FloatFormat *format, Float x)
{
    if (G_UNLIKELY(x.kind == FLOAT_NAN) && format == &float_single)
        x.significand = x.significand >> 104 << 104;
    return x;
}

/* Ends an arithmetic operation: X, rounded to FORMAT, goes to doubleword 0 of VSR T. */
FLOAT_HOT ExecStatus float_deliver(Cpu *cpu, FloatContext *context, const FloatFormat *format,
                                   unsigned t, Float x)
{
    x = float_narrow_nan(format, float_round(context, format, x));
    if (float_commit(cpu, context->raised)) {
        float_set_fprf(cpu, float_class(format, x));
        float_set_vsr(cpu, t, float_pack_double(x));
    }
    return float_finish(cpu, context->raised);
}

/* The same for the negating forms: negated after rounding, unless it is a NaN. */
FLOAT_HOT ExecStatus float_deliver_negated(Cpu *cpu, FloatContext *context,
                                           const FloatFormat *format, unsigned t, Float x)
{
    x = float_narrow_nan(format, float_negate_number(float_round(context, format, x)));
    if (float_commit(cpu, context->raised)) {
        float_set_fprf(cpu, float_class(format, x));
        float_set_vsr(cpu, t, float_pack_double(x));
    }
    return float_finish(cpu, context->raised);
}

/* Ends a vector operation whose result goes to VSR T. */
static inline ExecStatus float_deliver_vector(Cpu *cpu, uint32_t raised, unsigned t, Vsr result)
{
    float_raise(cpu, raised);
    if (G_UNLIKELY(float_enabled(cpu, raised)))
        return float_trap(cpu);
    cpu->s.vsr[t] = result;
    return EXEC_NEXT;
}

/*
 * Compares into CR field FIELD and FPCC. SNaNs raise VXSNAN; if ORDERED, QNaNs raise VXVC, and
 * SNaNs do too unless invalid operations are enabled.
 */
ExecStatus float_compare_ordered(Cpu *cpu, unsigned field, Float a, Float b, bool ordered);

/* How A relates to B, the same exceptions added to *RAISED. */
unsigned float_compare_raising(const Cpu *cpu, Float a, Float b, bool ordered, uint32_t *raised);

/*
 * The greater (or lesser) of A and B. One quiet NaN loses against a number, a signalling one comes
 * back quiet; -0 is less than +0.
 */
Float float_extreme(FloatContext *context, Float a, Float b, bool want_maximum);

/* The CR field of the software divide and square root tests. */
uint8_t float_test_divide(const FloatFormat *format, Float a, Float b);
uint8_t float_test_root(const FloatFormat *format, Float b);

/* Loads and stores of single numbers: bits only, no exceptions, SNaNs stay as they are. */
uint64_t float_single_to_double(uint32_t single);
uint32_t float_double_to_single(uint64_t bits);

/* The double in doubleword 0 of VSR N. */
static inline Float float_operand(const Cpu *cpu, unsigned n)
{
    return float_unpack_double(VSR_D(cpu->s.vsr[n], 0));
}

/* Defines op_NAME: EXPRESSION, which may use cpu, insn and context, rounded to FORMAT. */
#define FLOAT_SCALAR(name, format, expression)                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        FloatContext context = float_context(cpu);                                                 \
        Float x = expression;                                                                      \
        return float_deliver(cpu, &context, format, insn->t, x);                                   \
    }

/* The same, negated. */
#define FLOAT_NEGATED(name, format, expression)                                                    \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        FloatContext context = float_context(cpu);                                                 \
        Float x = expression;                                                                      \
        return float_deliver_negated(cpu, &context, format, insn->t, x);                           \
    }

/* Defines the Rc=1 form of op_NAME. */
#define FLOAT_RC(name)                                                                             \
    ExecStatus op_##name##_rc(Cpu *cpu, const Insn *insn)                                          \
    {                                                                                              \
        ExecStatus status = op_##name(cpu, insn);                                                  \
        float_set_cr1(cpu);                                                                        \
        return status;                                                                             \
    }

#endif
