/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net: sends as fast as its line is (frames are output: hashed, handed to the host's side,
 * nothing waits for that), receives what a NET event brings.
 *
 * 1. A frame that finds no buffers, no driver or no cable is dropped, as a wire would drop it.
 *    Live, the inbox keeps frames while a driver works the adapter and has given no buffers
 *    (input_room).
 * 2. Neither checksums nor segmentation are offered: the guest makes whole frames.
 * 3. With mergeable buffers a frame takes as many as it needs; without, one that holds it whole.
 * 4. Pulling the cable (CONTROL/link) shows in the status and as an interrupt; a reset of the
 *    machine puts it back in.
 * 5. The line takes 10 Gbit/s of virtual time, and at most a million frames a second: a guest that
 *    sends garbage in a loop costs the host no more than that. What is sent waits in the driver's
 *    ring while the line is more than BURST_NS behind; a timer goes on with it.
 */
#include "machine/devices/virtio-devices.h"
#include "machine/machine.h"

#include <string.h>

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT };

#define FEATURE_MAC       5
#define FEATURE_MERGEABLE 15
#define FEATURE_STATUS    16
#define CONFIG_STATUS     6
#define STATUS_LINK_UP    1
#define HEADER_SIZE       12 /* with VERSION_1 always */
#define HEADER_BUFFERS    10
#define FRAME_MIN         1 /* what is too short for Ethernet is for the other end to judge */
#define FRAME_MAX         65535
#define QUEUE_SIZE        256
#define FRAME_NS          1000 /* the least that a frame takes the line */
#define FRAME_OVERHEAD    24   /* bytes on the line: preamble, check sequence, gap */
#define BURST_NS          (QUEUE_SIZE * FRAME_NS)

typedef struct {
    VirtioState virtio;
    uint64_t received, dropped; /* frames */
    uint64_t line_free_ns;      /* when all that was sent has gone over the line */
    TimerState timer;           /* until it may be sent on */
    uint8_t is_unplugged;
    uint8_t zero[7];
} VirtioNetState;

typedef struct {
    VirtioDevice parent;
    VirtioNetState s;
    Timer timer;
    uint8_t mac[6];
    uint8_t frame[HEADER_SIZE + FRAME_MAX]; /* scratch */
    VirtqueueChain chain[QUEUE_SIZE];       /* scratch */
} VirtioNet;

static const StateTable virtio_net_state = {
    "virtio-net", 3, sizeof(VirtioNetState),
    (const StateField[]){
        STATE_STRUCT(VirtioNetState, virtio, &virtio_state_table, "transport"),
        STATE_FIELD(VirtioNetState, received, "frames put into the driver's buffers"),
        STATE_FIELD(VirtioNetState, dropped, "frames without a buffer, or of a wrong size"),
        STATE_FIELD(VirtioNetState, line_free_ns, "virtual time at which the line has sent all"),
        STATE_STRUCT(VirtioNetState, timer, &timer_state_table, "when the driver's frames go on"),
        STATE_FIELD_MAX(VirtioNetState, is_unplugged, 1, "whether the cable is out"),
        STATE_ARRAY_MAX(VirtioNetState, zero, 0, "always 0"), STATE_DONE }
};

static uint64_t net_features(VirtioDevice *device)
{
    return 1ull << FEATURE_MAC | 1ull << FEATURE_STATUS | 1ull << FEATURE_MERGEABLE;
}

static void net_config(VirtioDevice *device, uint8_t *bytes)
{
    const VirtioNet *net = (const VirtioNet *)device;
    memcpy(bytes, net->mac, 6);
    bytes[CONFIG_STATUS] = net->s.is_unplugged ? 0 : STATUS_LINK_UP;
}

/* --- from the guest --------------------------------------------------------------------------- */

static bool transmit_one(VirtioNet *net, const VirtqueueChain *chain)
{
    Device *device = &net->parent.parent;
    uint64_t length = chain->readable_bytes;
    if (length < HEADER_SIZE + FRAME_MIN || length > sizeof net->frame || net->s.is_unplugged ||
        !virtqueue_chain_read(chain, machine_memory(device->machine), 0, net->frame, length))
        return false;
    machine_output(device, net->frame + HEADER_SIZE, length - HEADER_SIZE);
    return true;
}

/* Whether the line can take one more at NOW; the frame that it takes is still to come. */
static bool has_credit(const VirtioNet *net, uint64_t now)
{
    return net->s.line_free_ns <= now + BURST_NS;
}

static void take_credit(VirtioNet *net, uint64_t now, uint64_t bytes)
{
    bytes = MIN(bytes, FRAME_MAX) + FRAME_OVERHEAD;
    uint64_t ns = MAX(FRAME_NS, bytes * 8 / 10);
    net->s.line_free_ns = MAX(net->s.line_free_ns, now) + ns;
}

static void transmit(VirtioNet *net)
{
    VirtioDevice *device = &net->parent;
    uint64_t now = machine_now_ns(device->parent.machine);
    while (has_credit(net, now) && virtio_pop(device, QUEUE_TRANSMIT, &net->chain[0])) {
        take_credit(net, now, net->chain[0].readable_bytes);
        if (!transmit_one(net, &net->chain[0]))
            net->s.dropped++;
        virtio_push(device, QUEUE_TRANSMIT, net->chain[0].head, 0);
    }
    if (!has_credit(net, now))
        timer_arm(&net->timer, net->s.line_free_ns - BURST_NS / 2);
    virtio_signal(device, QUEUE_TRANSMIT);
}

static void fire(Device *device, unsigned which)
{
    transmit((VirtioNet *)device);
}

static void net_stop(VirtioDevice *device)
{
    VirtioNet *net = (VirtioNet *)device;
    timer_disarm(&net->timer);
}

/* Buffers for receiving wait in the ring until a frame comes. */
static void net_notify(VirtioDevice *device, unsigned queue)
{
    if (queue == QUEUE_TRANSMIT)
        transmit((VirtioNet *)device);
}

/* --- to the guest ----------------------------------------------------------------------------- */

/* Takes buffers that hold TOTAL bytes; 0 and none taken if there are not so many. */
static unsigned take_buffers(VirtioNet *net, uint64_t total)
{
    VirtioDevice *device = &net->parent;
    unsigned most = virtio_has_feature(device, FEATURE_MERGEABLE) ? QUEUE_SIZE : 1;
    unsigned count = 0;
    uint64_t space = 0;
    while (space < total && count < most && virtio_pop(device, QUEUE_RECEIVE, &net->chain[count])) {
        /* The first one must hold the whole header, or the driver could not know how many. */
        space += net->chain[count].writable_bytes;
        count++;
        if (space < HEADER_SIZE)
            break;
    }
    if (space >= total)
        return count;
    while (count-- > 0)
        virtio_unpop(device, QUEUE_RECEIVE);
    return 0;
}

static void fill_buffers(VirtioNet *net, unsigned count, uint64_t total)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t part = MIN(total - done, net->chain[i].writable_bytes);
        virtqueue_chain_write(&net->chain[i], machine_memory(net->parent.parent.machine), 0,
                              net->frame + done, part);
        virtio_push(&net->parent, QUEUE_RECEIVE, net->chain[i].head, (uint32_t)part);
        done += part;
    }
}

static void receive(VirtioNet *net, const uint8_t *frame, size_t length)
{
    unsigned count = 0;
    if (length >= FRAME_MIN && length <= FRAME_MAX && !net->s.is_unplugged)
        count = take_buffers(net, HEADER_SIZE + length);
    if (count == 0) {
        net->s.dropped++;
        return;
    }
    memset(net->frame, 0, HEADER_SIZE);
    net->frame[HEADER_BUFFERS] = (uint8_t)count;
    net->frame[HEADER_BUFFERS + 1] = (uint8_t)(count >> 8);
    memcpy(net->frame + HEADER_SIZE, frame, length);
    fill_buffers(net, count, HEADER_SIZE + length);
    net->s.received++;
    machine_arrived(&net->parent.parent, frame, length);
    virtio_signal(&net->parent, QUEUE_RECEIVE);
}

static void plug(VirtioNet *net, bool is_in)
{
    if (net->s.is_unplugged == !is_in)
        return;
    net->s.is_unplugged = !is_in;
    virtio_config_changed(&net->parent);
}

static void net_input(Device *device, const Event *event)
{
    VirtioNet *net = (VirtioNet *)device;
    if (event->kind == EVENT_NET)
        receive(net, event->net.data, event->net.data_length);
    else if (event->kind == EVENT_CONTROL && event->control.data_length == 2)
        plug(net, event->control.data[1] != 0);
    else
        device_note_unknown(device, "input of a kind that it is not for", event->kind);
}

/* Frames to come; one that nobody would take need not wait. */
static size_t net_room(Device *device)
{
    const VirtioNet *net = (const VirtioNet *)device;
    return net->s.is_unplugged || !virtio_is_running(&net->parent) ||
           virtio_has_chains(&net->parent, QUEUE_RECEIVE);
}

/* --- life ------------------------------------------------------------------------------------- */

static const VirtioType net_type = {
    .identity = VIRTIO_IDENTITY(1, 0x020000),
    .node_name = "ethernet",
    .queue_count = 2,
    .queue_size = QUEUE_SIZE,
    .config_size = 12,
    .features = net_features,
    .config = net_config,
    .notify = net_notify,
    .stop = net_stop,
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
    timer_init(&net->timer, &net->parent.parent, &net->s.timer, fire, 0);
    return &net->parent;
}

const DeviceClass virtio_net_class = {
    .name = "virtio-net",
    .behaviour_version = 3,
    .size = sizeof(VirtioNet),
    .state = &virtio_net_state,
    .state_offset = offsetof(VirtioNet, s),
    .reset = net_reset,
    .input = net_input,
    .input_room = net_room,
};
