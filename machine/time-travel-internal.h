/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by time-travel.c, which goes to places, time-travel-search.c, which looks for them, and
 * time-travel-keyframes.c, which makes what they begin at.
 */
#ifndef MACHINE_TIME_TRAVEL_INTERNAL_H
#define MACHINE_TIME_TRAVEL_INTERNAL_H

#include "machine/machine-internal.h"
#include "machine/snapshot.h"
#include "replay/keyframe-file.h"

/* What a keyframe of the file must save to be worth reading. */
#define KEYFRAME_FILE_GAP (1ull << 29)

typedef struct Search Search;

struct TimeTravel {
    KeyframeSet *frames;
    KeyframeFile *file; /* keyframes of earlier replays, too; or NULL */
    bool is_file_bad;   /* it was given up */
    uint64_t interval;
    uint64_t work;             /* of the machine's position */
    uint64_t counted;          /* icount up to which it is counted in `work` */
    uint64_t next_work;        /* of the next keyframe */
    uint64_t room_for;         /* a replay's `next_work` of the keyframe that has memory for */
    uint64_t room_pages;       /* so many pages */
    bool is_recording;         /* the keyframes are a recording's, for replays to come */
    bool is_thrifty;           /* what they cost has to be paid for */
    PageMap *news;             /* the last of them, or NULL: there was none yet */
    uint32_t news_epoch;       /* when it was captured, or the recording began */
    uint64_t news_work;        /* likewise */
    uint64_t news_pages;       /* of what is new since: so many at least */
    uint64_t room_most;        /* pages that have memory beforehand */
    int64_t room_ns;           /* the host's time when there may be more memory for the next one */
    bool is_due;               /* the next one is paid for */
    unsigned superseded;       /* clusters of disks, likewise */
    unsigned first_superseded; /* when the recording began */
    bool is_full;              /* the budget does not hold any more of them */
    MachineSeekDone done;      /* NULL: neither a seek nor a search is under way */
    void *opaque;
    SeekTarget target; /* of the seek, or of the present part of a search */
    Search *search;    /* NULL: it is a seek */
    StopReason found;  /* by the last search of a debugger */
    StopHit found_hit;
    bool has_break;
    uint64_t break_icount;
};

TimeTravel *travel_of(Machine *machine);
/* On the machine's way: those that are due. */
void travel_make_keyframes(Machine *machine);
/* The icount of the next place in front of the target where there is to be one; else UINT64_MAX. */
uint64_t travel_next_approach(Machine *machine);

/* The machine can go to places; nothing is under way. */
bool travel_may_begin(Machine *machine, GError **error);
/* It becomes what it was at FRAME, of the set or of none. */
bool travel_become(Machine *machine, Keyframe *frame, GError **error);
/* The same, at the best keyframe from which TARGET can be reached. */
bool travel_go_back(Machine *machine, const SeekTarget *target, GError **error);
/* Whether the file has a keyframe before TARGET that is much nearer than FRAME, which may be NULL.
 */
const KeyframeEntry *travel_find_in_file(Machine *machine, const SeekTarget *target,
                                         const Keyframe *frame);
/* The machine becomes that, and the set has a keyframe of it. On failure the file is given up, and
 * the machine is what it was at the first keyframe. */
bool travel_become_entry(Machine *machine, const KeyframeEntry *entry);
/* After travel_become() failed: FRAME is of no use any more. */
bool travel_is_gone(Machine *machine, const Keyframe *frame);
/* The present place, as a keyframe that is in no set yet. */
bool travel_capture(Machine *machine, Keyframe *frame, GError **error);

/* The target of the search's present part is reached. True: the machine goes on to another one. */
bool search_arrived(Machine *machine);
/* The machine has stopped: where it was to, or elsewhere with ERROR. */
void search_finish(Machine *machine, const GError *error);
/* The machine stopped before its target was reached, but in the right place. */
bool search_is_there(Machine *machine);
/* It is a question, asked from a place to which the machine returns; somebody has taken it back. */
bool search_is_question(const Search *search);
/* It runs a span at whose end, not far from here, there is a keyframe. */
bool search_has_next_frame(Machine *machine);
/* Keyframes on the way to the target are good to have. */
bool search_approaches(const Search *search);

#endif
