/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Debuggers: where they come in. */

#include "machine/commands/commands.h"

#include "machine/worker-gdb.h"

bool cmd_gdbserver_start(ApiSession *session, const GdbserverStartArgs *arguments, JsonNode **reply,
                         GError **error)
{
    Worker *worker = worker_of(session);
    if (worker->is_confined) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "this machine's process is confined and cannot listen for a debugger: "
                    "start powerplayd without --sandbox");
        return false;
    }
    const char *address =
        worker_gdb_listen(worker->gdb, arguments->listen ? arguments->listen : "unix", error);
    if (!address) {
        set_class(error, API_ERROR_GENERIC);
        return false;
    }
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "address", address);
    *reply = object_node(object);
    return true;
}

bool cmd_gdbserver_stop(ApiSession *session, const GdbserverStopArgs *arguments, JsonNode **reply,
                        GError **error)
{
    worker_gdb_stop(worker_of(session)->gdb);
    return true;
}
