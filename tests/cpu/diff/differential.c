/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The differential test: random cases of every problem-state instruction, executed by our processor
 * and by a user-mode emulator, compared in every register and byte.
 *
 * A range of case numbers under a seed is always the same cases, so the work can be cut into chunks
 * and continued, and any failure repeated with --row, --seed, --first.
 */
#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "machine/cpu/decode.h"
#include "tests/cpu/diff/generate.h"
#include "tests/cpu/diff/known.h"
#include "tests/cpu/diff/oracle.h"
#include "tests/cpu/diff/row.h"
#include "tests/cpu/diff/subject.h"
#include "tests/cpu/diff/vector.h"

#define SHOWN_PER_ROW 2

typedef struct {
    char *emulator, *cpu, *runner, *order, *coverage, *without, *explanations;
    char **rows, **vectors;
    gint64 seed, first, cases;
    gboolean list, quiet;
} Options;

typedef struct {
    const Options *options;
    const CpuModel *model;
    bool little_endian;
    Oracle *oracle;
    Subject *subject;
    uint64_t passed, failed;
    unsigned shown; /* failures of the present row, and where they differ */
    Image where;
    Image input[SLOT_COUNT], ours[SLOT_COUNT];
} Run;

static bool restart_oracle(Run *run)
{
    g_autoptr(GError) error = NULL;
    oracle_free(run->oracle);
    run->oracle = oracle_new(run->options->emulator, run->model->name, run->options->runner,
                             run->little_endian, &error);
    if (!run->oracle)
        g_printerr("cannot start %s: %s\n", run->options->emulator, error->message);
    return run->oracle;
}

/* Executes one case on both sides. False: the emulator ended. */
static bool try_one(Run *run, const Row *row, const Image *input, Image *ours, Image *theirs,
                    Image *difference, bool *differs)
{
    Image mask;

    if (!oracle_start(run->oracle, input, 1, NULL))
        return false;
    subject_run(run->subject, input, oracle_address(0), ours);
    if (!oracle_finish(run->oracle, NULL))
        return false;
    oracle_result(run->oracle, 0, theirs);
    theirs->code[0] = ours->code[0];
    theirs->code[1] = ours->code[1];
    known_differences(row, input, ours, theirs, run->options->without, &mask);
    *differs = image_differ(ours, theirs, &mask, difference);
    return true;
}

/* Clears every doubleword of the input without which the sides still differ in the fields WHERE. */
static void minimise(Run *run, const Row *row, const char *where, Image *input)
{
    Image ours, theirs, difference;
    bool differs;

    for (size_t i = 0; i < STATE_SIZE / 8; i++) {
        if (i == STATE_CODE / 8)
            continue;
        uint64_t *field = (uint64_t *)input + i, kept = *field;
        if (!kept)
            continue;
        *field = 0;
        if (!try_one(run, row, input, &ours, &theirs, &difference, &differs)) {
            restart_oracle(run);
            differs = false;
        }
        g_autofree char *now = differs ? image_summarise_difference(&difference) : g_strdup("");
        if (strcmp(now, where))
            *field = kept;
    }
}

static void show(Run *run, const Row *row, uint64_t number, unsigned slot, const Image *theirs,
                 const Image *difference)
{
    Image input = run->input[slot], ours, theirs_now, difference_now;
    bool differs = false;

    run->failed++;
    for (size_t j = 0; j < STATE_SIZE / 8; j++)
        ((uint64_t *)&run->where)[j] |= ((const uint64_t *)difference)[j];
    if (run->shown++ >= SHOWN_PER_ROW)
        return;
    printf("%s (%s) case %" G_GUINT64_FORMAT ":\n", row->name, run->options->order, number);
    /* Minimised cases run in slot 0; those that depend on their address are shown as they are. */
    if (try_one(run, row, &input, &ours, &theirs_now, &difference_now, &differs) && differs) {
        g_autofree char *where = image_summarise_difference(&difference_now);
        minimise(run, row, where, &input);
        try_one(run, row, &input, &ours, &theirs_now, &difference_now, &differs);
    } else {
        ours = run->ours[slot], theirs_now = *theirs, difference_now = *difference;
    }
    const char *name = run->options->without ? run->options->without : row->name;
    g_autofree char *vector = vector_format(name, run->model, run->little_endian, &input, &ours);
    g_autofree char *results = image_describe_difference(&ours, &theirs_now, &difference_now);
    printf("%s\n%s", vector, results);
}

static void compare(Run *run, const Row *row, uint64_t first, unsigned count)
{
    g_autofree Image *results = g_new(Image, count);
    for (unsigned i = 0; i < count; i++)
        oracle_result(run->oracle, i, &results[i]);
    for (unsigned i = 0; i < count; i++) {
        Image mask, difference;
        results[i].code[0] = run->ours[i].code[0];
        results[i].code[1] = run->ours[i].code[1];
        known_differences(row, &run->input[i], &run->ours[i], &results[i], run->options->without,
                          &mask);
        if (image_differ(&run->ours[i], &results[i], &mask, &difference))
            show(run, row, first + i, i, &results[i], &difference);
        else
            run->passed++;
    }
}

/* The emulator ended in the middle of a batch: finds out on which case. */
static bool find_fatal(Run *run, const Row *row, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        Image ours, theirs, difference;
        bool differs;
        if (!restart_oracle(run))
            return false;
        if (try_one(run, row, &run->input[i], &ours, &theirs, &difference, &differs))
            continue;
        run->failed++;
        printf("%s (%s) case %" G_GUINT64_FORMAT " ends the emulator: %08x %08x\n", row->name,
               run->options->order, first + i, run->input[i].code[0], run->input[i].code[1]);
        return restart_oracle(run);
    }
    printf("%s (%s): the emulator ended, but not on any one case\n", row->name,
           run->options->order);
    run->failed++;
    return restart_oracle(run);
}

/* An instruction that our guests do not have: the emulator has, so the result is stated here. */
static void run_refused(Run *run, const Row *row, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        static const Image no_mask;
        Image input, ours, expected, difference;
        generate_case(row, (uint64_t)run->options->seed, first + i, oracle_address(i),
                      run->little_endian, &input);
        expected = input;
        expected.signal = SIGILL;
        expected.nip = oracle_address(i);
        subject_run(run->subject, &input, oracle_address(i), &ours);
        run->input[i] = input;
        run->ours[i] = ours;
        if (image_differ(&ours, &expected, &no_mask, &difference))
            show(run, row, first + i, i, &expected, &difference);
        else
            run->passed++;
    }
}

static bool run_batch(Run *run, const Row *row, uint64_t first, unsigned count)
{
    uint64_t seed = (uint64_t)run->options->seed;
    for (unsigned i = 0; i < count; i++)
        generate_case(row, seed, first + i, oracle_address(i), run->little_endian, &run->input[i]);
    if (!oracle_start(run->oracle, run->input, count, NULL))
        return find_fatal(run, row, first, count);
    for (unsigned i = 0; i < count; i++)
        subject_run(run->subject, &run->input[i], oracle_address(i), &run->ours[i]);
    if (!oracle_finish(run->oracle, NULL))
        return find_fatal(run, row, first, count);
    compare(run, row, first, count);
    return true;
}

/* Case N always runs in slot N modulo SLOT_COUNT, so that its address does not depend on the range.
 */
static bool run_row(Run *run, const Row *row)
{
    uint64_t at = (uint64_t)run->options->first, end = at + (uint64_t)run->options->cases;
    run->shown = 0;
    memset(&run->where, 0, sizeof run->where);
    while (at < end) {
        unsigned count = (unsigned)MIN(SLOT_COUNT, end - at);
        if (row->flags & ROW_REFUSED)
            run_refused(run, row, at, count);
        else if (!run_batch(run, row, at, count))
            return false;
        at += count;
    }
    return true;
}

static bool is_wanted(const Options *options, const Row *row)
{
    if (!options->rows)
        return true;
    for (char **pattern = options->rows; *pattern; pattern++)
        if (g_pattern_match_simple(*pattern, row->name))
            return true;
    return false;
}

static bool run_all(Run *run)
{
    unsigned count;
    const Row *rows = rows_of_problem_state(run->model->families, &count);
    const char *path = run->options->coverage;
    FILE *coverage = path ? fopen(path, "a") : NULL;

    for (unsigned i = 0; i < count; i++) {
        const Row *row = &rows[i];
        const char *unusable = known_unusable(row, run->little_endian);
        if (!is_wanted(run->options, row))
            continue;
        if (run->options->list) {
            printf("%-14s %s\n", row->name, unusable ? unusable : "");
            continue;
        }
        uint64_t failed = run->failed, passed = run->passed;
        if (unusable)
            continue;
        if (!run_row(run, row))
            return false;
        failed = run->failed - failed;
        passed = run->passed - passed;
        if (failed) {
            g_autofree char *where = image_summarise_difference(&run->where);
            printf("%s (%s): %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " cases differ:%s\n",
                   row->name, run->options->order, failed, failed + passed, where);
        }
        if (coverage)
            fprintf(coverage, "%s %s-%s %" G_GUINT64_FORMAT "\n", row->name,
                    row->flags & ROW_REFUSED ? "illegal" : "qemu", run->options->order, passed);
    }
    if (coverage)
        fclose(coverage);
    return true;
}

/* --- explanations ------------------------------------------------------------------------------
 */

static const TestVector *find_vector(const GPtrArray *vectors, const char *name)
{
    for (guint i = 0; i < vectors->len; i++) {
        const TestVector *vector = g_ptr_array_index(vectors, i);
        if (!strcmp(vector->name, name))
            return vector;
    }
    return NULL;
}

/* The row that a vector is for: that of its last word that is not the filler. */
static const char *vector_row(const TestVector *vector)
{
    const uint32_t *code = vector->input.code;
    const IsaRow *row =
        isa_lookup(code[1] != 0x60000000 ? code[1] : code[0], vector->model->families);
    return row ? row->name : NULL;
}

/* Runs the vectors of one file on our processor, and adds their rows to the coverage. */
static bool run_vectors(Run *run, const char *path)
{
    static const Image no_mask;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) vectors = vectors_load(path, &error);

    if (!vectors) {
        g_printerr("%s\n", error->message);
        return false;
    }
    FILE *coverage = run->options->coverage ? fopen(run->options->coverage, "a") : NULL;
    for (guint i = 0; i < vectors->len; i++) {
        const TestVector *vector = g_ptr_array_index(vectors, i);
        Image ours, difference;
        if (vector->model != run->model)
            continue;
        subject_set_mode(run->subject, vector->little_endian, vector->narrow);
        subject_run(run->subject, &vector->input, VECTOR_ADDRESS, &ours);
        if (image_differ(&ours, &vector->expected, &no_mask, &difference)) {
            g_autofree char *ours_text = vector_format(
                vector->name, vector->model, vector->little_endian, &vector->input, &ours);
            printf("vector %s is not met; ours:\n%s\n", vector->name, ours_text);
            run->failed++;
            continue;
        }
        run->passed++;
        if (coverage && vector_row(vector))
            fprintf(coverage, "%s vector 1\n", vector_row(vector));
    }
    if (coverage)
        fclose(coverage);
    return true;
}

static bool run_all_vectors(Run *run)
{
    for (char **path = run->options->vectors; *path; path++)
        if (!run_vectors(run, *path))
            return false;
    return true;
}

/* Whether NAME's vector shows what the explanation claims: we do as the book says, it does not. */
static bool check_explanation(Run *run, const char *name, const TestVector *vector)
{
    static const Image no_mask;
    Image ours, theirs, difference;

    if (!vector) {
        printf("explanation %s has no vector\n", name);
        return false;
    }
    if (!oracle_start(run->oracle, &vector->input, 1, NULL) || !oracle_finish(run->oracle, NULL)) {
        printf("the vector of %s ends the emulator\n", name);
        return restart_oracle(run) && false;
    }
    oracle_result(run->oracle, 0, &theirs);
    memcpy(theirs.code, vector->input.code, sizeof theirs.code);
    subject_run(run->subject, &vector->input, VECTOR_ADDRESS, &ours);
    if (image_differ(&ours, &vector->expected, &no_mask, &difference)) {
        g_autofree char *text = image_describe_difference(&ours, &vector->expected, &difference);
        printf("the vector of %s is not met:\n%s", name, text);
        return false;
    }
    if (!image_differ(&theirs, &vector->expected, &no_mask, &difference)) {
        printf("the emulator meets the vector of %s, so nothing is explained by it\n", name);
        return false;
    }
    return true;
}

static bool check_explanations(Run *run)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) vectors = vectors_load(run->options->explanations, &error);

    if (!vectors) {
        g_printerr("%s\n", error->message);
        return false;
    }
    for (unsigned i = 0; known_name(i); i++) {
        if (!known_is_for(i, !run->model->is_64bit))
            continue;
        const TestVector *vector = find_vector(vectors, known_name(i));
        if (vector && vector->little_endian != run->little_endian)
            continue;
        if (check_explanation(run, known_name(i), vector))
            run->passed++;
        else
            run->failed++;
    }
    return true;
}

static bool parse(int *argc, char ***argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &options->cpu, "processor model (power9)", "MODEL" },
        { "emulator", 0, 0, G_OPTION_ARG_STRING, &options->emulator, "qemu-ppc64le and so on",
          "PROGRAM" },
        { "runner", 0, 0, G_OPTION_ARG_FILENAME, &options->runner, "the guest side", "FILE" },
        { "order", 0, 0, G_OPTION_ARG_STRING, &options->order, "byte order", "le|be" },
        { "row", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->rows,
          "only these rows (repeatable; may hold *)", "NAME" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed, "which cases", "N" },
        { "first", 0, 0, G_OPTION_ARG_INT64, &options->first, "number of the first case", "N" },
        { "cases", 0, 0, G_OPTION_ARG_INT64, &options->cases, "cases of each row", "N" },
        { "coverage", 0, 0, G_OPTION_ARG_FILENAME, &options->coverage, "file to add rows to",
          "FILE" },
        { "without", 0, 0, G_OPTION_ARG_STRING, &options->without,
          "ignore this explanation; prints vectors for it", "NAME" },
        { "explanations", 0, 0, G_OPTION_ARG_FILENAME, &options->explanations,
          "check the explanations' vectors instead", "FILE" },
        { "vectors", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->vectors,
          "run these vectors instead (repeatable)", "FILE" },
        { "list", 0, 0, G_OPTION_ARG_NONE, &options->list, "lists the rows", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- compares processors");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    bool ok = (!options->order || !strcmp(options->order, "le") || !strcmp(options->order, "be")) &&
              (options->list || options->vectors || options->runner) && options->cases > 0 &&
              options->first >= 0 && options->first % SLOT_COUNT == 0;
    if (!ok)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--runner FILE is needed, --order is le or be, --cases is positive, --first a "
                    "multiple of %d",
                    SLOT_COUNT);
    return ok;
}

int main(int argc, char **argv)
{
    Options options = { .cases = 1024 };
    g_autoptr(GError) error = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse(&argc, &argv, &options, &error)) {
        g_printerr("%s\n", error->message);
        return 2;
    }
    const CpuModel *model = cpu_model_find(options.cpu ? options.cpu : "power9");
    if (!model) {
        g_printerr("there is no processor model %s\n", options.cpu);
        return 2;
    }
    if (!options.order || !model->is_64bit)
        options.order = g_strdup(model->is_64bit ? "le" : "be");
    bool little_endian = !strcmp(options.order, "le");
    if (!options.emulator)
        options.emulator = g_strdup(!model->is_64bit ? "qemu-ppc"
                                    : little_endian  ? "qemu-ppc64le"
                                                     : "qemu-ppc64");
    g_autofree Run *run = g_new0(Run, 1);
    run->model = model;
    run->options = &options;
    run->little_endian = little_endian;
    if (!options.list && !options.vectors && !restart_oracle(run))
        return 2;
    run->subject = subject_new(model, little_endian);
    bool ok = options.vectors        ? run_all_vectors(run)
              : options.explanations ? check_explanations(run)
                                     : run_all(run);
    subject_free(run->subject);
    oracle_free(run->oracle);
    g_strfreev(options.rows);
    g_strfreev(options.vectors);
    if (!options.list)
        printf("%" G_GUINT64_FORMAT " passed, %" G_GUINT64_FORMAT " failed\n", run->passed,
               run->failed);
    return ok && !run->failed ? 0 : 1;
}
