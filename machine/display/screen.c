/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/devices/vga.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/machine.h"

bool machine_scanout(Machine *machine, Scanout *scanout)
{
    const MachineConfig *config = machine_config(machine);
    if (config->display.device == CONFIG_DISPLAY_NONE)
        return false;
    Device *device = machine_device_by_id(machine, config_display_id(&config->display));
    return vga_scanout(device, scanout) || virtio_gpu_scanout(device, scanout);
}
