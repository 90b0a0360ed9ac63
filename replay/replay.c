/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record and replay on the machine thread: modes, boundaries, values.
 *
 * In play two cursors walk through the log: one holds the next event that the machine has to bring
 * about, the other looks ahead for the next event at which the machine has to be at a boundary.
 */
#include "replay/replay-internal.h"

#include <errno.h>
#include <string.h>

G_DEFINE_QUARK(powerplay - replay - error, replay_error)

/* clang-format off */
const StateTable replay_state = {
    "replay", 1, sizeof(ReplayState), (const StateField[]) {
        STATE_FIELD(ReplayState, opened_icount, "position at which inputs were opened last"),
        STATE_FIELD(ReplayState, opened_virtual_ns, "its virtual time"),
        STATE_FIELD(ReplayState, opened_sequence, "its sequence"),
        STATE_FIELD(ReplayState, opened, "whether that is the machine's position"),
        STATE_BYTES(ReplayState, reserved, "zero"),
        STATE_DONE
    }
};
/* clang-format on */

/* --- names ---------------------------------------------------------------- */

const char *sync_level_name(SyncLevel level)
{
    static const char *const names[] = { "minimal", "interrupts", "full" };

    return (guint)level < G_N_ELEMENTS(names) ? names[level] : NULL;
}

gboolean sync_level_parse(const char *text, SyncLevel *level)
{
    for (guint i = 0; sync_level_name(i); i++) {
        if (strcmp(sync_level_name(i), text) == 0) {
            *level = i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *replay_mode_name(ReplayMode mode)
{
    static const char *const names[] = { "none", "record", "play" };

    return names[mode];
}

const char *replay_status_name(ReplayStatus status)
{
    static const char *const names[] = {
        "live", "playing", "ended", "short", "diverged", "failed"
    };

    return names[status];
}

/* --- life ----------------------------------------------------------------- */

Replay *replay_new(const ReplaySources *sources)
{
    Replay *replay = g_new0(Replay, 1);

    replay->sources = sources;
    replay->bytes = g_byte_array_new();
    replay->point_names = g_byte_array_new();
    replay->full_names = g_byte_array_new();
    return replay;
}

static void divergence_free(ReplayDivergence *divergence)
{
    if (divergence) {
        g_free(divergence->expected);
        g_free(divergence->found);
        g_strfreev(divergence->components);
        g_free(divergence->text);
        g_free(divergence);
    }
}

void replay_forget_failure(Replay *replay)
{
    g_clear_pointer(&replay->divergence, divergence_free);
    g_clear_error(&replay->failure);
}

/* Back to REPLAY_NONE; counters stay for those who ask afterwards. */
static void reset(Replay *replay)
{
    g_clear_pointer(&replay->writer, log_writer_free);
    g_clear_pointer(&replay->cursor, log_cursor_free);
    g_clear_pointer(&replay->reader, log_reader_free);
    replay_forget_failure(replay);
    memset(&replay->prefix, 0, sizeof(replay->prefix));
    replay->mode = REPLAY_NONE;
    replay->status = REPLAY_STATUS_LIVE;
    replay->have_next = FALSE;
    replay->exhausted = FALSE;
    replay->have_stop = FALSE;
    g_byte_array_set_size(replay->point_names, 0);
    g_byte_array_set_size(replay->full_names, 0);
}

void replay_free(Replay *replay)
{
    if (!replay) {
        return;
    }
    reset(replay);
    g_byte_array_unref(replay->bytes);
    g_byte_array_unref(replay->point_names);
    g_byte_array_unref(replay->full_names);
    g_free(replay);
}

void replay_record(Replay *replay, LogWriter *writer, SyncLevel level, const Position *position,
                   const HashList *hashes)
{
    g_assert(replay->mode == REPLAY_NONE && !replay->writer);
    memset(&replay->counters, 0, sizeof(replay->counters));
    replay->mode = REPLAY_RECORD;
    replay->level = level;
    replay->writer = writer;
    replay_hash(replay, position, HASH_START, hashes);
}

static void fail_elsewhere(Replay *replay, const Position *position, const Position *start)
{
    replay->status = REPLAY_STATUS_FAILED;
    g_set_error(&replay->failure, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                "the recording starts at icount %" G_GUINT64_FORMAT
                ", virtual time %" G_GUINT64_FORMAT
                " ns, the machine is at icount %" G_GUINT64_FORMAT
                ", virtual time %" G_GUINT64_FORMAT " ns",
                start->icount, start->virtual_ns, position->icount, position->virtual_ns);
}

void replay_play(Replay *replay, LogReader *reader, SyncLevel level, const Position *position,
                 const HashList *hashes)
{
    Position start;

    g_assert(replay->mode == REPLAY_NONE);
    memset(&replay->counters, 0, sizeof(replay->counters));
    replay->mode = REPLAY_PLAY;
    replay->status = REPLAY_STATUS_PLAYING;
    replay->level = level;
    replay->reader = reader;
    replay->cursor = log_cursor_new(reader);
    log_reader_range(reader, &start, &replay->end);
    if (position_compare(&start, position) != 0) {
        fail_elsewhere(replay, position, &start);
    } else if (replay_peek(replay)) {
        replay_hash(replay, position, HASH_START, hashes);
    }
}

void replay_set_echo(Replay *replay, LogWriter *writer)
{
    g_assert(replay->mode == REPLAY_NONE && !replay->writer);
    replay->writer = writer;
}

void replay_leave(Replay *replay)
{
    g_assert(replay->mode == REPLAY_PLAY);
    reset(replay);
}

static gboolean is_opened(const Replay *replay, const Position *position)
{
    return replay->state.opened && replay->state.opened_icount == position->icount &&
           replay->state.opened_virtual_ns == position->virtual_ns &&
           replay->state.opened_sequence == position->sequence;
}

static gboolean finish_record(Replay *replay, const Position *position, const HashList *hashes,
                              GError **error)
{
    gboolean inside = is_opened(replay, position);
    Event end = { .kind = EVENT_END };

    replay_hash(replay, position, inside ? HASH_END_INSIDE : HASH_END, hashes);
    replay_step(replay, position, &end, NULL);

    gboolean closed = log_writer_close(g_steal_pointer(&replay->writer), error);

    reset(replay);
    return closed;
}

static void finish_play(Replay *replay, const Position *position, const HashList *hashes)
{
    gboolean inside = is_opened(replay, position);
    Event end = { .kind = EVENT_END };

    if (replay->status != REPLAY_STATUS_PLAYING) {
        return;
    }
    if (!replay_peek(replay)) {
        replay->status = replay->failure ? REPLAY_STATUS_FAILED : REPLAY_STATUS_SHORT;
        return;
    }
    replay_hash(replay, position, inside ? HASH_END_INSIDE : HASH_END, hashes);
    if (replay_step(replay, position, &end, NULL)) {
        replay->status = REPLAY_STATUS_ENDED;
    }
}

/* Closes the echo, if there is one. */
static gboolean finish_echo(Replay *replay, GError **error)
{
    LogWriter *writer = g_steal_pointer(&replay->writer);

    if (!writer) {
        return TRUE;
    }
    if (replay->status == REPLAY_STATUS_ENDED) {
        return log_writer_close(writer, error);
    }
    log_writer_free(writer);
    return TRUE;
}

gboolean replay_finish(Replay *replay, const Position *position, const HashList *hashes,
                       GError **error)
{
    switch (replay->mode) {
    case REPLAY_RECORD: return finish_record(replay, position, hashes, error);
    case REPLAY_PLAY: finish_play(replay, position, hashes); return finish_echo(replay, error);
    default:
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                    "the machine neither records nor replays");
        return FALSE;
    }
}

/* --- what happened -------------------------------------------------------- */

ReplayMode replay_mode(const Replay *replay)
{
    return replay->mode;
}

ReplayStatus replay_status(const Replay *replay)
{
    return replay->status;
}

gboolean replay_must_stop(const Replay *replay)
{
    return replay->mode == REPLAY_PLAY && replay->status != REPLAY_STATUS_PLAYING;
}

const ReplayDivergence *replay_divergence(const Replay *replay)
{
    return replay->divergence;
}

const GError *replay_failure(Replay *replay)
{
    if (replay->mode == REPLAY_RECORD && !replay->failure &&
        log_writer_failed(replay->writer, &replay->failure)) {
        replay->status = REPLAY_STATUS_FAILED;
    }
    return replay->failure;
}

void replay_counters(const Replay *replay, ReplayCounters *counters)
{
    *counters = replay->counters;
    if (replay->cursor) {
        counters->bytes = log_cursor_bytes(replay->cursor);
    }
}

ReplayState *replay_get_state(Replay *replay, const Position *position)
{
    if (position && !is_opened(replay, position)) {
        memset(&replay->state, 0, sizeof(replay->state));
    }
    return &replay->state;
}

/* --- boundaries ----------------------------------------------------------- */

/* Looks ahead for the next event for which the machine has to be at a boundary. */
static void find_stop(Replay *replay)
{
    LogStep step = LOG_STEP_EVENT;

    if (replay->have_stop) {
        return;
    }
    replay->have_stop = TRUE;
    replay->stop_is_event = replay_peek(replay);
    replay->stop = replay->next;
    if (!replay->stop_is_event || event_is_stop(&replay->stop.event)) {
        return;
    }

    g_autoptr(LogCursor) scout = log_cursor_copy(replay->cursor);

    /* An error is not reported here: the machine runs as far as the good part of the log goes. */
    do {
        step = log_cursor_next(scout, &replay->stop, NULL);
    } while (step == LOG_STEP_EVENT && !event_is_stop(&replay->stop.event));
    replay->stop_is_event = step == LOG_STEP_EVENT;
}

static gboolean is_end(const Event *event)
{
    return event->kind == EVENT_END ||
           (event->kind == EVENT_HASH &&
            (event->hash.kind == HASH_END || event->hash.kind == HASH_END_INSIDE));
}

/* The event after the names of components, if the next one is such a list. */
static Event event_after_names(Replay *replay)
{
    LogEvent event = replay->next;

    if (event.event.kind == EVENT_HASH && event.event.hash.kind == HASH_NAMES_FULL) {
        g_autoptr(LogCursor) scout = log_cursor_copy(replay->cursor);

        log_cursor_next(scout, &event, NULL);
    }
    return event.event;
}

gboolean replay_at_end(Replay *replay, const Position *position)
{
    if (replay->mode != REPLAY_PLAY || replay_must_stop(replay)) {
        return replay->status == REPLAY_STATUS_SHORT || replay->status == REPLAY_STATUS_ENDED;
    }
    if (!replay_peek(replay)) {
        return replay->exhausted && position->icount >= replay->end.icount;
    }
    if (!replay_matches(&replay->next, position)) {
        return FALSE;
    }

    Event event = event_after_names(replay);

    return is_end(&event) &&
           (event.kind == EVENT_END || event.hash.kind == HASH_END || is_opened(replay, position));
}

gboolean replay_hash_due(const Replay *replay, const Position *position)
{
    return replay->mode != REPLAY_NONE && !replay_must_stop(replay) &&
           position->icount % HASH_POINT_INTERVAL == 0 && position->icount > 0 &&
           position->sequence == 0 && !is_opened(replay, position);
}

void replay_hash_point(Replay *replay, const Position *position, const HashList *hashes)
{
    g_assert(replay_hash_due(replay, position));
    replay_hash(replay, position, HASH_POINT, hashes);
}

guint64 replay_next_icount(Replay *replay, const Position *position)
{
    guint64 next = (position->icount / HASH_POINT_INTERVAL + 1) * HASH_POINT_INTERVAL;
    guint64 stop = replay->end.icount;

    if (replay->mode == REPLAY_NONE) {
        return G_MAXUINT64;
    }
    if (replay->mode == REPLAY_RECORD) {
        return next;
    }
    if (replay_must_stop(replay)) {
        return position->icount;
    }
    find_stop(replay);
    if (replay->stop_is_event) {
        stop = replay->stop.position.icount;
    }
    if (stop <= position->icount) {
        return replay_at_end(replay, position) ? position->icount : position->icount + 1;
    }
    return MIN(next, stop);
}

static void sleep_for_ever(Replay *replay, const Position *position)
{
    if (replay_peek(replay)) {
        replay_diverge(replay, position, g_strdup("an idle machine without any timer"), NULL);
    } else if (replay->status == REPLAY_STATUS_PLAYING) {
        replay->status = REPLAY_STATUS_SHORT;
    }
}

guint64 replay_next_wake(Replay *replay, const Position *position, guint64 deadline)
{
    guint64 wake = deadline;

    if (replay->mode != REPLAY_PLAY) {
        return deadline;
    }
    if (replay_must_stop(replay) || replay_at_end(replay, position)) {
        return position->virtual_ns;
    }
    find_stop(replay);
    if (replay->stop_is_event && replay->stop.position.icount == position->icount &&
        replay->stop.position.sequence && replay->stop.position.virtual_ns > position->virtual_ns) {
        wake = MIN(wake, replay->stop.position.virtual_ns);
    }
    if (wake == G_MAXUINT64) {
        sleep_for_ever(replay, position);
        return position->virtual_ns;
    }
    return wake;
}

/* Play: whether the next event should have come before POSITION. */
static gboolean is_overdue(const LogEvent *event, const Position *position)
{
    if (event->position.icount != position->icount) {
        return event->position.icount < position->icount;
    }
    if (!event_is_stop(&event->event)) {
        return FALSE;
    }
    if (event->position.sequence) {
        return event->position.virtual_ns < position->virtual_ns;
    }
    return position->sequence > 0;
}

gboolean replay_open_inputs(Replay *replay, const Position *position)
{
    if (is_opened(replay, position)) {
        return FALSE;
    }
    replay->state.opened = true;
    replay->state.opened_icount = position->icount;
    replay->state.opened_virtual_ns = position->virtual_ns;
    replay->state.opened_sequence = position->sequence;
    if (replay->mode == REPLAY_PLAY && replay_peek(replay) && is_overdue(&replay->next, position)) {
        replay_diverge(replay, position, g_strdup("nothing: the machine has run past it"), NULL);
    }
    return !replay_must_stop(replay);
}

const Event *replay_next_input(Replay *replay, const Position *position)
{
    if (replay->mode != REPLAY_PLAY || !replay_peek(replay) ||
        event_class(&replay->next.event) != EVENT_CLASS_INPUT ||
        !replay_matches(&replay->next, position)) {
        return NULL;
    }
    replay_consume(replay, position);
    return &replay->next.event;
}

gboolean replay_record_input(Replay *replay, const Position *position, const Event *event)
{
    g_assert(event_class(event) == EVENT_CLASS_INPUT);
    if (replay->mode == REPLAY_PLAY) {
        return FALSE;
    }
    g_assert(is_opened(replay, position));
    replay_step(replay, position, event, NULL);
    return TRUE;
}

/* --- values --------------------------------------------------------------- */

gboolean replay_value(Replay *replay, const Position *position, Event *event)
{
    const Event *logged = event;

    g_assert(event_class(event) == EVENT_CLASS_VALUE);
    if (!replay_step(replay, position, event, &logged)) {
        return FALSE;
    }
    *event = *logged;
    return TRUE;
}

gboolean replay_clock_host(Replay *replay, const Position *position, gint64 *ns)
{
    Event event = { .kind = EVENT_CLOCK, .clock = { .clock = REPLAY_CLOCK_HOST } };

    if (replay->mode != REPLAY_PLAY) {
        event.clock.value = replay->sources->clock_host(replay->sources->user);
    }

    gboolean held = replay_value(replay, position, &event);

    *ns = held ? event.clock.value : 0;
    return held;
}

gint64 replay_clock_virtual_rt(Replay *replay, const Position *position)
{
    Event event = { .kind = EVENT_CLOCK, .clock = { .clock = REPLAY_CLOCK_VIRTUAL_RT } };

    event.clock.value = replay->sources->clock_virtual_rt(replay->sources->user);
    if (replay->mode == REPLAY_RECORD && replay->level == SYNC_FULL) {
        replay_step(replay, position, &event, NULL);
    }
    return event.clock.value;
}

gboolean replay_random(Replay *replay, const Position *position, guint8 *buffer, guint32 length,
                       gint32 *result)
{
    Event event = { .kind = EVENT_RANDOM, .random = { .data = buffer, .data_length = length } };

    g_assert(length <= EVENT_BYTES_MAX);
    memset(buffer, 0, length);
    if (replay->mode != REPLAY_PLAY) {
        event.random.result = replay->sources->random(replay->sources->user, buffer, length);
        if (event.random.result < 0) {
            memset(buffer, 0, length);
            event.random.data_length = 0;
        }
    }
    *result = -EIO;
    if (!replay_value(replay, position, &event)) {
        return FALSE;
    }
    if (event.random.result >= 0 && event.random.data != buffer) {
        memcpy(buffer, event.random.data, length);
    }
    *result = event.random.result;
    return TRUE;
}

/* --- marks and notes ------------------------------------------------------ */

static gboolean level_has(SyncLevel level, EventKind kind)
{
    gboolean interrupt = kind == EVENT_INTERRUPT || kind == EVENT_EXCEPTION;

    return level == SYNC_FULL || (level == SYNC_INTERRUPTS && interrupt);
}

void replay_mark(Replay *replay, const Position *position, const Event *event)
{
    g_assert(event_class(event) == EVENT_CLASS_SYNC);
    if (replay->mode != REPLAY_NONE && level_has(replay->level, event->kind)) {
        replay_step(replay, position, event, NULL);
    }
}

void replay_mark_interrupt(Replay *replay, const Position *position)
{
    replay_mark(replay, position, &(Event){ .kind = EVENT_INTERRUPT });
}

void replay_mark_exception(Replay *replay, const Position *position)
{
    replay_mark(replay, position, &(Event){ .kind = EVENT_EXCEPTION });
}

void replay_mark_checkpoint(Replay *replay, const Position *position, CheckpointKind kind)
{
    replay_mark(replay, position,
                &(Event){ .kind = EVENT_CHECKPOINT, .checkpoint = { .kind = kind } });
}

gboolean replay_note(Replay *replay, const Position *position, const char *name)
{
    Event event = { .kind = EVENT_MARK, .mark = { (const guint8 *)name, strlen(name) } };

    if (replay->mode != REPLAY_RECORD) {
        return FALSE;
    }
    replay_step(replay, position, &event, NULL);
    return TRUE;
}

void replay_progress(Replay *replay, const Position *position)
{
    if (replay->writer && !log_writer_progress(replay->writer, position)) {
        replay_failure(replay);
    }
}
