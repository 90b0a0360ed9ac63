/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The digest of what is on the screen, for a display device's part of the machine's hash: what a
 * screen shows is output, and a replay must show the same.
 *
 * It is made anew only when the memory that is shown was marked. None of it is state.
 */
#ifndef MACHINE_DISPLAY_FRAME_H
#define MACHINE_DISPLAY_FRAME_H

#include "machine/display/scanout.h"
#include "replay/hash.h"

typedef struct {
    Hasher *hasher;
    Digest digest; /* of what SCANOUT shows, good while its memory is not marked anew */
    Scanout scanout;
    uint32_t epoch; /* 0: there is none */
} Frame;

void frame_init(Frame *frame);
void frame_clear(Frame *frame);
/* Memory was replaced behind its marks. */
void frame_forget(Frame *frame);
/* Feeds the digest of what SCANOUT shows of MEMORY. */
void frame_feed(Frame *frame, const Memory *memory, const Scanout *scanout, StateFeed feed,
                void *user);

#endif
