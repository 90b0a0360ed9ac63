/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of fixed-point instructions (Power ISA 3.0B, Book I chapter 3), memory aside.
 *
 * Rows with OE=1 have none: they are rare, and the interpreter's functions keep OV and SO.
 */
#include "machine/cpu/model.h"
#include "machine/cpu/model.h"
#include "machine/translator/build-rows.h"

#define T (build->insn->t)
#define A (build->insn->a)
#define B (build->insn->b)

static Ref get(Builder *build, unsigned n)
{
    return build_get(build, n);
}

/* Ends a form whose result goes to RT or RA, recording it if RC. */
static bool finish(Builder *build, unsigned target, Ref result, bool rc)
{
    build_set(build, target, result);
    if (rc)
        build_record(build, result);
    return true;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

bool build_addi(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn));
    return finish(build, T, A ? build_op(build, IR_ADD, get(build, A), imm) : imm, false);
}

bool build_addis(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn) << 16);
    return finish(build, T, A ? build_op(build, IR_ADD, get(build, A), imm) : imm, false);
}

bool build_addpcis(Builder *build)
{
    const Insn *insn = build->insn;
    int64_t d = (int16_t)(INSN_BITS(insn, 16, 25) << 6 | INSN_BITS(insn, 11, 15) << 1 |
                          INSN_BITS(insn, 31, 31));
    uint64_t next = cpu_ea(build->cpu, build->cia + 4);
    return finish(build, T, build_const(build, next + ((uint64_t)d << 16)), false);
}

static bool build_binary(Builder *build, IrOp op, unsigned target, unsigned x, unsigned y, bool rc)
{
    return finish(build, target, build_op(build, op, get(build, x), get(build, y)), rc);
}

#define ARITHMETIC(name, op, x, y)                                                                 \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return build_binary(build, IR_##op, T, x, y, false);                                       \
    }                                                                                              \
    bool build_##name##_rc(Builder *build)                                                         \
    {                                                                                              \
        return build_binary(build, IR_##op, T, x, y, true);                                        \
    }
ARITHMETIC(add, ADD, A, B)
ARITHMETIC(subf, SUB, B, A)
ARITHMETIC(mulld, MUL, A, B)
ARITHMETIC(mulhd, MULH, A, B)
ARITHMETIC(mulhdu, MULHU, A, B)
ARITHMETIC(addc, ADDC, A, B)
ARITHMETIC(adde, ADDE, A, B)
ARITHMETIC(subfc, SUBC, B, A)
#undef ARITHMETIC

static bool build_subtract_extended(Builder *build, Ref addend, bool rc)
{
    Ref inverse = build_op(build, IR_NOT, get(build, A), NO_REF);
    return finish(build, T, build_op(build, IR_ADDE, inverse, addend), rc);
}

bool build_subfe(Builder *build)
{
    return build_subtract_extended(build, get(build, B), false);
}

bool build_subfe_rc(Builder *build)
{
    return build_subtract_extended(build, get(build, B), true);
}

bool build_subfze(Builder *build)
{
    return build_subtract_extended(build, build_const(build, 0), false);
}

bool build_subfme(Builder *build)
{
    return build_subtract_extended(build, build_const(build, UINT64_MAX), false);
}

bool build_subfme_rc(Builder *build)
{
    return build_subtract_extended(build, build_const(build, UINT64_MAX), true);
}

static bool build_add_extended(Builder *build, uint64_t addend, bool rc)
{
    Ref a = get(build, A);
    return finish(build, T, build_op(build, IR_ADDE, a, build_const(build, addend)), rc);
}

bool build_addze(Builder *build)
{
    return build_add_extended(build, 0, false);
}

bool build_addze_rc(Builder *build)
{
    return build_add_extended(build, 0, true);
}

bool build_addme(Builder *build)
{
    return build_add_extended(build, UINT64_MAX, false);
}

bool build_addme_rc(Builder *build)
{
    return build_add_extended(build, UINT64_MAX, true);
}

bool build_neg(Builder *build)
{
    return finish(build, T, build_op(build, IR_NEG, get(build, A), NO_REF), false);
}

bool build_neg_rc(Builder *build)
{
    return finish(build, T, build_op(build, IR_NEG, get(build, A), NO_REF), true);
}

bool build_mulli(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn));
    return finish(build, T, build_op(build, IR_MUL, get(build, A), imm), false);
}

/* The product of two words has 64 bits; sign-extended factors give it at once. */
static Ref word_product(Builder *build, IrOp extend)
{
    Ref a = build_op(build, extend, get(build, A), NO_REF);
    Ref b = build_op(build, extend, get(build, B), NO_REF);
    return build_op(build, IR_MUL, a, b);
}

bool build_mullw(Builder *build)
{
    return finish(build, T, word_product(build, IR_SEXT32), false);
}

bool build_mullw_rc(Builder *build)
{
    return finish(build, T, word_product(build, IR_SEXT32), true);
}

static bool build_high_product(Builder *build, IrOp extend, bool rc)
{
    return finish(build, T, build_shift(build, IR_SHR, word_product(build, extend), 32), rc);
}

bool build_mulhw(Builder *build)
{
    return build_high_product(build, IR_SEXT32, false);
}

bool build_mulhw_rc(Builder *build)
{
    return build_high_product(build, IR_SEXT32, true);
}

bool build_mulhwu(Builder *build)
{
    return build_high_product(build, IR_ZEXT32, false);
}

bool build_mulhwu_rc(Builder *build)
{
    return build_high_product(build, IR_ZEXT32, true);
}

static bool build_division(Builder *build, bool is_signed, bool wide, bool rc)
{
    Ref a = get(build, A), b = get(build, B);
    IrNode *node = build_node(build, IR_DIV);
    node->a = a;
    node->b = b;
    node->is_signed = is_signed;
    node->wide = wide;
    node->imm = !build->cpu->model->is_64bit;
    return finish(build, T, build_last(build), rc);
}

bool build_divw(Builder *build)
{
    return build_division(build, true, false, false);
}

bool build_divw_rc(Builder *build)
{
    return build_division(build, true, false, true);
}

bool build_divwu(Builder *build)
{
    return build_division(build, false, false, false);
}

bool build_divwu_rc(Builder *build)
{
    return build_division(build, false, false, true);
}

bool build_divd(Builder *build)
{
    return build_division(build, true, true, false);
}

bool build_divd_rc(Builder *build)
{
    return build_division(build, true, true, true);
}

bool build_divdu(Builder *build)
{
    return build_division(build, false, true, false);
}

bool build_divdu_rc(Builder *build)
{
    return build_division(build, false, true, true);
}

bool build_addic(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn));
    return finish(build, T, build_op(build, IR_ADDC, get(build, A), imm), false);
}

bool build_addic_rc(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn));
    return finish(build, T, build_op(build, IR_ADDC, get(build, A), imm), true);
}

bool build_subfic(Builder *build)
{
    Ref imm = build_const(build, (uint64_t)insn_si(build->insn));
    return finish(build, T, build_op(build, IR_SUBC, imm, get(build, A)), false);
}

/* --- logical ---------------------------------------------------------------------------------- */

static bool build_logical(Builder *build, IrOp op, bool invert_b, bool invert_result, bool rc)
{
    Ref s = get(build, T), b = get(build, B);
    if (invert_b)
        b = build_op(build, IR_NOT, b, NO_REF);
    Ref result = build_op(build, op, s, b);
    if (invert_result)
        result = build_op(build, IR_NOT, result, NO_REF);
    return finish(build, A, result, rc);
}

#define LOGICAL(name, op, invert_b, invert_result)                                                 \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return build_logical(build, IR_##op, invert_b, invert_result, false);                      \
    }                                                                                              \
    bool build_##name##_rc(Builder *build)                                                         \
    {                                                                                              \
        return build_logical(build, IR_##op, invert_b, invert_result, true);                       \
    }
LOGICAL(and, AND, false, false)
LOGICAL(xor, XOR, false, false)
LOGICAL(nand, AND, false, true)
LOGICAL(nor, OR, false, true)
LOGICAL(eqv, XOR, false, true)
LOGICAL(andc, ANDN, false, false)
LOGICAL(orc, OR, true, false)
#undef LOGICAL

static bool build_or_forms(Builder *build, bool rc)
{
    Ref s = get(build, T);
    Ref result = T == B ? s : build_op(build, IR_OR, s, get(build, B));
    return finish(build, A, result, rc);
}

bool build_or(Builder *build)
{
    bool is_hint = T == A && T == B; /* or 31,31,31 and its like set priorities */
    if (!is_hint)
        return build_or_forms(build, false);
    build_priority(build, T);
    return true;
}

bool build_or_rc(Builder *build)
{
    return build_or_forms(build, true);
}

static bool build_logical_immediate(Builder *build, IrOp op, unsigned shift, bool rc)
{
    Ref imm = build_const(build, insn_ui(build->insn) << shift);
    return finish(build, A, build_op(build, op, get(build, T), imm), rc);
}

bool build_andi_rc(Builder *build)
{
    return build_logical_immediate(build, IR_AND, 0, true);
}

bool build_andis_rc(Builder *build)
{
    return build_logical_immediate(build, IR_AND, 16, true);
}

bool build_ori(Builder *build)
{
    return build_logical_immediate(build, IR_OR, 0, false);
}

bool build_oris(Builder *build)
{
    return build_logical_immediate(build, IR_OR, 16, false);
}

bool build_xori(Builder *build)
{
    return build_logical_immediate(build, IR_XOR, 0, false);
}

bool build_xoris(Builder *build)
{
    return build_logical_immediate(build, IR_XOR, 16, false);
}

static bool build_unary(Builder *build, IrOp op, bool rc)
{
    return finish(build, A, build_op(build, op, get(build, T), NO_REF), rc);
}

#define UNARY(name, op)                                                                            \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return build_unary(build, IR_##op, false);                                                 \
    }                                                                                              \
    bool build_##name##_rc(Builder *build)                                                         \
    {                                                                                              \
        return build_unary(build, IR_##op, true);                                                  \
    }
UNARY(extsb, SEXT8)
UNARY(extsh, SEXT16)
UNARY(extsw, SEXT32)
UNARY(cntlzd, CLZ)
UNARY(cntlzw, CLZ32)
UNARY(cnttzd, CTZ)
UNARY(cnttzw, CTZ32)
#undef UNARY

bool build_popcntd(Builder *build)
{
    return build_unary(build, IR_POPCNT, false);
}

/* Ones in each byte in which RS and RB are equal; elsewhere the sum carries into the byte's sign.
 */
bool build_cmpb(Builder *build)
{
    Ref ones = build_const(build, 0x7f7f7f7f7f7f7f7full);
    Ref differ = build_op(build, IR_XOR, get(build, T), get(build, B));
    Ref sum = build_op(build, IR_ADD, build_op(build, IR_AND, differ, ones), ones);
    Ref any = build_op(build, IR_OR, build_op(build, IR_OR, sum, differ), ones);
    Ref equal = build_op(build, IR_NOT, any, NO_REF);
    Ref above = build_shift(build, IR_SHL, equal, 1);
    Ref below = build_shift(build, IR_SHR, equal, 7);
    return finish(build, A, build_op(build, IR_SUB, above, below), false);
}

/* --- rotates and shifts ----------------------------------------------------------------------- */

/* Ones from bit FIRST to bit LAST, book numbering, around the end if FIRST > LAST. */
static uint64_t mask64(unsigned first, unsigned last)
{
    uint64_t from = UINT64_MAX >> first, to = UINT64_MAX << (63 - last);
    return first <= last ? from & to : from | to;
}

/* A rotate whose mask makes it a plain shift is built as one. */
static Ref rotate_and_mask(Builder *build, Ref s, unsigned sh, unsigned mb, unsigned me)
{
    uint64_t mask = mask64(mb, me);
    if (mb == 0 && me == 63 - sh)
        return build_shift(build, IR_SHL, s, sh);
    if (me == 63 && sh && mb == 64 - sh)
        return build_shift(build, IR_SHR, s, 64 - sh);
    Ref rotated = build_shift(build, IR_ROL, s, sh);
    if (mask == UINT64_MAX)
        return rotated;
    if (mask == UINT32_MAX)
        return build_op(build, IR_ZEXT32, rotated, NO_REF);
    if (mask == UINT16_MAX)
        return build_op(build, IR_ZEXT16, rotated, NO_REF);
    if (mask == UINT8_MAX)
        return build_op(build, IR_ZEXT8, rotated, NO_REF);
    if (me == 63 && mb > 32 && sh && sh > 63 - mb) {
        /* The field lies whole above: shift it down, then cut. */
        Ref shifted = build_shift(build, IR_SHR, s, 64 - sh);
        return build_op(build, IR_AND, shifted, build_const(build, mask));
    }
    return build_op(build, IR_AND, rotated, build_const(build, mask));
}

static bool build_rotate64(Builder *build, unsigned mb, unsigned me, bool rc)
{
    Ref s = get(build, T);
    return finish(build, A, rotate_and_mask(build, s, insn_sh6(build->insn), mb, me), rc);
}

bool build_rldicl(Builder *build)
{
    return build_rotate64(build, insn_mb6(build->insn), 63, false);
}

bool build_rldicl_rc(Builder *build)
{
    return build_rotate64(build, insn_mb6(build->insn), 63, true);
}

bool build_rldicr(Builder *build)
{
    return build_rotate64(build, 0, insn_mb6(build->insn), false);
}

bool build_rldicr_rc(Builder *build)
{
    return build_rotate64(build, 0, insn_mb6(build->insn), true);
}

bool build_rldic(Builder *build)
{
    return build_rotate64(build, insn_mb6(build->insn), 63 - insn_sh6(build->insn), false);
}

bool build_rldic_rc(Builder *build)
{
    return build_rotate64(build, insn_mb6(build->insn), 63 - insn_sh6(build->insn), true);
}

static bool build_insert64(Builder *build, bool rc)
{
    unsigned sh = insn_sh6(build->insn);
    uint64_t mask = mask64(insn_mb6(build->insn), 63 - sh);
    Ref rotated = build_shift(build, IR_ROL, get(build, T), sh);
    Ref inserted = build_op(build, IR_AND, rotated, build_const(build, mask));
    Ref kept = build_op(build, IR_AND, get(build, A), build_const(build, ~mask));
    return finish(build, A, build_op(build, IR_OR, inserted, kept), rc);
}

bool build_rldimi(Builder *build)
{
    return build_insert64(build, false);
}

bool build_rldimi_rc(Builder *build)
{
    return build_insert64(build, true);
}

/* A word rotate as the book has it: the word twice, rotated, under a mask of 64 bits. */
static Ref rotate_word(Builder *build, Ref s, unsigned sh, uint64_t mask)
{
    if (mask <= UINT32_MAX) {
        if (sh == 0)
            return mask == UINT32_MAX ? build_op(build, IR_ZEXT32, s, NO_REF)
                                      : build_op(build, IR_AND, s, build_const(build, mask));
        uint64_t shifted_in = (1ull << sh) - 1;
        if (!(mask & shifted_in)) {
            /* Nothing that came around is kept. */
            return mask == (UINT32_MAX & ~shifted_in)
                       ? build_shift(build, IR_SHL32, s, sh)
                       : build_op(build, IR_AND, build_shift(build, IR_SHL, s, sh),
                                  build_const(build, mask));
        }
        Ref word = build_shift(build, IR_ROL32, s, sh);
        if (mask == UINT32_MAX)
            return word;
        if (mask == UINT8_MAX)
            return build_op(build, IR_ZEXT8, word, NO_REF);
        if (mask == UINT16_MAX)
            return build_op(build, IR_ZEXT16, word, NO_REF);
        if (!(mask & ~shifted_in)) {
            Ref down = build_shift(build, IR_SHR32, s, 32 - sh);
            return mask == shifted_in ? down
                                      : build_op(build, IR_AND, down, build_const(build, mask));
        }
        return build_op(build, IR_AND, word, build_const(build, mask));
    }
    Ref word = build_shift(build, IR_ROL32, s, sh);
    Ref twice = build_op(build, IR_OR, build_shift(build, IR_SHL, word, 32), word);
    return mask == UINT64_MAX ? twice : build_op(build, IR_AND, twice, build_const(build, mask));
}

static uint64_t word_mask(const Insn *insn)
{
    return mask64(insn->c + 32u, insn_me5(insn) + 32);
}

static bool build_rotate32(Builder *build, bool rc)
{
    Ref result = rotate_word(build, get(build, T), B, word_mask(build->insn));
    return finish(build, A, result, rc);
}

bool build_rlwinm(Builder *build)
{
    return build_rotate32(build, false);
}

bool build_rlwinm_rc(Builder *build)
{
    return build_rotate32(build, true);
}

static bool build_insert32(Builder *build, bool rc)
{
    uint64_t mask = word_mask(build->insn);
    Ref inserted = rotate_word(build, get(build, T), B, mask);
    Ref kept = build_op(build, IR_AND, get(build, A), build_const(build, ~mask));
    return finish(build, A, build_op(build, IR_OR, inserted, kept), rc);
}

bool build_rlwimi(Builder *build)
{
    return build_insert32(build, false);
}

bool build_rlwimi_rc(Builder *build)
{
    return build_insert32(build, true);
}

static bool build_variable_shift(Builder *build, IrOp op, bool rc)
{
    return finish(build, A, build_op(build, op, get(build, T), get(build, B)), rc);
}

bool build_sld(Builder *build)
{
    return build_variable_shift(build, IR_SHLV, false);
}

bool build_sld_rc(Builder *build)
{
    return build_variable_shift(build, IR_SHLV, true);
}

bool build_srd(Builder *build)
{
    return build_variable_shift(build, IR_SHRV, false);
}

bool build_srd_rc(Builder *build)
{
    return build_variable_shift(build, IR_SHRV, true);
}

bool build_slw(Builder *build)
{
    return build_variable_shift(build, IR_SHLV32, false);
}

bool build_slw_rc(Builder *build)
{
    return build_variable_shift(build, IR_SHLV32, true);
}

bool build_srw(Builder *build)
{
    return build_variable_shift(build, IR_SHRV32, false);
}

bool build_srw_rc(Builder *build)
{
    return build_variable_shift(build, IR_SHRV32, true);
}

static bool build_rotate_variable(Builder *build, IrOp op, uint64_t mask, bool rc)
{
    Ref rotated = build_op(build, op, get(build, T), get(build, B));
    return finish(build, A, build_op(build, IR_AND, rotated, build_const(build, mask)), rc);
}

bool build_rldcl(Builder *build)
{
    return build_rotate_variable(build, IR_ROLV, mask64(insn_mb6(build->insn), 63), false);
}

bool build_rldcl_rc(Builder *build)
{
    return build_rotate_variable(build, IR_ROLV, mask64(insn_mb6(build->insn), 63), true);
}

static bool build_rotate_word_variable(Builder *build, bool rc)
{
    uint64_t mask = word_mask(build->insn);
    return mask <= UINT32_MAX && build_rotate_variable(build, IR_ROLV32, mask, rc);
}

bool build_rlwnm(Builder *build)
{
    return build_rotate_word_variable(build, false);
}

bool build_rlwnm_rc(Builder *build)
{
    return build_rotate_word_variable(build, true);
}

bool build_extswsli(Builder *build)
{
    Ref extended = build_op(build, IR_SEXT32, get(build, T), NO_REF);
    return finish(build, A, build_shift(build, IR_SHL, extended, insn_sh6(build->insn)), false);
}

static bool build_shift_algebraic(Builder *build, Ref s, unsigned sh, bool wide, bool rc)
{
    IrNode *node = build_node(build, IR_SARC);
    node->a = s;
    node->imm = sh;
    node->wide = wide;
    return finish(build, A, build_last(build), rc);
}

bool build_sradi(Builder *build)
{
    return build_shift_algebraic(build, get(build, T), insn_sh6(build->insn), true, false);
}

bool build_sradi_rc(Builder *build)
{
    return build_shift_algebraic(build, get(build, T), insn_sh6(build->insn), true, true);
}

bool build_srawi(Builder *build)
{
    Ref word = build_op(build, IR_SEXT32, get(build, T), NO_REF);
    return build_shift_algebraic(build, word, B, false, false);
}

bool build_srawi_rc(Builder *build)
{
    Ref word = build_op(build, IR_SEXT32, get(build, T), NO_REF);
    return build_shift_algebraic(build, word, B, false, true);
}

/* --- comparing and selecting ------------------------------------------------------------------ */

static bool build_compare_forms(Builder *build, bool is_signed, Ref b)
{
    bool wide = INSN_BITS(build->insn, 10, 10) && build->cpu->model->is_64bit;
    build_compare(build, T, is_signed, wide, get(build, A), b);
    return true;
}

bool build_cmp(Builder *build)
{
    return build_compare_forms(build, true, get(build, B));
}

bool build_cmpl(Builder *build)
{
    return build_compare_forms(build, false, get(build, B));
}

bool build_cmpi(Builder *build)
{
    return build_compare_forms(build, true, build_const(build, (uint64_t)insn_si(build->insn)));
}

bool build_cmpli(Builder *build)
{
    return build_compare_forms(build, false, build_const(build, insn_ui(build->insn)));
}

bool build_isel(Builder *build)
{
    Ref a = build_base(build, A), b = get(build, B);
    unsigned bit = build->insn->c;
    IrNode *node = build_node(build, IR_SELECT);
    node->a = a;
    node->b = b;
    node->field = (uint8_t)(bit / 4);
    node->bit = (uint8_t)(8 >> bit % 4);
    return finish(build, T, build_last(build), false);
}

/* --- moves
 * -------------------------------------------------------------------------------------------------
 */

/* The order of bits is that of the book: 0 is LT of field 0. */
static Ref get_field(Builder *build, unsigned field)
{
    IrNode *node = build_node(build, IR_GET_CR);
    node->field = (uint8_t)field;
    return build_last(build);
}

static void set_field(Builder *build, unsigned field, Ref value)
{
    IrNode *node = build_node(build, IR_SET_CR);
    node->field = (uint8_t)field;
    node->a = value;
    build->compare[field] = NO_REF;
}

bool build_mcrf(Builder *build)
{
    set_field(build, T, get_field(build, A));
    return true;
}

/* The field that an FXM with one bit selects, else 8. */
static unsigned single_field(const Insn *insn)
{
    unsigned fxm = insn_fxm(insn);
    return fxm && !(fxm & (fxm - 1)) ? 7 - (unsigned)__builtin_ctz(fxm) : 8;
}

bool build_mfocrf(Builder *build)
{
    unsigned field = single_field(build->insn);
    if (field == 8)
        return false;
    Ref value = build_shift(build, IR_SHL, get_field(build, field), 28 - 4 * field);
    return finish(build, T, value, false);
}

static void set_field_from(Builder *build, unsigned field, Ref word)
{
    Ref shifted = build_shift(build, IR_SHR, word, 28 - 4 * field);
    set_field(build, field, build_op(build, IR_AND, shifted, build_const(build, 15)));
}

bool build_mtocrf(Builder *build)
{
    unsigned field = single_field(build->insn);
    if (field == 8)
        return false;
    set_field_from(build, field, get(build, T));
    return true;
}

bool build_mtcrf(Builder *build)
{
    Ref word = get(build, T);
    for (unsigned field = 0; field < 8; field++)
        if (insn_fxm(build->insn) & (0x80u >> field))
            set_field_from(build, field, word);
    return true;
}

bool build_setb(Builder *build)
{
    Ref field = get_field(build, A), one = build_const(build, 1);
    Ref less = build_op(build, IR_NEG, build_shift(build, IR_SHR, field, 3), NO_REF);
    Ref greater = build_op(build, IR_AND, build_shift(build, IR_SHR, field, 2), one);
    return finish(build, T, build_op(build, IR_OR, less, greater), false);
}

static Ref get_bit(Builder *build, unsigned bit)
{
    Ref shifted = build_shift(build, IR_SHR, get_field(build, bit / 4), 3 - bit % 4);
    return build_op(build, IR_AND, shifted, build_const(build, 1));
}

static bool set_bit(Builder *build, unsigned bit, Ref value)
{
    unsigned shift = 3 - bit % 4;
    Ref rest = build_const(build, 15u & ~(1u << shift));
    Ref kept = build_op(build, IR_AND, get_field(build, bit / 4), rest);
    Ref moved = build_shift(build, IR_SHL, value, shift);
    set_field(build, bit / 4, build_op(build, IR_OR, kept, moved));
    return true;
}

/* One bit of CR from two; an operation on a bit and itself is how a bit is set or cleared. */
static bool build_cr_logical(Builder *build, IrOp op, bool invert_b, bool invert_result)
{
    if (op == IR_XOR && A == B)
        return set_bit(build, T, build_const(build, invert_result));
    Ref one = build_const(build, 1);
    Ref a = get_bit(build, A), b = get_bit(build, B);
    if (invert_b)
        b = build_op(build, IR_XOR, b, one);
    Ref result = build_op(build, op, a, b);
    return set_bit(build, T, invert_result ? build_op(build, IR_XOR, result, one) : result);
}

#define CR_LOGICAL(name, op, invert_b, invert_result)                                              \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return build_cr_logical(build, IR_##op, invert_b, invert_result);                          \
    }
CR_LOGICAL(crand, AND, false, false)
CR_LOGICAL(cror, OR, false, false)
CR_LOGICAL(crxor, XOR, false, false)
CR_LOGICAL(crnand, AND, false, true)
CR_LOGICAL(crnor, OR, false, true)
CR_LOGICAL(creqv, XOR, false, true)
CR_LOGICAL(crandc, AND, true, false)
CR_LOGICAL(crorc, OR, true, false)
#undef CR_LOGICAL

/* --- traps ------------------------------------------------------------------------------------ */

/* One that always traps, or traps if equal to itself, ends the block: as a call. */
static bool build_trap(Builder *build, bool wide, Ref b)
{
    if (!T || T == 31)
        return false;
    Ref a = get(build, A);
    IrNode *node = build_node(build, IR_TRAP);
    node->a = a;
    node->b = b;
    node->wide = wide;
    node->imm = T;
    return true;
}

bool build_twi(Builder *build)
{
    return build_trap(build, false, build_const(build, (uint64_t)insn_si(build->insn)));
}

bool build_tdi(Builder *build)
{
    return build_trap(build, true, build_const(build, (uint64_t)insn_si(build->insn)));
}

bool build_tw(Builder *build)
{
    return build_trap(build, false, get(build, B));
}

bool build_td(Builder *build)
{
    return build_trap(build, true, get(build, B));
}

/* Nothing to do: barriers and hints on a processor that does one thing after the other. */
bool build_hint(Builder *build)
{
    return true;
}
