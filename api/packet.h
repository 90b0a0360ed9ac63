/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_PACKET_H
#define POWERPLAY_API_PACKET_H

/* Packets of a SOCK_SEQPACKET socket, each with one descriptor or none: what all our binary
 * messages travel in. Nothing here waits. */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef enum {
    PACKET_RECEIVED,
    PACKET_NONE_YET,
    PACKET_CLOSED, /* or the socket is broken */
    PACKET_WRONG   /* it came, and is no message that may be used */
} PacketResult;

/* Sends BYTES, with FD if it is not -1 (which stays the caller's). 0, or an errno value; EAGAIN:
 * the socket is full. */
int packet_send(int socket, const void *bytes, gsize length, int fd);

/* Receives at most ROOM bytes; *LENGTH is the packet's whole length. *FD is the caller's, or -1;
 * descriptors beyond the first are closed. Never PACKET_WRONG: see packet_judge(). */
PacketResult packet_receive(int socket, void *bytes, gsize room, gsize *length, int *fd);

#define PACKET_BATCH 64 /* at once */

typedef struct {
    void *bytes;  /* where to */
    gsize room;   /* there */
    gsize length; /* the packet's, all of it */
    int fd;       /* the caller's, or -1 */
} PacketSlot;

/* Likewise as many as there are of at most COUNT (up to PACKET_BATCH) packets, by one call of the
 * host's. How many; *END: what is behind them (PACKET_RECEIVED: perhaps more). */
unsigned packet_receive_many(int socket, PacketSlot *packets, unsigned count, PacketResult *end);

/* Likewise bytes of a stream; as recv() answers. *FDS is how many descriptors came with them; of
 * two or more it may be less, but not below two. */
ssize_t packet_stream_receive(int socket, void *bytes, gsize room, int *fd, unsigned *fds);

/* What to make of a packet that came: if it IS_GOOD, PACKET_RECEIVED; else PACKET_WRONG, and *FD is
 * closed. */
PacketResult packet_judge(bool is_good, int *fd);

/* For checks of messages: sets ERROR, "bad WHAT: " and the text, and is false. */
bool packet_refuse(GError **error, const char *what, const char *format, ...) G_GNUC_PRINTF(3, 4);

#endif
