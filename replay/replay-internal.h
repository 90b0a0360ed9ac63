/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the replay share. */
#pragma once

#include "replay/replay.h"

struct Replay {
    ReplayMode mode;
    ReplayStatus status;
    SyncLevel level;
    const ReplaySources *sources;
    ReplayState state;
    ReplayCounters counters;
    ReplayPrefix prefix;     /* what has happened since the recording's start (replay-seek.h) */
    LogWriter *writer;       /* record: the log; play: the echo, or NULL */
    GByteArray *bytes;       /* payload of the HASH event in hand */
    GByteArray *point_names; /* as last logged or found in the log */
    GByteArray *full_names;

    /* Play */
    LogReader *reader;
    LogCursor *cursor;
    LogEvent next; /* the next event that is no note, if have_next */
    gboolean have_next;
    gboolean exhausted; /* no event is left */
    Position end;       /* how far the log goes */
    gboolean have_stop; /* stop, stop_is_event are up to date */
    gboolean stop_is_event;
    LogEvent stop; /* the next input, hash or end; its bytes are not valid */
    ReplayDivergence *divergence;
    GError *failure;
};

/* Makes replay->next the next event that is no note; FALSE if there is none, or the log is bad. */
gboolean replay_peek(Replay *replay);
/* The next event has happened. */
void replay_consume(Replay *replay, const Position *position);
/*
 * EVENT happens in the machine at POSITION. Record: logs it. Play: TRUE if it is what the log has
 * here; *LOGGED is then the log's event. Otherwise the status says why not.
 */
gboolean replay_step(Replay *replay, const Position *position, const Event *event,
                     const Event **logged);
/* Whether the log's event belongs to POSITION. */
gboolean replay_matches(const LogEvent *event, const Position *position);
/* Stops for good: FOUND is taken, COMPONENTS may be NULL and is taken. */
void replay_diverge(Replay *replay, const Position *position, char *found, GPtrArray *components);
/* Compares all components with the log's HASH event, or logs them. */
void replay_hash(Replay *replay, const Position *position, HashKind kind, const HashList *hashes);
/* Counts EVENT, which takes BYTES in the log. */
void replay_count(ReplayCounters *counters, const Event *event, gsize bytes);
/* EVENT, unless it is a note, has happened at ICOUNT. */
void replay_prefix_add(ReplayPrefix *prefix, guint64 icount, const Event *event);
/* Forgets a divergence or failure; the status is the caller's to set. */
void replay_forget_failure(Replay *replay);
