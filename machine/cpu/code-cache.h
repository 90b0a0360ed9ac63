/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Predecoded pages: the instructions of a real page, under one mode, ready to execute.
 *
 * 1. An entry is decoded when it is first executed and goes back to undecoded when a byte of its
 *    64-byte granule is written, by whomever, before the next instruction is fetched.
 * 2. Going back changes only the entry's function, never its operands: the instruction that wrote
 *    may still be reading them.
 * 3. The cache is bounded. It is emptied as a whole, and only between instructions.
 */
#ifndef MACHINE_CPU_CODE_CACHE_H
#define MACHINE_CPU_CODE_CACHE_H

#include "machine/cpu/cpu.h"
#include "machine/memory.h"

#define PAGE_INSNS 1024u

typedef struct DecodedPage DecodedPage;
struct DecodedPage {
    Insn insn[PAGE_INSNS + 1]; /* the last one ends the page */
    uint64_t granules;         /* bit n: an entry of 64-byte granule n has been decoded */
    uint64_t real_page;
    uint32_t mode_key;
    DecodedPage *next; /* of the same real page, other mode */
};

typedef struct CpuEngine CpuEngine;

CpuEngine *code_cache_new(Cpu *cpu, Memory *memory);
void code_cache_free(CpuEngine *engine);

/* The predecoded page; made if need be, which may empty the cache. */
DecodedPage *code_cache_page(CpuEngine *engine, uint64_t real_page, uint32_t mode_key);

/* Whether stores to the page at REAL must be reported through code_cache_written(). */
bool code_cache_has_code(const CpuEngine *engine, uint64_t real);
void code_cache_written(CpuEngine *engine, uint64_t real, uint64_t length);

/* Empties the cache; for tests that nothing depends on it, and after a load. */
void code_cache_flush(CpuEngine *engine);

#endif
