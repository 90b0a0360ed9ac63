/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_AUDIO_H
#define POWERPLAY_MACHINE_WORKER_AUDIO_H

/* The host's ends of a sound card's wires: see worker-audio.c. */

#include "machine/worker.h"

/* NULL and no ERROR if the machine has no sound card; NULL and ERROR if its WAV file for capture is
 * none that can be used. */
WorkerAudio *audio_new(Worker *worker, GError **error);
/* Once the process is confined: its thread must be made after that. Takes NULL. */
void audio_start(WorkerAudio *audio);
/* Writes what is waiting first. */
void audio_free(WorkerAudio *audio);

/* Whether a machine that does not replay has all that its definition says. Takes NULL. */
bool audio_may_run(const WorkerAudio *audio, GError **error);

/* Somebody listens (or, IS_CAPTURE, plays) at SOCKET (taken). */
void audio_set_client(WorkerAudio *audio, bool is_capture, int socket);

/* Machine thread: frames that the guest has played by DEVICE; others are left alone. */
void audio_output(WorkerAudio *audio, const Device *device, const void *data, size_t length);
/* Machine thread: the guest begins anew, and counts its frames from 0 again. Takes NULL. */
void audio_was_reset(WorkerAudio *audio);
/* Machine thread: see MachineHost. */
unsigned audio_input(WorkerAudio *audio, uint64_t first, int16_t *frames, unsigned count);

#endif
