/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_NET_MESSAGE_H
#define POWERPLAY_API_NET_MESSAGE_H

/*
 * Messages between a machine's process and its network helper, and between that and the daemon: a
 * header of fixed size and a bounded body, checked before anything is used. One message a packet of
 * a SOCK_SEQPACKET socket; SETUP and LINE carry a descriptor.
 *
 * Neither side trusts the other: frames are what a guest, or anybody on the network, has made.
 */

#include "api/packet.h"

#include <stdint.h>

#define NET_MAGIC     0x50504e31u /* "PPN1" */
#define NET_VERSION   3
#define NET_NICS      4u
#define NET_FRAME_MIN 14u
#define NET_FRAME_MAX 1514u /* Ethernet without check sequence */

typedef enum {
    /* To the helper */
    NET_SETUP = 1,     /* nic: its network begins; fd: the clock's page */
    NET_TEARDOWN = 2,  /* nic: its network ends, with all connections */
    NET_FORWARD = 4,   /* nic: NetForward; a RESULT of the same id follows */
    NET_UNFORWARD = 5, /* likewise ends it */
    NET_FLOW = 10,     /* nic: NetSwitch; whether its frames may come; after SETUP they may */
    /* Both ways */
    NET_FRAME = 3, /* nic: an Ethernet frame */
    /* From the helper */
    NET_RESULT = 6, /* NetResult */
    NET_LINK = 7,   /* nic: NetSwitch; whether somebody is at the other end of the wire */
    /* Between the helper and the daemon, which alone opens anything */
    NET_WANT = 8, /* from the helper; nic: NetSwitch; whether it wants the wire's other end */
    NET_LINE = 9, /* to the helper; nic; fd: a connection to it */
    NET_TYPE_END = 11
} NetMessageType;

/* Addresses in network order, ports in host order. */
typedef struct {
    uint32_t host_address, guest_address; /* 0 for the guest: the one that DHCP gives it */
    uint16_t host_port;                   /* 0: any that is free */
    uint16_t guest_port;
    uint16_t is_udp;
    uint16_t zero;
} NetForward;

typedef struct {
    int32_t code;  /* errno value; 0: it went well */
    uint16_t port; /* of the host */
    uint16_t zero;
} NetResult;

typedef struct {
    uint16_t is_on;
    uint16_t zero;
} NetSwitch;

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint8_t type; /* NetMessageType */
    uint8_t nic;  /* below NET_NICS */
    uint32_t id;  /* of FORWARD, UNFORWARD and RESULT; else 0 */
    uint16_t length;
    uint16_t zero;
    uint8_t data[NET_FRAME_MAX + 2];
} NetMessage;

#define NET_HEADER_SIZE G_STRUCT_OFFSET(NetMessage, data)

/* Fills the header and LENGTH bytes of the body, which must fit. */
void net_message_init(NetMessage *message, NetMessageType type, unsigned nic, uint32_t id,
                      const void *data, gsize length);

/* Whether BYTES received are a message that may be used; the error says what is wrong with it. */
bool net_message_check(const NetMessage *message, gsize bytes, bool has_fd, bool to_helper,
                       GError **error);

/* Never blocks. False when the socket is full (*FULL, which may be NULL, is set) or gone. */
bool net_message_send(int socket, const NetMessage *message, int fd, bool *full);

/* ERROR is set for PACKET_WRONG only; *FD is the caller's, or -1. */
PacketResult net_message_receive(int socket, NetMessage *message, bool to_helper, int *fd,
                                 GError **error);

/* Likewise up to COUNT (at most PACKET_BATCH) at once. How many; *END: what is behind them
 * (PACKET_RECEIVED: perhaps more). */
unsigned net_message_receive_many(int socket, NetMessage *messages, int *fds, unsigned count,
                                  bool to_helper, PacketResult *end, GError **error);

/*
 * The clock's page begins with one word, written by the machine and read by the helper at any
 * moment: bit 0 says that virtual time runs; the rest is virtual time less the host's monotonic
 * time if it does, else virtual time itself, in ns.
 */
#define NET_CLOCK_SIZE 4096
static inline uint64_t net_clock_word(bool runs, int64_t virtual_ns, int64_t monotonic_ns)
{
    return (uint64_t)(runs ? virtual_ns - monotonic_ns : virtual_ns) << 1 | runs;
}

static inline int64_t net_clock_ns(uint64_t word, int64_t monotonic_ns)
{
    return ((int64_t)word >> 1) + (word & 1 ? monotonic_ns : 0);
}

#endif
