/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_RELAY_H
#define POWERPLAY_DAEMON_RELAY_H

/* Requests to a machine's process and its events back. See relay.c. */

#include "daemon/supervisor.h"

/* Takes `fd`, connected to the process. */
Relay *relay_new(Machine *machine, int fd);
/* Fails what is still unanswered. */
void relay_free(Relay *relay);

/* The route of an ApiServer: passes the request's command on to that machine. */
void relay_route(ApiRequest *request, const char *machine);

/* Asks by itself. `reply` is NULL and `error` set if it failed; both belong to the relay. */
typedef void (*RelayAnswer)(Machine *machine, JsonNode *reply, const GError *error, gpointer data);
void relay_execute(Relay *relay, const char *command, JsonObject *arguments, RelayAnswer answer,
                   gpointer data);

#endif
