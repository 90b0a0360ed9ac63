/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_DISPLAY_SANDBOX_H
#define POWERPLAY_DAEMON_DISPLAY_SANDBOX_H

#include <glib.h>
#include <stdbool.h>

/* From now on, for all threads: no files, no new connections, no processes, no code. */
bool sandbox_enter(GError **error);

#endif
