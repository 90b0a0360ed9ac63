/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOT_MAGIC        0x50524f47u /* "PROG" */
#define SEGMENT_MAGIC     0x50534547u /* "PSEG" */
#define INDEX_MAGIC       0x50494458u /* "PIDX" */
#define TRAILER_MAGIC     0x50454e44u /* "PEND" */
#define COMPRESSION_LEVEL 3

G_DEFINE_QUARK(powerplay - log - error, log_error)

guint64 log_checksum(const void *data, gsize length)
{
    return XXH3_64bits(data, length);
}

/* --- records -------------------------------------------------------------- */

static guint8 *put32(guint8 *out, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static guint8 *put64(guint8 *out, guint64 value)
{
    value = GUINT64_TO_BE(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static guint8 *put_digest(guint8 *out, const Digest *digest)
{
    memcpy(out, digest->bytes, DIGEST_SIZE);
    return out + DIGEST_SIZE;
}

static guint32 get32(const guint8 **in)
{
    guint32 value;

    memcpy(&value, *in, sizeof(value));
    *in += sizeof(value);
    return GUINT32_FROM_BE(value);
}

static guint64 get64(const guint8 **in)
{
    guint64 value;

    memcpy(&value, *in, sizeof(value));
    *in += sizeof(value);
    return GUINT64_FROM_BE(value);
}

static void get_digest(const guint8 **in, Digest *digest)
{
    memcpy(digest->bytes, *in, DIGEST_SIZE);
    *in += DIGEST_SIZE;
}

void log_header_encode(guint8 out[LOG_HEADER_SIZE], const Position *start)
{
    guint8 *end = out;

    memset(out, 0, LOG_HEADER_SIZE);
    end = put32(end, LOG_VERSION);
    end = put64(end, 0);
    end = put32(end, 0);
    end = put64(end, start->icount);
    end = put64(end, start->virtual_ns);
    put32(end, start->sequence);
    put64(out + LOG_HEADER_SIZE - 8, log_checksum(out, LOG_HEADER_SIZE - 8));
}

gboolean log_header_decode(const guint8 in[LOG_HEADER_SIZE], Position *start, GError **error)
{
    const guint8 *cursor = in;
    const guint8 *checksum = in + LOG_HEADER_SIZE - 8;
    guint32 version = get32(&cursor);

    if (version != LOG_VERSION) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_VERSION,
                    "the log has version 0x%08x, this build reads 0x%08x", version, LOG_VERSION);
        return FALSE;
    }
    if (get64(&checksum) != log_checksum(in, LOG_HEADER_SIZE - 8)) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                    "the log's header (offset 0, %d bytes) is damaged", LOG_HEADER_SIZE);
        return FALSE;
    }
    cursor += 12;
    start->icount = get64(&cursor);
    start->virtual_ns = get64(&cursor);
    start->sequence = get32(&cursor);
    return TRUE;
}

void log_slot_encode(guint8 out[LOG_SLOT_SIZE], const LogSlot *slot)
{
    guint8 *end = put32(out, SLOT_MAGIC);

    end = put32(end, slot->position.sequence);
    end = put64(end, slot->counter);
    end = put64(end, slot->position.icount);
    end = put64(end, slot->position.virtual_ns);
    end = put64(end, slot->end_offset);
    end = put_digest(end, &slot->chain);
    put64(end, log_checksum(out, LOG_SLOT_SIZE - 8));
}

gboolean log_slot_decode(const guint8 in[LOG_SLOT_SIZE], LogSlot *slot)
{
    const guint8 *cursor = in;
    const guint8 *checksum = in + LOG_SLOT_SIZE - 8;

    if (get32(&cursor) != SLOT_MAGIC || get64(&checksum) != log_checksum(in, LOG_SLOT_SIZE - 8)) {
        return FALSE;
    }
    slot->position.sequence = get32(&cursor);
    slot->counter = get64(&cursor);
    slot->position.icount = get64(&cursor);
    slot->position.virtual_ns = get64(&cursor);
    slot->end_offset = get64(&cursor);
    get_digest(&cursor, &slot->chain);
    return TRUE;
}

void log_segment_encode(guint8 out[LOG_SEGMENT_HEADER_SIZE], const LogSegment *segment)
{
    guint8 *end = put32(out, SEGMENT_MAGIC);

    end = put32(end, segment->number);
    end = put32(end, segment->raw_length);
    end = put32(end, segment->packed_length);
    end = put64(end, segment->first_icount);
    end = put64(end, segment->last_icount);
    end = put64(end, segment->last_virtual_ns);
    end = put64(end, segment->first_event);
    end = put32(end, segment->events);
    end = put32(end, segment->flags);
    end = put_digest(end, &segment->previous);
    put_digest(end, &segment->hash);
}

gboolean log_segment_decode(const guint8 in[LOG_SEGMENT_HEADER_SIZE], LogSegment *segment)
{
    const guint8 *cursor = in;

    if (get32(&cursor) != SEGMENT_MAGIC) {
        return FALSE;
    }
    segment->number = get32(&cursor);
    segment->raw_length = get32(&cursor);
    segment->packed_length = get32(&cursor);
    segment->first_icount = get64(&cursor);
    segment->last_icount = get64(&cursor);
    segment->last_virtual_ns = get64(&cursor);
    segment->first_event = get64(&cursor);
    segment->events = get32(&cursor);
    segment->flags = get32(&cursor);
    get_digest(&cursor, &segment->previous);
    get_digest(&cursor, &segment->hash);
    return segment->raw_length <= LOG_SEGMENT_RAW_MAX &&
           segment->packed_length <= ZSTD_COMPRESSBOUND(LOG_SEGMENT_RAW_MAX);
}

void log_segment_hash(const guint8 header[LOG_SEGMENT_HEADER_SIZE], const guint8 *payload,
                      gsize length, Digest *hash)
{
    XXH3_state_t state;
    XXH128_canonical_t canonical;

    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, header, LOG_SEGMENT_HEADER_SIZE - DIGEST_SIZE);
    XXH3_128bits_update(&state, payload, length);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(hash->bytes, canonical.digest, DIGEST_SIZE);
}

/* --- host files ----------------------------------------------------------- */

static gboolean set_io_error(GError **error, const char *what, guint64 offset)
{
    int code = errno;
    gboolean full = code == ENOSPC || code == EDQUOT;

    g_set_error(error, LOG_ERROR, full ? LOG_ERROR_FULL : LOG_ERROR_IO,
                "cannot %s the log at offset %" G_GUINT64_FORMAT ": %s", what, offset,
                g_strerror(code));
    return FALSE;
}

gboolean log_write_at(int fd, const guint8 *data, gsize length, guint64 offset, GError **error)
{
    while (length) {
        gssize done = pwrite(fd, data, length, offset);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done ? errno : EIO;
            return set_io_error(error, "write", offset);
        }
        data += done;
        length -= done;
        offset += done;
    }
    return TRUE;
}

gboolean log_read_at(int fd, void *data, gsize length, guint64 offset, GError **error)
{
    guint8 *out = data;

    while (length) {
        gssize done = pread(fd, out, length, offset);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return set_io_error(error, "read", offset);
        }
        if (done == 0) {
            g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                        "the log ends at offset %" G_GUINT64_FORMAT ", %" G_GSIZE_FORMAT
                        " bytes too early",
                        offset, length);
            return FALSE;
        }
        out += done;
        length -= done;
        offset += done;
    }
    return TRUE;
}

/* --- writing -------------------------------------------------------------- */

typedef struct IndexRow {
    guint64 offset;
    guint64 first_icount;
    guint64 first_event;
} IndexRow;

struct LogFile {
    int fd;
    guint64 end; /* of the segments, then of the index */
    guint64 slot_counter;
    Digest chain;
    GArray *index;
    GByteArray *packed; /* segment header and payload */
    ZSTD_CCtx *compressor;
};

void log_file_free(LogFile *file)
{
    if (!file) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    g_array_unref(file->index);
    g_byte_array_unref(file->packed);
    ZSTD_freeCCtx(file->compressor);
    g_free(file);
}

static gboolean write_header(LogFile *file, const Position *start, GError **error)
{
    guint8 header[LOG_HEADER_SIZE];

    log_header_encode(header, start);
    digest_bytes(&file->chain, header, sizeof(header));
    return log_write_at(file->fd, header, sizeof(header), 0, error) &&
           log_file_progress(file, start, error) && log_file_progress(file, start, error);
}

LogFile *log_file_new(int fd, const Position *start, GError **error)
{
    g_autoptr(LogFile) file = g_new0(LogFile, 1);

    file->index = g_array_new(FALSE, FALSE, sizeof(IndexRow));
    file->packed = g_byte_array_new();
    file->compressor = ZSTD_createCCtx();
    file->end = LOG_SEGMENTS_OFFSET;
    file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (file->fd < 0) {
        set_io_error(error, "open", 0);
        return NULL;
    }
    return write_header(file, start, error) ? g_steal_pointer(&file) : NULL;
}

gboolean log_file_append(LogFile *file, LogSegment *segment, const guint8 *raw, gsize length,
                         GError **error)
{
    gsize bound = ZSTD_compressBound(length);
    IndexRow row = { file->end, segment->first_icount, segment->first_event };

    g_assert(length <= LOG_SEGMENT_RAW_MAX);
    g_byte_array_set_size(file->packed, LOG_SEGMENT_HEADER_SIZE + bound);

    guint8 *header = file->packed->data;
    guint8 *payload = header + LOG_SEGMENT_HEADER_SIZE;
    gsize packed =
        ZSTD_compressCCtx(file->compressor, payload, bound, raw, length, COMPRESSION_LEVEL);

    g_assert(!ZSTD_isError(packed));
    segment->offset = file->end;
    segment->number = file->index->len;
    segment->raw_length = length;
    segment->packed_length = packed;
    segment->previous = file->chain;
    log_segment_encode(header, segment);
    log_segment_hash(header, payload, packed, &segment->hash);
    log_segment_encode(header, segment);
    if (!log_write_at(file->fd, header, LOG_SEGMENT_HEADER_SIZE + packed, file->end, error)) {
        return FALSE;
    }
    file->end += LOG_SEGMENT_HEADER_SIZE + packed;
    file->chain = segment->hash;
    g_array_append_val(file->index, row);
    return TRUE;
}

gboolean log_file_progress(LogFile *file, const Position *position, GError **error)
{
    guint8 stored[LOG_SLOT_SIZE];
    LogSlot slot = { *position, file->slot_counter, file->end, file->chain };
    guint64 offset = LOG_SLOT_OFFSET(file->slot_counter % 2);

    log_slot_encode(stored, &slot);
    file->slot_counter++;
    return log_write_at(file->fd, stored, sizeof(stored), offset, error);
}

gboolean log_file_write_index(LogFile *file, GError **error)
{
    gsize index_size = LOG_INDEX_FIXED_SIZE + (gsize)file->index->len * LOG_INDEX_ROW_SIZE;
    g_autofree guint8 *out = g_malloc(index_size + LOG_TRAILER_SIZE);
    guint8 *end = put32(put32(out, INDEX_MAGIC), file->index->len);

    for (guint i = 0; i < file->index->len; i++) {
        const IndexRow *row = &g_array_index(file->index, IndexRow, i);

        end = put64(put64(put64(end, row->offset), row->first_icount), row->first_event);
    }
    end = put64(end, log_checksum(out, index_size - 8));

    guint8 *trailer = end;

    end = put64(put32(put32(end, TRAILER_MAGIC), 0), file->end);
    end = put64(end, log_checksum(trailer, LOG_TRAILER_SIZE - 8));
    g_assert((gsize)(end - out) == index_size + LOG_TRAILER_SIZE);
    if (!log_write_at(file->fd, out, end - out, file->end, error)) {
        return FALSE;
    }
    file->end += end - out;
    return TRUE;
}

gboolean log_file_sync(LogFile *file, GError **error)
{
    return fdatasync(file->fd) == 0 || set_io_error(error, "sync", file->end);
}

guint64 log_file_size(const LogFile *file)
{
    return file->end;
}

guint log_file_segments(const LogFile *file)
{
    return file->index->len;
}
