/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a wire says anything, in pieces of any size, and reads as it likes. The first
 * byte says whether it is a stream or packets; then each step is a byte that says what to do, and
 * its operands.
 *
 * What comes out is compared with another reading of the same bytes, which knows no pieces: exactly
 * the frames of a proper size that are complete come, and the line is given up exactly at a length
 * that is nobody's. What is sent back are whole frames in their order, some of them dropped, and
 * never one while all before it could be sent; and no more is kept than there is room for.
 */
#include "api/net-message.h"
#include "daemon/net/line.h"
#include "tests/fuzz/input.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEPS_MAX   64
#define LENGTH_SIZE 4u
#define LENGTH_MAX  (64u * 1024 + 4096) /* as QEMU has it */
#define PIECE_MAX   (96u * 1024)
#define GIVEN_MAX   (160u * 1024) /* by an input: more takes time and shows nothing new */
#define SENT_MAX    (320u * 1024) /* the line drops some of it */
#define SENT_USUAL  (32u * 1024)
#define KEPT_MAX    (320u * 1024) /* by the line and the socket */
#define BUFFER      4096          /* of the socket: it is full soon */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    Line *line;
    LineKind kind;
    int peer;
    bool is_over; /* the line was given up, or the other end has gone */
    /* From the other end. */
    GByteArray *piece; /* not yet given to it */
    GByteArray *given; /* stream: all so far; packets: the last */
    size_t at;         /* in it: what has been read again */
    size_t given_bytes;
    /* To the other end. */
    GByteArray *back; /* that came, without the frames that were checked */
    unsigned sent, came;
    size_t sent_bytes;
    bool was_behind; /* so that something may have been dropped */
} Wire;

static uint32_t get_length(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* --- the other reading ------------------------------------------------------------------------ */

static bool is_proper(size_t length)
{
    return length >= NET_FRAME_MIN && length <= NET_FRAME_MAX;
}

/* The next frame that is complete; NULL: none, or, with *IS_WRONG, nothing that can be read. */
static const uint8_t *next_frame(Wire *wire, size_t *length, bool *is_wrong)
{
    const GByteArray *given = wire->given;
    while (wire->at + LENGTH_SIZE <= given->len) {
        *length = get_length(given->data + wire->at);
        *is_wrong = *length > LENGTH_MAX;
        if (*is_wrong || (is_proper(*length) && wire->at + LENGTH_SIZE + *length > given->len))
            return NULL;
        wire->at += LENGTH_SIZE + *length;
        if (is_proper(*length))
            return given->data + wire->at - *length;
    }
    return NULL;
}

static void compare(const void *frame, gsize length, void *data)
{
    Wire *wire = data;
    bool is_wrong = false;
    size_t expected = wire->given->len;
    const uint8_t *bytes = wire->given->data;
    if (wire->kind == LINE_STREAM)
        bytes = next_frame(wire, &expected, &is_wrong);
    g_assert(bytes && length == expected && is_proper(length));
    g_assert(memcmp(frame, bytes, length) == 0);
    wire->came++;
}

/* --- from the other end ----------------------------------------------------------------------- */

static void give_stream(Wire *wire)
{
    bool good = true, is_wrong = false;
    size_t length;
    int left = 1;
    for (guint done = 0; good && (done < wire->piece->len || left);) {
        ssize_t n = send(wire->peer, wire->piece->data + done, wire->piece->len - done,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            g_byte_array_append(wire->given, wire->piece->data + done, (guint)n);
            done += (guint)n;
        }
        good = line_receive(wire->line, compare, wire);
        g_assert(ioctl(line_fd(wire->line), FIONREAD, &left) == 0);
    }
    g_assert(!next_frame(wire, &length, &is_wrong) && is_wrong == !good);
    wire->is_over = !good;
}

static void give_packet(Wire *wire)
{
    unsigned before = wire->came;
    g_byte_array_set_size(wire->given, 0);
    g_byte_array_append(wire->given, wire->piece->data, wire->piece->len);
    bool goes =
        send(wire->peer, wire->piece->data, wire->piece->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    g_assert(line_receive(wire->line, compare, wire) == (!goes || wire->piece->len));
    g_assert(wire->came - before == (goes && is_proper(wire->piece->len)));
    wire->is_over = goes && !wire->piece->len;
}

static void give(Wire *wire)
{
    if (wire->kind == LINE_PACKETS)
        give_packet(wire);
    else if (wire->piece->len)
        give_stream(wire);
    g_byte_array_set_size(wire->piece, 0);
}

/* Bytes that are not the same everywhere. */
static void fill(Wire *wire, size_t length)
{
    static uint8_t pattern[251 + PIECE_MAX];
    for (unsigned i = 0; !pattern[1] && i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % 251);
    length = MIN(length, PIECE_MAX - MIN(wire->piece->len, PIECE_MAX));
    length = MIN(length, GIVEN_MAX - MIN(wire->given_bytes, GIVEN_MAX));
    g_byte_array_append(wire->piece, pattern + wire->given_bytes % 251, (guint)length);
    wire->given_bytes += length;
}

static void say(Wire *wire, Input *input, unsigned what)
{
    static const uint32_t lengths[] = {
        0,          NET_FRAME_MIN - 1, NET_FRAME_MIN, NET_FRAME_MAX, NET_FRAME_MAX + 1,
        LENGTH_MAX, LENGTH_MAX + 1,    UINT32_MAX
    };
    uint32_t length = NET_FRAME_MIN + (uint32_t)take(input, 2) % (NET_FRAME_MAX - NET_FRAME_MIN);
    if (what & 1)
        length = lengths[what >> 1 & 7];
    else if (what & 2)
        length = (uint32_t)take(input, 3);
    for (unsigned i = 4; wire->kind == LINE_STREAM && i-- > 0;)
        g_byte_array_append(wire->piece, &(guint8){ (guint8)(length >> 8 * i) }, 1);
    fill(wire, what & 16 ? take(input, 2) : MIN(length, LENGTH_MAX)); /* cut off, or too long */
}

static void say_literally(Wire *wire, Input *input, size_t length)
{
    length = MIN(length, input->left);
    g_byte_array_append(wire->piece, input->data, (guint)length);
    input->data += length;
    input->left -= length;
}

/* --- to the other end ------------------------------------------------------------------------- */

/* Each begins with its number; the rest follows from that. */
static void make_frame(uint8_t *frame, size_t length, uint32_t number)
{
    memset(frame, (int)(number * 7 % 256), length);
    for (unsigned i = 0; i < 4; i++)
        frame[i] = (uint8_t)(number >> 8 * (3 - i));
}

/* What fills the line takes most of the time: seen often, it is left out of most inputs. */
static bool is_enough(const Wire *wire)
{
    static unsigned asked;
    if (wire->sent_bytes < SENT_USUAL)
        return false;
    return wire->sent_bytes >= SENT_MAX || (asked++ > 100000 && wire->sent_bytes % 16);
}

static void send_frames(Wire *wire, unsigned count, size_t length)
{
    uint8_t frame[NET_FRAME_MAX];
    for (unsigned i = 0; i < count && !is_enough(wire) && !wire->is_over; i++) {
        make_frame(frame, length, wire->sent++);
        wire->sent_bytes += length;
        wire->is_over = !line_send(wire->line, frame, length);
        wire->was_behind = wire->was_behind || line_is_behind(wire->line);
        g_assert(!wire->is_over || wire->peer < 0);
    }
}

static void check_frame(const uint8_t *frame, size_t length, uint32_t *next, bool may_skip)
{
    uint8_t expected[NET_FRAME_MAX];
    g_assert(is_proper(length));
    uint32_t number = get_length(frame);
    g_assert(number >= *next && (may_skip || number == *next));
    make_frame(expected, length, number);
    g_assert(memcmp(frame, expected, length) == 0);
    *next = number + 1;
}

/* The other end reads; at the end of the input, all. */
static bool read_back(Wire *wire, size_t wanted)
{
    uint8_t bytes[64 * 1024];
    ssize_t n = recv(wire->peer, bytes, MIN(wanted, sizeof bytes), MSG_DONTWAIT);
    if (n > 0)
        g_byte_array_append(wire->back, bytes, (guint)n);
    return n > 0;
}

static void check_back(const Wire *wire)
{
    uint32_t next = 0;
    size_t at = 0;
    while (at + LENGTH_SIZE <= wire->back->len) {
        size_t length = get_length(wire->back->data + at);
        at += LENGTH_SIZE;
        g_assert(at + length <= wire->back->len);
        check_frame(wire->back->data + at, length, &next, wire->was_behind);
        at += length;
    }
    g_assert(at == wire->back->len);
    g_assert(next <= wire->sent && (wire->was_behind || next == wire->sent));
}

/* All that was kept comes, once the other end reads. */
static void drain_stream(Wire *wire)
{
    size_t before = wire->back->len;
    while (read_back(wire, SIZE_MAX) || line_is_behind(wire->line))
        g_assert(line_flush(wire->line));
    g_assert(wire->back->len - before <= KEPT_MAX);
    check_back(wire);
}

static void drain_packets(const Wire *wire)
{
    uint8_t bytes[2 * NET_FRAME_MAX];
    uint32_t next = 0;
    ssize_t n;
    g_assert(!line_is_behind(wire->line));
    while ((n = recv(wire->peer, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0)
        check_frame(bytes, (size_t)n, &next, true);
    g_assert(next <= wire->sent);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void go_away(Wire *wire)
{
    close(wire->peer);
    wire->peer = -1;
    if (wire->kind == LINE_STREAM)
        g_assert(!line_receive(wire->line, compare, wire));
    send_frames(wire, 2, NET_FRAME_MIN); /* fails, or not: nobody is there */
    line_flush(wire->line);
    wire->is_over = true;
}

static void step(Wire *wire, Input *input)
{
    unsigned what = (unsigned)take(input, 1);
    switch (what & 7) {
    case 0: say_literally(wire, input, what >> 3); break;
    case 1:
    case 2: say(wire, input, what >> 3); break;
    case 3: give(wire); break;
    case 4:
        say(wire, input, what >> 3);
        give(wire);
        break;
    case 5:
        send_frames(wire, 1u << (what >> 5),
                    NET_FRAME_MIN + take(input, 2) % (NET_FRAME_MAX + 1 - NET_FRAME_MIN));
        break;
    case 6:
        if (wire->kind == LINE_STREAM)
            read_back(wire, take(input, 2));
        g_assert(line_flush(wire->line));
        break;
    default:
        if (what == 0xff)
            go_away(wire);
    }
}

static void open_wire(Wire *wire, LineKind kind)
{
    int pair[2], size = BUFFER;
    GByteArray *piece = wire->piece, *given = wire->given, *back = wire->back;
    *wire = (Wire){ .kind = kind, .piece = piece, .given = given, .back = back };
    g_assert(
        socketpair(AF_UNIX,
                   (kind == LINE_STREAM ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   0, pair) == 0);
    g_assert(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    wire->line = line_new(pair[0], kind);
    wire->peer = pair[1];
    g_byte_array_set_size(piece, 0);
    g_byte_array_set_size(given, 0);
    g_byte_array_set_size(back, 0);
}

static void close_wire(Wire *wire)
{
    line_free(wire->line);
    if (wire->peer >= 0)
        close(wire->peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = { data, size };
    static Wire wire; /* its arrays are emptied, not made anew: that is quicker */
    if (!wire.piece) {
        signal(SIGPIPE, SIG_IGN); /* as in the helper */
        wire.piece = g_byte_array_new();
        wire.given = g_byte_array_new();
        wire.back = g_byte_array_new();
    }
    open_wire(&wire, take(&input, 1) & 1 ? LINE_PACKETS : LINE_STREAM);
    for (unsigned i = 0; i < STEPS_MAX && input.left && !wire.is_over; i++)
        step(&wire, &input);
    if (wire.peer >= 0)
        wire.kind == LINE_STREAM ? drain_stream(&wire) : drain_packets(&wire);
    close_wire(&wire);
    return 0;
}
