/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences from the emulator that are explained, and rows that it cannot judge (known.c).
 */
#ifndef TESTS_CPU_DIFF_KNOWN_H
#define TESTS_CPU_DIFF_KNOWN_H

#include "tests/cpu/diff/image.h"
#include "tests/cpu/diff/row.h"

/*
 * Ones in MASK for the bits of a case's results that need not agree. The explanation called WITHOUT
 * is left out (NULL: none), to find cases that need it.
 */
void known_differences(const Row *row, const Image *input, const Image *ours, const Image *theirs,
                       const char *without, Image *mask);

/* The names of the explanations, from 0 on; then NULL. */
const char *known_name(unsigned number);
/* Whether explanation NUMBER is about 32-bit models, or about others. */
bool known_is_for(unsigned number, bool narrow);

/* Why the emulator cannot judge ROW in this byte order, or NULL if it can. */
const char *known_unusable(const Row *row, bool little_endian);

#endif
