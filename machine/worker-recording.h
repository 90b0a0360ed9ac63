/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_RECORDING_H
#define POWERPLAY_MACHINE_WORKER_RECORDING_H

/* The folder of a recording: see worker-recording.c. Control thread, unless said otherwise. */

#include "machine/worker.h"

#include "replay/log.h"

typedef struct WorkerRecording WorkerRecording;

/* Whether it may be the name of a folder. */
bool worker_recording_name_is_valid(const char *name);

/* Digests the machine's files on a thread of its own. The result of `done`'s task is a JsonNode. */
void worker_recording_digest_files(Worker *worker, GAsyncReadyCallback done, gpointer data);

/* Makes a new folder with its manifest; fails if the name is taken. */
WorkerRecording *worker_recording_create(Worker *worker, const char *name, JsonNode *files, GError **error);

/* Opens a folder; fails, saying what differs, if it does not belong to this machine and program. */
WorkerRecording *worker_recording_open(Worker *worker, const char *name, JsonNode *files, GError **error);

void worker_recording_free(WorkerRecording *recording);

/* The log. Any thread. */
LogWriter *worker_recording_create_log(WorkerRecording *recording, const Position *start, GError **error);
LogReader *worker_recording_open_log(WorkerRecording *recording, GError **error);

#endif
