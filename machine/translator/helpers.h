/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What translated code calls. The guest's registers are all in the state by then; BUDGET is what is
 * left after the whole block was charged. After a call with cpu->translated.leave set, the code
 * goes back to translator_run(), the state being that of a boundary.
 */
#ifndef MACHINE_TRANSLATOR_HELPERS_H
#define MACHINE_TRANSLATOR_HELPERS_H

#include "machine/translator/block.h"

/* What a memory helper is told beside the block: packed into one word. */
#define HELPER_INSN(what) ((what)&0xff)
#define HELPER_SIZE(what) ((what) >> 8 & 0x1f)
#define HELPER_SIGNED     (1u << 16)
#define HELPER_SWAP       (1u << 17)

/* The address is in cpu->translated.ea, the value of a store in cpu->translated.value. */
uint64_t helper_load(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);
void helper_store(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);
/*
 * For an observer (observe.c). WHAT: how many of the block's instructions are left, this one
 * included, and the size of a store whose place in the host's memory is in cpu->translated.ea.
 * Neither changes anything.
 */
void helper_stored(Cpu *cpu, uint32_t what, int64_t budget);
void helper_block_left(Cpu *cpu, const Block *next, uint32_t what, int64_t budget);
/*
 * Where code goes on after an exit to C, the state being complete; out of translated code if
 * something else must be done there.
 */
const uint8_t *helper_go_on(Cpu *cpu);
/* The interpreter's function of instruction WHAT. */
void helper_call(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);
/* The same for it and all that follow in the block, which is left in any case. */
void helper_rest(Cpu *cpu, const Block *block, uint32_t what, int64_t budget);

#endif
