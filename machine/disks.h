/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All disks of a machine at once: what a recording has to know of them. Machine thread.
 */
#ifndef MACHINE_DISKS_H
#define MACHINE_DISKS_H

#include "machine/machine.h"

/* Whether the machine has disks at all. */
bool machine_has_disks(Machine *machine);

/* Ends the present version of every disk, durably, and writes which versions these are. */
bool machine_freeze_disks(Machine *machine, StateWriter *writer, GError **error);

/*
 * For a replay, before the machine's state is loaded: every disk shows the version that READER
 * names, and takes writes into a private layer. On failure no disk has changed.
 */
bool machine_enter_disks(Machine *machine, StateReader *reader, GError **error);
/* Versions of disks in a replay are passing ones from now on, or lasting ones: see
 * disk_set_passing(). */
void machine_set_disks_passing(Machine *machine, bool is_passing);
/* Whether nothing is under way on any disk: then a version of it takes no time. */
bool machine_disks_are_idle(Machine *machine);
/* How many clusters are kept for versions beside what the disks hold. */
unsigned machine_superseded_clusters(Machine *machine);
/* Any thread: what was written, and versions, are on the host's disk when this returns; or ERROR.
 */
bool machine_sync_disks(Machine *machine, GError **error);
/* The disks are again what they were before; for a replay that is given up. */
void machine_leave_disks(Machine *machine);

#endif
