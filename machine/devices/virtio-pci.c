/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modern virtio over PCI (virtio 1.x, 4.1): one memory BAR of 16 KiB holds the common structure,
 * the interrupt status, the device's configuration and the notification area, 4 KiB each; vendor
 * capabilities say so. Interrupts are INTx: the line is high while the status is not 0.
 *
 * 1. Chains are taken only while DRIVER_OK is set, NEEDS_RESET is not, and the function may be a
 * bus master.
 * 2. A notification is the event: chains are taken inside the store that notifies, at its own count
 *    of instructions, never by looking from time to time.
 * 3. All registers are little-endian, whatever the guest is.
 */
#include "machine/devices/virtio-pci.h"

#include "machine/le.h"
#include "machine/machine.h"

#define AREA_SIZE 0x1000
enum { AREA_COMMON, AREA_ISR, AREA_DEVICE, AREA_NOTIFY };
#define NOTIFY_MULTIPLIER 4

#define CAPABILITIES_AT   0x40
#define CAPABILITY_VENDOR 9
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4 };

#define STATUS_DRIVER_OK   0x04
#define STATUS_FEATURES_OK 0x08
#define STATUS_NEEDS_RESET 0x40

#define ISR_QUEUE  1
#define ISR_CONFIG 2

#define FEATURE_INDIRECT    28
#define FEATURE_EVENT_INDEX 29
#define FEATURE_VERSION_1   32
#define NO_VECTOR           0xffff

enum {
    COMMON_DEVICE_FEATURE_SELECT = 0x00,
    COMMON_DEVICE_FEATURE = 0x04,
    COMMON_DRIVER_FEATURE_SELECT = 0x08,
    COMMON_DRIVER_FEATURE = 0x0c,
    COMMON_CONFIG_VECTOR = 0x10,
    COMMON_QUEUE_COUNT = 0x12,
    COMMON_STATUS = 0x14,
    COMMON_GENERATION = 0x15,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY = 0x1e,
    COMMON_QUEUE_DESCRIPTORS = 0x20,
    COMMON_QUEUE_AVAILABLE = 0x28,
    COMMON_QUEUE_USED = 0x30,
    COMMON_END = 0x38,
};

const StateTable virtio_state_table = {
    "virtio", 1, sizeof(VirtioState),
    (const StateField[]){
        STATE_STRUCT(VirtioState, pci, &pci_state_table, "PCI function"),
        STATE_FIELD(VirtioState, driver_features, "features that the driver has accepted"),
        STATE_FIELD(VirtioState, device_feature_select, "which half of the offer is shown"),
        STATE_FIELD(VirtioState, driver_feature_select, "which half of the answer is shown"),
        STATE_FIELD(VirtioState, queue_select, "queue that the registers show"),
        STATE_FIELD(VirtioState, status, "device status"),
        STATE_FIELD(VirtioState, isr, "interrupt status: bit 0 queue, bit 1 configuration"),
        STATE_ARRAY_MAX(VirtioState, zero, 0, "always 0"),
        STATE_STRUCT_ARRAY(VirtioState, queue, &virtqueue_state_table, "queues"), STATE_DONE }
};

static Memory *dma(const VirtioDevice *device)
{
    return machine_memory(device->parent.machine);
}

static uint64_t offered_features(VirtioDevice *device)
{
    return 1ull << FEATURE_INDIRECT | 1ull << FEATURE_EVENT_INDEX | 1ull << FEATURE_VERSION_1 |
           (device->type->features ? device->type->features(device) : 0);
}

bool virtio_has_feature(const VirtioDevice *device, unsigned bit)
{
    return device->state->driver_features >> bit & 1;
}

static void update_irq(VirtioDevice *device)
{
    irq_set(&device->irq, device->state->isr != 0);
}

static bool asserts(Device *device)
{
    return ((const VirtioDevice *)device)->state->isr != 0;
}

static void interrupt(VirtioDevice *device, uint8_t cause)
{
    device->state->isr |= cause;
    update_irq(device);
}

/* --- queues ----------------------------------------------------------------------------------- */

static VirtqueueState *queue_of(const VirtioDevice *device, unsigned queue)
{
    return queue < VIRTIO_QUEUES_MAX ? &device->state->queue[queue]
                                     : &device->more_queues[queue - VIRTIO_QUEUES_MAX];
}

static VirtqueueFeatures queue_features(const VirtioDevice *device)
{
    return (VirtqueueFeatures){ virtio_has_feature(device, FEATURE_INDIRECT),
                                virtio_has_feature(device, FEATURE_EVENT_INDEX) };
}

bool virtio_is_running(const VirtioDevice *device)
{
    return (device->state->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK &&
           pci_function_may_dma(&device->pci);
}

void virtio_break(VirtioDevice *device, const char *why)
{
    device_note_unknown(&device->parent, why, device->state->status);
    device->state->status |= STATUS_NEEDS_RESET;
    interrupt(device, ISR_CONFIG);
}

bool virtio_pop(VirtioDevice *device, unsigned queue, VirtqueueChain *chain)
{
    if (!virtio_is_running(device))
        return false;
    VirtqueueResult result =
        virtqueue_pop(queue_of(device, queue), dma(device), queue_features(device), chain);
    if (result == VIRTQUEUE_BROKEN)
        virtio_break(device, "broken virtqueue");
    return result == VIRTQUEUE_CHAIN;
}

void virtio_unpop(VirtioDevice *device, unsigned queue)
{
    virtqueue_unpop(queue_of(device, queue));
}

void virtio_push(VirtioDevice *device, unsigned queue, uint16_t head, uint32_t written)
{
    if (!virtqueue_push(queue_of(device, queue), dma(device), head, written))
        virtio_break(device, "used ring outside RAM");
}

void virtio_signal(VirtioDevice *device, unsigned queue)
{
    if (virtqueue_wants_interrupt(queue_of(device, queue), dma(device), queue_features(device)))
        interrupt(device, ISR_QUEUE);
}

void virtio_config_changed(VirtioDevice *device)
{
    if (virtio_is_running(device))
        interrupt(device, ISR_CONFIG);
}

bool virtio_has_chains(const VirtioDevice *device, unsigned queue)
{
    return virtqueue_has_chains(queue_of(device, queue), dma(device));
}

/* --- reset ------------------------------------------------------------------------------------ */

/* What a driver's reset (0 written to the status) clears: all but the PCI function. */
static void reset_driver_side(VirtioDevice *device)
{
    VirtioState *s = device->state;
    PciState pci = s->pci;
    if (device->type->stop)
        device->type->stop(device);
    memset(s, 0, sizeof *s);
    s->pci = pci;
    for (unsigned i = 0; i < device->type->queue_count; i++)
        *queue_of(device, i) = (VirtqueueState){ .size = device->type->queue_size };
    update_irq(device);
}

static uint8_t add_capability(uint8_t *config, uint8_t at, uint8_t type, unsigned area)
{
    uint8_t length = type == CFG_NOTIFY ? 20 : 16;
    config[at] = CAPABILITY_VENDOR;
    config[at + 1] =
        type == CFG_DEVICE ? 0 : (uint8_t)(at + length); /* the last one ends the list */
    config[at + 2] = length;
    config[at + 3] = type;
    le_put(config + at + 8, 4, area * AREA_SIZE); /* BAR 0 */
    le_put(config + at + 12, 4, AREA_SIZE);
    if (type == CFG_NOTIFY)
        le_put(config + at + 16, 4, NOTIFY_MULTIPLIER);
    return (uint8_t)(at + length);
}

void virtio_reset(VirtioDevice *device)
{
    uint8_t *config = device->state->pci.config;
    pci_function_reset(&device->pci, CAPABILITIES_AT);
    uint8_t at = add_capability(config, CAPABILITIES_AT, CFG_COMMON, AREA_COMMON);
    at = add_capability(config, at, CFG_NOTIFY, AREA_NOTIFY);
    at = add_capability(config, at, CFG_ISR, AREA_ISR);
    add_capability(config, at, CFG_DEVICE, AREA_DEVICE);
    reset_driver_side(device);
}

/* --- the common structure --------------------------------------------------------------------- */

static VirtqueueState *selected(const VirtioDevice *device)
{
    unsigned queue = device->state->queue_select;
    return queue < device->type->queue_count ? queue_of(device, queue) : NULL;
}

static uint32_t half(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

static void common_image(VirtioDevice *device, uint8_t *image)
{
    const VirtioState *s = device->state;
    const VirtqueueState *queue = selected(device);
    le_put(image + COMMON_DEVICE_FEATURE_SELECT, 4, s->device_feature_select);
    le_put(image + COMMON_DEVICE_FEATURE, 4,
           half(offered_features(device), s->device_feature_select));
    le_put(image + COMMON_DRIVER_FEATURE_SELECT, 4, s->driver_feature_select);
    le_put(image + COMMON_DRIVER_FEATURE, 4, half(s->driver_features, s->driver_feature_select));
    le_put(image + COMMON_CONFIG_VECTOR, 2, NO_VECTOR);
    le_put(image + COMMON_QUEUE_COUNT, 2, device->type->queue_count);
    image[COMMON_STATUS] = s->status;
    le_put(image + COMMON_QUEUE_SELECT, 2, s->queue_select);
    le_put(image + COMMON_QUEUE_VECTOR, 2, NO_VECTOR);
    le_put(image + COMMON_QUEUE_NOTIFY, 2, queue ? s->queue_select : 0);
    if (!queue)
        return;
    le_put(image + COMMON_QUEUE_SIZE, 2, queue->size);
    le_put(image + COMMON_QUEUE_ENABLE, 2, queue->is_enabled);
    le_put(image + COMMON_QUEUE_DESCRIPTORS, 8, queue->descriptors);
    le_put(image + COMMON_QUEUE_AVAILABLE, 8, queue->available);
    le_put(image + COMMON_QUEUE_USED, 8, queue->used);
}

static void set_driver_features(VirtioState *s, uint32_t value)
{
    unsigned shift = 32 * s->driver_feature_select;
    if (s->driver_feature_select >= 2 || s->status & STATUS_FEATURES_OK)
        return;
    s->driver_features = (s->driver_features & ~(0xffffffffull << shift)) | (uint64_t)value
                                                                                << shift;
}

static void set_status(VirtioDevice *device, uint8_t value)
{
    VirtioState *s = device->state;
    if (value == 0) {
        reset_driver_side(device);
        return;
    }
    bool is_acceptable = !(s->driver_features & ~offered_features(device)) &&
                         virtio_has_feature(device, FEATURE_VERSION_1);
    if (value & STATUS_FEATURES_OK && !(s->status & STATUS_FEATURES_OK) && !is_acceptable)
        value &= (uint8_t)~STATUS_FEATURES_OK;
    if (value & STATUS_DRIVER_OK && !(value & STATUS_FEATURES_OK))
        value &= (uint8_t)~STATUS_DRIVER_OK;
    s->status = value | (s->status & STATUS_NEEDS_RESET);
}

static void enable_queue(VirtioDevice *device, VirtqueueState *queue)
{
    if (queue->is_enabled)
        return;
    if (virtqueue_is_valid(queue, dma(device)))
        queue->is_enabled = 1;
    else
        virtio_break(device, "virtqueue outside RAM or misaligned");
}

static void set_half(uint64_t *address, uint64_t offset, uint32_t value)
{
    unsigned shift = offset & 4 ? 32 : 0;
    *address = (*address & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

/* A queue's registers; they stay as they are once it is enabled. */
static bool queue_write(VirtioDevice *device, uint64_t offset, unsigned size, uint32_t value)
{
    VirtqueueState *queue = selected(device);
    if (!queue)
        return false;
    if (offset == COMMON_QUEUE_ENABLE && size == 2) {
        if (value == 1)
            enable_queue(device, queue);
        return true;
    }
    if (queue->is_enabled)
        return false;
    switch (offset) {
    case COMMON_QUEUE_SIZE:
        if (size != 2 || value > device->type->queue_size)
            return false;
        queue->size = (uint16_t)value;
        return true;
    case COMMON_QUEUE_DESCRIPTORS:
    case COMMON_QUEUE_DESCRIPTORS + 4:
        set_half(&queue->descriptors, offset, value);
        return size == 4;
    case COMMON_QUEUE_AVAILABLE:
    case COMMON_QUEUE_AVAILABLE + 4: set_half(&queue->available, offset, value); return size == 4;
    case COMMON_QUEUE_USED:
    case COMMON_QUEUE_USED + 4: set_half(&queue->used, offset, value); return size == 4;
    default: return false;
    }
}

static bool common_write(VirtioDevice *device, uint64_t offset, unsigned size, uint32_t value)
{
    VirtioState *s = device->state;
    switch (offset) {
    case COMMON_DEVICE_FEATURE_SELECT: s->device_feature_select = value; return size == 4;
    case COMMON_DRIVER_FEATURE_SELECT: s->driver_feature_select = value; return size == 4;
    case COMMON_DRIVER_FEATURE: set_driver_features(s, value); return size == 4;
    case COMMON_STATUS: set_status(device, (uint8_t)value); return size == 1;
    case COMMON_QUEUE_SELECT: s->queue_select = (uint16_t)value; return size == 2;
    case COMMON_CONFIG_VECTOR: /* no vectors: reads back as none */
    case COMMON_QUEUE_VECTOR: return size == 2;
    default: return queue_write(device, offset, size, value);
    }
}

/* --- the BAR ---------------------------------------------------------------------------------- */

static uint64_t image_read(const uint8_t *image, unsigned image_size, uint64_t offset,
                           unsigned size)
{
    return offset + size <= image_size ? le_get(image + offset, size) : 0;
}

static uint64_t isr_read(VirtioDevice *device)
{
    uint8_t isr = device->state->isr;
    device->state->isr = 0;
    update_irq(device);
    return isr;
}

static uint64_t bar_read(Device *base, uint64_t offset, unsigned size)
{
    VirtioDevice *device = (VirtioDevice *)base;
    uint8_t image[MAX((int)COMMON_END, VIRTIO_CONFIG_MAX)] = { 0 };
    uint64_t inside = offset % AREA_SIZE;
    switch (offset / AREA_SIZE) {
    case AREA_COMMON:
        common_image(device, image);
        if (inside + size > COMMON_END)
            device_note_unknown(base, "virtio common register read", inside);
        return image_read(image, COMMON_END, inside, size);
    case AREA_ISR: return inside == 0 ? isr_read(device) : 0;
    case AREA_DEVICE:
        if (device->type->config)
            device->type->config(device, image);
        return image_read(image, device->type->config_size, inside, size);
    default: return 0;
    }
}

static void notify(VirtioDevice *device, uint64_t queue)
{
    if (queue >= device->type->queue_count)
        device_note_unknown(&device->parent, "virtio notification of queue", queue);
    else if (virtio_is_running(device))
        device->type->notify(device, (unsigned)queue);
}

static void bar_write(Device *base, uint64_t offset, unsigned size, uint64_t value)
{
    VirtioDevice *device = (VirtioDevice *)base;
    uint64_t inside = offset % AREA_SIZE;
    if (offset / AREA_SIZE == AREA_NOTIFY) {
        notify(device, value & 0xffff);
        return;
    }
    bool is_known = false;
    if (offset / AREA_SIZE == AREA_COMMON) {
        is_known = common_write(device, inside, MIN(size, 4), (uint32_t)value);
        if (size == 8)
            is_known &= common_write(device, inside + 4, 4, (uint32_t)(value >> 32));
    }
    if (offset / AREA_SIZE == AREA_DEVICE && device->type->config_write)
        is_known = device->type->config_write(device, inside, size, value);
    if (!is_known)
        device_note_unknown(base, "virtio register write", offset);
}

void virtio_init(VirtioDevice *device, const VirtioType *type)
{
    static const BusOps bar = { bar_read, bar_write };
    g_assert(type->queue_count <= (device->more_queues ? VIRTIO_QUEUES_ALL : VIRTIO_QUEUES_MAX) &&
             type->config_size <= VIRTIO_CONFIG_MAX);
    device->type = type;
    device->state = device_state(&device->parent);
    device->pci.device = &device->parent;
    device->pci.state = &device->state->pci;
    device->pci.identity = &type->identity;
    device->pci.node_name = type->node_name;
    device->pci.bar_ops[0] = &bar;
    device->pci.asserts = asserts;
}
