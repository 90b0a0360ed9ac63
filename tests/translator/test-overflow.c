/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code memory that overflows many times: a guest that writes a function, calls it, writes it anew,
 * without end. Each version's translation is dead weight until all code is given up.
 *
 * What the guest has computed is known by a formula; the interpreter's registers and memory are the
 * translator's; and what the process holds after many overflows is what it held after the first.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine/cpu/model.h"
#include "tests/translator/side.h"
#include "tests/check-run.h"

enum {
    LOADS = 58, /* of the function; each makes much code */
    CALLS = 3,  /* of each version: one at least is translated */
    MIB = 1 << 20,
};

/* r3: the sum; r4: the function; r5: the version; r8: a mask; r9: addi r3,r3,0; r10: calls left. */
static const uint32_t loop[] = {
    0x7ca64038,                     /* and r6,r5,r8 */
    0x7cc64b78,                     /* or r6,r6,r9 */
    0x90c40000,                     /* stw r6,0(r4) */
    0x39400000 | CALLS, 0x7c8903a6, /* mtctr r4 */
    0x4e800421,                     /* bctrl */
    0x354affff,                     /* addic. r10,r10,-1 */
    0x4082fff4,                     /* bne -12 */
    0x38a50001,                     /* addi r5,r5,1 */
    0x4bffffdc,                     /* b -36 */
};
#define LOAD_WORD   0x81640000u /* lwz r11,0(r4) */
#define RETURN_WORD 0x4e800020u
#define ADD_WORD    0x38630000u
#define MASK        0x7fffu

/* Instructions of one version: two thirds of the loop once, the rest and the function each call. */
enum { PER_VERSION = 6 + CALLS * (4 + LOADS + 2) };

static const struct {
    const CpuModel *model;
    size_t code_bytes; /* 0: the default */
    unsigned versions, flushes;
} cases[] = {
    { &cpu_model_power9, MIB / 4, 6000, 20 },
    { &cpu_model_7400, MIB / 4, 6000, 20 },
    { &cpu_model_power9, 4 * MIB, 12000, 4 },
    { &cpu_model_power9, 0, 60000, 2 },
};

static void put(Side *side, uint64_t at, uint32_t word)
{
    word = GUINT32_TO_BE(word);
    side_place(side, at, &word, sizeof word);
}

static void begin(Side *side, const TranslatorOptions *options)
{
    static const uint8_t image[RAM_SIZE];
    CpuState start = { .cia = CODE_START, .running = 1 };
    if (side->cpu->model->is_64bit)
        start.msr = MSR_SF;
    start.gpr[4] = DATA_START;
    start.gpr[8] = MASK;
    start.gpr[9] = ADD_WORD;
    side_begin(side, image, &start, options);
    for (unsigned i = 0; i < G_N_ELEMENTS(loop); i++)
        put(side, CODE_START + 4 * i, loop[i]);
    for (unsigned i = 1; i <= LOADS; i++)
        put(side, DATA_START + 4 * i, LOAD_WORD);
    put(side, DATA_START + 4 * (LOADS + 1), RETURN_WORD);
}

static uint64_t expected_sum(unsigned versions)
{
    uint64_t sum = 0;
    for (unsigned version = 0; version < versions; version++)
        sum += (uint64_t)CALLS * (version & MASK);
    return sum;
}

/* AddressSanitizer keeps freed blocks for a while. */
#ifdef __SANITIZE_ADDRESS__
#define GROWTH_MAX (16 * MIB)
#else
#define GROWTH_MAX (4 * MIB)
#endif

/* Bytes of this process in memory; mapped twice, code memory counts twice. */
static int64_t resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &pages, &resident), 2);
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static uint64_t flushes_of(const Side *side)
{
    TranslatorCounters counters;
    translator_counters(side->cpu->translator, &counters);
    return counters.flushes;
}

START_TEST(test_code_memory_overflows)
{
    const unsigned versions = cases[_i].versions;
    const uint64_t end = (uint64_t)versions * PER_VERSION;
    const TranslatorOptions options = { .threshold = 1, .code_bytes = cases[_i].code_bytes };
    Side *translated = side_new(cases[_i].model), *interpreted = side_new(cases[_i].model);
    begin(translated, &options);
    begin(interpreted, NULL);
    uint64_t before = flushes_of(translated);

    side_run(translated, end / 4 * 3, false);
    ck_assert_uint_gt(flushes_of(translated), before);
    int64_t held = resident_bytes();
    side_run(translated, end, false);
    int64_t grown = resident_bytes() - held;
    ck_assert_uint_ge(flushes_of(translated) - before, cases[_i].flushes);
    ck_assert_int_lt(grown, GROWTH_MAX);

    side_run(interpreted, end, true);
    g_autofree char *difference = side_compare(translated, interpreted, true);
    ck_assert_msg(!difference, "%s", difference);
    ck_assert_uint_eq(translated->cpu->s.cia, CODE_START);
    ck_assert_uint_eq(translated->cpu->s.gpr[5], versions);
    ck_assert_uint_eq((uint32_t)translated->cpu->s.gpr[3], (uint32_t)expected_sum(versions));
    side_free(translated);
    side_free(interpreted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overflow");
    TCase *tests = tcase_create("code");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_code_memory_overflows, 0, G_N_ELEMENTS(cases));
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
