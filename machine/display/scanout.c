/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/display/scanout.h"

#include <string.h>

static unsigned bytes_per_pixel(ScanoutFormat format)
{
    static const unsigned bytes[] = {
        [SCANOUT_INDEXED8] = 1, [SCANOUT_RGB555] = 2,   [SCANOUT_RGB565] = 2,
        [SCANOUT_RGB888] = 3,   [SCANOUT_XRGB8888] = 4, [SCANOUT_XBGR8888] = 4,
    };
    return bytes[format];
}

/* N bits from bit FIRST on, stretched to eight. */
static uint32_t channel(uint32_t pixel, unsigned first, unsigned n)
{
    uint32_t value = pixel >> first & ((1u << n) - 1);
    return value << (8 - n) | value >> (2 * n - 8);
}

static uint32_t colour(const Scanout *scanout, uint32_t pixel)
{
    const uint8_t *entry = scanout->palette[pixel & 255];
    switch (scanout->format) {
    case SCANOUT_INDEXED8: return (uint32_t)entry[0] << 16 | (uint32_t)entry[1] << 8 | entry[2];
    case SCANOUT_RGB555:
        return channel(pixel, 10, 5) << 16 | channel(pixel, 5, 5) << 8 | channel(pixel, 0, 5);
    case SCANOUT_RGB565:
        return channel(pixel, 11, 5) << 16 | channel(pixel, 5, 6) << 8 | channel(pixel, 0, 5);
    case SCANOUT_XBGR8888: return GUINT32_SWAP_LE_BE(pixel << 8);
    default: return pixel & 0xffffff;
    }
}

unsigned scanout_row_bytes(const Scanout *scanout)
{
    return scanout->width * bytes_per_pixel(scanout->format);
}

static uint32_t load_pixel(const uint8_t *at, unsigned bytes, bool is_big_endian)
{
    uint32_t pixel = 0;
    for (unsigned i = 0; i < bytes; i++)
        pixel |= (uint32_t)at[i] << 8 * (is_big_endian ? bytes - 1 - i : i);
    return pixel;
}

void scanout_row(const Scanout *scanout, const Memory *memory, unsigned y, uint32_t *out)
{
    const uint8_t *row =
        memory_device_data(memory) + scanout->offset + (uint64_t)y * scanout->pitch;
    unsigned bytes = bytes_per_pixel(scanout->format);
    g_assert(y < scanout->height);
    if (scanout->is_blank) {
        memset(out, 0, 4 * scanout->width);
        return;
    }
    for (unsigned x = 0; x < scanout->width; x++)
        out[x] = colour(scanout, load_pixel(row + x * bytes, bytes, scanout->is_big_endian));
}

static bool row_is_dirty(const Scanout *scanout, const Memory *memory, uint32_t since, unsigned y)
{
    uint64_t start = memory->size + scanout->offset + (uint64_t)y * scanout->pitch;
    uint64_t end = start + scanout_row_bytes(scanout) - 1;
    for (uint64_t page = start >> MEMORY_PAGE_BITS; page <= end >> MEMORY_PAGE_BITS; page++)
        if (memory->page_mark[page] > since)
            return true;
    return false;
}

bool scanout_dirty_rows(const Scanout *scanout, const Memory *memory, uint32_t since,
                        unsigned *first, unsigned *last)
{
    unsigned top = 0, bottom = scanout->height;
    while (top < bottom && !row_is_dirty(scanout, memory, since, top))
        top++;
    if (top == bottom)
        return false;
    while (!row_is_dirty(scanout, memory, since, bottom - 1))
        bottom--;
    *first = top;
    *last = bottom - 1;
    return true;
}

bool scanout_equal(const Scanout *a, const Scanout *b)
{
    bool same_place = a->width == b->width && a->height == b->height && a->pitch == b->pitch &&
                      a->offset == b->offset;
    return same_place && a->format == b->format && a->is_big_endian == b->is_big_endian &&
           a->is_blank == b->is_blank && a->version == b->version &&
           (a->format != SCANOUT_INDEXED8 || !memcmp(a->palette, b->palette, sizeof a->palette));
}
