/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rest of the processor, as far as floating point needs it. cpu->byte_swap set means big-endian
 * guest data on the little-endian hosts that tests run on.
 */
#ifndef TESTS_CPU_FLOAT_STUBS_H
#define TESTS_CPU_FLOAT_STUBS_H

#include "machine/cpu/access.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/isa.h"
#include "machine/cpu/model.h"

#define STUB_MEMORY 64

/* Accesses beyond its end fail as a data storage interrupt would. */
extern uint8_t stub_memory[STUB_MEMORY];
/* A 64-bit processor. */
extern const CpuModel stub_model;

#endif
