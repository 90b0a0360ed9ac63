/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WAV files: what is written is read again, what cannot be used is refused and named. */
#include "machine/audio/wav.h"
#include "tests/check-run.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES 1000u

static uint8_t file[WAV_HEADER_SIZE + FRAMES * WAV_FRAME_BYTES];

static int16_t sample_of(unsigned frame, unsigned channel)
{
    return (int16_t)(frame * 31 - channel * 20000);
}

static void setup(void)
{
    wav_header(file, FRAMES);
    for (unsigned i = 0; i < 2 * FRAMES; i++) {
        uint16_t sample = (uint16_t)sample_of(i / 2, i & 1);
        file[WAV_HEADER_SIZE + 2 * i] = (uint8_t)sample;
        file[WAV_HEADER_SIZE + 2 * i + 1] = (uint8_t)(sample >> 8);
    }
}

static int file_of(const void *data, size_t size)
{
    int fd = memfd_create("wav", 0);
    ck_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

START_TEST(what_is_written_is_read_again)
{
    WavInput wav;
    int16_t frames[2 * FRAMES];
    int fd = file_of(file, sizeof file);
    ck_assert(wav_open(&wav, fd, NULL));
    ck_assert_uint_eq(wav.frames, FRAMES);
    ck_assert_uint_eq(wav_read(&wav, 0, frames, FRAMES), FRAMES);
    for (unsigned i = 0; i < 2 * FRAMES; i++)
        ck_assert_int_eq(frames[i], sample_of(i / 2, i & 1));
    ck_assert_uint_eq(wav_read(&wav, FRAMES - 3, frames, 10), 3);
    ck_assert_int_eq(frames[5], sample_of(FRAMES - 1, 1));
    ck_assert_uint_eq(wav_read(&wav, FRAMES, frames, 10), 0);
    ck_assert_uint_eq(wav_read(&wav, UINT64_MAX, frames, 10), 0);
    close(fd);
}
END_TEST

START_TEST(one_channel_becomes_both)
{
    WavInput wav;
    int16_t frames[4];
    file[22] = 1;
    int fd = file_of(file, sizeof file);
    ck_assert(wav_open(&wav, fd, NULL));
    ck_assert_uint_eq(wav.frames, 2 * FRAMES);
    ck_assert_uint_eq(wav_read(&wav, 1, frames, 2), 2);
    ck_assert_int_eq(frames[0], sample_of(0, 1));
    ck_assert_int_eq(frames[1], sample_of(0, 1));
    ck_assert_int_eq(frames[2], sample_of(1, 0));
    close(fd);
}
END_TEST

/* Other chunks in front, one of an odd size. */
START_TEST(unknown_chunks_are_passed_over)
{
    static const uint8_t chunk[] = { 'L', 'I', 'S', 'T', 3, 0, 0, 0, 'a', 'b', 'c', 0 };
    uint8_t longer[sizeof file + sizeof chunk];
    WavInput wav;
    int16_t frame[2];
    memcpy(longer, file, 36);
    memcpy(longer + 36, chunk, sizeof chunk);
    memcpy(longer + 36 + sizeof chunk, file + 36, sizeof file - 36);
    int fd = file_of(longer, sizeof longer);
    ck_assert(wav_open(&wav, fd, NULL));
    ck_assert_uint_eq(wav_read(&wav, 7, frame, 1), 1);
    ck_assert_int_eq(frame[1], sample_of(7, 1));
    close(fd);
}
END_TEST

START_TEST(sizes_are_not_believed)
{
    WavInput wav;
    int16_t frames[20];
    memset(file + 40, 0xff, 4);
    int fd = file_of(file, WAV_HEADER_SIZE + 10 * WAV_FRAME_BYTES + 3);
    ck_assert(wav_open(&wav, fd, NULL));
    ck_assert_uint_eq(wav.frames, 10);
    ck_assert_uint_eq(wav_read(&wav, 8, frames, 10), 2);
    ck_assert_int_eq(ftruncate(fd, WAV_HEADER_SIZE + 4), 0);
    ck_assert_uint_eq(wav_read(&wav, 0, frames, 10), 1);
    close(fd);
}
END_TEST

START_TEST(what_cannot_be_used_is_refused)
{
    static const struct {
        unsigned at;
        uint8_t value;
        const char *text;
    } rows[] = {
        { 0, 'X', "it is no WAV file" },
        { 20, 3, "format 3; needed are" },
        { 22, 6, "it has 6 channels" },
        { 24, 0x80, "at 44160 Hz" },
        { 34, 24, "of 24 bits" },
        { 16, 8, "its format chunk is cut off" },
        { 12, 'X', "its samples come before their format" },
        { 36, 'X', "it has no samples" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        WavInput wav;
        setup();
        file[rows[i].at] = rows[i].value;
        int fd = file_of(file, sizeof file);
        ck_assert(!wav_open(&wav, fd, &error));
        ck_assert_msg(strstr(error->message, rows[i].text), "%s", error->message);
        close(fd);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wav");
    TCase *tests = tcase_create("wav");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, what_is_written_is_read_again);
    tcase_add_test(tests, one_channel_becomes_both);
    tcase_add_test(tests, unknown_chunks_are_passed_over);
    tcase_add_test(tests, sizes_are_not_believed);
    tcase_add_test(tests, what_cannot_be_used_is_refused);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
