/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What came from outside in two recordings, side by side: inputs that reached the guest, and values
 * that were handed to it.
 *
 * A recording that branched off from another one goes on where that was left. So a track is a row
 * of logs, each good up to where the next one branches off.
 */
#pragma once

#include "replay/log.h"

typedef struct LogTrack LogTrack;

LogTrack *log_track_new(void);
void log_track_free(LogTrack *track);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogTrack, log_track_free)
/* Puts READER (taken) in front of what the track has; what the track has branches off at BRANCH,
 * which is NULL for the first reader that is added. */
void log_track_prepend(LogTrack *track, LogReader *reader, const Position *branch);

/* One side of a difference. */
typedef struct LogSide {
    gboolean has_event; /* FALSE: this one ends before it */
    Position position;  /* of the event, or the end; virtual_ns is 0 if it is not known */
    char *line;         /* the event as a line of JSON, or NULL */
} LogSide;

typedef struct LogDifference {
    gboolean is_same; /* there is none */
    guint64 common;   /* events that are the same in both */
    LogSide side[2];
} LogDifference;

void log_difference_clear(LogDifference *difference);
/* The first difference between A and B; from their beginnings, which must be the same one. */
gboolean log_compare(const LogTrack *a, const LogTrack *b, LogDifference *difference,
                     GError **error);
