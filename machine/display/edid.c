/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EDID 1.4, VESA E-EDID release A revision 2: header, product, features, colours, established and
 * standard timings, four 18-byte descriptors, checksum.
 */
#include "machine/display/edid.h"

#include "machine/le.h"

#include <string.h>

/* Blanking as in VESA CVT with reduced blanking. */
enum {
    H_BLANK = 160,
    H_FRONT = 48,
    H_SYNC = 32,
    V_BLANK = 35,
    V_FRONT = 3,
    V_SYNC = 6,
    REFRESH = 60
};
#define DOTS_PER_10_CM 394 /* 100 dots per inch */

/* Two numbers of 12 bits: low bytes at AT, the high halves together behind them. */
static void put_pair(uint8_t *at, unsigned first, unsigned second)
{
    at[0] = (uint8_t)first;
    at[1] = (uint8_t)second;
    at[2] = (uint8_t)((first >> 8) << 4 | (second >> 8 & 15));
}

static unsigned millimetres(unsigned dots)
{
    return dots * 100 / DOTS_PER_10_CM;
}

static void detailed_timing(uint8_t *at, unsigned width, unsigned height)
{
    unsigned clock_10khz = (width + H_BLANK) * (height + V_BLANK) * REFRESH / 10000;
    le_put(at, 2, clock_10khz < 0xffff ? clock_10khz : 0xffff);
    put_pair(at + 2, width, H_BLANK);
    put_pair(at + 5, height, V_BLANK);
    at[8] = H_FRONT;
    at[9] = H_SYNC;
    at[10] = V_FRONT << 4 | V_SYNC;
    put_pair(at + 12, millimetres(width), millimetres(height));
    at[17] = 0x1a; /* digital separate sync, horizontal positive */
}

static void descriptor(uint8_t *at, uint8_t tag, const char *text)
{
    memset(at, 0, 18);
    at[3] = tag;
    if (text) {
        memset(at + 5, ' ', 13);
        memcpy(at + 5, text, strlen(text));
        at[5 + strlen(text)] = '\n';
    }
}

static void range_limits(uint8_t *at)
{
    static const uint8_t limits[] = { 50, 125, 30, 160, 66, 1 }; /* Hz, Hz, kHz, kHz, 10 MHz */
    descriptor(at, 0xfd, NULL);
    memcpy(at + 5, limits, sizeof limits);
    at[11] = '\n';
    memset(at + 12, ' ', 6);
}

void edid_make(uint8_t edid[EDID_SIZE], unsigned width, unsigned height)
{
    static const uint8_t header[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    /* "PPL" in five-bit letters, product 1, no serial number, week 0 of 2026, version 1.4. */
    static const uint8_t product[] = { 0x42, 0x0c, 1, 0, 0, 0, 0, 0, 0, 36, 1, 4 };
    /* sRGB primaries, as table 3.15 of the standard encodes them. */
    static const uint8_t colours[] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    uint8_t sum = 0;
    memset(edid, 0, EDID_SIZE);
    memcpy(edid, header, sizeof header);
    memcpy(edid + 8, product, sizeof product);
    edid[20] = 0xa5; /* digital, 8 bits for a colour, DisplayPort */
    edid[21] = (uint8_t)(millimetres(width) / 10);
    edid[22] = (uint8_t)(millimetres(height) / 10);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB, the preferred timing is the native one */
    memcpy(edid + 25, colours, sizeof colours);
    edid[35] = 0x21;          /* 640x480, 800x600 */
    edid[36] = 0x08;          /* 1024x768 */
    memset(edid + 38, 1, 16); /* no standard timings */
    detailed_timing(edid + 54, width, height);
    range_limits(edid + 72);
    descriptor(edid + 90, 0xfc, "Powerplay");
    descriptor(edid + 108, 0x10, NULL);
    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum = (uint8_t)(sum + edid[i]);
    edid[EDID_SIZE - 1] = (uint8_t)-sum;
}
