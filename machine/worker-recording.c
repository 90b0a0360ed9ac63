/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A recording is a folder in the machine's own folder:
 *
 *     recordings/NAME/manifest.json   what was recorded: definition, versions, digests of the files
 *     recordings/NAME/log             the events (replay/log.h)
 *
 * A recording that starts at power-on needs no snapshot: the machine is built again from the
 * definition and the same files. So before a replay the manifest is compared with this machine;
 * names and paths may differ, nothing that the guest could notice may.
 */

#include "machine/worker-recording.h"

#include "api/json-reader.h"
#include "api/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_FORMAT 1
#define MANIFEST_MAX (1024 * 1024)

struct WorkerRecording {
    int directory; /* the machine's, borrowed */
    char *folder;  /* "recordings/NAME" */
    int log;       /* file */
};

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
    g_set_error(error, API_ERROR, (gint)class, "Could not %s %s: %s", what, path, g_strerror(code));
    return false;
}

/* Digests */

static JsonNode *digest_file(const char *path, int fd, GError **error)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree uint8_t *bytes = g_malloc(1 << 20);
    off_t size = 0;
    ssize_t n;
    while ((n = pread(fd, bytes, 1 << 20, size)) > 0) {
        g_checksum_update(checksum, bytes, n);
        size += n;
    }
    if (n < 0) {
        fail_errno("read", path, error);
        return NULL;
    }
    g_autoptr(JsonObject) entry = json_object_new();
    json_object_set_string_member(entry, "path", path);
    json_object_set_int_member(entry, "size", size);
    json_object_set_string_member(entry, "sha256", g_checksum_get_string(checksum));
    return json_node_init_object(json_node_alloc(), entry);
}

static bool add_digest(JsonArray *list, const char *path, int fd, GError **error)
{
    JsonNode *node = fd < 0 ? NULL : digest_file(path, fd, error);
    if (node) {
        json_array_add_element(list, node);
    }
    return fd < 0 || node;
}

static void digest_files(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const MachineConfig *config = data;
    g_autoptr(JsonArray) list = json_array_new();
    GError *error = NULL;
    bool good = add_digest(list, "kernel", config->kernel_fd, &error) &&
                add_digest(list, "initrd", config->initrd_fd, &error);
    for (unsigned i = 0; i < config->disk_count && good; i++) {
        g_autofree char *path = g_strdup_printf("disks[%u].file", i);
        good = add_digest(list, path, config->disks[i].fd, &error);
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
    g_task_set_task_data(task, (gpointer)worker->config, NULL);
    g_task_run_in_thread(task, digest_files);
}

/* The manifest */

static JsonNode *versions_node(Machine *machine)
{
    g_auto(GStrv) lines = machine_behaviour_versions(machine);
    g_autoptr(JsonArray) array = json_array_new();
    for (char **line = lines; *line; line++) {
        json_array_add_string_element(array, *line);
    }
    return json_node_init_array(json_node_alloc(), array);
}

static JsonNode *manifest_node(Worker *worker, const char *name, JsonNode *files)
{
    g_autoptr(JsonObject) manifest = json_object_new();
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *created = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    json_object_set_int_member(manifest, "format", MANIFEST_FORMAT);
    json_object_set_string_member(manifest, "recording", name);
    json_object_set_string_member(manifest, "created", created);
    json_object_set_string_member(manifest, "program", "powerplay " POWERPLAY_VERSION);
    json_object_set_int_member(manifest, "log-version", LOG_VERSION);
    json_object_set_string_member(manifest, "sync-level", sync_level_name(SYNC_MINIMAL));
    json_object_set_member(manifest, "versions", versions_node(worker->machine));
    json_object_set_member(manifest, "files", json_node_copy(files));
    json_object_set_member(manifest, "definition",
                           api_json_parse(worker->config->canonical, -1, NULL));
    return json_node_init_object(json_node_alloc(), manifest);
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(fd) == 0;
}

static bool write_manifest(WorkerRecording *recording, JsonNode *manifest, GError **error)
{
    g_autofree char *path = g_build_filename(recording->folder, "manifest.json", NULL);
    g_autofree char *text = api_json_to_line(manifest);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    int fd = openat(recording->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, line, strlen(line));
    if (!good) {
        fail_errno("write", path, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static JsonNode *read_manifest(WorkerRecording *recording, GError **error)
{
    g_autofree char *path = g_build_filename(recording->folder, "manifest.json", NULL);
    g_autofree char *text = g_malloc(MANIFEST_MAX);
    int fd = openat(recording->directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, MANIFEST_MAX);
    if (n < 0) {
        fail_errno("read", path, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    JsonNode *node = n < 0 ? NULL : api_json_parse(text, n, error);
    if (node && !JSON_NODE_HOLDS_OBJECT(node)) {
        g_clear_pointer(&node, json_node_unref);
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "%s is not a manifest", path);
    } else if (!node && n >= 0) {
        g_prefix_error(error, "%s: ", path);
    }
    return node;
}

/* Names and places of files are nothing that a guest could notice. */
static void forget_names(JsonNode *definition)
{
    JsonObject *object = json_node_get_object(definition);
    json_object_remove_member(object, "name");
    json_object_remove_member(object, "kernel");
    json_object_remove_member(object, "initrd");
    JsonNode *disks = json_object_get_member(object, "disks");
    JsonArray *array = disks && JSON_NODE_HOLDS_ARRAY(disks) ? json_node_get_array(disks) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        if (JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, i))) {
            json_object_remove_member(json_array_get_object_element(array, i), "file");
        }
    }
}

static bool compare_member(JsonObject *manifest, const char *name, JsonNode *mine, GError **error)
{
    JsonNode *theirs = json_object_get_member(manifest, name);
    g_autofree char *a = api_json_to_line(theirs);
    g_autofree char *b = api_json_to_line(mine);
    if (strcmp(a, b) == 0) {
        return true;
    }
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "The recording was not made by this machine: its %s differ: %s was recorded, %s is "
                "here",
                name, a, b);
    return false;
}

static bool compare_manifest(Worker *worker, JsonNode *node, JsonNode *files, GError **error)
{
    JsonObject *manifest = json_node_get_object(node);
    g_autoptr(JsonNode) format = json_node_init_int(json_node_alloc(), MANIFEST_FORMAT);
    g_autoptr(JsonNode) log_version = json_node_init_int(json_node_alloc(), LOG_VERSION);
    g_autoptr(JsonNode) versions = versions_node(worker->machine);
    g_autoptr(JsonNode) mine = api_json_parse(worker->config->canonical, -1, error);
    JsonNode *theirs = json_object_get_member(manifest, "definition");
    if (!mine || !theirs || !JSON_NODE_HOLDS_OBJECT(theirs)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "The manifest has no definition");
        return false;
    }
    forget_names(mine);
    forget_names(theirs);
    return compare_member(manifest, "format", format, error) &&
           compare_member(manifest, "log-version", log_version, error) &&
           compare_member(manifest, "versions", versions, error) &&
           compare_member(manifest, "definition", mine, error) &&
           compare_member(manifest, "files", files, error);
}

/* The folder */

static WorkerRecording *worker_recording_new(Worker *worker, const char *name)
{
    WorkerRecording *recording = g_new0(WorkerRecording, 1);
    recording->directory = worker->directory;
    recording->folder = g_build_filename("recordings", name, NULL);
    recording->log = -1;
    return recording;
}

void worker_recording_free(WorkerRecording *recording)
{
    if (!recording) {
        return;
    }
    if (recording->log >= 0) {
        close(recording->log);
    }
    g_free(recording->folder);
    g_free(recording);
}

static bool open_log_file(WorkerRecording *recording, int flags, GError **error)
{
    g_autofree char *path = g_build_filename(recording->folder, "log", NULL);
    recording->log = openat(recording->directory, path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return recording->log >= 0 || fail_errno("open", path, error);
}

WorkerRecording *worker_recording_create(Worker *worker, const char *name, JsonNode *files, GError **error)
{
    WorkerRecording *recording = worker_recording_new(worker, name);
    g_autoptr(JsonNode) manifest = manifest_node(worker, name, files);
    mkdirat(recording->directory, "recordings", 0700);
    bool good = mkdirat(recording->directory, recording->folder, 0700) == 0;
    if (!good && errno == EEXIST) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "There is a recording '%s' already: choose another name or delete it", name);
    } else if (!good) {
        fail_errno("make", recording->folder, error);
    }
    good = good && write_manifest(recording, manifest, error) &&
           open_log_file(recording, O_RDWR | O_CREAT | O_EXCL, error);
    if (!good) {
        g_clear_pointer(&recording, worker_recording_free);
    }
    return recording;
}

WorkerRecording *worker_recording_open(Worker *worker, const char *name, JsonNode *files, GError **error)
{
    WorkerRecording *recording = worker_recording_new(worker, name);
    g_autoptr(JsonNode) manifest = read_manifest(recording, error);
    if (!manifest || !compare_manifest(worker, manifest, files, error) ||
        !open_log_file(recording, O_RDONLY, error)) {
        g_clear_pointer(&recording, worker_recording_free);
    }
    return recording;
}

LogWriter *worker_recording_create_log(WorkerRecording *recording, const Position *start, GError **error)
{
    return log_writer_new(recording->log, start, error);
}

LogReader *worker_recording_open_log(WorkerRecording *recording, GError **error)
{
    return log_reader_new(recording->log, error);
}
