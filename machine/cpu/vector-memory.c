/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX loads and stores, permute controls for unaligned data, and VSCR.
 *
 * The quadword and element forms ignore the address bits below their size, so they never cross a
 * page. The element forms work on the element that storage at that address would hold in a loaded
 * quadword: from the left in big-endian mode, from the right in little-endian mode. The elements
 * that a load does not name are undefined by the book and keep their value here. Cache hints (the l
 * forms) do nothing.
 */
#include "machine/cpu/access.h"
#include "machine/cpu/vector-lanes.h"

static uint64_t indexed_address(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + cpu->s.gpr[insn->b]);
}

ExecStatus op_lvx(Cpu *cpu, const Insn *insn)
{
    return cpu_load128(cpu, indexed_address(cpu, insn) & ~15ull, &cpu->s.vsr[insn->t])
               ? EXEC_NEXT
               : EXEC_EXCEPTION;
}

ExecStatus op_lvxl(Cpu *cpu, const Insn *insn)
{
    return op_lvx(cpu, insn);
}

ExecStatus op_stvx(Cpu *cpu, const Insn *insn)
{
    return cpu_store128(cpu, indexed_address(cpu, insn) & ~15ull, cpu->s.vsr[insn->t])
               ? EXEC_NEXT
               : EXEC_EXCEPTION;
}

ExecStatus op_stvxl(Cpu *cpu, const Insn *insn)
{
    return op_stvx(cpu, insn);
}

#define ELEMENT_ACCESS(letter, element, bits)                                                      \
    static inline unsigned index_##letter(const Cpu *cpu, uint64_t ea)                             \
    {                                                                                              \
        unsigned index = (ea & 15) / (bits / 8);                                                   \
        return cpu->s.msr & MSR_LE ? 128 / bits - 1 - index : index;                               \
    }                                                                                              \
    ExecStatus op_lve##letter##x(Cpu *cpu, const Insn *insn)                                       \
    {                                                                                              \
        const uint64_t ea = indexed_address(cpu, insn) & ~(bits / 8 - 1ull);                       \
        uint64_t value;                                                                            \
        if (!cpu_load##bits(cpu, ea, &value))                                                      \
            return EXEC_EXCEPTION;                                                                 \
        element(cpu->s.vsr[insn->t], index_##letter(cpu, ea)) = (uint##bits##_t)value;             \
        return EXEC_NEXT;                                                                          \
    }                                                                                              \
    ExecStatus op_stve##letter##x(Cpu *cpu, const Insn *insn)                                      \
    {                                                                                              \
        const uint64_t ea = indexed_address(cpu, insn) & ~(bits / 8 - 1ull);                       \
        const unsigned index = index_##letter(cpu, ea);                                            \
        return cpu_store##bits(cpu, ea, element(cpu->s.vsr[insn->t], index)) ? EXEC_NEXT           \
                                                                             : EXEC_EXCEPTION;     \
    }

ELEMENT_ACCESS(b, VSR_B, 8)
ELEMENT_ACCESS(h, VSR_H, 16)
ELEMENT_ACCESS(w, VSR_W, 32)

/* Sixteen consecutive numbers from FIRST on: the control with which vperm realigns two quadwords.
 */
static ExecStatus permute_control(Cpu *cpu, const Insn *insn, unsigned first)
{
    for (unsigned i = 0; i < 16; i++)
        VSR_B(cpu->s.vsr[insn->t], i) = (uint8_t)(first + i);
    return EXEC_NEXT;
}

ExecStatus op_lvsl(Cpu *cpu, const Insn *insn)
{
    return permute_control(cpu, insn, indexed_address(cpu, insn) & 15);
}

ExecStatus op_lvsr(Cpu *cpu, const Insn *insn)
{
    return permute_control(cpu, insn, 16 - (indexed_address(cpu, insn) & 15));
}

/* VSCR is a word: NJ is its bit 15, SAT its bit 31. Its other bits read as zero. */
ExecStatus op_mfvscr(Cpu *cpu, const Insn *insn)
{
    cpu->s.vsr[insn->t].q = (Quad)((uint32_t)cpu->s.vscr_nj << 16 | cpu->s.vscr_sat);
    return EXEC_NEXT;
}

ExecStatus op_mtvscr(Cpu *cpu, const Insn *insn)
{
    const uint32_t value = VSR_W(cpu->s.vsr[insn->b], 3);
    cpu->s.vscr_nj = value >> 16 & 1;
    cpu->s.vscr_sat = value & 1;
    return EXEC_NEXT;
}
