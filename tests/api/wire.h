/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_TESTS_API_WIRE_H
#define POWERPLAY_TESTS_API_WIRE_H

/* A server with a few commands and one client, in one process. */

#include "api/server.h"

typedef struct {
    ApiServer *server;
    int fd;              /* the client's end */
    GPtrArray *deferred; /* of ApiRequest: those of "later" that wait for their answer */
    unsigned cancelled;
} Wire;

void wire_init(Wire *wire, bool negotiated);
void wire_clear(Wire *wire);

void wire_send(Wire *wire, const void *bytes, gsize length);
/* The same with COUNT copies of FD beside it. */
void wire_pass(Wire *wire, const char *text, int fd, unsigned count);

/* Runs the main loop until nothing more happens; what the client has received by then. */
char *wire_receive(Wire *wire);

/* wire_send() and wire_receive() in turns, for inputs of any size. */
char *wire_converse(Wire *wire, const void *bytes, gsize length);

/* wire_pass() and wire_receive(). */
char *wire_converse_fd(Wire *wire, const char *text, int fd, unsigned count);

#endif
