/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine at one moment, in memory: what snapshots (and keyframes) are made of.
 *
 * 1. Capturing takes the state without the memory, and copies the pages that were written since the
 *    map that the machine's memory is known to build on, its base. The guest stands still for that
 *    long; whatever else happens to a capture needs the machine no more.
 * 2. A capture leaves no trace that the guest, a hash or a log could show.
 * 3. A restore that fails leaves the machine as it was, as long as packs were verified before
 *    (snapshot_verify_pages): the state is tried first, the memory changes last.
 * 4. The base is kept as long as it is good for something: replaced by the capture that was saved,
 *    by the map that was restored; forgotten when the memory is loaded from a stream.
 */
#ifndef MACHINE_SNAPSHOT_H
#define MACHINE_SNAPSHOT_H

#include "machine/machine.h"
#include "replay/page-store.h"
#include "replay/replay-seek.h"

typedef struct {
    GBytes *state;
    PageMap *map;
    Position position;
    ReplayMode mode;
    ReplayPrefix prefix;
    uint32_t epoch;
} MachineCapture;

/* The store of this machine's pages; made when it is first asked for. */
PageStore *machine_page_store(Machine *machine);
PageMap *machine_base(Machine *machine);

/*
 * Copies a piece of the memory of a machine that has no base, so that a capture soon afterwards
 * copies only what was written in between. Call it until it returns true, and let the machine run
 * between the calls.
 */
bool machine_copy_early(Machine *machine);
/* There will be no capture. */
void machine_drop_early(Machine *machine);
/* On a boundary, with the machine in any run state. False with ERROR when a disk cannot be frozen.
 */
bool machine_capture(Machine *machine, MachineCapture *capture, GError **error);
/*
 * The same, but its map is one of news (page_map_capture_news): upon BASE, which was captured when
 * epoch SINCE ended, or of what was written after that if it is NULL. Not to be adopted.
 */
bool machine_capture_since(Machine *machine, const PageMap *base, uint32_t since,
                           MachineCapture *capture, GError **error);
/* How many pages that would copy, those that are all zero included. */
uint64_t machine_count_news(Machine *machine, uint32_t since);
/* The same of machine_capture(). */
uint64_t machine_count_capture(Machine *machine);
/* The capture's map becomes the base; its pages that are in a pack leave memory. */
void machine_capture_adopt(Machine *machine, const MachineCapture *capture);
void machine_capture_clear(MachineCapture *capture);

/*
 * The machine becomes what was captured, by whatever process; MAP becomes the base. A machine that
 * replays goes to SEEK (taken; found by replay_seek_find), and another's is NULL. A running machine
 * runs on, any other is paused.
 */
bool machine_restore(Machine *machine, GBytes *state, PageMap *map, ReplaySeek *seek,
                     GError **error);

/* Makes MEMORY what it is to be; pages that change get the mark EPOCH. */
typedef bool (*MachineFill)(void *opaque, const PageMemory *memory, uint32_t epoch, GError **error);
/*
 * As machine_restore(), but FILL brings the memory. When that fails the machine is of no use until
 * something is restored.
 */
bool machine_restore_filled(Machine *machine, GBytes *state, MachineFill fill, void *opaque,
                            ReplaySeek *seek, GError **error);

/* Nothing is known of the memory but what its marks say. */
void machine_forget_base(Machine *machine);
/* When the machine is freed. */
void machine_free_pages(Machine *machine);

#endif
