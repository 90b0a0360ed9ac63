/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * set-mode WIDTH HEIGHT COLOUR SECONDS: shows that colour (0xRRGGBB in hexadecimal) on the whole
 * screen in another mode, with the kernel's own interface and no library, and gives the screen back
 * when the time is over.
 */
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int card;

static void call(unsigned long request, void *argument, const char *what)
{
    if (ioctl(card, request, argument) < 0) {
        perror(what);
        exit(1);
    }
}

/* A picture of one colour; the number of its frame buffer. */
static uint32_t make_picture(unsigned width, unsigned height, uint32_t colour)
{
    struct drm_mode_create_dumb made = { .width = width, .height = height, .bpp = 32 };
    call(DRM_IOCTL_MODE_CREATE_DUMB, &made, "create");
    struct drm_mode_map_dumb map = { .handle = made.handle };
    call(DRM_IOCTL_MODE_MAP_DUMB, &map, "map");
    uint32_t *pixels = mmap(NULL, made.size, PROT_WRITE, MAP_SHARED, card, (off_t)map.offset);
    if (pixels == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    for (uint64_t i = 0; i < made.size / 4; i++)
        pixels[i] = colour;
    struct drm_mode_fb_cmd buffer = { .width = width,
                                      .height = height,
                                      .pitch = made.pitch,
                                      .bpp = 32,
                                      .depth = 24,
                                      .handle = made.handle };
    call(DRM_IOCTL_MODE_ADDFB, &buffer, "add");
    return buffer.fb_id;
}

static void show(uint32_t picture, unsigned width, unsigned height)
{
    uint32_t crtc, connector;
    struct drm_mode_card_res resources = { .crtc_id_ptr = (uintptr_t)&crtc,
                                           .connector_id_ptr = (uintptr_t)&connector,
                                           .count_crtcs = 1,
                                           .count_connectors = 1 };
    call(DRM_IOCTL_MODE_GETRESOURCES, &resources, "resources");
    struct drm_mode_crtc set = { .set_connectors_ptr = (uintptr_t)&connector,
                                 .count_connectors = 1,
                                 .crtc_id = crtc,
                                 .fb_id = picture,
                                 .mode_valid = 1 };
    struct drm_mode_modeinfo *mode = &set.mode;
    mode->hdisplay = (uint16_t)width;
    mode->vdisplay = (uint16_t)height;
    mode->hsync_start = (uint16_t)(width + 16);
    mode->hsync_end = (uint16_t)(width + 48);
    mode->htotal = (uint16_t)(width + 96);
    mode->vsync_start = (uint16_t)(height + 3);
    mode->vsync_end = (uint16_t)(height + 9);
    mode->vtotal = (uint16_t)(height + 30);
    mode->vrefresh = 60;
    mode->clock = (width + 96) * (height + 30) * 60 / 1000;
    strcpy(mode->name, "own");
    call(DRM_IOCTL_MODE_SETCRTC, &set, "set");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: set-mode WIDTH HEIGHT COLOUR SECONDS\n");
        return 2;
    }
    unsigned width = (unsigned)atoi(argv[1]), height = (unsigned)atoi(argv[2]);
    card = open("/dev/dri/card0", O_RDWR);
    if (card < 0) {
        perror("/dev/dri/card0");
        return 1;
    }
    show(make_picture(width, height, (uint32_t)strtoul(argv[3], NULL, 16)), width, height);
    printf("MODE-SET %ux%u\n", width, height);
    fflush(stdout);
    sleep((unsigned)atoi(argv[4]));
    return 0;
}
