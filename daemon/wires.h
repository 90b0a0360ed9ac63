/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_WIRES_H
#define POWERPLAY_DAEMON_WIRES_H

/* The other ends of a machine's wires and taps: opened here, given to its network helper. See
 * wires.c. */

#include "daemon/supervisor.h"

typedef struct Wires Wires;

/* What the machine's definition has of them; NULL if it has none. */
Wires *wires_new(Machine *machine);
void wires_free(Wires *wires);

/* A helper has been started; SOCKET (taken) leads to it. What the one before had is let go. */
void wires_set_helper(Wires *wires, int socket);

#endif
