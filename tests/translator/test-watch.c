/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watched instructions and data, on random programs: both engines meet the same of them, which are
 * those that an interpreter meets one instruction at a time with an observer of its stores; and
 * nothing else is different from a run in which nobody watches.
 */
#include <string.h>

#include "machine/cpu/exception.h"
#include "machine/cpu/interpreter.h"
#include "machine/cpu/model.h"
#include "machine/cpu/observer.h"
#include "machine/cpu/watch.h"
#include "tests/translator/program.h"
#include "tests/check-run.h"

#define PROGRAMS 400

typedef struct {
    uint64_t icount, address;
    unsigned kind; /* 0: an instruction; else WATCH_READ, WATCH_WRITE */
    bool is_physical;
} Note;

typedef struct {
    GArray *notes;
    CpuWatch watch;
    bool stops; /* an access asks for a boundary */
    Cpu *cpu;
    uint64_t boundaries_missed, due; /* the count at which the boundary is due; 0: none is */
} Notes;

static bool is_same(const Note *a, const Note *b)
{
    return a->icount == b->icount && a->address == b->address && a->kind == b->kind &&
           a->is_physical == b->is_physical;
}

static void note_access(void *opaque, const WatchHit *hit)
{
    Notes *notes = opaque;
    Note note = { hit->icount, hit->address, hit->is_write ? WATCH_WRITE : WATCH_READ,
                  hit->range->is_physical };
    g_array_append_val(notes->notes, note);
    if (notes->stops) {
        cpu_stop_at_boundary(notes->cpu);
        notes->due = hit->icount + 1;
    }
}

static void notes_init(Notes *notes, Side *side)
{
    *notes = (Notes){ .notes = g_array_new(FALSE, FALSE, sizeof(Note)), .cpu = side->cpu };
    cpu_watch_init(&notes->watch, note_access, notes);
}

static void notes_clear(Notes *notes)
{
    cpu_set_watch(notes->cpu, NULL);
    cpu_watch_clear(&notes->watch);
    g_array_unref(notes->notes);
}

/* --- running as run.c does -------------------------------------------------------------------- */

static void at_boundary(Notes *notes)
{
    Cpu *cpu = notes->cpu;
    notes->boundaries_missed += notes->due && cpu_icount(cpu) != notes->due;
    notes->due = 0;
    if (cpu_watch_is_at(&notes->watch, cpu->s.cia)) {
        Note note = { cpu_icount(cpu), cpu->s.cia, 0, false };
        g_array_append_val(notes->notes, note);
    }
}

static void run(Side *side, Notes *notes, uint64_t target, uint64_t budget)
{
    Cpu *cpu = side->cpu;
    while (cpu_icount(cpu) < target) {
        exception_refresh_decrementer(cpu);
        exception_take_pending(cpu);
        cpu->s.halted = 0;
        at_boundary(notes);
        uint64_t begin = cpu_icount(cpu);
        uint64_t end = clock_icount_at(&side->clock, exception_decrementer_deadline(cpu));
        end = MAX(MIN(MIN(end, target), begin + budget), begin + 1);
        cpu->icount_end = end;
        cpu->left = (int64_t)(end - begin);
        if (cpu->translator)
            translator_run(cpu);
        else
            interpreter_run(cpu);
        cpu->icount_end = cpu_icount(cpu);
        cpu->left = 0;
        ck_assert_uint_gt(cpu_icount(cpu), begin);
    }
    exception_refresh_decrementer(cpu);
}

/* --- what an interpreter sees that nobody disturbs -------------------------------------------- */

static const WatchRange *range_at(const CpuWatch *watch, uint64_t at, uint64_t size)
{
    for (guint i = 0; i < watch->data->len; i++) {
        const WatchRange *range = &g_array_index(watch->data, WatchRange, i);
        if (range->is_physical && range->kind & WATCH_WRITE &&
            at < range->address + range->length && range->address < at + size)
            return range;
    }
    return NULL;
}

static void note_stored(void *opaque, uint64_t icount, uint64_t at, unsigned size, const void *data)
{
    Notes *notes = opaque;
    const WatchRange *range = range_at(&notes->watch, at, size);
    if (range) {
        Note note = { icount, MAX(at, range->address), WATCH_WRITE, true };
        g_array_append_val(notes->notes, note);
    }
}

static void ignore_cpu(void *opaque, const Cpu *cpu)
{
    (void)opaque;
    (void)cpu;
}

/* --- programs --------------------------------------------------------------------------------- */

static void choose_places(const Program *program, uint64_t seed, CpuWatch *watch)
{
    Dice dice = { .state = seed * 77 + 5, .model = program->model };
    GArray *code = watch->code;
    for (unsigned i = 0; i < 6; i++) {
        uint64_t high = program->start.cia & ~(uint64_t)0xffffff;
        uint64_t ea = dice_once_in(&dice, 4) ? high + (dice_once_in(&dice, 2) ? 0x300 : 0x700)
                                             : high + (program->base & 0xffffff) +
                                                   4 * dice_below(&dice, program->count);
        if (cpu_watch_is_at(watch, ea))
            continue;
        guint at = 0;
        while (at < code->len && g_array_index(code, uint64_t, at) < ea)
            at++;
        g_array_insert_val(code, at, ea);
    }
    for (unsigned i = 0; i < 4; i++) {
        WatchRange range = { .address = DATA_START + dice_below(&dice, DATA_SIZE - 64),
                             .length = 1 + dice_below(&dice, dice_once_in(&dice, 3) ? 512 : 8),
                             .kind = 1 + dice_below(&dice, 3),
                             .is_physical = dice_once_in(&dice, 2) };
        g_array_append_val(watch->data, range);
    }
    WatchRange table = { LEAF_TABLE, 4096, WATCH_WRITE, true };
    g_array_append_val(watch->data, table);
}

static void begin(Side *side, const uint8_t *image, const Program *program, bool translated)
{
    TranslatorOptions options = program->options;
    options.threshold = 1;
    side_begin(side, image, &program->start, translated ? &options : NULL);
    program_place(program, side);
}

/* The notes of *B that are of A's kind, in order: A has no others. */
static void check_notes(const Notes *a, const Notes *b, bool only_known, uint64_t seed)
{
    guint at = 0;
    for (guint i = 0; i < b->notes->len; i++) {
        const Note *note = &g_array_index(b->notes, Note, i);
        if (only_known && (note->kind == WATCH_READ || (note->kind && !note->is_physical)))
            continue;
        ck_assert_msg(at < a->notes->len && is_same(&g_array_index(a->notes, Note, at), note),
                      "program %u, note %u: instruction %u, kind %u, address %lx", (unsigned)seed,
                      i, (unsigned)note->icount, note->kind, (unsigned long)note->address);
        at++;
    }
    ck_assert_msg(at == a->notes->len, "program %u: %u notes of %u", (unsigned)seed, at,
                  a->notes->len);
}

/* Runs with the same watches as LIKE's. */
static void run_watched(Side *side, const uint8_t *image, const Program *program, bool translated,
                        bool stops, const Notes *like, Notes *notes)
{
    notes_init(notes, side);
    notes->stops = stops;
    g_array_append_vals(notes->watch.code, like->watch.code->data, like->watch.code->len);
    g_array_append_vals(notes->watch.data, like->watch.data->data, like->watch.data->len);
    begin(side, image, program, translated);
    cpu_set_watch(side->cpu, &notes->watch);
    run(side, notes, program->length, UINT64_MAX);
    ck_assert_uint_eq(notes->boundaries_missed, 0);
}

/* Nobody watches; by the other engine than a watched run of the same kind. */
static void run_plain(Side *side, const uint8_t *image, const Program *program, bool translated)
{
    Notes notes;
    notes_init(&notes, side);
    begin(side, image, program, translated);
    run(side, &notes, program->length, UINT64_MAX);
    ck_assert_uint_eq(notes.notes->len, 0);
    notes_clear(&notes);
}

static guint check_program(Side *plain, Side *side, const uint8_t *image, const Program *program,
                           uint64_t seed)
{
    Notes truth, first, other;
    const CpuObserver observer = { note_stored, ignore_cpu, ignore_cpu, &truth };
    notes_init(&truth, plain);
    choose_places(program, seed, &truth.watch);
    plain->cpu->observer = &observer;
    begin(plain, image, program, false);
    run(plain, &truth, program->length, 1);
    plain->cpu->observer = NULL;
    run_watched(side, image, program, false, false, &truth, &first);
    check_notes(&truth, &first, true, seed);
    for (unsigned way = 0; way < 3; way++) {
        run_watched(side, image, program, way > 0, way > 1 || way == 0, &truth, &other);
        check_notes(&first, &other, false, seed);
        run_plain(plain, image, program, way == 0);
        g_autofree char *difference = side_compare(plain, side, true);
        ck_assert_msg(!difference, "program %u, way %u: %s", (unsigned)seed, way, difference);
        notes_clear(&other);
    }
    guint count = first.notes->len;
    notes_clear(&first);
    notes_clear(&truth);
    return count;
}

static void check_programs(const CpuModel *model)
{
    g_autofree uint8_t *image = program_image(model);
    Side *plain = side_new(model), *side = side_new(model);
    uint64_t notes = 0;
    for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
        Program program;
        program_random(&program, model, seed);
        program.length = MIN(program.length, 3000);
        notes += check_program(plain, side, image, &program, seed);
    }
    ck_assert_uint_gt(notes, 50 * PROGRAMS);
    side_free(plain);
    side_free(side);
}

START_TEST(watches_are_met_on_both_engines_and_change_nothing)
{
    check_programs(_i ? &cpu_model_7447a : &cpu_model_power9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("programs");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, watches_are_met_on_both_engines_and_change_nothing, 0, 2);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
