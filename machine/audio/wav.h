/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_AUDIO_WAV_H
#define POWERPLAY_MACHINE_AUDIO_WAV_H

/*
 * WAV files as sound cards of ours need them: 44,100 Hz, 16 bits; frames of two samples.
 */

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WAV_RATE        44100u
#define WAV_HEADER_SIZE 44
#define WAV_FRAME_BYTES 4 /* as written: two channels */

typedef struct {
    int fd;          /* borrowed */
    off_t data;      /* where the samples are */
    uint64_t frames; /* how many; a header that promises more than the file holds is not believed */
    unsigned channels; /* 1 or 2 */
} WavInput;

/* False with ERROR when the file is none, or of another format. */
bool wav_open(WavInput *wav, int fd, GError **error);

/* Reads COUNT (at most 4096) frames from number FIRST on; one channel becomes both. Returns how
 * many there were: fewer at the end, or if the file cannot be read. */
unsigned wav_read(const WavInput *wav, uint64_t first, int16_t *frames, unsigned count);

/* The header of a file with two channels and FRAMES frames; sizes that a WAV file cannot tell stay
 * at their largest. */
void wav_header(uint8_t header[WAV_HEADER_SIZE], uint64_t frames);

#endif
