/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_RECORDING_H
#define POWERPLAY_MACHINE_WORKER_RECORDING_H

/* A machine's recordings: see worker-recording.c. */

#include "machine/worker.h"

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

/* Machine thread: records from here on; a machine that has run is saved first. Takes `recording`,
 * also when it fails. */
bool worker_recording_begin(Worker *worker, Recording *recording, GError **error);

/* Machine thread, on a machine at power-on: makes disks and state those of the recording's start,
 * and opens its log. On failure the machine may be unusable. */
LogReader *worker_recording_prepare(Worker *worker, Recording *recording, GError **error);

/* Machine thread: the log has been closed; seals the recording, if there is one. */
void worker_recording_seal(Worker *worker);

#endif
