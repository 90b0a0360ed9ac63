/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places that somebody beside the machine wants to know of when the processor comes to them:
 * addresses of instructions, and ranges of data.
 *
 * 1. A watch is no state and leaves none: caches are filled a little differently, and budgets end
 *    elsewhere. Guest memory is never patched.
 * 2. No block of translated code has a watched instruction in it, and none is entered at one: both
 *    engines come back to their caller when they arrive there, but for the first instruction of a
 *    budget. Elsewhere code runs as it always does.
 * 3. A page in which data is watched is in no bank of the soft TLB: its accesses take the slow
 *    path, which looks. Accesses to all other pages cost what they always do.
 * 4. An access that faults is none. One instruction may make several accesses; each that touches a
 *    range is reported once, for the first such range, in the order in which they are made.
 */
#ifndef MACHINE_CPU_WATCH_H
#define MACHINE_CPU_WATCH_H

#include "machine/cpu/cpu.h"

typedef enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_ACCESS = 3 } WatchKind;

typedef struct {
    uint64_t address; /* effective, as the instruction forms it; or real */
    uint64_t length;  /* bytes, not 0; ADDRESS + LENGTH does not wrap around */
    WatchKind kind;
    bool is_physical; /* real addresses: seen by whatever way they are reached, DMA included */
} WatchRange;

/* An access to watched data. */
typedef struct {
    const WatchRange *range; /* borrowed from the watch */
    uint64_t icount;         /* of the instruction; the position, if it was a device's */
    uint64_t cia;            /* its address; UINT64_MAX: a device did it on this boundary */
    uint64_t address;        /* of the first byte in RANGE that was accessed */
    bool is_write;
} WatchHit;

typedef struct CpuWatch {
    GArray *code; /* of uint64_t, ascending */
    GArray *data; /* of WatchRange */
    void (*accessed)(void *opaque, const WatchHit *hit);
    void *opaque;
} CpuWatch;

/* ACCESSED may ask for a boundary (cpu_stop_at_boundary), and must not touch the machine else. */
void cpu_watch_init(CpuWatch *watch, void (*accessed)(void *opaque, const WatchHit *hit),
                    void *opaque);
void cpu_watch_clear(CpuWatch *watch);

/*
 * From now on WATCH (borrowed, may be NULL) is the processor's. Between instructions; again after
 * each change of it.
 */
void cpu_set_watch(Cpu *cpu, const CpuWatch *watch);

/* The first watched instruction at EA or above; UINT64_MAX, where no instruction is: none. */
uint64_t cpu_watch_next(const CpuWatch *watch, uint64_t ea);

static inline bool cpu_watch_is_at(const CpuWatch *watch, uint64_t ea)
{
    return cpu_watch_next(watch, ea) == ea;
}

/*
 * Lets the interpreter go straight on, up to the next watched instruction. *ARRIVED: there it is.
 * False when the engine must go back to its boundary.
 */
bool cpu_watch_run_straight(Cpu *cpu, bool *arrived);

/* --- for the slow path of accesses ------------------------------------------------------------ */

/* Whether the page of EA, which is that of REAL, must stay out of the banks. */
bool cpu_watch_has_page(const CpuWatch *watch, uint64_t ea, uint64_t real);
/* SIZE bytes were read or written. */
void cpu_watch_report(Cpu *cpu, uint64_t ea, uint64_t real, uint64_t size, bool is_write);
/* A device has written memory, or the processor a page table. */
void cpu_watch_report_physical(Cpu *cpu, uint64_t real, uint64_t size);

#endif
