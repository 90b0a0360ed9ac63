/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events in stored form, as text and as JSON. All of it is made from the rows of events.def: each
 * block below gives the argument types one more meaning and reads the table again.
 */
#include "replay/event.h"
#include "replay/log.h"

#include <string.h>

int position_compare(const Position *a, const Position *b)
{
    if (a->icount != b->icount) {
        return a->icount < b->icount ? -1 : 1;
    }
    if (a->virtual_ns != b->virtual_ns) {
        return a->virtual_ns < b->virtual_ns ? -1 : 1;
    }
    return a->sequence == b->sequence ? 0 : a->sequence < b->sequence ? -1 : 1;
}

/* --- names ---------------------------------------------------------------- */

#define NAME(constant, value, text)                                                                \
    case value:                                                                                    \
        return text;
#define NAMES(type, noun, prefix, names)                                                           \
    const char *noun##_name(guint value)                                                           \
    {                                                                                              \
        switch (value) {                                                                           \
            names default : return NULL;                                                           \
        }                                                                                          \
    }
#include "replay/events.def"
#undef NAMES
#undef NAME

const char *event_kind_title(EventKind kind)
{
    switch (kind) {
#define EVENT(NAME, id, member, title, class, arguments, doc)                                      \
    case EVENT_##NAME:                                                                             \
        return title;
#include "replay/events.def"
#undef EVENT
    default: return "unknown event";
    }
}

EventClass event_kind_class(EventKind kind)
{
    switch (kind) {
#define EVENT(NAME, id, member, title, class, arguments, doc)                                      \
    case EVENT_##NAME:                                                                             \
        return EVENT_CLASS_##class;
#include "replay/events.def"
#undef EVENT
    default: g_assert_not_reached();
    }
}

EventClass event_class(const Event *event)
{
    if (event->kind == EVENT_CLOCK && event->clock.clock == REPLAY_CLOCK_VIRTUAL_RT) {
        return EVENT_CLASS_NOTE;
    }
    return event_kind_class(event->kind);
}

gboolean event_is_stop(const Event *event)
{
    EventClass class = event_class(event);

    return class == EVENT_CLASS_INPUT || class == EVENT_CLASS_HASH || class == EVENT_CLASS_END;
}

/* --- encode --------------------------------------------------------------- */

static void put(GByteArray *out, guint64 value, guint size)
{
    guint64 stored = GUINT64_TO_BE(value);

    g_byte_array_append(out, (const guint8 *)&stored + sizeof(stored) - size, size);
}

static void put_bytes(GByteArray *out, const guint8 *data, guint32 length)
{
    g_assert(length <= EVENT_BYTES_MAX);
    put(out, length, 4);
    if (length) {
        g_byte_array_append(out, data, length);
    }
}

#define U8(name)          put(out, arguments->name, 1);
#define U16(name)         put(out, arguments->name, 2);
#define U32(name)         put(out, arguments->name, 4);
#define U64(name)         put(out, arguments->name, 8);
#define I32(name)         put(out, (guint64)(gint64)arguments->name, 4);
#define I64(name)         put(out, (guint64)arguments->name, 8);
#define ENUM(name, names) put(out, arguments->name, 1);
#define BYTES(name)       put_bytes(out, arguments->name, arguments->name##_length);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    static void encode_##member(const __typeof__(((Event *)0)->member) *arguments,                 \
                                GByteArray *out)                                                   \
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

void event_encode(const Event *event, GByteArray *out)
{
    put(out, event->kind, 1);
    switch (event->kind) {
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME:                                                                             \
        encode_##member(&event->member, out);                                                      \
        break;
#include "replay/events.def"
#undef EVENT
    default: g_assert_not_reached();
    }
}

/* --- decode --------------------------------------------------------------- */

typedef struct Decoder {
    const guint8 *data;
    gsize length;
    gsize used;
    const char *title;
    GError *error;
} Decoder;

static void decoder_fail(Decoder *decoder, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void decoder_fail(Decoder *decoder, const char *format, ...)
{
    va_list arguments;

    if (decoder->error) {
        return;
    }
    va_start(arguments, format);
    decoder->error = g_error_new_valist(LOG_ERROR, LOG_ERROR_DAMAGED, format, arguments);
    va_end(arguments);
}

static guint64 get(Decoder *decoder, guint size)
{
    guint64 value = 0;

    if (decoder->error || size > decoder->length - decoder->used) {
        decoder_fail(decoder, "%s is cut short", decoder->title);
        return 0;
    }
    for (guint i = 0; i < size; i++) {
        value = value << 8 | decoder->data[decoder->used++];
    }
    return value;
}

static guint8 get_name(Decoder *decoder, const char *(*name)(guint), const char *what)
{
    guint8 value = get(decoder, 1);

    if (!decoder->error && !name(value)) {
        decoder_fail(decoder, "%s has %s %u, which is not known", decoder->title, what, value);
    }
    return value;
}

static const guint8 *get_bytes(Decoder *decoder, guint32 *length)
{
    *length = get(decoder, 4);
    if (decoder->error) {
        return NULL;
    }
    if (*length > EVENT_BYTES_MAX || *length > decoder->length - decoder->used) {
        decoder_fail(decoder, "%s has %u bytes of data, %" G_GSIZE_FORMAT " are there",
                     decoder->title, *length, decoder->length - decoder->used);
        *length = 0;
        return NULL;
    }
    decoder->used += *length;
    return decoder->data + decoder->used - *length;
}

#define U8(name)          arguments->name = get(decoder, 1);
#define U16(name)         arguments->name = get(decoder, 2);
#define U32(name)         arguments->name = get(decoder, 4);
#define U64(name)         arguments->name = get(decoder, 8);
#define I32(name)         arguments->name = (gint32)(guint32)get(decoder, 4);
#define I64(name)         arguments->name = (gint64)get(decoder, 8);
#define ENUM(name, names) arguments->name = get_name(decoder, names##_name, #name);
#define BYTES(name)       arguments->name = get_bytes(decoder, &arguments->name##_length);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    static void decode_##member(__typeof__(((Event *)0)->member) *arguments, Decoder *decoder)     \
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

gsize event_decode(Event *event, const guint8 *data, gsize length, GError **error)
{
    Decoder decoder = { .data = data, .length = length, .title = "an event" };

    memset(event, 0, sizeof(*event));
    event->kind = get(&decoder, 1);
    decoder.title = event_kind_title(event->kind);
    switch (decoder.error ? EVENT_COUNT : event->kind) {
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME:                                                                             \
        decode_##member(&event->member, &decoder);                                                 \
        break;
#include "replay/events.def"
#undef EVENT
    default: decoder_fail(&decoder, "event id %u is not known", event->kind); break;
    }
    if (decoder.error) {
        g_propagate_error(error, decoder.error);
        return 0;
    }
    return decoder.used;
}

/* --- compare -------------------------------------------------------------- */

gboolean event_equal(const Event *a, const Event *b)
{
    g_autoptr(GByteArray) stored_a = g_byte_array_new();
    g_autoptr(GByteArray) stored_b = g_byte_array_new();

    if (a->kind != b->kind) {
        return FALSE;
    }
    event_encode(a, stored_a);
    event_encode(b, stored_b);
    return stored_a->len == stored_b->len &&
           memcmp(stored_a->data, stored_b->data, stored_a->len) == 0;
}

/* --- text ----------------------------------------------------------------- */

#define TEXT_BYTES_MAX 64u

static void show_hex(GString *out, const guint8 *data, guint32 length)
{
    for (guint32 i = 0; i < length; i++) {
        g_string_append_printf(out, "%02x", data[i]);
    }
}

static void show_bytes(GString *out, const char *name, const guint8 *data, guint32 length)
{
    g_string_append_printf(out, " %s=", name);
    show_hex(out, data, MIN(length, TEXT_BYTES_MAX));
    if (length > TEXT_BYTES_MAX) {
        g_string_append_printf(out, "... (%u bytes)", length);
    }
}

#define INTEGER(name)                                                                              \
    g_string_append_printf(out, " %s=%" G_GINT64_FORMAT, #name, (gint64)arguments->name);
#define U8(name)  INTEGER(name)
#define U16(name) INTEGER(name)
#define U32(name) INTEGER(name)
#define U64(name) g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, #name, arguments->name);
#define I32(name) INTEGER(name)
#define I64(name) INTEGER(name)
#define ENUM(name, names)                                                                          \
    g_string_append_printf(out, " %s=%s", #name, names##_name(arguments->name));
#define BYTES(name) show_bytes(out, #name, arguments->name, arguments->name##_length);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    static void show_##member(const __typeof__(((Event *)0)->member) *arguments, GString *out)     \
    {                                                                                              \
        fields                                                                                     \
    }
#include "replay/events.def"
#undef EVENT
#undef INTEGER
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef I64
#undef ENUM
#undef BYTES

char *event_to_text(const Event *event)
{
    GString *out = g_string_new(event_kind_title(event->kind));

    switch (event->kind) {
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME:                                                                             \
        show_##member(&event->member, out);                                                        \
        break;
#include "replay/events.def"
#undef EVENT
    default: break;
    }
    return g_string_free(out, FALSE);
}

/* --- JSON ----------------------------------------------------------------- */

/* An argument or event name with "-" for "_", as JSON member names are written. */
static void json_name(GString *out, const char *name)
{
    for (; *name; name++) {
        g_string_append_c(out, *name == '_' ? '-' : *name);
    }
}

static void json_key(GString *out, const char *name)
{
    g_string_append(out, ", \"");
    json_name(out, name);
    g_string_append(out, "\": ");
}

static void json_integer(GString *out, const char *name, gint64 value)
{
    json_key(out, name);
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value);
}

/* 64-bit values as decimal strings: a JSON number is not exact beyond 2^53 in most readers. */
static void json_wide(GString *out, const char *name, guint64 value)
{
    json_key(out, name);
    g_string_append_printf(out, "\"%" G_GUINT64_FORMAT "\"", value);
}

static void json_text(GString *out, const char *name, const char *value)
{
    json_key(out, name);
    g_string_append_printf(out, "\"%s\"", value);
}

static void json_bytes(GString *out, const char *name, const guint8 *data, guint32 length)
{
    json_key(out, name);
    g_string_append_c(out, '"');
    show_hex(out, data, length);
    g_string_append_c(out, '"');
}

#define U8(name)  json_integer(out, #name, arguments->name);
#define U16(name) json_integer(out, #name, arguments->name);
#define U32(name) json_integer(out, #name, arguments->name);
#define U64(name) json_wide(out, #name, arguments->name);
#define I32(name) json_integer(out, #name, arguments->name);
#define I64(name)                                                                                  \
    {                                                                                              \
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, arguments->name);             \
        json_text(out, #name, text);                                                               \
    }
#define ENUM(name, names) json_text(out, #name, names##_name(arguments->name));
#define BYTES(name)       json_bytes(out, #name, arguments->name, arguments->name##_length);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    static void json_##member(const __typeof__(((Event *)0)->member) *arguments, GString *out)     \
    {                                                                                              \
        g_string_append(out, "\"event\": \"");                                                     \
        json_name(out, #member);                                                                   \
        g_string_append_c(out, '"');                                                               \
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

void event_to_json_members(const Event *event, GString *out)
{
    switch (event->kind) {
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME:                                                                             \
        json_##member(&event->member, out);                                                        \
        break;
#include "replay/events.def"
#undef EVENT
    default: break;
    }
}

void event_to_json(const Event *event, GString *out)
{
    g_string_append_c(out, '{');
    event_to_json_members(event, out);
    g_string_append_c(out, '}');
}
