/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The sockets of serial ports. A client's bytes go to the process as PORT_DATA, the guest's bytes
 * come back the same way. Nothing is interpreted here.
 *
 * 1. A client that does not read loses output beyond OUT_MAX, and holds nobody up.
 * 2. A client that types faster than the process takes it is not read for a while.
 */

#include "daemon/console.h"

#include "api/unix-socket.h"
#include "daemon/process.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define OUT_MAX     (1024 * 1024)
#define PAUSE_MS    10

typedef struct {
    Console *console;
    int fd;
    uint32_t port;
    GString *out;
    GSource *read_source, *write_source;
    guint pause_source;
} Client;

struct Console {
    Machine *machine;
    char *id, *path;
    unsigned device;
    int listener;
    GSource *source;
    GPtrArray *clients;
    uint32_t last_port;
};

static void client_watch(Client *client);

static void clear_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static void client_free(gpointer data)
{
    Client *client = data;
    clear_source(&client->read_source);
    clear_source(&client->write_source);
    if (client->pause_source) {
        g_source_remove(client->pause_source);
    }
    close(client->fd);
    g_string_free(client->out, TRUE);
    g_free(client);
}

static void client_leave(Client *client)
{
    Console *console = client->console;
    process_send(console->machine, MESSAGE_PORT_CLOSE, client->port, 0, NULL, 0, -1);
    g_ptr_array_remove(console->clients, client);
}

/* Output */

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

static void client_flush(Client *client)
{
    ssize_t n = send(client->fd, client->out->str, client->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        g_string_erase(client->out, 0, n);
    }
    if (client->out->len == 0) {
        clear_source(&client->write_source);
    } else if (!client->write_source) {
        client->write_source = g_unix_fd_source_new(client->fd, G_IO_OUT);
        g_source_set_callback(client->write_source, G_SOURCE_FUNC(on_writable), client, NULL);
        g_source_attach(client->write_source, NULL);
    }
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    client_flush(data);
    return G_SOURCE_CONTINUE;
}

static Client *find_client(Console *console, uint32_t port)
{
    for (guint i = 0; i < console->clients->len; i++) {
        Client *client = g_ptr_array_index(console->clients, i);
        if (client->port == port) {
            return client;
        }
    }
    return NULL;
}

bool console_take_message(Console *console, const Message *message)
{
    Client *client = find_client(console, message->port);
    if (!client) {
        return false;
    }
    if (message->type == MESSAGE_PORT_CLOSE) {
        g_ptr_array_remove(console->clients, client);
    } else if (client->out->len + message->length <= OUT_MAX) {
        g_string_append_len(client->out, (const char *)message->data, message->length);
        client_flush(client);
    }
    return true;
}

/* Typing */

static gboolean end_pause(gpointer data)
{
    Client *client = data;
    client->pause_source = 0;
    client_watch(client);
    return G_SOURCE_REMOVE;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    Client *client = data;
    uint8_t bytes[MESSAGE_DATA_SIZE];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        client_leave(client);
        return G_SOURCE_REMOVE;
    }
    if (process_send(client->console->machine, MESSAGE_PORT_DATA, client->port, 0, bytes, (gsize)n,
                     -1)) {
        n = recv(fd, bytes, (size_t)n, MSG_DONTWAIT);
        return G_SOURCE_CONTINUE;
    }
    clear_source(&client->read_source);
    client->pause_source = g_timeout_add(PAUSE_MS, end_pause, client);
    return G_SOURCE_REMOVE;
}

static void client_watch(Client *client)
{
    client->read_source = g_unix_fd_source_new(client->fd, G_IO_IN | G_IO_HUP);
    g_source_set_callback(client->read_source, G_SOURCE_FUNC(on_readable), client, NULL);
    g_source_attach(client->read_source, NULL);
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data)
{
    Console *console = data;
    int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client_fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    /* Ports are unique over all consoles of a machine. */
    uint32_t port = ++console->last_port * 4 + console->device;
    if (console->clients->len >= CLIENTS_MAX ||
        !process_send(console->machine, MESSAGE_PORT_OPEN, port, (uint16_t)console->device, NULL, 0,
                      -1)) {
        close(client_fd);
        return G_SOURCE_CONTINUE;
    }
    Client *client = g_new0(Client, 1);
    *client = (Client){ .console = console, .fd = client_fd, .port = port };
    client->out = g_string_new(NULL);
    g_ptr_array_add(console->clients, client);
    client_watch(client);
    return G_SOURCE_CONTINUE;
}

/* Life */

Console *console_new(Machine *machine, const char *id, unsigned device, const char *path,
                     GError **error)
{
    int listener = api_socket_listen(path, error);
    if (listener < 0) {
        return NULL;
    }
    Console *console = g_new0(Console, 1);
    *console = (Console){ .machine = machine, .id = g_strdup(id), .path = g_strdup(path) };
    console->device = device;
    console->listener = listener;
    console->clients = g_ptr_array_new_with_free_func(client_free);
    console->source = g_unix_fd_source_new(listener, G_IO_IN);
    g_source_set_callback(console->source, G_SOURCE_FUNC(on_connection), console, NULL);
    g_source_attach(console->source, NULL);
    return console;
}

void console_free(Console *console)
{
    if (!console) {
        return;
    }
    g_ptr_array_unref(console->clients);
    clear_source(&console->source);
    close(console->listener);
    unlink(console->path);
    g_free(console->id);
    g_free(console->path);
    g_free(console);
}
