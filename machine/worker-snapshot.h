/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_SNAPSHOT_H
#define POWERPLAY_MACHINE_WORKER_SNAPSHOT_H

/* A machine's snapshots, and the jobs that save, load and delete them: see worker-snapshot.c. All
 * of this belongs to the control thread. */

#include "machine/worker.h"

#include "replay/snapshot.h"

typedef enum { SNAPSHOT_SAVE, SNAPSHOT_LOAD, SNAPSHOT_DELETE } SnapshotKind;

typedef enum {
    SNAPSHOT_JOB_CREATED,
    SNAPSHOT_JOB_RUNNING,
    SNAPSHOT_JOB_WAITING, /* done, as QMP's jobs pass through it */
    SNAPSHOT_JOB_PENDING,
    SNAPSHOT_JOB_ABORTING, /* failed or cancelled */
    SNAPSHOT_JOB_CONCLUDED,
    SNAPSHOT_JOB_NULL, /* dismissed */
} SnapshotJobStatus;

typedef struct SnapshotJob SnapshotJob;
/* ERROR is NULL if all is well; RECORDING is the child that a load has started, or NULL. */
typedef void (*SnapshotDone)(gpointer user, const GError *error, const char *recording);

/* Before the machine thread runs: removes what a crash has left. */
WorkerSnapshots *worker_snapshots_new(Worker *worker);
/* Ends a job that is under way; before the machine is freed, after its thread has ended. */
void worker_snapshots_free(WorkerSnapshots *snapshots);

/*
 * Starts a job, or has it wait for those before it. ID NULL: no job that clients see, DONE hears
 * how it went. With an ID, which must be new, DONE may be NULL. May call DONE at once. MUST_BE_NEW:
 * a save replaces none of the same name.
 */
bool worker_snapshot_start(Worker *worker, SnapshotKind kind, const char *name, bool must_be_new,
                           const char *id, SnapshotDone done, gpointer user, GError **error);

/* The jobs that clients see, oldest first. */
guint worker_snapshot_job_count(Worker *worker);
typedef struct {
    const char *id;
    SnapshotKind kind;
    SnapshotJobStatus status;
    uint64_t done, total; /* 0 and 0 while it is not known; otherwise comparable */
    const char *error;    /* why it failed, or NULL */
} SnapshotJobView;
void worker_snapshot_job_view(Worker *worker, guint index, SnapshotJobView *view);
const char *snapshot_job_status_name(SnapshotJobStatus status);
const char *snapshot_job_type_name(SnapshotKind kind);
bool worker_snapshot_cancel(Worker *worker, const char *id, GError **error);
bool worker_snapshot_dismiss(Worker *worker, const char *id, GError **error);

/* All snapshots (of SnapshotInfo), oldest first. */
GPtrArray *worker_snapshot_list(Worker *worker, GError **error);
/* A small picture of what was on its screen, as a PNG file, empty if there was none. */
GBytes *worker_snapshot_thumbnail(Worker *worker, const char *name, GError **error);
/* Whether the machine's present state was built upon it. */
bool worker_snapshot_is_current(Worker *worker, const SnapshotInfo *info);

#endif
