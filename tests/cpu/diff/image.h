/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The complete state around one tested instruction, in the host's byte order.
 *
 * The struct has the layout of layout.h, so that moving it to and from the guest is a matter of
 * byte order only. Fields have names ("gpr3", "vsr40", "fpscr", "cr", "window"), which vectors,
 * known differences and reports share; a name may be followed by a dot and a bit's name
 * ("fpscr.FI", "xer.CA32") or by ".d0" and ".d1" for the doublewords of a vsr.
 */
#ifndef TESTS_CPU_DIFF_IMAGE_H
#define TESTS_CPU_DIFF_IMAGE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/cpu/diff/layout.h"

typedef struct {
    uint64_t gpr[32];
    uint64_t vsr[64][2];
    uint64_t fpscr, cr, xer, lr, ctr, tar;
    uint64_t vscr[2]; /* as a vector register: NJ and SAT are in the last word */
    uint64_t vrsave;
    uint64_t slot, landing, signal, nip;
    uint32_t code[2];
    uint64_t padding[18];
    uint8_t window[WINDOW_SIZE];
} Image;

/* Copies FROM to the guest's bytes at TO, or back. */
void image_to_guest(const Image *from, void *to, bool little_endian);
void image_from_guest(const void *from, Image *to, bool little_endian);

/* Clears what a 32-bit processor does not have. */
void image_narrow(Image *image);

/* The bits in which A and B differ outside MASK; whether there are any. */
bool image_differ(const Image *a, const Image *b, const Image *mask, Image *difference);

/*
 * Ones in the bits that NAME means. In names of registers "T", "A", "B", "C" stand for the
 * operand fields of WORD ("gprT", "vsrT.d0"; the extension bit of VSX targets is honoured by
 * "vsxT"). False: no such name.
 */
bool image_name_mask(const char *name, uint32_t word, Image *mask);

/* Sets the field NAME to the hexadecimal VALUE (window: bytes from the start, or window+OFFSET). */
bool image_set(Image *image, const char *name, const char *value, GError **error);

/* One line for each field of which DIFFERENCE has bits: name, both values, names of the bits. */
char *image_describe_difference(const Image *ours, const Image *theirs, const Image *difference);

/* The names of the fields in which DIFFERENCE has bits, registers by kind only. */
char *image_summarise_difference(const Image *difference);

/* Name=value pairs of what in A is not in B; for writing vectors. */
char *image_describe_inputs(const Image *a, const Image *b);

#endif
