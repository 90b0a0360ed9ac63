/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_DISPLAY_MESSAGE_H
#define POWERPLAY_API_DISPLAY_MESSAGE_H

/*
 * Messages between a machine's process and its display helper: small, of fixed size, checked before
 * anything is used. One message a packet of a SOCK_SEQPACKET socket; SCREEN carries a descriptor.
 *
 * The helper is not trusted by the machine, nor the other way round: the helper may send nonsense
 * after a viewer has taken it over, and the screen's size is what the guest wants.
 */

#include "api/packet.h"

#include <stdint.h>

#define DISPLAY_MAGIC        0x50504456u /* "PPDV" */
#define DISPLAY_VERSION      2
#define DISPLAY_SIZE_MAX     4096u /* pixels, either way */
#define DISPLAY_TEXT_SIZE    64
#define DISPLAY_ORIGIN_SIZE  96
#define DISPLAY_TOKEN_MIN    16u   /* characters */
#define DISPLAY_SECONDS_MAX  3600u /* that a token may be good for */
#define DISPLAY_CLIENTS      64u   /* clients are numbered from 1 to this */
#define DISPLAY_PASSWORD_MAX 8u

typedef enum {
    /* To the helper */
    DISPLAY_SCREEN = 1, /* fd: width * height pixels of 4 bytes, 0x00RRGGBB as host numbers */
    DISPLAY_DIRTY = 2,  /* rows y to y + height - 1 have changed */
    DISPLAY_LOCK = 3,   /* value: DisplayLock; text: the password */
    DISPLAY_DROP = 4,   /* client has to go; 0: all of them */
    DISPLAY_ADMIT = 5,  /* a web page from origin comes in once with the token in text, for as
                           many seconds as value says */
    /* From the helper */
    DISPLAY_DRAWN = 6,    /* the last DIRTY or SCREEN is done: another one may come */
    DISPLAY_JOIN = 7,     /* client has come in; text: from where; value 1: it is a web page */
    DISPLAY_LEAVE = 8,    /* client has gone */
    DISPLAY_KEY = 9,      /* client: keysym in value, down in x (0 or 1) */
    DISPLAY_POINTER = 10, /* client: pointer at x, y with buttons in value */
    DISPLAY_TYPE_END = 11
} DisplayMessageType;

typedef enum {
    DISPLAY_LOCK_OPEN,     /* no password */
    DISPLAY_LOCK_PASSWORD, /* text, 1 to 8 bytes */
    DISPLAY_LOCK_CLOSED,   /* nobody comes in */
    DISPLAY_LOCK_END
} DisplayLock;

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t client;
    uint32_t x, y, width, height;
    uint32_t value;
    char text[DISPLAY_TEXT_SIZE];     /* zero-terminated, zero after that */
    char origin[DISPLAY_ORIGIN_SIZE]; /* likewise */
} DisplayMessage;

/* A message of TYPE with all else zero. */
DisplayMessage display_message(DisplayMessageType type);
/* Copies what fits of TEXT. */
void display_message_set_text(DisplayMessage *message, const char *text);

/* Whether TEXT can be a token (16 characters or more of A-Z a-z 0-9 - _), or an origin (as
 * "http://127.0.0.1:4711": printable ASCII without spaces), for DISPLAY_ADMIT. */
bool display_is_token(const char *text);
bool display_is_origin(const char *text);

/* Whether BYTES received are a message that may be used; the error says what is wrong with it. */
bool display_message_check(const DisplayMessage *message, gsize bytes, bool has_fd, bool to_helper,
                           GError **error);

/* Never blocks: false when the socket is full or gone. FD, if not -1, stays the caller's. */
bool display_message_send(int socket, const DisplayMessage *message, int fd);

/* ERROR is set for PACKET_WRONG only; *FD is the caller's, or -1. */
PacketResult display_message_receive(int socket, DisplayMessage *message, bool to_helper, int *fd,
                                     GError **error);

#endif
