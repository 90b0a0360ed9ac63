/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The file `keyframes` in the folder of a recording (replay/keyframe-file.h): later replays begin
 * their seeks there.
 *
 * A recording that has ended leaves those that it made; a thread of its own writes them, and a
 * process that is to end waits for it, however long that takes: it tells the daemon so. A replay
 * adds to them only when somebody pauses it, while it is paused: one that runs to its end to be
 * checked costs nothing. One keyframe at a time is then lent by the machine thread, appended by
 * another one, and taken back.
 *
 * A recording's keyframe is a version of each disk (machine/disks.h), which lasts. A replay's
 * versions do not, so those of machines with disks add none.
 *
 * With the keyframes goes the text that the serial ports have sent, as far as their rings have it:
 * a replay that jumps over it shows it nevertheless.
 */

#include "machine/worker-keyframes.h"

#include "machine/disks.h"
#include "machine/snapshot.h"
#include "machine/time-travel.h"
#include "machine/worker-link.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "keyframes"

#define LOOK_US 10000  /* how often one that ends looks whether it may */
#define TELL_US 500000 /* and says that it may not: well within the daemon's patience */

/* A keyframe on its way, and texts. */
struct WorkerKeyframes {
    Worker *worker;
    KeyframeFile *file;
    Keyframe frame;
    GArray *texts; /* of KeyframeText */
    bool is_lent;
    GArray *appended; /* of KeyframeAppend */
    bool is_good;
    GThread *thread;
    int is_done; /* atomic */
};

/* NULL with ERROR, or if there is none that may not be a new one. */
static KeyframeFile *open_any(Worker *worker, int directory, const char *path, int flags,
                              GError **error)
{
    guint64 pages = memory_page_count(machine_memory(worker->machine));
    int fd = openat(directory, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd >= 0) {
        return keyframe_file_open(fd, pages, error);
    }
    if (errno != ENOENT || flags) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "%s", g_strerror(errno));
    }
    return NULL;
}

/* FLAGS: O_CREAT, if it may be a new one, also instead of one that is of no use. NULL if there is
 * none, or none of use. */
static KeyframeFile *open_at(Worker *worker, int directory, const char *path, int flags)
{
    g_autoptr(GError) error = NULL;
    KeyframeFile *file = open_any(worker, directory, path, flags, &error);
    bool is_other = g_error_matches(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH);
    if (is_other && flags && unlinkat(directory, path, 0) == 0) {
        g_message("%s: %s: replaced by a new one", path, error->message);
        g_clear_error(&error);
        file = open_any(worker, directory, path, flags | O_EXCL, &error);
    } else if (is_other && !flags) {
        g_message("%s: %s: not used", path, error->message);
        return NULL;
    }
    if (error) {
        g_warning("%s: %s", path, error->message);
    }
    return file;
}

static void open_file(Worker *worker, const char *name, int flags)
{
    g_autofree char *path = g_build_filename("recordings", name, FILE_NAME, NULL);
    machine_set_keyframe_file(worker->machine, open_at(worker, worker->directory, path, flags));
}

void worker_keyframes_open(Worker *worker, const char *name)
{
    g_free(worker->keyframes_of);
    worker_keyframes_begin(worker);
    worker->keyframes_of = g_strdup(name);
    open_file(worker, name, 0);
}

/* --- texts ------------------------------------------------------------------------------------ */

static uint64_t count_of(Worker *worker, const Serial *serial)
{
    return machine_output_count(worker->machine, serial->number);
}

void worker_keyframes_begin(Worker *worker)
{
    for (unsigned i = 0; i < worker->serial_count; i++) {
        serial_begin(worker->serial[i], count_of(worker, worker->serial[i]));
    }
}

static void find_text(Worker *worker, Serial *serial)
{
    KeyframeFile *file = machine_keyframe_file(worker->machine);
    uint64_t count = count_of(worker, serial);
    g_autoptr(GBytes) text = NULL;
    if (file) {
        text = keyframe_file_text(file, serial->number, count,
                                  MIN(serial_total(serial), SERIAL_RING_SIZE));
    }
    if (text) {
        serial_set_text(serial, g_bytes_get_data(text, NULL), g_bytes_get_size(text));
    }
}

void worker_keyframes_moved(void *user)
{
    Worker *worker = user;
    bool is_replay = replay_mode(machine_replay(worker->machine)) == REPLAY_PLAY;
    for (unsigned i = 0; i < worker->serial_count; i++) {
        Serial *serial = worker->serial[i];
        if (!is_replay) {
            serial_leave(serial);
        } else if (!serial_move(serial, count_of(worker, serial))) {
            find_text(worker, serial);
        }
    }
}

static void clear_text(gpointer text)
{
    g_bytes_unref(((KeyframeText *)text)->bytes);
}

/* What FILE does not have yet. */
static GArray *new_texts(Worker *worker, const KeyframeFile *file)
{
    GArray *texts = g_array_new(FALSE, FALSE, sizeof(KeyframeText));
    g_array_set_clear_func(texts, clear_text);
    for (unsigned i = 0; i < worker->serial_count; i++) {
        KeyframeText text = { .device = worker->serial[i]->number };
        text.start = keyframe_file_text_end(file, text.device);
        text.bytes = serial_text_since(worker->serial[i], &text.start);
        if (text.bytes) {
            g_array_append_val(texts, text);
        }
    }
    return texts;
}

static void clear_append(gpointer append)
{
    g_clear_pointer(&((KeyframeAppend *)append)->changes, g_array_unref);
}

static GArray *appended_new(void)
{
    GArray *appended = g_array_new(FALSE, FALSE, sizeof(KeyframeAppend));
    g_array_set_clear_func(appended, clear_append);
    return appended;
}

/* Into APPENDED, for as long as it goes well. */
static bool append_texts(KeyframeFile *file, const GArray *texts, GArray *appended, GError **error)
{
    bool good = true;
    for (guint i = 0; good && i < texts->len; i++) {
        KeyframeAppend append;
        good =
            keyframe_file_append_text(file, &g_array_index(texts, KeyframeText, i), &append, error);
        if (good) {
            g_array_append_val(appended, append);
        }
    }
    return good;
}

/* --- one after the other ---------------------------------------------------------------------- */

static void execute_return(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    machine_keep_lent(call->worker->machine, &keyframes->frame, keyframes->appended);
    keyframes->is_lent = false;
}

static void forget(Worker *worker)
{
    WorkerKeyframes *keyframes = g_steal_pointer(&worker->keyframes);
    if (keyframes && keyframes->thread) {
        g_thread_join(keyframes->thread);
    }
    if (keyframes) {
        g_clear_pointer(&keyframes->texts, g_array_unref);
        g_array_unref(keyframes->appended);
    }
    g_free(keyframes);
}

static void finish_return(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    bool good = keyframes->is_good;
    forget(call->worker);
    if (good) {
        worker_keyframes_write(call->worker);
    }
}

static gboolean is_written(gpointer user)
{
    Worker *worker = user;
    if (worker->keyframes) {
        worker_call(worker, NULL, execute_return, finish_return, worker->keyframes, NULL);
    }
    return G_SOURCE_REMOVE;
}

static gpointer write_frame(gpointer user)
{
    WorkerKeyframes *keyframes = user;
    g_autoptr(GError) error = NULL;
    KeyframeAppend append;
    keyframes->is_good =
        append_texts(keyframes->file, keyframes->texts, keyframes->appended, &error) &&
        keyframe_file_append(keyframes->file, &keyframes->frame, &append, &error);
    if (keyframes->is_good) {
        g_array_append_val(keyframes->appended, append);
    }
    if (error) {
        g_warning("a keyframe was not written: %s", error->message);
    }
    g_atomic_int_set(&keyframes->is_done, TRUE);
    g_idle_add(is_written, keyframes->worker);
    return NULL;
}

static void execute_lend(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    Machine *machine = call->worker->machine;
    if (call->worker->keyframes_of && !machine_keyframe_file(machine) &&
        machine_has_keyframe_to_lend(machine)) {
        open_file(call->worker, call->worker->keyframes_of, O_CREAT);
    }
    keyframes->file = machine_keyframe_file(machine);
    keyframes->is_lent = machine_run_state(machine) == MACHINE_PAUSED &&
                         machine_lend_keyframe(machine, &keyframes->frame);
    if (keyframes->is_lent) {
        keyframes->texts = new_texts(call->worker, keyframes->file);
    }
}

static void finish_lend(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    if (!keyframes->is_lent) {
        forget(call->worker);
    } else if (!call->worker->is_ending) { /* else it goes back at the end */
        keyframes->thread = g_thread_new("keyframes", write_frame, keyframes);
    }
}

void worker_keyframes_write(Worker *worker)
{
    if (worker->keyframes || worker->is_ending ||
        worker_status(worker).replay_mode != REPLAY_PLAY) {
        return;
    }
    worker->keyframes = g_new0(WorkerKeyframes, 1);
    worker->keyframes->worker = worker;
    worker->keyframes->appended = appended_new();
    worker_call(worker, NULL, execute_lend, finish_lend, worker->keyframes, NULL);
}

/* --- those of a recording --------------------------------------------------------------------- */

typedef struct {
    Worker *worker;
    KeyframeFile *file;
    KeyframeSet *frames;
    GArray *texts; /* of KeyframeText */
    GThread *thread;
    int is_done; /* atomic */
} Spill;

static gboolean append(Spill *spill, const Keyframe *frame)
{
    g_autoptr(GError) error = NULL;
    KeyframeAppend append;
    if (!keyframe_file_append(spill->file, frame, &append, &error)) {
        g_warning("a recording's keyframes were not all written: %s", error->message);
        return FALSE;
    }
    keyframe_file_commit(spill->file, &append);
    return keyframe_file_bytes(spill->file) < KEYFRAME_FILE_BYTES;
}

static void spill_free(gpointer user)
{
    Spill *spill = user;
    g_thread_join(spill->thread);
    machine_return_keyframes(spill->worker->machine, spill->frames);
    keyframe_file_free(spill->file);
    g_array_unref(spill->texts);
    g_free(spill);
}

static void execute_collect(WorkerCall *call)
{
    GPtrArray *spills = call->worker->spills;
    for (guint i = spills->len; i-- > 0;) {
        if (g_atomic_int_get(&((Spill *)spills->pdata[i])->is_done)) {
            g_ptr_array_remove_index(spills, i);
        }
    }
}

static gboolean is_spilt(gpointer user)
{
    Worker *worker = user;
    if (!worker->is_ending) {
        worker_call(worker, NULL, execute_collect, NULL, NULL, NULL);
    }
    return G_SOURCE_REMOVE;
}

static gboolean begin_spill(Spill *spill)
{
    g_autoptr(GArray) appended = appended_new();
    g_autoptr(GError) error = NULL;
    if (machine_sync_disks(spill->worker->machine, &error) &&
        append_texts(spill->file, spill->texts, appended, &error)) {
        return TRUE;
    }
    g_warning("a recording's keyframes were not written: %s", error->message);
    return FALSE;
}

static gpointer write_frames(gpointer user)
{
    Spill *spill = user;
    Worker *worker = spill->worker;
    guint64 next = 0;
    gboolean goes_on = begin_spill(spill);
    for (guint i = 0; goes_on && i < keyframe_set_count(spill->frames); i++) {
        const Keyframe *frame = keyframe_set_get(spill->frames, i);
        if (frame->is_arrival && frame->work >= next) {
            next = frame->work + KEYFRAME_FILE_INTERVAL / 2;
            goes_on = append(spill, frame);
        }
    }
    g_atomic_int_set(&spill->is_done, TRUE);
    g_idle_add(is_spilt, worker);
    return NULL;
}

void worker_keyframes_spill(Worker *worker, int directory)
{
    KeyframeSet *frames = machine_take_keyframes(worker->machine);
    KeyframeFile *file = frames && keyframe_set_count(frames)
                             ? open_at(worker, directory, FILE_NAME, O_CREAT | O_EXCL)
                             : NULL;
    if (!file) {
        machine_return_keyframes(worker->machine, frames);
        return;
    }
    if (!worker->spills) {
        worker->spills = g_ptr_array_new_with_free_func(spill_free);
    }
    Spill *spill = g_new0(Spill, 1);
    *spill = (Spill){
        .worker = worker, .file = file, .frames = frames, .texts = new_texts(worker, file)
    };
    g_ptr_array_add(worker->spills, spill);
    spill->thread = g_thread_new("keyframes", write_frames, spill);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* What a thread writes comes to an end, on a slow disk late. */
static void await(Worker *worker, const int *is_done)
{
    for (unsigned looks = 0; !g_atomic_int_get(is_done); looks++) {
        if (worker->link && looks % (TELL_US / LOOK_US) == 0) {
            link_send_busy(worker->link);
        }
        g_usleep(LOOK_US);
    }
}

void worker_keyframes_close(Worker *worker)
{
    WorkerKeyframes *keyframes = worker->keyframes;
    for (guint i = 0; worker->spills && i < worker->spills->len; i++) {
        await(worker, &((const Spill *)worker->spills->pdata[i])->is_done);
    }
    g_clear_pointer(&worker->spills, g_ptr_array_unref);
    if (!keyframes) {
        return;
    }
    if (keyframes->thread) {
        await(worker, &keyframes->is_done);
        g_thread_join(g_steal_pointer(&keyframes->thread));
    }
    if (keyframes->is_lent) {
        machine_keep_lent(worker->machine, &keyframes->frame, keyframes->appended);
    }
    forget(worker);
}
