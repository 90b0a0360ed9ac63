/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * machine-create. The daemon does not know what a definition may say: `powerplay-machine --check`
 * does, the same program that will run it. Here the files are looked at, as they will be opened
 * here.
 */

#include "api-daemon-commands.h"

#include "api/json-writer.h"
#include "daemon/audio.h"
#include "daemon/process.h"
#include "daemon/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    ApiRequest *request;
    Supervisor *supervisor;
    char *name;
    JsonNode *definition;
    GSubprocess *check;
} Create;

static void create_free(Create *create)
{
    g_clear_object(&create->check);
    json_node_unref(create->definition);
    g_free(create->name);
    g_free(create);
}

/* The daemon has no directory of its own, so a relative path would mean nothing. */
static bool check_file(const char *member, const char *path, gpointer data, GError **error)
{
    if (!g_path_is_absolute(path)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "%s is '%s': the daemon needs an absolute path", member, path);
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot open %s (%s): %s", member, path,
                    g_strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

/* What is opened when the machine starts: files of frames, sockets of wires. */
static bool check_nic(guint number, JsonObject *nic, GError **error)
{
    static const char *const members[] = { "pcap", "listen", "connect" };
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        const char *text = json_object_get_string_member_with_default(nic, members[i], "/");
        bool is_unix = g_str_has_prefix(text, "unix:");
        if (i > 0 && !is_unix) {
            continue;
        }
        if (!g_path_is_absolute(is_unix ? text + 5 : text)) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "nics[%u].%s is '%s': the daemon needs an absolute path", number,
                        members[i], text);
            return false;
        }
    }
    return true;
}

static bool check_nics(JsonNode *definition, GError **error)
{
    JsonObject *object = json_node_get_object(definition);
    JsonArray *nics = json_object_has_member(object, "nics")
                          ? json_object_get_array_member(object, "nics")
                          : NULL;
    for (guint i = 0; nics && i < json_array_get_length(nics); i++) {
        if (!check_nic(i, json_array_get_object_element(nics, i), error)) {
            return false;
        }
    }
    return true;
}

static bool check_capture(JsonNode *definition, GError **error)
{
    const char *path = audio_capture_file(definition);
    return !path || check_file("audio.capture.file", path, NULL, error);
}

static bool is_free(Supervisor *supervisor, const char *name, GError **error)
{
    if (g_hash_table_contains(supervisor->machines, name)) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "There is a machine '%s' already: machine-destroy it or choose another name",
                    name);
        return false;
    }
    if (g_hash_table_size(supervisor->machines) >= MACHINES_MAX) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "There are %d machines already",
                    MACHINES_MAX);
        return false;
    }
    return true;
}

static bool store(Machine *machine, GError **error)
{
    g_autofree char *text = api_json_to_line(machine->definition);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    g_autofree char *path = machine_path(machine, "definition.json");
    if (g_mkdir_with_parents(machine->directory, 0700) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot make %s: %s", machine->directory,
                    g_strerror(errno));
        return false;
    }
    return g_file_set_contents_full(
        path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

static void finish(Create *create, GError *error)
{
    Machine *machine = NULL;
    if (!error && is_free(create->supervisor, create->name, &error) &&
        process_each_file(create->definition, check_file, NULL, &error) &&
        check_nics(create->definition, &error) && check_capture(create->definition, &error)) {
        machine = machine_new(create->supervisor, create->name, create->definition);
        if (!store(machine, &error)) {
            g_clear_pointer(&machine, machine_free);
        }
    }
    if (machine) {
        g_hash_table_insert(create->supervisor->machines, g_strdup(create->name), machine);
        api_request_reply(create->request, machine_info(machine));
    } else {
        api_request_fail(create->request, error);
    }
    create_free(create);
}

static void is_checked(GObject *source, GAsyncResult *result, gpointer data)
{
    Create *create = data;
    GError *error = NULL;
    g_autofree char *text = NULL;
    if (g_subprocess_communicate_utf8_finish(create->check, result, NULL, &text, &error) &&
        !(g_subprocess_get_if_exited(create->check) &&
          g_subprocess_get_exit_status(create->check) == 0)) {
        error = g_error_new_literal(API_ERROR, API_ERROR_GENERIC,
                                    *text ? g_strchomp(text) : "The definition cannot be checked");
    }
    finish(create, error);
}

void cmd_machine_create(ApiRequest *request, const ApiMachineDefinition *arguments)
{
    Supervisor *supervisor = api_request_context(request);
    GError *error = NULL;
    JsonObject *message = json_node_get_object(api_request_message(request));
    if (!is_free(supervisor, arguments->name, &error)) {
        api_request_fail(request, error);
        return;
    }
    Create *create = g_new0(Create, 1);
    create->request = request;
    create->supervisor = supervisor;
    create->name = g_strdup(arguments->name);
    create->definition = json_object_dup_member(message, "arguments");
    create->check =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE |
                             G_SUBPROCESS_FLAGS_STDOUT_SILENCE,
                         &error, supervisor->worker_program, "--check", "-", NULL);
    if (!create->check) {
        finish(create, error);
        return;
    }
    g_autofree char *text = api_json_to_line(create->definition);
    g_subprocess_communicate_utf8_async(create->check, text, NULL, is_checked, create);
}
