/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One whole machine. Two faces: what boards and devices may ask of it, and what its owner (the
 * worker, a test) does with it.
 *
 * All of it belongs to the machine thread, but for the functions in inbox.h.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "machine/clock.h"
#include "machine/config.h"
#include "machine/device.h"
#include "machine/memory.h"
#include "replay/replay.h"

typedef struct Cpu Cpu;

/* --- for boards and devices --------------------------------------------------------------------- */

Memory *machine_memory(Machine *machine);
Bus *machine_bus(Machine *machine);
Clock *machine_clock(Machine *machine);
TimerQueue *machine_timers(Machine *machine);
/* Processor INDEX; there is one for now. */
Cpu *machine_cpu(Machine *machine, unsigned index);
const MachineConfig *machine_config(Machine *machine);

/* Virtual time of the present instruction, in ns. */
uint64_t machine_now_ns(Machine *machine);

/*
 * Something that a boundary looks at (an interrupt line, a deadline) has changed: the processor
 * leaves its block after the present instruction.
 */
void machine_touch_boundary(Machine *machine);

/* The host's wall clock in ns since 1970 UTC: read and logged, or taken from the log. */
int64_t machine_host_clock_ns(Machine *machine);
/* LENGTH bytes of host entropy: read and logged, or taken from the log. */
void machine_random(Machine *machine, void *data, size_t length);

/*
 * What the guest sends out through DEVICE (console bytes, packets). Hashed, compared in replay, and
 * handed to the host's side; never blocks, and nothing comes back.
 */
void machine_output(Device *device, const void *data, size_t length);

/* Acted upon at the next boundary. */
typedef enum {
    MACHINE_SHUTDOWN_NONE,
    MACHINE_SHUTDOWN_GUEST_POWEROFF,
    MACHINE_SHUTDOWN_GUEST_RESET,
    MACHINE_SHUTDOWN_GUEST_PANIC,
    MACHINE_SHUTDOWN_HOST_QUIT,
    MACHINE_SHUTDOWN_HOST_RESET,
} MachineShutdown;
void machine_request_shutdown(Machine *machine, MachineShutdown cause);

/*
 * The machine cannot go on as a machine should (devices hang, the host has no space): it stops, stays
 * inspectable, and says TEXT.
 */
void machine_internal_error(Machine *machine, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* --- boards -------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *description;
    uint32_t behaviour_version;
    /* Adds processors' hooks and devices, maps their ranges; opens nothing. */
    bool (*build)(Machine *machine, GError **error);
    /*
     * After every device's reset: loads images into (zeroed) RAM, makes tables, sets the processor's
     * entry state. Called at power-on and at each machine reset; the same each time.
     */
    bool (*load)(Machine *machine, GError **error);
} Board;

/* A board by name, or NULL. The table is in boards/boards.c. */
const Board *board_find(const char *name);
const Board *const *board_list(void);

#endif
