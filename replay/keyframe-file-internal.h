/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by keyframe-file.c, which reads such a file, keyframe-file-append.c, which writes at its
 * end, and keyframe-block.c: what both are made of.
 *
 * "PPKF", format u32, pages of memory u64; then blocks, each a header of 16 bytes (kind u32, raw
 * length u32, packed length u32, number of pages u32), a 16-byte digest of each page, a zstd frame,
 * and an XXH3-64 over all of that. A block of kind 1 holds pages. One of kind 2 holds a keyframe:
 * its KeyframeEntry, then the length of its state, the state, the number of changes, the changes:
 * pages with another place than in the keyframe before, or, in the first one, than at the start.
 * One of kind 3 holds a text, behind its device u64 and its start u64. Numbers are big-endian.
 */
#pragma once

#include "replay/keyframe-file.h"

typedef enum { KIND_PAGES = 1, KIND_FRAME = 2, KIND_TEXT = 3 } BlockKind;

#define KEYFRAME_MAGIC  0x50504b46u
#define KEYFRAME_FORMAT 2u
#define HEADER_SIZE     16u

#define BLOCK_HEADER  16u
#define BLOCK_PAGES   32u
#define BLOCK_RAW_MAX (256u << 20)
#define TEXT_HEADER   16u
#define PLACE_SLOTS   8 /* bits of a place that are the page in its block */

typedef struct Block {
    guint32 kind, raw, packed, count;
    guint64 offset, length;
} Block;

struct KeyframeFile {
    int fd;
    guint64 pages;
    GArray *entries; /* of KeyframeEntry, in the file's order */
    GArray *changes; /* of GArray *: of each entry */
    GArray *texts;   /* of KeyframeTextEntry */
    /* The writer's. */
    guint64 end;
    gboolean is_begun;     /* its header is there */
    guint64 *places;       /* of the keyframe that is last in the file */
    GHashTable *by_digest; /* Digest -> place: owned, both */
    gboolean is_closed;    /* takes no more */
};

/* --- numbers, as they are in the file --------------------------------------------------------- */

guint32 keyframe_get32(const guint8 *at);
void keyframe_put32(guint8 *at, guint32 value);
guint64 keyframe_get64(const guint8 *at);
void keyframe_put64(guint8 *at, guint64 value);

/* --- blocks ----------------------------------------------------------------------------------- */

/* FALSE, and ERROR says that the recording's keyframes WHAT at OFFSET. */
gboolean keyframe_fail(GError **error, const char *what, guint64 offset);
/* BLOCK but for its offset; FALSE if that is no block's header. */
gboolean keyframe_block_decode(Block *block, const guint8 header[BLOCK_HEADER]);
/* The content of the block at OFFSET, checked, and BLOCK; the caller frees it. NULL with ERROR. */
guint8 *keyframe_block_read(const KeyframeFile *file, guint64 offset, Block *block, GError **error);
/* At the file's end, which is behind it afterwards. FALSE with ERROR. */
gboolean keyframe_block_write(KeyframeFile *file, BlockKind kind, const guint8 *raw, gsize length,
                              const Digest *digests, guint count, GError **error);

/* --- what the writer knows -------------------------------------------------------------------- */

/* Of page SLOT of the block at OFFSET. */
guint64 keyframe_place(guint64 offset, guint slot);
/* The page with that digest is at PLACE. */
void keyframe_know_page(KeyframeFile *file, const Digest *digest, guint64 place);
/* CHANGES (of KeyframeChange) into the places of all pages. */
void keyframe_apply(guint64 *places, const GArray *changes);
