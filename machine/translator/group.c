/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of memory accesses: loads, or stores, at constant distances from the same value, so near
 * each other that they mostly lie in one page. Only the first of a group looks for the page.
 *
 * 1. A group has at least two accesses; a CALL ends all groups, for the translation may change.
 *    Candidates become groups only when all accesses are known, in the order of their first ones.
 * 2. In 32-bit mode addresses wrap at the low word's end. What they are made of is followed through
 *    the cuts to 32 bits; addresses on both sides of the wrap are not in one page.
 */
#include "machine/translator/ir.h"

typedef struct {
    Ref root, first; /* the value; the first access */
    bool is_store;
    int64_t at, from, to; /* the first access, and the bytes of all, as seen from the root */
    unsigned count;
    uint8_t number; /* of the group that it has become, or 0 */
} Group;

#define CANDIDATES_MAX 48u

/* Splits what REF is into a value and a constant distance from it. */
static Ref root_of(const IrBlock *block, Ref ref, int64_t *distance)
{
    *distance = 0;
    for (;;) {
        const IrNode *node = &block->node[ref];
        if (node->op == IR_ADD && block->node[node->b].op == IR_CONST)
            *distance += (int64_t)block->node[node->b].imm;
        else if (node->op != IR_ZEXT32 || block->is_64bit)
            return ref;
        ref = node->a;
    }
}

/* Makes NODE's address a value and imm, if it is the sum of such; so the sum need not be made. */
static void take_apart(const IrBlock *block, IrNode *node)
{
    const IrNode *sum = &block->node[node->a];
    if (sum->op == IR_ZEXT32 && !block->is_64bit)
        sum = &block->node[sum->a];
    if (sum->op != IR_ADD || block->node[sum->b].op != IR_CONST)
        return;
    int64_t distance = (int64_t)block->node[sum->b].imm;
    if (distance != (int32_t)distance || block->node[sum->a].op == IR_CONST)
        return;
    node->a = sum->a;
    node->imm = (uint64_t)distance;
}

static bool join(Group *group, IrNode *node, int64_t at)
{
    int64_t from = MIN(group->from, at), to = MAX(group->to, at + node->size);
    if (to - from > IR_GROUP_SPAN)
        return false;
    group->from = from;
    group->to = to;
    group->count++;
    node->follows = true;
    node->from = (int16_t)(at - group->at);
    return true;
}

/* Numbers the candidates that became groups, as long as there are numbers. */
static void number_groups(IrBlock *block, Group *group, unsigned count)
{
    uint8_t number = 0;
    for (unsigned g = 0; g < count; g++) {
        group[g].number = group[g].count > 1 && number < IR_GROUPS_MAX ? ++number : 0;
        if (!group[g].number)
            continue;
        IrNode *first = &block->node[group[g].first];
        first->from = (int16_t)(group[g].from - group[g].at);
        first->to = (int16_t)(group[g].to - group[g].at);
    }
}

/* NODE has joined, or founded, GROUP. */
static void settle(const IrBlock *block, IrNode *node, const Group *group)
{
    node->group = group->number;
    if (!node->group) {
        node->follows = false;
        node->from = 0;
    } else if (node->follows) {
        take_apart(block, node);
    }
}

void ir_group(IrBlock *block)
{
    Group group[CANDIDATES_MAX];
    unsigned count = 0, open = 0; /* candidates from number OPEN on can be joined */
    for (unsigned i = 0; i < block->count; i++) {
        IrNode *node = &block->node[i];
        bool is_store = node->op == IR_STORE;
        int64_t at;
        if (ir_kind(node->op) == IR_KIND_CALL)
            open = count;
        if ((!is_store && node->op != IR_LOAD) || block->node[node->a].op == IR_CONST)
            continue;
        Ref root = root_of(block, node->a, &at);
        for (unsigned g = open; g < count && !node->group; g++)
            if (group[g].root == root && group[g].is_store == is_store && join(&group[g], node, at))
                node->group = (uint8_t)(g + 1);
        if (node->group || count == CANDIDATES_MAX)
            continue;
        group[count++] = (Group){ root, (Ref)i, is_store, at, at, at + node->size, 1, 0 };
        node->group = (uint8_t)count;
    }
    number_groups(block, group, count);
    for (unsigned i = 0; i < block->count; i++)
        if (block->node[i].group)
            settle(block, &block->node[i], &group[block->node[i].group - 1]);
}
