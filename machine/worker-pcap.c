/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames of an adapter in a file as tcpdump and wireshark read it, with virtual time since power-on
 * in nanoseconds.
 *
 * 1. Time is the guest's, so a recording and its replays write the same bytes.
 * 2. A replay that goes back comes by the same frames again; they are in the file already. A live
 *    machine that goes back (loadvm) has another future, which is appended.
 * 3. The file is a convenience: when it cannot be written, the dump ends, the machine goes on.
 */

#include "machine/worker-pcap.h"

#include "machine/config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define VERSION_MAJOR 2
#define VERSION_MINOR 4
#define LENGTH_MAX    65535u
#define TYPE_ETHERNET 1u

#define KEPT_MAX 65536u
#define KEPT_NS  200000000

struct Pcap {
    int fd; /* -1: given up */
    GByteArray *kept;
    uint64_t last_ns; /* virtual time of the newest frame */
    bool is_behind;   /* a replay was there before */
    int64_t flushed_ns;
};

static void put32(Pcap *pcap, uint32_t value)
{
    g_byte_array_append(pcap->kept, (const guint8 *)&value, sizeof value);
}

Pcap *pcap_new(int fd)
{
    Pcap *pcap = g_new0(Pcap, 1);
    *pcap = (Pcap){ .fd = fd, .kept = g_byte_array_new() };
    put32(pcap, MACHINE_CONFIG_PCAP_MAGIC);
    put32(pcap, G_BYTE_ORDER == G_LITTLE_ENDIAN ? VERSION_MAJOR | VERSION_MINOR << 16
                                                : VERSION_MAJOR << 16 | VERSION_MINOR);
    put32(pcap, 0); /* zone */
    put32(pcap, 0); /* accuracy */
    put32(pcap, LENGTH_MAX);
    put32(pcap, TYPE_ETHERNET);
    return pcap;
}

void pcap_add(Pcap *pcap, uint64_t now_ns, bool is_replay, const void *frame, gsize length)
{
    if (pcap->fd < 0 || length > LENGTH_MAX)
        return;
    if (!is_replay)
        pcap->is_behind = false;
    else if (now_ns < pcap->last_ns)
        pcap->is_behind = true;
    if (pcap->is_behind && now_ns <= pcap->last_ns)
        return;
    pcap->is_behind = false;
    pcap->last_ns = now_ns;
    put32(pcap, (uint32_t)(now_ns / 1000000000));
    put32(pcap, (uint32_t)(now_ns % 1000000000));
    put32(pcap, (uint32_t)length);
    put32(pcap, (uint32_t)length);
    g_byte_array_append(pcap->kept, frame, (guint)length);
}

static void write_kept(Pcap *pcap)
{
    for (guint done = 0; done < pcap->kept->len && pcap->fd >= 0;) {
        ssize_t n = write(pcap->fd, pcap->kept->data + done, pcap->kept->len - done);
        if (n < 0 && errno != EINTR) {
            g_warning("a dump of frames ends here: %s", g_strerror(errno));
            pcap->fd = -1;
        }
        done += n > 0 ? (guint)n : 0;
    }
    g_byte_array_set_size(pcap->kept, 0);
}

void pcap_flush(Pcap *pcap, int64_t monotonic_ns, bool is_urgent)
{
    if (pcap->kept->len == 0 ||
        (!is_urgent && pcap->kept->len < KEPT_MAX && monotonic_ns - pcap->flushed_ns < KEPT_NS))
        return;
    pcap->flushed_ns = monotonic_ns;
    write_kept(pcap);
}

void pcap_free(Pcap *pcap)
{
    if (!pcap)
        return;
    write_kept(pcap);
    g_byte_array_unref(pcap->kept);
    g_free(pcap);
}
