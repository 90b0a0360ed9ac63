/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a debugger wants its machine to stop: instructions, accesses to data, and one position.
 *
 * A machine stops before a watched instruction: in phase 1 of the boundary, or when an interrupt
 * has led there, behind it. It stops after an access to watched data: in phase 1 of the boundary
 * behind the instruction that made it (or in which a device did). Going backwards it stops before
 * either (machine_reverse_continue in machine/time-travel.h).
 *
 * The guest's memory is not touched, and nothing here is state: a machine with breakpoints is the
 * same machine, which somebody stops more often. They cost what machine/cpu/watch.h says.
 *
 * All of it belongs to the machine thread.
 */
#ifndef MACHINE_DEBUG_BREAKPOINTS_H
#define MACHINE_DEBUG_BREAKPOINTS_H

#include "machine/cpu/watch.h"
#include "machine/machine.h"

typedef struct Breakpoints Breakpoints;

typedef enum {
    STOP_OTHER, /* somebody paused the machine, or it stopped by itself */
    STOP_BREAKPOINT,
    STOP_WATCHPOINT,
    STOP_POSITION,
    STOP_BEGIN, /* backwards: there is nothing before the beginning of the recording */
} StopReason;

/* What was hit: an instruction about to be attempted, or an access that was made. */
typedef struct {
    StopReason reason; /* STOP_BREAKPOINT or STOP_WATCHPOINT */
    uint64_t icount;   /* number of the instruction */
    uint64_t cia;      /* its address; UINT64_MAX: a device did it on this boundary */
    uint64_t address;  /* of the instruction, or the first byte of RANGE that was accessed */
    bool is_write;
    WatchRange range; /* of a STOP_WATCHPOINT: the one that was hit */
} StopHit;

#define BREAKPOINTS_MAX 1024u
#define WATCHPOINTS_MAX 64u

/* A machine without them has NULL and pays a comparison per budget. */
Breakpoints *breakpoints_new(void);
/* The same places, attached nowhere. */
Breakpoints *breakpoints_copy(const Breakpoints *breakpoints);
void breakpoints_free(Breakpoints *breakpoints);

/* False if there are BREAKPOINTS_MAX. One address may be added several times. */
bool breakpoints_add(Breakpoints *breakpoints, uint64_t ea);
/* False if there is none at EA. */
bool breakpoints_remove(Breakpoints *breakpoints, uint64_t ea);

/* False if there are WATCHPOINTS_MAX, or the range is empty or wraps around. */
bool breakpoints_add_range(Breakpoints *breakpoints, const WatchRange *range);
/* False if there is no such range. */
bool breakpoints_remove_range(Breakpoints *breakpoints, const WatchRange *range);

/* Stop in phase 1 of the first boundary at ICOUNT; UINT64_MAX: do not. Forgotten at any stop. */
void breakpoints_stop_at(Breakpoints *breakpoints, uint64_t icount);
/* The same where the next instruction is CIA's, even if an interrupt has led there. */
void breakpoints_stop_in_front(Breakpoints *breakpoints, uint64_t icount, uint64_t cia);

/* Why the machine stopped last. */
StopReason breakpoints_reason(const Breakpoints *breakpoints);
/* What it was that it stopped at; NULL unless the reason is STOP_BREAKPOINT or STOP_WATCHPOINT. */
const StopHit *breakpoints_hit(const Breakpoints *breakpoints);

/*
 * With NOTE the machine does not stop at places: NOTE is told, on the machine thread, and the
 * machine goes on. It must not touch the machine.
 */
typedef void (*BreakpointsNote)(void *opaque, const StopHit *hit);
void breakpoints_set_note(Breakpoints *breakpoints, BreakpointsNote note, void *opaque);

/* Attaches and detaches: the machine's, or NULL. Taken. */
Breakpoints *machine_breakpoints(Machine *machine);
void machine_set_breakpoints(Machine *machine, Breakpoints *breakpoints);

/* --- for run.c, machine.c and time-travel.c --------------------------------------------------- */

/* The machine goes on: what it stands on now does not stop it at once. */
void breakpoints_resume(Breakpoints *breakpoints, const Cpu *cpu);
/* It begins to look somewhere else: nothing was resumed, nothing hit. */
void breakpoints_begin(Breakpoints *breakpoints);
const CpuWatch *breakpoints_watch(const Breakpoints *breakpoints);
/* The machine was taken somewhere and stopped there. HIT may be NULL. */
void breakpoints_stopped(Breakpoints *breakpoints, StopReason reason, const StopHit *hit);
/* Whether the machine has to stop on this boundary; the reason is kept. */
bool breakpoints_stop_here(Breakpoints *breakpoints, const Cpu *cpu);
/* No stop is due before this count, but at places. */
uint64_t breakpoints_end(const Breakpoints *breakpoints);
/* From now on CPU looks for these; NULL: for none. They say by themselves what is changed later. */
void breakpoints_arm(Breakpoints *breakpoints, Cpu *cpu);
/* To be called before others are armed. */
void breakpoints_disarm(Breakpoints *breakpoints);

#endif
