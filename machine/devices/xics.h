/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XICS interrupt controller, as hypercalls and RTAS calls see it.
 */
#ifndef MACHINE_DEVICES_XICS_H
#define MACHINE_DEVICES_XICS_H

#include "machine/cpu/cpu.h"
#include "machine/device.h"
#include "machine/irq.h"

/* Interrupt source numbers that the device tree publishes. */
#define XICS_SOURCE_IPI      2
#define XICS_SOURCE_EVENTS   0x1000 /* edge: power and hotplug events */
#define XICS_SOURCE_VIO      0x1100 /* edge: one per virtual I/O device */
#define XICS_SOURCE_PCI      0x1200 /* level: the host bridge's INTA-INTD */
#define XICS_PRIORITY_MASKED 0xff

extern const DeviceClass xics_class;

/* Connects the output to the processor's external interrupt input. */
void xics_connect(Device *device, Cpu *cpu);
/* The input line of source NUMBER, for wiring. An edge source triggers when its level rises. */
Irq xics_line(Device *device, unsigned number);

/* What the presentation hypercalls do; a result is XIRR: old CPPR in the top byte, source below. */
uint32_t xics_accept(Device *device);
uint32_t xics_poll(Device *device, uint32_t *mfrr);
void xics_end(Device *device, uint32_t xirr);
void xics_set_cppr(Device *device, uint8_t cppr);
void xics_set_mfrr(Device *device, uint8_t mfrr);

/* What the source calls do; false when there is no such source. */
bool xics_set_source(Device *device, unsigned number, uint8_t priority);
bool xics_get_source(Device *device, unsigned number, uint8_t *priority);
bool xics_mask_source(Device *device, unsigned number, bool masked);
bool xics_source_is_level(Device *device, unsigned number, bool *is_level);

#endif
