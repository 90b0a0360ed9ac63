/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft TLB: direct-mapped tables of what the translation set holds, in banks.
 *
 * Data and code have banks of their own, each for one context: everything that decides what an
 * address means (MSR bits, the process, the storage keys). Another context selects another bank, so
 * nothing is flushed. What an operating system shares between its processes, its own addresses,
 * must not be learnt again for each of them: in a bank whose key does not name a process, the
 * addresses that do depend on it are private. They are dropped when another process comes along,
 * and alone when that process's translations go.
 *
 * 1. An entry may be dropped at any time; it refills from the translation set without touching
 *    guest memory. So nothing that the guest can notice depends on these tables.
 * 2. A write entry serves only pages whose dirty mark is of the present epoch and that hold no
 *    predecoded code. When the epoch moves entries rest: a store through one marks its page and
 *    wakes it, without a look at the translation set. Code drops the entry.
 * 3. A site's entry is a copy of one in the table of its kind: whenever an entry there is dropped,
 *    but for another that takes its place, all the bank's sites of that kind are emptied.
 * 4. A jump entry stands for an address whose fetch is in the translation set; it goes with it.
 */
#ifndef MACHINE_CPU_TLB_H
#define MACHINE_CPU_TLB_H

#include "machine/cpu/cpu.h"

#define TLB_PAGE_BITS 12
#define TLB_PAGE_SIZE (1ull << TLB_PAGE_BITS)
#define TLB_SETS      1024
#define TLB_INDEX(ea) (((ea) >> TLB_PAGE_BITS) & (TLB_SETS - 1))
/* An aligned access of SIZE bytes at EA hits if the page matches; an unaligned one never does. */
#define TLB_TAG(ea, size) ((ea) & (~(TLB_PAGE_SIZE - 1) | ((uint64_t)(size)-1)))
#define TLB_INVALID       0xfffull /* no tag: low bits set */
#define TLB_OBSERVED      0x800ull /* in tags of write entries while stores are observed */
#define TLB_RESTING       0x400ull /* in tags of write entries whose page has no mark of the epoch */

typedef struct {
    uint64_t tag;    /* effective page address, or TLB_INVALID */
    uint64_t addend; /* host address = addend + ea */
} TlbEntry;

typedef struct {
    uint64_t tag; /* effective page address, or TLB_INVALID */
    struct DecodedPage *decoded;
    uint64_t real; /* the page's real address, so that look-ups need not touch the decoded page */
} FetchEntry;

#define FETCH_SETS      512
#define FETCH_INDEX(ea) (((ea) >> TLB_PAGE_BITS) & (FETCH_SETS - 1))

/* Where translated code stands for an address that is branched to. */
typedef struct {
    uint64_t ea; /* JUMP_INVALID: none */
    const uint8_t *code;
} JumpEntry;

#define JUMP_SETS      16384
#define JUMP_INDEX(ea) ((ea) >> 2 & (JUMP_SETS - 1))
#define JUMP_INVALID   1ull

/* All of a page in which one addend holds. */
typedef struct {
    uint64_t start, size;
} PageSpan;

/* Copies of entries for single accesses of translated code (machine/translator). */
typedef struct {
    uint64_t tag, addend; /* of a write: as in the entry; of a read: where the page begins */
    /* Addresses from tag to tag + limit hit; of groups, from their first byte on. 0: none. */
    uint64_t limit, group_limit;
} SiteEntry;

#define SITE_SLOTS 128
/* From the end of a page: 8 bytes fit, and a group of accesses. */
#define SITE_LIMIT       (-7)
#define SITE_GROUP_LIMIT (-255)

/* A bank's two tables; of a data bank's write entries also those that do not rest. */
typedef enum {
    FILL_READ,
    FILL_WRITE,
    FILL_AWAKE,
    FILL_FETCH = 0,
    FILL_JUMP,
    FILL_LISTS = 3
} TlbFill;

/*
 * What was filled since the table was empty, so that emptying it costs what it holds if that is
 * little: more than TLB_FILLS_LISTED are counted only.
 */
#define TLB_FILLS_LISTED 1024
typedef struct {
    uint32_t count;
    uint16_t index[TLB_FILLS_LISTED];
} FillList;

#define TLB_KEY_WORDS 10

/* What a bank's translations depend on. */
typedef struct {
    uint64_t mode;                /* MSR bits: what mmu.c and the processor know of */
    uint64_t word[TLB_KEY_WORDS]; /* what the family says */
    uint64_t context;             /* of the translation set: that of private addresses */
} TlbKey;

typedef struct {
    TlbKey key;
    uint64_t last_used;
    bool has_private; /* maybe: entries for private addresses */
    FillList filled[FILL_LISTS];
} BankHead;

struct TlbBank {
    TlbEntry read[TLB_SETS];
    TlbEntry write[TLB_SETS];
    PageSpan read_span[TLB_SETS]; /* valid where read[] is: the page, of any size */
    SiteEntry site_read[SITE_SLOTS];
    SiteEntry site_write[SITE_SLOTS];
    uint8_t has_sites; /* maybe: one of the two has a valid entry */
    BankHead head;
};

struct CodeBank {
    FetchEntry fetch[FETCH_SETS];
    JumpEntry jump[JUMP_SETS];
    BankHead head;
};

/* To be called by whoever makes entry INDEX of a table valid. */
static inline void tlb_note_fill(BankHead *head, TlbFill table, unsigned index)
{
    FillList *filled = &head->filled[table];
    if (filled->count < TLB_FILLS_LISTED)
        filled->index[filled->count] = (uint16_t)index;
    filled->count++;
}

/* --- all banks of a processor ------------------------------------------------------------------
 */

typedef struct Tlb Tlb;
struct TranslationEntry;

/* IS_PRIVATE: which addresses depend on the key's context. */
Tlb *tlb_new(bool (*is_private)(uint64_t ea));
void tlb_free(Tlb *tlb);

/*
 * The bank for KEY, emptied of what does not hold under it. MANY: a program may pass through
 * contexts that nobody comes back to; they follow each other in one bank.
 */
TlbBank *tlb_select_data(Tlb *tlb, const TlbKey *key, bool many);
CodeBank *tlb_select_code(Tlb *tlb, const TlbKey *key, bool many);

void tlb_drop_all(Tlb *tlb);
/* What a translation that left the set may have filled. */
void tlb_drop_entry(Tlb *tlb, const struct TranslationEntry *entry);
/* The same for all of CONTEXT; context 0 is part of every bank. */
void tlb_drop_context(Tlb *tlb, uint32_t context);
/* Pages whose address bits 14-19 (of 32) are CLASS. */
void tlb_drop_class(Tlb *tlb, uint32_t class);
/* Write entries rest from now on (2). */
void tlb_rest_writes(Tlb *tlb);
/* Write entries for the page at HOST. */
void tlb_drop_writes_to(Tlb *tlb, const uint8_t *host);
void tlb_drop_jump(Tlb *tlb, uint64_t ea);

#endif
