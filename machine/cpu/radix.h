/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Radix tree translation (Power ISA 3.0B, Book III 5.7.10-5.7.12) as a guest of a hypervisor sees
 * it: process-scoped trees in guest memory, partition-scoped translation being the identity.
 */
#ifndef MACHINE_CPU_RADIX_H
#define MACHINE_CPU_RADIX_H

#include "machine/cpu/mmu-family.h"

/* Permission and attribute bits of a leaf entry. */
#define RADIX_PTE_ATTRIBUTES     0x30ull
#define RADIX_PTE_NON_IDEMPOTENT 0x20ull
#define RADIX_PTE_R              0x100ull
#define RADIX_PTE_C              0x80ull
#define RADIX_PTE_PRIVILEGED     0x8ull
#define RADIX_PTE_READ           0x4ull
#define RADIX_PTE_WRITE          0x2ull
#define RADIX_PTE_EXECUTE        0x1ull

/* EA without its quadrant bits: how pages are named in the translation set. */
static inline uint64_t radix_page_address(uint64_t ea)
{
    return ea & 0x3fffffffffffffffull;
}

#endif
