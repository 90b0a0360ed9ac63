/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX moves between register files, logical operations, and the moving of elements.
 *
 * Doubleword 1 of a VSR that a move from a GPR leaves undefined is zero here.
 */
#include "machine/cpu/vector-lanes.h"

/* Moves. The VSR is always the T field, source or target; the GPR is RA. */
ExecStatus op_mfvsrd(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->a] = VSR_D(cpu->s.vsr[insn->t], 0);
    return EXEC_NEXT;
}

ExecStatus op_mfvsrld(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->a] = VSR_D(cpu->s.vsr[insn->t], 1);
    return EXEC_NEXT;
}

ExecStatus op_mfvsrwz(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->a] = VSR_W(cpu->s.vsr[insn->t], 1);
    return EXEC_NEXT;
}

static ExecStatus set(Cpu *cpu, const Insn *insn, uint64_t left, uint64_t right)
{
    VSR_D(cpu->s.vsr[insn->t], 0) = left;
    VSR_D(cpu->s.vsr[insn->t], 1) = right;
    return EXEC_NEXT;
}

ExecStatus op_mtvsrd(Cpu *cpu, const Insn *insn)
{
    return set(cpu, insn, cpu->s.gpr[insn->a], 0);
}

ExecStatus op_mtvsrwa(Cpu *cpu, const Insn *insn)
{
    return set(cpu, insn, (uint64_t)(int64_t)(int32_t)cpu->s.gpr[insn->a], 0);
}

ExecStatus op_mtvsrwz(Cpu *cpu, const Insn *insn)
{
    return set(cpu, insn, (uint32_t)cpu->s.gpr[insn->a], 0);
}

ExecStatus op_mtvsrdd(Cpu *cpu, const Insn *insn)
{
    return set(cpu, insn, cpu_gpr_or_zero(cpu, insn->a), cpu->s.gpr[insn->b]);
}

ExecStatus op_mtvsrws(Cpu *cpu, const Insn *insn)
{
    const uint64_t word = (uint32_t)cpu->s.gpr[insn->a];
    return set(cpu, insn, word << 32 | word, word << 32 | word);
}

QUAD_2(xxland, a &b)
QUAD_2(xxlandc, a & ~b)
QUAD_2(xxlor, a | b)
QUAD_2(xxlorc, a | ~b)
QUAD_2(xxlxor, a ^ b)
QUAD_2(xxlnor, ~(a | b))
QUAD_2(xxlnand, ~(a &b))
QUAD_2(xxleqv, ~(a ^ b))
QUAD_3(xxsel, (a & ~c) | (b & c))

/* Bytes of each element in the opposite order. */
LANES(xxbrh, uint16_t, h, __builtin_bswap16(b))
LANES(xxbrw, uint32_t, w, __builtin_bswap32(b))
LANES(xxbrd, uint64_t, d, __builtin_bswap64(b))
ELEMENTS(xxbrq, VSR_B, 16, VSR_B(vb, 15 - i))

ELEMENTS(xxmrghw, VSR_W, 4, i & 1 ? VSR_W(vb, i / 2) : VSR_W(va, i / 2))
ELEMENTS(xxmrglw, VSR_W, 4, i & 1 ? VSR_W(vb, 2 + i / 2) : VSR_W(va, 2 + i / 2))
ELEMENTS(xxspltw, VSR_W, 4, VSR_W(vb, INSN_BITS(insn, 14, 15)))
ELEMENTS(xxspltib, VSR_B, 16, INSN_BITS(insn, 13, 20))

/* One doubleword of each operand; four consecutive words of both. */
#define DM(bit) INSN_BITS(insn, 22 + (bit), 22 + (bit))
#define SHW     INSN_BITS(insn, 22, 23)
ELEMENTS(xxpermdi, VSR_D, 2, i ? VSR_D(vb, DM(1)) : VSR_D(va, DM(0)))
ELEMENTS(xxsldwi, VSR_W, 4, SHW + i < 4 ? VSR_W(va, (SHW + i) & 3) : VSR_W(vb, (SHW + i) & 3))

/* Bytes of XA || XT by the numbers in XB; the r form counts them from the right. */
static ExecStatus permute(Cpu *cpu, const Insn *insn, unsigned invert)
{
    const Vsr va = cpu->s.vsr[insn->a], vt = cpu->s.vsr[insn->t], control = cpu->s.vsr[insn->b];
    for (unsigned i = 0; i < 16; i++) {
        const unsigned index = (VSR_B(control, i) ^ invert) & 31;
        VSR_B(cpu->s.vsr[insn->t], i) = index & 16 ? VSR_B(vt, index & 15) : VSR_B(va, index);
    }
    return EXEC_NEXT;
}

ExecStatus op_xxperm(Cpu *cpu, const Insn *insn)
{
    return permute(cpu, insn, 0);
}

ExecStatus op_xxpermr(Cpu *cpu, const Insn *insn)
{
    return permute(cpu, insn, 31);
}

/* A word from (to) byte UIM on. Beyond the register (undefined) bytes read as zero, and none are
 * set. */
ExecStatus op_xxextractuw(Cpu *cpu, const Insn *insn)
{
    const unsigned first = INSN_BITS(insn, 12, 15);
    return set(cpu, insn, (uint32_t)((cpu->s.vsr[insn->b].q << 8 * first) >> 96), 0);
}

ExecStatus op_xxinsertw(Cpu *cpu, const Insn *insn)
{
    const unsigned first = INSN_BITS(insn, 12, 15);
    const uint32_t word = VSR_W(cpu->s.vsr[insn->b], 1);
    for (unsigned i = 0; i < 4 && first <= 12; i++)
        VSR_B(cpu->s.vsr[insn->t], first + i) = (uint8_t)(word >> (24 - 8 * i));
    return EXEC_NEXT;
}
