/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector and floating-point instructions that the translator lowers, against the interpreter: loops
 * of random such instructions on random and corner values, in both byte orders and several FPSCRs,
 * the whole state compared after every few instructions.
 *
 * test-vector-float [SEED [PROGRAMS [g4]]] or "time", which prints what loops cost; without
 * arguments a fixed number of programs.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/cpu/disassemble.h"
#include "machine/cpu/float.h"
#include "machine/cpu/isa.h"
#include "machine/cpu/model.h"
#include "machine/translator/vector-rows.h"
#include "tests/check-run.h"
#include "tests/translator/program.h"

typedef struct {
    uint16_t row;
    uint8_t form;
    bool to_gpr;
} Candidate;

static const Candidate candidates[] = {
#define VECTOR(row, recipe, operation)         { ISA_##row, FORM_NONE, false },
#define VECTOR_VALUE(row, recipe, operation)   { ISA_##row, FORM_NONE, true },
#define VECTOR_CHECKED(row, recipe, operation) { ISA_##row, FORM_NONE, false },
#define VECTOR_OF(row, form, recipe)           { ISA_##row, FORM_##form, false },
#define VECTOR_LOAD(row, form, kind)           { ISA_##row, FORM_##form, false },
#define VECTOR_STORE(row, form, kind)          { ISA_##row, FORM_##form, false },
#include "machine/translator/x86-64/vector.def"
#undef VECTOR
#undef VECTOR_VALUE
#undef VECTOR_CHECKED
#undef VECTOR_OF
#undef VECTOR_LOAD
#undef VECTOR_STORE
#define BUILDER(row, function)                                     { ISA_##row, FORM_NONE, false },
#define FLOAT(row, recipe, operation, first, second, third, flags) { ISA_##row, FORM_NONE, false },
#include "machine/translator/x86-64/float.def"
#undef FLOAT
    BUILDER(MTVSRD, ) BUILDER(MTVSRWZ, ) BUILDER(MTVSRWA, ) BUILDER(MTVSRDD, ) BUILDER(MTVSRWS, )
#undef BUILDER
        { ISA_MFVSRD, FORM_NONE, true },
    { ISA_MFVSRLD, FORM_NONE, true },
    { ISA_MFVSRWZ, FORM_NONE, true },
};

#define BODY_MAX 12u

static void set_bits(uint32_t *word, unsigned first, unsigned width, uint32_t value)
{
    unsigned shift = 32 - first - width;
    uint32_t mask = ((1u << width) - 1) << shift;
    *word = (*word & ~mask) | (value << shift & mask);
}

/* A row that MODEL has. */
static const Candidate *choose(Dice *dice, const CpuModel *model)
{
    const Candidate *candidate;
    do
        candidate = &candidates[dice_below(dice, G_N_ELEMENTS(candidates))];
    while (!(isa_rows[candidate->row].families & model->families));
    return candidate;
}

static uint32_t make_word(Dice *dice, const Candidate *candidate)
{
    const IsaRow *row = &isa_rows[candidate->row];
    uint32_t word = (uint32_t)dice_roll(dice);
    /* Few registers, so that results are used. */
    for (unsigned first = 6; first <= 21; first += 5)
        if (!dice_once_in(dice, 4))
            set_bits(&word, first, 5, dice_below(dice, 4));
    if (candidate->form == FORM_X || candidate->form == FORM_X16 || candidate->form == FORM_X4 ||
        candidate->form == FORM_X2 || candidate->form == FORM_X_UPDATE) {
        set_bits(&word, 11, 5, 1 + dice_below(dice, 15));
        set_bits(&word, 16, 5, 16 + dice_below(dice, 8));
    } else if (candidate->form != FORM_NONE) {
        set_bits(&word, 11, 5, 1 + dice_below(dice, 15));
        set_bits(&word, 16, 5, 0);
    } else if (candidate->to_gpr) {
        set_bits(&word, row->slot[0] == SLOT_PLAIN ? 6 : 11, 5, 24 + dice_below(dice, 8));
    }
    return (word & ~row->mask & ~row->reserved) | row->word;
}

static uint64_t corner(Dice *dice)
{
    static const uint64_t values[] = {
        0,
        1,
        0x8000000000000000,
        0x3ff0000000000000,
        0xbff0000000000000,
        0x7ff0000000000000,
        0xfff0000000000000,
        0x7ff8000000000000,
        0xfff8000000000001,
        0x7ff0000000000001,
        0x7ff4000000000000,
        0x0010000000000000,
        0x000fffffffffffff,
        0x8010000000000001,
        0x0020000000000000,
        0x7fefffffffffffff,
        0x47efffffe0000000,
        0x3810000000000000,
        0x380fffffffffffff,
        0x36a0000000000000,
        0x3690000000000000,
        0x4330000000000001,
        0x43e0000000000000,
        0x41dfffffffc00000,
        0xc1e0000000000000,
        0x41f0000000000000,
        0x7f8000007f800001,
        0x7fc0000000800000,
        0x3f80000000000001,
        0x807fffff00ffffff,
        0x3ff0000010000000,
        0x3ff0000030000000,
        0x4008000000000000,
        0x3fe0000000000000,
        0xffffffffffffffff,
        0x7fffffffffffffff,
        0x0001020304050607,
        0x1f1e1d1c1b1a1918,
    };
    return values[dice_below(dice, G_N_ELEMENTS(values))];
}

/* A number as programs have them: of moderate size, often with few bits, often single. */
static uint64_t number(Dice *dice)
{
    uint64_t bits = dice_roll(dice) >> 12;
    switch (dice_below(dice, 4)) {
    case 0: bits &= ~0ull << dice_below(dice, 52); break;
    case 1: bits &= ~0x1fffffffull; break;
    case 2: bits = (bits & ~0x1fffffffull) | 0x10000000; break;
    }
    bits &= (1ull << 52) - 1;
    return (dice_roll(dice) & 1) << 63 | (uint64_t)(1023 - 30 + dice_below(dice, 60)) << 52 | bits;
}

static uint64_t random_value(Dice *dice)
{
    switch (dice_below(dice, 8)) {
    case 0: return dice_roll(dice);
    case 1: return corner(dice);
    case 2: return corner(dice) + dice_below(dice, 3) - 1;
    case 3:
        return (uint64_t)(0x3f000000u + dice_below(dice, 0x1000000)) << 32 |
               (0x40000000u + dice_below(dice, 0x1000000));
    default: return number(dice);
    }
}

/* Both byte orders and modes, where MODEL has them. */
static void random_mode(Dice *dice, const CpuModel *model, CpuState *start)
{
    start->msr |= MSR_FP | MSR_VEC;
    if (!(model->families & FAMILY_P9))
        return;
    start->msr |= MSR_VSX;
    if (dice_once_in(dice, 3))
        start->msr &= ~MSR_LE;
    if (dice_once_in(dice, 8))
        start->msr &= ~MSR_SF;
}

static void random_start(Dice *dice, const CpuModel *model, CpuState *start)
{
    program_plain_state(model, start);
    random_mode(dice, model, start);
    if (dice_once_in(dice, 2))
        start->msr |= MSR_FE0 | MSR_FE1;
    for (unsigned i = 0; i < 64; i++)
        start->vsr[i] = (Vsr){ .d = { random_value(dice), random_value(dice) } };
    for (unsigned i = 0; i < 32; i++)
        start->gpr[i] = i < 16   ? DATA_START + 0x1000 + dice_below(dice, 0x1000)
                        : i < 24 ? 4 * dice_below(dice, 64)
                                 : dice_roll(dice);
    if (!(model->families & FAMILY_P9))
        for (unsigned i = 0; i < 32; i++)
            start->gpr[i] = (uint32_t)start->gpr[i];
    uint32_t fpscr = 0;
    if (dice_once_in(dice, 2))
        fpscr |= FPSCR_XX | FPSCR_FX;
    if (dice_once_in(dice, 4))
        fpscr |= (uint32_t)dice_roll(dice) & (FPSCR_FR | FPSCR_FI | FPSCR_FPRF);
    if (dice_once_in(dice, 8))
        fpscr |= (uint32_t)dice_roll(dice) & (0xf8 | FPSCR_RN);
    start->fpscr = fpscr;
    start->vscr_nj = (uint8_t)(dice_roll(dice) & 1);
    start->cia = CODE_START;
}

typedef struct {
    const CpuModel *model;
    Side *interpreter, *translator;
    uint8_t *image;
} Pair;

static void show(const Pair *pair, const CpuState *start, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i <= count; i++) {
        g_autofree char *text = disassemble(words[i], CODE_START + 4 * i, pair->model->families);
        g_printerr("# %2u  %08x  %s\n", i, words[i], text);
    }
    g_printerr("# msr %" G_GINT64_MODIFIER "x fpscr %" G_GINT64_MODIFIER "x nj %u\n", start->msr,
               start->fpscr, start->vscr_nj);
}

static bool run_program(Pair *pair, uint64_t seed)
{
    Dice dice = { .state = seed * 0x9e3779b97f4a7c15u + 1 };
    CpuState start;
    uint32_t words[BODY_MAX + 1];
    unsigned count = 1 + dice_below(&dice, BODY_MAX);
    TranslatorOptions options = { .threshold = 1, .code_bytes = 1 << 20 };
    random_start(&dice, pair->model, &start);
    for (unsigned i = 0; i < count; i++)
        words[i] = make_word(&dice, choose(&dice, pair->model));
    words[count] = 0x48000000u | ((0u - 4 * count) & 0x03fffffc);
    uint32_t stored[BODY_MAX + 1];
    for (unsigned i = 0; i <= count; i++)
        stored[i] = start.msr & MSR_LE ? GUINT32_TO_LE(words[i]) : GUINT32_TO_BE(words[i]);
    Side *sides[2] = { pair->interpreter, pair->translator };
    for (unsigned i = 0; i < 2; i++) {
        side_begin(sides[i], pair->image, &start, i ? &options : NULL);
        side_place(sides[i], CODE_START, stored, 4 * (count + 1));
        Dice data = { .state = seed };
        uint64_t values[512];
        for (unsigned page = 0; page < 3; page++) {
            for (unsigned k = 0; k < 512; k++)
                values[k] = random_value(&data);
            side_place(sides[i], DATA_START + 0x1000 * page, values, sizeof values);
        }
    }
    uint64_t at = 0;
    for (unsigned stop = 0; stop < 6; stop++) {
        at += stop == 0 ? 4 * (count + 1) : 1 + dice_below(&dice, 3 * (count + 1));
        side_run(sides[0], at, true);
        side_run(sides[1], at, false);
        g_autofree char *difference = side_compare(sides[0], sides[1], false);
        if (!difference)
            continue;
        g_printerr("# seed %" G_GINT64_MODIFIER "u after %" G_GINT64_MODIFIER "u: %s", seed, at,
                   difference);
        show(pair, &start, words, count);
        return false;
    }
    return true;
}

static Pair make_pair(const CpuModel *model)
{
    return (Pair){ model, side_new(model), side_new(model), program_image(model) };
}

static unsigned run_programs(const CpuModel *model, uint64_t seed, unsigned programs)
{
    Pair pair = make_pair(model);
    unsigned failed = 0;
    for (unsigned i = 0; i < programs && failed < 5; i++)
        failed += !run_program(&pair, seed + i);
    side_free(pair.interpreter);
    side_free(pair.translator);
    g_free(pair.image);
    return failed;
}

/* Nanoseconds per instruction of a loop of WORDS, by the interpreter and translated. */
static void time_loop(Pair *pair, const char *name, const uint32_t *words, unsigned count)
{
    TranslatorOptions options = { .threshold = 1, .code_bytes = 1 << 20 };
    Dice dice = { .state = 1 };
    CpuState start;
    uint32_t all[BODY_MAX + 1];
    Side *sides[2] = { pair->interpreter, pair->translator };
    double spent[2];
    random_start(&dice, pair->model, &start);
    start.msr |= MSR_SF | MSR_LE;
    start.fpscr = FPSCR_XX | FPSCR_FX;
    for (unsigned i = 0; i < 64; i++)
        start.vsr[i] = (Vsr){ .d = { 0x3f8123453f823456, 0x3ff0123456789abc + i } };
    memcpy(all, words, 4 * count);
    all[count] = 0x48000000u | ((0u - 4 * count) & 0x03fffffc);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t target = i ? 20000000 : 2000000;
        side_begin(sides[i], pair->image, &start, i ? &options : NULL);
        side_place(sides[i], CODE_START, all, 4 * (count + 1));
        gint64 before = g_get_monotonic_time();
        side_run(sides[i], target, !i);
        spent[i] = (double)(g_get_monotonic_time() - before) * 1000 / (double)target;
    }
    g_print("%-10s %7.2f %7.2f ns\n", name, spent[0], spent[1]);
}

static void time_loops(void)
{
    static const uint32_t add[] = { 0xfc22182a, 0xfc82182a, 0xfca2182a, 0xfcc2182a };    /* fadd */
    static const uint32_t madd[] = { 0xfc2200fa, 0xfc8200fa, 0xfca200fa, 0xfcc200fa };   /* fmadd */
    static const uint32_t single[] = { 0xec22182a, 0xec82182a, 0xeca2182a, 0xecc2182a }; /* fadds */
    static const uint32_t compare[] = { 0xfc021800, 0xfc821800 };                        /* fcmpu */
    static const uint32_t lanes[] = { 0x1022180a, 0x1082180a, 0x10a2180a };   /* vaddfp */
    static const uint32_t fused[] = { 0x102200ee, 0x108200ee, 0x10a200ee };   /* vmaddfp */
    static const uint32_t words[] = { 0x10221880, 0x10811880, 0x10a42080 };   /* vadduwm */
    static const uint32_t permute[] = { 0x1022192b, 0x1082192b, 0x10a2192b }; /* vperm */
    static const uint32_t copy[] = { 0x7c0080ce, 0x7c0081ce };                /* lvx stvx */
    Pair pair = make_pair(&cpu_model_power9);
#define TIME(name) time_loop(&pair, #name, name, G_N_ELEMENTS(name))
    TIME(add);
    TIME(madd);
    TIME(single);
    TIME(compare);
    TIME(lanes);
    TIME(fused);
    TIME(words);
    TIME(permute);
    TIME(copy);
#undef TIME
    side_free(pair.interpreter);
    side_free(pair.translator);
    g_free(pair.image);
}

START_TEST(test_random_programs)
{
    ck_assert_uint_eq(run_programs(&cpu_model_power9, 1, 20000), 0);
}
END_TEST

START_TEST(test_random_programs_of_g4)
{
    ck_assert_uint_eq(run_programs(&cpu_model_7447a, 1, 10000), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "time")) {
        time_loops();
        return 0;
    }
    if (argc > 1)
        return run_programs(argc > 3 ? &cpu_model_7447a : &cpu_model_power9,
                            strtoull(argv[1], NULL, 10),
                            argc > 2 ? (unsigned)atoi(argv[2]) : 1) != 0;
    Suite *suite = suite_create("vector-float");
    TCase *tcase = tcase_create("programs");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_random_programs);
    tcase_add_test(tcase, test_random_programs_of_g4);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
