/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small ELF loader for kernels. Kernels come from users and are not trusted: every offset and
 * length is checked against the file and against guest memory before it is used.
 *
 * 1. All headers are checked before the first byte is stored.
 * 2. No size taken from the file sizes an allocation beyond the bounded program header table.
 */
#include "machine/boards/elf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELF_HEADER_SIZE     64
#define SEGMENT_HEADER_SIZE 56
#define MAX_SEGMENTS        64
#define MACHINE_PPC64       21
#define SEGMENT_LOAD        1
#define COPY_CHUNK          65536

typedef struct {
    uint64_t offset, file_size, memory_size, address; /* address: placed */
} Segment;

typedef struct {
    int fd;
    uint64_t size;
    bool little_endian;
} Reader;

GQuark elf_error_quark(void)
{
    return g_quark_from_static_string("elf-error");
}

static bool read_exactly(const Reader *reader, uint64_t offset, void *buffer, size_t length,
                         const char *what, GError **error)
{
    if (offset > reader->size || length > reader->size - offset) {
        g_set_error(error, ELF_ERROR, ELF_ERROR_TRUNCATED,
                    "the file is truncated: %s at offset %" G_GUINT64_FORMAT " needs %zu bytes, "
                    "but the file has %" G_GUINT64_FORMAT,
                    what, offset, length, reader->size);
        return false;
    }
    for (size_t done = 0; done < length;) {
        ssize_t got =
            pread(reader->fd, (char *)buffer + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            g_set_error(error, ELF_ERROR, ELF_ERROR_IO,
                        "cannot read %s at offset %" G_GUINT64_FORMAT ": %s", what, offset + done,
                        got ? g_strerror(errno) : "the file became shorter");
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static uint64_t field(const Reader *reader, const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)at[i] << 8 * (reader->little_endian ? i : size - 1 - i);
    return value;
}

static bool format_error(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool format_error(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, ELF_ERROR, ELF_ERROR_FORMAT, text);
    return false;
}

static bool check_identity(Reader *reader, const uint8_t *header, GError **error)
{
    if (memcmp(header, "\177ELF", 4) != 0) {
        const char *hint = header[0] == 0x1f && header[1] == 0x8b ? " (it is gzip: unpack it first)"
                           : header[0] == 'M' && header[1] == 'Z' ? " (it is an EFI or DOS program)"
                                                                  : "";
        return format_error(error,
                            "not an ELF file: offset 0 holds %02x %02x %02x %02x%s; use the "
                            "uncompressed vmlinux",
                            header[0], header[1], header[2], header[3], hint);
    }
    if (header[4] != 2)
        return format_error(error, "not a 64-bit ELF file: the class at offset 4 is %u, not 2",
                            header[4]);
    if (header[5] != 1 && header[5] != 2)
        return format_error(error, "unknown byte order %u at offset 5", header[5]);
    reader->little_endian = header[5] == 1;
    unsigned type = (unsigned)field(reader, header + 16, 2);
    unsigned machine = (unsigned)field(reader, header + 18, 2);
    if (machine != MACHINE_PPC64)
        return format_error(error,
                            "wrong machine %u at offset 18%s: this board needs 64-bit "
                            "PowerPC (%u)",
                            machine,
                            machine == 62    ? " (x86-64)"
                            : machine == 183 ? " (AArch64)"
                            : machine == 20  ? " (32-bit PowerPC)"
                                             : "",
                            MACHINE_PPC64);
    if (type != 2 && type != 3)
        return format_error(error, "the ELF type at offset 16 is %u: not an executable", type);
    return true;
}

static bool check_segment(const Reader *reader, unsigned index, const Segment *segment,
                          uint64_t limit, GError **error)
{
    if (segment->file_size > segment->memory_size)
        return format_error(error,
                            "segment %u has more bytes in the file (%" G_GUINT64_FORMAT
                            ") than in memory (%" G_GUINT64_FORMAT ")",
                            index, segment->file_size, segment->memory_size);
    if (segment->offset > reader->size || segment->file_size > reader->size - segment->offset) {
        g_set_error(error, ELF_ERROR, ELF_ERROR_TRUNCATED,
                    "the file is truncated: segment %u is %" G_GUINT64_FORMAT
                    " bytes at offset %" G_GUINT64_FORMAT ", but the file has %" G_GUINT64_FORMAT,
                    index, segment->file_size, segment->offset, reader->size);
        return false;
    }
    if (segment->address > limit || segment->memory_size > limit - segment->address) {
        g_set_error(error, ELF_ERROR, ELF_ERROR_SPACE,
                    "segment %u does not fit: %" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
                    "x, but memory ends at 0x%" G_GINT64_MODIFIER "x; give the machine more memory",
                    index, segment->memory_size, segment->address, limit);
        return false;
    }
    return true;
}

static bool read_segments(const Reader *reader, const uint8_t *header, uint64_t mask, uint64_t base,
                          uint64_t limit, Segment *segments, unsigned *count, GError **error)
{
    uint64_t table = field(reader, header + 32, 8);
    unsigned entry_size = (unsigned)field(reader, header + 54, 2);
    unsigned entries = (unsigned)field(reader, header + 56, 2);
    if (entry_size != SEGMENT_HEADER_SIZE)
        return format_error(error, "program headers are %u bytes each (offset 54), not %u",
                            entry_size, SEGMENT_HEADER_SIZE);
    if (entries == 0 || entries > MAX_SEGMENTS)
        return format_error(error, "%u program headers (offset 56): 1 to %u can be loaded", entries,
                            MAX_SEGMENTS);
    uint8_t raw[MAX_SEGMENTS * SEGMENT_HEADER_SIZE];
    if (!read_exactly(reader, table, raw, entries * SEGMENT_HEADER_SIZE, "the program headers",
                      error))
        return false;
    *count = 0;
    for (unsigned i = 0; i < entries; i++) {
        const uint8_t *row = raw + i * SEGMENT_HEADER_SIZE;
        Segment segment = { field(reader, row + 8, 8), field(reader, row + 32, 8),
                            field(reader, row + 40, 8),
                            (field(reader, row + 24, 8) & mask) + base };
        if (field(reader, row, 4) != SEGMENT_LOAD || segment.memory_size == 0)
            continue;
        if (!check_segment(reader, i, &segment, limit, error))
            return false;
        segments[(*count)++] = segment;
    }
    return *count ? true : format_error(error, "no segment to load");
}

static bool copy_segment(const Reader *reader, const Segment *segment, ElfStore store, void *opaque,
                         GError **error)
{
    g_autofree uint8_t *chunk = g_malloc(COPY_CHUNK);
    for (uint64_t done = 0; done < segment->file_size;) {
        size_t length = (size_t)MIN(COPY_CHUNK, segment->file_size - done);
        if (!read_exactly(reader, segment->offset + done, chunk, length, "a segment", error))
            return false;
        store(opaque, segment->address + done, chunk, length);
        done += length;
    }
    return true;
}

bool elf_load(int fd, uint64_t address_mask, uint64_t base, uint64_t limit, ElfStore store,
              void *opaque, ElfImage *image, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || info.st_size < 0) {
        g_set_error(error, ELF_ERROR, ELF_ERROR_IO, "cannot examine the file: %s",
                    g_strerror(errno));
        return false;
    }
    Reader reader = { fd, (uint64_t)info.st_size, false };
    uint8_t header[ELF_HEADER_SIZE];
    Segment segments[MAX_SEGMENTS];
    unsigned count = 0;
    if (!read_exactly(&reader, 0, header, sizeof header, "the ELF header", error) ||
        !check_identity(&reader, header, error) ||
        !read_segments(&reader, header, address_mask, base, limit, segments, &count, error))
        return false;
    ElfImage found = { reader.little_endian, (field(&reader, header + 24, 8) & address_mask) + base,
                       UINT64_MAX, 0 };
    for (unsigned i = 0; i < count; i++) {
        found.low = MIN(found.low, segments[i].address);
        found.high = MAX(found.high, segments[i].address + segments[i].memory_size);
    }
    if (found.entry < found.low || found.entry >= found.high)
        return format_error(error,
                            "the entry point 0x%" G_GINT64_MODIFIER "x (offset 24) lies "
                            "outside the loaded segments",
                            found.entry);
    for (unsigned i = 0; i < count; i++)
        if (!copy_segment(&reader, &segments[i], store, opaque, error))
            return false;
    *image = found;
    return true;
}
