/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/net-message.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

/* What each type must carry, and where it may go. */
typedef struct {
    const char *name;
    bool to_helper, from_helper, has_fd, has_id;
    uint16_t minimum, maximum;
} Shape;

static const Shape shapes[NET_TYPE_END] = {
    [NET_SETUP] = { "setup", .to_helper = true, .has_fd = true },
    [NET_TEARDOWN] = { "teardown", .to_helper = true },
    [NET_FRAME] = { "frame", true, true, .minimum = NET_FRAME_MIN, .maximum = NET_FRAME_MAX },
    [NET_FORWARD] = { "forward", .to_helper = true, .has_id = true, .minimum = sizeof(NetForward),
                      .maximum = sizeof(NetForward) },
    [NET_UNFORWARD] = { "unforward", .to_helper = true, .has_id = true,
                        .minimum = sizeof(NetForward), .maximum = sizeof(NetForward) },
    [NET_RESULT] = { "result", .from_helper = true, .has_id = true, .minimum = sizeof(NetResult),
                     .maximum = sizeof(NetResult) },
    [NET_LINK] = { "link", .from_helper = true, .minimum = sizeof(NetSwitch),
                   .maximum = sizeof(NetSwitch) },
    [NET_WANT] = { "want", .from_helper = true, .minimum = sizeof(NetSwitch),
                   .maximum = sizeof(NetSwitch) },
    [NET_LINE] = { "line", .to_helper = true, .has_fd = true },
    [NET_FLOW] = { "flow", .to_helper = true, .minimum = sizeof(NetSwitch),
                   .maximum = sizeof(NetSwitch) },
};

void net_message_init(NetMessage *message, NetMessageType type, unsigned nic, uint32_t id,
                      const void *data, gsize length)
{
    g_assert(length <= NET_FRAME_MAX && nic < NET_NICS);
    message->magic = NET_MAGIC;
    message->version = NET_VERSION;
    message->type = (uint8_t)type;
    message->nic = (uint8_t)nic;
    message->id = id;
    message->length = (uint16_t)length;
    message->zero = 0;
    if (length)
        memcpy(message->data, data, length);
}

#define refuse(error, ...) packet_refuse(error, "network message", __VA_ARGS__)

bool net_message_check(const NetMessage *message, gsize bytes, bool has_fd, bool to_helper,
                       GError **error)
{
    if (bytes < (gsize)NET_HEADER_SIZE)
        return refuse(error, "%" G_GSIZE_FORMAT " bytes", bytes);
    if (message->magic != NET_MAGIC || message->version != NET_VERSION)
        return refuse(error, "magic %08x version %u", message->magic, message->version);
    if (message->type >= NET_TYPE_END || !shapes[message->type].name)
        return refuse(error, "unknown type %u", message->type);
    const Shape *shape = &shapes[message->type];
    if (!(to_helper ? shape->to_helper : shape->from_helper))
        return refuse(error, "'%s' in the wrong direction", shape->name);
    if (message->nic >= NET_NICS || message->zero)
        return refuse(error, "nic %u, reserved %u in '%s'", message->nic, message->zero,
                      shape->name);
    if (message->length < shape->minimum || message->length > shape->maximum ||
        bytes != (gsize)NET_HEADER_SIZE + message->length)
        return refuse(error, "%u bytes of data, %" G_GSIZE_FORMAT " in all, in '%s'",
                      message->length, bytes, shape->name);
    if (shape->has_fd != has_fd || shape->has_id != (message->id != 0))
        return refuse(error, "descriptor %d, id %u in '%s'", has_fd, message->id, shape->name);
    return true;
}

bool net_message_send(int socket, const NetMessage *message, int fd, bool *full)
{
    int code = packet_send(socket, message, NET_HEADER_SIZE + message->length, fd);
    if (full)
        *full = code == EAGAIN;
    return code == 0;
}

PacketResult net_message_receive(int socket, NetMessage *message, bool to_helper, int *fd,
                                 GError **error)
{
    gsize length;
    PacketResult result = packet_receive(socket, message, sizeof *message, &length, fd);
    return result != PACKET_RECEIVED
               ? result
               : packet_judge(net_message_check(message, length, *fd >= 0, to_helper, error), fd);
}

unsigned net_message_receive_many(int socket, NetMessage *messages, int *fds, unsigned count,
                                  bool to_helper, PacketResult *end, GError **error)
{
    PacketSlot packets[PACKET_BATCH];
    for (unsigned i = 0; i < count; i++)
        packets[i] = (PacketSlot){ .bytes = &messages[i], .room = sizeof messages[i] };
    unsigned there = packet_receive_many(socket, packets, count, end), good = 0;
    for (unsigned i = 0; i < there; i++) {
        int fd = packets[i].fd;
        bool is_next = good == i && net_message_check(&messages[i], packets[i].length, fd >= 0,
                                                      to_helper, error);
        if (packet_judge(is_next, &fd) == PACKET_RECEIVED)
            fds[good++] = fd;
    }
    if (good < there)
        *end = PACKET_WRONG; /* and what is behind it is dropped */
    return good;
}
