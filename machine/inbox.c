/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A locked queue with a condition. The machine thread looks at an atomic flag at each quantum and
 * takes the lock only when something lies there.
 */
#include "machine/inbox.h"

#include <string.h>

#define DEVICES 256 /* the log's device number is a byte */

typedef struct {
    MachineTask run;
    void *data;
    GDestroyNotify free_data;
} Task;

struct Inbox {
    GMutex lock;
    GCond arrived;
    int touched; /* atomic: something was posted since inbox_run_tasks() last looked */
    int waiting; /* atomic: inputs lie there, perhaps without room */
    GQueue tasks;
    GQueue events;                 /* of Event, with their bytes in the same allocation */
    GQueue hands;                  /* likewise: keys, movements, ends of groups */
    GQueue frames;                 /* likewise: for network adapters */
    unsigned frame_count[DEVICES]; /* of these, for each adapter */
    GByteArray *chars[DEVICES];
    Event *delivered; /* what inbox_next_input() handed out last */
    bool closed;
    bool is_woken;
};

Inbox *inbox_new(void)
{
    Inbox *inbox = g_new0(Inbox, 1);
    g_mutex_init(&inbox->lock);
    g_cond_init(&inbox->arrived);
    g_queue_init(&inbox->tasks);
    g_queue_init(&inbox->events);
    g_queue_init(&inbox->hands);
    g_queue_init(&inbox->frames);
    return inbox;
}

static void task_free(Task *task)
{
    if (task->free_data)
        task->free_data(task->data);
    g_free(task);
}

static void drop_inputs(Inbox *inbox)
{
    g_queue_clear_full(&inbox->events, g_free);
    g_queue_clear_full(&inbox->hands, g_free);
    g_queue_clear_full(&inbox->frames, g_free);
    memset(inbox->frame_count, 0, sizeof inbox->frame_count);
    for (unsigned i = 0; i < DEVICES; i++)
        g_clear_pointer(&inbox->chars[i], g_byte_array_unref);
}

void inbox_free(Inbox *inbox)
{
    if (!inbox)
        return;
    drop_inputs(inbox);
    g_queue_clear_full(&inbox->tasks, (GDestroyNotify)task_free);
    g_free(inbox->delivered);
    g_mutex_clear(&inbox->lock);
    g_cond_clear(&inbox->arrived);
    g_free(inbox);
}

/* With the lock held. */
static void announce(Inbox *inbox)
{
    g_atomic_int_set(&inbox->touched, 1);
    g_cond_signal(&inbox->arrived);
}

void inbox_post_task(Inbox *inbox, MachineTask run, void *data, GDestroyNotify free_data)
{
    Task *task = g_new(Task, 1);
    *task = (Task){ run, data, free_data };
    g_mutex_lock(&inbox->lock);
    g_queue_push_tail(&inbox->tasks, task);
    announce(inbox);
    g_mutex_unlock(&inbox->lock);
}

static bool refuse_closed(const Inbox *inbox, GError **error)
{
    if (!inbox->closed)
        return false;
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY,
                        "a replay takes no input; take over first");
    return true;
}

bool inbox_post_chars(Inbox *inbox, unsigned number, const void *data, size_t length,
                      GError **error)
{
    g_assert(number < DEVICES);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    if (refuse_closed(inbox, error))
        return false;
    GByteArray **chars = &inbox->chars[number];
    if (!*chars)
        *chars = g_byte_array_new();
    if (length > INBOX_CHAR_BYTES_MAX - (*chars)->len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "the guest has not read %u bytes of earlier input yet; send less than %u more",
                    (*chars)->len, INBOX_CHAR_BYTES_MAX - (*chars)->len + 1);
        return false;
    }
    g_byte_array_append(*chars, data, (guint)length);
    announce(inbox);
    return true;
}

/* Events are copied by encoding them: bytes behind pointers come along. */
static Event *event_copy(const Event *event)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    event_encode(event, bytes);
    Event *copy = g_malloc(sizeof *copy + bytes->len);
    memcpy(copy + 1, bytes->data, bytes->len);
    gsize used = event_decode(copy, (const guint8 *)(copy + 1), bytes->len, NULL);
    g_assert(used == bytes->len);
    return copy;
}

#define END_OF_GROUP (-2)

/* The device of a key or a movement, or END_OF_GROUP; -1 for other events. */
static int hand_device(const Event *event)
{
    switch (event->kind) {
    case EVENT_INPUT_KEY: return event->input_key.device;
    case EVENT_INPUT_BUTTON: return event->input_button.device;
    case EVENT_INPUT_RELATIVE: return event->input_relative.device;
    case EVENT_INPUT_ABSOLUTE: return event->input_absolute.device;
    case EVENT_INPUT_SYNC: return END_OF_GROUP;
    default: return -1;
    }
}

bool inbox_post_events(Inbox *inbox, const Event *events, unsigned count, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    if (refuse_closed(inbox, error))
        return false;
    unsigned waiting = inbox->events.length + inbox->hands.length + inbox->frames.length;
    if (waiting + count > INBOX_EVENTS_MAX) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "%u inputs wait for the guest; is the machine stopped?", waiting);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        g_assert(event_class(&events[i]) == EVENT_CLASS_INPUT);
        GQueue *queue = hand_device(&events[i]) != -1 ? &inbox->hands
                        : events[i].kind == EVENT_NET ? &inbox->frames
                                                      : &inbox->events;
        g_queue_push_tail(queue, event_copy(&events[i]));
        if (queue == &inbox->frames)
            inbox->frame_count[events[i].net.adapter]++;
    }
    announce(inbox);
    return true;
}

bool inbox_post_event(Inbox *inbox, const Event *event, GError **error)
{
    return inbox_post_events(inbox, event, 1, error);
}

unsigned inbox_waiting_hands(Inbox *inbox)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    return inbox->hands.length;
}

unsigned inbox_waiting_frames(Inbox *inbox, unsigned number)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    return number < DEVICES ? inbox->frame_count[number] : 0;
}

size_t inbox_waiting_chars(Inbox *inbox, unsigned number)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    return number < DEVICES && inbox->chars[number] ? inbox->chars[number]->len : 0;
}

bool inbox_is_touched(Inbox *inbox)
{
    return g_atomic_int_get(&inbox->touched) || g_atomic_int_get(&inbox->waiting);
}

bool inbox_run_tasks(Inbox *inbox, Machine *machine)
{
    bool any = false;
    g_mutex_lock(&inbox->lock);
    for (Task *task; (task = g_queue_pop_head(&inbox->tasks)); any = true) {
        g_mutex_unlock(&inbox->lock);
        task->run(machine, task->data);
        task_free(task);
        g_mutex_lock(&inbox->lock);
    }
    bool inputs_wait = inbox->events.length || inbox->hands.length || inbox->frames.length;
    for (unsigned i = 0; i < DEVICES; i++)
        inputs_wait |= inbox->chars[i] && inbox->chars[i]->len;
    g_atomic_int_set(&inbox->waiting, inputs_wait);
    g_atomic_int_set(&inbox->touched, 0);
    g_mutex_unlock(&inbox->lock);
    return any;
}

static Event *take_chars(Inbox *inbox, unsigned number, size_t room)
{
    GByteArray *chars = inbox->chars[number];
    guint length = (guint)MIN(room, chars->len);
    Event *event = g_malloc0(sizeof *event + length);
    memcpy(event + 1, chars->data, length);
    g_byte_array_remove_range(chars, 0, length);
    event->kind = EVENT_CHAR_READ;
    event->char_read.device = (guint8)number;
    event->char_read.data = (const guint8 *)(event + 1);
    event->char_read.data_length = length;
    return event;
}

/* The first frame that its adapter has room for. */
static GList *deliverable_frame(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine)
{
    bool full[DEVICES] = { false };
    for (GList *link = inbox->frames.head; link; link = link->next) {
        unsigned adapter = ((const Event *)link->data)->net.adapter;
        if (!full[adapter] && room(machine, adapter))
            return link;
        full[adapter] = true;
    }
    return NULL;
}

/* Takes or shows the event that can be delivered: frames, keys and movements wait for room. */
static Event *deliverable(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine,
                          bool takes)
{
    GQueue *queue = &inbox->events;
    GList *link = queue->head;
    if (!link) {
        queue = &inbox->frames;
        link = deliverable_frame(inbox, room, machine);
    }
    if (!link) {
        queue = &inbox->hands;
        link = queue->head;
        int device = link ? hand_device(link->data) : -1;
        if (device >= 0 && !room(machine, (unsigned)device))
            link = NULL;
    }
    Event *event = link ? link->data : NULL;
    if (link && takes)
        g_queue_delete_link(queue, link);
    if (link && takes && queue == &inbox->frames)
        inbox->frame_count[event->net.adapter]--;
    return event;
}

const Event *inbox_next_input(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    g_clear_pointer(&inbox->delivered, g_free);
    inbox->delivered = deliverable(inbox, room, machine, true);
    for (unsigned i = 0; i < DEVICES && !inbox->delivered; i++) {
        if (!inbox->chars[i] || !inbox->chars[i]->len)
            continue;
        size_t space = room(machine, i);
        if (space)
            inbox->delivered = take_chars(inbox, i, space);
    }
    return inbox->delivered;
}

bool inbox_has_input(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    bool has = deliverable(inbox, room, machine, false) != NULL;
    for (unsigned i = 0; i < DEVICES && !has; i++)
        has = inbox->chars[i] && inbox->chars[i]->len && room(machine, i);
    return has;
}

void inbox_wait(Inbox *inbox, int64_t timeout_ns)
{
    int64_t end = g_get_monotonic_time() + timeout_ns / 1000;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    while (!g_atomic_int_get(&inbox->touched) && !inbox->is_woken) {
        if (timeout_ns < 0)
            g_cond_wait(&inbox->arrived, &inbox->lock);
        else if (!g_cond_wait_until(&inbox->arrived, &inbox->lock, end))
            break;
    }
    inbox->is_woken = false;
}

void inbox_wake(Inbox *inbox)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    inbox->is_woken = true;
    g_cond_signal(&inbox->arrived);
}

void inbox_set_closed(Inbox *inbox, bool closed)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inbox->lock);
    inbox->closed = closed;
    drop_inputs(inbox);
}
