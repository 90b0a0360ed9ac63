/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Program priority: `or` with one register three times sets PPR.PRI for some registers (Power ISA
 * 3.0B, Book II 3.1).
 */
#ifndef MACHINE_CPU_PRIORITY_H
#define MACHINE_CPU_PRIORITY_H

#include "machine/cpu/cpu.h"

#define PRIORITY_SHIFT 50
#define PRIORITY_MASK  (7ull << PRIORITY_SHIFT)

/*
 * The priority that `or REGISTER,REGISTER,REGISTER` sets, or 0: it sets none. The privileged ones
 * do nothing in problem state, as when PSPB is 0.
 */
static inline uint64_t priority_of_hint(const Cpu *cpu, unsigned number)
{
    static const struct {
        uint8_t hint, priority, privileged;
    } hints[] = { { 31, 1, 0 }, { 1, 2, 0 }, { 6, 3, 0 }, { 2, 4, 0 }, { 5, 5, 1 }, { 3, 6, 1 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(hints); i++)
        if (hints[i].hint == number && !(hints[i].privileged && cpu->s.msr & MSR_PR))
            return hints[i].priority;
    return 0;
}

#endif
