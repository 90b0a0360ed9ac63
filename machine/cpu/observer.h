/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An observer of a processor: told of every store and of every place between blocks. For tests that
 * compare engines step by step.
 *
 * 1. Without an observer nothing is done for one on any path that runs often. With one, write
 *    entries of the soft TLB have TLB_OBSERVED in their tags: the functions of the interpreter miss
 *    them and store on the slow path, which tells the observer. Translated code looks for such
 *    tags, stores inline as ever, and tells the observer behind the store what memory holds then.
 * 2. An observer changes nothing and comes and goes only while nothing has run: before the
 *    translator is made, with the banks empty.
 */
#ifndef MACHINE_CPU_OBSERVER_H
#define MACHINE_CPU_OBSERVER_H

#include "machine/cpu/cpu.h"

typedef struct CpuObserver {
    /*
     * Instruction number ICOUNT has stored SIZE bytes, which are at DATA: to the page table, to
     * memory, or to a device. AT is the place in memory, or the real address of a device's
     * register. One instruction may store in several pieces.
     */
    void (*stored)(void *opaque, uint64_t icount, uint64_t at, unsigned size, const void *data);
    /* The translator begins a budget: what was due at this boundary has happened. */
    void (*budget_begins)(void *opaque, const Cpu *cpu);
    /* A block was left, or the budget: the state is exact, and that of a boundary. */
    void (*block_left)(void *opaque, const Cpu *cpu);
    void *opaque;
} CpuObserver;

static inline void cpu_observe_store(const Cpu *cpu, uint64_t at, unsigned size, const void *data)
{
    if (G_UNLIKELY(cpu->observer != NULL))
        cpu->observer->stored(cpu->observer->opaque, cpu_icount(cpu), at, size, data);
}

#endif
