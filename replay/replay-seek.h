/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going to another place of the recording that is replayed.
 *
 * A place is named by the events before it: how many there are, and a digest of them all. So a
 * state that was saved in one recording is never taken for that of another, and it does not matter
 * whether it was saved while recording or while replaying.
 */
#pragma once

#include "replay/replay.h"

/* Where the machine is; all zero if it neither records nor replays. Notes do not count. */
void replay_prefix(const Replay *replay, ReplayPrefix *prefix);

typedef struct ReplaySeek ReplaySeek;
/* Play: finds the place in the log; NULL with ERROR (REPLAY_ERROR_MISMATCH) when its events are not
 * those. Changes nothing. */
ReplaySeek *replay_seek_find(Replay *replay, const ReplayPrefix *prefix, GError **error);
/* The same, beginning at FROM, which is a place before it and stays the caller's. */
ReplaySeek *replay_seek_find_after(Replay *replay, const ReplaySeek *from,
                                   const ReplayPrefix *prefix, GError **error);
ReplaySeek *replay_seek_copy(const ReplaySeek *seek);
/* Goes there, whatever the status was; the machine's state must be made that of the place. */
void replay_seek_go(Replay *replay, ReplaySeek *seek);
void replay_seek_free(ReplaySeek *seek);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplaySeek, replay_seek_free)

/*
 * Play: appends lines of JSON for at most COUNT events from number *FROM on, and until MOST_BYTES
 * are reached, and moves *FROM behind them; ONLY_INPUTS: those that bring something from outside,
 * and marks. TRUE if there are more; FALSE with ERROR if the log has no event *FROM, unless that is
 * 0, or is damaged. Changes nothing.
 */
gboolean replay_dump_events(Replay *replay, guint64 *from, guint count, gboolean only_inputs,
                            gsize most_bytes, GString *out, GError **error);

/* Play: a cursor of the caller's at the beginning of the log. */
LogCursor *replay_log_cursor(Replay *replay);
/* Play: the number in the log of the event that was taken from it last. */
guint64 replay_event_number(const Replay *replay);

/* What to look for in a log, and where it is. */
typedef enum ReplayLandmark {
    REPLAY_LANDMARK_EVENT, /* the event of that NUMBER in the log, from 0 */
    REPLAY_LANDMARK_MARK,  /* the first mark of that NAME */
    REPLAY_LANDMARK_CLOCK, /* the first reading of the host's clock that is NUMBER (ns since 1970)
                              or later */
} ReplayLandmark;
/*
 * Play: the position of a landmark; ERROR says what there is instead. Virtual time is 0 where
 * the log does not have it (the machine did not idle). Changes nothing.
 */
gboolean replay_find_landmark(Replay *replay, ReplayLandmark kind, guint64 number, const char *name,
                              Position *position, GError **error);
