/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NBD_H
#define POWERPLAY_DAEMON_NBD_H

/* Images of formats other than raw: each is served to its machine by a qemu-nbd of its own. */

#include "daemon/supervisor.h"

#include <stdbool.h>

/*
 * Starts the server of IMAGE (an open file, borrowed), whose disk is ID, and returns a socket that
 * is connected to it; -1 with ERROR. The server ends when the other end of that is closed.
 */
int nbd_serve(Machine *machine, const char *id, const char *format, int image, GError **error);

#endif
