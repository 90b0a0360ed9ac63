/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_CONFINE_H
#define POWERPLAY_DAEMON_CONFINE_H

/* What every helper gives up before it meets a stranger: see confine.c. */

#include <glib.h>
#include <seccomp.h>
#include <stdbool.h>

/* What one helper needs beside what all of them do; 0 or a negative errno value. */
typedef int (*ConfineRules)(scmp_filter_ctx filter);

/*
 * From here on, for all threads: at most DESCRIPTORS descriptors, no files but those of READABLE
 * (ends with NULL; NULL: none), no processes, no code, and no other system calls than RULES adds.
 */
bool confine(unsigned descriptors, const char *const *readable, ConfineRules rules, GError **error);

#endif
