/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/devices/vga.h"
#include "machine/machine.h"

bool machine_scanout(Machine *machine, Scanout *scanout)
{
    const MachineConfig *config = machine_config(machine);
    if (config->display.device == CONFIG_DISPLAY_NONE)
        return false;
    return vga_scanout(machine_device_by_id(machine, CONFIG_DISPLAY_ID), scanout);
}
