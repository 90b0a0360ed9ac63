/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/log-compare.h"

#include <gio/gio.h>

typedef struct Piece {
    LogReader *reader;
    Position until; /* what follows branches off here */
} Piece;

struct LogTrack {
    GArray *pieces;
};

/* A place in a track. */
typedef struct Walk {
    const LogTrack *track;
    guint piece;
    LogCursor *cursor;
} Walk;

static void clear_piece(gpointer piece)
{
    log_reader_free(((Piece *)piece)->reader);
}

LogTrack *log_track_new(void)
{
    LogTrack *track = g_new0(LogTrack, 1);

    track->pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    g_array_set_clear_func(track->pieces, clear_piece);
    return track;
}

void log_track_free(LogTrack *track)
{
    if (track) {
        g_array_unref(track->pieces);
        g_free(track);
    }
}

void log_track_prepend(LogTrack *track, LogReader *reader, const Position *branch)
{
    Piece piece = { .reader = reader, .until = { .icount = G_MAXUINT64 } };

    g_assert(!branch == !track->pieces->len);
    if (branch) {
        piece.until = *branch;
    }
    g_array_prepend_val(track->pieces, piece);
}

/* --- walking -------------------------------------------------------------- */

/*
 * Whether the event had happened where the next recording branched off. A branch rests in front of
 * what is due at its position; only an idle machine may be past an event of the same count.
 */
static gboolean is_before(const Position *event, const Position *branch)
{
    if (event->icount != branch->icount) {
        return event->icount < branch->icount;
    }
    return branch->sequence > 0 && (!event->sequence || event->virtual_ns < branch->virtual_ns);
}

static gboolean is_from_outside(const Event *event)
{
    EventClass class = event_class(event);

    return class == EVENT_CLASS_INPUT || class == EVENT_CLASS_VALUE;
}

/* The next event that counts; a log's end is the end of its piece. */
static LogStep walk_next(Walk *walk, LogEvent *event, GError **error)
{
    while (walk->piece < walk->track->pieces->len) {
        const Piece *piece = &g_array_index(walk->track->pieces, Piece, walk->piece);
        LogStep step;

        if (!walk->cursor) {
            walk->cursor = log_cursor_new(piece->reader);
        }
        while ((step = log_cursor_next(walk->cursor, event, error)) == LOG_STEP_EVENT &&
               is_before(&event->position, &piece->until)) {
            if (is_from_outside(&event->event)) {
                return step;
            }
        }
        if (step == LOG_STEP_ERROR) {
            return step;
        }
        g_clear_pointer(&walk->cursor, log_cursor_free);
        walk->piece++;
    }
    return LOG_STEP_END;
}

/* --- comparing ------------------------------------------------------------ */

static gboolean is_same(const LogEvent *a, const LogEvent *b)
{
    return a->position.icount == b->position.icount &&
           a->position.virtual_ns == b->position.virtual_ns && event_equal(&a->event, &b->event);
}

static void note_side(const LogTrack *track, LogStep step, const LogEvent *event, LogSide *side)
{
    const Piece *last = &g_array_index(track->pieces, Piece, track->pieces->len - 1);
    Position start;

    *side = (LogSide){ .has_event = step == LOG_STEP_EVENT };
    if (side->has_event) {
        g_autoptr(GString) line = g_string_new(NULL);

        log_event_to_json_line(event, line);
        side->position = event->position;
        side->line = g_strdup(g_strchomp(line->str));
    } else {
        log_reader_range(last->reader, &start, &side->position);
    }
}

gboolean log_compare(const LogTrack *a, const LogTrack *b, LogDifference *difference,
                     GError **error)
{
    Walk walk[2] = { { .track = a }, { .track = b } };
    LogEvent event[2];
    LogStep step[2] = { LOG_STEP_EVENT, LOG_STEP_EVENT };

    *difference = (LogDifference){ 0 };
    for (;; difference->common++) {
        for (guint i = 0; i < 2 && step[0] != LOG_STEP_ERROR; i++) {
            step[i] = walk_next(&walk[i], &event[i], error);
        }
        if (step[0] != LOG_STEP_EVENT || step[1] != LOG_STEP_EVENT ||
            !is_same(&event[0], &event[1])) {
            break;
        }
    }
    if (step[0] != LOG_STEP_ERROR && step[1] != LOG_STEP_ERROR) {
        difference->is_same = step[0] == LOG_STEP_END && step[1] == LOG_STEP_END;
        note_side(a, step[0], &event[0], &difference->side[0]);
        note_side(b, step[1], &event[1], &difference->side[1]);
    }
    for (guint i = 0; i < 2; i++) {
        g_clear_pointer(&walk[i].cursor, log_cursor_free);
    }
    return step[0] != LOG_STEP_ERROR && step[1] != LOG_STEP_ERROR;
}

void log_difference_clear(LogDifference *difference)
{
    for (guint i = 0; i < 2; i++) {
        g_clear_pointer(&difference->side[i].line, g_free);
    }
}
