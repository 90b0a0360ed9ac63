/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_DISPLAY_H
#define POWERPLAY_MACHINE_WORKER_DISPLAY_H

/* The worker's end of the line to the display helper: see worker-display.c. Control thread. */

#include "machine/worker.h"

typedef struct WorkerDisplay WorkerDisplay;

WorkerDisplay *display_new(Worker *worker);
void display_free(WorkerDisplay *display);

/* A helper has been started: SOCKET (taken) leads to it. ADDRESS is where viewers come in, as
 * "unix:PATH" or "tcp:HOST:PORT"; WEB_PATH is the socket of web pages, or NULL. An earlier helper's
 * viewers are gone. */
void display_set_helper(WorkerDisplay *display, int socket, const char *address,
                        const char *web_path);

/* What viewers must know; NULL: nothing. Up to 8 bytes. */
void display_set_password(WorkerDisplay *display, const char *password);
/* At EXPIRES_US of g_get_real_time() the password ends: nobody comes in then. -1: never. */
void display_set_expiry(WorkerDisplay *display, gint64 expires_us);
/* Sends all viewers away. */
void display_disconnect(WorkerDisplay *display);

/* Client CLIENT has control from now on; 0: nobody. False with ERROR if there is no such viewer. */
bool display_give_control(WorkerDisplay *display, unsigned client, GError **error);

/* One web page of ORIGIN may come in with TOKEN within SECONDS. The path of the socket to bring it
 * to; NULL with ERROR if nobody can come in. */
const char *display_admit_page(WorkerDisplay *display, const char *token, const char *origin,
                               unsigned seconds, GError **error);

/* The answer to query-vnc. */
JsonNode *display_query(WorkerDisplay *display);

#endif
