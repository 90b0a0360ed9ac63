/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection of a debugger: bytes here, packets on the machine thread (debug/gdb-session.c).
 *
 * 1. One packet is on its way at a time; until it is done nothing more is read, nor while much that
 *    was sent has not been taken. A debugger that sends without end, or takes nothing, waits; it
 *    fills no memory here.
 * 2. The session belongs to the machine thread. What it sends comes by the main context and is
 *    dropped when the connection that it was for has ended.
 */
#include "machine/worker-gdb.h"

#include "machine/debug/gdb-packet.h"
#include "machine/debug/gdb-session.h"
#include "machine/worker-gdb-listener.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 4096
#define OUT_MOST  (4 * GDB_PACKET_MAX) /* sent and not taken; then nothing more is read */

struct WorkerGdb {
    Worker *worker;
    WorkerGdbListener *listener;
    GdbEndian endian; /* that debuggers begin with */
    int client;       /* -1: none */
    unsigned number;  /* of the connection */
    GSource *read_source, *write_source;
    GdbFramer framer;
    GByteArray *in, *out;
    GByteArray *last; /* the packet sent last, or NULL */
    bool is_busy, is_leaving, no_acks;
    /* Machine thread only: */
    GdbSession *session;
    unsigned session_number; /* of its connection */
};

WorkerGdb *worker_gdb_new(Worker *worker)
{
    WorkerGdb *gdb = g_new0(WorkerGdb, 1);
    gdb->worker = worker;
    gdb->listener = worker_gdb_listener_new(worker);
    gdb->client = -1;
    gdb->in = g_byte_array_new();
    gdb->out = g_byte_array_new();
    gdb_framer_init(&gdb->framer);
    return gdb;
}

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static void watch(GSource **source, int fd, GIOCondition condition, GUnixFDSourceFunc function,
                  WorkerGdb *gdb)
{
    if (!*source) {
        *source = g_unix_fd_source_new(fd, condition);
        g_source_set_callback(*source, G_SOURCE_FUNC(function), gdb, NULL);
        g_source_attach(*source, NULL);
    }
}

/* Ending */

static void execute_detach(WorkerCall *call)
{
    g_clear_pointer(&call->worker->gdb->session, gdb_session_free);
}

static void close_client(WorkerGdb *gdb)
{
    drop_source(&gdb->read_source);
    drop_source(&gdb->write_source);
    if (gdb->client >= 0) {
        close(gdb->client);
        gdb->client = -1;
        gdb->number++;
    }
}

static void drop_client(WorkerGdb *gdb)
{
    if (gdb->client >= 0) {
        close_client(gdb);
        worker_call(gdb->worker, NULL, execute_detach, NULL, NULL, NULL);
    }
}

/* Sending */

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);
static void work(WorkerGdb *gdb);

static void flush(WorkerGdb *gdb)
{
    while (gdb->client >= 0 && gdb->out->len > 0) {
        ssize_t n = send(gdb->client, gdb->out->data, gdb->out->len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(&gdb->write_source, gdb->client, G_IO_OUT, on_writable, gdb);
            return;
        }
        if (n < 0 && errno != EINTR) {
            drop_client(gdb);
            return;
        }
        g_byte_array_remove_range(gdb->out, 0, n > 0 ? (guint)n : 0);
    }
    drop_source(&gdb->write_source);
    if (gdb->is_leaving) {
        drop_client(gdb);
    }
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    WorkerGdb *gdb = data;
    drop_source(&gdb->write_source);
    flush(gdb);
    work(gdb);
    return G_SOURCE_REMOVE;
}

static void send_bytes(WorkerGdb *gdb, const void *data, size_t length)
{
    if (gdb->client >= 0) {
        g_byte_array_append(gdb->out, data, (guint)length);
        flush(gdb);
    }
}

typedef struct {
    WorkerGdb *gdb;
    unsigned number;
    GByteArray *packet;
} Sending;

static gboolean send_packet(gpointer data)
{
    Sending *sending = data;
    WorkerGdb *gdb = sending->gdb;
    if (sending->number == gdb->number && gdb->client >= 0) {
        g_clear_pointer(&gdb->last, g_byte_array_unref);
        gdb->last = g_byte_array_ref(sending->packet);
        send_bytes(gdb, sending->packet->data, sending->packet->len);
    }
    return G_SOURCE_REMOVE;
}

static void sending_free(gpointer data)
{
    Sending *sending = data;
    g_byte_array_unref(sending->packet);
    g_free(sending);
}

/* Machine thread. */
static Position recording_end(void *opaque)
{
    WorkerGdb *gdb = opaque;
    return worker_status(gdb->worker).end;
}

/* Machine thread. */
static void send_from_session(void *opaque, const void *data, size_t length)
{
    WorkerGdb *gdb = opaque;
    Sending *sending = g_new0(Sending, 1);
    *sending = (Sending){ gdb, gdb->session_number, gdb_packet_encode(data, length) };
    g_idle_add_full(G_PRIORITY_DEFAULT, send_packet, sending, sending_free);
}

/* Taking */

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data);

typedef struct {
    unsigned number;
    bool is_interrupt, leaves;
    GByteArray *packet;
} Packet;

static void packet_free(gpointer data)
{
    Packet *packet = data;
    g_clear_pointer(&packet->packet, g_byte_array_unref);
    g_free(packet);
}

static void execute_packet(WorkerCall *call)
{
    Packet *packet = call->data;
    WorkerGdb *gdb = call->worker->gdb;
    if (!gdb->session) {
        return;
    }
    if (packet->is_interrupt) {
        gdb_session_interrupt(gdb->session);
        return;
    }
    packet->leaves = !gdb_session_packet(gdb->session, (const char *)packet->packet->data,
                                         packet->packet->len - 1);
    if (packet->leaves) {
        g_clear_pointer(&gdb->session, gdb_session_free);
    }
}

static void finish_packet(WorkerCall *call)
{
    Packet *packet = call->data;
    WorkerGdb *gdb = call->worker->gdb;
    if (packet->number == gdb->number) {
        gdb->is_busy = false;
        gdb->is_leaving = packet->leaves;
        flush(gdb);
        work(gdb);
    }
}

static void post(WorkerGdb *gdb, bool is_interrupt)
{
    Packet *packet = g_new0(Packet, 1);
    packet->number = gdb->number;
    packet->is_interrupt = is_interrupt;
    packet->packet = g_byte_array_new();
    g_byte_array_append(packet->packet, gdb->framer.data->data, gdb->framer.data->len);
    g_byte_array_append(packet->packet, (const uint8_t *)"", 1);
    gdb->is_busy = true;
    worker_call(gdb->worker, NULL, execute_packet, finish_packet, packet, packet_free);
}

static void take_packet(WorkerGdb *gdb)
{
    static const char stop_acks[] = "QStartNoAckMode";
    const GByteArray *data = gdb->framer.data;
    if (!gdb->no_acks) {
        send_bytes(gdb, "+", 1);
    }
    if (data->len == strlen(stop_acks) && memcmp(data->data, stop_acks, data->len) == 0) {
        send_bytes(gdb, "$OK#9a", 6);
        gdb->no_acks = true;
    } else {
        post(gdb, false);
    }
}

static void take_item(WorkerGdb *gdb, GdbItem item)
{
    switch (item) {
    case GDB_PACKET: take_packet(gdb); break;
    case GDB_INTERRUPT: post(gdb, true); break;
    case GDB_BAD: send_bytes(gdb, "-", 1); break;
    case GDB_AGAIN:
        if (gdb->last && !gdb->no_acks) {
            send_bytes(gdb, gdb->last->data, gdb->last->len);
        }
        break;
    case GDB_NOTHING: break;
    }
}

static bool may_take(const WorkerGdb *gdb)
{
    return gdb->client >= 0 && !gdb->is_busy && gdb->out->len < OUT_MOST;
}

/* Takes what has come, up to what must be waited for; then reads more. */
static void work(WorkerGdb *gdb)
{
    while (may_take(gdb) && gdb->in->len > 0) {
        const uint8_t *bytes = gdb->in->data;
        size_t length = gdb->in->len;
        GdbItem item = gdb_framer_take(&gdb->framer, &bytes, &length);
        g_byte_array_remove_range(gdb->in, 0, gdb->in->len - (guint)length);
        take_item(gdb, item);
    }
    if (may_take(gdb)) {
        watch(&gdb->read_source, gdb->client, G_IO_IN | G_IO_HUP, on_readable, gdb);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    WorkerGdb *gdb = data;
    uint8_t bytes[READ_SIZE];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    drop_source(&gdb->read_source);
    if (n <= 0) {
        drop_client(gdb);
        return G_SOURCE_REMOVE;
    }
    g_byte_array_append(gdb->in, bytes, (guint)n);
    work(gdb);
    return G_SOURCE_REMOVE;
}

/* Coming */

typedef struct {
    unsigned number; /* of the connection */
    GdbEndian endian;
} Attach;

static void execute_attach(WorkerCall *call)
{
    const Attach *attach = call->data;
    WorkerGdb *gdb = call->worker->gdb;
    g_clear_pointer(&gdb->session, gdb_session_free);
    gdb->session_number = attach->number;
    const GdbHost host = { .send = send_from_session,
                           .recording_end = recording_end,
                           .opaque = gdb };
    gdb->session = gdb_session_new(call->worker->machine, &host, attach->endian);
}

static void finish_attach(WorkerCall *call)
{
    const Attach *attach = call->data;
    WorkerGdb *gdb = call->worker->gdb;
    if (attach->number == gdb->number) {
        gdb->is_busy = false;
        work(gdb);
    }
}

static void take_client(WorkerGdb *gdb, int fd)
{
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    gdb->client = fd;
    gdb->is_busy = true;
    gdb->is_leaving = gdb->no_acks = false;
    g_byte_array_set_size(gdb->in, 0);
    g_byte_array_set_size(gdb->out, 0);
    g_clear_pointer(&gdb->last, g_byte_array_unref);
    gdb_framer_clear(&gdb->framer);
    gdb_framer_init(&gdb->framer);
    Attach *attach = g_new0(Attach, 1);
    *attach = (Attach){ gdb->number, gdb->endian };
    worker_call(gdb->worker, NULL, execute_attach, finish_attach, attach, g_free);
}

/* The one before may have hung up, and the main loop not have seen it yet. */
static bool has_hung_up(int fd)
{
    struct pollfd state = { .fd = fd, .events = POLLRDHUP };
    return poll(&state, 1, 0) > 0;
}

void worker_gdb_take_client(WorkerGdb *gdb, int fd)
{
    if (gdb->client >= 0 && has_hung_up(gdb->client)) {
        drop_client(gdb);
    }
    if (gdb->client >= 0) {
        worker_gdb_listener_refuse(gdb->listener, fd);
    } else {
        take_client(gdb, fd);
    }
}

void worker_gdb_listen(WorkerGdb *gdb, ApiRequest *request, const char *where, GdbEndian endian)
{
    if (worker_gdb_listener_open(gdb->listener, request, where)) {
        gdb->endian = endian;
    }
}

void worker_gdb_answered(WorkerGdb *gdb, MessageType type, const char *text)
{
    worker_gdb_listener_answered(gdb->listener, type, text);
}

void worker_gdb_stop(WorkerGdb *gdb, ApiRequest *request)
{
    drop_client(gdb);
    worker_gdb_listener_close(gdb->listener, request);
}

void worker_gdb_state_changed(WorkerGdb *gdb)
{
    if (gdb && gdb->session) {
        gdb_session_state_changed(gdb->session);
    }
}

void worker_gdb_close(WorkerGdb *gdb)
{
    if (gdb) {
        close_client(gdb);
        g_clear_pointer(&gdb->listener, worker_gdb_listener_free);
        g_clear_pointer(&gdb->session, gdb_session_free);
    }
}

void worker_gdb_free(WorkerGdb *gdb)
{
    if (!gdb) {
        return;
    }
    gdb_framer_clear(&gdb->framer);
    g_byte_array_unref(gdb->in);
    g_byte_array_unref(gdb->out);
    g_clear_pointer(&gdb->last, g_byte_array_unref);
    g_free(gdb);
}
