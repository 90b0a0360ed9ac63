/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops for debuggers.
 *
 * 1. Budgets are cut so that each instruction that has a breakpoint begins a boundary; where
 *    budgets end never shows, so breakpoints do not either.
 * 2. While there are any, the interpreter runs the guest: it comes back at each branch, and
 *    instructions that follow each other are counted off up to the next breakpoint of their page.
 * 3. A budget whose count is used up goes back to its boundary, whoever cut it: an instruction that
 *    wants a boundary may have had no count left to give up.
 */
#include "machine/debug/breakpoints.h"

#include "machine/cpu/interpreter.h"
#include "machine/machine-internal.h"

struct Breakpoints {
    GArray *addresses; /* of uint64_t, ascending */
    uint64_t stop_icount;
    uint64_t resumed_icount, resumed_cia; /* where it does not stop again */
    StopReason reason;
};

Breakpoints *breakpoints_new(void)
{
    Breakpoints *breakpoints = g_new0(Breakpoints, 1);
    breakpoints->addresses = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    breakpoints->stop_icount = breakpoints->resumed_icount = UINT64_MAX;
    return breakpoints;
}

void breakpoints_free(Breakpoints *breakpoints)
{
    if (!breakpoints)
        return;
    g_array_unref(breakpoints->addresses);
    g_free(breakpoints);
}

/* The index of the first that is at EA or above. */
static guint find(const Breakpoints *breakpoints, uint64_t ea)
{
    guint low = 0, high = breakpoints->addresses->len;
    while (low < high) {
        guint middle = (low + high) / 2;
        if (g_array_index(breakpoints->addresses, uint64_t, middle) < ea)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first at EA or above, or UINT64_MAX, where no instruction is. */
static uint64_t next_from(const Breakpoints *breakpoints, uint64_t ea)
{
    guint i = find(breakpoints, ea);
    return i < breakpoints->addresses->len ? g_array_index(breakpoints->addresses, uint64_t, i)
                                           : UINT64_MAX;
}

bool breakpoints_add(Breakpoints *breakpoints, uint64_t ea)
{
    if (breakpoints->addresses->len >= BREAKPOINTS_MAX)
        return false;
    g_array_insert_val(breakpoints->addresses, find(breakpoints, ea), ea);
    return true;
}

bool breakpoints_remove(Breakpoints *breakpoints, uint64_t ea)
{
    if (next_from(breakpoints, ea) != ea || ea == UINT64_MAX)
        return false;
    g_array_remove_index(breakpoints->addresses, find(breakpoints, ea));
    return true;
}

void breakpoints_stop_at(Breakpoints *breakpoints, uint64_t icount)
{
    breakpoints->stop_icount = icount;
}

StopReason breakpoints_reason(const Breakpoints *breakpoints)
{
    return breakpoints->reason;
}

void breakpoints_resume(Breakpoints *breakpoints, const Cpu *cpu)
{
    breakpoints->resumed_icount = cpu_icount(cpu);
    breakpoints->resumed_cia = cpu->s.cia;
    breakpoints->reason = STOP_OTHER;
}

static bool is_at(const Breakpoints *breakpoints, const Cpu *cpu)
{
    uint64_t cia = cpu->s.cia;
    bool resumed_here =
        cpu_icount(cpu) == breakpoints->resumed_icount && cia == breakpoints->resumed_cia;
    return !cpu->s.halted && !resumed_here && next_from(breakpoints, cia) == cia;
}

bool breakpoints_stop_here(Breakpoints *breakpoints, const Cpu *cpu)
{
    if (cpu_icount(cpu) >= breakpoints->stop_icount)
        breakpoints->reason = STOP_POSITION;
    else if (is_at(breakpoints, cpu))
        breakpoints->reason = STOP_BREAKPOINT;
    else
        return false;
    breakpoints->stop_icount = UINT64_MAX;
    return true;
}

uint64_t breakpoints_end(const Breakpoints *breakpoints)
{
    return breakpoints->stop_icount;
}

bool breakpoints_has_addresses(const Breakpoints *breakpoints)
{
    return breakpoints->addresses->len > 0;
}

/* How many instructions there are at most before a breakpoint, if they follow each other. */
static int64_t straight_count(const Breakpoints *breakpoints, const Cpu *cpu)
{
    uint64_t next = next_from(breakpoints, cpu->s.cia + 1);
    return (int64_t)MIN((next - cpu->s.cia) / 4, (uint64_t)cpu->left);
}

void breakpoints_run(const Breakpoints *breakpoints, Cpu *cpu)
{
    bool go_on = true;
    while (go_on && cpu->left > 0) {
        int64_t kept = cpu->left - MAX(straight_count(breakpoints, cpu), 1);
        cpu->left -= kept;
        cpu->icount_end -= (uint64_t)kept;
        go_on = interpreter_run_straight(cpu);
        if (cpu->left <= 0 || is_at(breakpoints, cpu))
            return;
        cpu->left += kept;
        cpu->icount_end += (uint64_t)kept;
    }
}

Breakpoints *machine_breakpoints(Machine *machine)
{
    return machine->breakpoints;
}

void machine_set_breakpoints(Machine *machine, Breakpoints *breakpoints)
{
    breakpoints_free(machine->breakpoints);
    machine->breakpoints = breakpoints;
}
