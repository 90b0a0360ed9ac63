/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/generate.h"

#include <string.h>

typedef struct {
    uint64_t state;
} Random;

/* splitmix64. */
static uint64_t next(Random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned below(Random *random, unsigned bound)
{
    return (unsigned)(((next(random) >> 32) * bound) >> 32);
}

/* True once in N. */
static bool once_in(Random *random, unsigned n)
{
    return below(random, n) == 0;
}

#define PICK(random, array) ((array)[below(random, G_N_ELEMENTS(array))])

/* --- values ------------------------------------------------------------------------------------
 */

static const uint64_t corners_64[] = {
    0,
    1,
    2,
    3,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0x80000001,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x7fffffff00000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xffffffff00000000,
    0xffffffff7fffffff,
    0xffffffff80000000,
    0xffffffffffff8000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
    0x0123456789abcdef,
    0x00000000ffff0000,
    0x8080808080808080,
    0x7f7f7f7f7f7f7f7f,
    0x5555555555555555,
    0xaaaaaaaaaaaaaaaa,
    0x9999999999999999,
    0x0909090909090909,
};

/* Doubles: zeros, subnormals, limits, what leaves the single range, integers' limits, NaNs. */
static const uint64_t corners_double[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff,
    0x0010000000000000, 0x0010000000000001, 0x7fefffffffffffff, 0xffefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001,
    0x7ff0000000000001, 0xfff4000000000000, 0x7ff7ffffffffffff, 0x7fffffffffffffff,
    0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x3fefffffffffffff,
    0x3fe0000000000000, 0xbfe0000000000000, 0x3fdfffffffffffff, 0x4000000000000000,
    0x3ff8000000000000, 0x4008000000000000, 0x4340000000000000, 0x433fffffffffffff,
    0x43e0000000000000, 0xc3e0000000000000, 0x43dfffffffffffff, 0x43f0000000000000,
    0x43efffffffffffff, 0x41e0000000000000, 0xc1e0000000000000, 0x41dfffffffc00000,
    0x41efffffffe00000, 0x41f0000000000000, 0xc1e0000000200000, 0x41dfffffffe00000,
    0x47efffffe0000000, 0x47effffff0000000, 0x47f0000000000000, 0x3810000000000000,
    0x380fffffffffffff, 0x36a0000000000000, 0x3690000000000000, 0x369fffffffffffff,
    0x3800000000000000, 0x36b8000000000000, 0x3ca0000000000000, 0x3cb0000000000000,
    0x7fe0000000000000, 0x0020000000000000, 0x1ff0000000000000, 0x5ff0000000000000,
    0x4330000000000000, 0x4330000000000001, 0xc330000000000000, 0x4320000000000001,
};

static const uint32_t corners_single[] = {
    0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x00800001, 0x7f7fffff, 0xff7fffff,
    0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffa00000, 0x7fbfffff, 0x7fffffff,
    0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x3f000000, 0xbf000000, 0x3effffff, 0x40000000,
    0x3fc00000, 0x40400000, 0x4b000000, 0x4b000001, 0x4b7fffff, 0x4f000000, 0xcf000000, 0x4effffff,
    0x4f800000, 0x4f7fffff, 0x5f000000, 0xdf000000, 0x5effffff, 0x5f800000, 0x33800000, 0x34000000,
    0x7f000000, 0x01000000, 0x1f800000, 0x5f800001, 0x42fe0000, 0xc2fc0000, 0x43000000, 0xc3160000,
};

/* Upper doublewords of quad-precision numbers; the lower ones are zero, one, all ones or random. */
static const uint64_t corners_quad[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000800000000000, 0x0001000000000000,
    0x7ffeffffffffffff, 0xfffeffffffffffff, 0x7fff000000000000, 0xffff000000000000,
    0x7fff800000000000, 0x7fff000000000001, 0xffff400000000000, 0x3fff000000000000,
    0xbfff000000000000, 0x3ffe000000000000, 0x4000000000000000, 0x403e000000000000,
    0xc03e000000000000, 0x403effffffffffff, 0x403f000000000000, 0x401e000000000000,
    0xc01e000000000000, 0x401dffffffffffff, 0x43fe000000000000, 0x43ffffffffffffff,
    0x3c01000000000000, 0x3bcd000000000000, 0x3bcc000000000000, 0x406f000000000000,
    0x7ffe000000000000, 0x0002000000000000,
};

static uint64_t random_integer(Random *random)
{
    switch (below(random, 8)) {
    case 0:
    case 1:
    case 2: return PICK(random, corners_64);
    case 3: return 1ull << below(random, 64);
    case 4: return ~(~0ull << below(random, 64));
    case 5: return (uint64_t)(int64_t)(int)(below(random, 512) - 256);
    default: return next(random);
    }
}

static uint64_t random_double(Random *random)
{
    uint64_t value = next(random);
    switch (below(random, 8)) {
    case 0:
    case 1:
    case 2: return PICK(random, corners_double) ^ (value & 1) << 63;
    case 3: return (value & 0x800fffffffffffff) | (uint64_t)(1023 - 64 + below(random, 128)) << 52;
    case 4: return (value & 0x800fffffffffffff) | (uint64_t)(896 + below(random, 256)) << 52;
    case 5: return value & 0x800fffffffffffff & ~0ull << below(random, 52);
    case 6: /* few bits: exact results, ties */
        return (value & 0x800f000000000000) | (uint64_t)(1000 + below(random, 60)) << 52;
    default: return value;
    }
}

static uint32_t random_single(Random *random)
{
    uint32_t value = (uint32_t)next(random);
    switch (below(random, 6)) {
    case 0:
    case 1: return PICK(random, corners_single) ^ (value & 1) << 31;
    case 2: return (value & 0x807fffff) | (127 - 32 + below(random, 64)) << 23;
    case 3: return value & 0x807fffff;
    case 4: return (value & 0x80780000) | (110 + below(random, 36)) << 23;
    default: return value;
    }
}

typedef enum {
    FLAVOUR_DOUBLE,
    FLAVOUR_SINGLE,
    FLAVOUR_QUAD,
    FLAVOUR_INTEGER,
    FLAVOUR_BYTES,
    FLAVOUR_WORDS,
    FLAVOUR_DECIMAL,
    FLAVOUR_SINGLE_AS_DOUBLE,
    FLAVOUR_RANDOM,
    FLAVOUR_COUNT,
} Flavour;

static uint64_t from_bytes(Random *random)
{
    static const uint8_t corners[] = { 0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x10, 0x0f };
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | (once_in(random, 2) ? PICK(random, corners) : (uint8_t)next(random));
    return value;
}

static uint64_t from_words(Random *random)
{
    uint64_t value = random_integer(random) << 32;
    return value | (uint32_t)random_integer(random);
}

/* Packed decimal: digits 0 to 9, rarely others; the last nibble of the register is a sign. */
static void make_decimal(Random *random, uint64_t *vsr)
{
    bool zoned = once_in(random, 4), national = !zoned && once_in(random, 4);
    unsigned digits = once_in(random, 3) ? 32 : below(random, 33);

    vsr[0] = vsr[1] = 0;
    for (unsigned i = 32 - digits; i < 32; i++) {
        uint64_t digit = once_in(random, 150) ? below(random, 16) : below(random, 10);
        if (once_in(random, 4))
            digit = 9;
        if (zoned && i % 2 == 0)
            digit = 3;
        if (national && i % 4 != 3)
            digit = i % 4 == 2 ? 3 : 0;
        vsr[i / 16] |= digit << (60 - 4 * (i % 16));
    }
    if (once_in(random, 5))
        vsr[1] &= ~0xffffull; /* short operands, zeros before the sign */
    static const uint8_t national_signs[] = { 0x2b, 0x2d };
    if (national)
        vsr[1] = (vsr[1] & ~0xffffull) | PICK(random, national_signs);
    else if (!zoned)
        vsr[1] =
            (vsr[1] & ~15ull) | (once_in(random, 30) ? below(random, 16) : 10 + below(random, 6));
}

static void make_vsr(Random *random, Flavour flavour, uint64_t *vsr)
{
    static const uint64_t lower[] = { 0, 0, 1, UINT64_MAX, 0x8000000000000000 };
    switch (flavour) {
    case FLAVOUR_DOUBLE:
        vsr[0] = random_double(random);
        vsr[1] = random_double(random);
        break;
    case FLAVOUR_SINGLE:
        vsr[0] = (uint64_t)random_single(random) << 32 | random_single(random);
        vsr[1] = (uint64_t)random_single(random) << 32 | random_single(random);
        break;
    case FLAVOUR_QUAD:
        vsr[0] = once_in(random, 2) ? PICK(random, corners_quad)
                                    : (next(random) & 0x8000ffffffffffff) |
                                          (uint64_t)(16383 - 130 + below(random, 260)) << 48;
        vsr[1] = once_in(random, 3) ? next(random) : PICK(random, lower);
        break;
    case FLAVOUR_INTEGER:
        vsr[0] = random_integer(random);
        vsr[1] = random_integer(random);
        break;
    case FLAVOUR_BYTES:
        vsr[0] = from_bytes(random);
        vsr[1] = from_bytes(random);
        break;
    case FLAVOUR_WORDS:
        vsr[0] = from_words(random);
        vsr[1] = from_words(random);
        break;
    case FLAVOUR_DECIMAL: make_decimal(random, vsr); break;
    case FLAVOUR_SINGLE_AS_DOUBLE: /* doubles that are representable as singles, or nearly */
        for (unsigned i = 0; i < 2; i++) {
            vsr[i] = (next(random) & 0x800fffffe0000000) |
                     (uint64_t)(1023 - 151 + below(random, 281)) << 52;
            if (once_in(random, 3))
                vsr[i] |= once_in(random, 2) ? 0x10000000 : 0x1fffffff;
        }
        break;
    default:
        vsr[0] = next(random);
        vsr[1] = next(random);
        break;
    }
}

static bool contains(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

/* The flavours that suit a row, by what its mnemonic tells of its operands. */
static Flavour choose_flavour(Random *random, const Row *row)
{
    const char *name = row->name;
    if (once_in(random, 6))
        return below(random, FLAVOUR_COUNT);
    if (g_str_has_prefix(name, "bcd") || contains(name, "mul10"))
        return FLAVOUR_DECIMAL;
    if (contains(name, "qp"))
        return once_in(random, 4) && contains(name, "dp") ? FLAVOUR_DOUBLE : FLAVOUR_QUAD;
    if (name[0] == 'f' || g_str_has_prefix(name, "xs"))
        return once_in(random, 4)   ? FLAVOUR_SINGLE_AS_DOUBLE
               : once_in(random, 8) ? FLAVOUR_INTEGER
                                    : FLAVOUR_DOUBLE;
    if (g_str_has_prefix(name, "xv") || contains(name, "fp"))
        return contains(name, "dp") && !(contains(name, "sp") && once_in(random, 2))
                   ? FLAVOUR_DOUBLE
                   : FLAVOUR_SINGLE;
    static const Flavour integers[] = { FLAVOUR_INTEGER, FLAVOUR_BYTES, FLAVOUR_WORDS,
                                        FLAVOUR_RANDOM };
    return PICK(random, integers);
}

static void make_vsrs(Random *random, const Row *row, Image *image)
{
    Flavour flavour = choose_flavour(random, row);
    for (unsigned i = 0; i < 64; i++)
        make_vsr(random, once_in(random, 16) ? below(random, FLAVOUR_COUNT) : flavour,
                 image->vsr[i]);
}

/* Status bits consistent with each other, and no enabled exception pending. */
static uint64_t make_fpscr(Random *random, unsigned rounding)
{
    enum { INVALID = 0x01f80700, VX = 0x20000000, FX = 0x80000000 };
    uint64_t value = rounding;

    if (once_in(random, 2))
        value |= next(random) & (FX | 0x1e000000 | INVALID | 0x7f000);
    if (once_in(random, 4))
        value |= next(random) & 0xf8;
    if (once_in(random, 8))
        value |= next(random) & 0x700000000ull;
    /* VE OE UE ZE XE enable invalid, OX, UX, ZX and XX. */
    if (value & 0x80)
        value &= ~(uint64_t)INVALID;
    for (unsigned i = 0; i < 4; i++)
        if (value & 0x40u >> i)
            value &= ~(0x10000000ull >> i);
    return value & INVALID ? value | VX : value;
}

/* What a 32-bit model does not have is zero. */
static void narrow(const Row *row, Image *image)
{
    if (!(row->flags & ROW_NARROW))
        return;
    image->fpscr = (uint32_t)image->fpscr;
    image->xer &= 0xe000007f;
    image_narrow(image);
}

static void make_registers(Random *random, const Row *row, unsigned rounding, Image *image)
{
    for (unsigned i = 0; i < 32; i++)
        image->gpr[i] = random_integer(random);
    if (once_in(random, 8)) /* equal operands */
        for (unsigned i = 1; i < 32; i += 2)
            image->gpr[i] = image->gpr[i - 1];
    make_vsrs(random, row, image);
    image->fpscr = make_fpscr(random, rounding);
    image->cr = (uint32_t)next(random);
    image->xer = next(random) & 0xe00c0000;
    image->xer |= below(random, 4) ? below(random, 20) : below(random, 128);
    image->lr = random_integer(random);
    image->ctr = random_integer(random);
    image->tar = random_integer(random);
    image->vscr[1] = next(random) & 0x00010001;
    image->vrsave = (uint32_t)next(random);
    for (unsigned i = 0; i < WINDOW_SIZE; i += 16) {
        uint64_t values[2];
        make_vsr(random, below(random, FLAVOUR_COUNT), values);
        memcpy(image->window + i, values, 16);
    }
}

/* --- storage -----------------------------------------------------------------------------------
 */

static bool has_field(const Row *row, FieldKind kind)
{
    return memchr(row->fields, kind, sizeof row->fields);
}

static unsigned field_t(uint32_t word)
{
    return word >> 21 & 31;
}

static unsigned field_a(uint32_t word)
{
    return word >> 16 & 31;
}

static unsigned field_b(uint32_t word)
{
    return word >> 11 & 31;
}

static uint32_t with_a(uint32_t word, unsigned a)
{
    return (word & ~(31u << 16)) | a << 16;
}

static uint32_t with_b(uint32_t word, unsigned b)
{
    return (word & ~(31u << 11)) | b << 11;
}

/* An address in the window with room for 128 bytes; often just before the page boundary. */
static uint64_t choose_address(Random *random, const Row *row)
{
    uint64_t address = WINDOW + 64 + below(random, 256);
    if (once_in(random, 4))
        address = WINDOW + WINDOW_SIZE / 2 - below(random, 17);
    bool must_align = has_field(row, FIELD_FC) || (row->flags & (ROW_RESERVE | ROW_CONDITIONAL)) ||
                      (row->flags & ROW_EVEN);
    if (row->flags & ROW_WORDS)
        address &= ~3ull;
    if (row->size && (must_align || once_in(random, 2)))
        address &= ~(uint64_t)(row->size - 1);
    return address;
}

static int64_t displacement(const Row *row, uint32_t word)
{
    if (has_field(row, FIELD_D))
        return (int16_t)word;
    if (has_field(row, FIELD_DS))
        return (int16_t)(word & 0xfffc);
    return has_field(row, FIELD_DQ) ? (int16_t)(word & 0xfff0) : 0;
}

/* Neither 0 nor one of the others. */
static unsigned free_register(Random *random, unsigned other, unsigned another)
{
    unsigned n;
    do
        n = 1 + below(random, 31);
    while (n == other || n == another);
    return n;
}

static void set_length(Random *random, uint32_t word, Image *image)
{
    uint64_t length = once_in(random, 6) ? next(random) : below(random, 20);
    image->gpr[field_b(word)] = length << 56 | (next(random) & 0x00ffffffffffffff);
}

/* Function codes of the atomics; the operands must lie in one block of 32 bytes. */
static uint32_t set_function(Random *random, const Row *row, uint32_t word)
{
    static const uint8_t loads[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 25, 28 };
    static const uint8_t stores[] = { 0, 1, 2, 3, 4, 5, 6, 7, 24 };
    return with_b(word, row->name[0] == 'l' ? PICK(random, loads) : PICK(random, stores));
}

static uint32_t make_address(Random *random, const Row *row, uint32_t word, Image *image)
{
    uint64_t target = choose_address(random, row);
    uint64_t half = row->flags & ROW_NARROW ? 0x80000000 : 0x8000000000000000;
    bool update = has_field(row, FIELD_UPDATE);
    unsigned t = has_field(row, FIELD_TARGET) ? field_t(word) : 0;

    if (has_field(row, FIELD_FC)) {
        target = (target & ~31ull) | (8 + below(random, 2) * 8);
        word = set_function(random, row, word);
    }
    if (update && once_in(random, 40)) /* an invalid form */
        word = with_a(word, once_in(random, 2) ? 0 : t);
    else if (update || row->flags & ROW_EVEN || !has_field(row, FIELD_INDEX) ||
             row->flags & ROW_LENGTH)
        word =
            with_a(word, free_register(random, t, has_field(row, FIELD_INDEX) ? field_b(word) : 0));

    if (!has_field(row, FIELD_INDEX) || row->flags & ROW_LENGTH) {
        image->gpr[field_a(word)] = target - (uint64_t)displacement(row, word);
        if (row->flags & ROW_LENGTH)
            set_length(random, word, image);
        return word;
    }
    if ((row->flags & ROW_EVEN) && field_b(word) == t)
        word = with_b(word, free_register(random, t, field_a(word)));
    if (field_a(word) == 0) {
        image->gpr[field_b(word)] = target;
    } else if (field_a(word) == field_b(word)) {
        image->gpr[field_a(word)] = target / 2 + (next(random) & 1) * half;
    } else {
        if (once_in(random, 2))
            image->gpr[field_b(word)] = below(random, 4096);
        image->gpr[field_a(word)] = target - image->gpr[field_b(word)];
    }
    return word;
}

/* A load and reserve of the same size goes before a store conditional, but not always. */
static void make_reservation(Random *random, const Row *row, uint32_t word, Image *image)
{
    static const uint16_t opcode[] = { [1] = 52, [2] = 116, [4] = 20, [8] = 84, [16] = 276 };
    unsigned t;

    image->code[1] = word;
    image->code[0] = 0x60000000;
    if (once_in(random, 5))
        return;
    do
        t = 2 * (1 + below(random, 15));
    while (t == field_a(word) || t == field_b(word) || t == field_t(word) ||
           t + 1 == field_a(word) || t + 1 == field_b(word) || t + 1 == field_t(word));
    unsigned size = once_in(random, 12) ? 4 : row->size;
    image->code[0] = 31u << 26 | t << 21 | (word & 0x001ff800) | (uint32_t)opcode[size] << 1;
}

/* --- branches and special registers --------------------------------------------------------------
 */

static uint64_t choose_pad(Random *random)
{
    uint64_t start = once_in(random, 2) ? PADS_LOW : PADS_HIGH;
    return start + below(random, PADS_EACH) * PAD_SIZE;
}

static uint32_t make_branch(Random *random, const Row *row, uint32_t word, uint64_t address,
                            Image *image)
{
    static const uint64_t counts[] = { 0, 1, 2, 0x100000000, 0x100000001, UINT64_MAX };
    uint64_t pad = choose_pad(random), base = word & 2 ? 0 : address;

    image->ctr = once_in(random, 4) ? next(random) : PICK(random, counts);
    if (has_field(row, FIELD_LI))
        return (word & ~0x03fffffcu) | ((uint32_t)(pad - base) & 0x03fffffc);
    if (has_field(row, FIELD_BD)) {
        if (base == 0 && pad > 0x7fff)
            pad = PADS_LOW + pad % (PADS_EACH * PAD_SIZE);
        return (word & ~0xfffcu) | ((uint32_t)(pad - base) & 0xfffc);
    }
    pad |= below(random, 4);
    if (contains(row->name, "bclr"))
        image->lr = pad;
    else if (contains(row->name, "bctar"))
        image->tar = pad;
    else
        image->ctr = pad;
    return word;
}

/* Registers that both sides show alike; the time base is not among them. */
static uint32_t make_spr(Random *random, const Row *row, uint32_t word)
{
    static const uint16_t numbers[] = { 1, 8, 9, 256, 815 };
    /* The last are the performance monitor's names for problem state, which may only read them. */
    static const uint16_t narrow_numbers[] = { 1,   8,   9,   256, 1,   8,   9,   256, 928,
                                               929, 930, 936, 937, 938, 939, 940, 941, 942 };
    unsigned number =
        row->flags & ROW_NARROW ? PICK(random, narrow_numbers) : PICK(random, numbers);
    return (word & ~0x001ff800u) | (number & 31) << 16 | number >> 5 << 11;
}

/*
 * Values of fields that are not tried: reserved ones, whose meaning is ours to define, and some
 * that the emulator refuses. The bits are kept zero.
 */
static uint32_t untried(const Row *row)
{
    static const struct {
        const char *name;
        uint32_t bits;
        uint16_t flags; /* only of rows with these */
    } fields[] = {
        { "addex", 0x00000600, 0 },           /* CY other than 0 */
        { "dcbf", 0x00400000, 0 },            /* L of 2 and 3 */
        { "mtfsf", 0x02010000, ROW_NARROW },  /* L and W: ignored */
        { "mtfsf.", 0x02010000, ROW_NARROW }, /* likewise */
        { "mtfsfi", 0x00010000, ROW_NARROW }, /* W */
        { "mtfsfi.", 0x00010000, ROW_NARROW },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (!strcmp(fields[i].name, row->name) && (row->flags & fields[i].flags) == fields[i].flags)
            return fields[i].bits;
    return 0;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
    return hash;
}

/* Registers with few distinct numbers now and then, so that operands coincide. */
static uint32_t make_word(Random *random, const Row *row)
{
    uint32_t bits = (uint32_t)next(random);
    if (once_in(random, 8)) {
        unsigned n = below(random, 32);
        bits = (bits & ~0x03fff800u) | n << 21 | n << 16 | (once_in(random, 2) ? n : 0) << 11;
    }
    bits = row->value | (bits & ~row->mask & ~row->ignored & ~untried(row));
    return row->flags & ROW_EVEN ? bits & ~(1u << 21) : bits;
}

void generate_case(const Row *row, uint64_t seed, uint64_t number, uint64_t address,
                   bool little_endian, Image *image)
{
    Random random = { seed * 0x2545f4914f6cdd1dull ^ hash_name(row->name) ^ number << 20 };

    memset(image, 0, sizeof *image);
    next(&random);
    make_registers(&random, row, number & 3, image);
    uint32_t word = make_word(&random, row);
    if (row->flags & (ROW_LOAD | ROW_STORE))
        word = make_address(&random, row, word, image);
    if (row->flags & ROW_BRANCH)
        word = make_branch(&random, row, word, address, image);
    if (has_field(row, FIELD_SPR))
        word = make_spr(&random, row, word);
    image->code[0] = word;
    image->code[1] = 0x60000000;
    if (row->flags & ROW_CONDITIONAL)
        make_reservation(&random, row, word, image);
    narrow(row, image);
}
