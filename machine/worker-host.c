/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the machine thread calls in its host: live sources, output, run states. And the other way:
 * calls from the control thread into the machine.
 *
 * Whatever the machine thread has to tell goes through the main context in order, so an event that
 * happens inside a call is sent before the call's answer.
 */

#include "machine/worker.h"

#include "machine/worker-audio.h"
#include "machine/worker-gdb.h"
#include "machine/worker-keyframes.h"
#include "machine/worker-net.h"
#include "machine/worker-recording.h"

#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Live sources. The only clocks and the only randomness of a worker; each read is logged. */

static gint64 read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

static gint64 clock_host(gpointer user)
{
    return read_clock(CLOCK_REALTIME);
}

static gint64 clock_monotonic(gpointer user)
{
    return read_clock(CLOCK_MONOTONIC);
}

static gint32 random_bytes(gpointer user, guint8 *buffer, guint32 length)
{
    for (guint32 done = 0; done < length;) {
        ssize_t n = getrandom(buffer + done, length - done, 0);
        g_assert(n > 0); /* cannot fail for a valid buffer once the host has booted */
        done += (guint32)n;
    }
    return 0;
}

/* Publishing */

/* To QMP's clients a replay that has ended or diverged is a machine under a debugger. */
const char *worker_run_state_name(MachineRunState state)
{
    return state == MACHINE_REPLAY_END || state == MACHINE_REPLAY_DIVERGED
               ? "debug"
               : machine_run_state_name(state);
}

WorkerStatus worker_status(Worker *worker)
{
    g_mutex_lock(&worker->lock);
    WorkerStatus status = worker->status;
    g_mutex_unlock(&worker->lock);
    return status;
}

void worker_publish(Worker *worker)
{
    Machine *machine = worker->machine;
    Replay *replay = machine_replay(machine);
    const char *text = machine_error_text(machine);
    g_mutex_lock(&worker->lock);
    WorkerStatus *status = &worker->status;
    status->state = machine_run_state(machine);
    status->position = machine_position(machine);
    status->replay_mode = replay_mode(replay);
    status->replay_status = replay_status(replay);
    replay_counters(replay, &status->counters);
    g_strlcpy(status->error_text, text ? text : "", sizeof(status->error_text));
    g_mutex_unlock(&worker->lock);
    if (worker->net) {
        net_publish(worker->net, clock_monotonic(NULL));
    }
}

static void published(void *opaque)
{
    worker_publish(opaque);
}

/* Output */

static void append(Worker *worker, unsigned number, const void *data, size_t length, bool is_shown)
{
    bool is_replay = replay_mode(machine_replay(worker->machine)) == REPLAY_PLAY;
    for (unsigned i = 0; i < worker->serial_count; i++) {
        if (worker->serial[i]->number != number) {
            continue;
        }
        if (is_replay) {
            serial_append_again(worker->serial[i], machine_output_count(worker->machine, number),
                                data, length, is_shown);
        } else {
            serial_append(worker->serial[i], data, length);
        }
    }
}

static void output_away(void *opaque, const Device *device, const void *data, size_t length)
{
    append(opaque, device->number, data, length, false);
}

static void output(void *opaque, const Device *device, const void *data, size_t length)
{
    Worker *worker = opaque;
    append(worker, device->number, data, length, true);
    if (worker->net) {
        net_output(worker->net, device->number, data, length);
    }
    if (worker->audio) {
        audio_output(worker->audio, device, data, length);
    }
}

static unsigned audio_in(void *opaque, const Device *device, uint64_t first, int16_t *frames,
                         unsigned count)
{
    Worker *worker = opaque;
    return worker->audio ? audio_input(worker->audio, first, frames, count) : 0;
}

static void arrived(void *opaque, const Device *device, const void *data, size_t length)
{
    Worker *worker = opaque;
    if (worker->net) {
        net_arrived(worker->net, device->number, data, length);
    }
}

/* Run states become events */

typedef struct {
    Worker *worker;
    MachineRunState state;
    ShutdownCause cause;
    WorkerStatus status; /* as it was at the change */
    char *text;
} Change;

static JsonNode *take_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

static void emit_shutdown(Worker *worker, ShutdownCause cause)
{
    JsonObject *data = json_object_new();
    json_object_set_boolean_member(data, "guest", cause >= SHUTDOWN_GUEST_SHUTDOWN);
    json_object_set_string_member(data, "reason", shutdown_cause_name(cause));
    api_server_emit(worker->server, "SHUTDOWN", take_object(data));
}

static void emit_replay_end(Change *change)
{
    JsonObject *data = json_object_new();
    const WorkerStatus *status = &change->status;
    json_object_set_int_member(data, "icount", (gint64)status->position.icount);
    json_object_set_int_member(data, "hash-points", (gint64)status->counters.hashes);
    json_object_set_boolean_member(data, "complete", status->replay_status == REPLAY_STATUS_ENDED);
    api_server_emit(change->worker->server, "REPLAY_END", take_object(data));
}

static void emit_text(Change *change, const char *event)
{
    JsonObject *data = json_object_new();
    if (change->state == MACHINE_REPLAY_DIVERGED) {
        json_object_set_int_member(data, "icount", (gint64)change->status.position.icount);
    }
    json_object_set_string_member(data, "text", change->text ? change->text : "");
    api_server_emit(change->worker->server, event, take_object(data));
}

static void emit_panic(Worker *worker)
{
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "action", "pause");
    api_server_emit(worker->server, "GUEST_PANICKED", take_object(data));
}

static gboolean tell_change(gpointer user)
{
    Change *change = user;
    Worker *worker = change->worker;
    switch (change->state) {
    case MACHINE_RUNNING:
        worker->has_run = true;
        api_server_emit(worker->server, "RESUME", NULL);
        return G_SOURCE_REMOVE;
    case MACHINE_SHUTDOWN: emit_shutdown(worker, change->cause); break;
    case MACHINE_PANICKED: emit_panic(worker); break;
    case MACHINE_REPLAY_END: emit_replay_end(change); break;
    case MACHINE_REPLAY_DIVERGED: emit_text(change, "REPLAY_DIVERGED"); break;
    case MACHINE_INTERNAL_ERROR:
        if (change->status.replay_status == REPLAY_STATUS_FAILED) {
            emit_text(change, "RECORDING_DAMAGED");
        }
        break;
    case MACHINE_PAUSED: worker_keyframes_write(worker); break;
    default: break;
    }
    api_server_emit(worker->server, "STOP", NULL);
    return G_SOURCE_REMOVE;
}

static void change_free(gpointer user)
{
    Change *change = user;
    g_free(change->text);
    g_free(change);
}

static void state_changed(void *opaque, MachineRunState state, ShutdownCause cause)
{
    Worker *worker = opaque;
    Replay *replay = machine_replay(worker->machine);
    const ReplayDivergence *divergence = replay_divergence(replay);
    Change *change = g_new0(Change, 1);
    worker_publish(worker);
    if (state == MACHINE_SHUTDOWN) {
        worker_recording_seal(worker); /* the machine has closed its log */
    }
    *change = (Change){ .worker = worker, .state = state, .cause = cause };
    change->status = worker_status(worker);
    change->text = g_strdup(divergence ? divergence->text : machine_error_text(worker->machine));
    g_mutex_lock(&worker->lock);
    worker->status.cause = cause;
    g_mutex_unlock(&worker->lock);
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_change, change, change_free);
    worker_gdb_state_changed(worker->gdb);
}

/* As QEMU tells it. */
static gboolean tell_no_space(gpointer user)
{
    Change *change = user;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "device", change->text);
    json_object_set_string_member(data, "operation", "write");
    json_object_set_string_member(data, "action", "stop");
    json_object_set_boolean_member(data, "nospace", TRUE);
    json_object_set_string_member(data, "reason", "No space left on device");
    api_server_emit(change->worker->server, "BLOCK_IO_ERROR", take_object(data));
    return G_SOURCE_REMOVE;
}

static void no_space(void *opaque, const Device *device)
{
    Change *change = g_new0(Change, 1);
    *change = (Change){ .worker = opaque, .text = g_strdup(device->id) };
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_no_space, change, change_free);
}

typedef struct {
    Worker *worker;
    ShutdownCause cause;
} Reset;

static gboolean tell_reset(gpointer user)
{
    const Reset *reset = user;
    JsonObject *data = json_object_new();
    json_object_set_boolean_member(data, "guest", reset->cause >= SHUTDOWN_GUEST_SHUTDOWN);
    json_object_set_string_member(data, "reason", shutdown_cause_name(reset->cause));
    api_server_emit(reset->worker->server, "RESET", take_object(data));
    if (reset->worker->net) {
        net_was_reset(reset->worker->net);
    }
    return G_SOURCE_REMOVE;
}

static void was_reset(void *opaque, ShutdownCause cause)
{
    Reset *reset = g_new(Reset, 1);
    *reset = (Reset){ opaque, cause };
    audio_was_reset(reset->worker->audio);
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_reset, reset, g_free);
}

void worker_host_init(MachineHost *host, Worker *worker)
{
    *host = (MachineHost){
        .sources = { .clock_host = clock_host,
                     .clock_virtual_rt = clock_monotonic,
                     .random = random_bytes },
        .monotonic_ns = clock_monotonic,
        .audio_in = audio_in,
        .output = output,
        .output_away = output_away,
        .moved = worker_keyframes_moved,
        .arrived = arrived,
        .state_changed = state_changed,
        .was_reset = was_reset,
        .no_space = no_space,
        .published = published,
        .opaque = worker,
    };
}

/* Calls */

static void call_free(WorkerCall *call)
{
    if (call->free_data) {
        call->free_data(call->data);
    }
    g_clear_pointer(&call->reply, json_node_unref);
    g_clear_error(&call->error);
    g_free(call);
}

static gboolean finish_call(gpointer user)
{
    WorkerCall *call = user;
    if (call->finish) {
        call->finish(call);
    }
    if (call->request && call->error) {
        api_request_fail(call->request, g_steal_pointer(&call->error));
    } else if (call->request) {
        api_request_reply(call->request, g_steal_pointer(&call->reply));
    }
    call_free(call);
    return G_SOURCE_REMOVE;
}

static void execute_call(Machine *machine, void *data)
{
    WorkerCall *call = data;
    call->execute(call);
    worker_publish(call->worker);
    g_idle_add_full(G_PRIORITY_DEFAULT, finish_call, call, NULL);
}

void worker_call(Worker *worker, ApiRequest *request, void (*execute)(WorkerCall *),
                 void (*finish)(WorkerCall *), void *data, GDestroyNotify free_data)
{
    WorkerCall *call = g_new0(WorkerCall, 1);
    *call = (WorkerCall){ .worker = worker,
                          .request = request,
                          .execute = execute,
                          .finish = finish,
                          .data = data,
                          .free_data = free_data };
    inbox_post_task(worker->inbox, execute_call, call, NULL);
}
