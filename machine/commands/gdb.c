/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Debuggers: where they come in. */

#include "machine/commands/commands.h"

#include "machine/worker-gdb.h"

void cmd_gdbserver_start(ApiRequest *request, const GdbserverStartArgs *arguments)
{
    worker_gdb_listen(worker_of_request(request)->gdb, request,
                      arguments->listen ? arguments->listen : "unix");
}

void cmd_gdbserver_stop(ApiRequest *request, const GdbserverStopArgs *arguments)
{
    worker_gdb_stop(worker_of_request(request)->gdb, request);
}
