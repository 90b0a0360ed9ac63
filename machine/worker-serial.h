/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_SERIAL_H
#define POWERPLAY_MACHINE_WORKER_SERIAL_H

/*
 * The host's side of a serial port: a ring of what the guest has sent.
 *
 * Positions count all bytes since power-on, so that any number of readers can follow and notice
 * what they missed. The machine thread appends; the control thread reads. Nothing a reader does or
 * fails to do can be noticed by the guest.
 *
 * A replay that goes to another place shows what the guest had sent there: the end moves, and what
 * is known of the text stays, before the end and behind it. So a reader gets each byte once,
 * however often the replay comes by; one that is ahead of the replay waits. What was never sent in
 * this process may be in the recording's folder (worker-keyframes.c). A machine that leaves a
 * replay goes on behind all that was ever read, with the text before it.
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
    uint64_t oldest; /* positions from here to `known` are in the ring */
    uint64_t total;  /* where the output ends at present */
    uint64_t known;
    uint64_t highest; /* that TOTAL ever was */
    uint64_t began;   /* `total` at the beginning of the recording or replay */
    uint64_t origin;  /* of the device's stream: its count of bytes at position 0 */
    bool notify_is_pending;

    uint64_t taken; /* by ringbuf-read; control thread only */
} Serial;

Serial *serial_new(const char *id, bool keeps_output, unsigned number);
void serial_free(Serial *serial);

/* --- machine thread; `count` is the device's of all bytes that it ever sent ------------------- */

void serial_append(Serial *serial, const void *data, size_t length);
/* In a replay: the bytes before `count`, which may have come before. `is_shown` is false while the
 * replay has been taken elsewhere. */
void serial_append_again(Serial *serial, uint64_t count, const void *data, size_t length,
                         bool is_shown);
/* A recording or a replay begins. */
void serial_begin(Serial *serial, uint64_t count);
/* The replay goes on elsewhere. False: what was sent before is not known; then serial_set_text()
 * may say it. */
bool serial_move(Serial *serial, uint64_t count);
/* What the guest had sent before the end; no more than the ring has room for. */
void serial_set_text(Serial *serial, const void *data, size_t length);
/* The machine leaves the replay. */
void serial_leave(Serial *serial);
/* Text of the recording or replay that is known, from the device's `*count` on or later; NULL if
 * there is none. */
GBytes *serial_text_since(Serial *serial, uint64_t *count);

/* --- any thread ------------------------------------------------------------------------------- */

uint64_t serial_total(Serial *serial);
/* Whether there ever was such a position. */
bool serial_has_been(Serial *serial, uint64_t offset);

/* Copies up to `size` bytes from `*offset` on and returns their number; moves `*offset` up to the
 * oldest byte that is still there. */
size_t serial_read(Serial *serial, uint64_t *offset, void *data, size_t size);

#endif
