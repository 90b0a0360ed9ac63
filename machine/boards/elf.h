/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a 64-bit PowerPC ELF executable into guest memory.
 */
#ifndef MACHINE_BOARDS_ELF_H
#define MACHINE_BOARDS_ELF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define ELF_ERROR (elf_error_quark())
GQuark elf_error_quark(void);

typedef enum ElfError {
    ELF_ERROR_FORMAT, /* not a 64-bit PowerPC executable */
    ELF_ERROR_TRUNCATED,
    ELF_ERROR_SPACE, /* does not fit where it should go */
    ELF_ERROR_IO,
} ElfError;

typedef struct ElfImage {
    bool little_endian;
    uint64_t entry; /* guest-physical, placed */
    uint64_t low;   /* guest-physical bounds of all segments, placed; high is exclusive */
    uint64_t high;
} ElfImage;

/* Stores LENGTH bytes at guest-physical ADDRESS; the range has been checked against the limit. */
typedef void (*ElfStore)(void *opaque, uint64_t address, const void *data, uint64_t length);

/*
 * Loads the executable in FD: each segment goes to (p_paddr & ADDRESS_MASK) + BASE, and must end at
 * or below LIMIT. Bytes beyond a segment's file size are left as they are (guest memory starts as
 * zero). Reads by offset: the position of FD stays. Nothing is stored when it fails for the format.
 */
bool elf_load(int fd, uint64_t address_mask, uint64_t base, uint64_t limit, ElfStore store,
              void *opaque, ElfImage *image, GError **error);

#endif
