/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine that runs alone listens by itself. Under the daemon it asks for a socket, which stays
 * the daemon's; connections come as descriptors.
 *
 * 1. One address at a time.
 * 2. A second debugger is told why it may not stay: each of its packets is answered by that error,
 *    until it goes or a few seconds have passed.
 */
#include "machine/worker-gdb-listener.h"

#include "api/errors.h"
#include "api/gdb-listener.h"
#include "api/message.h"
#include "machine/debug/gdb-packet.h"
#include "machine/worker-gdb.h"
#include "machine/worker-link.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFUSALS_MAX    4u
#define REFUSAL_SECONDS 3
#define REFUSED_PACKETS 16u
#define REFUSAL_TEXT    "E.another debugger is at this machine: one at a time"

struct WorkerGdbListener {
    Worker *worker;
    GdbListener own; /* of a machine that runs alone */
    GSource *source;
    char *address;       /* NULL: nobody comes in */
    ApiRequest *waiting; /* for the daemon's answer */
    GPtrArray *refusals; /* of Refusal */
};

typedef struct {
    WorkerGdbListener *listener;
    int fd;
    guint readable, timeout;
    unsigned packets;
    GdbFramer framer;
} Refusal;

/* --- refusing --------------------------------------------------------------------------------- */

static void refusal_free(gpointer data)
{
    Refusal *refusal = data;
    g_source_remove(refusal->readable);
    g_source_remove(refusal->timeout);
    gdb_framer_clear(&refusal->framer);
    close(refusal->fd);
    g_free(refusal);
}

static void refuse_packet(Refusal *refusal)
{
    static const char text[] = REFUSAL_TEXT;
    g_autoptr(GByteArray) packet = gdb_packet_encode(text, strlen(text));
    refusal->packets++;
    if (send(refusal->fd, "+", 1, MSG_NOSIGNAL) < 0 ||
        send(refusal->fd, packet->data, packet->len, MSG_NOSIGNAL) < 0) {
        refusal->packets = REFUSED_PACKETS;
    }
}

static gboolean on_refused_readable(gint fd, GIOCondition condition, gpointer data)
{
    Refusal *refusal = data;
    uint8_t bytes[512];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    const uint8_t *at = bytes;
    size_t length = n > 0 ? (size_t)n : 0;
    while (length > 0 && refusal->packets < REFUSED_PACKETS) {
        if (gdb_framer_take(&refusal->framer, &at, &length) == GDB_PACKET) {
            refuse_packet(refusal);
        }
    }
    if (n <= 0 || refusal->packets >= REFUSED_PACKETS) {
        g_ptr_array_remove_fast(refusal->listener->refusals, refusal);
    }
    return G_SOURCE_CONTINUE; /* or removed above */
}

static gboolean on_refusal_timeout(gpointer data)
{
    Refusal *refusal = data;
    g_ptr_array_remove_fast(refusal->listener->refusals, refusal);
    return G_SOURCE_CONTINUE;
}

void worker_gdb_listener_refuse(WorkerGdbListener *listener, int fd)
{
    if (listener->refusals->len >= REFUSALS_MAX) {
        close(fd);
        return;
    }
    Refusal *refusal = g_new0(Refusal, 1);
    refusal->listener = listener;
    refusal->fd = fd;
    refusal->readable = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_refused_readable, refusal);
    refusal->timeout = g_timeout_add_seconds(REFUSAL_SECONDS, on_refusal_timeout, refusal);
    gdb_framer_init(&refusal->framer);
    g_ptr_array_add(listener->refusals, refusal);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void answer(ApiRequest *request, const char *address)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "address", address);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    api_request_reply(request, node);
}

void worker_gdb_listener_answered(WorkerGdbListener *listener, MessageType type, const char *text)
{
    ApiRequest *request = g_steal_pointer(&listener->waiting);
    if (!request) {
        g_warning("the daemon sent an answer about debuggers that nobody asked for");
    } else if (type == MESSAGE_GDB_ADDRESS) {
        listener->address = g_strdup(text);
        answer(request, text);
    } else if (type == MESSAGE_GDB_CLOSED) {
        g_clear_pointer(&listener->address, g_free);
        api_request_reply(request, NULL);
    } else {
        api_request_fail_text(request, API_ERROR_GENERIC, "%s", text);
    }
}

static bool ask_daemon(WorkerGdbListener *listener, ApiRequest *request, MessageType type,
                       const char *text)
{
    GError *error = NULL;
    if (!link_send(listener->worker->link, type, text, &error)) {
        api_request_fail(request, error);
        return false;
    }
    listener->waiting = request;
    return true;
}

/* The daemon does one thing at a time for us. True: another client's request is under way. */
static bool is_waiting(WorkerGdbListener *listener, ApiRequest *request)
{
    if (listener->waiting) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Another client's gdbserver-start or -stop is not answered yet: try "
                              "again");
    }
    return listener->waiting != NULL;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data)
{
    WorkerGdbListener *listener = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
        worker_gdb_take_client(listener->worker->gdb, client);
    }
    return G_SOURCE_CONTINUE;
}

static bool open_own(WorkerGdbListener *listener, ApiRequest *request, const char *where)
{
    GError *error = NULL;
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", listener->worker->directory);
    g_autofree char *folder = g_file_read_link(link, &error);
    if (!folder || !gdb_listener_open(&listener->own, where, folder, &error)) {
        api_request_fail(request, error);
        return false;
    }
    listener->address = g_strdup(listener->own.address);
    listener->source = g_unix_fd_source_new(listener->own.fd, G_IO_IN);
    g_source_set_callback(listener->source, G_SOURCE_FUNC(on_connection), listener, NULL);
    g_source_attach(listener->source, NULL);
    answer(request, listener->address);
    return true;
}

bool worker_gdb_listener_open(WorkerGdbListener *listener, ApiRequest *request, const char *where)
{
    Worker *worker = listener->worker;
    GError *error = NULL;
    if (is_waiting(listener, request)) {
        return false;
    }
    if (!gdb_listener_check(where, &error)) {
        api_request_fail(request, error);
    } else if (listener->address) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "A debugger is waited for already, at %s: gdbserver-stop ends that",
                              listener->address);
    } else if (worker->link) {
        return ask_daemon(listener, request, MESSAGE_GDB_LISTEN, where);
    } else if (worker->is_confined) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "This machine runs alone and confined (--sandbox), so it cannot open "
                              "a socket for a debugger: run it under powerplayd, which opens it, "
                              "or without --sandbox");
    } else {
        return open_own(listener, request, where);
    }
    return false;
}

/* --- closing ---------------------------------------------------------------------------------- */

static void close_own(WorkerGdbListener *listener)
{
    if (listener->source) {
        g_source_destroy(listener->source);
        g_clear_pointer(&listener->source, g_source_unref);
    }
    gdb_listener_close(&listener->own);
}

void worker_gdb_listener_close(WorkerGdbListener *listener, ApiRequest *request)
{
    if (is_waiting(listener, request)) {
        return;
    }
    if (listener->address && listener->worker->link) {
        ask_daemon(listener, request, MESSAGE_GDB_CLOSE, "");
        return;
    }
    close_own(listener);
    g_clear_pointer(&listener->address, g_free);
    api_request_reply(request, NULL);
}

WorkerGdbListener *worker_gdb_listener_new(Worker *worker)
{
    WorkerGdbListener *listener = g_new0(WorkerGdbListener, 1);
    listener->worker = worker;
    listener->own = GDB_LISTENER_CLOSED;
    listener->refusals = g_ptr_array_new_with_free_func(refusal_free);
    return listener;
}

void worker_gdb_listener_free(WorkerGdbListener *listener)
{
    if (!listener) {
        return;
    }
    if (listener->waiting) {
        api_request_fail_text(listener->waiting, API_ERROR_GENERIC, "The machine is ending");
    }
    close_own(listener);
    g_ptr_array_unref(listener->refusals);
    g_free(listener->address);
    g_free(listener);
}
