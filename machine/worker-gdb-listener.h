/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_GDB_LISTENER_H
#define POWERPLAY_MACHINE_WORKER_GDB_LISTENER_H

/* Where debuggers come in, and how a second one is sent away. Control thread. */

#include "api/message.h"
#include "machine/worker.h"

typedef struct WorkerGdbListener WorkerGdbListener;

WorkerGdbListener *worker_gdb_listener_new(Worker *worker);
void worker_gdb_listener_free(WorkerGdbListener *listener);

/* Answers REQUEST (gdbserver-start) with the address, now or when the daemon has answered. False:
 * it was refused at once. */
bool worker_gdb_listener_open(WorkerGdbListener *listener, ApiRequest *request, const char *where);
/* Answers REQUEST (gdbserver-stop) when nobody can come in any more. */
void worker_gdb_listener_close(WorkerGdbListener *listener, ApiRequest *request);

/* Tells the debugger at FD (taken) that another one is here, and lets it go. */
void worker_gdb_listener_refuse(WorkerGdbListener *listener, int fd);

/* What the daemon says: MESSAGE_GDB_ADDRESS or MESSAGE_GDB_REFUSED with TEXT, MESSAGE_GDB_CLOSED.
 */
void worker_gdb_listener_answered(WorkerGdbListener *listener, MessageType type, const char *text);

#endif
