/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translation set: which translations the processor has used and still may use.
 *
 * It is what a real processor's TLB would be if it were unbounded and exact, and it is state:
 * saved, hashed, and changed only by attempted accesses and architected invalidations.
 *
 * 1. An entry is (context, page, access) with the real page and the table entry's bits as seen.
 * 2. When it holds TRANSLATION_SET_LIMIT entries and another comes, it is emptied first.
 * 3. Its digest is a sum over entries, so it does not depend on the order of arrival.
 */
#ifndef MACHINE_CPU_TRANSLATION_SET_H
#define MACHINE_CPU_TRANSLATION_SET_H

#include "replay/state.h"

#define TRANSLATION_SET_LIMIT 65536u

typedef struct TranslationSet TranslationSet;

typedef struct TranslationEntry {
    uint64_t page;    /* effective address of the page's start, without quadrant bits */
    uint64_t real;    /* real address of the page's start */
    uint64_t bits;    /* permissions and attributes of the table entry */
    uint32_t context; /* whose address space */
    uint8_t shift;    /* log2 of the page size */
    uint8_t access;   /* AccessKind */
} TranslationEntry;

TranslationSet *translation_set_new(void);
void translation_set_free(TranslationSet *set);

/* The entry covering EA, or NULL. */
const TranslationEntry *translation_set_find(const TranslationSet *set, uint32_t context,
                                             uint64_t ea, uint8_t access);
/* Adds ENTRY, replacing one of the same key. True if the set had to be emptied first. */
bool translation_set_add(TranslationSet *set, const TranslationEntry *entry);

/*
 * Removing a page takes what covers EA, of any size and for any access: more than the book demands,
 * which it allows. What went is listed in REMOVED; returns how many.
 */
#define TRANSLATION_REMOVED_MAX 12
unsigned translation_set_remove_page(TranslationSet *set, uint32_t context, uint64_t ea,
                                     TranslationEntry removed[TRANSLATION_REMOVED_MAX]);
/* Returns how many entries went. */
unsigned translation_set_remove_context(TranslationSet *set, uint32_t context);
void translation_set_clear(TranslationSet *set);

unsigned translation_set_count(const TranslationSet *set);
void translation_set_feed(const TranslationSet *set, StateFeed feed, void *user);
void translation_set_save(const TranslationSet *set, StateWriter *writer);
void translation_set_load(TranslationSet *set, StateReader *reader);

#endif
