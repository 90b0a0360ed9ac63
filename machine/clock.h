/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual time: instructions attempted, scaled, plus what idling has skipped.
 *
 * 1. virtual ns = (icount << shift) + warp. Nothing else enters it: it is computed, never logged.
 * 2. Ticks of a counter are floor(ns * Hz / 10^9), in 128 bits; a deadline in ticks is the smallest
 *    ns whose floor reaches it. Both roundings are written here and nowhere else.
 */
#ifndef MACHINE_CLOCK_H
#define MACHINE_CLOCK_H

#include "replay/state.h"

typedef struct {
    uint64_t warp_ns; /* virtual time skipped while idle */
    uint64_t shift;   /* one instruction is 2^shift ns */
} ClockState;

typedef struct Clock {
    ClockState s;
    const struct Cpu *cpu; /* whose instructions are counted */
} Clock;

extern const StateTable clock_state_table;

/* Virtual time seen by the present instruction (at a boundary: by the next). */
uint64_t clock_virtual_ns(const Clock *clock);

/* Instruction count at the first boundary at or after DEADLINE_NS; the present one if it is past.
 */
uint64_t clock_icount_at(const Clock *clock, uint64_t deadline_ns);

/* Moves virtual time forward to TARGET_NS without instructions; never backwards. */
void clock_warp_to(Clock *clock, uint64_t target_ns);

static inline uint64_t clock_ticks_from_ns(uint64_t ns, uint64_t hz)
{
    return (uint64_t)((unsigned __int128)ns * hz / 1000000000u);
}

static inline uint64_t clock_ns_from_ticks(uint64_t ticks, uint64_t hz)
{
    unsigned __int128 ns = ((unsigned __int128)ticks * 1000000000u + hz - 1) / hz;
    return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

#endif
