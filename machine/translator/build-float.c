/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The builder of scalar floating-point instructions: like a vector instruction, such a node names
 * only its row.
 */
#include "machine/cpu/decode.h"
#include "machine/translator/build-rows.h"

bool build_float(Builder *build)
{
    unsigned row = isa_row_number(build->row);
    build_node(build, IR_FLOAT)->imm = row;
    if ((isa_effects[row].operand[0] & ISA_OPERAND_KIND) == ISA_OPERAND_CRF)
        build->compare[build->insn->t] = NO_REF;
    return true;
}
