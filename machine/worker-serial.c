/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/worker-serial.h"

#include <string.h>

Serial *serial_new(const char *id, bool keeps_output, unsigned number)
{
    Serial *serial = g_new0(Serial, 1);
    serial->id = g_strdup(id);
    serial->keeps_output = keeps_output;
    serial->number = number;
    serial->ring = keeps_output ? g_malloc0(SERIAL_RING_SIZE) : NULL;
    g_mutex_init(&serial->lock);
    return serial;
}

void serial_free(Serial *serial)
{
    if (!serial) {
        return;
    }
    g_mutex_clear(&serial->lock);
    g_free(serial->ring);
    g_free(serial->id);
    g_free(serial);
}

static gboolean run_notify(gpointer data)
{
    Serial *serial = data;
    g_mutex_lock(&serial->lock);
    serial->notify_is_pending = false;
    g_mutex_unlock(&serial->lock);
    serial->notify(serial->notify_data);
    return G_SOURCE_REMOVE;
}

/* With the lock held: somebody has something to read. */
static bool must_notify(Serial *serial)
{
    bool must = serial->notify && !serial->notify_is_pending;
    serial->notify_is_pending |= must;
    return must;
}

static void unlock_and_notify(Serial *serial, bool must)
{
    g_mutex_unlock(&serial->lock);
    if (must) {
        g_idle_add_full(G_PRIORITY_DEFAULT, run_notify, serial, NULL);
    }
}

/* --- text ------------------------------------------------------------------------------------- */

/* Nothing is known but where the output is. */
static void forget(Serial *serial, uint64_t position)
{
    serial->oldest = serial->known = position;
}

static void store(Serial *serial, const uint8_t *data, size_t length)
{
    for (uint64_t end = serial->known + length; serial->known < end;) {
        size_t at = serial->known % SERIAL_RING_SIZE;
        size_t part = MIN(end - serial->known, SERIAL_RING_SIZE - at);
        memcpy(serial->ring + at, data, part);
        serial->known += part;
        data += part;
    }
    if (serial->known - serial->oldest > SERIAL_RING_SIZE) {
        serial->oldest = serial->known - SERIAL_RING_SIZE;
    }
}

static void load(const Serial *serial, uint64_t from, uint8_t *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t at = (from + done) % SERIAL_RING_SIZE;
        size_t part = MIN(length - done, SERIAL_RING_SIZE - at);
        memcpy(data + done, serial->ring + at, part);
        done += part;
    }
}

static void set_total(Serial *serial, uint64_t position)
{
    serial->total = position;
    serial->highest = MAX(serial->highest, position);
}

/* Bytes at POSITION, which may be known already. */
static void put(Serial *serial, uint64_t position, const uint8_t *data, size_t length)
{
    if (position < serial->oldest || position > serial->known) {
        forget(serial, position);
    }
    if (!serial->keeps_output) {
        forget(serial, position + length);
    } else if (position + length > serial->known) {
        size_t known = serial->known - position;
        store(serial, data + known, length - known);
    }
}

void serial_append(Serial *serial, const void *data, size_t length)
{
    g_mutex_lock(&serial->lock);
    put(serial, serial->total, data, length);
    set_total(serial, serial->total + length);
    unlock_and_notify(serial, must_notify(serial));
}

void serial_append_again(Serial *serial, uint64_t count, const void *data, size_t length,
                         bool is_shown)
{
    g_mutex_lock(&serial->lock);
    uint64_t end = count - serial->origin;
    put(serial, end - length, data, length);
    if (is_shown) {
        set_total(serial, end);
    }
    unlock_and_notify(serial, is_shown && must_notify(serial));
}

/* --- recordings and replays ------------------------------------------------------------------- */

void serial_begin(Serial *serial, uint64_t count)
{
    g_mutex_lock(&serial->lock);
    serial->began = serial->total;
    serial->origin = count - serial->total;
    g_mutex_unlock(&serial->lock);
}

bool serial_move(Serial *serial, uint64_t count)
{
    g_mutex_lock(&serial->lock);
    uint64_t position = count - serial->origin;
    bool is_known = position >= serial->oldest && position <= serial->known;
    if (!is_known) {
        forget(serial, position);
    }
    set_total(serial, position);
    unlock_and_notify(serial, must_notify(serial));
    return is_known || !serial->keeps_output;
}

void serial_set_text(Serial *serial, const void *data, size_t length)
{
    g_mutex_lock(&serial->lock);
    g_assert(serial->keeps_output && length <= MIN(serial->total, SERIAL_RING_SIZE));
    forget(serial, serial->total - length);
    store(serial, data, length);
    unlock_and_notify(serial, must_notify(serial));
}

void serial_leave(Serial *serial)
{
    g_mutex_lock(&serial->lock);
    uint64_t behind = serial->highest - serial->total;
    size_t length = serial->total - MIN(serial->oldest, serial->total);
    g_autofree uint8_t *text = g_malloc(MAX(length, 1));
    if (behind && serial->keeps_output) {
        load(serial, serial->total - length, text, length);
        forget(serial, serial->highest - length);
        store(serial, text, length);
    }
    serial->origin -= behind;
    serial->total = serial->known = serial->highest;
    g_mutex_unlock(&serial->lock);
}

GBytes *serial_text_since(Serial *serial, uint64_t *count)
{
    GBytes *text = NULL;
    g_mutex_lock(&serial->lock);
    uint64_t wanted = *count > serial->origin ? *count - serial->origin : 0;
    uint64_t from = MAX(MAX(wanted, serial->began), serial->oldest);
    if (serial->keeps_output && from < serial->known) {
        uint8_t *data = g_malloc(serial->known - from);
        load(serial, from, data, serial->known - from);
        text = g_bytes_new_take(data, serial->known - from);
        *count = from + serial->origin;
    }
    g_mutex_unlock(&serial->lock);
    return text;
}

/* --- reading ---------------------------------------------------------------------------------- */

uint64_t serial_total(Serial *serial)
{
    g_mutex_lock(&serial->lock);
    uint64_t total = serial->total;
    g_mutex_unlock(&serial->lock);
    return total;
}

bool serial_has_been(Serial *serial, uint64_t offset)
{
    g_mutex_lock(&serial->lock);
    bool has_been = offset <= serial->highest;
    g_mutex_unlock(&serial->lock);
    return has_been;
}

size_t serial_read(Serial *serial, uint64_t *offset, void *data, size_t size)
{
    g_mutex_lock(&serial->lock);
    *offset = MAX(*offset, MIN(serial->oldest, serial->total));
    size_t count = *offset < serial->total ? MIN(size, serial->total - *offset) : 0;
    load(serial, *offset, data, count);
    g_mutex_unlock(&serial->lock);
    return count;
}
