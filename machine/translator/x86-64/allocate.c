/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/translator/x86-64/allocate.h"

static void note_use(Allocator *allocator, Ref ref, Ref user)
{
    if (ref != NO_REF && allocator->place[ref].last_use < user)
        allocator->place[ref].last_use = user;
}

bool allocator_is_unused(const Allocator *allocator, Ref ref)
{
    const IrNode *node = &allocator->ir->node[ref];
    switch (node->op) {
    case IR_SET:
    case IR_SET_CR:
    case IR_CMP: return node->is_dead;
    case IR_ADDC: /* these set CA as well */
    case IR_ADDE:
    case IR_SUBC:
    case IR_SARC:
    case IR_VECTOR_VALUE: return false;
    default: return ir_kind(node->op) == IR_KIND_VALUE && allocator->place[ref].last_use == ref;
    }
}

void allocator_init(Allocator *allocator, Assembler *as, const IrBlock *ir)
{
    allocator->as = as;
    allocator->ir = ir;
    for (unsigned i = 0; i < 16; i++) {
        allocator->owner[i] = NO_REF;
        allocator->is_busy[i] = false;
    }
    for (unsigned i = 0; i < SPILL_SLOTS; i++)
        allocator->slot_owner[i] = NO_REF;
    for (unsigned i = 0; i < HOME_COUNT; i++)
        allocator->resident[i] = NO_REF;
    for (unsigned i = 0; i < ir->count; i++)
        allocator->place[i] = (Place){ .kind = ir->node[i].op == IR_CONST ? AT_CONST : AT_NOWHERE,
                                       .last_use = (Ref)i };
    for (unsigned i = ir->count; i-- > 0;) {
        const IrNode *node = &ir->node[i];
        if (allocator_is_unused(allocator, (Ref)i))
            continue;
        note_use(allocator, node->a, (Ref)i);
        note_use(allocator, node->b, (Ref)i);
        note_use(allocator, node->c, (Ref)i);
    }
}

static bool is_temp(HostReg reg)
{
    return reg <= RDX || reg == RSI || reg == RDI;
}

void allocator_begin(Allocator *allocator, Ref node)
{
    allocator->now = node;
}

void allocator_end(Allocator *allocator)
{
    for (unsigned i = 0; i < TEMP_COUNT; i++) {
        HostReg reg = temp_regs[i];
        allocator->is_busy[reg] = false;
        Ref ref = allocator->owner[reg];
        if (ref != NO_REF && allocator->place[ref].last_use <= allocator->now)
            allocator->owner[reg] = NO_REF;
    }
}

/* A slot for REF: one that nobody owns, or whose owner is needed no more. */
static uint8_t take_slot(Allocator *allocator, Ref ref)
{
    for (uint8_t slot = 0; slot < SPILL_SLOTS; slot++) {
        Ref owner = allocator->slot_owner[slot];
        if (owner != NO_REF && allocator->place[owner].last_use >= allocator->now)
            continue;
        allocator->slot_owner[slot] = ref;
        return slot;
    }
    g_assert_not_reached(); /* more live values than a block has instructions */
}

/* Whether the temporary's value, if any, is somewhere else as well. */
static bool is_free(const Allocator *allocator, HostReg reg)
{
    Ref ref = allocator->owner[reg];
    return ref == NO_REF || allocator->place[ref].has_home || allocator->place[ref].has_slot;
}

/* Gives REG's value another place. */
static void move_away(Allocator *allocator, HostReg reg)
{
    Ref ref = allocator->owner[reg];
    if (ref == NO_REF)
        return;
    Place *place = &allocator->place[ref];
    allocator->owner[reg] = NO_REF;
    if (place->has_home || place->has_slot) {
        place->kind = place->has_home ? AT_HOME : AT_SLOT;
        return;
    }
    for (unsigned i = 0; i < TEMP_COUNT; i++) {
        HostReg other = temp_regs[i];
        if (other == reg || allocator->is_busy[other] || allocator->owner[other] != NO_REF)
            continue;
        asm_mov(allocator->as, other, reg);
        allocator->owner[other] = ref;
        place->reg = other;
        return;
    }
    place->slot = take_slot(allocator, ref);
    asm_store(allocator->as, spill_mem(place->slot), reg);
    place->kind = AT_SLOT;
    place->has_slot = true;
}

/*
 * The temporary to empty: of those whose values are elsewhere as well, or else of all, the one that
 * is needed last.
 */
static HostReg victim(const Allocator *allocator)
{
    HostReg best = NO_REG;
    bool best_is_free = false;
    Ref furthest = 0;
    for (unsigned i = 0; i < TEMP_COUNT; i++) {
        HostReg reg = temp_regs[i];
        Ref ref = allocator->owner[reg];
        if (allocator->is_busy[reg])
            continue;
        if (ref == NO_REF)
            return reg;
        bool free = is_free(allocator, reg);
        if (best == NO_REG || free > best_is_free ||
            (free == best_is_free && allocator->place[ref].last_use > furthest)) {
            best = reg;
            best_is_free = free;
            furthest = allocator->place[ref].last_use;
        }
    }
    g_assert(best != NO_REG);
    return best;
}

HostReg allocator_temp(Allocator *allocator)
{
    HostReg reg = victim(allocator);
    allocator->is_busy[reg] = true; /* so that its value goes elsewhere */
    move_away(allocator, reg);
    return reg;
}

void allocator_claim(Allocator *allocator, HostReg reg)
{
    g_assert(is_temp(reg) && !allocator->is_busy[reg]);
    allocator->is_busy[reg] = true;
    move_away(allocator, reg);
}

bool allocator_is_const(const Allocator *allocator, Ref ref, uint64_t *value)
{
    const IrNode *node = &allocator->ir->node[ref];
    *value = node->imm;
    return node->op == IR_CONST;
}

bool allocator_is_imm(const Allocator *allocator, Ref ref, int32_t *value)
{
    uint64_t wide;
    bool is_const = allocator_is_const(allocator, ref, &wide);
    *value = (int32_t)wide;
    return is_const && (int64_t)wide == (int32_t)wide;
}

/* HOME will no longer hold the value that it holds; another home may. */
static void leave_home(Allocator *allocator, unsigned home)
{
    Ref ref = allocator->resident[home];
    if (ref == NO_REF)
        return;
    Place *place = &allocator->place[ref];
    allocator->resident[home] = NO_REF;
    if (place->home != home)
        return;
    place->has_home = false;
    for (uint8_t i = 0; i < HOME_COUNT && !place->has_home; i++) {
        place->has_home = allocator->resident[i] == ref;
        place->home = i;
    }
}

/* Brings a value into a temporary of its own; a home that held it still does. */
static HostReg bring(Allocator *allocator, Ref ref)
{
    Place *place = &allocator->place[ref];
    HostReg reg = allocator_temp(allocator);
    allocator_copy(allocator, reg, ref);
    place->kind = AT_REG;
    place->reg = reg;
    allocator->owner[reg] = ref;
    return reg;
}

HostReg allocator_use(Allocator *allocator, Ref ref)
{
    Place *place = &allocator->place[ref];
    if (place->kind == AT_HOME && pin_of(place->home) != NO_REG)
        return pin_of(place->home);
    if (place->kind == AT_REG) {
        allocator->is_busy[place->reg] = true;
        return place->reg;
    }
    g_assert(place->kind != AT_NOWHERE);
    return bring(allocator, ref);
}

static bool has_free_temp(const Allocator *allocator)
{
    for (unsigned i = 0; i < TEMP_COUNT; i++)
        if (!allocator->is_busy[temp_regs[i]] && is_free(allocator, temp_regs[i]))
            return true;
    return false;
}

Operand allocator_operand(Allocator *allocator, Ref ref)
{
    Place *place = &allocator->place[ref];
    Operand operand = { .kind = OPERAND_IMM };
    if (allocator_is_imm(allocator, ref, &operand.imm))
        return operand;
    bool in_memory =
        place->kind == AT_SLOT || (place->kind == AT_HOME && pin_of(place->home) == NO_REG);
    /* A value that is needed again is better in a register, if there is one. */
    if (in_memory && (place->last_use == allocator->now || !has_free_temp(allocator))) {
        operand.kind = OPERAND_MEM;
        operand.mem = place->kind == AT_SLOT ? spill_mem(place->slot) : home_mem(place->home);
        return operand;
    }
    operand.kind = OPERAND_REG;
    operand.reg = allocator_use(allocator, ref);
    return operand;
}

Operand allocator_where(const Allocator *allocator, Ref ref)
{
    const Place *place = &allocator->place[ref];
    HostReg pin = place->kind == AT_HOME ? pin_of(place->home) : NO_REG;
    if (place->kind == AT_REG || pin != NO_REG)
        return (Operand){ .kind = OPERAND_REG, .reg = pin != NO_REG ? pin : place->reg };
    g_assert(place->kind == AT_HOME || place->kind == AT_SLOT);
    return (Operand){ .kind = OPERAND_MEM,
                      .mem =
                          place->kind == AT_SLOT ? spill_mem(place->slot) : home_mem(place->home) };
}

void allocator_copy(Allocator *allocator, HostReg reg, Ref ref)
{
    const Place *place = &allocator->place[ref];
    uint64_t value;
    if (allocator_is_const(allocator, ref, &value))
        asm_mov_imm(allocator->as, reg, value);
    else if (place->kind == AT_SLOT)
        asm_load(allocator->as, reg, spill_mem(place->slot));
    else if (place->kind == AT_REG)
        asm_mov(allocator->as, reg, place->reg);
    else if (pin_of(place->home) != NO_REG)
        asm_mov(allocator->as, reg, pin_of(place->home));
    else
        asm_load(allocator->as, reg, home_mem(place->home));
}

/* The home that the node behind VALUE sets to it, or HOME_COUNT. */
static unsigned home_set_to(const Allocator *allocator, Ref value)
{
    unsigned next = value + 1u;
    const IrNode *set = &allocator->ir->node[next];
    bool is_set =
        next < allocator->ir->count && set->op == IR_SET && !set->is_dead && set->a == value;
    return is_set ? set->home : HOME_COUNT;
}

/* Whether the node behind VALUE only makes another value of it, which is nowhere else needed. */
static bool is_remade(const Allocator *allocator, Ref value)
{
    unsigned next = value + 1u;
    const IrNode *node = &allocator->ir->node[next];
    return next < allocator->ir->count && node->op >= IR_ADD && node->op <= IR_POPCNT &&
           node->op != IR_DIV && (node->a == value || node->b == value) &&
           allocator->place[value].last_use == next;
}

/*
 * The home that the present node's value, or what the nodes behind it make of it, is for. Between
 * those nodes nothing leaves the block, so nobody sees the home half done.
 */
static unsigned next_home(const Allocator *allocator)
{
    Ref value = allocator->now;
    while (is_remade(allocator, value))
        value++;
    return home_set_to(allocator, value);
}

/* The pinned register that is for the present node's value, if it is free, or NO_REG. */
static HostReg next_pin(const Allocator *allocator)
{
    unsigned home = next_home(allocator);
    if (home == HOME_COUNT)
        return NO_REG;
    Ref resident = allocator->resident[home];
    bool is_free = resident == NO_REF || allocator->place[resident].last_use <= allocator->now;
    return is_free ? pin_of(home) : NO_REG;
}

/* Whether the present node is the last to use REF, which is in a temporary. */
static bool is_used_up(const Allocator *allocator, Ref ref)
{
    return ref != NO_REF && allocator->place[ref].kind == AT_REG &&
           allocator->place[ref].last_use == allocator->now;
}

HostReg allocator_target(Allocator *allocator)
{
    const IrNode *node = &allocator->ir->node[allocator->now];
    HostReg pin = next_pin(allocator);
    if (pin != NO_REG)
        return pin;
    Ref ref = is_used_up(allocator, node->a) ? node->a : node->b;
    if (!is_used_up(allocator, ref))
        return allocator_temp(allocator);
    HostReg reg = allocator->place[ref].reg;
    allocator->is_busy[reg] = true;
    return reg;
}

HostReg allocator_target_or(Allocator *allocator, HostReg temp)
{
    HostReg pin = next_pin(allocator);
    return pin != NO_REG ? pin : temp;
}

/* Whether those who use the present node's value, but for the SET behind it, compare it only. */
static bool is_only_compared(const Allocator *allocator)
{
    Ref value = allocator->now, last_use = allocator->place[value].last_use;
    for (unsigned i = value + 2u; i <= last_use; i++) {
        const IrNode *node = &allocator->ir->node[i];
        bool is_used = node->a == value || node->b == value || node->c == value;
        if (is_used && node->op != IR_CMP && node->op != IR_BRANCH)
            return false;
    }
    return true;
}

bool allocator_stays_in_memory(const Allocator *allocator, Ref ref, Mem *mem)
{
    unsigned home = home_set_to(allocator, allocator->now);
    if (home == HOME_COUNT || pin_of(home) != NO_REG || allocator->resident[home] != ref ||
        allocator->place[ref].last_use > allocator->now)
        return false;
    *mem = home_mem(home);
    return is_only_compared(allocator);
}

bool allocator_is_compared_in_memory(const Allocator *allocator, Ref ref, Mem *mem)
{
    const Place *place = &allocator->place[ref];
    if (place->kind != AT_HOME || pin_of(place->home) != NO_REG)
        return false;
    *mem = home_mem(place->home);
    return place->last_use == allocator->now ||
           allocator->ir->node[place->last_use].op == IR_BRANCH;
}

void allocator_result(Allocator *allocator, HostReg reg)
{
    Place *place = &allocator->place[allocator->now];
    if (is_temp(reg)) {
        place->kind = AT_REG;
        place->reg = reg;
        allocator->owner[reg] = allocator->now;
    } else {
        allocator_live_in_home(allocator, next_home(allocator));
    }
}

/* From here on HOME holds the value, too. */
static void join_home(Allocator *allocator, Ref value, unsigned home)
{
    Place *place = &allocator->place[value];
    allocator->resident[home] = value;
    if (!place->has_home || pin_of(place->home) == NO_REG)
        place->home = (uint8_t)home;
    place->has_home = true;
}

void allocator_live_in_home(Allocator *allocator, unsigned home)
{
    leave_home(allocator, home);
    allocator->place[allocator->now].kind = AT_HOME;
    join_home(allocator, allocator->now, home);
}

/* HOME is about to change: what it holds alone and is still needed gets another place. */
static void vacate(Allocator *allocator, unsigned home)
{
    Ref resident = allocator->resident[home];
    leave_home(allocator, home);
    if (resident == NO_REF)
        return;
    Place *place = &allocator->place[resident];
    if (place->kind != AT_HOME || place->has_home || place->last_use <= allocator->now)
        return;
    place->home = (uint8_t)home; /* once more */
    bring(allocator, resident);
}

void allocator_set_home(Allocator *allocator, unsigned home, Ref value)
{
    Place *place = &allocator->place[value];
    HostReg pin = pin_of(home);
    int32_t imm;
    if (allocator->resident[home] == value)
        return; /* computed in place, or set to what it is */
    vacate(allocator, home);
    if (pin != NO_REG)
        allocator_copy(allocator, pin, value);
    else if (allocator_is_imm(allocator, value, &imm))
        asm_store_imm32(allocator->as, true, home_mem(home), imm);
    else
        asm_store(allocator->as, home_mem(home), allocator_use(allocator, value));
    if (place->kind == AT_CONST)
        return;
    join_home(allocator, value, home);
    if (pin == NO_REG)
        return;
    /* A pinned value needs no temporary. */
    if (place->kind == AT_REG)
        allocator->owner[place->reg] = NO_REF;
    place->kind = AT_HOME;
}

unsigned allocator_live_temps(const Allocator *allocator, HostReg except)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < TEMP_COUNT; i++) {
        HostReg reg = temp_regs[i];
        Ref ref = allocator->owner[reg];
        if (reg != except && ref != NO_REF && allocator->place[ref].last_use > allocator->now)
            mask |= 1u << reg;
    }
    return mask;
}
