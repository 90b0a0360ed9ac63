/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The file `keyframes` in the folder of a recording (replay/keyframe-file.h): later replays begin
 * their seeks there.
 *
 * Only a replay that somebody pauses writes it, while it is paused, on a thread of its own: one
 * that runs to its end to be checked costs nothing. One keyframe at a time is lent by the machine
 * thread, appended by the other one, and taken back. Machines with disks have none: what their
 * disks held is not in a keyframe.
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

/* FLAGS: O_CREAT, if it may be a new one. */
static void open_file(Worker *worker, const char *name, int flags)
{
    Machine *machine = worker->machine;
    g_autofree char *path = g_build_filename("recordings", name, FILE_NAME, NULL);
    g_autoptr(GError) error = NULL;
    int fd = openat(worker->directory, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    KeyframeFile *file =
        fd >= 0 ? keyframe_file_open(fd, memory_page_count(machine_memory(machine)), &error) : NULL;
    if (error) {
        g_warning("recording '%s': %s", name, error->message);
    }
    machine_set_keyframe_file(machine, file);
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

void worker_keyframes_close(Worker *worker)
{
    WorkerKeyframes *keyframes = worker->keyframes;
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
