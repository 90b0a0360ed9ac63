/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard VGA with the Bochs interface: a frame buffer with mode registers.
 */
#ifndef MACHINE_DEVICES_VGA_H
#define MACHINE_DEVICES_VGA_H

#include "machine/devices/pci.h"
#include "machine/display/scanout.h"

#define VGA_MEMORY_SIZE  (16u << 20)
#define VGA_WIDTH_MIN    320u
#define VGA_HEIGHT_MIN   200u
#define VGA_WIDTH_MAX    4096u
#define VGA_HEIGHT_MAX   4096u
#define VGA_FRAME_BAR    0
#define VGA_REGISTER_BAR 2

extern const DeviceClass vga_class;

/*
 * WIDTH by HEIGHT is the mode that the board's firmware leaves behind, at 32 bits for a pixel, and
 * the one that the monitor likes best. BASE is the PCI address of the frame buffer, the registers
 * follow it: both are assigned before the guest is entered.
 */
Device *vga_new(Machine *machine, const char *id, unsigned width, unsigned height, uint32_t base);
/* For the board to plug in. */
PciFunction *vga_function(Device *device);
/* What is on the screen now. False if DEVICE is no VGA. */
bool vga_scanout(Device *device, Scanout *scanout);

#endif
