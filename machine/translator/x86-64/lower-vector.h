/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSRs in host registers while a block runs.
 *
 * 1. xmm0-xmm3 are scratch; xmm4-xmm15 cache VSRs. Every result is stored at once, so the cache is
 *    only ever read and may be dropped at any time.
 * 2. A cached copy is FULL (the whole VSR) or LOW (doubleword 0 in the low half of the xmm, the
 *    rest unknown). One VSR may have both.
 * 3. C code keeps no xmm. A way out of line that comes back reloads what its stub has noted.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_LOWER_VECTOR_H
#define MACHINE_TRANSLATOR_X86_64_LOWER_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

#define XMM_FIRST  4u
#define XMM_CACHED 12u

typedef enum { XMM_EMPTY, XMM_FULL, XMM_LOW } XmmFormat;

typedef struct {
    uint8_t vsr[XMM_CACHED];
    uint8_t format[XMM_CACHED];
} XmmSnapshot;

typedef struct {
    XmmSnapshot now;
    uint16_t busy;   /* in use by the present node */
    uint16_t next;   /* where to look for a victim */
    uint16_t kept;   /* operands of the last scalar operation (lower-float.h) */
    uint64_t narrow; /* VSRs whose doubleword 1 is known to be zero */
    /* VSRs that hold no denormal single if VSCR.NJ is set; whether the present node's result is. */
    uint64_t clean;
    bool cleaned;
} XmmCache;

#endif
