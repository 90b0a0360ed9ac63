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

static void store(Serial *serial, const uint8_t *data, size_t length)
{
    while (length > 0) {
        size_t at = serial->total % SERIAL_RING_SIZE;
        size_t part = MIN(length, SERIAL_RING_SIZE - at);
        memcpy(serial->ring + at, data, part);
        serial->total += part;
        data += part;
        length -= part;
    }
}

void serial_append(Serial *serial, const void *data, size_t length)
{
    g_mutex_lock(&serial->lock);
    if (serial->keeps_output) {
        store(serial, data, length);
    } else {
        serial->total += length;
    }
    bool must_notify = serial->notify && !serial->notify_is_pending;
    serial->notify_is_pending |= must_notify;
    g_mutex_unlock(&serial->lock);
    if (must_notify) {
        g_idle_add_full(G_PRIORITY_DEFAULT, run_notify, serial, NULL);
    }
}

uint64_t serial_total(Serial *serial)
{
    g_mutex_lock(&serial->lock);
    uint64_t total = serial->total;
    g_mutex_unlock(&serial->lock);
    return total;
}

size_t serial_read(Serial *serial, uint64_t *offset, void *data, size_t size)
{
    g_mutex_lock(&serial->lock);
    uint64_t kept = serial->keeps_output ? MIN(serial->total, SERIAL_RING_SIZE) : 0;
    *offset = MAX(*offset, serial->total - kept);
    size_t count = *offset < serial->total ? MIN(size, serial->total - *offset) : 0;
    for (size_t done = 0; done < count;) {
        size_t at = (*offset + done) % SERIAL_RING_SIZE;
        size_t part = MIN(count - done, SERIAL_RING_SIZE - at);
        memcpy((uint8_t *)data + done, serial->ring + at, part);
        done += part;
    }
    g_mutex_unlock(&serial->lock);
    return count;
}
