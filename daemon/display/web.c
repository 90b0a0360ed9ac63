/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What stands before rfb.c for a viewer that is a web page: the request that opens a WebSocket, and
 * the frames after it.
 *
 * Any page that a browser shows may try to open a WebSocket to any address, and the browser does
 * not ask; it only says where the page is from. So a page comes in by a token that it can have from
 * nobody but who asked for it, once, and only if it is from where that one said.
 *
 * 1. The request is bounded and looked at when it is complete. All but the token is checked before
 *    the token is, which therefore is not spent on a request that would fail anyway.
 * 2. Of a frame no more is kept than its header, or a control frame's 125 bytes: payload passes.
 * 3. A dead peer stays dead, and nothing more is taken from it.
 */

#include "daemon/display/web.h"

#include <string.h>

#define PATH_PREFIX   "/vnc/"
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define SHA1_SIZE     20u
#define KEY_SIZE      16u
#define PIECE_MAX     65535u /* a frame's payload with a header of 4 bytes */

enum { CONTINUES = 0, TEXT = 1, BINARY = 2, CLOSES = 8, PING = 9, PONG = 10 };
enum { IS_LAST = 0x80, RESERVED = 0x70, OPCODE = 0x0f, IS_MASKED = 0x80, SHORT_LENGTH = 0x7f };
enum { GONE_WRONG = 1002, NOT_SERVED = 1003, TOO_LARGE = 1009 };

void web_init(WebPeer *peer, const WebDoor *door)
{
    *peer = (WebPeer){ .door = door, .request = g_byte_array_new(), .reply = g_byte_array_new() };
}

void web_clear(WebPeer *peer)
{
    g_byte_array_unref(peer->request);
    g_byte_array_unref(peer->reply);
}

bool web_is_open(const WebPeer *peer)
{
    return peer->state == WEB_STATE_HEADER || peer->state == WEB_STATE_PAYLOAD;
}

/* --- the request ------------------------------------------------------------------------------ */

/* The headers that matter; each is a part of the request, NULL if it is not there. */
typedef struct {
    const char *host, *upgrade, *connection, *version, *key, *origin, *protocol;
} Headers;

static void refuse(WebPeer *peer, const char *status, const char *why)
{
    g_autofree char *text =
        g_strdup_printf("HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n%s\n",
                        status, strlen(why) + 1, why);
    g_byte_array_append(peer->reply, (const uint8_t *)text, (guint)strlen(text));
    peer->state = WEB_STATE_DEAD;
    peer->why = why;
}

/* Where NAME's value belongs; NULL if nobody asks for it. */
static const char **header_slot(Headers *headers, const char *name)
{
    const struct {
        const char *name;
        const char **slot;
    } known[] = {
        { "host", &headers->host },
        { "upgrade", &headers->upgrade },
        { "connection", &headers->connection },
        { "sec-websocket-version", &headers->version },
        { "sec-websocket-key", &headers->key },
        { "origin", &headers->origin },
        { "sec-websocket-protocol", &headers->protocol },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        if (!g_ascii_strcasecmp(name, known[i].name))
            return known[i].slot;
    return NULL;
}

/* LINE is cut in two at its colon. False if it is no header, or says anew what was said. */
static bool take_header(Headers *headers, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return false;
    *colon = 0;
    if (strpbrk(line, " \t"))
        return false;
    const char **slot = header_slot(headers, line);
    if (slot && *slot)
        return false;
    if (slot)
        *slot = g_strstrip(colon + 1);
    return true;
}

/* Whether the comma-separated LIST has ITEM in it. */
static bool list_has(const char *list, const char *item)
{
    g_auto(GStrv) parts = g_strsplit(list ? list : "", ",", 0);
    for (char **part = parts; *part; part++)
        if (!g_ascii_strcasecmp(g_strstrip(*part), item))
            return true;
    return false;
}

static bool key_is_good(const char *key)
{
    gsize size = 0;
    if (!key || strlen(key) != 24)
        return false;
    g_autofree guchar *bytes = g_base64_decode(key, &size);
    g_autofree char *again = g_base64_encode(bytes, size);
    return size == KEY_SIZE && !strcmp(key, again);
}

static const char *what_is_wrong(const Headers *headers)
{
    if (!headers->host || !list_has(headers->upgrade, "websocket") ||
        !list_has(headers->connection, "upgrade"))
        return "only a WebSocket is served here";
    if (!headers->version || strcmp(headers->version, "13"))
        return "only version 13 of the WebSocket protocol is served";
    if (!key_is_good(headers->key))
        return "Sec-WebSocket-Key is not 16 bytes in base64";
    if (headers->protocol && !list_has(headers->protocol, "binary"))
        return "of protocols only \"binary\" is served";
    return NULL;
}

static char *accept_of(const char *key)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[SHA1_SIZE];
    gsize size = sizeof digest;
    g_checksum_update(sum, (const guchar *)key, (gssize)strlen(key));
    g_checksum_update(sum, (const guchar *)ACCEPT_SUFFIX, (gssize)strlen(ACCEPT_SUFFIX));
    g_checksum_get_digest(sum, digest, &size);
    return g_base64_encode(digest, size);
}

static void welcome(WebPeer *peer, const Headers *headers)
{
    g_autofree char *accept = accept_of(headers->key);
    g_autofree char *text =
        g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                        accept, headers->protocol ? "Sec-WebSocket-Protocol: binary\r\n" : "");
    g_byte_array_append(peer->reply, (const uint8_t *)text, (guint)strlen(text));
    peer->state = WEB_STATE_HEADER;
}

/* The token in the path of "GET /vnc/TOKEN HTTP/1.1", cut out of LINE; NULL: it is another line. */
static const char *token_of(char *line)
{
    char *path =
        g_str_has_prefix(line, "GET " PATH_PREFIX) ? line + strlen("GET " PATH_PREFIX) : NULL;
    char *end = path ? strchr(path, ' ') : NULL;
    if (!end || strcmp(end, " HTTP/1.1"))
        return NULL;
    *end = 0;
    return path;
}

static void take_request(WebPeer *peer)
{
    Headers headers = { 0 };
    bool is_text = !memchr(peer->request->data, 0, peer->request->len);
    g_byte_array_append(peer->request, (const uint8_t *)"", 1);
    g_auto(GStrv) lines = g_strsplit((const char *)peer->request->data, "\r\n", 0);
    const char *token = is_text ? token_of(lines[0]) : NULL, *wrong;
    for (char **line = lines + 1; is_text && **line; line++)
        is_text = take_header(&headers, *line);
    if (!is_text || !token)
        refuse(peer, "400 Bad Request", "this is no request of a page that came with a token");
    else if ((wrong = what_is_wrong(&headers)))
        refuse(peer, "400 Bad Request", wrong);
    else if (!headers.origin)
        refuse(peer, "403 Forbidden", "the request does not say which page it is from");
    else if (!peer->door->admit(peer->door->user, token, headers.origin))
        refuse(peer, "403 Forbidden", "the token is spent, too old, or of another page");
    else
        welcome(peer, &headers);
    g_byte_array_set_size(peer->request, 0);
}

static bool request_is_complete(const GByteArray *request)
{
    return request->len >= 4 && !memcmp(request->data + request->len - 4, "\r\n\r\n", 4);
}

static void add_to_request(WebPeer *peer, uint8_t byte)
{
    g_byte_array_append(peer->request, &byte, 1);
    if (request_is_complete(peer->request))
        take_request(peer);
    else if (peer->request->len >= WEB_REQUEST_MAX)
        refuse(peer, "431 Request Header Fields Too Large", "the request is too long");
}

/* --- frames ----------------------------------------------------------------------------------- */

static void send_control(WebPeer *peer, uint8_t opcode, const uint8_t *bytes, gsize length)
{
    g_byte_array_append(peer->reply, (uint8_t[]){ IS_LAST | opcode, (uint8_t)length }, 2);
    g_byte_array_append(peer->reply, bytes, (guint)length);
}

static void die(WebPeer *peer, unsigned code, const char *why)
{
    send_control(peer, CLOSES, (uint8_t[]){ (uint8_t)(code >> 8), (uint8_t)code }, 2);
    peer->state = WEB_STATE_DEAD;
    peer->why = why;
}

/* As far as the first two bytes tell. */
static gsize header_size(const uint8_t *header)
{
    unsigned length = header[1] & SHORT_LENGTH;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static uint64_t payload_size(const uint8_t *header)
{
    uint64_t size = 0;
    gsize end = header_size(header) - 4;
    for (gsize i = 2; i < end; i++)
        size = size << 8 | header[i];
    return end == 2 ? header[1] & SHORT_LENGTH : size;
}

static void begin_frame(WebPeer *peer)
{
    unsigned first = peer->header[0], opcode = first & OPCODE;
    bool is_control = opcode >= CLOSES;
    uint64_t size = payload_size(peer->header);
    if (first & RESERVED || opcode > PONG || (opcode > BINARY && !is_control))
        die(peer, GONE_WRONG, "a frame that the protocol does not know");
    else if (is_control && (!(first & IS_LAST) || size > WEB_CONTROL_MAX))
        die(peer, GONE_WRONG, "a control frame that is too long or in pieces");
    else if (opcode == TEXT)
        die(peer, NOT_SERVED, "text, where only bytes are served");
    else if (!is_control && (opcode == CONTINUES) != peer->is_in_message)
        die(peer, GONE_WRONG, "pieces of messages out of order");
    else if (size > WEB_FRAME_MAX)
        die(peer, TOO_LARGE, "a frame of more than 4 MiB");
    if (peer->state == WEB_STATE_DEAD)
        return;
    if (!is_control)
        peer->is_in_message = !(first & IS_LAST);
    peer->left = size;
    peer->mask_at = 0;
    peer->control_length = 0;
    peer->state = WEB_STATE_PAYLOAD;
}

static void end_frame(WebPeer *peer)
{
    unsigned opcode = peer->header[0] & OPCODE;
    peer->header_length = 0;
    peer->state = WEB_STATE_HEADER;
    if (opcode == PING)
        send_control(peer, PONG, peer->control, peer->control_length);
    if (opcode != CLOSES)
        return;
    send_control(peer, CLOSES, peer->control, MIN(peer->control_length, 2));
    peer->state = WEB_STATE_DEAD;
    peer->why = "the page has closed it";
}

static void add_to_header(WebPeer *peer, uint8_t byte)
{
    peer->header[peer->header_length++] = byte;
    if (peer->header_length < 2)
        return;
    if (!(peer->header[1] & IS_MASKED)) {
        die(peer, GONE_WRONG, "a frame without a mask");
        return;
    }
    if (peer->header_length < header_size(peer->header))
        return;
    begin_frame(peer);
    if (peer->state == WEB_STATE_PAYLOAD && !peer->left)
        end_frame(peer);
}

/* Returns how many bytes of a message this gave: 1, or 0 for a control frame. */
static gsize add_to_payload(WebPeer *peer, uint8_t byte, uint8_t *out)
{
    bool is_control = (peer->header[0] & OPCODE) >= CLOSES;
    const uint8_t *mask = peer->header + header_size(peer->header) - 4;
    byte ^= mask[peer->mask_at++ % 4];
    if (is_control)
        peer->control[peer->control_length++] = byte;
    else
        *out = byte;
    if (--peer->left == 0)
        end_frame(peer);
    return !is_control;
}

gsize web_feed(WebPeer *peer, const uint8_t *bytes, gsize length, uint8_t *out)
{
    gsize given = 0;
    for (gsize i = 0; i < length; i++) {
        switch (peer->state) {
        case WEB_STATE_REQUEST: add_to_request(peer, bytes[i]); break;
        case WEB_STATE_HEADER: add_to_header(peer, bytes[i]); break;
        case WEB_STATE_PAYLOAD: given += add_to_payload(peer, bytes[i], out + given); break;
        case WEB_STATE_DEAD: return given;
        }
    }
    return given;
}

void web_wrap(GByteArray *out, const uint8_t *bytes, gsize length)
{
    while (length) {
        gsize piece = MIN(length, PIECE_MAX);
        uint8_t header[4] = { IS_LAST | BINARY, 126, (uint8_t)(piece >> 8), (uint8_t)piece };
        if (piece < 126)
            header[1] = (uint8_t)piece;
        g_byte_array_append(out, header, piece < 126 ? 2 : 4);
        g_byte_array_append(out, bytes, (guint)piece);
        bytes += piece;
        length -= piece;
    }
}
