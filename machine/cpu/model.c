/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/model.h"

#include "machine/cpu/exception-family.h"
#include "machine/cpu/mmu-family.h"

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
    .spr_set = SPR_SET_P9,
    .mmu = &mmu_radix,
    .exceptions = &exceptions_book3,
};

/*
 * The G4s. Little-endian mode (which swizzles addresses and no operating system of these machines
 * uses), thermal interrupts, breakpoints, software table search and 36-bit addresses are not there.
 */
#define MSR_G4                                                                                     \
    (MSR_VEC | MSR_POW | MSR_EE | MSR_PR | MSR_FP | MSR_ME | MSR_FE0 | MSR_SE | MSR_BE | MSR_FE1 | \
     MSR_IP | MSR_IR | MSR_DR | MSR_PM | MSR_RI)

const CpuModel cpu_model_7400 = {
    .name = "7400",
    .description = "MPC7400 2.9, the first G4",
    .msr_mask = MSR_G4,
    .timebase_hz = 25000000,
    .pvr = 0x000c0209,
    .dcbz_size = 32,
    .behaviour_version = 2,
    .families = FAMILY_G4,
    .spr_set = SPR_SET_7400,
    .mmu = &mmu_hash32,
    .exceptions = &exceptions_classic,
    .hid0_nap = 0x00e00000, /* DOZE, NAP, SLEEP */
};

const CpuModel cpu_model_7447a = {
    .name = "7447a",
    .description = "MPC7447A 1.1, the last G4 with few departures from it",
    .msr_mask = MSR_G4,
    .timebase_hz = 25000000,
    .pvr = 0x80030101,
    .dcbz_size = 32,
    .behaviour_version = 2,
    .families = FAMILY_G4,
    .spr_set = SPR_SET_7447,
    .mmu = &mmu_hash32,
    .exceptions = &exceptions_classic,
    .hid0_nap = 0x00600000, /* NAP, SLEEP */
    .hid0_high_bats = 0x00800000,
};

static const CpuModel *const models[] = { &cpu_model_power9, &cpu_model_7400, &cpu_model_7447a };

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
    static const char *const names[] = { "power9", "7400", "7447a", NULL };
    G_STATIC_ASSERT(G_N_ELEMENTS(names) == G_N_ELEMENTS(models) + 1);
    return names;
}
