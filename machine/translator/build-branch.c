/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of branches (Power ISA 3.0B, Book I 2.4).
 */
#include "machine/translator/build-rows.h"

/* BO, from its most significant bit. */
enum { BO_NO_CONDITION = 16, BO_TRUE = 8, BO_NO_COUNT = 4, BO_COUNT_ZERO = 2 };

static uint64_t next_address(const Builder *build)
{
    return cpu_ea(build->cpu, build->cia + 4);
}

static void set_link(Builder *build)
{
    build_set(build, HOME_LR, build_const(build, next_address(build)));
}

static void go_to(Builder *build, uint64_t target)
{
    build_node(build, IR_GOTO)->imm = cpu_ea(build->cpu, target);
    build->ended = true;
}

static void go_to_register(Builder *build, Ref target)
{
    Ref ea = build_ea(build, target);
    build_node(build, IR_GOTO_REG)->a = ea;
    build->ended = true;
}

bool build_b(Builder *build)
{
    const Insn *insn = build->insn;
    uint64_t target = (uint64_t)insn_li(insn) + (insn_aa(insn) ? 0 : build->cia);
    if (insn_lk(insn))
        set_link(build);
    go_to(build, target);
    return true;
}

/* Decrements CTR if BO says so, and gives the value to test. */
static Ref count_down(Builder *build, unsigned bo)
{
    if (bo & BO_NO_COUNT)
        return NO_REF;
    Ref less = build_op(build, IR_ADD, build_get(build, HOME_CTR), build_const(build, UINT64_MAX));
    build_set(build, HOME_CTR, less);
    return build->is_64bit ? less : build_op(build, IR_ZEXT32, less, NO_REF);
}

/* The node that looks at CR bit BI, with the comparison that made it if that is known. */
static IrNode *condition(Builder *build, IrOp op, unsigned bi, Ref a)
{
    Ref compare = build->compare[bi / 4];
    IrNode *node = build_node(build, op);
    node->field = (uint8_t)(bi / 4);
    node->bit = (uint8_t)(8 >> bi % 4);
    node->a = a;
    if (compare != NO_REF && node->bit != CR_SO) {
        const IrNode *source = &build->block->node[compare];
        node->fused = true;
        node->is_signed = source->is_signed;
        node->wide = source->wide;
        node->a = source->a;
        node->b = source->b;
    }
    return node;
}

bool build_bc(Builder *build)
{
    const Insn *insn = build->insn;
    unsigned bo = insn->t;
    uint64_t target = (uint64_t)insn_bd(insn) + (insn_aa(insn) ? 0 : build->cia);
    Ref count = count_down(build, bo);
    if (insn_lk(insn))
        set_link(build);
    if (count == NO_REF && bo & BO_NO_CONDITION) {
        go_to(build, target);
        return true;
    }
    IrNode *node = condition(build, IR_BRANCH, insn->a, NO_REF);
    if (bo & BO_NO_CONDITION) {
        node->fused = false;
        node->a = node->b = NO_REF;
    }
    node->test_bit = bo & BO_NO_CONDITION ? TEST_NONE : bo & BO_TRUE ? TEST_NONZERO : TEST_ZERO;
    node->test_ctr = count == NO_REF ? TEST_NONE : bo & BO_COUNT_ZERO ? TEST_ZERO : TEST_NONZERO;
    node->c = count;
    node->imm = cpu_ea(build->cpu, target);
    build->ended = true;
    return true;
}

/* Register branches: the unconditional ones are worth it, the others are rare. */
static bool branch_always(Builder *build, unsigned home)
{
    unsigned bo = build->insn->t;
    if (!(bo & BO_NO_CONDITION) || !(bo & BO_NO_COUNT))
        return false;
    Ref target = build_get(build, home);
    if (insn_lk(build->insn))
        set_link(build);
    go_to_register(build, target);
    return true;
}

bool build_bclr(Builder *build)
{
    return branch_always(build, HOME_LR);
}

bool build_bcctr(Builder *build)
{
    return branch_always(build, HOME_CTR);
}
