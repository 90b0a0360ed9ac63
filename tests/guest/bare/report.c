/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guest/bare/report.h"

/* What the compiler calls on its own. */
void *memset(void *place, int value, unsigned long length);
void *memcpy(void *to, const void *from, unsigned long length);

void *memset(void *place, int value, unsigned long length)
{
    for (unsigned long i = 0; i < length; i++)
        ((volatile char *)place)[i] = (char)value;
    return place;
}

void *memcpy(void *to, const void *from, unsigned long length)
{
    for (unsigned long i = 0; i < length; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

static void print_hex(uintptr_t value)
{
    char text[20] = "0x";
    unsigned at = 2;
    for (int shift = 8 * sizeof value - 4; shift >= 0; shift -= 4)
        if (value >> shift || shift == 0)
            text[at++] = "0123456789abcdef"[value >> shift & 15];
    text[at] = 0;
    print(text);
}

void report(const char *name, bool pass, uintptr_t got, uintptr_t expected)
{
    print(pass ? "PASS " : "FAIL ");
    print(name);
    if (!pass) {
        print(" got ");
        print_hex(got);
        print(" expected ");
        print_hex(expected);
    }
    print("\n");
}

const char *named(const char *a, const char *b, const char *c)
{
    static char buffers[16][80];
    static unsigned next;
    const char *parts[] = { a, b, c };
    char *buffer = buffers[next++ & 15];
    unsigned at = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (i && *parts[i])
            buffer[at++] = '-';
        for (const char *p = parts[i]; *p && at < 78; p++)
            buffer[at++] = *p;
    }
    buffer[at] = 0;
    return buffer;
}

void expect_value(const char *name, uintptr_t got, uintptr_t expected)
{
    report(name, got == expected, got, expected);
}
