/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What snapshots' files hold: what one says in front of all else, and packs of pages. The first
 * byte picks.
 */
#include "replay/log-file.h"
#include "replay/snapshot-internal.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK_HEADER 16u
#define PACK_HEADER  8u

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* The name is right: anything else is told apart at once. */
static void try_info(const guint8 *data, size_t size)
{
    static const guint8 name[] = { 0, 0, 0, 1, 'x' };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, name, sizeof name);
    g_byte_array_append(bytes, data, (guint)size);
    g_autoptr(StateReader) reader = state_reader_new_memory(bytes->data, bytes->len);
    g_autoptr(GError) error = NULL;
    SnapshotInfo *info = snapshot_info_new("x");
    bool good = snapshot_info_get(reader, info, &error);
    g_assert(good == !error);
    snapshot_info_free(info);
}

/* The input is changes to a good chunk, of a place and a byte each; its checksum is then right. */
static void try_chunk(int fd, const guint8 *data, size_t size)
{
    static ZSTD_CCtx *compressor;
    static PackReader *reader;
    guint8 pages[2 * PAGE_BYTES], chunk[CHUNK_HEADER + 256] = { 0 };
    PagePack pack = { .name = "x", .directory = -1, .fd = fd, .is_gone = TRUE };
    if (!compressor) {
        compressor = ZSTD_createCCtx();
        reader = pack_reader_new();
    }
    memset(pages, size ? data[0] : 0, sizeof pages);
    gsize packed = ZSTD_compressCCtx(compressor, chunk + CHUNK_HEADER, 256, pages, sizeof pages, 1);
    g_assert(!ZSTD_isError(packed));
    chunk[3] = 2;
    chunk[7] = (guint8)packed;
    for (size_t at = 1; at + 1 < size; at += 2)
        chunk[data[at] % (CHUNK_HEADER + packed)] = data[at + 1];
    guint64 sum = log_checksum(chunk, 8) ^ log_checksum(chunk + CHUNK_HEADER, MIN(chunk[7], 255));
    sum = GUINT64_TO_BE(sum);
    memcpy(chunk + 8, &sum, sizeof sum);
    gsize length = CHUNK_HEADER + MIN(chunk[7], 255);
    g_assert(pwrite(fd, chunk, length, PACK_HEADER) == (gssize)length &&
             ftruncate(fd, (off_t)(PACK_HEADER + length)) == 0);
    for (guint32 slot = 0; slot < 3; slot++) {
        g_autoptr(GError) error = NULL;
        const guint8 *page = pack_reader_page(reader, &pack, PACK_HEADER, slot, &error);
        g_assert(!page == (error != NULL));
        if (page)
            log_checksum(page, PAGE_BYTES);
    }
    /* The reader forgets the chunk: the next input has another one in the same place. */
    g_autoptr(GError) error = NULL;
    g_assert(!pack_reader_page(reader, &pack, PACK_HEADER + length, 0, &error));
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (size && data[0] & 1)
        try_chunk(fd, data + 1, size - 1);
    else if (size)
        try_info(data + 1, size - 1);
    return 0;
}
