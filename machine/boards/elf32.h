/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a 32-bit big-endian PowerPC ELF executable into guest memory.
 */
#ifndef MACHINE_BOARDS_ELF32_H
#define MACHINE_BOARDS_ELF32_H

#include "machine/boards/elf.h"

/*
 * Loads the executable in FD: each segment goes to its p_paddr and must end at or below LIMIT.
 * Nothing is stored when it fails for the format.
 */
bool elf32_load(int fd, uint64_t limit, ElfStore store, void *opaque, ElfImage *image,
                GError **error);

#endif
