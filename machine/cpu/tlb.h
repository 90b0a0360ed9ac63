/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft TLB: direct-mapped host translations under one context, a cache of the translation set.
 *
 * 1. An entry may be dropped at any time; it refills from the translation set without touching
 * guest memory. So nothing that the guest can notice depends on these tables.
 * 2. A write entry exists only for pages whose dirty mark is of the present epoch and that hold no
 *    predecoded code; both kinds of change drop the entry.
 */
#ifndef MACHINE_CPU_TLB_H
#define MACHINE_CPU_TLB_H

#include "machine/cpu/cpu.h"

#define TLB_PAGE_BITS 12
#define TLB_PAGE_SIZE (1ull << TLB_PAGE_BITS)
#define TLB_SETS      512
#define TLB_INDEX(ea) (((ea) >> TLB_PAGE_BITS) & (TLB_SETS - 1))
/* An aligned access of SIZE bytes at EA hits if the page matches; an unaligned one never does. */
#define TLB_TAG(ea, size) ((ea) & (~(TLB_PAGE_SIZE - 1) | ((uint64_t)(size)-1)))
#define TLB_INVALID       0xfffull /* no tag: low bits set */
#define TLB_OBSERVED      0x800ull /* in tags of write entries while stores are observed */

typedef struct {
    uint64_t tag;    /* effective page address, or TLB_INVALID */
    uint64_t addend; /* host address = addend + ea */
} TlbEntry;

typedef struct {
    uint64_t tag; /* effective page address, or TLB_INVALID */
    struct DecodedPage *decoded;
    uint64_t real; /* the page's real address, so that look-ups need not touch the decoded page */
} FetchEntry;

#define FETCH_SETS      128
#define FETCH_INDEX(ea) (((ea) >> TLB_PAGE_BITS) & (FETCH_SETS - 1))

/* Where translated code stands for an address that is branched to. */
typedef struct {
    uint64_t ea; /* JUMP_INVALID: none */
    const uint8_t *code;
} JumpEntry;

#define JUMP_SETS      4096
#define JUMP_INDEX(ea) ((ea) >> 2 & (JUMP_SETS - 1))
#define JUMP_INVALID   1ull

/* So many fills are listed, so that emptying a bank costs what it holds if that is little. */
#define TLB_FILLS_LISTED 64
typedef enum { FILL_READ, FILL_WRITE, FILL_FETCH, FILL_JUMP } TlbFill;
#define FILL_TABLE_SHIFT 12

#define TLB_KEY_WORDS 11

struct TlbBank {
    TlbEntry read[TLB_SETS];
    TlbEntry write[TLB_SETS];
    FetchEntry fetch[FETCH_SETS];
    JumpEntry jump[JUMP_SETS];
    uint16_t filled[TLB_FILLS_LISTED]; /* which entries, since the bank was empty */
    uint32_t fill_count;
    uint64_t context[TLB_KEY_WORDS]; /* what the translations depend on (mmu.c) */
    uint64_t last_used;
};

/* To be called by whoever makes entry INDEX of a table valid. */
static inline void tlb_note_fill(TlbBank *bank, TlbFill table, unsigned index)
{
    if (bank->fill_count < TLB_FILLS_LISTED)
        bank->filled[bank->fill_count] = (uint16_t)(table << FILL_TABLE_SHIFT | index);
    bank->fill_count++;
}

#endif
