/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_GDB_LISTENER_H
#define POWERPLAY_API_GDB_LISTENER_H

/* The socket where debuggers come in: opened by the daemon for its machines, by a machine that runs
 * alone for itself. Loopback or a file that only its owner may open: a debugger may do anything. */

#include <glib.h>
#include <stdbool.h>

typedef struct {
    int fd;        /* non-blocking, close-on-exec; -1: closed */
    char *path;    /* of a unix socket, else NULL */
    char *address; /* "unix:PATH" or "tcp:127.0.0.1:PORT" */
} GdbListener;

#define GDB_LISTENER_CLOSED ((GdbListener){ .fd = -1 })

/* Whether WHERE is "unix" or "tcp:PORT"; else ERROR says so. */
bool gdb_listener_check(const char *where, GError **error);
/* Listens at WHERE: "unix" is gdb.sock in FOLDER; port 0 is any free one. On failure LISTENER is
 * closed. */
bool gdb_listener_open(GdbListener *listener, const char *where, const char *folder,
                       GError **error);
/* Closes it, and removes its file. No error if it is closed. */
void gdb_listener_close(GdbListener *listener);

#endif
