/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a program that works devices: its first byte says which (unless
 * POWERPLAY_FUZZ_DEVICE does), the rest is steps (device-rig.h).
 */
#include "tests/fuzz/device-rig.h"

#include <stdlib.h>

#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int only = -2; /* -1: any */
    RigInput input = { data, size };
    if (only == -2) {
        const char *name = getenv("POWERPLAY_FUZZ_DEVICE");
        rig_check_that_none_is_left_out();
        only = name ? (int)rig_find(name) : -1;
    }
    unsigned first = (unsigned)rig_take(&input, 1) % rig_count();
    Rig *rig = rig_switch_on(only >= 0 ? (unsigned)only : first);
    for (unsigned i = 0; i < STEPS_MAX && input.left; i++)
        rig_step(rig, &input);
    return 0;
}
