/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/input/keymap.h"

#include <string.h>

#define COMMON          "common"
#define KEYSYM_UNICODE  0x01000000u /* and the character's code */
#define KEYSYM_EURO     0x20acu     /* from before there were such */
#define KEYSYM_ENTER    0xff0du
#define KEYSYM_FUNCTION 0xfd00u /* to 0xffff: keys that are no characters */

static const Keymap *find(const char *name)
{
    for (const Keymap *keymap = keymap_tables; keymap->name; keymap++)
        if (!strcmp(keymap->name, name))
            return keymap;
    return NULL;
}

const Keymap *keymap_find(const char *name)
{
    return strcmp(name, COMMON) ? find(name) : NULL;
}

char *keymap_names(void)
{
    GString *names = g_string_new(NULL);
    for (const Keymap *keymap = keymap_tables; keymap->name; keymap++)
        if (strcmp(keymap->name, COMMON))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", keymap->name);
    return g_string_free(names, FALSE);
}

static const KeymapRow *search(const Keymap *keymap, uint32_t keysym)
{
    unsigned low = 0, high = keymap->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (keymap->rows[middle].keysym < keysym)
            low = middle + 1;
        else
            high = middle;
    }
    return low < keymap->count && keymap->rows[low].keysym == keysym ? &keymap->rows[low] : NULL;
}

static uint32_t normal_keysym(uint32_t keysym)
{
    if (keysym == KEYSYM_EURO)
        return KEYSYM_UNICODE | keysym;
    bool is_latin1 = keysym >= KEYSYM_UNICODE && keysym < KEYSYM_UNICODE + 0x100;
    return is_latin1 ? keysym - KEYSYM_UNICODE : keysym;
}

const KeymapRow *keymap_lookup(const Keymap *keymap, uint32_t keysym)
{
    const KeymapRow *row = search(keymap, normal_keysym(keysym));
    return row ? row : search(find(COMMON), normal_keysym(keysym));
}

bool keysym_is_character(uint32_t keysym)
{
    return keysym < KEYSYM_FUNCTION || (keysym >= KEYSYM_UNICODE && keysym < 0x01110000) ||
           (keysym >= 0xfe50 && keysym <= 0xfe6f); /* dead keys */
}

static uint32_t keysym_of(gunichar c)
{
    switch (c) {
    case '\n':
    case '\r': return KEYSYM_ENTER;
    case '\b': return 0xff08;
    case '\t': return 0xff09;
    case 0x1b: return 0xff1b;
    case 0x7f: return 0xffff;
    default: return c < 0x100 ? c : KEYSYM_UNICODE + c;
    }
}

static const struct {
    gunichar mark, spacing; /* combining, and standing alone */
    uint32_t keysym;
} accents[] = {
    { 0x300, '`', 0xfe50 }, { 0x301, 0xb4, 0xfe51 }, { 0x302, '^', 0xfe52 },
    { 0x303, '~', 0xfe53 }, { 0x308, 0xa8, 0xfe57 },
};

unsigned keymap_strokes(const Keymap *keymap, gunichar c, const KeymapRow *out[KEYMAP_STROKES_MAX])
{
    gunichar base, mark;
    out[0] = keymap_lookup(keymap, keysym_of(c));
    if (out[0])
        return 1;
    if (!g_unichar_decompose(c, &base, &mark) || !mark)
        base = mark = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(accents); i++) {
        bool stands_alone = accents[i].spacing == c;
        if (!stands_alone && (!mark || accents[i].mark != mark))
            continue;
        out[0] = keymap_lookup(keymap, accents[i].keysym);
        out[1] = keymap_lookup(keymap, keysym_of(stands_alone ? ' ' : base));
        return out[0] && out[1] ? 2 : 0;
    }
    return 0;
}
