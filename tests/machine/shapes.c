/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shape independence, injected errors and whole snapshots, on a small guest, inside one process.
 *
 * shapes TINY [SEEDS [FIRST [ENGINES [CPU]]]]: TINY is the kernel image of tests/guest/tiny, SEEDS
 * how many random recordings to make. With a CPU other than power9 the machine is a bench32, the
 * kernel an image of tests/guest/bare32, which nobody types to, and errors are not injected.
 * ENGINES is two letters, i (interpreter) or t (translator): what records, and what replays;
 * without it, ii. A translator that replays also does so with block limits 1, 2 and 7, and the
 * random shape then flushes its code and changes engines at its stops. Each seed is also recorded
 * with keyframes and without, and nothing in the two logs may differ. The live sources are
 * functions of the machine's own position, so that a run without input can be repeated exactly.
 * Output is TAP.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/cpu/code-cache.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/mmu.h"
#include "machine/debug/breakpoints.h"
#include "machine/inbox.h"
#include "machine/machine.h"
#include "machine/time-travel.h"
#include "machine/translator/translator.h"
#include "tests/machine/repeatable.h"

#define FOREVER       UINT64_MAX
#define TYPED_AT_MOST 40
#define QUANTUM       65536

#define KEYFRAMES_EVERY  100000u
#define KEYFRAMES_BUDGET (4u << 20)

typedef Repeatable Run;

static const char *kernel, *cpu_model = "power9";
static int scratch_directory;
static unsigned test_number, failures;
static bool records_translated, replays_translated;

/* --- a machine with repeatable sources -------------------------------------------------------- */

static bool is_bare(void)
{
    return strcmp(cpu_model, "power9") != 0;
}

static Run *run_new(const char *append)
{
    g_autofree char *json = g_strdup_printf(
        "{\"name\":\"tiny\",\"board\":\"%s\",\"cpu\":\"%s\",\"memory\":\"64M\","
        "\"kernel\":\"%s\",\"append\":\"%s\",\"rng\":true,"
        "\"clock\":{\"shift\":0,\"sleep\":%s,\"rtc\":\"host\"},"
        "\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]}",
        is_bare() ? "bench32" : "pseries", cpu_model, kernel, append, is_bare() ? "false" : "true");
    Run *run = g_new0(Run, 1);
    repeatable_begin(run, json, scratch_directory);
    return run;
}

static void run_free(Run *run)
{
    repeatable_clear(run);
    g_free(run);
}

static void use_translator(Run *run, unsigned block_limit)
{
    g_autoptr(GError) error = NULL;
    TranslatorOptions options = { .block_limit = block_limit,
                                  .threshold = block_limit ? 1 : 0,
                                  .all_hot = block_limit != 0 };
    if (!machine_set_engine(run->machine, MACHINE_ENGINE_TRANSLATOR, &options, &error))
        g_error("%s", error->message);
}

/* --- recording with random input -------------------------------------------------------------- */

typedef struct {
    int log; /* file descriptor */
    char *hash;
    GByteArray *output;
    uint64_t icount;
    unsigned keyframes;
} Recording;

static void recording_clear(Recording *recording)
{
    close(recording->log);
    g_free(recording->hash);
    g_byte_array_unref(recording->output);
}

static int scratch_file(void)
{
    int fd = openat(scratch_directory, ".", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        g_error("cannot make a scratch file: %s", g_strerror(errno));
    return fd;
}

static void type_something(Machine *machine, GRand *dice)
{
    char keys[8];
    int length = g_rand_int_range(dice, 1, sizeof keys);
    for (int i = 0; i < length; i++)
        keys[i] = (char)g_rand_int_range(dice, 32, 127);
    unsigned number = machine_device_by_id(machine, "hvc0")->number;
    inbox_post_chars(machine_inbox(machine), number, keys, (size_t)length, NULL);
}

/* KEYFRAMES: so many instructions between two; 0: none. */
static Recording record_with(const char *append, guint32 seed, uint64_t quantum, uint64_t keyframes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    Run *run = run_new(append);
    if (records_translated)
        use_translator(run, 0);
    Machine *machine = run->machine;
    Recording recording = { .log = scratch_file() };
    Position start = machine_position(machine);
    LogWriter *log = log_writer_new(recording.log, &start, &error);
    if (!log || !machine_record(machine, log, SYNC_MINIMAL, &error))
        g_error("%s", error->message);
    if (keyframes)
        machine_record_keyframes(machine, KEYFRAMES_BUDGET, keyframes, false);
    machine_start(machine, NULL);
    for (int typed = 0; machine_run_state(machine) == MACHINE_RUNNING;) {
        if (!is_bare() && typed < TYPED_AT_MOST && g_rand_int_range(dice, 0, 4) == 0) {
            type_something(machine, dice);
            typed++;
        }
        time_travel_before_run(machine);
        machine_run(machine, quantum, FOREVER);
    }
    if (machine_run_state(machine) != MACHINE_SHUTDOWN)
        g_error("the guest ended as %s", machine_run_state_name(machine_run_state(machine)));
    recording.hash = repeatable_hash(machine);
    recording.output = g_byte_array_ref(run->output);
    recording.icount = cpu_icount(machine_cpu(machine, 0));
    recording.keyframes = keyframes ? keyframe_set_count(machine_keyframes(machine)) : 0;
    run_free(run);
    return recording;
}

static Recording record(const char *append, guint32 seed, uint64_t quantum)
{
    return record_with(append, seed, quantum, 0);
}

/* --- replaying in many shapes ----------------------------------------------------------------- */

typedef struct {
    uint64_t quantum;
    uint64_t single_from, single_to; /* one instruction at a time between these */
    bool stops;                      /* at random places, with questions and dropped caches */
    bool watches;                    /* instructions and data that the guest comes by */
    unsigned block_limit;            /* of the translator; 0: none */
} Shape;

static unsigned watch_stops;

static Run *start_replay(const char *append, int log, unsigned block_limit)
{
    g_autoptr(GError) error = NULL;
    Run *run = run_new(append);
    if (replays_translated)
        use_translator(run, block_limit);
    LogReader *reader = log_reader_new(log, &error);
    if (!reader || !machine_play(run->machine, reader, SYNC_MINIMAL, &error))
        g_error("%s", error->message);
    machine_start(run->machine, NULL);
    return run;
}

/* Another engine, or another translator. */
static void change_engine(Run *run, GRand *dice)
{
    static const uint8_t limits[] = { 1, 2, 7, 0 };
    if (g_rand_int_range(dice, 0, 3) == 0)
        machine_set_engine(run->machine, MACHINE_ENGINE_INTERPRETER, NULL, NULL);
    else
        use_translator(run, limits[g_rand_int_range(dice, 0, 4)]);
}

static void disturb(Run *run, GRand *dice)
{
    Machine *machine = run->machine;
    Cpu *cpu = machine_cpu(machine, 0);
    machine_pause(machine);
    switch (g_rand_int_range(dice, 0, replays_translated ? 6 : 4)) {
    case 0: g_free(repeatable_hash(machine)); break;
    case 1: code_cache_flush(cpu->engine); break;
    case 2: mmu_drop_banks(cpu->mmu); break;
    case 4:
        if (cpu->translator)
            translator_flush(cpu->translator);
        break;
    case 5: change_engine(run, dice); break;
    default: break;
    }
    machine_start(machine, NULL);
}

static uint64_t next_quantum(Machine *machine, const Shape *shape, GRand *dice)
{
    uint64_t icount = cpu_icount(machine_cpu(machine, 0));
    if (icount >= shape->single_from && icount < shape->single_to)
        return 1;
    return shape->stops ? (uint64_t)g_rand_int_range(dice, 1, QUANTUM) : shape->quantum;
}

/* Where the guest is now, and what is on its stack or elsewhere, under an address of its own or a
 * real one. */
static void watch_something(Machine *machine, GRand *dice)
{
    const CpuState *s = &machine_cpu(machine, 0)->s;
    Breakpoints *places = breakpoints_new();
    for (int i = 0; i < 3; i++) {
        WatchRange range = { .address = s->gpr[g_rand_int_range(dice, 0, 32)] & 0x3fffff8,
                             .length = (uint64_t)g_rand_int_range(dice, 1, 300),
                             .kind = (WatchKind)g_rand_int_range(dice, 1, 4),
                             .is_physical = g_rand_boolean(dice) };
        breakpoints_add(places, s->cia + 4u * (uint64_t)g_rand_int_range(dice, 0, 10));
        breakpoints_add_range(places, &range);
    }
    machine_set_breakpoints(machine, places);
}

/* So many budgets or stops lie between two choices of what is watched. */
#define WATCHED_FOR 50

/* A debugger lets the machine go on wherever it stops. */
static void stop_and_go_on(Machine *machine, GRand *dice)
{
    if (machine_run_state(machine) == MACHINE_PAUSED)
        watch_stops++;
    if (g_rand_int_range(dice, 0, WATCHED_FOR) == 0)
        watch_something(machine, dice);
    if (machine_run_state(machine) == MACHINE_PAUSED)
        machine_start(machine, NULL);
}

static Run *replay(const char *append, int log, const Shape *shape)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);
    Run *run = start_replay(append, log, shape->block_limit);
    if (shape->watches)
        watch_something(run->machine, dice);
    while (machine_run_state(run->machine) == MACHINE_RUNNING) {
        machine_run(run->machine, next_quantum(run->machine, shape, dice), FOREVER);
        if (shape->stops && machine_run_state(run->machine) == MACHINE_RUNNING)
            disturb(run, dice);
        if (shape->watches)
            stop_and_go_on(run->machine, dice);
    }
    return run;
}

static bool report(bool ok, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool report(bool ok, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *name = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_print("%s %u - %s\n", ok ? "ok" : "not ok", ++test_number, name);
    failures += !ok;
    return ok;
}

static bool is_equal(const Run *run, const Recording *recording)
{
    Replay *player = machine_replay(run->machine);
    g_autofree char *hash = repeatable_hash(run->machine);
    const ReplayDivergence *divergence = replay_divergence(player);
    if (divergence)
        g_print("# %s\n", divergence->text);
    return replay_status(player) == REPLAY_STATUS_ENDED &&
           run->output->len == recording->output->len &&
           !memcmp(run->output->data, recording->output->data, run->output->len);
}

static void check_shapes(guint32 seed)
{
    static const struct {
        const char *name;
        Shape shape;
    } shapes[] = {
        { "quantum 65536", { .quantum = QUANTUM } },
        { "quantum 7", { .quantum = 7 } },
        { "single instructions for a stretch",
          { .quantum = QUANTUM, .single_from = 300000, .single_to = 500000 } },
        { "random quanta, stops, questions, dropped caches", { .stops = true } },
        { "watched instructions and data", { .quantum = 977, .watches = true } },
        { "blocks of one instruction", { .quantum = QUANTUM, .block_limit = 1 } },
        { "blocks of two instructions", { .quantum = 977, .block_limit = 2 } },
        { "blocks of seven instructions", { .quantum = QUANTUM, .block_limit = 7 } },
    };
    const char *append = "rounds=35 work=60000 wait=1500";
    Recording recording = record(append, seed, seed % 2 ? QUANTUM : 977);
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        if (shapes[i].shape.block_limit && !replays_translated)
            continue;
        watch_stops = 0;
        Run *run = replay(append, recording.log, &shapes[i].shape);
        bool has_stopped = watch_stops > recording.icount / 100000;
        report(is_equal(run, &recording) && has_stopped == shapes[i].shape.watches,
               "seed %u replays equal with %s (%" G_GUINT64_FORMAT " instructions)", seed,
               shapes[i].name, recording.icount);
        run_free(run);
    }
    recording_clear(&recording);
}

/* Every event of a log, the hashes among them. */
static char *lines_of(int log)
{
    g_autoptr(LogReader) reader = log_reader_new(log, NULL);
    LogCursor *cursor = log_cursor_new(reader);
    GString *lines = g_string_new(NULL);
    LogEvent event;
    while (log_cursor_next(cursor, &event, NULL) == LOG_STEP_EVENT)
        log_event_to_json_line(&event, lines);
    log_cursor_free(cursor);
    return g_string_free(lines, FALSE);
}

static void check_keyframes(guint32 seed)
{
    const char *append = "rounds=35 work=60000 wait=1500";
    Recording without = record(append, seed, QUANTUM);
    Recording with = record_with(append, seed, QUANTUM, KEYFRAMES_EVERY);
    g_autofree char *a = lines_of(with.log), *b = lines_of(without.log);
    bool same = !strcmp(with.hash, without.hash) && strstr(a, "hash") && !strcmp(a, b);
    report(same && with.keyframes >= 2, "seed %u records the same with %u keyframes as without",
           seed, with.keyframes);
    recording_clear(&with);
    recording_clear(&without);
}

static void check_stripped_log(void)
{
    g_autoptr(GError) error = NULL;
    const char *append = "rounds=8 work=40000 wait=1500";
    Recording recording = record(append, 1, QUANTUM);
    int stripped = scratch_file();
    g_autoptr(LogReader) reader = log_reader_new(recording.log, &error);
    if (!reader || !log_strip(reader, stripped, &error))
        g_error("%s", error->message);
    Run *run = replay(append, stripped, &(Shape){ .quantum = QUANTUM });
    g_autofree char *hash = repeatable_hash(run->machine);
    ReplayCounters counters;
    replay_counters(machine_replay(run->machine), &counters);
    report(is_equal(run, &recording) && counters.hashes_unverified == counters.hashes,
           "a log without hashes and output replays to the same end");
    run_free(run);
    close(stripped);
    recording_clear(&recording);
}

/* --- injected errors -------------------------------------------------------------------------- */

typedef void (*Injection)(Machine *machine);

static void change_register(Machine *machine)
{
    machine_cpu(machine, 0)->s.spr[SPR_SPRG3] ^= 1;
}

static void change_device_field(Machine *machine)
{
    uint8_t *state = device_state(machine_device_by_id(machine, "xics"));
    state[0] ^= 1;
}

#define UNUSED_ADDRESS 0x3f00000u /* near the end of 64 MiB: the guest does not use it */

static void store_to_memory(Machine *machine)
{
    memory_write(machine_memory(machine), UNUSED_ADDRESS, "x", 1);
}

static void flip_memory_bit(Machine *machine)
{
    machine_memory(machine)->ram[UNUSED_ADDRESS] ^= 1;
}

static bool blames(const ReplayDivergence *divergence, const char *component)
{
    return divergence && g_strv_contains((const char *const *)divergence->components, component);
}

static void check_injection(const Recording *recording, const char *append, Injection inject,
                            const char *name, const char *component, uint64_t within)
{
    const uint64_t place = 3000000;
    Run *run = start_replay(append, recording->log, 0);
    while (machine_run_state(run->machine) == MACHINE_RUNNING &&
           cpu_icount(machine_cpu(run->machine, 0)) < place)
        machine_run(run->machine, QUANTUM, place);
    inject(run->machine);
    while (machine_run_state(run->machine) == MACHINE_RUNNING)
        machine_run(run->machine, QUANTUM, FOREVER);
    const ReplayDivergence *divergence = replay_divergence(machine_replay(run->machine));
    bool ok = machine_run_state(run->machine) == MACHINE_REPLAY_DIVERGED &&
              blames(divergence, component) && divergence->position.icount <= place + within;
    report(ok, "%s is reported as %s: %s", name, component,
           divergence ? divergence->text : "nothing");
    run_free(run);
}

static void check_injections(void)
{
    const char *append = "rounds=60 work=60000 wait=100";
    Recording recording = record(append, 3, QUANTUM);
    if (recording.icount < 2 * HASH_POINT_INTERVAL)
        g_error("the guest is too short for a hash point: %" G_GUINT64_FORMAT, recording.icount);
    uint64_t next = HASH_POINT_INTERVAL;
    check_injection(&recording, append, change_register, "a changed register", "cpu0", next);
    check_injection(&recording, append, change_device_field, "a changed device field", "xics",
                    next);
    check_injection(&recording, append, store_to_memory, "a store that was not in the recording",
                    "ram-dirty", next);
    /* Behind the machine's back: seen when the sweep comes by, or at the end of the recording. */
    check_injection(&recording, append, flip_memory_bit, "a flipped bit of memory", "ram",
                    FOREVER / 2);
    recording_clear(&recording);
}

/* --- whole snapshots -------------------------------------------------------------------------- */

static void run_to(Run *run, uint64_t icount)
{
    while (machine_run_state(run->machine) == MACHINE_RUNNING &&
           cpu_icount(machine_cpu(run->machine, 0)) < icount)
        machine_run(run->machine, QUANTUM, icount);
}

static GBytes *save(Machine *machine)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    machine_save(machine, writer);
    return state_writer_close_bytes(writer, NULL);
}

static void check_snapshot(uint64_t place)
{
    const char *append = "rounds=12 work=40000 wait=300";
    g_autoptr(GError) error = NULL;
    Run *straight = run_new(append), *resumed = run_new(append);
    if (records_translated)
        use_translator(straight, 0);
    if (replays_translated)
        use_translator(resumed, 0);
    machine_start(straight->machine, NULL);
    run_to(straight, place);
    g_autoptr(GBytes) bytes = save(straight->machine);
    g_autofree char *saved_hash = repeatable_hash(straight->machine);
    guint before = straight->output->len;
    run_to(straight, FOREVER);
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    if (!machine_load(resumed->machine, reader, &error))
        g_error("%s", error->message);
    g_autofree char *loaded_hash = repeatable_hash(resumed->machine);
    machine_start(resumed->machine, NULL);
    run_to(resumed, FOREVER);
    g_autofree char *a = repeatable_hash(straight->machine);
    g_autofree char *b = repeatable_hash(resumed->machine);
    bool same_output =
        straight->output->len - before == resumed->output->len &&
        !memcmp(straight->output->data + before, resumed->output->data, resumed->output->len);
    report(!strcmp(saved_hash, loaded_hash) && !strcmp(a, b) && same_output,
           "a machine saved at %" G_GUINT64_FORMAT " has the same future in another one", place);
    run_free(straight);
    run_free(resumed);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        g_error("usage: shapes TINY [SEEDS [FIRST [ENGINES [CPU]]]]");
    kernel = argv[1];
    cpu_model = argc > 5 ? argv[5] : cpu_model;
    unsigned seeds = argc > 2 ? (unsigned)atoi(argv[2]) : 6;
    unsigned first = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    const char *engines = argc > 4 ? argv[4] : "ii";
    records_translated = engines[0] == 't';
    replays_translated = engines[0] && engines[1] == 't';
    g_autofree char *path = g_dir_make_tmp("powerplay-shapes-XXXXXX", NULL);
    scratch_directory = open(path, O_RDONLY | O_DIRECTORY);
    for (unsigned seed = first; seed < first + seeds; seed++)
        check_shapes(seed);
    for (unsigned seed = first; seed < first + seeds; seed++)
        check_keyframes(seed);
    check_stripped_log();
    if (!is_bare())
        check_injections();
    g_autoptr(GRand) dice = g_rand_new_with_seed(first);
    for (unsigned i = 0; i < 20; i++)
        check_snapshot((uint64_t)g_rand_int_range(dice, 1, is_bare() ? 280000 : 8000000));
    g_print("1..%u\n", test_number);
    close(scratch_directory);
    rmdir(path);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
