/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/gdb-listener.h"

#include "api/errors.h"
#include "api/unix-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_NAME "gdb.sock"

static bool parse(const char *where, bool *is_unix, guint64 *port, GError **error)
{
    *port = 0;
    *is_unix = strcmp(where, "unix") == 0;
    if (*is_unix || (g_str_has_prefix(where, "tcp:") &&
                     g_ascii_string_to_unsigned(where + 4, 10, 0, 65535, port, NULL))) {
        return true;
    }
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "Parameter 'listen' expects unix or tcp:PORT, not '%s'", where);
    return false;
}

bool gdb_listener_check(const char *where, GError **error)
{
    bool is_unix;
    guint64 port;
    return parse(where, &is_unix, &port, error);
}

static void open_unix(GdbListener *listener, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, SOCKET_NAME, NULL);
    listener->fd = api_socket_listen(path, error);
    if (listener->fd >= 0) {
        listener->address = g_strdup_printf("unix:%s", path);
        listener->path = g_steal_pointer(&path);
    }
}

static void open_loopback(GdbListener *listener, uint16_t port, GError **error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int on = 1;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(listener->fd, (struct sockaddr *)&address, length) < 0 ||
        listen(listener->fd, 4) < 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Cannot listen for a debugger on 127.0.0.1 port %u: %s", port,
                    g_strerror(errno));
        gdb_listener_close(listener);
        return;
    }
    listener->address = g_strdup_printf("tcp:127.0.0.1:%u", ntohs(address.sin_port));
}

bool gdb_listener_open(GdbListener *listener, const char *where, const char *folder, GError **error)
{
    bool is_unix;
    guint64 port;
    *listener = GDB_LISTENER_CLOSED;
    if (!parse(where, &is_unix, &port, error)) {
        return false;
    }
    if (is_unix) {
        open_unix(listener, folder, error);
    } else {
        open_loopback(listener, (uint16_t)port, error);
    }
    return listener->fd >= 0;
}

void gdb_listener_close(GdbListener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    if (listener->path) {
        unlink(listener->path);
    }
    g_free(listener->path);
    g_free(listener->address);
    *listener = GDB_LISTENER_CLOSED;
}
