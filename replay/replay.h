/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record and replay: the one door through which anything that is not computed enters a machine.
 *
 * The machine thread makes the same calls in all modes. REPLAY_NONE hands through live values,
 * REPLAY_RECORD hands them through and logs them, REPLAY_PLAY takes them from a log and compares
 * what the machine does with it. A machine's boundary, in the order of determinism rule 2:
 *
 *     position = where the machine is;
 *     if (replay_at_end(replay, &position))          (play: the recording ends here)
 *         replay_finish(replay, &position, hashes of HASH_END), stop;
 *     stops, seeks, breakpoints;
 *     if (replay_hash_due(replay, &position))
 *         replay_hash_point(replay, &position, hashes);
 *     if (replay_open_inputs(replay, &position)) {
 *         while ((event = replay_next_input(replay, &position)))      (play)
 *             deliver event;
 *         while (inbox has an event && replay_record_input(replay, &position, event))  (others)
 *             deliver event;
 *     }
 *     timers; interrupts;
 *     run at most replay_next_icount(replay, &position) - position.icount instructions.
 *
 * and while it is idle, with the next timer due at DEADLINE (UINT64_MAX: never), after the above:
 *
 *     wake = replay_next_wake(replay, &position, DEADLINE);
 *     play: if (wake > virtual_ns) { warp to wake; sequence + 1 } then the boundary again. It is
 *     virtual_ns when the recording ends here, or when the machine has nothing left to wait for and
 *     the replay therefore has ended or diverged.
 *     others: wait in host time for wake (which is DEADLINE) or an input. An input moves virtual_ns
 *     by at least 1 ns, at most to DEADLINE, then sequence + 1 and the boundary. What changes no
 *     guest state (a query, record-stop) does not move virtual_ns.
 *
 * Invariants
 * 1. Inputs land at most once per position: a second visit of the same position finds them closed,
 *    so that what came in between the visits is seen by replay on the same visit as by record.
 * 2. The log depends on positions and events only: playing a log while writing it again (see
 *    replay_set_echo) gives the same bytes.
 * 3. After a divergence, a read error or the end, the machine gets no more inputs; values are
 *    refused; nothing aborts or waits.
 * 4. Only the machine thread calls this. It waits for a disk to read a segment in play, to close a
 *    log, and when the log's buffer is full.
 */
#pragma once

#include "replay/event.h"
#include "replay/hash.h"
#include "replay/log.h"
#include "replay/state.h"

#define REPLAY_ERROR (replay_error_quark())
GQuark replay_error_quark(void);

typedef enum ReplayError {
    REPLAY_ERROR_VERSION,  /* made by a version that this build does not support */
    REPLAY_ERROR_DAMAGED,  /* a part or the log is damaged */
    REPLAY_ERROR_MISMATCH, /* does not belong to this machine */
    REPLAY_ERROR_STATE,    /* not in this mode */
    REPLAY_ERROR_IO,
} ReplayError;

typedef enum ReplayMode {
    REPLAY_NONE,
    REPLAY_RECORD,
    REPLAY_PLAY,
} ReplayMode;

typedef enum ReplayStatus {
    REPLAY_STATUS_LIVE,     /* none or record */
    REPLAY_STATUS_PLAYING,  /* play, and all held so far */
    REPLAY_STATUS_ENDED,    /* play: END reached, everything held */
    REPLAY_STATUS_SHORT,    /* play: a recording without END is used up */
    REPLAY_STATUS_DIVERGED, /* play: replay_divergence() says where */
    REPLAY_STATUS_FAILED,   /* the log cannot be read or written: replay_failure() says why */
} ReplayStatus;

/* Which sync marks a log holds. */
typedef enum SyncLevel {
    SYNC_MINIMAL,
    SYNC_INTERRUPTS,
    SYNC_FULL,
} SyncLevel;
/* "minimal", "interrupts", "full"; NULL, and FALSE, if there is no such level. */
const char *sync_level_name(SyncLevel level);
gboolean sync_level_parse(const char *text, SyncLevel *level);

/* The live sources of what a log holds. Called on the machine thread, never in play. */
typedef struct ReplaySources {
    gint64 (*clock_host)(gpointer user);       /* ns since 1970-01-01 UTC */
    gint64 (*clock_virtual_rt)(gpointer user); /* ns since any moment, never goes back */
    /* Fills BUFFER and returns 0, or returns a negative errno. */
    gint32 (*random)(gpointer user, guint8 *buffer, guint32 length);
    gpointer user;
} ReplaySources;

/* A place in a recording, named by what lies before it: how many events, and their digest. */
typedef struct ReplayPrefix {
    guint64 events;
    Digest digest;
} ReplayPrefix;

typedef struct Replay Replay;

/* Mode REPLAY_NONE. SOURCES must outlive the replay. */
Replay *replay_new(const ReplaySources *sources);
/* In record, abandons the log as a crash would; use replay_finish() first. */
void replay_free(Replay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replay, replay_free)

/* --- modes ---------------------------------------------------------------- */

/*
 * From REPLAY_NONE: records from POSITION on. Takes WRITER. HASHES are those of HASH_START: all
 * components and all of RAM.
 */
void replay_record(Replay *replay, LogWriter *writer, SyncLevel level, const Position *position,
                   const HashList *hashes);
/*
 * From REPLAY_NONE: plays from the log's start. Takes READER. The machine must be at the start's
 * position, fresh or loaded from the start snapshot; HASHES as above are compared with the log's.
 */
void replay_play(Replay *replay, LogReader *reader, SyncLevel level, const Position *position,
                 const HashList *hashes);
/*
 * Closes. Record: writes HASH_END and END, waits until all is on disk, mode becomes REPLAY_NONE;
 * FALSE and ERROR when the log could not be written. Play, when replay_at_end(): compares, status
 * becomes ENDED, SHORT or DIVERGED, mode stays REPLAY_PLAY.
 */
gboolean replay_finish(Replay *replay, const Position *position, const HashList *hashes,
                       GError **error);
/* Leaves play at any moment, mode becomes REPLAY_NONE. */
void replay_leave(Replay *replay);
/* Play: writes what is replayed into WRITER again, from before replay_play() on. Takes WRITER. */
void replay_set_echo(Replay *replay, LogWriter *writer);

ReplayMode replay_mode(const Replay *replay);
ReplayStatus replay_status(const Replay *replay);
/* "none", "record", "play" */
const char *replay_mode_name(ReplayMode mode);
/* "live", "playing", "ended", "short", "diverged", "failed" */
const char *replay_status_name(ReplayStatus status);

/*
 * The part of the replay that belongs to a snapshot: whether inputs were already opened at the
 * machine's position. Save and load it; do not hash it (which boundaries a machine visits depends
 * on its quantum).
 */
typedef struct ReplayState {
    guint64 opened_icount; /* position at which inputs were opened last */
    guint64 opened_virtual_ns;
    guint32 opened_sequence;
    bool opened; /* FALSE: not at this position */
    guint8 reserved[3];
} ReplayState;
extern const StateTable replay_state;
/* POSITION: the machine's, before a save; NULL before a load. */
ReplayState *replay_get_state(Replay *replay, const Position *position);

/* --- boundaries ----------------------------------------------------------- */

/* Play: TRUE unless the status is REPLAY_STATUS_PLAYING. The machine then stops, and stays
 * inspectable. */
gboolean replay_must_stop(const Replay *replay);
/*
 * The icount at which the machine must come to a boundary next: of the next hash point, input or
 * end, whichever is first; UINT64_MAX if there is none. It is more than POSITION's, except when the
 * recording ends inside this boundary, or the replay must stop: then it is the same, and the next
 * pass finds replay_at_end() or replay_must_stop().
 */
guint64 replay_next_icount(Replay *replay, const Position *position);
/* For an idle machine: DEADLINE, or in play the virtual time of what the log has before it. */
guint64 replay_next_wake(Replay *replay, const Position *position, guint64 deadline);
/* Play: whether the recording ends here, or has ended. Ask at the top of each pass of a boundary.
 */
gboolean replay_at_end(Replay *replay, const Position *position);
gboolean replay_hash_due(const Replay *replay, const Position *position);
void replay_hash_point(Replay *replay, const Position *position, const HashList *hashes);

/*
 * TRUE on the first visit of a position. Play also checks here that no event was due earlier than
 * POSITION. Must be called on each boundary, after the hash point and before timers.
 */
gboolean replay_open_inputs(Replay *replay, const Position *position);
/* Play: the next input due at this position, borrowed until the next call; NULL if there is none.
 */
const Event *replay_next_input(Replay *replay, const Position *position);
/* None: TRUE. Record: logs an event of class input, TRUE. Play: FALSE, live input is refused. */
gboolean replay_record_input(Replay *replay, const Position *position, const Event *event);

/* --- values, marks, notes ------------------------------------------------- */

/* FALSE (and *NS = 0) when the replay has diverged, ended or failed; the machine then stops. */
gboolean replay_clock_host(Replay *replay, const Position *position, gint64 *ns);
/* For pacing; logged at level full as a note. In play it is the live clock. */
gint64 replay_clock_virtual_rt(Replay *replay, const Position *position);
/* *RESULT is 0 or a negative errno, BUFFER then is zeroed. */
gboolean replay_random(Replay *replay, const Position *position, guint8 *buffer, guint32 length,
                       gint32 *result);
/*
 * Any other event of class value. In none and record EVENT holds the live value, and comes back
 * unchanged. In play it comes back as logged, its bytes borrowed until the next call.
 */
gboolean replay_value(Replay *replay, const Position *position, Event *event);

/* Sync marks: logged and compared when the level has them, else nothing happens. */
void replay_mark_interrupt(Replay *replay, const Position *position);
void replay_mark_exception(Replay *replay, const Position *position);
void replay_mark_checkpoint(Replay *replay, const Position *position, CheckpointKind kind);
void replay_mark(Replay *replay, const Position *position, const Event *event);

/* Record: a client's name for this position (record-mark). FALSE in other modes. */
gboolean replay_note(Replay *replay, const Position *position, const char *name);

/* Record: tells the log how far the machine is; cheap, call it at each end of a quantum. If the
 * disk has failed the status becomes REPLAY_STATUS_FAILED, and the machine must stop. */
void replay_progress(Replay *replay, const Position *position);

/* --- what happened -------------------------------------------------------- */

typedef struct ReplayDivergence {
    Position position; /* of the machine */
    Position logged;   /* of the event in the log */
    guint64 event;     /* its number, from 0 */
    guint64 segment;   /* its segment, from 0 */
    guint64 offset;    /* of that segment in the file */
    char *expected;    /* the event of the log as text */
    char *found;       /* what the machine did instead */
    char **components; /* NULL-terminated names of those that differ; empty if it is no hash */
    char *text;        /* all of it in one line for people */
} ReplayDivergence;

/* NULL unless the status is REPLAY_STATUS_DIVERGED; owned by the replay. */
const ReplayDivergence *replay_divergence(const Replay *replay);
/* Why the status is REPLAY_STATUS_FAILED, else NULL. Record: asks the log's thread. */
const GError *replay_failure(Replay *replay);

typedef struct ReplayCounters {
    guint64 events;            /* written or consumed, of all kinds */
    guint64 inputs;            /* those of class input */
    guint64 values;            /* those of class value */
    guint64 marks;             /* sync marks */
    guint64 notes;             /* MARK and others without effect */
    guint64 hashes;            /* hash points */
    guint64 hashes_unverified; /* play: points whose digests the log does not hold */
    guint64 bytes;             /* of events, before compression */
} ReplayCounters;
void replay_counters(const Replay *replay, ReplayCounters *counters);
