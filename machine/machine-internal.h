/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a machine, shared by machine.c, run.c and machine-state.c.
 */
#ifndef MACHINE_MACHINE_INTERNAL_H
#define MACHINE_MACHINE_INTERNAL_H

#include "machine/cpu/cpu-state.h"
#include "machine/cpu/cpu.h"
#include "machine/debug/breakpoints.h"
#include "machine/inbox.h"
#include "machine/machine.h"
#include "machine/script.h"
#include "machine/time-travel.h"
#include "replay/page-store.h"

/* What belongs to the machine itself and the guest could notice. */
typedef struct {
    uint64_t sequence_icount; /* the icount that SEQUENCE belongs to */
    uint32_t sequence;        /* warps at that icount so far */
    uint32_t shutdown;        /* ShutdownCause asked for, acted upon at the next boundary */
} MachineState;

struct Machine {
    MachineState s;
    MachineConfig *config;
    const Board *board;
    int directory;
    MachineHost host;

    Memory *memory;
    Bus *bus;
    Clock clock;
    TimerQueue *timers;
    Cpu *cpu;
    GPtrArray *devices;
    GArray *outputs; /* of OutputHash, one per device, by device number */
    Replay *replay;
    Inbox *inbox;

    /* The dirty part of the state hash: which pages await digesting. */
    RamHash ram_hash;
    uint64_t *dirty_pages; /* a bit per page, memory_news_words() */
    HashList *hashes;

    /* Memory as snapshots have it (snapshot.c). */
    PageStore *pages;
    PageMap *base; /* what memory held when epoch BASE_EPOCH had ended; or NULL */
    uint32_t base_epoch;
    PageMap *early; /* a base in the making: see machine_copy_early() */
    uint32_t early_epoch;
    uint64_t early_next;

    unsigned lent_maps; /* other threads read their pages: none may leave memory */

    TimeTravel *travel;       /* NULL: it has kept no keyframes yet */
    Breakpoints *breakpoints; /* a debugger's; NULL without one */
    Breakpoints *stops;       /* those that are armed: the debugger's, a search's, or NULL */

    bool is_written; /* phases 2 and 3 of this boundary were passed by machine_input_now() */

    GArray *block_errors; /* of BlockError: taken from the log at this boundary, not used yet */

    bool waits_for_host; /* at this boundary, for a device's host_part() */
    InputScript *script; /* inputs at set times; or NULL */

    bool is_away;       /* a search has taken it elsewhere: its host is told nothing */
    int is_called_back; /* atomic: a question is to be given up */
    MachineRunState run_state;
    ShutdownCause cause; /* of the last shutdown or reset */
    char *error_text;
    uint64_t quantum;
    bool quit;
    MachineUnknown unknowns[MACHINE_UNKNOWNS_MAX];
    unsigned unknown_count;

    /* Pacing of idle time, host side only. */
    bool idle_is_paced;
    int64_t idle_began_ns;
};

/* A request that failed in the recording. */
typedef struct {
    uint64_t request;
    uint32_t code;
} BlockError;

extern const StateTable machine_state_table;

/* The host's time, or 0 for a host that has none: for what the guest cannot notice. */
static inline int64_t machine_host_ns(Machine *machine)
{
    return machine->host.monotonic_ns ? machine->host.monotonic_ns(machine->host.opaque) : 0;
}

void machine_set_run_state(Machine *machine, MachineRunState state);
/* It has become another one, or has come back: its host is told, unless it is away. */
void machine_moved(Machine *machine);
/*
 * An input that takes effect at once, on a machine that does not run: it is logged at the present
 * position, or at the next one that an idle machine can have. False with ERROR if nothing can come
 * in here.
 */
bool machine_input_now(Machine *machine, const Event *event, GError **error);
/* Before a recording ends: what an input at once has begun of this boundary is done to its end. */
void machine_settle_inputs(Machine *machine);
/* From now on the machine stops at these (borrowed); NULL: nowhere. */
void machine_arm(Machine *machine, Breakpoints *breakpoints);
/* Puts every component into its power-on state and loads the images. */
bool machine_power_on(Machine *machine, GError **error);
/* Pages of RAM with news since the last point go into dirty_pages; for hash points. */
void machine_collect_dirty(Machine *machine);

/* The state without the memory: written; read; and, once the memory is there too, put to use. */
void machine_save_state(Machine *machine, StateWriter *writer);
bool machine_load_state(Machine *machine, StateReader *reader, GError **error);
/* With KEEPS_CODE the caller has told the code cache of each page that is another one now. */
void machine_loaded(Machine *machine, bool keeps_code);

#endif
