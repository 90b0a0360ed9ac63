/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While clusters are written to the image the layer above it shows the same ones, so at every
 * moment the disk has the content that it had before. The layer goes when all of the image is on
 * the host's disk: first its map, without which its clusters are not looked at.
 */
#include "machine/block/commit.h"

#include "machine/block/disk.h"
#include "machine/block/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(GError **error, const char *what, int code)
{
    g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot %s: %s", what, g_strerror(code));
    return false;
}

/* As a disk counts it: whole sectors. */
static uint64_t image_size(int image_fd)
{
    struct stat info;
    if (fstat(image_fd, &info) < 0)
        return 0;
    off_t bytes = S_ISBLK(info.st_mode) ? lseek(image_fd, 0, SEEK_END) : info.st_size;
    return bytes < 0 ? 0 : (uint64_t)bytes & ~(uint64_t)(DISK_SECTOR - 1);
}

static int write_image(int image_fd, const uint8_t *data, uint64_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t put = pwrite(image_fd, data, length, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        data += put;
        offset += (uint64_t)put;
        length -= (uint64_t)put;
    }
    return 0;
}

static bool write_clusters(const Layer *layer, int image_fd, uint64_t size, uint32_t *clusters,
                           GError **error)
{
    g_autofree uint8_t *bytes = g_malloc(LAYER_CLUSTER);
    for (uint64_t at = 0; at < size; at += LAYER_CLUSTER) {
        uint32_t place = layer_find(layer, (uint32_t)(at / LAYER_CLUSTER));
        if (place == LAYER_ABSENT)
            continue;
        int code = layer_read(layer, place, 0, bytes, LAYER_CLUSTER);
        if (code != 0)
            return fail(error, "read the layer", code);
        code = write_image(image_fd, bytes, MIN(LAYER_CLUSTER, size - at), at);
        if (code != 0)
            return fail(error, "write the image", code);
        ++*clusters;
    }
    return fsync(image_fd) == 0 || fail(error, "write the image", errno);
}

static bool remove_layer(int directory_fd, const char *name, GError **error)
{
    g_autofree char *map = g_strconcat(name, ".map", NULL);
    g_autofree char *clusters = g_strconcat(name, ".clusters", NULL);
    if (unlinkat(directory_fd, map, 0) < 0 || fsync(directory_fd) < 0 ||
        unlinkat(directory_fd, clusters, 0) < 0)
        return fail(error, "remove the layer", errno);
    return true;
}

bool commit_layer(int directory_fd, const char *name, int image_fd, uint32_t *clusters,
                  GError **error)
{
    g_autofree char *map = g_strconcat(name, ".map", NULL);
    uint64_t size = image_size(image_fd);
    uint64_t count = (size + LAYER_CLUSTER - 1) / LAYER_CLUSTER;
    *clusters = 0;
    if (faccessat(directory_fd, map, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || fail(error, "look for the layer", errno);
    if (count == 0 || count >= LAYER_ZERO)
        return fail(error, "use the image", EINVAL);
    g_autoptr(Layer) layer = layer_open(directory_fd, name, (uint32_t)count, 0, error);
    return layer && write_clusters(layer, image_fd, size, clusters, error) &&
           remove_layer(directory_fd, name, error);
}
