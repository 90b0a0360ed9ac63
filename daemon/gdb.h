/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_GDB_H
#define POWERPLAY_DAEMON_GDB_H

/* Where a machine's debuggers come in. See gdb.c. */

#include "api/message.h"
#include "daemon/supervisor.h"

/* What the machine's process asks for: MESSAGE_GDB_LISTEN, MESSAGE_GDB_CLOSE. */
void gdb_take_message(Machine *machine, const Message *message);
/* Nobody comes in any more, and the socket is removed. */
void gdb_end(Machine *machine);

#endif
