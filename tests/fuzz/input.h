/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzzer's input, taken from its front. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t left;
} Input;

/* So many BYTES, big-endian; what is there, if that is less, and 0 behind the end. */
static inline uint64_t take(Input *input, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
        value = value << 8 | *input->data++;
    return value;
}
