/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs: files of compressed pages that snapshots refer to.
 *
 * A pack's name is the digest of its content (32 hex digits and ".pages"), so that it belongs to no
 * machine in particular, and nothing in it is ever changed. "PPGS", format u32; then chunks: the
 * number of pages u32, packed length u32, XXH3-64 over both and the payload, a zstd frame.
 */
#pragma once

#include <glib.h>

#include "replay/page-store.h"

#define PACK_CHUNK_PAGES 16u
#define PACK_NAME_SIZE   33 /* of the digits and a zero byte */
#define PACK_SUFFIX      ".pages"

struct PagePack {
    char name[PACK_NAME_SIZE];
    int directory;    /* borrowed: where the file is opened by its name */
    int fd;           /* -1: not open */
    gboolean is_gone; /* the file has no name any more; it can be read through FD only */
};

/* --- writing -------------------------------------------------------------- */

typedef struct PackWriter PackWriter;

/* Into the empty file FD (borrowed). */
PackWriter *pack_writer_new(int fd);
void pack_writer_free(PackWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackWriter, pack_writer_free)
/* Appends a page; OFFSET and SLOT say where it will be. */
gboolean pack_writer_add(PackWriter *writer, const guint8 *data, guint64 *offset, guint32 *slot,
                         GError **error);
/* Writes the last chunk; NAME becomes the pack's. */
gboolean pack_writer_finish(PackWriter *writer, char name[PACK_NAME_SIZE], GError **error);
guint64 pack_writer_bytes(const PackWriter *writer);

/* --- reading -------------------------------------------------------------- */

/* Opens the pack, if it is not open yet. */
gboolean pack_open(PagePack *pack, GError **error);
void pack_close(PagePack *pack);

/* Reads chunks, the last one again without work. */
typedef struct PackReader PackReader;
PackReader *pack_reader_new(void);
void pack_reader_free(PackReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackReader, pack_reader_free)
/* The bytes of a page, valid until the next call; NULL with ERROR naming the pack. */
const guint8 *pack_reader_page(PackReader *reader, PagePack *pack, guint64 offset, guint32 slot,
                               GError **error);

/*
 * Reads the whole pack NAME in DIRECTORY and compares it with its name. KNOWN (or NULL) is a set of
 * texts in which this remembers files that were good: one whose identity, size and times are the
 * same is not read again.
 */
gboolean pack_verify(int directory, const char *name, GHashTable *known, GError **error);
/* An empty set for it. */
GHashTable *pack_known_new(void);
/* Whether a file of this name can be a pack. */
gboolean pack_is_file_name(const char *file);
