/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_SERVER_H
#define POWERPLAY_API_SERVER_H

#include "api/session.h"

#define API_SERVER_MAX_CLIENTS 16 /* per listening socket */

typedef struct {
    const ApiTable *table;
    gpointer context; /* for handlers */
    /* Takes requests with a "machine" member, and answers them. NULL: that member is unexpected. */
    void (*route)(ApiRequest *request, const char *machine);
    bool takes_fds; /* clients may pass descriptors (getfd) */
} ApiServerOptions;

ApiServer *api_server_new(const ApiServerOptions *options);
void api_server_free(ApiServer *server);

const ApiServerOptions *api_server_options(ApiServer *server);

/* Listens on a new unix socket with mode 0600. A socket left by a dead server is replaced; one that
 * still answers is an error. */
bool api_server_listen_path(ApiServer *server, const char *path, GError **error);

/* Listens on an inherited socket; takes `fd`. */
void api_server_listen_fd(ApiServer *server, int fd);

/* Serves a connected socket; takes `fd`. */
ApiSession *api_server_add_fd(ApiServer *server, int fd, ApiSessionKind kind);

/* Sends an event to everybody who has finished negotiation. Takes `data`, which may be NULL. */
void api_server_emit(ApiServer *server, const char *event, JsonNode *data);

/* Sends a complete event object. Takes nothing. */
void api_server_broadcast(ApiServer *server, JsonNode *event);

/* An event object as api_server_emit() would send it now. Takes `data`. */
JsonNode *api_event_new(const char *event, JsonNode *data);

/* The version object of the greeting and of query-version. */
JsonNode *api_version_new(void);

/* Used by sessions only. */
void api_server_session_closed(ApiServer *server, ApiSession *session);

#endif
