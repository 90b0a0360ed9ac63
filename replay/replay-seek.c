/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/replay-seek.h"

#include <string.h>

#include "replay/replay-internal.h"

struct ReplaySeek {
    LogCursor *cursor;
    ReplayPrefix prefix;
    ReplayCounters counters;
    GByteArray *point_names;
    GByteArray *full_names;
    gboolean is_end; /* END was the last event */
};

void replay_prefix(const Replay *replay, ReplayPrefix *prefix)
{
    *prefix = replay->prefix;
}

void replay_prefix_add(ReplayPrefix *prefix, guint64 icount, const Event *event)
{
    g_autoptr(GByteArray) bytes = NULL;
    guint64 place = GUINT64_TO_BE(icount);

    if (event_class(event) == EVENT_CLASS_NOTE) {
        return;
    }
    bytes = g_byte_array_new();
    g_byte_array_append(bytes, prefix->digest.bytes, DIGEST_SIZE);
    g_byte_array_append(bytes, (const guint8 *)&place, sizeof(place));
    event_encode(event, bytes);
    digest_bytes(&prefix->digest, bytes->data, bytes->len);
    prefix->events++;
}

void replay_seek_free(ReplaySeek *seek)
{
    if (seek) {
        log_cursor_free(seek->cursor);
        g_byte_array_unref(seek->point_names);
        g_byte_array_unref(seek->full_names);
        g_free(seek);
    }
}

static void set_bytes(GByteArray *array, const guint8 *data, gsize length)
{
    g_byte_array_set_size(array, 0);
    g_byte_array_append(array, data, length);
}

static void pass_hash(ReplaySeek *seek, const Event *event)
{
    Digest first;

    switch (event->hash.kind) {
    case HASH_NAMES:
        set_bytes(seek->point_names, event->hash.data, event->hash.data_length);
        return;
    case HASH_NAMES_FULL:
        set_bytes(seek->full_names, event->hash.data, event->hash.data_length);
        return;
    default: break;
    }
    seek->counters.hashes++;
    if (event->hash.data_length >= DIGEST_SIZE) {
        memcpy(first.bytes, event->hash.data, DIGEST_SIZE);
    }
    seek->counters.hashes_unverified +=
        event->hash.data_length < DIGEST_SIZE || digest_is_zero(&first);
}

static void pass(ReplaySeek *seek, const LogEvent *event)
{
    replay_count(&seek->counters, &event->event, 0);
    replay_prefix_add(&seek->prefix, event->position.icount, &event->event);
    if (event->event.kind == EVENT_HASH) {
        pass_hash(seek, &event->event);
    }
    seek->is_end = event->event.kind == EVENT_END;
}

static ReplaySeek *seek_at_start(Replay *replay)
{
    ReplaySeek *seek = g_new0(ReplaySeek, 1);

    seek->point_names = g_byte_array_new();
    seek->full_names = g_byte_array_new();
    seek->cursor = log_cursor_new(replay->reader);
    return seek;
}

ReplaySeek *replay_seek_copy(const ReplaySeek *seek)
{
    ReplaySeek *copy = g_memdup2(seek, sizeof(*seek));

    copy->cursor = log_cursor_copy(seek->cursor);
    copy->point_names = g_byte_array_new();
    copy->full_names = g_byte_array_new();
    set_bytes(copy->point_names, seek->point_names->data, seek->point_names->len);
    set_bytes(copy->full_names, seek->full_names->data, seek->full_names->len);
    return copy;
}

ReplaySeek *replay_seek_find_after(Replay *replay, const ReplaySeek *from,
                                   const ReplayPrefix *prefix, GError **error)
{
    g_autoptr(ReplaySeek) seek = from ? replay_seek_copy(from) : seek_at_start(replay);
    LogStep step = LOG_STEP_EVENT;
    LogEvent event;

    g_assert(replay->mode == REPLAY_PLAY);
    while (seek->prefix.events < prefix->events &&
           (step = log_cursor_next(seek->cursor, &event, error)) == LOG_STEP_EVENT) {
        pass(seek, &event);
    }
    if (step == LOG_STEP_ERROR) {
        return NULL;
    }
    if (seek->prefix.events != prefix->events ||
        !digest_equal(&seek->prefix.digest, &prefix->digest)) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the recording's first %" G_GUINT64_FORMAT " events are others",
                    prefix->events);
        return NULL;
    }
    return g_steal_pointer(&seek);
}

ReplaySeek *replay_seek_find(Replay *replay, const ReplayPrefix *prefix, GError **error)
{
    return replay_seek_find_after(replay, NULL, prefix, error);
}

void replay_seek_go(Replay *replay, ReplaySeek *seek)
{
    g_assert(replay->mode == REPLAY_PLAY);
    replay_forget_failure(replay);
    log_cursor_free(replay->cursor);
    replay->cursor = g_steal_pointer(&seek->cursor);
    replay->prefix = seek->prefix;
    replay->counters = seek->counters;
    set_bytes(replay->point_names, seek->point_names->data, seek->point_names->len);
    set_bytes(replay->full_names, seek->full_names->data, seek->full_names->len);
    replay->have_next = FALSE;
    replay->exhausted = FALSE;
    replay->have_stop = FALSE;
    replay->status = seek->is_end ? REPLAY_STATUS_ENDED : REPLAY_STATUS_PLAYING;
}

LogCursor *replay_log_cursor(Replay *replay)
{
    g_assert(replay->mode == REPLAY_PLAY);
    return log_cursor_new(replay->reader);
}

guint64 replay_event_number(const Replay *replay)
{
    return replay->next.number;
}

/* --- listing -------------------------------------------------------------- */

static gboolean is_wanted(const Event *event, gboolean only_inputs)
{
    EventClass class = event_class(event);

    return !only_inputs || class == EVENT_CLASS_INPUT || class == EVENT_CLASS_VALUE ||
           event->kind == EVENT_MARK;
}

static void fail_event(guint64 number, guint64 count, GError **error)
{
    if (count) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the recording has no event %" G_GUINT64_FORMAT
                    ": its events are 0 to %" G_GUINT64_FORMAT,
                    number, count - 1);
    } else {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the recording has no event %" G_GUINT64_FORMAT ": it has none at all", number);
    }
}

gboolean replay_dump_events(Replay *replay, guint64 *from, guint count, gboolean only_inputs,
                            gsize most_bytes, GString *out, GError **error)
{
    g_autoptr(LogCursor) cursor = NULL;
    LogEvent event;
    LogStep step;
    guint64 all = 0;

    g_assert(replay->mode == REPLAY_PLAY);
    cursor = log_cursor_new(replay->reader);
    while ((step = log_cursor_next(cursor, &event, error)) == LOG_STEP_EVENT) {
        all = event.number + 1;
        if (event.number < *from || !is_wanted(&event.event, only_inputs)) {
            continue;
        }
        if (!count-- || out->len > most_bytes) {
            *from = event.number;
            return TRUE;
        }
        log_event_to_json_line(&event, out);
    }
    if (step == LOG_STEP_END && *from && *from >= all) {
        fail_event(*from, all, error);
    }
    return FALSE;
}

/* --- landmarks ------------------------------------------------------------ */

static gboolean is_landmark(const LogEvent *event, ReplayLandmark kind, guint64 number,
                            const char *name)
{
    switch (kind) {
    case REPLAY_LANDMARK_EVENT: return event->number >= number;
    case REPLAY_LANDMARK_MARK:
        return event->event.kind == EVENT_MARK && event->event.mark.name_length == strlen(name) &&
               memcmp(event->event.mark.name, name, strlen(name)) == 0;
    case REPLAY_LANDMARK_CLOCK:
        return event->event.kind == EVENT_CLOCK && event->event.clock.clock == REPLAY_CLOCK_HOST &&
               event->event.clock.value >= (gint64)number;
    }
    return FALSE;
}

static void fail_landmark(ReplayLandmark kind, guint64 number, const char *name, guint64 count,
                          GError **error)
{
    switch (kind) {
    case REPLAY_LANDMARK_EVENT: fail_event(number, count, error); break;
    case REPLAY_LANDMARK_MARK:
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH, "the recording has no mark '%s'",
                    name);
        break;
    case REPLAY_LANDMARK_CLOCK:
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the guest did not read the host's clock at or after %" G_GUINT64_FORMAT
                    " ns since 1970",
                    number);
        break;
    }
}

gboolean replay_find_landmark(Replay *replay, ReplayLandmark kind, guint64 number, const char *name,
                              Position *position, GError **error)
{
    g_autoptr(LogCursor) cursor = NULL;
    LogEvent event;
    LogStep step;
    guint64 count = 0;

    g_assert(replay->mode == REPLAY_PLAY);
    cursor = log_cursor_new(replay->reader);
    while ((step = log_cursor_next(cursor, &event, error)) == LOG_STEP_EVENT) {
        count = event.number + 1;
        if (is_landmark(&event, kind, number, name)) {
            *position = event.position;
            return TRUE;
        }
    }
    if (step == LOG_STEP_END) {
        fail_landmark(kind, number, name, count, error);
    }
    return FALSE;
}
