/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_FRONT_H
#define POWERPLAY_DAEMON_NET_FRONT_H

/* The helper's loop: see front.c. */

#include "api/net-message.h"

/* What the daemon allows a nic's network, whatever the machine says. */
typedef struct {
    bool is_there;      /* has a network of this kind at all */
    bool is_restricted; /* reaches nobody; forwarded ports still lead in */
    bool has_loopback;  /* 10.0.2.2 is the host itself */
} FrontPolicy;

/* Serves the machine at the other end of SOCKET until it has gone. */
void front_run(int socket, const FrontPolicy policy[NET_NICS]);

#endif
