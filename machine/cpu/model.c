/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/model.h"

#include <string.h>

/*
 * POWER9 DD2.2 as a guest of a hypervisor: no HV state, no transactional memory (its MSR bits stay
 * 0, so that tbegin. and friends find the facility unavailable).
 */
const CpuModel cpu_model_power9 = {
    .name = "power9",
    .description = "POWER9 DD2.2, Power ISA 3.0B, guest state",
    .msr_mask = MSR_SF | MSR_VEC | MSR_VSX | MSR_EE | MSR_PR | MSR_FP | MSR_ME | MSR_FE0 | MSR_SE |
                MSR_BE | MSR_FE1 | MSR_IR | MSR_DR | MSR_RI | MSR_LE,
    .timebase_hz = 512000000,
    .pvr = 0x004e1202,
    .dcbz_size = 128,
    .behaviour_version = 1,
    .families = FAMILY_P9,
    .is_64bit = true,
};

static const CpuModel *const models[] = { &cpu_model_power9 };

const CpuModel *cpu_model_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i]->name, name))
            return models[i];
    }
    return NULL;
}

const char *const *cpu_model_names(void)
{
    static const char *const names[] = { "power9", NULL };
    G_STATIC_ASSERT(G_N_ELEMENTS(names) == G_N_ELEMENTS(models) + 1);
    return names;
}
