/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mode key: what predecoded code depends on besides its words. The bits are those of the MSR,
 * so making the key is a mask and a fold of SF into a bit that no 32-bit MSR uses.
 */
#ifndef MACHINE_CPU_MODE_H
#define MACHINE_CPU_MODE_H

#include "machine/cpu/cpu.h"

#define MODE_VEC ((uint32_t)MSR_VEC)
#define MODE_VSX ((uint32_t)MSR_VSX)
#define MODE_PR  ((uint32_t)MSR_PR)
#define MODE_FP  ((uint32_t)MSR_FP)
#define MODE_LE  ((uint32_t)MSR_LE)
#define MODE_SF  (1u << 31)

static inline uint32_t mode_key_of(uint64_t msr)
{
    uint32_t kept = (uint32_t)msr & (MODE_VEC | MODE_VSX | MODE_PR | MODE_FP | MODE_LE);
    return kept | (msr & MSR_SF ? MODE_SF : 0);
}

#endif
