/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops for debuggers: what is looked for on each boundary, and by whom else.
 *
 * 1. Engines come back at each instruction that has a breakpoint; where budgets end never shows,
 *    so breakpoints do not either.
 * 2. An access is reported in the midst of its instruction. It is kept, and the boundary behind
 *    the instruction stops.
 * 3. Of several accesses in one instruction the first one is what the machine stopped at; a note is
 *    taken of each.
 */
#include "machine/debug/breakpoints.h"

#include "machine/machine-internal.h"

struct Breakpoints {
    CpuWatch watch;
    Cpu *cpu;                             /* that looks for them, or NULL */
    uint64_t stop_icount, stop_cia;       /* UINT64_MAX: nowhere; any */
    uint64_t resumed_icount, resumed_cia; /* where it does not stop again */
    StopReason reason;
    StopHit hit;
    bool is_hit; /* data was accessed since the last boundary */
    BreakpointsNote note;
    void *note_opaque;
};

/* --- making and changing ---------------------------------------------------------------------- */

static void accessed(void *opaque, const WatchHit *hit)
{
    Breakpoints *breakpoints = opaque;
    StopHit stop = { .reason = STOP_WATCHPOINT,
                     .icount = hit->icount,
                     .cia = hit->cia,
                     .address = hit->address,
                     .is_write = hit->is_write,
                     .range = *hit->range };
    if (breakpoints->note) {
        breakpoints->note(breakpoints->note_opaque, &stop);
    } else if (!breakpoints->is_hit) {
        breakpoints->hit = stop;
        breakpoints->is_hit = true;
        cpu_stop_at_boundary(breakpoints->cpu);
    }
}

Breakpoints *breakpoints_new(void)
{
    Breakpoints *breakpoints = g_new0(Breakpoints, 1);
    cpu_watch_init(&breakpoints->watch, accessed, breakpoints);
    breakpoints->stop_icount = breakpoints->stop_cia = breakpoints->resumed_icount = UINT64_MAX;
    return breakpoints;
}

Breakpoints *breakpoints_copy(const Breakpoints *breakpoints)
{
    Breakpoints *copy = breakpoints_new();
    const CpuWatch *watch = &breakpoints->watch;
    g_array_append_vals(copy->watch.code, watch->code->data, watch->code->len);
    g_array_append_vals(copy->watch.data, watch->data->data, watch->data->len);
    return copy;
}

void breakpoints_free(Breakpoints *breakpoints)
{
    if (!breakpoints)
        return;
    breakpoints_disarm(breakpoints);
    cpu_watch_clear(&breakpoints->watch);
    g_free(breakpoints);
}

void breakpoints_arm(Breakpoints *breakpoints, Cpu *cpu)
{
    const CpuWatch *watch = &breakpoints->watch;
    breakpoints->cpu = cpu;
    cpu_set_watch(cpu, watch->code->len || watch->data->len ? watch : NULL);
}

void breakpoints_disarm(Breakpoints *breakpoints)
{
    if (breakpoints->cpu)
        cpu_set_watch(breakpoints->cpu, NULL);
    breakpoints->cpu = NULL;
}

static void changed(Breakpoints *breakpoints)
{
    if (breakpoints->cpu)
        breakpoints_arm(breakpoints, breakpoints->cpu);
}

/* The index of the first that is at EA or above. */
static guint index_of(const Breakpoints *breakpoints, uint64_t ea)
{
    const GArray *code = breakpoints->watch.code;
    guint i = 0;
    while (i < code->len && g_array_index(code, uint64_t, i) < ea)
        i++;
    return i;
}

bool breakpoints_add(Breakpoints *breakpoints, uint64_t ea)
{
    if (breakpoints->watch.code->len >= BREAKPOINTS_MAX)
        return false;
    g_array_insert_val(breakpoints->watch.code, index_of(breakpoints, ea), ea);
    changed(breakpoints);
    return true;
}

bool breakpoints_remove(Breakpoints *breakpoints, uint64_t ea)
{
    if (ea == UINT64_MAX || !cpu_watch_is_at(&breakpoints->watch, ea))
        return false;
    g_array_remove_index(breakpoints->watch.code, index_of(breakpoints, ea));
    changed(breakpoints);
    return true;
}

bool breakpoints_add_range(Breakpoints *breakpoints, const WatchRange *range)
{
    if (breakpoints->watch.data->len >= WATCHPOINTS_MAX || !range->length || !range->kind ||
        range->address > UINT64_MAX - range->length)
        return false;
    g_array_append_val(breakpoints->watch.data, *range);
    changed(breakpoints);
    return true;
}

bool breakpoints_remove_range(Breakpoints *breakpoints, const WatchRange *range)
{
    GArray *data = breakpoints->watch.data;
    for (guint i = 0; i < data->len; i++) {
        const WatchRange *other = &g_array_index(data, WatchRange, i);
        if (other->address == range->address && other->length == range->length &&
            other->kind == range->kind && other->is_physical == range->is_physical) {
            g_array_remove_index(data, i);
            changed(breakpoints);
            return true;
        }
    }
    return false;
}

void breakpoints_stop_at(Breakpoints *breakpoints, uint64_t icount)
{
    breakpoints->stop_icount = icount;
    breakpoints->stop_cia = UINT64_MAX;
}

void breakpoints_stop_in_front(Breakpoints *breakpoints, uint64_t icount, uint64_t cia)
{
    breakpoints->stop_icount = icount;
    breakpoints->stop_cia = cia;
}

void breakpoints_set_note(Breakpoints *breakpoints, BreakpointsNote note, void *opaque)
{
    breakpoints->note = note;
    breakpoints->note_opaque = opaque;
}

/* --- what happened ---------------------------------------------------------------------------- */

StopReason breakpoints_reason(const Breakpoints *breakpoints)
{
    return breakpoints->reason;
}

const StopHit *breakpoints_hit(const Breakpoints *breakpoints)
{
    bool is_place =
        breakpoints->reason == STOP_BREAKPOINT || breakpoints->reason == STOP_WATCHPOINT;
    return is_place ? &breakpoints->hit : NULL;
}

void breakpoints_resume(Breakpoints *breakpoints, const Cpu *cpu)
{
    breakpoints->resumed_icount = cpu_icount(cpu);
    breakpoints->resumed_cia = cpu->s.cia;
    breakpoints->reason = STOP_OTHER;
    breakpoints->is_hit = false;
}

void breakpoints_begin(Breakpoints *breakpoints)
{
    breakpoints->resumed_icount = breakpoints->resumed_cia = UINT64_MAX;
    breakpoints->is_hit = false;
}

const CpuWatch *breakpoints_watch(const Breakpoints *breakpoints)
{
    return &breakpoints->watch;
}

void breakpoints_stopped(Breakpoints *breakpoints, StopReason reason, const StopHit *hit)
{
    breakpoints->reason = reason;
    if (hit)
        breakpoints->hit = *hit;
    breakpoints->is_hit = false;
    breakpoints->stop_icount = UINT64_MAX;
}

static bool is_at(const Breakpoints *breakpoints, const Cpu *cpu)
{
    uint64_t cia = cpu->s.cia;
    bool resumed_here =
        cpu_icount(cpu) == breakpoints->resumed_icount && cia == breakpoints->resumed_cia;
    return !cpu->s.halted && !resumed_here && cpu_watch_is_at(&breakpoints->watch, cia);
}

static bool is_at_position(const Breakpoints *breakpoints, const Cpu *cpu)
{
    uint64_t icount = cpu_icount(cpu);
    bool is_in_front = breakpoints->stop_cia == UINT64_MAX || breakpoints->stop_cia == cpu->s.cia;
    return icount > breakpoints->stop_icount || (icount == breakpoints->stop_icount && is_in_front);
}

static StopHit hit_at(const Cpu *cpu)
{
    return (StopHit){ .reason = STOP_BREAKPOINT,
                      .icount = cpu_icount(cpu),
                      .cia = cpu->s.cia,
                      .address = cpu->s.cia };
}

/* Notes are taken of an instruction once, however often its boundary is visited. */
static void note_place(Breakpoints *breakpoints, const Cpu *cpu)
{
    StopHit hit = hit_at(cpu);
    breakpoints->resumed_icount = hit.icount;
    breakpoints->resumed_cia = hit.cia;
    breakpoints->note(breakpoints->note_opaque, &hit);
}

bool breakpoints_stop_here(Breakpoints *breakpoints, const Cpu *cpu)
{
    if (is_at(breakpoints, cpu) && breakpoints->note)
        note_place(breakpoints, cpu);
    if (breakpoints->is_hit) {
        breakpoints_stopped(breakpoints, STOP_WATCHPOINT, NULL);
    } else if (is_at(breakpoints, cpu)) {
        StopHit hit = hit_at(cpu);
        breakpoints_stopped(breakpoints, STOP_BREAKPOINT, &hit);
    } else if (is_at_position(breakpoints, cpu)) {
        breakpoints_stopped(breakpoints, STOP_POSITION, NULL);
    } else {
        return false;
    }
    return true;
}

uint64_t breakpoints_end(const Breakpoints *breakpoints)
{
    return breakpoints->stop_icount;
}

/* --- the machine's ---------------------------------------------------------------------------- */

Breakpoints *machine_breakpoints(Machine *machine)
{
    return machine->breakpoints;
}

void machine_set_breakpoints(Machine *machine, Breakpoints *breakpoints)
{
    bool are_armed = machine->stops == machine->breakpoints;
    if (are_armed)
        machine_arm(machine, NULL);
    breakpoints_free(machine->breakpoints);
    machine->breakpoints = breakpoints;
    if (are_armed)
        machine_arm(machine, breakpoints);
}

void machine_arm(Machine *machine, Breakpoints *breakpoints)
{
    if (machine->stops)
        breakpoints_disarm(machine->stops);
    machine->stops = breakpoints;
    if (breakpoints)
        breakpoints_arm(breakpoints, machine->cpu);
}
