/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makers of virtio devices, for boards. The board plugs them in and sets their interrupt line.
 */
#ifndef MACHINE_DEVICES_VIRTIO_DEVICES_H
#define MACHINE_DEVICES_VIRTIO_DEVICES_H

#include "machine/block/disk.h"
#include "machine/config.h"
#include "machine/devices/virtio-pci.h"

extern const DeviceClass virtio_blk_class;
extern const DeviceClass virtio_console_class;
extern const DeviceClass virtio_port_class;
extern const DeviceClass virtio_input_class;
extern const DeviceClass virtio_net_class;
extern const DeviceClass virtio_rng_class;

/* DISK (taken) is what is behind it. */
VirtioDevice *virtio_blk_new(Machine *machine, const char *id, Disk *disk, bool is_readonly);
/* Its requests complete when the host is done, not at a computed time: see its rule 6. */
void virtio_blk_complete_by_host(VirtioDevice *device);
/* What is behind DEVICE, or NULL if it is no disk or a removable one. For recorder and replay. */
Disk *virtio_blk_disk(Device *device);
/*
 * The disk is removable: it holds the DISK it was made with (medium 0), one of those that are added
 * here (taken; 1 and up, in order), or none. All are only read.
 */
#define VIRTIO_BLK_NO_MEDIUM 255
void virtio_blk_set_removable(VirtioDevice *device);
void virtio_blk_add_medium(VirtioDevice *device, Disk *disk);
/* From any thread: what DEVICE holds now, or NULL; MEDIUM is its number, 0 if not removable. */
Disk *virtio_blk_medium(Device *device, unsigned *medium);

VirtioDevice *virtio_console_new(Machine *machine, const char *id);
/* Up to MACHINE_CONFIG_MAX_PORTS; NAME may be NULL. The port is the device that output comes from
 * and that input is for. */
Device *virtio_console_add_port(VirtioDevice *device, const char *id, bool is_console,
                                const char *name);

VirtioDevice *virtio_input_new(Machine *machine, const char *id, ConfigInput kind);
VirtioDevice *virtio_net_new(Machine *machine, const char *id, const uint8_t mac[6]);
VirtioDevice *virtio_rng_new(Machine *machine, const char *id);

#endif
