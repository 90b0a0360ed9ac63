/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The daemon's commands. What takes time answers later; see daemon/create.c for machine-create. */

#include "api-daemon-commands.h"

#include "daemon/process.h"
#include "daemon/relay.h"
#include "daemon/remove.h"
#include "daemon/tap.h"

#include <string.h>
#include <sys/stat.h>

#define KILL_GRACE_MS  5000
#define STOP_TIMEOUT_S 60

static Supervisor *supervisor_of(ApiSession *session)
{
    return api_session_context(session);
}

static Machine *machine_for(ApiRequest *request, const char *name)
{
    GError *error = NULL;
    Machine *machine = supervisor_find(api_request_context(request), name, &error);
    if (!machine) {
        api_request_fail(request, error);
    }
    return machine;
}

static Machine *running_machine_for(ApiRequest *request, const char *name)
{
    Machine *machine = machine_for(request, name);
    if (machine && !machine->pid) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE, "The machine '%s' is %s", name,
                              machine_state_name(machine->state));
        return NULL;
    }
    return machine;
}

static JsonNode *take_array(JsonArray *array)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

static JsonNode *take_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

/* machine-start: the process, then the recording or replay, then the guest. */

typedef struct {
    ApiRequest *request;
    bool paused;
    Descriptors *descriptors;  /* for the machine; NULL once it has them */
    char *command, *recording; /* record-start or replay-start, or NULL */
} Starting;

static void starting_free(Starting *starting)
{
    descriptors_free(starting->descriptors);
    g_free(starting->recording);
    g_free(starting);
}

static void guest_is_started(Machine *machine, JsonNode *reply, const GError *error, gpointer data)
{
    Starting *starting = data;
    if (error) {
        api_request_fail(starting->request, g_error_copy(error));
        process_end(machine, KILL_GRACE_MS);
    } else {
        api_request_reply(starting->request, machine_info(machine));
    }
    starting_free(starting);
}

static void start_guest(Machine *machine, Starting *starting)
{
    if (starting->paused) {
        guest_is_started(machine, NULL, NULL, starting);
    } else {
        relay_execute(machine->relay, "cont", NULL, guest_is_started, starting);
    }
}

static void recording_is_started(Machine *machine, JsonNode *reply, const GError *error,
                                 gpointer data)
{
    if (error) {
        guest_is_started(machine, NULL, error, data);
    } else {
        start_guest(machine, data);
    }
}

static void process_is_started(Machine *machine, GError *error, gpointer data)
{
    Starting *starting = data;
    if (error) {
        api_request_fail(starting->request, g_error_copy(error));
        starting_free(starting);
    } else if (starting->command) {
        g_autoptr(JsonObject) arguments = json_object_new();
        json_object_set_string_member(arguments, "recording", starting->recording);
        relay_execute(machine->relay, starting->command, arguments, recording_is_started, starting);
    } else {
        start_guest(machine, starting);
    }
}

static bool has_shut_down(Machine *machine)
{
    return machine->state == MACHINE_STATE_RUNNING &&
           g_strcmp0(machine->run_state, "shutdown") == 0;
}

/* Also when the process of a guest that had powered off is gone: now a new one. */
static void start_process(Machine *machine, gpointer data)
{
    Starting *starting = data;
    descriptors_free(machine->passed);
    machine->passed = g_steal_pointer(&starting->descriptors);
    process_start(machine, process_is_started, starting);
}

/* A replay needs no network: then what the client has not passed is not missed. */
static bool claim_taps(Machine *machine, ApiRequest *request, Starting *starting)
{
    GError *error = NULL;
    Descriptors *passed = api_session_descriptors(api_request_session(request));
    starting->descriptors = tap_claim(json_node_get_object(machine->definition), passed, &error);
    bool is_replay = g_strcmp0(starting->command, "replay-start") == 0;
    if (starting->descriptors || is_replay) {
        g_clear_error(&error);
        return true;
    }
    api_request_fail(request, error);
    starting_free(starting);
    return false;
}

void cmd_machine_start(ApiRequest *request, const MachineStartArgs *arguments)
{
    Machine *machine = machine_for(request, arguments->name);
    if (!machine) {
        return;
    }
    if ((machine->pid && !has_shut_down(machine)) || machine->supervisor->is_ending) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE,
                              "The machine '%s' is %s already", machine->name,
                              machine_state_name(machine->state));
        return;
    }
    if (machine->is_committing) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE,
                              "A disk of the machine '%s' is being committed", machine->name);
        return;
    }
    if (arguments->has_record && arguments->has_replay) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameters 'record' and 'replay' cannot be used together");
        return;
    }
    Starting *starting = g_new0(Starting, 1);
    starting->request = request;
    starting->paused = arguments->paused;
    starting->command = arguments->has_record   ? "record-start"
                        : arguments->has_replay ? "replay-start"
                                                : NULL;
    starting->recording = g_strdup(arguments->has_record ? arguments->record : arguments->replay);
    if (!claim_taps(machine, request, starting)) {
        return;
    }
    if (machine->pid) {
        process_on_end(machine, start_process, starting);
        process_end(machine, KILL_GRACE_MS);
    } else {
        start_process(machine, starting);
    }
}

/* machine-stop and machine-kill wait for the end of the process. */

typedef struct {
    ApiRequest *request;
    Supervisor *supervisor;
    char *name;
    gint64 timeout_s;
    guint timer;
} Stopping;

static void stopping_end(Stopping *stopping)
{
    if (stopping->timer) {
        g_source_remove(stopping->timer);
    }
    g_free(stopping->name);
    g_free(stopping);
}

static void has_ended(Machine *machine, gpointer data)
{
    Stopping *stopping = data;
    api_request_reply(stopping->request, NULL);
    stopping_end(stopping);
}

static gboolean stop_timed_out(gpointer data)
{
    Stopping *stopping = data;
    Machine *machine = g_hash_table_lookup(stopping->supervisor->machines, stopping->name);
    process_cancel_on_end(machine, stopping);
    api_request_fail_text(
        stopping->request, API_ERROR_GENERIC,
        "Timed out: the guest of '%s' has not powered off within %" G_GINT64_FORMAT
        " s, it runs on; machine-kill ends it",
        stopping->name, stopping->timeout_s);
    stopping->timer = 0;
    stopping_end(stopping);
    return G_SOURCE_REMOVE;
}

static void button_is_pressed(Machine *machine, JsonNode *reply, const GError *error, gpointer data)
{
    Stopping *stopping = data;
    bool is_waiting = machine->pid != 0;
    if (error && is_waiting && machine->state == MACHINE_STATE_RUNNING) {
        process_cancel_on_end(machine, stopping);
        api_request_fail(stopping->request, g_error_copy(error));
        stopping_end(stopping);
    }
}

static Stopping *stopping_new(ApiRequest *request, Machine *machine)
{
    Stopping *stopping = g_new0(Stopping, 1);
    stopping->request = request;
    stopping->supervisor = machine->supervisor;
    stopping->name = g_strdup(machine->name);
    process_on_end(machine, has_ended, stopping);
    return stopping;
}

void cmd_machine_stop(ApiRequest *request, const MachineStopArgs *arguments)
{
    Machine *machine = running_machine_for(request, arguments->name);
    if (!machine) {
        return;
    }
    Stopping *stopping = stopping_new(request, machine);
    if (has_shut_down(machine)) {
        process_end(machine, KILL_GRACE_MS);
        return;
    }
    stopping->timeout_s = arguments->has_timeout ? arguments->timeout : STOP_TIMEOUT_S;
    stopping->timer = g_timeout_add_seconds((guint)stopping->timeout_s, stop_timed_out, stopping);
    relay_execute(machine->relay, "system_powerdown", NULL, button_is_pressed, stopping);
}

void cmd_machine_kill(ApiRequest *request, const MachineKillArgs *arguments)
{
    Machine *machine = running_machine_for(request, arguments->name);
    if (machine) {
        stopping_new(request, machine);
        process_end(machine, KILL_GRACE_MS);
    }
}

void cmd_machine_destroy(ApiRequest *request, const MachineDestroyArgs *arguments)
{
    Machine *machine = machine_for(request, arguments->name);
    GError *error = NULL;
    if (!machine) {
        return;
    }
    if (machine->pid || machine->is_committing) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_ACTIVE,
                              "The machine '%s' is %s: machine-stop or machine-kill it first",
                              machine->name,
                              machine->pid ? machine_state_name(machine->state) : "committing");
    } else if (!remove_tree(machine->directory, &error)) {
        api_request_fail(request, error);
    } else {
        g_hash_table_remove(machine->supervisor->machines, arguments->name);
        api_request_reply(request, NULL);
    }
}

/* Looking */

static gint compare_machines(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Machine *)a)->name, ((const Machine *)b)->name);
}

static GList *sorted_machines(Supervisor *supervisor)
{
    return g_list_sort(g_hash_table_get_values(supervisor->machines), compare_machines);
}

bool cmd_machine_list(ApiSession *session, const MachineListArgs *arguments, JsonNode **reply,
                      GError **error)
{
    JsonArray *array = json_array_new();
    g_autoptr(GList) machines = sorted_machines(supervisor_of(session));
    for (GList *link = machines; link; link = link->next) {
        json_array_add_element(array, machine_info(link->data));
    }
    *reply = take_array(array);
    return true;
}

bool cmd_machine_info(ApiSession *session, const MachineInfoArgs *arguments, JsonNode **reply,
                      GError **error)
{
    Machine *machine = supervisor_find(supervisor_of(session), arguments->name, error);
    *reply = machine ? machine_info(machine) : NULL;
    return machine != NULL;
}

static void add_recordings(JsonArray *array, Machine *machine)
{
    g_autoptr(JsonNode) info = machine_info(machine);
    JsonArray *names = json_object_get_array_member(json_node_get_object(info), "recordings");
    for (guint i = 0; i < json_array_get_length(names); i++) {
        const char *name = json_array_get_string_element(names, i);
        g_autofree char *path = g_build_filename(machine->directory, "recordings", name, NULL);
        JsonObject *entry = json_object_new();
        json_object_set_string_member(entry, "machine", machine->name);
        json_object_set_string_member(entry, "recording", name);
        json_object_set_string_member(entry, "directory", path);
        json_array_add_object_element(array, entry);
    }
}

bool cmd_recording_list(ApiSession *session, const RecordingListArgs *arguments, JsonNode **reply,
                        GError **error)
{
    Supervisor *supervisor = supervisor_of(session);
    Machine *only = NULL;
    if (arguments->has_name && !(only = supervisor_find(supervisor, arguments->name, error))) {
        return false;
    }
    JsonArray *array = json_array_new();
    g_autoptr(GList) machines = sorted_machines(supervisor);
    for (GList *link = machines; link; link = link->next) {
        if (!only || only == link->data) {
            add_recordings(array, link->data);
        }
    }
    *reply = take_array(array);
    return true;
}

bool cmd_recording_delete(ApiSession *session, const RecordingDeleteArgs *arguments,
                          JsonNode **reply, GError **error)
{
    Machine *machine = supervisor_find(supervisor_of(session), arguments->name, error);
    const char *name = arguments->recording;
    if (!machine) {
        return false;
    }
    g_autofree char *path = g_build_filename(machine->directory, "recordings", name, NULL);
    bool is_name = *name && *name != '.' && !strchr(name, '/');
    if (!is_name || !g_file_test(path, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND,
                    "The machine '%s' has no recording '%s'", machine->name, name);
        return false;
    }
    if (machine->pid) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "The machine '%s' is %s and may be using the recording", machine->name,
                    machine_state_name(machine->state));
        return false;
    }
    return remove_tree(path, error);
}

bool cmd_events_since(ApiSession *session, const EventsSinceArgs *arguments, JsonNode **reply,
                      GError **error)
{
    Supervisor *supervisor = supervisor_of(session);
    JsonArray *events = json_array_new();
    uint64_t oldest = supervisor->sequence - supervisor->events->length + 1;
    uint64_t next = MIN(arguments->seq, supervisor->sequence);
    unsigned count = 0;
    for (GList *link = supervisor->events->head; link && count < 500; link = link->next) {
        JsonObject *event = json_node_get_object(link->data);
        uint64_t seq = (uint64_t)json_object_get_int_member(event, "seq");
        if (seq > arguments->seq) {
            json_array_add_element(events, json_node_copy(link->data));
            next = seq;
            count++;
        }
    }
    JsonObject *object = json_object_new();
    json_object_set_array_member(object, "events", events);
    json_object_set_int_member(object, "next", (gint64)next);
    json_object_set_boolean_member(object, "complete", arguments->seq + 1 >= oldest);
    *reply = take_object(object);
    return true;
}

bool cmd_query_metrics(ApiSession *session, const QueryMetricsArgs *arguments, JsonNode **reply,
                       GError **error)
{
    Supervisor *supervisor = supervisor_of(session);
    JsonObject *object = json_object_new();
    GHashTableIter iter;
    gpointer value;
    gint64 running = 0;
    g_hash_table_iter_init(&iter, supervisor->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        running += ((Machine *)value)->pid != 0;
    }
    json_object_set_int_member(object, "machines", g_hash_table_size(supervisor->machines));
    json_object_set_int_member(object, "running", running);
    json_object_set_int_member(object, "crashes", supervisor->crashes);
    json_object_set_int_member(object, "events", (gint64)supervisor->sequence);
    *reply = take_object(object);
    return true;
}

bool cmd_shutdown(ApiSession *session, const ShutdownArgs *arguments, JsonNode **reply,
                  GError **error)
{
    supervisor_end(supervisor_of(session));
    return true;
}
