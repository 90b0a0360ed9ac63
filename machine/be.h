/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Big-endian numbers of SIZE (at most 8) bytes, wherever they lie: what our own files, and
 * protocols of networks, are made of.
 */
#ifndef MACHINE_BE_H
#define MACHINE_BE_H

#include <stdint.h>

static inline void be_put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static inline uint64_t be_get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
