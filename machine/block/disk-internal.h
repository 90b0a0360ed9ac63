/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of a disk share: disk.c makes it of its layers, disk-requests.c is the queue and
 * the thread at its end, disk-content.c says what the bytes are, disk-versions.c keeps them and
 * goes back to them.
 */
#ifndef MACHINE_BLOCK_DISK_INTERNAL_H
#define MACHINE_BLOCK_DISK_INTERNAL_H

#include "machine/block/disk.h"
#include "machine/block/layer.h"
#include "machine/block/nbd.h"

#define DISK_LAYERS_MAX 8

typedef struct {
    uint64_t ticket;
    DiskOperation operation;
    uint64_t offset;
    uint32_t length;
    uint8_t *data;
    int code;
    bool is_tagged;
    uint32_t tag;
    bool is_forgotten;
} DiskRequest;

/* Bytes of a failed write. */
typedef struct {
    uint64_t start, end;
} DiskExtent;

struct Disk {
    int base_fd;
    Nbd *nbd; /* instead of base_fd, or NULL */
    uint64_t size;
    Layer *layer[DISK_LAYERS_MAX];
    unsigned layer_count;
    bool is_writable; /* the uppermost layer takes writes */
    bool is_private;
    int directory_fd; /* of the upper layer, borrowed; -1: none */
    Layer *outside;   /* while private: the upper layer that was, out of use */
    uint64_t lasting; /* while private: the version outside that was entered or frozen last */
    bool is_passing;  /* versions are to be of the private layer */
    bool has_passed;  /* the private layer's versions are not all in line with `lasting` */
    uint64_t entries; /* how often a private layer was begun */
    DiskDone done_function;
    void *done_opaque;
    void (*wake)(void *opaque);
    void *wake_opaque;
    DiskGate gate;
    void *gate_opaque;
    GThread *thread;
    GMutex lock; /* all below */
    GCond changed;
    GArray *spoilt; /* of DiskExtent; the disk's thread */
    GQueue waiting; /* of DiskRequest */
    GQueue done;
    uint64_t next_ticket;
    DiskRequest *current; /* that the thread is at; NULL: none */
    bool must_end;
    bool wants_wake;
    /* While the host has no space: */
    unsigned attempts;     /* that have failed */
    unsigned retried_from; /* ATTEMPTS when somebody asked for another one */
    bool is_told;          /* somebody knows */
    bool must_retry;       /* at once */
    bool gives_up;         /* the present content is to be forgotten anyway */
    DiskFigures figures;
};

/* The layer that takes writes, or NULL. */
static inline Layer *disk_upper(const Disk *disk)
{
    return disk->is_writable ? disk->layer[disk->layer_count - 1] : NULL;
}

static inline uint32_t disk_cluster_count(const Disk *disk)
{
    return (uint32_t)((disk->size + LAYER_CLUSTER - 1) / LAYER_CLUSTER);
}

/* The figures after another layer or version has become the present one; with the lock held. */
void disk_update_version(Disk *disk);

/* --- content: the disk's thread --------------------------------------------------------------- */

/* Reads, writes or zeroes: 0 or an errno value. */
int disk_transfer(const Disk *disk, DiskRequest *request);
/* A write or zeroing ended so: which bytes nobody may read now. */
void disk_note_write(Disk *disk, const DiskRequest *request, int code);

/* --- requests --------------------------------------------------------------------------------- */

/* The disk's thread; it ends when it must, and nothing is left to do. */
gpointer disk_thread(gpointer disk);
void disk_request_free(gpointer request);
/* Waits for an empty queue, after which nobody asks for the present content any more; the lock is
 * held before and after. */
void disk_drain(Disk *disk);
/* The same to keep that content: 0, or ENOSPC when that may take for ever. */
int disk_drain_whole(Disk *disk);

#endif
