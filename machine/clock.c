/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/clock.h"

#include "machine/cpu/cpu.h"

const StateTable clock_state_table = {
    "clock", 1, sizeof(ClockState),
    (const StateField[]){
        STATE_FIELD(ClockState, warp_ns, "virtual time skipped while idle, in ns"),
        STATE_FIELD_MAX(ClockState, shift, 10, "one instruction is 2^shift ns"), STATE_DONE }
};

uint64_t clock_virtual_ns(const Clock *clock)
{
    return (cpu_icount(clock->cpu) << clock->s.shift) + clock->s.warp_ns;
}

uint64_t clock_icount_at(const Clock *clock, uint64_t deadline_ns)
{
    uint64_t now = cpu_icount(clock->cpu);
    if (deadline_ns <= clock->s.warp_ns)
        return now;
    uint64_t ns = deadline_ns - clock->s.warp_ns;
    uint64_t unit = 1ull << clock->s.shift;
    uint64_t icount = (ns >> clock->s.shift) + ((ns & (unit - 1)) != 0);
    return MAX(icount, now);
}

void clock_warp_to(Clock *clock, uint64_t target_ns)
{
    uint64_t now = clock_virtual_ns(clock);
    if (target_ns > now)
        clock->s.warp_ns += target_ns - now;
}
