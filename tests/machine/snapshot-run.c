/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots against the run without them; driven by run_snapshots.py.
 *
 *     snapshot-run DEFINITION DIRECTORY save SEED COUNT FROM TO LENGTH
 *     snapshot-run DEFINITION DIRECTORY straight < lines "check ICOUNT"
 *     snapshot-run DEFINITION DIRECTORY load NAME LENGTH
 *     snapshot-run DEFINITION DIRECTORY times PAGES DIRTY
 *     snapshot-run DEFINITION DIRECTORY keyframes PAGES DIRTY
 *
 * "save" runs the machine and saves COUNT snapshots at random places between FROM and TO, half of
 * them with a disk request under way if there is a disk; the machine is looked at LENGTH
 * instructions later (after every tenth also LENGTH / 10). "straight" is the same run without any
 * snapshot. "load" is a process that knows nothing but the folder. All print lines "check ICOUNT
 * HASH" with the digest of all components, memory and outputs included, and "save" also "saved NAME
 * ICOUNT PENDING".
 *
 * Nothing comes from the host: clock and random bytes are functions of the machine's position,
 * idling takes no real time, and keys are typed at fixed counts of instructions.
 *
 * "times" fills PAGES pages of memory, saves, dirties DIRTY pages, and prints in microseconds, of
 * the clock and of the processor, how long the machine stood still, how long the rest took, and so
 * on. "keyframes" does the same while it records and while it replays that: the longest time for
 * which the machine stood still around each of many keyframes.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "machine/cpu/cpu.h"
#include "machine/inbox.h"
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "machine/time-travel.h"
#include "machine/translator/translator.h"
#include "replay/page-pack.h"
#include "replay/snapshot.h"
#include "tests/machine/repeatable.h"

#define QUANTUM      65536
#define TYPE_EVERY   5000000u
#define PENDING_STEP 100
#define PENDING_MOST 20000

#define TIMES 9 /* each is measured so often, or more */

/* Between two times that pages are dirtied there is a keyframe. A recording pays for memory from
 * the host in looks, and so many pages take ten of the sixteen. */
#define DIRTY_EVERY  (1u << 27)
#define FRAMES_EVERY (1u << 26)
#define FRAMES       15 /* more than the budget holds */

static Machine *machine;
static int directory, folder;
static GHashTable *known;

/* --- a machine that needs no host ------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9u;
}

static gint64 source_clock(gpointer user)
{
    return 1700000000000000000 + (gint64)machine_now_ns(machine);
}

static gint32 source_random(gpointer user, guint8 *buffer, guint32 length)
{
    for (guint32 i = 0; i < length; i++)
        buffer[i] = (guint8)mix(cpu_icount(machine_cpu(machine, 0)) + i);
    return 0;
}

static void stop_on(GError *error)
{
    if (error)
        g_error("%s", error->message);
}

static void build(const char *path)
{
    GError *error = NULL;
    g_autofree char *json = NULL;
    g_file_get_contents(path, &json, NULL, &error);
    stop_on(error);
    MachineHost host = { .sources = { .clock_host = source_clock, .random = source_random } };
    machine = repeatable_build(json, directory, &host);
    if (g_strcmp0(g_getenv("POWERPLAY_ENGINE"), "interpreter") != 0)
        machine_set_engine(machine, MACHINE_ENGINE_TRANSLATOR, NULL, &error);
    stop_on(error);
}

static uint64_t icount(void)
{
    return cpu_icount(machine_cpu(machine, 0));
}

static unsigned console(void)
{
    return machine_device_by_id(machine, "hvc0")->number;
}

/* Nothing into a full queue: what a guest does not take is not in the machine. */
static void type_keys(uint64_t at)
{
    Device *device = machine_device_by_id(machine, "hvc0");
    if (device->class->input_room(device) < 16)
        return;
    char keys[4];
    uint64_t dice = mix(at);
    unsigned length = 1 + (unsigned)(dice >> 60) % 4;
    for (unsigned i = 0; i < length; i++)
        keys[i] = (char)('a' + (dice >> 8 * i) % 26);
    inbox_post_chars(machine_inbox(machine), console(), keys, length, NULL);
}

static bool runs(void)
{
    return machine_run_state(machine) == MACHINE_RUNNING;
}

/* To the boundary at PLACE, typing on the way; every place is passed in the same way. */
static void run_to(uint64_t place)
{
    while (runs() && icount() < place) {
        uint64_t next = (icount() / TYPE_EVERY + 1) * TYPE_EVERY;
        while (runs() && icount() < MIN(place, next))
            machine_run(machine, QUANTUM, MIN(place, next));
        if (runs() && icount() == next)
            type_keys(next);
    }
}

static void check(void)
{
    g_autofree char *hex = repeatable_hash(machine);
    g_print("check %" G_GUINT64_FORMAT " %s\n", icount(), hex);
}

/* --- saving ----------------------------------------------------------------------------------- */

/* The number of requests under way is a field of the disk's table. */
static bool is_pending(void)
{
    Device *device = machine_device_by_id(machine, "hd0");
    uint32_t count = 0;
    const StateField *field = device ? device->class->state->fields : NULL;
    while (field && strcmp(field->name, "count") != 0)
        field++;
    if (field)
        memcpy(&count, (uint8_t *)device_state(device) + field->offset, sizeof count);
    return count > 0;
}

/* Keys that the guest has no room for are not in the machine yet, so they are in no snapshot. */
static bool is_good_place(bool with_request)
{
    return icount() % TYPE_EVERY && !inbox_waiting_chars(machine_inbox(machine), console()) &&
           (!with_request || is_pending());
}

/* Places at which the machine is to be looked at, in order; from NEXT on they are to come. */
static GArray *checks;
static guint next;

/* Looks at the machine at all of them on the way to PLACE. */
static void go_to(uint64_t place)
{
    for (; next < checks->len && g_array_index(checks, uint64_t, next) <= place; next++) {
        run_to(g_array_index(checks, uint64_t, next));
        check();
    }
    run_to(place);
}

static bool find_place(uint64_t place, bool with_request)
{
    go_to(place);
    for (unsigned i = 0; i < PENDING_MOST && runs(); i++) {
        if (is_good_place(with_request))
            return true;
        go_to(icount() + PENDING_STEP);
    }
    return false;
}

static void save(const char *name)
{
    g_autoptr(GError) error = NULL;
    MachineCapture capture;
    if (!machine_capture(machine, &capture, &error))
        stop_on(error);
    SnapshotSave job = { .info = snapshot_info_new(name),
                         .state = g_bytes_ref(capture.state),
                         .map = page_map_ref(capture.map) };
    job.info->definition = g_strdup("{}");
    job.info->time_us = (gint64)icount();
    job.info->position = capture.position;
    if (!snapshot_write(folder, &job, &error))
        stop_on(error);
    snapshot_place_pages(machine_page_store(machine), &job);
    machine_capture_adopt(machine, &capture);
    machine_capture_clear(&capture);
    snapshot_save_clear(&job);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void save_many(char **words)
{
    guint32 seed = (guint32)atoi(words[0]);
    unsigned count = (unsigned)atoi(words[1]);
    uint64_t from = strtoull(words[2], NULL, 10), to = strtoull(words[3], NULL, 10);
    uint64_t length = strtoull(words[4], NULL, 10);
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    checks = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_autofree uint64_t *place = g_new(uint64_t, count);
    for (unsigned i = 0; i < count; i++)
        place[i] = from + (uint64_t)((double)(to - from) * g_rand_double(dice));
    qsort(place, count, sizeof *place, compare_numbers);
    for (unsigned i = 0; i < count; i++) {
        bool found = find_place(MAX(place[i], icount()), i % 2) ||
                     (runs() && find_place(icount() + 1, false));
        if (!found)
            g_error("the guest has ended at %" G_GUINT64_FORMAT ": %s", icount(),
                    machine_run_state_name(machine_run_state(machine)));
        g_autofree char *name = g_strdup_printf("s%u", i);
        uint64_t later = icount() + length;
        save(name);
        g_print("saved %s %" G_GUINT64_FORMAT " %d\n", name, icount(), is_pending());
        g_array_append_val(checks, later);
        if (i % 10 == 9) { /* for a load on the interpreter */
            uint64_t sooner = later - length + length / 10;
            g_array_append_val(checks, sooner);
        }
        g_array_sort(checks, compare_numbers);
    }
    while (next < checks->len)
        go_to(g_array_index(checks, uint64_t, next));
    g_array_unref(checks);
}

static void straight(void)
{
    char line[128];
    while (fgets(line, sizeof line, stdin)) {
        run_to(strtoull(line + strlen("check "), NULL, 10));
        check();
    }
}

/* --- loading ---------------------------------------------------------------------------------- */

static void load(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SnapshotLoad) file = snapshot_read(folder, name, &error);
    if (!known)
        known = pack_known_new();
    if (!file || !snapshot_verify_pages(folder, file, known, NULL, NULL, &error))
        stop_on(error);
    PageMap *map = snapshot_map(machine_page_store(machine), file, machine_base(machine));
    if (!machine_restore(machine, file->state, map, NULL, &error))
        stop_on(error);
    page_map_unref(map);
}

static void load_and_run(char **words)
{
    load(words[0]);
    machine_start(machine, NULL);
    run_to(icount() + strtoull(words[1], NULL, 10));
    check();
}

/* --- times ------------------------------------------------------------------------------------ */

/* A page that compresses to about a half. */
static void dirty(uint64_t page, uint64_t value)
{
    uint64_t words[MEMORY_PAGE_SIZE / 8];
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        words[i] = i % 2 ? mix(value + page * 512 + i) : page;
    memory_write(machine_memory(machine), page * MEMORY_PAGE_SIZE, words, sizeof words);
}

typedef struct {
    gint64 wall, cpu;
} Moment;

static Moment now(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (Moment){ g_get_monotonic_time(), (gint64)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000 };
}

static void show(const char *what, Moment *since)
{
    Moment moment = now();
    g_print("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", what, moment.wall - since->wall,
            moment.cpu - since->cpu);
    *since = now();
}

static void time_save(const char *name, const char *pause, const char *rest)
{
    g_autoptr(GError) error = NULL;
    MachineCapture capture;
    Moment since = now();
    machine_capture(machine, &capture, &error);
    show(pause, &since);
    SnapshotSave job = { .info = snapshot_info_new(name),
                         .state = g_bytes_ref(capture.state),
                         .map = page_map_ref(capture.map) };
    job.info->definition = g_strdup("{}");
    snapshot_write(folder, &job, &error);
    stop_on(g_steal_pointer(&error));
    snapshot_place_pages(machine_page_store(machine), &job);
    machine_capture_adopt(machine, &capture);
    machine_capture_clear(&capture);
    snapshot_save_clear(&job);
    show(rest, &since);
}

/* All of the PAGES behind those that the guest uses. */
static void fill(uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        dirty(4096 + i, 1);
}

static void dirty_some(uint64_t pages, uint64_t count, unsigned round)
{
    for (uint64_t i = 0; i < count; i++)
        dirty(4096 + mix(i + round * count) % pages, 2 + round);
}

static uint64_t pages_of(const char *word)
{
    return MIN(strtoull(word, NULL, 10), memory_page_count(machine_memory(machine)) - 4096);
}

static void times(char **words)
{
    uint64_t pages = pages_of(words[0]), count = strtoull(words[1], NULL, 10);
    fill(pages);
    time_save("first", "first-pause", "first-write");
    for (unsigned round = 0; round < TIMES; round++) {
        dirty_some(pages, count, round);
        g_autofree char *name = g_strdup_printf("second-%u", round);
        time_save(name, "pause", "write");
    }
    Moment since = now();
    load("second-0");
    show("load-first-time", &since);
    for (unsigned round = 0; round < TIMES; round++) {
        g_autofree char *name = g_strdup_printf("second-%u", TIMES - 1 - round);
        since = now();
        load("first");
        show("load-parent", &since);
        load(name);
        show("load-child", &since);
    }
    machine_forget_base(machine);
    since = now();
    load("second-1");
    show("load-fresh", &since);
}

/* --- the times of keyframes --------------------------------------------------------------------
 */

/* The machine's loop up to PLACE, on the way to which there is a keyframe: prints the longest time
 * between two pieces of the guest's work. */
static void time_stops(const char *what, uint64_t place)
{
    uint64_t from = icount();
    Moment longest = { 0 };
    while (runs() && icount() < place) {
        Moment since = now();
        uint64_t limit = time_travel_before_run(machine);
        Moment until = now();
        longest.wall = MAX(longest.wall, until.wall - since.wall);
        longest.cpu = MAX(longest.cpu, until.cpu - since.cpu);
        machine_run(machine, QUANTUM, MIN(place, limit));
    }
    const KeyframeSet *frames = machine_keyframes(machine);
    guint count = keyframe_set_count(frames);
    if (!count || keyframe_set_get(frames, count - 1)->position.icount <= from)
        g_error("%s: no keyframe from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, what, from,
                icount());
    g_print("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", what, longest.wall, longest.cpu);
}

/* The same pages are dirtied at the same places, recording and replaying. */
static void time_frames(const char *what, uint64_t pages, uint64_t count)
{
    machine_start(machine, NULL);
    for (unsigned round = 0; round < FRAMES; round++) {
        dirty_some(pages, count, round);
        time_stops(what, (round + 1ull) * DIRTY_EVERY);
    }
    if (!runs())
        g_error("%s: the guest has ended: %s", what,
                machine_run_state_name(machine_run_state(machine)));
}

static void time_keyframes(const char *path, char **words)
{
    uint64_t pages = pages_of(words[0]), count = strtoull(words[1], NULL, 10);
    GError *error = NULL;
    int log = openat(directory, ".", O_TMPFILE | O_RDWR, 0600);
    Position start = machine_position(machine);
    LogWriter *writer = log_writer_new(log, &start, &error);
    stop_on(error);
    fill(pages);
    machine_record(machine, writer, SYNC_MINIMAL, &error);
    stop_on(error);
    machine_record_keyframes(machine, KEYFRAME_BUDGET, FRAMES_EVERY, false);
    time_frames("recording", pages, count);
    machine_record_stop(machine, &error);
    stop_on(error);
    machine_free(machine);

    build(path);
    fill(pages);
    LogReader *reader = log_reader_new(log, &error);
    stop_on(error);
    machine_play(machine, reader, SYNC_MINIMAL, &error);
    stop_on(error);
    machine_keep_keyframes(machine, KEYFRAME_BUDGET, FRAMES_EVERY, &error);
    stop_on(error);
    time_frames("replaying", pages, count);
    close(log);
}

int main(int argc, char **argv)
{
    if (argc < 5 && (argc != 4 || strcmp(argv[3], "straight") != 0))
        g_error("usage: snapshot-run DEFINITION DIRECTORY save|straight|load|times|keyframes ...");
    directory = open(argv[2], O_RDONLY | O_DIRECTORY);
    mkdirat(directory, "snapshots", 0700);
    folder = openat(directory, "snapshots", O_RDONLY | O_DIRECTORY);
    build(argv[1]);
    page_store_set_directory(machine_page_store(machine), folder);
    if (strcmp(argv[3], "load") == 0) {
        load_and_run(argv + 4);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[3], "keyframes") == 0) {
        time_keyframes(argv[1], argv + 4);
        machine_free(machine);
        return EXIT_SUCCESS;
    }
    machine_start(machine, NULL);
    if (strcmp(argv[3], "save") == 0)
        save_many(argv + 4);
    else if (strcmp(argv[3], "times") == 0)
        times(argv + 4);
    else
        straight();
    machine_free(machine);
    return EXIT_SUCCESS;
}
