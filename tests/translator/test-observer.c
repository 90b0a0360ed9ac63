/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an observer of stores is told, and that it changes nothing: each kind of store says its
 * instruction, place, size and value, on both engines; and a program has the same blocks with an
 * observer as without.
 */
#include <string.h>

#include "machine/cpu/model.h"
#include "machine/cpu/observer.h"
#include "tests/translator/program.h"
#include "tests/check-run.h"

typedef struct {
    uint64_t icount, at;
    unsigned size;
    uint8_t data[128];
} Piece;

typedef struct {
    Piece piece[64];
    unsigned count;
    uint64_t exits;
} Notes;

/* Neighbours of one instruction are one piece. */
static void note_stored(void *opaque, uint64_t icount, uint64_t at, unsigned size, const void *data)
{
    Notes *notes = opaque;
    Piece *piece = &notes->piece[notes->count];
    bool joins = notes->count && piece[-1].icount == icount && piece[-1].at + piece[-1].size == at;
    ck_assert_uint_lt(notes->count, G_N_ELEMENTS(notes->piece));
    if (joins)
        piece--;
    else
        *piece = (Piece){ .icount = icount, .at = at };
    ck_assert_uint_le(piece->size + size, sizeof piece->data);
    memcpy(piece->data + piece->size, data, size);
    piece->size += size;
    notes->count += !joins;
}

static void note_budget(void *opaque, const Cpu *cpu)
{
    (void)opaque;
    (void)cpu;
}

static void note_exit(void *opaque, const Cpu *cpu)
{
    Notes *notes = opaque;
    ck_assert_int_ge(cpu->left, 0);
    notes->exits++;
}

/* --- each kind of store ------------------------------------------------------------------------
 */

#define VALUE    0x1122334455667788u
#define UNMAPPED 0x700000u

/* r20 DATA_START, r21 a device, r22 no memory, r23 and r24 further on, r25 the end of a page. */
static const struct {
    uint32_t word;
    unsigned at, size; /* from DATA_START on; size 0: stores nothing */
} stores[] = {
    { 0x98740031, 49, 1 },                        /* stb r3, 49(r20) */
    { 0xb0740032, 50, 2 },                        /* sth r3, 50(r20) */
    { 0x90740034, 52, 4 },                        /* stw r3, 52(r20) */
    { 0xf8740038, 56, 8 },                        /* std r3, 56(r20) */
    { 0x90740043, 67, 4 },                        /* stw r3, 67(r20) */
    { 0x7c60a12d, 0, 0 },                         /* stwcx. r3, 0, r20, without a reservation */
    { 0x7cc0a028, 0, 0 },                         /* lwarx r6, 0, r20 */
    { 0x7c60a12d, 0, 4 },                         /* stwcx. r3, 0, r20 */
    { 0xd8340018, 24, 8 },                        /* stfd f1, 24(r20) */
    { 0x7c20b9ce, 256, 16 },                      /* stvx v1, 0, r23 */
    { 0x7c00c7ec, 384, 128 },                     /* dcbz 0, r24 */
    { 0xf879fffc, 4092, 8 },                      /* std r3, -4(r25) */
    { 0x90750000, DEVICE_START - DATA_START, 4 }, /* stw r3, 0(r21) */
    { 0x90760000, 0, 0 },                         /* stw r3, 0(r22) faults */
};

static void start_state(CpuState *start, bool is_virtual)
{
    program_plain_state(&cpu_model_power9, start);
    start->msr |= is_virtual ? MSR_IR | MSR_DR : MSR_DR;
    start->cia = CODE_START;
    start->gpr[3] = VALUE;
    start->gpr[20] = DATA_START;
    start->gpr[21] = DEVICE_START;
    start->gpr[22] = UNMAPPED;
    start->gpr[23] = DATA_START + 256;
    start->gpr[24] = DATA_START + 384 + 5;
    start->gpr[25] = DATA_START + 4096;
    VSR_D(start->vsr[1], 0) = VALUE;
    VSR_D(start->vsr[33], 0) = VALUE;
    VSR_D(start->vsr[33], 1) = ~VALUE;
}

static void place_words(Side *side)
{
    const uint32_t stay = GUINT32_TO_LE(0x48000000);
    for (unsigned i = 0; i < G_N_ELEMENTS(stores); i++) {
        uint32_t word = GUINT32_TO_LE(stores[i].word);
        side_place(side, CODE_START + 4 * i, &word, sizeof word);
    }
    side_place(side, VECTOR_DATA_STORAGE, &stay, sizeof stay);
}

static bool is_in_table(const Piece *piece)
{
    return piece->at - LEAF_TABLE < 4096;
}

/* R and C are set in the page table by the first access to a page, before the access itself. */
static unsigned next_of_program(const Notes *notes, unsigned next)
{
    while (next < notes->count && is_in_table(&notes->piece[next])) {
        ck_assert_uint_eq(notes->piece[next].size, 8);
        next++;
    }
    return next;
}

static void check_notes(const Notes *notes, const Side *side, uint64_t begun)
{
    unsigned next = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(stores); i++) {
        uint8_t memory[128] = { 0x88, 0x77, 0x66, 0x55 }; /* what the device got */
        if (!stores[i].size)
            continue;
        next = next_of_program(notes, next);
        const Piece *piece = &notes->piece[next];
        ck_assert_uint_lt(next++, notes->count);
        ck_assert_uint_eq(piece->icount, begun + i);
        ck_assert_uint_eq(piece->at, DATA_START + stores[i].at);
        ck_assert_uint_eq(piece->size, stores[i].size);
        memory_read(side->memory, piece->at, memory, piece->size);
        ck_assert_mem_eq(piece->data, memory, piece->size);
    }
    ck_assert_uint_eq(next, notes->count);
}

static unsigned count_in_table(const Notes *notes)
{
    unsigned count = 0;
    for (unsigned i = 0; i < notes->count; i++)
        count += is_in_table(&notes->piece[i]);
    return count;
}

static void check_stores(const TranslatorOptions *options, bool is_virtual)
{
    g_autofree uint8_t *image = program_image(&cpu_model_power9);
    Side *side = side_new(&cpu_model_power9);
    Notes notes = { .count = 0 };
    const CpuObserver observer = { note_stored, note_budget, note_exit, &notes };
    CpuState start;
    start_state(&start, is_virtual);
    side->cpu->observer = &observer;
    side_begin(side, image, &start, options);
    place_words(side);
    for (unsigned run = 0; run < 4; run++) {
        uint64_t begun = cpu_icount(side->cpu);
        side->cpu->s = start;
        cpu_mode_changed(side->cpu);
        notes.count = 0;
        side_run(side, begun + 100, false);
        check_notes(&notes, side, begun);
        /* C of two pages and of the device's; where fetches are translated, R of the code's. */
        ck_assert_uint_eq(count_in_table(&notes), run == 0 ? 3 + is_virtual : 0);
    }
    ck_assert_uint_eq(notes.exits > 0, options != NULL);
    side_free(side);
}

START_TEST(stores_are_told_as_they_are)
{
    static const uint8_t limits[] = { 0, 1, 2, 7 };
    for (unsigned is_virtual = 0; is_virtual < 2; is_virtual++) {
        check_stores(NULL, is_virtual);
        for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
            TranslatorOptions options = {
                .block_limit = limits[i], .threshold = 1, .code_bytes = 256 << 10, .all_hot = i % 2
            };
            check_stores(&options, is_virtual);
        }
    }
}
END_TEST

/* --- the same blocks ---------------------------------------------------------------------------
 */

static void ignore_stored(void *opaque, uint64_t icount, uint64_t at, unsigned size,
                          const void *data)
{
    (void)opaque;
    (void)icount;
    (void)at;
    (void)size;
    (void)data;
}

static void count_blocks(Side *side, const uint8_t *image, const Program *program, bool observed,
                         TranslatorCounters *counters)
{
    Notes notes = { .count = 0 };
    const CpuObserver observer = { ignore_stored, note_budget, note_exit, &notes };
    TranslatorOptions options = { .block_limit = program->options.block_limit,
                                  .threshold = 1,
                                  .code_bytes = 4 << 20 };
    side->cpu->observer = observed ? &observer : NULL;
    side_begin(side, image, &program->start, &options);
    program_place(program, side);
    side_run(side, program->length, false);
    translator_counters(side->cpu->translator, counters);
    counters->code_bytes = 0;
    ck_assert_uint_eq(notes.exits > 0, observed);
    side->cpu->observer = NULL;
}

static void check_programs(const CpuModel *model)
{
    g_autofree uint8_t *image = program_image(model);
    Side *plain = side_new(model), *watched = side_new(model);
    for (uint64_t seed = 0; seed < 300; seed++) {
        Program program;
        TranslatorCounters without, with;
        program_random(&program, model, seed);
        count_blocks(plain, image, &program, false, &without);
        count_blocks(watched, image, &program, true, &with);
        ck_assert_msg(!memcmp(&without, &with, sizeof with), "program %u", (unsigned)seed);
        g_autofree char *difference = side_compare(plain, watched, true);
        ck_assert_msg(!difference, "program %u: %s", (unsigned)seed, difference);
    }
    side_free(plain);
    side_free(watched);
}

START_TEST(an_observed_program_has_the_same_blocks)
{
    check_programs(&cpu_model_power9);
    check_programs(&cpu_model_7447a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("observer");
    TCase *tcase = tcase_create("stores");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, stores_are_told_as_they_are);
    tcase_add_test(tcase, an_observed_program_has_the_same_blocks);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
