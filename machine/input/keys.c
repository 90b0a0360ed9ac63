/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/input/keys.h"

#include <string.h>

static const struct {
    const char *name;
    uint8_t code;
} keys[] = {
#define KEY(name, code) { name, code },
#include "machine/input/keys.def"
#undef KEY
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

unsigned key_of_name(const char *name)
{
    for (unsigned i = 0; i < KEY_COUNT; i++)
        if (!strcmp(keys[i].name, name))
            return keys[i].code;
    return 0;
}

void key_each_name(void (*each)(const char *name, unsigned code, void *data), void *data)
{
    for (unsigned i = 0; i < KEY_COUNT; i++)
        each(keys[i].name, keys[i].code, data);
}

/* Linux took its codes up to 88 from scan code set 1; those after E0 are others. */
#define SET1_LAST 88

unsigned key_of_number(uint64_t number)
{
    static const uint8_t after_e0[][2] = {
        { 0x1c, 96 },  { 0x1d, 97 },  { 0x35, 98 },  { 0x37, 99 },  { 0x38, 100 },
        { 0x47, 102 }, { 0x48, 103 }, { 0x49, 104 }, { 0x4b, 105 }, { 0x4d, 106 },
        { 0x4f, 107 }, { 0x50, 108 }, { 0x51, 109 }, { 0x52, 110 }, { 0x53, 111 },
        { 0x5b, 125 }, { 0x5c, 126 }, { 0x5d, 127 }, { 0x20, 113 }, { 0x2e, 114 },
        { 0x30, 115 }, { 0x5e, 116 }, { 0x46, 119 }, { 0x5f, 142 }, { 0x63, 143 },
    };
    if (number >= 1 && number <= SET1_LAST)
        return (unsigned)number;
    for (unsigned i = 0; i < sizeof after_e0 / sizeof after_e0[0]; i++)
        if (number == (0x80u | after_e0[i][0]))
            return after_e0[i][1];
    return 0;
}
