/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Recordings that branch off from each other: how they come about, and where they differ.
 *
 * A take-over leaves the replay where it is. An import of edited inputs finds the first one that is
 * not as it was, lets the replay run to its end to see when the others came (the log knows most of
 * them by a count of instructions, which means nothing in another future), goes in front of that
 * first one, takes over there, and gives the machine the rest at their times.
 */

#include "machine/commands/commands.h"

#include "machine/script.h"
#include "machine/time-travel.h"
#include "machine/worker-recording.h"
#include "replay/event-json.h"
#include "replay/replay-seek.h"

#include <string.h>

/* --- taking over ------------------------------------------------------------------------------ */

#define CHILDREN_MAX 10000

typedef struct {
    Worker *worker;
    ApiRequest *request;
    char *name;   /* of the new recording */
    char *parent; /* of the replayed one */
    Recording *recording;
    InputScript *script; /* what the machine is given from then on, or NULL */
} Takeover;

static void takeover_free(gpointer data)
{
    Takeover *takeover = data;
    recording_free(takeover->recording);
    input_script_free(takeover->script);
    g_free(takeover->parent);
    g_free(takeover->name);
    g_free(takeover);
}

/* The parent's name and a number: "first-1". NULL if there are too many. */
static char *free_name(Worker *worker)
{
    for (unsigned n = 1; n < CHILDREN_MAX; n++) {
        g_autofree char *name = g_strdup_printf("%.56s-%u", worker->recording, n);
        if (!worker_recording_exists(worker, name))
            return g_steal_pointer(&name);
    }
    return NULL;
}

static void execute_takeover(WorkerCall *call)
{
    Takeover *takeover = call->data;
    Machine *machine = call->worker->machine;
    RecordingBranch branch = { takeover->parent, machine_position(machine) };
    if (!machine_take_over(machine, &call->error) ||
        !worker_recording_begin(call->worker, g_steal_pointer(&takeover->recording), &branch,
                                &call->error)) {
        set_class(&call->error, API_ERROR_GENERIC);
        return;
    }
    machine_set_script(machine, g_steal_pointer(&takeover->script));
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "recording", takeover->name);
    json_object_set_string_member(object, "parent", takeover->parent);
    set_unsigned(object, "icount", branch.position.icount);
    set_unsigned(object, "virtual-ns", branch.position.virtual_ns);
    call->reply = object_node(object);
}

static void finish_takeover(WorkerCall *call)
{
    Takeover *takeover = call->data;
    Worker *worker = call->worker;
    worker->recording_is_busy = false;
    if (call->error) {
        worker_recording_forget(worker, takeover->name);
        return;
    }
    g_free(worker->recording);
    worker->recording = g_strdup(takeover->name);
    worker->has_recorded = true;
}

static void takeover_digested(GObject *source, GAsyncResult *result, gpointer user)
{
    Takeover *takeover = user;
    Worker *worker = takeover->worker;
    GError *error = NULL;
    JsonNode *files = g_task_propagate_pointer(G_TASK(result), &error);
    if (files)
        takeover->recording = worker_recording_create(worker, takeover->name, files, &error);
    g_clear_pointer(&files, json_node_unref);
    if (takeover->recording) {
        worker_call(worker, takeover->request, execute_takeover, finish_takeover, takeover,
                    takeover_free);
        return;
    }
    worker->recording_is_busy = false;
    api_request_fail(takeover->request, error);
    takeover_free(takeover);
}

static const char *takeover_problem(Worker *worker, const char *name)
{
    if (worker_status(worker).replay_mode != REPLAY_PLAY)
        return "The machine does not replay: replay-start first";
    if (worker->recording_is_busy)
        return "The replay is being started or goes to another place: `stop` ends that, or wait";
    if (!name || !worker_recording_name_is_valid(name))
        return "A recording's name is 1 to 64 letters, digits, '.', '_' and '-', beginning with a "
               "letter or digit";
    return NULL;
}

/* Leaves the replay where it is; SCRIPT (taken) may be NULL. Answers the request. */
static void take_over(ApiRequest *request, const char *wanted, InputScript *script)
{
    Worker *worker = worker_of_request(request);
    g_autofree char *name = wanted              ? g_strdup(wanted)
                            : worker->recording ? free_name(worker)
                                                : g_strdup("child");
    const char *problem = takeover_problem(worker, name);
    if (problem) {
        input_script_free(script);
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE, "%s", problem);
        return;
    }
    Takeover *takeover = g_new0(Takeover, 1);
    *takeover = (Takeover){ .worker = worker,
                            .request = request,
                            .name = g_steal_pointer(&name),
                            .parent = g_strdup(worker->recording),
                            .script = script };
    worker->recording_is_busy = true;
    worker_recording_digest_files(worker, takeover_digested, takeover);
}

void cmd_replay_takeover(ApiRequest *request, const ReplayTakeoverArgs *arguments)
{
    take_over(request, arguments->recording, NULL);
}

/* --- going on otherwise ----------------------------------------------------------------------- */

/* An input as a client wants it to be. */
typedef struct {
    bool has_number, has_time;
    uint64_t number;     /* of the event in the log that it stands for */
    uint64_t virtual_ns; /* when it is to come */
    GByteArray *stored;  /* the event as in a log */
} WantedInput;

typedef struct {
    Worker *worker;
    ApiRequest *request;
    char *name;
    GArray *wanted;    /* of WantedInput */
    guint kept;        /* so many at the beginning are as they were */
    uint64_t original; /* number of the first event that is not; UINT64_MAX: none is */
    uint64_t from;     /* events of smaller numbers are as they were */
    SeekTarget branch;
    InputScript *script;
    GError *error;
} Import;

static void clear_wanted(gpointer wanted)
{
    g_byte_array_unref(((WantedInput *)wanted)->stored);
}

static void import_free(Import *import)
{
    g_array_unref(import->wanted);
    input_script_free(import->script);
    g_clear_error(&import->error);
    g_free(import->name);
    g_free(import);
}

static WantedInput *wanted_at(const Import *import, guint index)
{
    return &g_array_index(import->wanted, WantedInput, index);
}

/* Numbers of positions are decimal texts in exported lines; a person may write a number. */
static bool take_number(JsonObject *line, const char *name, bool *has, uint64_t *number,
                        GError **error)
{
    JsonNode *node = json_object_get_member(line, name);
    bool good = false;
    *has = node && !JSON_NODE_HOLDS_NULL(node);
    if (!*has) {
        return true;
    }
    GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
    if (type == G_TYPE_STRING) {
        good = g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, G_MAXUINT64, number,
                                          NULL);
    } else if (type == G_TYPE_INT64 && json_node_get_int(node) >= 0) {
        *number = (uint64_t)json_node_get_int(node);
        good = true;
    }
    if (!good) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "member '%s' of the event expects a number from 0 on, or a text of one", name);
    }
    return good;
}

/* Where an event is to come, and whether there is somebody to take it. */
static bool take_place(const Import *import, const Event *event, JsonObject *line,
                       WantedInput *wanted, GError **error)
{
    if (!machine_takes_input(import->worker->machine, event)) {
        g_autofree char *text = event_to_text(event);
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "this machine has no device to take %s",
                    text);
        return false;
    }
    if (!take_number(line, "number", &wanted->has_number, &wanted->number, error) ||
        !take_number(line, "virtual-ns", &wanted->has_time, &wanted->virtual_ns, error)) {
        return false;
    }
    if (!wanted->has_number && !wanted->has_time) {
        g_set_error_literal(error, API_ERROR, API_ERROR_GENERIC,
                            "it has neither 'number', of the event that it stands for, nor "
                            "'virtual-ns', when it is to come");
        return false;
    }
    return true;
}

/* Lines that are no inputs are left out: values are the host's own from the branch on. */
static bool take_line(Import *import, gsize index, JsonNode *node, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    JsonObject *line = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    WantedInput wanted = { 0 };
    Event event;
    if (!line) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "event %zu is no object", index);
        return false;
    }
    if (!event_from_json(&event, line, bytes, error)) {
        g_prefix_error(error, "event %zu: ", index);
        return false;
    }
    if (event_class(&event) != EVENT_CLASS_INPUT) {
        return true;
    }
    if (!take_place(import, &event, line, &wanted, error)) {
        g_prefix_error(error, "event %zu: ", index);
        return false;
    }
    wanted.stored = g_byte_array_new();
    event_encode(&event, wanted.stored);
    g_array_append_val(import->wanted, wanted);
    return true;
}

static bool is_as_it_was(const WantedInput *wanted, const LogEvent *event)
{
    g_autoptr(GByteArray) stored = g_byte_array_new();
    event_encode(&event->event, stored);
    return wanted->has_number && wanted->number == event->number &&
           (!wanted->has_time ||
            (event->position.sequence && wanted->virtual_ns == event->position.virtual_ns)) &&
           stored->len == wanted->stored->len &&
           memcmp(stored->data, wanted->stored->data, stored->len) == 0;
}

/* All of the recording's inputs, among COUNT events, are as they were: is there another one? */
static bool is_something_new(const Import *import, uint64_t count, GError **error)
{
    if (import->from > count) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'from' is %" G_GUINT64_FORMAT
                    ", but the recording has %" G_GUINT64_FORMAT
                    " events: give the number of the first event that `events` begins with",
                    import->from, count);
        return false;
    }
    if (import->kept == import->wanted->len) {
        g_set_error_literal(error, API_ERROR, API_ERROR_GENERIC,
                            "All inputs are those of the recording: there is nothing to go on "
                            "with otherwise");
        return false;
    }
    return true;
}

/* How many inputs are as they were; *FROM is a place at or before the first that is not. */
static bool find_change(Import *import, SeekTarget *from, GError **error)
{
    g_autoptr(LogCursor) cursor = replay_log_cursor(machine_replay(import->worker->machine));
    LogEvent event;
    LogStep step;
    uint64_t count = 0;
    import->original = UINT64_MAX;
    while ((step = log_cursor_next(cursor, &event, error)) == LOG_STEP_EVENT) {
        count = event.number + 1;
        if (event_class(&event.event) != EVENT_CLASS_INPUT) {
            continue;
        }
        if (event.number < import->from) {
            from->icount = event.position.icount;
            continue;
        }
        if (import->kept == import->wanted->len ||
            !is_as_it_was(wanted_at(import, import->kept), &event)) {
            import->original = event.number;
            return true;
        }
        from->icount = event.position.icount;
        import->kept++;
    }
    return step == LOG_STEP_END && is_something_new(import, count, error);
}

static const MachineInput *find_input(const MachineAnswer *found, uint64_t number)
{
    for (guint i = 0; i < found->inputs->len; i++) {
        const MachineInput *input = &g_array_index(found->inputs, MachineInput, i);
        if (input->number == number) {
            return input;
        }
    }
    return NULL;
}

/* One after the other, those that are not as they were get their times. */
static bool make_script(Import *import, const MachineAnswer *found, GError **error)
{
    import->script = input_script_new();
    for (guint i = import->kept; i < import->wanted->len; i++) {
        const WantedInput *wanted = wanted_at(import, i);
        const MachineInput *input = wanted->has_time ? NULL : find_input(found, wanted->number);
        Event event;
        if (!wanted->has_time && !input) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "Input %u has the number %" G_GUINT64_FORMAT
                        ", which is no input's after the first change: give it a 'virtual-ns'",
                        i, wanted->number);
            return false;
        }
        event_decode(&event, wanted->stored->data, wanted->stored->len, NULL);
        uint64_t time = input ? input->position.virtual_ns : wanted->virtual_ns;
        if (!input_script_add(import->script, time, &event)) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "Input %u comes at %" G_GUINT64_FORMAT
                        " ns, before the one in front of it: put them in the order of their times",
                        i, time);
            return false;
        }
    }
    return true;
}

/* In front of the first input that goes, or where the first one comes that is new. */
static void find_branch(Import *import, const MachineAnswer *found)
{
    const MachineInput *original = find_input(found, import->original);
    const WantedInput *first =
        import->kept < import->wanted->len ? wanted_at(import, import->kept) : NULL;
    import->branch = (SeekTarget){ 0, UINT64_MAX };
    if (original) {
        import->branch = (SeekTarget){ original->position.icount, original->position.virtual_ns };
    }
    if (first && first->has_time && first->virtual_ns < import->branch.virtual_ns) {
        import->branch = (SeekTarget){ 0, first->virtual_ns };
    }
}

static gboolean go_on_otherwise(gpointer user)
{
    Import *import = user;
    import->worker->recording_is_busy = false;
    if (import->error) {
        set_class(&import->error, API_ERROR_GENERIC);
        api_request_fail(import->request, g_steal_pointer(&import->error));
    } else {
        take_over(import->request, import->name, g_steal_pointer(&import->script));
    }
    import_free(import);
    return G_SOURCE_REMOVE;
}

/* Machine thread, as all up to the request. */
static void end_import(Import *import, const GError *error)
{
    if (error && !import->error) {
        import->error = g_error_copy(error);
    }
    g_idle_add_full(G_PRIORITY_DEFAULT, go_on_otherwise, import, NULL);
}

static void import_is_there(void *opaque, const GError *error)
{
    end_import(opaque, error);
}

static void times_are_known(void *opaque, const MachineAnswer *found, const GError *error)
{
    Import *import = opaque;
    bool good = found && make_script(import, found, &import->error);
    if (good) {
        find_branch(import, found);
        good = is_recorded(import->worker, &import->branch, &import->error) &&
               machine_seek(import->worker->machine, &import->branch, import_is_there, import,
                            &import->error);
    }
    if (!good) {
        end_import(import, error);
    }
}

static void execute_import(WorkerCall *call)
{
    Import *import = call->data;
    MachineQuestion question = { .before = { UINT64_MAX, UINT64_MAX }, .most = 1 };
    if (!is_replaying(import->worker, &call->error) ||
        !find_change(import, &question.from, &call->error)) {
        return;
    }
    question.places = breakpoints_new();
    machine_ask(import->worker->machine, &question, times_are_known, import, &call->error);
}

static void finish_import(WorkerCall *call)
{
    if (call->error) {
        Import *import = call->data;
        import->error = g_steal_pointer(&call->error);
        go_on_otherwise(import);
    }
}

void cmd_replay_import(ApiRequest *request, const ReplayImportArgs *arguments)
{
    Worker *worker = worker_of_request(request);
    const char *name = arguments->recording;
    const char *problem = takeover_problem(worker, name ? name : "child");
    Import *import = g_new0(Import, 1);
    *import = (Import){ .worker = worker,
                        .request = request,
                        .name = g_strdup(name),
                        .from = arguments->has_from_ ? arguments->from_ : 0 };
    import->wanted = g_array_new(FALSE, FALSE, sizeof(WantedInput));
    g_array_set_clear_func(import->wanted, clear_wanted);
    if (problem) {
        g_set_error_literal(&import->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE, problem);
    }
    for (gsize i = 0; !import->error && i < arguments->events_count; i++) {
        take_line(import, i, arguments->events[i], &import->error);
    }
    if (import->error) {
        set_class(&import->error, API_ERROR_GENERIC);
        api_request_fail(request, g_steal_pointer(&import->error));
        import_free(import);
        return;
    }
    worker->recording_is_busy = true;
    worker_call(worker, NULL, execute_import, finish_import, import, NULL);
}

/* --- comparing -------------------------------------------------------------------------------- */

typedef struct {
    Worker *worker;
    ApiRequest *request;
    char *name[2];
    LogDifference difference;
} Compare;

static void compare_free(Compare *compare)
{
    log_difference_clear(&compare->difference);
    g_free(compare->name[0]);
    g_free(compare->name[1]);
    g_free(compare);
}

static void compare_logs(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Compare *compare = data;
    GError *error = NULL;
    g_autoptr(LogTrack) a = worker_recording_track(compare->worker, compare->name[0], &error);
    g_autoptr(LogTrack) b =
        a ? worker_recording_track(compare->worker, compare->name[1], &error) : NULL;
    if (b && log_compare(a, b, &compare->difference, &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

static JsonObject *side_object(const LogSide *side)
{
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", side->position.icount);
    if (side->line) {
        json_object_set_member(object, "event", json_from_string(side->line, NULL));
    }
    return object;
}

static JsonNode *comparison_node(const LogDifference *difference)
{
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "same", difference->is_same);
    set_unsigned(object, "common-events", difference->common);
    if (!difference->is_same) {
        json_object_set_object_member(object, "first", side_object(&difference->side[0]));
        json_object_set_object_member(object, "second", side_object(&difference->side[1]));
    }
    return object_node(object);
}

static void compared(GObject *source, GAsyncResult *result, gpointer user)
{
    Compare *compare = user;
    GError *error = NULL;
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        api_request_reply(compare->request, comparison_node(&compare->difference));
    } else {
        set_class(&error, API_ERROR_GENERIC);
        api_request_fail(compare->request, error);
    }
    compare_free(compare);
}

void cmd_recording_compare(ApiRequest *request, const RecordingCompareArgs *arguments)
{
    if (!worker_recording_name_is_valid(arguments->recording) ||
        !worker_recording_name_is_valid(arguments->other)) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "A recording's name is 1 to 64 letters, digits, '.', '_' and '-', "
                              "beginning with a letter or digit");
        return;
    }
    Compare *compare = g_new0(Compare, 1);
    *compare = (Compare){ .worker = worker_of_request(request),
                          .request = request,
                          .name = { g_strdup(arguments->recording), g_strdup(arguments->other) } };
    g_autoptr(GTask) task = g_task_new(NULL, NULL, compared, compare);
    g_task_set_task_data(task, compare, NULL);
    g_task_run_in_thread(task, compare_logs);
}
