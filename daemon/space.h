/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_SPACE_H
#define POWERPLAY_DAEMON_SPACE_H

/*
 * The room that is left where machines and recordings are: DISK_SPACE_LOW comes before a machine
 * has to stop for want of it.
 */

#include "daemon/supervisor.h"

#define SPACE_LOW_MIB 1024

typedef struct Space Space;

/* Looks now and then; below LIMIT bytes (0: never) it says so, and again after there was twice as
 * much. */
Space *space_new(Supervisor *supervisor, uint64_t limit);
void space_free(Space *space);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Space, space_free)

#endif
