/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What stands before libvncserver: the handshake with the viewer, passwords included, and the
 * reading of its messages.
 *
 * The library waits for the rest of a message that has begun, gives a web page's request the same
 * port, and knows messages that nobody here needs. So it sees only viewers that have come in, only
 * whole messages, and only these: pixel format, encodings, requests for updates. Keys and pointers
 * go to the machine from here; cut text and wishes for another size are skipped; anything else ends
 * the connection. Of the encodings the library hears of those that need no more messages than
 * these: others would make it ask the viewer for some that are not served (its clipboard, say).
 *
 * 1. A message is taken whole or not at all; nothing is looked at before it is complete.
 * 2. What is kept of a viewer is bounded by the largest message.
 * 3. A dead peer stays dead, and nothing more is taken from it.
 */

#include "daemon/display/rfb.h"

#include <string.h>

#define VERSION_LENGTH 12u
enum { SECURITY_NONE = 1, SECURITY_PASSWORD = 2 };
enum {
    MESSAGE_PIXEL_FORMAT = 0,
    MESSAGE_ENCODINGS = 2,
    MESSAGE_UPDATE_REQUEST = 3,
    MESSAGE_KEY = 4,
    MESSAGE_POINTER = 5,
    MESSAGE_CUT_TEXT = 6,
    MESSAGE_SIZE_WISH = 251
};
#define SCREENS_MAX 16u /* of a wish for another size */

static const char server_version[] = "RFB 003.008\n";

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void reply(RfbPeer *peer, const void *bytes, gsize length)
{
    g_byte_array_append(peer->reply, bytes, (guint)length);
}

static void reply32(RfbPeer *peer, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                         (uint8_t)value };
    reply(peer, bytes, sizeof bytes);
}

static void forward(RfbPeer *peer, const void *bytes, gsize length)
{
    g_byte_array_append(peer->forward, bytes, (guint)length);
}

static void die(RfbPeer *peer, const char *why)
{
    peer->state = RFB_STATE_DEAD;
    peer->why = why;
}

static void reply_text(RfbPeer *peer, const char *text)
{
    reply32(peer, (uint32_t)strlen(text));
    reply(peer, text, strlen(text));
}

/* --- the handshake ---------------------------------------------------------------------------- */

void rfb_init(RfbPeer *peer, const RfbDoor *door)
{
    *peer = (RfbPeer){ .door = door, .reply = g_byte_array_new() };
    peer->forward = g_byte_array_new();
    reply(peer, server_version, VERSION_LENGTH);
}

void rfb_clear(RfbPeer *peer)
{
    g_byte_array_unref(peer->reply);
    g_byte_array_unref(peer->forward);
}

/* Before a security type was chosen: version 3.3 has a type 0, later ones a list of none. */
static void turn_away(RfbPeer *peer, const char *why)
{
    if (peer->minor == 3)
        reply32(peer, 0);
    else
        reply(peer, "", 1);
    reply_text(peer, why);
    die(peer, why);
}

static void send_challenge(RfbPeer *peer)
{
    peer->door->random(peer->challenge, RFB_CHALLENGE);
    reply(peer, peer->challenge, RFB_CHALLENGE);
    peer->state = RFB_STATE_RESPONSE;
}

static void offer_security(RfbPeer *peer)
{
    bool has_password = peer->door->lock == RFB_PASSWORD;
    uint8_t type = has_password ? SECURITY_PASSWORD : SECURITY_NONE;
    if (peer->door->lock == RFB_CLOSED) {
        turn_away(peer, "no password is set: set_password first");
    } else if (has_password && !peer->door->may_try(peer->door->user)) {
        turn_away(peer, "too many wrong passwords; wait a minute");
    } else if (peer->minor == 3) {
        reply32(peer, type);
        peer->state = RFB_STATE_INIT;
        if (has_password)
            send_challenge(peer);
    } else {
        reply(peer, (uint8_t[]){ 1, type }, 2);
        peer->state = RFB_STATE_SECURITY;
    }
}

static bool is_version(const uint8_t *bytes)
{
    for (unsigned i = 0; i < VERSION_LENGTH; i++) {
        bool is_digit = i == 8 || i == 9 || i == 10;
        if (is_digit ? bytes[i] < '0' || bytes[i] > '9' : bytes[i] != (uint8_t)server_version[i])
            return false;
    }
    return true;
}

static void take_version(RfbPeer *peer, const uint8_t *bytes)
{
    if (!is_version(bytes)) {
        die(peer, "this is no viewer that speaks RFB 3");
        return;
    }
    unsigned minor = (bytes[8] - '0') * 100u + (bytes[9] - '0') * 10u + (bytes[10] - '0');
    peer->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    offer_security(peer);
}

static void tell_result(RfbPeer *peer, bool good, const char *why)
{
    reply32(peer, !good);
    if (!good && peer->minor == 8)
        reply_text(peer, why);
    if (good)
        peer->state = RFB_STATE_INIT;
    else
        die(peer, why);
}

static void take_security(RfbPeer *peer, uint8_t type)
{
    bool has_password = peer->door->lock == RFB_PASSWORD;
    if (peer->door->lock == RFB_CLOSED ||
        type != (has_password ? SECURITY_PASSWORD : SECURITY_NONE))
        tell_result(peer, false, "this security type was not offered");
    else if (has_password)
        send_challenge(peer);
    else if (peer->minor == 8)
        tell_result(peer, true, NULL);
    else
        peer->state = RFB_STATE_INIT;
}

/* In a time that does not depend on where the bytes differ. */
static bool bytes_equal(const uint8_t *a, const uint8_t *b, gsize length)
{
    uint8_t difference = 0;
    for (gsize i = 0; i < length; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static void take_response(RfbPeer *peer, const uint8_t *bytes)
{
    const RfbDoor *door = peer->door;
    uint8_t expected[RFB_CHALLENGE];
    memcpy(expected, peer->challenge, sizeof expected);
    door->encrypt(expected, door->password);
    bool may_try = door->lock == RFB_PASSWORD && door->may_try(door->user);
    bool good = may_try && bytes_equal(bytes, expected, sizeof expected);
    if (may_try)
        door->has_tried(door->user, good);
    tell_result(peer, good, "wrong password");
}

static void take_init(RfbPeer *peer)
{
    forward(peer, server_version, VERSION_LENGTH);
    forward(peer, (uint8_t[]){ SECURITY_NONE, 1 }, 2); /* and the session is shared */
    peer->state = RFB_STATE_NORMAL;
}

/* --- messages --------------------------------------------------------------------------------- */

/* Length of the message that begins with these bytes; 0: not known yet. */
static gsize message_length(RfbPeer *peer, const uint8_t *bytes, gsize length)
{
    switch (peer->state) {
    case RFB_STATE_VERSION: return VERSION_LENGTH;
    case RFB_STATE_SECURITY: return 1;
    case RFB_STATE_RESPONSE: return RFB_CHALLENGE;
    case RFB_STATE_INIT: return 1;
    default: break;
    }
    switch (bytes[0]) {
    case MESSAGE_PIXEL_FORMAT: return 20;
    case MESSAGE_ENCODINGS: return length < 4 ? 0 : 4 + 4 * (gsize)get16(bytes + 2);
    case MESSAGE_UPDATE_REQUEST: return 10;
    case MESSAGE_KEY: return 8;
    case MESSAGE_POINTER: return 6;
    case MESSAGE_CUT_TEXT: return 8; /* and the text, which is skipped */
    case MESSAGE_SIZE_WISH:
        if (length >= 8 && bytes[6] > SCREENS_MAX)
            die(peer, "a wish for more screens than are served");
        return length < 8 ? 0 : 8 + 16 * (gsize)bytes[6];
    default: die(peer, "a message of a type that is not served"); return 1;
    }
}

static bool pixel_format_is_sane(const uint8_t *bytes)
{
    uint8_t bits = bytes[4], is_true_colour = bytes[7];
    return (bits == 8 || bits == 16 || bits == 32) && bytes[5] <= 32 && is_true_colour;
}

static void skip_text(RfbPeer *peer, uint32_t length)
{
    if (length > RFB_CUT_TEXT_MAX) {
        die(peer, "more than 1 MiB of cut text");
        return;
    }
    peer->skip = length;
    if (length)
        peer->state = RFB_STATE_CUT_TEXT;
}

typedef struct {
    int32_t first, last;
} EncodingRange;

static bool encoding_is_served(int32_t encoding)
{
    static const EncodingRange served[] = {
        { 0, 2 },       /* raw, rectangles copied, rectangles that rise */
        { 4, 7 },       /* CoRRE, hextile, zlib, tight */
        { 16, 16 },     /* ZRLE */
        { -32, -23 },   /* quality of pictures */
        { -224, -223 }, /* the last rectangle; the size has changed */
        { -256, -247 }, /* degree of compression */
        { -308, -308 }, /* the size and the screens have changed */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(served); i++)
        if (encoding >= served[i].first && encoding <= served[i].last)
            return true;
    return false;
}

static void forward_encodings(RfbPeer *peer, const uint8_t *bytes, gsize length)
{
    guint start = peer->forward->len;
    unsigned count = 0;
    forward(peer, bytes, 4);
    for (gsize at = 4; at < length; at += 4) {
        if (!encoding_is_served((int32_t)get32(bytes + at)))
            continue;
        forward(peer, bytes + at, 4);
        count++;
    }
    peer->forward->data[start + 2] = (uint8_t)(count >> 8);
    peer->forward->data[start + 3] = (uint8_t)count;
}

/* False when input cannot be taken now. */
static bool take_normal(RfbPeer *peer, const uint8_t *bytes, gsize length)
{
    switch (bytes[0]) {
    case MESSAGE_KEY: return peer->key(peer->user, get32(bytes + 4), bytes[1] != 0);
    case MESSAGE_POINTER:
        return peer->pointer(peer->user, get16(bytes + 2), get16(bytes + 4), bytes[1]);
    case MESSAGE_CUT_TEXT: skip_text(peer, get32(bytes + 4)); return true;
    case MESSAGE_PIXEL_FORMAT:
        if (pixel_format_is_sane(bytes))
            forward(peer, bytes, length);
        else
            die(peer, "a pixel format that is not served: 8, 16 or 32 bits of true colour are");
        return true;
    case MESSAGE_UPDATE_REQUEST:
        peer->wants_update = true;
        forward(peer, bytes, length);
        return true;
    case MESSAGE_ENCODINGS: forward_encodings(peer, bytes, length); return true;
    default: return true; /* a wish for another size: the guest decides that */
    }
}

static bool take_message(RfbPeer *peer, const uint8_t *bytes, gsize length)
{
    switch (peer->state) {
    case RFB_STATE_VERSION: take_version(peer, bytes); return true;
    case RFB_STATE_SECURITY: take_security(peer, bytes[0]); return true;
    case RFB_STATE_RESPONSE: take_response(peer, bytes); return true;
    case RFB_STATE_INIT: take_init(peer); return true;
    default: return take_normal(peer, bytes, length);
    }
}

/* Moves bytes to the incomplete message until it has LENGTH; returns how many. */
static gsize collect(RfbPeer *peer, const uint8_t *bytes, gsize count, gsize length)
{
    gsize taken = MIN(count, length - MIN(length, peer->pending_length));
    memcpy(peer->pending + peer->pending_length, bytes, taken);
    peer->pending_length += taken;
    return taken;
}

static gsize skip(RfbPeer *peer, gsize count)
{
    gsize skipped = MIN(count, peer->skip);
    peer->skip -= (uint32_t)skipped;
    if (!peer->skip)
        peer->state = RFB_STATE_NORMAL;
    return skipped;
}

/* Bytes of a message of this type that its length follows from. */
static gsize known_enough(uint8_t type)
{
    return type == MESSAGE_SIZE_WISH ? 8 : 4;
}

/* One step: a byte to learn the length from, or the rest of a message. False when it waits. */
static bool step(RfbPeer *peer, const uint8_t *bytes, gsize count, gsize *used)
{
    if (peer->state == RFB_STATE_CUT_TEXT) {
        *used += skip(peer, count);
        return true;
    }
    gsize known = peer->pending_length;
    if (!known) {
        *used += collect(peer, bytes, count, 1);
        return true;
    }
    gsize length = message_length(peer, peer->pending, known);
    if (peer->state == RFB_STATE_DEAD)
        return true;
    if (length > sizeof peer->pending) {
        die(peer, "more encodings than are served");
        return true;
    }
    *used += collect(peer, bytes, count, length ? length : known_enough(peer->pending[0]));
    if (!length || peer->pending_length < length)
        return count > 0;
    if (!take_message(peer, peer->pending, length))
        return false;
    peer->pending_length = 0;
    return true;
}

gsize rfb_feed(RfbPeer *peer, const uint8_t *bytes, gsize length)
{
    gsize used = 0;
    bool goes_on = true;
    while (goes_on && peer->state != RFB_STATE_DEAD && (used < length || peer->pending_length)) {
        gsize before = used, pending = peer->pending_length;
        RfbState state = peer->state;
        goes_on = step(peer, bytes + used, length - used, &used);
        if (used == before && pending == peer->pending_length && state == peer->state)
            break; /* it waits for bytes */
    }
    return used;
}
