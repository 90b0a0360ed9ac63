/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CR fields as translated code leaves them.
 *
 * A comparison stores only whether it found "less" and "greater"; what a field is follows from
 * these two bytes and XER.SO, which nothing but C code changes. A field whose value stands in the
 * state has CR_IS_IN_STATE for its "less". C code finds all of them in the state: whoever calls it
 * with the chance that it looks at CR, or changes CR or XER.SO, settles them first.
 */
#ifndef MACHINE_TRANSLATOR_CR_PENDING_H
#define MACHINE_TRANSLATOR_CR_PENDING_H

#include <string.h>

#include "machine/cpu/cpu.h"

#define CR_IS_IN_STATE  0x80
#define CR_IN_STATE_ALL (0x0101010101010101ull * CR_IS_IN_STATE)

/* Fields 0 to 7, a byte each, in one word. */
static inline uint64_t cr_pending_word(const uint8_t *fields)
{
    uint64_t word;
    memcpy(&word, fields, sizeof word);
    return word;
}

/* Gives every field its value in the state. */
static inline void cr_pending_settle(Cpu *cpu)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t less = cr_pending_word(cpu->translated.cr_less);
    if (less == CR_IN_STATE_ALL)
        return;
    uint64_t kept = (less / CR_IS_IN_STATE & ones) * 0xff;
    uint64_t greater = cr_pending_word(cpu->translated.cr_greater) & ones;
    less &= ones;
    uint64_t fields = less * CR_LT | greater * CR_GT | (~(less | greater) & ones) * CR_EQ |
                      cpu->s.so * ones * CR_SO;
    fields = (cr_pending_word(cpu->s.crf) & kept) | (fields & ~kept);
    memcpy(cpu->s.crf, &fields, sizeof fields);
    memset(cpu->translated.cr_less, CR_IS_IN_STATE, sizeof cpu->translated.cr_less);
}

#endif
