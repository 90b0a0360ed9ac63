/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_SANDBOX_H
#define POWERPLAY_DAEMON_NET_SANDBOX_H

#include <glib.h>
#include <stdbool.h>

/* From here on this process can use memory and the sockets that it has or is given, and do nothing
 * else; if it MAY_CONNECT, it makes sockets of IPv4, too, and reads the list of name servers. */
bool sandbox_enter(bool may_connect, GError **error);

#endif
