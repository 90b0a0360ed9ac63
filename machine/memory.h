/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: one flat block from real address 0, zero at power-on.
 *
 * 1. Every change of a byte, by whomever, marks its 4 KiB page with the present epoch before the
 *    epoch moves on. The marks serve the state hash, keyframes and the screen alike.
 * 2. Whoever holds a shortcut for stores (a soft TLB's write entry) gives it up when the epoch
 * moves or when its page comes to hold predecoded code; the watcher is told of both.
 * 3. DMA goes through memory_write(): it marks, drops predecoded code and breaks reservations.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_PAGE_BITS 12
#define MEMORY_PAGE_SIZE 4096u

typedef struct Memory Memory;

typedef struct {
    /* The epoch moved: write shortcuts must be dropped. */
    void (*epoch_moved)(void *opaque);
    /* Bytes changed behind the processor's back (DMA): drop code, break the reservation. */
    void (*written)(void *opaque, uint64_t address, uint64_t length);
} MemoryWatcher;

struct Memory {
    uint8_t *ram;
    uint64_t size;       /* bytes, a multiple of the page size */
    uint32_t *page_mark; /* one per page: the epoch of its last change */
    uint32_t epoch;      /* starts at 1 */
    const MemoryWatcher *watcher;
    void *watcher_opaque;
};

/* NULL with ERROR when the host has not that much memory. */
Memory *memory_new(uint64_t size, GError **error);
void memory_free(Memory *memory);

static inline uint64_t memory_page_count(const Memory *memory)
{
    return memory->size >> MEMORY_PAGE_BITS;
}

static inline bool memory_contains(const Memory *memory, uint64_t address, uint64_t length)
{
    return address <= memory->size && length <= memory->size - address;
}

static inline void memory_mark(Memory *memory, uint64_t address)
{
    memory->page_mark[address >> MEMORY_PAGE_BITS] = memory->epoch;
}

/* Closes the present epoch: from now on marks carry the next number. Returns the closed one. */
uint32_t memory_next_epoch(Memory *memory);

/* DMA by devices. False, with nothing transferred, when the range is not all RAM. */
bool memory_read(const Memory *memory, uint64_t address, void *data, uint64_t length);
bool memory_write(Memory *memory, uint64_t address, const void *data, uint64_t length);

/* Big-endian and little-endian scalars in RAM; reads of anything else give 0 and false. */
bool memory_read_be32(const Memory *memory, uint64_t address, uint32_t *value);
bool memory_read_be64(const Memory *memory, uint64_t address, uint64_t *value);
bool memory_write_be32(Memory *memory, uint64_t address, uint32_t value);
bool memory_write_be64(Memory *memory, uint64_t address, uint64_t value);
bool memory_read_le16(const Memory *memory, uint64_t address, uint16_t *value);
bool memory_read_le32(const Memory *memory, uint64_t address, uint32_t *value);
bool memory_read_le64(const Memory *memory, uint64_t address, uint64_t *value);
bool memory_write_le16(Memory *memory, uint64_t address, uint16_t value);
bool memory_write_le32(Memory *memory, uint64_t address, uint32_t value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Memory, memory_free)

#endif
