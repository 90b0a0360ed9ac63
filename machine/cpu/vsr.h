/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 128-bit vector-scalar register.
 *
 * The book numbers elements from the most significant end: byte 0 is the most significant byte. A
 * register is held as one 128-bit integer in the host's order, so element arithmetic needs no care
 * and only the element numbers are mirrored. Always name elements through VSR_B, VSR_H, VSR_W and
 * VSR_D, which take the book's numbers.
 */
#ifndef MACHINE_CPU_VSR_H
#define MACHINE_CPU_VSR_H

#include <glib.h>
#include <stdint.h>

typedef union {
    unsigned __int128 q;
    uint64_t d[2];
    uint32_t w[4];
    uint16_t h[8];
    uint8_t b[16];
} Vsr;

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define VSR_D(vsr, i) ((vsr).d[1 - (i)])
#define VSR_W(vsr, i) ((vsr).w[3 - (i)])
#define VSR_H(vsr, i) ((vsr).h[7 - (i)])
#define VSR_B(vsr, i) ((vsr).b[15 - (i)])
#else
#define VSR_D(vsr, i) ((vsr).d[i])
#define VSR_W(vsr, i) ((vsr).w[i])
#define VSR_H(vsr, i) ((vsr).h[i])
#define VSR_B(vsr, i) ((vsr).b[i])
#endif

#endif
