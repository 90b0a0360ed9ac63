/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX counting, parity, and the gathering of single bits.
 */
#include "machine/cpu/vector-lanes.h"

/* Leading zeros of a BITS-wide number; an all-zero one has BITS of them. */
static inline unsigned leading_zeros(uint64_t value, unsigned bits)
{
    return value ? (unsigned)__builtin_clzll(value) - (64 - bits) : bits;
}

static inline unsigned trailing_zeros(uint64_t value, unsigned bits)
{
    return value ? (unsigned)__builtin_ctzll(value) : bits;
}

LANES(vclzb, uint8_t, b, leading_zeros(b, 8))
LANES(vclzh, uint16_t, h, leading_zeros(b, 16))
LANES(vclzw, uint32_t, w, leading_zeros(b, 32))
LANES(vclzd, uint64_t, d, leading_zeros(b, 64))
LANES(vctzb, uint8_t, b, trailing_zeros(b, 8))
LANES(vctzh, uint16_t, h, trailing_zeros(b, 16))
LANES(vctzw, uint32_t, w, trailing_zeros(b, 32))
LANES(vctzd, uint64_t, d, trailing_zeros(b, 64))
LANES(vpopcntb, uint8_t, b, __builtin_popcountll(b))
LANES(vpopcnth, uint16_t, h, __builtin_popcountll(b))
LANES(vpopcntw, uint32_t, w, __builtin_popcountll(b))
LANES(vpopcntd, uint64_t, d, __builtin_popcountll(b))

/* Parity of the least significant bits of the element's bytes. */
#define BYTE_LSBS 0x0101010101010101ull
LANES(vprtybw, uint32_t, w, __builtin_parityll(b &BYTE_LSBS))
LANES(vprtybd, uint64_t, d, __builtin_parityll(b &BYTE_LSBS))
QUAD_2(vprtybq, (Quad)__builtin_parityll(((uint64_t)b ^ (uint64_t)(b >> 64)) & BYTE_LSBS))

/* How many bytes from the left (right) have a zero least significant bit, up to the first that has
 * not. */
ExecStatus op_vclzlsbb(Cpu *cpu, const Insn *insn)
{
    const Vsr *vb = &cpu->s.vsr[insn->b];
    unsigned count = 0;
    while (count < 16 && !(VSR_B(*vb, count) & 1))
        count++;
    cpu->s.gpr[insn->t] = count;
    return EXEC_NEXT;
}

ExecStatus op_vctzlsbb(Cpu *cpu, const Insn *insn)
{
    const Vsr *vb = &cpu->s.vsr[insn->b];
    unsigned count = 0;
    while (count < 16 && !(VSR_B(*vb, 15 - count) & 1))
        count++;
    cpu->s.gpr[insn->t] = count;
    return EXEC_NEXT;
}

/* Bit INDEX of the COUNT-bit number VALUE, numbered from the left; zero beyond it. */
static inline unsigned bit_of(Quad value, unsigned count, unsigned index)
{
    return index < count ? (unsigned)(value >> (count - 1 - index)) & 1 : 0;
}

/* Each byte of VRB names a bit of VRA: sixteen of them, gathered into the end of doubleword 0. */
ExecStatus op_vbpermq(Cpu *cpu, const Insn *insn)
{
    const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];
    Vsr result = { 0 };
    for (unsigned i = 0; i < 16; i++)
        VSR_D(result, 0) = VSR_D(result, 0) << 1 | bit_of(va.q, 128, VSR_B(vb, i));
    cpu->s.vsr[insn->t] = result;
    return EXEC_NEXT;
}

/* The same within each doubleword, eight bits each. */
ExecStatus op_vbpermd(Cpu *cpu, const Insn *insn)
{
    const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];
    Vsr result = { 0 };
    for (unsigned i = 0; i < 16; i++)
        VSR_D(result, i / 8) =
            VSR_D(result, i / 8) << 1 | bit_of(VSR_D(va, i / 8), 64, VSR_B(vb, i));
    cpu->s.vsr[insn->t] = result;
    return EXEC_NEXT;
}

/* Each doubleword is an 8 by 8 matrix of bits, which is transposed. */
ExecStatus op_vgbbd(Cpu *cpu, const Insn *insn)
{
    const Vsr vb = cpu->s.vsr[insn->b];
    Vsr result = { 0 };
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 8; j++)
            result.b[i] |= (uint8_t)((vb.b[(i & 8) + j] >> (i & 7) & 1) << j);
    cpu->s.vsr[insn->t] = result;
    return EXEC_NEXT;
}
