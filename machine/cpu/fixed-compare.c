/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixed-point compares, traps and select, and what moves between GPRs, XER and CR (Power ISA 3.0B,
 * Book I 3.3.10 to 3.3.12, 3.3.17).
 *
 * The condition register logic itself is in branch.c.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

#define RS (cpu->s.gpr[insn->t])
#define RT (cpu->s.gpr[insn->t])
#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

/* The L bit of the compares: operands of 64 bits. Reserved, and ignored, on 32-bit models. */
static inline bool is_double(const Cpu *cpu, const Insn *insn)
{
    return INSN_BITS(insn, 10, 10) && cpu->model->is_64bit;
}

static inline ExecStatus compare_signed(Cpu *cpu, const Insn *insn, int64_t a, int64_t b)
{
    cpu->s.crf[insn->t] = (uint8_t)((a < b ? CR_LT : a > b ? CR_GT : CR_EQ) | cpu->s.so);
    return EXEC_NEXT;
}

static inline ExecStatus compare_unsigned(Cpu *cpu, const Insn *insn, uint64_t a, uint64_t b)
{
    cpu->s.crf[insn->t] = (uint8_t)((a < b ? CR_LT : a > b ? CR_GT : CR_EQ) | cpu->s.so);
    return EXEC_NEXT;
}

ExecStatus op_cmp(Cpu *cpu, const Insn *insn)
{
    if (is_double(cpu, insn))
        return compare_signed(cpu, insn, (int64_t)RA, (int64_t)RB);
    return compare_signed(cpu, insn, (int32_t)RA, (int32_t)RB);
}

ExecStatus op_cmpi(Cpu *cpu, const Insn *insn)
{
    int64_t a = is_double(cpu, insn) ? (int64_t)RA : (int32_t)RA;
    return compare_signed(cpu, insn, a, insn_si(insn));
}

ExecStatus op_cmpl(Cpu *cpu, const Insn *insn)
{
    if (is_double(cpu, insn))
        return compare_unsigned(cpu, insn, RA, RB);
    return compare_unsigned(cpu, insn, (uint32_t)RA, (uint32_t)RB);
}

ExecStatus op_cmpli(Cpu *cpu, const Insn *insn)
{
    uint64_t a = is_double(cpu, insn) ? RA : (uint32_t)RA;
    return compare_unsigned(cpu, insn, a, insn_ui(insn));
}

/* Whether the low byte of RA lies in the range whose bounds are the two low bytes of RANGE. */
static inline bool in_range(uint64_t value, uint64_t range)
{
    return (uint8_t)range <= (uint8_t)value && (uint8_t)value <= (uint8_t)(range >> 8);
}

/* The bounds are, from the right, low and high; with L=1 a second pair follows to the left. */
ExecStatus op_cmprb(Cpu *cpu, const Insn *insn)
{
    bool match = in_range(RA, RB) || (is_double(cpu, insn) && in_range(RA, RB >> 16));
    cpu->s.crf[insn->t] = match ? CR_GT : 0;
    return EXEC_NEXT;
}

ExecStatus op_cmpeqb(Cpu *cpu, const Insn *insn)
{
    bool match = false;
    for (unsigned shift = 0; shift < 64; shift += 8)
        match |= (uint8_t)RA == (uint8_t)(RB >> shift);
    cpu->s.crf[insn->t] = match ? CR_GT : 0;
    return EXEC_NEXT;
}

ExecStatus op_isel(Cpu *cpu, const Insn *insn)
{
    RT = cpu_cr_bit(cpu, insn->c) ? cpu_gpr_or_zero(cpu, insn->a) : RB;
    return EXEC_NEXT;
}

/* Traps: the TO field names the outcomes that trap, signed ones first. */

static inline ExecStatus trap(Cpu *cpu, const Insn *insn, int64_t a, int64_t b)
{
    unsigned outcomes = (a < b ? 16u : a > b ? 8u : 4u);
    outcomes |= (uint64_t)a < (uint64_t)b ? 2u : (uint64_t)a > (uint64_t)b ? 1u : 0u;
    return insn->t & outcomes ? cpu_raise_program(cpu, PROGRAM_TRAP) : EXEC_NEXT;
}

/* Sign extension keeps the unsigned order of words, too. */
ExecStatus op_tw(Cpu *cpu, const Insn *insn)
{
    return trap(cpu, insn, (int32_t)RA, (int32_t)RB);
}

ExecStatus op_twi(Cpu *cpu, const Insn *insn)
{
    return trap(cpu, insn, (int32_t)RA, insn_si(insn));
}

ExecStatus op_td(Cpu *cpu, const Insn *insn)
{
    return trap(cpu, insn, (int64_t)RA, (int64_t)RB);
}

ExecStatus op_tdi(Cpu *cpu, const Insn *insn)
{
    return trap(cpu, insn, (int64_t)RA, insn_si(insn));
}

/* Moves to and from CR. */

ExecStatus op_mfcr(Cpu *cpu, const Insn *insn)
{
    RT = cpu_cr(cpu);
    return EXEC_NEXT;
}

/* The field that an FXM with one bit selects; 8, and mfocrf and mtocrf do nothing, with another. */
static inline unsigned single_field(const Insn *insn)
{
    unsigned fxm = insn_fxm(insn);
    return fxm && !(fxm & (fxm - 1)) ? 7 - (unsigned)__builtin_ctz(fxm) : 8;
}

/* Undefined bits of the result: zero. */
ExecStatus op_mfocrf(Cpu *cpu, const Insn *insn)
{
    unsigned field = single_field(insn);
    if (field < 8)
        RT = (uint64_t)cpu->s.crf[field] << (28 - 4 * field);
    return EXEC_NEXT;
}

ExecStatus op_mtocrf(Cpu *cpu, const Insn *insn)
{
    unsigned field = single_field(insn);
    if (field < 8)
        cpu->s.crf[field] = (RS >> (28 - 4 * field)) & 15;
    return EXEC_NEXT;
}

ExecStatus op_mtcrf(Cpu *cpu, const Insn *insn)
{
    for (unsigned i = 0; i < 8; i++)
        if (insn_fxm(insn) & (0x80u >> i))
            cpu->s.crf[i] = (RS >> (28 - 4 * i)) & 15;
    return EXEC_NEXT;
}

ExecStatus op_mcrxr(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = (uint8_t)(cpu->s.so << 3 | cpu->s.ov << 2 | cpu->s.ca << 1);
    cpu->s.so = cpu->s.ov = cpu->s.ca = 0;
    return EXEC_NEXT;
}

ExecStatus op_mcrxrx(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] =
        (uint8_t)(cpu->s.ov << 3 | cpu->s.ov32 << 2 | cpu->s.ca << 1 | cpu->s.ca32);
    return EXEC_NEXT;
}

ExecStatus op_setb(Cpu *cpu, const Insn *insn)
{
    uint8_t field = cpu->s.crf[insn->a];
    RT = field & CR_LT ? ~0ull : field & CR_GT ? 1 : 0;
    return EXEC_NEXT;
}
