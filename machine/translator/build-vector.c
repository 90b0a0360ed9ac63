/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of vector and floating-point instructions that are lowered as wholes.
 *
 * Their registers stay in the state, so a node names only its row; the lowering takes the operands
 * from the instruction. What they share with fixed-point code, addresses and GPRs, is built here.
 */
#include "machine/cpu/decode.h"
#include "machine/cpu/model.h"
#include "machine/translator/build-rows.h"
#include "machine/translator/vector-rows.h"

static const uint8_t forms[ISA_ROW_COUNT] = {
#define VECTOR(row, recipe, operation)
#define VECTOR_VALUE(row, recipe, operation)
#define VECTOR_CHECKED(row, recipe, operation)
#define VECTOR_OF(row, form, recipe)  [ISA_##row] = FORM_##form,
#define VECTOR_LOAD(row, form, kind)  [ISA_##row] = FORM_##form,
#define VECTOR_STORE(row, form, kind) [ISA_##row] = FORM_##form,
#include "machine/translator/x86-64/vector.def"
#undef VECTOR
#undef VECTOR_VALUE
#undef VECTOR_CHECKED
#undef VECTOR_OF
#undef VECTOR_LOAD
#undef VECTOR_STORE
};

static IrNode *row_node(Builder *build, IrOp op)
{
    IrNode *node = build_node(build, op);
    node->imm = isa_row_number(build->row);
    node->swap = build->swap;
    return node;
}

/* CR fields that the row writes are no longer those of an earlier comparison. */
static void forget_fields(Builder *build)
{
    const IsaEffects *effects = &isa_effects[isa_row_number(build->row)];
    for (unsigned i = 0; i < 8; i++)
        if (effects->writes & (ISA_REG_CR0 << i))
            build->compare[i] = NO_REF;
}

bool build_vector(Builder *build)
{
    row_node(build, IR_VECTOR);
    forget_fields(build);
    return true;
}

bool build_vector_checked(Builder *build)
{
    row_node(build, IR_VECTOR_CHECKED);
    forget_fields(build);
    return true;
}

bool build_vector_value(Builder *build)
{
    row_node(build, IR_VECTOR_VALUE);
    build_set(build, build->insn->t, build_last(build));
    return true;
}

static bool is_update(VectorForm form)
{
    return form == FORM_D_UPDATE || form == FORM_X_UPDATE;
}

/* The sum that an update form writes back. */
static Ref address_sum(Builder *build, VectorForm form)
{
    const Insn *insn = build->insn;
    uint64_t unused;
    Ref base = is_update(form) ? build_get(build, insn->a) : build_base(build, insn->a);
    Ref offset;
    switch (form) {
    case FORM_D:
    case FORM_D_UPDATE: offset = build_const(build, (uint64_t)insn_si(insn)); break;
    case FORM_DS: offset = build_const(build, (uint64_t)insn_ds(insn)); break;
    case FORM_DQ: offset = build_const(build, (uint64_t)insn_dq(insn)); break;
    default: offset = build_get(build, insn->b); break;
    }
    if (build_is_const(build, base, &unused))
        return build_op(build, IR_ADD, offset, base);
    return build_op(build, IR_ADD, base, offset);
}

bool build_vector_of(Builder *build)
{
    Ref sum = address_sum(build, forms[isa_row_number(build->row)]);
    row_node(build, IR_VECTOR_OF)->a = sum;
    return true;
}

/* The alignment of what ignores low bits of its address, less 1. */
static uint64_t ignored_bits(VectorForm form)
{
    switch (form) {
    case FORM_X16: return 15;
    case FORM_X4: return 3;
    case FORM_X2: return 1;
    default: return 0;
    }
}

static bool build_access(Builder *build, IrOp op)
{
    VectorForm form = forms[isa_row_number(build->row)];
    Ref sum = address_sum(build, form);
    Ref ea = build_ea(build, sum);
    if (ignored_bits(form))
        ea = build_op(build, IR_AND, ea, build_const(build, ~ignored_bits(form)));
    IrNode *node = row_node(build, op);
    node->a = ea;
    node->wide = build->row->facility == FACILITY_FP && !build->cpu->model->is_64bit;
    node->home = is_update(form) ? build->insn->a : HOME_COUNT;
    if (is_update(form))
        build_set(build, build->insn->a, sum);
    return true;
}

bool build_vector_load(Builder *build)
{
    return build_access(build, IR_VSR_LOAD);
}

bool build_vector_store(Builder *build)
{
    return build_access(build, IR_VSR_STORE);
}

/* --- moves between register files ------------------------------------------------------------- */

static bool from_vsr(Builder *build, unsigned doubleword, unsigned size)
{
    IrNode *node = build_node(build, IR_GET_VSR);
    node->imm = build->insn->t;
    node->field = (uint8_t)doubleword;
    node->size = (uint8_t)size;
    build_set(build, build->insn->a, build_last(build));
    return true;
}

bool build_mfvsrd(Builder *build)
{
    return from_vsr(build, 0, 8);
}

bool build_mfvsrld(Builder *build)
{
    return from_vsr(build, 1, 8);
}

bool build_mfvsrwz(Builder *build)
{
    return from_vsr(build, 0, 4);
}

static bool to_vsr(Builder *build, Ref left, Ref right)
{
    IrNode *node = build_node(build, IR_SET_VSR);
    node->imm = build->insn->t;
    node->a = left;
    node->b = right;
    return true;
}

bool build_mtvsrd(Builder *build)
{
    return to_vsr(build, build_get(build, build->insn->a), NO_REF);
}

bool build_mtvsrwz(Builder *build)
{
    Ref a = build_get(build, build->insn->a);
    return to_vsr(build, build_op(build, IR_ZEXT32, a, NO_REF), NO_REF);
}

bool build_mtvsrwa(Builder *build)
{
    Ref a = build_get(build, build->insn->a);
    return to_vsr(build, build_op(build, IR_SEXT32, a, NO_REF), NO_REF);
}

bool build_mtvsrws(Builder *build)
{
    Ref word = build_op(build, IR_ZEXT32, build_get(build, build->insn->a), NO_REF);
    Ref twice = build_op(build, IR_OR, build_shift(build, IR_SHL, word, 32), word);
    return to_vsr(build, twice, twice);
}

bool build_mtvsrdd(Builder *build)
{
    Ref left = build_base(build, build->insn->a);
    return to_vsr(build, left, build_get(build, build->insn->b));
}
