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

#include "machine/debug/breakpoints.h"
#include "machine/machine.h"
#include "replay/keyframe-file.h"

#define KEYFRAME_BUDGET        (256u << 20)
#define KEYFRAME_INTERVAL      (1ull << 26) /* instructions of work: of a replay */
#define KEYFRAME_FILE_INTERVAL (1ull << 29) /* of a recording, and in the file */
#define KEYFRAME_FILE_BYTES    (1ull << 30) /* so much is put there at most */

typedef struct TimeTravel TimeTravel;

/* On a machine that has just begun to replay, or that is anywhere in a replay: keeps keyframes from
 * here on. False with ERROR if there can be none. */
bool machine_keep_keyframes(Machine *machine, uint64_t budget, uint64_t interval, GError **error);
/* NULL if none are kept. */
const KeyframeSet *machine_keyframes(Machine *machine);

/* The same on a machine that has just begun to record, for replays of the recording. THRIFTY: they
 * may cost it a hundredth of its time, and wait until that is so; else whatever they cost. */
void machine_record_keyframes(Machine *machine, uint64_t budget, uint64_t interval, bool thrifty);
/*
 * Its keyframes, of which no more are made, or NULL if it keeps none. Another thread may read them
 * until machine_return_keyframes(), on the machine's thread, frees them (NULL: nothing).
 */
KeyframeSet *machine_take_keyframes(Machine *machine);
void machine_return_keyframes(Machine *machine, KeyframeSet *frames);

/*
 * Keyframes of earlier replays of the same recording are in FILE (taken), and those of this one may
 * be put there: machine_lend_keyframe() gives one that is worth it (or false), which another thread
 * may append meanwhile; then machine_keep_lent() takes it back, with what was APPENDED (of
 * KeyframeAppend).
 * No replay of a machine with disks has any: its versions of disks pass.
 */
void machine_set_keyframe_file(Machine *machine, KeyframeFile *file);
KeyframeFile *machine_keyframe_file(Machine *machine);
bool machine_has_keyframe_to_lend(Machine *machine);
bool machine_lend_keyframe(Machine *machine, Keyframe *frame);
void machine_keep_lent(Machine *machine, Keyframe *frame, GArray *appended);

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
/* The same for PLACES (taken) instead of the debugger's. */
bool machine_search_back(Machine *machine, Breakpoints *places, MachineSeekDone done, void *opaque,
                         GError **error);
/* What the last of these found: STOP_BREAKPOINT or STOP_WATCHPOINT, and *HIT; STOP_BEGIN; or
 * STOP_OTHER, if it was ended. */
StopReason machine_found(Machine *machine, StopHit *hit);

/* Something that was met: when, and what. */
typedef struct {
    Position position; /* of the instruction or the device's access */
    StopHit hit;
} MachineHit;

/*
 * A question: where between two places of the recording is something met. The machine goes and
 * looks, and is afterwards what and where it was, in the same run state; meanwhile tasks wait, and
 * its host is told nothing.
 */
typedef struct {
    Breakpoints *places;     /* what to look for; taken */
    SeekTarget from, before; /* from the first arrival at the one to that at the other */
    bool backwards;          /* the last ones first, and no further than need be */
    unsigned most;           /* so many hits at most are told; at least 1 */
} MachineQuestion;

/* An input of the log, and where it reached the guest. */
typedef struct {
    uint64_t number; /* of the event */
    Position position;
} MachineInput;

typedef struct {
    GArray *inputs; /* of MachineInput: those on the way of a question that looks forwards */
    GArray *hits;   /* of MachineHit, in the order in which they were looked for */
    uint64_t count; /* of all that were met, if it did not look BACKWARDS */
} MachineAnswer;

/* ANSWER is borrowed, NULL with ERROR. */
typedef void (*MachineAnswered)(void *opaque, const MachineAnswer *answer, const GError *error);

/* False with ERROR, and DONE is not called, when it cannot begin; as machine_seek(). */
bool machine_ask(Machine *machine, const MachineQuestion *question, MachineAnswered done,
                 void *opaque, GError **error);
/* From any thread: a question that is being looked into is answered with an error, soon. */
void machine_call_back(Machine *machine);

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
/* A replay gives an input to the guest while its host is told nothing. */
void time_travel_note_input(Machine *machine);
/* Tasks have to wait: the machine is not where those who sent them believe it to be. */
bool time_travel_holds_tasks(Machine *machine);
/* The machine does not run (any more). */
void time_travel_stopped(Machine *machine);
void time_travel_free(TimeTravel *travel);

#endif
