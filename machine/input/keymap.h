/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard layouts: which key, with which modifiers, gives an X11 keysym in the guest. They come
 * from the files in keymaps/.
 */
#ifndef MACHINE_INPUT_KEYMAP_H
#define MACHINE_INPUT_KEYMAP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { KEYMAP_SHIFT = 1, KEYMAP_ALTGR = 2 };

typedef struct {
    uint32_t keysym;
    uint8_t key;       /* Linux' code */
    uint8_t modifiers; /* KEYMAP_SHIFT, KEYMAP_ALTGR */
} KeymapRow;

typedef struct {
    const char *name;
    const KeymapRow *rows; /* by keysym */
    unsigned count;
} Keymap;

extern const Keymap keymap_tables[]; /* ends with a NULL name; "common" is not a layout */

/* A layout by name, or NULL. */
const Keymap *keymap_find(const char *name);
/* The names of all layouts, for messages; the caller frees it. */
char *keymap_names(void);
/* NULL when the layout has no way to give KEYSYM. */
const KeymapRow *keymap_lookup(const Keymap *keymap, uint32_t keysym);
/* Whether KEYSYM is a character, rather than a key with a function. */
bool keysym_is_character(uint32_t keysym);

#define KEYMAP_STROKES_MAX 2
/*
 * The keys, one after the other, that type the Unicode character C: a key, or a dead key and
 * another. 0 when the layout has no way to type it.
 */
unsigned keymap_strokes(const Keymap *keymap, gunichar c, const KeymapRow *out[KEYMAP_STROKES_MAX]);

#endif
