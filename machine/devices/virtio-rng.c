/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-rng: fills the driver's buffers with the host's random bytes, which the machine logs.
 */
#include "machine/devices/virtio-devices.h"
#include "machine/machine.h"

#define FILL_MAX 4096 /* bytes per chain; a driver gets fewer than it asked for, as it may */

typedef struct {
    VirtioState virtio;
} VirtioRngState;

typedef struct {
    VirtioDevice parent;
    VirtioRngState s;
} VirtioRng;

static const StateTable virtio_rng_state = {
    "virtio-rng", 1, sizeof(VirtioRngState),
    (const StateField[]){ STATE_STRUCT(VirtioRngState, virtio, &virtio_state_table, "transport"),
                          STATE_DONE }
};

static void rng_notify(VirtioDevice *device, unsigned queue)
{
    VirtqueueChain chain;
    uint8_t bytes[FILL_MAX];
    while (virtio_pop(device, queue, &chain)) {
        uint32_t length = (uint32_t)MIN(chain.writable_bytes, sizeof bytes);
        if (length) {
            machine_random(device->parent.machine, bytes, length);
            virtqueue_chain_write(&chain, machine_memory(device->parent.machine), 0, bytes, length);
        }
        virtio_push(device, queue, chain.head, length);
    }
    virtio_signal(device, queue);
}

static const VirtioType rng_type = {
    .identity = VIRTIO_IDENTITY(4, 0x00ff00),
    .node_name = "unknown-legacy-device",
    .queue_count = 1,
    .queue_size = 8,
    .notify = rng_notify,
};

static void rng_reset(Device *device)
{
    virtio_reset((VirtioDevice *)device);
}

VirtioDevice *virtio_rng_new(Machine *machine, const char *id)
{
    VirtioDevice *device = (VirtioDevice *)device_new(machine, &virtio_rng_class, id);
    virtio_init(device, &rng_type);
    return device;
}

const DeviceClass virtio_rng_class = {
    .name = "virtio-rng",
    .behaviour_version = 1,
    .size = sizeof(VirtioRng),
    .state = &virtio_rng_state,
    .state_offset = offsetof(VirtioRng, s),
    .reset = rng_reset,
};
