/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a log file: what each record looks like, and writing them in order. No threads and
 * no clocks; log-thread.c decides when.
 *
 * header, 64 bytes:
 *     version u32, reserved u64 (zero), zero u32, start icount u64, start virtual ns u64,
 *     start sequence u32, zero u32, zero u64, zero u64, XXH3-64 of the 56 bytes before u64
 * slot, 64 bytes, two of them:
 *     "PROG", sequence u32, counter u64, icount u64, virtual ns u64, end of the segments u64,
 *     hash of the last segment (16 bytes), XXH3-64 of the 56 bytes before u64
 * segment, 88 bytes and a zstd frame:
 *     "PSEG", number u32, raw length u32, packed length u32, first icount u64, last icount u64,
 *     last virtual ns u64, first event u64, events u32, flags u32 (1: has END),
 *     hash of the segment before (16 bytes; of the header for the first),
 *     own hash (16 bytes): XXH3-128 over the 72 bytes before it and the frame
 * index:
 *     "PIDX", segments u32, per segment offset u64, first icount u64, first event u64;
 *     XXH3-64 of all before u64
 * trailer, 24 bytes:
 *     "PEND", zero u32, offset of the index u64, XXH3-64 of the 16 bytes before u64
 */
#pragma once

#include "replay/hash.h"
#include "replay/log.h"

#define LOG_HEADER_SIZE         64
#define LOG_SLOT_SIZE           64
#define LOG_SLOT_OFFSET(n)      (LOG_HEADER_SIZE + (n)*LOG_SLOT_SIZE)
#define LOG_SEGMENTS_OFFSET     LOG_SLOT_OFFSET(2)
#define LOG_SEGMENT_HEADER_SIZE 88
#define LOG_INDEX_ROW_SIZE      24
#define LOG_INDEX_FIXED_SIZE    16 /* magic, count and checksum */
#define LOG_TRAILER_SIZE        24

#define LOG_SEGMENT_HAS_END 1u

typedef struct LogSlot {
    Position position;
    guint64 counter;
    guint64 end_offset;
    Digest chain;
} LogSlot;

typedef struct LogSegment {
    guint64 offset; /* in the file, of the header; not stored in it */
    guint32 number;
    guint32 raw_length;
    guint32 packed_length;
    guint64 first_icount; /* before the first event */
    guint64 last_icount;
    guint64 last_virtual_ns;
    guint64 first_event;
    guint32 events;
    guint32 flags;
    Digest previous;
    Digest hash;
} LogSegment;

void log_header_encode(guint8 out[LOG_HEADER_SIZE], const Position *start);
gboolean log_header_decode(const guint8 in[LOG_HEADER_SIZE], Position *start, GError **error);
void log_slot_encode(guint8 out[LOG_SLOT_SIZE], const LogSlot *slot);
gboolean log_slot_decode(const guint8 in[LOG_SLOT_SIZE], LogSlot *slot);
void log_segment_encode(guint8 out[LOG_SEGMENT_HEADER_SIZE], const LogSegment *segment);
/* Does not check the hash: that needs the payload. FALSE if there is no segment here. */
gboolean log_segment_decode(const guint8 in[LOG_SEGMENT_HEADER_SIZE], LogSegment *segment);
/* HEADER as stored, PAYLOAD of segment->packed_length bytes. */
void log_segment_hash(const guint8 header[LOG_SEGMENT_HEADER_SIZE], const guint8 *payload,
                      gsize length, Digest *hash);
guint64 log_checksum(const void *data, gsize length);

/* Reads exactly LENGTH bytes at OFFSET; FALSE and ERROR otherwise. */
gboolean log_read_at(int fd, void *data, gsize length, guint64 offset, GError **error);
/* Writes all of them there; FALSE and ERROR when the host cannot. */
gboolean log_write_at(int fd, const guint8 *data, gsize length, guint64 offset, GError **error);

/* A log file that is being written. */
typedef struct LogFile LogFile;
LogFile *log_file_new(int fd, const Position *start, GError **error);
void log_file_free(LogFile *file);
/* RAW: at most LOG_SEGMENT_RAW_MAX bytes. Fills in number, lengths, hashes, offset of SEGMENT. */
gboolean log_file_append(LogFile *file, LogSegment *segment, const guint8 *raw, gsize length,
                         GError **error);
gboolean log_file_progress(LogFile *file, const Position *position, GError **error);
gboolean log_file_write_index(LogFile *file, GError **error);
gboolean log_file_sync(LogFile *file, GError **error);
guint64 log_file_size(const LogFile *file);
guint log_file_segments(const LogFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogFile, log_file_free)
