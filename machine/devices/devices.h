/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of all device classes, in the order of devices.def.
 */
#ifndef MACHINE_DEVICES_DEVICES_H
#define MACHINE_DEVICES_DEVICES_H

#include "machine/device.h"

typedef struct {
    const DeviceClass *class;
    const char *meaning;
} DeviceRow;

const DeviceRow *device_rows(unsigned *count);

#endif
