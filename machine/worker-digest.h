/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_DIGEST_H
#define POWERPLAY_MACHINE_WORKER_DIGEST_H

/* SHA-256 of a machine's images: see worker-digest.c. */

#include <glib.h>

/* 64 hex digits and the size of what `fd` is open on. `directory` holds what is known from earlier.
 * Any thread, one at a time. */
char *worker_digest(int directory, int fd, guint64 *size, GError **error);

#endif
