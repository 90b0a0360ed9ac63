/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues (virtio 1.x, 2.7): the rings in guest memory, from the device's side.
 */
#ifndef MACHINE_DEVICES_VIRTQUEUE_H
#define MACHINE_DEVICES_VIRTQUEUE_H

#include "machine/memory.h"
#include "replay/state.h"

#define VIRTQUEUE_SIZE_MAX 256

typedef struct {
    uint64_t descriptors, available, used; /* guest-physical */
    uint16_t size;                         /* entries, as the driver chose it */
    uint16_t next_available;               /* ring index of the next chain to take */
    uint16_t next_used;                    /* ring index of the next chain to return */
    uint16_t signalled;                    /* next_used when an interrupt was last considered */
    uint8_t is_enabled;
    uint8_t zero[7]; /* fills the struct to its alignment; always 0 */
} VirtqueueState;

extern const StateTable virtqueue_state_table;

/* The features that change what the rings mean, as negotiated. */
typedef struct {
    bool indirect, event_index;
} VirtqueueFeatures;

typedef struct {
    uint64_t address;
    uint32_t length;
} VirtqueueSegment;

/* A chain, copied out of guest memory and checked: each segment lies in RAM. */
typedef struct {
    uint16_t head;
    unsigned readable, writable; /* segments; the readable ones come first */
    uint64_t readable_bytes, writable_bytes;
    VirtqueueSegment segment[VIRTQUEUE_SIZE_MAX];
} VirtqueueChain;

typedef enum {
    VIRTQUEUE_EMPTY,
    VIRTQUEUE_CHAIN,
    VIRTQUEUE_BROKEN, /* the driver broke a rule: the device needs a reset */
} VirtqueueResult;

/* Whether size, addresses and alignment can be used; to be asked when the driver enables the queue.
 */
bool virtqueue_is_valid(const VirtqueueState *queue, const Memory *memory);

/* Takes the next chain that the driver made available. */
VirtqueueResult virtqueue_pop(VirtqueueState *queue, Memory *memory, VirtqueueFeatures features,
                              VirtqueueChain *chain);
/* Whether virtqueue_pop() would give anything but VIRTQUEUE_EMPTY. Writes nothing anywhere. */
bool virtqueue_has_chains(const VirtqueueState *queue, const Memory *memory);
/* Puts back the chain that the last virtqueue_pop() took. */
void virtqueue_unpop(VirtqueueState *queue);
/* Returns the chain HEAD, of which WRITTEN bytes were written; false if the ring is broken. */
bool virtqueue_push(VirtqueueState *queue, Memory *memory, uint16_t head, uint32_t written);
/* Whether the driver wants an interrupt for what was pushed since the last call. */
bool virtqueue_wants_interrupt(VirtqueueState *queue, Memory *memory, VirtqueueFeatures features);

/* Copies LENGTH bytes from OFFSET of the chain's readable part; false when it has not that many. */
bool virtqueue_chain_read(const VirtqueueChain *chain, const Memory *memory, uint64_t offset,
                          void *data, uint64_t length);
/* The same into its writable part. */
bool virtqueue_chain_write(const VirtqueueChain *chain, Memory *memory, uint64_t offset,
                           const void *data, uint64_t length);

#endif
