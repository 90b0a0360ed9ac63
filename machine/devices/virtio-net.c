/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net: sends at once (packets are output: hashed, handed to the host's side, nothing waits),
 * receives what a NET event brings, and drops it when the driver has no buffer, as a wire would.
 */
#include "machine/devices/virtio-devices.h"
#include "machine/machine.h"

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT };

#define FEATURE_MAC    5
#define FEATURE_STATUS 16
#define CONFIG_STATUS  6
#define STATUS_LINK_UP 1
#define HEADER_SIZE                                                                                \
    12 /* with VERSION_1 always; checksum and segmentation offloads are not offered */
#define FRAME_MAX 65535

typedef struct {
    VirtioState virtio;
    uint64_t received, dropped; /* packets */
} VirtioNetState;

typedef struct {
    VirtioDevice parent;
    VirtioNetState s;
    uint8_t mac[6];
    uint8_t frame[HEADER_SIZE + FRAME_MAX]; /* scratch */
} VirtioNet;

static const StateTable virtio_net_state = {
    "virtio-net", 1, sizeof(VirtioNetState),
    (const StateField[]){
        STATE_STRUCT(VirtioNetState, virtio, &virtio_state_table, "transport"),
        STATE_FIELD(VirtioNetState, received, "packets put into the driver's buffers"),
        STATE_FIELD(VirtioNetState, dropped, "packets without a buffer, or of a wrong size"),
        STATE_DONE }
};

static uint64_t net_features(VirtioDevice *device)
{
    return 1ull << FEATURE_MAC | 1ull << FEATURE_STATUS;
}

static void net_config(VirtioDevice *device, uint8_t *bytes)
{
    memcpy(bytes, ((VirtioNet *)device)->mac, 6);
    bytes[CONFIG_STATUS] = STATUS_LINK_UP;
}

static void transmit(VirtioDevice *device)
{
    VirtioNet *net = (VirtioNet *)device;
    VirtqueueChain chain;
    while (virtio_pop(device, QUEUE_TRANSMIT, &chain)) {
        uint64_t length = chain.readable_bytes;
        if (length > HEADER_SIZE && length <= sizeof net->frame &&
            virtqueue_chain_read(&chain, machine_memory(device->parent.machine), 0, net->frame,
                                 length))
            machine_output(&device->parent, net->frame + HEADER_SIZE, length - HEADER_SIZE);
        else
            net->s.dropped++;
        virtio_push(device, QUEUE_TRANSMIT, chain.head, 0);
    }
    virtio_signal(device, QUEUE_TRANSMIT);
}

/* Buffers for receiving wait in the ring until a packet comes. */
static void net_notify(VirtioDevice *device, unsigned queue)
{
    if (queue == QUEUE_TRANSMIT)
        transmit(device);
}

static void receive(VirtioDevice *device, const uint8_t *frame, size_t length)
{
    VirtioNet *net = (VirtioNet *)device;
    VirtqueueChain chain;
    if (length == 0 || length > FRAME_MAX || !virtio_pop(device, QUEUE_RECEIVE, &chain)) {
        net->s.dropped++;
        return;
    }
    uint32_t total = (uint32_t)(HEADER_SIZE + length);
    memset(net->frame, 0, HEADER_SIZE);
    net->frame[10] = 1; /* num_buffers, little-endian */
    memcpy(net->frame + HEADER_SIZE, frame, length);
    if (virtqueue_chain_write(&chain, machine_memory(device->parent.machine), 0, net->frame,
                              total)) {
        net->s.received++;
    } else {
        net->s.dropped++;
        total = 0;
    }
    virtio_push(device, QUEUE_RECEIVE, chain.head, total);
    virtio_signal(device, QUEUE_RECEIVE);
}

static void net_input(Device *device, const Event *event)
{
    if (event->kind == EVENT_NET)
        receive((VirtioDevice *)device, event->net.data, event->net.data_length);
}

static const VirtioType net_type = {
    .identity = VIRTIO_IDENTITY(1, 0x020000),
    .node_name = "ethernet",
    .queue_count = 2,
    .queue_size = 256,
    .config_size = 12,
    .features = net_features,
    .config = net_config,
    .notify = net_notify,
};

static void net_reset(Device *device)
{
    virtio_reset((VirtioDevice *)device);
}

VirtioDevice *virtio_net_new(Machine *machine, const char *id, const uint8_t mac[6])
{
    VirtioNet *net = (VirtioNet *)device_new(machine, &virtio_net_class, id);
    memcpy(net->mac, mac, sizeof net->mac);
    virtio_init(&net->parent, &net_type);
    return &net->parent;
}

const DeviceClass virtio_net_class = {
    .name = "virtio-net",
    .behaviour_version = 1,
    .size = sizeof(VirtioNet),
    .state = &virtio_net_state,
    .state_offset = offsetof(VirtioNet, s),
    .reset = net_reset,
    .input = net_input,
};
