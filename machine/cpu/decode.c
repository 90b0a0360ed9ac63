/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding: which row a word is, and what happens when it is attempted.
 *
 * 1. Where several interrupts apply, the order is illegal, privileged, facility unavailable (Power
 *    ISA 3.0B, Book III 6.9: one instruction's interrupts).
 * 2. A result depends on the model, the mode key and the word alone, so it may be kept.
 * 3. Ignored bits never decide: POWER processors execute a word whose reserved bits are set.
 */
#include "machine/cpu/decode.h"

#include "machine/cpu/mode.h"
#include "machine/cpu/ops.h"

#define PRIMARY_INDEXED 31u /* X forms: bits 16-20 are a register */

const IsaRow *isa_lookup(uint32_t word, unsigned families)
{
    const IsaPrimary *primary = &isa_primaries[word >> 26];
    const uint16_t *candidate =
        &isa_candidates[isa_leaves[primary->first + (word & primary->low_mask)]];
    for (; *candidate != ISA_ROW_COUNT; candidate++) {
        const IsaRow *row = &isa_rows[*candidate];
        if ((word & row->mask) == row->word && row->families & families)
            return row;
    }
    return NULL;
}

static uint8_t decode_slot(IsaSlot slot, uint32_t word, unsigned shift)
{
    unsigned field = word >> shift & 31;
    switch (slot) {
    case SLOT_PLAIN: return (uint8_t)field;
    case SLOT_VMX: return (uint8_t)(field + 32);
    case SLOT_CRF: return (uint8_t)(field >> 2);
    case SLOT_VSX0:
    case SLOT_VSX1:
    case SLOT_VSX2:
    case SLOT_VSX3: return (uint8_t)(field | (word >> (slot - SLOT_VSX0) & 1) << 5);
    }
    g_assert_not_reached();
}

/*
 * Operands that the book calls invalid. A 7400 executes such an update form, so that its functions
 * define what happens; POWER processors refuse them.
 */
static bool is_invalid_form(const CpuModel *model, const IsaRow *row, const Insn *insn)
{
    if (!model->is_64bit)
        return false;
    bool overlaps = row->flags & ISA_LOADS_GPR && insn->a == insn->t;
    if (row->flags & ISA_EVEN) {
        bool indexed = insn->word >> 26 == PRIMARY_INDEXED && row->flags & ISA_LOADS_GPR;
        return insn->t & 1 || overlaps || (indexed && insn->b == insn->t);
    }
    return row->flags & ISA_UPDATE && (insn->a == 0 || overlaps);
}

/* The function that raises "facility unavailable" for ROW, or NULL if it is available. */
static ExecFn missing_facility(uint32_t mode_key, const IsaRow *row, const Insn *insn)
{
    IsaFacility facility = row->facility;
    if (facility == FACILITY_VSX_OR_VEC)
        facility = insn->t >= 32 ? FACILITY_VEC : FACILITY_VSX;
    else if (facility == FACILITY_FP_OR_VEC)
        facility = insn->t >= 32 ? FACILITY_VEC : FACILITY_FP;
    if (facility == FACILITY_FP && !(mode_key & MODE_FP))
        return op_fp_unavailable;
    if (facility == FACILITY_VEC && !(mode_key & MODE_VEC))
        return op_vec_unavailable;
    if (facility == FACILITY_VSX && !(mode_key & MODE_VSX))
        return op_vsx_unavailable;
    return NULL; /* rows of transactional memory run op_tm_unavailable as their function */
}

static ExecFn choose_function(const CpuModel *model, uint32_t mode_key, const IsaRow *row,
                              const Insn *insn)
{
    if (!row || row->function == op_illegal || is_invalid_form(model, row, insn))
        return op_illegal;
    if (row->flags & ISA_HV || (row->flags & ISA_PRIV && mode_key & MODE_PR))
        return op_privileged;
    ExecFn missing = missing_facility(mode_key, row, insn);
    return missing ? missing : row->function;
}

void insn_decode(const CpuModel *model, uint32_t mode_key, uint32_t word, Insn *out)
{
    static const uint8_t plain[4];
    const IsaRow *row = isa_lookup(word, model->families);
    const uint8_t *slot = row ? row->slot : plain;
    out->word = word;
    out->t = decode_slot(slot[0], word, 21);
    out->a = decode_slot(slot[1], word, 16);
    out->b = decode_slot(slot[2], word, 11);
    out->c = decode_slot(slot[3], word, 6);
    out->execute = choose_function(model, mode_key, row, out);
    g_assert(out->execute);
}
