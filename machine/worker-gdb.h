/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_GDB_H
#define POWERPLAY_MACHINE_WORKER_GDB_H

/* Where debuggers come in: a listening socket, and one connection at a time. Control thread, but
 * for worker_gdb_state_changed(). */

#include "machine/worker.h"

WorkerGdb *worker_gdb_new(Worker *worker);
/* Ends the connection; with the machine thread gone, before the machine is freed. */
void worker_gdb_close(WorkerGdb *gdb);
/* When nothing on the main context refers to it any more. */
void worker_gdb_free(WorkerGdb *gdb);

/*
 * Listens at WHERE: "unix" (gdb.sock in the machine's folder) or "tcp:PORT" (this host only; port
 * 0: any free one). Returns the address, "unix:PATH" or "tcp:127.0.0.1:PORT", which is gdb's.
 */
const char *worker_gdb_listen(WorkerGdb *gdb, const char *where, GError **error);
/* Nobody comes in any more, and who is there leaves. */
void worker_gdb_stop(WorkerGdb *gdb);

/* Machine thread. */
void worker_gdb_state_changed(WorkerGdb *gdb);

#endif
