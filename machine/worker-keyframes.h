/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_KEYFRAMES_H
#define POWERPLAY_MACHINE_WORKER_KEYFRAMES_H

/* Keyframes in a recording's folder: see worker-keyframes.c. */

#include "machine/worker.h"

/* Machine thread: a recording or a replay has begun; what the serial ports send from now on is its
 * text. */
void worker_keyframes_begin(Worker *worker);
/* Machine thread, at the beginning of the replay of recording NAME. */
void worker_keyframes_open(Worker *worker, const char *name);
/* Machine thread: the machine (of WORKER) has become another one; serial ports show its text. */
void worker_keyframes_moved(void *worker);
/* Control thread: a replay is paused; its keyframes are written as long as it is. */
void worker_keyframes_write(Worker *worker);
/* Machine thread: the recording in the folder DIRECTORY (borrowed) has ended; its keyframes are
 * written from now on, whatever the machine does. */
void worker_keyframes_spill(Worker *worker, int directory);
/* With the machine thread gone, before the machine is freed: waits for what is being written. */
void worker_keyframes_close(Worker *worker);

#endif
