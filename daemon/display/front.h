/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_DISPLAY_FRONT_H
#define POWERPLAY_DAEMON_DISPLAY_FRONT_H

/* Viewers, the machine, and the library between them: see front.c. */

#include "daemon/display/library.h"

typedef struct Front Front;

/* MACHINE is the socket to the machine's process, LISTENER one that viewers connect to, WEB one
 * that web pages connect to. */
Front *front_new(Library *library, int machine, int listener, int web);
/* Serves until the machine has gone. */
void front_run(Front *front);

#endif
