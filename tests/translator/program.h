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
} Dice;

uint64_t dice_roll(Dice *dice);
unsigned dice_below(Dice *dice, unsigned bound);
static inline bool dice_once_in(Dice *dice, unsigned n)
{
    return dice_below(dice, n) == 0;
}

#define PROGRAM_WORDS 64u

typedef struct {
    CpuState start;
    uint64_t base; /* real address of the first word */
    uint32_t word[PROGRAM_WORDS];
    unsigned count;
    uint64_t run_seed;
    TranslatorOptions options;
    uint64_t length;  /* instructions to run */
    bool undisturbed; /* no stops, no changes from outside */
} Program;

/* Memory as every program finds it. The caller frees it. */
uint8_t *program_image(void);
/* Places the handlers (in the byte order that START asks for), tables and words of PROGRAM. */
void program_place(const Program *program, Side *side);

void program_random(Program *program, uint64_t seed);
/* A value that a register of a program may well hold: a number, an address, an instruction. */
uint64_t program_value(Dice *dice);
/* The state that programs start from, in supervisor state, 64-bit mode, little-endian,
 * untranslated. */
void program_plain_state(CpuState *start);

#endif
