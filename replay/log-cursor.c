/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walking through the events of a log.
 */
#include "replay/log-reader.h"

struct LogCursor {
    LogReader *reader;
    guint next_segment;
    LogSegment segment; /* of data */
    GBytes *data;       /* NULL before the first segment */
    gsize offset;
    guint64 icount;
    gboolean wake_known;
    guint64 wake_ns;
    guint64 number;
    guint64 bytes;
};

LogCursor *log_cursor_new(LogReader *reader)
{
    LogCursor *cursor = g_new0(LogCursor, 1);

    cursor->reader = reader;
    cursor->icount = reader->start.icount;
    return cursor;
}

LogCursor *log_cursor_copy(const LogCursor *cursor)
{
    LogCursor *copy = g_memdup2(cursor, sizeof(*cursor));

    if (copy->data) {
        g_bytes_ref(copy->data);
    }
    return copy;
}

void log_cursor_free(LogCursor *cursor)
{
    if (cursor) {
        g_clear_pointer(&cursor->data, g_bytes_unref);
        g_free(cursor);
    }
}

static LogStep fail(const LogCursor *cursor, GError **error, const char *why)
{
    g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                "segment %u of the log (offset %" G_GUINT64_FORMAT
                ") is damaged: %s, event %" G_GUINT64_FORMAT ", %" G_GSIZE_FORMAT " bytes in",
                cursor->segment.number, cursor->segment.offset, why, cursor->number,
                cursor->offset);
    return LOG_STEP_ERROR;
}

/* LOG_STEP_EVENT if there is a byte to read. */
static LogStep enter_segment(LogCursor *cursor, GError **error)
{
    while (!cursor->data || cursor->offset == g_bytes_get_size(cursor->data)) {
        LogSegment segment;

        if (cursor->data &&
            (cursor->icount != cursor->segment.last_icount ||
             cursor->number != cursor->segment.first_event + cursor->segment.events)) {
            return fail(cursor, error, "its events do not add up to its header");
        }
        if (cursor->next_segment == cursor->reader->offsets->len) {
            return LOG_STEP_END;
        }

        GBytes *data = log_reader_load(cursor->reader, cursor->next_segment, &segment, error);

        if (!data) {
            return LOG_STEP_ERROR;
        }
        g_clear_pointer(&cursor->data, g_bytes_unref);
        cursor->data = data;
        cursor->segment = segment;
        cursor->offset = 0;
        cursor->next_segment++;
        if (segment.first_icount != cursor->icount || segment.first_event != cursor->number) {
            return fail(cursor, error, "it does not begin where the one before ends");
        }
    }
    return LOG_STEP_EVENT;
}

static gboolean apply_position(LogCursor *cursor, const Event *event)
{
    if (event->kind == EVENT_INSTRUCTION) {
        if (!event->instruction.count || event->instruction.count > G_MAXUINT64 - cursor->icount) {
            return FALSE;
        }
        cursor->icount += event->instruction.count;
        cursor->wake_known = FALSE;
    } else if (event->kind == EVENT_WAKE) {
        if (cursor->wake_known && event->wake.virtual_ns <= cursor->wake_ns) {
            return FALSE;
        }
        cursor->wake_known = TRUE;
        cursor->wake_ns = event->wake.virtual_ns;
    }
    return TRUE;
}

LogStep log_cursor_next_raw(LogCursor *cursor, LogEvent *event, GError **error)
{
    LogStep step = enter_segment(cursor, error);
    g_autoptr(GError) reason = NULL;
    gsize size;

    if (step != LOG_STEP_EVENT) {
        return step;
    }

    const guint8 *data = g_bytes_get_data(cursor->data, &size);
    gsize used = event_decode(&event->event, data + cursor->offset, size - cursor->offset, &reason);

    if (!used) {
        return fail(cursor, error, reason->message);
    }
    if (!apply_position(cursor, &event->event)) {
        return fail(cursor, error, "an event moves the position backwards");
    }
    cursor->offset += used;
    cursor->bytes += used;
    event->number = cursor->number++;
    event->segment = cursor->segment.number;
    event->offset = cursor->segment.offset;
    event->position.icount = cursor->icount;
    event->position.virtual_ns = cursor->wake_known ? cursor->wake_ns : 0;
    event->position.sequence = cursor->wake_known;
    return LOG_STEP_EVENT;
}

LogStep log_cursor_next(LogCursor *cursor, LogEvent *event, GError **error)
{
    LogStep step;

    do {
        step = log_cursor_next_raw(cursor, event, error);
    } while (step == LOG_STEP_EVENT && event_kind_class(event->event.kind) == EVENT_CLASS_POSITION);
    return step;
}

guint64 log_cursor_bytes(const LogCursor *cursor)
{
    return cursor->bytes;
}
