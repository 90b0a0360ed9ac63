/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of memory accesses: the look into the bank's table, then the access itself. What the
 * table does not have is done by a stub.
 *
 * 1. An access that crosses pages misses: the entry is that of its first byte's page, the tag is
 *    compared with its last byte's.
 * 2. Of a group (ir.h) the first access looks for the whole group: if all of it lies in one page
 *    that the table has, the host address of this access is kept in the frame, else 0. The others
 *    go by that. C code that runs in between may change the table, so a stub that called some
 *    makes it 0.
 */
#include "machine/translator/helpers.h"
#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

void lower_match_observed(Lowering *low, HostReg tag)
{
    if (low->thunks->stored)
        asm_alu_imm(&low->as, ALU_OR, true, tag, TLB_OBSERVED);
}

void lower_observe_store(Lowering *low, const IrNode *node, Mem mem, unsigned size)
{
    Assembler *as = &low->as;
    if (!low->thunks->stored)
        return;
    asm_push(as, RAX);
    asm_lea(as, true, RAX, mem);
    asm_store(as, CPU_MEM(translated.ea), RAX);
    asm_mov_imm(as, RAX, (low->ir->insn_count - node->insn) | size << 8);
    asm_call_to(as, low->thunks->stored);
    asm_pop(as, RAX);
}

static uint32_t describe_access(const IrNode *node)
{
    return node->insn | (uint32_t)node->size << 8 | (node->is_signed ? HELPER_SIGNED : 0) |
           (node->swap ? HELPER_SWAP : 0);
}

/*
 * Leaves in INDEX where the entry is for the page of EA + FROM, and compares it with the page of
 * EA + TO - 1. Not equal: a miss, or not the same page.
 */
static void emit_look(Lowering *low, HostReg ea, int from, int to, size_t table, HostReg index,
                      HostReg tag)
{
    Assembler *as = &low->as;
    HostReg first = from ? index : ea;
    if (from)
        asm_lea(as, true, index, mem_at(ea, from));
    asm_rorx(as, true, index, first, TLB_PAGE_BITS - 4);
    asm_alu_imm(as, ALU_AND, false, index, (TLB_SETS - 1) << 4);
    if (to == 1)
        asm_mov(as, tag, ea);
    else
        asm_lea(as, true, tag, mem_at(ea, to - 1));
    asm_alu_imm(as, ALU_AND, true, tag, -4096);
    if (table == offsetof(TlbBank, write))
        lower_match_observed(low, tag);
    asm_alu_mem(as, ALU_CMP, true, tag, mem_indexed(BANK_REG, index, 0, (int32_t)table));
}

static size_t table_of(const IrNode *node)
{
    return node->op == IR_STORE ? offsetof(TlbBank, write) : offsetof(TlbBank, read);
}

Mem lower_look(Lowering *low, const IrNode *node, HostReg ea, HostReg index, HostReg tag)
{
    size_t table = table_of(node);
    emit_look(low, ea, node->from, node->to ? node->to : node->size, table, index, tag);
    return mem_indexed(BANK_REG, index, 0, (int32_t)table);
}

G_STATIC_ASSERT(sizeof(TlbEntry) == 16 && offsetof(TlbEntry, tag) == 0 &&
                offsetof(TlbEntry, addend) == 8);

/* Loads SIZE bytes at MEM into REG as the node wants them. */
static void emit_sized_load(Assembler *as, const IrNode *node, HostReg reg, Mem mem)
{
    switch (node->size) {
    case 1: asm_rm(as, node->is_signed ? 0x0fbe : 0x0fb6, node->is_signed, reg, mem); break;
    case 2:
        if (!node->swap) {
            asm_rm(as, node->is_signed ? 0x0fbf : 0x0fb7, node->is_signed, reg, mem);
            break;
        }
        asm_rm(as, 0x0fb7, false, reg, mem);
        asm_byte(as, 0x66); /* rol r16, 8 */
        asm_shift_imm(as, 0, false, reg, 8);
        if (node->is_signed)
            asm_rr(as, 0x0fbf, true, reg, reg);
        break;
    case 4:
        if (node->swap) {
            asm_rm(as, 0x0f38f0, false, reg, mem);
            if (node->is_signed)
                asm_rr(as, 0x63, true, reg, reg);
        } else {
            asm_rm(as, node->is_signed ? 0x63 : 0x8b, node->is_signed, reg, mem);
        }
        break;
    default: asm_rm(as, node->swap ? 0x0f38f0 : 0x8b, true, reg, mem); break;
    }
}

static void emit_sized_store(Assembler *as, const IrNode *node, HostReg reg, Mem mem)
{
    switch (node->size) {
    case 1: asm_store8(as, mem, reg); break;
    case 2:
        asm_byte(as, 0x66);
        asm_rm(as, node->swap ? 0x0f38f1 : 0x89, false, reg, mem);
        break;
    default: asm_rm(as, node->swap ? 0x0f38f1 : 0x89, node->size == 8, reg, mem); break;
    }
}

static void emit_access(Lowering *low, const IrNode *node, HostReg value, Mem mem)
{
    if (node->op == IR_STORE) {
        emit_sized_store(&low->as, node, value, mem);
        lower_observe_store(low, node, mem, node->size);
    } else {
        emit_sized_load(&low->as, node, value, mem);
    }
}

/* --- accesses --------------------------------------------------------------------------------- */

/* Leaves in TEMP what the address and the host's differ by; a miss goes to the stub. */
static Stub *emit_table(Lowering *low, const IrNode *node, HostReg ea, HostReg temp)
{
    HostReg index = allocator_temp(&low->allocator);
    Mem entry = lower_look(low, node, ea, index, temp);
    Stub *stub = lower_add_stub(low, asm_jcc(&low->as, CC_NE));
    entry.displacement += (int32_t)offsetof(TlbEntry, addend);
    asm_load(&low->as, temp, entry);
    return stub;
}

/* Puts the place of the access into MEM, and makes the stub for what is not known. */
static Stub *emit_lookup(Lowering *low, const IrNode *node, HostReg ea, Mem *mem)
{
    Assembler *as = &low->as;
    HostReg temp = allocator_temp(&low->allocator);
    Stub *stub = lower_is_site(low, node) ? lower_site(low, node, ea, temp)
                                          : emit_table(low, node, ea, temp);
    *mem = mem_indexed(temp, ea, 0, 0);
    if (node->group) {
        asm_alu(as, ALU_ADD, true, temp, ea);
        asm_store(as, group_mem(node->group), temp);
        *mem = mem_at(temp, 0);
        low->groups |= 1u << node->group;
    }
    stub->ea = ea;
    stub->base = (Operand){ .kind = OPERAND_REG, .reg = ea };
    return stub;
}

/* The group's page is known, if its leader found it: MEM from where the leader's access was. */
static Stub *emit_follow(Lowering *low, const IrNode *node, Mem *mem)
{
    Assembler *as = &low->as;
    HostReg at = allocator_temp(&low->allocator);
    asm_load(as, at, group_mem(node->group));
    asm_test(as, true, at, at);
    *mem = mem_at(at, node->from);
    Stub *stub = lower_add_stub(low, asm_jcc(as, CC_E));
    stub->ea = at;
    stub->base = allocator_where(&low->allocator, node->a);
    return stub;
}

static Stub *emit_reach(Lowering *low, const IrNode *node, HostReg ea, Mem *mem)
{
    Stub *stub = node->follows ? emit_follow(low, node, mem) : emit_lookup(low, node, ea, mem);
    stub->group = node->group;
    stub->what = describe_access(node);
    return stub;
}

/*
 * The target is chosen first: between the jump to the stub and the place where it comes back, no
 * value may change its register.
 */
void lower_load(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Mem mem;
    HostReg ea = node->follows ? NO_REG : allocator_use(allocator, node->a);
    HostReg target = allocator_target(allocator);
    Stub *stub = emit_reach(low, node, ea, &mem);
    stub->target = target;
    stub->live = allocator_live_temps(allocator, target);
    emit_access(low, node, target, mem);
    allocator_result(allocator, target);
    stub->resume = low->as.at;
}

void lower_store(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Mem mem;
    HostReg ea = node->follows ? NO_REG : allocator_use(allocator, node->a);
    HostReg value = allocator_use(allocator, node->b);
    Stub *stub = emit_reach(low, node, ea, &mem);
    stub->value = value;
    stub->is_store = true;
    stub->live = allocator_live_temps(allocator, NO_REG);
    emit_access(low, node, value, mem);
    stub->resume = low->as.at;
}

/* --- groups, out of line ---------------------------------------------------------------------- */

/* Brings the address that the stub's access has into its register. */
static void emit_address(Lowering *low, const Stub *stub, const IrNode *node)
{
    Assembler *as = &low->as;
    HostReg base = stub->base.reg;
    if (!node->follows)
        return;
    if (stub->base.kind == OPERAND_MEM) {
        asm_load(as, stub->ea, stub->base.mem);
        base = stub->ea;
    }
    asm_lea(as, true, stub->ea, mem_at(base, (int32_t)node->imm));
    if (!low->ir->is_64bit)
        asm_mov32(as, stub->ea, stub->ea);
}

uint8_t *lower_look_again(Lowering *low, const Stub *stub, uint8_t *site)
{
    Assembler *as = &low->as;
    const IrNode *node = &low->ir->node[stub->node];
    HostReg free[2];
    unsigned count = 0;
    asm_land(as, site);
    emit_address(low, stub, node);
    for (unsigned i = 0; count < 2; i++)
        if (temp_regs[i] != stub->ea && temp_regs[i] != stub->value)
            free[count++] = temp_regs[i];
    for (unsigned i = 0; i < 2; i++)
        asm_store(as, slot_mem(free[i]), free[i]);
    size_t table = table_of(node);
    emit_look(low, stub->ea, 0, node->size, table, free[0], free[1]);
    uint8_t *hit = asm_jcc(as, CC_E);
    for (unsigned i = 0; i < 2; i++)
        asm_load(as, free[i], slot_mem(free[i]));
    uint8_t *miss = asm_jmp(as);
    asm_land(as, hit);
    asm_load(as, free[1], mem_indexed(BANK_REG, free[0], 0, (int32_t)table + 8));
    HostReg value = node->op == IR_STORE ? stub->value : free[0];
    emit_access(low, node, value, mem_indexed(free[1], stub->ea, 0, 0));
    if (node->op != IR_STORE)
        asm_store(as, CPU_MEM(translated.value), value);
    if (!node->follows)
        asm_store_imm32(as, true, group_mem(node->group), 0);
    for (unsigned i = 0; i < 2; i++)
        asm_load(as, free[i], slot_mem(free[i]));
    if (node->op != IR_STORE)
        asm_load(as, stub->target, CPU_MEM(translated.value));
    asm_jmp_to(as, stub->resume);
    return miss;
}

void lower_forget_groups(Lowering *low, const Stub *stub)
{
    for (unsigned group = 1; group <= IR_GROUPS_MAX; group++)
        if ((stub->groups | 1u << stub->group) >> group & 1)
            asm_store_imm32(&low->as, true, group_mem(group), 0);
}

/* --- cache management ------------------------------------------------------------------------- */

/* The address is allowed if its page is known; if not, the function finds out. */
void lower_probe(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    HostReg ea = allocator_use(allocator, node->a);
    HostReg index = allocator_temp(allocator), tag = allocator_temp(allocator);
    Stub *stub = lower_call_stub(low, node);
    emit_look(low, ea, 0, 1, offsetof(TlbBank, read), index, tag);
    stub->site = asm_jcc(&low->as, CC_NE);
    lower_call_resume(low, stub);
}

void lower_zero(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Assembler *as = &low->as;
    HostReg ea = allocator_use(allocator, node->a);
    HostReg index = allocator_temp(allocator), tag = allocator_temp(allocator);
    Xmm zero = xmm_temp(low);
    Stub *stub = lower_call_stub(low, node);
    emit_look(low, ea, 0, node->size, offsetof(TlbBank, write), index, tag);
    stub->site = asm_jcc(as, CC_NE);
    asm_load(as, tag, mem_indexed(BANK_REG, index, 0, (int32_t)offsetof(TlbBank, write) + 8));
    asm_vec(as, VPXOR, zero, zero, zero);
    for (unsigned i = 0; i < node->size; i += 16)
        asm_vec1_mem(as, VMOVDQU_STORE, zero, mem_indexed(tag, ea, 0, (int32_t)i));
    lower_observe_store(low, node, mem_indexed(tag, ea, 0, 0), node->size);
    lower_call_resume(low, stub);
}
