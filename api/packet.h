/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_PACKET_H
#define POWERPLAY_API_PACKET_H

/* Packets of a SOCK_SEQPACKET socket, each with one descriptor or none: what all our binary
 * messages travel in. Nothing here waits. */

#include <glib.h>
#include <stdbool.h>

/* Sends BYTES, with FD if it is not -1 (which stays the caller's). 0, or an errno value; EAGAIN:
 * the socket is full. */
int packet_send(int socket, const void *bytes, gsize length, int fd);

typedef enum { PACKET_RECEIVED, PACKET_NONE_YET, PACKET_CLOSED, PACKET_BROKEN } PacketResult;

/* Receives at most ROOM bytes; *LENGTH is the packet's whole length. *FD is the caller's, or -1;
 * descriptors beyond the first are closed. PACKET_BROKEN leaves errno. */
PacketResult packet_receive(int socket, void *bytes, gsize room, gsize *length, int *fd);

#endif
