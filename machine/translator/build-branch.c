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
    build->block->exit_count++;
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

/*
 * Leaves the block if the condition of the present instruction holds, and gives the node, whose
 * target is still to be set. Loops are left out of the block that they end: what follows them runs
 * less often than they.
 */
static IrNode *branch_if(Builder *build, Ref count, bool is_forward)
{
    unsigned bo = build->insn->t;
    IrNode *node = condition(build, IR_BRANCH, build->insn->a, NO_REF);
    if (bo & BO_NO_CONDITION) {
        node->fused = false;
        node->a = node->b = NO_REF;
    }
    node->test_bit = bo & BO_NO_CONDITION ? TEST_NONE : bo & BO_TRUE ? TEST_NONZERO : TEST_ZERO;
    node->test_ctr = count == NO_REF ? TEST_NONE : bo & BO_COUNT_ZERO ? TEST_ZERO : TEST_NONZERO;
    node->c = count;
    node->home = HOME_COUNT;
    build->block->exit_count++;
    bool tests_both = node->test_bit != TEST_NONE && node->test_ctr != TEST_NONE;
    build->stops = !is_forward || tests_both || build->block->insn_count >= IR_GOES_ON_TO ||
                   build->block->exit_count + 1 >= IR_EXITS_MAX;
    return node;
}

bool build_bc(Builder *build)
{
    const Insn *insn = build->insn;
    uint64_t target = (uint64_t)insn_bd(insn) + (insn_aa(insn) ? 0 : build->cia);
    Ref count = count_down(build, insn->t);
    if (insn_lk(insn))
        set_link(build);
    if (count == NO_REF && insn->t & BO_NO_CONDITION)
        go_to(build, target);
    else
        branch_if(build, count, target > build->cia && !insn_lk(insn))->imm =
            cpu_ea(build->cpu, target);
    return true;
}

/* To a register. Forms with a condition and a link are left to the interpreter: they are rare. */
static bool branch_to(Builder *build, unsigned home)
{
    unsigned bo = build->insn->t;
    if (!(bo & BO_NO_CONDITION) || !(bo & BO_NO_COUNT)) {
        if (insn_lk(build->insn) || (home == HOME_CTR && !(bo & BO_NO_COUNT)))
            return false;
        branch_if(build, count_down(build, bo), true)->home = (uint8_t)home;
        return true;
    }
    Ref target = build_get(build, home);
    if (insn_lk(build->insn))
        set_link(build);
    go_to_register(build, target);
    return true;
}

bool build_bclr(Builder *build)
{
    return branch_to(build, HOME_LR);
}

bool build_bcctr(Builder *build)
{
    return branch_to(build, HOME_CTR);
}
