/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The other end of a wire may be anybody: what it says is parsed here, in the confined helper.
 *
 * 1. A stream has each frame after its length, 4 bytes, big-endian, as QEMU's stream netdev has it.
 *    A length beyond LENGTH_MAX is no frame of anybody's: the line is given up. Frames that are too
 *    short or too long for Ethernet are passed over.
 * 2. What does not fit into the socket waits in KEPT_MAX bytes; then whole frames are dropped, as
 *    on a wire. A frame that was begun is always finished.
 */

#include "daemon/net/line.h"

#include "api/net-message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_SIZE 4u
#define LENGTH_MAX  (64u * 1024 + 4096)
#define READ_SIZE   (16u * 1024)
#define KEPT_MAX    (256u * 1024)
#define PACKETS_MAX 64 /* taken at once */

struct Line {
    int fd;
    LineKind kind;
    GByteArray *kept; /* to be sent; stream only */
    guint sent;       /* of it */
    guint to_skip;    /* bytes of a frame of a wrong size that are still to come */
    guint held;       /* bytes in `in` */
    uint8_t in[LENGTH_SIZE + NET_FRAME_MAX + READ_SIZE];
};

Line *line_new(int fd, LineKind kind)
{
    Line *line = g_new0(Line, 1);
    *line = (Line){ .fd = fd, .kind = kind, .kept = g_byte_array_new() };
    return line;
}

void line_free(Line *line)
{
    if (!line)
        return;
    close(line->fd);
    g_byte_array_unref(line->kept);
    g_free(line);
}

int line_fd(const Line *line)
{
    return line->fd;
}

static bool is_full(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS;
}

/* --- sending ---------------------------------------------------------------------------------- */

bool line_is_behind(const Line *line)
{
    return line->kept->len > 0;
}

bool line_flush(Line *line)
{
    while (line->sent < line->kept->len) {
        ssize_t n = write(line->fd, line->kept->data + line->sent, line->kept->len - line->sent);
        if (n < 0)
            break;
        line->sent += (guint)n;
    }
    bool good = line->sent == line->kept->len || is_full();
    if (line->sent == line->kept->len) {
        g_byte_array_set_size(line->kept, 0);
        line->sent = 0;
    }
    return good;
}

/* A tap that is down (EIO) is there all the same. */
static bool send_packet(Line *line, const void *frame, gsize length)
{
    return write(line->fd, frame, length) >= 0 || is_full() || errno == EIO || errno == EINVAL ||
           errno == EMSGSIZE;
}

bool line_send(Line *line, const void *frame, gsize length)
{
    if (line->kind == LINE_PACKETS)
        return send_packet(line, frame, length);
    if (line->kept->len - line->sent + LENGTH_SIZE + length > KEPT_MAX)
        return line_flush(line);
    if (line->sent > KEPT_MAX / 2) {
        g_byte_array_remove_range(line->kept, 0, line->sent);
        line->sent = 0;
    }
    uint32_t size = GUINT32_TO_BE((uint32_t)length);
    g_byte_array_append(line->kept, (const guint8 *)&size, LENGTH_SIZE);
    g_byte_array_append(line->kept, frame, (guint)length);
    return line_flush(line);
}

/* --- receiving -------------------------------------------------------------------------------- */

static guint skip(Line *line, guint at)
{
    guint part = MIN(line->to_skip, line->held - at);
    line->to_skip -= part;
    return at + part;
}

/* Hands out the complete frames in `in`; false if there is none where one should be. */
static bool take_frames(Line *line, LineFrame take, void *data)
{
    guint at = skip(line, 0);
    while (line->held - at >= LENGTH_SIZE) {
        uint32_t length;
        memcpy(&length, line->in + at, LENGTH_SIZE);
        length = GUINT32_FROM_BE(length);
        if (length > LENGTH_MAX)
            return false;
        if (length < NET_FRAME_MIN || length > NET_FRAME_MAX) {
            line->to_skip = length;
            at = skip(line, at + LENGTH_SIZE);
            continue;
        }
        if (line->held - at - LENGTH_SIZE < length)
            break;
        take(line->in + at + LENGTH_SIZE, length, data);
        at += LENGTH_SIZE + length;
    }
    line->held -= at;
    memmove(line->in, line->in + at, line->held);
    return true;
}

static bool receive_stream(Line *line, LineFrame take, void *data)
{
    ssize_t n = read(line->fd, line->in + line->held, READ_SIZE);
    if (n < 0)
        return is_full();
    line->held += (guint)n;
    return n > 0 && take_frames(line, take, data);
}

static bool receive_packets(Line *line, LineFrame take, void *data)
{
    for (unsigned i = 0; i < PACKETS_MAX; i++) {
        ssize_t n = read(line->fd, line->in, READ_SIZE);
        if (n < 0)
            return is_full() || errno == EIO;
        if (n == 0)
            return false;
        if ((gsize)n >= NET_FRAME_MIN && (gsize)n <= NET_FRAME_MAX)
            take(line->in, (gsize)n, data);
    }
    return true;
}

bool line_receive(Line *line, LineFrame take, void *data)
{
    return line->kind == LINE_STREAM ? receive_stream(line, take, data)
                                     : receive_packets(line, take, data);
}
