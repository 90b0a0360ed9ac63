/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/packet.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} FdSpace;

int packet_send(int socket, const void *bytes, gsize length, int fd)
{
    struct iovec vector = { (void *)bytes, length };
    struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
    FdSpace space = { 0 };
    if (fd >= 0) {
        header.msg_control = space.bytes;
        header.msg_controllen = sizeof space.bytes;
        struct cmsghdr *control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(control), &fd, sizeof fd);
    }
    ssize_t n;
    do
        n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ENOBUFS ? EAGAIN : errno;
    return (gsize)n == length ? 0 : EMSGSIZE;
}

/* Alignment leaves space for two. */
static int take_fd(struct msghdr *header, unsigned *fds)
{
    int first = -1;
    *fds = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        bool has_fds = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
        gsize count = has_fds ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
        for (gsize i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            ++*fds;
            if (first < 0)
                first = fd;
            else
                close(fd);
        }
    }
    return first;
}

static struct msghdr header_of(struct iovec *vector, FdSpace *space)
{
    return (struct msghdr){ .msg_iov = vector,
                            .msg_iovlen = 1,
                            .msg_control = space->bytes,
                            .msg_controllen = sizeof space->bytes };
}

ssize_t packet_stream_receive(int socket, void *bytes, gsize room, int *fd, unsigned *fds)
{
    struct iovec vector = { bytes, room };
    FdSpace space = { 0 };
    struct msghdr header = header_of(&vector, &space);
    ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *fd = -1;
    *fds = 0;
    if (n > 0)
        *fd = take_fd(&header, fds);
    return n;
}

PacketResult packet_receive(int socket, void *bytes, gsize room, gsize *length, int *fd)
{
    PacketSlot packet = { .bytes = bytes, .room = room, .fd = -1 };
    PacketResult end;
    bool is_there = packet_receive_many(socket, &packet, 1, &end) == 1;
    *length = packet.length;
    *fd = packet.fd;
    return is_there ? PACKET_RECEIVED : end;
}

unsigned packet_receive_many(int socket, PacketSlot *packets, unsigned count, PacketResult *end)
{
    struct mmsghdr headers[PACKET_BATCH];
    struct iovec vectors[PACKET_BATCH];
    FdSpace spaces[PACKET_BATCH];
    unsigned fds, n = 0;
    g_assert(count <= PACKET_BATCH);
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ packets[i].bytes, packets[i].room };
        headers[i].msg_hdr = header_of(&vectors[i], &spaces[i]);
    }
    int got = recvmmsg(socket, headers, count, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC, NULL);
    bool is_empty = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    *end = is_empty                ? PACKET_NONE_YET
           : got < 0               ? PACKET_CLOSED
           : (unsigned)got < count ? PACKET_NONE_YET
                                   : PACKET_RECEIVED;
    for (; got > 0 && n < (unsigned)got && headers[n].msg_len > 0; n++) {
        packets[n].length = headers[n].msg_len;
        packets[n].fd = take_fd(&headers[n].msg_hdr, &fds);
    }
    if (got > 0 && n < (unsigned)got)
        *end = PACKET_CLOSED; /* nothing, again and again */
    return n;
}

PacketResult packet_judge(bool is_good, int *fd)
{
    if (is_good)
        return PACKET_RECEIVED;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return PACKET_WRONG;
}

bool packet_refuse(GError **error, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "bad %s: %s", what, text);
    return false;
}
