/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_TAP_H
#define POWERPLAY_DAEMON_TAP_H

/* Taps of the host, by name or by descriptor: see tap.c. */

#include "api/descriptors.h"

#include <json-glib/json-glib.h>

/* Opens ADDRESS, the member `tap` of a nic; DESCRIPTORS, which may be NULL, are what a client has
 * passed. The result does not block and is the caller's; -1 with *PROBLEM if there is none now. */
int tap_open(const char *address, const Descriptors *descriptors, const char **problem);

/* Copies of what DEFINITION names of PASSED, for a machine to keep; NULL with ERROR if one is not
 * there, or no tap. */
Descriptors *tap_claim(JsonObject *definition, const Descriptors *passed, GError **error);

#endif
