/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Garbage at the network helper, as fast as it takes it:
 *
 *     net-flood PROGRAM guest|peer SECONDS
 *
 * "guest": frames from a machine into user-mode networks. Frames that mean something, with bytes
 * changed and ends cut. "peer": a stream from the other end of a wire, with lengths of all kinds.
 * It prints how many frames a second that was, until an answer behind all of them had come, and
 * whether the helper does its work afterwards. The frames are made beforehand, POOL of them, and go
 * in another order each time: so the time is the helper's. To be run where nothing can be reached:
 * some frames go to addresses of anybody.
 */

#include "api/net-message.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MACHINE_FD 3
#define DAEMON_FD  4
#define TEMPLATES  6
#define POOL       32768

typedef struct {
    int machine, daemon; /* our ends */
    pid_t pid;
    uint64_t *clock;
    int clock_fd;
} Helper;

static uint64_t random_state = 20260131;

static uint32_t any(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static void die(const char *text)
{
    fprintf(stderr, "net-flood: %s: %s\n", text, strerror(errno));
    exit(1);
}

/* --- the helper ------------------------------------------------------------------------------- */

static void start(Helper *helper, const char *program, const char *nic)
{
    int machine[2], daemon[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, machine) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, daemon) < 0)
        die("sockets");
    helper->pid = fork();
    if (helper->pid == 0) {
        int high[2] = { dup2(machine[1], 20), dup2(daemon[1], 21) };
        dup2(high[0], MACHINE_FD);
        dup2(high[1], DAEMON_FD);
        execl(program, program, "--machine", "3", "--daemon", "4", "--nic", nic, NULL);
        _exit(127);
    }
    close(machine[1]);
    close(daemon[1]);
    int room = 4 << 20; /* as much as the host allows */
    setsockopt(machine[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    helper->machine = machine[0];
    helper->daemon = daemon[0];
    helper->clock_fd = memfd_create("clock", 0);
    if (ftruncate(helper->clock_fd, NET_CLOCK_SIZE) < 0)
        die("clock");
    helper->clock =
        mmap(NULL, NET_CLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, helper->clock_fd, 0);
    helper->clock[0] = net_clock_word(true, 0, g_get_monotonic_time() * 1000);
}

/* What comes back is read and forgotten. */
static void forget_answers(Helper *helper)
{
    static NetMessage answers[PACKET_BATCH];
    int fds[PACKET_BATCH];
    PacketResult end = PACKET_RECEIVED;
    while (end == PACKET_RECEIVED)
        net_message_receive_many(helper->machine, answers, fds, PACKET_BATCH, false, &end, NULL);
}

/* Until there is room, or something came back. */
static void wait_for_room(Helper *helper)
{
    struct pollfd polled = { .fd = helper->machine, .events = POLLIN | POLLOUT };
    poll(&polled, 1, 1000);
    forget_answers(helper);
}

static bool tell(Helper *helper, const NetMessage *message, int fd)
{
    bool full = false;
    while (!net_message_send(helper->machine, message, fd, &full)) {
        if (!full)
            return false;
        wait_for_room(helper);
    }
    return true;
}

/* PACKET_BATCH messages. */
static void tell_many(Helper *helper, const NetMessage *messages)
{
    struct mmsghdr headers[PACKET_BATCH] = { 0 };
    struct iovec vectors[PACKET_BATCH];
    for (unsigned i = 0; i < PACKET_BATCH; i++) {
        vectors[i] = (struct iovec){ (void *)&messages[i], NET_HEADER_SIZE + messages[i].length };
        headers[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
    }
    for (unsigned done = 0; done < PACKET_BATCH;) {
        int n = sendmmsg(helper->machine, headers + done, PACKET_BATCH - done,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            die("the helper has gone");
        if (n > 0)
            done += (unsigned)n;
        else
            wait_for_room(helper);
    }
}

static void set_up(Helper *helper)
{
    NetMessage message;
    net_message_init(&message, NET_SETUP, 0, 0, NULL, 0);
    if (!tell(helper, &message, helper->clock_fd))
        die("setup");
}

/* The next frame to the machine that begins with START; how long it took in us, or -1. */
static gint64 await_frame(Helper *helper, const void *start, gsize length)
{
    gint64 began = g_get_monotonic_time();
    while (g_get_monotonic_time() - began < 60000000) {
        struct pollfd polled = { .fd = helper->machine, .events = POLLIN };
        NetMessage message;
        int fd;
        poll(&polled, 1, 100);
        PacketResult result = net_message_receive(helper->machine, &message, false, &fd, NULL);
        if (result == PACKET_CLOSED)
            return -1;
        if (result == PACKET_RECEIVED && message.type == NET_FRAME && message.length >= length &&
            memcmp(message.data, start, length) == 0)
            return g_get_monotonic_time() - began;
    }
    return -1;
}

/* --- frames ----------------------------------------------------------------------------------- */

static const uint8_t own[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned arp(uint8_t *frame)
{
    static const uint8_t rest[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
    static const uint8_t addresses[] = { 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2 };
    memset(frame, 0xff, 6);
    memcpy(frame + 6, own, 6);
    memcpy(frame + 12, rest, sizeof rest);
    memcpy(frame + 22, own, 6);
    memcpy(frame + 28, addresses, sizeof addresses);
    return 42;
}

static unsigned ip(uint8_t *frame, unsigned protocol, unsigned size)
{
    static const uint8_t addresses[8] = { 10, 0, 2, 15, 10, 0, 2, 2 };
    static const uint8_t gateway[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    memcpy(frame, gateway, 6);
    memcpy(frame + 6, own, 6);
    put16(frame + 12, 0x0800);
    frame[14] = 0x45;
    put16(frame + 16, 20 + size);
    put16(frame + 20, 0x4000);
    frame[22] = 64;
    frame[23] = (uint8_t)protocol;
    memcpy(frame + 26, addresses, sizeof addresses);
    if (any(4) == 0)
        put16(frame + 30, any(65536)); /* anywhere */
    uint32_t sum = 0;
    for (unsigned i = 14; i < 34; i += 2)
        sum += (unsigned)frame[i] << 8 | frame[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put16(frame + 24, ~sum & 0xffff);
    return 34 + size;
}

static unsigned make(uint8_t *frame, unsigned kind)
{
    unsigned size = 8 + any(60);
    memset(frame, (int)any(256), NET_FRAME_MAX);
    memset(frame + 14, 0, 60);
    switch (kind) {
    case 0: return arp(frame);
    case 1: /* UDP, among it what DHCP and the name server get; no checksum */
        put16(frame + 34, any(65536));
        put16(frame + 36, any(3) == 0 ? 53 : any(3) == 0 ? 67 : any(65536));
        put16(frame + 38, size);
        put16(frame + 40, 0);
        return ip(frame, 17, size);
    case 2: /* TCP with any flags and options; most checksums are wrong */
        put16(frame + 34, any(65536));
        put16(frame + 36, any(65536));
        frame[46] = (uint8_t)(any(11) + 5) << 4;
        frame[47] = (uint8_t)any(256);
        return ip(frame, 6, 20 + size);
    case 3: frame[34] = 8; return ip(frame, 1, size); /* ICMP */
    case 4: return ip(frame, any(256), size);
    default: return 14 + any(NET_FRAME_MAX - 14); /* nothing */
    }
}

static void spoil(uint8_t *frame, unsigned *length)
{
    for (unsigned n = any(4); n > 0; n--)
        frame[12 + any(60)] = (uint8_t)any(256);
    if (any(8) == 0)
        *length = NET_FRAME_MIN + any(*length - NET_FRAME_MIN + 1);
}

/* --- floods ----------------------------------------------------------------------------------- */

/* CPU time of a process: what the helper needs for so many frames says more than how busy the host
 * is. */
static double cpu_seconds(pid_t pid)
{
    clockid_t clock;
    struct timespec time = { 0 };
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void report(const char *kind, uint64_t count, gint64 us, gint64 answer_us, pid_t pid)
{
    printf("FLOOD %s frames=%" G_GUINT64_FORMAT
           " per_second=%.0f per_cpu_second=%.0f answer_us=%" G_GINT64_FORMAT " alive=%d\n",
           kind, count, (double)count / ((double)us / 1e6), (double)count / cpu_seconds(pid),
           answer_us, waitpid(pid, NULL, WNOHANG) == 0);
}

static NetMessage *make_pool(void)
{
    NetMessage *pool = g_new(NetMessage, POOL);
    uint8_t frame[NET_FRAME_MAX];
    for (unsigned i = 0; i < POOL; i++) {
        unsigned length = make(frame, any(TEMPLATES));
        spoil(frame, &length);
        net_message_init(&pool[i], NET_FRAME, 0, 0, frame, length);
    }
    return pool;
}

static void flood_from_guest(Helper *helper, gint64 seconds)
{
    uint8_t frame[NET_FRAME_MAX];
    NetMessage message;
    uint64_t count = 0;
    g_autofree NetMessage *pool = make_pool();
    set_up(helper);
    gint64 began = g_get_monotonic_time();
    while (g_get_monotonic_time() - began < seconds * 1000000) {
        tell_many(helper, pool + any(POOL - PACKET_BATCH));
        forget_answers(helper);
        count += PACKET_BATCH;
    }
    net_message_init(&message, NET_FRAME, 0, 0, frame, arp(frame));
    if (!tell(helper, &message, -1))
        die("the helper has gone");
    gint64 answer_us = await_frame(helper, own, sizeof own); /* it has had all of them */
    report("guest", count, g_get_monotonic_time() - began, answer_us, helper->pid);
}

/* A machine that takes all frames, in a process of its own, until it is killed. */
static pid_t drain(Helper *helper)
{
    pid_t pid = fork();
    while (pid == 0) {
        struct pollfd polled = { .fd = helper->machine, .events = POLLIN };
        poll(&polled, 1, 100);
        forget_answers(helper);
    }
    return pid;
}

/* Frames of any bytes after lengths that are too small, good and too large, again and again. */
static gsize make_stream(uint8_t *stream, gsize room, uint64_t *count)
{
    gsize size = 0;
    for (*count = 0; size + 4 + 2000 <= room; (*count)++) {
        unsigned length = any(4) ? any(120) : any(2000);
        put16(stream + size, 0);
        put16(stream + size + 2, length);
        for (unsigned i = 0; i < length; i++)
            stream[size + 4 + i] = (uint8_t)any(256);
        size += 4 + length;
    }
    return size;
}

static void flood_from_peer(Helper *helper, gint64 seconds)
{
    static uint8_t stream[4 << 20];
    static const uint8_t good[64] = {
        0, 0, 0, 60, 'a', ' ', 'g', 'o', 'o', 'd', ' ', 'o', 'n', 'e'
    };
    NetMessage message;
    uint64_t count, total = 0;
    gsize size = make_stream(stream, sizeof stream, &count);
    int line[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, line) < 0)
        die("sockets");
    set_up(helper);
    net_message_init(&message, NET_LINE, 0, 0, NULL, 0);
    g_usleep(100000); /* the helper wants it first */
    if (!net_message_send(helper->daemon, &message, line[1], NULL))
        die("line");
    close(line[1]);
    gint64 began = g_get_monotonic_time();
    pid_t reader = drain(helper);
    while (g_get_monotonic_time() - began < seconds * 1000000) {
        for (gsize at = 0; at < size;) {
            ssize_t n = write(line[0], stream + at, size - at);
            if (n < 0)
                die("the line has gone");
            at += (gsize)n;
        }
        total += count;
    }
    gint64 us = g_get_monotonic_time() - began;
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    if (write(line[0], good, sizeof good) != sizeof good)
        die("the line has gone");
    report("peer", total, us, await_frame(helper, good + 4, 60), helper->pid);
}

int main(int argc, char **argv)
{
    Helper helper = { 0 };
    signal(SIGPIPE, SIG_IGN);
    if (argc != 4) {
        fprintf(stderr, "usage: net-flood PROGRAM guest|peer SECONDS\n");
        return 2;
    }
    bool is_guest = strcmp(argv[2], "guest") == 0;
    start(&helper, argv[1], is_guest ? "0,user" : "0,wire");
    (is_guest ? flood_from_guest : flood_from_peer)(&helper, atoi(argv[3]));
    kill(helper.pid, SIGKILL);
    return 0;
}
