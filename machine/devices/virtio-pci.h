/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all virtio devices share: the PCI transport (modern only) and the way to their queues.
 */
#ifndef MACHINE_DEVICES_VIRTIO_PCI_H
#define MACHINE_DEVICES_VIRTIO_PCI_H

#include "machine/devices/pci.h"
#include "machine/devices/virtqueue.h"
#include "machine/irq.h"

#define VIRTIO_QUEUES_MAX 4  /* in the state that all have */
#define VIRTIO_QUEUES_ALL 18 /* with those that a device has in its own */
#define VIRTIO_CONFIG_MAX 144

/* First member of each device's own state. */
typedef struct {
    PciState pci;
    uint64_t driver_features;
    uint32_t device_feature_select;
    uint32_t driver_feature_select;
    uint16_t queue_select;
    uint8_t status;
    uint8_t isr;
    uint8_t zero[4]; /* fills the struct to its alignment; always 0 */
    VirtqueueState queue[VIRTIO_QUEUES_MAX];
} VirtioState;

extern const StateTable virtio_state_table;

typedef struct VirtioDevice VirtioDevice;

typedef struct {
    PciIdentity identity;
    const char *node_name; /* in the device tree */
    unsigned queue_count;
    uint16_t queue_size;
    unsigned config_size;
    /* Device-specific feature bits of this instance. */
    uint64_t (*features)(VirtioDevice *device);
    /* Fills the first config_size bytes; the rest is zero already. */
    void (*config)(VirtioDevice *device, uint8_t *bytes);
    /* The driver writes SIZE bytes at OFFSET of it; false if it must not. May be NULL. */
    bool (*config_write)(VirtioDevice *device, uint64_t offset, unsigned size, uint64_t value);
    /* The driver has made chains available in QUEUE, and the device may look. */
    void (*notify)(VirtioDevice *device, unsigned queue);
    /* The driver resets the device: forget what is under way. May be NULL. */
    void (*stop)(VirtioDevice *device);
} VirtioType;

/* First member of each instance. STATE and TYPE are set by virtio_init(), IRQ by the board. */
struct VirtioDevice {
    Device parent;
    PciFunction pci;
    VirtioState *state;
    /* Queues from VIRTIO_QUEUES_MAX on, in the device's own state; set before virtio_init(). */
    VirtqueueState *more_queues;
    const VirtioType *type;
    Irq irq;
};

/* Identities differ in device type and class only. */
#define VIRTIO_IDENTITY(virtio_type, pci_class)                                                    \
    {                                                                                              \
        .vendor = 0x1af4, .device = 0x1040 + (virtio_type), .subsystem_vendor = 0x1af4,            \
        .subsystem = 0x1100, .class_code = (pci_class), .revision = 1, .bar_size = { 0x4000 },     \
    }

void virtio_init(VirtioDevice *device, const VirtioType *type);
/* For the class's reset, after the state was zeroed. */
void virtio_reset(VirtioDevice *device);

/* Whether the driver has negotiated feature bit BIT. */
bool virtio_has_feature(const VirtioDevice *device, unsigned bit);

/* Whether a driver works the device and may be answered. */
bool virtio_is_running(const VirtioDevice *device);

/* The next chain of QUEUE; FALSE when there is none, or when the rings are broken (the driver is
 * told so, and nothing more comes until it resets the device). */
bool virtio_pop(VirtioDevice *device, unsigned queue, VirtqueueChain *chain);
/* Whether virtio_pop() of a running device would find something, be it broken. Changes nothing. */
bool virtio_has_chains(const VirtioDevice *device, unsigned queue);
void virtio_unpop(VirtioDevice *device, unsigned queue);
void virtio_push(VirtioDevice *device, unsigned queue, uint16_t head, uint32_t written);
/* After pushes: interrupts if the driver wants it. */
void virtio_signal(VirtioDevice *device, unsigned queue);
/* What the configuration shows has changed: tells a driver that works the device. */
void virtio_config_changed(VirtioDevice *device);
/* The driver broke a rule: DEVICE_NEEDS_RESET. */
void virtio_break(VirtioDevice *device, const char *why);

#endif
