/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instruction text, as GNU objdump prints it with `-M raw` (no extended mnemonics).
 */
#ifndef MACHINE_CPU_DISASSEMBLE_H
#define MACHINE_CPU_DISASSEMBLE_H

#include <glib.h>
#include <stdint.h>

/*
 * The text of WORD at ADDRESS for a processor with FAMILIES (FAMILY_ bits); a word that is no
 * instruction is ".long 0x...". The caller frees it.
 */
char *disassemble(uint32_t word, uint64_t address, unsigned families);

#endif
