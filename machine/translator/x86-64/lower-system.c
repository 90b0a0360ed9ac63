/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of what build-system.c builds.
 */
#include "machine/translator/x86-64/lower.h"

static Mem state_mem(uint64_t offset)
{
    return mem_at(CPU_REG, (int32_t)offset - CPU_BIAS);
}

static void lower_get_state(Lowering *low, const IrNode *node)
{
    HostReg target = allocator_target(&low->allocator);
    asm_load(&low->as, target, state_mem(node->imm));
    allocator_result(&low->allocator, target);
}

static void lower_set_state(Lowering *low, const IrNode *node)
{
    HostReg value = allocator_use(&low->allocator, node->a);
    asm_store(&low->as, state_mem(node->imm), value);
}

bool lower_system_node(Lowering *low, const IrNode *node)
{
    switch (node->op) {
    case IR_GET_STATE: lower_get_state(low, node); return true;
    case IR_SET_STATE: lower_set_state(low, node); return true;
    default: return false;
    }
}
