/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Program interrupts, unavailable facilities, system calls (Power ISA 3.0B, Book III 6.5). */
#include "bare.h"

CODE(nothing, "nop");
CODE(word_zero, "nop; .long 0");
CODE(trap_word, "li 9, 1; tweqi 9, 1");

static const Case cases[] = {
    {"completes-real", nothing, REAL, 0},
    {"completes-virtual", nothing, VIRTUAL, 0},
    {"completes-user", nothing, USER, 0},
    {"illegal-zero-real", word_zero, REAL, 0x700, 4, ILLEGAL},
    {"illegal-zero-user", word_zero, USER, 0x700, 4, ILLEGAL},
    {"trap-real", trap_word, REAL, 0x700, 4, TRAP},
};

void tests(void)
{
    CASES(cases);
}
