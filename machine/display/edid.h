/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor says of itself (VESA Enhanced EDID 1.4): made for any size.
 */
#ifndef MACHINE_DISPLAY_EDID_H
#define MACHINE_DISPLAY_EDID_H

#include <stdint.h>

#define EDID_SIZE 128

/* A monitor whose preferred mode is WIDTH by HEIGHT (up to 4,095 each) at 60 Hz. */
void edid_make(uint8_t edid[EDID_SIZE], unsigned width, unsigned height);

#endif
