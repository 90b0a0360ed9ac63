/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The file `keyframes` in the folder of a recording (replay/keyframe-file.h): later replays begin
 * their seeks there.
 *
 * A recording that has ended leaves those that it made; a thread of its own writes them, and a
 * process that is to end waits for it. A replay adds to them only when somebody pauses it, while it
 * is paused: one that runs to its end to be checked costs nothing. One keyframe at a time is then
 * lent by the machine thread, appended by another one, and taken back. Machines with disks have no
 * such file: what their disks held is not in a keyframe.
 */

#include "machine/worker-keyframes.h"

#include "machine/disks.h"
#include "machine/snapshot.h"
#include "machine/time-travel.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "keyframes"

/* A keyframe on its way. */
struct WorkerKeyframes {
    Worker *worker;
    KeyframeFile *file;
    Keyframe frame;
    bool is_lent;
    KeyframeAppend append;
    bool is_appended;
    GThread *thread;
};

/* FLAGS: O_CREAT, if it may be a new one. NULL if there is none, or none of use. */
static KeyframeFile *open_at(Worker *worker, int directory, const char *path, int flags)
{
    guint64 pages = memory_page_count(machine_memory(worker->machine));
    g_autoptr(GError) error = NULL;
    int fd = openat(directory, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    KeyframeFile *file = fd >= 0 ? keyframe_file_open(fd, pages, &error) : NULL;
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
    worker->keyframes_of = machine_has_disks(worker->machine) ? NULL : g_strdup(name);
    if (worker->keyframes_of) {
        open_file(worker, name, 0);
    }
}

/* --- one after the other ---------------------------------------------------------------------- */

static void execute_return(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    machine_keep_lent(call->worker->machine, &keyframes->frame,
                      keyframes->is_appended ? &keyframes->append : NULL);
    keyframes->is_lent = false;
}

static void forget(Worker *worker)
{
    WorkerKeyframes *keyframes = g_steal_pointer(&worker->keyframes);
    if (keyframes && keyframes->thread) {
        g_thread_join(keyframes->thread);
    }
    g_free(keyframes);
}

static void finish_return(WorkerCall *call)
{
    WorkerKeyframes *keyframes = call->data;
    bool good = keyframes->is_appended;
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
    keyframes->is_appended =
        keyframe_file_append(keyframes->file, &keyframes->frame, &keyframes->append, &error);
    if (error) {
        g_warning("a keyframe was not written: %s", error->message);
    }
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
    worker_call(worker, NULL, execute_lend, finish_lend, worker->keyframes, NULL);
}

/* --- those of a recording --------------------------------------------------------------------- */

typedef struct {
    Worker *worker;
    KeyframeFile *file;
    KeyframeSet *frames;
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

static gpointer write_frames(gpointer user)
{
    Spill *spill = user;
    Worker *worker = spill->worker;
    guint64 next = 0;
    gboolean goes_on = TRUE;
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
    *spill = (Spill){ .worker = worker, .file = file, .frames = frames };
    g_ptr_array_add(worker->spills, spill);
    spill->thread = g_thread_new("keyframes", write_frames, spill);
}

/* --- the end ---------------------------------------------------------------------------------- */

void worker_keyframes_close(Worker *worker)
{
    WorkerKeyframes *keyframes = worker->keyframes;
    g_clear_pointer(&worker->spills, g_ptr_array_unref);
    if (!keyframes) {
        return;
    }
    if (keyframes->thread) {
        g_thread_join(g_steal_pointer(&keyframes->thread));
    }
    if (keyframes->is_lent) {
        machine_keep_lent(worker->machine, &keyframes->frame,
                          keyframes->is_appended ? &keyframes->append : NULL);
    }
    forget(worker);
}
