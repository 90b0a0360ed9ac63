/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_SESSION_H
#define POWERPLAY_API_SESSION_H

/*
 * Sessions and requests: one client's connection, and one question on it.
 *
 * A handler answers its request with api_request_reply() or api_request_fail(), at once or at any
 * later time on the same thread. Answers leave a client's session in the order of its requests. All
 * of this belongs to the thread that runs the server's main context.
 */

#include "api/descriptors.h"
#include "api/dispatch.h"
#include "api/errors.h"

typedef struct ApiServer ApiServer;

typedef enum {
    API_SESSION_CLIENT, /* greeting, negotiation, one request at a time */
    /* The daemon's line to a worker: no greeting, no negotiation, requests run side by side. */
    API_SESSION_RELAY,
} ApiSessionKind;

/* What a client may leave waiting before it is cut off or not read any more. */
#define API_SESSION_MAX_UNSENT (4 * 1024 * 1024)
#define API_SESSION_MAX_QUEUED 8

/* Sessions */

ApiServer *api_session_server(ApiSession *session);
gpointer api_session_context(ApiSession *session); /* the server's context */
bool api_session_is_negotiated(ApiSession *session);
void api_session_set_negotiated(ApiSession *session);
Descriptors *api_session_descriptors(ApiSession *session); /* what the client has passed */

/* Queues one line; drops the session when it does not read. Takes nothing. */
void api_session_send(ApiSession *session, JsonNode *node);

/* Closes after what is queued has been sent. */
void api_session_close_after_send(ApiSession *session);

/* Requests */

/* NULL once the client has gone. */
ApiSession *api_request_session(ApiRequest *request);
gpointer api_request_context(ApiRequest *request);
JsonNode *api_request_message(ApiRequest *request);

/* The first descriptor that came with the request, the caller's now, or -1; COUNT: how many did. */
int api_request_take_fd(ApiRequest *request, unsigned *count);

/* The answer: `reply` may be NULL for {}; takes it. The request is gone afterwards. */
void api_request_reply(ApiRequest *request, JsonNode *reply);

/* The answer is an error; takes `error`. */
void api_request_fail(ApiRequest *request, GError *error);
void api_request_fail_text(ApiRequest *request, ApiErrorCode code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Called when the client goes before the answer; `cancel` may answer the request (nobody will see
 * it) or let it be answered later. */
void api_request_on_cancel(ApiRequest *request, void (*cancel)(ApiRequest *, gpointer),
                           gpointer data);

/* Used by the server only. */
ApiSession *api_session_new(ApiServer *server, int fd, ApiSessionKind kind);
void api_session_free(ApiSession *session);
ApiSessionKind api_session_kind(ApiSession *session);

#endif
