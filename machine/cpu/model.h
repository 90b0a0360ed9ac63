/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processor models: what differs between them that code must ask for.
 */
#ifndef MACHINE_CPU_MODEL_H
#define MACHINE_CPU_MODEL_H

#include "machine/cpu/cpu.h"
#include "machine/cpu/isa.h"

struct CpuModel {
    const char *name; /* as in a machine definition */
    const char *description;
    uint64_t msr_mask; /* the bits that software can set */
    uint64_t timebase_hz;
    uint32_t pvr;
    uint32_t dcbz_size;         /* bytes that dcbz clears */
    uint32_t behaviour_version; /* raised by every change that a guest could see */
    uint8_t families;           /* FAMILY_ bits: the instructions it has */
    bool is_64bit;
    SprSet spr_set;
    const struct MmuFamily *mmu;              /* mmu-family.h */
    const struct ExceptionFamily *exceptions; /* exception-family.h */
    /* 32-bit models: HID0 bits with which MSR.POW naps; that enables BATs 4 to 7 (0: has none). */
    uint32_t hid0_nap, hid0_high_bats;
};

extern const CpuModel cpu_model_power9;
extern const CpuModel cpu_model_7400;
extern const CpuModel cpu_model_7447a;

/* The model called NAME, or NULL. */
const CpuModel *cpu_model_find(const char *name);

/* The names of all models, for error messages; NULL-terminated, static. */
const char *const *cpu_model_names(void);

#endif
