/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86-64 host: what the translator asks of it.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_TARGET_H
#define MACHINE_TRANSLATOR_X86_64_TARGET_H

#include "machine/translator/block.h"
#include "machine/translator/code-memory.h"

/* Code that all blocks share; addresses in the writable mapping. */
typedef struct {
    uint8_t *enter;               /* void (*)(Cpu *, const uint8_t *code) */
    uint8_t *exit_plain;          /* back to the caller of enter, the state being complete */
    uint8_t *go_on;               /* on at the state's address, or back; the state being complete */
    uint8_t *exit_spill;          /* the same, with pinned registers to be stored first */
    uint8_t *exit_indirect;       /* RAX: guest address to go on at */
    uint8_t *exit_link;           /* RAX: the Link that was not linked */
    uint8_t *load, *store, *call; /* to the helpers of helpers.h */
    uint8_t *rest;                /* to helper_rest; does not come back */
    uint8_t *stored, *block_left; /* for an observer; NULL without one */
} TargetThunks;

/* Whether this host has what the lowering uses (AVX2, FMA, PCLMULQDQ, BMI, BMI2, LZCNT). */
bool target_is_supported(void);

/* Emits the shared code at the start of MEMORY; OBSERVED: with that for an observer. */
void target_emit_thunks(CodeMemory *memory, TargetThunks *thunks, bool observed);

/*
 * Emits BLOCK's code from IR behind what MEMORY holds and fills code and links. False when MEMORY
 * is full: nothing has changed then.
 */
bool target_lower(CodeMemory *memory, const TargetThunks *thunks, const IrBlock *ir, Block *block);

/* Points a link at code (writable mapping). */
void target_patch(Link *link, const uint8_t *target);

#endif
