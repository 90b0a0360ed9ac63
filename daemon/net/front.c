/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Networks of one machine: for each nic an instance of libslirp or a line to the other end of its
 * wire; one thread, one loop.
 *
 * 1. A network exists from SETUP to TEARDOWN. In a replay there is none. A line that is lost is
 *    asked for again; whether there is one is what the machine makes of its cable.
 * 2. Time is the machine's: libslirp's timers follow the published virtual time, and while that
 *    stands nothing is taken from the network.
 * 3. Frames that the machine does not take wait here, at most WAITING_MAX of each nic; while any
 *    waits, or the machine wants none, that nic's sockets are not read. So a slow guest slows its
 *    peers by TCP's own means. Nics take turns: one whose peers flood it costs the others nothing
 *    but their share.
 * 4. Every frame of the guest passes the filter (filter.c) before libslirp sees it. What goes over
 *    a line is another machine's to judge.
 */

#include "daemon/net/front.h"

#include "daemon/net/filter.h"
#include "daemon/net/line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETWORK       0x0a000200u /* 10.0.2.0/24, as QEMU's users know it */
#define NETWORK_MASK  0xffffff00u
#define GATEWAY       (NETWORK | 2)
#define NAME_SERVER   (NETWORK | 3)
#define FIRST_GUEST   (NETWORK | 15)
#define WAITING_MAX   256u
#define ROUNDS_MAX    4   /* of messages from the machine, before the network has its turn */
#define STOPPED_MS    100 /* how often a stopped clock is looked at */
#define PORT_ATTEMPTS 16

typedef struct Front Front;

typedef struct {
    Front *front;
    unsigned number;
    const uint64_t *clock; /* the machine's page; NULL before SETUP */
    int64_t now_ns;        /* the last that was read: time never goes back */
    Slirp *slirp;          /* of FRONT_USER */
    Line *line;            /* of the others; NULL while nobody is at the other end */
    GQueue waiting;        /* of NetMessage: frames to the machine */
    bool is_held;          /* the machine wants none of them now */
    int polled;            /* index of the line's entry, or -1 */
} Nic;

struct Front {
    int socket, daemon;
    bool is_over;
    Nic nic[NET_NICS];
    FrontPolicy policy[NET_NICS];
    GQueue waiting; /* of NetMessage: to the machine, but for frames */
    unsigned turn;  /* the nic whose frame goes next, if it has one */
    GArray *polled; /* of struct pollfd; the first two are the machine's socket and the daemon's */
    NetMessage taken[PACKET_BATCH]; /* at once */
};

#define POLLED_DAEMON 1

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t clock_word(const Nic *nic)
{
    return __atomic_load_n(nic->clock, __ATOMIC_RELAXED);
}

static int64_t clock_get(void *opaque)
{
    Nic *nic = opaque;
    int64_t now = net_clock_ns(clock_word(nic), g_get_monotonic_time() * 1000);
    nic->now_ns = MAX(nic->now_ns, now);
    return nic->now_ns;
}

static bool is_running(const Nic *nic)
{
    return nic->clock && clock_word(nic) & 1;
}

/* Timers are IPv6's only, which is off. */
static void *timer_new(SlirpTimerCb callback, void *data, void *opaque)
{
    return g_malloc0(1);
}

static void timer_free(void *timer, void *opaque)
{
    g_free(timer);
}

static void timer_mod(void *timer, int64_t expires, void *opaque)
{
}

/* --- to the machine --------------------------------------------------------------------------- */

/* The queue whose first message goes next, or NULL. */
static GQueue *next_queue(Front *front)
{
    if (!g_queue_is_empty(&front->waiting))
        return &front->waiting;
    for (unsigned i = 0; i < NET_NICS; i++) {
        Nic *nic = &front->nic[(front->turn + i) % NET_NICS];
        if (!nic->is_held && !g_queue_is_empty(&nic->waiting)) {
            front->turn = nic->number;
            return &nic->waiting;
        }
    }
    return NULL;
}

static void send_waiting(Front *front)
{
    GQueue *queue;
    bool full = false;
    while ((queue = next_queue(front))) {
        if (!net_message_send(front->socket, g_queue_peek_head(queue), -1, &full) && full)
            return;
        g_free(g_queue_pop_head(queue));
        front->turn += queue != &front->waiting;
    }
}

static void enqueue(GQueue *queue, const NetMessage *message)
{
    g_queue_push_tail(queue, g_memdup2(message, NET_HEADER_SIZE + message->length));
}

/* Anything but a frame. */
static void tell(Front *front, const NetMessage *message)
{
    enqueue(&front->waiting, message);
    send_waiting(front);
}

static bool is_blocked(const Nic *nic)
{
    return nic->is_held || nic->waiting.length > 0;
}

static void send_frame(Nic *nic, const NetMessage *message)
{
    Front *front = nic->front;
    bool full = false;
    if (!next_queue(front) && !nic->is_held &&
        (net_message_send(front->socket, message, -1, &full) || !full))
        return;
    if (nic->waiting.length < WAITING_MAX)
        enqueue(&nic->waiting, message);
}

static ssize_t send_packet(const void *frame, size_t length, void *opaque)
{
    Nic *nic = opaque;
    NetMessage message;
    if (length >= NET_FRAME_MIN && length <= NET_FRAME_MAX) {
        net_message_init(&message, NET_FRAME, nic->number, 0, frame, length);
        send_frame(nic, &message);
    }
    return (ssize_t)length;
}

static void tell_switch(Nic *nic, NetMessageType type, bool is_on)
{
    NetSwitch body = { .is_on = is_on };
    NetMessage message;
    net_message_init(&message, type, nic->number, 0, &body, sizeof body);
    if (type == NET_LINK)
        tell(nic->front, &message);
    else
        net_message_send(nic->front->daemon, &message, -1, NULL);
}

static void guest_error(const char *text, void *opaque)
{
    g_debug("%s", text);
}

static void ignore_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = ignore_fd,
    .unregister_poll_fd = ignore_fd,
    .notify = notify,
};

/* --- networks --------------------------------------------------------------------------------- */

static struct in_addr address(uint32_t value)
{
    return (struct in_addr){ htonl(value) };
}

/* A frame from the other end of a wire. */
static void take_line_frame(const void *frame, gsize length, void *data)
{
    send_packet(frame, length, data);
}

static void lose_line(Nic *nic)
{
    g_clear_pointer(&nic->line, line_free);
    tell_switch(nic, NET_LINK, false);
    tell_switch(nic, NET_WANT, true);
}

/* Takes FD. */
static void set_line(Nic *nic, int fd)
{
    FrontKind kind = nic->front->policy[nic->number].kind;
    if (!nic->clock || nic->line || kind == FRONT_USER) {
        close(fd); /* nobody wants it any more */
        return;
    }
    nic->line = line_new(fd, kind == FRONT_TAP ? LINE_PACKETS : LINE_STREAM);
    tell_switch(nic, NET_LINK, true);
}

static void tear_down(Nic *nic)
{
    if (!nic->clock)
        return;
    if (nic->slirp)
        slirp_cleanup(nic->slirp);
    else
        tell_switch(nic, NET_WANT, false);
    if (nic->line)
        tell_switch(nic, NET_LINK, false);
    g_clear_pointer(&nic->line, line_free);
    g_queue_clear_full(&nic->waiting, g_free);
    nic->is_held = false;
    munmap((void *)nic->clock, NET_CLOCK_SIZE);
    nic->slirp = NULL;
    nic->clock = NULL;
    nic->now_ns = 0;
}

static Slirp *new_slirp(Nic *nic, const FrontPolicy *policy)
{
    SlirpConfig config = {
        .version = 3,
        .restricted = policy->is_restricted,
        .in_enabled = true,
        .vnetwork = address(NETWORK),
        .vnetmask = address(NETWORK_MASK),
        .vhost = address(GATEWAY),
        .vdhcp_start = address(FIRST_GUEST),
        .vnameserver = address(NAME_SERVER),
        .disable_host_loopback = !policy->has_loopback,
    };
    return slirp_new(&config, &callbacks, nic);
}

/* Takes FD. */
static void set_up(Nic *nic, int fd)
{
    const FrontPolicy *policy = &nic->front->policy[nic->number];
    tear_down(nic);
    void *page = policy->kind == FRONT_NONE
                     ? MAP_FAILED
                     : mmap(NULL, NET_CLOCK_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) {
        g_warning("nic %u gets no network", nic->number);
        return;
    }
    nic->clock = page;
    if (policy->kind == FRONT_USER)
        nic->slirp = new_slirp(nic, policy);
    else
        tell_switch(nic, NET_WANT, true);
}

static uint16_t free_port(const NetForward *forward)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = forward->host_address };
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, (forward->is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&name, length) == 0 &&
                getsockname(fd, (struct sockaddr *)&name, &length) == 0;
    if (fd >= 0)
        close(fd);
    return good ? ntohs(name.sin_port) : 0;
}

/* libslirp does not say which port it got, so a free one is looked for and then asked for. */
static int add_forward(Nic *nic, const NetForward *forward, uint16_t *port)
{
    struct in_addr host = { forward->host_address }, guest = { forward->guest_address };
    int code = EINVAL;
    for (unsigned i = 0; i < PORT_ATTEMPTS; i++) {
        *port = forward->host_port ? forward->host_port : free_port(forward);
        errno = EADDRNOTAVAIL;
        if (*port && slirp_add_hostfwd(nic->slirp, forward->is_udp != 0, host, *port, guest,
                                       forward->guest_port) == 0)
            return 0;
        code = errno ? errno : EIO;
        if (forward->host_port || code != EADDRINUSE)
            break;
    }
    *port = 0;
    return code;
}

static void forward(Nic *nic, const NetMessage *message)
{
    NetForward wish;
    NetResult result = { .code = ENETDOWN };
    NetMessage answer;
    memcpy(&wish, message->data, sizeof wish);
    if (nic->slirp && message->type == NET_FORWARD) {
        result.code = add_forward(nic, &wish, &result.port);
    } else if (nic->slirp) {
        struct in_addr host = { wish.host_address };
        result.port = wish.host_port;
        result.code = slirp_remove_hostfwd(nic->slirp, wish.is_udp != 0, host, wish.host_port) == 0
                          ? 0
                          : ENOENT;
    }
    net_message_init(&answer, NET_RESULT, nic->number, message->id, &result, sizeof result);
    tell(nic->front, &answer);
}

static void take_frame(Nic *nic, NetMessage *message)
{
    size_t length = message->length;
    if (nic->slirp && filter_frame(message->data, &length, NETWORK, NETWORK_MASK))
        slirp_input(nic->slirp, message->data, (int)length);
    else if (nic->line && !line_send(nic->line, message->data, length))
        lose_line(nic);
}

static void set_flow(Nic *nic, const NetMessage *message)
{
    NetSwitch body;
    memcpy(&body, message->data, sizeof body);
    nic->is_held = nic->clock && !body.is_on;
    send_waiting(nic->front);
}

static void take_message(Front *front, NetMessage *message, int fd)
{
    Nic *nic = &front->nic[message->nic];
    switch (message->type) {
    case NET_SETUP: set_up(nic, fd); break;
    case NET_TEARDOWN: tear_down(nic); break;
    case NET_FRAME: take_frame(nic, message); break;
    case NET_LINE: close(fd); break; /* the daemon's to give */
    case NET_FLOW: set_flow(nic, message); break;
    default: forward(nic, message); break;
    }
}

static void take_daemons_message(Front *front)
{
    NetMessage message;
    int fd;
    switch (net_message_receive(front->daemon, &message, true, &fd, NULL)) {
    case PACKET_RECEIVED:
        if (message.type == NET_LINE)
            set_line(&front->nic[message.nic], fd);
        else if (fd >= 0)
            close(fd);
        break;
    case PACKET_NONE_YET: break;
    default: /* its lines stay */ close(front->daemon); front->daemon = -1;
    }
}

/* False when there are no more for now. */
static bool take_messages(Front *front)
{
    g_autoptr(GError) error = NULL;
    int fds[PACKET_BATCH];
    PacketResult end;
    unsigned count = net_message_receive_many(front->socket, front->taken, fds, PACKET_BATCH, true,
                                              &end, &error);
    for (unsigned i = 0; i < count; i++)
        take_message(front, &front->taken[i], fds[i]);
    if (end == PACKET_WRONG)
        g_warning("%s", error->message);
    front->is_over = end == PACKET_WRONG || end == PACKET_CLOSED;
    return end == PACKET_RECEIVED;
}

/* --- the loop --------------------------------------------------------------------------------- */

static int add_poll(int fd, int events, void *opaque)
{
    Front *front = opaque;
    struct pollfd entry = { .fd = fd };
    entry.events =
        (short)((events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                (events & SLIRP_POLL_PRI ? POLLPRI : 0));
    g_array_append_val(front->polled, entry);
    return (int)front->polled->len - 1;
}

static int get_revents(int index, void *opaque)
{
    Front *front = opaque;
    short events = g_array_index(front->polled, struct pollfd, index).revents;
    return (events & POLLIN ? SLIRP_POLL_IN : 0) | (events & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & POLLPRI ? SLIRP_POLL_PRI : 0) | (events & POLLERR ? SLIRP_POLL_ERR : 0) |
           (events & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void poll_line(Front *front, Nic *nic, bool may_read)
{
    int events = (may_read ? SLIRP_POLL_IN : 0) | (line_is_behind(nic->line) ? SLIRP_POLL_OUT : 0);
    nic->polled = add_poll(line_fd(nic->line), events, front);
}

static void serve_line(Front *front, Nic *nic)
{
    struct pollfd *entry = &g_array_index(front->polled, struct pollfd, nic->polled);
    bool good = true;
    if (entry->revents & POLLOUT)
        good = line_flush(nic->line);
    if (good && entry->revents & POLLIN)
        good = line_receive(nic->line, take_line_frame, nic);
    else if (entry->revents & (POLLHUP | POLLERR | POLLNVAL))
        good = false;
    if (!good)
        lose_line(nic);
}

/* Which networks of libslirp take part in this round, as bits. */
static unsigned fill_polled(Front *front, uint32_t *timeout_ms)
{
    unsigned part = 0;
    g_array_set_size(front->polled, 0);
    add_poll(front->socket, SLIRP_POLL_IN | (next_queue(front) ? SLIRP_POLL_OUT : 0), front);
    add_poll(front->daemon, SLIRP_POLL_IN, front);
    *timeout_ms = UINT32_MAX;
    for (unsigned i = 0; i < NET_NICS; i++) {
        Nic *nic = &front->nic[i];
        bool runs = is_running(nic), may_read = runs && !is_blocked(nic);
        nic->polled = -1;
        if (nic->line) {
            poll_line(front, nic, may_read);
        } else if (nic->slirp && may_read) {
            slirp_pollfds_fill(nic->slirp, timeout_ms, add_poll, front);
            part |= 1u << i;
        }
        if (nic->clock && !runs)
            *timeout_ms = MIN(*timeout_ms, STOPPED_MS);
    }
    return part;
}

static void run_once(Front *front)
{
    uint32_t timeout_ms;
    unsigned part = fill_polled(front, &timeout_ms);
    int n = poll((struct pollfd *)(void *)front->polled->data, front->polled->len,
                 timeout_ms == UINT32_MAX ? -1 : (int)timeout_ms);
    for (unsigned i = 0; i < NET_NICS; i++) {
        if (part >> i & 1)
            slirp_pollfds_poll(front->nic[i].slirp, n < 0, get_revents, front);
        else if (front->nic[i].polled >= 0 && n > 0)
            serve_line(front, &front->nic[i]);
    }
    send_waiting(front);
    if (g_array_index(front->polled, struct pollfd, POLLED_DAEMON).revents && n > 0)
        take_daemons_message(front);
    for (unsigned i = 0; i < ROUNDS_MAX && take_messages(front); i++) {}
}

void front_run(int socket, int daemon, const FrontPolicy policy[NET_NICS])
{
    Front front = { .socket = socket, .daemon = daemon };
    g_queue_init(&front.waiting);
    front.polled = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
    for (unsigned i = 0; i < NET_NICS; i++) {
        front.nic[i] = (Nic){ .front = &front, .number = i, .polled = -1 };
        front.policy[i] = policy[i];
    }
    while (!front.is_over)
        run_once(&front);
    for (unsigned i = 0; i < NET_NICS; i++)
        tear_down(&front.nic[i]);
    g_queue_clear_full(&front.waiting, g_free);
    g_array_unref(front.polled);
}
