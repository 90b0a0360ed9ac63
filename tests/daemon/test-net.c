/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands between guests and the network helper's library: messages and frames. */

#include "api/net-message.h"
#include "daemon/net/filter.h"
#include "daemon/net/line.h"
#include "tests/check-run.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETWORK 0x0a000200u
#define MASK    0xffffff00u
#define IP      14
#define TCP     34

typedef struct {
    uint8_t bytes[1600];
    size_t length;
} Frame;

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* A frame from 10.0.2.15 to 10.0.2.2 of PROTOCOL with SIZE bytes after the IP header. */
static Frame packet(unsigned protocol, unsigned size)
{
    static const uint8_t addresses[8] = { 10, 0, 2, 15, 10, 0, 2, 2 };
    Frame frame = { .length = IP + 20 + size };
    put16(frame.bytes + 12, 0x0800);
    frame.bytes[IP] = 0x45;
    put16(frame.bytes + IP + 2, 20 + size);
    frame.bytes[IP + 8] = 64;
    frame.bytes[IP + 9] = (uint8_t)protocol;
    memcpy(frame.bytes + IP + 12, addresses, sizeof addresses);
    return frame;
}

static unsigned tcp_sum(const Frame *frame)
{
    size_t size = frame->length - TCP;
    uint32_t sum = 6 + (uint32_t)size;
    for (unsigned i = 0; i < 8; i += 2)
        sum += (unsigned)frame->bytes[IP + 12 + i] << 8 | frame->bytes[IP + 13 + i];
    for (size_t i = 0; i < size; i++)
        sum += (uint32_t)frame->bytes[TCP + i] << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* HEADER bytes of header (options from OPTIONS, may be NULL) and DATA bytes, with a good checksum.
 */
static Frame segment(unsigned header, const uint8_t *options, unsigned data)
{
    Frame frame = packet(6, header + data);
    frame.bytes[TCP + 12] = (uint8_t)(header / 4 << 4);
    frame.bytes[TCP + 13] = 0x18;
    if (options)
        memcpy(frame.bytes + TCP + 20, options, header - 20);
    for (unsigned i = 0; i < data; i++)
        frame.bytes[TCP + header + i] = (uint8_t)(i * 7);
    put16(frame.bytes + TCP + 16, tcp_sum(&frame));
    return frame;
}

static bool passes(Frame *frame)
{
    return filter_frame(frame->bytes, &frame->length, NETWORK, MASK);
}

START_TEST(good_frames_pass_unchanged)
{
    Frame frame = segment(20, NULL, 101), before = frame;
    ck_assert(passes(&frame));
    ck_assert_uint_eq(frame.length, before.length);
    ck_assert_mem_eq(frame.bytes, before.bytes, frame.length);
}
END_TEST

START_TEST(urgent_data_loses_its_urgency_and_the_checksum_stays_good)
{
    for (unsigned pointer = 0; pointer < 0x10000; pointer += 257) {
        Frame frame = segment(20, NULL, 33);
        frame.bytes[TCP + 13] |= 0x20;
        put16(frame.bytes + TCP + 18, pointer);
        put16(frame.bytes + TCP + 16, 0);
        put16(frame.bytes + TCP + 16, tcp_sum(&frame));
        ck_assert(passes(&frame));
        ck_assert_uint_eq(frame.bytes[TCP + 13], 0x18);
        ck_assert_uint_eq(frame.bytes[TCP + 18] | frame.bytes[TCP + 19], 0);
        ck_assert_uint_eq(tcp_sum(&frame), 0);
    }
}
END_TEST

START_TEST(a_damaged_segment_stays_damaged)
{
    Frame frame = segment(20, NULL, 33);
    frame.bytes[TCP + 13] |= 0x20; /* without correcting the checksum */
    ck_assert(passes(&frame));
    ck_assert_uint_ne(tcp_sum(&frame), 0);
}
END_TEST

START_TEST(options_that_nobody_reads_become_padding)
{
    static const uint8_t options[12] = { 2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 1, 1, 0 };
    static const uint8_t expected[12] = { 2, 4, 5, 0xb4, 1, 1, 1, 1, 1, 1, 1, 0 };
    Frame frame = segment(32, options, 5);
    ck_assert(passes(&frame));
    ck_assert_mem_eq(frame.bytes + TCP + 20, expected, sizeof expected);
    ck_assert_uint_eq(tcp_sum(&frame), 0);
}
END_TEST

START_TEST(options_of_wrong_lengths_are_dropped)
{
    static const uint8_t bad[][4] = { { 2, 3, 0, 0 }, { 2, 5, 0, 0 },  { 8, 0, 0, 0 },
                                      { 8, 1, 0, 0 }, { 8, 40, 0, 0 }, { 1, 1, 1, 8 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        Frame frame = segment(24, bad[i], 0);
        ck_assert_msg(!passes(&frame), "row %u", i);
    }
}
END_TEST

typedef struct {
    const char *what;
    unsigned protocol, size, at;
    uint8_t value;
} Damage;

START_TEST(headers_that_claim_too_much_are_dropped)
{
    static const Damage rows[] = {
        { "IP version 6", 6, 40, IP, 0x65 },
        { "IP options", 6, 40, IP, 0x46 },
        { "IP header of 16 bytes", 6, 40, IP, 0x44 },
        { "IP total beyond the frame", 6, 40, IP + 2, 1 },
        { "IP total below its header", 6, 40, IP + 3, 19 },
        { "a first fragment", 6, 40, IP + 6, 0x20 },
        { "a later fragment", 6, 40, IP + 7, 1 },
        { "a protocol that is not there", 6, 40, IP + 9, 47 },
        { "TCP header of 16 bytes", 6, 40, TCP + 12, 0x40 },
        { "TCP header beyond the packet", 6, 40, TCP + 12, 0xf0 },
        { "UDP length below its header", 17, 40, TCP + 5, 7 },
        { "UDP length beyond the packet", 17, 40, TCP + 5, 41 },
        { "half a BOOTP request", 17, 200, TCP + 3, 67 },
        { "TFTP to the gateway", 17, 40, TCP + 3, 69 },
        { "an unknown kind of frame", 6, 40, 12, 0x86 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Frame frame = packet(rows[i].protocol, rows[i].size);
        if (rows[i].protocol == 6)
            frame.bytes[TCP + 12] = 0x50;
        else
            put16(frame.bytes + TCP + 4, rows[i].size);
        Frame good = frame;
        ck_assert_msg(passes(&good), "%s: before it is damaged", rows[i].what);
        frame.bytes[rows[i].at] = rows[i].value;
        ck_assert_msg(!passes(&frame), "%s", rows[i].what);
    }
}
END_TEST

START_TEST(every_shorter_frame_is_dropped_and_padding_is_cut)
{
    for (size_t length = 0; length < 54; length++) {
        Frame frame = segment(20, NULL, 0);
        frame.length = length;
        ck_assert_msg(!passes(&frame), "%zu bytes", length);
    }
    Frame padded = segment(20, NULL, 0);
    padded.length = 60;
    ck_assert(passes(&padded));
    ck_assert_uint_eq(padded.length, 54);
}
END_TEST

START_TEST(messages_are_checked)
{
    uint8_t frame[NET_FRAME_MAX] = { 0 };
    NetMessage good, m;
    net_message_init(&good, NET_FRAME, 3, 0, frame, 60);
    gsize size = NET_HEADER_SIZE + 60;
    ck_assert(net_message_check(&good, size, false, true, NULL));
    ck_assert(net_message_check(&good, size, false, false, NULL));
    ck_assert(!net_message_check(&good, size - 1, false, true, NULL));
    ck_assert(!net_message_check(&good, size + 1, false, true, NULL));
    ck_assert(!net_message_check(&good, NET_HEADER_SIZE - 1, false, true, NULL));
    ck_assert(!net_message_check(&good, size, true, true, NULL));
#define BAD(change) (m = good, change, ck_assert(!net_message_check(&m, size, false, true, NULL)))
    BAD(m.magic++);
    BAD(m.version++);
    BAD(m.type = 0);
    BAD(m.type = NET_TYPE_END);
    BAD(m.type = 255);
    BAD(m.type = NET_RESULT);
    BAD(m.nic = NET_NICS);
    BAD(m.zero = 1);
    BAD(m.id = 1);
    BAD(m.length = NET_FRAME_MAX + 1);
    BAD(m.length = NET_FRAME_MIN - 1);
    net_message_init(&m, NET_SETUP, 0, 0, NULL, 0);
    ck_assert(net_message_check(&m, NET_HEADER_SIZE, true, true, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE, false, true, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE, true, false, NULL));
    NetSwitch flow = { .is_on = 1 };
    net_message_init(&m, NET_FLOW, 2, 0, &flow, sizeof flow);
    ck_assert(net_message_check(&m, NET_HEADER_SIZE + sizeof flow, false, true, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE + sizeof flow, false, false, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE, false, true, NULL));
    net_message_init(&m, NET_LINE, 0, 0, NULL, 0);
    ck_assert(net_message_check(&m, NET_HEADER_SIZE, true, true, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE, false, true, NULL));
    NetSwitch on = { .is_on = 1 };
    net_message_init(&m, NET_WANT, 0, 0, &on, sizeof on);
    ck_assert(net_message_check(&m, NET_HEADER_SIZE + sizeof on, false, false, NULL));
    ck_assert(!net_message_check(&m, NET_HEADER_SIZE + sizeof on, false, true, NULL));
}
END_TEST

/* In order, each with its descriptor; behind a bad one, and behind the end, there is nothing. */
START_TEST(messages_are_taken_many_at_once)
{
    static NetMessage taken[PACKET_BATCH];
    int pair[2], fds[PACKET_BATCH];
    PacketResult end;
    NetMessage m;
    g_autoptr(GError) error = NULL;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    ck_assert_uint_eq(net_message_receive_many(pair[1], taken, fds, 8, true, &end, &error), 0);
    ck_assert_int_eq(end, PACKET_NONE_YET);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t frame[NET_FRAME_MAX] = { (uint8_t)i };
        net_message_init(&m, i == 5 ? NET_SETUP : NET_FRAME, i % NET_NICS, 0, frame,
                         i == 5 ? 0 : 60 + i);
        m.magic += i == 15;
        ck_assert(net_message_send(pair[0], &m, i == 5 ? pair[0] : -1, NULL));
    }
    ck_assert_uint_eq(net_message_receive_many(pair[1], taken, fds, 12, true, &end, &error), 12);
    ck_assert_int_eq(end, PACKET_RECEIVED);
    for (unsigned i = 0; i < 12; i++) {
        ck_assert_int_eq(fds[i] >= 0, i == 5);
        ck_assert_uint_eq(taken[i].nic, i % NET_NICS);
        ck_assert_uint_eq(taken[i].length, i == 5 ? 0 : 60 + i);
        ck_assert(i == 5 || taken[i].data[0] == i);
    }
    close(fds[5]);
    ck_assert_uint_eq(
        net_message_receive_many(pair[1], taken, fds, PACKET_BATCH, true, &end, &error), 3);
    ck_assert_int_eq(end, PACKET_WRONG);
    ck_assert(strstr(error->message, "magic"));
    net_message_init(&m, NET_TEARDOWN, 0, 0, NULL, 0);
    ck_assert(net_message_send(pair[0], &m, -1, NULL));
    close(pair[0]);
    ck_assert_uint_eq(net_message_receive_many(pair[1], taken, fds, 8, true, &end, NULL), 1);
    ck_assert_int_eq(end, PACKET_CLOSED);
    close(pair[1]);
}
END_TEST

/* --- lines to the other end of a wire --------------------------------------------------------- */

static void collect(const void *frame, gsize length, void *data)
{
    g_byte_array_append(data, (const guint8 *)&length, sizeof(uint16_t));
    g_byte_array_append(data, frame, (guint)length);
}

static void put_frame(GByteArray *stream, GByteArray *expected, guint length, guint seed)
{
    uint8_t bytes[4] = { 0, (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length };
    g_byte_array_append(stream, bytes, 4);
    guint start = stream->len;
    for (guint i = 0; i < length; i++) {
        bytes[0] = (uint8_t)(seed + i * 3);
        g_byte_array_append(stream, bytes, 1);
    }
    if (length >= NET_FRAME_MIN && length <= NET_FRAME_MAX)
        collect(stream->data + start, length, expected);
}

/* A line on one end of a pair of sockets; the other end. */
static Line *open_line(int *other)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    *other = pair[1];
    return line_new(pair[0], LINE_STREAM);
}

START_TEST(frames_come_out_of_a_stream_however_it_is_cut)
{
    static const guint lengths[] = { 60, 14, 1514, 13, 0, 1515, 9000, 42, 68000, 1514, 15, 1 };
    int other;
    Line *line = open_line(&other);
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(GByteArray) expected = g_byte_array_new(), got = g_byte_array_new();
    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++)
        put_frame(stream, expected, lengths[i], i);
    for (guint at = 0, turn = 0; at < stream->len; turn++) {
        guint part = MIN((turn * turn * 7 + (guint)_i) % 4001 + 1, stream->len - at);
        ck_assert_int_eq(write(other, stream->data + at, part), part);
        ck_assert(line_receive(line, collect, got));
        at += part;
    }
    ck_assert_uint_eq(got->len, expected->len);
    ck_assert_mem_eq(got->data, expected->data, got->len);
    close(other);
    ck_assert(!line_receive(line, collect, got));
    line_free(line);
}
END_TEST

START_TEST(a_length_that_is_none_ends_the_line)
{
    static const uint8_t wrong[] = { 0, 1, 0x10, 1, 0, 0, 0, 0 };
    int other;
    Line *line = open_line(&other);
    g_autoptr(GByteArray) got = g_byte_array_new();
    ck_assert_int_eq(write(other, wrong, sizeof wrong), sizeof wrong);
    ck_assert(!line_receive(line, collect, got));
    ck_assert_uint_eq(got->len, 0);
    close(other);
    line_free(line);
}
END_TEST

/* Who does not read loses whole frames; what he gets is a stream as before. */
START_TEST(a_line_that_is_behind_drops_whole_frames)
{
    int other, here;
    Line *line = open_line(&other), *reader;
    uint8_t frame[1000];
    g_autoptr(GByteArray) got = g_byte_array_new();
    for (guint i = 0; i < 3000; i++) {
        memset(frame, (int)i, sizeof frame);
        ck_assert(line_send(line, frame, 100 + i % 900));
    }
    ck_assert(line_is_behind(line));
    here = dup(other);
    reader = line_new(here, LINE_STREAM);
    for (guint idle = 0; idle < 3;) {
        guint before = got->len;
        ck_assert(line_receive(reader, collect, got) && line_flush(line));
        idle = got->len == before ? idle + 1 : 0;
    }
    ck_assert(!line_is_behind(line));
    guint frames = 0;
    for (guint at = 0; at < got->len; frames++) {
        uint16_t length;
        memcpy(&length, got->data + at, sizeof length);
        at += (guint)sizeof length;
        ck_assert_uint_eq(got->data[at], got->data[at + length - 1]);
        at += length;
    }
    ck_assert(frames > 300 && frames < 3000);
    line_free(reader);
    close(other);
    ck_assert(!line_send(line, frame, 100));
    line_free(line);
}
END_TEST

START_TEST(the_clock_runs_and_stands)
{
    uint64_t runs = net_clock_word(true, 1000, 5000), stands = net_clock_word(false, 1000, 5000);
    ck_assert_int_eq(net_clock_ns(runs, 5000), 1000);
    ck_assert_int_eq(net_clock_ns(runs, 5007), 1007);
    ck_assert_int_eq(net_clock_ns(stands, 9000), 1000);
}
END_TEST

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the helper does */
    Suite *suite = suite_create("net");
    TCase *tests = tcase_create("net");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, messages_are_taken_many_at_once);
    tcase_add_test(tests, good_frames_pass_unchanged);
    tcase_add_test(tests, urgent_data_loses_its_urgency_and_the_checksum_stays_good);
    tcase_add_test(tests, a_damaged_segment_stays_damaged);
    tcase_add_test(tests, options_that_nobody_reads_become_padding);
    tcase_add_test(tests, options_of_wrong_lengths_are_dropped);
    tcase_add_test(tests, headers_that_claim_too_much_are_dropped);
    tcase_add_test(tests, every_shorter_frame_is_dropped_and_padding_is_cut);
    tcase_add_test(tests, messages_are_checked);
    tcase_add_loop_test(tests, frames_come_out_of_a_stream_however_it_is_cut, 0, 40);
    tcase_add_test(tests, a_length_that_is_none_ends_the_line);
    tcase_add_test(tests, a_line_that_is_behind_drops_whole_frames);
    tcase_add_test(tests, the_clock_runs_and_stands);
    return check_run(suite);
}
