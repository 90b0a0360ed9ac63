/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log file: a header, two progress slots, segments of events, and at the end an index.
 *
 *     0    header: version (4 bytes), reserved (8 bytes, zero); where the log starts
 *     64   progress slot 0    both 64-byte slots are rewritten in turn; the valid one with the
 *     128  progress slot 1    higher counter says how far a run without news has come
 *     192  segments, one after the other: an 88-byte header and zstd-compressed events
 *          index and trailer, when the log was closed
 *
 * A segment's header holds its number, lengths, the positions that it spans, the hash of the
 * segment before it and its own (XXH3-128 over header and payload). The index only saves time: it
 * is made again by a scan when it is absent or damaged.
 *
 * Writing: the machine thread appends to a bounded buffer, the log's own thread (log-thread.c)
 * writes it every 100 ms and calls fdatasync every second. If the machine is faster than the disk,
 * appending waits; that changes host time only.
 *
 * Invariants
 * 1. The file is a valid recording at each moment from its creation on: what a crash leaves behind
 *    is a shorter one.
 * 2. Every byte that matters is under a checksum. A bad one is reported with segment and offset;
 *    one that does not matter (an old slot, an index) is reported as a note.
 * 3. The reader never trusts a length: nothing larger than LOG_SEGMENT_RAW_MAX is allocated.
 * 4. A log without news does not grow.
 */
#pragma once

#include "replay/event.h"
#include "replay/hash.h"

#define LOG_VERSION         0x50500002u /* "PP", format 2 */
#define LOG_SEGMENT_RAW_MAX (4u << 20)

#define LOG_ERROR (log_error_quark())
GQuark log_error_quark(void);

typedef enum LogError {
    LOG_ERROR_VERSION,
    LOG_ERROR_DAMAGED, /* names segment and offset */
    LOG_ERROR_IO,
    LOG_ERROR_FULL, /* no space on the disk */
} LogError;

/* --- writing -------------------------------------------------------------- */

typedef struct LogWriter LogWriter;

/* A log in the empty file FD, of which it takes a duplicate. START: where the first event counts
 * from. Header and slots are written when this returns. */
LogWriter *log_writer_new(int fd, const Position *start, GError **error);
/* Stops without an index, as a crash would. */
void log_writer_free(LogWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogWriter, log_writer_free)

/* Appends one event at POSITION, with INSTRUCTION and WAKE before it as needed. Returns the bytes
 * appended. After an error of the disk the event is dropped (see log_writer_failed). */
gsize log_writer_append(LogWriter *writer, const Position *position, const Event *event);
/* The machine has come to POSITION. FALSE if the disk has failed. */
gboolean log_writer_progress(LogWriter *writer, const Position *position);
/* Writes all that is pending and the index, waits for the disk, frees the writer. */
gboolean log_writer_close(LogWriter *writer, GError **error);
/* Waits until all that was appended is written to the file (not: synced). */
gboolean log_writer_flush(LogWriter *writer, GError **error);
/* TRUE, and a copy of the first error, if the disk has failed. */
gboolean log_writer_failed(LogWriter *writer, GError **error);

typedef struct LogWriterCounters {
    guint64 events;   /* appended, INSTRUCTION and WAKE included */
    guint64 raw;      /* bytes of events */
    guint64 file;     /* size of the file */
    guint64 segments; /* written */
    guint64 waits;    /* times that appending had to wait for the disk */
} LogWriterCounters;
void log_writer_counters(LogWriter *writer, LogWriterCounters *counters);

/* --- reading -------------------------------------------------------------- */

typedef struct LogReader LogReader;

/* Opens the log in FD, of which it takes a duplicate. Segments are read when they are needed. */
LogReader *log_reader_new(int fd, GError **error);
void log_reader_free(LogReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogReader, log_reader_free)

/* TRUE if the log was closed; FALSE for a shorter recording that a crash has left. */
gboolean log_reader_closed(const LogReader *reader);
/* Where the log begins, and how far it is known to go. */
void log_reader_range(const LogReader *reader, Position *start, Position *end);
guint log_reader_segments(const LogReader *reader);
/* What was found odd but does no harm: NULL-terminated texts. */
const char *const *log_reader_notes(const LogReader *reader);

typedef struct LogEvent {
    Event event;       /* never INSTRUCTION or WAKE when read by log_cursor_next() */
    Position position; /* sequence is 1 if the event has a virtual time of its own, else 0 and
                          virtual_ns is not known: 0 */
    guint64 number;    /* in the log, from 0 */
    guint segment;
    guint64 offset; /* of the segment in the file */
} LogEvent;

/* A place in a log. Several cursors may walk through one reader. */
typedef struct LogCursor LogCursor;
LogCursor *log_cursor_new(LogReader *reader);
LogCursor *log_cursor_copy(const LogCursor *cursor);
void log_cursor_free(LogCursor *cursor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogCursor, log_cursor_free)

typedef enum LogStep {
    LOG_STEP_EVENT,
    LOG_STEP_END, /* nothing more, in a log that was closed or not */
    LOG_STEP_ERROR,
} LogStep;

/* The next event; its bytes are borrowed until the cursor moves again. */
LogStep log_cursor_next(LogCursor *cursor, LogEvent *event, GError **error);
/* As above, INSTRUCTION and WAKE included: what the file holds. */
LogStep log_cursor_next_raw(LogCursor *cursor, LogEvent *event, GError **error);
/* Bytes of events that the cursor has passed. */
guint64 log_cursor_bytes(const LogCursor *cursor);

/* --- for tools and tests -------------------------------------------------- */

/* Reads all of the log, checks every segment and event. */
gboolean log_verify(LogReader *reader, GError **error);
/* Writes a copy into the empty file FD in which no HASH event has digests. */
gboolean log_strip(LogReader *reader, int fd, GError **error);
typedef enum LogFormat {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON_LINES,
} LogFormat;
void log_event_to_json_line(const LogEvent *event, GString *out);
/* Appends the dump to OUT. */
gboolean log_dump(LogReader *reader, LogFormat format, GString *out, GError **error);
