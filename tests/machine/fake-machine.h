/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for device tests: RAM, a bus, timers on a clock that the test moves, one processor that
 * executes nothing, and a record of what devices asked for.
 */
#ifndef TESTS_MACHINE_FAKE_MACHINE_H
#define TESTS_MACHINE_FAKE_MACHINE_H

#include "machine/cpu/board-hooks.h"
#include "machine/machine.h"

/* Memory, and no device; texts in these are not to be freed. */
MachineConfig fake_machine_bare_config(uint64_t memory_bytes);
/* One of each device that a pseries board can have, of screens the VGA; a disk has IMAGE. */
MachineConfig fake_machine_whole_config(uint64_t memory_bytes, int image);

/* CONFIG may be NULL: one console, 16 MiB, a fixed date. It must outlive the machine. */
Machine *fake_machine_new(const MachineConfig *config);
void fake_machine_free(Machine *machine);

void fake_machine_reset(Machine *machine);
/* Empties RAM and the record, and makes it time 0; the devices are to be reset then. */
void fake_machine_power_on(Machine *machine);
Device *fake_machine_device(Machine *machine, const char *id);
unsigned fake_machine_device_count(Machine *machine);
Device *fake_machine_device_at(Machine *machine, unsigned index);

/* Moves virtual time to NS, firing what is due on the way in order. */
void fake_machine_run_to(Machine *machine, uint64_t ns);
/* The arm sequence, which a machine would save. */
void fake_machine_copy_timers(const Machine *from, Machine *to);
/* UINT64_MAX: nothing is armed. */
uint64_t fake_machine_next_deadline(Machine *machine);

/* `sc 1` with r3 = OPCODE; COUNT arguments (uint64_t) go to r4 on. Returns r3. */
int64_t fake_machine_hypercall(Machine *machine, uint64_t opcode, unsigned count, ...);

typedef struct {
    GString *output; /* of all devices */
    unsigned unknown;
    ShutdownCause shutdown;
    unsigned boundaries;
    unsigned internal_errors;
    unsigned random_reads;
    uint64_t captured; /* frames of sound */
    unsigned block_errors;
    int64_t host_clock_ns; /* what the host clock shows */
    unsigned host_clock_reads;
} FakeRecord;
FakeRecord *fake_machine_record(Machine *machine);

#endif
