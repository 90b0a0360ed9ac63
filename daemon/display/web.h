/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_DISPLAY_WEB_H
#define POWERPLAY_DAEMON_DISPLAY_WEB_H

/*
 * A web page's way in: the WebSocket protocol (RFC 6455), read strictly: see web.c. No sockets
 * here.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define WEB_REQUEST_MAX 4096u /* bytes of the request with its headers */
#define WEB_FRAME_MAX   (4u << 20)
#define WEB_CONTROL_MAX 125u

/* Who may come in. */
typedef struct {
    /* Whether this token lets a page of this origin in. It does so once. */
    bool (*admit)(void *user, const char *token, const char *origin);
    void *user;
} WebDoor;

typedef enum { WEB_STATE_REQUEST, WEB_STATE_HEADER, WEB_STATE_PAYLOAD, WEB_STATE_DEAD } WebState;

typedef struct {
    const WebDoor *door;
    WebState state;
    GByteArray *request;
    uint8_t header[14]; /* of the frame that comes */
    gsize header_length;
    uint64_t left; /* of its payload */
    unsigned mask_at;
    uint8_t control[WEB_CONTROL_MAX];
    gsize control_length;
    bool is_in_message; /* a message has begun, its last frame has not come */
    const char *why;    /* of WEB_STATE_DEAD */
    GByteArray *reply;  /* to the page */
} WebPeer;

void web_init(WebPeer *peer, const WebDoor *door);
void web_clear(WebPeer *peer);

/* Whether the page has come in: from now on what goes to it is wrapped. */
bool web_is_open(const WebPeer *peer);

/* Takes all LENGTH bytes from the page; returns how many bytes of its messages they gave, which
 * are in OUT (at least LENGTH bytes; may be BYTES itself). */
gsize web_feed(WebPeer *peer, const uint8_t *bytes, gsize length, uint8_t *out);

/* Appends to OUT the frames of a message with these bytes. */
void web_wrap(GByteArray *out, const uint8_t *bytes, gsize length);

#endif
