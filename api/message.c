/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/message.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "bad message: %s", text);
    return false;
}

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

typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} FdSpace;

bool message_send(int socket, const Message *message, int fd, GError **error)
{
    struct iovec vector = { (void *)message, sizeof(*message) };
    struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
    FdSpace space = { 0 };
    if (fd >= 0) {
        header.msg_control = space.bytes;
        header.msg_controllen = sizeof(space.bytes);
        struct cmsghdr *control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(control), &fd, sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(*message)) {
        int code = n < 0 ? errno : EMSGSIZE;
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code),
                    "cannot send a message: %s", g_strerror(code));
        return false;
    }
    return true;
}

/* The first descriptor; any further ones are closed. -1 if there is none. */
static int take_fd(struct msghdr *header)
{
    int first = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        gsize count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (gsize i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (first < 0) {
                first = fd;
            } else {
                close(fd);
            }
        }
    }
    return first;
}

MessageResult message_receive(int socket, Message *message, int *fd, GError **error)
{
    struct iovec vector = { message, sizeof(*message) };
    FdSpace space = { 0 };
    struct msghdr header = { .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = space.bytes,
                             .msg_controllen = sizeof(space.bytes) };
    ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
    *fd = -1;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return MESSAGE_NONE_YET;
    }
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
        return MESSAGE_CLOSED;
    }
    if (n < 0) {
        refuse(error, "%s", g_strerror(errno));
        return MESSAGE_WRONG;
    }
    *fd = take_fd(&header);
    if (!message_check(message, (gsize)n, *fd >= 0, error)) {
        if (*fd >= 0) {
            close(*fd);
        }
        *fd = -1;
        return MESSAGE_WRONG;
    }
    return MESSAGE_RECEIVED;
}

char *message_text(const Message *message)
{
    return g_strndup((const char *)message->data, message->length);
}
