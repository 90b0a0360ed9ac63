/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings of a machine whose disk changes, on a small guest, inside one process: replays in many
 * shapes, starts in the middle of disk work, saves with requests under way, host errors.
 *
 * disk-shapes TINY [SEEDS [FIRST]]: as shapes. All machines use the same layer of changes, one
 * after another, as the lives of one machine do. Output is TAP.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine/cpu/cpu.h"
#include "machine/devices/virtio-devices.h"
#include "machine/disks.h"
#include "machine/inbox.h"
#include "machine/machine.h"
#include "machine/time-travel.h"
#include "tests/machine/repeatable.h"

#define FOREVER UINT64_MAX
#define QUANTUM 65536

#define KEYFRAMES_EVERY  100000u /* of its recordings */
#define KEYFRAMES_BUDGET (4u << 20)
#define IMAGE_BYTES      (192 * 1024) /* the guest uses two clusters of 64 KiB */
#define WORDS            "rounds=150 work=3000 wait=200"

typedef Repeatable Run;

typedef struct {
    int log;
    GBytes *disks; /* which versions it begins with */
    GBytes *state; /* NULL: begins at power-on */
    GByteArray *output;
    uint64_t icount;
    unsigned keyframes;
} Recording;

static const char *kernel;
static char *image;
static const char *completion = "virtual";
static int scratch_directory;
static unsigned test_number, failures;

/* --- machines --------------------------------------------------------------------------------- */

static Run *run_new(void)
{
    g_autofree char *json = g_strdup_printf(
        "{\"name\":\"tiny\",\"board\":\"pseries\",\"cpu\":\"power9\",\"memory\":\"64M\","
        "\"kernel\":\"%s\",\"append\":\"" WORDS "\",\"rng\":true,"
        "\"clock\":{\"shift\":0,\"sleep\":true,\"rtc\":\"host\"},"
        "\"disks\":[{\"id\":\"hd0\",\"file\":\"%s\",\"format\":\"raw\",\"interface\":\"virtio\","
        "\"completion\":\"%s\"}],"
        "\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]}",
        kernel, image, completion);
    Run *run = g_new0(Run, 1);
    repeatable_begin(run, json, scratch_directory);
    return run;
}

static void run_free(Run *run)
{
    repeatable_clear(run);
    g_free(run);
}

static void run_to(Run *run, uint64_t icount)
{
    while (machine_run_state(run->machine) == MACHINE_RUNNING &&
           cpu_icount(machine_cpu(run->machine, 0)) < icount)
        machine_run(run->machine, QUANTUM, icount);
}

static bool has_requests_under_way(Machine *machine)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Device *device = machine_device_by_id(machine, "hd0");
    state_dump(device->class->state, device_state(device), text);
    return !strstr(text->str, "\"count\": 0,");
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

/* --- recording -------------------------------------------------------------------------------- */

static int scratch_file(void)
{
    int fd = openat(scratch_directory, ".", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        g_error("cannot make a scratch file: %s", g_strerror(errno));
    return fd;
}

static GBytes *freeze(Machine *machine)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    if (!machine_freeze_disks(machine, writer, &error))
        g_error("%s", error->message);
    return state_writer_close_bytes(writer, NULL);
}

static GBytes *save(Machine *machine)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    machine_save(machine, writer);
    return state_writer_close_bytes(writer, NULL);
}

static void begin(Run *run, Recording *recording)
{
    g_autoptr(GError) error = NULL;
    Position start = machine_position(run->machine);
    bool is_power_on = machine_run_state(run->machine) == MACHINE_PRELAUNCH;
    *recording = (Recording){ .log = scratch_file(), .disks = freeze(run->machine) };
    recording->state = is_power_on ? NULL : save(run->machine);
    LogWriter *log = log_writer_new(recording->log, &start, &error);
    if (!log || !machine_record(run->machine, log, SYNC_MINIMAL, &error))
        g_error("%s", error->message);
    machine_record_keyframes(run->machine, KEYFRAMES_BUDGET, KEYFRAMES_EVERY, false);
    g_byte_array_set_size(run->output, 0);
    machine_start(run->machine, NULL);
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

typedef void (*Trouble)(Machine *machine, uint64_t icount);

static void go_on(Run *run, Recording *recording, guint32 seed, Trouble trouble)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    Machine *machine = run->machine;
    Position last = { 0 };
    while (machine_run_state(machine) == MACHINE_RUNNING) {
        Position position = machine_position(machine);
        bool has_moved = position_compare(&position, &last) != 0; /* or waits for its disk */
        last = position;
        if (has_moved && g_rand_int_range(dice, 0, 16) == 0)
            type_something(machine, dice);
        if (trouble)
            trouble(machine, cpu_icount(machine_cpu(machine, 0)));
        time_travel_before_run(machine);
        machine_run(machine, (uint64_t)g_rand_int_range(dice, 1, QUANTUM), FOREVER);
    }
    recording->keyframes = keyframe_set_count(machine_keyframes(machine));
    if (machine_run_state(machine) != MACHINE_SHUTDOWN)
        g_error("the guest ended as %s: %s", machine_run_state_name(machine_run_state(machine)),
                machine_error_text(machine));
    recording->output = g_byte_array_ref(run->output);
    recording->icount = cpu_icount(machine_cpu(machine, 0));
}

/* From power-on, or from the first moment after PLACE with a request under way. */
static Recording record(guint32 seed, uint64_t place, Trouble trouble)
{
    Recording recording;
    Run *run = run_new();
    if (place) {
        machine_start(run->machine, NULL);
        run_to(run, place);
        while (machine_run_state(run->machine) == MACHINE_RUNNING &&
               !has_requests_under_way(run->machine))
            machine_run(run->machine, 1000, FOREVER);
        machine_pause(run->machine);
    }
    begin(run, &recording);
    go_on(run, &recording, seed, trouble);
    run_free(run);
    return recording;
}

static void recording_clear(Recording *recording)
{
    close(recording->log);
    g_bytes_unref(recording->disks);
    g_clear_pointer(&recording->state, g_bytes_unref);
    g_byte_array_unref(recording->output);
}

/* --- replaying -------------------------------------------------------------------------------- */

static StateReader *reader_of(GBytes *bytes)
{
    return state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void load(Machine *machine, GBytes *bytes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StateReader) reader = reader_of(bytes);
    if (!machine_load(machine, reader, &error))
        g_error("%s", error->message);
}

static Run *start_replay(const Recording *recording)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StateReader) reader = reader_of(recording->disks);
    Run *run = run_new();
    if (!machine_enter_disks(run->machine, reader, &error))
        g_error("%s", error->message);
    if (recording->state)
        load(run->machine, recording->state);
    LogReader *log = log_reader_new(recording->log, &error);
    if (!log || !machine_play(run->machine, log, SYNC_MINIMAL, &error))
        g_error("%s", error->message);
    machine_start(run->machine, NULL);
    return run;
}

typedef struct {
    const char *name;
    uint64_t quantum; /* 0: random */
    bool stops;       /* and saves, which leave no trace */
} Shape;

static const Shape shapes[] = { { "quantum 65536", QUANTUM, false },
                                { "quantum 13", 13, false },
                                { "random quanta, stops, saves", 0, true } };

static bool replays_equal(const Recording *recording, const Shape *shape)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);
    Run *run = start_replay(recording);
    Machine *machine = run->machine;
    while (machine_run_state(machine) == MACHINE_RUNNING) {
        uint64_t quantum = shape->quantum;
        machine_run(machine, quantum ? quantum : (uint64_t)g_rand_int_range(dice, 1, QUANTUM),
                    FOREVER);
        if (shape->stops && machine_run_state(machine) == MACHINE_RUNNING) {
            machine_pause(machine);
            if (g_rand_int_range(dice, 0, 40) == 0)
                g_bytes_unref(save(machine));
            machine_start(machine, NULL);
        }
    }
    const ReplayDivergence *divergence = replay_divergence(machine_replay(machine));
    if (divergence || machine_error_text(machine))
        g_print("# %s\n", divergence ? divergence->text : machine_error_text(machine));
    bool ok = replay_status(machine_replay(machine)) == REPLAY_STATUS_ENDED &&
              run->output->len == recording->output->len &&
              !memcmp(run->output->data, recording->output->data, run->output->len);
    run_free(run);
    return ok;
}

static void check_recordings(guint32 seed)
{
    Recording power_on = record(seed, 0, NULL);
    Recording middle = record(seed + 1000, 1000000 + 300000 * (seed % 7), NULL);
    Recording later = record(seed + 2000, 0, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        report(replays_equal(&later, &shapes[i]), "seed %u, completion %s, last recording, %s",
               seed, completion, shapes[i].name);
        report(replays_equal(&middle, &shapes[i]), "seed %u, from the middle of disk work, %s",
               seed, shapes[i].name);
        report(power_on.keyframes > 3 && replays_equal(&power_on, &shapes[i]),
               "seed %u, from power-on, %s (%" G_GUINT64_FORMAT " instructions)", seed,
               shapes[i].name, power_on.icount);
    }
    recording_clear(&power_on);
    recording_clear(&middle);
    recording_clear(&later);
}

/* --- saves with requests under way ------------------------------------------------------------ */

static bool has_same_future(uint64_t place, bool *was_under_way)
{
    Run *straight = run_new();
    machine_start(straight->machine, NULL);
    run_to(straight, place);
    for (int i = 0; i < 4000 && !has_requests_under_way(straight->machine); i++)
        machine_run(straight->machine, 100, FOREVER);
    *was_under_way = has_requests_under_way(straight->machine);
    g_autoptr(GBytes) disks = freeze(straight->machine);
    g_autoptr(GBytes) state = save(straight->machine);
    guint before = straight->output->len;
    run_to(straight, FOREVER);
    g_autofree char *a = repeatable_hash(straight->machine);
    g_autoptr(GByteArray) output = g_byte_array_ref(straight->output);
    run_free(straight);

    Run *resumed = run_new();
    g_autoptr(StateReader) reader = reader_of(disks);
    if (!machine_enter_disks(resumed->machine, reader, NULL))
        g_error("the version is not there");
    load(resumed->machine, state);
    machine_start(resumed->machine, NULL);
    run_to(resumed, FOREVER);
    g_autofree char *b = repeatable_hash(resumed->machine);
    bool ok = !strcmp(a, b) && output->len - before == resumed->output->len &&
              !memcmp(output->data + before, resumed->output->data, resumed->output->len);
    run_free(resumed);
    return ok;
}

static void check_saves(guint32 seed)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    unsigned under_way = 0;
    Run *idle = run_new();
    report(!has_requests_under_way(idle->machine), "at power-on no request is under way");
    run_free(idle);
    for (unsigned i = 0; i < 8; i++) {
        bool was_under_way;
        uint64_t place = (uint64_t)g_rand_int_range(dice, 600000, 4000000);
        bool ok = has_same_future(place, &was_under_way);
        under_way += was_under_way;
        report(ok, "saved near %" G_GUINT64_FORMAT "%s: the same future", place,
               was_under_way ? ", a request under way" : "");
    }
    report(under_way >= 4, "%u of 8 saves had a request under way", under_way);
}

/* --- host errors ------------------------------------------------------------------------------ */

/* The descriptor of the layer's clusters, of the one machine that there is. */
static int clusters_descriptor(void)
{
    char path[64], target[4096];
    for (int fd = 3; fd < 256; fd++) {
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0 && (target[length] = 0, g_str_has_suffix(target, "/disk-hd0.clusters")))
            return fd;
    }
    g_error("the layer is not open");
}

/* Writes fail between two moments: the layer's file cannot be written then. */
static void break_writes(Machine *machine, uint64_t icount)
{
    static int kept = -1, fd = -1;
    bool is_bad = icount > 1500000 && icount < 2500000;
    if (is_bad && kept < 0) {
        fd = clusters_descriptor();
        kept = dup(fd);
        int readable = openat(scratch_directory, "disk-hd0.clusters", O_RDONLY | O_CLOEXEC);
        dup2(readable, fd);
        close(readable);
    } else if (!is_bad && kept >= 0) {
        dup2(kept, fd);
        close(kept);
        kept = -1;
    }
}

/* The image is cut under the running machine: reads of its end fail from then on. */
static void break_reads(Machine *machine, uint64_t icount)
{
    if (icount > 1500000 && truncate(image, 512) < 0)
        g_error("cannot cut the image: %s", g_strerror(errno));
}

static void make_image(void)
{
    g_autofree char *bytes = g_malloc(IMAGE_BYTES);
    for (unsigned i = 0; i < IMAGE_BYTES; i++)
        bytes[i] = (char)(i / 512 * 7 + i);
    if (!g_file_set_contents_full(image, bytes, IMAGE_BYTES, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
        g_error("cannot write %s", image);
}

static uint64_t count_errors(const Recording *recording)
{
    g_autoptr(LogReader) reader = log_reader_new(recording->log, NULL);
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    LogEvent event;
    uint64_t count = 0;
    while (log_cursor_next(cursor, &event, NULL) == LOG_STEP_EVENT)
        count += event.event.kind == EVENT_BLOCK_ERROR;
    return count;
}

static void forget_changes(void)
{
    unlinkat(scratch_directory, "disk-hd0.clusters", 0);
    unlinkat(scratch_directory, "disk-hd0.map", 0);
}

static void check_trouble(Trouble trouble, const char *name)
{
    forget_changes();
    Recording recording = record(3, 0, trouble);
    make_image();
    uint64_t errors = count_errors(&recording);
    report(errors > 0, "%s: %" G_GUINT64_FORMAT " errors are in the log", name, errors);
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++)
        report(replays_equal(&recording, &shapes[i]), "%s: replays equal on a good host, %s", name,
               shapes[i].name);
    recording_clear(&recording);
}

static void check_error_of_the_replay(void)
{
    forget_changes();
    Recording recording = record(4, 0, NULL);
    Run *run = start_replay(&recording);
    if (truncate(image, 512) < 0)
        g_error("cannot cut the image");
    run_to(run, FOREVER);
    const char *text = machine_error_text(run->machine);
    report(machine_run_state(run->machine) == MACHINE_INTERNAL_ERROR && strstr(text, "hd0"),
           "an image that fails in the replay alone stops it: %s", text);
    run_free(run);
    recording_clear(&recording);
    make_image();
}

int main(int argc, char **argv)
{
    if (argc < 2)
        g_error("usage: disk-shapes TINY [SEEDS [FIRST]]");
    kernel = argv[1];
    unsigned seeds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
    unsigned first = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    g_autofree char *path = g_dir_make_tmp("powerplay-disk-shapes-XXXXXX", NULL);
    scratch_directory = open(path, O_RDONLY | O_DIRECTORY);
    image = g_build_filename(path, "image", NULL);
    make_image();
    for (unsigned seed = first; seed < first + seeds; seed++)
        check_recordings(seed);
    check_saves(first);
    check_trouble(break_writes, "failing writes");
    check_trouble(break_reads, "failing reads");
    check_error_of_the_replay();
    completion = "host";
    for (unsigned seed = first; seed < first + seeds; seed++)
        check_recordings(seed);
    check_trouble(break_writes, "failing writes, completion by the host");
    check_trouble(break_reads, "failing reads, completion by the host");
    g_print("1..%u\n", test_number);
    forget_changes();
    unlink(image);
    g_free(image);
    close(scratch_directory);
    rmdir(path);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
