/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_UNIX_SOCKET_H
#define POWERPLAY_API_UNIX_SOCKET_H

#include <glib.h>
#include <stdbool.h>

/* All descriptors made here are close-on-exec. */

/* A listening stream socket at `path` with mode 0600, or -1. A socket that nobody serves any more
 * is replaced; one that is served is an error. Anything else at that path is left alone. */
int api_socket_listen(const char *path, GError **error);

/* A connection to the socket at `path`, or -1. */
int api_socket_connect(const char *path, GError **error);

#endif
