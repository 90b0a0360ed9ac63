/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a disk's bytes are. A cluster is read from the uppermost layer that has it, else from the
 * base image, and written to the upper layer, at a new place (with the rest of the cluster copied)
 * unless it is of the present version.
 *
 * 1. The base image's descriptor is only ever read.
 * 2. What a failed write has left in a layer is unknown, so nobody sees it: reads of those bytes
 * fail, too, until they are written again. Otherwise a replay, where the write does not fail, would
 * read something else.
 */
#include "machine/block/disk-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
    Layer *layer = disk_upper(disk);
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
    Layer *layer = disk_upper(disk);
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
    Layer *layer = disk_upper(disk);
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
        const DiskExtent *extent = &g_array_index(disk->spoilt, DiskExtent, i);
        if (start < extent->end && extent->start < end)
            return true;
    }
    return false;
}

/* The bytes are written: what is left of the spoilt extents. */
static void mend(Disk *disk, uint64_t start, uint64_t end)
{
    GArray *left = g_array_new(FALSE, FALSE, sizeof(DiskExtent));
    for (guint i = 0; i < disk->spoilt->len; i++) {
        DiskExtent extent = g_array_index(disk->spoilt, DiskExtent, i);
        DiskExtent before = { extent.start, MIN(extent.end, start) };
        DiskExtent after = { MAX(extent.start, end), extent.end };
        if (before.start < before.end)
            g_array_append_val(left, before);
        if (after.start < after.end)
            g_array_append_val(left, after);
    }
    g_array_unref(disk->spoilt);
    disk->spoilt = left;
}

void disk_note_write(Disk *disk, const DiskRequest *request, int code)
{
    DiskExtent extent = { request->offset, request->offset + request->length };
    if (disk->spoilt->len && extent.start < extent.end)
        mend(disk, extent.start, extent.end);
    if (code != 0)
        g_array_append_val(disk->spoilt, extent);
}

static int transfer_part(const Disk *disk, const DiskRequest *request, uint32_t done,
                         uint32_t length)
{
    uint64_t at = request->offset + done;
    uint32_t cluster = (uint32_t)(at / LAYER_CLUSTER), inside = at % LAYER_CLUSTER;
    if (request->operation == DISK_READ)
        return read_cluster(disk, cluster, inside, request->data + done, length);
    if (request->operation == DISK_ZERO)
        return zero_cluster(disk, cluster, inside, length);
    return write_cluster(disk, cluster, inside, request->data + done, length);
}

int disk_transfer(const Disk *disk, DiskRequest *request)
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
