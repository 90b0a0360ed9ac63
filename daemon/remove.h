/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_REMOVE_H
#define POWERPLAY_DAEMON_REMOVE_H

#include <glib.h>
#include <stdbool.h>

/* Removes a folder with all that is in it; follows no link. */
bool remove_tree(const char *path, GError **error);

#endif
