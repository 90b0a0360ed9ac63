/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From guest instructions to IR: the frame around the builders of single instructions.
 *
 * What has no builder becomes a CALL of the interpreter's function, so every instruction is there
 * from the first day, and a builder is only ever about speed. After a CALL nothing is assumed about
 * registers that it may have changed.
 */
#include "machine/translator/build.h"

#include <string.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/mode.h"
#include "machine/cpu/model.h"

/* --- nodes --------------------------------------------------------------------------------------
 */

IrNode *build_node(Builder *build, IrOp op)
{
    IrBlock *block = build->block;
    g_assert(block->count < IR_NODES_MAX);
    IrNode *node = &block->node[block->count++];
    *node = (IrNode){
        .op = op, .a = NO_REF, .b = NO_REF, .c = NO_REF, .insn = (uint16_t)(block->insn_count - 1)
    };
    return node;
}

Ref build_last(const Builder *build)
{
    return (Ref)(build->block->count - 1);
}

bool build_is_const(const Builder *build, Ref ref, uint64_t *value)
{
    const IrNode *node = &build->block->node[ref];
    *value = node->imm;
    return node->op == IR_CONST;
}

Ref build_const(Builder *build, uint64_t value)
{
    build_node(build, IR_CONST)->imm = value;
    return build_last(build);
}

/* Folds what compilers produce: sums with a constant, masks of everything or nothing. */
static bool fold(Builder *build, IrOp op, Ref a, Ref b, Ref *result)
{
    uint64_t x, y;
    bool a_const = build_is_const(build, a, &x), b_const = build_is_const(build, b, &y);
    if (!b_const)
        return false;
    if (a_const) {
        uint64_t value;
        switch (op) {
        case IR_ADD: value = x + y; break;
        case IR_SUB: value = x - y; break;
        case IR_AND: value = x & y; break;
        case IR_OR: value = x | y; break;
        case IR_XOR: value = x ^ y; break;
        default: return false;
        }
        *result = build_const(build, value);
        return true;
    }
    bool is_identity = (y == 0 && (op == IR_ADD || op == IR_SUB || op == IR_OR || op == IR_XOR)) ||
                       (y == UINT64_MAX && op == IR_AND);
    if (is_identity)
        *result = a;
    return is_identity;
}

/* So far back a sum is looked for: what is older may cost more to keep than to make again. */
#define SAME_WITHIN 64u

static bool is_same(const Builder *build, Ref x, Ref y)
{
    uint64_t a, b;
    return x == y || (x != NO_REF && y != NO_REF && build_is_const(build, x, &a) &&
                      build_is_const(build, y, &b) && a == b);
}

/* The same sum, made before: addresses, mostly. No value outlives a CALL. */
static Ref find_same(const Builder *build, IrOp op, Ref a, Ref b)
{
    const IrBlock *block = build->block;
    unsigned last = block->count > SAME_WITHIN ? block->count - SAME_WITHIN : 0;
    if (op != IR_ADD && op != IR_ZEXT32)
        return NO_REF;
    for (unsigned i = block->count; i > last && block->node[i - 1].op != IR_CALL; i--) {
        const IrNode *node = &block->node[i - 1];
        if (node->op == op && node->a == a && is_same(build, node->b, b))
            return (Ref)(i - 1);
    }
    return NO_REF;
}

/* a & mask, for masks that the host has moves for. */
static IrOp extension_of(const Builder *build, IrOp op, Ref b)
{
    uint64_t mask;
    if (op != IR_AND || !build_is_const(build, b, &mask))
        return op;
    return mask == UINT8_MAX    ? IR_ZEXT8
           : mask == UINT16_MAX ? IR_ZEXT16
           : mask == UINT32_MAX ? IR_ZEXT32
                                : op;
}

/* Whether the value's upper half is zero in any case. */
static bool is_word(const Builder *build, Ref ref)
{
    const IrNode *node = &build->block->node[ref];
    switch (node->op) {
    case IR_LOAD: return node->size < 4 ? !node->is_signed : node->size == 4 && !node->is_signed;
    case IR_CONST: return node->imm <= UINT32_MAX;
    case IR_AND: return is_word(build, node->a) || is_word(build, node->b);
    case IR_OR:
    case IR_XOR: return is_word(build, node->a) && is_word(build, node->b);
    case IR_SHR: return node->imm >= 32;
    case IR_SHL32:
    case IR_SHR32:
    case IR_ROL32:
    case IR_ROLV32:
    case IR_SHLV32:
    case IR_SHRV32:
    case IR_ZEXT8:
    case IR_ZEXT16:
    case IR_ZEXT32: return true;
    default: return false;
    }
}

Ref build_op(Builder *build, IrOp op, Ref a, Ref b)
{
    Ref result;
    if (b != NO_REF && fold(build, op, a, b, &result))
        return result;
    if (b != NO_REF && extension_of(build, op, b) != op) {
        op = extension_of(build, op, b);
        b = NO_REF;
    }
    if (op == IR_ZEXT32 && is_word(build, a))
        return a;
    result = find_same(build, op, a, b);
    if (result != NO_REF)
        return result;
    IrNode *node = build_node(build, op);
    node->a = a;
    node->b = b;
    return build_last(build);
}

Ref build_shift(Builder *build, IrOp op, Ref a, unsigned count)
{
    if (count == 0 && op != IR_ROL32)
        return a;
    IrNode *node = build_node(build, op);
    node->a = a;
    node->imm = count;
    return build_last(build);
}

Ref build_get(Builder *build, unsigned home)
{
    if (build->current[home] == NO_REF) {
        build_node(build, IR_GET)->home = (uint8_t)home;
        build->current[home] = build_last(build);
    }
    return build->current[home];
}

void build_set(Builder *build, unsigned home, Ref value)
{
    IrNode *node = build_node(build, IR_SET);
    node->home = (uint8_t)home;
    node->a = value;
    build->current[home] = value;
}

Ref build_base(Builder *build, unsigned n)
{
    return n ? build_get(build, n) : build_const(build, 0);
}

Ref build_ea(Builder *build, Ref sum)
{
    return build->is_64bit ? sum : build_op(build, IR_ZEXT32, sum, NO_REF);
}

void build_compare(Builder *build, unsigned field, bool is_signed, bool wide, Ref a, Ref b)
{
    IrNode *node = build_node(build, IR_CMP);
    node->field = (uint8_t)field;
    node->is_signed = is_signed;
    node->wide = wide;
    node->a = a;
    node->b = b;
    build->compare[field] = build_last(build);
}

void build_record(Builder *build, Ref result)
{
    build_compare(build, 0, true, build->is_64bit, result, build_const(build, 0));
}

Ref build_load(Builder *build, Ref ea, unsigned size, bool is_signed, bool reverse)
{
    IrNode *node = build_node(build, IR_LOAD);
    node->a = ea;
    node->size = (uint8_t)size;
    node->is_signed = is_signed;
    node->swap = size > 1 && build->swap != reverse;
    return build_last(build);
}

void build_store(Builder *build, Ref ea, Ref value, unsigned size, bool reverse)
{
    IrNode *node = build_node(build, IR_STORE);
    node->a = ea;
    node->b = value;
    node->size = (uint8_t)size;
    node->swap = size > 1 && build->swap != reverse;
}

/* --- the block -------------------------------------------------------------------------------- */

static void forget_all(Builder *build)
{
    for (unsigned i = 0; i < HOME_COUNT; i++)
        build->current[i] = NO_REF;
    for (unsigned i = 0; i < 8; i++)
        build->compare[i] = NO_REF;
}

static void build_call(Builder *build)
{
    build_node(build, IR_CALL);
    forget_all(build);
    if (!build->row || build->row->flags & ISA_END ||
        build->insn->execute != build->row->function) {
        build_node(build, IR_LEAVE);
        build->ended = true;
    }
}

static void build_one(Builder *build)
{
    BuildFn function = NULL;
    if (build->row && build->insn->execute == build->row->function)
        function = builder_of(isa_row_number(build->row));
    if (!function || !function(build))
        build_call(build);
}

static uint32_t word_at(const Cpu *cpu, const uint8_t *words, unsigned index)
{
    uint32_t word;
    memcpy(&word, words + 4 * index, 4);
    return cpu->s.msr & MSR_LE ? GUINT32_FROM_LE(word) : GUINT32_FROM_BE(word);
}

void ir_build(IrBlock *block, const Cpu *cpu, uint64_t ea, const uint8_t *words, unsigned limit)
{
    Builder build = {
        .block = block, .cpu = cpu, .is_64bit = cpu->ea_mask >> 32, .swap = cpu->byte_swap
    };
    block->count = block->insn_count = block->exit_count = 0;
    block->ea = ea;
    block->is_64bit = build.is_64bit;
    forget_all(&build);
    while (!build.ended && !build.stops && block->insn_count < MIN(limit, IR_BLOCK_INSNS)) {
        Insn *insn = &block->insn[block->insn_count];
        uint32_t word = word_at(cpu, words, block->insn_count);
        build.cia = ea + 4 * block->insn_count;
        build.row = isa_lookup(word, cpu->model->families);
        insn_decode(cpu->model, cpu->mode_key, word, insn);
        build.insn = insn;
        block->insn_count++;
        build_one(&build);
    }
    if (!build.ended) {
        IrNode *node = build_node(&build, IR_GOTO);
        node->imm = cpu_ea(cpu, ea + 4 * block->insn_count);
        block->exit_count++;
    }
}

/* --- passes ----------------------------------------------------------------------------------- */

/* Whether NODE's only trace is its value, or what SET, CMP and SET_CR name. */
static bool is_local(const IrNode *node)
{
    IrKind kind = ir_kind(node->op);
    return (kind == IR_KIND_VALUE || kind == IR_KIND_EFFECT) && node->op != IR_VECTOR &&
           node->op != IR_VECTOR_VALUE;
}

/*
 * A comparison whose branch leaves in the midst of a block need not be stored where it is made if
 * the branch's failing says all, or nobody looks there. LATER: the fields that somebody sees behind
 * BRANCH.
 */
static void sink_comparison(const IrBlock *block, IrNode *branch, uint8_t later)
{
    bool is_last = branch->insn + 1u == block->insn_count;
    bool is_dead = !(later >> branch->field & 1);
    if (!branch->fused || branch->test_ctr != TEST_NONE || is_last)
        return;
    branch->is_known = !is_dead && branch->test_bit == TEST_ZERO;
    branch->is_sunk = is_dead || branch->is_known;
}

static IrOp without_carry(IrOp op)
{
    return op == IR_ADDC ? IR_ADD : op == IR_SUBC ? IR_SUB : IR_SAR;
}

void ir_optimise(IrBlock *block)
{
    ir_group(block);
    uint8_t seen = 0xff;  /* CR fields that somebody may look at after this point */
    uint64_t set = 0;     /* registers that are set before anybody looks */
    bool carried = false; /* so is CA */
    for (unsigned i = block->count; i > 0; i--) {
        IrNode *node = &block->node[i - 1];
        switch (node->op) {
        case IR_CMP:
        case IR_SET_CR:
            node->is_dead = !(seen >> node->field & 1);
            seen &= (uint8_t) ~(1u << node->field);
            break;
        case IR_GET_CR: seen |= (uint8_t)(1u << node->field); break;
        case IR_SELECT:
            if (!node->fused)
                seen |= (uint8_t)(1u << node->field);
            break;
        case IR_SET:
            node->is_dead = set >> node->home & 1;
            set |= 1ull << node->home;
            break;
        case IR_GET: set &= ~(1ull << node->home); break;
        case IR_ADDC:
        case IR_SUBC:
        case IR_SARC:
            node->op = carried ? without_carry(node->op) : node->op;
            carried = true;
            break;
        case IR_ADDE:
        case IR_CARRY: carried = false; break;
        case IR_BRANCH:
            sink_comparison(block, node, seen);
            seen = node->is_sunk ? (uint8_t) ~(1u << node->field) : 0xff;
            set = 0;
            carried = false;
            break;
        default:
            if (is_local(node))
                break;
            seen = 0xff;
            set = 0;
            carried = false;
            break;
        }
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    IrKind kind;
} operations[] = {
#define IR(name, kind, meaning) { #name, IR_KIND_##kind },
#include "machine/translator/ir.def"
#undef IR
};

IrKind ir_kind(IrOp op)
{
    return operations[op].kind;
}

const char *ir_name(IrOp op)
{
    return operations[op].name;
}

char *ir_to_text(const IrBlock *block)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < block->count; i++) {
        const IrNode *node = &block->node[i];
        g_string_append_printf(text, "%3u [%u] %s", i, node->insn, ir_name(node->op));
        const Ref refs[] = { node->a, node->b, node->c };
        for (unsigned r = 0; r < 3; r++)
            if (refs[r] != NO_REF)
                g_string_append_printf(text, " %%%u", refs[r]);
        g_string_append_printf(text,
                               " home=%u field=%u size=%u imm=0x%" G_GINT64_MODIFIER "x%s%s\n",
                               node->home, node->field, node->size, node->imm,
                               node->fused ? " fused" : "", node->is_dead ? " dead" : "");
    }
    return g_string_free(text, FALSE);
}
