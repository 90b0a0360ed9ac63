/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual terminal of logical partitions: what the two terminal hypercalls talk to.
 */
#ifndef MACHINE_DEVICES_VTY_H
#define MACHINE_DEVICES_VTY_H

#include "machine/device.h"
#include "machine/irq.h"

/* Most characters that one hypercall carries. */
#define VTY_CHUNK 16

extern const DeviceClass vty_class;

/* UNIT is the address in the device tree; LINE pulses when input arrives. */
void vty_connect(Device *device, uint32_t unit, Irq line);
uint32_t vty_unit(const Device *device);

/* The guest sends LENGTH (at most VTY_CHUNK) characters; always taken at once. */
void vty_send(Device *device, const uint8_t *data, size_t length);
/* The guest takes up to VTY_CHUNK characters of input; returns how many. */
size_t vty_take(Device *device, uint8_t *data);

/* Free places in the input buffer; and input, which must not be longer than that. */
size_t vty_room(Device *device);
void vty_receive(Device *device, const uint8_t *data, size_t length);

#endif
