/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Snapshots and their jobs. What they do is in worker-snapshot.c. */

#include "machine/commands/commands.h"

#include "machine/worker-snapshot.h"

#include <gio/gio.h>
#include <string.h>

/* savevm, loadvm, delvm: the answer comes when it is done */

static GError *api_error_of(const GError *error)
{
    GError *copy = g_error_copy(error);
    set_class(&copy, g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
                         ? API_ERROR_DEVICE_NOT_FOUND
                         : API_ERROR_GENERIC);
    return copy;
}

static void answer(gpointer user, const GError *error, const char *recording)
{
    ApiRequest *request = user;
    if (error) {
        api_request_fail(request, api_error_of(error));
        return;
    }
    JsonObject *object = json_object_new();
    if (recording)
        json_object_set_string_member(object, "recording", recording);
    api_request_reply(request, object_node(object));
}

static void start_plain(ApiRequest *request, SnapshotKind kind, const char *name)
{
    GError *error = NULL;
    if (!worker_snapshot_start(worker_of_request(request), kind, name, false, NULL, answer, request,
                               &error))
        api_request_fail(request, error);
}

void cmd_savevm(ApiRequest *request, const SavevmArgs *arguments)
{
    start_plain(request, SNAPSHOT_SAVE, arguments->name);
}

void cmd_loadvm(ApiRequest *request, const LoadvmArgs *arguments)
{
    start_plain(request, SNAPSHOT_LOAD, arguments->name);
}

void cmd_delvm(ApiRequest *request, const DelvmArgs *arguments)
{
    start_plain(request, SNAPSHOT_DELETE, arguments->name);
}

/* Jobs */

static bool has_disk(const MachineConfig *config, const char *id)
{
    for (unsigned i = 0; i < config->disk_count; i++)
        if (strcmp(config->disks[i].id, id) == 0)
            return true;
    return false;
}

static bool check_disks(Worker *worker, char **disks, gsize count, GError **error)
{
    for (gsize i = 0; i < count; i++) {
        if (!has_disk(worker->config, disks[i])) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC, "No block device node '%s'", disks[i]);
            return false;
        }
    }
    return true;
}

static void start_job(ApiRequest *request, SnapshotKind kind, const char *id, const char *tag,
                      char **disks, gsize count)
{
    Worker *worker = worker_of_request(request);
    GError *error = NULL;
    if (check_disks(worker, disks, count, &error) &&
        worker_snapshot_start(worker, kind, tag, true, id, NULL, NULL, &error))
        api_request_reply(request, NULL);
    else
        api_request_fail(request, error);
}

void cmd_snapshot_save(ApiRequest *request, const SnapshotSaveArgs *arguments)
{
    start_job(request, SNAPSHOT_SAVE, arguments->job_id, arguments->tag, arguments->devices,
              arguments->devices_count);
}

void cmd_snapshot_load(ApiRequest *request, const SnapshotLoadArgs *arguments)
{
    start_job(request, SNAPSHOT_LOAD, arguments->job_id, arguments->tag, arguments->devices,
              arguments->devices_count);
}

void cmd_snapshot_delete(ApiRequest *request, const SnapshotDeleteArgs *arguments)
{
    start_job(request, SNAPSHOT_DELETE, arguments->job_id, arguments->tag, arguments->devices,
              arguments->devices_count);
}

bool cmd_query_jobs(ApiSession *session, const QueryJobsArgs *arguments, JsonNode **reply,
                    GError **error)
{
    Worker *worker = worker_of(session);
    JsonArray *list = json_array_new();
    for (guint i = 0; i < worker_snapshot_job_count(worker); i++) {
        JsonObject *entry = json_object_new();
        SnapshotJobView view;
        worker_snapshot_job_view(worker, i, &view);
        json_object_set_string_member(entry, "id", view.id);
        json_object_set_string_member(entry, "type", snapshot_job_type_name(view.kind));
        json_object_set_string_member(entry, "status", snapshot_job_status_name(view.status));
        set_unsigned(entry, "current-progress", view.done);
        set_unsigned(entry, "total-progress", view.total);
        if (view.error)
            json_object_set_string_member(entry, "error", view.error);
        json_array_add_object_element(list, entry);
    }
    *reply = array_node(list);
    return true;
}

bool cmd_job_cancel(ApiSession *session, const JobCancelArgs *arguments, JsonNode **reply,
                    GError **error)
{
    return worker_snapshot_cancel(worker_of(session), arguments->id, error);
}

bool cmd_job_dismiss(ApiSession *session, const JobDismissArgs *arguments, JsonNode **reply,
                     GError **error)
{
    return worker_snapshot_dismiss(worker_of(session), arguments->id, error);
}

/* Lists */

static const SnapshotInfo *find_by_id(const GPtrArray *list, const char *id)
{
    for (guint i = 0; i < list->len && *id; i++) {
        const SnapshotInfo *info = g_ptr_array_index(list, i);
        if (strcmp(info->id, id) == 0)
            return info;
    }
    return NULL;
}

/* In UTC: the time zone is in a file that a confined worker may not open. */
static char *date_text(const SnapshotInfo *info, const char *format)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(info->time_us / 1000000);
    return date ? g_date_time_format(date, format) : g_strdup("?");
}

static JsonObject *info_object(Worker *worker, const GPtrArray *list, const SnapshotInfo *info)
{
    JsonObject *entry = json_object_new();
    json_object_set_string_member(entry, "name", info->name);
    if (info->damage) {
        json_object_set_string_member(entry, "damage", info->damage);
        return entry;
    }
    g_autofree char *seconds = date_text(info, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *date =
        g_strdup_printf("%s.%03uZ", seconds, (unsigned)(info->time_us / 1000 % 1000));
    const SnapshotInfo *parent = find_by_id(list, info->parent_id);
    json_object_set_string_member(entry, "id", info->id);
    json_object_set_string_member(entry, "date", date);
    set_unsigned(entry, "icount", info->position.icount);
    set_unsigned(entry, "virtual-ns", info->position.virtual_ns);
    if (parent)
        json_object_set_string_member(entry, "parent", parent->name);
    json_object_set_boolean_member(entry, "current", worker_snapshot_is_current(worker, info));
    json_object_set_string_member(entry, "mode", replay_mode_name(info->tie.mode));
    if (info->tie.recording)
        json_object_set_string_member(entry, "recording", info->tie.recording);
    set_unsigned(entry, "bytes", info->file_bytes);
    return entry;
}

bool cmd_query_snapshots(ApiSession *session, const QuerySnapshotsArgs *arguments, JsonNode **reply,
                         GError **error)
{
    Worker *worker = worker_of(session);
    g_autoptr(GPtrArray) list = worker_snapshot_list(worker, error);
    if (!list) {
        set_class(error, API_ERROR_GENERIC);
        return false;
    }
    JsonArray *array = json_array_new();
    for (guint i = 0; i < list->len; i++)
        json_array_add_object_element(array, info_object(worker, list, g_ptr_array_index(list, i)));
    *reply = array_node(array);
    return true;
}

bool cmd_snapshot_thumbnail(ApiSession *session, const SnapshotThumbnailArgs *arguments,
                            JsonNode **reply, GError **error)
{
    GError *problem = NULL;
    g_autoptr(GBytes) image =
        worker_snapshot_thumbnail(worker_of(session), arguments->name, &problem);
    if (!image) {
        g_propagate_error(error, api_error_of(problem));
        g_error_free(problem);
        return false;
    }
    gsize size;
    const guint8 *bytes = g_bytes_get_data(image, &size);
    JsonObject *object = json_object_new();
    if (size) {
        g_autofree char *text = g_base64_encode(bytes, size);
        json_object_set_string_member(object, "data", text);
    }
    *reply = object_node(object);
    return true;
}

/* The human monitor's forms */

static char *size_text(guint64 bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;
    guint64 tenths = bytes * 10;
    for (; tenths >= 10240 && unit + 1 < G_N_ELEMENTS(units); unit++)
        tenths /= 1024;
    return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " %s", tenths / 10,
                           tenths % 10, units[unit]);
}

static char *clock_text(guint64 ns)
{
    guint64 ms = ns / 1000000, seconds = ms / 1000;
    return g_strdup_printf("%02" G_GUINT64_FORMAT ":%02u:%02u.%03u", seconds / 3600,
                           (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
                           (unsigned)(ms % 1000));
}

static void append_line(GString *text, unsigned number, const SnapshotInfo *info)
{
    if (info->damage) {
        g_string_append_printf(text, "%-10u%-16s %s\r\n", number, info->name, info->damage);
        return;
    }
    g_autofree char *size = size_text(info->file_bytes);
    g_autofree char *date = date_text(info, "%Y-%m-%d %H:%M:%S");
    g_autofree char *clock = clock_text(info->position.virtual_ns);
    g_string_append_printf(text, "%-10u%-16s%8s%20s%16s %10" G_GUINT64_FORMAT "\r\n", number,
                           info->name, size, date, clock, info->position.icount);
}

char *monitor_info_snapshots(Worker *worker)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = worker_snapshot_list(worker, &error);
    if (!list)
        return g_strdup_printf("Error: %s\r\n", error->message);
    if (!list->len)
        return g_strdup("There is no snapshot available.\r\n");
    GString *text = g_string_new("List of snapshots present on all disks:\r\n");
    g_string_append_printf(text, "%-10s%-16s%8s%20s%16s %10s\r\n", "ID", "TAG", "VM SIZE", "DATE",
                           "VM CLOCK", "ICOUNT");
    for (guint i = 0; i < list->len; i++)
        append_line(text, i + 1, g_ptr_array_index(list, i));
    return g_string_free(text, FALSE);
}

static void answer_text(gpointer user, const GError *error, const char *recording)
{
    g_autofree char *text = error ? g_strdup_printf("Error: %s\r\n", error->message) : g_strdup("");
    api_request_reply(user, json_node_init_string(json_node_alloc(), text));
}

/* A name for `savevm` without one. */
static char *name_of_now(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(g_get_real_time() / 1000000);
    return g_date_time_format(now, "vm-%Y%m%d%H%M%S");
}

bool monitor_snapshot(ApiRequest *request, char **words)
{
    static const char *const verbs[] = { "savevm", "loadvm", "delvm" };
    unsigned kind = 0;
    GError *error = NULL;
    while (kind < G_N_ELEMENTS(verbs) && strcmp(words[0], verbs[kind]) != 0)
        kind++;
    guint count = g_strv_length(words);
    if (kind == G_N_ELEMENTS(verbs))
        return false;
    g_autofree char *name = count > 1               ? g_strdup(words[1])
                            : kind == SNAPSHOT_SAVE ? name_of_now()
                                                    : NULL;
    if (!name || count > 2)
        g_set_error(&error, API_ERROR, API_ERROR_GENERIC, "%s: expected one name", verbs[kind]);
    if (error || !worker_snapshot_start(worker_of_request(request), (SnapshotKind)kind, name, false,
                                        NULL, answer_text, request, &error)) {
        answer_text(request, error, NULL);
        g_error_free(error);
    }
    return true;
}
