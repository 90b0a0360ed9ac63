/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * RIFF WAVE: chunks of a four-letter name, a size, and that many bytes, padded to an even number.
 * "fmt " says what the samples are, "data" holds them.
 */

#include "machine/audio/wav.h"

#include "machine/le.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_PCM        1
#define FORMAT_EXTENSIBLE 0xfffe
#define FORMAT_SIZE       16
#define SAMPLE_BITS       16
#define CHANNELS_WRITTEN  2
#define CHUNKS_MAX        64 /* in front of the samples */
#define READ_MAX          4096u

/* How many bytes there were. */
static size_t read_at(int fd, off_t at, void *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (uint8_t *)data + done, size - done, at + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static bool wrong(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool wrong(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
    return false;
}

static bool take_format(WavInput *wav, off_t at, uint32_t size, GError **error)
{
    uint8_t format[FORMAT_SIZE];
    if (size < FORMAT_SIZE || read_at(wav->fd, at, format, sizeof format) < sizeof format)
        return wrong(error, "its format chunk is cut off");
    unsigned tag = (unsigned)le_get(format, 2), channels = (unsigned)le_get(format + 2, 2);
    unsigned rate = (unsigned)le_get(format + 4, 4), bits = (unsigned)le_get(format + 14, 2);
    if ((tag != FORMAT_PCM && tag != FORMAT_EXTENSIBLE) || bits != SAMPLE_BITS ||
        rate != WAV_RATE || channels < 1 || channels > 2)
        return wrong(
            error,
            "it has %u channels of %u bits at %u Hz, format %u; needed are 1 or 2 channels "
            "of 16 bits at %u Hz (sox IN -b 16 -r %u OUT makes that)",
            channels, bits, rate, tag, WAV_RATE, WAV_RATE);
    wav->channels = channels;
    return true;
}

static void take_data(WavInput *wav, off_t at, uint32_t size, off_t file_size)
{
    uint64_t there = file_size > at ? (uint64_t)(file_size - at) : 0;
    wav->data = at;
    wav->frames = MIN(there, size) / (2 * wav->channels);
}

bool wav_open(WavInput *wav, int fd, GError **error)
{
    uint8_t head[12];
    struct stat info;
    *wav = (WavInput){ .fd = fd };
    if (fstat(fd, &info) < 0 || read_at(fd, 0, head, sizeof head) < sizeof head ||
        memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
        return wrong(error, "it is no WAV file");
    off_t at = sizeof head;
    for (unsigned i = 0; i < CHUNKS_MAX && read_at(fd, at, head, 8) == 8; i++) {
        uint32_t size = (uint32_t)le_get(head + 4, 4);
        at += 8;
        if (memcmp(head, "fmt ", 4) == 0 && !take_format(wav, at, size, error))
            return false;
        if (memcmp(head, "data", 4) == 0) {
            if (!wav->channels)
                return wrong(error, "its samples come before their format");
            take_data(wav, at, size, info.st_size);
            return true;
        }
        at += (off_t)size + (size & 1);
    }
    return wrong(error, "it has no samples");
}

unsigned wav_read(const WavInput *wav, uint64_t first, int16_t *frames, unsigned count)
{
    uint8_t bytes[READ_MAX * 4];
    g_assert(count <= READ_MAX);
    if (first >= wav->frames)
        return 0;
    size_t frame_bytes = 2 * wav->channels;
    count = (unsigned)MIN(count, wav->frames - first);
    count = (unsigned)(read_at(wav->fd, wav->data + (off_t)(first * frame_bytes), bytes,
                               count * frame_bytes) /
                       frame_bytes);
    for (unsigned i = 0; i < count; i++)
        for (unsigned c = 0; c < 2; c++)
            frames[2 * i + c] =
                (int16_t)le_get(bytes + i * frame_bytes + 2 * MIN(c, wav->channels - 1), 2);
    return count;
}

void wav_header(uint8_t header[WAV_HEADER_SIZE], uint64_t frames)
{
    uint32_t most = UINT32_MAX - WAV_HEADER_SIZE;
    uint32_t bytes = (uint32_t)MIN(frames, most / WAV_FRAME_BYTES) * WAV_FRAME_BYTES;
    memcpy(header, "RIFF----WAVEfmt ", 16);
    le_put(header + 4, 4, bytes + WAV_HEADER_SIZE - 8);
    le_put(header + 16, 4, FORMAT_SIZE);
    le_put(header + 20, 2, FORMAT_PCM);
    le_put(header + 22, 2, CHANNELS_WRITTEN);
    le_put(header + 24, 4, WAV_RATE);
    le_put(header + 28, 4, WAV_RATE * WAV_FRAME_BYTES);
    le_put(header + 32, 2, WAV_FRAME_BYTES);
    le_put(header + 34, 2, SAMPLE_BITS);
    memcpy(header + 36, "data", 4);
    le_put(header + 40, 4, bytes);
}
