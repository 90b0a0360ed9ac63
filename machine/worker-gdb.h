/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_GDB_H
#define POWERPLAY_MACHINE_WORKER_GDB_H

/* A debugger's connection, one at a time. Control thread, but
 * for worker_gdb_state_changed(). */

#include "api/message.h"
#include "machine/debug/gdb-session.h"
#include "machine/worker.h"

WorkerGdb *worker_gdb_new(Worker *worker);
/* Ends the connection; with the machine thread gone, before the machine is freed. */
void worker_gdb_close(WorkerGdb *gdb);
/* When nothing on the main context refers to it any more. */
void worker_gdb_free(WorkerGdb *gdb);

/*
 * Listens at WHERE: "unix" (gdb.sock in the machine's folder) or "tcp:PORT" (this host only; port
 * 0: any free one). Answers REQUEST with the address. Debuggers begin with ENDIAN.
 */
void worker_gdb_listen(WorkerGdb *gdb, ApiRequest *request, const char *where, GdbEndian endian);
/* Nobody comes in any more, and who is there leaves; then REQUEST is answered. */
void worker_gdb_stop(WorkerGdb *gdb, ApiRequest *request);
/* A debugger has come: FD is taken. */
void worker_gdb_take_client(WorkerGdb *gdb, int fd);
/* The daemon has opened or closed its socket, or has not, and TEXT says why. */
void worker_gdb_answered(WorkerGdb *gdb, MessageType type, const char *text);

/* Machine thread. */
void worker_gdb_state_changed(WorkerGdb *gdb);

#endif
