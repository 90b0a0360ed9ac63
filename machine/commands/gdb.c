/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Debuggers: where they come in. */

#include "machine/commands/commands.h"

#include "machine/worker-gdb.h"

void cmd_gdbserver_start(ApiRequest *request, const GdbserverStartArgs *arguments)
{
    static const GdbEndian endians[] = { [API_GDB_ENDIAN_AUTO] = GDB_ENDIAN_AUTO,
                                         [API_GDB_ENDIAN_LITTLE] = GDB_ENDIAN_LITTLE,
                                         [API_GDB_ENDIAN_BIG] = GDB_ENDIAN_BIG };
    GdbEndian endian = arguments->has_endian ? endians[arguments->endian] : GDB_ENDIAN_AUTO;
    worker_gdb_listen(worker_of_request(request)->gdb, request,
                      arguments->listen ? arguments->listen : "unix", endian);
}

void cmd_gdbserver_stop(ApiRequest *request, const GdbserverStopArgs *arguments)
{
    worker_gdb_stop(worker_of_request(request)->gdb, request);
}
