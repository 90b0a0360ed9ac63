/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A processor as its machine sees it: making, resetting, saving.
 */
#ifndef MACHINE_CPU_CPU_STATE_H
#define MACHINE_CPU_CPU_STATE_H

#include "machine/bus.h"
#include "machine/clock.h"
#include "machine/cpu/cpu.h"
#include "machine/memory.h"
#include "replay/state.h"

/* Of CpuState. The translation set is saved beside it. */
extern const StateTable cpu_state_table;

/* To be reset by the caller, once CLOCK counts its (or another processor's) instructions. */
Cpu *cpu_new(const CpuModel *model, Memory *memory, Bus *bus, const Clock *clock);
void cpu_free(Cpu *cpu);

/* Power-on state; the time base and the instruction count go on. */
void cpu_reset(Cpu *cpu);

/* The state was replaced: everything derived is rebuilt or dropped. */
void cpu_after_load(Cpu *cpu, bool keeps_code);

/* A device wrote LENGTH bytes at real ADDRESS. */
void cpu_break_reservation(Cpu *cpu, uint64_t address, uint64_t length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cpu, cpu_free)

#endif
