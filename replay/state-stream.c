/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The byte streams that states are saved to and loaded from. Errors stick: a caller writes or reads
 * a whole structure and asks once at the end.
 */
#include "replay/state.h"

#include <string.h>

#define BUFFER_SIZE 65536

G_DEFINE_QUARK(powerplay - state - error, state_error)

struct StateWriter {
    StateSink sink; /* NULL: memory */
    gpointer user;
    GByteArray *buffer;
    GError *error;
};

StateWriter *state_writer_new(StateSink sink, gpointer user)
{
    StateWriter *writer = g_new0(StateWriter, 1);

    writer->sink = sink;
    writer->user = user;
    writer->buffer = g_byte_array_new();
    return writer;
}

StateWriter *state_writer_new_memory(void)
{
    return state_writer_new(NULL, NULL);
}

void state_writer_free(StateWriter *writer)
{
    if (!writer) {
        return;
    }
    g_byte_array_unref(writer->buffer);
    g_clear_error(&writer->error);
    g_free(writer);
}

static void writer_flush(StateWriter *writer)
{
    if (!writer->sink || writer->error || !writer->buffer->len) {
        return;
    }
    if (!writer->sink(writer->user, writer->buffer->data, writer->buffer->len, &writer->error)) {
        g_assert(writer->error);
    }
    g_byte_array_set_size(writer->buffer, 0);
}

void state_writer_bytes(StateWriter *writer, const void *data, gsize length)
{
    const guint8 *bytes = data;

    while (length && !writer->error) {
        gsize part = MIN(length, BUFFER_SIZE);

        g_byte_array_append(writer->buffer, bytes, part);
        bytes += part;
        length -= part;
        if (writer->buffer->len >= BUFFER_SIZE) {
            writer_flush(writer);
        }
    }
}

void state_writer_u8(StateWriter *writer, guint8 value)
{
    state_writer_bytes(writer, &value, sizeof(value));
}

void state_writer_u16(StateWriter *writer, guint16 value)
{
    value = GUINT16_TO_BE(value);
    state_writer_bytes(writer, &value, sizeof(value));
}

void state_writer_u32(StateWriter *writer, guint32 value)
{
    value = GUINT32_TO_BE(value);
    state_writer_bytes(writer, &value, sizeof(value));
}

void state_writer_u64(StateWriter *writer, guint64 value)
{
    value = GUINT64_TO_BE(value);
    state_writer_bytes(writer, &value, sizeof(value));
}

void state_writer_name(StateWriter *writer, const char *name)
{
    gsize length = strlen(name);

    g_assert(length <= G_MAXUINT8);
    state_writer_u8(writer, length);
    state_writer_bytes(writer, name, length);
}

gboolean state_writer_close(StateWriter *writer, GError **error)
{
    writer_flush(writer);
    if (writer->error) {
        g_propagate_error(error, g_error_copy(writer->error));
        return FALSE;
    }
    return TRUE;
}

GBytes *state_writer_close_bytes(StateWriter *writer, GError **error)
{
    g_assert(!writer->sink);
    if (!state_writer_close(writer, error)) {
        return NULL;
    }
    return g_bytes_new(writer->buffer->data, writer->buffer->len);
}

/* --- reader --------------------------------------------------------------- */

struct StateReader {
    StateSource source; /* NULL: memory */
    gpointer user;
    const guint8 *data; /* what is left of memory or buffer */
    gsize left;
    guint8 *buffer;
    GError *error;
};

StateReader *state_reader_new(StateSource source, gpointer user)
{
    StateReader *reader = g_new0(StateReader, 1);

    reader->source = source;
    reader->user = user;
    reader->buffer = g_malloc(BUFFER_SIZE);
    return reader;
}

StateReader *state_reader_new_memory(const void *data, gsize length)
{
    StateReader *reader = g_new0(StateReader, 1);

    reader->data = data;
    reader->left = length;
    return reader;
}

void state_reader_free(StateReader *reader)
{
    if (!reader) {
        return;
    }
    g_free(reader->buffer);
    g_clear_error(&reader->error);
    g_free(reader);
}

/* TRUE if there is at least one byte left. */
static gboolean reader_fill(StateReader *reader)
{
    if (reader->left || !reader->source || reader->error) {
        return reader->left > 0 && !reader->error;
    }

    gssize got = reader->source(reader->user, reader->buffer, BUFFER_SIZE, &reader->error);

    g_assert((got < 0) == (reader->error != NULL));
    reader->data = reader->buffer;
    reader->left = MAX(got, 0);
    return got > 0;
}

void state_reader_bytes(StateReader *reader, void *data, gsize length)
{
    guint8 *out = data;

    while (length && reader_fill(reader)) {
        gsize part = MIN(length, reader->left);

        memcpy(out, reader->data, part);
        out += part;
        length -= part;
        reader->data += part;
        reader->left -= part;
    }
    if (length) {
        memset(out, 0, length);
        if (!reader->error) {
            g_set_error(&reader->error, STATE_ERROR, STATE_ERROR_SHORT,
                        "the saved state ends %" G_GSIZE_FORMAT " bytes too early", length);
        }
    }
}

guint8 state_reader_u8(StateReader *reader)
{
    guint8 value;

    state_reader_bytes(reader, &value, sizeof(value));
    return reader->error ? 0 : value;
}

guint16 state_reader_u16(StateReader *reader)
{
    guint16 value;

    state_reader_bytes(reader, &value, sizeof(value));
    return reader->error ? 0 : GUINT16_FROM_BE(value);
}

guint32 state_reader_u32(StateReader *reader)
{
    guint32 value;

    state_reader_bytes(reader, &value, sizeof(value));
    return reader->error ? 0 : GUINT32_FROM_BE(value);
}

guint64 state_reader_u64(StateReader *reader)
{
    guint64 value;

    state_reader_bytes(reader, &value, sizeof(value));
    return reader->error ? 0 : GUINT64_FROM_BE(value);
}

void state_reader_expect_name(StateReader *reader, const char *expected)
{
    char name[G_MAXUINT8 + 1] = { 0 };

    state_reader_bytes(reader, name, state_reader_u8(reader));
    if (!reader->error && strcmp(name, expected) != 0) {
        g_autofree char *shown = g_strescape(name, NULL);

        g_set_error(&reader->error, STATE_ERROR, STATE_ERROR_LAYOUT,
                    "the saved state has \"%s\" where this build expects \"%s\"", shown, expected);
    }
}

void state_reader_fail(StateReader *reader, const char *format, ...)
{
    va_list arguments;

    if (reader->error) {
        return;
    }
    va_start(arguments, format);
    reader->error = g_error_new_valist(STATE_ERROR, STATE_ERROR_VALUE, format, arguments);
    va_end(arguments);
}

gboolean state_reader_failed(const StateReader *reader)
{
    return reader->error != NULL;
}

gboolean state_reader_check(const StateReader *reader, GError **error)
{
    if (reader->error) {
        g_propagate_error(error, g_error_copy(reader->error));
        return FALSE;
    }
    return TRUE;
}

gboolean state_reader_finish(StateReader *reader, GError **error)
{
    if (reader_fill(reader)) {
        g_set_error(&reader->error, STATE_ERROR, STATE_ERROR_SHORT,
                    "the saved state goes on after its last part");
    }
    return state_reader_check(reader, error);
}
