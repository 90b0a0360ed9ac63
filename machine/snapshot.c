/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/snapshot.h"

#include <gio/gio.h>

#include "machine/cpu/code-cache.h"
#include "machine/machine-internal.h"

#define EARLY_PAGES 256u /* 1 MiB: less than a millisecond */

/* --- the base --------------------------------------------------------------------------------- */

PageStore *machine_page_store(Machine *machine)
{
    if (!machine->pages)
        machine->pages = page_store_new();
    return machine->pages;
}

PageMap *machine_base(Machine *machine)
{
    return machine->base;
}

void machine_drop_early(Machine *machine)
{
    g_clear_pointer(&machine->early, page_map_unref);
}

void machine_forget_base(Machine *machine)
{
    g_clear_pointer(&machine->base, page_map_unref);
    machine_drop_early(machine);
}

static void set_base(Machine *machine, PageMap *map, uint32_t epoch)
{
    page_map_ref(map); /* it may be the base already */
    machine_forget_base(machine);
    machine->base = map;
    machine->base_epoch = epoch;
}

void machine_free_pages(Machine *machine)
{
    machine_forget_base(machine);
    g_clear_pointer(&machine->pages, page_store_free);
}

static PageMemory memory_of(Machine *machine)
{
    Memory *memory = machine->memory;
    return (PageMemory){ memory->ram, memory->page_mark, memory_page_count(memory) };
}

/* --- capturing -------------------------------------------------------------------------------- */

static GBytes *save_state(Machine *machine, GError **error)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    machine_save_state(machine, writer);
    return state_writer_close_bytes(writer, error);
}

bool machine_copy_early(Machine *machine)
{
    PageMemory memory = memory_of(machine);
    if (machine->base)
        return true;
    if (!machine->early) {
        machine->early = page_map_new(machine_page_store(machine), memory.pages);
        machine->early_epoch = memory_next_epoch(machine->memory);
        machine->early_next = 0;
    }
    machine->early_next = page_map_fill(machine->early, &memory, machine->early_next, EARLY_PAGES);
    return machine->early_next == memory.pages;
}

/* What to build upon; a base in the making is good only if it has been gone through. */
static PageMap *best_base(const Machine *machine, uint64_t pages, uint32_t *since)
{
    bool has_early = !machine->base && machine->early && machine->early_next == pages;
    *since = has_early ? machine->early_epoch : machine->base_epoch;
    return has_early ? machine->early : machine->base;
}

/* All but the memory. */
static bool begin_capture(Machine *machine, MachineCapture *capture, GError **error)
{
    *capture = (MachineCapture){ .position = machine_position(machine),
                                 .mode = replay_mode(machine->replay) };
    replay_prefix(machine->replay, &capture->prefix);
    capture->state = save_state(machine, error);
    return capture->state;
}

bool machine_capture_since(Machine *machine, const PageMap *base, uint32_t since,
                           MachineCapture *capture, GError **error)
{
    PageMemory memory = memory_of(machine);
    if (!begin_capture(machine, capture, error))
        return false;
    capture->epoch = memory_next_epoch(machine->memory);
    capture->map = page_map_capture_news(machine_page_store(machine), base, since, &memory);
    return true;
}

uint64_t machine_count_news(Machine *machine, uint32_t since)
{
    const Memory *memory = machine->memory;
    uint64_t pages = memory_page_count(memory), count = 0;
    for (uint64_t page = 0; (page = memory_next_changed(memory, since, page)) < pages; page++)
        count++;
    return count;
}

uint64_t machine_count_capture(Machine *machine)
{
    uint32_t since;
    bool has_base = best_base(machine, memory_page_count(machine->memory), &since);
    return machine_count_news(machine, has_base ? since : 0);
}

bool machine_capture(Machine *machine, MachineCapture *capture, GError **error)
{
    PageMemory memory = memory_of(machine);
    if (!begin_capture(machine, capture, error))
        return false;
    uint32_t since;
    const PageMap *base = best_base(machine, memory.pages, &since);
    capture->epoch = memory_next_epoch(machine->memory);
    capture->map = page_map_capture(machine_page_store(machine), base, since, &memory);
    machine_drop_early(machine);
    return true;
}

void machine_capture_adopt(Machine *machine, const MachineCapture *capture)
{
    set_base(machine, capture->map, capture->epoch);
    if (!machine->lent_maps)
        page_map_drop_memory(machine->pages, machine->base);
}

void machine_capture_clear(MachineCapture *capture)
{
    g_clear_pointer(&capture->state, g_bytes_unref);
    g_clear_pointer(&capture->map, page_map_unref);
}

/* --- restoring -------------------------------------------------------------------------------- */

static bool load_bytes(Machine *machine, GBytes *state, GError **error)
{
    gsize length;
    const void *data = g_bytes_get_data(state, &length);
    g_autoptr(StateReader) reader = state_reader_new_memory(data, length);
    return machine_load_state(machine, reader, error) && state_reader_finish(reader, error);
}

/* Code of pages that were restored, which have marks of EPOCH, is that of other words. */
static void forget_code(Machine *machine, uint32_t epoch)
{
    Memory *memory = machine->memory;
    CpuEngine *engine = machine->cpu->engine;
    for (uint64_t at = 0; at < memory->size; at += MEMORY_PAGE_SIZE)
        if (memory->page_mark[at >> MEMORY_PAGE_BITS] == epoch && code_cache_has_code(engine, at))
            code_cache_written(engine, at, MEMORY_PAGE_SIZE);
}

static bool load_pages(Machine *machine, PageMap *map, GError **error)
{
    PageMemory memory = memory_of(machine);
    uint32_t epoch = machine->memory->epoch;
    bool is_restored = page_map_restore(machine_page_store(machine), map, machine->base,
                                        machine->base_epoch, &memory, epoch, error);
    memory_marks_written(machine->memory);
    if (!is_restored) {
        machine_forget_base(machine);
        return false;
    }
    forget_code(machine, epoch);
    machine_loaded(machine, true); /* ends the epoch */
    set_base(machine, map, epoch);
    return true;
}

static void give_up(Machine *machine, const GError *error)
{
    machine_internal_error(machine, "a snapshot was loaded in part only: %s; load another one",
                           error->message);
}

/* The state is tried on the machine itself; BEFORE puts it back when it does not fit. */
static bool load_or_go_back(Machine *machine, GBytes *state, PageMap *map, GBytes *before,
                            GError **error)
{
    GError *problem = NULL, *worse = NULL;
    if (load_bytes(machine, state, &problem)) {
        if (load_pages(machine, map, &problem))
            return true;
        give_up(machine, problem);
    } else if (load_bytes(machine, before, &worse)) {
        machine_loaded(machine, true); /* its memory has not changed */
    } else {
        give_up(machine, worse);
    }
    g_clear_error(&worse);
    g_propagate_error(error, problem);
    return false;
}

static bool check_pages(Machine *machine, const PageMap *map, GError **error)
{
    uint64_t pages = memory_page_count(machine->memory);
    if (page_map_pages(map) == pages)
        return true;
    g_set_error(error, STATE_ERROR, STATE_ERROR_VALUE,
                "%" G_GUINT64_FORMAT " pages were saved, this machine has %" G_GUINT64_FORMAT,
                page_map_pages(map), pages);
    return false;
}

/* It has become another one, and goes on at SEEK, which may be NULL. */
static void settle(Machine *machine, ReplaySeek *seek, bool was_running)
{
    if (seek)
        replay_seek_go(machine->replay, seek);
    else
        machine_set_script(machine, NULL); /* it was of another future */
    g_clear_pointer(&machine->error_text, g_free);
    machine_moved(machine);
    machine_set_run_state(machine, MACHINE_PAUSED);
    if (was_running)
        machine_set_run_state(machine, MACHINE_RUNNING);
}

bool machine_restore_filled(Machine *machine, GBytes *state, MachineFill fill, void *opaque,
                            ReplaySeek *seek, GError **error)
{
    g_autoptr(ReplaySeek) place = seek;
    g_autoptr(GBytes) before = save_state(machine, error);
    PageMemory memory = memory_of(machine);
    uint32_t epoch = machine->memory->epoch;
    bool was_running = machine->run_state == MACHINE_RUNNING;
    if (!before)
        return false;
    if (!load_bytes(machine, state, error)) {
        if (!load_bytes(machine, before, NULL))
            return false;
        machine_loaded(machine, true);
        return false;
    }
    machine_forget_base(machine);
    bool is_filled = fill(opaque, &memory, epoch, error);
    memory_marks_written(machine->memory);
    forget_code(machine, epoch);
    machine_loaded(machine, true);
    if (is_filled)
        settle(machine, place, was_running);
    return is_filled;
}

bool machine_restore(Machine *machine, GBytes *state, PageMap *map, ReplaySeek *seek,
                     GError **error)
{
    g_autoptr(ReplaySeek) place = seek;
    bool was_running = machine->run_state == MACHINE_RUNNING;
    if (!check_pages(machine, map, error))
        return false;
    g_autoptr(GBytes) before = save_state(machine, error);
    if (!before || !load_or_go_back(machine, state, map, before, error))
        return false;
    settle(machine, place, was_running);
    return true;
}
