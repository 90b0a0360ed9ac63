/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From IR to x86-64: blocks, exits and what is out of line. (lower-value.c has the operations on
 * values, lower-memory.c those on memory.)
 *
 * A block is: charge the budget; the nodes, in order; the exits; then, out of line, what is rarely
 * needed: slow paths of memory accesses and the exits' stubs.
 *
 * 1. Between guest instructions every guest register is in its home (pinned register or state), so
 * a way out of the block needs to know only which instruction it stands at.
 * 2. An exit to the same page is a direct jump that is patched once its target exists. Any other
 *    exit goes through the code bank's jump table, which is emptied with the translations it relies
 * on.
 */
#include "machine/translator/x86-64/lower.h"

#include "machine/translator/helpers.h"

/* --- out-of-line code ------------------------------------------------------------------------- */

Stub *lower_add_stub(Lowering *low, uint8_t *site)
{
    g_assert(low->stub_count < G_N_ELEMENTS(low->stub));
    Stub *stub = &low->stub[low->stub_count++];
    *stub = (Stub){ .site = site,
                    .node = low->allocator.now,
                    .target = NO_REG,
                    .value = NO_REG,
                    .home = HOME_COUNT,
                    .xmm = low->xmm.now,
                    .note = low->fp.note,
                    .is_marked = low->fp.is_marked,
                    .groups = low->groups,
                    .known = low->known };
    return stub;
}

Stub *lower_call_stub(Lowering *low, const IrNode *node)
{
    Stub *stub = lower_add_stub(low, NULL);
    stub->kind = STUB_CALL;
    stub->what = node->insn;
    stub->home = node->op == IR_VSR_LOAD || node->op == IR_VSR_STORE ? node->home : HOME_COUNT;
    return stub;
}

Stub *lower_rest_stub(Lowering *low, const IrNode *node)
{
    Stub *stub = lower_add_stub(low, NULL);
    stub->kind = STUB_REST;
    stub->what = node->insn;
    return stub;
}

void lower_call_resume(Lowering *low, Stub *stub)
{
    stub->resume = low->as.at;
    stub->live = allocator_live_temps(&low->allocator, NO_REG);
    stub->xmm = low->xmm.now;
    stub->is_marked = low->fp.is_marked;
}

Stub *lower_field_stub(Lowering *low, const IrNode *node, uint8_t *site)
{
    Stub *stub = lower_add_stub(low, site);
    stub->kind = STUB_FIELD;
    return stub;
}

/* --- CR fields that are known ----------------------------------------------------------------- */

static void emit_known(Lowering *low, const KnownFields *known)
{
    for (unsigned field = 0; field < 8; field++) {
        if (!(known->mask >> field & 1))
            continue;
        asm_store_imm8(&low->as, cr_less_mem(field), known->less >> field & 1);
        asm_store_imm8(&low->as, cr_greater_mem(field), known->greater >> field & 1);
    }
}

void lower_forget_known(Lowering *low, unsigned field)
{
    uint8_t others = (uint8_t) ~(1u << field);
    low->known.mask &= others;
    low->known.less &= others;
    low->known.greater &= others;
}

void lower_known_field(Lowering *low, unsigned field)
{
    KnownFields one = low->known;
    one.mask &= (uint8_t)(1u << field);
    emit_known(low, &one);
    lower_forget_known(low, field);
}

/* NODE's branch has not been taken: its bit is 1. */
static void learn_field(Lowering *low, const IrNode *node)
{
    uint8_t field = (uint8_t)(1u << node->field);
    lower_forget_known(low, node->field);
    if (!node->is_known)
        return;
    low->known.mask |= field;
    low->known.less |= node->bit == CR_LT ? field : 0;
    low->known.greater |= node->bit == CR_GT ? field : 0;
}

/*
 * Before NODE, which may look at fields, or set them, in other ways than by those who know of
 * this, all are stored. Memory accesses do so out of line.
 */
static void settle_known(Lowering *low, const IrNode *node)
{
    bool is_end = node->insn + 1u == low->ir->insn_count;
    IrKind kind = ir_kind(node->op);
    if (!low->known.mask || node->op == IR_LOAD || node->op == IR_STORE ||
        (node->op == IR_BRANCH && !is_end) || kind == IR_KIND_VALUE || node->op == IR_SET ||
        node->op == IR_CMP || node->op == IR_SET_CR)
        return;
    emit_known(low, &low->known);
    low->known = (KnownFields){ 0 };
}

/* --- stubs that others make ------------------------------------------------------------------- */

/* TO, from its most significant bit: less, greater, equal, and less, greater as unsigned. */
static void lower_trap(Lowering *low, const IrNode *node)
{
    static const HostCondition conditions[] = { CC_L, CC_G, CC_E, CC_B, CC_A };
    uint8_t *sites[5];
    unsigned count = 0;
    lower_comparison(low, node);
    for (unsigned i = 0; i < G_N_ELEMENTS(conditions); i++)
        if (node->imm & 16u >> i)
            sites[count++] = asm_jcc(&low->as, conditions[i]);
    Stub *stub = lower_call_stub(low, node);
    stub->site = sites[0];
    for (unsigned i = 1; i < count; i++)
        stub->more[i - 1] = sites[i];
    lower_call_resume(low, stub);
}

void lower_block_pointer(Lowering *low, HostReg reg)
{
    asm_mov_imm(&low->as, reg, (uint64_t)(uintptr_t)low->block);
}

/* Keeps in TRANSLATED.VALUE what HOME holds; and puts it back. */
static void keep_home(Lowering *low, unsigned home)
{
    HostReg pin = pin_of(home);
    if (pin == NO_REG)
        asm_load(&low->as, RAX, home_mem(home));
    asm_store(&low->as, CPU_MEM(translated.value), pin == NO_REG ? RAX : pin);
}

static void restore_home(Lowering *low, unsigned home)
{
    HostReg pin = pin_of(home);
    asm_load(&low->as, pin == NO_REG ? RAX : pin, CPU_MEM(translated.value));
    if (pin == NO_REG)
        asm_store(&low->as, home_mem(home), RAX);
}

static void emit_call_stub(Lowering *low, const Stub *stub)
{
    if (stub->home != HOME_COUNT)
        keep_home(low, stub->home);
    asm_mov_imm(&low->as, RAX, stub->what);
    lower_block_pointer(low, RCX);
    asm_call_to(&low->as, low->thunks->call);
    if (stub->home != HOME_COUNT)
        restore_home(low, stub->home);
}

static void emit_helper_stub(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    asm_store(as, CPU_MEM(translated.ea), stub->ea);
    if (stub->value != NO_REG)
        asm_store(as, CPU_MEM(translated.value), stub->value);
    asm_mov_imm(as, RAX, stub->what);
    lower_block_pointer(low, RCX);
    asm_call_to(as, stub->is_store ? low->thunks->store : low->thunks->load);
    if (stub->target != NO_REG)
        asm_mov(as, stub->target, RAX);
}

static void emit_field_stub(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    const IrNode *node = &low->ir->node[stub->node];
    if (stub->target == NO_REG) {
        asm_test_mem8_imm(as, cr_mem(node->field), node->bit);
    } else {
        asm_rm(as, 0x0fb6, false, stub->target, cr_mem(node->field));
        if (node->op != IR_GET_CR) {
            asm_alu_imm(as, ALU_XOR, false, stub->target, node->bit);
            asm_alu_imm(as, ALU_AND, false, stub->target, node->bit);
        }
    }
    asm_jmp_to(as, stub->resume);
}

static void emit_rest(Lowering *low, const Stub *stub)
{
    asm_mov_imm(&low->as, RAX, stub->what);
    lower_block_pointer(low, RCX);
    asm_call_to(&low->as, low->thunks->rest);
}

static void emit_stub(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    uint8_t *site = stub->site;
    if (stub->slot)
        site = lower_site_refill(low, stub);
    if (stub->group)
        site = lower_look_again(low, stub, site);
    lower_float_excuse(low, stub);
    if (site)
        asm_land(as, site);
    if (stub->kind == STUB_FIELD) {
        emit_field_stub(low, stub);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(stub->more); i++)
        if (stub->more[i])
            asm_land(as, stub->more[i]);
    emit_known(low, &stub->known);
    for (unsigned i = 0; i < TEMP_COUNT; i++)
        if (stub->live >> temp_regs[i] & 1)
            asm_store(as, mem_at(RSP, 8 * temp_regs[i]), temp_regs[i]);
    lower_float_enter_stub(low, stub);
    if (stub->kind == STUB_REST) {
        emit_rest(low, stub);
        return;
    }
    if (stub->kind == STUB_CALL)
        emit_call_stub(low, stub);
    else
        emit_helper_stub(low, stub);
    lower_forget_groups(low, stub);
    xmm_reload(low, &stub->xmm);
    lower_float_leave_stub(low, stub);
    for (unsigned i = 0; i < TEMP_COUNT; i++)
        if (stub->live >> temp_regs[i] & 1)
            asm_load(as, temp_regs[i], mem_at(RSP, 8 * temp_regs[i]));
    asm_jmp_to(as, stub->resume);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void lower_call(Lowering *low, const IrNode *node)
{
    lower_float_commit(low);
    asm_mov_imm(&low->as, RAX, node->insn);
    lower_block_pointer(low, RCX);
    asm_call_to(&low->as, low->thunks->call);
    xmm_forget(low);
    lower_float_forget(low);
}

/* --- exits
 * ------------------------------------------------------------------------------------------------
 */

static bool is_same_page(const Lowering *low, uint64_t target)
{
    return (low->ir->ea ^ target) < 4096;
}

#define CODE_BANK RDX

/* Through the code bank's jump table, to the address in RAX, whose entry is at ENTRY. */
static void emit_jump_table(Lowering *low, Mem entry)
{
    Assembler *as = &low->as;
    asm_alu_mem(as, ALU_CMP, true, RAX, entry);
    asm_jcc_to(as, CC_NE, low->thunks->exit_indirect);
    entry.displacement += (int32_t)offsetof(JumpEntry, code);
    asm_jmp_mem(as, entry);
}

G_STATIC_ASSERT(sizeof(JumpEntry) == 16 && offsetof(JumpEntry, ea) == 0);
G_STATIC_ASSERT(JUMP_SETS == 1 << 14 && JUMP_INDEX(0xfffc) == JUMP_SETS - 1);

static void emit_far_exit(Lowering *low, uint64_t target)
{
    Assembler *as = &low->as;
    size_t offset = offsetof(CodeBank, jump) + sizeof(JumpEntry) * JUMP_INDEX(target);
    Mem entry = mem_at(CODE_BANK, (int32_t)offset);
    asm_load(as, CODE_BANK, CPU_MEM(code));
    if ((int64_t)target != (int32_t)target) {
        asm_mov_imm(as, RAX, target);
        emit_jump_table(low, entry);
        return;
    }
    asm_alu_mem_imm(as, ALU_CMP, true, entry, (int32_t)target);
    g_assert(low->far_count < G_N_ELEMENTS(low->far));
    low->far[low->far_count++] = (FarMiss){ asm_jcc(as, CC_NE), target };
    entry.displacement += (int32_t)offsetof(JumpEntry, code);
    asm_jmp_mem(as, entry);
}

static void emit_far_miss(Lowering *low, const FarMiss *miss)
{
    asm_land(&low->as, miss->site);
    asm_mov_imm(&low->as, RAX, miss->target);
    asm_jmp_to(&low->as, low->thunks->exit_indirect);
}

/* Through the jump table to what RAX has. */
static void emit_register_exit(Lowering *low)
{
    Assembler *as = &low->as;
    asm_alu_imm(as, ALU_AND, true, RAX, -4);
    asm_load(as, CODE_BANK, CPU_MEM(code));
    asm_rr(as, 0x0fb7, false, RCX, RAX); /* movzx ecx, ax: four times the index */
    emit_jump_table(low, mem_indexed(CODE_BANK, RCX, 2, (int32_t)offsetof(CodeBank, jump)));
}

static void add_exit(Lowering *low, uint8_t *site, const IrNode *node, unsigned home)
{
    g_assert(low->exit_count < G_N_ELEMENTS(low->exit));
    low->exit[low->exit_count++] = (Exit){ .site = site,
                                           .target = node->imm,
                                           .home = (uint8_t)home,
                                           .note = low->fp.note,
                                           .sunk = node->is_sunk ? node : NULL,
                                           .known = low->known,
                                           .left = low->ir->insn_count - 1 - node->insn };
}

/* A jump that is patched: the exit's own, or one behind what the exit has to do first. */
static void add_link(Lowering *low, const Exit *exit)
{
    Block *block = low->block;
    g_assert(block->link_count < low->ir->exit_count);
    block->link[block->link_count++] = (Link){
        .from = block, .target = exit->target, .site = exit->left ? asm_jmp(&low->as) : exit->site
    };
}

/* Where the jump leads until its target exists. */
static void emit_link_stub(Lowering *low, Link *link)
{
    link->stub = low->as.at;
    asm_land(&low->as, link->site);
    asm_mov_imm(&low->as, RAX, (uint64_t)(uintptr_t)link);
    asm_jmp_to(&low->as, low->thunks->exit_link);
}

/* The flags are still those of the comparison. */
static void emit_sunk(Lowering *low, const IrNode *branch)
{
    Assembler *as = &low->as;
    asm_setcc_mem(as, branch->is_signed ? CC_L : CC_B, cr_less_mem(branch->field));
    asm_setcc_mem(as, branch->is_signed ? CC_G : CC_A, cr_greater_mem(branch->field));
}

static void emit_exit(Lowering *low, const Exit *exit)
{
    Assembler *as = &low->as;
    asm_land(as, exit->site);
    if (exit->sunk)
        emit_sunk(low, exit->sunk);
    emit_known(low, &exit->known);
    if (exit->left) {
        asm_alu_imm(as, ALU_ADD, true, BUDGET_REG, (int32_t)exit->left);
        lower_float_exit(low, &exit->note);
    }
    if (exit->home != HOME_COUNT) {
        asm_load(as, RAX, home_mem(exit->home));
        if (!low->ir->is_64bit)
            asm_mov32(as, RAX, RAX);
        emit_register_exit(low);
    } else if (is_same_page(low, exit->target)) {
        add_link(low, exit);
    } else {
        emit_far_exit(low, exit->target);
    }
}

static void lower_goto(Lowering *low, const IrNode *node)
{
    if (is_same_page(low, node->imm))
        add_exit(low, asm_jmp(&low->as), node, HOME_COUNT);
    else
        emit_far_exit(low, node->imm);
}

static void lower_goto_register(Lowering *low, const IrNode *node)
{
    /* The last node: nothing else lives in the temporaries. */
    asm_mov(&low->as, RAX, allocator_use(&low->allocator, node->a));
    emit_register_exit(low);
}

/*
 * Behind a branch that tests the count and a bit the block ends: between the two jumps values may
 * have moved.
 */
static void lower_branch(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    uint8_t *not_taken = NULL;
    if (node->test_ctr != TEST_NONE) {
        if (low->counted_at != as->at || low->counted != node->c) {
            HostReg count = allocator_use(&low->allocator, node->c);
            asm_test(as, true, count, count);
        }
        HostCondition stay = node->test_ctr == TEST_ZERO ? CC_NE : CC_E;
        if (node->test_bit == TEST_NONE) {
            add_exit(low, asm_jcc(as, stay ^ 1), node, node->home);
            return;
        }
        not_taken = asm_jcc(as, stay);
    }
    if (node->is_sunk)
        lower_forget_known(low, node->field);
    HostCondition condition = lower_condition(low, node);
    bool is_compared = low->compared_at == as->at, has_flags = low->fp.flags_at == as->at;
    if (node->test_bit == TEST_ZERO)
        condition ^= 1;
    add_exit(low, asm_jcc(as, condition), node, node->home);
    if (node->is_sunk)
        learn_field(low, node);
    if (not_taken)
        asm_land(as, not_taken);
    else if (is_compared)
        low->compared_at = as->at; /* a jump leaves the flags alone */
    if (!not_taken && has_flags)
        low->fp.flags_at = as->at;
}

static void lower_exit(Lowering *low, const IrNode *node)
{
    /* Exits on the way note what they have to where they stand, out of line. */
    if (node->op != IR_BRANCH || node->insn + 1u == low->ir->insn_count)
        lower_float_commit(low);
    switch (node->op) {
    case IR_GOTO: lower_goto(low, node); break;
    case IR_GOTO_REG: lower_goto_register(low, node); break;
    case IR_BRANCH: lower_branch(low, node); break;
    default: break; /* LEAVE: the helper never comes back */
    }
}

/* --- the block
 * -----------------------------------------------------------------------------------------------
 */

static void lower_node(Lowering *low, const IrNode *node)
{
    switch (node->op) {
    case IR_LOAD: lower_load(low, node); break;
    case IR_STORE: lower_store(low, node); break;
    case IR_CALL: lower_call(low, node); break;
    case IR_PROBE: lower_probe(low, node); break;
    case IR_ZERO: lower_zero(low, node); break;
    case IR_TRAP: lower_trap(low, node); break;
    case IR_FLOAT: lower_float(low, node); break;
    case IR_GOTO:
    case IR_GOTO_REG:
    case IR_BRANCH:
    case IR_LEAVE: lower_exit(low, node); break;
    default:
        if (!lower_system_node(low, node) && !lower_vector_node(low, node))
            lower_value(low, node);
        break;
    }
}

/* What runs as a rule; gives the jump that is taken without budget. */
static uint8_t *emit_in_line(Lowering *low)
{
    Assembler *as = &low->as;
    if (low->thunks->block_left) {
        lower_block_pointer(low, RCX);
        asm_call_to(as, low->thunks->block_left);
    }
    asm_alu_imm(as, ALU_SUB, true, BUDGET_REG, (int32_t)low->ir->insn_count);
    uint8_t *out_of_budget = asm_jcc(as, CC_S);
    for (Ref i = 0; i < low->ir->count; i++) {
        if (allocator_is_unused(&low->allocator, i))
            continue;
        allocator_begin(&low->allocator, i);
        xmm_begin(low);
        settle_known(low, &low->ir->node[i]);
        lower_node(low, &low->ir->node[i]);
        allocator_end(&low->allocator);
    }
    for (unsigned i = 0; i < low->exit_count; i++)
        emit_exit(low, &low->exit[i]);
    return out_of_budget;
}

static void emit_aside(Lowering *low, uint8_t *out_of_budget)
{
    Assembler *as = &low->as;
    for (unsigned i = 0; i < low->block->link_count; i++)
        emit_link_stub(low, &low->block->link[i]);
    for (unsigned i = 0; i < low->far_count; i++)
        emit_far_miss(low, &low->far[i]);
    for (unsigned i = 0; i < low->stub_count; i++)
        emit_stub(low, &low->stub[i]);
    asm_land(as, out_of_budget);
    asm_alu_imm(as, ALU_ADD, true, BUDGET_REG, (int32_t)low->ir->insn_count);
    asm_mov_imm(as, RAX, low->ir->ea);
    asm_jmp_to(as, low->thunks->exit_indirect);
}

bool target_lower(CodeMemory *memory, const TargetThunks *thunks, const IrBlock *ir, Block *block)
{
    g_autofree Lowering *low = g_new(Lowering, 1);
    uint8_t *start = code_memory_free(memory, CODE_IN_LINE);
    low->as = (Assembler){ start, start, code_memory_limit(memory, CODE_IN_LINE), false };
    low->ir = ir;
    low->block = block;
    low->thunks = thunks;
    low->stub_count = low->exit_count = low->far_count = 0;
    low->compared = NULL;
    low->compared_at = low->counted_at = NULL;
    low->site_count = 0;
    low->groups = 0;
    low->known = (KnownFields){ 0 };
    xmm_forget(low);
    lower_float_forget(low);
    block->link_count = 0;
    allocator_init(&low->allocator, &low->as, ir);
    uint8_t *out_of_budget = emit_in_line(low);
    const uint8_t *end = low->as.at;
    low->as.at = code_memory_free(memory, CODE_ASIDE);
    low->as.limit = code_memory_limit(memory, CODE_ASIDE);
    emit_aside(low, out_of_budget);
    if (low->as.overflow)
        return false;
    code_memory_take(memory, CODE_IN_LINE, end);
    code_memory_take(memory, CODE_ASIDE, low->as.at);
    block->code = code_memory_executable(memory, start);
    return true;
}
