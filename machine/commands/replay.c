/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Record and replay. Folders and manifests are in worker-recording.c. */

#include "machine/commands/commands.h"

#include "machine/cpu/cpu.h"
#include "machine/time-travel.h"
#include "machine/worker-keyframes.h"
#include "machine/worker-recording.h"

#include <string.h>

static bool may_run_on(MachineRunState state)
{
    return state == MACHINE_PRELAUNCH || state == MACHINE_RUNNING || state == MACHINE_PAUSED ||
           state == MACHINE_PANICKED || state == MACHINE_IO_ERROR;
}

/* A recording begins anywhere, a replay in a machine that has not run. */
static const char *find_problem(Worker *worker, const WorkerStatus *status, bool is_replay)
{
    bool is_new = !worker->has_run && status->state == MACHINE_PRELAUNCH;
    if (status->replay_mode != REPLAY_NONE || worker->recording_is_busy) {
        return "the machine records or replays already";
    }
    if (is_replay && !is_new) {
        return "the guest has run already: start the machine paused";
    }
    return may_run_on(status->state) ? NULL
                                     : "the guest does not run any more: start the machine again";
}

static bool may_begin(Worker *worker, bool is_replay, const char *name, GError **error)
{
    WorkerStatus status = worker_status(worker);
    const char *problem = find_problem(worker, &status, is_replay);
    if (!worker_recording_name_is_valid(name)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'recording' expects 1 to 64 letters, digits, '.', '_' and '-', "
                    "beginning with a letter or digit, not '%s'",
                    name);
        return false;
    }
    if (problem) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE, "Cannot %s '%s': %s",
                    is_replay ? "replay" : "record", name, problem);
    }
    return problem == NULL;
}

/* Starting takes two steps: the files are digested on a thread of their own, then the machine
 * thread begins. */
typedef struct {
    Worker *worker;
    ApiRequest *request;
    char *name;
    bool is_replay;
    bool has_keyframes;
    Recording *recording;
} Begin;

static void begin_free(gpointer data)
{
    Begin *begin = data;
    recording_free(begin->recording);
    g_free(begin->name);
    g_free(begin);
}

static void execute_begin(WorkerCall *call)
{
    Begin *begin = call->data;
    Machine *machine = call->worker->machine;
    MachineRunState state = machine_run_state(machine);
    if (begin->is_replay ? state != MACHINE_PRELAUNCH : !may_run_on(state)) {
        g_set_error(&call->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "the guest was %s in the meantime", begin->is_replay ? "started" : "stopped");
        return;
    }
    if (!begin->is_replay) {
        if (worker_recording_begin(call->worker, g_steal_pointer(&begin->recording), NULL,
                                   &call->error) &&
            !begin->has_keyframes) {
            machine_return_keyframes(machine, machine_take_keyframes(machine));
        }
        return;
    }
    LogReader *log = worker_recording_prepare(call->worker, begin->recording, &call->error);
    Position start, end;
    if (!log) {
        return;
    }
    log_reader_range(log, &start, &end);
    if (machine_play(machine, log, SYNC_MINIMAL, &call->error) &&
        machine_keep_keyframes(machine, KEYFRAME_BUDGET, KEYFRAME_INTERVAL, &call->error)) {
        g_mutex_lock(&call->worker->lock);
        call->worker->status.end = end;
        g_mutex_unlock(&call->worker->lock);
        worker_keyframes_open(call->worker, begin->name);
    }
}

static void finish_begin(WorkerCall *call)
{
    Begin *begin = call->data;
    call->worker->recording_is_busy = false;
    if (!call->error) {
        g_free(call->worker->recording);
        call->worker->recording = g_strdup(begin->name);
        call->worker->has_recorded = !begin->is_replay;
    } else if (!begin->is_replay) {
        worker_recording_forget(call->worker, begin->name);
    }
}

static void files_are_digested(GObject *source, GAsyncResult *result, gpointer data)
{
    Begin *begin = data;
    GError *error = NULL;
    JsonNode *files = g_task_propagate_pointer(G_TASK(result), &error);
    bool good = files != NULL;
    if (good && begin->is_replay) {
        begin->recording = worker_recording_open(begin->worker, begin->name, files, &error);
    } else if (good) {
        begin->recording = worker_recording_create(begin->worker, begin->name, files, &error);
    }
    g_clear_pointer(&files, json_node_unref);
    if (!begin->recording) {
        begin->worker->recording_is_busy = false;
        api_request_fail(begin->request, error);
        begin_free(begin);
        return;
    }
    worker_call(begin->worker, begin->request, execute_begin, finish_begin, begin, begin_free);
}

static void begin(ApiRequest *request, const char *name, bool is_replay, bool has_keyframes)
{
    Worker *worker = worker_of_request(request);
    GError *error = NULL;
    if (!may_begin(worker, is_replay, name, &error)) {
        api_request_fail(request, error);
        return;
    }
    Begin *begin = g_new0(Begin, 1);
    *begin = (Begin){ .worker = worker,
                      .request = request,
                      .name = g_strdup(name),
                      .is_replay = is_replay,
                      .has_keyframes = has_keyframes };
    worker->recording_is_busy = true;
    worker_recording_digest_files(worker, files_are_digested, begin);
}

void cmd_record_start(ApiRequest *request, const RecordStartArgs *arguments)
{
    bool has_keyframes = !arguments->has_keyframes || arguments->keyframes;
    begin(request, arguments->recording, false, has_keyframes);
}

void cmd_replay_start(ApiRequest *request, const ReplayStartArgs *arguments)
{
    begin(request, arguments->recording, true, true);
}

static void execute_record_stop(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    /* A guest that powers off closes the recording by itself: that is as good. */
    bool is_closed =
        call->worker->has_recorded && replay_mode(machine_replay(machine)) == REPLAY_NONE;
    if (!is_closed && !machine_record_stop(machine, &call->error)) {
        set_class(&call->error, API_ERROR_DEVICE_NOT_ACTIVE);
        return;
    }
    worker_recording_seal(call->worker);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "recording", call->data);
    set_unsigned(object, "icount", machine_position(machine).icount);
    call->reply = object_node(object);
}

void cmd_record_stop(ApiRequest *request, const RecordStopArgs *arguments)
{
    Worker *worker = worker_of_request(request);
    worker_call(worker, request, execute_record_stop, NULL,
                g_strdup(worker->recording ? worker->recording : ""), g_free);
}

static void execute_mark(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    Position position = machine_position(machine);
    if (!replay_note(machine_replay(machine), &position, call->data)) {
        g_set_error(&call->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "The machine is not recording");
    }
}

void cmd_record_mark(ApiRequest *request, const RecordMarkArgs *arguments)
{
    if (!*arguments->name || strlen(arguments->name) > 255) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameter 'name' expects 1 to 255 bytes");
        return;
    }
    worker_call(worker_of_request(request), request, execute_mark, NULL, g_strdup(arguments->name),
                g_free);
}

bool cmd_query_replay(ApiSession *session, const QueryReplayArgs *arguments, JsonNode **reply,
                      GError **error)
{
    Worker *worker = worker_of(session);
    WorkerStatus status = worker_status(worker);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "mode", replay_mode_name(status.replay_mode));
    if (worker->recording && status.replay_mode != REPLAY_NONE) {
        json_object_set_string_member(object, "filename", worker->recording);
    }
    set_unsigned(object, "icount", status.position.icount);
    set_unsigned(object, "virtual-ns", status.position.virtual_ns);
    json_object_set_string_member(object, "status", replay_status_name(status.replay_status));
    if (status.replay_mode == REPLAY_PLAY) {
        set_unsigned(object, "end-icount", status.end.icount);
    }
    set_unsigned(object, "hash-points", status.counters.hashes);
    *reply = object_node(object);
    return true;
}

static JsonArray *string_array(char **texts)
{
    JsonArray *array = json_array_new();
    for (char **text = texts; text && *text; text++) {
        json_array_add_string_element(array, *text);
    }
    return array;
}

static void execute_divergence(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    const ReplayDivergence *found = replay_divergence(machine_replay(machine));
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "diverged", found != NULL);
    if (found) {
        char pc[24];
        g_snprintf(pc, sizeof(pc), "0x%" G_GINT64_MODIFIER "x", machine_cpu(machine, 0)->s.cia);
        set_unsigned(object, "icount", found->position.icount);
        set_unsigned(object, "virtual-ns", found->position.virtual_ns);
        json_object_set_string_member(object, "pc", pc);
        json_object_set_string_member(object, "expected", found->expected);
        json_object_set_string_member(object, "found", found->found);
        json_object_set_array_member(object, "components", string_array(found->components));
        json_object_set_string_member(object, "text", found->text);
    }
    call->reply = object_node(object);
}

void cmd_query_divergence(ApiRequest *request, const QueryDivergenceArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_divergence, NULL, NULL, NULL);
}
