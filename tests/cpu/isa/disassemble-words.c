/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the text of each big-endian word of standard input, the first being at address 0. */
#include <stdio.h>
#include <string.h>

#include "machine/cpu/disassemble.h"
#include "machine/cpu/isa.h"

int main(int argc, char **argv)
{
    uint32_t word;
    uint64_t address = 0;
    if (argc != 2 || (strcmp(argv[1], "p9") && strcmp(argv[1], "g4"))) {
        fprintf(stderr, "usage: disassemble-words p9|g4 < words\n");
        return 2;
    }
    unsigned families = strcmp(argv[1], "p9") ? FAMILY_G4 : FAMILY_P9;
    for (; fread(&word, sizeof(word), 1, stdin) == 1; address += 4) {
        g_autofree char *text = disassemble(GUINT32_FROM_BE(word), address, families);
        puts(text);
    }
    return 0;
}
