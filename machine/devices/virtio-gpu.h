/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-gpu without 3D: a screen that the driver draws in its own memory and has copied.
 */
#ifndef MACHINE_DEVICES_VIRTIO_GPU_H
#define MACHINE_DEVICES_VIRTIO_GPU_H

#include "machine/devices/virtio-pci.h"
#include "machine/display/scanout.h"

#define VIRTIO_GPU_MEMORY    (32u << 20) /* of all resources and the lists of their pages */
#define VIRTIO_GPU_RESOURCES 32u
#define VIRTIO_GPU_SIDE_MAX  4096u /* pixels */

extern const DeviceClass virtio_gpu_class;

/* WIDTH by HEIGHT is what its monitor likes best. */
VirtioDevice *virtio_gpu_new(Machine *machine, const char *id, unsigned width, unsigned height);
/* What is on the screen now. False if DEVICE is no virtio-gpu. */
bool virtio_gpu_scanout(Device *device, Scanout *scanout);

#endif
