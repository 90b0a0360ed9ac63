/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_KEYFRAMES_H
#define POWERPLAY_MACHINE_WORKER_KEYFRAMES_H

/* Keyframes of a replay in the recording's folder: see worker-keyframes.c. */

#include "machine/worker.h"

/* Machine thread, at the beginning of the replay of recording NAME. */
void worker_keyframes_open(Worker *worker, const char *name);
/* Control thread: a replay is paused; its keyframes are written as long as it is. */
void worker_keyframes_write(Worker *worker);
/* With the machine thread gone, before the machine is freed. */
void worker_keyframes_close(Worker *worker);

#endif
