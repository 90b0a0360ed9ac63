/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going to another place of the recording that is replayed.
 *
 * 1. A replay goes back by becoming what it was at an earlier keyframe and running forward from
 *    there. So every place is reached by the same computation as the first time, and whatever is
 *    found there (hashes, divergence) is what was found then.
 * 2. The machine stops in phase 1 of the first boundary at which the target is reached: nothing
 *    that is due at its position has happened.
 * 3. Neither keyframes nor stops leave a trace that the guest, a hash or a log could show.
 *
 * All of it belongs to the machine thread.
 */
#ifndef MACHINE_TIME_TRAVEL_H
#define MACHINE_TIME_TRAVEL_H

#include "machine/machine.h"
#include "replay/keyframe.h"

#define KEYFRAME_BUDGET   (256u << 20)
#define KEYFRAME_INTERVAL (1ull << 26) /* instructions of work */

typedef struct TimeTravel TimeTravel;

/* On a machine that has just begun to replay, or that is anywhere in a replay: keeps keyframes from
 * here on. False with ERROR if there can be none. */
bool machine_keep_keyframes(Machine *machine, uint64_t budget, uint64_t interval, GError **error);
/* NULL if none are kept. */
const KeyframeSet *machine_keyframes(Machine *machine);

/* ERROR is NULL if the machine stopped at the target; else it stopped somewhere else. */
typedef void (*MachineSeekDone)(void *opaque, const GError *error);

/*
 * Lets the machine run to the first position at which TARGET is reached, and pauses it there; from
 * an earlier keyframe, if the machine is past it. DONE is called later, once, when the machine has
 * stopped. False with ERROR, and DONE is not called, when it cannot begin: the machine does not
 * replay, another seek is under way, there is no such place.
 */
bool machine_seek(Machine *machine, const SeekTarget *target, MachineSeekDone done, void *opaque,
                  GError **error);

/*
 * Goes back to the last place before the present position at which the debugger's breakpoints
 * (machine_breakpoints) would have made the machine stop, and stops in front of it: the instruction
 * that was about to be attempted, or made the access, is the next one. Without any, or if there is
 * no such place, it stops where the recording begins. breakpoints_reason() says which it was:
 * STOP_BREAKPOINT, STOP_WATCHPOINT (breakpoints_hit() says more) or STOP_BEGIN. A device's write
 * to watched memory is stopped at in front of the instruction whose boundary it was on.
 * DONE and errors are those of machine_seek(); after that the reason is STOP_POSITION.
 */
bool machine_reverse_continue(Machine *machine, MachineSeekDone done, void *opaque, GError **error);

/* Pauses the replay when it gets to ICOUNT, which is still to come; replaces an earlier break. */
bool machine_break_at(Machine *machine, uint64_t icount, GError **error);
/* False if there is none. */
bool machine_get_break(Machine *machine, uint64_t *icount);
/* No error if there is none. */
void machine_delete_break(Machine *machine);

/*
 * Leaves the replay where the machine is: it is paused, live, and takes input. Its disks stay what
 * they are in the replay, and vanish with the machine, but for snapshots and recordings. False with
 * ERROR when it does not replay, a seek is under way, or the replay did not hold.
 */
bool machine_take_over(Machine *machine, GError **error);

/* --- for the machine's own loop --------------------------------------------------------------- */

/* Before the machine runs on: pauses it where it must, makes keyframes, and returns up to which
 * icount it may run. */
uint64_t time_travel_before_run(Machine *machine);
/* The machine does not run (any more). */
void time_travel_stopped(Machine *machine);
void time_travel_free(TimeTravel *travel);

#endif
