/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Versions of a disk: what disk_freeze() keeps, disk_restore() goes back to, and the private layer
 * of a replay, whose versions last when they are copied beside what is outside, or pass with it.
 *
 * Layers are touched here, on the machine's thread, only while the queue is empty.
 */
#include "machine/block/disk-internal.h"

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
    for (uint32_t i = 0; i < disk_cluster_count(disk) && code == 0; i++) {
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

unsigned disk_superseded(const Disk *disk)
{
    return disk_upper(disk) ? layer_superseded(disk_upper(disk)) : 0;
}

bool disk_freeze(Disk *disk, uint64_t *version, GError **error)
{
    g_mutex_lock(&disk->lock);
    int code = disk_drain_whole(disk);
    *version = 0;
    if (code == 0 && disk->outside)
        code = freeze_private(disk, version);
    else if (code == 0 && disk_upper(disk))
        code = disk->is_passing ? layer_freeze_passing(disk_upper(disk), version)
                                : layer_freeze(disk_upper(disk), version);
    disk_update_version(disk);
    g_mutex_unlock(&disk->lock);
    if (code != 0)
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot freeze the disk's version: %s",
                    g_strerror(code));
    return code == 0;
}

/* The upper layer gives way to a view of itself and an empty one above. */
static bool enter(Disk *disk, uint64_t version, GError **error)
{
    g_autoptr(Layer) view = layer_view(disk_upper(disk), version, error);
    g_autoptr(Layer) layer =
        view ? layer_open(disk->directory_fd, NULL, disk_cluster_count(disk), version, error)
             : NULL;
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
    disk_drain(disk);
    g_array_set_size(disk->spoilt, 0); /* what a version holds is known, come from where it may */
    if (version & PASSING)
        ok = restore_passing(disk, version, error);
    else if (disk->outside)
        ok = enter_again(disk, version, error);
    else if (disk_upper(disk))
        ok = layer_restore(disk_upper(disk), version, error);
    else if (version != 0) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_VERSION,
                    "the disk has no layer, so no version %" G_GUINT64_FORMAT, version);
        ok = false;
    }
    disk_update_version(disk);
    g_mutex_unlock(&disk->lock);
    return ok;
}

bool disk_enter_private(Disk *disk, uint64_t version, GError **error)
{
    bool ok = true;
    g_assert(!disk->outside && disk->layer_count < DISK_LAYERS_MAX);
    g_mutex_lock(&disk->lock);
    disk_drain(disk);
    if (disk_upper(disk)) /* without one it is never written, and there is one version only */
        ok = enter(disk, version, error);
    disk->is_private = ok;
    disk_update_version(disk);
    g_mutex_unlock(&disk->lock);
    return ok;
}

void disk_leave_private(Disk *disk)
{
    g_mutex_lock(&disk->lock);
    disk_drain(disk);
    if (disk->outside)
        leave(disk);
    disk->is_private = false;
    disk_update_version(disk);
    g_mutex_unlock(&disk->lock);
}

bool disk_is_private(Disk *disk)
{
    return disk->is_private;
}
