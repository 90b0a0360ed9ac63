/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a log: find the segments, hand out their events, believe nothing.
 *
 * A log is opened by its index, or if that is absent or damaged by walking from segment to segment.
 * Payloads are read, checked and unpacked when a cursor comes to them; the last segment of a log
 * without index is checked at once, since a crash may have torn it.
 */
#include "replay/log-reader.h"

#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include <fcntl.h>
#include <unistd.h>

#define INDEX_MAGIC   0x50494458u
#define TRAILER_MAGIC 0x50454e44u

static guint32 peek32(const guint8 *in)
{
    guint32 value;

    memcpy(&value, in, sizeof(value));
    return GUINT32_FROM_BE(value);
}

static guint64 peek64(const guint8 *in)
{
    guint64 value;

    memcpy(&value, in, sizeof(value));
    return GUINT64_FROM_BE(value);
}

static void add_note(LogReader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add_note(LogReader *reader, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    /* Before the NULL at the end. */
    g_ptr_array_insert(reader->notes, reader->notes->len - 1, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* --- segments ------------------------------------------------------------- */

static gboolean damaged(GError **error, guint segment, guint64 offset, const char *why)
{
    g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                "segment %u of the log (offset %" G_GUINT64_FORMAT ") is damaged: %s", segment,
                offset, why);
    return FALSE;
}

static gboolean read_segment_header(LogReader *reader, guint number, guint64 offset,
                                    LogSegment *segment, guint8 header[LOG_SEGMENT_HEADER_SIZE],
                                    GError **error)
{
    if (offset < LOG_SEGMENTS_OFFSET || offset > reader->size ||
        reader->size - offset < LOG_SEGMENT_HEADER_SIZE) {
        return damaged(error, number, offset, "its header is cut short");
    }
    if (!log_read_at(reader->fd, header, LOG_SEGMENT_HEADER_SIZE, offset, error)) {
        return FALSE;
    }
    if (!log_segment_decode(header, segment)) {
        return damaged(error, number, offset, "there is no segment header");
    }
    segment->offset = offset;
    if (segment->number != number) {
        return damaged(error, number, offset, "it has another number");
    }
    if (segment->packed_length > reader->size - offset - LOG_SEGMENT_HEADER_SIZE) {
        return damaged(error, number, offset, "it is cut short");
    }
    return TRUE;
}

static gboolean check_chain(LogReader *reader, const LogSegment *segment, GError **error)
{
    guint8 header[LOG_SEGMENT_HEADER_SIZE];
    LogSegment previous = { .hash = reader->chain };

    if (segment->number > 0 &&
        !read_segment_header(reader, segment->number - 1,
                             g_array_index(reader->offsets, guint64, segment->number - 1),
                             &previous, header, error)) {
        return FALSE;
    }
    return digest_equal(&previous.hash, &segment->previous) ||
           damaged(error, segment->number, segment->offset,
                   "it does not follow the segment before it");
}

static GBytes *unpack(const LogSegment *segment, const guint8 *packed, GError **error)
{
    guint8 *raw = g_malloc(MAX(segment->raw_length, 1));
    gsize length = ZSTD_decompress(raw, segment->raw_length, packed, segment->packed_length);

    if (ZSTD_isError(length) || length != segment->raw_length) {
        g_free(raw);
        damaged(error, segment->number, segment->offset, "it does not unpack");
        return NULL;
    }
    return g_bytes_new_take(raw, length);
}

static GBytes *read_payload(LogReader *reader, const LogSegment *segment,
                            const guint8 header[LOG_SEGMENT_HEADER_SIZE], GError **error)
{
    g_autofree guint8 *packed = g_malloc(MAX(segment->packed_length, 1));
    Digest hash;

    if (!log_read_at(reader->fd, packed, segment->packed_length,
                     segment->offset + LOG_SEGMENT_HEADER_SIZE, error)) {
        return NULL;
    }
    log_segment_hash(header, packed, segment->packed_length, &hash);
    if (!digest_equal(&hash, &segment->hash)) {
        damaged(error, segment->number, segment->offset, "its hash is wrong");
        return NULL;
    }
    return unpack(segment, packed, error);
}

static GBytes *load_segment_at(LogReader *reader, guint number, guint64 offset, LogSegment *segment,
                               GError **error)
{
    guint8 header[LOG_SEGMENT_HEADER_SIZE];

    if (!read_segment_header(reader, number, offset, segment, header, error) ||
        !check_chain(reader, segment, error)) {
        return NULL;
    }
    return read_payload(reader, segment, header, error);
}

GBytes *log_reader_load(LogReader *reader, guint number, LogSegment *segment, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(reader->cache); i++) {
        if (reader->cache[i].data && reader->cache[i].segment.number == number) {
            *segment = reader->cache[i].segment;
            return g_bytes_ref(reader->cache[i].data);
        }
    }

    guint64 offset = g_array_index(reader->offsets, guint64, number);
    GBytes *data = load_segment_at(reader, number, offset, segment, error);

    if (data) {
        LogCacheEntry *entry = &reader->cache[reader->next_cache++ % G_N_ELEMENTS(reader->cache)];

        g_clear_pointer(&entry->data, g_bytes_unref);
        entry->data = g_bytes_ref(data);
        entry->segment = *segment;
    }
    return data;
}

/* --- opening -------------------------------------------------------------- */

static gboolean read_header(LogReader *reader, GError **error)
{
    guint8 header[LOG_HEADER_SIZE];

    if (reader->size < 4) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                    "the log has %" G_GUINT64_FORMAT " bytes, too few for its version",
                    reader->size);
        return FALSE;
    }
    memset(header, 0, sizeof(header));
    if (!log_read_at(reader->fd, header, MIN(reader->size, sizeof(header)), 0, error) ||
        !log_header_decode(header, &reader->start, error)) {
        return FALSE;
    }
    if (reader->size < LOG_SEGMENTS_OFFSET) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                    "the log has %" G_GUINT64_FORMAT " bytes, the shortest has %d", reader->size,
                    LOG_SEGMENTS_OFFSET);
        return FALSE;
    }
    reader->end = reader->start;
    digest_bytes(&reader->chain, header, sizeof(header));
    return TRUE;
}

static gboolean read_slots(LogReader *reader, GError **error)
{
    for (guint i = 0; i < 2; i++) {
        guint8 stored[LOG_SLOT_SIZE];
        LogSlot slot;

        if (!log_read_at(reader->fd, stored, sizeof(stored), LOG_SLOT_OFFSET(i), error)) {
            return FALSE;
        }
        if (!log_slot_decode(stored, &slot)) {
            add_note(reader, "progress slot %u (offset %d) is damaged", i, LOG_SLOT_OFFSET(i));
        } else if (!reader->have_slot || slot.counter > reader->slot.counter) {
            reader->slot = slot;
            reader->have_slot = TRUE;
        }
    }
    return TRUE;
}

/* Takes the segments' offsets from the index at OFFSET, if it is sound. */
static gboolean parse_index(LogReader *reader, const guint8 *index, gsize length, guint64 offset)
{
    gsize rows = (length - LOG_INDEX_FIXED_SIZE) / LOG_INDEX_ROW_SIZE;
    guint64 previous = 0;

    if (peek32(index) != INDEX_MAGIC || peek32(index + 4) != rows ||
        length != LOG_INDEX_FIXED_SIZE + rows * LOG_INDEX_ROW_SIZE ||
        peek64(index + length - 8) != log_checksum(index, length - 8)) {
        return FALSE;
    }
    for (gsize i = 0; i < rows; i++) {
        guint64 at = peek64(index + 8 + i * LOG_INDEX_ROW_SIZE);

        if (at < LOG_SEGMENTS_OFFSET || at <= previous || at >= offset) {
            g_array_set_size(reader->offsets, 0);
            return FALSE;
        }
        g_array_append_val(reader->offsets, at);
        previous = at;
    }
    return rows > 0;
}

static gboolean read_index(LogReader *reader)
{
    guint8 trailer[LOG_TRAILER_SIZE];
    guint64 at = reader->size - LOG_TRAILER_SIZE;

    if (reader->size < LOG_SEGMENTS_OFFSET + LOG_INDEX_FIXED_SIZE + LOG_TRAILER_SIZE ||
        !log_read_at(reader->fd, trailer, sizeof(trailer), at, NULL) ||
        peek32(trailer) != TRAILER_MAGIC ||
        peek64(trailer + 16) != log_checksum(trailer, LOG_TRAILER_SIZE - 8)) {
        return FALSE;
    }

    guint64 offset = peek64(trailer + 8);

    if (offset < LOG_SEGMENTS_OFFSET || offset > at || at - offset < LOG_INDEX_FIXED_SIZE) {
        return FALSE;
    }

    /* No larger than the file itself. */
    g_autofree guint8 *index = g_try_malloc(at - offset);

    return index && log_read_at(reader->fd, index, at - offset, offset, NULL) &&
           parse_index(reader, index, at - offset, offset);
}

static gboolean index_begins_at(LogReader *reader, guint64 offset)
{
    guint8 magic[4];

    return reader->size - offset >= sizeof(magic) &&
           log_read_at(reader->fd, magic, sizeof(magic), offset, NULL) &&
           peek32(magic) == INDEX_MAGIC;
}

/* Walks from segment to segment as far as they are sound; returns where they end. */
static guint64 scan(LogReader *reader, Digest *chain)
{
    guint64 offset = LOG_SEGMENTS_OFFSET;

    *chain = reader->chain;
    while (offset < reader->size && !index_begins_at(reader, offset)) {
        guint8 header[LOG_SEGMENT_HEADER_SIZE];
        LogSegment segment;
        g_autoptr(GError) error = NULL;

        if (!read_segment_header(reader, reader->offsets->len, offset, &segment, header, &error)) {
            add_note(reader, "%s; the %" G_GUINT64_FORMAT " bytes from there on are not used",
                     error->message, reader->size - offset);
            break;
        }
        if (!digest_equal(&segment.previous, chain)) {
            add_note(reader,
                     "segment %u of the log (offset %" G_GUINT64_FORMAT
                     ") does not follow the one before it; the %" G_GUINT64_FORMAT
                     " bytes from there on are not used",
                     segment.number, offset, reader->size - offset);
            break;
        }
        g_array_append_val(reader->offsets, offset);
        *chain = segment.hash;
        offset += LOG_SEGMENT_HEADER_SIZE + segment.packed_length;
    }
    return offset;
}

/* Sets end and closed by the last segment, if there is one; checks its payload. */
static gboolean take_last_segment(LogReader *reader, GError **error)
{
    LogSegment segment;
    guint count = reader->offsets->len;

    if (count == 0) {
        return TRUE;
    }

    g_autoptr(GBytes) data = log_reader_load(reader, count - 1, &segment, error);

    if (!data) {
        return FALSE;
    }
    reader->end.icount = segment.last_icount;
    reader->end.virtual_ns = segment.last_virtual_ns;
    reader->end.sequence = 0;
    reader->closed = (segment.flags & LOG_SEGMENT_HAS_END) != 0;
    reader->segments_end = segment.offset + LOG_SEGMENT_HEADER_SIZE + segment.packed_length;
    return TRUE;
}

/* Where a run that was not closed had come to after its last event. */
static void take_slot(LogReader *reader, const Digest *chain)
{
    if (reader->closed || !reader->have_slot) {
        return;
    }
    if (reader->slot.end_offset > reader->segments_end) {
        add_note(reader,
                 "the log once reached offset %" G_GUINT64_FORMAT
                 ", it can be read to %" G_GUINT64_FORMAT,
                 reader->slot.end_offset, reader->segments_end);
    } else if (reader->slot.end_offset == reader->segments_end &&
               digest_equal(&reader->slot.chain, chain) &&
               position_compare(&reader->slot.position, &reader->end) > 0) {
        reader->end = reader->slot.position;
    }
}

static void open_without_index(LogReader *reader)
{
    g_autoptr(GError) error = NULL;
    Digest chain;
    guint64 end = scan(reader, &chain);

    reader->segments_end = LOG_SEGMENTS_OFFSET;
    if (!take_last_segment(reader, &error)) {
        guint64 offset = g_array_index(reader->offsets, guint64, reader->offsets->len - 1);

        add_note(reader, "%s; the %" G_GUINT64_FORMAT " bytes from there on are not used",
                 error->message, reader->size - offset);
        g_array_set_size(reader->offsets, reader->offsets->len - 1);
        /* The one before may be bad as well: a cursor will find it, and say so. */
        take_last_segment(reader, NULL);
        return;
    }
    if (reader->closed) {
        add_note(reader, "the index is absent or damaged; the segments were found by a scan");
    } else if (end < reader->size && index_begins_at(reader, end)) {
        add_note(reader, "there is an index at offset %" G_GUINT64_FORMAT " but no END before it",
                 end);
    }
    take_slot(reader, &chain);
}

static void open_with_index(LogReader *reader)
{
    g_autoptr(GError) error = NULL;

    reader->closed = TRUE;
    if (!take_last_segment(reader, &error)) {
        add_note(reader, "%s", error->message);
        reader->closed = TRUE;
    }
}

static gboolean open_log(LogReader *reader, GError **error)
{
    struct stat status;

    if (reader->fd < 0 || fstat(reader->fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_IO, "the log is not a regular file");
        return FALSE;
    }
    reader->size = status.st_size;
    if (!read_header(reader, error) || !read_slots(reader, error)) {
        return FALSE;
    }
    if (read_index(reader)) {
        open_with_index(reader);
    } else {
        g_array_set_size(reader->offsets, 0);
        open_without_index(reader);
    }
    return TRUE;
}

LogReader *log_reader_new(int fd, GError **error)
{
    g_autoptr(LogReader) reader = g_new0(LogReader, 1);

    reader->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    reader->offsets = g_array_new(FALSE, FALSE, sizeof(guint64));
    reader->notes = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(reader->notes, NULL);
    return open_log(reader, error) ? g_steal_pointer(&reader) : NULL;
}

void log_reader_free(LogReader *reader)
{
    if (!reader) {
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(reader->cache); i++) {
        g_clear_pointer(&reader->cache[i].data, g_bytes_unref);
    }
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    g_array_unref(reader->offsets);
    g_ptr_array_unref(reader->notes);
    g_free(reader);
}

gboolean log_reader_closed(const LogReader *reader)
{
    return reader->closed;
}

void log_reader_range(const LogReader *reader, Position *start, Position *end)
{
    *start = reader->start;
    *end = reader->end;
}

guint log_reader_segments(const LogReader *reader)
{
    return reader->offsets->len;
}

const char *const *log_reader_notes(const LogReader *reader)
{
    return (const char *const *)reader->notes->pdata;
}
