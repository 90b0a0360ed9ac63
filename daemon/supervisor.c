/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Machines by name, and the events of all of them in one order.
 *
 * The state directory:
 *
 *     machines/NAME/definition.json   what machine-create was given, with absolute paths
 *     machines/NAME/qmp.sock          the machine's own socket, while it has a process
 *     machines/NAME/serial-ID.sock    raw consoles, likewise
 *     machines/NAME/recordings/...    made by the process
 *     machines/NAME/log.txt           what the last process wrote to its standard error
 */

#include "daemon/supervisor.h"

#include "api/json-reader.h"
#include "daemon/console.h"
#include "daemon/process.h"
#include "daemon/relay.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static const char *const state_names[] = {
    [MACHINE_STATE_STOPPED] = "stopped", [MACHINE_STATE_STARTING] = "starting",
    [MACHINE_STATE_RUNNING] = "running", [MACHINE_STATE_STOPPING] = "stopping",
    [MACHINE_STATE_CRASHED] = "crashed",
};

const char *machine_state_name(MachineState state)
{
    g_assert(state < G_N_ELEMENTS(state_names));
    return state_names[state];
}

/* Events */

void supervisor_emit(Supervisor *supervisor, Machine *machine, JsonNode *event)
{
    JsonObject *object = json_node_get_object(event);
    if (machine) {
        json_object_set_string_member(object, "machine", machine->name);
    }
    json_object_set_int_member(object, "seq", (gint64)++supervisor->sequence);
    api_server_broadcast(supervisor->server, event);
    g_queue_push_tail(supervisor->events, event);
    if (supervisor->events->length > EVENTS_KEPT) {
        json_node_unref(g_queue_pop_head(supervisor->events));
    }
}

void machine_set_state(Machine *machine, MachineState state)
{
    if (machine->state == state) {
        return;
    }
    machine->state = state;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "name", machine->name);
    json_object_set_string_member(data, "state", machine_state_name(state));
    JsonNode *node = json_node_init_object(json_node_alloc(), data);
    json_object_unref(data);
    supervisor_emit(machine->supervisor, machine, api_event_new("MACHINE_STATE_CHANGE", node));
}

/* Machines */

Machine *machine_new(Supervisor *supervisor, const char *name, JsonNode *definition)
{
    Machine *machine = g_new0(Machine, 1);
    machine->supervisor = supervisor;
    machine->name = g_strdup(name);
    machine->directory = g_build_filename(supervisor->state_directory, "machines", name, NULL);
    machine->definition = json_node_copy(definition);
    machine->link = machine->qmp_listener = -1;
    machine->consoles = g_ptr_array_new_with_free_func((GDestroyNotify)console_free);
    machine->enders = g_ptr_array_new_with_free_func(g_free);
    return machine;
}

void machine_free(Machine *machine)
{
    if (!machine) {
        return;
    }
    g_assert(machine->pid == 0);
    g_ptr_array_unref(machine->consoles);
    g_ptr_array_unref(machine->enders);
    descriptors_free(machine->passed);
    json_node_unref(machine->definition);
    g_free(machine->exit_status);
    g_free(machine->run_state);
    g_free(machine->directory);
    g_free(machine->name);
    g_free(machine);
}

char *machine_path(Machine *machine, const char *name)
{
    return g_build_filename(machine->directory, name, NULL);
}

char **machine_serial_ids(Machine *machine)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    JsonObject *object = json_node_get_object(machine->definition);
    if (!json_object_has_member(object, "serial")) {
        g_strv_builder_add(builder, "hvc0"); /* the default of a definition */
        return g_strv_builder_end(builder);
    }
    JsonArray *array = json_object_get_array_member(object, "serial");
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *serial = json_array_get_object_element(array, i);
        g_strv_builder_add(builder, json_object_get_string_member(serial, "id"));
    }
    return g_strv_builder_end(builder);
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static JsonArray *recording_names(Machine *machine)
{
    g_autofree char *path = machine_path(machine, "recordings");
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    JsonArray *array = json_array_new();
    while (directory && (name = g_dir_read_name(directory))) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_texts);
    for (guint i = 0; i < names->len; i++) {
        json_array_add_string_element(array, g_ptr_array_index(names, i));
    }
    return array;
}

static JsonArray *console_list(Machine *machine)
{
    JsonArray *array = json_array_new();
    g_auto(GStrv) ids = machine_serial_ids(machine);
    for (char **id = ids; *id; id++) {
        g_autofree char *name = g_strdup_printf("serial-%s.sock", *id);
        g_autofree char *path = machine_path(machine, name);
        JsonObject *entry = json_object_new();
        json_object_set_string_member(entry, "id", *id);
        json_object_set_string_member(entry, "socket", path);
        json_array_add_object_element(array, entry);
    }
    return array;
}

JsonNode *machine_info(Machine *machine)
{
    g_autoptr(JsonObject) info = json_object_new();
    JsonObject *definition = json_node_get_object(machine->definition);
    g_autofree char *socket = machine_path(machine, "qmp.sock");
    json_object_set_string_member(info, "name", machine->name);
    json_object_set_string_member(info, "state", machine_state_name(machine->state));
    json_object_set_string_member(
        info, "board", json_object_get_string_member_with_default(definition, "board", "pseries"));
    json_object_set_string_member(info, "kernel",
                                  json_object_get_string_member(definition, "kernel"));
    if (machine->pid) {
        json_object_set_int_member(info, "pid", machine->pid);
    }
    if (machine->run_state) {
        json_object_set_string_member(info, "status", machine->run_state);
    }
    json_object_set_string_member(info, "socket", socket);
    json_object_set_string_member(info, "directory", machine->directory);
    json_object_set_array_member(info, "consoles", console_list(machine));
    json_object_set_array_member(info, "recordings", recording_names(machine));
    if (machine->exit_status) {
        json_object_set_string_member(info, "exit-status", machine->exit_status);
    }
    return json_node_init_object(json_node_alloc(), info);
}

Machine *supervisor_find(Supervisor *supervisor, const char *name, GError **error)
{
    Machine *machine = g_hash_table_lookup(supervisor->machines, name);
    if (!machine) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "There is no machine '%s'", name);
    }
    return machine;
}

/* Life */

static void load_machine(Supervisor *supervisor, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        g_build_filename(supervisor->state_directory, "machines", name, "definition.json", NULL);
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(JsonNode) node = NULL;
    if (g_file_get_contents(path, &text, &length, &error)) {
        node = api_json_parse(text, (gssize)length, &error);
    }
    if (node && !JSON_NODE_HOLDS_OBJECT(node)) {
        g_clear_pointer(&node, json_node_unref);
    }
    if (!node) {
        g_warning("machine '%s' is left out: %s", name, error ? error->message : "no object");
        return;
    }
    g_hash_table_insert(supervisor->machines, g_strdup(name), machine_new(supervisor, name, node));
}

static bool load_machines(Supervisor *supervisor, GError **error)
{
    g_autofree char *path = g_build_filename(supervisor->state_directory, "machines", NULL);
    const char *name;
    if (g_mkdir_with_parents(path, 0700) < 0) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno),
                    "cannot make the state directory %s: %s", path, g_strerror(errno));
        return false;
    }
    g_autoptr(GDir) directory = g_dir_open(path, 0, error);
    while (directory && (name = g_dir_read_name(directory))) {
        load_machine(supervisor, name);
    }
    return directory != NULL;
}

static void free_value(gpointer data)
{
    machine_free(data);
}

Supervisor *supervisor_new(const char *state_directory, const char *worker_program, bool sandbox,
                           GError **error)
{
    Supervisor *supervisor = g_new0(Supervisor, 1);
    supervisor->state_directory = g_canonicalize_filename(state_directory, NULL);
    supervisor->worker_program = g_strdup(worker_program);
    supervisor->sandbox = sandbox;
    supervisor->machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_value);
    supervisor->events = g_queue_new();
    supervisor->loop = g_main_loop_new(NULL, FALSE);
    if (!load_machines(supervisor, error)) {
        supervisor_free(supervisor);
        return NULL;
    }
    return supervisor;
}

void supervisor_free(Supervisor *supervisor)
{
    if (!supervisor) {
        return;
    }
    api_server_free(supervisor->server);
    g_hash_table_unref(supervisor->machines);
    g_queue_free_full(supervisor->events, (GDestroyNotify)json_node_unref);
    g_main_loop_unref(supervisor->loop);
    g_free(supervisor->state_directory);
    g_free(supervisor->worker_program);
    g_free(supervisor);
}

/* Ending */

#define END_GRACE_MS 10000

static gboolean quit_loop(gpointer data)
{
    Supervisor *supervisor = data;
    g_main_loop_quit(supervisor->loop);
    return G_SOURCE_REMOVE;
}

static void end_if_alone(Supervisor *supervisor)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, supervisor->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((Machine *)value)->pid) {
            return;
        }
    }
    /* Later: answers that were just written may still leave. */
    g_idle_add(quit_loop, supervisor);
}

static void one_has_ended(Machine *machine, gpointer data)
{
    end_if_alone(data);
}

void supervisor_end(Supervisor *supervisor)
{
    GHashTableIter iter;
    gpointer value;
    if (supervisor->is_ending) {
        return;
    }
    supervisor->is_ending = true;
    g_hash_table_iter_init(&iter, supervisor->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Machine *machine = value;
        if (machine->pid) {
            process_on_end(machine, one_has_ended, supervisor);
            process_end(machine, END_GRACE_MS);
        }
    }
    end_if_alone(supervisor);
}
