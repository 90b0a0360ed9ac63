/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers on virtual time, and the one queue they fire from.
 *
 * 1. A timer's deadline is state of the device that owns it (a TimerState row in its table); the
 *    queue is derived from these and needs no saving but its arm counter.
 * 2. Timers fire on boundaries only, in the order (deadline, device number, arm sequence).
 * 3. A timer armed for a moment in the past fires at the next boundary.
 */
#ifndef MACHINE_TIMER_H
#define MACHINE_TIMER_H

#include "replay/state.h"

typedef struct {
    uint64_t deadline_ns; /* virtual */
    uint64_t sequence;    /* place among timers armed for the same moment */
    uint64_t is_armed;    /* 0 or 1 */
} TimerState;

extern const StateTable timer_state_table;

typedef struct Device Device;
typedef struct TimerQueue TimerQueue;
struct Machine;

/* Called on a boundary; the timer is disarmed before. */
typedef void (*TimerFire)(Device *device, unsigned which);

typedef struct {
    TimerQueue *queue;
    TimerState *state;
    Device *device;
    TimerFire fire;
    unsigned which;
} Timer;

/* Makes TIMER (the caller's memory, living as long as the machine) known to the machine's queue. */
void timer_init(Timer *timer, Device *device, TimerState *state, TimerFire fire, unsigned which);

/* (Re)arms for DEADLINE_NS of virtual time. Leaves the present block at the next boundary. */
void timer_arm(Timer *timer, uint64_t deadline_ns);
void timer_disarm(Timer *timer);

/* For the machine: */
typedef struct {
    uint64_t arm_sequence;
} TimerQueueState;
extern const StateTable timer_queue_state_table;

TimerQueue *timer_queue_new(struct Machine *machine);
void timer_queue_free(TimerQueue *queue);
TimerQueueState *timer_queue_state(TimerQueue *queue);
/* UINT64_MAX when nothing is armed. */
uint64_t timer_queue_next_deadline(const TimerQueue *queue);
/* Fires all that are due at NOW_NS until none is; false after 10,000 firings: the devices hang. */
bool timer_queue_run(TimerQueue *queue, uint64_t now_ns);

#endif
