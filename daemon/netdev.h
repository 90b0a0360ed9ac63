/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NETDEV_H
#define POWERPLAY_DAEMON_NETDEV_H

/* The network helper of a machine: started, started again, ended. See netdev.c. */

#include "daemon/supervisor.h"

/* Starts the helper if the machine's definition has a nic that needs it. */
bool netdev_start(Machine *machine, GError **error);
/* The machine's process is gone. */
void netdev_end(Machine *machine);

#endif
