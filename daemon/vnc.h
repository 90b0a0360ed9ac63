/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_VNC_H
#define POWERPLAY_DAEMON_VNC_H

/* The display helper of a machine: started, started again, ended. See vnc.c. */

#include "daemon/supervisor.h"

/* Whether the machine's definition wants viewers; opens the socket they come to, and starts the
 * helper. False with ERROR when there is no such socket to be had. */
bool vnc_start(Machine *machine, GError **error);
/* The machine's process is gone. */
void vnc_end(Machine *machine);

#endif
