/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The worker's end of the line to the daemon.
 *
 * First the daemon hands over files, as MESSAGE_FILE with one descriptor each: "definition" (JSON),
 * "directory", "relay" (a connected socket that speaks our protocol), and each file that the
 * definition names, by its member's path. MESSAGE_START ends this; MESSAGE_READY or MESSAGE_FAILED
 * answers it. After that come clients of the machine's own socket and consoles.
 *
 * 1. What a console types is posted to the machine's inbox, where it is logged; nothing else here
 *    reaches the guest.
 * 2. A console that does not read loses output, never holds anything up: it continues at the oldest
 *    byte that the ring still has.
 */

#include "machine/worker-link.h"

#include "api/message.h"
#include "machine/worker-display.h"
#include "machine/worker-audio.h"
#include "machine/worker-gdb.h"
#include "machine/worker-net.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFINITION_MAX (1024 * 1024)
#define HISTORY_SIZE   4096 /* shown to a console when it comes */
#define PORTS_MAX      64

typedef struct {
    uint32_t number;
    Serial *serial;
    uint64_t offset; /* of the next byte to show */
} Port;

struct WorkerLink {
    Worker *worker;
    int socket;
    GSource *source, *write_source;
    GHashTable *ports; /* number to Port */
};

/* Setting up */

static char *read_definition(int fd, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || status.st_size > DEFINITION_MAX) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                    "the machine definition is larger than %d bytes", DEFINITION_MAX);
        return NULL;
    }
    char *text = g_malloc0((gsize)status.st_size + 1);
    if (pread(fd, text, (gsize)status.st_size, 0) != status.st_size) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                    "cannot read the machine definition: %s", g_strerror(errno));
        g_clear_pointer(&text, g_free);
    }
    return text;
}

static bool take_file(LinkFiles *files, const char *name, int fd, GError **error)
{
    if (strcmp(name, "definition") == 0) {
        g_free(files->definition);
        files->definition = read_definition(fd, error);
        close(fd);
        return files->definition != NULL;
    }
    if (strcmp(name, "directory") == 0 && files->directory < 0) {
        files->directory = fd;
    } else if (strcmp(name, "relay") == 0 && files->relay < 0) {
        files->relay = fd;
    } else {
        g_hash_table_insert(files->files, g_strdup(name), GINT_TO_POINTER(fd + 1));
    }
    return true;
}

static void close_value(gpointer value)
{
    close(GPOINTER_TO_INT(value) - 1);
}

bool link_receive_files(int socket, LinkFiles *files, GError **error)
{
    *files = (LinkFiles){ .directory = -1, .relay = -1 };
    files->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_value);
    for (;;) {
        Message message;
        int fd;
        struct pollfd poll_fd = { .fd = socket, .events = POLLIN };
        poll(&poll_fd, 1, -1);
        switch (message_receive(socket, &message, &fd, error)) {
        case PACKET_NONE_YET: continue;
        case PACKET_CLOSED:
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "the daemon has gone");
            return false;
        case PACKET_WRONG: return false;
        case PACKET_RECEIVED: break;
        }
        if (message.type == MESSAGE_START) {
            return true;
        }
        g_autofree char *name = message_text(&message);
        if (message.type != MESSAGE_FILE) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "message type %u before the start", message.type);
            if (fd >= 0) {
                close(fd);
            }
            return false;
        }
        if (!take_file(files, name, fd, error)) {
            return false;
        }
    }
}

void link_files_clear(LinkFiles *files)
{
    g_clear_pointer(&files->definition, g_free);
    g_clear_pointer(&files->files, g_hash_table_unref);
}

void link_send_ready(int socket)
{
    Message message;
    message_init(&message, MESSAGE_READY, 0, NULL, 0);
    message_send(socket, &message, -1, NULL);
}

void link_send_failed(int socket, const char *text)
{
    Message message;
    message_init(&message, MESSAGE_FAILED, 0, text, MIN(strlen(text), MESSAGE_DATA_SIZE));
    message_send(socket, &message, -1, NULL);
}

/* Consoles */

static void update_write_source(WorkerLink *link, bool wanted);

/* Shows the port what it has not seen; false when the socket is full. */
static bool pump_port(WorkerLink *link, Port *port)
{
    uint8_t bytes[MESSAGE_DATA_SIZE];
    for (;;) {
        Message message;
        size_t count = serial_read(port->serial, &port->offset, bytes, sizeof(bytes));
        if (count == 0) {
            return true;
        }
        message_init(&message, MESSAGE_PORT_DATA, port->number, bytes, count);
        if (!message_send(link->socket, &message, -1, NULL)) {
            return false;
        }
        port->offset += count;
    }
}

static void pump_all(WorkerLink *link)
{
    GHashTableIter iter;
    gpointer port;
    bool is_full = false;
    g_hash_table_iter_init(&iter, link->ports);
    while (g_hash_table_iter_next(&iter, NULL, &port)) {
        is_full |= !pump_port(link, port);
    }
    update_write_source(link, is_full);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    pump_all(data);
    return G_SOURCE_CONTINUE;
}

static void update_write_source(WorkerLink *link, bool wanted)
{
    if (wanted && !link->write_source) {
        link->write_source = g_unix_fd_source_new(link->socket, G_IO_OUT);
        g_source_set_callback(link->write_source, G_SOURCE_FUNC(on_writable), link, NULL);
        g_source_attach(link->write_source, NULL);
    } else if (!wanted && link->write_source) {
        g_source_destroy(link->write_source);
        g_clear_pointer(&link->write_source, g_source_unref);
    }
}

static void on_output(gpointer data)
{
    pump_all(data);
}

static void refuse_port(WorkerLink *link, uint32_t number, const char *why)
{
    Message message;
    message_init(&message, MESSAGE_PORT_CLOSE, number, why, strlen(why));
    message_send(link->socket, &message, -1, NULL);
}

static void open_port(WorkerLink *link, const Message *message)
{
    Worker *worker = link->worker;
    if (message->device >= worker->serial_count) {
        refuse_port(link, message->port, "there is no such serial port");
        return;
    }
    if (g_hash_table_size(link->ports) >= PORTS_MAX ||
        g_hash_table_contains(link->ports, GUINT_TO_POINTER(message->port))) {
        refuse_port(link, message->port, "too many consoles");
        return;
    }
    Port *port = g_new0(Port, 1);
    port->number = message->port;
    port->serial = worker->serial[message->device];
    uint64_t total = serial_total(port->serial);
    port->offset = total - MIN(total, HISTORY_SIZE);
    g_hash_table_insert(link->ports, GUINT_TO_POINTER(port->number), port);
    pump_all(link);
}

static void type_on_port(WorkerLink *link, const Message *message)
{
    Port *port = g_hash_table_lookup(link->ports, GUINT_TO_POINTER(message->port));
    g_autoptr(GError) error = NULL;
    if (port && port->serial->keeps_output &&
        !inbox_post_chars(link->worker->inbox, port->serial->number, message->data, message->length,
                          &error)) {
        g_debug("%s: typed bytes are dropped: %s", port->serial->id, error->message);
    }
}

/* Messages */

static void set_helper(WorkerLink *link, const Message *message, int fd)
{
    g_autofree char *text = message_text(message);
    g_auto(GStrv) addresses = g_strsplit(text, "\n", 2); /* of viewers, of web pages */
    if (link->worker->display) {
        display_set_helper(link->worker->display, fd, addresses[0], addresses[1]);
    } else {
        close(fd);
    }
}

static void set_net_helper(WorkerLink *link, int fd)
{
    if (link->worker->net) {
        net_set_helper(link->worker->net, fd);
    } else {
        close(fd);
    }
}

static void tell_gdb(WorkerLink *link, const Message *message)
{
    g_autofree char *text = message_text(message);
    worker_gdb_answered(link->worker->gdb, (MessageType)message->type, text);
}

static void take_message(WorkerLink *link, const Message *message, int fd)
{
    switch (message->type) {
    case MESSAGE_CLIENT: api_server_add_fd(link->worker->server, fd, API_SESSION_CLIENT); return;
    case MESSAGE_DISPLAY: set_helper(link, message, fd); return;
    case MESSAGE_NET: set_net_helper(link, fd); return;
    case MESSAGE_GDB_ADDRESS:
    case MESSAGE_GDB_REFUSED:
    case MESSAGE_GDB_CLOSED: tell_gdb(link, message); return;
    case MESSAGE_GDB_CLIENT: worker_gdb_take_client(link->worker->gdb, fd); return;
    case MESSAGE_SOUND: audio_set_client(link->worker->audio, message->port == 2, fd); return;
    case MESSAGE_PORT_OPEN: open_port(link, message); return;
    case MESSAGE_PORT_DATA: type_on_port(link, message); return;
    case MESSAGE_PORT_CLOSE:
        g_hash_table_remove(link->ports, GUINT_TO_POINTER(message->port));
        return;
    default:
        g_warning("unexpected message of type %u from the daemon", message->type);
        if (fd >= 0) {
            close(fd);
        }
    }
}

static gboolean on_message(gint socket, GIOCondition condition, gpointer data)
{
    WorkerLink *link = data;
    Message message;
    g_autoptr(GError) error = NULL;
    int fd;
    switch (message_receive(socket, &message, &fd, &error)) {
    case PACKET_RECEIVED: take_message(link, &message, fd); return G_SOURCE_CONTINUE;
    case PACKET_NONE_YET: return G_SOURCE_CONTINUE;
    case PACKET_WRONG: g_warning("%s", error->message); return G_SOURCE_CONTINUE;
    case PACKET_CLOSED:
        g_message("the daemon has gone: ending");
        worker_end(link->worker);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

void link_send_busy(WorkerLink *link)
{
    Message message;
    message_init(&message, MESSAGE_BUSY, 0, NULL, 0);
    message_send(link->socket, &message, -1, NULL);
}

bool link_send(WorkerLink *link, MessageType type, const char *text, GError **error)
{
    Message message;
    message_init(&message, type, 0, text, MIN(strlen(text), MESSAGE_DATA_SIZE));
    return message_send(link->socket, &message, -1, error);
}

WorkerLink *link_new(Worker *worker, int socket)
{
    WorkerLink *link = g_new0(WorkerLink, 1);
    link->worker = worker;
    link->socket = socket;
    link->ports = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    link->source = g_unix_fd_source_new(socket, G_IO_IN | G_IO_HUP);
    g_source_set_callback(link->source, G_SOURCE_FUNC(on_message), link, NULL);
    g_source_attach(link->source, NULL);
    for (unsigned i = 0; i < worker->serial_count; i++) {
        worker->serial[i]->notify_data = link;
        worker->serial[i]->notify = on_output;
    }
    return link;
}

void link_free(WorkerLink *link)
{
    if (!link) {
        return;
    }
    update_write_source(link, false);
    g_source_destroy(link->source);
    g_source_unref(link->source);
    g_hash_table_unref(link->ports);
    close(link->socket);
    g_free(link);
}
