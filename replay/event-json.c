/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events from JSON, as event_to_json() writes them.
 */
#include "replay/event-json.h"

#include <gio/gio.h>
#include <string.h>

typedef struct Reader {
    JsonObject *object;
    GByteArray *bytes;
    GError **error;
    gboolean failed;
} Reader;

static gboolean fail(Reader *reader, const char *name, const char *expected)
{
    if (!reader->failed) {
        g_set_error(reader->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "member '%s' of the event expects %s", name, expected);
    }
    reader->failed = TRUE;
    return FALSE;
}

/* The member of that name with "-" for "_"; NULL, and it has failed, if there is none. */
static JsonNode *find(Reader *reader, const char *name)
{
    g_autofree char *member = g_strdelimit(g_strdup(name), "_", '-');
    JsonNode *node = json_object_get_member(reader->object, member);

    if (!node || !JSON_NODE_HOLDS_VALUE(node)) {
        fail(reader, member, "a value");
        return NULL;
    }
    return node;
}

static gint64 get_signed(Reader *reader, const char *name, gint64 least, gint64 most)
{
    JsonNode *node = find(reader, name);
    gint64 value = 0;
    gboolean good = node && json_node_get_value_type(node) == G_TYPE_INT64;

    if (good) {
        value = json_node_get_int(node);
    } else if (node && json_node_get_value_type(node) == G_TYPE_STRING) {
        good = g_ascii_string_to_signed(json_node_get_string(node), 10, least, most, &value, NULL);
    }
    if (node && (!good || value < least || value > most)) {
        fail(reader, name, "a number within its range");
    }
    return value;
}

static guint64 get_wide(Reader *reader, const char *name)
{
    JsonNode *node = find(reader, name);
    guint64 value = 0;

    if (node && (json_node_get_value_type(node) != G_TYPE_STRING ||
                 !g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, G_MAXUINT64, &value,
                                             NULL))) {
        fail(reader, name, "a number as a decimal text");
    }
    return value;
}

static const char *get_text(Reader *reader, const char *name)
{
    JsonNode *node = find(reader, name);

    if (node && json_node_get_value_type(node) == G_TYPE_STRING) {
        return json_node_get_string(node);
    }
    fail(reader, name, "a text");
    return "";
}

static guint8 get_enum(Reader *reader, const char *name, const char *(*name_of)(guint value))
{
    const char *text = get_text(reader, name);

    for (guint value = 0; value < 256; value++) {
        if (name_of(value) && strcmp(name_of(value), text) == 0) {
            return (guint8)value;
        }
    }
    fail(reader, name, "one of its names");
    return 0;
}

static guint32 get_bytes(Reader *reader, const char *name, const guint8 **data)
{
    const char *text = get_text(reader, name);
    gsize length = strlen(text);

    g_byte_array_set_size(reader->bytes, 0);
    for (gsize i = 0; !reader->failed && i + 1 < length; i += 2) {
        int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);

        if (high < 0 || low < 0) {
            fail(reader, name, "hexadecimal digits");
        } else {
            g_byte_array_append(reader->bytes, &(guint8){ (guint8)(high << 4 | low) }, 1);
        }
    }
    if (length % 2 || length / 2 > EVENT_BYTES_MAX) {
        fail(reader, name, "two hexadecimal digits for each of its bytes");
    }
    *data = reader->bytes->data;
    return reader->bytes->len;
}

/* --- made from the rows of events.def ------------------------------------- */

#define U8(name)          arguments->name = (guint8)get_signed(reader, #name, 0, G_MAXUINT8);
#define U16(name)         arguments->name = (guint16)get_signed(reader, #name, 0, G_MAXUINT16);
#define U32(name)         arguments->name = (guint32)get_signed(reader, #name, 0, G_MAXUINT32);
#define U64(name)         arguments->name = get_wide(reader, #name);
#define I32(name)         arguments->name = (gint32)get_signed(reader, #name, G_MININT32, G_MAXINT32);
#define I64(name)         arguments->name = get_signed(reader, #name, G_MININT64, G_MAXINT64);
#define ENUM(name, names) arguments->name = get_enum(reader, #name, names##_name);
#define BYTES(name)       arguments->name##_length = get_bytes(reader, #name, &arguments->name);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    static void get_##member(Reader *reader, __typeof__(((Event *)0)->member) *arguments)          \
    {                                                                                              \
        fields                                                                                     \
    }
#include "replay/events.def"
#undef EVENT
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef I64
#undef ENUM
#undef BYTES

static gboolean find_kind(const char *text, EventKind *kind)
{
    g_autofree char *name = g_strdelimit(g_strdup(text), "-", '_');

#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    if (strcmp(name, #member) == 0) {                                                              \
        *kind = EVENT_##NAME;                                                                      \
        return TRUE;                                                                               \
    }
#include "replay/events.def"
#undef EVENT
    return FALSE;
}

gboolean event_from_json(Event *event, JsonObject *object, GByteArray *bytes, GError **error)
{
    Reader reader = { object, bytes, error, FALSE };
    const char *text = get_text(&reader, "event");

    *event = (Event){ 0 };
    if (!reader.failed && !find_kind(text, &event->kind)) {
        fail(&reader, "event", "the name of one");
    }
    if (reader.failed) {
        return FALSE;
    }
    switch (event->kind) {
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME:                                                                             \
        get_##member(&reader, &event->member);                                                     \
        break;
#include "replay/events.def"
#undef EVENT
    default: break;
    }
    return !reader.failed;
}
