/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event at a time: in record it goes into the log, in play it is held against the log. A replay
 * stops at the first event that differs, and this file writes down what there is to know about it.
 */
#include "replay/replay-internal.h"

#include <string.h>

void replay_count(ReplayCounters *counters, const Event *event, gsize bytes)
{
    counters->events++;
    counters->bytes += bytes;
    switch (event_class(event)) {
    case EVENT_CLASS_INPUT: counters->inputs++; break;
    case EVENT_CLASS_VALUE: counters->values++; break;
    case EVENT_CLASS_SYNC: counters->marks++; break;
    case EVENT_CLASS_NOTE: counters->notes++; break;
    default: break;
    }
}

static void count(Replay *replay, const Position *position, const Event *event, gsize bytes)
{
    replay_count(&replay->counters, event, bytes);
    replay_prefix_add(&replay->prefix, position->icount, event);
}

/* --- taking events from the log ------------------------------------------- */

static void echo(Replay *replay, const Position *position, const Event *event)
{
    gsize bytes = replay->writer ? log_writer_append(replay->writer, position, event) : 0;

    count(replay, position, event, bytes);
}

gboolean replay_peek(Replay *replay)
{
    while (!replay->have_next && !replay->exhausted && replay->status == REPLAY_STATUS_PLAYING) {
        switch (log_cursor_next(replay->cursor, &replay->next, &replay->failure)) {
        case LOG_STEP_EVENT: break;
        case LOG_STEP_END: replay->exhausted = TRUE; return FALSE;
        case LOG_STEP_ERROR: replay->status = REPLAY_STATUS_FAILED; return FALSE;
        }
        if (event_class(&replay->next.event) == EVENT_CLASS_NOTE) {
            echo(replay, &replay->next.position, &replay->next.event);
        } else {
            replay->have_next = TRUE;
        }
    }
    return replay->have_next && replay->status == REPLAY_STATUS_PLAYING;
}

void replay_consume(Replay *replay, const Position *position)
{
    g_assert(replay->have_next);
    echo(replay, position, &replay->next.event);
    replay->have_next = FALSE;
    if (event_is_stop(&replay->next.event)) {
        replay->have_stop = FALSE;
    }
}

gboolean replay_matches(const LogEvent *event, const Position *position)
{
    EventClass class = event_class(&event->event);

    if (event->position.icount != position->icount) {
        return FALSE;
    }
    if (class == EVENT_CLASS_VALUE || class == EVENT_CLASS_SYNC) {
        return TRUE;
    }
    if (event->position.sequence) {
        return position->sequence > 0 && event->position.virtual_ns == position->virtual_ns;
    }
    return position->sequence == 0;
}

/* --- divergence ----------------------------------------------------------- */

static char *position_to_text(const Position *position)
{
    if (!position->sequence) {
        return g_strdup_printf("icount %" G_GUINT64_FORMAT, position->icount);
    }
    return g_strdup_printf("icount %" G_GUINT64_FORMAT " (idle, virtual time %" G_GUINT64_FORMAT
                           " ns)",
                           position->icount, position->virtual_ns);
}

static char *divergence_to_text(const ReplayDivergence *divergence)
{
    g_autofree char *here = position_to_text(&divergence->position);
    g_autofree char *logged = position_to_text(&divergence->logged);
    g_autofree char *components = g_strjoinv(", ", divergence->components);

    if (*components) {
        return g_strdup_printf("replay diverged at %s: these differ from the recording: %s "
                               "(event %" G_GUINT64_FORMAT ", segment %" G_GUINT64_FORMAT
                               " at offset %" G_GUINT64_FORMAT ")",
                               here, components, divergence->event, divergence->segment,
                               divergence->offset);
    }
    return g_strdup_printf("replay diverged at %s: expected %s at %s (event %" G_GUINT64_FORMAT
                           ", segment %" G_GUINT64_FORMAT " at offset %" G_GUINT64_FORMAT
                           "), found %s",
                           here, divergence->expected, logged, divergence->event,
                           divergence->segment, divergence->offset, divergence->found);
}

void replay_diverge(Replay *replay, const Position *position, char *found, GPtrArray *components)
{
    ReplayDivergence *divergence = g_new0(ReplayDivergence, 1);

    g_assert(replay->have_next && !replay->divergence);
    if (!components) {
        components = g_ptr_array_new();
    }
    g_ptr_array_add(components, NULL);
    divergence->components = (char **)g_ptr_array_free(components, FALSE);
    divergence->position = *position;
    divergence->logged = replay->next.position;
    divergence->event = replay->next.number;
    divergence->segment = replay->next.segment;
    divergence->offset = replay->next.offset;
    divergence->expected = event_to_text(&replay->next.event);
    divergence->found = found;
    divergence->text = divergence_to_text(divergence);
    replay->divergence = divergence;
    replay->status = REPLAY_STATUS_DIVERGED;
}

/* --- one event ------------------------------------------------------------ */

/* Whether the log's next event is what the machine does. A value is compared by what was asked. */
static gboolean agrees(const Event *logged, const Event *event)
{
    if (logged->kind != event->kind) {
        /* A read that the device started has either data or an error. */
        return event->kind == EVENT_CHAR_READ_ALL && logged->kind == EVENT_CHAR_READ_ALL_ERROR;
    }
    switch (event->kind) {
    case EVENT_RANDOM:
        return logged->random.data_length ==
               (logged->random.result < 0 ? 0 : event->random.data_length);
    case EVENT_CLOCK: return logged->clock.clock == event->clock.clock;
    case EVENT_HASH: return logged->hash.kind == event->hash.kind;
    default: return event_class(event) == EVENT_CLASS_VALUE || event_equal(logged, event);
    }
}

static gboolean play_step(Replay *replay, const Position *position, const Event *event,
                          const Event **logged)
{
    if (!replay_peek(replay)) {
        if (replay->status == REPLAY_STATUS_PLAYING) {
            replay->status = REPLAY_STATUS_SHORT;
        }
        return FALSE;
    }
    if (!replay_matches(&replay->next, position) || !agrees(&replay->next.event, event)) {
        replay_diverge(replay, position, event_to_text(event), NULL);
        return FALSE;
    }
    replay_consume(replay, position);
    if (logged) {
        *logged = &replay->next.event;
    }
    return TRUE;
}

gboolean replay_step(Replay *replay, const Position *position, const Event *event,
                     const Event **logged)
{
    switch (replay->mode) {
    case REPLAY_PLAY: return play_step(replay, position, event, logged);
    case REPLAY_RECORD:
        count(replay, position, event, log_writer_append(replay->writer, position, event));
        return TRUE;
    default: return TRUE;
    }
}

/* --- hashes --------------------------------------------------------------- */

static void set_names(GByteArray *names, const HashList *hashes)
{
    g_byte_array_set_size(names, 0);
    for (guint i = 0; i < hash_list_length(hashes); i++) {
        const char *name = hash_list_get(hashes, i)->name;

        g_byte_array_append(names, (const guint8 *)name, strlen(name) + 1);
    }
}

static void set_digests(GByteArray *digests, const HashList *hashes)
{
    g_byte_array_set_size(digests, 0);
    for (guint i = 0; i < hash_list_length(hashes); i++) {
        g_byte_array_append(digests, hash_list_get(hashes, i)->digest.bytes, DIGEST_SIZE);
    }
}

static gboolean list_has(const HashList *hashes, const char *name)
{
    for (guint i = 0; i < hash_list_length(hashes); i++) {
        if (strcmp(hash_list_get(hashes, i)->name, name) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Whether a component of the machine is in the log's list of names. */
static gboolean names_have(const Event *names, const char *name)
{
    const char *at = (const char *)names->hash.data;
    gsize left = names->hash.data_length;

    while (left) {
        gsize length = strnlen(at, left);

        if (strlen(name) == length && memcmp(at, name, length) == 0) {
            return TRUE;
        }
        at += MIN(left, length + 1);
        left -= MIN(left, length + 1);
    }
    return FALSE;
}

/* Names that only the machine has (+name) or only the log (-name). */
static GPtrArray *different_names(const Event *logged, const HashList *hashes)
{
    GPtrArray *components = g_ptr_array_new();
    const char *at = (const char *)logged->hash.data;
    gsize left = logged->hash.data_length;

    for (guint i = 0; i < hash_list_length(hashes); i++) {
        if (!names_have(logged, hash_list_get(hashes, i)->name)) {
            g_ptr_array_add(components, g_strconcat("+", hash_list_get(hashes, i)->name, NULL));
        }
    }
    while (left) {
        gsize length = strnlen(at, left);
        g_autofree char *name = g_strndup(at, length);

        if (!list_has(hashes, name)) {
            g_autofree char *shown = g_strescape(name, NULL);

            g_ptr_array_add(components, g_strconcat("-", shown, NULL));
        }
        at += MIN(left, length + 1);
        left -= MIN(left, length + 1);
    }
    return components;
}

static gboolean is_unverified(const Event *logged, guint index)
{
    Digest digest;

    if (!logged->hash.data_length) {
        return TRUE;
    }
    memcpy(digest.bytes, logged->hash.data + index * DIGEST_SIZE, DIGEST_SIZE);
    return digest_is_zero(&digest);
}

static GPtrArray *different_digests(const Event *logged, const HashList *hashes)
{
    GPtrArray *components = g_ptr_array_new();

    for (guint i = 0; i < hash_list_length(hashes); i++) {
        const HashComponent *component = hash_list_get(hashes, i);

        if (!is_unverified(logged, i) &&
            memcmp(logged->hash.data + i * DIGEST_SIZE, component->digest.bytes, DIGEST_SIZE)) {
            g_ptr_array_add(components, g_strdup(component->name));
        }
    }
    return components;
}

/* Play: the names or digests of HASHES against the log's event; stops if they differ. */
static void play_hash(Replay *replay, const Position *position, const Event *event,
                      const HashList *hashes)
{
    gboolean is_names = event->hash.kind == HASH_NAMES || event->hash.kind == HASH_NAMES_FULL;
    guint32 digests = hash_list_length(hashes) * DIGEST_SIZE;

    if (!replay_peek(replay) || !replay_matches(&replay->next, position) ||
        !agrees(&replay->next.event, event)) {
        play_step(replay, position, event, NULL);
        return;
    }

    const Event *logged = &replay->next.event;
    guint32 length = logged->hash.data_length;

    if (is_names ? !event_equal(logged, event) : length && length != digests) {
        replay_diverge(replay, position, event_to_text(event),
                       is_names ? different_names(logged, hashes) : NULL);
        return;
    }

    GPtrArray *components = is_names ? g_ptr_array_new() : different_digests(logged, hashes);

    if (components->len) {
        replay_diverge(replay, position, event_to_text(event), components);
        return;
    }
    g_ptr_array_unref(components);
    if (!is_names) {
        replay->counters.hashes++;
        replay->counters.hashes_unverified += is_unverified(logged, 0);
    }
    replay_consume(replay, position);
}

static void hash_event(Replay *replay, const Position *position, HashKind kind,
                       const HashList *hashes)
{
    Event event = { .kind = EVENT_HASH, .hash = { kind, replay->bytes->data, replay->bytes->len } };

    if (replay->mode == REPLAY_PLAY) {
        play_hash(replay, position, &event, hashes);
        return;
    }
    replay->counters.hashes += kind != HASH_NAMES && kind != HASH_NAMES_FULL;
    replay_step(replay, position, &event, NULL);
}

void replay_hash(Replay *replay, const Position *position, HashKind kind, const HashList *hashes)
{
    GByteArray *names = kind == HASH_POINT ? replay->point_names : replay->full_names;

    set_names(replay->bytes, hashes);
    if (replay->bytes->len != names->len ||
        memcmp(replay->bytes->data, names->data, names->len) != 0) {
        g_byte_array_set_size(names, 0);
        g_byte_array_append(names, replay->bytes->data, replay->bytes->len);
        hash_event(replay, position, kind == HASH_POINT ? HASH_NAMES : HASH_NAMES_FULL, hashes);
    }
    if (replay_must_stop(replay)) {
        return;
    }
    set_digests(replay->bytes, hashes);
    hash_event(replay, position, kind, hashes);
}
