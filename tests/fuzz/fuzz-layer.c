/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The map of a disk's layer: a log that may come from anywhere. What is taken must behave: clusters
 * are found or absent, versions restore or are refused, and the layer can be written on.
 */
#include "machine/block/layer.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define CLUSTERS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_file(int directory_fd, const char *name, const uint8_t *data, size_t size)
{
    int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void use(Layer *layer)
{
    uint8_t bytes[512] = { 0 };
    uint64_t version;
    for (uint32_t cluster = 0; cluster < CLUSTERS; cluster++) {
        uint32_t place = layer_find(layer, cluster);
        if (place != LAYER_ABSENT)
            layer_read(layer, place, 0, bytes, sizeof bytes); /* may fail, being cut off */
    }
    for (uint64_t wanted = 0; wanted < 4; wanted++)
        layer_restore(layer, wanted, NULL);
    g_assert(layer_set_place(layer, 1, 3) == 0 && layer_find(layer, 1) == 3);
    g_assert(layer_set_zero(layer, 0) == 0 && layer_find(layer, 0) == LAYER_ZERO);
    g_assert(layer_freeze(layer, &version) == 0);
    g_assert(layer_restore(layer, version, NULL) && layer_find(layer, 1) == 3);
}

/* A valid header, so that the fuzzer can get at the records; their checksums it has to find. */
static void seed_header(int directory_fd)
{
    g_autoptr(Layer) layer = layer_open(directory_fd, "seed", CLUSTERS, 0, NULL);
    g_assert(layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *directory;
    static int directory_fd;
    static uint8_t header[32];
    if (!directory) {
        /* In memory, where a flush costs nothing. */
        directory = g_mkdtemp(g_strdup("/dev/shm/fuzz-layer-XXXXXX"));
        g_assert(directory);
        directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
        seed_header(directory_fd);
        int fd = openat(directory_fd, "seed.map", O_RDONLY);
        g_assert(read(fd, header, sizeof header) == sizeof header);
        close(fd);
    }
    /* The first byte says whether the header is ours; each record is sealed as a writer would. */
    g_autoptr(GByteArray) map = g_byte_array_new();
    if (size && data[0] & 1)
        g_byte_array_append(map, header, sizeof header);
    for (size_t at = 1; at + 16 <= size && data[0] & 1; at += 16) {
        uint64_t offset = map->len, sum = 0xcbf29ce484222325u;
        for (unsigned i = 0; i < 16; i++)
            sum = (sum ^ data[at + i]) * 0x100000001b3u;
        uint64_t seal = GUINT64_TO_BE(sum ^ offset);
        g_byte_array_append(map, data + at, 16);
        g_byte_array_append(map, (const guint8 *)&seal, 8);
    }
    if (size && !(data[0] & 1))
        g_byte_array_append(map, data + 1, (guint)(size - 1));
    put_file(directory_fd, "fuzz.map", map->data, map->len);
    put_file(directory_fd, "fuzz.clusters", NULL, 0);
    g_autoptr(Layer) layer = layer_open(directory_fd, "fuzz", CLUSTERS, 0, NULL);
    if (layer)
        use(layer);
    return 0;
}
