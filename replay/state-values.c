/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of a struct in stored form: big-endian, in the order of the rows, without padding; and the
 * layout (names, kinds, counts) that a saved struct carries in front of its values.
 *
 * Saved: layout = table name, version (4 bytes), stored rows (2 bytes), per row name, kind (1
 * byte), count (4 bytes) and, for a struct, its layout; then all values. Names have a 1-byte
 * length.
 */
#include "replay/state-internal.h"

#include <string.h>

guint64 state_element_integer(const StateField *field, const guint8 *element)
{
    switch (field->kind) {
    case STATE_KIND_U8:
    case STATE_KIND_BOOL:
    case STATE_KIND_BYTES: return *element;
    case STATE_KIND_U16: return *(const guint16 *)element;
    case STATE_KIND_U32: return *(const guint32 *)element;
    case STATE_KIND_U64: return *(const guint64 *)element;
    case STATE_KIND_I8: return (gint64) * (const gint8 *)element;
    case STATE_KIND_I16: return (gint64) * (const gint16 *)element;
    case STATE_KIND_I32: return (gint64) * (const gint32 *)element;
    case STATE_KIND_I64: return (gint64) * (const gint64 *)element;
    default: g_assert_not_reached();
    }
}

StateVector state_element_vector(const guint8 *element)
{
    guint64 word[2];
    gboolean little = G_BYTE_ORDER == G_LITTLE_ENDIAN;

    memcpy(word, element, sizeof(word));
    return (StateVector){ .high = word[little ? 1 : 0], .low = word[little ? 0 : 1] };
}

/* --- feeding -------------------------------------------------------------- */

/* Gathers small values, so that the receiver is called with larger pieces. */
typedef struct Feeder {
    StateFeed feed;
    gpointer user;
    gsize used;
    guint8 data[1024];
} Feeder;

static void feeder_flush(Feeder *feeder)
{
    if (feeder->used) {
        feeder->feed(feeder->user, feeder->data, feeder->used);
        feeder->used = 0;
    }
}

static void feeder_put(Feeder *feeder, const void *data, gsize length)
{
    if (length > sizeof(feeder->data) - feeder->used) {
        feeder_flush(feeder);
    }
    if (length > sizeof(feeder->data)) {
        feeder->feed(feeder->user, data, length);
        return;
    }
    memcpy(feeder->data + feeder->used, data, length);
    feeder->used += length;
}

/* Element by element to big-endian: loops that compilers make of wide registers. */
#define DEFINE_STORE(bits)                                                                         \
    static void store_##bits(guint8 *to, const guint8 *from, gsize count)                          \
    {                                                                                              \
        for (gsize i = 0; i < count; i++) {                                                        \
            guint##bits value;                                                                     \
            memcpy(&value, from + i * sizeof(value), sizeof(value));                               \
            value = GUINT##bits##_TO_BE(value);                                                    \
            memcpy(to + i * sizeof(value), &value, sizeof(value));                                 \
        }                                                                                          \
    }
DEFINE_STORE(16)
DEFINE_STORE(32)
DEFINE_STORE(64)

static void store_vectors(guint8 *to, const guint8 *from, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        StateVector vector = state_element_vector(from + i * sizeof(vector));
        vector.high = GUINT64_TO_BE(vector.high);
        vector.low = GUINT64_TO_BE(vector.low);
        memcpy(to + i * sizeof(vector), &vector, sizeof(vector));
    }
}

static void store_elements(guint8 *to, const StateField *field, const guint8 *from, gsize count)
{
    switch (field->size) {
    case 2: store_16(to, from, count); break;
    case 4: store_32(to, from, count); break;
    case 8: store_64(to, from, count); break;
    case 16: store_vectors(to, from, count); break;
    default: g_assert_not_reached();
    }
}

/* As many elements at once as the feeder has room for. */
static void feed_elements(Feeder *feeder, const StateField *field, const guint8 *from)
{
    gsize count;

    for (gsize left = field->count; left; left -= count) {
        if (sizeof(feeder->data) - feeder->used < field->size) {
            feeder_flush(feeder);
        }
        count = MIN(left, (sizeof(feeder->data) - feeder->used) / field->size);
        store_elements(feeder->data + feeder->used, field, from, count);
        feeder->used += count * field->size;
        from += count * field->size;
    }
}

static void feed_table(Feeder *feeder, const StateTable *table, const void *state);

static void feed_structs(Feeder *feeder, const StateField *field, const guint8 *first)
{
    for (guint i = 0; i < field->count; i++) {
        feed_table(feeder, field->table, first + (gsize)i * field->size);
    }
}

static void feed_table(Feeder *feeder, const StateTable *table, const void *state)
{
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        if (!state_field_is_stored(field)) {
            continue;
        }
        const guint8 *first = state_field_element_const(field, state, 0);
        if (field->kind == STATE_KIND_STRUCT) {
            feed_structs(feeder, field, first);
        } else if (field->size == 1) {
            feeder_put(feeder, first, field->count);
        } else {
            feed_elements(feeder, field, first);
        }
    }
}

void state_feed(const StateTable *table, const void *state, StateFeed feed, gpointer user)
{
    Feeder feeder;

    feeder.feed = feed;
    feeder.user = user;
    feeder.used = 0;
    feed_table(&feeder, table, state);
    feeder_flush(&feeder);
}

gsize state_table_stored_size(const StateTable *table)
{
    gsize size = 0;

    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        if (field->kind == STATE_KIND_STRUCT) {
            size += (gsize)field->count * state_table_stored_size(field->table);
        } else if (state_field_is_stored(field)) {
            size += (gsize)field->count * field->size;
        }
    }
    return size;
}

/* --- saving --------------------------------------------------------------- */

static guint stored_rows(const StateTable *table)
{
    guint rows = 0;

    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        rows += state_field_is_stored(field);
    }
    return rows;
}

static void save_layout(StateWriter *writer, const StateTable *table)
{
    state_writer_name(writer, table->name);
    state_writer_u32(writer, table->version);
    state_writer_u16(writer, stored_rows(table));
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        if (!state_field_is_stored(field)) {
            continue;
        }
        state_writer_name(writer, field->name);
        state_writer_u8(writer, field->kind);
        state_writer_u32(writer, field->count);
        if (field->kind == STATE_KIND_STRUCT) {
            save_layout(writer, field->table);
        }
    }
}

static void feed_writer(gpointer user, const guint8 *data, gsize length)
{
    state_writer_bytes(user, data, length);
}

void state_save(StateWriter *writer, const StateTable *table, const void *state)
{
    save_layout(writer, table);
    state_feed(table, state, feed_writer, writer);
}

/* --- loading -------------------------------------------------------------- */

static void check_layout(StateReader *reader, const StateTable *table);

static void check_row(StateReader *reader, const StateTable *table, const StateField *field)
{
    char name[G_MAXUINT8 + 1] = { 0 };

    state_reader_bytes(reader, name, state_reader_u8(reader));

    guint8 kind = state_reader_u8(reader);
    guint32 count = state_reader_u32(reader);

    if (state_reader_failed(reader)) {
        return;
    }
    if (strcmp(name, field->name) != 0) {
        g_autofree char *shown = g_strescape(name, NULL);

        state_reader_fail(reader, "%s.%s: the saved state has \"%s\" in this place", table->name,
                          field->name, shown);
    } else if (kind != field->kind || count != field->count) {
        state_reader_fail(reader, "%s.%s: saved as %s[%u], this build expects %s[%u]", table->name,
                          field->name, state_kind_name(kind), count, state_kind_name(field->kind),
                          field->count);
    } else if (field->kind == STATE_KIND_STRUCT) {
        check_layout(reader, field->table);
    }
}

static const StateField *next_stored(const StateField *field)
{
    while (field->kind != STATE_KIND_DONE && !state_field_is_stored(field)) {
        field++;
    }
    return field;
}

static void check_layout(StateReader *reader, const StateTable *table)
{
    state_reader_expect_name(reader, table->name);

    guint32 version = state_reader_u32(reader);
    guint rows = state_reader_u16(reader);

    if (!state_reader_failed(reader) && version != table->version) {
        state_reader_fail(reader, "%s: saved by version %u of this component, this build has %u",
                          table->name, version, table->version);
    }

    const StateField *field = next_stored(table->fields);
    guint row = 0;

    for (; row < rows && field->kind != STATE_KIND_DONE && !state_reader_failed(reader); row++) {
        check_row(reader, table, field);
        field = next_stored(field + 1);
    }
    if (row < rows) {
        state_reader_fail(reader, "%s: the saved state has %u more fields than this build",
                          table->name, rows - row);
    } else if (field->kind != STATE_KIND_DONE) {
        state_reader_fail(reader, "%s.%s: not in the saved state", table->name, field->name);
    }
}

static guint64 stored_integer(const StateField *field, const guint8 *data)
{
    guint64 value = 0;

    for (guint i = 0; i < field->size; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* Checks the values at *DATA against the limits of TABLE and moves *DATA behind them. */
static void check_values(StateReader *reader, const StateTable *table, const guint8 **data)
{
    for (const StateField *field = next_stored(table->fields); field->kind != STATE_KIND_DONE;
         field = next_stored(field + 1)) {
        guint64 max = field->kind == STATE_KIND_BOOL ? 1 : field->max;

        if (field->kind != STATE_KIND_STRUCT && max == STATE_ANY) {
            *data += (gsize)field->count * field->size;
            continue;
        }
        for (guint i = 0; i < field->count; i++) {
            if (field->kind == STATE_KIND_STRUCT) {
                check_values(reader, field->table, data);
                continue;
            }

            guint64 value = stored_integer(field, *data);

            if (value > max) {
                state_reader_fail(reader,
                                  "%s.%s[%u]: the saved value %" G_GUINT64_FORMAT
                                  " is over the limit %" G_GUINT64_FORMAT,
                                  table->name, field->name, i, value, max);
            }
            *data += field->size;
        }
    }
}

static void load_element(const StateField *field, guint8 *element, const guint8 *data)
{
    gboolean little = G_BYTE_ORDER == G_LITTLE_ENDIAN;

    for (guint i = 0; i < field->size; i++) {
        element[little ? field->size - 1 - i : i] = data[i];
    }
}

static void load_values(const StateTable *table, void *state, const guint8 **data)
{
    for (const StateField *field = next_stored(table->fields); field->kind != STATE_KIND_DONE;
         field = next_stored(field + 1)) {
        for (guint i = 0; i < field->count; i++) {
            guint8 *element = state_field_element(field, state, i);

            if (field->kind == STATE_KIND_STRUCT) {
                load_values(field->table, element, data);
            } else {
                load_element(field, element, *data);
                *data += field->size;
            }
        }
    }
}

gboolean state_load(StateReader *reader, const StateTable *table, void *state, GError **error)
{
    gsize size = state_table_stored_size(table);

    check_layout(reader, table);
    if (state_reader_failed(reader)) {
        return state_reader_check(reader, error);
    }

    g_autofree guint8 *values = g_malloc(size);
    const guint8 *data = values;

    state_reader_bytes(reader, values, size);
    if (!state_reader_failed(reader)) {
        check_values(reader, table, &data);
    }
    if (state_reader_failed(reader)) {
        return state_reader_check(reader, error);
    }
    data = values;
    load_values(table, state, &data);
    return TRUE;
}
