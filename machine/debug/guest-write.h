/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the guest by somebody at a debugger: inputs (CONTROL events), which take effect at
 * once. A machine that replays takes none.
 *
 * The bytes of an event write-register are the register's number (gdb-registers.h), in one, and its
 * value, most significant first; those of write-memory are the real address, in eight, most
 * significant first, and what is written.
 */
#ifndef MACHINE_DEBUG_GUEST_WRITE_H
#define MACHINE_DEBUG_GUEST_WRITE_H

#include "machine/machine.h"

/* Of a machine that does not run. VALUE: most significant byte first. The register exists. */
bool guest_write_register(Machine *machine, unsigned number, const uint8_t *value, GError **error);
/* LENGTH bytes at REAL, which are memory, and at most GUEST_WRITE_MAX. */
bool guest_write_memory(Machine *machine, uint64_t real, const void *data, uint64_t length,
                        GError **error);
#define GUEST_WRITE_MAX 65536u

/* For run.c: does what a write-register or write-memory says; false if it says nonsense. */
bool guest_write_deliver(Machine *machine, const struct Event *event);

#endif
