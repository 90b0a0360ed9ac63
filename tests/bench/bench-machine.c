/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one machine in this process, without the daemon, for measurements: plain, recording into a
 * log or playing one. Each mark on the guest's console (GUEST-READY, BENCH-START, BENCH-END,
 * RESULT, GUEST-DONE) becomes a line on standard output:
 *
 *     MARK icount=N cpu_ns=N wall_ns=N TEXT
 *
 * and the end of the run one with what it cost and where it ended:
 *
 *     END state=NAME replay=NAME icount=N cpu_ns=N wall_ns=N hash=HEX log_bytes=N hashes=N
 *         point_bytes=N keyframes=N
 *
 * 1. CPU time is that of all threads of the process, user and system, since its start; so the log's
 *    writer is in it, and so is making the machine.
 * 2. A recording keeps keyframes, as the worker's do, but does not put them into a file.
 * 3. With --window the instructions that the host executes for a window of guest instructions are
 *    counted: a line "STEPS first=N guest=N host=N" each. The processor's trap flag makes every
 *    instruction a signal, which is exact, the same on a quiet and on a busy host, and works in
 *    virtual machines without counters. Entering and leaving the machine for a window is counted,
 *    too, so windows are made longer until this is small against it. Only x86-64 hosts can.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "machine/cpu/cpu.h"
#include "machine/machine.h"
#include "machine/time-travel.h"
#include "machine/translator/translator.h"

static const char *const marks[] = { "GUEST-READY", "BENCH-START", "BENCH-END", "RESULT ",
                                     "GUEST-DONE",  "TINY-READY",  "TINY-DONE" };

typedef struct {
    char *kernel, *initrd, *append, *memory, *cpu;
    char *mode, *log, *engine, *directory, *disk;
    char **windows;
    gint64 quantum, limit;
    gint block_limit, threshold;
    gboolean console, no_keyframes;
} Options;

typedef struct {
    Machine *machine;
    GString *line; /* of the console, not ended yet */
    bool console;
} Run;

static int64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* --- the host's side of the machine ----------------------------------------------------------- */

static gint64 host_clock(gpointer opaque)
{
    return clock_ns(CLOCK_REALTIME);
}

static gint64 host_monotonic(gpointer opaque)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static gint32 host_random(gpointer opaque, guint8 *data, guint32 length)
{
    return getrandom(data, length, 0) == (ssize_t)length ? 0 : -EIO;
}

static void end_line(Run *run)
{
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
        if (g_str_has_prefix(run->line->str, marks[i])) {
            printf("MARK icount=%" PRIu64 " cpu_ns=%" PRId64 " wall_ns=%" PRId64 " %s\n",
                   cpu_icount(machine_cpu(run->machine, 0)), clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                   clock_ns(CLOCK_MONOTONIC), run->line->str);
            fflush(stdout);
        }
    g_string_truncate(run->line, 0);
}

static void console(void *opaque, const Device *device, const void *data, size_t length)
{
    Run *run = opaque;
    const char *text = data;
    if (run->console)
        fwrite(text, 1, length, stderr);
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\n')
            end_line(run);
        else if (text[i] != '\r' && text[i] != '\0' && run->line->len < 1024)
            g_string_append_c(run->line, text[i]);
}

/* --- building it ------------------------------------------------------------------------------ */

static void member(JsonBuilder *builder, const char *name, const char *value)
{
    if (!value)
        return;
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void add_disk(JsonBuilder *builder, const char *path)
{
    json_builder_set_member_name(builder, "disks");
    json_builder_begin_array(builder);
    json_builder_begin_object(builder);
    member(builder, "id", "hd0");
    member(builder, "file", path);
    member(builder, "format", "raw");
    json_builder_end_object(builder);
    json_builder_end_array(builder);
}

static MachineConfig *read_options(const Options *options, GError **error)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    member(builder, "name", "bench");
    member(builder, "board", "pseries");
    member(builder, "cpu", options->cpu);
    member(builder, "memory", options->memory);
    member(builder, "kernel", options->kernel);
    member(builder, "initrd", options->initrd);
    member(builder, "append", options->append);
    json_builder_set_member_name(builder, "clock");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "sleep");
    json_builder_add_boolean_value(builder, FALSE);
    json_builder_end_object(builder);
    if (options->disk)
        add_disk(builder, options->disk);
    json_builder_set_member_name(builder, "serial");
    json_builder_begin_array(builder);
    json_builder_begin_object(builder);
    member(builder, "id", "hvc0");
    member(builder, "backend", "null");
    json_builder_end_object(builder);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autoptr(MachineConfig) config = machine_config_from_node(root, error);
    if (!config || !machine_config_open_files(config, AT_FDCWD, error))
        return NULL;
    return g_steal_pointer(&config);
}

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE, text);
    return false;
}

static bool choose_engine(Machine *machine, const Options *options, GError **error)
{
    TranslatorOptions shape = { .block_limit = (unsigned)options->block_limit,
                                .threshold = (unsigned)options->threshold };
    if (!options->engine)
        return true;
    if (!strcmp(options->engine, "interpreter"))
        return machine_set_engine(machine, MACHINE_ENGINE_INTERPRETER, NULL, error);
    if (!strcmp(options->engine, "translator"))
        return machine_set_engine(machine, MACHINE_ENGINE_TRANSLATOR, &shape, error);
    return fail(error, "there is no engine '%s'; engines: interpreter, translator",
                options->engine);
}

static bool choose_mode(Machine *machine, const Options *options, GError **error)
{
    if (!strcmp(options->mode, "icount"))
        return true;
    bool record = !strcmp(options->mode, "record");
    if (!record && strcmp(options->mode, "replay"))
        return fail(error, "there is no mode '%s'; modes: icount, record, replay", options->mode);
    if (!options->log)
        return fail(error, "mode %s needs --log FILE", options->mode);
    int fd = open(options->log,
                  record ? O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, "cannot open the log %s: %s", options->log, g_strerror(errno));
    Position start = machine_position(machine);
    LogWriter *writer = record ? log_writer_new(fd, &start, error) : NULL;
    LogReader *reader = record ? NULL : log_reader_new(fd, error);
    close(fd);
    if (record && (!writer || !machine_record(machine, writer, SYNC_MINIMAL, error)))
        return false;
    if (record && !options->no_keyframes)
        machine_record_keyframes(machine, KEYFRAME_BUDGET, KEYFRAME_FILE_INTERVAL, true);
    if (record)
        return true;
    return reader && machine_play(machine, reader, SYNC_MINIMAL, error);
}

/* --- running it ------------------------------------------------------------------------------- */

static void run_to(Machine *machine, uint64_t quantum, uint64_t limit)
{
    while (machine_run_state(machine) == MACHINE_RUNNING &&
           cpu_icount(machine_cpu(machine, 0)) < limit) {
        time_travel_before_run(machine);
        machine_run(machine, quantum, limit);
    }
}

#ifdef __x86_64__
#define TRAP_FLAG 0x100
static volatile uint64_t steps;
static char step_stack[1 << 16] __attribute__((aligned(64)));

static void count_step(int signal)
{
    steps++;
}

static bool prepare_steps(GError **error)
{
    stack_t stack = { .ss_sp = step_stack, .ss_size = sizeof step_stack };
    struct sigaction action = { .sa_handler = count_step, .sa_flags = SA_ONSTACK };
    if (sigaltstack(&stack, NULL) || sigaction(SIGTRAP, &action, NULL))
        return fail(error, "cannot handle SIGTRAP: %s", g_strerror(errno));
    return true;
}

/* The stack pointer moves below the red zone first. */
static void switch_steps(uint64_t clear, uint64_t set)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\torq %1, "
                     "(%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     : "r"(~clear), "r"(set)
                     : "memory", "cc");
}

static uint64_t count_steps(Machine *machine, uint64_t quantum, uint64_t limit)
{
    steps = 0;
    switch_steps(0, TRAP_FLAG);
    run_to(machine, quantum, limit);
    switch_steps(TRAP_FLAG, 0);
    return steps;
}
#else
static bool prepare_steps(GError **error)
{
    return fail(error, "only x86-64 hosts can count their instructions");
}

static uint64_t count_steps(Machine *machine, uint64_t quantum, uint64_t limit)
{
    g_assert_not_reached();
}
#endif

/*
 * A window is written FIRST:LEAST: it begins at guest instruction FIRST or soon after it, and is
 * the first of lengths 1000, 2000, 4000… (one behind the other) in which the host executes at least
 * LEAST.
 */
static bool run_window(Machine *machine, const Options *options, const char *word, GError **error)
{
    Cpu *cpu = machine_cpu(machine, 0);
    char *end = NULL;
    uint64_t first = g_ascii_strtoull(word, &end, 10), host = 0;
    uint64_t least = *end == ':' ? g_ascii_strtoull(end + 1, &end, 10) : 0;
    if (!least || *end)
        return fail(error, "window '%s' is not FIRST:LEAST", word);
    if (cpu_icount(cpu) > first)
        return fail(error, "window '%s' begins before the end of the one before it", word);
    run_to(machine, options->quantum, first);
    for (uint64_t length = 1000; host < least; length *= 2) {
        first = cpu_icount(cpu);
        host = count_steps(machine, options->quantum, first + length);
        if (cpu_icount(cpu) != first + length)
            return fail(error, "window '%s' is not over when the guest is", word);
    }
    printf("STEPS first=%" PRIu64 " guest=%" PRIu64 " host=%" PRIu64 "\n", first,
           cpu_icount(cpu) - first, host);
    fflush(stdout);
    return true;
}

static bool run_windows(Machine *machine, const Options *options, GError **error)
{
    if (!options->windows)
        return true;
    if (!prepare_steps(error))
        return false;
    for (char **word = options->windows; *word; word++)
        if (!run_window(machine, options, *word, error))
            return false;
    return true;
}

static void report_end(Machine *machine)
{
    g_autoptr(HashList) list = hash_list_new();
    Digest digest;
    char hex[2 * DIGEST_SIZE + 1];
    ReplayCounters counters;
    int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_ns(CLOCK_MONOTONIC);
    machine_hash(machine, true, list);
    hash_list_digest(list, &digest);
    digest_to_hex(&digest, hex);
    replay_counters(machine_replay(machine), &counters);
    const KeyframeSet *frames = machine_keyframes(machine);
    printf("END state=%s replay=%s icount=%" PRIu64 " cpu_ns=%" PRId64 " wall_ns=%" PRId64
           " hash=%s log_bytes=%" PRIu64 " hashes=%" PRIu64 " point_bytes=%" PRIu64
           " keyframes=%u\n",
           machine_run_state_name(machine_run_state(machine)),
           replay_status_name(replay_status(machine_replay(machine))),
           cpu_icount(machine_cpu(machine, 0)), cpu, wall, hex, counters.bytes, counters.hashes,
           machine_point_bytes(machine), frames ? keyframe_set_count(frames) : 0);
}

/* False with ERROR unless the guest powered off by itself, or the replay held to its end. */
static bool check_end(Machine *machine, const Options *options, GError **error)
{
    const ReplayDivergence *divergence = replay_divergence(machine_replay(machine));
    MachineRunState state = machine_run_state(machine);
    if (divergence)
        return fail(error, "the replay diverged: %s", divergence->text);
    if (state == MACHINE_INTERNAL_ERROR)
        return fail(error, "the machine stopped: %s", machine_error_text(machine));
    if (cpu_icount(machine_cpu(machine, 0)) >= (uint64_t)options->limit || options->windows)
        return true;
    if (!strcmp(options->mode, "replay") &&
        replay_status(machine_replay(machine)) != REPLAY_STATUS_ENDED)
        return fail(error, "the replay is %s",
                    replay_status_name(replay_status(machine_replay(machine))));
    return true;
}

static bool measure(const Options *options, Run *run, GError **error)
{
    MachineHost host = { .sources = { host_clock, host_monotonic, host_random, NULL },
                         .monotonic_ns = host_monotonic,
                         .output = console,
                         .opaque = run };
    MachineConfig *config = read_options(options, error);
    if (!config)
        return false;
    int directory = open(options->directory ? options->directory : g_get_tmp_dir(),
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(Machine) machine = machine_new(config, directory, &host, error);
    if (!machine)
        return false;
    run->machine = machine;
    if (!choose_engine(machine, options, error) || !choose_mode(machine, options, error) ||
        !machine_start(machine, error) || !run_windows(machine, options, error))
        return false;
    if (!options->windows)
        run_to(machine, options->quantum, options->limit);
    bool recording = replay_mode(machine_replay(machine)) == REPLAY_RECORD;
    if (recording && !machine_record_stop(machine, error))
        return false;
    report_end(machine);
    bool held = check_end(machine, options, error);
    close(directory);
    return held;
}

static bool parse_command_line(Options *options, int *count, char ***words, GError **error)
{
    const GOptionEntry entries[] = {
        { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &options->kernel, "Kernel image", "FILE" },
        { "initrd", 0, 0, G_OPTION_ARG_FILENAME, &options->initrd, "Initial RAM disk", "FILE" },
        { "append", 0, 0, G_OPTION_ARG_STRING, &options->append, "Kernel command line", "WORDS" },
        { "memory", 0, 0, G_OPTION_ARG_STRING, &options->memory, "RAM (512M)", "SIZE" },
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &options->cpu, "Processor (power9)", "MODEL" },
        { "mode", 0, 0, G_OPTION_ARG_STRING, &options->mode, "icount (default), record, replay",
          "MODE" },
        { "log", 0, 0, G_OPTION_ARG_FILENAME, &options->log, "The log to write or to play",
          "FILE" },
        { "engine", 0, 0, G_OPTION_ARG_STRING, &options->engine, "What executes the guest",
          "NAME" },
        { "block-limit", 0, 0, G_OPTION_ARG_INT, &options->block_limit,
          "Instructions in a translated block", "N" },
        { "threshold", 0, 0, G_OPTION_ARG_INT, &options->threshold,
          "Executions before a block is translated", "N" },
        { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options->directory,
          "For overlays (the temporary folder)", "PATH" },
        { "disk", 0, 0, G_OPTION_ARG_FILENAME, &options->disk, "Raw image of a virtio disk",
          "FILE" },
        { "window", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->windows,
          "Count the host's instructions here; repeated", "FIRST:LEAST" },
        { "quantum", 0, 0, G_OPTION_ARG_INT64, &options->quantum,
          "Instructions per quantum (65536)", "N" },
        { "limit", 0, 0, G_OPTION_ARG_INT64, &options->limit, "Stop at this instruction", "N" },
        { "no-keyframes", 0, 0, G_OPTION_ARG_NONE, &options->no_keyframes, "A recording keeps none",
          NULL },
        { "console", 0, 0, G_OPTION_ARG_NONE, &options->console,
          "Copy the console to standard error", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- run a guest and measure it");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, count, words, error))
        return false;
    if (*count > 1)
        return fail(error, "'%s' is no option", (*words)[1]);
    if (!options->kernel)
        return fail(error, "--kernel FILE is missing");
    if (options->quantum <= 0 || options->limit <= 0)
        return fail(error, "--quantum and --limit are numbers above 0");
    if (options->block_limit < 0 || options->threshold < 0)
        return fail(error, "--block-limit and --threshold are not negative");
    return true;
}

static void free_options(Options *options)
{
    char **strings[] = { &options->kernel,    &options->initrd, &options->append, &options->memory,
                         &options->cpu,       &options->mode,   &options->log,    &options->engine,
                         &options->directory, &options->disk };
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(*strings[i]);
    g_strfreev(options->windows);
}

int main(int count, char **words)
{
    g_autoptr(GError) error = NULL;
    Options options = { .memory = g_strdup("512M"),
                        .cpu = g_strdup("power9"),
                        .mode = g_strdup("icount"),
                        .quantum = 65536,
                        .limit = INT64_MAX };
    Run run = { .line = g_string_new(NULL) };
    bool held = parse_command_line(&options, &count, &words, &error);
    run.console = options.console;
    held = held && measure(&options, &run, &error);
    if (!held)
        fprintf(stderr, "bench-machine: %s\n", error->message);
    g_string_free(run.line, TRUE);
    free_options(&options);
    return held ? 0 : 1;
}
