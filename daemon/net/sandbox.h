/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_SANDBOX_H
#define POWERPLAY_DAEMON_NET_SANDBOX_H

#include <glib.h>
#include <stdbool.h>

/* From here on this process can use sockets and memory, read the list of name servers, and do
 * nothing else. */
bool sandbox_enter(GError **error);

#endif
