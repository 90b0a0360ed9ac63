/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of the screen, and files made of it.
 */
#ifndef MACHINE_DISPLAY_IMAGE_H
#define MACHINE_DISPLAY_IMAGE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

typedef struct {
    unsigned width, height;
    uint32_t *pixels; /* 0x00RRGGBB, row after row without gaps */
} Image;

/* What the machine shows; NULL if it has no screen, or shows nothing. Machine thread. */
Image *image_of_machine(Machine *machine);
void image_free(Image *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)

/* The bytes of a file. */
GBytes *image_to_png(const Image *image);
GBytes *image_to_ppm(const Image *image);
/* SHA-256 of width and height (4 bytes each, big-endian) and of red, green, blue of each pixel, in
 * hexadecimal. The caller frees it. */
char *image_digest(const Image *image);

#endif
