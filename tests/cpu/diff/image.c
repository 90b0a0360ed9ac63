/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

G_STATIC_ASSERT(sizeof(Image) == STATE_SIZE);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, vsr) == STATE_VSR);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, fpscr) == STATE_FPSCR);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, tar) == STATE_TAR);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, vscr) == STATE_VSCR);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, vrsave) == STATE_VRSAVE);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, nip) == STATE_NIP);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, code) == STATE_CODE);
G_STATIC_ASSERT(G_STRUCT_OFFSET(Image, window) == STATE_WINDOW);

/* Everything before the code is doublewords. */
#define DOUBLES (STATE_CODE / 8)

typedef struct {
    const char *field, *bit;
    uint64_t mask;
} BitName;

static const BitName bit_names[] = {
    { "fpscr", "FX", 0x80000000 },     { "fpscr", "FEX", 0x40000000 },
    { "fpscr", "VX", 0x20000000 },     { "fpscr", "OX", 0x10000000 },
    { "fpscr", "UX", 0x08000000 },     { "fpscr", "ZX", 0x04000000 },
    { "fpscr", "XX", 0x02000000 },     { "fpscr", "VXSNAN", 0x01000000 },
    { "fpscr", "VXISI", 0x00800000 },  { "fpscr", "VXIDI", 0x00400000 },
    { "fpscr", "VXZDZ", 0x00200000 },  { "fpscr", "VXIMZ", 0x00100000 },
    { "fpscr", "VXVC", 0x00080000 },   { "fpscr", "FR", 0x00040000 },
    { "fpscr", "FI", 0x00020000 },     { "fpscr", "FPRF", 0x0001f000 },
    { "fpscr", "bit52", 0x00000800 },  { "fpscr", "VXSOFT", 0x00000400 },
    { "fpscr", "VXSQRT", 0x00000200 }, { "fpscr", "VXCVI", 0x00000100 },
    { "fpscr", "VE", 0x00000080 },     { "fpscr", "OE", 0x00000040 },
    { "fpscr", "UE", 0x00000020 },     { "fpscr", "ZE", 0x00000010 },
    { "fpscr", "XE", 0x00000008 },     { "fpscr", "NI", 0x00000004 },
    { "fpscr", "RN", 0x00000003 },     { "fpscr", "DRN", 0x700000000 },
    { "xer", "SO", 0x80000000 },       { "xer", "OV", 0x40000000 },
    { "xer", "CA", 0x20000000 },       { "xer", "OV32", 0x00080000 },
    { "xer", "CA32", 0x00040000 },     { "xer", "count", 0x0000007f },
    { "cr", "CR0", 0xf0000000 },       { "cr", "CR1", 0x0f000000 },
    { "cr", "CR6", 0x000000f0 },       { "vscr", "NJ", 0x00010000 },
    { "vscr", "SAT", 0x00000001 },
};

static const struct {
    const char *name;
    size_t offset;
} singles[] = {
    { "fpscr", G_STRUCT_OFFSET(Image, fpscr) },     { "cr", G_STRUCT_OFFSET(Image, cr) },
    { "xer", G_STRUCT_OFFSET(Image, xer) },         { "lr", G_STRUCT_OFFSET(Image, lr) },
    { "ctr", G_STRUCT_OFFSET(Image, ctr) },         { "tar", G_STRUCT_OFFSET(Image, tar) },
    { "vscr", G_STRUCT_OFFSET(Image, vscr) + 8 },   { "vrsave", G_STRUCT_OFFSET(Image, vrsave) },
    { "landing", G_STRUCT_OFFSET(Image, landing) }, { "signal", G_STRUCT_OFFSET(Image, signal) },
    { "nip", G_STRUCT_OFFSET(Image, nip) },
};

static void convert(const uint8_t *from, uint8_t *to, bool little_endian)
{
    bool swap = little_endian != (G_BYTE_ORDER == G_LITTLE_ENDIAN);

    memcpy(to, from, STATE_SIZE);
    if (!swap)
        return;
    for (size_t i = 0; i < DOUBLES; i++)
        for (size_t j = 0; j < 8; j++)
            to[8 * i + j] = from[8 * i + 7 - j];
    for (size_t i = STATE_CODE; i < STATE_CODE + 8; i += 4)
        for (size_t j = 0; j < 4; j++)
            to[i + j] = from[i + 3 - j];
}

void image_to_guest(const Image *from, void *to, bool little_endian)
{
    convert((const uint8_t *)from, to, little_endian);
}

void image_from_guest(const void *from, Image *to, bool little_endian)
{
    convert(from, (uint8_t *)to, little_endian);
}

void image_narrow(Image *image)
{
    for (unsigned i = 0; i < 32; i++) {
        image->gpr[i] = (uint32_t)image->gpr[i];
        image->vsr[i][1] = 0;
    }
    image->lr = (uint32_t)image->lr;
    image->ctr = (uint32_t)image->ctr;
    image->tar = 0;
}

bool image_differ(const Image *a, const Image *b, const Image *mask, Image *difference)
{
    const uint64_t *from_a = (const uint64_t *)a, *from_b = (const uint64_t *)b;
    const uint64_t *ignored = (const uint64_t *)mask;
    uint64_t *to = (uint64_t *)difference, any = 0;

    for (size_t i = 0; i < STATE_SIZE / 8; i++)
        any |= to[i] = (from_a[i] ^ from_b[i]) & ~ignored[i];
    return any;
}

/* --- names -------------------------------------------------------------------------------------
 */

/* A register number: digits, or a letter for a field of WORD. */
static bool parse_number(const char **at, uint32_t word, bool vsx, unsigned *number)
{
    static const char letters[] = "TABC";
    const char *letter = **at ? strchr(letters, **at) : NULL;

    if (letter) {
        unsigned field = (unsigned)(letter - letters);
        static const uint8_t extension[] = { 0, 2, 1, 3 }; /* TX is bit 31, AX 29, BX 30, CX 28 */
        *number = (word >> (21 - 5 * field)) & 31;
        if (vsx)
            *number |= (word >> extension[field] & 1) << 5;
        (*at)++;
        return true;
    }
    char *end;
    *number = (unsigned)strtoul(*at, &end, 10);
    bool ok = end != *at;
    *at = end;
    return ok;
}

static bool mask_of_vsr(const char *rest, unsigned number, Image *mask)
{
    if (number > 63)
        return false;
    if (strcmp(rest, ".d1"))
        mask->vsr[number][0] = UINT64_MAX;
    if (strcmp(rest, ".d0"))
        mask->vsr[number][1] = UINT64_MAX;
    return !*rest || !strcmp(rest, ".d0") || !strcmp(rest, ".d1");
}

static bool mask_of_single(const char *name, Image *mask)
{
    const char *dot = strchr(name, '.');
    size_t length = dot ? (size_t)(dot - name) : strlen(name);

    for (size_t i = 0; i < G_N_ELEMENTS(singles); i++) {
        if (strlen(singles[i].name) != length || strncmp(singles[i].name, name, length))
            continue;
        uint64_t *field = (uint64_t *)((uint8_t *)mask + singles[i].offset);
        if (!dot) {
            *field = UINT64_MAX;
            return true;
        }
        for (size_t j = 0; j < G_N_ELEMENTS(bit_names); j++) {
            if (!strcmp(bit_names[j].field, singles[i].name) &&
                !strcmp(bit_names[j].bit, dot + 1)) {
                *field |= bit_names[j].mask;
                return true;
            }
        }
    }
    return false;
}

bool image_name_mask(const char *name, uint32_t word, Image *mask)
{
    const char *at = name + 3;
    unsigned number;

    if (!strcmp(name, "all")) {
        memset(mask, 0xff, sizeof *mask);
        return true;
    }
    if (!strcmp(name, "window")) {
        memset(mask->window, 0xff, sizeof mask->window);
        return true;
    }
    if (g_str_has_prefix(name, "gpr")) {
        if (!parse_number(&at, word, false, &number) || number > 31 || *at)
            return false;
        mask->gpr[number] = UINT64_MAX;
        return true;
    }
    if (g_str_has_prefix(name, "vsr") || g_str_has_prefix(name, "vsx") ||
        g_str_has_prefix(name, "vmx")) {
        if (!parse_number(&at, word, name[2] == 'x' && name[1] == 's', &number))
            return false;
        if (name[1] == 'm')
            number += 32;
        return mask_of_vsr(at, number, mask);
    }
    return mask_of_single(name, mask);
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool fail(GError **error, const char *name, const char *value)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "cannot set %s to \"%s\"", name, value);
    return false;
}

/* Hexadecimal, up to 32 digits, into two doublewords. */
static bool parse_hex(const char *text, uint64_t value[2])
{
    size_t length = strlen(text);
    value[0] = value[1] = 0;
    if (length == 0 || length > 32)
        return false;
    for (; *text; text++) {
        int digit = g_ascii_xdigit_value(*text);
        if (digit < 0)
            return false;
        value[0] = value[0] << 4 | value[1] >> 60;
        value[1] = value[1] << 4 | (unsigned)digit;
    }
    return true;
}

static bool set_window(Image *image, const char *name, const char *value)
{
    size_t at = name[6] == '+' ? strtoul(name + 7, NULL, 0) : 0, length = strlen(value);
    if (length % 2 || at + length / 2 > WINDOW_SIZE)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = g_ascii_xdigit_value(value[i]), low = g_ascii_xdigit_value(value[i + 1]);
        if (high < 0 || low < 0)
            return false;
        image->window[at + i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool image_set(Image *image, const char *name, const char *value, GError **error)
{
    uint64_t number[2];
    Image *mask = g_alloca(sizeof *mask);

    if (g_str_has_prefix(name, "window"))
        return set_window(image, name, value) || fail(error, name, value);
    memset(mask, 0, sizeof *mask);
    if (!parse_hex(value, number) || !image_name_mask(name, 0, mask))
        return fail(error, name, value);
    uint64_t *to = (uint64_t *)image, *ones = (uint64_t *)mask;
    bool is_pair = g_str_has_prefix(name, "vs") && !strchr(name, '.') && name[2] == 'r';
    for (size_t i = 0; i < DOUBLES; i++) {
        if (!ones[i])
            continue;
        if (is_pair) {
            to[i] = number[0];
            to[i + 1] = number[1];
            return true;
        }
        to[i] = (to[i] & ~ones[i]) | (number[1] * (ones[i] & -ones[i]) & ones[i]);
    }
    return true;
}

/* --- reports -----------------------------------------------------------------------------------
 */

static char *field_name(size_t index)
{
    if (index < STATE_VSR / 8)
        return g_strdup_printf("gpr%zu", index);
    if (index < STATE_FPSCR / 8) {
        index -= STATE_VSR / 8;
        return g_strdup_printf("vsr%zu.d%zu", index / 2, index % 2);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(singles); i++)
        if (singles[i].offset == 8 * index)
            return g_strdup(singles[i].name);
    return g_strdup_printf("+%zx", 8 * index);
}

static void append_bit_names(GString *to, const char *field, uint64_t bits)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bit_names); i++)
        if (!strcmp(bit_names[i].field, field) && (bits & bit_names[i].mask))
            g_string_append_printf(to, " %s", bit_names[i].bit);
}

char *image_describe_difference(const Image *ours, const Image *theirs, const Image *difference)
{
    const uint64_t *a = (const uint64_t *)ours, *b = (const uint64_t *)theirs;
    const uint64_t *bits = (const uint64_t *)difference;
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < DOUBLES; i++) {
        if (!bits[i])
            continue;
        g_autofree char *name = field_name(i);
        g_string_append_printf(text, "    %-9s ours %016" PRIx64 "  theirs %016" PRIx64 " ", name,
                               a[i], b[i]);
        append_bit_names(text, name, bits[i]);
        g_string_append_c(text, '\n');
    }
    for (size_t i = 0; i < WINDOW_SIZE; i++)
        if (difference->window[i])
            g_string_append_printf(text, "    window+0x%zx ours %02x  theirs %02x\n", i,
                                   ours->window[i], theirs->window[i]);
    return g_string_free(text, FALSE);
}

char *image_summarise_difference(const Image *difference)
{
    const uint64_t *bits = (const uint64_t *)difference;
    GString *text = g_string_new(NULL);
    uint64_t gpr = 0, d0 = 0, d1 = 0, window = 0;

    for (size_t i = 0; i < 32; i++)
        gpr |= difference->gpr[i];
    for (size_t i = 0; i < 64; i++)
        d0 |= difference->vsr[i][0], d1 |= difference->vsr[i][1];
    for (size_t i = 0; i < WINDOW_SIZE; i++)
        window |= difference->window[i];
    g_string_append_printf(text, "%s%s%s%s", gpr ? " gpr" : "", d0 ? " vsr.d0" : "",
                           d1 ? " vsr.d1" : "", window ? " window" : "");
    for (size_t i = STATE_FPSCR / 8; i < DOUBLES; i++) {
        if (!bits[i])
            continue;
        g_autofree char *name = field_name(i);
        g_string_append_printf(text, " %s", name);
        g_string_append(text, "(");
        append_bit_names(text, name, bits[i]);
        g_string_append(text, " )");
    }
    return g_string_free(text, FALSE);
}

char *image_describe_inputs(const Image *a, const Image *b)
{
    const uint64_t *from_a = (const uint64_t *)a, *from_b = (const uint64_t *)b;
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < DOUBLES; i++) {
        if (from_a[i] == from_b[i] || i == STATE_SLOT / 8)
            continue;
        g_autofree char *name = field_name(i);
        g_string_append_printf(text, " %s=%" PRIx64, name, from_a[i]);
    }
    for (size_t i = 0; i < WINDOW_SIZE; i++)
        if (a->window[i] != b->window[i])
            g_string_append_printf(text, " window+0x%zx=%02x", i, a->window[i]);
    return g_string_free(text, FALSE);
}
