/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data accesses of instruction functions.
 *
 * Every function takes an effective address as cpu_ea() gives it, obeys MSR.LE, and returns false
 * when the access raised an exception: the instruction function then returns EXEC_EXCEPTION at
 * once. An access that crosses a page and faults on its second page stores nothing. Multi-register
 * instructions that store in several steps call cpu_probe_store() first.
 */
#ifndef MACHINE_CPU_ACCESS_H
#define MACHINE_CPU_ACCESS_H

#include "machine/cpu/tlb.h"

/* Slow halves (mmu.c): any alignment, page crossings, translation misses, MMIO, pages with code. */
bool cpu_load_slow(Cpu *cpu, uint64_t ea, unsigned size, void *data);
bool cpu_store_slow(Cpu *cpu, uint64_t ea, unsigned size, const void *data);

#define ACCESS_DEFINE(bits, swap)                                                                  \
    static inline bool cpu_load##bits(Cpu *cpu, uint64_t ea, uint64_t *value)                      \
    {                                                                                              \
        const TlbEntry *entry = &cpu->tlb->read[TLB_INDEX(ea)];                                    \
        uint##bits##_t data;                                                                       \
        if (G_LIKELY(entry->tag == TLB_TAG(ea, bits / 8)))                                         \
            data = *(const uint##bits##_t *)(uintptr_t)(entry->addend + ea);                       \
        else if (!cpu_load_slow(cpu, ea, bits / 8, &data))                                         \
            return false;                                                                          \
        *value = cpu->byte_swap ? swap(data) : data;                                               \
        return true;                                                                               \
    }                                                                                              \
    static inline bool cpu_store##bits(Cpu *cpu, uint64_t ea, uint64_t value)                      \
    {                                                                                              \
        const TlbEntry *entry = &cpu->tlb->write[TLB_INDEX(ea)];                                   \
        uint##bits##_t data = (uint##bits##_t)value;                                               \
        data = cpu->byte_swap ? swap(data) : data;                                                 \
        if (G_LIKELY(entry->tag == TLB_TAG(ea, bits / 8)))                                         \
            *(uint##bits##_t *)(uintptr_t)(entry->addend + ea) = data;                             \
        else if (!cpu_store_slow(cpu, ea, bits / 8, &data))                                        \
            return false;                                                                          \
        return true;                                                                               \
    }

#define ACCESS_SAME(x) (x)
ACCESS_DEFINE(8, ACCESS_SAME)
ACCESS_DEFINE(16, __builtin_bswap16)
ACCESS_DEFINE(32, __builtin_bswap32)
ACCESS_DEFINE(64, __builtin_bswap64)
#undef ACCESS_SAME
#undef ACCESS_DEFINE

/*
 * Sixteen bytes as one 128-bit number in the present byte order (lvx, lxv, lq): byte EA is the most
 * significant in big-endian mode, the least in little-endian mode. Not single-copy atomic with
 * respect to anything, there being one processor thread.
 */
bool cpu_load128(Cpu *cpu, uint64_t ea, Vsr *value);
bool cpu_store128(Cpu *cpu, uint64_t ea, Vsr value);

/* LENGTH (0-256) bytes in address order, whatever MSR.LE (string, vector-with-length, dcbz). */
bool cpu_load_bytes(Cpu *cpu, uint64_t ea, unsigned length, uint8_t *bytes);
bool cpu_store_bytes(Cpu *cpu, uint64_t ea, unsigned length, const uint8_t *bytes);

/* Raises what a store of LENGTH (1-256) bytes at EA would raise, without storing. */
bool cpu_probe_store(Cpu *cpu, uint64_t ea, unsigned length);
/* The same for a load (dcbst and friends act as loads for protection). */
bool cpu_probe_load(Cpu *cpu, uint64_t ea, unsigned length);

/*
 * Where a load (or store) at EA would go, without making it: *REAL, and what the storage's
 * attributes refuse (MMU_NO_ bits of mmu-family.h). Marks nothing in the page table.
 */
bool cpu_find_data(Cpu *cpu, uint64_t ea, bool is_store, uint64_t *real, unsigned *refusals);

#endif
