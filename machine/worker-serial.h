/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_SERIAL_H
#define POWERPLAY_MACHINE_WORKER_SERIAL_H

/*
 * The host's side of a serial port: a ring of what the guest has sent.
 *
 * Positions count all bytes since power-on, so that any number of readers can follow and notice
 * what they missed. The machine thread appends; the control thread reads. Nothing a reader does or
 * fails to do can be noticed by the guest.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define SERIAL_RING_SIZE (1024 * 1024)

typedef struct {
    char *id;
    bool keeps_output; /* false for the back end "null" */
    unsigned number;   /* of the device, in the machine's inbox */
    /* Called on the control thread some time after output has come. */
    void (*notify)(gpointer data);
    gpointer notify_data;

    GMutex lock;
    uint8_t *ring;
    uint64_t total; /* bytes that ever came */
    bool notify_is_pending;

    uint64_t taken; /* by ringbuf-read; control thread only */
} Serial;

Serial *serial_new(const char *id, bool keeps_output, unsigned number);
void serial_free(Serial *serial);

/* Machine thread. */
void serial_append(Serial *serial, const void *data, size_t length);

uint64_t serial_total(Serial *serial);

/* Copies up to `size` bytes from `*offset` on and returns their number; moves `*offset` up to the
 * oldest byte that is still there. */
size_t serial_read(Serial *serial, uint64_t *offset, void *data, size_t size);

#endif
