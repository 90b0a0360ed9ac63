/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences from the emulator that are explained, and rows that it cannot judge (known.c).
 */
#ifndef TESTS_CPU_DIFF_KNOWN_H
#define TESTS_CPU_DIFF_KNOWN_H

#include "tests/cpu/diff/image.h"
#include "tests/cpu/diff/row.h"

/* Ones in the bits of the results of CASE that need not agree. */
void known_differences(const Row *row, const Image *input, const Image *ours, const Image *theirs,
                       Image *mask);

/* Why the emulator cannot judge ROW in this byte order, or NULL if it can. */
const char *known_unusable(const Row *row, bool little_endian);

#endif
