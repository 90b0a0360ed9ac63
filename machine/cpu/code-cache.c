/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/code-cache.h"

#include <string.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/mmu.h"
#include "machine/translator/translator.h"

#define MAX_PAGES     8192u /* 16.5 KiB each: 132 MiB */
#define GRANULE_BITS  6
#define GRANULE_INSNS (1u << (GRANULE_BITS - 2))

struct CpuEngine {
    Cpu *cpu;
    Memory *memory;
    DecodedPage **by_page; /* per real page: its modes */
    GPtrArray *pages;      /* owns them */
};

CpuEngine *code_cache_new(Cpu *cpu, Memory *memory)
{
    CpuEngine *engine = g_new0(CpuEngine, 1);
    engine->cpu = cpu;
    engine->memory = memory;
    engine->by_page = g_new0(DecodedPage *, memory_page_count(memory));
    engine->pages = g_ptr_array_new_with_free_func(g_free);
    return engine;
}

void code_cache_free(CpuEngine *engine)
{
    if (!engine)
        return;
    g_ptr_array_unref(engine->pages);
    g_free(engine->by_page);
    g_free(engine);
}

void code_cache_flush(CpuEngine *engine)
{
    for (guint i = 0; i < engine->pages->len; i++) {
        DecodedPage *page = g_ptr_array_index(engine->pages, i);
        engine->by_page[page->real_page >> MEMORY_PAGE_BITS] = NULL;
    }
    g_ptr_array_set_size(engine->pages, 0);
    if (engine->cpu->translator)
        translator_flush(engine->cpu->translator);
    mmu_drop_banks(engine->cpu->mmu);
}

/* Runs in place of an entry that has not been decoded yet: decodes it, then executes it. */
static ExecStatus decode_and_execute(Cpu *cpu, const Insn *insn)
{
    Insn *entry = (Insn *)insn;
    /* The entry knows its page only by position: the page starts a whole number of entries back. */
    DecodedPage *page = cpu->code->fetch[FETCH_INDEX(cpu->s.cia)].decoded;
    size_t index = cpu->s.cia >> 2 & (PAGE_INSNS - 1);
    g_assert(entry == &page->insn[index]);
    if (!(page->granules >> (index / GRANULE_INSNS) & 1)) {
        if (!code_cache_has_code(cpu->engine, page->real_page))
            mmu_drop_write_entries_to(cpu->mmu, page->real_page);
        page->granules |= 1ull << (index / GRANULE_INSNS);
    }
    uint32_t word;
    memcpy(&word, cpu->memory->ram + page->real_page + index * 4, 4);
    word = cpu->s.msr & MSR_LE ? GUINT32_FROM_LE(word) : GUINT32_FROM_BE(word);
    insn_decode(cpu->model, cpu->mode_key, word, entry);
    return entry->execute(cpu, entry);
}

/* Stands after the last entry: nothing is attempted, the next page is fetched. */
static ExecStatus end_of_page(Cpu *cpu, const Insn *insn)
{
    return EXEC_REFETCH;
}

DecodedPage *code_cache_page(CpuEngine *engine, uint64_t real_page, uint32_t mode_key)
{
    DecodedPage **head = &engine->by_page[real_page >> MEMORY_PAGE_BITS];
    for (DecodedPage *page = *head; page; page = page->next)
        if (page->mode_key == mode_key)
            return page;
    if (engine->pages->len == MAX_PAGES)
        code_cache_flush(engine);
    DecodedPage *page = g_new(DecodedPage, 1);
    for (unsigned i = 0; i < PAGE_INSNS; i++)
        page->insn[i] = (Insn){ .execute = decode_and_execute };
    page->insn[PAGE_INSNS] = (Insn){ .execute = end_of_page };
    page->granules = 0;
    page->real_page = real_page;
    page->mode_key = mode_key;
    page->next = *head;
    *head = page;
    g_ptr_array_add(engine->pages, page);
    return page;
}

bool code_cache_has_code(const CpuEngine *engine, uint64_t real)
{
    const DecodedPage *page = engine->by_page[real >> MEMORY_PAGE_BITS];
    for (; page; page = page->next)
        if (page->granules)
            return true;
    return engine->cpu->translator && translator_has_code(engine->cpu->translator, real);
}

static void forget_granule(DecodedPage *page, unsigned granule)
{
    for (unsigned i = 0; i < GRANULE_INSNS; i++)
        page->insn[granule * GRANULE_INSNS + i].execute = decode_and_execute;
    page->granules &= ~(1ull << granule);
}

void code_cache_written(CpuEngine *engine, uint64_t real, uint64_t length)
{
    if (engine->cpu->translator)
        translator_written(engine->cpu->translator, real, length);
    uint64_t last = (real + length - 1) >> GRANULE_BITS;
    for (uint64_t at = real >> GRANULE_BITS; at <= last; at++) {
        DecodedPage *page = engine->by_page[at >> (MEMORY_PAGE_BITS - GRANULE_BITS)];
        unsigned granule = at % 64;
        for (; page; page = page->next)
            if (page->granules >> granule & 1)
                forget_granule(page, granule);
    }
}
