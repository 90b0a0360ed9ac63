/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_FILTER_H
#define POWERPLAY_DAEMON_NET_FILTER_H

/* What of a guest's frames libslirp gets to see: see filter.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Checks FRAME of *LENGTH bytes and changes it so that no header claims more than is there; may
 * shorten it. False if it has to be dropped. NETWORK and MASK (host order) are of the guest's side.
 */
bool filter_frame(uint8_t *frame, size_t *length, uint32_t network, uint32_t mask);

#endif
