/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/watch.h"

#include "machine/cpu/interpreter.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/tlb.h"
#include "machine/translator/translator.h"

#define PAGE_MASK (TLB_PAGE_SIZE - 1)

void cpu_watch_init(CpuWatch *watch, void (*accessed)(void *opaque, const WatchHit *hit),
                    void *opaque)
{
    watch->code = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    watch->data = g_array_new(FALSE, FALSE, sizeof(WatchRange));
    watch->accessed = accessed;
    watch->opaque = opaque;
}

void cpu_watch_clear(CpuWatch *watch)
{
    g_clear_pointer(&watch->code, g_array_unref);
    g_clear_pointer(&watch->data, g_array_unref);
}

void cpu_set_watch(Cpu *cpu, const CpuWatch *watch)
{
    cpu->watch = watch;
    if (watch && watch->data->len)
        mmu_drop_banks(cpu->mmu);
    if (watch && watch->code->len && cpu->translator)
        translator_make_room(cpu->translator, watch);
}

/* --- instructions ----------------------------------------------------------------------------- */

uint64_t cpu_watch_next(const CpuWatch *watch, uint64_t ea)
{
    const GArray *code = watch->code;
    guint low = 0, high = code->len;
    while (low < high) {
        guint middle = (low + high) / 2;
        if (g_array_index(code, uint64_t, middle) < ea)
            low = middle + 1;
        else
            high = middle;
    }
    return low < code->len ? g_array_index(code, uint64_t, low) : UINT64_MAX;
}

/* How many instructions there are at most before the next watched one, if they follow each other.
 */
static int64_t straight_count(const Cpu *cpu)
{
    uint64_t next = cpu_watch_next(cpu->watch, cpu->s.cia + 1);
    return (int64_t)MIN((next - cpu->s.cia) / 4, (uint64_t)cpu->left);
}

/*
 * A budget whose count is used up goes back to its boundary, whoever cut it: an instruction that
 * wants a boundary may have had no count left to give up.
 */
bool cpu_watch_run_straight(Cpu *cpu, bool *arrived)
{
    int64_t kept = cpu->left - MAX(straight_count(cpu), 1);
    cpu->left -= kept;
    cpu->icount_end -= (uint64_t)kept;
    bool go_on = interpreter_run_straight(cpu);
    *arrived = cpu_watch_is_at(cpu->watch, cpu->s.cia);
    if (cpu->left <= 0)
        return false;
    cpu->left += kept;
    cpu->icount_end += (uint64_t)kept;
    return go_on;
}

/* --- data ------------------------------------------------------------------------------------- */

static bool overlap(const WatchRange *range, uint64_t address, uint64_t length)
{
    return address < range->address + range->length && range->address < address + length;
}

bool cpu_watch_has_page(const CpuWatch *watch, uint64_t ea, uint64_t real)
{
    for (guint i = 0; i < watch->data->len; i++) {
        const WatchRange *range = &g_array_index(watch->data, WatchRange, i);
        if (overlap(range, (range->is_physical ? real : ea) & ~PAGE_MASK, TLB_PAGE_SIZE))
            return true;
    }
    return false;
}

static void report(const Cpu *cpu, const WatchRange *range, uint64_t address, bool is_write)
{
    WatchHit hit = { .range = range,
                     .icount = cpu_icount(cpu),
                     .cia = cpu->left > 0 ? cpu->s.cia : UINT64_MAX,
                     .address = MAX(address, range->address),
                     .is_write = is_write };
    cpu->watch->accessed(cpu->watch->opaque, &hit);
}

void cpu_watch_report(Cpu *cpu, uint64_t ea, uint64_t real, uint64_t size, bool is_write)
{
    const GArray *data = cpu->watch->data;
    for (guint i = 0; i < data->len; i++) {
        const WatchRange *range = &g_array_index(data, WatchRange, i);
        uint64_t address = range->is_physical ? real : ea;
        if (range->kind & (is_write ? WATCH_WRITE : WATCH_READ) && overlap(range, address, size)) {
            report(cpu, range, address, is_write);
            return;
        }
    }
}

void cpu_watch_report_physical(Cpu *cpu, uint64_t real, uint64_t size)
{
    for (guint i = 0; i < cpu->watch->data->len; i++) {
        const WatchRange *range = &g_array_index(cpu->watch->data, WatchRange, i);
        if (range->is_physical && range->kind & WATCH_WRITE && overlap(range, real, size)) {
            report(cpu, range, real, true);
            return;
        }
    }
}
