/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of a file of keyframes: what each looks like, one read and checked, one written.
 *
 * 1. A block that is read has been checked, header, lengths and content.
 * 2. One that was cut off, or that was written in part only, is none: its checksum comes last.
 */
#include "replay/keyframe-file-internal.h"

#include <string.h>
#include <zstd.h>

#include "replay/log-file.h"

#define BLOCK_TRAILER 8u
#define LEVEL         1

guint32 keyframe_get32(const guint8 *at)
{
    guint32 value;

    memcpy(&value, at, sizeof value);
    return GUINT32_FROM_BE(value);
}

void keyframe_put32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof value);
}

guint64 keyframe_get64(const guint8 *at)
{
    return (guint64)keyframe_get32(at) << 32 | keyframe_get32(at + 4);
}

void keyframe_put64(guint8 *at, guint64 value)
{
    keyframe_put32(at, (guint32)(value >> 32));
    keyframe_put32(at + 4, (guint32)value);
}

gboolean keyframe_block_decode(Block *block, const guint8 header[BLOCK_HEADER])
{
    block->kind = keyframe_get32(header);
    block->raw = keyframe_get32(header + 4);
    block->packed = keyframe_get32(header + 8);
    block->count = keyframe_get32(header + 12);
    block->length =
        BLOCK_HEADER + (guint64)block->count * DIGEST_SIZE + block->packed + BLOCK_TRAILER;
    return block->kind >= KIND_PAGES && block->kind <= KIND_TEXT && block->raw <= BLOCK_RAW_MAX &&
           block->count <= BLOCK_PAGES && block->packed <= ZSTD_compressBound(BLOCK_RAW_MAX) &&
           (block->kind != KIND_PAGES || block->raw == block->count * PAGE_BYTES);
}

gboolean keyframe_fail(GError **error, const char *what, guint64 offset)
{
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                "the recording's keyframes %s at offset %" G_GUINT64_FORMAT, what, offset);
    return FALSE;
}

guint8 *keyframe_block_read(const KeyframeFile *file, guint64 offset, Block *block, GError **error)
{
    guint8 header[BLOCK_HEADER];
    guint64 checksum;

    if (!log_read_at(file->fd, header, sizeof header, offset, error)) {
        return NULL;
    }
    if (!keyframe_block_decode(block, header)) {
        keyframe_fail(error, "have no block", offset);
        return NULL;
    }

    g_autofree guint8 *stored = g_malloc(block->length);
    g_autofree guint8 *raw = g_malloc(MAX(block->raw, 1));
    gsize body = block->length - BLOCK_TRAILER, front = body - block->packed;

    if (!log_read_at(file->fd, stored, block->length, offset, error)) {
        return NULL;
    }
    memcpy(&checksum, stored + body, sizeof checksum);
    if (GUINT64_FROM_BE(checksum) != log_checksum(stored, body) ||
        ZSTD_decompress(raw, block->raw, stored + front, block->packed) != block->raw) {
        keyframe_fail(error, "are damaged", offset);
        return NULL;
    }
    return g_steal_pointer(&raw);
}

static gboolean begin_file(KeyframeFile *file, GError **error)
{
    guint8 header[HEADER_SIZE];
    guint64 pages = GUINT64_TO_BE(file->pages);

    keyframe_put32(header, KEYFRAME_MAGIC);
    keyframe_put32(header + 4, KEYFRAME_FORMAT);
    memcpy(header + 8, &pages, sizeof pages);
    file->is_begun = log_write_at(file->fd, header, sizeof header, 0, error);
    return file->is_begun;
}

gboolean keyframe_block_write(KeyframeFile *file, BlockKind kind, const guint8 *raw, gsize length,
                              const Digest *digests, guint count, GError **error)
{
    gsize front = BLOCK_HEADER + (gsize)count * DIGEST_SIZE, bound = ZSTD_compressBound(length);
    g_autofree guint8 *stored = g_malloc(front + bound + BLOCK_TRAILER);
    gsize packed = ZSTD_compress(stored + front, bound, raw, length, LEVEL);

    g_assert(!ZSTD_isError(packed));
    keyframe_put32(stored, kind);
    keyframe_put32(stored + 4, (guint32)length);
    keyframe_put32(stored + 8, (guint32)packed);
    keyframe_put32(stored + 12, count);
    if (count) {
        memcpy(stored + BLOCK_HEADER, digests, (gsize)count * DIGEST_SIZE);
    }

    guint64 checksum = GUINT64_TO_BE(log_checksum(stored, front + packed));

    memcpy(stored + front + packed, &checksum, sizeof checksum);
    if ((!file->is_begun && !begin_file(file, error)) ||
        !log_write_at(file->fd, stored, front + packed + BLOCK_TRAILER, file->end, error)) {
        g_prefix_error(error, "the recording's keyframes: ");
        return FALSE;
    }
    file->end += front + packed + BLOCK_TRAILER;
    return TRUE;
}
