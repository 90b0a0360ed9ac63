/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/display/image.h"

#include <png.h>

#include "machine/display/scanout.h"

Image *image_of_machine(Machine *machine)
{
    Scanout scanout;
    if (!machine_scanout(machine, &scanout) || !scanout.width)
        return NULL;
    Image *image = g_new(Image, 1);
    *image = (Image){ scanout.width, scanout.height, NULL };
    image->pixels = g_new(uint32_t, (gsize)scanout.width * scanout.height);
    for (unsigned y = 0; y < scanout.height; y++)
        scanout_row(&scanout, machine_memory(machine), y, image->pixels + (gsize)y * scanout.width);
    return image;
}

void image_free(Image *image)
{
    if (!image)
        return;
    g_free(image->pixels);
    g_free(image);
}

static void put_pixels(uint8_t *out, const uint32_t *pixels, gsize count)
{
    for (gsize i = 0; i < count; i++, out += 3) {
        out[0] = (uint8_t)(pixels[i] >> 16);
        out[1] = (uint8_t)(pixels[i] >> 8);
        out[2] = (uint8_t)pixels[i];
    }
}

/* Red, green, blue of all pixels behind HEADER. */
static GByteArray *flatten(const Image *image, const void *header, gsize header_size)
{
    gsize count = (gsize)image->width * image->height;
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, (guint)(header_size + 3 * count));
    memcpy(bytes->data, header, header_size);
    put_pixels(bytes->data + header_size, image->pixels, count);
    return bytes;
}

GBytes *image_to_ppm(const Image *image)
{
    g_autofree char *header = g_strdup_printf("P6\n%u %u\n255\n", image->width, image->height);
    return g_byte_array_free_to_bytes(flatten(image, header, strlen(header)));
}

char *image_digest(const Image *image)
{
    uint32_t size[2] = { GUINT32_TO_BE(image->width), GUINT32_TO_BE(image->height) };
    g_autoptr(GByteArray) bytes = flatten(image, size, sizeof size);
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);
}

/* libpng ends a program that sets no other way out; with a valid size and memory, nothing fails. */
GBytes *image_to_png(const Image *image)
{
    g_autoptr(GByteArray) rgb = flatten(image, "", 0);
    png_image png = { .version = PNG_IMAGE_VERSION,
                      .width = image->width,
                      .height = image->height,
                      .format = PNG_FORMAT_RGB,
                      .flags = PNG_IMAGE_FLAG_FAST };
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
    uint8_t *out = g_malloc(size);
    if (!png_image_write_to_memory(&png, out, &size, 0, rgb->data, 0, NULL)) {
        g_warning("cannot make a PNG file: %s", png.message);
        size = 0;
    }
    return g_bytes_new_take(g_realloc(out, size), size);
}
