/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/translator/side.h"

#include <string.h>

#include "machine/cpu/board-hooks.h"
#include "machine/cpu/code-cache.h"
#include "machine/cpu/exception.h"
#include "machine/cpu/interpreter.h"
#include "machine/cpu/mmu.h"

static uint64_t mix(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
    return digest ^ digest >> 29;
}

/* --- the board: everything is a function of the instruction count ----------------------------- */

static uint64_t device_read(Device *device, uint64_t offset, unsigned size)
{
    Side *side = (Side *)device;
    uint64_t value = mix(mix(cpu_icount(side->cpu), offset), size);
    side->device_digest = mix(mix(side->device_digest, value), size);
    side->device_accesses++;
    if (offset & 0x100)
        cpu_stop_at_boundary(side->cpu);
    return value;
}

static void device_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
    Side *side = (Side *)device;
    side->device_digest = mix(mix(side->device_digest, value), offset << 8 | size);
    side->device_digest = mix(side->device_digest, cpu_icount(side->cpu));
    side->device_accesses++;
    if (offset & 0x200) {
        side->cpu->s.external_line = value & 1;
        cpu_stop_at_boundary(side->cpu);
    }
}

static const BusOps device_ops = { device_read, device_write };

static ExecStatus hypercall(void *opaque, Cpu *cpu)
{
    cpu->s.gpr[3] = mix(cpu->s.gpr[3], cpu_icount(cpu));
    return cpu->s.gpr[4] & 1 ? EXEC_BOUNDARY : EXEC_NEXT;
}

static bool entropy(void *opaque, Cpu *cpu, uint64_t *value)
{
    *value = mix(1, cpu_icount(cpu));
    return true;
}

static const CpuBoard board = { .hypercall = hypercall, .random = entropy };

static void epoch_moved(void *opaque)
{
    Side *side = opaque;
    mmu_drop_write_entries(side->cpu->mmu);
}

static void written_by_device(void *opaque, uint64_t address, uint64_t length)
{
    Side *side = opaque;
    code_cache_written(side->cpu->engine, address, length);
    cpu_break_reservation(side->cpu, address, length);
}

static const MemoryWatcher watcher = { epoch_moved, written_by_device };

/* --- making ----------------------------------------------------------------------------------- */

Side *side_new(const CpuModel *model)
{
    Side *side = g_new0(Side, 1);
    side->memory = memory_new(RAM_SIZE, NULL);
    side->bus = bus_new();
    bus_map(side->bus, (Device *)side, 0, DEVICE_START, DEVICE_SIZE, &device_ops);
    side->cpu = cpu_new(model, side->memory, side->bus, &side->clock);
    side->clock.cpu = side->cpu;
    side->cpu->board = &board;
    side->memory->watcher = &watcher;
    side->memory->watcher_opaque = side;
    side_forget(side);
    return side;
}

void side_forget(Side *side)
{
    for (uint64_t page = 0; page < memory_page_count(side->memory); page++)
        memory_mark(side->memory, page << MEMORY_PAGE_BITS);
}

void side_free(Side *side)
{
    translator_free(side->cpu->translator);
    cpu_free(side->cpu);
    bus_free(side->bus);
    memory_free(side->memory);
    g_free(side);
}

static void restore_memory(Side *side, const uint8_t *image)
{
    Memory *memory = side->memory;
    for (uint64_t page = 0; page < memory_page_count(memory); page++)
        if (memory->page_mark[page] >= side->first_epoch)
            memcpy(memory->ram + page * 4096, image + page * 4096, 4096);
    memory_next_epoch(memory);
    side->first_epoch = memory->epoch;
}

void side_set_engine(Side *side, const TranslatorOptions *options)
{
    g_autoptr(GError) error = NULL;
    Translator *translator = NULL;
    if (options && !(translator = translator_new(side->cpu, side->memory, options, &error)))
        g_error("%s", error->message);
    translator_free(side->cpu->translator);
    side->cpu->translator = translator;
    code_cache_flush(side->cpu->engine);
}

void side_begin(Side *side, const uint8_t *image, const CpuState *start,
                const TranslatorOptions *options)
{
    Cpu *cpu = side->cpu;
    restore_memory(side, image);
    cpu->s = *start;
    cpu->icount_end = 0;
    cpu->left = 0;
    side->clock.s = (ClockState){ 0 };
    side->device_digest = side->device_accesses = 0;
    side->unclaimed_before = bus_unclaimed(side->bus);
    side_set_engine(side, options);
    mmu_invalidate_all(cpu->mmu);
    cpu_mode_changed(cpu);
    exception_refresh_decrementer(cpu);
}

void side_place(Side *side, uint64_t address, const void *data, size_t length)
{
    memcpy(side->memory->ram + address, data, length);
    memory_mark(side->memory, address);
}

/* --- running ---------------------------------------------------------------------------------- */

static void run_budget(Cpu *cpu, uint64_t end, bool interpreted)
{
    uint64_t icount = cpu_icount(cpu);
    cpu->icount_end = end;
    cpu->left = (int64_t)(end - icount);
    if (cpu->translator && !interpreted)
        translator_run(cpu);
    else
        interpreter_run(cpu);
    cpu->icount_end = cpu_icount(cpu);
    cpu->left = 0;
}

void side_run(Side *side, uint64_t target, bool interpreted)
{
    Cpu *cpu = side->cpu;
    while (cpu_icount(cpu) < target) {
        exception_refresh_decrementer(cpu);
        exception_take_pending(cpu);
        cpu->s.halted = 0; /* what idles goes on */
        uint64_t end = clock_icount_at(&side->clock, exception_decrementer_deadline(cpu));
        run_budget(cpu, MAX(MIN(end, target), cpu_icount(cpu) + 1), interpreted);
    }
    exception_refresh_decrementer(cpu);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void add_difference(gpointer user, const char *path, const char *a, const char *b)
{
    g_string_append_printf(user, "%s: %s, %s\n", path, a, b);
}

static void add_number(GString *text, const char *what, uint64_t a, uint64_t b)
{
    if (a != b)
        g_string_append_printf(text, "%s: 0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER "x\n",
                               what, a, b);
}

static void compare_page(GString *text, const Side *a, const Side *b, uint64_t page, bool whole)
{
    uint32_t mark = a->memory->page_mark[page];
    if (mark != b->memory->page_mark[page])
        g_string_append_printf(text, "page 0x%" G_GINT64_MODIFIER "x: marks %u, %u of %u\n",
                               page << 12, mark, b->memory->page_mark[page], a->memory->epoch);
    if (mark != a->memory->epoch && !whole)
        return;
    const uint8_t *x = a->memory->ram + page * 4096, *y = b->memory->ram + page * 4096;
    if (!memcmp(x, y, 4096))
        return;
    for (unsigned i = 0; i < 4096; i++)
        if (x[i] != y[i]) {
            g_string_append_printf(text, "byte 0x%" G_GINT64_MODIFIER "x: %02x, %02x\n",
                                   (page << 12) + i, x[i], y[i]);
            return;
        }
}

typedef struct {
    uint8_t bytes[64];
    gsize length;
} SetDigest;

static void take_digest(gpointer user, const guint8 *data, gsize length)
{
    SetDigest *digest = user;
    g_assert(digest->length + length <= sizeof digest->bytes);
    memcpy(digest->bytes + digest->length, data, length);
    digest->length += length;
}

static SetDigest set_digest(const Side *side)
{
    SetDigest digest = { .length = 0 };
    translation_set_feed(mmu_translation_set(side->cpu->mmu), take_digest, &digest);
    return digest;
}

char *side_compare(const Side *a, const Side *b, bool whole)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (memcmp(&a->cpu->s, &b->cpu->s, sizeof(CpuState)))
        state_compare(&cpu_state_table, &a->cpu->s, &b->cpu->s, add_difference, text);
    add_number(text, "instruction count", cpu_icount(a->cpu), cpu_icount(b->cpu));
    add_number(text, "mode key", a->cpu->mode_key, b->cpu->mode_key);
    add_number(text, "device accesses", a->device_accesses, b->device_accesses);
    add_number(text, "device digest", a->device_digest, b->device_digest);
    add_number(text, "unclaimed accesses", bus_unclaimed(a->bus) - a->unclaimed_before,
               bus_unclaimed(b->bus) - b->unclaimed_before);
    for (uint64_t page = 0; page < memory_page_count(a->memory); page++)
        compare_page(text, a, b, page, whole);
    SetDigest x = set_digest(a), y = set_digest(b);
    if (memcmp(&x, &y, sizeof x))
        g_string_append_printf(text, "translation sets: %u, %u entries\n",
                               translation_set_count(mmu_translation_set(a->cpu->mmu)),
                               translation_set_count(mmu_translation_set(b->cpu->mmu)));
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
