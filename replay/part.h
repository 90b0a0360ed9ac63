/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of a recording folder: whole files that appear at once, and parts, which are streams of
 * state in compressed, checksummed chunks.
 *
 * A part: "PSTA", format u32; per chunk raw length u32, packed length u32, XXH3-64 over both
 * lengths and the payload, a zstd frame; a chunk of raw length 0 ends it.
 */
#pragma once

#include "replay/state.h"

/* Opens NAME in DIRECTORY for reading: a regular file, no link. -1 and ERROR. */
int part_open(int directory, const char *name, GError **error);
/* Creates NAME empty for reading and writing; it must not exist. -1 and ERROR. */
int part_create(int directory, const char *name, GError **error);
/* Syncs the file FD, called TEMPORARY, renames it to NAME, syncs the folder. */
gboolean part_publish(int directory, int fd, const char *temporary, const char *name,
                      GError **error);
/* Writes NAME with this content, all or nothing. */
gboolean part_replace_text(int directory, const char *name, const char *text, GError **error);
/* All of a text file of at most LIMIT bytes, without zero bytes. */
char *part_read_text(int directory, const char *name, gsize limit, GError **error);
/* SHA-256 of the file FD as hex digits, and its size. */
char *part_sha256(int fd, guint64 *size, GError **error);
/* Whether NAME can be one: 1 to 64 of a-z 0-9 . - and no '.' in front. */
gboolean part_name_is_valid(const char *name);

typedef struct PartWriter PartWriter;
PartWriter *part_writer_new(int fd);
void part_writer_free(PartWriter *part);
/* A StateSink. */
gboolean part_writer_sink(gpointer part, const guint8 *data, gsize length, GError **error);
gboolean part_writer_finish(PartWriter *part, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PartWriter, part_writer_free)

typedef struct PartReader PartReader;
PartReader *part_reader_new(int fd, const char *name);
void part_reader_free(PartReader *part);
/* A StateSource. */
gssize part_reader_source(gpointer part, guint8 *buffer, gsize length, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PartReader, part_reader_free)
