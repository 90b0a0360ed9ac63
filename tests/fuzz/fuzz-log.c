/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log reader against hostile files. The first byte picks: the rest is the file itself, or it is
 * events that are put into a sound file, so that the fuzzer need not find checksums; and how it is
 * shown.
 */
#include "replay/log-file.h"

#include <sys/mman.h>
#include <unistd.h>

#define SEGMENTS_MAX 6 /* that are written: packing them takes most of the time */

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void write_segments(int fd, const guint8 *data, gsize size)
{
    Position start = { 0, 0, 0 };
    g_autoptr(LogFile) file = log_file_new(fd, &start, NULL);
    LogSegment segment = { 0 };

    for (unsigned i = 0; file && size >= 4 && i < SEGMENTS_MAX; i++) {
        gsize length = MIN(data[0], size - 4);

        segment.events = data[1];
        segment.first_icount = segment.last_icount;
        segment.last_icount += data[2];
        segment.flags = data[3];
        log_file_append(file, &segment, data + 4, length, NULL);
        segment.first_event += segment.events;
        data += 4 + length;
        size -= 4 + length;
    }
    if (file && size > 0) {
        log_file_write_index(file, NULL);
    }
}

static void read_all(int fd, LogFormat format)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    g_autoptr(GError) dump_error = NULL;
    GString *out;
    gboolean good;

    g_assert((reader != NULL) == (error == NULL));
    if (!reader) {
        return;
    }
    good = log_verify(reader, &error);
    g_assert(good == (error == NULL));
    out = g_string_new(NULL);
    good = log_dump(reader, format, out, &dump_error);
    g_assert(good == (dump_error == NULL));
    g_string_free(out, TRUE);
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */

    if (size == 0) {
        return 0;
    }
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    }
    if (ftruncate(fd, 0) < 0) {
        g_assert_not_reached();
    }
    if (data[0] & 1) {
        write_segments(fd, data + 1, size - 1);
    } else if (pwrite(fd, data + 1, size - 1, 0) != (gssize)size - 1) {
        g_assert_not_reached();
    }
    read_all(fd, data[0] & 2 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON_LINES);
    return 0;
}
