/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/display/frame.h"

void frame_init(Frame *frame)
{
    *frame = (Frame){ .hasher = hasher_new() };
}

void frame_clear(Frame *frame)
{
    hasher_free(frame->hasher);
}

void frame_forget(Frame *frame)
{
    frame->epoch = 0;
}

static void digest(Frame *frame, const Memory *memory, const Scanout *scanout)
{
    const uint8_t *data = memory_device_data(memory) + scanout->offset;
    hasher_reset(frame->hasher);
    for (unsigned y = 0; y < scanout->height; y++)
        hasher_bytes(frame->hasher, data + (uint64_t)y * scanout->pitch,
                     scanout_row_bytes(scanout));
    hasher_digest(frame->hasher, &frame->digest);
    frame->scanout = *scanout;
    frame->epoch = memory->epoch - 1; /* pages of this epoch may still change unmarked */
}

void frame_feed(Frame *frame, const Memory *memory, const Scanout *scanout, StateFeed feed,
                void *user)
{
    unsigned first, last;
    if (!frame->epoch || !scanout_equal(scanout, &frame->scanout) ||
        scanout_dirty_rows(scanout, memory, frame->epoch, &first, &last))
        digest(frame, memory, scanout);
    feed(user, frame->digest.bytes, DIGEST_SIZE);
}
