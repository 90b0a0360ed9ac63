/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_NET_H
#define POWERPLAY_MACHINE_WORKER_NET_H

/* The worker's end of its cables: see worker-net.c. Control thread, unless said otherwise. */

#include "machine/worker.h"

WorkerNet *net_new(Worker *worker);
void net_free(WorkerNet *net);

/* A helper has been started: SOCKET (taken) leads to it. */
void net_set_helper(WorkerNet *net, int socket);

/* The machine was reset, with all its cables in. */
void net_was_reset(WorkerNet *net);

/* Plugs the cable of nic ID in or pulls it. False with ERROR if there is none, or in a replay. */
bool net_set_link(WorkerNet *net, const char *id, bool up, GError **error);

/* Answer REQUEST when the helper has. ID NULL: the first nic with a network. */
void net_add_forward(WorkerNet *net, ApiRequest *request, const char *id, const char *rule);
void net_remove_forward(WorkerNet *net, ApiRequest *request, const char *id, const char *rule);

/* Answers to query-netdev and query-hostfwd. */
JsonNode *net_query(WorkerNet *net);
JsonNode *net_query_forwards(WorkerNet *net);

/* Machine thread: a frame that the guest has sent by device NUMBER; others are left alone. */
void net_output(WorkerNet *net, unsigned number, const void *frame, size_t length);
/* Machine thread: a frame that the guest has got. */
void net_arrived(WorkerNet *net, unsigned number, const void *frame, size_t length);
/* Machine thread: after each quantum. MONOTONIC_NS is the host's time. */
void net_publish(WorkerNet *net, int64_t monotonic_ns);

#endif
