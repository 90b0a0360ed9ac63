/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_PROCESS_H
#define POWERPLAY_DAEMON_PROCESS_H

/* The process of a machine: started, served, reaped. See process.c. */

#include "api/message.h"
#include "daemon/supervisor.h"

typedef void (*ProcessStarted)(Machine *machine, GError *error, gpointer data);

/* Opens the machine's files and makes its process. `started` is called once, when the process is
 * ready (`error` is NULL) or when it is not going to be. */
void process_start(Machine *machine, ProcessStarted started, gpointer data);

/* Asks the process to end properly; when it has neither ended nor said that it is still writing for
 * `grace_ms`, it is killed. */
void process_end(Machine *machine, unsigned grace_ms);

typedef void (*ProcessEnded)(Machine *machine, gpointer data);

/* Calls `ended` when the process is gone. */
void process_on_end(Machine *machine, ProcessEnded ended, gpointer data);
void process_cancel_on_end(Machine *machine, gpointer data);

typedef bool (*ProcessFile)(const char *member, const char *path, gpointer data, GError **error);

/* Calls `take` for each file that a checked definition names, until one fails. */
bool process_each_file(JsonNode *definition, ProcessFile take, gpointer data, GError **error);

/* Sends a descriptor or console traffic to the process. */
bool process_send(Machine *machine, MessageType type, uint32_t port, uint16_t device,
                  const void *bytes, gsize length, int fd);

#endif
