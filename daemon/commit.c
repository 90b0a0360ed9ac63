/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * blockdev-commit: a machine's program writes what a disk's layer holds into the image.
 *
 * Afterwards the image is another one, so nothing may depend on what it was: no recording, no
 * snapshot, no other disk, of whichever machine.
 */

#include "api-daemon-commands.h"

#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_FD     3
#define DIRECTORY_FD 4

typedef struct {
    ApiRequest *request;
    Supervisor *supervisor;
    char *name;
} Commit;

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, API_ERROR, API_ERROR_GENERIC, text);
    return false;
}

static JsonArray *disks_of(Machine *machine)
{
    JsonObject *object = json_node_get_object(machine->definition);
    return json_object_has_member(object, "disks") ? json_object_get_array_member(object, "disks")
                                                   : NULL;
}

static JsonObject *find_disk(Machine *machine, const char *id, GError **error)
{
    JsonArray *disks = disks_of(machine);
    for (guint i = 0; disks && i < json_array_get_length(disks); i++) {
        JsonObject *disk = json_array_get_object_element(disks, i);
        if (strcmp(json_object_get_string_member(disk, "id"), id) == 0) {
            return disk;
        }
    }
    g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    return NULL;
}

/* Whether a file of the folder whose name ends in SUFFIX depends on the image. */
static bool has_no_dependant(Machine *machine, const char *folder, const char *suffix,
                             const char *what, GError **error)
{
    g_autofree char *path = machine_path(machine, folder);
    g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
    const char *entry;
    while (entries && (entry = g_dir_read_name(entries))) {
        if (g_str_has_suffix(entry, suffix)) {
            return refuse(error, "The %s '%s' refers to the image: delete it first", what, entry);
        }
    }
    return true;
}

static bool is_same_file(const char *path, const struct stat *image)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_dev == image->st_dev && info.st_ino == image->st_ino;
}

static bool has_image(JsonObject *disk, const struct stat *image)
{
    JsonArray *media =
        json_object_has_member(disk, "media") ? json_object_get_array_member(disk, "media") : NULL;
    bool has = is_same_file(json_object_get_string_member(disk, "file"), image);
    for (guint i = 0; media && i < json_array_get_length(media) && !has; i++) {
        has = is_same_file(json_array_get_string_element(media, i), image);
    }
    return has;
}

static bool is_used(Machine *machine, const JsonObject *except, const struct stat *image,
                    GError **error)
{
    JsonArray *disks = disks_of(machine);
    for (guint i = 0; disks && i < json_array_get_length(disks); i++) {
        JsonObject *disk = json_array_get_object_element(disks, i);
        if (disk != except && has_image(disk, image)) {
            refuse(error, "The disk '%s' of the machine '%s' has the same image",
                   json_object_get_string_member(disk, "id"), machine->name);
            return true;
        }
    }
    return false;
}

static bool is_used_elsewhere(Supervisor *supervisor, const JsonObject *except, int image,
                              GError **error)
{
    GHashTableIter iter;
    gpointer machine;
    struct stat info;
    if (fstat(image, &info) < 0) {
        return !refuse(error, "Cannot examine the image: %s", g_strerror(errno));
    }
    g_hash_table_iter_init(&iter, supervisor->machines);
    while (g_hash_table_iter_next(&iter, NULL, &machine)) {
        if (is_used(machine, except, &info, error)) {
            return true;
        }
    }
    return false;
}

static bool may_commit(Machine *machine, JsonObject *disk, GError **error)
{
    if (machine->pid || machine->is_committing) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "The machine '%s' is %s: machine-stop or machine-kill it first", machine->name,
                    machine->pid ? machine_state_name(machine->state) : "committing already");
        return false;
    }
    if (json_object_get_boolean_member_with_default(disk, "readonly", FALSE) ||
        strcmp(json_object_get_string_member_with_default(disk, "format", "raw"), "raw") != 0) {
        return refuse(error, "Only a disk of format \"raw\" that is not readonly can be committed");
    }
    return has_no_dependant(machine, "recordings", "", "recording", error) &&
           has_no_dependant(machine, "snapshots", ".snapshot", "snapshot", error);
}

static void is_committed(GObject *source, GAsyncResult *result, gpointer data)
{
    Commit *commit = data;
    GSubprocess *process = G_SUBPROCESS(source);
    GError *error = NULL;
    g_autofree char *number = NULL, *text = NULL;
    Machine *machine = g_hash_table_lookup(commit->supervisor->machines, commit->name);
    if (machine) {
        machine->is_committing = false;
    }
    if (!g_subprocess_communicate_utf8_finish(process, result, &number, &text, &error)) {
        api_request_fail(commit->request, error);
    } else if (!g_subprocess_get_if_exited(process) || g_subprocess_get_exit_status(process)) {
        api_request_fail_text(commit->request, API_ERROR_GENERIC, "The disk was not committed: %s",
                              *text ? g_strchomp(text) : "the program died");
    } else {
        JsonObject *object = json_object_new();
        json_object_set_int_member(object, "clusters", g_ascii_strtoll(number, NULL, 10));
        JsonNode *node = json_node_init_object(json_node_alloc(), object);
        json_object_unref(object);
        api_request_reply(commit->request, node);
    }
    g_free(commit->name);
    g_free(commit);
}

/* Takes IMAGE. */
static void start(Machine *machine, ApiRequest *request, const char *id, int image)
{
    GError *error = NULL;
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    int directory = open(machine->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_subprocess_launcher_take_fd(launcher, image, IMAGE_FD);
    if (directory >= 0) {
        g_subprocess_launcher_take_fd(launcher, directory, DIRECTORY_FD);
    }
    g_autoptr(GSubprocess) process = g_subprocess_launcher_spawn(
        launcher, &error, machine->supervisor->worker_program, "--commit", id, NULL);
    if (!process) {
        api_request_fail(request, error);
        return;
    }
    Commit *commit = g_new(Commit, 1);
    *commit = (Commit){ request, machine->supervisor, g_strdup(machine->name) };
    machine->is_committing = true;
    g_subprocess_communicate_utf8_async(process, NULL, NULL, is_committed, commit);
}

void cmd_blockdev_commit(ApiRequest *request, const BlockdevCommitArgs *arguments)
{
    Supervisor *supervisor = api_request_context(request);
    GError *error = NULL;
    Machine *machine = supervisor_find(supervisor, arguments->name, &error);
    JsonObject *disk = machine ? find_disk(machine, arguments->device, &error) : NULL;
    int image = -1;
    if (disk && may_commit(machine, disk, &error)) {
        const char *path = json_object_get_string_member(disk, "file");
        image = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (image < 0) {
            refuse(&error, "Cannot write %s: %s", path, g_strerror(errno));
        }
    }
    if (image >= 0 && is_used_elsewhere(supervisor, disk, image, &error)) {
        close(image);
    }
    if (error) {
        api_request_fail(request, error);
    } else {
        start(machine, request, arguments->device, image);
    }
}
