/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys by the names and numbers of the API.
 */
#ifndef MACHINE_INPUT_KEYS_H
#define MACHINE_INPUT_KEYS_H

#include <stdint.h>

#define KEY_CODES 256u

enum { KEY_LEFT_SHIFT = 42, KEY_RIGHT_SHIFT = 54, KEY_RIGHT_ALT = 100 };

/* Linux' code of a key of keys.def; 0 if there is no such name. */
unsigned key_of_name(const char *name);
/* Of QEMU's number: scan code set 1, with 0x80 for codes that follow E0. 0 if no key has it. */
unsigned key_of_number(uint64_t number);
/* Calls EACH with every name, in order. */
void key_each_name(void (*each)(const char *name, unsigned code, void *data), void *data);

#endif
