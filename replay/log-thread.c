/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log writer: a bounded buffer between the machine thread, which appends events, and a thread
 * that brings them to the disk. The only file in replay/ with a clock and a thread.
 *
 * Invariants
 * 1. The bytes of events depend on positions and events only; where they are cut into segments
 *    depends on host time, and nothing reads it.
 * 2. The machine thread waits only if PENDING_MAX bytes are waiting for the disk.
 * 3. A slot is written after the segments whose events it covers, with a position that the machine
 *    has told after it appended them.
 * 4. The first error of the disk is final: later events are dropped, and everyone who asks is told.
 */
#include "replay/log.h"
#include "replay/log-file.h"

#define WRITE_INTERVAL_US (100 * G_TIME_SPAN_MILLISECOND)
#define SYNC_INTERVAL_US  G_TIME_SPAN_SECOND
#define CHUNK_TARGET      (256u * 1024)
#define PENDING_MAX       (8u * 1024 * 1024)

/* Events that become one segment. */
typedef struct Chunk {
    GByteArray *raw;
    LogSegment segment; /* positions, events and flags are kept up to date */
} Chunk;

struct LogWriter {
    /* Machine thread only: */
    GByteArray *encoded;
    guint64 icount;      /* of the last event */
    gboolean wake_known; /* whether WAKE was written at this icount ... */
    guint64 wake_ns;     /* ... and its virtual time */
    guint64 next_event;

    /* Writer thread only, after the start: */
    LogFile *file;

    GMutex lock; /* guards all below */
    GCond work;  /* for the writer thread */
    GCond done;  /* for the machine thread */
    GQueue chunks;
    gsize pending; /* bytes in chunks */
    Position progress;
    gboolean progressed;
    gboolean busy; /* the writer thread holds chunks */
    gboolean flush;
    gboolean stop;
    gboolean finish; /* with an index */
    GError *error;
    LogWriterCounters counters;
    GThread *thread;
};

static Chunk *chunk_new(guint64 first_icount, guint64 first_event)
{
    Chunk *chunk = g_new0(Chunk, 1);

    chunk->raw = g_byte_array_new();
    chunk->segment.first_icount = first_icount;
    chunk->segment.first_event = first_event;
    return chunk;
}

static void chunk_free(gpointer data)
{
    Chunk *chunk = data;

    g_byte_array_unref(chunk->raw);
    g_free(chunk);
}

/* --- the writer thread ---------------------------------------------------- */

static gboolean write_chunks(LogWriter *writer, GQueue *chunks, GError **error)
{
    for (GList *link = chunks->head; link; link = link->next) {
        Chunk *chunk = link->data;

        if (!log_file_append(writer->file, &chunk->segment, chunk->raw->data, chunk->raw->len,
                             error)) {
            return FALSE;
        }
    }
    return TRUE;
}

typedef struct Batch {
    GQueue chunks;
    Position progress;
    gboolean progressed;
    gboolean finish;
    gboolean sync;
} Batch;

static gboolean write_batch(LogWriter *writer, Batch *batch, GError **error)
{
    return write_chunks(writer, &batch->chunks, error) &&
           (!batch->progressed || log_file_progress(writer->file, &batch->progress, error)) &&
           (!batch->finish || log_file_write_index(writer->file, error)) &&
           (!batch->sync || log_file_sync(writer->file, error));
}

/* Called with the lock held: takes what is pending. */
static void take_batch(LogWriter *writer, Batch *batch)
{
    batch->chunks = writer->chunks;
    batch->progress = writer->progress;
    batch->progressed = writer->progressed;
    batch->finish = writer->finish;
    g_queue_init(&writer->chunks);
    writer->pending = 0;
    writer->progressed = FALSE;
    writer->flush = FALSE;
    writer->busy = TRUE;
}

/* Called with the lock held: takes note of what was written. */
static void finish_batch(LogWriter *writer, Batch *batch, GError *error)
{
    g_queue_clear_full(&batch->chunks, chunk_free);
    writer->busy = FALSE;
    writer->counters.file = log_file_size(writer->file);
    writer->counters.segments = log_file_segments(writer->file);
    if (error && !writer->error) {
        writer->error = error;
    } else {
        g_clear_error(&error);
    }
    g_cond_broadcast(&writer->done);
}

static gboolean has_news(const LogWriter *writer)
{
    return writer->chunks.head || writer->progressed || writer->stop || writer->flush;
}

/*
 * Called with the lock held. Sleeps until there is news (or until SYNC_AT, -1: never), then until
 * the news may be 100 ms old or someone is in a hurry.
 */
static void wait_for_work(LogWriter *writer, gint64 sync_at)
{
    gint64 until;

    while (!has_news(writer)) {
        if (sync_at < 0) {
            g_cond_wait(&writer->work, &writer->lock);
        } else if (!g_cond_wait_until(&writer->work, &writer->lock, sync_at)) {
            return;
        }
    }
    until = g_get_monotonic_time() + WRITE_INTERVAL_US;
    while (!writer->stop && !writer->flush && writer->pending < PENDING_MAX / 2) {
        if (!g_cond_wait_until(&writer->work, &writer->lock, until)) {
            return;
        }
    }
}

static gpointer writer_thread(gpointer data)
{
    LogWriter *writer = data;
    gint64 now = g_get_monotonic_time();
    gint64 next_sync = now + SYNC_INTERVAL_US;
    gboolean dirty = TRUE;
    gboolean stop = FALSE;

    g_mutex_lock(&writer->lock);
    while (!stop) {
        Batch batch;
        GError *error = NULL;

        wait_for_work(writer, dirty ? next_sync : -1);
        stop = writer->stop;
        take_batch(writer, &batch);
        gboolean failed = writer->error != NULL;
        g_mutex_unlock(&writer->lock);

        now = g_get_monotonic_time();
        dirty = dirty || batch.progressed || batch.chunks.head || batch.finish;
        batch.sync = dirty && (now >= next_sync || batch.finish);
        if (batch.sync) {
            next_sync = now + SYNC_INTERVAL_US;
            dirty = FALSE;
        }
        if (!failed) {
            write_batch(writer, &batch, &error);
        }

        g_mutex_lock(&writer->lock);
        finish_batch(writer, &batch, error);
    }
    g_mutex_unlock(&writer->lock);
    return NULL;
}

/* --- life ----------------------------------------------------------------- */

LogWriter *log_writer_new(int fd, const Position *start, GError **error)
{
    LogFile *file = log_file_new(fd, start, error);
    LogWriter *writer;

    if (!file) {
        return NULL;
    }
    writer = g_new0(LogWriter, 1);
    writer->file = file;
    writer->encoded = g_byte_array_new();
    writer->icount = start->icount;
    writer->progress = *start;
    writer->counters.file = log_file_size(file);
    g_queue_init(&writer->chunks);
    g_mutex_init(&writer->lock);
    g_cond_init(&writer->work);
    g_cond_init(&writer->done);
    writer->thread = g_thread_try_new("log-writer", writer_thread, writer, error);
    if (!writer->thread) {
        log_writer_free(writer);
        return NULL;
    }
    return writer;
}

static void stop_thread(LogWriter *writer, gboolean finish)
{
    if (!writer->thread) {
        return;
    }
    g_mutex_lock(&writer->lock);
    writer->stop = TRUE;
    writer->finish = finish;
    g_cond_signal(&writer->work);
    g_mutex_unlock(&writer->lock);
    g_thread_join(g_steal_pointer(&writer->thread));
}

void log_writer_free(LogWriter *writer)
{
    if (!writer) {
        return;
    }
    stop_thread(writer, FALSE);
    g_queue_clear_full(&writer->chunks, chunk_free);
    g_byte_array_unref(writer->encoded);
    log_file_free(writer->file);
    g_clear_error(&writer->error);
    g_mutex_clear(&writer->lock);
    g_cond_clear(&writer->work);
    g_cond_clear(&writer->done);
    g_free(writer);
}

gboolean log_writer_close(LogWriter *writer, GError **error)
{
    stop_thread(writer, TRUE);

    gboolean failed = log_writer_failed(writer, error);

    log_writer_free(writer);
    return !failed;
}

/* --- the machine thread --------------------------------------------------- */

static gboolean needs_wake(const LogWriter *writer, const Position *position, const Event *event)
{
    EventClass class = event_class(event);

    return position->sequence > 0 && class != EVENT_CLASS_VALUE && class != EVENT_CLASS_SYNC &&
           !(writer->wake_known && writer->wake_ns == position->virtual_ns);
}

/* Encodes EVENT with what must stand before it; returns the number of events. */
static guint encode(LogWriter *writer, const Position *position, const Event *event)
{
    guint64 delta = position->icount - writer->icount;
    guint events = 1;

    g_assert(position->icount >= writer->icount);
    g_byte_array_set_size(writer->encoded, 0);
    for (; delta; events++) {
        guint32 part = MIN(delta, G_MAXUINT32);
        Event instruction = { .kind = EVENT_INSTRUCTION, .instruction = { part } };

        event_encode(&instruction, writer->encoded);
        delta -= part;
        writer->wake_known = FALSE;
    }
    writer->icount = position->icount;
    g_assert(!writer->wake_known || !position->sequence || position->virtual_ns >= writer->wake_ns);
    if (needs_wake(writer, position, event)) {
        Event wake = { .kind = EVENT_WAKE, .wake = { position->virtual_ns } };

        event_encode(&wake, writer->encoded);
        writer->wake_known = TRUE;
        writer->wake_ns = position->virtual_ns;
        events++;
    }
    event_encode(event, writer->encoded);
    return events;
}

/* Called with the lock held. */
static void append_encoded(LogWriter *writer, const Position *position, const Event *event,
                           guint64 first_icount, guint events)
{
    Chunk *chunk = g_queue_peek_tail(&writer->chunks);

    if (!has_news(writer)) {
        g_cond_signal(&writer->work);
    }
    if (!chunk || chunk->raw->len + writer->encoded->len > CHUNK_TARGET) {
        chunk = chunk_new(first_icount, writer->next_event);
        g_queue_push_tail(&writer->chunks, chunk);
    }
    g_byte_array_append(chunk->raw, writer->encoded->data, writer->encoded->len);
    chunk->segment.last_icount = position->icount;
    chunk->segment.last_virtual_ns = position->virtual_ns;
    chunk->segment.events += events;
    if (event->kind == EVENT_END) {
        chunk->segment.flags |= LOG_SEGMENT_HAS_END;
    }
    writer->pending += writer->encoded->len;
    writer->progress = *position;
    writer->progressed = TRUE;
    writer->counters.events += events;
    writer->counters.raw += writer->encoded->len;
}

gsize log_writer_append(LogWriter *writer, const Position *position, const Event *event)
{
    guint64 first_icount = writer->icount;
    guint events = encode(writer, position, event);

    g_mutex_lock(&writer->lock);
    if (writer->pending >= PENDING_MAX && !writer->error) {
        writer->counters.waits++;
        g_cond_signal(&writer->work);
    }
    while (writer->pending >= PENDING_MAX && !writer->error) {
        g_cond_wait(&writer->done, &writer->lock);
    }
    if (!writer->error) {
        append_encoded(writer, position, event, first_icount, events);
    }
    if (writer->pending >= PENDING_MAX / 2) {
        g_cond_signal(&writer->work);
    }
    g_mutex_unlock(&writer->lock);
    writer->next_event += events;
    return writer->encoded->len;
}

gboolean log_writer_progress(LogWriter *writer, const Position *position)
{
    gboolean good;

    g_mutex_lock(&writer->lock);
    if (position_compare(position, &writer->progress) > 0) {
        if (!has_news(writer)) {
            g_cond_signal(&writer->work);
        }
        writer->progress = *position;
        writer->progressed = TRUE;
    }
    good = !writer->error;
    g_mutex_unlock(&writer->lock);
    return good;
}

gboolean log_writer_flush(LogWriter *writer, GError **error)
{
    g_mutex_lock(&writer->lock);
    writer->flush = TRUE;
    g_cond_signal(&writer->work);
    while ((writer->flush || writer->busy) && !writer->error) {
        g_cond_wait(&writer->done, &writer->lock);
    }
    g_mutex_unlock(&writer->lock);
    return !log_writer_failed(writer, error);
}

gboolean log_writer_failed(LogWriter *writer, GError **error)
{
    g_mutex_lock(&writer->lock);

    gboolean failed = writer->error != NULL;

    if (failed && error) {
        *error = g_error_copy(writer->error);
    }
    g_mutex_unlock(&writer->lock);
    return failed;
}

void log_writer_counters(LogWriter *writer, LogWriterCounters *counters)
{
    g_mutex_lock(&writer->lock);
    *counters = writer->counters;
    g_mutex_unlock(&writer->lock);
}
