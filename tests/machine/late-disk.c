/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small guest on a host whose disk is slow, stuck or full: guest time stands still, whoever asks
 * is answered, and the guest's future is the one it has on a quick host.
 *
 * late-disk TINY. Output is TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine/cpu/cpu.h"
#include "machine/devices/virtio-devices.h"
#include "machine/inbox.h"
#include "machine/machine.h"
#include "tests/machine/repeatable.h"

#define IMAGE_BYTES   (192 * 1024)
#define QUANTUM       65536
#define QUESTIONS     40
#define ANSWER_MAX_US 10000
#define ATTEMPTS      20 /* on a host that may be busy for a while */
#define WAIT_MOST_US  (300 * G_USEC_PER_SEC)

/* What the host is like. */
typedef struct {
    GMutex lock;
    GCond changed;
    unsigned requests;
    unsigned bad_from; /* requests from this one on meet ... */
    int code;          /* this error, */
    bool is_stuck;     /* or wait until it is over */
    bool is_slow;
} Weather;

typedef struct {
    Machine *machine;
    Weather weather;
    char *directory, *image;
    int directory_fd;
    GThread *thread;
    unsigned no_space; /* how often the machine has said so */
    int state;         /* atomic: the machine's run state */
} Run;

static const char *kernel;
static unsigned test_number, failures;

static void report(bool ok, const char *name)
{
    g_print("%s %u - %s\n", ok ? "ok" : "not ok", ++test_number, name);
    failures += !ok;
}

/* --- the host --------------------------------------------------------------------------------- */

static int gate(void *opaque, DiskOperation operation)
{
    Weather *weather = opaque;
    g_mutex_lock(&weather->lock);
    unsigned number = weather->requests++;
    while (weather->is_stuck && number >= weather->bad_from)
        g_cond_wait(&weather->changed, &weather->lock);
    int code = number >= weather->bad_from ? weather->code : 0;
    bool is_slow = weather->is_slow;
    g_mutex_unlock(&weather->lock);
    if (is_slow)
        g_usleep(number % 10 ? 300 : 10000);
    return code;
}

static unsigned requests_of(Weather *weather)
{
    g_mutex_lock(&weather->lock);
    unsigned requests = weather->requests;
    g_mutex_unlock(&weather->lock);
    return requests;
}

static void clear_up(Weather *weather)
{
    g_mutex_lock(&weather->lock);
    weather->is_stuck = false;
    weather->code = 0;
    g_cond_broadcast(&weather->changed);
    g_mutex_unlock(&weather->lock);
}

static gint64 source_clock(gpointer user)
{
    return 1700000000000000000;
}

static gint32 source_random(gpointer user, guint8 *buffer, guint32 length)
{
    memset(buffer, 0x5a, length);
    return 0;
}

static void state_changed(void *opaque, MachineRunState state, ShutdownCause cause)
{
    g_atomic_int_set(&((Run *)opaque)->state, (int)state);
}

static void no_space(void *opaque, const Device *device)
{
    if (strcmp(device->id, "hd0") == 0)
        ((Run *)opaque)->no_space++;
}

/* --- machines --------------------------------------------------------------------------------- */

static void make_files(Run *run)
{
    g_autofree char *zeroes = g_malloc0(IMAGE_BYTES);
    run->directory = g_dir_make_tmp("late-disk-XXXXXX", NULL);
    run->directory_fd = open(run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    run->image = g_build_filename(run->directory, "image", NULL);
    if (run->directory_fd < 0 || !g_file_set_contents(run->image, zeroes, IMAGE_BYTES, NULL))
        g_error("cannot make an image in %s", run->directory);
}

static Run *run_new(const char *completion)
{
    Run *run = g_new0(Run, 1);
    make_files(run);
    g_autofree char *json = g_strdup_printf(
        "{\"name\":\"tiny\",\"board\":\"pseries\",\"cpu\":\"power9\",\"memory\":\"64M\","
        "\"kernel\":\"%s\",\"append\":\"rounds=150 work=3000 wait=200\","
        "\"clock\":{\"sleep\":false,\"rtc\":\"2026-01-01T00:00:00\"},\"rng\":true,"
        "\"disks\":[{\"id\":\"hd0\",\"file\":\"%s\",\"format\":\"raw\",\"completion\":\"%s\"}],"
        "\"serial\":[{\"id\":\"hvc0\"}]}",
        kernel, run->image, completion);
    MachineHost host = { .sources = { source_clock, NULL, source_random, run },
                         .state_changed = state_changed,
                         .no_space = no_space,
                         .opaque = run };
    run->machine = repeatable_build(json, run->directory_fd, &host);
    disk_set_gate(virtio_blk_disk(machine_device_by_id(run->machine, "hd0")), gate, &run->weather);
    run->weather.bad_from = G_MAXUINT;
    return run;
}

static gpointer live(gpointer data)
{
    machine_thread(((Run *)data)->machine);
    return NULL;
}

static void start(Machine *machine, void *data)
{
    g_autoptr(GError) error = NULL;
    if (!machine_start(machine, &error))
        g_error("%s", error->message);
}

static void stop(Machine *machine, void *data)
{
    machine_pause(machine);
}

static void quit(Machine *machine, void *data)
{
    machine_quit(machine);
}

/* --- questions -------------------------------------------------------------------------------- */

typedef struct {
    void (*what)(Machine *machine, void *data);
    void *data;
    GMutex lock;
    GCond answered;
    bool is_done;
} Question;

static void answer(Machine *machine, void *data)
{
    Question *question = data;
    if (question->what)
        question->what(machine, question->data);
    g_mutex_lock(&question->lock);
    question->is_done = true;
    g_cond_signal(&question->answered);
    g_mutex_unlock(&question->lock);
}

/* Has the machine thread do WHAT; microseconds until it was done. */
static gint64 ask(Run *run, void (*what)(Machine *, void *), void *data)
{
    Question question = { .what = what, .data = data };
    gint64 begin = g_get_monotonic_time();
    g_mutex_init(&question.lock);
    g_cond_init(&question.answered);
    inbox_post_task(machine_inbox(run->machine), answer, &question, NULL);
    g_mutex_lock(&question.lock);
    while (!question.is_done)
        g_cond_wait(&question.answered, &question.lock);
    g_mutex_unlock(&question.lock);
    return g_get_monotonic_time() - begin;
}

static void where(Machine *machine, void *data)
{
    *(Position *)data = machine_position(machine);
}

static bool wait_for(Run *run, MachineRunState state)
{
    gint64 limit = g_get_monotonic_time() + WAIT_MOST_US;
    while (g_atomic_int_get(&run->state) != (int)state && g_get_monotonic_time() < limit)
        g_usleep(10000);
    return g_atomic_int_get(&run->state) == (int)state;
}

static void begin(Run *run)
{
    run->thread = g_thread_new("machine", live, run);
    ask(run, start, NULL);
}

/* Ends the run; what the guest was in the end. */
static char *end(Run *run)
{
    g_autoptr(HashList) list = hash_list_new();
    Digest digest;
    char hex[2 * DIGEST_SIZE + 1];
    ask(run, quit, NULL);
    g_thread_join(run->thread);
    machine_hash(run->machine, true, list);
    hash_list_digest(list, &digest);
    digest_to_hex(&digest, hex);
    return g_strdup(hex);
}

static void run_free(Run *run)
{
    machine_free(run->machine);
    static const char *const names[] = { "image", "disk-hd0.clusters", "disk-hd0.map" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        unlinkat(run->directory_fd, names[i], 0);
    close(run->directory_fd);
    g_rmdir(run->directory);
    g_free(run->directory);
    g_free(run->image);
    g_free(run);
}

/* --- tests ------------------------------------------------------------------------------------ */

static char *quick_future(void)
{
    Run *run = run_new("virtual");
    begin(run);
    bool ok = wait_for(run, MACHINE_SHUTDOWN);
    char *hash = end(run);
    report(ok && run->weather.requests > 100, "the guest powers off after some disk work");
    run_free(run);
    return hash;
}

static void check_slow(const char *expected)
{
    Run *run = run_new("virtual");
    run->weather.is_slow = true;
    begin(run);
    bool ok = wait_for(run, MACHINE_SHUTDOWN);
    g_autofree char *hash = end(run);
    report(ok && strcmp(hash, expected) == 0, "a slow disk changes nothing for the guest");
    run_free(run);
}

static int compare_times(gconstpointer a, gconstpointer b)
{
    gint64 first = *(const gint64 *)a, second = *(const gint64 *)b;
    return first < second ? -1 : first > second;
}

/* The guest has come to where it needs bytes that the disk does not bring. Between two questions
 * the machine does a piece of the guest's work, if it can, however busy the host is. */
static Position come_to_rest(Run *run)
{
    Position last, now;
    while (requests_of(&run->weather) <= run->weather.bad_from)
        g_usleep(1000);
    ask(run, where, &now);
    for (unsigned same = 0; same < 10; same++) {
        last = now;
        g_usleep(5000);
        ask(run, where, &now);
        if (position_compare(&last, &now) != 0)
            same = 0;
    }
    return now;
}

static bool are_answered_in_time(Run *run)
{
    gint64 times[QUESTIONS];
    for (unsigned i = 0; i < QUESTIONS; i++) {
        times[i] = ask(run, i % 4 == 2 ? stop : i % 4 == 3 ? start : NULL, NULL);
        g_usleep(2000);
    }
    qsort(times, QUESTIONS, sizeof times[0], compare_times);
    g_print("# half of %d questions were answered within %d us, all within %d us\n", QUESTIONS,
            (int)times[QUESTIONS / 2], (int)times[QUESTIONS - 1]);
    return times[QUESTIONS * 9 / 10] <= ANSWER_MAX_US;
}

static bool questions_are_answered(Run *run)
{
    for (unsigned i = 0; i < ATTEMPTS; i++)
        if (are_answered_in_time(run))
            return true;
    return false;
}

static void check_stuck(const char *expected)
{
    Position after;
    Run *run = run_new("virtual");
    run->weather.is_stuck = true;
    run->weather.bad_from = 100;
    begin(run);
    Position before = come_to_rest(run);
    report(questions_are_answered(run), "a machine that waits for its disk answers");
    ask(run, where, &after);
    report(position_compare(&before, &after) == 0, "its guest's time stands still");
    clear_up(&run->weather);
    bool ok = wait_for(run, MACHINE_SHUTDOWN);
    g_autofree char *hash = end(run);
    report(ok && strcmp(hash, expected) == 0, "and goes on as if nothing had been");
    run_free(run);
}

static void check_full(const char *completion, const char *expected)
{
    Run *run = run_new(completion);
    run->weather.code = ENOSPC;
    run->weather.bad_from = 100;
    begin(run);
    report(wait_for(run, MACHINE_IO_ERROR) && run->no_space == 1, "a full host stops the machine");
    ask(run, start, NULL);
    report(wait_for(run, MACHINE_IO_ERROR) && run->no_space == 2, "again while it is full");
    clear_up(&run->weather);
    ask(run, start, NULL);
    bool ok = wait_for(run, MACHINE_SHUTDOWN);
    g_autofree char *hash = end(run);
    report(ok && (!expected || strcmp(hash, expected) == 0) && run->no_space == 2,
           "with space it goes on, and the guest has seen nothing");
    run_free(run);
}

static LogWriter *log_in(Run *run, int *fd)
{
    Position start = machine_position(run->machine);
    *fd = openat(run->directory_fd, ".", O_TMPFILE | O_RDWR, 0600);
    LogWriter *log = log_writer_new(*fd, &start, NULL);
    g_assert(log);
    return log;
}

/* Completion by the host is an input; where the replay's host is late, it is waited for, too. */
static void check_late_replay(void)
{
    int log;
    Run *recorded = run_new("host");
    g_assert(machine_record(recorded->machine, log_in(recorded, &log), SYNC_MINIMAL, NULL));
    begin(recorded);
    bool ok = wait_for(recorded, MACHINE_SHUTDOWN);
    g_free(end(recorded));
    run_free(recorded);

    Run *run = run_new("host");
    run->weather.is_stuck = true;
    run->weather.bad_from = 100;
    LogReader *reader = log_reader_new(log, NULL);
    g_assert(reader && machine_play(run->machine, reader, SYNC_MINIMAL, NULL));
    begin(run);
    come_to_rest(run);
    report(ok && questions_are_answered(run), "a replay that waits for its disk answers");
    clear_up(&run->weather);
    ok = wait_for(run, MACHINE_REPLAY_END);
    report(ok && replay_status(machine_replay(run->machine)) == REPLAY_STATUS_ENDED,
           "and is the recorded run");
    g_free(end(run));
    run_free(run);
    close(log);
}

static void check_quit(void)
{
    Run *run = run_new("virtual");
    run->weather.code = ENOSPC;
    run->weather.bad_from = 100;
    begin(run);
    bool ok = wait_for(run, MACHINE_IO_ERROR);
    ask(run, start, NULL);
    gint64 before = g_get_monotonic_time();
    g_free(end(run));
    run_free(run);
    report(ok && g_get_monotonic_time() - before < WAIT_MOST_US,
           "a machine whose host is full can be ended");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        g_printerr("usage: late-disk TINY\n");
        return 2;
    }
    kernel = argv[1];
    g_autofree char *expected = quick_future();
    check_slow(expected);
    check_stuck(expected);
    check_full("virtual", expected);
    check_full("host", NULL);
    check_late_replay();
    check_quit();
    g_print("1..%u\n", test_number);
    return failures != 0;
}
