/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/memory.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>

Memory *memory_new(uint64_t size, GError **error)
{
    g_assert(size && size % MEMORY_PAGE_SIZE == 0);
    uint64_t reserved = size + MEMORY_DEVICE_MAX;
    void *ram = mmap(NULL, reserved, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED) {
        int code = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                    "cannot reserve %" G_GUINT64_FORMAT " bytes of guest memory: %s", size,
                    g_strerror(code));
        return NULL;
    }
    madvise(ram, size, MADV_HUGEPAGE);
    Memory *memory = g_new0(Memory, 1);
    memory->ram = ram;
    memory->size = size;
    memory->epoch = 1;
    uint64_t pages = reserved >> MEMORY_PAGE_BITS;
    memory->page_mark = g_new0(uint32_t, pages);
    memory->group_mark = g_new0(uint32_t, pages / MEMORY_MARK_GROUP + 1);
    memory->news = g_new0(uint64_t, pages / 64 + 1);
    return memory;
}

void memory_free(Memory *memory)
{
    if (!memory)
        return;
    munmap(memory->ram, memory->size + MEMORY_DEVICE_MAX);
    g_free(memory->page_mark);
    g_free(memory->group_mark);
    g_free(memory->news);
    g_free(memory);
}

void memory_add_device(Memory *memory, uint64_t size)
{
    g_assert(!memory->device_size && size <= MEMORY_DEVICE_MAX && size % MEMORY_PAGE_SIZE == 0);
    memory->device_size = size;
}

static void mark_pages(Memory *memory, uint64_t at, uint64_t length)
{
    for (uint64_t page = at >> MEMORY_PAGE_BITS; page <= (at + length - 1) >> MEMORY_PAGE_BITS;
         page++)
        memory_mark(memory, page << MEMORY_PAGE_BITS);
}

void memory_marks_written(Memory *memory)
{
    uint64_t groups = memory_page_count(memory) / MEMORY_MARK_GROUP + 1;
    for (uint64_t group = 0; group < groups; group++)
        memory->group_mark[group] = memory->epoch;
}

void memory_check_marks(const Memory *memory)
{
    for (uint64_t page = 0; page < memory_page_count(memory); page++)
        g_assert(memory->page_mark[page] <= memory->group_mark[page / MEMORY_MARK_GROUP]);
}

uint64_t memory_next_changed(const Memory *memory, uint32_t since, uint64_t from)
{
    uint64_t pages = memory_page_count(memory), page = from;
    while (page < pages) {
        uint64_t group = page / MEMORY_MARK_GROUP, end = (group + 1) * MEMORY_MARK_GROUP;
        if (memory->group_mark[group] > since)
            for (; page < MIN(end, pages); page++)
                if (memory->page_mark[page] > since)
                    return page;
        page = end;
    }
    return pages;
}

void memory_take_news(Memory *memory, uint64_t *pages)
{
    uint64_t words = memory_news_words(memory);
    for (uint64_t word = 0; pages && word < words; word++)
        pages[word] |= memory->news[word];
    memset(memory->news, 0, words * sizeof memory->news[0]);
    memory_next_epoch(memory);
}

void memory_device_write(Memory *memory, uint64_t offset, const void *data, uint64_t length)
{
    g_assert(offset <= memory->device_size && length <= memory->device_size - offset);
    if (!length)
        return;
    memcpy(memory->ram + memory->size + offset, data, length);
    mark_pages(memory, memory->size + offset, length);
}

/* One without a mark was never touched. */
void memory_device_clear(Memory *memory, uint64_t offset, uint64_t length)
{
    static const uint8_t zero[MEMORY_PAGE_SIZE];
    const uint32_t *mark = memory->page_mark + (memory->size >> MEMORY_PAGE_BITS);
    for (uint64_t at = offset, end = offset + length, next; at < end; at = next) {
        next = MIN(end, (at / MEMORY_PAGE_SIZE + 1) * MEMORY_PAGE_SIZE);
        if (mark[at >> MEMORY_PAGE_BITS] &&
            memcmp(memory_device_data(memory) + at, zero, next - at))
            memory_device_write(memory, at, zero, next - at);
    }
}

void memory_set_window(Memory *memory, uint64_t base, uint64_t size)
{
    g_assert(size <= memory->device_size && base % MEMORY_PAGE_SIZE == 0);
    if (memory->window_base == base && memory->window_size == size)
        return;
    memory->window_base = base;
    memory->window_size = size;
    if (memory->watcher)
        memory->watcher->window_moved(memory->watcher_opaque);
}

uint32_t memory_next_epoch(Memory *memory)
{
    uint32_t closed = memory->epoch++;
    g_assert(memory->epoch);
    if (memory->watcher)
        memory->watcher->epoch_moved(memory->watcher_opaque);
    return closed;
}

bool memory_read(const Memory *memory, uint64_t address, void *data, uint64_t length)
{
    if (!memory_contains(memory, address, length))
        return false;
    memcpy(data, memory->ram + address, length);
    return true;
}

bool memory_write(Memory *memory, uint64_t address, const void *data, uint64_t length)
{
    if (!memory_contains(memory, address, length))
        return false;
    if (!length)
        return true;
    memcpy(memory->ram + address, data, length);
    mark_pages(memory, address, length);
    if (memory->watcher)
        memory->watcher->written(memory->watcher_opaque, address, length);
    return true;
}

#define MEMORY_DEFINE_READ(name, type, from)                                                       \
    bool memory_read_##name(const Memory *memory, uint64_t address, type *value)                   \
    {                                                                                              \
        type raw = 0;                                                                              \
        bool ok = memory_read(memory, address, &raw, sizeof raw);                                  \
        *value = from(raw);                                                                        \
        return ok;                                                                                 \
    }
#define MEMORY_DEFINE_WRITE(name, type, to)                                                        \
    bool memory_write_##name(Memory *memory, uint64_t address, type value)                         \
    {                                                                                              \
        type raw = to(value);                                                                      \
        return memory_write(memory, address, &raw, sizeof raw);                                    \
    }
MEMORY_DEFINE_READ(be32, uint32_t, GUINT32_FROM_BE)
MEMORY_DEFINE_READ(be64, uint64_t, GUINT64_FROM_BE)
MEMORY_DEFINE_READ(le16, uint16_t, GUINT16_FROM_LE)
MEMORY_DEFINE_READ(le32, uint32_t, GUINT32_FROM_LE)
MEMORY_DEFINE_READ(le64, uint64_t, GUINT64_FROM_LE)
MEMORY_DEFINE_WRITE(be32, uint32_t, GUINT32_TO_BE)
MEMORY_DEFINE_WRITE(be64, uint64_t, GUINT64_TO_BE)
MEMORY_DEFINE_WRITE(le16, uint16_t, GUINT16_TO_LE)
MEMORY_DEFINE_WRITE(le32, uint32_t, GUINT32_TO_LE)
