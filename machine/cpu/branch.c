/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Branches and the logic of the condition register (Power ISA 3.0B, Book I 2.4 and 2.5).
 *
 * 1. With LK=1 LR is set even if the branch is not taken; bclrl branches to the old LR.
 * 2. In 32-bit mode addresses, LR included, have zero upper halves, and the test of CTR sees its
 *    low half, while all 64 bits count.
 * 3. The hint bits (BH, the a and t bits of BO) have no effect.
 * 4. bcctr with BO[2]=0 is invalid. As POWER processors do, it tests CTR as it is, and counts only
 *    on the way out of a taken branch (Linux uses a form that never branches as a flush hint).
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

/* BO bits, as they stand in the field. */
enum { BO_IGNORE_CR = 16, BO_CR_VALUE = 8, BO_KEEP_CTR = 4, BO_CTR_ZERO = 2 };

static inline void set_link(Cpu *cpu, const Insn *insn)
{
    if (insn_lk(insn))
        cpu->s.lr = cpu_ea(cpu, cpu->s.cia + 4);
}

static inline ExecStatus jump(Cpu *cpu, uint64_t target)
{
    cpu->s.cia = cpu_ea(cpu, target);
    return EXEC_BRANCH;
}

static inline bool ctr_allows(const Cpu *cpu, unsigned bo)
{
    return (cpu_ea(cpu, cpu->s.ctr) == 0) == !!(bo & BO_CTR_ZERO);
}

static inline bool cr_allows(const Cpu *cpu, const Insn *insn)
{
    unsigned bo = insn->t;
    return bo & BO_IGNORE_CR || cpu_cr_bit(cpu, insn->a) == !!(bo & BO_CR_VALUE);
}

/* Counts, then tells whether the branch is taken. */
static inline bool decide(Cpu *cpu, const Insn *insn)
{
    unsigned bo = insn->t;
    if (!(bo & BO_KEEP_CTR)) {
        cpu->s.ctr--;
        if (!ctr_allows(cpu, bo))
            return false;
    }
    return cr_allows(cpu, insn);
}

ExecStatus op_b(Cpu *cpu, const Insn *insn)
{
    uint64_t base = insn_aa(insn) ? 0 : cpu->s.cia;
    set_link(cpu, insn);
    return jump(cpu, base + (uint64_t)insn_li(insn));
}

ExecStatus op_bc(Cpu *cpu, const Insn *insn)
{
    uint64_t base = insn_aa(insn) ? 0 : cpu->s.cia;
    bool taken = decide(cpu, insn);
    set_link(cpu, insn);
    return taken ? jump(cpu, base + (uint64_t)insn_bd(insn)) : EXEC_NEXT;
}

ExecStatus op_bclr(Cpu *cpu, const Insn *insn)
{
    uint64_t target = cpu->s.lr & ~3ull;
    bool taken = decide(cpu, insn);
    set_link(cpu, insn);
    return taken ? jump(cpu, target) : EXEC_NEXT;
}

ExecStatus op_bcctr(Cpu *cpu, const Insn *insn)
{
    uint64_t target = cpu->s.ctr & ~3ull;
    bool counts = !(insn->t & BO_KEEP_CTR);
    bool taken = cr_allows(cpu, insn) && (!counts || ctr_allows(cpu, insn->t));

    if (counts && ctr_allows(cpu, insn->t))
        cpu->s.ctr--;
    set_link(cpu, insn);
    return taken ? jump(cpu, target) : EXEC_NEXT;
}

ExecStatus op_bctar(Cpu *cpu, const Insn *insn)
{
    if ((cpu->s.msr & MSR_PR) && !(cpu->s.spr[SPR_FSCR] >> FSCR_TAR & 1))
        return cpu_raise_facility(cpu, FSCR_TAR);
    bool taken = decide(cpu, insn);
    set_link(cpu, insn);
    return taken ? jump(cpu, cpu->s.spr[SPR_TAR] & ~3ull) : EXEC_NEXT;
}

/* Condition register logic: each reads its operands before it writes the target. */
#define CR_LOGIC(name, expression)                                                                 \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        unsigned a = cpu_cr_bit(cpu, insn->a), b = cpu_cr_bit(cpu, insn->b);                       \
        cpu_set_cr_bit(cpu, insn->t, 1 & (expression));                                            \
        return EXEC_NEXT;                                                                          \
    }

/* clang-format takes products of bare names for declarations. */
/* clang-format off */
CR_LOGIC(crand, a & b)
CR_LOGIC(cror, a | b)
CR_LOGIC(crxor, a ^ b)
CR_LOGIC(crnand, ~(a & b))
CR_LOGIC(crnor, ~(a | b))
CR_LOGIC(creqv, ~(a ^ b))
CR_LOGIC(crandc, a & ~b)
CR_LOGIC(crorc, a | ~b)
/* clang-format on */

ExecStatus op_mcrf(Cpu *cpu, const Insn *insn)
{
    cpu->s.crf[insn->t] = cpu->s.crf[insn->a];
    return EXEC_NEXT;
}
