/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As elf.c for the other class of file: nothing in it is trusted, all headers are checked before
 * the first byte is stored.
 */
#include "machine/boards/elf32.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE         52
#define SEGMENT_HEADER_SIZE 32
#define MAX_SEGMENTS        64
#define SEGMENT_LOAD        1
#define COPY_CHUNK          65536

typedef struct {
    uint32_t offset, file_size, memory_size, address;
} Segment;

typedef struct {
    int fd;
    uint64_t size;
} Reader;

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool fail(GError **error, ElfError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool fail(GError **error, ElfError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, ELF_ERROR, code, text);
    return false;
}

static bool read_exactly(const Reader *reader, uint64_t offset, void *buffer, size_t length,
                         const char *what, GError **error)
{
    if (offset > reader->size || length > reader->size - offset)
        return fail(error, ELF_ERROR_TRUNCATED,
                    "the file is truncated: %s at offset %" G_GUINT64_FORMAT " needs %zu bytes, "
                    "but the file has %" G_GUINT64_FORMAT,
                    what, offset, length, reader->size);
    for (size_t done = 0; done < length;) {
        ssize_t got =
            pread(reader->fd, (char *)buffer + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail(error, ELF_ERROR_IO, "cannot read %s at offset %" G_GUINT64_FORMAT ": %s",
                        what, offset + done, got ? g_strerror(errno) : "the file became shorter");
        done += (size_t)got;
    }
    return true;
}

static bool check_header(const uint8_t *header, GError **error)
{
    static const uint8_t wanted[] = { 0x7f, 'E', 'L', 'F', 1, 2 };
    unsigned type = be32(header + 16) >> 16, machine = be32(header + 16) & 0xffff;
    if (memcmp(header, wanted, sizeof wanted))
        return fail(
            error, ELF_ERROR_FORMAT,
            "not a 32-bit big-endian ELF file: offset 0 holds %02x %02x %02x %02x, class %u, "
            "byte order %u",
            header[0], header[1], header[2], header[3], header[4], header[5]);
    if (type != 2 || machine != 20)
        return fail(error, ELF_ERROR_FORMAT,
                    "type %u for machine %u (offset 16): this board needs an executable (2) for "
                    "32-bit PowerPC (20)",
                    type, machine);
    return true;
}

static bool take_segment(const Reader *reader, unsigned index, const uint8_t *row, uint64_t limit,
                         Segment *segment, GError **error)
{
    *segment = (Segment){ be32(row + 4), be32(row + 16), be32(row + 20), be32(row + 12) };
    if (segment->file_size > segment->memory_size)
        return fail(error, ELF_ERROR_FORMAT,
                    "segment %u has more bytes in the file (%u) than in memory (%u)", index,
                    segment->file_size, segment->memory_size);
    if (segment->offset > reader->size || segment->file_size > reader->size - segment->offset)
        return fail(error, ELF_ERROR_TRUNCATED,
                    "the file is truncated: segment %u is %u bytes at offset %u, but the file has "
                    "%" G_GUINT64_FORMAT,
                    index, segment->file_size, segment->offset, reader->size);
    if (segment->address > limit || segment->memory_size > limit - segment->address)
        return fail(error, ELF_ERROR_SPACE,
                    "segment %u does not fit: %u bytes at 0x%x, but memory ends at "
                    "0x%" G_GINT64_MODIFIER "x; give the machine more memory",
                    index, segment->memory_size, segment->address, limit);
    return true;
}

static bool read_segments(const Reader *reader, const uint8_t *header, uint64_t limit,
                          Segment *segments, unsigned *count, GError **error)
{
    unsigned entry_size = be32(header + 40) & 0xffff, entries = be32(header + 44) >> 16;
    uint8_t raw[MAX_SEGMENTS * SEGMENT_HEADER_SIZE];
    if (entry_size != SEGMENT_HEADER_SIZE || entries == 0 || entries > MAX_SEGMENTS)
        return fail(error, ELF_ERROR_FORMAT,
                    "%u program headers of %u bytes (offset 42): 1 to %u of %u can be loaded",
                    entries, entry_size, MAX_SEGMENTS, SEGMENT_HEADER_SIZE);
    if (!read_exactly(reader, be32(header + 28), raw, entries * SEGMENT_HEADER_SIZE,
                      "the program headers", error))
        return false;
    *count = 0;
    for (unsigned i = 0; i < entries; i++) {
        const uint8_t *row = raw + i * SEGMENT_HEADER_SIZE;
        if (be32(row) != SEGMENT_LOAD || be32(row + 20) == 0)
            continue;
        if (!take_segment(reader, i, row, limit, &segments[(*count)++], error))
            return false;
    }
    return *count ? true : fail(error, ELF_ERROR_FORMAT, "no segment to load");
}

static bool copy_segment(const Reader *reader, const Segment *segment, ElfStore store, void *opaque,
                         GError **error)
{
    g_autofree uint8_t *chunk = g_malloc(COPY_CHUNK);
    for (uint32_t done = 0; done < segment->file_size;) {
        size_t length = MIN(COPY_CHUNK, segment->file_size - done);
        if (!read_exactly(reader, (uint64_t)segment->offset + done, chunk, length, "a segment",
                          error))
            return false;
        store(opaque, (uint64_t)segment->address + done, chunk, length);
        done += (uint32_t)length;
    }
    return true;
}

bool elf32_load(int fd, uint64_t limit, ElfStore store, void *opaque, ElfImage *image,
                GError **error)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || info.st_size < 0)
        return fail(error, ELF_ERROR_IO, "cannot examine the file: %s", g_strerror(errno));
    Reader reader = { fd, (uint64_t)info.st_size };
    uint8_t header[HEADER_SIZE];
    Segment segments[MAX_SEGMENTS];
    unsigned count = 0;
    if (!read_exactly(&reader, 0, header, sizeof header, "the ELF header", error) ||
        !check_header(header, error) ||
        !read_segments(&reader, header, limit, segments, &count, error))
        return false;
    *image = (ElfImage){ .entry = be32(header + 24), .low = UINT64_MAX };
    for (unsigned i = 0; i < count; i++) {
        uint64_t end = (uint64_t)segments[i].address + segments[i].memory_size;
        image->low = MIN(image->low, segments[i].address);
        image->high = MAX(image->high, end);
        if (!copy_segment(&reader, &segments[i], store, opaque, error))
            return false;
    }
    return true;
}
