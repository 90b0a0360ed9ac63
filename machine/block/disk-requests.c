/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of a disk's requests, and the thread at its end, which takes them in order and does
 * them one after another.
 *
 * Buffers are the disk's from submission to disk_wait(); nothing points into guest memory.
 */
#include "machine/block/disk-internal.h"

#include <errno.h>

#define SPACE_RETRY_US 200000

void disk_request_free(gpointer data)
{
    DiskRequest *request = data;
    g_free(request->data);
    g_free(request);
}

/* --- on the disk's thread --------------------------------------------------------------------- */

static int perform(const Disk *disk, DiskRequest *request)
{
    int code = disk->gate ? disk->gate(disk->gate_opaque, request->operation) : 0;
    if (code != 0)
        return code;
    if (request->operation != DISK_FLUSH)
        return disk_transfer(disk, request);
    return disk_upper(disk) ? layer_flush(disk_upper(disk)) : 0;
}

/* With the lock held, which is released meanwhile. */
static void wake(Disk *disk)
{
    if (!disk->wants_wake)
        return;
    disk->wants_wake = false;
    g_mutex_unlock(&disk->lock);
    disk->wake(disk->wake_opaque);
    g_mutex_lock(&disk->lock);
}

/* After a failed attempt; false when there shall be no further one. */
static bool wait_for_space(Disk *disk)
{
    gint64 end = g_get_monotonic_time() + SPACE_RETRY_US;
    g_mutex_lock(&disk->lock);
    disk->figures.is_waiting_for_space = true;
    disk->attempts++;
    g_cond_broadcast(&disk->changed);
    wake(disk);
    while (!disk->must_end && !disk->must_retry && !disk->gives_up &&
           g_cond_wait_until(&disk->changed, &disk->lock, end))
        ;
    disk->must_retry = false;
    bool goes_on = !disk->must_end && !disk->gives_up;
    g_mutex_unlock(&disk->lock);
    return goes_on;
}

/* A full host disk is the operator's matter, never the guest's: wait until there is space. */
static void perform_with_space(Disk *disk, DiskRequest *request)
{
    do
        request->code = perform(disk, request);
    while ((request->code == ENOSPC || request->code == EDQUOT) && wait_for_space(disk));
}

static void perform_whole(Disk *disk, DiskRequest *request)
{
    perform_with_space(disk, request);
    if (request->operation == DISK_WRITE || request->operation == DISK_ZERO)
        disk_note_write(disk, request, request->code);
}

static void count(Disk *disk, const DiskRequest *request)
{
    DiskFigures *figures = &disk->figures;
    figures->errors += request->code != 0;
    switch (request->operation) {
    case DISK_READ:
        figures->reads++;
        figures->bytes_read += request->length;
        break;
    case DISK_WRITE:
        figures->writes++;
        figures->bytes_written += request->length;
        break;
    case DISK_ZERO: figures->zeroes++; break;
    case DISK_FLUSH: figures->flushes++; break;
    }
    figures->clusters = disk_upper(disk) ? layer_cluster_count(disk_upper(disk)) : 0;
}

/* With the lock held; takes REQUEST. */
static void end_request(Disk *disk, DiskRequest *request)
{
    bool must_tell = request->is_tagged && !request->is_forgotten;
    uint32_t tag = request->tag;
    int code = request->code;
    disk->current = NULL;
    disk->figures.is_waiting_for_space = false;
    disk->attempts = disk->retried_from = 0;
    disk->is_told = false;
    count(disk, request);
    if (request->is_forgotten)
        disk_request_free(request);
    else
        g_queue_push_tail(&disk->done, request); /* from here on disk_wait() may free it */
    g_cond_broadcast(&disk->changed);
    wake(disk);
    if (must_tell) {
        g_mutex_unlock(&disk->lock);
        disk->done_function(disk->done_opaque, tag, code);
        g_mutex_lock(&disk->lock);
    }
}

gpointer disk_thread(gpointer data)
{
    Disk *disk = data;
    g_mutex_lock(&disk->lock);
    for (;;) {
        DiskRequest *request = g_queue_pop_head(&disk->waiting);
        if (!request && disk->must_end)
            break;
        if (!request) {
            g_cond_wait(&disk->changed, &disk->lock);
            continue;
        }
        disk->current = request;
        g_mutex_unlock(&disk->lock);
        perform_whole(disk, request);
        g_mutex_lock(&disk->lock);
        end_request(disk, request);
    }
    g_mutex_unlock(&disk->lock);
    return NULL;
}

/* --- on the machine's thread ------------------------------------------------------------------ */

void disk_set_done(Disk *disk, DiskDone done, void *opaque)
{
    disk->done_function = done;
    disk->done_opaque = opaque;
}

/* Takes REQUEST. */
static uint64_t enqueue(Disk *disk, DiskRequest *request)
{
    if (request->operation == DISK_READ)
        request->data = g_malloc0(request->length);
    g_mutex_lock(&disk->lock);
    request->ticket = disk->next_ticket++;
    g_queue_push_tail(&disk->waiting, request);
    uint64_t ticket = request->ticket;
    g_cond_broadcast(&disk->changed);
    g_mutex_unlock(&disk->lock);
    return ticket;
}

static DiskRequest *request_new(const Disk *disk, DiskOperation operation, uint64_t offset,
                                uint32_t length, uint8_t *data)
{
    g_assert(length <= (operation == DISK_ZERO ? DISK_ZERO_MAX : DISK_REQUEST_MAX));
    g_assert(offset <= disk->size && length <= disk->size - offset);
    g_assert(offset % DISK_SECTOR == 0 && length % DISK_SECTOR == 0);
    DiskRequest *request = g_new0(DiskRequest, 1);
    *request =
        (DiskRequest){ .operation = operation, .offset = offset, .length = length, .data = data };
    return request;
}

uint64_t disk_submit(Disk *disk, DiskOperation operation, uint64_t offset, uint32_t length,
                     uint8_t *data)
{
    return enqueue(disk, request_new(disk, operation, offset, length, data));
}

uint64_t disk_submit_tagged(Disk *disk, DiskOperation operation, uint64_t offset, uint32_t length,
                            uint8_t *data, uint32_t tag)
{
    DiskRequest *request = request_new(disk, operation, offset, length, data);
    g_assert(disk->done_function);
    request->is_tagged = true;
    request->tag = tag;
    return enqueue(disk, request);
}

static GList *find(const GQueue *requests, uint64_t ticket)
{
    for (GList *link = requests->head; link; link = link->next)
        if (((DiskRequest *)link->data)->ticket == ticket)
            return link;
    return NULL;
}

bool disk_is_done(Disk *disk, uint64_t ticket)
{
    g_mutex_lock(&disk->lock);
    bool is_done = find(&disk->done, ticket) != NULL;
    g_mutex_unlock(&disk->lock);
    return is_done;
}

void disk_set_wake(Disk *disk, void (*wake)(void *opaque), void *opaque)
{
    disk->wake = wake;
    disk->wake_opaque = opaque;
}

void disk_set_gate(Disk *disk, DiskGate gate, void *opaque)
{
    disk->gate = gate;
    disk->gate_opaque = opaque;
}

/* With the lock held, and no space on the host. */
static DiskProgress progress_of_full(Disk *disk)
{
    if (disk->is_told) {
        disk->is_told = false;
        disk->retried_from = disk->attempts;
        disk->must_retry = true;
        g_cond_broadcast(&disk->changed);
    }
    disk->is_told = disk->attempts != disk->retried_from;
    return disk->is_told ? DISK_FULL : DISK_LATE;
}

DiskProgress disk_progress(Disk *disk, uint64_t ticket)
{
    DiskProgress progress = DISK_DONE;
    g_mutex_lock(&disk->lock);
    g_assert(disk->wake && ticket < disk->next_ticket);
    if (ticket && find(&disk->done, ticket))
        progress = DISK_DONE;
    else if (disk->figures.is_waiting_for_space)
        progress = progress_of_full(disk);
    else if (ticket)
        progress = DISK_LATE;
    disk->wants_wake = progress != DISK_DONE || !ticket;
    g_mutex_unlock(&disk->lock);
    return progress;
}

void disk_forget(Disk *disk, uint64_t ticket)
{
    g_mutex_lock(&disk->lock);
    g_assert(ticket && ticket < disk->next_ticket);
    GList *done = find(&disk->done, ticket), *waiting = find(&disk->waiting, ticket);
    if (done) {
        disk_request_free(done->data);
        g_queue_delete_link(&disk->done, done);
    } else if (waiting) {
        ((DiskRequest *)waiting->data)->is_forgotten = true;
    } else if (disk->current && disk->current->ticket == ticket) {
        disk->current->is_forgotten = true;
    }
    g_mutex_unlock(&disk->lock);
}

int disk_wait(Disk *disk, uint64_t ticket, uint8_t **data)
{
    GList *link;
    g_mutex_lock(&disk->lock);
    g_assert(ticket && ticket < disk->next_ticket);
    while (!(link = find(&disk->done, ticket)))
        g_cond_wait(&disk->changed, &disk->lock);
    DiskRequest *request = link->data;
    g_queue_delete_link(&disk->done, link);
    g_mutex_unlock(&disk->lock);
    int code = request->code;
    if (data && request->operation == DISK_READ)
        *data = g_steal_pointer(&request->data);
    disk_request_free(request);
    return code;
}

/* --- an empty queue --------------------------------------------------------------------------- */

static bool is_working(Disk *disk)
{
    return disk->current || !g_queue_is_empty(&disk->waiting);
}

void disk_drain(Disk *disk)
{
    disk->gives_up = true;
    g_cond_broadcast(&disk->changed);
    while (is_working(disk))
        g_cond_wait(&disk->changed, &disk->lock);
    disk->gives_up = false;
}

int disk_drain_whole(Disk *disk)
{
    while (is_working(disk)) {
        if (disk->figures.is_waiting_for_space)
            return ENOSPC;
        g_cond_wait(&disk->changed, &disk->lock);
    }
    return 0;
}

bool disk_is_idle(Disk *disk)
{
    g_mutex_lock(&disk->lock);
    bool is_idle = !is_working(disk);
    g_mutex_unlock(&disk->lock);
    return is_idle;
}
