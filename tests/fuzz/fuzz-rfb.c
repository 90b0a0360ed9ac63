/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A viewer who says anything, in pieces of any size: what reaches the library is whole messages of
 * the three kinds that it may see, after a handshake that ended well.
 */

#include "daemon/display/rfb.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX                                                                                     \
    14u /* version, security type, initialisation: what the front says to the library              \
         */

typedef struct {
    unsigned refusals; /* input is refused this often, then taken */
    unsigned inputs;
} Hands;

static bool may_try(void *user)
{
    return true;
}

static void has_tried(void *user, bool good)
{
}

static void encrypt(uint8_t bytes[RFB_CHALLENGE], const char *password)
{
    for (unsigned i = 0; i < RFB_CHALLENGE; i++)
        bytes[i] = (uint8_t)(bytes[i] + password[i % RFB_PASSWORD_MAX]);
}

static void no_random(uint8_t *bytes, gsize length)
{
    memset(bytes, 0, length);
}

static bool take(Hands *hands)
{
    if (hands->refusals) {
        hands->refusals--;
        return false;
    }
    hands->inputs++;
    return true;
}

static bool key(void *user, uint32_t keysym, bool down)
{
    return take(user);
}

static bool pointer(void *user, uint16_t x, uint16_t y, uint8_t buttons)
{
    return take(user);
}

static void check_forwarded(const RfbPeer *peer)
{
    const uint8_t *bytes = peer->forward->data;
    gsize left = peer->forward->len;
    if (!left)
        return;
    g_assert(left >= PREFIX && !memcmp(bytes, "RFB 003.008\n\1\1", PREFIX));
    for (bytes += PREFIX, left -= PREFIX; left;) {
        gsize length = bytes[0] == 0 ? 20 : bytes[0] == 3 ? 10 : 4;
        if (bytes[0] == 2)
            length += 4 * ((gsize)bytes[2] << 8 | bytes[3]);
        g_assert((bytes[0] == 0 || bytes[0] == 2 || bytes[0] == 3) && left >= length);
        bytes += length;
        left -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    Hands hands = { .refusals = data[1] & 3 };
    RfbDoor door = { .lock = data[0] % 3,
                     .encrypt = encrypt,
                     .random = no_random,
                     .may_try = may_try,
                     .has_tried = has_tried };
    if (door.lock == RFB_PASSWORD)
        strcpy(door.password, "password");
    RfbPeer peer;
    rfb_init(&peer, &door);
    peer.key = key;
    peer.pointer = pointer;
    peer.user = &hands;
    gsize piece = 1 + (data[1] >> 2), at = 2;
    for (unsigned steps = 0; at < size && peer.state != RFB_STATE_DEAD && steps < 2 * size; steps++)
        at += rfb_feed(&peer, data + at, MIN(piece, size - at));
    check_forwarded(&peer);
    g_assert(peer.reply->len < 200 && peer.pending_length <= sizeof peer.pending);
    g_assert(!(peer.state == RFB_STATE_DEAD) == !peer.why);
    g_assert(door.lock != RFB_CLOSED || !peer.forward->len);
    rfb_clear(&peer);
    return 0;
}
