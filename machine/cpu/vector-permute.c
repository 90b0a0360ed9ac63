/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX instructions that move elements: merge, splat, permute, extract, insert, pack, unpack.
 *
 * Everything here is by the book's element numbers, which do not depend on the byte order of
 * storage. An immediate that points outside the register leaves the result undefined: splats take
 * it modulo the number of elements, extracts read zeros there, inserts do nothing.
 */
#include "machine/cpu/vector-lanes.h"

#define UIM4 INSN_BITS(insn, 12, 15)

/* Merge: element i from VRA if i is even, else from VRB. */
#define MERGE(name, element, count, index)                                                         \
    ELEMENTS(name, element, count, i & 1 ? element(vb, index) : element(va, index))

MERGE(vmrghb, VSR_B, 16, i / 2)
MERGE(vmrghh, VSR_H, 8, i / 2)
MERGE(vmrghw, VSR_W, 4, i / 2)
MERGE(vmrglb, VSR_B, 16, 8 + i / 2)
MERGE(vmrglh, VSR_H, 8, 4 + i / 2)
MERGE(vmrglw, VSR_W, 4, 2 + i / 2)
MERGE(vmrgew, VSR_W, 4, i & 2)
MERGE(vmrgow, VSR_W, 4, (i & 2) + 1)

ELEMENTS(vspltb, VSR_B, 16, VSR_B(vb, UIM4))
ELEMENTS(vsplth, VSR_H, 8, VSR_H(vb, UIM4 & 7))
ELEMENTS(vspltw, VSR_W, 4, VSR_W(vb, UIM4 & 3))

/* SIM, bits 11-15, is signed. */
#define SIM ((int32_t)(insn->word << 11) >> 27)
ELEMENTS(vspltisb, VSR_B, 16, SIM)
ELEMENTS(vspltish, VSR_H, 8, SIM)
ELEMENTS(vspltisw, VSR_W, 4, SIM)

/* Byte INDEX (modulo 32) of VRA || VRB. */
static inline uint8_t byte_of_pair(const Vsr *va, const Vsr *vb, unsigned index)
{
    return index & 16 ? VSR_B(*vb, index & 15) : VSR_B(*va, index & 15);
}

#define PERMUTE(name, expression)                                                                  \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b], vc = cpu->s.vsr[insn->c];    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < 16; i++) {                                                        \
            const unsigned control = VSR_B(vc, i);                                                 \
            VSR_B(result, i) = (expression);                                                       \
        }                                                                                          \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

PERMUTE(vperm, byte_of_pair(&va, &vb, control))
PERMUTE(vpermr, byte_of_pair(&va, &vb, 31 - control))
PERMUTE(vpermxor, VSR_B(va, control >> 4) ^ VSR_B(vb, control & 15))

/*
 * Extract SIZE bytes from byte UIM on, zero-extended into doubleword 0; insert the low SIZE bytes
 * of doubleword 0 at byte UIM.
 */
static ExecStatus extract(Cpu *cpu, const Insn *insn, unsigned size)
{
    const Vsr vb = cpu->s.vsr[insn->b];
    Vsr result = { 0 };
    for (unsigned i = 0; i < size; i++)
        VSR_B(result, 8 - size + i) = UIM4 + i < 16 ? VSR_B(vb, UIM4 + i) : 0;
    cpu->s.vsr[insn->t] = result;
    return EXEC_NEXT;
}

static ExecStatus insert(Cpu *cpu, const Insn *insn, unsigned size)
{
    const Vsr vb = cpu->s.vsr[insn->b];
    if (UIM4 + size > 16)
        return EXEC_NEXT;
    for (unsigned i = 0; i < size; i++)
        VSR_B(cpu->s.vsr[insn->t], UIM4 + i) = VSR_B(vb, 8 - size + i);
    return EXEC_NEXT;
}

#define EXTRACT_INSERT(suffix, extract_suffix, size)                                               \
    ExecStatus op_vextract##extract_suffix(Cpu *cpu, const Insn *insn)                             \
    {                                                                                              \
        return extract(cpu, insn, size);                                                           \
    }                                                                                              \
    ExecStatus op_vinsert##suffix(Cpu *cpu, const Insn *insn)                                      \
    {                                                                                              \
        return insert(cpu, insn, size);                                                            \
    }

EXTRACT_INSERT(b, ub, 1)
EXTRACT_INSERT(h, uh, 2)
EXTRACT_INSERT(w, uw, 4)
EXTRACT_INSERT(d, d, 8)

/*
 * Extract into a GPR: the number of the first byte, from the left or from the right, is in RA.
 * Beyond the register (undefined) the left forms read zeros and the right forms the sign of the
 * vector.
 */
#define EXTRACT_GPR(name, type, shift_right)                                                       \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Quad b = cpu->s.vsr[insn->b].q;                                                      \
        const unsigned index = cpu->s.gpr[insn->a] & 15;                                           \
        cpu->s.gpr[insn->t] = (type)(shift_right);                                                 \
        return EXEC_NEXT;                                                                          \
    }
#define FROM_LEFT(type) ((b << 8 * index) >> (128 - 8 * sizeof(type)))
#define FROM_RIGHT      ((__int128)b >> 8 * index)

EXTRACT_GPR(vextublx, uint8_t, FROM_LEFT(uint8_t))
EXTRACT_GPR(vextuhlx, uint16_t, FROM_LEFT(uint16_t))
EXTRACT_GPR(vextuwlx, uint32_t, FROM_LEFT(uint32_t))
EXTRACT_GPR(vextubrx, uint8_t, FROM_RIGHT)
EXTRACT_GPR(vextuhrx, uint16_t, FROM_RIGHT)
EXTRACT_GPR(vextuwrx, uint32_t, FROM_RIGHT)

/* Pack: the elements x of VRA || VRB, each made half as wide. */
#define PACK(name, type, wide_element, element, count, expression)                                 \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        unsigned saturated = 0;                                                                    \
        Vsr result;                                                                                \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            const type x =                                                                         \
                (type)(i < (count) / 2 ? wide_element(va, i) : wide_element(vb, i - (count) / 2)); \
            element(result, i) = (__typeof__(element(result, i)))(expression);                     \
        }                                                                                          \
        cpu->s.vscr_sat |= (uint8_t)saturated;                                                     \
        cpu->s.vsr[insn->t] = result;                                                              \
        return EXEC_NEXT;                                                                          \
    }

PACK(vpkuhum, uint16_t, VSR_H, VSR_B, 16, x)
PACK(vpkuwum, uint32_t, VSR_W, VSR_H, 8, x)
PACK(vpkudum, uint64_t, VSR_D, VSR_W, 4, x)
PACK(vpkuhus, uint16_t, VSR_H, VSR_B, 16, SATURATE(x, 0, UINT8_MAX))
PACK(vpkuwus, uint32_t, VSR_W, VSR_H, 8, SATURATE(x, 0, UINT16_MAX))
PACK(vpkudus, uint64_t, VSR_D, VSR_W, 4, SATURATE(x >> 32 ? INT64_MAX : (int64_t)x, 0, UINT32_MAX))
PACK(vpkshus, int16_t, VSR_H, VSR_B, 16, SATURATE(x, 0, UINT8_MAX))
PACK(vpkswus, int32_t, VSR_W, VSR_H, 8, SATURATE(x, 0, UINT16_MAX))
PACK(vpksdus, int64_t, VSR_D, VSR_W, 4, SATURATE(x, 0, UINT32_MAX))
PACK(vpkshss, int16_t, VSR_H, VSR_B, 16, SATURATE(x, INT8_MIN, INT8_MAX))
PACK(vpkswss, int32_t, VSR_W, VSR_H, 8, SATURATE(x, INT16_MIN, INT16_MAX))
PACK(vpksdss, int64_t, VSR_D, VSR_W, 4, SATURATE(x, INT32_MIN, INT32_MAX))

/* A pixel of 8-8-8-8 bits to one of 1-5-5-5: the top bits of each channel. */
PACK(vpkpx, uint32_t, VSR_W, VSR_H, 8, (x >> 9 & 0xfc00) | (x >> 6 & 0x3e0) | (x >> 3 & 0x1f))

/* Unpack: sign extension of the left or the right half. */
ELEMENTS(vupkhsb, VSR_H, 8, (int8_t)VSR_B(vb, i))
ELEMENTS(vupkhsh, VSR_W, 4, (int16_t)VSR_H(vb, i))
ELEMENTS(vupkhsw, VSR_D, 2, (int32_t)VSR_W(vb, i))
ELEMENTS(vupklsb, VSR_H, 8, (int8_t)VSR_B(vb, 8 + i))
ELEMENTS(vupklsh, VSR_W, 4, (int16_t)VSR_H(vb, 4 + i))
ELEMENTS(vupklsw, VSR_D, 2, (int32_t)VSR_W(vb, 2 + i))

static inline uint32_t unpack_pixel(uint16_t pixel)
{
    uint32_t top = pixel & 0x8000 ? 0xff000000u : 0;
    return top | (pixel & 0x7c00u) << 6 | (pixel & 0x3e0u) << 3 | (pixel & 0x1fu);
}

ELEMENTS(vupkhpx, VSR_W, 4, unpack_pixel(VSR_H(vb, i)))
ELEMENTS(vupklpx, VSR_W, 4, unpack_pixel(VSR_H(vb, 4 + i)))
