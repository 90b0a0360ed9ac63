/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Snapshots of this machine: the folder snapshots/ in its own folder (replay/snapshot.h).
 *
 * A job passes through steps on three threads, one after the other:
 *
 *     control   looks at the request; later at what was read, and says how it went
 *     a thread  digests files; compresses, writes, reads, verifies
 *     machine   captures or restores, between two instructions; afterwards takes note of packs
 *
 * 1. One job at a time, in the order they were asked for. So nobody else writes in the folder.
 * 2. The guest stands still during a capture or a restore only, never during reading or writing.
 *    Both wait for what its disks have under way, and a capture until that is on the host's disk.
 *    On a host whose disk hangs the machine's thread waits as long as that lasts, and with it who
 *    asks that thread; nothing is lost by it, nor when the process is killed then.
 * 3. A job that is cancelled, or whose process is killed, leaves the old state or the new one: the
 *    snapshot's file gets or loses its name in one step, and what else is in the folder is not
 *    seen.
 * 4. A load while recording ends the recording and begins a child of the one that the snapshot is
 *    from. A load in a replay goes to another place of that replay, or is refused.
 */

#include "machine/worker-snapshot.h"

#include "machine/display/image.h"
#include "machine/display/scanout.h"
#include "machine/snapshot.h"
#include "machine/worker-recording.h"
#include "replay/manifest.h"
#include "replay/page-pack.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER       "snapshots"
#define CHILDREN_MAX 10000
#define SMALL_WIDTH  160

struct WorkerSnapshots {
    Worker *worker;
    int directory; /* -1: there is none yet */
    GQueue waiting;
    SnapshotJob *current;
    GPtrArray *jobs;    /* that clients see */
    char *parent;       /* the snapshot that the machine's state builds upon, or NULL */
    char parent_id[33]; /* empty: none */
    GHashTable *known;  /* packs that were verified; the thread of the present job */
};

struct SnapshotJob {
    Worker *worker;
    SnapshotKind kind;
    char *name, *id;
    bool must_be_new;
    SnapshotDone done;
    gpointer user;
    SnapshotJobStatus status;
    gint cancelled;         /* atomic */
    gint done_kib, all_kib; /* atomic */
    bool is_in_thread;
    bool is_copied; /* what can be copied beforehand */
    GError *error;
    JsonNode *files;

    MachineCapture capture;
    SnapshotSave save;
    Image *screen; /* small, or NULL */
    SnapshotLoad *load;
    GPtrArray *unused; /* packs that nobody needs any more */
    ReplayMode mode;   /* of the machine, when the load was prepared */
    Recording *child;
    char *child_name;
};

/* --- jobs ------------------------------------------------------------------------------------- */

const char *snapshot_job_status_name(SnapshotJobStatus status)
{
    static const char *const names[] = { "created",  "running",   "waiting", "pending",
                                         "aborting", "concluded", "null" };
    return names[status];
}

const char *snapshot_job_type_name(SnapshotKind kind)
{
    static const char *const names[] = { "snapshot-save", "snapshot-load", "snapshot-delete" };
    return names[kind];
}

static void job_free(SnapshotJob *job)
{
    recording_free(job->child);
    g_clear_pointer(&job->files, json_node_unref);
    g_clear_pointer(&job->unused, g_ptr_array_unref);
    g_clear_pointer(&job->load, snapshot_load_free);
    g_clear_error(&job->error);
    g_free(job->child_name);
    g_free(job->name);
    g_free(job->id);
    g_free(job);
}

static void set_status(SnapshotJob *job, SnapshotJobStatus status)
{
    job->status = status;
    if (!job->id)
        return;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "id", job->id);
    json_object_set_string_member(data, "status", snapshot_job_status_name(status));
    JsonNode *node = json_node_init_object(json_node_alloc(), data);
    json_object_unref(data);
    api_server_emit(job->worker->server, "JOB_STATUS_CHANGE", node);
}

static void start_next(WorkerSnapshots *snapshots);

/* The job is over; `job->error` says how it went. */
static void conclude(SnapshotJob *job)
{
    WorkerSnapshots *snapshots = job->worker->snapshots;
    if (job->error) {
        set_status(job, SNAPSHOT_JOB_ABORTING);
    } else {
        set_status(job, SNAPSHOT_JOB_WAITING);
        set_status(job, SNAPSHOT_JOB_PENDING);
    }
    set_status(job, SNAPSHOT_JOB_CONCLUDED);
    if (snapshots->current == job)
        snapshots->current = NULL;
    if (job->done)
        job->done(job->user, job->error, job->error ? NULL : job->child_name);
    if (!job->id)
        job_free(job);
    start_next(snapshots);
}

static gboolean report_progress(gpointer user, guint64 done, guint64 total)
{
    SnapshotJob *job = user;
    g_atomic_int_set(&job->done_kib, (gint)(done / 1024));
    g_atomic_int_set(&job->all_kib, (gint)(total / 1024));
    return !g_atomic_int_get(&job->cancelled);
}

/* Work on a thread of its own, then THEN on the control thread. */
static void in_thread(SnapshotJob *job, GTaskThreadFunc work, GAsyncReadyCallback then)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, then, job);
    g_task_set_task_data(task, job, NULL);
    job->is_in_thread = true;
    g_task_run_in_thread(task, work);
}

static void in_machine(SnapshotJob *job, void (*execute)(WorkerCall *),
                       void (*finish)(WorkerCall *))
{
    worker_call(job->worker, NULL, execute, finish, job, NULL);
}

static void use_folder(SnapshotJob *job)
{
    page_store_set_directory(machine_page_store(job->worker->machine),
                             job->worker->snapshots->directory);
}

static bool is_cancelled(SnapshotJob *job)
{
    if (g_atomic_int_get(&job->cancelled) && !job->error)
        g_set_error_literal(&job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "it was cancelled");
    return job->error != NULL;
}

/* --- after a save or a delete: packs that nobody needs ---------------------------------------- */

static void find_unused(SnapshotJob *job)
{
    job->unused = snapshot_unused_packs(job->worker->snapshots->directory, NULL);
}

static void remove_unused(SnapshotJob *job)
{
    g_autoptr(GError) error = NULL;
    Worker *worker = job->worker;
    if (job->unused &&
        !snapshot_remove_packs(worker->snapshots->directory, machine_page_store(worker->machine),
                               job->unused, &error))
        g_warning("packs that no snapshot needs stay until the next start: %s", error->message);
}

/* --- saving ----------------------------------------------------------------------------------- */

static void note_parent(WorkerSnapshots *snapshots, const SnapshotInfo *info)
{
    g_free(snapshots->parent);
    snapshots->parent = g_strdup(info->name);
    g_strlcpy(snapshots->parent_id, info->id, sizeof snapshots->parent_id);
}

static void execute_commit(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    Machine *machine = call->worker->machine;
    if (!job->error) {
        snapshot_place_pages(machine_page_store(machine), &job->save);
        machine_capture_adopt(machine, &job->capture);
        remove_unused(job);
    }
    machine_capture_clear(&job->capture);
    g_clear_pointer(&job->save.map, page_map_unref);
    g_clear_pointer(&job->screen, image_free);
}

static void finish_save(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    if (!job->error)
        note_parent(job->worker->snapshots, job->save.info);
    snapshot_save_clear(&job->save);
    conclude(job);
}

static void written(GObject *source, GAsyncResult *result, gpointer user)
{
    SnapshotJob *job = user;
    job->is_in_thread = false;
    in_machine(job, execute_commit, finish_save);
}

static void write_snapshot(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    SnapshotJob *job = data;
    int directory = job->worker->snapshots->directory;
    if (job->screen)
        job->save.thumbnail = image_to_png(job->screen);
    if (job->must_be_new && snapshot_exists(directory, job->name))
        g_set_error(&job->error, API_ERROR, API_ERROR_GENERIC,
                    "There is a snapshot '%s' already: choose another name or delete it",
                    job->name);
    else if (snapshot_write(directory, &job->save, &job->error))
        find_unused(job);
    g_task_return_boolean(task, TRUE);
}

static void add_references(SnapshotInfo *info, JsonNode *files)
{
    JsonArray *list = json_node_get_array(files);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *file = json_array_get_object_element(list, i);
        manifest_add_file(info->references, json_object_get_string_member(file, "name"),
                          json_object_get_string_member(file, "sha256"),
                          (guint64)json_object_get_int_member(file, "size"));
    }
}

static SnapshotInfo *make_info(SnapshotJob *job)
{
    Worker *worker = job->worker;
    WorkerSnapshots *snapshots = worker->snapshots;
    SnapshotInfo *info = snapshot_info_new(job->name);
    info->parent = g_strdup(snapshots->parent);
    g_strlcpy(info->parent_id, snapshots->parent_id, sizeof info->parent_id);
    info->definition = g_strdup(worker->config->canonical);
    info->program = g_strdup("powerplay " POWERPLAY_VERSION);
    info->time_us = g_get_real_time();
    info->position = job->capture.position;
    info->tie = (SnapshotTie){ .mode = job->capture.mode, .prefix = job->capture.prefix };
    if (info->tie.mode != REPLAY_NONE)
        info->tie.recording = g_strdup(worker->recording);
    worker_recording_add_versions(worker, info->versions);
    add_references(info, job->files);
    return info;
}

/* Every so many pixels of every so many rows: looking at all would take longer than the capture. */
static Image *small_screen(Machine *machine)
{
    Scanout scanout;
    if (!machine_scanout(machine, &scanout) || !scanout.width || !scanout.height)
        return NULL;
    unsigned step = (scanout.width + SMALL_WIDTH - 1) / SMALL_WIDTH;
    Image *image = g_new0(Image, 1);
    g_autofree uint32_t *row = g_new(uint32_t, scanout.width);
    image->width = (scanout.width + step - 1) / step;
    image->height = (scanout.height + step - 1) / step;
    image->pixels = g_new(uint32_t, (gsize)image->width * image->height);
    for (unsigned y = 0; y < image->height; y++) {
        scanout_row(&scanout, machine_memory(machine), y * step, row);
        for (unsigned x = 0; x < image->width; x++)
            image->pixels[(gsize)y * image->width + x] = row[x * step];
    }
    return image;
}

static void execute_capture(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    Machine *machine = call->worker->machine;
    use_folder(job);
    if (is_cancelled(job)) {
        machine_drop_early(machine);
        return;
    }
    if (!machine_capture(machine, &job->capture, &job->error)) {
        machine_capture_clear(&job->capture);
        return;
    }
    job->save.map = page_map_ref(job->capture.map);
    job->screen = small_screen(machine);
}

static void finish_capture(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    if (job->error) {
        conclude(job);
        return;
    }
    job->save.info = make_info(job);
    job->save.state = g_bytes_ref(job->capture.state);
    job->save.progress = report_progress;
    job->save.user = job;
    in_thread(job, write_snapshot, written);
}

static void execute_early(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    use_folder(job);
    job->is_copied = machine_copy_early(call->worker->machine);
}

/* The first save copies all of the memory, in pieces, so that the guest is not held up. */
static void finish_early(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    if (job->is_copied || g_atomic_int_get(&job->cancelled))
        in_machine(job, execute_capture, finish_capture);
    else
        in_machine(job, execute_early, finish_early);
}

/* --- loading ---------------------------------------------------------------------------------- */

static void restore(SnapshotJob *job)
{
    Machine *machine = job->worker->machine;
    Replay *replay = machine_replay(machine);
    ReplaySeek *seek = NULL;
    if (job->mode == REPLAY_PLAY) {
        seek = replay_seek_find(replay, &job->load->info->tie.prefix, &job->error);
        if (!seek) {
            g_prefix_error(&job->error, "The snapshot '%s' is not of this recording: ", job->name);
            return;
        }
    }
    if (job->mode == REPLAY_RECORD) {
        if (!machine_record_stop(machine, &job->error)) {
            return;
        }
        worker_recording_seal(job->worker);
    }
    PageMap *map = snapshot_map(machine_page_store(machine), job->load, machine_base(machine));
    machine_restore(machine, job->load->state, map, seek, &job->error);
    page_map_unref(map);
}

static void execute_restore(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    const SnapshotInfo *info = job->load->info;
    use_folder(job);
    if (is_cancelled(job))
        return;
    if (replay_mode(machine_replay(call->worker->machine)) != job->mode) {
        g_set_error_literal(&job->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                            "A recording or replay began or ended in the meantime: try again");
        return;
    }
    restore(job);
    if (!job->error && job->child) {
        bool has_parent = info->tie.mode != REPLAY_NONE;
        RecordingBranch branch = { has_parent ? info->tie.recording : NULL, info->position };
        worker_recording_begin(call->worker, g_steal_pointer(&job->child), &branch, &job->error);
    }
}

static void finish_load(WorkerCall *call)
{
    SnapshotJob *job = call->data;
    Worker *worker = job->worker;
    worker->recording_is_busy = false;
    if (!job->error) {
        note_parent(worker->snapshots, job->load->info);
        if (job->child_name) {
            g_free(worker->recording);
            worker->recording = g_strdup(job->child_name);
            worker->has_recorded = true;
        }
    } else if (job->child_name) {
        worker_recording_forget(worker, job->child_name);
    }
    conclude(job);
}

/* The snapshot's recording's name and a number: "first", "first-1", ... */
static bool make_child(SnapshotJob *job)
{
    Worker *worker = job->worker;
    const char *parent = job->load->info->tie.recording;
    for (unsigned n = 1; n < CHILDREN_MAX; n++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *name = g_strdup_printf("%.56s-%u", parent ? parent : worker->recording, n);
        if (worker_recording_exists(worker, name))
            continue;
        job->child = worker_recording_create(worker, name, job->files, &job->error);
        job->child_name = g_steal_pointer(&name);
        return job->child != NULL;
    }
    g_set_error(&job->error, API_ERROR, API_ERROR_GENERIC,
                "There are %d recordings of that name: delete some", CHILDREN_MAX);
    return false;
}

static bool check_files(SnapshotJob *job, GError **error)
{
    const SnapshotInfo *info = job->load->info;
    JsonArray *list = json_node_get_array(job->files);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *file = json_array_get_object_element(list, i);
        const char *name = json_object_get_string_member(file, "name");
        const char *mine = json_object_get_string_member(file, "sha256");
        const ManifestFile *theirs = manifest_find(info->references, name);
        if (!theirs || strcmp(mine, theirs->sha256) != 0) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "The snapshot '%s' was saved with another file as %s: SHA-256 %s then, %s "
                        "here",
                        job->name, name, theirs ? theirs->sha256 : "of no file", mine);
            return false;
        }
    }
    return true;
}

static bool is_of_this_machine(SnapshotJob *job, GError **error)
{
    const SnapshotInfo *info = job->load->info;
    return worker_recording_check_machine(job->worker, "snapshot", info->definition,
                                          (const RecordingVersion *)(void *)info->versions->data,
                                          info->versions->len, error) &&
           check_files(job, error);
}

static bool prepare_load(SnapshotJob *job)
{
    const SnapshotInfo *info = job->load->info;
    job->mode = worker_status(job->worker).replay_mode;
    if (job->mode == REPLAY_PLAY && info->tie.mode == REPLAY_NONE) {
        g_set_error(
            &job->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
            "The snapshot '%s' was saved in no recording, and a replay can only go to places "
            "of its own: start the machine without a replay to load it",
            job->name);
        return false;
    }
    return job->mode != REPLAY_RECORD || make_child(job);
}

/* That it is another machine's says more than that its pages are not here. */
static void read_done(GObject *source, GAsyncResult *result, gpointer user)
{
    SnapshotJob *job = user;
    GError *misfit = NULL;
    job->is_in_thread = false;
    if (job->load && !is_of_this_machine(job, &misfit)) {
        g_clear_error(&job->error);
        job->error = misfit;
    }
    if (is_cancelled(job) || !prepare_load(job)) {
        job->worker->recording_is_busy = false;
        conclude(job);
        return;
    }
    in_machine(job, execute_restore, finish_load);
}

static void read_snapshot(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    SnapshotJob *job = data;
    int directory = job->worker->snapshots->directory;
    job->load = snapshot_read(directory, job->name, &job->error);
    if (job->load)
        snapshot_verify_pages(directory, job->load, job->worker->snapshots->known, report_progress,
                              job, &job->error);
    g_task_return_boolean(task, TRUE);
}

/* --- deleting --------------------------------------------------------------------------------- */

static void execute_removal(WorkerCall *call)
{
    remove_unused(call->data);
}

static void finish_removal(WorkerCall *call)
{
    conclude(call->data);
}

static void deleted(GObject *source, GAsyncResult *result, gpointer user)
{
    SnapshotJob *job = user;
    job->is_in_thread = false;
    in_machine(job, execute_removal, finish_removal);
}

static void delete_snapshot(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    SnapshotJob *job = data;
    if (!is_cancelled(job) &&
        snapshot_delete(job->worker->snapshots->directory, job->name, &job->error))
        find_unused(job);
    g_task_return_boolean(task, TRUE);
}

/* --- beginning -------------------------------------------------------------------------------- */

static bool open_folder(WorkerSnapshots *snapshots, bool make, GError **error)
{
    int directory = snapshots->worker->directory;
    if (snapshots->directory < 0 && make)
        mkdirat(directory, FOLDER, 0700);
    if (snapshots->directory < 0)
        snapshots->directory =
            openat(directory, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (snapshots->directory < 0 && error)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Could not open the folder %s: %s", FOLDER,
                    g_strerror(errno));
    return snapshots->directory >= 0;
}

static void digested(GObject *source, GAsyncResult *result, gpointer user)
{
    SnapshotJob *job = user;
    job->is_in_thread = false;
    job->files = g_task_propagate_pointer(G_TASK(result), job->error ? NULL : &job->error);
    if (!job->files) {
        job->worker->recording_is_busy = false;
        conclude(job);
    } else if (job->kind == SNAPSHOT_SAVE) {
        in_machine(job, execute_early, finish_early);
    } else {
        in_thread(job, read_snapshot, read_done);
    }
}

/* False when it cannot begin. */
static bool prepare(SnapshotJob *job)
{
    WorkerSnapshots *snapshots = job->worker->snapshots;
    if (!open_folder(snapshots, job->kind == SNAPSHOT_SAVE,
                     job->kind == SNAPSHOT_SAVE ? &job->error : NULL)) {
        if (!job->error)
            g_set_error(&job->error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND,
                        "There is no snapshot '%s'", job->name);
        return false;
    }
    if (job->kind == SNAPSHOT_LOAD && job->worker->recording_is_busy) {
        g_set_error_literal(&job->error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                            "A recording or replay is being started: try again");
        return false;
    }
    return !is_cancelled(job);
}

static void begin(SnapshotJob *job)
{
    set_status(job, SNAPSHOT_JOB_RUNNING);
    if (!prepare(job)) {
        conclude(job);
        return;
    }
    job->worker->recording_is_busy |= job->kind == SNAPSHOT_LOAD;
    if (job->kind == SNAPSHOT_DELETE) {
        in_thread(job, delete_snapshot, deleted);
        return;
    }
    job->is_in_thread = true;
    worker_recording_digest_files(job->worker, digested, job);
}

static void start_next(WorkerSnapshots *snapshots)
{
    if (snapshots->current || snapshots->worker->is_ending)
        return;
    snapshots->current = g_queue_pop_head(&snapshots->waiting);
    if (snapshots->current)
        begin(snapshots->current);
}

static SnapshotJob *find_job(WorkerSnapshots *snapshots, const char *id)
{
    for (guint i = 0; i < snapshots->jobs->len; i++) {
        SnapshotJob *job = g_ptr_array_index(snapshots->jobs, i);
        if (strcmp(job->id, id) == 0)
            return job;
    }
    return NULL;
}

static bool check_start(WorkerSnapshots *snapshots, const char *name, const char *id,
                        GError **error)
{
    if (!snapshot_name_is_valid(name)) {
        g_set_error(
            error, API_ERROR, API_ERROR_GENERIC,
            "A snapshot's name is 1 to 64 letters, digits, '.', '_' and '-', beginning with "
            "a letter or digit, not '%s'",
            name);
        return false;
    }
    if (id && (!*id || strlen(id) > 127)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Invalid job ID '%s'", id);
        return false;
    }
    if (id && find_job(snapshots, id)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Job ID '%s' already in use", id);
        return false;
    }
    return true;
}

bool worker_snapshot_start(Worker *worker, SnapshotKind kind, const char *name, bool must_be_new,
                           const char *id, SnapshotDone done, gpointer user, GError **error)
{
    WorkerSnapshots *snapshots = worker->snapshots;
    if (!check_start(snapshots, name, id, error))
        return false;
    SnapshotJob *job = g_new0(SnapshotJob, 1);
    *job = (SnapshotJob){ .worker = worker,
                          .kind = kind,
                          .name = g_strdup(name),
                          .id = g_strdup(id),
                          .must_be_new = must_be_new,
                          .done = done,
                          .user = user };
    if (id)
        g_ptr_array_add(snapshots->jobs, job);
    set_status(job, SNAPSHOT_JOB_CREATED);
    g_queue_push_tail(&snapshots->waiting, job);
    start_next(snapshots);
    return true;
}

/* --- questions about jobs --------------------------------------------------------------------- */

guint worker_snapshot_job_count(Worker *worker)
{
    return worker->snapshots->jobs->len;
}

void worker_snapshot_job_view(Worker *worker, guint index, SnapshotJobView *view)
{
    SnapshotJob *job = g_ptr_array_index(worker->snapshots->jobs, index);
    bool is_good = job->status == SNAPSHOT_JOB_CONCLUDED && !job->error;
    *view = (SnapshotJobView){ .id = job->id, .kind = job->kind, .status = job->status };
    view->done = (uint64_t)g_atomic_int_get(&job->done_kib);
    view->total = MAX((uint64_t)g_atomic_int_get(&job->all_kib), 1);
    if (is_good)
        view->done = view->total;
    if (job->status == SNAPSHOT_JOB_CONCLUDED && job->error)
        view->error = job->error->message;
}

static SnapshotJob *require_job(Worker *worker, const char *id, GError **error)
{
    SnapshotJob *job = find_job(worker->snapshots, id);
    if (!job)
        g_set_error_literal(error, API_ERROR, API_ERROR_GENERIC, "Job not found");
    return job;
}

static void refuse_verb(const SnapshotJob *job, const char *verb, GError **error)
{
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "Job '%s' in state '%s' cannot accept command verb '%s'", job->id,
                snapshot_job_status_name(job->status), verb);
}

bool worker_snapshot_cancel(Worker *worker, const char *id, GError **error)
{
    SnapshotJob *job = require_job(worker, id, error);
    if (job && job->status > SNAPSHOT_JOB_RUNNING) {
        refuse_verb(job, "cancel", error);
        return false;
    }
    if (!job)
        return false;
    g_atomic_int_set(&job->cancelled, 1);
    if (g_queue_remove(&worker->snapshots->waiting, job)) {
        is_cancelled(job);
        conclude(job);
    }
    return true;
}

bool worker_snapshot_dismiss(Worker *worker, const char *id, GError **error)
{
    SnapshotJob *job = require_job(worker, id, error);
    if (job && job->status != SNAPSHOT_JOB_CONCLUDED) {
        refuse_verb(job, "dismiss", error);
        return false;
    }
    if (!job)
        return false;
    set_status(job, SNAPSHOT_JOB_NULL);
    g_ptr_array_remove(worker->snapshots->jobs, job);
    job_free(job);
    return true;
}

/* --- the folder ------------------------------------------------------------------------------- */

GPtrArray *worker_snapshot_list(Worker *worker, GError **error)
{
    WorkerSnapshots *snapshots = worker->snapshots;
    if (!open_folder(snapshots, false, NULL))
        return g_ptr_array_new();
    return snapshot_list(snapshots->directory, error);
}

GBytes *worker_snapshot_thumbnail(Worker *worker, const char *name, GError **error)
{
    WorkerSnapshots *snapshots = worker->snapshots;
    if (open_folder(snapshots, false, NULL))
        return snapshot_thumbnail(snapshots->directory, name, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no snapshot '%s'", name);
    return NULL;
}

bool worker_snapshot_is_current(Worker *worker, const SnapshotInfo *info)
{
    return info->id[0] && strcmp(info->id, worker->snapshots->parent_id) == 0;
}

WorkerSnapshots *worker_snapshots_new(Worker *worker)
{
    g_autoptr(GError) error = NULL;
    WorkerSnapshots *snapshots = g_new0(WorkerSnapshots, 1);
    snapshots->worker = worker;
    snapshots->directory = -1;
    snapshots->jobs = g_ptr_array_new();
    snapshots->known = pack_known_new();
    if (open_folder(snapshots, false, NULL) && !snapshot_sweep(snapshots->directory, &error))
        g_warning("the folder of snapshots could not be cleaned: %s", error->message);
    return snapshots;
}

static void drop_job(gpointer data)
{
    SnapshotJob *job = data;
    g_clear_pointer(&job->screen, image_free);
    machine_capture_clear(&job->capture);
    snapshot_save_clear(&job->save);
    job_free(job);
}

void worker_snapshots_free(WorkerSnapshots *snapshots)
{
    if (!snapshots)
        return;
    SnapshotJob *job = snapshots->current;
    if (job)
        g_atomic_int_set(&job->cancelled, 1);
    while (snapshots->current && snapshots->current->is_in_thread)
        g_main_context_iteration(NULL, TRUE);
    while ((job = g_queue_pop_head(&snapshots->waiting)))
        if (!job->id)
            drop_job(job);
    if (snapshots->current && !snapshots->current->id)
        drop_job(snapshots->current);
    g_ptr_array_set_free_func(snapshots->jobs, drop_job);
    g_ptr_array_unref(snapshots->jobs);
    if (snapshots->directory >= 0)
        close(snapshots->directory);
    g_hash_table_unref(snapshots->known);
    g_free(snapshots->parent);
    g_free(snapshots);
}
