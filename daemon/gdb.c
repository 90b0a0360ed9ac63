/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Debuggers of a machine. Its process may open no socket, so it asks for one; who connects is
 * passed on as he comes, and all that he says is between him and that process.
 *
 * 1. One socket a machine, in its folder or on this host's loopback, however often it asks.
 * 2. The socket goes with the process.
 */

#include "daemon/gdb.h"

#include "api/gdb-listener.h"
#include "daemon/process.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct Gdb {
    GdbListener listener;
    GSource *source;
};

static gboolean on_connection(gint listener, GIOCondition condition, gpointer data)
{
    Machine *machine = data;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
        process_send(machine, MESSAGE_GDB_CLIENT, 0, 0, NULL, 0, client);
        close(client);
    }
    return G_SOURCE_CONTINUE;
}

static void answer(Machine *machine, MessageType type, const char *text)
{
    process_send(machine, type, 0, 0, text, MIN(strlen(text), MESSAGE_DATA_SIZE), -1);
}

static void open_listener(Machine *machine, const char *where)
{
    g_autoptr(GError) error = NULL;
    GdbListener listener;
    gdb_end(machine);
    if (!gdb_listener_open(&listener, where, machine->directory, &error)) {
        answer(machine, MESSAGE_GDB_REFUSED, error->message);
        return;
    }
    machine->gdb = g_new0(Gdb, 1);
    machine->gdb->listener = listener;
    machine->gdb->source = g_unix_fd_source_new(listener.fd, G_IO_IN);
    g_source_set_callback(machine->gdb->source, G_SOURCE_FUNC(on_connection), machine, NULL);
    g_source_attach(machine->gdb->source, NULL);
    answer(machine, MESSAGE_GDB_ADDRESS, listener.address);
}

void gdb_take_message(Machine *machine, const Message *message)
{
    if (message->type == MESSAGE_GDB_LISTEN) {
        g_autofree char *where = message_text(message);
        open_listener(machine, where);
    } else {
        gdb_end(machine);
        answer(machine, MESSAGE_GDB_CLOSED, "");
    }
}

void gdb_end(Machine *machine)
{
    if (machine->gdb) {
        g_source_destroy(machine->gdb->source);
        g_source_unref(machine->gdb->source);
        gdb_listener_close(&machine->gdb->listener);
    }
    g_clear_pointer(&machine->gdb, g_free);
}
