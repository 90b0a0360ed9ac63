/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makers of vector instructions: each row of a vector file is one instruction.
 *
 * 1. Inside a row a, b and c are the operands' elements at the lane being made (VRA, VRB, VRC).
 * 2. Operands are copied before anything is written, since the target may be one of them.
 * 3. A row that works lane by lane may use the host's lane order; whatever names one certain
 * element uses VSR_B, VSR_H, VSR_W, VSR_D.
 */
#ifndef MACHINE_CPU_VECTOR_LANES_H
#define MACHINE_CPU_VECTOR_LANES_H

#include "machine/cpu/cpu.h"
#include "machine/cpu/ops.h"

typedef unsigned __int128 Quad;

/* VALUE, or the bound that it passes; notes in the row's `saturated` that it did. */
#define SATURATE(value, low, high) vector_saturate((value), (low), (high), &saturated)

static inline int64_t vector_saturate(int64_t value, int64_t low, int64_t high, unsigned *saturated)
{
    int64_t result = value < low ? low : value > high ? high : value;
    *saturated |= result != value;
    return result;
}

/* The carry out of a + b + carry, carry being 0 or 1. */
static inline Quad quad_carry(Quad a, Quad b, Quad carry)
{
    Quad sum = a + b;
    return (Quad)(sum < a) | (Quad)(sum + carry < sum);
}

/* Each lane of the result from the same lane of the operands. */
#define LANES(name, type, lane, expression)                                                        \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        const Vsr vt = cpu->s.vsr[insn->t];                                                        \
        unsigned saturated = 0;                                                                    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < G_N_ELEMENTS(result.lane); i++) {                                 \
            const type a = (type)va.lane[i], b = (type)vb.lane[i], t = (type)vt.lane[i];           \
            (void)a, (void)b, (void)t;                                                             \
            result.lane[i] = (type)(expression);                                                   \
        }                                                                                          \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

/* The same with a third operand. */
#define LANES_3(name, type, lane, expression)                                                      \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b], vc = cpu->s.vsr[insn->c];    \
        unsigned saturated = 0;                                                                    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < G_N_ELEMENTS(result.lane); i++) {                                 \
            const type a = (type)va.lane[i], b = (type)vb.lane[i], c = (type)vc.lane[i];           \
            result.lane[i] = (type)(expression);                                                   \
        }                                                                                          \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

/* The register as one number of 128 bits. */
#define QUAD_2(name, expression)                                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Quad a = cpu->s.vsr[insn->a].q, b = cpu->s.vsr[insn->b].q;                           \
        (void)a, (void)b;                                                                          \
        cpu->s.vsr[insn->t].q = (expression);                                                      \
        return EXEC_NEXT;                                                                          \
    }

#define QUAD_3(name, expression)                                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Quad a = cpu->s.vsr[insn->a].q, b = cpu->s.vsr[insn->b].q,                           \
                   c = cpu->s.vsr[insn->c].q;                                                      \
        cpu->s.vsr[insn->t].q = (expression);                                                      \
        return EXEC_NEXT;                                                                          \
    }

/*
 * COUNT elements of the result, ELEMENT being VSR_B, VSR_H, VSR_W or VSR_D, as a function of the
 * book's element number i and the registers va, vb; the elements beyond COUNT are zero.
 */
#define ELEMENTS(name, element, count, expression)                                                 \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        (void)va, (void)vb;                                                                        \
        unsigned saturated = 0;                                                                    \
        Vsr result = { 0 };                                                                        \
        for (unsigned i = 0; i < (count); i++)                                                     \
            element(result, i) = (__typeof__(element(result, i)))(expression);                     \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

#endif
