/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_DISPLAY_RFB_H
#define POWERPLAY_DAEMON_DISPLAY_RFB_H

/*
 * One viewer's half of the RFB protocol (RFC 6143), read strictly: see rfb.c. No sockets here.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define RFB_CHALLENGE     16u
#define RFB_PASSWORD_MAX  8u
#define RFB_CUT_TEXT_MAX  (1u << 20)
#define RFB_ENCODINGS_MAX 256u
/* What the library sends before the part that a viewer gets from it: version, security, result. */
#define RFB_LIBRARY_GREETING 18u

typedef enum { RFB_OPEN, RFB_PASSWORD, RFB_CLOSED } RfbLock;

/* Who may come in. The owner of the peers changes it at any time. */
typedef struct {
    RfbLock lock;
    char password[RFB_PASSWORD_MAX + 1];
    /* Encrypts the challenge BYTES as a viewer that knows PASSWORD does (RFC 6143, 7.2.2). */
    void (*encrypt)(uint8_t bytes[RFB_CHALLENGE], const char *password);
    void (*random)(uint8_t *bytes, gsize length);
    bool (*may_try)(void *user); /* false: too many wrong passwords, for now */
    void (*has_tried)(void *user, bool good);
    void *user;
} RfbDoor;

typedef enum {
    RFB_STATE_VERSION,
    RFB_STATE_SECURITY,
    RFB_STATE_RESPONSE,
    RFB_STATE_INIT,
    RFB_STATE_NORMAL,
    RFB_STATE_CUT_TEXT, /* being skipped */
    RFB_STATE_DEAD
} RfbState;

typedef struct {
    const RfbDoor *door;
    RfbState state;
    unsigned minor; /* of the protocol's version: 3, 7 or 8 */
    uint8_t challenge[RFB_CHALLENGE];
    uint8_t pending[4 + 4 * RFB_ENCODINGS_MAX]; /* an incomplete message */
    gsize pending_length;
    uint32_t skip;       /* bytes of cut text that are still to come */
    const char *why;     /* of RFB_STATE_DEAD */
    GByteArray *reply;   /* to the viewer, from here */
    GByteArray *forward; /* to the library */
    bool wants_update;   /* a request for an update was forwarded */
    /* Input. False: not now; the message is kept and offered again with the next rfb_feed(). */
    bool (*key)(void *user, uint32_t keysym, bool down);
    bool (*pointer)(void *user, uint16_t x, uint16_t y, uint8_t buttons);
    void *user;
} RfbPeer;

void rfb_init(RfbPeer *peer, const RfbDoor *door);
void rfb_clear(RfbPeer *peer);

/*
 * Takes bytes from the viewer, and returns how many: all of them, but when input cannot be taken
 * now, or when the peer is dead.
 */
gsize rfb_feed(RfbPeer *peer, const uint8_t *bytes, gsize length);

#endif
