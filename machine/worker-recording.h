/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_RECORDING_H
#define POWERPLAY_MACHINE_WORKER_RECORDING_H

/* A machine's recordings: see worker-recording.c. */

#include "machine/worker.h"

#include "replay/log-compare.h"
#include "replay/recording.h"

/* Whether it may be the name of a recording's folder. */
bool worker_recording_name_is_valid(const char *name);

/* Digests the machine's files on a thread of its own. The result of `done`'s task is a JsonNode. */
void worker_recording_digest_files(Worker *worker, GAsyncReadyCallback done, gpointer data);

/* Makes a folder for a new recording; fails if the name is taken. Control thread. */
Recording *worker_recording_create(Worker *worker, const char *name, JsonNode *files,
                                   GError **error);

/* Opens a recording; fails, saying what differs, if it does not belong to this machine and program.
 * Control thread. */
Recording *worker_recording_open(Worker *worker, const char *name, JsonNode *files, GError **error);

/* The log of recording NAME behind those of the recordings that it goes on from. Any thread. */
LogTrack *worker_recording_track(Worker *worker, const char *name, GError **error);

/* Where a recording branched off from another one. */
typedef struct {
    const char *parent; /* NULL: from none */
    Position position;
} RecordingBranch;

typedef struct {
    char *name;
    Position position; /* in the parent */
} RecordingChild;
/* The recordings that go on from NAME, by their names: of RecordingChild. Those that cannot be read
 * are left out. */
GArray *worker_recording_children(Worker *worker, const char *name);

/* Machine thread: records from here on, and keeps keyframes; a machine that has run is saved first.
 * Takes `recording`, also when it fails. `branch` may be NULL. */
bool worker_recording_begin(Worker *worker, Recording *recording, const RecordingBranch *branch,
                            GError **error);

/* Whether there is something of that name. */
bool worker_recording_exists(Worker *worker, const char *name);
/* Removes the folder of a recording that did not come about. */
void worker_recording_forget(Worker *worker, const char *name);

/* Whether `what` (a recording, a snapshot), of a machine of that definition and those versions,
 * belongs to this machine and program; the error says what differs. */
bool worker_recording_check_machine(Worker *worker, const char *what, const char *definition,
                                    const RecordingVersion *versions, guint count, GError **error);
/* Appends this machine's versions, whose names are the array's. */
void worker_recording_add_versions(Worker *worker, GArray *versions);

/* Machine thread, on a machine at power-on: makes disks and state those of the recording's start,
 * and opens its log. On failure the machine may be unusable. */
LogReader *worker_recording_prepare(Worker *worker, Recording *recording, GError **error);

/* Machine thread: the log has been closed; seals the recording, if there is one. */
void worker_recording_seal(Worker *worker);

#endif
