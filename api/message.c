/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/message.h"

#include <gio/gio.h>
#include <string.h>

G_STATIC_ASSERT(sizeof(Message) == 16 + MESSAGE_DATA_SIZE);

/* What each type may and must carry. */
typedef struct {
    const char *name;
    bool has_fd, has_port;
    uint16_t minimum; /* bytes of data */
} Shape;

static const Shape shapes[MESSAGE_TYPE_END] = {
    [MESSAGE_FILE] = { "file", .has_fd = true, .minimum = 1 },
    [MESSAGE_START] = { "start" },
    [MESSAGE_READY] = { "ready" },
    [MESSAGE_FAILED] = { "failed", .minimum = 1 },
    [MESSAGE_CLIENT] = { "client", .has_fd = true },
    [MESSAGE_PORT_OPEN] = { "port-open", .has_port = true },
    [MESSAGE_PORT_DATA] = { "port-data", .has_port = true, .minimum = 1 },
    [MESSAGE_PORT_CLOSE] = { "port-close", .has_port = true },
    [MESSAGE_NET] = { "net", .has_fd = true },
    [MESSAGE_DISPLAY] = { "display", .has_fd = true, .minimum = 1 },
    [MESSAGE_GDB_LISTEN] = { "gdb-listen", .minimum = 1 },
    [MESSAGE_GDB_ADDRESS] = { "gdb-address", .minimum = 1 },
    [MESSAGE_GDB_REFUSED] = { "gdb-refused", .minimum = 1 },
    [MESSAGE_GDB_CLIENT] = { "gdb-client", .has_fd = true },
    [MESSAGE_GDB_CLOSE] = { "gdb-close" },
    [MESSAGE_GDB_CLOSED] = { "gdb-closed" },
    [MESSAGE_BUSY] = { "busy" },
    [MESSAGE_SOUND] = { "sound", .has_fd = true, .has_port = true },
};

void message_init(Message *message, MessageType type, uint32_t port, const void *data, gsize length)
{
    g_assert(length <= MESSAGE_DATA_SIZE);
    *message = (Message){ .magic = MESSAGE_MAGIC, .version = MESSAGE_VERSION };
    message->type = (uint16_t)type;
    message->port = port;
    message->length = (uint16_t)length;
    if (length) {
        memcpy(message->data, data, length);
    }
}

#define refuse(error, ...) packet_refuse(error, "message", __VA_ARGS__)

bool message_check(const Message *message, gsize bytes, bool has_fd, GError **error)
{
    if (bytes != sizeof(Message)) {
        return refuse(error, "%" G_GSIZE_FORMAT " bytes instead of %zu", bytes, sizeof(Message));
    }
    if (message->magic != MESSAGE_MAGIC || message->version != MESSAGE_VERSION) {
        return refuse(error, "magic %08x version %u instead of %08x version %u", message->magic,
                      message->version, MESSAGE_MAGIC, MESSAGE_VERSION);
    }
    if (message->type == 0 || message->type >= MESSAGE_TYPE_END) {
        return refuse(error, "unknown type %u", message->type);
    }
    const Shape *shape = &shapes[message->type];
    if (message->length > MESSAGE_DATA_SIZE || message->length < shape->minimum) {
        return refuse(error, "%u bytes of data in '%s'", message->length, shape->name);
    }
    if (shape->has_fd != has_fd) {
        return refuse(error, "'%s' %s a descriptor", shape->name, has_fd ? "with" : "without");
    }
    if (shape->has_port != (message->port != 0)) {
        return refuse(error, "port %u in '%s'", message->port, shape->name);
    }
    for (gsize i = message->length; i < MESSAGE_DATA_SIZE; i++) {
        if (message->data[i]) {
            return refuse(error, "bytes after the end of the data in '%s'", shape->name);
        }
    }
    return true;
}

bool message_send(int socket, const Message *message, int fd, GError **error)
{
    int code = packet_send(socket, message, sizeof *message, fd);
    if (code != 0) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code),
                    "cannot send a message: %s", g_strerror(code));
    }
    return code == 0;
}

PacketResult message_receive(int socket, Message *message, int *fd, GError **error)
{
    gsize length;
    PacketResult result = packet_receive(socket, message, sizeof *message, &length, fd);
    return result != PACKET_RECEIVED
               ? result
               : packet_judge(message_check(message, length, *fd >= 0, error), fd);
}

char *message_text(const Message *message)
{
    return g_strndup((const char *)message->data, message->length);
}
