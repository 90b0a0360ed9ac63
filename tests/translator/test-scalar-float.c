/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every scalar floating-point row that is lowered, on corner values, under every rounding mode and
 * every set of enabled exceptions: a loop sets FPSCR, executes the row on the next operands of a
 * table and stores its result and FPSCR beside them. The translator's table must be the
 * interpreter's, bit for bit. MSR.FE0 and FE1 are 0, so that enabled exceptions do not trap but
 * withhold their results; test-vector-float.c has those that trap.
 */
#include <string.h>

#include "machine/cpu/disassemble.h"
#include "machine/cpu/isa.h"
#include "machine/cpu/model.h"
#include "tests/check-run.h"
#include "tests/translator/program.h"

static const uint16_t rows[] = {
#define FLOAT(row, recipe, operation, first, second, third, flags) ISA_##row,
#include "machine/translator/x86-64/float.def"
#undef FLOAT
};

static const uint64_t corners[] = {
    0x0000000000000000,                     /* 0 */
    0x0000000000000001,                     /* denormal */
    0x000fffffffffffff, 0x0010000000000000, /* the least normal one, and around it */
    0x0010000000000001, 0x0030000000000000,
    0x2000000000000000,                     /* squares underflow */
    0x1ff6a09e667f3bcd, 0x3690000000000000, /* half the least single */
    0x3800000000000000,                     /* single's denormals, and its least normal one */
    0x380fffffe0000000, 0x380ffffff0000000,
    0x3810000000000000, 0x3820000000000000,
    0x3e50000000000000, 0x3fe0000000000000, /* 0.5 */
    0x3fefffffffffffff, 0x3ff0000000000000, /* 1 */
    0x3ff0000000000001, 0x3ff0000010000000, /* in the middle between singles */
    0x3ff0000030000000, 0x3ff0000010000001,
    0x3ff8000000000000, 0x4000000000000000,
    0x4008000000000000, 0x400921fb54442d18,
    0x4059000000000001, 0x41dfffffffc00000, /* the greatest word, and around it */
    0x41dfffffffe00000, 0x41e0000000000000,
    0x41efffffffe00000, 0x4330000000000001,
    0x43dfffffffffffff, /* the greatest doubleword, and around it */
    0x43e0000000000000, 0x43efffffffffffff,
    0x47efffffe0000000, /* the greatest single, and around it */
    0x47effffff0000000, 0x47f0000000000000,
    0x5fe6a09e667f3bcd,                     /* squares overflow */
    0x7fdfffffffffffff, 0x7fefffffffffffff, /* the greatest double */
    0x7ff0000000000000,                     /* infinity */
    0x7ff8000000000000,                     /* quiet and signalling NaNs */
    0x7ff8000020000001, 0x7ff0000000000001,
    0x7ff4000000000000, 0x7ff0000020000000,
};

enum { ENTRY = 48, ENTRIES = 80, BODY = 13 };
typedef uint64_t Entry[ENTRY / 8]; /* FPSCR, A, B, C and T, result, FPSCR behind it, nothing */

static uint64_t corner(Dice *dice)
{
    uint64_t value = corners[dice_below(dice, G_N_ELEMENTS(corners))];
    if (dice_once_in(dice, 6))
        value = dice_roll(dice);
    return value ^ (uint64_t)dice_below(dice, 2) << 63;
}

static uint32_t row_word(const IsaRow *row)
{
    uint32_t word = 4u << 21 | 1u << 16 | 2u << 11 | 3u << 6; /* T 4, A 1, B 2, C 3 */
    return (word & ~row->mask & ~row->reserved) | row->word;
}

/* IS_LAST: else one more operation decides FPRF, FR and FI, so that the row only leaves its bits.
 */
static unsigned make_program(const IsaRow *row, bool is_last, uint32_t words[BODY + 1])
{
    const uint32_t program[] = {
        0xc9430000,                                       /* lfd f10,0(r3) */
        0xfdfe558e,                                       /* mtfsf 255,f10 */
        0xc8230008,                                       /* lfd f1,8(r3) */
        0xc8430010,                                       /* lfd f2,16(r3) */
        0xc8630018,                                       /* lfd f3,24(r3) */
        0xc8830018,                                       /* lfd f4,24(r3) */
        row_word(row), is_last ? 0x60000000 : 0xfccb582a, /* nop, or fadd f6,f11,f11 */
        0xd8830020,                                       /* stfd f4,32(r3) */
        0xfca0048e,                                       /* mffs f5 */
        0xd8a30028,                                       /* stfd f5,40(r3) */
        0x38630030,                                       /* addi r3,r3,48 */
        0x4200ffd0,                                       /* bdnz back to the first */
        0x48000000,                                       /* b . */
    };
    memcpy(words, program, sizeof program);
    return G_N_ELEMENTS(program);
}

typedef struct {
    const CpuModel *model;
    Side *side[2]; /* interpreter, translator */
    uint8_t *image;
} Pair;

static uint64_t guest_order(const CpuState *start, uint64_t value)
{
    return start->msr & MSR_LE ? GUINT64_TO_LE(value) : GUINT64_TO_BE(value);
}

static void prepare(Pair *pair, unsigned which, const CpuState *start, const uint32_t *words,
                    unsigned count, const Entry *table)
{
    static const TranslatorOptions options = { .threshold = 1, .code_bytes = 1 << 18 };
    uint32_t stored[BODY + 1];
    Entry entries[ENTRIES];
    for (unsigned i = 0; i < count; i++)
        stored[i] = start->msr & MSR_LE ? GUINT32_TO_LE(words[i]) : GUINT32_TO_BE(words[i]);
    for (unsigned i = 0; i < ENTRIES; i++)
        for (unsigned k = 0; k < ENTRY / 8; k++)
            entries[i][k] = guest_order(start, table[i][k]);
    side_begin(pair->side[which], pair->image, start, which ? &options : NULL);
    side_place(pair->side[which], CODE_START, stored, 4 * count);
    side_place(pair->side[which], DATA_START, entries, sizeof entries);
}

static bool run(Pair *pair, const IsaRow *row, bool is_last, uint32_t control, const Entry *table)
{
    CpuState start;
    uint32_t words[BODY + 1];
    unsigned count = make_program(row, is_last, words);
    program_plain_state(pair->model, &start);
    start.msr |= MSR_FP | (pair->model->families & FAMILY_P9 ? MSR_VSX : 0);
    start.msr &= ~(uint64_t)(MSR_FE0 | MSR_FE1);
    start.gpr[3] = DATA_START;
    start.ctr = ENTRIES;
    start.cia = CODE_START;
    VSR_D(start.vsr[11], 0) = 0x3ff0000000000000;
    for (unsigned i = 0; i < 2; i++) {
        prepare(pair, i, &start, words, count, table);
        side_run(pair->side[i], ENTRIES * BODY, !i);
    }
    g_autofree char *difference = side_compare(pair->side[0], pair->side[1], false);
    if (!difference)
        return true;
    g_autofree char *text = disassemble(row_word(row), CODE_START, pair->model->families);
    g_printerr("# %s: %s%s, FPSCR control %02x: %s\n", pair->model->name, text,
               is_last ? "" : " and fadd", control, difference);
    return false;
}

/* CONTROL is RN and the enables; what is in FPSCR besides differs from entry to entry. */
static bool run_control(Pair *pair, Dice *dice, const IsaRow *row, uint32_t control)
{
    Entry table[ENTRIES];
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint32_t status = dice_once_in(dice, 2) ? 0 : (uint32_t)dice_roll(dice) & 0xfff80700;
        uint64_t c = corner(dice);
        Entry entry = { status | control, corner(dice), corner(dice), c, 0, 0 };
        memcpy(table[i], entry, sizeof entry);
    }
    return run(pair, row, true, control, table) && run(pair, row, false, control, table);
}

static unsigned run_row(Pair *pair, unsigned number)
{
    const IsaRow *row = &isa_rows[number];
    Dice dice = { .state = number + 1 };
    unsigned failed = 0;
    if (!(row->families & pair->model->families))
        return 0;
    for (uint32_t control = 0; control < 256 && failed < 3; control++)
        if (!(control & 4))
            failed += !run_control(pair, &dice, row, control);
    /* The plain one is what is lowered: many more operands. */
    for (unsigned i = 0; i < 40 && failed < 3; i++)
        failed += !run_control(pair, &dice, row, 0);
    return failed;
}

static unsigned run_model(const CpuModel *model)
{
    Pair pair = { model, { side_new(model), side_new(model) }, program_image(model) };
    unsigned failed = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows) && failed < 10; i++)
        failed += run_row(&pair, rows[i]);
    side_free(pair.side[0]);
    side_free(pair.side[1]);
    g_free(pair.image);
    return failed;
}

START_TEST(test_power9)
{
    ck_assert_uint_eq(run_model(&cpu_model_power9), 0);
}
END_TEST

START_TEST(test_7447a)
{
    ck_assert_uint_eq(run_model(&cpu_model_7447a), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scalar-float");
    TCase *tcase = tcase_create("corners");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_power9);
    tcase_add_test(tcase, test_7447a);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
