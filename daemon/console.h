/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_CONSOLE_H
#define POWERPLAY_DAEMON_CONSOLE_H

/* A serial port's unix socket: raw bytes both ways, for any number of clients. See console.c. */

#include "api/message.h"
#include "daemon/supervisor.h"

/* Listens on `path` for port number `device` of the machine. */
Console *console_new(Machine *machine, const char *id, unsigned device, const char *path,
                     GError **error);
void console_free(Console *console);

/* A message of type PORT_DATA or PORT_CLOSE from the process; false if the port is not this
 * console's. */
bool console_take_message(Console *console, const Message *message);

#endif
