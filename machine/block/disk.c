/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk's thread takes requests from a queue in order and does them one after another: a cluster
 * is read from the uppermost layer that has it, else from the base image, and written to the upper
 * layer, at a new place (with the rest of the cluster copied) unless it is of the present version.
 *
 * 1. Only the disk's thread touches layers while requests are under way; the caller's thread does
 * so only with an empty queue (freeze, restore).
 * 2. Buffers are the disk's from submission to disk_wait(); nothing points into guest memory.
 * 3. The base image's descriptor is only ever read.
 * 4. What a failed write has left in a layer is unknown, so nobody sees it: reads of those bytes
 * fail, too, until they are written again. Otherwise a replay, where the write does not fail, would
 * read something else.
 */
#include "machine/block/disk.h"

#include "machine/block/layer.h"
#include "machine/block/nbd.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS_MAX     8
#define SPACE_RETRY_US 200000

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
} Request;

/* Bytes of a failed write. */
typedef struct {
    uint64_t start, end;
} Extent;

struct Disk {
    int base_fd;
    Nbd *nbd; /* instead of base_fd, or NULL */
    uint64_t size;
    Layer *layer[LAYERS_MAX];
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
    GArray *spoilt; /* of Extent; the disk's thread */
    GQueue waiting; /* of Request */
    GQueue done;
    uint64_t next_ticket;
    Request *current; /* that the thread is at; NULL: none */
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
static Layer *upper(const Disk *disk)
{
    return disk->is_writable ? disk->layer[disk->layer_count - 1] : NULL;
}

static void free_request(gpointer data)
{
    Request *request = data;
    g_free(request->data);
    g_free(request);
}

/* --- on the disk's thread ------------------------------------------------------------------------
 */

/* Beyond the image's end (its last cluster may be short) there are zeroes. */
static int read_served(const Disk *disk, uint64_t offset, uint8_t *data, uint32_t length)
{
    uint64_t left = nbd_size(disk->nbd) > offset ? nbd_size(disk->nbd) - offset : 0;
    uint32_t there = (uint32_t)MIN(length, left);
    memset(data + there, 0, length - there);
    return there ? nbd_read(disk->nbd, offset, data, there) : 0;
}

static int read_base(const Disk *disk, uint64_t offset, uint8_t *data, uint32_t length)
{
    if (disk->nbd)
        return read_served(disk, offset, data, length);
    while (length > 0) {
        ssize_t got = pread(disk->base_fd, data, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0) {
            if (offset < disk->size)
                return EIO; /* the image was cut while in use */
            memset(data, 0, length);
            return 0;
        }
        data += got;
        offset += (uint64_t)got;
        length -= (uint32_t)got;
    }
    return 0;
}

static int read_cluster(const Disk *disk, uint32_t cluster, uint32_t offset, uint8_t *data,
                        uint32_t length)
{
    for (unsigned i = disk->layer_count; i-- > 0;) {
        uint32_t place = layer_find(disk->layer[i], cluster);
        if (place != LAYER_ABSENT)
            return layer_read(disk->layer[i], place, offset, data, length);
    }
    return read_base(disk, (uint64_t)cluster * LAYER_CLUSTER + offset, data, length);
}

static int write_new_cluster(const Disk *disk, uint32_t cluster, uint32_t offset,
                             const uint8_t *data, uint32_t length)
{
    g_autofree uint8_t *whole = g_malloc(LAYER_CLUSTER);
    Layer *layer = upper(disk);
    if (length < LAYER_CLUSTER) {
        int code = read_cluster(disk, cluster, 0, whole, LAYER_CLUSTER);
        if (code != 0)
            return code;
    }
    memcpy(whole + offset, data, length);
    uint32_t place = layer_new_place(layer);
    if (place == LAYER_ABSENT)
        return EFBIG;
    int code = layer_write(layer, place, 0, whole, LAYER_CLUSTER);
    return code ? code : layer_set_place(layer, cluster, place);
}

static int write_cluster(const Disk *disk, uint32_t cluster, uint32_t offset, const uint8_t *data,
                         uint32_t length)
{
    Layer *layer = upper(disk);
    if (!layer)
        return EROFS;
    uint32_t place = layer_find(layer, cluster);
    if (place != LAYER_ABSENT && layer_is_current(layer, place))
        return layer_write(layer, place, offset, data, length);
    return write_new_cluster(disk, cluster, offset, data, length);
}

/* Whether these bytes are all that the disk has of their cluster. */
static bool is_whole(const Disk *disk, uint64_t at, uint32_t length)
{
    return at % LAYER_CLUSTER == 0 && (length == LAYER_CLUSTER || at + length == disk->size);
}

static int zero_cluster(const Disk *disk, uint32_t cluster, uint32_t offset, uint32_t length)
{
    static const uint8_t zeroes[LAYER_CLUSTER];
    Layer *layer = upper(disk);
    if (!layer)
        return EROFS;
    if (layer_find(layer, cluster) == LAYER_ZERO)
        return 0;
    if (is_whole(disk, (uint64_t)cluster * LAYER_CLUSTER + offset, length))
        return layer_set_zero(layer, cluster);
    return write_cluster(disk, cluster, offset, zeroes, length);
}

static bool is_spoilt(const Disk *disk, uint64_t start, uint64_t end)
{
    for (guint i = 0; i < disk->spoilt->len; i++) {
        const Extent *extent = &g_array_index(disk->spoilt, Extent, i);
        if (start < extent->end && extent->start < end)
            return true;
    }
    return false;
}

/* The bytes are written: what is left of the spoilt extents. */
static void mend(Disk *disk, uint64_t start, uint64_t end)
{
    GArray *left = g_array_new(FALSE, FALSE, sizeof(Extent));
    for (guint i = 0; i < disk->spoilt->len; i++) {
        Extent extent = g_array_index(disk->spoilt, Extent, i);
        Extent before = { extent.start, MIN(extent.end, start) };
        Extent after = { MAX(extent.start, end), extent.end };
        if (before.start < before.end)
            g_array_append_val(left, before);
        if (after.start < after.end)
            g_array_append_val(left, after);
    }
    g_array_unref(disk->spoilt);
    disk->spoilt = left;
}

static void note_write(Disk *disk, const Request *request, int code)
{
    Extent extent = { request->offset, request->offset + request->length };
    if (disk->spoilt->len && extent.start < extent.end)
        mend(disk, extent.start, extent.end);
    if (code != 0)
        g_array_append_val(disk->spoilt, extent);
}

static int transfer_part(const Disk *disk, const Request *request, uint32_t done, uint32_t length)
{
    uint64_t at = request->offset + done;
    uint32_t cluster = (uint32_t)(at / LAYER_CLUSTER), inside = at % LAYER_CLUSTER;
    if (request->operation == DISK_READ)
        return read_cluster(disk, cluster, inside, request->data + done, length);
    if (request->operation == DISK_ZERO)
        return zero_cluster(disk, cluster, inside, length);
    return write_cluster(disk, cluster, inside, request->data + done, length);
}

static int transfer(const Disk *disk, Request *request)
{
    int code = 0;
    if (request->operation == DISK_READ &&
        is_spoilt(disk, request->offset, request->offset + request->length))
        return EIO;
    for (uint32_t done = 0; done < request->length && code == 0;) {
        uint32_t inside = (request->offset + done) % LAYER_CLUSTER;
        uint32_t length = MIN(request->length - done, LAYER_CLUSTER - inside);
        code = transfer_part(disk, request, done, length);
        done += length;
    }
    return code;
}

static int perform(const Disk *disk, Request *request)
{
    int code = disk->gate ? disk->gate(disk->gate_opaque, request->operation) : 0;
    if (code != 0)
        return code;
    if (request->operation != DISK_FLUSH)
        return transfer(disk, request);
    return upper(disk) ? layer_flush(upper(disk)) : 0;
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
static void perform_with_space(Disk *disk, Request *request)
{
    do
        request->code = perform(disk, request);
    while ((request->code == ENOSPC || request->code == EDQUOT) && wait_for_space(disk));
}

static void perform_whole(Disk *disk, Request *request)
{
    perform_with_space(disk, request);
    if (request->operation == DISK_WRITE || request->operation == DISK_ZERO)
        note_write(disk, request, request->code);
}

static void count(Disk *disk, const Request *request)
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
    figures->clusters = upper(disk) ? layer_cluster_count(upper(disk)) : 0;
}

/* With the lock held; takes REQUEST. */
static void end_request(Disk *disk, Request *request)
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
        free_request(request);
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

static gpointer disk_thread(gpointer data)
{
    Disk *disk = data;
    g_mutex_lock(&disk->lock);
    for (;;) {
        Request *request = g_queue_pop_head(&disk->waiting);
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

/* --- on the machine's thread ---------------------------------------------------------------------
 */

/* Takes NBD. */
static Disk *new_disk(int base_fd, Nbd *nbd, uint64_t bytes, GError **error)
{
    if (bytes < DISK_SECTOR || bytes / LAYER_CLUSTER >= LAYER_ABSENT - 1) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_FORMAT,
                    "the image has %" G_GUINT64_FORMAT " bytes; one sector (512) to 256 TiB can be "
                    "used",
                    bytes);
        nbd_free(nbd);
        return NULL;
    }
    Disk *disk = g_new0(Disk, 1);
    disk->base_fd = base_fd;
    disk->nbd = nbd;
    disk->size = bytes & ~(uint64_t)(DISK_SECTOR - 1);
    disk->next_ticket = 1;
    disk->spoilt = g_array_new(FALSE, FALSE, sizeof(Extent));
    g_mutex_init(&disk->lock);
    g_cond_init(&disk->changed);
    g_queue_init(&disk->waiting);
    g_queue_init(&disk->done);
    disk->thread = g_thread_new("disk", disk_thread, disk);
    return disk;
}

Disk *disk_new(int base_fd, GError **error)
{
    struct stat info;
    if (fstat(base_fd, &info) < 0) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot examine the image: %s",
                    g_strerror(errno));
        return NULL;
    }
    off_t bytes = S_ISBLK(info.st_mode) ? lseek(base_fd, 0, SEEK_END) : info.st_size;
    return new_disk(base_fd, NULL, bytes < 0 ? 0 : (uint64_t)bytes, error);
}

Disk *disk_new_nbd(int socket, GError **error)
{
    Nbd *nbd = nbd_new(socket, error);
    return nbd ? new_disk(-1, nbd, nbd_size(nbd), error) : NULL;
}

void disk_free(Disk *disk)
{
    if (!disk)
        return;
    if (disk->nbd)
        nbd_interrupt(disk->nbd); /* a server that hangs must not keep us */
    g_mutex_lock(&disk->lock);
    disk->must_end = true;
    g_cond_broadcast(&disk->changed);
    g_mutex_unlock(&disk->lock);
    g_thread_join(disk->thread);
    g_queue_clear_full(&disk->waiting, free_request);
    g_queue_clear_full(&disk->done, free_request);
    disk_leave_private(disk);
    if (upper(disk))
        layer_flush(upper(disk));
    for (unsigned i = 0; i < disk->layer_count; i++)
        layer_free(disk->layer[i]);
    nbd_free(disk->nbd);
    g_array_unref(disk->spoilt);
    g_cond_clear(&disk->changed);
    g_mutex_clear(&disk->lock);
    g_free(disk);
}

static bool is_working(Disk *disk)
{
    return disk->current || !g_queue_is_empty(&disk->waiting);
}

/* Waits for an empty queue, after which nobody asks for the present content any more; the lock is
 * held before and after. */
static void drain(Disk *disk)
{
    disk->gives_up = true;
    g_cond_broadcast(&disk->changed);
    while (is_working(disk))
        g_cond_wait(&disk->changed, &disk->lock);
    disk->gives_up = false;
}

/* The same to keep that content: 0, or ENOSPC when that may take for ever. */
static int drain_whole(Disk *disk)
{
    while (is_working(disk)) {
        if (disk->figures.is_waiting_for_space)
            return ENOSPC;
        g_cond_wait(&disk->changed, &disk->lock);
    }
    return 0;
}

static void update_version(Disk *disk)
{
    disk->figures.version = upper(disk) ? layer_version(upper(disk)) : 0;
    disk->figures.clusters = upper(disk) ? layer_cluster_count(upper(disk)) : 0;
}

/* Takes LAYER; ERROR is set when it is NULL. */
static bool add_layer(Disk *disk, Layer *layer, bool is_writable)
{
    if (!layer)
        return false;
    g_assert(disk->layer_count < LAYERS_MAX && !disk->is_writable);
    g_mutex_lock(&disk->lock);
    drain(disk);
    disk->layer[disk->layer_count++] = layer;
    disk->is_writable = is_writable;
    update_version(disk);
    g_mutex_unlock(&disk->lock);
    return true;
}

static uint32_t cluster_count(const Disk *disk)
{
    return (uint32_t)((disk->size + LAYER_CLUSTER - 1) / LAYER_CLUSTER);
}

/* The version that the layer to be added builds upon. */
static uint64_t top_version(const Disk *disk)
{
    return disk->layer_count ? layer_version(disk->layer[disk->layer_count - 1]) - 1 : 0;
}

bool disk_add_layer(Disk *disk, int directory_fd, const char *name, GError **error)
{
    disk->directory_fd = directory_fd;
    return add_layer(
        disk, layer_open(directory_fd, name, cluster_count(disk), top_version(disk), error), true);
}

bool disk_add_lower_layer(Disk *disk, int directory_fd, const char *name, uint64_t version,
                          GError **error)
{
    return add_layer(disk,
                     layer_open_frozen(directory_fd, name, cluster_count(disk), top_version(disk),
                                       version, error),
                     false);
}

uint64_t disk_size(const Disk *disk)
{
    return disk->size;
}

void disk_set_done(Disk *disk, DiskDone done, void *opaque)
{
    disk->done_function = done;
    disk->done_opaque = opaque;
}

/* Takes REQUEST. */
static uint64_t enqueue(Disk *disk, Request *request)
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

static Request *request_new(const Disk *disk, DiskOperation operation, uint64_t offset,
                            uint32_t length, uint8_t *data)
{
    g_assert(length <= (operation == DISK_ZERO ? DISK_ZERO_MAX : DISK_REQUEST_MAX));
    g_assert(offset <= disk->size && length <= disk->size - offset);
    g_assert(offset % DISK_SECTOR == 0 && length % DISK_SECTOR == 0);
    Request *request = g_new0(Request, 1);
    *request =
        (Request){ .operation = operation, .offset = offset, .length = length, .data = data };
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
    Request *request = request_new(disk, operation, offset, length, data);
    g_assert(disk->done_function);
    request->is_tagged = true;
    request->tag = tag;
    return enqueue(disk, request);
}

static GList *find_done(Disk *disk, uint64_t ticket)
{
    for (GList *link = disk->done.head; link; link = link->next)
        if (((Request *)link->data)->ticket == ticket)
            return link;
    return NULL;
}

bool disk_is_done(Disk *disk, uint64_t ticket)
{
    g_mutex_lock(&disk->lock);
    bool is_done = find_done(disk, ticket) != NULL;
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
    if (ticket && find_done(disk, ticket))
        progress = DISK_DONE;
    else if (disk->figures.is_waiting_for_space)
        progress = progress_of_full(disk);
    else if (ticket)
        progress = DISK_LATE;
    disk->wants_wake = progress != DISK_DONE || !ticket;
    g_mutex_unlock(&disk->lock);
    return progress;
}

static GList *find_waiting(Disk *disk, uint64_t ticket)
{
    for (GList *link = disk->waiting.head; link; link = link->next)
        if (((Request *)link->data)->ticket == ticket)
            return link;
    return NULL;
}

void disk_forget(Disk *disk, uint64_t ticket)
{
    g_mutex_lock(&disk->lock);
    g_assert(ticket && ticket < disk->next_ticket);
    GList *done = find_done(disk, ticket), *waiting = find_waiting(disk, ticket);
    if (done) {
        free_request(done->data);
        g_queue_delete_link(&disk->done, done);
    } else if (waiting) {
        ((Request *)waiting->data)->is_forgotten = true;
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
    while (!(link = find_done(disk, ticket)))
        g_cond_wait(&disk->changed, &disk->lock);
    Request *request = link->data;
    g_queue_delete_link(&disk->done, link);
    g_mutex_unlock(&disk->lock);
    int code = request->code;
    if (data && request->operation == DISK_READ)
        *data = g_steal_pointer(&request->data);
    free_request(request);
    return code;
}

static int copy_cluster(const Layer *from, uint32_t place, Layer *to, uint32_t cluster,
                        uint8_t *bytes)
{
    if (place == LAYER_ZERO)
        return layer_side_zero(to, cluster);
    int code = layer_read(from, place, 0, bytes, LAYER_CLUSTER);
    return code ? code : layer_side_write(to, cluster, bytes);
}

/*
 * Clusters that were written since the last lasting version go beside what is outside; all that the
 * private layer has, if it went back and forth in the meantime.
 */
static int copy_outside(Disk *disk)
{
    const Layer *private = disk->layer[disk->layer_count - 1];
    g_autofree uint8_t *bytes = g_malloc(LAYER_CLUSTER);
    uint64_t parent = disk->has_passed ? layer_first_version(private) : disk->lasting;
    int code = layer_side_begin(disk->outside, parent);
    for (uint32_t i = 0; i < cluster_count(disk) && code == 0; i++) {
        uint32_t place = layer_find(private, i);
        if (place == LAYER_ABSENT ||
            (!disk->has_passed && place != LAYER_ZERO && !layer_is_current(private, place)))
            continue;
        code = copy_cluster(private, place, disk->outside, i, bytes);
    }
    return code;
}

/* A version of the private layer as a number: which layer it was, and whether it was empty. */
#define PASSING        (1ull << 63)
#define PASSING_FIRST  (1ull << 62)
#define PASSING_NUMBER 40

static uint64_t passing_version(const Disk *disk, uint64_t inside)
{
    const Layer *private = disk->layer[disk->layer_count - 1];
    g_assert(inside >> PASSING_NUMBER == 0);
    return PASSING | (inside == layer_first_version(private) ? PASSING_FIRST : 0) |
           (disk->entries << PASSING_NUMBER & (PASSING_FIRST - 1)) | inside;
}

static int freeze_passing(Disk *disk, uint64_t *version)
{
    uint64_t inside;
    disk->has_passed |= !layer_is_unchanged(disk->layer[disk->layer_count - 1]);
    int code = layer_freeze_passing(disk->layer[disk->layer_count - 1], &inside);
    if (code == 0)
        *version = passing_version(disk, inside);
    return code;
}

void disk_set_passing(Disk *disk, bool is_passing)
{
    g_mutex_lock(&disk->lock);
    disk->is_passing = is_passing;
    g_mutex_unlock(&disk->lock);
}

static int freeze_private(Disk *disk, uint64_t *version)
{
    Layer *private = disk->layer[disk->layer_count - 1];
    uint64_t inside, lasting;
    if (disk->is_passing)
        return freeze_passing(disk, version);
    if (!disk->has_passed && layer_is_unchanged(private)) {
        *version = disk->lasting;
        return 0;
    }
    int code = copy_outside(disk);
    code = code ? code : layer_side_end(disk->outside, &lasting);
    code = code ? code : layer_freeze(private, &inside);
    if (code == 0)
        *version = disk->lasting = lasting;
    return code;
}

bool disk_is_idle(Disk *disk)
{
    g_mutex_lock(&disk->lock);
    bool is_idle = !is_working(disk);
    g_mutex_unlock(&disk->lock);
    return is_idle;
}

unsigned disk_superseded(const Disk *disk)
{
    return upper(disk) ? layer_superseded(upper(disk)) : 0;
}

bool disk_freeze(Disk *disk, uint64_t *version, GError **error)
{
    g_mutex_lock(&disk->lock);
    int code = drain_whole(disk);
    *version = 0;
    if (code == 0 && disk->outside)
        code = freeze_private(disk, version);
    else if (code == 0 && upper(disk))
        code = disk->is_passing ? layer_freeze_passing(upper(disk), version)
                                : layer_freeze(upper(disk), version);
    update_version(disk);
    g_mutex_unlock(&disk->lock);
    if (code != 0)
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot freeze the disk's version: %s",
                    g_strerror(code));
    return code == 0;
}

/* The upper layer gives way to a view of itself and an empty one above. */
static bool enter(Disk *disk, uint64_t version, GError **error)
{
    g_autoptr(Layer) view = layer_view(upper(disk), version, error);
    g_autoptr(Layer) layer =
        view ? layer_open(disk->directory_fd, NULL, cluster_count(disk), version, error) : NULL;
    if (!layer)
        return false;
    disk->outside = disk->layer[disk->layer_count - 1];
    disk->layer[disk->layer_count - 1] = g_steal_pointer(&view);
    disk->layer[disk->layer_count++] = g_steal_pointer(&layer);
    disk->lasting = version;
    disk->has_passed = false;
    disk->entries++;
    g_array_set_size(disk->spoilt, 0);
    return true;
}

static void leave(Disk *disk)
{
    layer_free(disk->layer[--disk->layer_count]);
    layer_free(disk->layer[disk->layer_count - 1]);
    disk->layer[disk->layer_count - 1] = g_steal_pointer(&disk->outside);
}

/* Inside, that is to leave and to enter again; when that fails, all is as it was. */
static bool enter_again(Disk *disk, uint64_t version, GError **error)
{
    Layer *view = disk->layer[disk->layer_count - 2], *private = disk->layer[disk->layer_count - 1];
    uint64_t lasting = disk->lasting;
    disk->layer_count--;
    disk->layer[disk->layer_count - 1] = g_steal_pointer(&disk->outside);
    if (enter(disk, version, error)) {
        layer_free(view);
        layer_free(private);
        return true;
    }
    disk->outside = disk->layer[disk->layer_count - 1];
    disk->layer[disk->layer_count - 1] = view;
    disk->layer[disk->layer_count++] = private;
    disk->lasting = lasting;
    return false;
}

static bool restore_passing(Disk *disk, uint64_t version, GError **error)
{
    uint64_t inside = version & ((1ull << PASSING_NUMBER) - 1);
    if (disk->outside && version == passing_version(disk, inside)) {
        disk->has_passed = true;
        return layer_restore(disk->layer[disk->layer_count - 1], inside, error);
    }
    if (disk->outside && version & PASSING_FIRST)
        return enter_again(disk, inside, error);
    g_set_error_literal(error, LAYER_ERROR, LAYER_ERROR_VERSION,
                        "the disk's version was one in passing, and is gone");
    return false;
}

bool disk_restore(Disk *disk, uint64_t version, GError **error)
{
    bool ok = true;
    g_mutex_lock(&disk->lock);
    drain(disk);
    g_array_set_size(disk->spoilt, 0); /* what a version holds is known, come from where it may */
    if (version & PASSING)
        ok = restore_passing(disk, version, error);
    else if (disk->outside)
        ok = enter_again(disk, version, error);
    else if (upper(disk))
        ok = layer_restore(upper(disk), version, error);
    else if (version != 0) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_VERSION,
                    "the disk has no layer, so no version %" G_GUINT64_FORMAT, version);
        ok = false;
    }
    update_version(disk);
    g_mutex_unlock(&disk->lock);
    return ok;
}

bool disk_enter_private(Disk *disk, uint64_t version, GError **error)
{
    bool ok = true;
    g_assert(!disk->outside && disk->layer_count < LAYERS_MAX);
    g_mutex_lock(&disk->lock);
    drain(disk);
    if (upper(disk)) /* without one it is never written, and there is one version only */
        ok = enter(disk, version, error);
    disk->is_private = ok;
    update_version(disk);
    g_mutex_unlock(&disk->lock);
    return ok;
}

void disk_leave_private(Disk *disk)
{
    g_mutex_lock(&disk->lock);
    drain(disk);
    if (disk->outside)
        leave(disk);
    disk->is_private = false;
    update_version(disk);
    g_mutex_unlock(&disk->lock);
}

bool disk_is_private(Disk *disk)
{
    return disk->is_private;
}

void disk_figures(Disk *disk, DiskFigures *figures)
{
    g_mutex_lock(&disk->lock);
    *figures = disk->figures;
    g_mutex_unlock(&disk->lock);
}
