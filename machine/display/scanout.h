/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a display device shows: a rectangle of video memory and how its bytes become colours.
 *
 * Reading a screen changes nothing, and nothing here is state: all of it follows from the state of
 * the device and from its memory.
 */
#ifndef MACHINE_DISPLAY_SCANOUT_H
#define MACHINE_DISPLAY_SCANOUT_H

#include "machine/memory.h"

#define SCANOUT_PIXELS_MAX (4096u * 4096u)

typedef enum {
    SCANOUT_INDEXED8,
    SCANOUT_RGB555,
    SCANOUT_RGB565,
    SCANOUT_RGB888,
    SCANOUT_XRGB8888,
    SCANOUT_XBGR8888,
} ScanoutFormat;

typedef struct {
    unsigned width, height; /* pixels; 0: nothing is shown */
    unsigned pitch;         /* bytes from row to row */
    uint64_t offset;        /* of the first pixel, in device memory; all rows lie inside */
    ScanoutFormat format;
    bool is_big_endian;      /* byte order of a pixel */
    uint32_t version;        /* another one: memory was replaced behind its marks */
    bool is_blank;           /* black, whatever the memory holds */
    uint8_t palette[256][3]; /* red, green, blue; for SCANOUT_INDEXED8 */
} Scanout;

typedef struct Machine Machine;

/* The machine's screen; false if it has none. Machine thread. */
bool machine_scanout(Machine *machine, Scanout *scanout);

/* Of a row, without what the pitch has beyond it. */
unsigned scanout_row_bytes(const Scanout *scanout);
/* Row Y as 0x00RRGGBB numbers, scanout->width of them. */
void scanout_row(const Scanout *scanout, const Memory *memory, unsigned y, uint32_t *out);
/* The rows [*FIRST, *LAST] whose memory changed after epoch SINCE; false if none did. */
bool scanout_dirty_rows(const Scanout *scanout, const Memory *memory, uint32_t since,
                        unsigned *first, unsigned *last);
/* Whether both show the same memory in the same way. */
bool scanout_equal(const Scanout *a, const Scanout *b);

#endif
