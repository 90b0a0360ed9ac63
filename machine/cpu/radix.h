/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Radix tree translation (Power ISA 3.0B, Book III 5.7.10-5.7.12) as a guest of a hypervisor sees
 * it: process-scoped trees in guest memory, partition-scoped translation being the identity.
 */
#ifndef MACHINE_CPU_RADIX_H
#define MACHINE_CPU_RADIX_H

#include "machine/cpu/mmu.h"

/* Permission and attribute bits of a leaf entry. */
#define RADIX_PTE_ATTRIBUTES 0x30ull
#define RADIX_PTE_NON_IDEMPOTENT 0x20ull
#define RADIX_PTE_R 0x100ull
#define RADIX_PTE_C 0x80ull
#define RADIX_PTE_PRIVILEGED 0x8ull
#define RADIX_PTE_READ 0x4ull
#define RADIX_PTE_WRITE 0x2ull
#define RADIX_PTE_EXECUTE 0x1ull

/* Whether the page is caching-inhibited (non-idempotent or tolerant I/O). */
static inline bool radix_is_inhibited(uint64_t bits)
{
    return bits & RADIX_PTE_NON_IDEMPOTENT;
}

/* A fault, as the cause bits that go into DSISR or SRR1 (without the store bit). */
typedef struct {
    bool is_segment;
    uint32_t cause;
} RadixFault;

/* The context (process identifier) that EA belongs to; false: no quadrant of a guest. */
bool radix_context(const Cpu *cpu, uint64_t ea, uint32_t *context);

/* EA without its quadrant bits: how pages are named in the translation set. */
static inline uint64_t radix_page_address(uint64_t ea)
{
    return ea & 0x3fffffffffffffffull;
}

/* Whether entry bits permit ACCESS in the present state; else FAULT says why not. */
bool radix_permits(const Cpu *cpu, uint64_t bits, AccessKind access, RadixFault *fault);

/*
 * Walks the tree of EA's context. True: ENTRY and the real address of the table entry (at
 * LEAF_ADDRESS) are filled; permissions are not looked at, nothing is written.
 */
bool radix_walk(const Cpu *cpu, uint32_t context, uint64_t ea, TranslationEntry *entry,
                uint64_t *leaf_address, RadixFault *fault);

#endif
