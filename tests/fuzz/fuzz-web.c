/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A web page that says anything, in pieces of any size: nothing passes before it has come in, what
 * is kept is bounded, and cutting the same bytes otherwise changes nothing.
 */

#include "daemon/display/web.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Put before inputs that are about frames. */
static const char good_request[] =
    "GET /vnc/0123456789abcdef HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Origin: http://h\r\n\r\n";

typedef struct {
    unsigned asked;
    bool admits;
} Doorman;

static bool admit(void *user, const char *token, const char *origin)
{
    Doorman *doorman = user;
    g_assert(token && origin && strlen(token) < WEB_REQUEST_MAX);
    doorman->asked++;
    return doorman->admits;
}

static GByteArray *page(const uint8_t *data, size_t size, gsize piece, bool starts_open,
                        WebState *end)
{
    Doorman doorman = { .admits = true };
    WebDoor door = { .admit = admit, .user = &doorman };
    GByteArray *given = g_byte_array_new();
    WebPeer peer;
    web_init(&peer, &door);
    if (starts_open) {
        uint8_t out[sizeof good_request];
        g_assert(!web_feed(&peer, (const uint8_t *)good_request, strlen(good_request), out));
        g_assert(web_is_open(&peer));
    }
    for (size_t at = 0; at < size; at += piece) {
        uint8_t bytes[64];
        gsize length = MIN(piece, size - at);
        memcpy(bytes, data + at, length);
        bool was_open = peer.state != WEB_STATE_REQUEST;
        gsize count = web_feed(&peer, bytes, length, bytes);
        g_assert(count <= length && (was_open || doorman.asked || !count));
        g_byte_array_append(given, bytes, (guint)count);
    }
    g_assert(doorman.asked <= 1 && peer.request->len <= WEB_REQUEST_MAX);
    g_assert(peer.control_length <= WEB_CONTROL_MAX && peer.left <= WEB_FRAME_MAX);
    g_assert(peer.reply->len < 600 + size); /* an answer, and a pong for each ping */
    g_assert((peer.state == WEB_STATE_DEAD) == (peer.why != NULL));
    *end = peer.state;
    web_clear(&peer);
    return given;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WebState first_end, second_end;
    if (size < 2)
        return 0;
    bool starts_open = data[0] & 1;
    gsize piece = 1 + data[1] % 64;
    g_autoptr(GByteArray) whole = page(data + 2, size - 2, 64, starts_open, &first_end);
    g_autoptr(GByteArray) cut = page(data + 2, size - 2, piece, starts_open, &second_end);
    g_assert(first_end == second_end && whole->len == cut->len);
    g_assert(!whole->len || !memcmp(whole->data, cut->data, whole->len));
    return 0;
}
