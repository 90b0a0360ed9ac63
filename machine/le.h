/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Little-endian numbers of SIZE (at most 8) bytes, wherever they lie: what devices and files of
 * formats from that world are made of.
 */
#ifndef MACHINE_LE_H
#define MACHINE_LE_H

#include <stdint.h>

static inline void le_put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t le_get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

#endif
