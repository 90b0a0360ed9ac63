/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of vector instructions, and of loads and stores of VSRs, to AVX2.
 *
 * A row of vector.def names a recipe (lower-vector-recipe.def) and, for most, the AVX operation
 * that it is about. In host registers a VSR is one number, so the book's element 0 is at the upper
 * end: merges and packs take their operands the other way around, element numbers are mirrored.
 */
#include "machine/translator/vector-rows.h"
#include "machine/translator/x86-64/lower-vector-recipe.h"

enum {
#define RECIPE(name, function) RECIPE_##name,
#include "machine/translator/x86-64/lower-vector-recipe.def"
#undef RECIPE
    RECIPE_COUNT_TRAILING,
    RECIPE_COUNT_LEADING,
    RECIPE_CONTROL_LEFT,
    RECIPE_CONTROL_RIGHT,
};

static const RecipeFn recipes[] = {
#define RECIPE(name, function) [RECIPE_##name] = recipe_##function,
#include "machine/translator/x86-64/lower-vector-recipe.def"
#undef RECIPE
};

const VectorRow vector_rows[ISA_ROW_COUNT] = {
#define VECTOR(row, recipe, operation) [ISA_##row] = { RECIPE_##recipe, operation },
#define VECTOR_VALUE                   VECTOR
#define VECTOR_CHECKED                 VECTOR
#define VECTOR_OF(row, form, recipe)   [ISA_##row] = { RECIPE_##recipe, 0 },
#define VECTOR_LOAD(row, form, kind)   [ISA_##row] = { ACCESS_##kind, 0 },
#define VECTOR_STORE                   VECTOR_LOAD
#include "machine/translator/x86-64/vector.def"
#undef VECTOR
#undef VECTOR_VALUE
#undef VECTOR_CHECKED
#undef VECTOR_OF
#undef VECTOR_LOAD
#undef VECTOR_STORE
};

static void lower_vector(Lowering *low, const IrNode *node)
{
    const Insn *insn = &low->ir->insn[node->insn];
    const IsaEffects *effects = &isa_effects[node->imm];
    Recipe r = { .low = low, .as = &low->as, .insn = insn, .op = vector_rows[node->imm].op };
    if (effects->operand[1] & ISA_READ)
        r.a = xmm_read(low, insn->a);
    if (effects->operand[2] & ISA_READ)
        r.b = xmm_read(low, insn->b);
    r.t = xmm_temp(low);
    recipes[vector_rows[node->imm].recipe](&r);
    xmm_write(low, insn->t, r.t);
}

/* With the interpreter's function behind it. */
static void lower_vector_checked(Lowering *low, const IrNode *node)
{
    const Insn *insn = &low->ir->insn[node->insn];
    const IsaEffects *effects = &isa_effects[node->imm];
    Recipe r = { .low = low, .as = &low->as, .insn = insn, .op = vector_rows[node->imm].op };
    r.node = node;
    r.temp = allocator_temp(&low->allocator);
    r.constants = allocator_temp(&low->allocator);
    asm_mov_imm(&low->as, r.constants, (uint64_t)(uintptr_t)vector_constants);
    r.stub = lower_call_stub(low, node);
    if (effects->operand[1] & ISA_READ)
        r.a = xmm_read(low, insn->a);
    if (effects->operand[2] & ISA_READ)
        r.b = xmm_read(low, insn->b);
    r.t = xmm_temp(low);
    low->xmm.cleaned = false;
    recipes[vector_rows[node->imm].recipe](&r);
    xmm_write(low, insn->t, r.t);
    if (low->xmm.cleaned)
        low->xmm.clean |= 1ull << insn->t;
    lower_call_resume(low, r.stub);
}

/* Which bytes have their lowest bit set, and how many come before the first from one end. */
static void lower_vector_value(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    const Insn *insn = &low->ir->insn[node->insn];
    Xmm b = xmm_read(low, insn->b);
    HostReg target = allocator_target(&low->allocator);
    asm_vpsllw(as, 0, b, 7);
    asm_vec1(as, VPMOVMSKB, target, 0);
    if (vector_rows[node->imm].recipe == RECIPE_COUNT_TRAILING) {
        asm_alu_imm(as, ALU_OR, false, target, 0x10000);
        asm_prefixed_rr(as, 0xf3, 0x0fbc, false, target, target); /* tzcnt */
    } else {
        asm_prefixed_rr(as, 0xf3, 0x0fbd, false, target, target); /* lzcnt */
        asm_alu_imm(as, ALU_SUB, false, target, 16);
    }
    allocator_result(&low->allocator, target);
}

/* Sixteen numbers that follow each other, from the low four bits of A or from 16 less these on. */
static void lower_vector_of(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    bool is_right = vector_rows[node->imm].recipe == RECIPE_CONTROL_RIGHT;
    HostReg a = allocator_use(&low->allocator, node->a), temp = allocator_temp(&low->allocator);
    Xmm t = xmm_temp(low);
    asm_mov32(as, temp, a);
    asm_alu_imm(as, ALU_AND, false, temp, 15);
    asm_vec1(as, VMOVD_TO_XMM, 0, temp);
    asm_vec(as, VPXOR, 1, 1, 1);
    asm_vec(as, VPSHUFB, 0, 0, 1);
    vector_load_constant_by(low, 1, is_right ? CONSTANT_NUMBERS_FROM_16 : CONSTANT_REVERSE_Q, temp);
    asm_vec(as, is_right ? VPSUBB : VPADDB, t, 1, 0);
    xmm_write(low, low->ir->insn[node->insn].t, t);
}

static void lower_get_vsr(Lowering *low, const IrNode *node)
{
    HostReg target = allocator_target(&low->allocator);
    asm_rm(&low->as, 0x8b, node->size == 8, target,
           xmm_doubleword_mem((unsigned)node->imm, node->field));
    allocator_result(&low->allocator, target);
}

/*
 * Stored as a whole: programs that park GPRs in VSRs read all of it soon, and the host would have
 * to wait for two stores to be done before it could join them.
 */
static void lower_set_vsr(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    unsigned n = (unsigned)node->imm;
    Xmm t = xmm_temp(low);
    if (node->b == NO_REF) {
        asm_vec1(as, VMOVQ_TO_XMM, t, allocator_use(&low->allocator, node->a));
        asm_vpslldq(as, t, t, 8);
    } else {
        asm_vec1(as, VMOVQ_TO_XMM, t, allocator_use(&low->allocator, node->b));
        asm_vec_imm(as, VPINSRQ, t, t, allocator_use(&low->allocator, node->a), 1);
    }
    xmm_write(low, n, t);
    if (node->b == NO_REF)
        low->xmm.narrow |= 1ull << n;
}

bool lower_vector_node(Lowering *low, const IrNode *node)
{
    switch (node->op) {
    case IR_VECTOR: lower_vector(low, node); return true;
    case IR_VECTOR_CHECKED: lower_vector_checked(low, node); return true;
    case IR_VECTOR_OF: lower_vector_of(low, node); return true;
    case IR_VECTOR_VALUE: lower_vector_value(low, node); return true;
    case IR_VSR_LOAD: lower_vsr_load(low, node); return true;
    case IR_VSR_STORE: lower_vsr_store(low, node); return true;
    case IR_GET_VSR: lower_get_vsr(low, node); return true;
    case IR_SET_VSR: lower_set_vsr(low, node); return true;
    default: return false;
    }
}
