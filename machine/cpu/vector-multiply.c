/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX integer products, sums of products, and sums across elements.
 *
 * Every saturating sum is formed exactly in 64 bits and saturated once, at the end, as the book has
 * it: intermediate sums do not saturate.
 */
#include "machine/cpu/vector-lanes.h"

#define SATURATE_SW(value) SATURATE(value, INT32_MIN, INT32_MAX)
#define SATURATE_UW(value) SATURATE(value, 0, UINT32_MAX)

LANES(vmuluwm, uint32_t, w, a *b)

/* Even elements are those whose book number is even: ODD picks the other of each pair. */
#define PRODUCT(name, type, wide, element, wide_element, count, odd)                               \
    ELEMENTS(name, wide_element, count,                                                            \
             (wide)(type)element(va, 2 * i + odd) * (wide)(type)element(vb, 2 * i + odd))

PRODUCT(vmuleub, uint8_t, uint32_t, VSR_B, VSR_H, 8, 0)
PRODUCT(vmuloub, uint8_t, uint32_t, VSR_B, VSR_H, 8, 1)
PRODUCT(vmulesb, int8_t, int32_t, VSR_B, VSR_H, 8, 0)
PRODUCT(vmulosb, int8_t, int32_t, VSR_B, VSR_H, 8, 1)
PRODUCT(vmuleuh, uint16_t, uint32_t, VSR_H, VSR_W, 4, 0)
PRODUCT(vmulouh, uint16_t, uint32_t, VSR_H, VSR_W, 4, 1)
PRODUCT(vmulesh, int16_t, int32_t, VSR_H, VSR_W, 4, 0)
PRODUCT(vmulosh, int16_t, int32_t, VSR_H, VSR_W, 4, 1)
PRODUCT(vmuleuw, uint32_t, uint64_t, VSR_W, VSR_D, 2, 0)
PRODUCT(vmulouw, uint32_t, uint64_t, VSR_W, VSR_D, 2, 1)
PRODUCT(vmulesw, int32_t, int64_t, VSR_W, VSR_D, 2, 0)
PRODUCT(vmulosw, int32_t, int64_t, VSR_W, VSR_D, 2, 1)

/* Halfword multiply-add. */
LANES_3(vmhaddshs, int16_t, h, SATURATE(((a * b) >> 15) + c, INT16_MIN, INT16_MAX))
LANES_3(vmhraddshs, int16_t, h, SATURATE(((a * b + 0x4000) >> 15) + c, INT16_MIN, INT16_MAX))
LANES_3(vmladduhm, uint16_t, h, (uint32_t)a *b + c)

/*
 * Each word of the result: the products of the elements in that word of VRA and VRB, added to the
 * word of VRC. The grouping is the same from either end, so host lanes serve.
 */
#define PRODUCT_SUM(name, a_type, b_type, lane, c_type, finish)                                    \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b], vc = cpu->s.vsr[insn->c];    \
        const unsigned n = G_N_ELEMENTS(va.lane) / 4;                                              \
        unsigned saturated = 0;                                                                    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            int64_t sum = (c_type)vc.w[i];                                                         \
            for (unsigned j = n * i; j < n * (i + 1); j++)                                         \
                sum += (int64_t)(a_type)va.lane[j] * (b_type)vb.lane[j];                           \
            result.w[i] = (uint32_t)finish(sum);                                                   \
        }                                                                                          \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

PRODUCT_SUM(vmsumubm, uint8_t, uint8_t, b, uint32_t, )
PRODUCT_SUM(vmsummbm, int8_t, uint8_t, b, int32_t, )
PRODUCT_SUM(vmsumuhm, uint16_t, uint16_t, h, uint32_t, )
PRODUCT_SUM(vmsumshm, int16_t, int16_t, h, int32_t, )
PRODUCT_SUM(vmsumuhs, uint16_t, uint16_t, h, uint32_t, SATURATE_UW)
PRODUCT_SUM(vmsumshs, int16_t, int16_t, h, int32_t, SATURATE_SW)

ExecStatus op_vmsumudm(Cpu *cpu, const Insn *insn)
{
    const Vsr *va = &cpu->s.vsr[insn->a], *vb = &cpu->s.vsr[insn->b];
    cpu->s.vsr[insn->t].q =
        (Quad)va->d[0] * vb->d[0] + (Quad)va->d[1] * vb->d[1] + cpu->s.vsr[insn->c].q;
    return EXEC_NEXT;
}

/* Sums across: the COUNT elements of VRA that end with word i, and that word of VRB. */
#define SUM_ACROSS(name, type, element, count, b_type, finish, is_target)                          \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        const unsigned per_word = 4 / sizeof(type);                                                \
        unsigned saturated = 0;                                                                    \
        Vsr result = { 0 };                                                                        \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            int64_t sum = (b_type)VSR_W(vb, i);                                                    \
            if (!(is_target))                                                                      \
                continue;                                                                          \
            for (unsigned j = per_word * (i + 1) - (count); j < per_word * (i + 1); j++)           \
                sum += (type)element(va, j);                                                       \
            VSR_W(result, i) = (uint32_t)finish(sum);                                              \
        }                                                                                          \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

SUM_ACROSS(vsum4ubs, uint8_t, VSR_B, 4, uint32_t, SATURATE_UW, true)
SUM_ACROSS(vsum4sbs, int8_t, VSR_B, 4, int32_t, SATURATE_SW, true)
SUM_ACROSS(vsum4shs, int16_t, VSR_H, 2, int32_t, SATURATE_SW, true)
SUM_ACROSS(vsum2sws, int32_t, VSR_W, 2, int32_t, SATURATE_SW, i & 1)
SUM_ACROSS(vsumsws, int32_t, VSR_W, 4, int32_t, SATURATE_SW, i == 3)
