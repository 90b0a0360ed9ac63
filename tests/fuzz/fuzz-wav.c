/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A WAV file of any bytes as what a microphone hears: what is read of it is inside of it. Inputs
 * are given the first 12 bytes, which are always the same.
 */
#include "machine/audio/wav.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(const WavInput *wav, size_t file_size)
{
    static const uint64_t places[] = { 0, 1, 1000, UINT32_MAX, UINT64_MAX };
    int16_t frames[2 * 64];
    g_assert(wav->channels == 1 || wav->channels == 2);
    g_assert(!wav->frames ||
             (uint64_t)wav->data + wav->frames * 2 * wav->channels <= (uint64_t)file_size);
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        unsigned count = wav_read(wav, places[i], frames, 64);
        g_assert(count <= 64 && (!count || places[i] + count <= wav->frames));
    }
    g_assert(wav_read(wav, wav->frames, frames, 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */
    g_autoptr(GError) error = NULL;
    WavInput wav;
    if (fd < 0)
        fd = memfd_create("wav", MFD_CLOEXEC);
    g_assert(pwrite(fd, "RIFF----WAVE", 12, 0) == 12 &&
             pwrite(fd, data, size, 12) == (ssize_t)size && ftruncate(fd, (off_t)size + 12) == 0);
    bool good = wav_open(&wav, fd, &error);
    g_assert(good == !error);
    if (good)
        hear(&wav, size + 12);
    return 0;
}
