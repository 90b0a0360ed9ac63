/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs of 32-bit models find: segments, a hashed page table, block registers.
 *
 * Segment 0 maps its first 2 MiB to themselves (the second one has no memory behind it), segment 12
 * the same again, segment 8 without execution; 5 is a direct-store segment. Blocks, where a program
 * has them, lead from addresses of segments 0 and 1 to the 128 KiB that hold code and data.
 */
#include <string.h>

#include "tests/translator/program.h"

#define VSID             0x5a5u
#define UNMAPPED_VSID    0x00123456u
#define DIRECT_STORE     0x80000000u
#define NO_EXECUTE       0x10000000u
#define KEYS             0x60000000u
#define ENTRY_VALID      0x80000000u
#define ENTRY_SECONDARY  0x40u
#define ENTRY_WRITABLE   2u
#define GROUPS           1024u
#define PAGES            512u
#define BLOCK_REAL       (CODE_START & ~0x1ffffu)
#define BLOCK_ELSEWHERE  0x10020000u
#define BLOCK_OTHER_REAL 0x40000u
#define BLOCK_VALID_BITS 3u

#define PICK(dice, array) ((array)[dice_below(dice, G_N_ELEMENTS(array))])

/* Each page has a group of its own, so that its entry's place is known. */
static uint64_t entry_address(unsigned page, bool secondary)
{
    uint32_t hash = VSID ^ page;
    return HASH_TABLE + ((secondary ? ~hash : hash) & (GROUPS - 1)) * 64;
}

static void make_entry(uint32_t entry[2], uint32_t flags, unsigned real, uint32_t bits)
{
    entry[0] = GUINT32_TO_BE(VSID << 7 | flags);
    entry[1] = GUINT32_TO_BE(real << 12 | bits);
}

void program32_put_tables(uint8_t *image)
{
    for (unsigned page = 0; page < PAGES; page++) {
        uint32_t entry[2];
        make_entry(entry, ENTRY_VALID, page, ENTRY_WRITABLE);
        memcpy(image + entry_address(page, false), entry, sizeof entry);
    }
}

/* A few pages that refuse something, lie elsewhere, or are found at the second attempt only. */
void program32_place_odd_pages(Dice *dice, Side *side)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned page = dice_once_in(dice, 4) ? dice_below(dice, PAGES)
                                              : DATA_START / 4096 + dice_below(dice, 8);
        unsigned real = dice_once_in(dice, 2) ? page : CODE_START / 4096 + dice_below(dice, 24);
        uint32_t bits = (uint32_t)dice_roll(dice) & 0x1fb, entry[2];
        bool secondary = dice_once_in(dice, 4);
        make_entry(entry, secondary ? 0 : ENTRY_VALID, real, bits);
        side_place(side, entry_address(page, false), entry, sizeof entry);
        if (!secondary)
            continue;
        /* The first place of the group is another page's. */
        make_entry(entry, ENTRY_VALID | ENTRY_SECONDARY, real, bits);
        side_place(side, entry_address(page, true) + 8, entry, sizeof entry);
    }
}

void program32_plain_state(CpuState *start)
{
    start->msr = MSR_ME | MSR_FP | MSR_VEC | MSR_RI;
    start->spr[SPR_SDR1] = HASH_TABLE;
    for (unsigned i = 0; i < 16; i++)
        start->sr[i] = UNMAPPED_VSID + i;
    start->sr[0] = start->sr[12] = VSID;
    start->sr[5] = DIRECT_STORE;
    start->sr[8] = VSID | NO_EXECUTE;
}

static void random_block(Dice *dice, CpuState *start, unsigned first)
{
    uint32_t address = dice_once_in(dice, 2) ? BLOCK_REAL : BLOCK_ELSEWHERE;
    uint32_t attributes = (uint32_t)dice_roll(dice) & 0x78;
    uint32_t protection = dice_once_in(dice, 4) ? dice_below(dice, 4) : ENTRY_WRITABLE;
    uint32_t length = dice_once_in(dice, 4) ? 3 : 0; /* 512 KiB, or 128 */
    unsigned pair = dice_below(dice, 4);
    start->spr[first + 2 * pair] = address | length << 2 | dice_below(dice, BLOCK_VALID_BITS + 1);
    start->spr[first + 2 * pair + 1] =
        BLOCK_REAL | protection | (dice_once_in(dice, 4) ? attributes : 0);
}

uint32_t program32_prepare_blocks(CpuState *start)
{
    start->spr[SPR_IBAT + 1] = BLOCK_REAL | ENTRY_WRITABLE;
    start->spr[SPR_DBAT + 1] = BLOCK_OTHER_REAL | ENTRY_WRITABLE;
    return BLOCK_REAL | BLOCK_VALID_BITS;
}

void program32_random_mode(Dice *dice, CpuState *start)
{
    if (dice_once_in(dice, 2))
        start->msr |= MSR_IR | MSR_DR;
    else if (dice_once_in(dice, 5))
        start->msr |= dice_once_in(dice, 2) ? MSR_IR : MSR_DR;
    if (dice_once_in(dice, 2))
        start->msr |= MSR_PR;
    if (dice_once_in(dice, 2))
        start->msr |= MSR_EE;
    if (dice_once_in(dice, 2))
        start->msr |= dice_once_in(dice, 3) ? MSR_FE0 : MSR_FE0 | MSR_FE1;
    if (dice_once_in(dice, 8))
        start->msr &= ~(dice_once_in(dice, 2) ? MSR_FP : MSR_VEC);
    if (dice_once_in(dice, 60))
        start->msr |= dice_once_in(dice, 2) ? MSR_SE : MSR_BE;
    start->vscr_nj = dice_once_in(dice, 2);
    for (unsigned i = 0; i < 16; i++)
        if (dice_once_in(dice, 8))
            start->sr[i] = (start->sr[i] & ~KEYS) | ((uint32_t)dice_roll(dice) & KEYS);
    for (unsigned i = dice_below(dice, 3); i > 0; i--)
        random_block(dice, start, dice_once_in(dice, 2) ? SPR_IBAT : SPR_DBAT);
}

uint64_t program32_odd_address(Dice *dice, uint64_t address)
{
    static const uint32_t segments[] = { 0xc0000000, 0xc0000000, 0x10000000, 0x50000000,
                                         0x80000000, 0x00200000, 0xf0000000 };
    static const uint32_t halves[] = { BLOCK_REAL | BLOCK_VALID_BITS,
                                       BLOCK_ELSEWHERE | BLOCK_VALID_BITS,
                                       BLOCK_REAL | ENTRY_WRITABLE,
                                       BLOCK_OTHER_REAL | ENTRY_WRITABLE };
    if (dice_once_in(dice, 20))
        return PICK(dice, halves);
    if (dice_once_in(dice, 30))
        return entry_address(CODE_START / 4096 + dice_below(dice, 32), dice_once_in(dice, 4));
    if (dice_once_in(dice, 6))
        address = (address & 0x0fffffff) | PICK(dice, segments);
    return address;
}

unsigned program32_spr(Dice *dice)
{
    static const uint16_t usual[] = {
        1, 8, 8, 8, 9, 9, 9, 268, 268, 269, 22, 26, 27, 256, 272, 274
    };
    static const uint16_t translation[] = {
        SPR_SDR1, SPR_HID0,     SPR_IBAT,      SPR_IBAT + 1,
        SPR_DBAT, SPR_DBAT + 1, SPR_DBAT_HIGH, SPR_DBAT_HIGH + 1
    };
    return dice_once_in(dice, 3) ? PICK(dice, translation) : PICK(dice, usual);
}
