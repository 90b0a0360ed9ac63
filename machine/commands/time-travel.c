/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Going to other places of a replay (machine/time-travel.h).
 *
 * A seek begins on the machine thread, in a task; it has ended when the machine has stopped, at the
 * target or elsewhere. Only then is the request answered.
 */

#include "machine/commands/commands.h"

#include "machine/time-travel.h"
#include "machine/worker-recording.h"
#include "replay/replay-seek.h"

typedef enum { TO_ICOUNT, TO_TIME, TO_LANDMARK, BACK_BY } SeekKind;

typedef struct {
    Worker *worker;
    ApiRequest *request;
    SeekKind kind;
    uint64_t number; /* icount, ns, or how many */
    ReplayLandmark landmark;
    char *name; /* of a mark */
    GError *error;
    Position position; /* where it stopped */
} Seek;

static void seek_free(Seek *seek)
{
    g_clear_error(&seek->error);
    g_free(seek->name);
    g_free(seek);
}

static JsonNode *place_node(const Position *position)
{
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", position->icount);
    set_unsigned(object, "virtual-ns", position->virtual_ns);
    return object_node(object);
}

/* --- places ----------------------------------------------------------------------------------- */

bool is_replaying(Worker *worker, GError **error)
{
    if (replay_mode(machine_replay(worker->machine)) == REPLAY_PLAY)
        return true;
    g_set_error_literal(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                        "The machine does not replay: replay-start first");
    return false;
}

static bool is_within(uint64_t value, uint64_t end, const char *unit, GError **error)
{
    if (value > end)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "The recording ends at %" G_GUINT64_FORMAT " %s: there is no %" G_GUINT64_FORMAT
                    "; the last place is %" G_GUINT64_FORMAT,
                    end, unit, value, end);
    return value <= end;
}

bool is_recorded(Worker *worker, const SeekTarget *place, GError **error)
{
    Position end = worker_status(worker).end;
    return is_replaying(worker, error) &&
           is_within(place->icount, end.icount, "instructions", error) &&
           is_within(place->virtual_ns, end.virtual_ns, "ns of virtual time", error);
}

/* --- seeking ---------------------------------------------------------------------------------- */

static gboolean answer(gpointer user)
{
    Seek *seek = user;
    seek->worker->recording_is_busy = false;
    if (seek->error) {
        set_class(&seek->error, API_ERROR_GENERIC);
        api_request_fail(seek->request, g_steal_pointer(&seek->error));
    } else {
        api_request_reply(seek->request, place_node(&seek->position));
    }
    seek_free(seek);
    return G_SOURCE_REMOVE;
}

/* Machine thread. */
static void seek_done(void *opaque, const GError *error)
{
    Seek *seek = opaque;
    seek->position = machine_position(seek->worker->machine);
    seek->error = error ? g_error_copy(error) : NULL;
    worker_publish(seek->worker);
    g_idle_add_full(G_PRIORITY_DEFAULT, answer, seek, NULL);
}

static bool find_back(uint64_t icount, uint64_t count, SeekTarget *target, GError **error)
{
    if (count > icount)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Cannot go back by %" G_GUINT64_FORMAT " instructions from %" G_GUINT64_FORMAT,
                    count, icount);
    *target = (SeekTarget){ icount - count, 0 };
    return count <= icount;
}

static bool find_target(Seek *seek, SeekTarget *target, GError **error)
{
    Machine *machine = seek->worker->machine;
    Position position = machine_position(machine);
    if (!is_replaying(seek->worker, error))
        return false;
    switch (seek->kind) {
    case TO_ICOUNT: *target = (SeekTarget){ seek->number, 0 }; return true;
    case TO_TIME: *target = (SeekTarget){ 0, seek->number }; return true;
    case BACK_BY: return find_back(position.icount, seek->number, target, error);
    default: break;
    }
    if (!replay_find_landmark(machine_replay(machine), seek->landmark, seek->number, seek->name,
                              &position, error))
        return false;
    *target = (SeekTarget){ position.icount, position.virtual_ns };
    return true;
}

static void execute_seek(WorkerCall *call)
{
    Seek *seek = call->data;
    SeekTarget target;
    if (find_target(seek, &target, &call->error) &&
        is_recorded(seek->worker, &target, &call->error))
        machine_seek(call->worker->machine, &target, seek_done, seek, &call->error);
}

static void finish_seek(WorkerCall *call)
{
    if (call->error) {
        Seek *seek = call->data;
        seek->error = g_steal_pointer(&call->error);
        answer(seek);
    }
}

static void begin(ApiRequest *request, SeekKind kind, ReplayLandmark landmark, uint64_t number,
                  const char *name)
{
    Worker *worker = worker_of_request(request);
    if (worker->recording_is_busy) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE,
                              "A replay is being started or goes to another place: `stop` ends "
                              "that, or wait for it");
        return;
    }
    Seek *seek = g_new0(Seek, 1);
    *seek = (Seek){ .worker = worker,
                    .request = request,
                    .kind = kind,
                    .number = number,
                    .landmark = landmark,
                    .name = g_strdup(name) };
    worker->recording_is_busy = true;
    worker_call(worker, NULL, execute_seek, finish_seek, seek, NULL);
}

void cmd_replay_seek(ApiRequest *request, const ReplaySeekArgs *arguments)
{
    unsigned given = arguments->has_icount + arguments->has_time + arguments->has_event +
                     arguments->has_clock + (arguments->mark != NULL);
    if (given != 1)
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Exactly one of 'icount', 'time', 'event', 'mark' and 'clock' is "
                              "expected");
    else if (arguments->has_icount)
        begin(request, TO_ICOUNT, 0, arguments->icount, NULL);
    else if (arguments->has_time)
        begin(request, TO_TIME, 0, arguments->time, NULL);
    else if (arguments->has_event)
        begin(request, TO_LANDMARK, REPLAY_LANDMARK_EVENT, arguments->event, NULL);
    else if (arguments->has_clock)
        begin(request, TO_LANDMARK, REPLAY_LANDMARK_CLOCK, arguments->clock, NULL);
    else
        begin(request, TO_LANDMARK, REPLAY_LANDMARK_MARK, 0, arguments->mark);
}

void cmd_reverse_step(ApiRequest *request, const ReverseStepArgs *arguments)
{
    begin(request, BACK_BY, 0, arguments->has_count ? arguments->count : 1, NULL);
}

/* --- breaks ----------------------------------------------------------------------------------- */

static void execute_break(WorkerCall *call)
{
    const SeekTarget *place = call->data;
    if (is_recorded(call->worker, place, &call->error) &&
        !machine_break_at(call->worker->machine, place->icount, &call->error))
        set_class(&call->error, API_ERROR_GENERIC);
}

void cmd_replay_break(ApiRequest *request, const ReplayBreakArgs *arguments)
{
    SeekTarget place = { .icount = arguments->icount };
    worker_call(worker_of_request(request), request, execute_break, NULL,
                g_memdup2(&place, sizeof place), g_free);
}

static void execute_delete_break(WorkerCall *call)
{
    machine_delete_break(call->worker->machine);
}

void cmd_replay_delete_break(ApiRequest *request, const ReplayDeleteBreakArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_delete_break, NULL, NULL, NULL);
}

/* --- the timeline ----------------------------------------------------------------------------- */

static JsonArray *keyframe_array(const KeyframeSet *frames)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < keyframe_set_count(frames); i++)
        json_array_add_element(array, place_node(&keyframe_set_get(frames, i)->position));
    return array;
}

static JsonArray *mark_array(Replay *replay)
{
    g_autoptr(LogCursor) cursor = replay_log_cursor(replay);
    JsonArray *array = json_array_new();
    LogEvent event;
    while (log_cursor_next(cursor, &event, NULL) == LOG_STEP_EVENT) {
        if (event.event.kind != EVENT_MARK)
            continue;
        const char *text = (const char *)event.event.mark.name;
        g_autofree char *name = g_utf8_make_valid(text, event.event.mark.name_length);
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "name", name);
        set_unsigned(object, "event", event.number);
        set_unsigned(object, "icount", event.position.icount);
        json_array_add_object_element(array, object);
    }
    return array;
}

static void execute_timeline(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    const KeyframeSet *frames = machine_keyframes(machine);
    uint64_t stop;
    if (!frames || replay_mode(machine_replay(machine)) != REPLAY_PLAY) {
        g_set_error_literal(&call->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                            "The machine does not replay");
        return;
    }
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", machine_position(machine).icount);
    set_unsigned(object, "end-icount", worker_status(call->worker).end.icount);
    if (machine_get_break(machine, &stop))
        set_unsigned(object, "break-icount", stop);
    json_object_set_array_member(object, "keyframes", keyframe_array(frames));
    set_unsigned(object, "keyframe-bytes", keyframe_set_bytes(frames));
    json_object_set_array_member(object, "marks", mark_array(machine_replay(machine)));
    call->reply = object_node(object);
}

static void finish_timeline(WorkerCall *call)
{
    Worker *worker = call->worker;
    if (!call->reply)
        return;
    g_autoptr(GArray) children = worker_recording_children(worker, worker->recording);
    JsonArray *array = json_array_new();
    for (guint i = 0; i < children->len; i++) {
        const RecordingChild *child = &g_array_index(children, RecordingChild, i);
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "recording", child->name);
        set_unsigned(object, "icount", child->position.icount);
        set_unsigned(object, "virtual-ns", child->position.virtual_ns);
        json_array_add_object_element(array, object);
    }
    json_object_set_array_member(json_node_get_object(call->reply), "branches", array);
}

void cmd_query_timeline(ApiRequest *request, const QueryTimelineArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_timeline, finish_timeline, NULL, NULL);
}
