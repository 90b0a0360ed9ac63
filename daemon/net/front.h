/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_FRONT_H
#define POWERPLAY_DAEMON_NET_FRONT_H

/* The helper's loop: see front.c. */

#include "api/net-message.h"

typedef enum {
    FRONT_NONE,
    FRONT_USER, /* libslirp's network */
    FRONT_WIRE, /* another machine, by a stream */
    FRONT_TAP
} FrontKind;

/* What the daemon allows a nic's network, whatever the machine says. */
typedef struct {
    FrontKind kind;
    /* Of FRONT_USER: */
    bool is_restricted; /* reaches nobody; forwarded ports still lead in */
    bool has_loopback;  /* 10.0.2.2 is the host itself */
} FrontPolicy;

/* Serves the machine at the other end of SOCKET until it has gone. Lines come from DAEMON, which
 * may be -1 if no nic needs one. */
void front_run(int socket, int daemon, const FrontPolicy policy[NET_NICS]);

#endif
