/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_PCAP_H
#define POWERPLAY_MACHINE_WORKER_PCAP_H

/* A file of frames: see worker-pcap.c. Machine thread, but for making and freeing. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Pcap Pcap;

/* FD is borrowed: an empty file. */
Pcap *pcap_new(int fd);
/* Writes what is left. */
void pcap_free(Pcap *pcap);

/* A frame at NOW_NS of virtual time. IS_REPLAY: what was seen before is not written again. */
void pcap_add(Pcap *pcap, uint64_t now_ns, bool is_replay, const void *frame, gsize length);
/* Writes if it is time: MONOTONIC_NS is the host's, IS_URGENT means that nothing more may come. */
void pcap_flush(Pcap *pcap, int64_t monotonic_ns, bool is_urgent);

#endif
