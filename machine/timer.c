/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/timer.h"

#include "machine/machine.h"

#define FIRINGS_MAX 10000u /* in one boundary (determinism: till none is due, or an error) */

const StateTable timer_state_table = {
    "timer", 1, sizeof(TimerState),
    (const StateField[]){
        STATE_FIELD(TimerState, deadline_ns, "virtual time at which it fires"),
        STATE_FIELD(TimerState, sequence, "place among timers armed for the same moment"),
        STATE_FIELD_MAX(TimerState, is_armed, 1, "whether it will fire"), STATE_DONE }
};

const StateTable timer_queue_state_table = {
    "timer-queue", 1, sizeof(TimerQueueState),
    (const StateField[]){
        STATE_FIELD(TimerQueueState, arm_sequence, "how often a timer has been armed"), STATE_DONE }
};

struct TimerQueue {
    TimerQueueState s;
    Machine *machine;
    GPtrArray *timers; /* a machine has a handful: searching beats sorting */
};

TimerQueue *timer_queue_new(Machine *machine)
{
    TimerQueue *queue = g_new0(TimerQueue, 1);
    queue->machine = machine;
    queue->timers = g_ptr_array_new();
    return queue;
}

void timer_queue_free(TimerQueue *queue)
{
    if (!queue)
        return;
    g_ptr_array_unref(queue->timers);
    g_free(queue);
}

TimerQueueState *timer_queue_state(TimerQueue *queue)
{
    return &queue->s;
}

void timer_init(Timer *timer, Device *device, TimerState *state, TimerFire fire, unsigned which)
{
    TimerQueue *queue = machine_timers(device->machine);
    *timer = (Timer){ queue, state, device, fire, which };
    g_ptr_array_add(queue->timers, timer);
}

void timer_arm(Timer *timer, uint64_t deadline_ns)
{
    *timer->state = (TimerState){ .deadline_ns = deadline_ns,
                                  .sequence = timer->queue->s.arm_sequence++,
                                  .is_armed = 1 };
    machine_touch_boundary(timer->queue->machine);
}

void timer_disarm(Timer *timer)
{
    *timer->state = (TimerState){ 0 };
}

static bool fires_before(const Timer *a, const Timer *b)
{
    const TimerState *x = a->state, *y = b->state;
    if (x->deadline_ns != y->deadline_ns)
        return x->deadline_ns < y->deadline_ns;
    if (a->device->number != b->device->number)
        return a->device->number < b->device->number;
    return x->sequence < y->sequence;
}

static Timer *first_timer(const TimerQueue *queue)
{
    Timer *first = NULL;
    for (guint i = 0; i < queue->timers->len; i++) {
        Timer *timer = g_ptr_array_index(queue->timers, i);
        if (timer->state->is_armed && (!first || fires_before(timer, first)))
            first = timer;
    }
    return first;
}

uint64_t timer_queue_next_deadline(const TimerQueue *queue)
{
    const Timer *first = first_timer(queue);
    return first ? first->state->deadline_ns : UINT64_MAX;
}

bool timer_queue_run(TimerQueue *queue, uint64_t now_ns)
{
    for (unsigned i = 0; i < FIRINGS_MAX; i++) {
        Timer *timer = first_timer(queue);
        if (!timer || timer->state->deadline_ns > now_ns)
            return true;
        timer_disarm(timer);
        timer->fire(timer->device, timer->which);
    }
    return false;
}
