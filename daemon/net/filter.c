/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * In front of libslirp: a frame goes on only if every length in its headers is within what is
 * there, and if it needs none of the code that has had holes.
 *
 * 1. Only ARP for IPv4 over Ethernet, and IPv4. No IPv6: the network has none.
 * 2. No IP options and no fragments: nothing is ever reassembled.
 * 3. TCP has no urgent data: the flag and the pointer are cleared (CVE-2026-9539 reads beyond the
 *    packet's end), and the checksum is corrected by what they contributed, so that a packet that
 *    was damaged before stays damaged.
 * 4. Only TCP options that libslirp reads stay; others become padding.
 * 5. No TFTP to the gateway. BOOTP only with a whole fixed part.
 */

#include "daemon/net/filter.h"

#include <string.h>

#define ETHERNET_SIZE 14
#define ARP_SIZE      28
#define IP_SIZE       20
#define TCP_SIZE      20
#define UDP_SIZE      8
#define ICMP_SIZE     8
#define BOOTP_SIZE    240 /* with the magic cookie of the options */

enum { TYPE_IP = 0x0800, TYPE_ARP = 0x0806 };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { PORT_BOOTP = 67, PORT_TFTP = 69 };
enum { OPTION_END, OPTION_NOTHING, OPTION_MSS };

#define IP_FRAGMENT  0x3fff /* offset and "more fragments" */
#define TCP_URGENT   0x20
#define TCP_CHECKSUM 16
#define TCP_POINTER  18

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* Writes VALUE over the byte AT of the packet that begins at START, and corrects its checksum. */
static void patch(uint8_t *start, unsigned at, uint8_t value, unsigned checksum_at)
{
    unsigned shift = at % 2 ? 0 : 8;
    uint32_t sum = 0xffff & ~get16(start + checksum_at);
    sum += 0xffff & ~((unsigned)start[at] << shift);
    sum += (unsigned)value << shift;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    start[at] = value;
    start[checksum_at] = (uint8_t)(~sum >> 8);
    start[checksum_at + 1] = (uint8_t)~sum;
}

static bool filter_tcp_options(uint8_t *tcp, size_t header)
{
    for (size_t at = TCP_SIZE; at < header && tcp[at] != OPTION_END;) {
        if (tcp[at] == OPTION_NOTHING) {
            at++;
            continue;
        }
        size_t length = at + 1 < header ? tcp[at + 1] : 0;
        if (length < 2 || length > header - at || (tcp[at] == OPTION_MSS && length != 4))
            return false;
        if (tcp[at] != OPTION_MSS)
            for (size_t i = at; i < at + length; i++)
                patch(tcp, (unsigned)i, OPTION_NOTHING, TCP_CHECKSUM);
        at += length;
    }
    return true;
}

static bool filter_tcp(uint8_t *tcp, size_t length)
{
    if (length < TCP_SIZE)
        return false;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (header < TCP_SIZE || header > length || !filter_tcp_options(tcp, header))
        return false;
    if (tcp[13] & TCP_URGENT)
        patch(tcp, 13, tcp[13] & (uint8_t)~TCP_URGENT, TCP_CHECKSUM);
    patch(tcp, TCP_POINTER, 0, TCP_CHECKSUM);
    patch(tcp, TCP_POINTER + 1, 0, TCP_CHECKSUM);
    return true;
}

static bool filter_udp(const uint8_t *udp, size_t length, bool is_local)
{
    if (length < UDP_SIZE || get16(udp + 4) < UDP_SIZE || get16(udp + 4) > length)
        return false;
    unsigned port = get16(udp + 2);
    if (port == PORT_BOOTP)
        return get16(udp + 4) >= UDP_SIZE + BOOTP_SIZE;
    return !(port == PORT_TFTP && is_local);
}

static bool filter_ip(uint8_t *ip, size_t *length, uint32_t network, uint32_t mask)
{
    if (*length < IP_SIZE || ip[0] != 0x45)
        return false;
    size_t total = get16(ip + 2);
    if (total < IP_SIZE || total > *length || get16(ip + 6) & IP_FRAGMENT)
        return false;
    *length = total;
    uint32_t to = get32(ip + 16);
    bool is_local = (to & mask) == network || to == UINT32_MAX;
    switch (ip[9]) {
    case PROTOCOL_TCP: return filter_tcp(ip + IP_SIZE, total - IP_SIZE);
    case PROTOCOL_UDP: return filter_udp(ip + IP_SIZE, total - IP_SIZE, is_local);
    case PROTOCOL_ICMP: return total - IP_SIZE >= ICMP_SIZE;
    default: return false;
    }
}

static bool filter_arp(const uint8_t *arp, size_t length)
{
    static const uint8_t start[6] = { 0, 1, 8, 0, 6, 4 }; /* Ethernet, IPv4, their sizes */
    return length >= ARP_SIZE && memcmp(arp, start, sizeof start) == 0;
}

bool filter_frame(uint8_t *frame, size_t *length, uint32_t network, uint32_t mask)
{
    if (*length < ETHERNET_SIZE)
        return false;
    size_t inner = *length - ETHERNET_SIZE;
    bool good = false;
    switch (get16(frame + 12)) {
    case TYPE_ARP: good = filter_arp(frame + ETHERNET_SIZE, inner); break;
    case TYPE_IP: good = filter_ip(frame + ETHERNET_SIZE, &inner, network, mask); break;
    default: break;
    }
    *length = inner + ETHERNET_SIZE;
    return good;
}
