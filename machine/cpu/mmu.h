/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address translation: the translation set (state), soft TLB banks and page walks.
 *
 * The parts: translation-set.c keeps every translation used since its last architected
 * invalidation; radix.c walks the guest's radix tree, hash32.c and bat.c know segments, hashed
 * tables and blocks (mmu-family.h is what they offer); mmu.c joins them, fills the banks and does
 * the accesses that miss them.
 *
 * 1. A translation is looked up in the set first. Only if the set has none that permits the access
 *    is the guest's table walked; a permitted walk enters the set, a refused one does not.
 * 2. R is set by a permitted attempted access, C by a permitted store, each with the walk, as a
 *    store of the attempting instruction.
 * 3. Banks hold subsets of the set under one context and may be emptied at any time.
 */
#ifndef MACHINE_CPU_MMU_H
#define MACHINE_CPU_MMU_H

#include "machine/bus.h"
#include "machine/cpu/tlb.h"
#include "machine/cpu/translation-set.h"
#include "machine/memory.h"

typedef struct Mmu Mmu;

typedef enum { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH } AccessKind;

/* What a walk or the set gives for one access. */
typedef struct {
    uint64_t real;  /* real address of the byte at EA */
    uint64_t bits;  /* permissions and attributes, as in the table entry */
    unsigned shift; /* log2 of the page size */
} Translation;

Mmu *mmu_new(Cpu *cpu, Memory *memory, Bus *bus);
void mmu_free(Mmu *mmu);

TranslationSet *mmu_translation_set(Mmu *mmu);

/* Drops every bank entry; the translation set stays. */
void mmu_drop_banks(Mmu *mmu);
/* Drops only write entries: the memory epoch moved. */
void mmu_drop_write_entries(Mmu *mmu);
/* Drops write entries that lead to the real page at REAL: it came to hold predecoded code. */
void mmu_drop_write_entries_to(Mmu *mmu, uint64_t real);

/* Drops what translated code would jump to at EA, in every bank. */
void mmu_drop_jump(Mmu *mmu, uint64_t ea);

/* A block translation register changed: banks of the old ones are not used again. */
void mmu_blocks_changed(Mmu *mmu);
uint64_t mmu_blocks_version(const Mmu *mmu);

/* An ordinary store to a guest's table by the present instruction; the place is RAM. */
void mmu_store_table(Cpu *cpu, uint64_t real, const void *data, unsigned length);

/* Architected invalidations. */
void mmu_invalidate_page(Mmu *mmu, uint32_t context, uint64_t ea);
void mmu_invalidate_context(Mmu *mmu, uint32_t context);
void mmu_invalidate_all(Mmu *mmu);
/* 32-bit processors: all pages whose address bits 14-19 are CLASS. */
void mmu_invalidate_class(Mmu *mmu, uint32_t class);

/* Selects the banks for the processor's present context; part of cpu_mode_changed(). */
void mmu_select_banks(Mmu *mmu);

/*
 * Translates EA for one access within one page. False: cpu->exception says why. Fills no bank.
 */
bool mmu_translate(Cpu *cpu, uint64_t ea, AccessKind access, Translation *out);

/* As mmu_translate, for debuggers: changes nothing, raises nothing. */
bool mmu_translate_quietly(Cpu *cpu, uint64_t ea, uint64_t *real);

/* The predecoded page that CIA lies in; NULL: cpu->exception says why the fetch failed. */
struct DecodedPage *mmu_fetch_page(Cpu *cpu, uint64_t cia);

#endif
