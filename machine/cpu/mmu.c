/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From effective to real addresses, and the accesses that the soft TLB (tlb.h) does not serve.
 *
 * 1. Banks are filled only with translations that are in the translation set (or are real-mode
 *    identities), for accesses that are permitted under the bank's context.
 * 2. A write entry is made only for a page that holds no predecoded code and whose mark is of the
 *    present epoch; the slow path made that mark just before.
 * 3. An access that crosses pages translates both before it touches either.
 * 4. Read and write entries lead only to RAM whose attributes refuse nothing (MMU_NO_) and in which
 *    nothing is watched: a hit needs no look at them.
 */
#include "machine/cpu/mmu.h"

#include <string.h>

#include "machine/cpu/access.h"
#include "machine/cpu/code-cache.h"
#include "machine/cpu/mmu-family.h"
#include "machine/cpu/mode.h"
#include "machine/cpu/model.h"
#include "machine/cpu/observer.h"
#include "machine/cpu/radix.h"
#include "machine/cpu/watch.h"

#define PAGE_MASK (TLB_PAGE_SIZE - 1)
/* In real mode the upper four bits of an address are ignored (Book III 5.7.3). */
#define REAL_ADDRESS 0x0fffffffffffffffull

struct Mmu {
    Cpu *cpu;
    Memory *memory;
    Bus *bus;
    TranslationSet *set;
    Tlb *tlb;
    uint64_t blocks_version; /* a name for what the block registers hold */
};

Mmu *mmu_new(Cpu *cpu, Memory *memory, Bus *bus)
{
    Mmu *mmu = g_new0(Mmu, 1);
    mmu->cpu = cpu;
    mmu->memory = memory;
    mmu->bus = bus;
    mmu->set = translation_set_new();
    mmu->tlb = tlb_new(cpu->model->mmu->is_private);
    return mmu;
}

void mmu_free(Mmu *mmu)
{
    if (!mmu)
        return;
    translation_set_free(mmu->set);
    tlb_free(mmu->tlb);
    g_free(mmu);
}

TranslationSet *mmu_translation_set(Mmu *mmu)
{
    return mmu->set;
}

void mmu_drop_banks(Mmu *mmu)
{
    tlb_drop_all(mmu->tlb);
}

void mmu_drop_write_entries(Mmu *mmu)
{
    tlb_rest_writes(mmu->tlb);
}

void mmu_drop_write_entries_to(Mmu *mmu, uint64_t real)
{
    tlb_drop_writes_to(mmu->tlb, mmu->memory->ram + (real & ~PAGE_MASK));
}

void mmu_drop_jump(Mmu *mmu, uint64_t ea)
{
    tlb_drop_jump(mmu->tlb, ea);
}

/* --- banks ------------------------------------------------------------------------------------ */

void mmu_select_banks(Mmu *mmu)
{
    Cpu *cpu = mmu->cpu;
    bool many = !cpu->model->is_64bit;
    TlbKey data = { .mode = cpu->s.msr & (MSR_DR | MSR_PR) };
    TlbKey code = { .mode = (uint64_t)cpu->mode_key << 32 | (cpu->s.msr & MSR_IR) };
    cpu->model->mmu->bank_keys(cpu, &data, &code);
    cpu->tlb = tlb_select_data(mmu->tlb, &data, many);
    cpu->code = tlb_select_code(mmu->tlb, &code, many);
}

/*
 * What runs may be among what has gone from the set: the next instruction is fetched anew, and
 * enters the set anew, on every engine.
 */
void mmu_invalidate_page(Mmu *mmu, uint32_t context, uint64_t ea)
{
    TranslationEntry removed[TRANSLATION_REMOVED_MAX];
    unsigned count =
        translation_set_remove_page(mmu->set, context, radix_page_address(ea), removed);
    for (unsigned i = 0; i < count; i++)
        tlb_drop_entry(mmu->tlb, &removed[i]);
    if (count)
        cpu_stop_at_boundary(mmu->cpu);
}

void mmu_invalidate_context(Mmu *mmu, uint32_t context)
{
    if (!translation_set_remove_context(mmu->set, context))
        return;
    tlb_drop_context(mmu->tlb, context);
    cpu_stop_at_boundary(mmu->cpu);
}

void mmu_invalidate_all(Mmu *mmu)
{
    translation_set_clear(mmu->set);
    mmu_drop_banks(mmu);
    cpu_stop_at_boundary(mmu->cpu);
}

void mmu_blocks_changed(Mmu *mmu)
{
    mmu->blocks_version++;
}

uint64_t mmu_blocks_version(const Mmu *mmu)
{
    return mmu->blocks_version;
}

void mmu_invalidate_class(Mmu *mmu, uint32_t class)
{
    if (!translation_set_remove_context(mmu->set, class))
        return;
    tlb_drop_class(mmu->tlb, class);
    cpu_stop_at_boundary(mmu->cpu);
}

/* --- translation --------------------------------------------------------------------------------
 */

static bool raise_fault(Cpu *cpu, uint64_t ea, AccessKind access, const MmuFault *fault)
{
    CpuException *exception = &cpu->exception;
    *exception = (CpuException){ .dar = ea };
    if (access == ACCESS_FETCH) {
        exception->vector =
            fault->is_segment ? VECTOR_INSTRUCTION_SEGMENT : VECTOR_INSTRUCTION_STORAGE;
        exception->srr1 = fault->cause;
    } else {
        exception->vector = fault->is_segment ? VECTOR_DATA_SEGMENT : VECTOR_DATA_STORAGE;
        exception->dsisr = fault->cause | (access == ACCESS_WRITE ? DSISR_STORE : 0);
    }
    return false;
}

void mmu_store_table(Cpu *cpu, uint64_t real, const void *data, unsigned length)
{
    code_cache_written(cpu->engine, real, length);
    memory_mark(cpu->memory, real);
    memcpy(cpu->memory->ram + real, data, length);
    cpu_observe_store(cpu, real, length, data);
    if (G_UNLIKELY(cpu->watch != NULL))
        cpu_watch_report_physical(cpu, real, length);
}

/* A permitted translation, and what using it will have to do. */
typedef struct {
    MmuPlace place;
    TranslationEntry entry;
    uint64_t table_address;
    bool is_known; /* came from the set or a block register: nothing to do */
    bool replaces; /* the set's own entry refused and the table's does not */
} Found;

/* Looks for what permits the access and changes nothing. False: cpu->exception says why not. */
static bool find(Cpu *cpu, uint64_t ea, AccessKind access, Found *found)
{
    const MmuFamily *family = cpu->model->mmu;
    MmuPlace *place = &found->place;
    MmuFault fault = { 0 };
    if (!family->place(cpu, ea, access, place, &fault))
        return raise_fault(cpu, ea, access, &fault);
    const TranslationEntry *known =
        place->is_block
            ? &place->entry
            : translation_set_find(cpu->mmu->set, place->context, place->address, access);
    found->is_known =
        known && (place->is_block || family->permits(cpu, place, known->bits, access, &fault));
    found->replaces = known && !found->is_known;
    if (found->is_known) {
        found->entry = *known;
        return true;
    }
    if (!family->walk(cpu, place, &found->entry, &found->table_address, &fault) ||
        !family->permits(cpu, place, found->entry.bits, access, &fault))
        return raise_fault(cpu, ea, access, &fault);
    return true;
}

/* The access is attempted: what find() found is marked in the table and enters the set. */
static void use(Cpu *cpu, uint64_t ea, AccessKind access, Found *found)
{
    Mmu *mmu = cpu->mmu;
    const MmuFamily *family = cpu->model->mmu;
    if (found->is_known)
        return;
    /* The processor reloads an entry that refused; nothing may go on using the old one. */
    if (found->replaces)
        family->forget(cpu, &found->place, ea);
    family->mark(cpu, found->table_address, access, &found->entry);
    found->entry.access = access;
    if (translation_set_add(mmu->set, &found->entry)) {
        mmu_drop_banks(mmu);
        cpu_stop_at_boundary(cpu);
    }
}

static Translation translation_of(const Found *found)
{
    const TranslationEntry *entry = &found->entry;
    return (Translation){ .real = entry->real + (found->place.address - entry->page),
                          .bits = entry->bits,
                          .shift = entry->shift };
}

static bool is_relocated(const Cpu *cpu, AccessKind access)
{
    return cpu->s.msr & (access == ACCESS_FETCH ? MSR_IR : MSR_DR);
}

static Translation real_mode(uint64_t ea)
{
    return (Translation){ .real = ea & REAL_ADDRESS, .shift = 60 };
}

bool mmu_translate(Cpu *cpu, uint64_t ea, AccessKind access, Translation *out)
{
    Found found;
    *out = real_mode(ea);
    if (!is_relocated(cpu, access))
        return true;
    if (!find(cpu, ea, access, &found))
        return false;
    use(cpu, ea, access, &found);
    *out = translation_of(&found);
    return true;
}

bool mmu_translate_quietly(Cpu *cpu, uint64_t ea, uint64_t *real)
{
    const MmuFamily *family = cpu->model->mmu;
    uint64_t table_address;
    Found found;
    MmuFault fault;
    *real = ea & REAL_ADDRESS;
    if (!(cpu->s.msr & MSR_DR))
        return true;
    if (!family->place(cpu, ea, ACCESS_READ, &found.place, &fault))
        return false;
    if (found.place.is_block)
        found.entry = found.place.entry;
    else if (!family->walk(cpu, &found.place, &found.entry, &table_address, &fault))
        return false;
    *real = translation_of(&found).real;
    return true;
}

/* --- data accesses -------------------------------------------------------------------------------
 */

/* Device memory holds none. */
static bool holds_code(const Cpu *cpu, uint64_t real)
{
    return memory_contains(cpu->memory, real, 1) && code_cache_has_code(cpu->engine, real);
}

/*
 * What of the page round EA translated code may read by what was found out for EA: all of it, if
 * that is RAM and nobody watches a part of it.
 */
static PageSpan span_of(const Cpu *cpu, uint64_t ea, const Translation *found)
{
    enum { LARGEST = 30 };
    uint64_t size = 1ull << MIN(found->shift, LARGEST), at;
    uint64_t start = ea & ~(size - 1);
    bool is_whole = found->shift <= LARGEST && !cpu->watch &&
                    memory_find(cpu->memory, found->real - (ea - start), size, &at);
    if (!is_whole) {
        size = TLB_PAGE_SIZE;
        start = ea & ~PAGE_MASK;
    }
    return (PageSpan){ start, size };
}

/* Translates one page's part of an access and, for memory, makes the bank serve it from now on. */
static bool reach(Cpu *cpu, uint64_t ea, AccessKind access, Translation *out)
{
    uint64_t at;
    if (!mmu_translate(cpu, ea, access, out))
        return false;
    if (!memory_find(cpu->memory, out->real & ~PAGE_MASK, TLB_PAGE_SIZE, &at))
        return true;
    at |= out->real & PAGE_MASK;
    if (access == ACCESS_WRITE)
        memory_mark(cpu->memory, at);
    if (is_relocated(cpu, access) && cpu->model->mmu->refusals(out->bits))
        return true;
    if (G_UNLIKELY(cpu->watch != NULL) && cpu_watch_has_page(cpu->watch, ea, out->real))
        return true;
    TlbEntry entry = { .tag = ea & ~PAGE_MASK,
                       .addend = (uint64_t)(uintptr_t)cpu->memory->ram + at - ea };
    cpu->tlb->head.has_private |= cpu->model->mmu->is_private(ea);
    if (access == ACCESS_READ) {
        cpu->tlb->read[TLB_INDEX(ea)] = entry;
        cpu->tlb->read_span[TLB_INDEX(ea)] = span_of(cpu, ea, out);
        tlb_note_fill(&cpu->tlb->head, FILL_READ, TLB_INDEX(ea));
    } else if (!holds_code(cpu, out->real)) {
        entry.tag |= cpu->observer ? TLB_OBSERVED : 0;
        cpu->tlb->write[TLB_INDEX(ea)] = entry;
        tlb_note_fill(&cpu->tlb->head, FILL_WRITE, TLB_INDEX(ea));
        tlb_note_fill(&cpu->tlb->head, FILL_AWAKE, TLB_INDEX(ea));
    }
    return true;
}

static void device_load(Cpu *cpu, uint64_t real, unsigned size, uint8_t *data)
{
    /* One bus access for a natural one; anything else goes byte by byte. */
    bool natural = size <= 8 && !(size & (size - 1)) && !(real & (size - 1));
    unsigned step = natural ? size : 1;
    for (unsigned i = 0; i < size; i += step) {
        uint64_t value = GUINT64_TO_LE(bus_read(cpu->mmu->bus, real + i, step));
        memcpy(data + i, &value, step);
    }
}

static void device_store(Cpu *cpu, uint64_t real, unsigned size, const uint8_t *data)
{
    bool natural = size <= 8 && !(size & (size - 1)) && !(real & (size - 1));
    unsigned step = natural ? size : 1;
    for (unsigned i = 0; i < size; i += step) {
        uint64_t value = 0;
        memcpy(&value, data + i, step);
        bus_write(cpu->mmu->bus, real + i, step, GUINT64_FROM_LE(value));
    }
}

static void load_part(Cpu *cpu, const Translation *where, unsigned size, uint8_t *data)
{
    uint64_t at;
    if (memory_find(cpu->memory, where->real, size, &at))
        memcpy(data, cpu->memory->ram + at, size);
    else
        device_load(cpu, where->real, size, data);
}

static void store_part(Cpu *cpu, const Translation *where, unsigned size, const uint8_t *data)
{
    uint64_t at;
    bool in_memory = memory_find(cpu->memory, where->real, size, &at);
    cpu_observe_store(cpu, in_memory ? at : where->real, size, data);
    if (!in_memory) {
        device_store(cpu, where->real, size, data);
        return;
    }
    memcpy(cpu->memory->ram + at, data, size);
    if (at == where->real)
        code_cache_written(cpu->engine, at, size);
}

/* How many of SIZE bytes at EA lie in its page. */
static unsigned first_part(uint64_t ea, unsigned size)
{
    uint64_t room = TLB_PAGE_SIZE - (ea & PAGE_MASK);
    return size < room ? size : (unsigned)room;
}

/* Both pages of an access (the second unused if it does not cross). */
static bool reach_parts(Cpu *cpu, uint64_t ea, unsigned size, AccessKind access,
                        Translation where[2])
{
    unsigned first = first_part(ea, size);
    if (!reach(cpu, ea, access, &where[0]))
        return false;
    return first == size || reach(cpu, cpu_ea(cpu, ea + first), access, &where[1]);
}

/* The access has been made: whoever watches its place is told. */
static void report_parts(Cpu *cpu, uint64_t ea, unsigned size, bool is_write,
                         const Translation where[2])
{
    unsigned first = first_part(ea, size);
    cpu_watch_report(cpu, ea, where[0].real, first, is_write);
    if (first < size)
        cpu_watch_report(cpu, cpu_ea(cpu, ea + first), where[1].real, size - first, is_write);
}

bool cpu_load_slow(Cpu *cpu, uint64_t ea, unsigned size, void *data)
{
    Translation where[2];
    if (!reach_parts(cpu, ea, size, ACCESS_READ, where))
        return false;
    unsigned first = first_part(ea, size);
    load_part(cpu, &where[0], first, data);
    if (first < size)
        load_part(cpu, &where[1], size - first, (uint8_t *)data + first);
    if (G_UNLIKELY(cpu->watch != NULL))
        report_parts(cpu, ea, size, false, where);
    return true;
}

/* Makes a resting entry serve again, which leads where it did. */
static bool wake(Cpu *cpu, uint64_t ea, unsigned size)
{
    TlbEntry *entry = &cpu->tlb->write[TLB_INDEX(ea)];
    uint64_t page = ea & ~PAGE_MASK;
    if (entry->tag != (page | TLB_RESTING) || first_part(ea, size) != size)
        return false;
    memory_mark(cpu->memory, entry->addend + page - (uintptr_t)cpu->memory->ram);
    entry->tag = page;
    tlb_note_fill(&cpu->tlb->head, FILL_AWAKE, TLB_INDEX(ea));
    return true;
}

bool cpu_store_slow(Cpu *cpu, uint64_t ea, unsigned size, const void *data)
{
    Translation where[2];
    if (wake(cpu, ea, size)) {
        memcpy((void *)(uintptr_t)(cpu->tlb->write[TLB_INDEX(ea)].addend + ea), data, size);
        return true;
    }
    if (!reach_parts(cpu, ea, size, ACCESS_WRITE, where))
        return false;
    unsigned first = first_part(ea, size);
    store_part(cpu, &where[0], first, data);
    if (first < size)
        store_part(cpu, &where[1], size - first, (const uint8_t *)data + first);
    if (G_UNLIKELY(cpu->watch != NULL))
        report_parts(cpu, ea, size, true, where);
    return true;
}

bool cpu_load128(Cpu *cpu, uint64_t ea, Vsr *value)
{
    const TlbEntry *entry = &cpu->tlb->read[TLB_INDEX(ea)];
    uint64_t parts[2];
    if (entry->tag == TLB_TAG(ea, 16))
        memcpy(parts, (const void *)(uintptr_t)(entry->addend + ea), 16);
    else if (!cpu_load_slow(cpu, ea, 16, parts))
        return false;
    bool big = !(cpu->s.msr & MSR_LE);
    VSR_D(*value, 0) = big ? GUINT64_FROM_BE(parts[0]) : GUINT64_FROM_LE(parts[1]);
    VSR_D(*value, 1) = big ? GUINT64_FROM_BE(parts[1]) : GUINT64_FROM_LE(parts[0]);
    return true;
}

bool cpu_store128(Cpu *cpu, uint64_t ea, Vsr value)
{
    bool big = !(cpu->s.msr & MSR_LE);
    uint64_t parts[2] = {
        big ? GUINT64_TO_BE(VSR_D(value, 0)) : GUINT64_TO_LE(VSR_D(value, 1)),
        big ? GUINT64_TO_BE(VSR_D(value, 1)) : GUINT64_TO_LE(VSR_D(value, 0)),
    };
    const TlbEntry *entry = &cpu->tlb->write[TLB_INDEX(ea)];
    if (entry->tag == TLB_TAG(ea, 16)) {
        memcpy((void *)(uintptr_t)(entry->addend + ea), parts, 16);
        return true;
    }
    return cpu_store_slow(cpu, ea, 16, parts);
}

bool cpu_load_bytes(Cpu *cpu, uint64_t ea, unsigned length, uint8_t *bytes)
{
    g_assert(length <= 256);
    return length == 0 || cpu_load_slow(cpu, ea, length, bytes);
}

bool cpu_store_bytes(Cpu *cpu, uint64_t ea, unsigned length, const uint8_t *bytes)
{
    g_assert(length <= 256);
    return length == 0 || cpu_store_slow(cpu, ea, length, bytes);
}

bool cpu_probe_store(Cpu *cpu, uint64_t ea, unsigned length)
{
    Translation where[2];
    return reach_parts(cpu, ea, length, ACCESS_WRITE, where);
}

bool cpu_probe_load(Cpu *cpu, uint64_t ea, unsigned length)
{
    Translation where[2];
    return reach_parts(cpu, ea, length, ACCESS_READ, where);
}

/* Of what a bank's entry leads to. */
static uint64_t real_address(const Memory *memory, uint64_t host)
{
    uint64_t at = host - (uint64_t)(uintptr_t)memory->ram;
    return at < memory->size ? at : memory->window_base + (at - memory->size);
}

bool cpu_find_data(Cpu *cpu, uint64_t ea, bool is_store, uint64_t *real, unsigned *refusals)
{
    const TlbEntry *entry = &(is_store ? cpu->tlb->write : cpu->tlb->read)[TLB_INDEX(ea)];
    AccessKind access = is_store ? ACCESS_WRITE : ACCESS_READ;
    Found found;
    *refusals = 0;
    *real = ea & REAL_ADDRESS;
    if (entry->tag == TLB_TAG(ea, 1))
        *real = real_address(cpu->memory, entry->addend + ea);
    else if (is_relocated(cpu, access)) {
        if (!find(cpu, ea, access, &found))
            return false;
        *real = translation_of(&found).real;
        *refusals = cpu->model->mmu->refusals(found.entry.bits);
    }
    return true;
}

/* --- fetches -------------------------------------------------------------------------------------
 */

DecodedPage *mmu_fetch_page(Cpu *cpu, uint64_t cia)
{
    Translation where;
    if (!mmu_translate(cpu, cia, ACCESS_FETCH, &where))
        return NULL;
    uint64_t real_page = where.real & ~PAGE_MASK;
    if (!memory_contains(cpu->memory, real_page, TLB_PAGE_SIZE)) {
        /* Nothing but RAM holds instructions: as a fetch from guarded storage. */
        MmuFault fault = { .cause = 0x10000000u };
        raise_fault(cpu, cia, ACCESS_FETCH, &fault);
        return NULL;
    }
    DecodedPage *page = code_cache_page(cpu->engine, real_page, cpu->mode_key);
    cpu->code->head.has_private |= cpu->model->mmu->is_private(cia);
    cpu->code->fetch[FETCH_INDEX(cia)] =
        (FetchEntry){ .tag = cia & ~PAGE_MASK, .decoded = page, .real = real_page };
    tlb_note_fill(&cpu->code->head, FILL_FETCH, FETCH_INDEX(cia));
    return page;
}
