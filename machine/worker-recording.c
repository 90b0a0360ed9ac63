/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A machine's recordings are folders (replay/recording.h) in its own folder: recordings/NAME.
 *
 * A recording that starts at power-on needs no snapshot: the machine is built again from the
 * definition and the same files, which the manifest refers to by their digests. So before a replay
 * the manifest is compared with this machine; names and paths may differ, nothing that the guest
 * could notice may. One that starts later has the machine's state as the part start.state. What was
 * written to disks before either is named by the part "disks" (machine/disks.h).
 */

#include "machine/worker-recording.h"

#include "api/json-reader.h"
#include "api/json-writer.h"
#include "machine/disks.h"
#include "machine/time-travel.h"
#include "machine/worker-digest.h"
#include "machine/worker-keyframes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISKS_PART "disks"

#define ANCESTORS_MAX 1000 /* more would be a circle */

bool worker_recording_name_is_valid(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return g_ascii_isalnum(*name) && length <= 64 && strspn(name, rest) == length;
}

static bool fail_errno(const char *what, const char *path, GError **error)
{
    int code = errno;
    ApiErrorCode class = code == ENOENT ? API_ERROR_DEVICE_NOT_FOUND : API_ERROR_GENERIC;
    g_set_error(error, API_ERROR, (gint) class, "Could not %s %s: %s", what, path,
                g_strerror(code));
    return false;
}

/* Digests of the machine's files */

static JsonNode *digest_file(int directory, const char *name, int fd, GError **error)
{
    guint64 size;
    g_autofree char *digest = worker_digest(directory, fd, &size, error);
    if (!digest) {
        g_prefix_error(error, "Could not read %s: ", name);
        return NULL;
    }
    g_autoptr(JsonObject) entry = json_object_new();
    json_object_set_string_member(entry, "name", name);
    json_object_set_int_member(entry, "size", (gint64)size);
    json_object_set_string_member(entry, "sha256", digest);
    return json_node_init_object(json_node_alloc(), entry);
}

static bool add_digest(JsonArray *list, int directory, const char *name, int fd, GError **error)
{
    JsonNode *node = fd < 0 ? NULL : digest_file(directory, name, fd, error);
    if (node) {
        json_array_add_element(list, node);
    }
    return fd < 0 || node;
}

static bool add_media(JsonArray *list, int directory, unsigned number, const ConfigDisk *disk,
                      GError **error)
{
    for (unsigned i = 0; i < disk->media_count; i++) {
        g_autofree char *name = g_strdup_printf("disk-%u-medium-%u", number, i);
        if (!add_digest(list, directory, name, disk->media_fd[i], error)) {
            return false;
        }
    }
    return true;
}

static void digest_files(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Worker *worker = data;
    const MachineConfig *config = worker->config;
    int directory = worker->directory;
    g_autoptr(JsonArray) list = json_array_new();
    GError *error = NULL;
    bool good = add_digest(list, directory, "kernel", config->kernel_fd, &error) &&
                add_digest(list, directory, "initrd", config->initrd_fd, &error);
    for (unsigned i = 0; i < config->disk_count && good; i++) {
        g_autofree char *name = g_strdup_printf("disk-%u", i);
        good = add_digest(list, directory, name, config->disks[i].fd, &error) &&
               add_media(list, directory, i, &config->disks[i], &error);
    }
    if (good) {
        g_task_return_pointer(task, json_node_init_array(json_node_alloc(), list),
                              (GDestroyNotify)json_node_unref);
    } else {
        g_task_return_error(task, error);
    }
}

void worker_recording_digest_files(Worker *worker, GAsyncReadyCallback done, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, done, data);
    g_task_set_task_data(task, worker, NULL);
    g_task_run_in_thread(task, digest_files);
}

/* Folders */

static int open_folder(Worker *worker, const char *folder, GError **error)
{
    int fd = openat(worker->directory, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        fail_errno("open", folder, error);
    }
    return fd;
}

static bool make_folder(Worker *worker, const char *name, const char *folder, GError **error)
{
    mkdirat(worker->directory, "recordings", 0700);
    if (mkdirat(worker->directory, folder, 0700) == 0) {
        return true;
    }
    if (errno != EEXIST) {
        return fail_errno("make", folder, error);
    }
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "There is a recording '%s' already: choose another name or delete it", name);
    return false;
}

/* What is in the folder FD, which has no folders in it; takes FD. */
static void empty_folder(int fd)
{
    DIR *entries = fdopendir(fd);
    const struct dirent *entry;
    if (!entries) {
        close(fd);
        return;
    }
    while ((entry = readdir(entries))) {
        unlinkat(fd, entry->d_name, 0);
    }
    closedir(entries);
}

void worker_recording_forget(Worker *worker, const char *name)
{
    g_autofree char *folder = g_build_filename("recordings", name, NULL);
    int fd = open_folder(worker, folder, NULL);
    if (fd >= 0) {
        empty_folder(fd);
    }
    unlinkat(worker->directory, folder, AT_REMOVEDIR);
}

Recording *worker_recording_create(Worker *worker, const char *name, JsonNode *files,
                                   GError **error)
{
    g_autofree char *folder = g_build_filename("recordings", name, NULL);
    JsonArray *list = json_node_get_array(files);
    if (!make_folder(worker, name, folder, error)) {
        return NULL;
    }
    int fd = open_folder(worker, folder, error);
    Recording *recording = fd >= 0 ? recording_new(fd, error) : NULL;
    if (fd >= 0) {
        close(fd);
    }
    if (!recording) {
        worker_recording_forget(worker, name);
    }
    for (guint i = 0; recording && i < json_array_get_length(list); i++) {
        JsonObject *file = json_array_get_object_element(list, i);
        recording_add_reference(recording, json_object_get_string_member(file, "name"),
                                json_object_get_string_member(file, "sha256"),
                                (guint64)json_object_get_int_member(file, "size"));
    }
    return recording;
}

bool worker_recording_exists(Worker *worker, const char *name)
{
    g_autofree char *folder = g_build_filename("recordings", name, NULL);
    return faccessat(worker->directory, folder, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Versions: "component version" lines of the machine as rows of a manifest */

static GArray *split_versions(char **lines)
{
    GArray *versions = g_array_new(FALSE, TRUE, sizeof(RecordingVersion));
    for (char **line = lines; *line; line++) {
        char *space = strrchr(*line, ' ');
        g_assert(space);
        *space = 0;
        RecordingVersion version = { *line, (guint32)g_ascii_strtoull(space + 1, NULL, 10) };
        g_array_append_val(versions, version);
    }
    return versions;
}

/* What must be known of the start, besides what the manifest says */

typedef struct {
    Machine *machine;
    GError *error;
} Start;

static void write_disks(StateWriter *writer, gpointer user)
{
    Start *start = user;
    machine_freeze_disks(start->machine, writer, &start->error);
}

static void write_state(StateWriter *writer, gpointer user)
{
    machine_save(((Start *)user)->machine, writer);
}

static bool add_start(Machine *machine, Recording *recording, GError **error)
{
    Start start = { machine, NULL };
    bool is_power_on = machine_run_state(machine) == MACHINE_PRELAUNCH;
    if (machine_has_disks(machine) &&
        (!recording_add_part(recording, DISKS_PART, write_disks, &start, error) || start.error)) {
        if (start.error) {
            g_clear_error(error);
            g_propagate_error(error, start.error);
        }
        return false;
    }
    return is_power_on ||
           recording_add_part(recording, RECORDING_START_STATE, write_state, &start, error);
}

static gboolean read_disks(StateReader *reader, gpointer user, GError **error)
{
    return machine_enter_disks(user, reader, error);
}

static gboolean read_state(StateReader *reader, gpointer user, GError **error)
{
    return machine_load(user, reader, error);
}

static bool load_start(Machine *machine, Recording *recording, GError **error)
{
    if (machine_has_disks(machine) &&
        !recording_load_part(recording, DISKS_PART, read_disks, machine, error)) {
        return false;
    }
    return !recording_has_part(recording, RECORDING_START_STATE) ||
           recording_load_part(recording, RECORDING_START_STATE, read_state, machine, error);
}

LogReader *worker_recording_prepare(Worker *worker, Recording *recording, GError **error)
{
    LogReader *log = recording_open_log(recording, error);
    if (log && !load_start(worker->machine, recording, error)) {
        machine_leave_disks(worker->machine);
        g_clear_pointer(&log, log_reader_free);
    }
    return log;
}

bool worker_recording_begin(Worker *worker, Recording *recording, const RecordingBranch *branch,
                            GError **error)
{
    Machine *machine = worker->machine;
    g_auto(GStrv) lines = machine_behaviour_versions(machine);
    g_autoptr(GArray) versions = split_versions(lines);
    RecordingInfo info = {
        .definition = worker->config->canonical,
        .program = "powerplay " POWERPLAY_VERSION,
        .level = SYNC_MINIMAL,
        .start = machine_position(machine),
        .versions = (const RecordingVersion *)(void *)versions->data,
        .n_versions = versions->len,
        .parent = branch ? branch->parent : NULL,
    };
    if (branch && branch->parent)
        info.branch = branch->position;
    bool good = add_start(machine, recording, error);
    LogWriter *log = good ? recording_start(recording, &info, error) : NULL;
    if (!log || !machine_record(machine, log, SYNC_MINIMAL, error)) {
        recording_free(recording);
        return false;
    }
    machine_record_keyframes(machine, KEYFRAME_BUDGET, KEYFRAME_FILE_INTERVAL, true);
    worker_keyframes_begin(worker);
    worker->open_recording = recording;
    return true;
}

void worker_recording_seal(Worker *worker)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Recording) recording = g_steal_pointer(&worker->open_recording);
    if (recording && !recording_seal(recording, &error)) {
        g_warning("the recording is closed but could not be sealed: %s", error->message);
    }
    if (recording) {
        worker_keyframes_spill(worker, recording_directory(recording));
    }
}

/* Comparing */

/* From each object in the array NAME of the definition. */
static void forget_member(JsonObject *definition, const char *name, const char *member)
{
    JsonNode *node = json_object_get_member(definition, name);
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        if (JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, i))) {
            json_object_remove_member(json_array_get_object_element(array, i), member);
        }
    }
}

/* Names, places of files and the other ends of cables are nothing that a guest could notice. */
static void forget_names(JsonNode *definition)
{
    JsonObject *object = json_node_get_object(definition);
    json_object_remove_member(object, "name");
    json_object_remove_member(object, "kernel");
    json_object_remove_member(object, "initrd");
    /* Who may look, and what keys a viewer's characters are, changes nothing for the guest. */
    json_object_remove_member(object, "keymap");
    JsonNode *display = json_object_get_member(object, "display");
    if (display && JSON_NODE_HOLDS_OBJECT(display)) {
        json_object_remove_member(json_node_get_object(display), "vnc");
    }
    forget_member(object, "disks", "file");
    forget_member(object, "disks", "media"); /* what they hold is compared as files */
    forget_member(object, "nics", "backend");
}

static JsonNode *parse_definition(const char *text, GError **error)
{
    JsonNode *node = api_json_parse(text, -1, error);
    if (node && !JSON_NODE_HOLDS_OBJECT(node)) {
        g_clear_pointer(&node, json_node_unref);
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "The manifest has no definition");
    }
    return node;
}

static JsonNode *member_or_null(JsonNode *definition, const char *name)
{
    return json_object_get_member(json_node_get_object(definition), name);
}

/* Both are canonical but for their order, so members are compared one by one. */
static bool compare_definitions(const char *what, JsonNode *recorded, JsonNode *here,
                                GError **error)
{
    JsonNode *both[] = { recorded, here };
    for (gsize k = 0; k < G_N_ELEMENTS(both); k++) {
        g_autoptr(GList) names = json_object_get_members(json_node_get_object(both[k]));
        for (GList *link = names; link; link = link->next) {
            JsonNode *a = member_or_null(recorded, link->data);
            JsonNode *b = member_or_null(here, link->data);
            g_autofree char *a_text = api_json_to_line(a);
            g_autofree char *b_text = api_json_to_line(b);
            if (!a || !b || !json_node_equal(a, b)) {
                g_set_error(
                    error, API_ERROR, API_ERROR_GENERIC,
                    "The %s is of another machine: '%s' was %s in its definition, here it is "
                    "%s",
                    what, (const char *)link->data, a_text, b_text);
                return false;
            }
        }
    }
    return true;
}

static bool check_definition(Worker *worker, const char *what, const char *definition,
                             GError **error)
{
    g_autoptr(JsonNode) recorded = parse_definition(definition, error);
    g_autoptr(JsonNode) here = recorded ? parse_definition(worker->config->canonical, error) : NULL;
    if (!here) {
        return false;
    }
    forget_names(recorded);
    forget_names(here);
    return compare_definitions(what, recorded, here, error);
}

/* The path by which this machine's definition names the file. */
static const char *path_of(const MachineConfig *config, const char *name)
{
    if (g_str_has_prefix(name, "disk-")) {
        guint64 index = g_ascii_strtoull(name + 5, NULL, 10);
        return index < config->disk_count ? config->disks[index].file : "";
    }
    return strcmp(name, "initrd") == 0 ? config->initrd : config->kernel;
}

static bool check_files(Worker *worker, const Recording *recording, JsonNode *files, GError **error)
{
    JsonArray *list = json_node_get_array(files);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *file = json_array_get_object_element(list, i);
        const char *name = json_object_get_string_member(file, "name");
        const char *mine = json_object_get_string_member(file, "sha256"), *theirs = NULL;
        guint64 size;
        if (!recording_get_reference(recording, name, &theirs, &size) ||
            strcmp(mine, theirs) != 0) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "The recording was made with another file as %s (\"%s\"): SHA-256 %s was "
                        "recorded, %s is here",
                        name, path_of(worker->config, name), theirs ? theirs : "of no file", mine);
            return false;
        }
    }
    return true;
}

void worker_recording_add_versions(Worker *worker, GArray *versions)
{
    g_auto(GStrv) lines = machine_behaviour_versions(worker->machine);
    g_autoptr(GArray) own = split_versions(lines);
    for (guint i = 0; i < own->len; i++) {
        RecordingVersion version = g_array_index(own, RecordingVersion, i);
        version.name = g_strdup(version.name);
        g_array_append_val(versions, version);
    }
}

bool worker_recording_check_machine(Worker *worker, const char *what, const char *definition,
                                    const RecordingVersion *versions, guint count, GError **error)
{
    g_auto(GStrv) lines = machine_behaviour_versions(worker->machine);
    g_autoptr(GArray) own = split_versions(lines);
    return check_definition(worker, what, definition, error) &&
           recording_compare_versions(what, versions, count,
                                      (const RecordingVersion *)(void *)own->data, own->len, error);
}

static Recording *open_named(Worker *worker, const char *name, GError **error)
{
    g_autofree char *folder = g_build_filename("recordings", name, NULL);
    int fd = open_folder(worker, folder, error);
    Recording *recording = fd >= 0 ? recording_open(fd, error) : NULL;
    if (fd >= 0) {
        close(fd);
    }
    return recording;
}

LogTrack *worker_recording_track(Worker *worker, const char *name, GError **error)
{
    g_autoptr(LogTrack) track = log_track_new();
    g_autofree char *next = g_strdup(name);
    Position branch, *at = NULL;
    for (unsigned i = 0; next && i < ANCESTORS_MAX; i++) {
        g_autoptr(Recording) recording = open_named(worker, next, error);
        LogReader *log = recording ? recording_open_log(recording, error) : NULL;
        if (!log) {
            g_prefix_error(error, "Recording '%s': ", next);
            return NULL;
        }
        log_track_prepend(track, log, at);
        g_free(next);
        next = g_strdup(recording_info(recording)->parent);
        branch = recording_info(recording)->branch;
        at = &branch;
    }
    return g_steal_pointer(&track);
}

static void clear_child(gpointer child)
{
    g_free(((RecordingChild *)child)->name);
}

static int compare_children(gconstpointer a, gconstpointer b)
{
    return strcmp(((const RecordingChild *)a)->name, ((const RecordingChild *)b)->name);
}

static void add_child(Worker *worker, GArray *children, const char *parent, const char *name)
{
    g_autofree char *folder = g_build_filename("recordings", name, NULL);
    g_autofree char *found = NULL;
    Position branch;
    int fd = open_folder(worker, folder, NULL);
    if (fd >= 0 && recording_read_branch(fd, &found, &branch, NULL) &&
        g_strcmp0(found, parent) == 0) {
        RecordingChild child = { g_strdup(name), branch };
        g_array_append_val(children, child);
    }
    if (fd >= 0) {
        close(fd);
    }
}

GArray *worker_recording_children(Worker *worker, const char *name)
{
    GArray *children = g_array_new(FALSE, FALSE, sizeof(RecordingChild));
    int fd = open_folder(worker, "recordings", NULL);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    g_array_set_clear_func(children, clear_child);
    while (entries && (entry = readdir(entries))) {
        if (worker_recording_name_is_valid(entry->d_name)) {
            add_child(worker, children, name, entry->d_name);
        }
    }
    if (entries) {
        closedir(entries);
    } else if (fd >= 0) {
        close(fd);
    }
    g_array_sort(children, compare_children);
    return children;
}

Recording *worker_recording_open(Worker *worker, const char *name, JsonNode *files, GError **error)
{
    g_autoptr(Recording) recording = open_named(worker, name, error);
    const RecordingInfo *info = recording ? recording_info(recording) : NULL;
    if (!info || !check_files(worker, recording, files, error) ||
        !worker_recording_check_machine(worker, "recording", info->definition, info->versions,
                                        info->n_versions, error)) {
        return NULL;
    }
    return g_steal_pointer(&recording);
}
