/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves to and from FPSCR (Power ISA 3.0B, Book I 4.6.10).
 *
 * 1. FEX and VX are never written, only computed. Bit 52 and the high word but for DRN read 0.
 * 2. mtfsf and mtfsfi take FX from the operand and do not set it otherwise; mtfsb1 sets FX when it
 *    sets an exception bit.
 */
#include "machine/cpu/float-status.h"
#include "machine/cpu/model.h"

#define ENABLES  (FPSCR_VE | FPSCR_OE | FPSCR_UE | FPSCR_ZE | FPSCR_XE)
#define CONTROLS (FPSCR_DRN | ENABLES | FPSCR_NI | FPSCR_RN)
#define WRITABLE (FPSCR_DRN | (0xfffff7ffull & ~(uint64_t)(FPSCR_FEX | FPSCR_VX)))

/* Replaces the bits under MASK. */
static void replace(Cpu *cpu, uint64_t mask, uint64_t value)
{
    mask &= WRITABLE;
    cpu->s.fpscr = float_summarise((cpu->s.fpscr & ~mask) | (value & mask));
}

static ExecStatus trap_if_summarised(Cpu *cpu)
{
    return cpu->s.fpscr & FPSCR_FEX ? float_trap(cpu) : EXEC_NEXT;
}

/* Delivers FPSCR's bits under SHOWN to FRT, then replaces those under MASK. */
static ExecStatus read_and_replace(Cpu *cpu, const Insn *insn, uint64_t shown, uint64_t mask,
                                   uint64_t value)
{
    uint64_t old = cpu->s.fpscr & shown;
    replace(cpu, mask, value);
    cpu_set_fpr(cpu, insn->t, old);
    return EXEC_NEXT;
}

ExecStatus op_mffs(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, ~0ull, 0, 0);
}
FLOAT_RC(mffs)

ExecStatus op_mffsce(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, ~0ull, ENABLES, 0);
}

ExecStatus op_mffsl(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, CONTROLS | FPSCR_FR | FPSCR_FI | FPSCR_FPRF, 0, 0);
}

ExecStatus op_mffscdrn(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, CONTROLS, FPSCR_DRN, cpu_fpr(cpu, insn->b));
}

ExecStatus op_mffscdrni(Cpu *cpu, const Insn *insn)
{
    uint64_t drm = INSN_BITS(insn, 18, 20);
    return read_and_replace(cpu, insn, CONTROLS, FPSCR_DRN, drm << 32);
}

ExecStatus op_mffscrn(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, CONTROLS, FPSCR_RN, cpu_fpr(cpu, insn->b));
}

ExecStatus op_mffscrni(Cpu *cpu, const Insn *insn)
{
    return read_and_replace(cpu, insn, CONTROLS, FPSCR_RN, INSN_BITS(insn, 19, 20));
}

ExecStatus op_mcrfs(Cpu *cpu, const Insn *insn)
{
    unsigned shift = 28 - 4 * INSN_BITS(insn, 11, 13);
    cpu->s.crf[INSN_BITS(insn, 6, 8)] = (cpu->s.fpscr >> shift) & 15;
    replace(cpu, 15ull << shift & (FPSCR_EXCEPTIONS | FPSCR_FX), 0);
    return EXEC_NEXT;
}

/* The fields L and W came with the upper half of FPSCR; 32-bit models ignore them. */
static bool has_upper_half(const Cpu *cpu)
{
    return cpu->model->is_64bit;
}

ExecStatus op_mtfsf(Cpu *cpu, const Insn *insn)
{
    uint64_t value = cpu_fpr(cpu, insn->b);
    uint64_t mask = 0;
    for (unsigned i = 0; i < 8; i++)
        mask = mask << 4 | (INSN_BITS(insn, 7, 14) >> (7 - i) & 1 ? 15 : 0);
    if (INSN_BITS(insn, 6, 6) && has_upper_half(cpu)) /* L */
        mask = ~0ull;
    else if (INSN_BITS(insn, 15, 15) && has_upper_half(cpu)) /* W: the high word */
        mask <<= 32;
    replace(cpu, mask, value);
    return trap_if_summarised(cpu);
}
FLOAT_RC(mtfsf)

ExecStatus op_mtfsfi(Cpu *cpu, const Insn *insn)
{
    bool upper = INSN_BITS(insn, 15, 15) && has_upper_half(cpu);
    unsigned shift = 28 - 4 * INSN_BITS(insn, 6, 8) + (upper ? 32 : 0);
    replace(cpu, 15ull << shift, (uint64_t)INSN_BITS(insn, 16, 19) << shift);
    return trap_if_summarised(cpu);
}
FLOAT_RC(mtfsfi)

ExecStatus op_mtfsb0(Cpu *cpu, const Insn *insn)
{
    replace(cpu, 0x80000000u >> INSN_BITS(insn, 6, 10), 0);
    return EXEC_NEXT;
}
FLOAT_RC(mtfsb0)

ExecStatus op_mtfsb1(Cpu *cpu, const Insn *insn)
{
    uint32_t bit = 0x80000000u >> INSN_BITS(insn, 6, 10);
    float_raise(cpu, bit);
    replace(cpu, bit, bit);
    return trap_if_summarised(cpu);
}
FLOAT_RC(mtfsb1)
