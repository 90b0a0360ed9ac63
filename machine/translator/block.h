/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A translated block, and the links between blocks.
 */
#ifndef MACHINE_TRANSLATOR_BLOCK_H
#define MACHINE_TRANSLATOR_BLOCK_H

#include "machine/translator/ir.h"

typedef struct Block Block;
typedef struct Link Link;

/* A direct exit to an address in the same page, patched to go there once the target exists. */
struct Link {
    Block *from;
    Block *to;       /* NULL: goes to its own stub */
    Link *next;      /* of the links that arrive at TO */
    uint64_t target; /* effective address */
    uint8_t *site;   /* where the jump's distance stands (writable mapping) */
    uint8_t *stub;   /* where it goes when it is not linked (writable mapping) */
};

/* A memory access that remembers its page (x86-64/lower-site.c); zero at first. */
typedef struct {
    uint32_t missed_at; /* the budget's low word at its last miss */
    uint32_t patience;  /* so many misses in quick succession are borne yet; 0: 2^32 of them */
} Site;

struct Block {
    uint64_t ea;
    uint64_t real; /* real address of the first instruction */
    uint32_t mode_key;
    uint16_t count; /* guest instructions */
    uint8_t link_count;
    bool is_hot;         /* its accesses are sites */
    uint8_t samples;     /* of those that make it hot, or make it anew */
    uint16_t first_slot; /* of its sites */
    uint64_t roams;      /* accesses that shall not be sites: a bit for each insn */
    uint64_t roamed;     /* those that are none */
    Site *site;          /* behind link[], one for each insn; NULL if it is not hot */
    bool is_dead;        /* unreachable; its memory goes with the next flush */
    const uint8_t *code; /* executable mapping */
    Link *link;          /* behind insn[]; as many as the IR has exits */
    Link *incoming;
    Block *hash_next;
    Block *page_next;
    Insn insn[]; /* for the interpreter's functions */
};

/* Which 64-byte granules of its page the block's words lie in. */
static inline uint64_t block_granules(const Block *block)
{
    unsigned first = block->real % 4096 / 64;
    unsigned last = (block->real % 4096 + 4u * block->count - 1) / 64;
    return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}

#endif
