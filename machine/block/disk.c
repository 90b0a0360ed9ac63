/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk is made of its base image and layers, and let go.
 *
 * Only the disk's thread touches layers while requests are under way; the caller's thread does so
 * only with an empty queue (layers are added, versions frozen and restored).
 */
#include "machine/block/disk-internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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
    disk->spoilt = g_array_new(FALSE, FALSE, sizeof(DiskExtent));
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
    g_queue_clear_full(&disk->waiting, disk_request_free);
    g_queue_clear_full(&disk->done, disk_request_free);
    disk_leave_private(disk);
    if (disk_upper(disk))
        layer_flush(disk_upper(disk));
    for (unsigned i = 0; i < disk->layer_count; i++)
        layer_free(disk->layer[i]);
    nbd_free(disk->nbd);
    g_array_unref(disk->spoilt);
    g_cond_clear(&disk->changed);
    g_mutex_clear(&disk->lock);
    g_free(disk);
}

void disk_update_version(Disk *disk)
{
    disk->figures.version = disk_upper(disk) ? layer_version(disk_upper(disk)) : 0;
    disk->figures.clusters = disk_upper(disk) ? layer_cluster_count(disk_upper(disk)) : 0;
}

/* Takes LAYER; ERROR is set when it is NULL. */
static bool add_layer(Disk *disk, Layer *layer, bool is_writable)
{
    if (!layer)
        return false;
    g_assert(disk->layer_count < DISK_LAYERS_MAX && !disk->is_writable);
    g_mutex_lock(&disk->lock);
    disk_drain(disk);
    disk->layer[disk->layer_count++] = layer;
    disk->is_writable = is_writable;
    disk_update_version(disk);
    g_mutex_unlock(&disk->lock);
    return true;
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
        disk, layer_open(directory_fd, name, disk_cluster_count(disk), top_version(disk), error),
        true);
}

bool disk_add_lower_layer(Disk *disk, int directory_fd, const char *name, uint64_t version,
                          GError **error)
{
    return add_layer(disk,
                     layer_open_frozen(directory_fd, name, disk_cluster_count(disk),
                                       top_version(disk), version, error),
                     false);
}

uint64_t disk_size(const Disk *disk)
{
    return disk->size;
}

void disk_figures(Disk *disk, DiskFigures *figures)
{
    g_mutex_lock(&disk->lock);
    *figures = disk->figures;
    g_mutex_unlock(&disk->lock);
}
