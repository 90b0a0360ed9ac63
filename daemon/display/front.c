/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The helper's main thread: accepts viewers, reads what they say (rfb.c), passes pictures from the
 * library to them, and speaks with the machine.
 *
 * 1. Nobody is waited for. A viewer who does not read is sent no new pictures, and loses his place
 *    when too much waits for him; one who says too little loses it after LOGIN_MS.
 * 2. Nothing reaches the library before a viewer has come in, and then whole messages only.
 * 3. Input that the machine cannot take now stays in the viewer's socket: it is late, never lost,
 *    never out of order.
 */

#include "daemon/display/front.h"

#include "api/display-message.h"
#include "daemon/display/rfb.h"
#include "daemon/display/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define VIEWERS_MAX  16u
#define LOGIN_MS     10000
#define READ_SIZE    4096u
#define OUT_PAUSE    (512u << 10) /* bytes that wait for a viewer: no pictures meanwhile */
#define OUT_MAX      (32u << 20)
#define ACCEPT_EVERY 50 /* ms between two connections, when they come in a crowd */
#define ACCEPT_BURST 16
#define TRIES_MAX    5
#define LOCK_OUT_MS  60000
#define EVENTS_SEC   1000 /* of input, for each viewer */
#define EVENTS_BURST 16   /* a guest's evdev holds 64 for whoever reads it, two a key */
#define RETRY_MS     10
#define TOKENS_MAX   16u /* that are good at the same time */

typedef struct {
    Front *front;
    unsigned number; /* to the machine: 1 to VIEWERS_MAX */
    int socket;
    int library; /* our end of the pair; -1 before the viewer has come in */
    RfbPeer peer;
    bool is_web; /* a web page: web stands between the socket and peer */
    WebPeer web;
    GByteArray *out; /* to the viewer */
    gsize out_sent;
    GByteArray *to_library;
    gsize greeting_left; /* of the library's own greeting, which the viewer does not get */
    gint64 deadline;     /* to come in */
    double events;       /* that he may still send */
    gint64 events_at;    /* when they were counted */
    bool has_joined, is_gone, input_waits;
    uint8_t unread[READ_SIZE]; /* what the machine could not take yet */
    gsize unread_length;
    char from[DISPLAY_TEXT_SIZE];
} Viewer;

typedef struct {
    char token[DISPLAY_TEXT_SIZE]; /* empty: none */
    char origin[DISPLAY_ORIGIN_SIZE];
    gint64 until;
} Token;

struct Front {
    Library *library;
    int machine, listener, web;
    RfbDoor door;
    WebDoor web_door;
    Token token[TOKENS_MAX];
    Viewer *viewer[VIEWERS_MAX];
    unsigned tries; /* wrong passwords in a row */
    gint64 locked_until;
    double accepts;
    gint64 accepts_at;
    unsigned done_pending; /* screens and rows that the library works on */
    bool has_screen, machine_is_gone;
};

static gint64 now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

/* Tokens that come RATE a second up to CAPACITY. */
static void refill(double *tokens, gint64 *at, double rate, double capacity)
{
    gint64 now = now_ms();
    *tokens = MIN(capacity, *tokens + (double)(now - *at) * rate / 1000);
    *at = now;
}

/* --- the door --------------------------------------------------------------------------------- */

static bool may_try(void *user)
{
    return now_ms() >= ((Front *)user)->locked_until;
}

static void has_tried(void *user, bool good)
{
    Front *front = user;
    front->tries = good ? 0 : front->tries + 1;
    if (front->tries >= TRIES_MAX) {
        front->tries = 0;
        front->locked_until = now_ms() + LOCK_OUT_MS;
    }
}

/* A token is spent by whoever shows it, be it from the wrong page. */
static bool admit(void *user, const char *token, const char *origin)
{
    Front *front = user;
    for (unsigned i = 0; i < TOKENS_MAX; i++) {
        Token *known = &front->token[i];
        if (!known->token[0] || strcmp(token, known->token))
            continue;
        bool good = !strcmp(origin, known->origin) && now_ms() < known->until;
        explicit_bzero(known, sizeof *known);
        return good;
    }
    return false;
}

/* In the place of the one that ends first, if there is no other. */
static void add_token(Front *front, DisplayMessage *message)
{
    Token *place = &front->token[0];
    for (unsigned i = 1; i < TOKENS_MAX && place->token[0]; i++)
        if (!front->token[i].token[0] || front->token[i].until < place->until)
            place = &front->token[i];
    memcpy(place->token, message->text, sizeof place->token);
    memcpy(place->origin, message->origin, sizeof place->origin);
    place->until = now_ms() + (gint64)message->value * 1000;
    explicit_bzero(message->text, sizeof message->text);
}

static void random_bytes(uint8_t *bytes, gsize length)
{
    ssize_t n = getrandom(bytes, length, 0);
    g_assert(n == (ssize_t)length); /* up to 256 bytes come whole */
}

/* --- input ------------------------------------------------------------------------------------ */

static bool tell_machine(Viewer *viewer, const DisplayMessage *message)
{
    refill(&viewer->events, &viewer->events_at, EVENTS_SEC, EVENTS_BURST);
    bool sent = viewer->events >= 1 && display_message_send(viewer->front->machine, message, -1);
    viewer->events -= sent;
    viewer->input_waits = !sent;
    return sent;
}

static bool on_key(void *user, uint32_t keysym, bool down)
{
    Viewer *viewer = user;
    DisplayMessage message = display_message(DISPLAY_KEY);
    message.client = viewer->number;
    message.value = keysym;
    message.x = down;
    return tell_machine(viewer, &message);
}

static bool on_pointer(void *user, uint16_t x, uint16_t y, uint8_t buttons)
{
    Viewer *viewer = user;
    DisplayMessage message = display_message(DISPLAY_POINTER);
    message.client = viewer->number;
    message.x = x;
    message.y = y;
    message.value = buttons;
    return tell_machine(viewer, &message);
}

/* --- to the viewer --------------------------------------------------------------------------- */

static gsize out_waiting(const Viewer *viewer)
{
    return viewer->out->len - viewer->out_sent;
}

static void move_all(GByteArray *from, GByteArray *to)
{
    g_byte_array_append(to, from->data, from->len);
    g_byte_array_set_size(from, 0);
}

static void say(Viewer *viewer, const uint8_t *bytes, gsize length)
{
    if (viewer->is_web)
        web_wrap(viewer->out, bytes, length);
    else
        g_byte_array_append(viewer->out, bytes, (guint)length);
}

/* What rfb.c answers. A page hears nothing of it before it has come in. */
static void say_reply(Viewer *viewer)
{
    if (viewer->is_web && !web_is_open(&viewer->web))
        return;
    say(viewer, viewer->peer.reply->data, viewer->peer.reply->len);
    g_byte_array_set_size(viewer->peer.reply, 0);
}

static void send_out(Viewer *viewer)
{
    gsize waiting = out_waiting(viewer);
    if (!waiting)
        return;
    ssize_t n = send(viewer->socket, viewer->out->data + viewer->out_sent, waiting,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        viewer->out_sent += (gsize)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        viewer->is_gone = true;
    if (viewer->out_sent == viewer->out->len) {
        g_byte_array_set_size(viewer->out, 0);
        viewer->out_sent = 0;
    } else if (viewer->out_sent > OUT_PAUSE) {
        g_byte_array_remove_range(viewer->out, 0, (guint)viewer->out_sent);
        viewer->out_sent = 0;
    }
}

/* --- viewers ---------------------------------------------------------------------------------- */

static void describe_peer(int socket, char *out, gsize size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_storage storage;
    } address;
    socklen_t length = sizeof address;
    struct ucred who;
    socklen_t who_length = sizeof who;
    g_strlcpy(out, "unknown", size);
    if (getpeername(socket, &address.any, &length) < 0)
        return;
    if (address.any.sa_family == AF_INET) {
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &address.in.sin_addr, text, sizeof text);
        g_snprintf(out, size, "%s:%u", text, ntohs(address.in.sin_port));
    } else if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &who_length) == 0) {
        g_snprintf(out, size, "unix:pid=%d,uid=%u", who.pid, who.uid);
    }
}

/* The machine must hear of it, as long as it is there: whatever he holds down is released then. */
static void tell_leave(const Viewer *viewer)
{
    DisplayMessage message = display_message(DISPLAY_LEAVE);
    struct pollfd wait = { .fd = viewer->front->machine, .events = POLLOUT };
    message.client = viewer->number;
    while (!display_message_send(viewer->front->machine, &message, -1) &&
           !(wait.revents & (POLLERR | POLLHUP)))
        poll(&wait, 1, -1);
}

static void viewer_free(Viewer *viewer)
{
    Front *front = viewer->front;
    if (viewer->has_joined)
        tell_leave(viewer);
    front->viewer[viewer->number - 1] = NULL;
    rfb_clear(&viewer->peer);
    web_clear(&viewer->web);
    g_byte_array_unref(viewer->out);
    g_byte_array_unref(viewer->to_library);
    close(viewer->socket);
    if (viewer->library >= 0)
        close(viewer->library);
    g_free(viewer);
}

static void viewer_new(Front *front, unsigned slot, int socket, bool is_web)
{
    Viewer *viewer = g_new0(Viewer, 1);
    viewer->front = front;
    viewer->number = slot + 1;
    viewer->socket = socket;
    viewer->library = -1;
    viewer->is_web = is_web;
    viewer->out = g_byte_array_new();
    viewer->to_library = g_byte_array_new();
    viewer->deadline = now_ms() + LOGIN_MS;
    viewer->events = EVENTS_BURST;
    viewer->events_at = now_ms();
    describe_peer(socket, viewer->from, sizeof viewer->from);
    rfb_init(&viewer->peer, &front->door);
    web_init(&viewer->web, &front->web_door);
    viewer->peer.key = on_key;
    viewer->peer.pointer = on_pointer;
    viewer->peer.user = viewer;
    front->viewer[slot] = viewer;
    say_reply(viewer);
    send_out(viewer);
}

static bool join(Viewer *viewer)
{
    int pair[2];
    DisplayMessage message = display_message(DISPLAY_JOIN);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return false;
    viewer->library = pair[0];
    viewer->greeting_left = RFB_LIBRARY_GREETING;
    message.client = viewer->number;
    message.value = viewer->is_web;
    display_message_set_text(&message, viewer->from);
    viewer->has_joined = display_message_send(viewer->front->machine, &message, -1);
    if (!viewer->has_joined) {
        close(pair[1]);
        return false;
    }
    /* The library sees the first bytes at once, else it waits for a web page to say something. */
    ssize_t n = send(pair[0], viewer->to_library->data, viewer->to_library->len, MSG_NOSIGNAL);
    if (n > 0)
        g_byte_array_remove_range(viewer->to_library, 0, (guint)n);
    library_add_viewer(viewer->front->library, pair[1]);
    return true;
}

/* --- moving bytes ----------------------------------------------------------------------------- */

static void send_to_library(Viewer *viewer)
{
    if (viewer->library < 0 || !viewer->to_library->len || out_waiting(viewer) > OUT_PAUSE)
        return;
    ssize_t n = send(viewer->library, viewer->to_library->data, viewer->to_library->len,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        g_byte_array_remove_range(viewer->to_library, 0, (guint)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        viewer->is_gone = true;
}

static void take_picture(Viewer *viewer)
{
    uint8_t bytes[65536];
    ssize_t n = recv(viewer->library, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        viewer->is_gone = true;
    if (n <= 0)
        return;
    gsize skipped = MIN((gsize)n, viewer->greeting_left);
    viewer->greeting_left -= skipped;
    say(viewer, bytes + skipped, (gsize)n - skipped);
    if (out_waiting(viewer) > OUT_MAX)
        viewer->is_gone = true;
}

/* What the viewer said, and what follows from it. */
static void digest(Viewer *viewer)
{
    gsize used = rfb_feed(&viewer->peer, viewer->unread, viewer->unread_length);
    viewer->unread_length -= used;
    memmove(viewer->unread, viewer->unread + used, viewer->unread_length);
    say_reply(viewer);
    move_all(viewer->peer.forward, viewer->to_library);
    if (viewer->peer.state >= RFB_STATE_NORMAL && viewer->peer.state != RFB_STATE_DEAD &&
        !viewer->has_joined && !join(viewer))
        viewer->is_gone = true;
    send_out(viewer);
    if (viewer->peer.state == RFB_STATE_DEAD || viewer->web.state == WEB_STATE_DEAD)
        viewer->is_gone = true; /* after the reason was sent */
    send_to_library(viewer);
}

/* Of LENGTH bytes that were read after the unread ones, those that are messages of the viewer. */
static gsize take_wrapping(Viewer *viewer, gsize length)
{
    uint8_t *bytes = viewer->unread + viewer->unread_length;
    if (!viewer->is_web)
        return length;
    gsize given = web_feed(&viewer->web, bytes, length, bytes);
    move_all(viewer->web.reply, viewer->out);
    return given;
}

static void listen_to(Viewer *viewer)
{
    ssize_t n = recv(viewer->socket, viewer->unread + viewer->unread_length,
                     READ_SIZE - viewer->unread_length, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        viewer->is_gone = true;
    if (n > 0) {
        viewer->unread_length += (gsize)take_wrapping(viewer, (gsize)n);
        digest(viewer);
    }
}

/* --- connections ------------------------------------------------------------------------------ */

static void accept_viewer(Front *front, int listener)
{
    unsigned slot = 0;
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    front->accepts -= 1;
    while (slot < VIEWERS_MAX && front->viewer[slot])
        slot++;
    if (slot == VIEWERS_MAX)
        close(socket);
    else
        viewer_new(front, slot, socket, listener == front->web);
}

static bool may_accept(Front *front)
{
    refill(&front->accepts, &front->accepts_at, 1000.0 / ACCEPT_EVERY, ACCEPT_BURST);
    return front->has_screen && front->accepts >= 1;
}

/* --- the machine ------------------------------------------------------------------------------ */

static void set_lock(Front *front, DisplayMessage *message)
{
    static const RfbLock locks[] = { [DISPLAY_LOCK_OPEN] = RFB_OPEN,
                                     [DISPLAY_LOCK_PASSWORD] = RFB_PASSWORD,
                                     [DISPLAY_LOCK_CLOSED] = RFB_CLOSED };
    front->door.lock = locks[message->value];
    memset(front->door.password, 0, sizeof front->door.password);
    memcpy(front->door.password, message->text, RFB_PASSWORD_MAX);
    explicit_bzero(message->text, sizeof message->text);
}

static void take_screen(Front *front, const DisplayMessage *message, int fd)
{
    g_autoptr(GError) error = NULL;
    if (library_set_screen(front->library, fd, message->width, message->height, &error)) {
        front->has_screen = true;
        return;
    }
    fprintf(stderr, "powerplay-display: %s\n", error->message);
    front->machine_is_gone = true;
}

static void drop(Front *front, unsigned client)
{
    for (unsigned i = 0; i < VIEWERS_MAX; i++)
        if (front->viewer[i] && (!client || client == i + 1))
            front->viewer[i]->is_gone = true;
}

static void take_message(Front *front, DisplayMessage *message, int fd)
{
    switch (message->type) {
    case DISPLAY_SCREEN: take_screen(front, message, fd); break;
    case DISPLAY_DIRTY: library_rows_changed(front->library, message->y, message->height); break;
    case DISPLAY_LOCK: set_lock(front, message); break;
    case DISPLAY_DROP: drop(front, message->client); break;
    case DISPLAY_ADMIT: add_token(front, message); break;
    default: g_assert_not_reached(); /* display_message_check() lets no others through */
    }
}

static void hear_machine(Front *front)
{
    DisplayMessage message;
    g_autoptr(GError) error = NULL;
    int fd;
    switch (display_message_receive(front->machine, &message, true, &fd, &error)) {
    case PACKET_RECEIVED: take_message(front, &message, fd); return;
    case PACKET_NONE_YET: return;
    case PACKET_WRONG: fprintf(stderr, "powerplay-display: %s\n", error->message); break;
    case PACKET_CLOSED: break;
    }
    front->machine_is_gone = true;
}

static void tell_done(Front *front)
{
    uint64_t one;
    DisplayMessage message = display_message(DISPLAY_DRAWN);
    if (read(library_done_fd(front->library), &one, sizeof one) == sizeof one)
        front->done_pending++;
    if (front->done_pending && display_message_send(front->machine, &message, -1))
        front->done_pending--;
}

/* --- the loop --------------------------------------------------------------------------------- */

enum {
    POLL_MACHINE,
    POLL_LISTENER,
    POLL_WEB,
    POLL_DONE,
    POLL_VIEWERS,
    POLL_COUNT = POLL_VIEWERS + 2 * VIEWERS_MAX
};

static void watch_viewer(Viewer *viewer, struct pollfd *fds)
{
    bool reads = !viewer->input_waits && viewer->unread_length < READ_SIZE &&
                 (!viewer->is_web || out_waiting(viewer) <= OUT_PAUSE); /* pings are answered */
    fds[0] = (struct pollfd){ .fd = viewer->socket,
                              .events = (short)((reads ? POLLIN : 0) |
                                                (out_waiting(viewer) ? POLLOUT : 0)) };
    fds[1] = (struct pollfd){ .fd = viewer->library, .events = POLLIN };
}

static int watch(Front *front, struct pollfd *fds)
{
    int timeout = -1;
    bool accepts = may_accept(front);
    fds[POLL_MACHINE] = (struct pollfd){ .fd = front->machine, .events = POLLIN };
    fds[POLL_LISTENER] = (struct pollfd){ .fd = accepts ? front->listener : -1, .events = POLLIN };
    fds[POLL_WEB] = (struct pollfd){ .fd = accepts ? front->web : -1, .events = POLLIN };
    fds[POLL_DONE] = (struct pollfd){ .fd = library_done_fd(front->library), .events = POLLIN };
    if (!accepts && front->has_screen)
        timeout = ACCEPT_EVERY;
    if (front->done_pending)
        timeout = RETRY_MS;
    for (unsigned i = 0; i < VIEWERS_MAX; i++) {
        Viewer *viewer = front->viewer[i];
        struct pollfd *pair = fds + POLL_VIEWERS + 2 * i;
        pair[0].fd = pair[1].fd = -1;
        if (!viewer)
            continue;
        watch_viewer(viewer, pair);
        if (viewer->input_waits)
            timeout = RETRY_MS;
        else if (!viewer->has_joined && (timeout < 0 || timeout > 1000))
            timeout = 1000;
    }
    return timeout;
}

static void serve_viewer(Viewer *viewer, const struct pollfd *fds)
{
    if (viewer->library >= 0 && fds[1].fd == viewer->library && fds[1].revents)
        take_picture(viewer);
    if (viewer->input_waits)
        digest(viewer);
    if (fds[0].revents & POLLIN)
        listen_to(viewer);
    else if (fds[0].revents & (POLLHUP | POLLERR))
        viewer->is_gone = true;
    send_out(viewer);
    send_to_library(viewer);
    if (!viewer->has_joined && now_ms() > viewer->deadline)
        viewer->is_gone = true;
}

static void serve(Front *front, const struct pollfd *fds)
{
    if (fds[POLL_MACHINE].revents)
        hear_machine(front);
    if (fds[POLL_DONE].revents || front->done_pending)
        tell_done(front);
    for (unsigned i = 0; i < VIEWERS_MAX; i++) {
        if (!front->viewer[i])
            continue;
        serve_viewer(front->viewer[i], fds + POLL_VIEWERS + 2 * i);
        if (front->viewer[i]->is_gone)
            viewer_free(front->viewer[i]);
    }
    if (fds[POLL_LISTENER].revents)
        accept_viewer(front, front->listener);
    if (fds[POLL_WEB].revents)
        accept_viewer(front, front->web);
}

Front *front_new(Library *library, int machine, int listener, int web)
{
    Front *front = g_new0(Front, 1);
    front->library = library;
    front->machine = machine;
    front->listener = listener;
    front->web = web;
    front->web_door = (WebDoor){ .admit = admit, .user = front };
    front->accepts_at = now_ms();
    front->accepts = ACCEPT_BURST;
    front->door = (RfbDoor){ .lock = RFB_CLOSED,
                             .encrypt = library_encrypt,
                             .random = random_bytes,
                             .may_try = may_try,
                             .has_tried = has_tried,
                             .user = front };
    return front;
}

void front_run(Front *front)
{
    struct pollfd fds[POLL_COUNT];
    while (!front->machine_is_gone) {
        int timeout = watch(front, fds);
        int ready = poll(fds, POLL_COUNT, timeout);
        g_assert(ready >= 0 || errno == EINTR);
        if (ready >= 0)
            serve(front, fds);
    }
}
