/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random programs for lock-step: a start state, up to 64 instructions, and the seed of what happens
 * to it while it runs.
 */
#ifndef TESTS_TRANSLATOR_PROGRAM_H
#define TESTS_TRANSLATOR_PROGRAM_H

#include "tests/translator/side.h"

typedef struct {
    uint64_t state;
    uint64_t code; /* where addresses of code are to lie; 0: anywhere among it */
    const CpuModel *model;
} Dice;

uint64_t dice_roll(Dice *dice);
unsigned dice_below(Dice *dice, unsigned bound);
static inline bool dice_once_in(Dice *dice, unsigned n)
{
    return dice_below(dice, n) == 0;
}

#define PROGRAM_WORDS 64u

typedef struct {
    const CpuModel *model;
    CpuState start;
    uint64_t base; /* real address of the first word */
    uint32_t word[PROGRAM_WORDS];
    unsigned count;
    uint64_t run_seed;
    TranslatorOptions options;
    uint64_t length;  /* instructions to run */
    bool undisturbed; /* no stops, no changes from outside */
} Program;

/* Memory as every program of MODEL finds it. The caller frees it. */
uint8_t *program_image(const CpuModel *model);
/* Places the handlers (in the byte order that START asks for), tables and words of PROGRAM. */
void program_place(const Program *program, Side *side);

void program_random(Program *program, const CpuModel *model, uint64_t seed);
/* A value that a register of a program may well hold: a number, an address, an instruction. */
uint64_t program_value(Dice *dice);
/* The state that programs start from: supervisor state, untranslated, all facilities; on a POWER9
 * 64-bit mode and little-endian. */
void program_plain_state(const CpuModel *model, CpuState *start);

/* The parts that are of 32-bit models (program32.c): tables, unusual pages, mode and registers. */
void program32_put_tables(uint8_t *image);
void program32_place_odd_pages(Dice *dice, Side *side);
void program32_plain_state(CpuState *start);
void program32_random_mode(Dice *dice, CpuState *start);
/* An address in another segment or block, or of a table entry. */
uint64_t program32_odd_address(Dice *dice, uint64_t address);
unsigned program32_spr(Dice *dice);
/* Sets the lower halves of IBAT0 (identity) and DBAT0 (elsewhere); an upper half that uses them. */
uint32_t program32_prepare_blocks(CpuState *start);

#endif
