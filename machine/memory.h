/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: one flat block from real address 0, zero at power-on.
 *
 * 1. Every change of a byte, by whomever, marks its 4 KiB page with the present epoch before the
 *    epoch moves on. The marks serve the state hash, keyframes and the screen alike.
 * 2. Whoever holds a shortcut for stores (a soft TLB's write entry) gives it up when the epoch
 * moves or when its page comes to hold predecoded code; the watcher is told of both.
 * 3. DMA goes through memory_write(): it marks, drops predecoded code and breaks reservations.
 * 4. Memory of a device (video RAM) lies behind RAM in the same block and has pages and marks as
 * RAM has, so that hashes, snapshots and the screen see one kind of page. The processor reaches it
 *    through a window of real addresses; DMA and instruction fetches do not reach it at all.
 * 5. The mark of a group of pages is at least the newest of its pages' marks: few pages change in
 *    an epoch, and who looks for them need not look at all.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_PAGE_BITS  12
#define MEMORY_PAGE_SIZE  4096u
#define MEMORY_DEVICE_MAX (64u << 20) /* bytes of device memory */
#define MEMORY_MARK_GROUP 64u         /* pages */

typedef struct Memory Memory;

typedef struct {
    /* The epoch moved: write shortcuts must be dropped. */
    void (*epoch_moved)(void *opaque);
    /* Bytes changed behind the processor's back (DMA): drop code, break the reservation. */
    void (*written)(void *opaque, uint64_t address, uint64_t length);
    /* The window moved: what leads into it must be dropped. */
    void (*window_moved)(void *opaque);
} MemoryWatcher;

struct Memory {
    uint8_t *ram;
    uint64_t size;                     /* bytes of RAM, a multiple of the page size */
    uint64_t device_size;              /* bytes of device memory, from ram + size on; likewise */
    uint64_t window_base, window_size; /* real addresses that show it; size 0: none do */
    uint32_t *page_mark;               /* one per page: the epoch of its last change */
    uint32_t *group_mark;              /* one per MEMORY_MARK_GROUP pages */
    uint64_t *news;                    /* a bit per page: marked since memory_take_news() */
    uint32_t epoch;                    /* starts at 1 */
    const MemoryWatcher *watcher;
    void *watcher_opaque;
};

/* NULL with ERROR when the host has not that much memory. */
Memory *memory_new(uint64_t size, GError **error);
void memory_free(Memory *memory);

/* Pages of RAM and, after them, of device memory. */
static inline uint64_t memory_page_count(const Memory *memory)
{
    return (memory->size + memory->device_size) >> MEMORY_PAGE_BITS;
}

static inline bool memory_contains(const Memory *memory, uint64_t address, uint64_t length)
{
    return address <= memory->size && length <= memory->size - address;
}

/* Where in the block LENGTH bytes at the real address REAL are, in RAM or through the window. */
static inline bool memory_find(const Memory *memory, uint64_t real, uint64_t length, uint64_t *at)
{
    uint64_t offset = real - memory->window_base;
    *at = real;
    if (memory_contains(memory, real, length))
        return true;
    *at = memory->size + offset;
    return offset < memory->window_size && length <= memory->window_size - offset;
}

static inline void memory_mark(Memory *memory, uint64_t address)
{
    uint64_t page = address >> MEMORY_PAGE_BITS;
    memory->page_mark[page] = memory->epoch;
    memory->group_mark[page / MEMORY_MARK_GROUP] = memory->epoch;
    memory->news[page / 64] |= 1ull << (page % 64);
}

/* To be called by whoever has written marks of pages himself; they are no news. */
void memory_marks_written(Memory *memory);
/* Asserts invariant 5. */
void memory_check_marks(const Memory *memory);

/* The first page from page FROM on that changed after epoch SINCE; memory_page_count(): none. */
uint64_t memory_next_changed(const Memory *memory, uint32_t since, uint64_t from);

/*
 * A device's own memory, zero: SIZE bytes, a multiple of the page size, once per machine and while
 * it is built. The device writes it with memory_device_write(), at offsets that lie inside.
 */
void memory_add_device(Memory *memory, uint64_t size);
void memory_device_write(Memory *memory, uint64_t offset, const void *data, uint64_t length);
/* Makes LENGTH bytes zero. Pages that are zero already are not marked. */
void memory_device_clear(Memory *memory, uint64_t offset, uint64_t length);
static inline const uint8_t *memory_device_data(const Memory *memory)
{
    return memory->ram + memory->size;
}
/* From now on real addresses from BASE on show it; SIZE 0: none do. BASE is that of a page. */
void memory_set_window(Memory *memory, uint64_t base, uint64_t size);

/* So many words have a bit for each page. */
static inline uint64_t memory_news_words(const Memory *memory)
{
    return memory_page_count(memory) / 64 + 1;
}

/* Closes the present epoch, and sets the bits in PAGES, if any, of those marked since the last
 * time. */
void memory_take_news(Memory *memory, uint64_t *pages);

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
