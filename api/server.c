/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/server.h"

#include "api/unix-socket.h"

#include <errno.h>
#include <glib-unix.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

/* The QMP whose commands and answers we follow; clients choose features by these numbers. */
enum { QMP_MAJOR = 10, QMP_MINOR = 2, QMP_MICRO = 2 };

typedef struct {
    ApiServer *server;
    int fd;
    GSource *source;
    char *path; /* to be removed at the end; NULL when inherited */
} Listener;

struct ApiServer {
    ApiServerOptions options;
    GPtrArray *sessions;
    GPtrArray *listeners;
};

static void listener_free(gpointer data)
{
    Listener *listener = data;
    g_source_destroy(listener->source);
    g_source_unref(listener->source);
    close(listener->fd);
    if (listener->path) {
        unlink(listener->path);
    }
    g_free(listener->path);
    g_free(listener);
}

ApiServer *api_server_new(const ApiServerOptions *options)
{
    ApiServer *server = g_new0(ApiServer, 1);
    server->options = *options;
    server->sessions = g_ptr_array_new();
    server->listeners = g_ptr_array_new_with_free_func(listener_free);
    return server;
}

void api_server_free(ApiServer *server)
{
    if (!server) {
        return;
    }
    g_ptr_array_unref(server->listeners);
    while (server->sessions->len > 0) {
        api_session_free(g_ptr_array_steal_index_fast(server->sessions, 0));
    }
    g_ptr_array_unref(server->sessions);
    g_free(server);
}

const ApiServerOptions *api_server_options(ApiServer *server)
{
    return &server->options;
}

/* Sessions */

JsonNode *api_version_new(void)
{
    JsonObject *qemu = json_object_new(), *version = json_object_new();
    json_object_set_int_member(qemu, "micro", QMP_MICRO);
    json_object_set_int_member(qemu, "minor", QMP_MINOR);
    json_object_set_int_member(qemu, "major", QMP_MAJOR);
    json_object_set_object_member(version, "qemu", qemu);
    json_object_set_string_member(version, "package", "powerplay " POWERPLAY_VERSION);
    JsonNode *node = json_node_init_object(json_node_alloc(), version);
    json_object_unref(version);
    return node;
}

static void send_greeting(ApiSession *session)
{
    g_autoptr(JsonObject) outer = json_object_new();
    JsonObject *inner = json_object_new();
    json_object_set_member(inner, "version", api_version_new());
    json_object_set_array_member(inner, "capabilities", json_array_new());
    json_object_set_object_member(outer, "QMP", inner);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), outer);
    api_session_send(session, node);
}

ApiSession *api_server_add_fd(ApiServer *server, int fd, ApiSessionKind kind)
{
    ApiSession *session = api_session_new(server, fd, kind);
    g_ptr_array_add(server->sessions, session);
    if (kind == API_SESSION_CLIENT) {
        send_greeting(session);
    }
    return session;
}

void api_server_session_closed(ApiServer *server, ApiSession *session)
{
    g_ptr_array_remove_fast(server->sessions, session);
}

/* Events */

JsonNode *api_event_new(const char *name, JsonNode *data)
{
    gint64 now_us = g_get_real_time();
    g_autoptr(JsonObject) event = json_object_new();
    JsonObject *timestamp = json_object_new();
    json_object_set_int_member(timestamp, "seconds", now_us / G_USEC_PER_SEC);
    json_object_set_int_member(timestamp, "microseconds", now_us % G_USEC_PER_SEC);
    json_object_set_object_member(event, "timestamp", timestamp);
    json_object_set_string_member(event, "event", name);
    if (data) {
        json_object_set_member(event, "data", data);
    }
    return json_node_init_object(json_node_alloc(), event);
}

void api_server_emit(ApiServer *server, const char *name, JsonNode *data)
{
    g_autoptr(JsonNode) event = api_event_new(name, data);
    api_server_broadcast(server, event);
}

void api_server_broadcast(ApiServer *server, JsonNode *event)
{
    for (guint i = 0; i < server->sessions->len; i++) {
        ApiSession *session = g_ptr_array_index(server->sessions, i);
        if (api_session_is_negotiated(session)) {
            api_session_send(session, event);
        }
    }
}

/* Listening */

static void refuse_client(int fd)
{
    static const char text[] =
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Too many clients on this socket; "
        "close one and try again\"}}\r\n";
    send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static guint count_clients(ApiServer *server)
{
    guint count = 0;
    for (guint i = 0; i < server->sessions->len; i++) {
        count += api_session_kind(g_ptr_array_index(server->sessions, i)) == API_SESSION_CLIENT;
    }
    return count;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data)
{
    Listener *listener = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            g_warning("cannot accept a client: %s", g_strerror(errno));
            g_usleep(1000); /* out of descriptors: do not spin */
        }
        return G_SOURCE_CONTINUE;
    }
    if (count_clients(listener->server) >= API_SERVER_MAX_CLIENTS) {
        refuse_client(client);
    } else {
        api_server_add_fd(listener->server, client, API_SESSION_CLIENT);
    }
    return G_SOURCE_CONTINUE;
}

static void add_listener(ApiServer *server, int fd, const char *path)
{
    Listener *listener = g_new0(Listener, 1);
    listener->server = server;
    listener->fd = fd;
    listener->path = g_strdup(path);
    listener->source = g_unix_fd_source_new(fd, G_IO_IN);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    g_source_set_callback(listener->source, G_SOURCE_FUNC(on_connection), listener, NULL);
    g_source_attach(listener->source, g_main_context_get_thread_default());
    g_ptr_array_add(server->listeners, listener);
}

void api_server_listen_fd(ApiServer *server, int fd)
{
    add_listener(server, fd, NULL);
}

bool api_server_listen_path(ApiServer *server, const char *path, GError **error)
{
    int fd = api_socket_listen(path, error);
    if (fd < 0) {
        return false;
    }
    add_listener(server, fd, path);
    return true;
}
