/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/page-pack.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "replay/log-file.h"
#include "replay/part.h"
#include "replay/replay.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PACK_MAGIC   0x50504753u /* "PPGS" */
#define PACK_FORMAT  1u
#define HEADER_SIZE  8
#define CHUNK_HEADER 16
#define CHUNK_BYTES  (PACK_CHUNK_PAGES * PAGE_BYTES)
#define PACKED_MAX   ZSTD_COMPRESSBOUND(CHUNK_BYTES)
#define LEVEL        1

static void store32(guint8 *out, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(out, &value, sizeof value);
}

static guint32 fetch32(const guint8 *in)
{
    guint32 value;
    memcpy(&value, in, sizeof value);
    return GUINT32_FROM_BE(value);
}

static guint64 chunk_checksum(const guint8 *chunk, gsize packed)
{
    return log_checksum(chunk, 8) ^ log_checksum(chunk + CHUNK_HEADER, packed);
}

gboolean pack_is_file_name(const char *file)
{
    gsize digits = PACK_NAME_SIZE - 1;
    return strspn(file, "0123456789abcdef") == digits && strcmp(file + digits, PACK_SUFFIX) == 0;
}

static void name_from_digest(XXH128_hash_t hash, char name[PACK_NAME_SIZE])
{
    g_snprintf(name, PACK_NAME_SIZE, "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
               (guint64)hash.high64, (guint64)hash.low64);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct PackWriter {
    int fd;
    guint64 offset; /* of the chunk that is being filled */
    guint32 pages;  /* in it */
    guint8 raw[CHUNK_BYTES];
    guint8 *packed;
    ZSTD_CCtx *compressor;
    XXH3_state_t *hash;
};

PackWriter *pack_writer_new(int fd)
{
    PackWriter *writer = g_new(PackWriter, 1);
    *writer = (PackWriter){ .fd = fd };
    writer->packed = g_malloc(CHUNK_HEADER + PACKED_MAX);
    writer->compressor = ZSTD_createCCtx();
    writer->hash = XXH3_createState();
    XXH3_128bits_reset(writer->hash);
    return writer;
}

void pack_writer_free(PackWriter *writer)
{
    if (!writer)
        return;
    ZSTD_freeCCtx(writer->compressor);
    XXH3_freeState(writer->hash);
    g_free(writer->packed);
    g_free(writer);
}

static gboolean write_all(PackWriter *writer, const guint8 *data, gsize length, GError **error)
{
    XXH3_128bits_update(writer->hash, data, length);
    while (length) {
        gssize done = write(writer->fd, data, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "cannot write pages: %s",
                        g_strerror(done ? errno : EIO));
            return FALSE;
        }
        data += done;
        length -= (gsize)done;
        writer->offset += (guint64)done;
    }
    return TRUE;
}

static gboolean write_header(PackWriter *writer, GError **error)
{
    guint8 header[HEADER_SIZE];
    store32(header, PACK_MAGIC);
    store32(header + 4, PACK_FORMAT);
    return write_all(writer, header, sizeof header, error);
}

static gboolean write_chunk(PackWriter *writer, GError **error)
{
    gsize packed = ZSTD_compressCCtx(writer->compressor, writer->packed + CHUNK_HEADER, PACKED_MAX,
                                     writer->raw, writer->pages * PAGE_BYTES, LEVEL);
    g_assert(!ZSTD_isError(packed));
    store32(writer->packed, writer->pages);
    store32(writer->packed + 4, (guint32)packed);
    guint64 sum = GUINT64_TO_BE(chunk_checksum(writer->packed, packed));
    memcpy(writer->packed + 8, &sum, sizeof sum);
    writer->pages = 0;
    return write_all(writer, writer->packed, CHUNK_HEADER + packed, error);
}

gboolean pack_writer_add(PackWriter *writer, const guint8 *data, guint64 *offset, guint32 *slot,
                         GError **error)
{
    if (!writer->offset && !write_header(writer, error))
        return FALSE;
    if (writer->pages == PACK_CHUNK_PAGES && !write_chunk(writer, error))
        return FALSE;
    *offset = writer->offset;
    *slot = writer->pages;
    memcpy(writer->raw + writer->pages++ * PAGE_BYTES, data, PAGE_BYTES);
    return TRUE;
}

gboolean pack_writer_finish(PackWriter *writer, char name[PACK_NAME_SIZE], GError **error)
{
    if ((!writer->offset && !write_header(writer, error)) ||
        (writer->pages && !write_chunk(writer, error)))
        return FALSE;
    name_from_digest(XXH3_128bits_digest(writer->hash), name);
    return TRUE;
}

guint64 pack_writer_bytes(const PackWriter *writer)
{
    return writer->offset;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct PackReader {
    const PagePack *pack; /* whose chunk at OFFSET is in RAW; NULL: none */
    guint64 offset;
    guint32 pages;
    guint8 *packed;
    guint8 *raw;
    ZSTD_DCtx *decompressor;
};

PackReader *pack_reader_new(void)
{
    PackReader *reader = g_new0(PackReader, 1);
    reader->packed = g_malloc(CHUNK_HEADER + PACKED_MAX);
    reader->raw = g_malloc(CHUNK_BYTES);
    reader->decompressor = ZSTD_createDCtx();
    return reader;
}

void pack_reader_free(PackReader *reader)
{
    if (!reader)
        return;
    ZSTD_freeDCtx(reader->decompressor);
    g_free(reader->packed);
    g_free(reader->raw);
    g_free(reader);
}

gboolean pack_open(PagePack *pack, GError **error)
{
    g_autofree char *file = g_strconcat(pack->name, PACK_SUFFIX, NULL);
    if (pack->fd < 0)
        pack->fd = part_open(pack->directory, file, error);
    return pack->fd >= 0;
}

void pack_close(PagePack *pack)
{
    if (pack->fd >= 0)
        close(pack->fd);
    pack->fd = -1;
}

static gboolean fail_chunk(const char *name, guint64 offset, const char *why, GError **error)
{
    g_clear_error(error);
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                "%s" PACK_SUFFIX " is damaged at offset %" G_GUINT64_FORMAT ": %s", name, offset,
                why);
    return FALSE;
}

/* Reads up to a whole chunk in one call, which may get some of the next one. */
static gboolean load_packed(PackReader *reader, PagePack *pack, guint64 offset, GError **error)
{
    gssize got;
    do
        got = pread(pack->fd, reader->packed, CHUNK_HEADER + PACKED_MAX, (off_t)offset);
    while (got < 0 && errno == EINTR);
    guint32 packed = got < CHUNK_HEADER ? 0 : fetch32(reader->packed + 4);
    guint64 sum;
    if (got < CHUNK_HEADER || packed > (gsize)got - CHUNK_HEADER)
        return fail_chunk(pack->name, offset, got < 0 ? g_strerror(errno) : "it is cut short",
                          error);
    memcpy(&sum, reader->packed + 8, sizeof sum);
    if (GUINT64_FROM_BE(sum) != chunk_checksum(reader->packed, packed))
        return fail_chunk(pack->name, offset, "a checksum is wrong", error);
    return TRUE;
}

static gboolean load_chunk(PackReader *reader, PagePack *pack, guint64 offset, GError **error)
{
    reader->pack = NULL;
    if (!load_packed(reader, pack, offset, error))
        return FALSE;
    guint32 pages = fetch32(reader->packed), packed = fetch32(reader->packed + 4);
    if (pages > PACK_CHUNK_PAGES ||
        ZSTD_decompressDCtx(reader->decompressor, reader->raw, CHUNK_BYTES,
                            reader->packed + CHUNK_HEADER, packed) != pages * PAGE_BYTES)
        return fail_chunk(pack->name, offset, "it does not unpack", error);
    reader->pack = pack;
    reader->offset = offset;
    reader->pages = pages;
    return TRUE;
}

const guint8 *pack_reader_page(PackReader *reader, PagePack *pack, guint64 offset, guint32 slot,
                               GError **error)
{
    if (reader->pack != pack || reader->offset != offset) {
        if (reader->pack != pack && reader->pack && !reader->pack->is_gone)
            pack_close((PagePack *)reader->pack);
        if (!pack_open(pack, error) || !load_chunk(reader, pack, offset, error))
            return NULL;
    }
    if (slot >= reader->pages) {
        fail_chunk(pack->name, offset, "it has fewer pages", error);
        return NULL;
    }
    return reader->raw + (gsize)slot * PAGE_BYTES;
}

GHashTable *pack_known_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static char *describe(int fd, const char *name)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return NULL;
    return g_strdup_printf("%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld",
                           name, (guint64)info.st_dev, (guint64)info.st_ino, (guint64)info.st_size,
                           (gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                           (gint64)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

static gboolean digest_file(int fd, char name[PACK_NAME_SIZE])
{
    g_autofree guint8 *buffer = g_malloc(1 << 20);
    XXH3_state_t *hash = XXH3_createState();
    gssize got;
    XXH3_128bits_reset(hash);
    while ((got = read(fd, buffer, 1 << 20)) > 0 || (got < 0 && errno == EINTR))
        XXH3_128bits_update(hash, buffer, (gsize)MAX(got, 0));
    name_from_digest(XXH3_128bits_digest(hash), name);
    XXH3_freeState(hash);
    return got == 0;
}

static gboolean verify(int fd, const char *name, GHashTable *known, GError **error)
{
    char found[PACK_NAME_SIZE];
    g_autofree char *key = known ? describe(fd, name) : NULL;
    if (key && g_hash_table_contains(known, key))
        return TRUE;
    if (!digest_file(fd, found) || strcmp(found, name) != 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "%s" PACK_SUFFIX " is damaged or was changed: its content does not have the "
                    "digest that is its name",
                    name);
        return FALSE;
    }
    if (key)
        g_hash_table_add(known, g_steal_pointer(&key));
    return TRUE;
}

gboolean pack_verify(int directory, const char *name, GHashTable *known, GError **error)
{
    g_autofree char *file = g_strconcat(name, PACK_SUFFIX, NULL);
    int fd = part_open(directory, file, error);
    gboolean good = fd >= 0 && verify(fd, name, known, error);
    if (fd >= 0)
        close(fd);
    return good;
}
