/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The screen's way out, and viewers' hands' way in.
 *
 * Out: a timer asks the machine thread some thirty times a second (twice while nobody views) to
 * copy the rows that were written since the last time into memory that the helper maps read-only.
 * The next copy waits until the helper has drawn the one before. Marks of memory tell what was
 * written; the guest cannot notice that somebody asks.
 *
 * In: keys and pointers of the one viewer who has control become events in the machine's inbox,
 * where they are logged. In a replay the inbox refuses them: viewers watch.
 *
 * 1. The shared memory belongs to the machine thread while `copy_is_out`, else to this one.
 * 2. When a viewer goes, loses control, or his helper dies, what he holds down is released.
 * 3. Whatever the helper sends: it can press keys and move pointers, nothing else.
 * 4. A burst of keys goes on at a pace of the guest's time: however slow it is, its evdev has run.
 */

#include "machine/worker-display.h"

#include "api/display-message.h"
#include "machine/display/scanout.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAME_MS 33
#define IDLE_MS  500
/* Of keys and movements: a guest's evdev holds 64 for a reader that has not run yet, two a key. */
#define HANDS_SEC      1000 /* of the guest's time */
#define HANDS_BURST    4
#define HANDS_WAITING  0u     /* in the inbox, when the next one comes */
#define PATIENCE_US    100000 /* a guest that takes none for so long has no driver */
#define PAUSE_MS       2
#define EXPIRY_LOOK_MS (60 * 1000)
#define BLANK_WIDTH    640
#define BLANK_HEIGHT   480

typedef struct {
    bool is_here, is_web;
    char from[DISPLAY_TEXT_SIZE];
    gint64 since_us;
} Viewer;

/* What the machine thread is asked, and what it answers. */
typedef struct {
    WorkerDisplay *display;
    Scanout scanout;
    bool is_new_size;     /* nothing was copied: other memory is needed */
    unsigned first, rows; /* copied; 0 rows: none */
} Copy;

struct WorkerDisplay {
    Worker *worker;
    int socket; /* -1: no helper */
    GSource *source;
    char *address, *web_path;
    Viewer viewer[DISPLAY_CLIENTS + 1]; /* by number; 0 is none */
    unsigned viewers;
    unsigned controller; /* 0: nobody */
    InputSource hands;   /* of the controller */
    double hands_credit; /* that may still go on */
    gint64 credit_us;    /* when it was counted, by the host's clock */
    gint64 guest_us;     /* likewise, in virtual time */
    gint64 moved_us;     /* when virtual time was seen to go on last, by the host's clock */
    gint64 behind_us;    /* since when too many wait; 0: they do not */
    guint pause;         /* the helper is not heard meanwhile */

    uint32_t *pixels; /* shared with the helper */
    int memory;       /* its memfd, -1 before there is one */
    unsigned width, height;
    Scanout shown;    /* what the pixels are of */
    uint32_t seen;    /* epoch: what was marked up to it has been copied */
    bool copy_is_out; /* the machine thread has been asked */
    bool helper_is_busy;
    bool screen_is_unsent;
    bool lock_is_unsent;
    bool helper_hangs; /* it took no message when there was one last */
    guint timer;

    char *password; /* NULL: none */
    gint64 expires_us;
    guint expiry;
    bool is_freed;
};

static void look_for_news(WorkerDisplay *display);

/* --- to the helper ---------------------------------------------------------------------------- */

/* False if it takes none: it hangs, or has just died. */
static bool tell(WorkerDisplay *display, const DisplayMessage *message, int fd)
{
    bool sent = display->socket >= 0 && display_message_send(display->socket, message, fd);
    if (!sent && display->socket >= 0 && !display->helper_hangs)
        g_warning("display: the helper takes no message of type %u", message->type);
    display->helper_hangs = !sent;
    return sent;
}

static bool is_expired(const WorkerDisplay *display)
{
    return display->expires_us >= 0 && g_get_real_time() >= display->expires_us;
}

/* A TCP port without a password is closed; a unix socket is as open as its file. */
static void tell_lock(WorkerDisplay *display)
{
    DisplayMessage message = display_message(DISPLAY_LOCK);
    bool is_tcp = g_str_has_prefix(display->address ? display->address : "", "tcp:");
    message.value = is_expired(display) ? DISPLAY_LOCK_CLOSED
                    : display->password ? DISPLAY_LOCK_PASSWORD
                    : is_tcp            ? DISPLAY_LOCK_CLOSED
                                        : DISPLAY_LOCK_OPEN;
    if (message.value == DISPLAY_LOCK_PASSWORD)
        display_message_set_text(&message, display->password);
    display->lock_is_unsent = !tell(display, &message, -1);
    explicit_bzero(message.text, sizeof message.text);
}

static void tell_screen(WorkerDisplay *display)
{
    DisplayMessage message = display_message(DISPLAY_SCREEN);
    message.width = display->width;
    message.height = display->height;
    display->helper_is_busy = tell(display, &message, display->memory);
    display->screen_is_unsent = !display->helper_is_busy;
}

/* --- pictures --------------------------------------------------------------------------------- */

static bool make_memory(WorkerDisplay *display, unsigned width, unsigned height)
{
    gsize size = (gsize)width * height * sizeof *display->pixels;
    int fd = memfd_create("screen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *pixels = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED) {
        g_warning("display: no memory for a screen of %ux%u: %s", width, height, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    /* Whoever maps it from now on can only read it. */
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
    if (display->memory >= 0) {
        munmap(display->pixels, (gsize)display->width * display->height * 4);
        close(display->memory);
    }
    display->memory = fd;
    display->pixels = pixels;
    display->width = width;
    display->height = height;
    display->shown = (Scanout){ 0 };
    return true;
}

/* Machine thread. */
static void copy_rows(Copy *copy, Machine *machine)
{
    WorkerDisplay *display = copy->display;
    for (unsigned y = copy->first; y < copy->first + copy->rows; y++)
        scanout_row(&copy->scanout, machine_memory(machine), y,
                    display->pixels + (gsize)y * display->width);
}

/* Machine thread. Marks that come while this copies are of the next epoch: nothing is missed. */
static void execute_copy(Machine *machine, void *data)
{
    Copy *copy = data;
    WorkerDisplay *display = copy->display;
    Memory *memory = machine_memory(machine);
    unsigned last;
    if (!machine_scanout(machine, &copy->scanout) || !copy->scanout.width) {
        copy->scanout = (Scanout){ .width = display->width ? display->width : BLANK_WIDTH,
                                   .height = display->width ? display->height : BLANK_HEIGHT,
                                   .format = SCANOUT_XRGB8888,
                                   .is_blank = true };
    }
    copy->is_new_size =
        copy->scanout.width != display->width || copy->scanout.height != display->height;
    if (copy->is_new_size)
        return;
    uint32_t since = display->seen;
    display->seen = memory_next_epoch(memory);
    if (!scanout_equal(&copy->scanout, &display->shown)) {
        copy->rows = copy->scanout.height;
    } else if (!copy->scanout.is_blank &&
               scanout_dirty_rows(&copy->scanout, memory, since, &copy->first, &last)) {
        copy->rows = last - copy->first + 1;
    }
    display->shown = copy->scanout;
    copy_rows(copy, machine);
}

static gboolean finish_copy(gpointer data)
{
    Copy *copy = data;
    WorkerDisplay *display = copy->display;
    display->copy_is_out = false;
    if (display->is_freed) {
        display_free(display);
    } else if (copy->is_new_size) {
        if (make_memory(display, copy->scanout.width, copy->scanout.height))
            display->screen_is_unsent = true;
        look_for_news(display);
    } else if (display->screen_is_unsent) {
        tell_screen(display);
    } else if (copy->rows && display->socket >= 0) {
        DisplayMessage message = display_message(DISPLAY_DIRTY);
        message.y = copy->first;
        message.height = copy->rows;
        display->helper_is_busy = tell(display, &message, -1);
        if (!display->helper_is_busy)
            display->shown = (Scanout){ 0 }; /* all rows go with the next copy */
    }
    g_free(copy);
    return G_SOURCE_REMOVE;
}

static void copy_and_tell(Machine *machine, void *data)
{
    execute_copy(machine, data);
    g_idle_add_full(G_PRIORITY_DEFAULT, finish_copy, data, NULL);
}

static void look_for_news(WorkerDisplay *display)
{
    if (display->copy_is_out || display->helper_is_busy || display->socket < 0)
        return;
    Copy *copy = g_new0(Copy, 1);
    copy->display = display;
    display->copy_is_out = true;
    inbox_post_task(display->worker->inbox, copy_and_tell, copy, NULL);
}

static gboolean on_frame(gpointer data)
{
    WorkerDisplay *display = data;
    if (display->lock_is_unsent)
        tell_lock(display);
    look_for_news(display);
    return G_SOURCE_CONTINUE;
}

/* While nobody looks the machine is asked now and then, so that whoever comes finds a screen of the
 * right size. */
static void watch_screen(WorkerDisplay *display)
{
    if (display->timer)
        g_source_remove(display->timer);
    display->timer = 0;
    if (display->socket >= 0)
        display->timer = g_timeout_add(display->viewers ? FRAME_MS : IDLE_MS, on_frame, display);
}

/* --- viewers ---------------------------------------------------------------------------------- */

static unsigned oldest_viewer(const WorkerDisplay *display)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i <= DISPLAY_CLIENTS; i++)
        if (display->viewer[i].is_here &&
            (!oldest || display->viewer[i].since_us < display->viewer[oldest].since_us))
            oldest = i;
    return oldest;
}

static void set_controller(WorkerDisplay *display, unsigned client)
{
    input_source_release(&display->hands);
    display->controller = client;
}

static void emit(WorkerDisplay *display, const char *event, unsigned client)
{
    JsonObject *data = json_object_new();
    JsonObject *who = json_object_new();
    json_object_set_string_member(who, "host", display->viewer[client].from);
    json_object_set_int_member(who, "client", client);
    json_object_set_object_member(data, "client", who);
    JsonNode *node = json_node_init_object(json_node_alloc(), data);
    json_object_unref(data);
    api_server_emit(display->worker->server, event, node);
}

static void joined(WorkerDisplay *display, const DisplayMessage *message)
{
    Viewer *viewer = &display->viewer[message->client];
    if (viewer->is_here)
        return;
    *viewer =
        (Viewer){ .is_here = true, .is_web = message->value, .since_us = g_get_monotonic_time() };
    g_strlcpy(viewer->from, message->text, sizeof viewer->from);
    display->viewers++;
    if (!display->controller)
        set_controller(display, message->client);
    watch_screen(display);
    emit(display, "VNC_CONNECTED", message->client);
    emit(display, "VNC_INITIALIZED", message->client);
}

static void left(WorkerDisplay *display, unsigned client)
{
    Viewer *viewer = &display->viewer[client];
    if (!viewer->is_here)
        return;
    viewer->is_here = false;
    display->viewers--;
    if (display->controller == client)
        set_controller(display, oldest_viewer(display));
    watch_screen(display);
    emit(display, "VNC_DISCONNECTED", client);
}

/* A refusal (a replay, a full inbox) is no error of the viewer: he sees that nothing happens. */
static void take_hands(WorkerDisplay *display, const DisplayMessage *message)
{
    g_autoptr(GError) error = NULL;
    if (message->client != display->controller)
        return;
    display->hands_credit -= 1;
    if (message->type == DISPLAY_KEY)
        input_source_keysym(&display->hands, message->value, message->x, &error);
    else
        input_source_pointer(&display->hands, (int32_t)message->x, (int32_t)message->y,
                             display->width, display->height, message->value, &error);
    if (error)
        g_debug("display: input is dropped: %s", error->message);
}

/* --- the line to the helper ------------------------------------------------------------------- */

/* Too many wait for a guest that runs and takes them. */
static bool guest_is_behind(WorkerDisplay *display, gint64 now)
{
    Worker *worker = display->worker;
    if (inbox_waiting_hands(worker->inbox) <= HANDS_WAITING ||
        worker_status(worker).state != MACHINE_RUNNING) {
        display->behind_us = 0;
        return false;
    }
    if (!display->behind_us)
        display->behind_us = now;
    return now - display->behind_us < PATIENCE_US;
}

/* What has passed for the guest since the last time: a slow one gets the same keys in the same time
 * of its own. While it stands, the host's time passes: what comes then is bounded by the inbox. */
static gint64 passed_us(WorkerDisplay *display, gint64 now)
{
    WorkerStatus status = worker_status(display->worker);
    gint64 guest_us = (gint64)(status.position.virtual_ns / 1000);
    gint64 by_guest = guest_us - display->guest_us, by_host = now - display->credit_us;
    if (by_guest)
        display->moved_us = now;
    display->guest_us = guest_us;
    display->credit_us = now;
    bool stands = status.state != MACHINE_RUNNING || now - display->moved_us >= PATIENCE_US;
    return stands ? by_host : MAX(by_guest, 0); /* a snapshot sets it back */
}

/* Whether the next key has to wait a little: it stays in the viewer's socket, late but not lost. */
static bool hands_are_full(WorkerDisplay *display)
{
    gint64 now = g_get_monotonic_time();
    display->hands_credit += (double)passed_us(display, now) * HANDS_SEC / G_USEC_PER_SEC;
    display->hands_credit = MIN(display->hands_credit, HANDS_BURST);
    return display->hands_credit < 1 || guest_is_behind(display, now);
}

static void close_helper(WorkerDisplay *display)
{
    if (display->pause)
        g_source_remove(display->pause);
    display->pause = 0;
    if (display->source) {
        g_source_destroy(display->source);
        g_clear_pointer(&display->source, g_source_unref);
    }
    if (display->socket >= 0)
        close(display->socket);
    display->socket = -1;
}

static void lose_helper(WorkerDisplay *display)
{
    close_helper(display);
    for (unsigned i = 1; i <= DISPLAY_CLIENTS; i++)
        left(display, i);
    watch_screen(display);
}

static void take_message(WorkerDisplay *display, const DisplayMessage *message)
{
    switch (message->type) {
    case DISPLAY_DRAWN: display->helper_is_busy = false; break;
    case DISPLAY_JOIN: joined(display, message); break;
    case DISPLAY_LEAVE: left(display, message->client); break;
    default: take_hands(display, message); break;
    }
}

static void hear_helper(WorkerDisplay *display);

static gboolean end_pause(gpointer data)
{
    WorkerDisplay *display = data;
    if (hands_are_full(display))
        return G_SOURCE_CONTINUE;
    display->pause = 0;
    hear_helper(display);
    return G_SOURCE_REMOVE;
}

static gboolean on_helper(gint socket, GIOCondition condition, gpointer data)
{
    WorkerDisplay *display = data;
    DisplayMessage message;
    g_autoptr(GError) error = NULL;
    int fd;
    if (hands_are_full(display)) {
        g_clear_pointer(&display->source, g_source_unref);
        display->pause = g_timeout_add(PAUSE_MS, end_pause, display);
        return G_SOURCE_REMOVE;
    }
    switch (display_message_receive(socket, &message, false, &fd, &error)) {
    case PACKET_RECEIVED: take_message(display, &message); return G_SOURCE_CONTINUE;
    case PACKET_NONE_YET: return G_SOURCE_CONTINUE;
    case PACKET_WRONG: g_warning("%s: the helper is given up", error->message); break;
    case PACKET_CLOSED: break;
    }
    lose_helper(display);
    return G_SOURCE_REMOVE;
}

static void hear_helper(WorkerDisplay *display)
{
    display->source = g_unix_fd_source_new(display->socket, G_IO_IN | G_IO_HUP);
    g_source_set_callback(display->source, G_SOURCE_FUNC(on_helper), display, NULL);
    g_source_attach(display->source, NULL);
}

void display_set_helper(WorkerDisplay *display, int socket, const char *address,
                        const char *web_path)
{
    lose_helper(display);
    g_free(display->address);
    g_free(display->web_path);
    display->address = g_strdup(address);
    display->web_path = g_strdup(web_path);
    display->socket = socket;
    display->helper_is_busy = false;
    hear_helper(display);
    tell_lock(display);
    if (display->memory >= 0)
        display->screen_is_unsent = true;
    look_for_news(display); /* the first picture, before anybody looks */
    watch_screen(display);
}

/* --- what clients of the API ask -------------------------------------------------------------- */

static gboolean on_expiry(gpointer data);

/* Looks again now and then: the date may be set, and no timer goes as far as a date does. */
static void await_expiry(WorkerDisplay *display)
{
    gint64 left_ms = (display->expires_us - g_get_real_time()) / 1000 + 1;
    if (display->expires_us >= 0 && left_ms > 0)
        display->expiry = g_timeout_add((guint)MIN(left_ms, EXPIRY_LOOK_MS), on_expiry, display);
}

static gboolean on_expiry(gpointer data)
{
    WorkerDisplay *display = data;
    display->expiry = 0;
    tell_lock(display);
    await_expiry(display);
    return G_SOURCE_REMOVE;
}

void display_set_password(WorkerDisplay *display, const char *password)
{
    if (display->password)
        explicit_bzero(display->password, strlen(display->password));
    g_free(display->password);
    display->password = g_strdup(password);
    tell_lock(display);
}

void display_set_expiry(WorkerDisplay *display, gint64 expires_us)
{
    if (display->expiry)
        g_source_remove(display->expiry);
    display->expiry = 0;
    display->expires_us = expires_us;
    await_expiry(display);
    tell_lock(display);
}

void display_disconnect(WorkerDisplay *display)
{
    DisplayMessage message = display_message(DISPLAY_DROP);
    tell(display, &message, -1);
}

bool display_give_control(WorkerDisplay *display, unsigned client, GError **error)
{
    if (client > DISPLAY_CLIENTS || (client && !display->viewer[client].is_here)) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND,
                    "There is no viewer %u; query-vnc lists them", client);
        return false;
    }
    set_controller(display, client);
    return true;
}

const char *display_admit_page(WorkerDisplay *display, const char *token, const char *origin,
                               unsigned seconds, GError **error)
{
    DisplayMessage message = display_message(DISPLAY_ADMIT);
    if (!display->web_path || display->socket < 0) {
        g_set_error(
            error, API_ERROR, API_ERROR_GENERIC,
            "Nobody can view the machine: its definition has no \"display\" with \"vnc\", or "
            "the helper has just died; query-vnc tells");
        return NULL;
    }
    display_message_set_text(&message, token);
    g_strlcpy(message.origin, origin, sizeof message.origin);
    message.value = seconds;
    bool is_told = tell(display, &message, -1);
    explicit_bzero(message.text, sizeof message.text);
    if (!is_told)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "The display helper takes no more tokens: it hangs, or has just died; try "
                    "again in a moment");
    return is_told ? display->web_path : NULL;
}

/* "unix:PATH", in which there may be colons, or "tcp:HOST:PORT". */
static void split_address(const char *address, JsonObject *out)
{
    bool is_unix = g_str_has_prefix(address, "unix:");
    const char *rest = strchr(address, ':') + 1, *colon = is_unix ? NULL : strrchr(rest, ':');
    g_autofree char *host = colon ? g_strndup(rest, (gsize)(colon - rest)) : g_strdup(rest);
    json_object_set_string_member(out, "family", is_unix ? "unix" : "ipv4");
    json_object_set_string_member(out, "host", host);
    json_object_set_string_member(out, "service", colon ? colon + 1 : "");
}

static JsonArray *list_viewers(const WorkerDisplay *display)
{
    JsonArray *list = json_array_new();
    for (unsigned i = 1; i <= DISPLAY_CLIENTS; i++) {
        const Viewer *viewer = &display->viewer[i];
        if (!viewer->is_here)
            continue;
        bool is_unix = g_str_has_prefix(viewer->from, "unix:");
        const char *colon = strrchr(viewer->from, ':');
        g_autofree char *host = is_unix || !colon
                                    ? g_strdup(viewer->from)
                                    : g_strndup(viewer->from, (gsize)(colon - viewer->from));
        JsonObject *entry = json_object_new();
        json_object_set_int_member(entry, "client", i);
        json_object_set_string_member(entry, "family", is_unix ? "unix" : "ipv4");
        json_object_set_string_member(entry, "host", host);
        json_object_set_string_member(entry, "service", is_unix || !colon ? "" : colon + 1);
        json_object_set_boolean_member(entry, "websocket", viewer->is_web);
        json_object_set_boolean_member(entry, "controls", i == display->controller);
        json_array_add_object_element(list, entry);
    }
    return list;
}

JsonNode *display_query(WorkerDisplay *display)
{
    JsonObject *object = json_object_new();
    bool is_on = display->address && display->socket >= 0;
    json_object_set_boolean_member(object, "enabled", is_on);
    if (is_on) {
        split_address(display->address, object);
        json_object_set_string_member(object, "auth", display->password ? "vnc" : "none");
        json_object_set_array_member(object, "clients", list_viewers(display));
    }
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

/* --- life ------------------------------------------------------------------------------------- */

WorkerDisplay *display_new(Worker *worker)
{
    WorkerDisplay *display = g_new0(WorkerDisplay, 1);
    display->worker = worker;
    display->socket = display->memory = -1;
    display->expires_us = -1;
    input_source_init(&display->hands, &worker->input, worker->keymap);
    return display;
}

void display_free(WorkerDisplay *display)
{
    if (!display)
        return;
    close_helper(display);
    if (display->timer)
        g_source_remove(display->timer);
    if (display->expiry)
        g_source_remove(display->expiry);
    display->timer = display->expiry = 0;
    if (display->copy_is_out) { /* the copy's end frees the rest */
        display->is_freed = true;
        return;
    }
    if (display->memory >= 0) {
        munmap(display->pixels, (gsize)display->width * display->height * 4);
        close(display->memory);
    }
    g_free(display->password);
    g_free(display->address);
    g_free(display->web_path);
    g_free(display);
}
