/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two machines boot the same guest, one on each engine, side by side.
 *
 * boot-step [OPTION...] KERNEL: registers are compared every --step instructions (2^16), the hashes
 * of all components every 2^20 and the whole state, all of memory included, at the end. With
 * --observe the registers and a digest of all stores are compared wherever the translator left a
 * block (store-digest.h). Nothing comes from the host: clocks and random bytes are functions of the
 * machine's position, and idling takes no real time. The last line is "N passed, N failed", a
 * comparison of hashes being a case.
 *
 * 1. The interpreter runs in quanta of 2^16; the translator's quanta are random, and with --disturb
 *    its caches are dropped and its options changed now and then.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/cpu/code-cache.h"
#include "machine/cpu/cpu-state.h"
#include "machine/cpu/mmu.h"
#include "machine/machine.h"
#include "machine/translator/translator.h"
#include "tests/machine/repeatable.h"
#include "tests/translator/store-digest.h"

#define HASH_INTERVAL (1u << 20)

typedef struct {
    Repeatable whole;
    StoreDigest stored;
} Run;

typedef struct {
    char *initrd, *append, *memory, *cpu, *board;
    gint64 instructions, step;
    gint seed;
    gboolean disturb, observe;
    gint block_limit;
} Options;

static void options_clear(Options *options)
{
    char *words[] = { options->initrd, options->append, options->memory, options->cpu,
                      options->board };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        g_free(words[i]);
}

static char *definition(const Options *options, const char *kernel)
{
    GString *json = g_string_new(NULL);
    g_string_append_printf(json,
                           "{\"name\":\"boot\",\"board\":\"%s\",\"cpu\":\"%s\",\"memory\":\"%s\","
                           "\"kernel\":\"%s\",\"rng\":true,\"clock\":{\"shift\":0,\"sleep\":false,"
                           "\"rtc\":\"host\"},\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]",
                           options->board ? options->board : "pseries",
                           options->cpu ? options->cpu : "power9",
                           options->memory ? options->memory : "256M", kernel);
    if (options->initrd)
        g_string_append_printf(json, ",\"initrd\":\"%s\"", options->initrd);
    if (options->append)
        g_string_append_printf(json, ",\"append\":\"%s\"", options->append);
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

static Run *run_new(const Options *options, const char *kernel, int directory, MachineEngine engine)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = definition(options, kernel);
    Run *run = g_new0(Run, 1);
    repeatable_begin(&run->whole, json, directory);
    store_digest_begin(&run->stored, machine_cpu(run->whole.machine, 0), options->observe);
    TranslatorOptions translator = { .block_limit = (unsigned)options->block_limit };
    if (!machine_set_engine(run->whole.machine, engine, &translator, &error))
        g_error("%s", error->message);
    machine_start(run->whole.machine, NULL);
    return run;
}

static void run_free(Run *run)
{
    repeatable_clear(&run->whole);
    store_digest_clear(&run->stored);
    g_free(run);
}

static Cpu *processor(Run *run)
{
    return machine_cpu(run->whole.machine, 0);
}

static bool is_running(Run *run)
{
    return machine_run_state(run->whole.machine) == MACHINE_RUNNING;
}

/* Drops or changes what the guest must not notice. */
static void disturb(Run *run, GRand *dice)
{
    static const uint8_t limits[] = { 1, 2, 7, 0, 0, 0 };
    g_autoptr(GError) error = NULL;
    TranslatorOptions options = { .block_limit = limits[g_rand_int_range(dice, 0, 6)],
                                  .threshold = (unsigned)g_rand_int_range(dice, 0, 3),
                                  .code_bytes = g_rand_boolean(dice) ? 1 << 20 : 0,
                                  .all_hot = g_rand_boolean(dice) };
    switch (g_rand_int_range(dice, 0, 200)) {
    case 0: code_cache_flush(processor(run)->engine); break;
    case 1: mmu_drop_banks(processor(run)->mmu); break;
    case 2:
        if (!machine_set_engine(run->whole.machine,
                                g_rand_int_range(dice, 0, 4) ? MACHINE_ENGINE_TRANSLATOR
                                                             : MACHINE_ENGINE_INTERPRETER,
                                &options, &error))
            g_error("%s", error->message);
        break;
    default: break;
    }
}

static void run_to(Run *run, uint64_t limit, GRand *dice)
{
    while (is_running(run) && cpu_icount(processor(run)) < limit)
        machine_run(run->whole.machine,
                    dice ? (uint64_t)g_rand_int_range(dice, 1, 1 << 17) : 1 << 16, limit);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void print_difference(gpointer user, const char *path, const char *a, const char *b)
{
    g_print("#   %s: %s, %s\n", path, a, b);
}

static bool same_registers(Run *a, Run *b)
{
    const Cpu *x = processor(a), *y = processor(b);
    if (!memcmp(&x->s, &y->s, sizeof x->s) && cpu_icount(x) == cpu_icount(y) &&
        machine_run_state(a->whole.machine) == machine_run_state(b->whole.machine))
        return true;
    g_print("# at %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT
            " instructions; interpreter, translator:\n",
            cpu_icount(x), cpu_icount(y));
    state_compare(&cpu_state_table, &x->s, &y->s, print_difference, NULL);
    return false;
}

static bool same_hashes(Run *a, Run *b, bool full)
{
    g_autoptr(HashList) x = hash_list_new(), y = hash_list_new();
    machine_hash(a->whole.machine, full, x);
    machine_hash(b->whole.machine, full, y);
    bool same = hash_list_length(x) == hash_list_length(y);
    for (guint i = 0; same && i < hash_list_length(x); i++) {
        const HashComponent *one = hash_list_get(x, i), *other = hash_list_get(y, i);
        if (!strcmp(one->name, other->name) && digest_equal(&one->digest, &other->digest))
            continue;
        g_print("# at %" G_GUINT64_FORMAT ": component %s differs\n", cpu_icount(processor(a)),
                one->name);
        return false;
    }
    guint length = a->whole.output->len;
    return same && length == b->whole.output->len &&
           (!length || !memcmp(a->whole.output->data, b->whole.output->data, length));
}

static void run_reference(void *opaque, uint64_t icount)
{
    run_to(opaque, icount, NULL);
}

/* Both to instruction AT, the interpreter by way of every place where the translator left a block.
 */
static bool same_way(Run *a, Run *b, uint64_t at, GRand *dice)
{
    run_to(b, at, dice);
    g_autofree char *difference = store_digest_follow(&a->stored, &b->stored, run_reference, a);
    run_to(a, at, NULL);
    if (!difference)
        difference = store_digest_compare(&a->stored, &b->stored);
    if (difference)
        g_print("# %s", difference);
    return !difference;
}

/* How many comparisons of hashes held; FAILED says whether one did not. */
static unsigned lock_step(Run *a, Run *b, const Options *options, bool *failed)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed((guint32)options->seed);
    uint64_t limit = (uint64_t)options->instructions, step = (uint64_t)options->step;
    unsigned passed = 0;
    for (uint64_t at = step; at <= limit && is_running(a); at += step) {
        *failed = !same_way(a, b, at, dice) || !same_registers(a, b) ||
                  (at % HASH_INTERVAL == 0 && !same_hashes(a, b, false));
        if (*failed)
            return passed;
        passed += at % HASH_INTERVAL == 0;
        if (options->disturb)
            disturb(b, dice);
    }
    *failed = !same_hashes(a, b, true);
    return passed + !*failed;
}

int main(int argc, char **argv)
{
    Options options = { .instructions = 100000000, .step = 1 << 16 };
    GOptionEntry entries[] = {
        { "initrd", 0, 0, G_OPTION_ARG_STRING, &options.initrd, "its initial RAM disk", "FILE" },
        { "append", 0, 0, G_OPTION_ARG_STRING, &options.append, "its command line", "TEXT" },
        { "memory", 0, 0, G_OPTION_ARG_STRING, &options.memory, "of the machine", "SIZE" },
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &options.cpu, "of the machine", "NAME" },
        { "board", 0, 0, G_OPTION_ARG_STRING, &options.board, "of the machine", "NAME" },
        { "instructions", 'n', 0, G_OPTION_ARG_INT64, &options.instructions, "how many", "N" },
        { "step", 0, 0, G_OPTION_ARG_INT64, &options.step, "between comparisons of registers",
          "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &options.seed, "of quanta and disturbances", "S" },
        { "observe", 0, 0, G_OPTION_ARG_NONE, &options.observe,
          "compare stores, and registers at the end of each block", NULL },
        { "block-limit", 0, 0, G_OPTION_ARG_INT, &options.block_limit,
          "instructions in a block, 0: as many as there are", "N" },
        { "disturb", 0, 0, G_OPTION_ARG_NONE, &options.disturb, "drop caches, change engines",
          NULL },
        { NULL }
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("KERNEL");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        g_error("%s", error->message);
    if (argc != 2)
        g_error("usage: boot-step [OPTION...] KERNEL");
    g_autofree char *path = g_dir_make_tmp("powerplay-boot-XXXXXX", NULL);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    Run *a = run_new(&options, argv[1], directory, MACHINE_ENGINE_INTERPRETER);
    Run *b = run_new(&options, argv[1], directory, MACHINE_ENGINE_TRANSLATOR);
    bool failed = false;
    unsigned passed = lock_step(a, b, &options, &failed);
    g_print("# %" G_GUINT64_FORMAT " instructions, %s, %u bytes of output\n",
            cpu_icount(processor(a)), machine_run_state_name(machine_run_state(a->whole.machine)),
            a->whole.output->len);
    if (options.observe)
        g_print("# %" G_GUINT64_FORMAT " blocks were left, %" G_GUINT64_FORMAT
                " pieces stored: registers and digests agree\n",
                a->stored.exits_followed, a->stored.count);
    g_print("%u passed, %u failed\n", passed, failed);
    run_free(a);
    run_free(b);
    close(directory);
    rmdir(path);
    options_clear(&options);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
