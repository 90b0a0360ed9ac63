/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be done with a whole log: check it, copy it without digests, write it out for people.
 */
#include "replay/log-reader.h"

typedef gboolean (*Visit)(gpointer user, const LogEvent *event, GError **error);

static gboolean for_each_event(LogReader *reader, Visit visit, gpointer user, GError **error)
{
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    LogEvent event;
    LogStep step;

    while ((step = log_cursor_next(cursor, &event, error)) == LOG_STEP_EVENT) {
        if (!visit(user, &event, error)) {
            return FALSE;
        }
    }
    return step == LOG_STEP_END;
}

/* --- verify --------------------------------------------------------------- */

static gboolean check_after_end(gpointer user, const LogEvent *event, GError **error)
{
    gboolean *ended = user;

    if (*ended) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                    "segment %u of the log (offset %" G_GUINT64_FORMAT ") has events after END",
                    event->segment, event->offset);
        return FALSE;
    }
    *ended = event->event.kind == EVENT_END;
    return TRUE;
}

gboolean log_verify(LogReader *reader, GError **error)
{
    gboolean ended = FALSE;

    if (!for_each_event(reader, check_after_end, &ended, error)) {
        return FALSE;
    }
    if (log_reader_closed(reader) && !ended) {
        g_set_error(error, LOG_ERROR, LOG_ERROR_DAMAGED,
                    "the log says that it was closed, but has no END");
        return FALSE;
    }
    return TRUE;
}

/* --- strip ---------------------------------------------------------------- */

static gboolean copy_stripped(gpointer user, const LogEvent *event, GError **error)
{
    Event copy = event->event;

    if (copy.kind == EVENT_HASH && copy.hash.kind != HASH_NAMES &&
        copy.hash.kind != HASH_NAMES_FULL) {
        copy.hash.data = NULL;
        copy.hash.data_length = 0;
    }
    log_writer_append(user, &event->position, &copy);
    return TRUE;
}

gboolean log_strip(LogReader *reader, int fd, GError **error)
{
    Position start, end;

    log_reader_range(reader, &start, &end);

    g_autoptr(LogWriter) writer = log_writer_new(fd, &start, error);

    if (!writer || !for_each_event(reader, copy_stripped, writer, error)) {
        return FALSE;
    }
    if (log_reader_closed(reader)) {
        return log_writer_close(g_steal_pointer(&writer), error);
    }
    log_writer_progress(writer, &end);
    return log_writer_flush(writer, error);
}

/* --- dump ----------------------------------------------------------------- */

static gboolean dump_text(gpointer user, const LogEvent *event, GError **error)
{
    g_autofree char *text = event_to_text(&event->event);

    g_string_append_printf(user, "%" G_GUINT64_FORMAT, event->position.icount);
    if (event->position.sequence) {
        g_string_append_printf(user, " @%" G_GUINT64_FORMAT "ns", event->position.virtual_ns);
    }
    g_string_append_printf(user, " #%" G_GUINT64_FORMAT " %s\n", event->number, text);
    return TRUE;
}

void log_event_to_json_line(const LogEvent *event, GString *out)
{
    g_string_append_printf(
        out, "{\"number\": %" G_GUINT64_FORMAT ", \"icount\": \"%" G_GUINT64_FORMAT "\", ",
        event->number, event->position.icount);
    if (event->position.sequence) {
        g_string_append_printf(out, "\"virtual-ns\": \"%" G_GUINT64_FORMAT "\", ",
                               event->position.virtual_ns);
    }
    event_to_json_members(&event->event, out);
    g_string_append(out, "}\n");
}

static gboolean dump_json(gpointer user, const LogEvent *event, GError **error)
{
    log_event_to_json_line(event, user);
    return TRUE;
}

gboolean log_dump(LogReader *reader, LogFormat format, GString *out, GError **error)
{
    return for_each_event(reader, format == LOG_FORMAT_TEXT ? dump_text : dump_json, out, error);
}
