/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is behind a disk device: a base image that is only read, and layers of changes above it.
 *
 * A disk does its I/O on its own thread, in the order it was asked, and hands out nothing but
 * copies. Nothing of it is visible to the guest: the device decides when a request completes in
 * guest time and waits here for the host if it must.
 *
 * A version names the disk's content at one moment. disk_freeze() ends the present version: its
 * clusters are never written again, so that snapshots and recordings can refer to it.
 */
#ifndef MACHINE_BLOCK_DISK_H
#define MACHINE_BLOCK_DISK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DISK_SECTOR      512u
#define DISK_REQUEST_MAX (16u << 20) /* bytes that are read or written */
#define DISK_ZERO_MAX    (1u << 30)  /* bytes that become zeroes */

typedef struct Disk Disk;

typedef enum {
    DISK_READ,
    DISK_WRITE,
    DISK_ZERO, /* the bytes become zeroes, and take no space where they can */
    DISK_FLUSH,
} DiskOperation;

/*
 * BASE_FD (borrowed until disk_free) is a raw image; its size is rounded down to whole sectors.
 * NULL with ERROR when it cannot be used. Without a layer above it the disk refuses writes.
 */
Disk *disk_new(int base_fd, GError **error);
/* The same of an image that a server reads: SOCKET (borrowed) is connected to it, see nbd.h. */
Disk *disk_new_nbd(int socket, GError **error);
void disk_free(Disk *disk);

/*
 * Adds the layer that takes writes, kept in the files NAME.clusters and NAME.map in DIRECTORY_FD
 * and made when they are not there; -1: anonymous files that vanish with the disk. Its versions are
 * numbered on from those below. Nothing can be added above it.
 */
bool disk_add_layer(Disk *disk, int directory_fd, const char *name, GError **error);
/* Adds an existing layer that is only read, as it was when VERSION was frozen. */
bool disk_add_lower_layer(Disk *disk, int directory_fd, const char *name, uint64_t version,
                          GError **error);

uint64_t disk_size(const Disk *disk);

/*
 * Starts a request of at most DISK_REQUEST_MAX bytes (DISK_ZERO: DISK_ZERO_MAX), inside the disk,
 * in whole sectors. A write's DATA is taken. Returns a ticket, to be given to disk_wait() exactly
 * once.
 */
uint64_t disk_submit(Disk *disk, DiskOperation operation, uint64_t offset, uint32_t length,
                     uint8_t *data);
/*
 * The same, and calls DONE with TAG and the result, on the disk's thread, once disk_wait() would
 * return at once.
 */
typedef void (*DiskDone)(void *opaque, uint32_t tag, int code);
void disk_set_done(Disk *disk, DiskDone done, void *opaque); /* before the first request */
uint64_t disk_submit_tagged(Disk *disk, DiskOperation operation, uint64_t offset, uint32_t length,
                            uint8_t *data, uint32_t tag);
/*
 * Waits for TICKET: 0, or the errno value with which the host failed. A read's bytes come in DATA
 * (freed by the caller). A host without space makes this wait until there is some.
 */
int disk_wait(Disk *disk, uint64_t ticket, uint8_t **data);
/* Whether disk_wait(TICKET) would return at once. */
bool disk_is_done(Disk *disk, uint64_t ticket);

/*
 * For a thread that must not wait: how TICKET stands (0: only whether the host has space). When it
 * is DISK_LATE, the wake function is called, on the disk's thread, once asking again is worth it.
 * DISK_FULL is said once; asking after that has the host tried again.
 */
typedef enum {
    DISK_DONE, /* disk_wait() would return at once */
    DISK_LATE,
    DISK_FULL, /* the host has no space for what is under way, and whoever runs it should know */
} DiskProgress;
DiskProgress disk_progress(Disk *disk, uint64_t ticket);
void disk_set_wake(Disk *disk, void (*wake)(void *opaque), void *opaque);
/* Instead of disk_wait(): what becomes of TICKET interests nobody. A write is done nevertheless. */
void disk_forget(Disk *disk, uint64_t ticket);

/* For tests: GATE is called on the disk's thread before each attempt at a request; it may wait, and
 * returns 0 or the errno value that the host shall fail with. */
typedef int (*DiskGate)(void *opaque, DiskOperation operation);
void disk_set_gate(Disk *disk, DiskGate gate, void *opaque);

/*
 * Waits until all requests are done (fails, if the host has no space for one); ends the present
 * version and returns its number; durable. When nothing was written since the last one (or since
 * going back to one), it returns that again.
 */
bool disk_freeze(Disk *disk, uint64_t *version, GError **error);
/* Whether nothing is under way, so that disk_freeze() need not wait for it. */
bool disk_is_idle(Disk *disk);
/* How many clusters of the upper layer are there once more because a version keeps what they held.
 */
unsigned disk_superseded(const Disk *disk);
/* Makes the content that of VERSION; what was written after it is forgotten. */
bool disk_restore(Disk *disk, uint64_t version, GError **error);

/*
 * For a replay: the content becomes that of VERSION, and writes go to a private layer that vanishes
 * when the disk is left or freed; nothing of what was there before changes. Leaving shows it again.
 * Not to be entered twice. A version that is frozen inside is copied into the layer outside, beside
 * what is there, and so lasts.
 */
bool disk_enter_private(Disk *disk, uint64_t version, GError **error);
void disk_leave_private(Disk *disk);
bool disk_is_private(Disk *disk);
/*
 * While it is passing, a disk's versions are not waited for: they last from the next flush or
 * version on. A private disk's versions are of the private layer only: nothing is copied
 * or synced, and they vanish with it. A version of either kind can be restored at any time, but one
 * that was passing no more after a lasting one was (LAYER_ERROR_VERSION); the one that was entered
 * can.
 */
void disk_set_passing(Disk *disk, bool is_passing);

typedef struct {
    uint64_t reads, writes, zeroes, flushes, bytes_read, bytes_written, errors;
    uint64_t clusters; /* in the upper layer */
    uint64_t version;
    bool is_waiting_for_space;
} DiskFigures;
/* From any thread. */
void disk_figures(Disk *disk, DiskFigures *figures);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disk, disk_free)

#endif
