/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of operations on values. Each puts its result where allocator_target() says, which may
 * be the register of an operand that is used up: an operand is read before, or in, the instruction
 * that writes the result.
 */
#include "machine/translator/x86-64/lower.h"

static void alu_operand(Assembler *as, AluOp op, bool wide, HostReg to, const Operand *operand)
{
    switch (operand->kind) {
    case OPERAND_REG: asm_alu(as, op, wide, to, operand->reg); break;
    case OPERAND_MEM: asm_alu_mem(as, op, wide, to, operand->mem); break;
    case OPERAND_IMM: asm_alu_imm(as, op, wide, to, operand->imm); break;
    }
}

static bool is_reg(const Operand *operand, HostReg reg)
{
    return operand->kind == OPERAND_REG && operand->reg == reg;
}

/* --- sums and logic --------------------------------------------------------------------------- */

/* The flags are those of the present node's result, by operation OP. */
static void note_counted(Lowering *low, AluOp op)
{
    low->counted = low->allocator.now;
    low->counted_at = low->as.at;
    low->counted_is_logic = op == ALU_AND || op == ALU_OR || op == ALU_XOR;
}

/* A becomes the result where it stands, in memory. */
static bool lower_in_memory(Lowering *low, Ref a, Ref b, AluOp op)
{
    Allocator *allocator = &low->allocator;
    Mem mem;
    int32_t imm;
    if (!allocator_stays_in_memory(allocator, a, &mem))
        return false;
    if (allocator_is_imm(allocator, b, &imm))
        asm_alu_mem_imm(&low->as, op, true, mem, imm);
    else
        asm_alu_to_mem(&low->as, op, true, mem, allocator_use(allocator, b));
    allocator_live_in_home(allocator, low->ir->node[allocator->now + 1].home);
    note_counted(low, op);
    return true;
}

static void lower_commutative(Lowering *low, const IrNode *node, AluOp op)
{
    Allocator *allocator = &low->allocator;
    if (lower_in_memory(low, node->a, node->b, op) || lower_in_memory(low, node->b, node->a, op))
        return;
    Operand b = allocator_operand(allocator, node->b);
    Operand a = allocator_operand(allocator, node->a);
    HostReg target = allocator_target(allocator);
    if (op == ALU_ADD && a.kind == OPERAND_REG && a.reg != target && b.kind != OPERAND_MEM &&
        !is_reg(&b, target)) {
        Mem sum = b.kind == OPERAND_REG ? mem_indexed(a.reg, b.reg, 0, 0) : mem_at(a.reg, b.imm);
        asm_lea(&low->as, true, target, sum);
    } else if (is_reg(&b, target)) {
        alu_operand(&low->as, op, true, target, &a);
    } else {
        allocator_copy(allocator, target, node->a);
        alu_operand(&low->as, op, true, target, &b);
        note_counted(low, op);
    }
    allocator_result(allocator, target);
}

/* a & mask, with masks that have a shorter form. */
static bool lower_and_mask(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    uint64_t mask;
    if (!allocator_is_const(allocator, node->b, &mask) || mask > UINT32_MAX || mask <= INT32_MAX)
        return false;
    HostReg a = allocator_use(allocator, node->a);
    HostReg target = allocator_target(allocator);
    asm_mov32(&low->as, target, a);
    asm_alu_imm(&low->as, ALU_AND, false, target, (int32_t)mask);
    allocator_result(allocator, target);
    return true;
}

static void lower_sub(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    if (lower_in_memory(low, node->a, node->b, ALU_SUB))
        return;
    Operand b = allocator_operand(allocator, node->b);
    Operand a = allocator_operand(allocator, node->a);
    HostReg target = allocator_target(allocator);
    if (is_reg(&b, target) && !is_reg(&a, target)) {
        asm_group3(&low->as, 3, true, target); /* neg */
        alu_operand(&low->as, ALU_ADD, true, target, &a);
    } else {
        allocator_copy(allocator, target, node->a);
        alu_operand(&low->as, ALU_SUB, true, target, &b);
    }
    allocator_result(allocator, target);
}

static void lower_andn(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    HostReg a = allocator_use(allocator, node->a), b = allocator_use(allocator, node->b);
    HostReg target = allocator_target(allocator);
    asm_andn(&low->as, true, target, b, a);
    note_counted(low, ALU_AND);
    allocator_result(allocator, target);
}

static void lower_group3(Lowering *low, const IrNode *node, unsigned op)
{
    Allocator *allocator = &low->allocator;
    HostReg target = allocator_target(allocator);
    allocator_copy(allocator, target, node->a);
    asm_group3(&low->as, op, true, target);
    allocator_result(allocator, target);
}

static void lower_mul(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    HostReg a = allocator_use(allocator, node->a), b = allocator_use(allocator, node->b);
    HostReg target = allocator_target(allocator);
    if (target == b) {
        asm_imul(&low->as, true, target, a);
    } else {
        asm_mov(&low->as, target, a);
        asm_imul(&low->as, true, target, b);
    }
    allocator_result(allocator, target);
}

static void lower_mul_high(Lowering *low, const IrNode *node, unsigned op)
{
    Allocator *allocator = &low->allocator;
    allocator_claim(allocator, RAX);
    allocator_claim(allocator, RDX);
    HostReg b = allocator_use(allocator, node->b);
    allocator_copy(allocator, RAX, node->a);
    asm_group3(&low->as, op, true, b);
    HostReg target = allocator_target_or(allocator, RDX);
    asm_mov(&low->as, target, RDX);
    allocator_result(allocator, target);
}

/*
 * a / b; undefined quotients are a, which "/ -1" gives for the least integer as well, or 0 (imm).
 */
static void lower_divide(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    uint8_t *done[4] = { NULL };
    allocator_claim(allocator, RAX);
    allocator_claim(allocator, RDX);
    HostReg b = allocator_use(allocator, node->b);
    allocator_copy(allocator, RAX, node->a);
    if (!node->wide)
        asm_mov32(as, RAX, RAX);
    asm_test(as, node->wide, b, b);
    uint8_t *is_defined = asm_jcc(as, CC_NE);
    if (node->imm)
        asm_mov_imm(as, RAX, 0);
    done[0] = asm_jmp(as);
    asm_land(as, is_defined);
    if (node->is_signed) {
        asm_alu_imm(as, ALU_CMP, node->wide, b, -1);
        uint8_t *is_other = asm_jcc(as, CC_NE);
        asm_group3(as, 3, node->wide, RAX); /* neg */
        done[1] = node->imm ? asm_jcc(as, CC_NO) : asm_jmp(as);
        if (node->imm) {
            asm_mov_imm(as, RAX, 0);
            done[2] = asm_jmp(as);
        }
        asm_land(as, is_other);
        asm_sign_extend_rax(as, node->wide);
    } else {
        asm_mov_imm(as, RDX, 0);
    }
    asm_group3(as, node->is_signed ? 7 : 6, node->wide, b);
    for (unsigned i = 0; done[i]; i++)
        asm_land(as, done[i]);
    HostReg target = allocator_target_or(allocator, RAX);
    asm_mov(as, target, RAX);
    allocator_result(allocator, target);
}

/* --- shifts ----------------------------------------------------------------------------------- */

enum { SHIFT_ROL = 0, SHIFT_SHL = 4, SHIFT_SHR = 5, SHIFT_SAR = 7 };
enum { BMI_SHLX = 1, BMI_SHRX = 3 };

static void lower_shift(Lowering *low, const IrNode *node, unsigned op, bool wide)
{
    Allocator *allocator = &low->allocator;
    HostReg a = allocator_use(allocator, node->a);
    HostReg target = allocator_target(allocator);
    if (op == SHIFT_ROL && node->imm) {
        asm_rorx(&low->as, wide, target, a, (uint8_t)((wide ? 64 : 32) - node->imm));
    } else {
        if (wide || node->imm)
            asm_mov(&low->as, target, a); /* a word's shift clears the upper half */
        else
            asm_mov32(&low->as, target, a);
        if (node->imm)
            asm_shift_imm(&low->as, op, wide, target, (uint8_t)node->imm);
    }
    allocator_result(allocator, target);
}

/* Counts of 64 to 127 give zero. */
static void lower_shift_variable(Lowering *low, const IrNode *node, unsigned pp)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    HostReg a = allocator_use(allocator, node->a), count = allocator_use(allocator, node->b);
    HostReg shifted = allocator_temp(allocator), zero = allocator_temp(allocator);
    asm_mov_imm(as, zero, 0);
    asm_shift_var(as, pp, true, shifted, a, count);
    asm_rr(as, 0xf7, false, 0, count); /* test r32, imm32 */
    asm_u32(as, 64);
    asm_cmov(as, CC_NE, true, shifted, zero);
    HostReg target = allocator_target_or(allocator, shifted);
    asm_mov(as, target, shifted);
    allocator_result(allocator, target);
}

/* The word stands in 64 bits, so that counts of 32 to 63 shift it out by themselves. */
static void lower_shift_word(Lowering *low, const IrNode *node, unsigned pp)
{
    Allocator *allocator = &low->allocator;
    HostReg a = allocator_use(allocator, node->a), count = allocator_use(allocator, node->b);
    HostReg word = allocator_temp(allocator);
    asm_mov32(&low->as, word, a);
    asm_shift_var(&low->as, pp, true, word, word, count);
    HostReg target = allocator_target_or(allocator, word);
    asm_mov32(&low->as, target, word);
    allocator_result(allocator, target);
}

static void lower_rotate_variable(Lowering *low, const IrNode *node, bool wide)
{
    Allocator *allocator = &low->allocator;
    allocator_claim(allocator, RCX);
    HostReg a = allocator_use(allocator, node->a), rotated = allocator_temp(allocator);
    if (wide)
        asm_mov(&low->as, rotated, a);
    else
        asm_mov32(&low->as, rotated, a); /* also a count of 0 leaves the upper half clear */
    allocator_copy(allocator, RCX, node->b);
    asm_rr(&low->as, 0xd3, wide, SHIFT_ROL, rotated);
    HostReg target = allocator_target_or(allocator, rotated);
    asm_mov(&low->as, target, rotated);
    allocator_result(allocator, target);
}

/* --- extensions and counts -------------------------------------------------------------------- */

static void lower_unary(Lowering *low, const IrNode *node, uint8_t prefix, uint32_t opcode,
                        bool wide)
{
    Allocator *allocator = &low->allocator;
    uint64_t value;
    Operand a = { .kind = OPERAND_REG };
    if (allocator_is_const(allocator, node->a, &value))
        a.reg = allocator_use(allocator, node->a);
    else
        a = allocator_operand(allocator, node->a);
    HostReg target = allocator_target(allocator);
    if (prefix)
        asm_byte(&low->as, prefix);
    if (a.kind == OPERAND_MEM) {
        asm_rm(&low->as, opcode, wide, target, a.mem); /* the low bytes come first */
    } else {
        bool is_byte = opcode == 0x0fb6 || opcode == 0x0fbe;
        asm_rex(&low->as, wide, target, 0, a.reg, is_byte && a.reg >= RSP);
        asm_opcode(&low->as, opcode);
        asm_modrm_reg(&low->as, target, a.reg);
    }
    allocator_result(allocator, target);
}

/* --- carries ---------------------------------------------------------------------------------- */

static void emit_carry_in(Assembler *as)
{
    asm_rm(as, 0x0fba, false, 4, CPU_MEM(s.ca)); /* bt ca, 0 */
    asm_byte(as, 0);
}

/* SUM, which holds the first operand, becomes the sum, of 64 bits; the carry is in the flags. */
static void emit_sum(Assembler *as, AluOp op, HostReg sum, const Operand *b)
{
    if (op == ALU_ADC)
        emit_carry_in(as);
    alu_operand(as, op, true, sum, b);
}

/* The carry out of the low words, of which WORD holds the first, is in the flags. */
static void emit_word_sum(Assembler *as, AluOp op, HostReg word, const Operand *b)
{
    if (op == ALU_ADC)
        emit_carry_in(as);
    alu_operand(as, op == ALU_SUB ? ALU_CMP : op, false, word, b);
}

/* CA is the carry of the mode's width, CA32 that of the low words; the one that CA is comes last.
 */
static void lower_carrying(Lowering *low, const IrNode *node, AluOp op)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    Operand b = allocator_operand(allocator, node->b);
    if (b.kind == OPERAND_MEM) {
        b.kind = OPERAND_REG;
        b.reg = allocator_use(allocator, node->b);
    }
    HostReg sum = allocator_temp(allocator), word = sum;
    HostCondition carry = op == ALU_SUB ? CC_AE : CC_B;
    allocator_copy(allocator, sum, node->a);
    if (op != ALU_SUB || !low->ir->is_64bit) {
        word = allocator_temp(allocator);
        asm_mov32(as, word, sum);
    }
    if (!low->ir->is_64bit)
        emit_sum(as, op, sum, &b);
    emit_word_sum(as, op, word, &b);
    asm_setcc_mem(as, carry, CPU_MEM(s.ca32));
    if (low->ir->is_64bit)
        emit_sum(as, op, sum, &b);
    asm_setcc_mem(as, carry, CPU_MEM(s.ca));
    HostReg target = allocator_target_or(allocator, sum);
    asm_mov(as, target, sum);
    allocator_result(allocator, target);
}

/* CA: a is negative and ones are lost on the right. */
static void emit_lost(Lowering *low, const IrNode *node, HostReg a)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    HostReg lost = allocator_temp(allocator);
    if (!node->wide) {
        /* The sign and what is lost, both: more than the sign alone. */
        asm_mov32(as, lost, a);
        asm_alu_imm(as, ALU_AND, false, lost, (int32_t)(1u << 31 | ((1u << node->imm) - 1)));
        asm_alu_imm(as, ALU_CMP, false, lost, INT32_MIN);
        asm_setcc_mem(as, CC_A, CPU_MEM(s.ca));
        asm_setcc_mem(as, CC_A, CPU_MEM(s.ca32));
        return;
    }
    HostReg sign = allocator_temp(allocator);
    asm_mov(as, sign, a);
    asm_shift_imm(as, SHIFT_SHR, true, sign, 63);
    asm_mov(as, lost, a);
    asm_shift_imm(as, SHIFT_SHL, true, lost, (uint8_t)(64 - node->imm));
    asm_test(as, true, lost, lost);
    asm_setcc(as, CC_NE, lost);
    asm_alu(as, ALU_AND, false, lost, sign);
    asm_store8(as, CPU_MEM(s.ca), lost);
    asm_store8(as, CPU_MEM(s.ca32), lost);
}

static void lower_shift_algebraic(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    HostReg a = allocator_use(allocator, node->a);
    if (node->imm) {
        emit_lost(low, node, a);
    } else {
        asm_store_imm8(as, CPU_MEM(s.ca), 0);
        asm_store_imm8(as, CPU_MEM(s.ca32), 0);
    }
    HostReg target = allocator_target(allocator);
    asm_mov(as, target, a);
    if (node->imm)
        asm_shift_imm(as, SHIFT_SAR, true, target, (uint8_t)node->imm);
    allocator_result(allocator, target);
}

/* --- condition register ----------------------------------------------------------------------- */

/* B as an immediate, if the comparison has one for it. */
static bool is_comparand(const Allocator *allocator, const IrNode *node, int32_t *imm)
{
    uint64_t value;
    bool is_const = allocator_is_const(allocator, node->b, &value);
    *imm = (int32_t)value;
    return is_const && (!node->wide || (int64_t)value == *imm);
}

/* The flags are those of the logical operation that made node->a: as if it was compared with 0. */
static bool has_sign(const Lowering *low, const IrNode *node)
{
    return node->wide && low->counted_at == low->as.at && low->counted == node->a &&
           low->counted_is_logic;
}

void lower_comparison(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    Mem mem;
    int32_t imm;
    bool has_imm = is_comparand(allocator, node, &imm);
    if (has_imm && imm == 0 && has_sign(low, node))
        return;
    if (allocator_is_compared_in_memory(allocator, node->a, &mem)) {
        if (has_imm)
            asm_alu_mem_imm(as, ALU_CMP, node->wide, mem, imm);
        else
            asm_alu_to_mem(as, ALU_CMP, node->wide, mem, allocator_use(allocator, node->b));
        return;
    }
    HostReg a = allocator_use(allocator, node->a);
    if (has_imm && imm == 0) {
        asm_test(as, node->wide, a, a);
    } else if (has_imm) {
        asm_alu_imm(as, ALU_CMP, node->wide, a, imm);
    } else {
        Operand b = allocator_operand(allocator, node->b);
        alu_operand(as, ALU_CMP, node->wide, a, &b);
    }
}

static void lower_compare(Lowering *low, const IrNode *node)
{
    lower_comparison(low, node);
    lower_forget_known(low, node->field);
    asm_setcc_mem(&low->as, node->is_signed ? CC_L : CC_B, cr_less_mem(node->field));
    asm_setcc_mem(&low->as, node->is_signed ? CC_G : CC_A, cr_greater_mem(node->field));
    low->compared = node;
    low->compared_at = low->as.at;
}

/* The flags are still those of the comparison that NODE wants. */
static bool is_compared(const Lowering *low, const IrNode *node)
{
    const IrNode *last = low->compared;
    return last && low->compared_at == low->as.at && last->a == node->a && last->b == node->b &&
           last->is_signed == node->is_signed && last->wide == node->wide;
}

/* The bit of a field that no comparison of this block has set. */
static HostCondition test_field(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    Mem less = cr_less_mem(node->field);
    HostReg temp = NO_REG;
    lower_known_field(low, node->field);
    if (node->bit == CR_EQ) {
        temp = allocator_temp(&low->allocator);
        asm_rm(as, 0x0fb6, false, temp, less);
        asm_alu8_mem(as, ALU_OR, temp, cr_greater_mem(node->field));
    } else {
        asm_cmp_mem8_imm(as, less, 0);
    }
    Stub *stub = lower_field_stub(low, node, asm_jcc(as, CC_S));
    stub->target = temp;
    if (node->bit == CR_GT)
        asm_cmp_mem8_imm(as, cr_greater_mem(node->field), 0);
    else if (node->bit == CR_SO)
        asm_cmp_mem8_imm(as, CPU_MEM(s.so), 0);
    stub->resume = as->at;
    return node->bit == CR_EQ ? CC_E : CC_NE;
}

HostCondition lower_condition(Lowering *low, const IrNode *node)
{
    if (!node->fused && node->bit != CR_SO && lower_float_flags(low, node->field))
        return node->bit == CR_LT ? CC_B : node->bit == CR_GT ? CC_A : CC_E;
    if (!node->fused)
        return test_field(low, node);
    if (!is_compared(low, node)) {
        lower_comparison(low, node);
        low->compared = node;
        low->compared_at = low->as.at;
    }
    switch (node->bit) {
    case CR_LT: return node->is_signed ? CC_L : CC_B;
    case CR_GT: return node->is_signed ? CC_G : CC_A;
    default: return CC_E;
    }
}

static void lower_select(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    HostReg a = allocator_use(allocator, node->a), b = allocator_use(allocator, node->b);
    HostReg chosen = allocator_temp(allocator);
    HostCondition condition = lower_condition(low, node);
    asm_mov(&low->as, chosen, b);
    asm_cmov(&low->as, condition, true, chosen, a);
    HostReg target = allocator_target_or(allocator, chosen);
    asm_mov(&low->as, target, chosen);
    allocator_result(allocator, target);
}

static void lower_get_cr(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    HostReg found = allocator_temp(&low->allocator), field = allocator_temp(&low->allocator);
    lower_known_field(low, node->field);
    asm_rm(as, 0x0fb6, false, found, cr_less_mem(node->field));
    asm_test8(as, found);
    Stub *stub = lower_field_stub(low, node, asm_jcc(as, CC_S));
    stub->target = field;
    asm_rm(as, 0x0fb6, false, field, cr_greater_mem(node->field));
    asm_lea(as, false, found, mem_indexed(field, found, 1, 0));
    asm_mov_imm(as, field, CR_EQ);
    asm_shift_var(as, BMI_SHLX, false, field, field, found);
    asm_alu8_mem(as, ALU_OR, field, CPU_MEM(s.so));
    stub->resume = as->at;
    HostReg target = allocator_target_or(&low->allocator, field);
    asm_mov(as, target, field);
    allocator_result(&low->allocator, target);
}

static void lower_set_cr(Lowering *low, const IrNode *node)
{
    HostReg value = allocator_use(&low->allocator, node->a);
    lower_forget_known(low, node->field);
    asm_store8(&low->as, cr_mem(node->field), value);
    asm_store_imm8(&low->as, cr_less_mem(node->field), CR_IS_IN_STATE);
}

static void lower_get_carry(Lowering *low)
{
    HostReg target = allocator_target(&low->allocator);
    asm_rm(&low->as, 0x0fb6, false, target, CPU_MEM(s.ca));
    allocator_result(&low->allocator, target);
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------
 */

/* Moves alone: the flags stay. */
static void lower_set(Lowering *low, const IrNode *node)
{
    bool has_flags = low->counted_at == low->as.at;
    allocator_set_home(&low->allocator, node->home, node->a);
    if (has_flags)
        low->counted_at = low->as.at;
}

void lower_value(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    switch (node->op) {
    case IR_CONST: break;
    case IR_GET: allocator_live_in_home(allocator, node->home); break;
    case IR_SET: lower_set(low, node); break;
    case IR_ADD: lower_commutative(low, node, ALU_ADD); break;
    case IR_SUB: lower_sub(low, node); break;
    case IR_AND:
        if (!lower_and_mask(low, node))
            lower_commutative(low, node, ALU_AND);
        break;
    case IR_OR: lower_commutative(low, node, ALU_OR); break;
    case IR_XOR: lower_commutative(low, node, ALU_XOR); break;
    case IR_ANDN: lower_andn(low, node); break;
    case IR_NOT: lower_group3(low, node, 2); break;
    case IR_NEG: lower_group3(low, node, 3); break;
    case IR_MUL: lower_mul(low, node); break;
    case IR_MULH: lower_mul_high(low, node, 5); break;
    case IR_MULHU: lower_mul_high(low, node, 4); break;
    case IR_DIV: lower_divide(low, node); break;
    case IR_SHL: lower_shift(low, node, SHIFT_SHL, true); break;
    case IR_SHR: lower_shift(low, node, SHIFT_SHR, true); break;
    case IR_SHL32: lower_shift(low, node, SHIFT_SHL, false); break;
    case IR_SHR32: lower_shift(low, node, SHIFT_SHR, false); break;
    case IR_SAR: lower_shift(low, node, SHIFT_SAR, true); break;
    case IR_ROL: lower_shift(low, node, SHIFT_ROL, true); break;
    case IR_ROL32: lower_shift(low, node, SHIFT_ROL, false); break;
    case IR_SHLV: lower_shift_variable(low, node, BMI_SHLX); break;
    case IR_SHRV: lower_shift_variable(low, node, BMI_SHRX); break;
    case IR_SHLV32: lower_shift_word(low, node, BMI_SHLX); break;
    case IR_SHRV32: lower_shift_word(low, node, BMI_SHRX); break;
    case IR_ROLV: lower_rotate_variable(low, node, true); break;
    case IR_ROLV32: lower_rotate_variable(low, node, false); break;
    case IR_SEXT8: lower_unary(low, node, 0, 0x0fbe, true); break;
    case IR_SEXT16: lower_unary(low, node, 0, 0x0fbf, true); break;
    case IR_SEXT32: lower_unary(low, node, 0, 0x63, true); break;
    case IR_ZEXT8: lower_unary(low, node, 0, 0x0fb6, false); break;
    case IR_ZEXT16: lower_unary(low, node, 0, 0x0fb7, false); break;
    case IR_ZEXT32: lower_unary(low, node, 0, 0x8b, false); break;
    case IR_CLZ: lower_unary(low, node, 0xf3, 0x0fbd, true); break;
    case IR_CLZ32: lower_unary(low, node, 0xf3, 0x0fbd, false); break;
    case IR_CTZ: lower_unary(low, node, 0xf3, 0x0fbc, true); break;
    case IR_CTZ32: lower_unary(low, node, 0xf3, 0x0fbc, false); break;
    case IR_POPCNT: lower_unary(low, node, 0xf3, 0x0fb8, true); break;
    case IR_ADDC: lower_carrying(low, node, ALU_ADD); break;
    case IR_ADDE: lower_carrying(low, node, ALU_ADC); break;
    case IR_SUBC: lower_carrying(low, node, ALU_SUB); break;
    case IR_SARC: lower_shift_algebraic(low, node); break;
    case IR_CARRY: lower_get_carry(low); break;
    case IR_SELECT: lower_select(low, node); break;
    case IR_GET_CR: lower_get_cr(low, node); break;
    case IR_SET_CR: lower_set_cr(low, node); break;
    case IR_CMP: lower_compare(low, node); break;
    default: g_assert_not_reached();
    }
}
