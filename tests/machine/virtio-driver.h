/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtio device, for tests: configuration space, status, rings.
 */
#ifndef TESTS_MACHINE_VIRTIO_DRIVER_H
#define TESTS_MACHINE_VIRTIO_DRIVER_H

#include "machine/devices/virtio-pci.h"
#include "tests/machine/fake-machine.h"

#define DRIVER_BAR        0x80010000u /* PCI address; slots are 64 KiB apart */
#define DRIVER_QUEUE_SIZE 8

typedef struct {
    Machine *machine;
    Device *host;
    unsigned slot;
    uint64_t rings; /* guest-physical; each queue has 64 KiB from here on */
    uint16_t next_descriptor[VIRTIO_QUEUES_ALL];
    uint16_t available[VIRTIO_QUEUES_ALL];
} Driver;

enum {
    DRIVER_INDIRECT = 1 << 0,
    DRIVER_EVENT_INDEX = 1 << 1,
    DRIVER_ZEROES = 1 << 2, /* a disk's discard and write-zeroes */
};

uint32_t driver_read(Driver *driver, uint32_t offset, unsigned size);
void driver_write(Driver *driver, uint32_t offset, unsigned size, uint64_t value);

/* Finds BAR 0, negotiates and enables QUEUES queues at RINGS; FEATURES are of the low half. */
void driver_start(Driver *driver, Machine *machine, Device *host, unsigned slot, uint64_t rings,
                  unsigned queues, uint32_t features);

typedef struct {
    uint64_t address;
    uint32_t length;
    bool is_writable;
} DriverBuffer;

uint64_t driver_descriptors(const Driver *driver, unsigned queue);
uint64_t driver_available_ring(const Driver *driver, unsigned queue);
uint64_t driver_used_ring(const Driver *driver, unsigned queue);

void driver_set_descriptor(Driver *driver, uint64_t table, unsigned index, uint64_t address,
                           uint32_t length, uint16_t flags, uint16_t next);
/* Chains COUNT buffers and makes them available without notifying; returns the head. */
uint16_t driver_add(Driver *driver, unsigned queue, const DriverBuffer *buffers, unsigned count);
void driver_make_available(Driver *driver, unsigned queue, uint16_t head);
void driver_notify(Driver *driver, unsigned queue);
uint16_t driver_used_index(Driver *driver, unsigned queue);
/* Entry N of the used ring. */
void driver_used(Driver *driver, unsigned queue, unsigned n, uint32_t *head, uint32_t *length);
uint8_t driver_status(Driver *driver);

#endif
