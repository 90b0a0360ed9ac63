/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sites: memory accesses of hot blocks that remember their page.
 *
 * The look into the bank's table (lower-memory.c) makes the host address wait for the guest's: an
 * index, then a load. Most accesses of a loop go to the page of the last time. So in a hot block
 * each has a slot in the bank, whose place is a constant: what it holds is loaded long before the
 * address is known, and the check hangs on no load at all.
 *
 * 1. A slot holds an entry that stood in the bank's table of the same kind; whoever drops entries
 *    there empties all slots. Sites may share a slot: they then miss more often. For reads it is
 *    widened to the guest's page, which may be large; writes must be noticed for each 4 KiB.
 * 2. A hit is at least 8 bytes before the page's end, so it crosses none. The rest, out of line,
 *    looks into the table, and goes to the helper only if that misses.
 * 3. A site that misses again and again in quick succession roams: it asks for its block to be
 *    made anew, with the look into the table for this access.
 */
#include "machine/translator/x86-64/lower.h"

/* Misses nearer to each other than this, in guest instructions, cost more than hits gain; and so
 * many of them in a row are borne. */
#define SITE_NEAR     128
#define SITE_PATIENCE 16

bool lower_is_site(const Lowering *low, const IrNode *node)
{
    return low->block->is_hot && !(low->block->roamed >> node->insn & 1);
}

/* The place of a slot's MEMBER in the bank. */
#define SLOT_MEM(slot, member) mem_at(BANK_REG, (slot) + (int32_t)offsetof(SiteEntry, member))

static int32_t next_slot(Lowering *low, const IrNode *node)
{
    size_t table =
        node->op == IR_STORE ? offsetof(TlbBank, site_write) : offsetof(TlbBank, site_read);
    unsigned slot = (low->block->first_slot + low->site_count++) % SITE_SLOTS;
    return (int32_t)(table + slot * sizeof(SiteEntry));
}

/* TEMP becomes how far the access's first byte, or its group's, is from where the slot begins. */
static void emit_distance(Lowering *low, const IrNode *node, HostReg ea, HostReg temp, int32_t slot)
{
    bool is_observed = node->op == IR_STORE && low->thunks->stored;
    int from = node->from + (is_observed ? (int)TLB_OBSERVED : 0);
    if (from)
        asm_lea(&low->as, true, temp, mem_at(ea, from));
    else
        asm_mov(&low->as, temp, ea);
    asm_alu_mem(&low->as, ALU_SUB, true, temp, SLOT_MEM(slot, tag));
}

Stub *lower_site(Lowering *low, const IrNode *node, HostReg ea, HostReg temp)
{
    Assembler *as = &low->as;
    int32_t slot = next_slot(low, node);
    Mem limit = node->group ? SLOT_MEM(slot, group_limit) : SLOT_MEM(slot, limit);
    emit_distance(low, node, ea, temp, slot);
    asm_alu_mem(as, ALU_CMP, true, temp, limit);
    Stub *stub = lower_add_stub(low, asm_jcc(as, CC_AE));
    asm_load(as, temp, SLOT_MEM(slot, addend));
    stub->tag = temp;
    stub->slot = slot;
    stub->hit = as->at;
    return stub;
}

/* A temporary that the stub's access does not use. */
static HostReg spare(const Stub *stub)
{
    for (unsigned i = 0; i < TEMP_COUNT; i++)
        if (temp_regs[i] != stub->ea && temp_regs[i] != stub->value && temp_regs[i] != stub->tag)
            return temp_regs[i];
    g_assert_not_reached();
}

/* Counts the misses that follow close on each other; at the last one of them asks for a change. */
static void emit_patience(Lowering *low, const IrNode *node, HostReg at)
{
    Assembler *as = &low->as;
    Mem missed_at = mem_at(at, offsetof(Site, missed_at));
    Mem patience = mem_at(at, offsetof(Site, patience));
    asm_mov_imm(as, at, (uint64_t)(uintptr_t)&low->block->site[node->insn]);
    asm_rm(as, 0x29, false, BUDGET_REG, missed_at); /* sub */
    asm_alu_mem_imm(as, ALU_CMP, false, missed_at, SITE_NEAR);
    asm_rm(as, 0x89, false, BUDGET_REG, missed_at); /* mov: the flags stay */
    uint8_t *is_near = asm_jcc(as, CC_BE);
    asm_store_imm32(as, false, patience, SITE_PATIENCE);
    uint8_t *far = asm_jmp(as);
    asm_land(as, is_near);
    asm_alu_mem_imm(as, ALU_SUB, false, patience, 1);
    uint8_t *patient = asm_jcc(as, CC_NE);
    lower_block_pointer(low, at);
    size_t word = offsetof(Block, roams) + node->insn / 32 * 4;
    asm_alu_mem_imm(as, ALU_OR, false, mem_at(at, (int32_t)word), (int32_t)(1u << node->insn % 32));
    asm_land(as, patient);
    asm_land(as, far);
}

/* The slot's limits, of a page whose size is in TAG. */
static void emit_limits(Lowering *low, int32_t slot, HostReg tag)
{
    asm_alu_imm(&low->as, ALU_ADD, true, tag, SITE_LIMIT);
    asm_store(&low->as, SLOT_MEM(slot, limit), tag);
    asm_alu_imm(&low->as, ALU_ADD, true, tag, SITE_GROUP_LIMIT - SITE_LIMIT);
    asm_store(&low->as, SLOT_MEM(slot, group_limit), tag);
}

/* ENTRY, at INDEX of the table, becomes the slot's; TAG has its tag and gets its addend. */
static void emit_fill(Lowering *low, const IrNode *node, int32_t slot, HostReg index, HostReg tag,
                      Mem entry)
{
    Assembler *as = &low->as;
    if (node->op == IR_STORE) {
        asm_store(as, SLOT_MEM(slot, tag), tag);
        asm_mov_imm(as, tag, TLB_PAGE_SIZE);
    } else {
        Mem span = mem_indexed(BANK_REG, index, 0, (int32_t)offsetof(TlbBank, read_span));
        asm_load(as, tag, span);
        asm_store(as, SLOT_MEM(slot, tag), tag);
        span.displacement += (int32_t)offsetof(PageSpan, size);
        asm_load(as, tag, span);
    }
    emit_limits(low, slot, tag);
    entry.displacement += (int32_t)offsetof(TlbEntry, addend);
    asm_load(as, tag, entry);
    asm_store(as, SLOT_MEM(slot, addend), tag);
    asm_store_imm8(as, mem_at(BANK_REG, (int32_t)offsetof(TlbBank, has_sites)), 1);
}

G_STATIC_ASSERT(sizeof(PageSpan) == sizeof(TlbEntry) && IR_GROUP_SPAN <= 1 - SITE_GROUP_LIMIT);

uint8_t *lower_site_refill(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    const IrNode *node = &low->ir->node[stub->node];
    HostReg index = spare(stub);
    asm_land(as, stub->site);
    asm_store(as, slot_mem(index), index);
    Mem entry = lower_look(low, node, stub->ea, index, stub->tag);
    uint8_t *miss = asm_jcc(as, CC_NE);
    emit_fill(low, node, stub->slot, index, stub->tag, entry);
    emit_patience(low, node, index);
    asm_load(as, index, slot_mem(index));
    asm_jmp_to(as, stub->hit);
    asm_land(as, miss);
    asm_load(as, index, slot_mem(index));
    return asm_jmp(as);
}
