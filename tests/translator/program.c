/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/translator/program.h"

#include <string.h>

#include "machine/cpu/decode.h"
#include "machine/cpu/radix.h"
#include "machine/translator/build.h"

uint64_t dice_roll(Dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

unsigned dice_below(Dice *dice, unsigned bound)
{
    return (unsigned)(((dice_roll(dice) >> 32) * bound) >> 32);
}

#define RFID 0x4c000024u
#define RFI  0x4c000064u /* what 32-bit models have instead */

#define PICK(dice, array) ((array)[dice_below(dice, G_N_ELEMENTS(array))])

/* --- memory ----------------------------------------------------------------------------------- */

#define NODE_VALID (1ull << 63)
#define NODE_LEAF  (1ull << 62)
#define ROOT_BITS  10u /* of a tree for 31 address bits: 2 MiB below each entry */
#define LEAF_BITS  9u
#define PTE_ALL    (RADIX_PTE_READ | RADIX_PTE_WRITE | RADIX_PTE_EXECUTE)

static void put_be64(uint8_t *image, uint64_t at, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(image + at, &value, sizeof value);
}

/* One tree for all contexts: 31 bits of address, the first 2 MiB in 4 KiB pages, identity. */
static void put_tables(uint8_t *image)
{
    for (unsigned context = 0; context < 256; context++)
        put_be64(image, PROCESS_TABLE + 16 * context, ROOT_TABLE | ROOT_BITS);
    put_be64(image, ROOT_TABLE, NODE_VALID | LEAF_TABLE | LEAF_BITS);
    /* A large page whose accesses go to the same memory, and one that leads nowhere. */
    put_be64(image, ROOT_TABLE + 8, NODE_VALID | NODE_LEAF | PTE_ALL);
    put_be64(image, ROOT_TABLE + 16, NODE_VALID | NODE_LEAF | PTE_ALL | 0x40000000);
    for (uint64_t page = 0; page < 512; page++)
        put_be64(image, LEAF_TABLE + 8 * page, NODE_VALID | NODE_LEAF | page << 12 | PTE_ALL);
}

uint8_t *program_image(const CpuModel *model)
{
    Dice dice = { 1, 0, model };
    uint8_t *image = g_malloc0(RAM_SIZE);
    for (unsigned i = 0; i < DATA_SIZE; i += 8)
        put_be64(image, DATA_START + i, dice_roll(&dice));
    if (model->is_64bit)
        put_tables(image);
    else
        program32_put_tables(image);
    return image;
}

/* Skips the instruction that interrupted. */
static const uint32_t skip_handler[] = {
    0x7c5243a6, /* mtsprg2 r2 */
    0x7c5a02a6, /* mfsrr0 r2 */
    0x38420004, /* addi r2, r2, 4 */
    0x7c5a03a6, /* mtsrr0 r2 */
    0x7c5242a6, /* mfsprg2 r2 */
    RFID,
};
/* Goes on where SPRG3 says. */
static const uint32_t restart_handler[] = {
    0x7c5243a6, /* mtsprg2 r2 */
    0x7c5342a6, /* mfsprg3 r2 */
    0x7c5a03a6, /* mtsrr0 r2 */
    0x7c5242a6, /* mfsprg2 r2 */
    RFID,
};
/* Sets the decrementer to 77. */
static const uint32_t decrementer_handler[] = {
    0x7c5243a6, /* mtsprg2 r2 */
    0x3840004d, /* li r2, 77 */
    0x7c5603a6, /* mtdec r2 */
    0x7c5242a6, /* mfsprg2 r2 */
    RFID,
};
/* Lowers the line: what it stores into the device has bit 0 clear in either byte order. */
static const uint32_t external_handler[] = {
    0x7c5243a6, /* mtsprg2 r2 */
    0x3c400010, /* lis r2, DEVICE_START >> 16 */
    0x90420200, /* stw r2, 0x200(r2) */
    0x7c5242a6, /* mfsprg2 r2 */
    RFID,
};
static const uint32_t return_handler[] = { RFID };
static const uint32_t vectored_handler[] = { 0x4c0000a4 }; /* rfscv */

static void place_words(Side *side, uint64_t at, const uint32_t *words, size_t count, bool little)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word = words[i];
        if (word == RFID && !side->cpu->model->is_64bit)
            word = RFI;
        word = little ? GUINT32_TO_LE(word) : GUINT32_TO_BE(word);
        side_place(side, at + 4 * i, &word, sizeof word);
    }
}

#define PLACE(side, at, words, little) place_words(side, at, words, G_N_ELEMENTS(words), little)

static void place_vector(Side *side, uint64_t at, unsigned vector, bool little)
{
    switch (vector) {
    case 0x400:
    case 0x480: PLACE(side, at, restart_handler, little); break;
    case 0x900: PLACE(side, at, decrementer_handler, little); break;
    case 0x500: PLACE(side, at, external_handler, little); break;
    case 0x100:
    case 0xa00:
    case 0xc00:
    case 0xd00: PLACE(side, at, return_handler, little); break;
    default: PLACE(side, at, skip_handler, little); break;
    }
}

static void place_handlers(Side *side, bool little)
{
    static const uint32_t locations[] = { 0, 0x4000, 0x18000 };
    static const uint32_t vectored[] = { 0x3000, 0x17000 };
    for (unsigned l = 0; l < G_N_ELEMENTS(locations); l++)
        for (unsigned vector = 0x100; vector < 0x1000; vector += 0x20)
            if (vector % 0x80 == 0 || vector >= 0xe00)
                place_vector(side, locations[l] + vector, vector, little);
    for (unsigned l = 0; l < G_N_ELEMENTS(vectored); l++)
        for (unsigned level = 0; level < 128; level++)
            PLACE(side, vectored[l] + level * 0x20, vectored_handler, little);
}

/* A few pages that refuse something, lie elsewhere, or have not been touched. */
static void place_odd_pages(Dice *dice, Side *side)
{
    for (unsigned i = 0; i < 6; i++) {
        uint64_t page =
            dice_once_in(dice, 4) ? dice_below(dice, 512) : DATA_START / 4096 + dice_below(dice, 8);
        uint64_t real = dice_once_in(dice, 2) ? page : CODE_START / 4096 + dice_below(dice, 24);
        uint64_t entry = NODE_VALID | NODE_LEAF | real << 12 | (dice_roll(dice) & 0x19f);
        if (dice_once_in(dice, 8))
            entry |= RADIX_PTE_NON_IDEMPOTENT;
        entry = GUINT64_TO_BE(entry);
        side_place(side, LEAF_TABLE + 8 * page, &entry, sizeof entry);
    }
}

void program_place(const Program *program, Side *side)
{
    Dice dice = { program->run_seed, program->base, program->model };
    place_handlers(side, program->start.spr[SPR_LPCR] & LPCR_ILE);
    if (program->model->is_64bit)
        place_odd_pages(&dice, side);
    else
        program32_place_odd_pages(&dice, side);
    place_words(side, program->base, program->word, program->count, program->start.msr & MSR_LE);
}

/* --- words ------------------------------------------------------------------------------------ */

/* A register operand: often one that the translator pins, seldom one that others want kept. */
static unsigned random_register(Dice *dice)
{
    static const uint8_t pinned[] = { 1, 31, 3, 4, 9, 10, 5, 0, 6, 7, 8 };
    return dice_once_in(dice, 2) ? PICK(dice, pinned) : dice_below(dice, 32);
}

static uint32_t with_registers(Dice *dice, uint32_t bits)
{
    bits &= ~0x03fff800u;
    return bits | random_register(dice) << 21 | random_register(dice) << 16 |
           random_register(dice) << 11;
}

static bool is_memory_row(const IsaRow *row)
{
    const IsaEffects *effects = &isa_effects[isa_row_number(row)];
    return effects->load || effects->store;
}

/* Small displacements, small index registers (16 to 23), often no base with an index. */
static uint32_t tame_address(Dice *dice, const IsaRow *row, uint32_t bits)
{
    bool has_displacement = !(row->mask & 0xfff0);
    if (dice_once_in(dice, 8))
        return bits;
    if (has_displacement)
        return (bits & ~0xffc0u) | (dice_once_in(dice, 2) ? 0xffc0 : 0);
    if (dice_once_in(dice, 2))
        return bits & ~(31u << 16);
    return (bits & ~(31u << 11)) | (16 + dice_below(dice, 8)) << 11;
}

static uint32_t random_spr(Dice *dice, const CpuModel *model, uint32_t bits)
{
    static const uint16_t numbers[] = {
#define SPR(family, name, number, user, privileged, kind, meaning) number,
#include "machine/cpu/spr.def"
#undef SPR
    };
    static const uint16_t usual[] = { 1,  8,  8,   9,   9,   268, 268, 22,
                                      26, 27, 815, 256, 272, 259, 29,  13 };
    if (dice_once_in(dice, 40))
        return bits;
    unsigned number = dice_once_in(dice, 4) ? PICK(dice, numbers)
                      : model->is_64bit     ? PICK(dice, usual)
                                            : program32_spr(dice);
    return (bits & ~0x001ff800u) | (number & 31) << 16 | number >> 5 << 11;
}

/* A branch within the program, mostly; word number AT of COUNT. */
static uint32_t aim_branch(Dice *dice, const IsaRow *row, uint32_t bits, unsigned at,
                           unsigned count)
{
    int32_t distance = 4 * ((int32_t)dice_below(dice, count + 1) - (int32_t)at);
    if (dice_once_in(dice, 20))
        return bits;
    if (row->name[0] == 'b' && !(row->mask & 0x03fffffc)) /* I form */
        return row->mask & row->word & 2
                   ? bits
                   : (bits & ~0x03fffffcu) | ((uint32_t)distance & 0x03fffffc);
    if (!(row->mask & 0xfffc)) /* B form */
        return (bits & ~0xfffcu) | ((uint32_t)distance & 0xfffc);
    return bits;
}

static uint32_t word_of(Dice *dice, const CpuModel *model, const IsaRow *row, unsigned at,
                        unsigned count)
{
    unsigned number = isa_row_number(row);
    uint32_t bits = with_registers(dice, (uint32_t)dice_roll(dice));
    if (is_memory_row(row))
        bits = tame_address(dice, row, bits);
    if (number == ISA_MFSPR || number == ISA_MTSPR)
        bits = random_spr(dice, model, bits);
    if (number <= ISA_BCCTRL)
        bits = aim_branch(dice, row, bits, at, count);
    bits &= ~row->mask;
    if (!dice_once_in(dice, 50))
        bits &= ~row->reserved;
    return row->word | bits;
}

/* A row, those with builders more often; ones that change the mode not too often. */
static const IsaRow *random_row(Dice *dice, const CpuModel *model)
{
    bool wants_builder = !dice_once_in(dice, 4);
    for (;;) {
        unsigned number = dice_below(dice, ISA_ROW_COUNT);
        if (dice_once_in(dice, 10))
            number = dice_below(dice, ISA_BCCTRL + 1);
        if (dice_once_in(dice, 30))
            number = dice_once_in(dice, 2) ? ISA_MFSPR : ISA_MTSPR;
        const IsaRow *row = &isa_rows[number];
        bool is_rare = row->flags & (ISA_PRIV | ISA_HV);
        if (!(row->families & model->families) || (is_rare && !dice_once_in(dice, 8)))
            continue;
        if (!wants_builder || builder_of(number))
            return row;
    }
}

static uint32_t random_word(Dice *dice)
{
    return word_of(dice, dice->model, random_row(dice, dice->model), 0, 8);
}

/* --- state ------------------------------------------------------------------------------------ */

static uint64_t random_address(Dice *dice)
{
    static const uint64_t odd[] = { 0,
                                    0xfffc,
                                    RAM_SIZE - 4,
                                    0x7ffffffc,
                                    0xfffffffc,
                                    0x8000000000000000,
                                    0x4000000000000000,
                                    0xfffffffffffffffc };
    uint64_t address;
    switch (dice_below(dice, 12)) {
    case 0:
    case 5:
        address = dice->code ? dice->code + 4 * dice_below(dice, PROGRAM_WORDS)
                             : CODE_START + dice_below(dice, CODE_SIZE);
        break;
    case 1: address = DATA_START + 4096 * dice_below(dice, 4) - dice_below(dice, 17); break;
    case 2: address = DEVICE_START + dice_below(dice, DEVICE_SIZE); break;
    case 3: return PICK(dice, odd);
    case 4: address = LEAF_TABLE + 8 * (CODE_START / 4096 + dice_below(dice, 32)); break;
    default: address = DATA_START + dice_below(dice, DATA_SIZE); break;
    }
    if (!dice_once_in(dice, 4))
        address &= ~(uint64_t)15;
    if (!dice->model->is_64bit)
        return program32_odd_address(dice, address);
    if (dice_once_in(dice, 10))
        address |= 0xc000000000000000;
    if (dice_once_in(dice, 20))
        address |= 0x200000;
    return address;
}

uint64_t program_value(Dice *dice)
{
    static const uint64_t corners[] = { 0,
                                        1,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x100000000,
                                        0x7fffffffffffffff,
                                        0x8000000000000000,
                                        UINT64_MAX,
                                        0xffffffff80000000,
                                        0xfffffffe };
    switch (dice_below(dice, 8)) {
    case 0: return dice_roll(dice);
    case 1: return PICK(dice, corners);
    case 2: return dice_below(dice, 256);
    case 3: return random_word(dice);
    default: return random_address(dice);
    }
}

void program_plain_state(const CpuModel *model, CpuState *start)
{
    memset(start, 0, sizeof *start);
    start->running = 1;
    start->dec_zero_tb = 0x7fffffff;
    if (!model->is_64bit) {
        program32_plain_state(start);
        return;
    }
    start->msr = MSR_SF | MSR_ME | MSR_LE | MSR_FP | MSR_VEC | MSR_VSX | MSR_RI;
    start->spr[SPR_LPCR] = LPCR_ILE;
    start->spr[SPR_FSCR] = UINT64_MAX >> 8;
    start->spr[SPR_PTCR] = PROCESS_TABLE;
    start->spr[SPR_PIDR] = 1;
}

static void random_mode(Dice *dice, CpuState *start)
{
    static const uint64_t toggled[] = { MSR_SF, MSR_LE };
    for (unsigned i = 0; i < G_N_ELEMENTS(toggled); i++)
        if (dice_once_in(dice, 3))
            start->msr &= ~toggled[i];
    if (dice_once_in(dice, 2))
        start->msr |= MSR_IR | MSR_DR;
    else if (dice_once_in(dice, 5))
        start->msr |= dice_once_in(dice, 2) ? MSR_IR : MSR_DR;
    if (dice_once_in(dice, 2))
        start->msr |= MSR_PR;
    if (dice_once_in(dice, 2))
        start->msr |= MSR_EE;
    if (dice_once_in(dice, 8))
        start->msr &= ~(dice_once_in(dice, 2) ? MSR_FP | MSR_VSX : MSR_VEC);
    if (dice_once_in(dice, 60))
        start->msr |= dice_once_in(dice, 2) ? MSR_SE : MSR_BE;
    start->spr[SPR_LPCR] =
        dice_below(dice, 4) << LPCR_AIL_SHIFT | (dice_once_in(dice, 2) ? LPCR_ILE : 0);
}

static void random_state(Dice *dice, CpuState *start)
{
    program_plain_state(dice->model, start);
    if (dice->model->is_64bit)
        random_mode(dice, start);
    else
        program32_random_mode(dice, start);
    for (unsigned i = 0; i < 32; i++)
        start->gpr[i] = i >= 16 && i < 24 ? dice_below(dice, 64) : program_value(dice);
    for (unsigned i = 0; i < 64; i++)
        for (unsigned half = 0; half < 2; half++)
            VSR_D(start->vsr[i], half) = program_value(dice);
    for (unsigned i = 0; i < 8; i++)
        start->crf[i] = (uint8_t)dice_below(dice, 16);
    uint64_t bits = dice_roll(dice);
    start->so = bits & 1, start->ov = bits >> 1 & 1, start->ov32 = bits >> 2 & 1;
    start->ca = bits >> 3 & 1, start->ca32 = bits >> 4 & 1;
    start->xer_count = bits >> 8 & 127;
    start->fpscr = bits >> 16 & 0xff;
    start->lr = program_value(dice);
    start->ctr = dice_once_in(dice, 2) ? dice_below(dice, 8) : program_value(dice);
    if (dice->model->is_64bit) {
        start->spr[SPR_TAR] = program_value(dice);
        start->spr[SPR_FSCR] = dice_once_in(dice, 4) ? dice_roll(dice) >> 8 : start->spr[SPR_FSCR];
    }
    if (dice_once_in(dice, 3))
        start->dec_zero_tb = dice_below(dice, 200);
}

/* --- programs --------------------------------------------------------------------------------- */

static void random_options(Dice *dice, TranslatorOptions *options)
{
    static const uint8_t limits[] = { 1, 2, 7, 0, 0, 0 };
    *options = (TranslatorOptions){ .block_limit = PICK(dice, limits),
                                    .threshold = 1,
                                    .code_bytes = 256 << 10,
                                    .all_hot = dice_once_in(dice, 2) };
}

void program_random(Program *program, const CpuModel *model, uint64_t seed)
{
    Dice dice = { seed, 0, model };
    *program =
        (Program){ .model = model,
                   .count =
                       1 + dice_below(&dice, dice_once_in(&dice, 2) ? 16 : PROGRAM_WORDS - 1) };
    uint64_t offset = 4 * dice_below(&dice, 900);
    if (dice_once_in(&dice, 4)) /* across the page's end */
        offset = 4096 - 4 * dice_below(&dice, program->count + 1);
    dice.code = program->base = CODE_START + offset;
    for (unsigned i = 0; i < program->count; i++)
        program->word[i] = word_of(&dice, model, random_row(&dice, model), i, program->count);
    /* And round again. */
    program->word[program->count] = 0x48000000 | (-(uint32_t)program->count * 4 & 0x03fffffc);
    program->count++;
    random_state(&dice, &program->start);
    program->start.cia = program->base;
    program->start.spr[SPR_SPRG3] = program->base;
    program->run_seed = dice_roll(&dice);
    program->length = 100 + dice_below(&dice, 1500);
    random_options(&dice, &program->options);
}
