/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector floating point on corner values, by the translator against the interpreter: each row on
 * all pairs (the fused ones: all triples) of zeros, denormal numbers, the least and greatest
 * normal ones, infinities, NaNs of both kinds, values that round, overflow or underflow together;
 * with VSCR.NJ off and on, and FPSCRs of several rounding modes, enabled and sticky exceptions.
 *
 * 1. A program loads a, b and the old target, executes the row, and sometimes a scalar operation
 *    before or behind it, so that the host's flags change hands. The state is compared after each
 *    round: results, CR6, SAT and FPSCR.
 * 2. A row that has a recipe is translated (lower-vector.c has no other way), so no row passes by
 *    not being tested; the test fails if it finds fewer rows than it knows to be there.
 *
 * test-vector-corners [ROW] runs one row, and says what it does.
 */
#include <string.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/disassemble.h"
#include "machine/cpu/float.h"
#include "machine/cpu/isa.h"
#include "tests/check-run.h"
#include "tests/translator/program.h"

#define ROWS_LEAST 90u

static const uint32_t singles[] = {
    0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x80800000, 0x00800001,
    0x01000000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x40490fdb, 0x4b800001,
    0xcf000000, 0x4effffff, 0x4f800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
    0x7fc00000, 0xffc12345, 0x7f812345, 0x1f800001, 0xa0000001, 0x5f800001, 0x3effffff,
};

static const uint64_t doubles[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff,
    0x0010000000000000, 0x8010000000000000, 0x0010000000000001, 0x0020000000000000,
    0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x3fefffffffffffff,
    0x400921fb54442d18, 0x4340000000000001, 0xc1e0000000000000, 0x41dfffffffc00000,
    0xc3e0000000000000, 0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0xfff8000012345678, 0x7ff4000000000000,
    0x1ff0000000000001, 0xa000000000000001, 0x5ff0000000000001, 0x3fdfffffffffffff,
};

#define VALUES G_N_ELEMENTS(singles)
G_STATIC_ASSERT(G_N_ELEMENTS(singles) == G_N_ELEMENTS(doubles));

static const uint32_t controls[] = {
    0, FPSCR_XX | FPSCR_FX, 1, 2, 3, FPSCR_XE, FPSCR_VE | FPSCR_UE, FPSCR_OE | FPSCR_ZE | FPSCR_NI,
};

typedef struct {
    Side *interpreter, *translator;
    uint8_t *image;
    unsigned rows;
} Pair;

/* --- programs --------------------------------------------------------------------------------- */

#define ROUNDS 85u /* operands of 48 bytes in a page */
enum { VSR_T = 40, VSR_A = 41, VSR_B = 42 };

/* Big-endian or little-endian, loads give what the table has. */
static uint32_t load(unsigned vsr, unsigned offset)
{
    return 0xf4000001u | (vsr & 31) << 21 | 4 << 16 | offset | (vsr >> 5) << 3; /* lxv */
}

/* ROW on the registers above; VRs and VSRs are the same ones, but in other fields. */
static uint32_t row_word(const IsaRow *row, unsigned immediate)
{
    bool is_vsx = row->word >> 26 == 60;
    uint32_t word = row->word | (VSR_T & 31) << 21 | (VSR_B & 31) << 11;
    if (is_vsx)
        word |= 7 & (((VSR_B >> 5) << 1) | VSR_T >> 5);
    bool has_immediate = !(isa_effects[isa_row_number(row)].operand[1] & ISA_READ);
    word |= (has_immediate ? immediate : VSR_A & 31) << 16;
    if (is_vsx && !has_immediate)
        word |= 4;
    if (!is_vsx && isa_effects[isa_row_number(row)].operand[3] & ISA_READ)
        word |= (VSR_T & 31) << 6;
    return (word & ~row->mask & ~row->reserved) | row->word;
}

/* MIX: 1 a scalar addition before, 2 one behind. */
static unsigned make_program(const IsaRow *row, unsigned immediate, unsigned mix, uint32_t *words)
{
    unsigned count = 0;
    words[count++] = load(VSR_T, 0);
    words[count++] = load(VSR_A, 16);
    words[count++] = load(VSR_B, 32);
    words[count++] = 0x38840030; /* addi r4, r4, 48 */
    if (mix & 1)
        words[count++] = 0xfc63182a; /* fadd f3, f3, f3 */
    words[count++] = row_word(row, immediate);
    if (mix & 2)
        words[count++] = 0xfc851824; /* fdiv f4, f5, f3 */
    words[count] = 0x48000000u | ((0u - 4 * count) & 0x03fffffc);
    return count + 1;
}

static void start_state(CpuState *start, uint32_t fpscr, bool nj, bool little)
{
    program_plain_state(&cpu_model_power9, start);
    start->msr |= MSR_FP | MSR_VEC | MSR_VSX;
    if (!little)
        start->msr &= ~MSR_LE;
    start->fpscr = fpscr;
    start->vscr_nj = nj;
    start->gpr[4] = DATA_START;
    for (unsigned i = 0; i < 64; i++)
        start->vsr[i] = (Vsr){ .d = { 0x3ff0123456789abc, 0x4000000000000001 + i } };
    start->cia = CODE_START;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_double(const IsaRow *row)
{
    return strstr(row->mnemonic, "dp") || strstr(row->mnemonic, "rdpi");
}

/* Operand WHICH (t, a, b) of tuple NUMBER: its digit in a system of VALUES digits. */
static unsigned digit(unsigned number, unsigned which)
{
    static const unsigned order[] = { 2, 0, 1 }; /* pairs are a and b */
    for (unsigned i = 0; i < order[which]; i++)
        number /= VALUES;
    return number % VALUES;
}

/* Lanes of one operand for the tuples from FIRST on, as lxv has them in memory. */
static void put_operand(uint8_t *at, bool wide, unsigned first, unsigned tuples, unsigned which,
                        bool little)
{
    unsigned lanes = wide ? 2 : 4;
    for (unsigned i = 0; i < lanes; i++) {
        unsigned value = digit((first + i) % tuples, which);
        for (unsigned k = 0; k < 16 / lanes; k++) {
            uint64_t bits = wide ? doubles[value] : singles[value];
            unsigned byte = i * (16 / lanes) + k;
            at[little ? byte : 15 - byte] = (uint8_t)(bits >> 8 * k);
        }
    }
}

static void place_operands(const Pair *pair, bool wide, unsigned first, unsigned tuples,
                           bool little)
{
    uint8_t page[4096] = { 0 };
    unsigned lanes = wide ? 2 : 4;
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned which = 0; which < 3; which++)
            put_operand(page + 48 * round + 16 * which, wide, first + lanes * round, tuples, which,
                        little);
    side_place(pair->interpreter, DATA_START, page, sizeof page);
    side_place(pair->translator, DATA_START, page, sizeof page);
}

/* --- runs ------------------------------------------------------------------------------------- */

static bool compare_rounds(Pair *pair, unsigned length)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        side_run(pair->interpreter, (uint64_t)round * length, true);
        side_run(pair->translator, (uint64_t)round * length, false);
        if (round % 17 && round != ROUNDS)
            continue;
        g_autofree char *difference = side_compare(pair->interpreter, pair->translator, false);
        if (!difference)
            continue;
        g_printerr("# by round %u: %s", round, difference);
        return false;
    }
    return true;
}

static bool run_page(Pair *pair, const IsaRow *row, unsigned first, unsigned tuples,
                     unsigned variant)
{
    TranslatorOptions options = { .threshold = 1, .code_bytes = 1 << 20 };
    bool little = variant & 1, nj = variant >> 1 & 1;
    uint32_t fpscr = controls[(variant >> 2) % G_N_ELEMENTS(controls)];
    CpuState start;
    uint32_t words[16], stored[16];
    unsigned count = make_program(row, variant * 7 % 32, variant / 3 % 4, words);
    for (unsigned i = 0; i < count; i++)
        stored[i] = little ? GUINT32_TO_LE(words[i]) : GUINT32_TO_BE(words[i]);
    start_state(&start, fpscr, nj, little);
    side_begin(pair->interpreter, pair->image, &start, NULL);
    side_begin(pair->translator, pair->image, &start, &options);
    side_place(pair->interpreter, CODE_START, stored, 4 * count);
    side_place(pair->translator, CODE_START, stored, 4 * count);
    place_operands(pair, is_double(row), first, tuples, little);
    if (compare_rounds(pair, count))
        return true;
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *text = disassemble(words[i], CODE_START + 4 * i, FAMILY_P9);
        g_printerr("# %08x  %s\n", words[i], text);
    }
    g_printerr("# variant %u: fpscr %x nj %u le %u, tuples from %u\n", variant, fpscr, nj, little,
               first);
    return false;
}

static bool run_row(Pair *pair, unsigned number)
{
    const IsaRow *row = &isa_rows[number];
    const IsaEffects *effects = &isa_effects[number];
    bool is_fused = effects->operand[0] & ISA_READ || effects->operand[3] & ISA_READ;
    unsigned tuples = VALUES * VALUES * (is_fused ? VALUES : 1), variant = number;
    unsigned step = ROUNDS * (is_double(row) ? 2 : 4);
    unsigned pages = (tuples + step - 1) / step;
    unsigned variants = 4 * G_N_ELEMENTS(controls);
    pair->rows++;
    /* Every variant, and every page, at least once; of pairs all of both. */
    for (unsigned i = 0; i < MAX(pages, variants) * (is_fused ? 1 : pages); i++)
        if (!run_page(pair, row, i % pages * step, tuples, variant + i))
            return false;
    return true;
}

static bool is_float_row(const char *name)
{
    return g_str_has_prefix(name, "xv") || g_str_has_suffix(name, "fp") ||
           g_str_has_suffix(name, "fp.") || g_str_has_prefix(name, "vrfi") ||
           g_str_has_prefix(name, "vcts") || g_str_has_prefix(name, "vctu") ||
           g_str_has_prefix(name, "vcfs") || g_str_has_prefix(name, "vcfu");
}

static const uint16_t candidates[] = {
#define VECTOR(row, recipe, operation)         ISA_##row,
#define VECTOR_CHECKED(row, recipe, operation) ISA_##row,
#define VECTOR_VALUE(row, recipe, operation)
#define VECTOR_OF(row, form, recipe)
#define VECTOR_LOAD(row, form, kind)
#define VECTOR_STORE(row, form, kind)
#include "machine/translator/x86-64/vector.def"
#undef VECTOR
#undef VECTOR_CHECKED
#undef VECTOR_VALUE
#undef VECTOR_OF
#undef VECTOR_LOAD
#undef VECTOR_STORE
};

/* The number of rows that failed. ONLY: a name, or NULL. */
static unsigned run_rows(const char *only)
{
    Pair pair = { side_new(&cpu_model_power9), side_new(&cpu_model_power9),
                  program_image(&cpu_model_power9), 0 };
    unsigned failed = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(candidates); i++) {
        const char *name = isa_rows[candidates[i]].mnemonic;
        if (only ? !strcmp(name, only) : is_float_row(name))
            failed += !run_row(&pair, candidates[i]);
    }
    g_printerr("# %u rows\n", pair.rows);
    failed += pair.rows < (only ? 1 : ROWS_LEAST);
    side_free(pair.interpreter);
    side_free(pair.translator);
    g_free(pair.image);
    return failed;
}

START_TEST(test_corners)
{
    ck_assert_uint_eq(run_rows(NULL), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_rows(argv[1]) != 0;
    Suite *suite = suite_create("vector-corners");
    TCase *tcase = tcase_create("rows");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_corners);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
