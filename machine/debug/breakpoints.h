/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a debugger wants its machine to stop: addresses of instructions, and one position.
 *
 * The guest's memory is not touched, and nothing here is state: a machine with breakpoints is the
 * same machine, which somebody stops more often.
 *
 * All of it belongs to the machine thread.
 */
#ifndef MACHINE_DEBUG_BREAKPOINTS_H
#define MACHINE_DEBUG_BREAKPOINTS_H

#include "machine/cpu/cpu.h"
#include "machine/machine.h"

typedef struct Breakpoints Breakpoints;

typedef enum {
    STOP_OTHER, /* somebody paused the machine, or it stopped by itself */
    STOP_BREAKPOINT,
    STOP_POSITION,
} StopReason;

#define BREAKPOINTS_MAX 1024u

/* A machine without them has NULL and pays a comparison per budget. */
Breakpoints *breakpoints_new(void);
void breakpoints_free(Breakpoints *breakpoints);

/* False if there are BREAKPOINTS_MAX. One address may be added several times. */
bool breakpoints_add(Breakpoints *breakpoints, uint64_t ea);
/* False if there is none at EA. */
bool breakpoints_remove(Breakpoints *breakpoints, uint64_t ea);

/* Stop in phase 1 of the first boundary at ICOUNT; UINT64_MAX: do not. Forgotten at any stop. */
void breakpoints_stop_at(Breakpoints *breakpoints, uint64_t icount);
StopReason breakpoints_reason(const Breakpoints *breakpoints);

/* --- for run.c and machine.c ------------------------------------------------------------------ */

/* The machine goes on: what it stands on now does not stop it at once. */
void breakpoints_resume(Breakpoints *breakpoints, const Cpu *cpu);
/* Whether the machine has to stop on this boundary; the reason is kept. */
bool breakpoints_stop_here(Breakpoints *breakpoints, const Cpu *cpu);
/* No stop is due before this count, but for addresses. */
uint64_t breakpoints_end(const Breakpoints *breakpoints);
bool breakpoints_has_addresses(const Breakpoints *breakpoints);
/* As interpreter_run(), but comes back at each breakpoint. */
void breakpoints_run(const Breakpoints *breakpoints, Cpu *cpu);

/* Attaches and detaches: the machine's, or NULL. Taken. */
Breakpoints *machine_breakpoints(Machine *machine);
void machine_set_breakpoints(Machine *machine, Breakpoints *breakpoints);

#endif
