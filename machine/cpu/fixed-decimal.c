/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decimal helpers in GPRs and the random number (Power ISA 3.0B, Book I 3.3.15 and 3.3.9).
 *
 * A declet packs three decimal digits into ten bits (densely packed decimal, IEEE 754-2008 3.5.2).
 * A digit above 7 is "large" and keeps one bit only; which digits are large is told by bit 6 and,
 * if there is one, bits 7-8 and 3-4 of the declet (the book's numbers, 0 to 9).
 */
#include "machine/cpu/board-hooks.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/ops.h"

#define RS (cpu->s.gpr[insn->t])
#define RT (cpu->s.gpr[insn->t])
#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

/*
 * Three BCD digits to a declet. A digit of 10 to 15, for which the result is undefined, counts by
 * its bits: large, with its lowest bit.
 */
static uint64_t declet_from_bcd(uint64_t bcd)
{
    unsigned x = (bcd >> 8) & 15, y = (bcd >> 4) & 15, z = bcd & 15;
    unsigned low = (x & 1) << 7 | (y & 1) << 4 | (z & 1);

    /* The two upper bits of the three digits' small values, placed where their digit stands. */
    unsigned x_mid = x & 6, y_mid = y & 6, z_mid = z & 6;
    switch ((x >> 3) << 2 | (y >> 3) << 1 | z >> 3) {
    case 0: return low | x_mid << 7 | y_mid << 4 | z_mid;
    case 1: return low | x_mid << 7 | y_mid << 4 | 0x8;
    case 2: return low | x_mid << 7 | z_mid << 4 | 0xa;
    case 4: return low | z_mid << 7 | y_mid << 4 | 0xc;
    case 6: return low | z_mid << 7 | 0x00 | 0xe;
    case 5: return low | y_mid << 7 | 0x20 | 0xe;
    case 3: return low | x_mid << 7 | 0x40 | 0xe;
    default: return low | 0x60 | 0xe;
    }
}

/* A declet to three BCD digits; every one of the 1,024 declets has a value. */
static uint64_t bcd_from_declet(uint64_t declet)
{
    unsigned d = declet & 0x3ff;
    unsigned x = (d >> 7) & 1, y = (d >> 4) & 1, z = d & 1;
    unsigned high = (d >> 7) & 6, middle = (d >> 4) & 6, last = d & 6;

    if (!(d & 8)) {
        x |= high, y |= middle, z |= last;
    } else if (last == 0) {
        x |= high, y |= middle, z |= 8;
    } else if (last == 2) {
        x |= high, y |= 8, z |= middle;
    } else if (last == 4) {
        x |= 8, y |= middle, z |= high;
    } else if (middle == 0) {
        x |= 8, y |= 8, z |= high;
    } else if (middle == 2) {
        x |= 8, y |= high, z |= 8;
    } else if (middle == 4) {
        x |= high, y |= 8, z |= 8;
    } else {
        x |= 8, y |= 8, z |= 8;
    }
    return x << 8 | y << 4 | z;
}

/* Both convert two groups in each word: 10 bits one way, 12 bits the other. */
ExecStatus op_cdtbcd(Cpu *cpu, const Insn *insn)
{
    uint64_t source = RS, result = 0;
    for (unsigned word = 0; word < 64; word += 32)
        result |= (bcd_from_declet(source >> (word + 10)) << 12 | bcd_from_declet(source >> word))
                  << word;
    RA = result;
    return EXEC_NEXT;
}

ExecStatus op_cbcdtd(Cpu *cpu, const Insn *insn)
{
    uint64_t source = RS, result = 0;
    for (unsigned word = 0; word < 64; word += 32)
        result |= (declet_from_bcd(source >> (word + 12)) << 10 | declet_from_bcd(source >> word))
                  << word;
    RA = result;
    return EXEC_NEXT;
}

/* Six in every nibble of the sum that has no carry out. */
ExecStatus op_addg6s(Cpu *cpu, const Insn *insn)
{
    unsigned __int128 sum = (unsigned __int128)RA + RB;
    unsigned __int128 carries_in = sum ^ RA ^ RB;
    uint64_t no_carry = ~(uint64_t)(carries_in >> 4) & 0x1111111111111111ull;
    RT = no_carry * 6;
    return EXEC_NEXT;
}

/* L: 0 a conditioned word, 1 a conditioned doubleword, 2 a raw one. All ones stand for an error. */
ExecStatus op_darn(Cpu *cpu, const Insn *insn)
{
    unsigned l = INSN_BITS(insn, 14, 15);
    uint64_t value = 0;
    bool ok = l < 3 && cpu->board && cpu->board->random &&
              cpu->board->random(cpu->board_opaque, cpu, &value);
    if (!ok)
        RT = ~0ull;
    else
        RT = l == 0 ? (uint32_t)value : value;
    return EXEC_NEXT;
}
