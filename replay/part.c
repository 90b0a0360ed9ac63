/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/part.h"
#include "replay/log-file.h"
#include "replay/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PART_MAGIC        0x50535441u /* "PSTA" */
#define PART_FORMAT       1u
#define CHUNK_MAX         (1u << 20)
#define CHUNK_HEADER_SIZE 16
#define COMPRESSION_LEVEL 1

static gboolean fail_io(GError **error, const char *what, const char *name)
{
    int code = errno;

    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "cannot %s %s: %s", what, name,
                g_strerror(code));
    return FALSE;
}

/* --- files ---------------------------------------------------------------- */

gboolean part_name_is_valid(const char *name)
{
    gsize length = strlen(name);

    return length >= 1 && length <= 64 && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length;
}

int part_open(int directory, const char *name, GError **error)
{
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        fail_io(error, "open", name);
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED, "%s is not a regular file", name);
        return -1;
    }
    return fd;
}

int part_create(int directory, const char *name, GError **error)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        fail_io(error, "create", name);
    }
    return fd;
}

static gboolean write_all(int fd, const void *data, gsize length)
{
    const guint8 *bytes = data;

    while (length) {
        gssize done = write(fd, bytes, length);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done ? errno : EIO;
            return FALSE;
        }
        bytes += done;
        length -= done;
    }
    return TRUE;
}

gboolean part_publish(int directory, int fd, const char *temporary, const char *name,
                      GError **error)
{
    if (fdatasync(fd) != 0) {
        return fail_io(error, "sync", temporary);
    }
    if (renameat(directory, temporary, directory, name) != 0) {
        return fail_io(error, "rename to", name);
    }
    return fsync(directory) == 0 || fail_io(error, "sync the folder of", name);
}

gboolean part_replace_text(int directory, const char *name, const char *text, GError **error)
{
    g_autofree char *temporary = g_strconcat(name, ".new", NULL);
    int fd;
    gboolean done;

    /* What an earlier crash has left. */
    unlinkat(directory, temporary, 0);
    fd = part_create(directory, temporary, error);
    if (fd < 0) {
        return FALSE;
    }
    done = (write_all(fd, text, strlen(text)) || fail_io(error, "write", temporary)) &&
           part_publish(directory, fd, temporary, name, error);
    close(fd);
    if (!done) {
        unlinkat(directory, temporary, 0);
    }
    return done;
}

char *part_read_text(int directory, const char *name, gsize limit, GError **error)
{
    struct stat status;
    int fd = part_open(directory, name, error);
    g_autofree char *text = NULL;
    gboolean done;

    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &status) != 0 || status.st_size < 0 || (gsize)status.st_size > limit) {
        close(fd);
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "%s has %" G_GINT64_FORMAT " bytes, the limit is %" G_GSIZE_FORMAT, name,
                    (gint64)status.st_size, limit);
        return NULL;
    }
    text = g_malloc0(status.st_size + 1);
    done = log_read_at(fd, text, status.st_size, 0, error);
    close(fd);
    if (!done) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    if (strlen(text) != (gsize)status.st_size) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED, "%s has zero bytes", name);
        return NULL;
    }
    return g_steal_pointer(&text);
}

char *part_sha256(int fd, guint64 *size, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree guint8 *buffer = g_malloc(CHUNK_MAX);
    gssize got;

    *size = 0;
    while ((got = pread(fd, buffer, CHUNK_MAX, *size)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail_io(error, "read", "a part");
            return NULL;
        }
        g_checksum_update(sum, buffer, got);
        *size += got;
    }
    return g_strdup(g_checksum_get_string(sum));
}

/* --- writing parts -------------------------------------------------------- */

struct PartWriter {
    int fd;
    guint8 *packed;
    ZSTD_CCtx *compressor;
    gboolean started;
};

PartWriter *part_writer_new(int fd)
{
    PartWriter *part = g_new0(PartWriter, 1);

    part->fd = fd;
    part->packed = g_malloc(CHUNK_HEADER_SIZE + ZSTD_COMPRESSBOUND(CHUNK_MAX));
    part->compressor = ZSTD_createCCtx();
    return part;
}

void part_writer_free(PartWriter *part)
{
    if (part) {
        ZSTD_freeCCtx(part->compressor);
        g_free(part->packed);
        g_free(part);
    }
}

static void store32(guint8 *out, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(out, &value, sizeof(value));
}

static guint32 fetch32(const guint8 *in)
{
    guint32 value;

    memcpy(&value, in, sizeof(value));
    return GUINT32_FROM_BE(value);
}

/* Over both lengths and the payload; the checksum's own place counts as zero. */
static guint64 chunk_checksum(const guint8 *chunk, gsize packed)
{
    guint64 lengths = log_checksum(chunk, 8);

    return lengths ^ log_checksum(chunk + CHUNK_HEADER_SIZE, packed);
}

static gboolean write_chunk(PartWriter *part, const guint8 *data, gsize length, GError **error)
{
    guint8 *payload = part->packed + CHUNK_HEADER_SIZE;
    gsize packed = length
                       ? ZSTD_compressCCtx(part->compressor, payload, ZSTD_COMPRESSBOUND(CHUNK_MAX),
                                           data, length, COMPRESSION_LEVEL)
                       : 0;
    guint64 checksum;

    g_assert(!ZSTD_isError(packed));
    store32(part->packed, length);
    store32(part->packed + 4, packed);
    checksum = GUINT64_TO_BE(chunk_checksum(part->packed, packed));
    memcpy(part->packed + 8, &checksum, sizeof(checksum));
    return write_all(part->fd, part->packed, CHUNK_HEADER_SIZE + packed) ||
           fail_io(error, "write", "a part");
}

static gboolean start_part(PartWriter *part, GError **error)
{
    guint8 header[8];

    if (part->started) {
        return TRUE;
    }
    part->started = TRUE;
    store32(header, PART_MAGIC);
    store32(header + 4, PART_FORMAT);
    return write_all(part->fd, header, sizeof(header)) || fail_io(error, "write", "a part");
}

gboolean part_writer_sink(gpointer user, const guint8 *data, gsize length, GError **error)
{
    PartWriter *part = user;

    if (!start_part(part, error)) {
        return FALSE;
    }
    while (length) {
        gsize chunk = MIN(length, CHUNK_MAX);

        if (!write_chunk(part, data, chunk, error)) {
            return FALSE;
        }
        data += chunk;
        length -= chunk;
    }
    return TRUE;
}

gboolean part_writer_finish(PartWriter *part, GError **error)
{
    return start_part(part, error) && write_chunk(part, NULL, 0, error);
}

/* --- reading parts -------------------------------------------------------- */

struct PartReader {
    int fd;
    char *name;
    guint64 offset;
    guint8 *packed;
    guint8 *raw;
    gsize raw_length;
    gsize raw_used;
    gboolean ended;
};

PartReader *part_reader_new(int fd, const char *name)
{
    PartReader *part = g_new0(PartReader, 1);

    part->fd = fd;
    part->name = g_strdup(name);
    part->packed = g_malloc(CHUNK_HEADER_SIZE);
    return part;
}

void part_reader_free(PartReader *part)
{
    if (part) {
        g_free(part->name);
        g_free(part->packed);
        g_free(part->raw);
        g_free(part);
    }
}

static gssize fail_chunk(const PartReader *part, GError **error, const char *why)
{
    g_clear_error(error);
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                "%s is damaged at offset %" G_GUINT64_FORMAT ": %s", part->name, part->offset, why);
    return -1;
}

static gssize read_part_header(PartReader *part, GError **error)
{
    guint8 header[8];

    if (!log_read_at(part->fd, header, sizeof(header), 0, error)) {
        return fail_chunk(part, error, "it is cut short");
    }
    if (fetch32(header) != PART_MAGIC) {
        return fail_chunk(part, error, "it is no saved state");
    }
    if (fetch32(header + 4) != PART_FORMAT) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_VERSION,
                    "%s has format %u, this build reads %u", part->name, fetch32(header + 4),
                    PART_FORMAT);
        return -1;
    }
    part->offset = sizeof(header);
    return 1;
}

/* 1 if there is a chunk, 0 at the end, -1. */
static gssize read_chunk(PartReader *part, GError **error)
{
    guint64 checksum;
    guint32 raw, packed;

    if (!log_read_at(part->fd, part->packed, CHUNK_HEADER_SIZE, part->offset, error)) {
        return fail_chunk(part, error, "it is cut short");
    }
    raw = fetch32(part->packed);
    packed = fetch32(part->packed + 4);
    memcpy(&checksum, part->packed + 8, sizeof(checksum));
    if (raw > CHUNK_MAX || packed > ZSTD_COMPRESSBOUND(CHUNK_MAX)) {
        return fail_chunk(part, error, "a length is too large");
    }
    part->packed = g_realloc(part->packed, CHUNK_HEADER_SIZE + packed);
    part->raw = g_realloc(part->raw, MAX(raw, 1));
    if (!log_read_at(part->fd, part->packed + CHUNK_HEADER_SIZE, packed,
                     part->offset + CHUNK_HEADER_SIZE, error)) {
        return fail_chunk(part, error, "it is cut short");
    }
    if (GUINT64_FROM_BE(checksum) != chunk_checksum(part->packed, packed)) {
        return fail_chunk(part, error, "a checksum is wrong");
    }
    part->ended = raw == 0;
    if (raw && ZSTD_decompress(part->raw, raw, part->packed + CHUNK_HEADER_SIZE, packed) != raw) {
        return fail_chunk(part, error, "it does not unpack");
    }
    part->offset += CHUNK_HEADER_SIZE + packed;
    part->raw_length = raw;
    part->raw_used = 0;
    return raw ? 1 : 0;
}

gssize part_reader_source(gpointer user, guint8 *buffer, gsize length, GError **error)
{
    PartReader *part = user;
    gsize used;

    if (part->offset == 0 && read_part_header(part, error) < 0) {
        return -1;
    }
    if (part->raw_used == part->raw_length && !part->ended && read_chunk(part, error) < 0) {
        return -1;
    }
    used = MIN(length, part->raw_length - part->raw_used);
    if (used) {
        memcpy(buffer, part->raw + part->raw_used, used);
        part->raw_used += used;
    }
    return used;
}
