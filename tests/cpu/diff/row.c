/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/row.h"

#include <glib.h>
#include <string.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/ops.h"

static void add_field(Row *row, FieldKind kind)
{
    size_t n = 0;
    while (row->fields[n] != FIELD_NONE)
        n++;
    g_assert(n < sizeof row->fields);
    row->fields[n] = (uint8_t)kind;
}

/* Fields that the assembler's operands tell. */
static void add_operands(Row *row, unsigned number)
{
    const IsaOperand *operand = &isa_operands[isa_operand_first[number]];
    bool memory = row->flags & (ROW_LOAD | ROW_STORE);

    for (; operand->kind != ISA_OPERAND_NONE; operand++) {
        switch (operand->kind) {
        case ISA_OPERAND_S:
            if (memory && operand->width == 16)
                add_field(row, FIELD_D);
            break;
        case ISA_OPERAND_S4: add_field(row, FIELD_DS); break;
        case ISA_OPERAND_S16: add_field(row, FIELD_DQ); break;
        case ISA_OPERAND_LI: add_field(row, FIELD_LI); break;
        case ISA_OPERAND_BD: add_field(row, FIELD_BD); break;
        case ISA_OPERAND_SPR: add_field(row, FIELD_SPR); break;
        case ISA_OPERAND_COUNT: add_field(row, FIELD_NB); break;
        case ISA_OPERAND_U:
            if (memory && operand->shift == 11 && operand->width == 5)
                add_field(row, FIELD_FC);
            break;
        }
    }
}

/* And those that the registers' roles tell. */
static void add_registers(Row *row, unsigned number)
{
    const IsaEffects *effects = &isa_effects[number];

    if (!(row->flags & (ROW_LOAD | ROW_STORE)))
        return;
    add_field(row, isa_rows[number].flags & ISA_UPDATE ? FIELD_UPDATE : FIELD_BASE);
    if ((effects->operand[2] & ISA_OPERAND_KIND) == ISA_OPERAND_GPR)
        add_field(row, FIELD_INDEX);
    if ((effects->operand[0] & ISA_OPERAND_KIND) == ISA_OPERAND_GPR)
        add_field(row, FIELD_TARGET);
}

static uint16_t flags_of(unsigned number)
{
    const IsaRow *isa = &isa_rows[number];
    const IsaEffects *effects = &isa_effects[number];
    bool refused = isa->function == op_illegal || isa->function == op_tm_unavailable;
    bool reserves = effects->writes & ISA_REG_RESERVE;
    uint16_t flags = refused ? ROW_REFUSED : 0;

    if (effects->load)
        flags |= ROW_LOAD;
    if (effects->store)
        flags |= ROW_STORE;
    if (isa->facility != FACILITY_NONE)
        flags |= ROW_FLOAT;
    if (isa->flags & ISA_EVEN)
        flags |= ROW_EVEN;
    if (isa->flags & ISA_END && isa->word >> 26 >= 16 && isa->word >> 26 <= 19)
        flags |= ROW_BRANCH;
    if (g_str_has_prefix(isa->name, "lxvl") || g_str_has_prefix(isa->name, "stxvl"))
        flags |= ROW_LENGTH;
    if (reserves)
        flags |= effects->load ? ROW_RESERVE : ROW_CONDITIONAL;
    return flags;
}

/* What a G4 wants aligned besides reservations: multiples, strings and floating-point numbers. */
static uint16_t narrow_flags_of(unsigned number)
{
    const IsaRow *isa = &isa_rows[number];
    const IsaEffects *effects = &isa_effects[number];
    bool memory = effects->load || effects->store;
    bool is_multiple = !strcmp(isa->name, "lmw") || !strcmp(isa->name, "stmw");
    bool is_external = !strcmp(isa->name, "eciwx") || !strcmp(isa->name, "ecowx");
    bool words = is_multiple || is_external || (memory && isa->facility == FACILITY_FP);
    return ROW_NARROW | (words ? ROW_WORDS : 0);
}

static bool is_problem_state(const IsaRow *isa, unsigned families)
{
    return isa->families & families && !(isa->flags & (ISA_PRIV | ISA_HV));
}

const Row *rows_of_problem_state(unsigned families, unsigned *count)
{
    Row *rows = g_new0(Row, ISA_ROW_COUNT);

    *count = 0;
    for (unsigned i = 0; i < ISA_ROW_COUNT; i++) {
        const IsaRow *isa = &isa_rows[i];
        if (!is_problem_state(isa, families))
            continue;
        Row *row = &rows[(*count)++];
        unsigned size = isa_effects[i].load ? isa_effects[i].load : isa_effects[i].store;
        *row = (Row){ .name = isa->name,
                      .value = isa->word,
                      .mask = isa->mask,
                      .ignored = isa->reserved,
                      .flags = flags_of(i) | (families == FAMILY_G4 ? narrow_flags_of(i) : 0),
                      .size = (uint8_t)(size == ISA_SIZE_VARIES ? 0 : size) };
        add_operands(row, i);
        add_registers(row, i);
    }
    return rows;
}
