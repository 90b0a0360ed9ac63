/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/devices/devices.h"

#include "machine/devices/bench.h"
#include "machine/devices/es1370.h"
#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/virtio-devices.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/devices/vty.h"
#include "machine/devices/xics.h"

static const DeviceRow rows[] = {
#define DEVICE(class, meaning) { &class, meaning },
#include "machine/devices/devices.def"
#undef DEVICE
};

const DeviceRow *device_rows(unsigned *count)
{
    *count = G_N_ELEMENTS(rows);
    return rows;
}
