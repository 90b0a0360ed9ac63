/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Wires lead to another machine by a socket, or to an interface of the host. The helper parses what
 * comes over them, and may open nothing; so it says which it wants, and gets a descriptor.
 *
 * 1. Nothing here waits: a connection that is not made at once is waited for in the main loop, what
 *    is not there is tried again.
 * 2. A listener is open only while its wire is wanted: one other end at a time, the next is
 * refused.
 * 3. Whoever comes and goes as fast as he can costs one line in PAUSE_MS.
 */

#include "daemon/wires.h"

#include "api/net-message.h"
#include "api/unix-socket.h"
#include "daemon/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAUSE_MS 100
#define RETRY_MS 300

typedef enum { WIRE_NONE, WIRE_LISTEN, WIRE_CONNECT, WIRE_TAP } WireKind;

typedef struct {
    Wires *wires;
    guint number;
    WireKind kind;
    const char *address; /* of the definition */
    bool is_wanted, has_complained;
    int fd;          /* that listens, or is about to be connected; -1: none */
    guint source;    /* of FD */
    guint retry;     /* source */
    gint64 given_us; /* when it was given a line last */
} Wire;

struct Wires {
    Machine *machine;
    int socket; /* to the helper, -1: none */
    guint source;
    Wire wire[NET_NICS];
};

static void open_wire(Wire *wire);

/* --- giving ----------------------------------------------------------------------------------- */

static void close_wire(Wire *wire)
{
    if (wire->source)
        g_source_remove(wire->source);
    if (wire->retry)
        g_source_remove(wire->retry);
    if (wire->fd >= 0)
        close(wire->fd);
    if (wire->fd >= 0 && wire->kind == WIRE_LISTEN && g_str_has_prefix(wire->address, "unix:"))
        unlink(wire->address + 5);
    wire->source = wire->retry = 0;
    wire->fd = -1;
}

static gboolean try_again(gpointer data)
{
    Wire *wire = data;
    wire->retry = 0;
    open_wire(wire);
    return G_SOURCE_REMOVE;
}

static void retry(Wire *wire, guint pause_ms)
{
    if (!wire->retry)
        wire->retry = g_timeout_add(pause_ms, try_again, wire);
}

/* Takes FD. */
static void give(Wire *wire, int fd)
{
    NetMessage message;
    int yes = 1;
    if (wire->kind != WIRE_TAP)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* fails on unix sockets */
    net_message_init(&message, NET_LINE, wire->number, 0, NULL, 0);
    net_message_send(wire->wires->socket, &message, fd, NULL);
    close(fd);
    wire->is_wanted = wire->has_complained = false;
    wire->given_us = g_get_monotonic_time();
}

/* --- opening ---------------------------------------------------------------------------------- */

static void complain(Wire *wire, const char *text)
{
    if (!wire->has_complained)
        g_message("%s: nics[%u], %s: %s; it is tried again", wire->wires->machine->name,
                  wire->number, wire->address, text);
    wire->has_complained = true;
}

typedef union {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in inet;
} Address;

/* The form has been checked: see machine/config-nics.c. */
static socklen_t parse(const char *text, Address *address)
{
    memset(address, 0, sizeof *address);
    if (g_str_has_prefix(text, "unix:")) {
        address->local.sun_family = AF_UNIX;
        g_strlcpy(address->local.sun_path, text + 5, sizeof address->local.sun_path);
        return sizeof address->local;
    }
    g_auto(GStrv) parts = g_strsplit(text + 4, ":", 2);
    address->inet.sin_family = AF_INET;
    if (inet_pton(AF_INET, parts[0], &address->inet.sin_addr) == 1 && parts[1])
        address->inet.sin_port = htons((uint16_t)g_ascii_strtoull(parts[1], NULL, 10));
    return sizeof address->inet;
}

static int listen_at(const char *text, GError **error)
{
    Address address;
    socklen_t length = parse(text, &address);
    int yes = 1;
    if (address.any.sa_family == AF_UNIX)
        return api_socket_listen(text + 5, error);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, &address.any, length) == 0 && listen(fd, 1) == 0)
        return fd;
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "cannot listen: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static gboolean on_comer(gint listener, GIOCondition condition, gpointer data)
{
    Wire *wire = data;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return G_SOURCE_CONTINUE;
    wire->source = 0;
    close_wire(wire);
    give(wire, fd);
    return G_SOURCE_REMOVE;
}

static void open_listener(Wire *wire)
{
    g_autoptr(GError) error = NULL;
    wire->fd = listen_at(wire->address, &error);
    if (wire->fd < 0) {
        complain(wire, error->message);
        retry(wire, RETRY_MS);
        return;
    }
    wire->source = g_unix_fd_add(wire->fd, G_IO_IN, on_comer, wire);
}

static gboolean on_connected(gint fd, GIOCondition condition, gpointer data)
{
    Wire *wire = data;
    int code = 0;
    socklen_t length = sizeof code;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length);
    wire->source = 0;
    if (code) {
        close_wire(wire);
        retry(wire, RETRY_MS);
    } else {
        wire->fd = -1;
        give(wire, fd);
    }
    return G_SOURCE_REMOVE;
}

static void connect_wire(Wire *wire)
{
    Address address;
    socklen_t length = parse(wire->address, &address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, &address.any, length) == 0) {
        give(wire, fd);
    } else if (fd >= 0 && errno == EINPROGRESS) {
        wire->fd = fd;
        wire->source = g_unix_fd_add(fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, on_connected, wire);
    } else {
        if (fd >= 0)
            close(fd);
        retry(wire, RETRY_MS);
    }
}

static void open_tap(Wire *wire)
{
    const char *problem = NULL;
    int fd = tap_open(wire->address, wire->wires->machine->passed, &problem);
    if (fd >= 0) {
        give(wire, fd);
        return;
    }
    complain(wire, problem);
    retry(wire, RETRY_MS);
}

static void open_wire(Wire *wire)
{
    switch (wire->kind) {
    case WIRE_LISTEN: open_listener(wire); break;
    case WIRE_CONNECT: connect_wire(wire); break;
    case WIRE_TAP: open_tap(wire); break;
    case WIRE_NONE: break;
    }
}

/* --- what the helper wants -------------------------------------------------------------------- */

static void want(Wire *wire, bool is_wanted)
{
    gint64 quiet_us = g_get_monotonic_time() - wire->given_us;
    close_wire(wire);
    wire->is_wanted = is_wanted;
    if (is_wanted && quiet_us < PAUSE_MS * 1000)
        retry(wire, PAUSE_MS);
    else if (is_wanted)
        open_wire(wire);
}

static gboolean on_helper(gint socket, GIOCondition condition, gpointer data)
{
    Wires *wires = data;
    NetMessage message;
    NetSwitch body;
    g_autoptr(GError) error = NULL;
    int fd;
    PacketResult result = net_message_receive(socket, &message, false, &fd, &error);
    if (result == PACKET_NONE_YET)
        return G_SOURCE_CONTINUE;
    if (result == PACKET_RECEIVED && message.type == NET_WANT) {
        memcpy(&body, message.data, sizeof body);
        want(&wires->wire[message.nic], body.is_on);
        return G_SOURCE_CONTINUE;
    }
    if (result != PACKET_CLOSED)
        g_warning("%s: its network helper says what it should not", wires->machine->name);
    wires->source = 0;
    return G_SOURCE_REMOVE; /* the next one brings a new socket */
}

static void let_go(Wires *wires)
{
    for (guint i = 0; i < NET_NICS; i++) {
        close_wire(&wires->wire[i]);
        wires->wire[i].is_wanted = false;
    }
    if (wires->source)
        g_source_remove(wires->source);
    if (wires->socket >= 0)
        close(wires->socket);
    wires->source = 0;
    wires->socket = -1;
}

void wires_set_helper(Wires *wires, int socket)
{
    let_go(wires);
    wires->socket = socket;
    wires->source = g_unix_fd_add(socket, G_IO_IN | G_IO_HUP, on_helper, wires);
}

/* --- life ------------------------------------------------------------------------------------- */

static bool take_nic(Wire *wire, JsonObject *nic)
{
    static const char *const members[] = {
        [WIRE_LISTEN] = "listen", [WIRE_CONNECT] = "connect", [WIRE_TAP] = "tap"
    };
    for (WireKind kind = WIRE_LISTEN; kind <= WIRE_TAP; kind++) {
        if (json_object_has_member(nic, members[kind])) {
            wire->kind = kind;
            wire->address = json_object_get_string_member(nic, members[kind]);
        }
    }
    return wire->kind != WIRE_NONE;
}

Wires *wires_new(Machine *machine)
{
    JsonObject *definition = json_node_get_object(machine->definition);
    JsonArray *nics = json_object_has_member(definition, "nics")
                          ? json_object_get_array_member(definition, "nics")
                          : NULL;
    guint count = nics ? json_array_get_length(nics) : 0;
    bool has_any = false;
    Wires *wires = g_new0(Wires, 1);
    *wires = (Wires){ .machine = machine, .socket = -1 };
    for (guint i = 0; i < NET_NICS; i++) {
        wires->wire[i] = (Wire){ .wires = wires, .number = i, .fd = -1 };
        if (i < count)
            has_any |= take_nic(&wires->wire[i], json_array_get_object_element(nics, i));
    }
    if (has_any)
        return wires;
    g_free(wires);
    return NULL;
}

void wires_free(Wires *wires)
{
    if (!wires)
        return;
    let_go(wires);
    g_free(wires);
}
