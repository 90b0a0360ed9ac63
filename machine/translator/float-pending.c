/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/translator/float-pending.h"

#include <immintrin.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/float-status.h"
#include "machine/cpu/model.h"
#include "machine/translator/cr-pending.h"
#include "machine/translator/helpers.h"

/* Executes INSN on OPERANDS (of t, a, b, c) for what it does to FPSCR alone. */
static void repeat(Cpu *cpu, const Insn *insn, const uint64_t operands[4])
{
    const IsaRow *row = isa_lookup(insn->word, cpu->model->families);
    const IsaEffects *effects = &isa_effects[isa_row_number(row)];
    const uint8_t number[4] = { insn->t, insn->a, insn->b, insn->c };
    Vsr saved[4];
    for (unsigned i = 0; i < 4; i++)
        saved[i] = cpu->s.vsr[number[i]];
    for (unsigned i = 0; i < 4; i++)
        if (effects->operand[i] & ISA_READ)
            VSR_D(cpu->s.vsr[number[i]], 0) = operands[i];
    ExecStatus status = insn->execute(cpu, insn);
    g_assert(status == EXEC_NEXT);
    for (unsigned i = 0; i < 4; i++)
        cpu->s.vsr[number[i]] = saved[i];
}

void float_pending_init(Cpu *cpu)
{
    /* Exponents, of double in all scalars: those of normal numbers, but the least and greatest. */
    static const struct {
        uint64_t least, greatest;
    } range[2] = { { 2, 2045 }, { 898, 1149 } };
    for (unsigned i = 0; i < 2; i++) {
        cpu->translated.float_least[i] = 0 - (range[i].least << 53);
        cpu->translated.float_span[i] = ((range[i].greatest - range[i].least + 1) << 53) - 1;
    }
    cpu->translated.field_less = CR_LT;
    cpu->translated.field_greater = CR_GT;
}

/* Ends the time in which the host's flags were not scalar operations'. */
static void give_back_flags(Cpu *cpu)
{
    if (!(cpu->pending.lanes & FPSCR_XE))
        cpu->s.fpscr &= ~(uint64_t)FPSCR_XE;
    cpu->pending.lanes = 0;
    _mm_setcsr(FLOAT_MXCSR);
}

void float_pending_settle(Cpu *cpu)
{
    if (cpu->pending.lanes)
        give_back_flags(cpu);
    const Insn *insn = cpu->pending.insn, *convert = cpu->pending.convert;
    unsigned code = (unsigned)cpu->pending.fpcc;
    if (!insn && !convert && !code && !cpu->pending.unsettled)
        return;
    cpu->pending.insn = cpu->pending.convert = NULL;
    cpu->pending.fpcc = cpu->pending.unsettled = 0;
    if (_mm_getcsr() & _MM_EXCEPT_INEXACT)
        float_raise(cpu, FPSCR_XX);
    _mm_setcsr(FLOAT_MXCSR);
    if (insn)
        repeat(cpu, insn, cpu->pending.operand);
    if (convert) {
        const uint64_t operands[4] = { 0, 0, cpu->pending.converted, 0 };
        repeat(cpu, convert, operands);
    }
    if (code)
        float_set_fpcc(cpu, code);
}

void float_settled_rest(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    cpu->pending.unsettled = 1; /* a result that did not count has left its flags */
    float_pending_settle(cpu);
    cr_pending_settle(cpu);
    helper_rest(cpu, block, what, budget);
}

void float_settled_call(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    float_pending_settle(cpu);
    cr_pending_settle(cpu);
    helper_call(cpu, block, what, budget);
}
