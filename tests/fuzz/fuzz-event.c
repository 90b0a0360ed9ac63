/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events as a person edits and imports them: JSON of any text; and what a log may hold, exported,
 * with some members changed. The first byte picks.
 *
 * Whatever a log may hold is read from its own export as it was; whatever is taken can be stored.
 */
#include "replay/event-json.h"
#include "tests/fuzz/input.h"

#include <string.h>

#define CHANGES_MAX 4

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* Names of events and of their arguments, as in the rows; and the names of values. */
static const char *const members[] = {
    "event",
#define U8(name)                                           #name,
#define U16(name)                                          #name,
#define U32(name)                                          #name,
#define U64(name)                                          #name,
#define I32(name)                                          #name,
#define I64(name)                                          #name,
#define ENUM(name, names)                                  #name,
#define BYTES(name)                                        #name,
#define EVENT(NAME, id, member, title, class, fields, doc) fields
#include "replay/events.def"
#undef EVENT
};

static const char *const texts[] = {
#define EVENT(NAME, id, member, title, class, fields, doc) #member,
#include "replay/events.def"
#undef EVENT
#define NAME(constant, value, text)       text,
#define NAMES(type, noun, prefix, values) values
#include "replay/events.def"
#undef NAMES
#undef NAME
};

static char *take_text(Input *input, size_t length)
{
    length = MIN(length, input->left);
    char *text = g_strndup((const char *)input->data, length);
    input->data += length;
    input->left -= length;
    return text;
}

static JsonObject *parse(const char *text)
{
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node) : NULL;
}

static JsonObject *export_event(const Event *event)
{
    g_autoptr(GString) text = g_string_new(NULL);
    event_to_json(event, text);
    JsonObject *object = parse(text->str);
    g_assert(object);
    return object;
}

/* --- what must hold --------------------------------------------------------------------------- */

static void check_as_it_was(const Event *event)
{
    g_autoptr(JsonObject) object = export_event(event);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    Event again;
    g_assert(event_from_json(&again, object, bytes, &error) && !error);
    g_assert(event_equal(event, &again));
}

static void check_stored(const Event *event)
{
    g_autoptr(GByteArray) stored = g_byte_array_new();
    Event again;
    event_encode(event, stored);
    g_assert(event_decode(&again, stored->data, stored->len, NULL) == stored->len);
    g_assert(event_equal(event, &again));
    check_as_it_was(event);
}

static void try_object(JsonObject *object)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    Event event;
    gboolean good = event_from_json(&event, object, bytes, &error);
    g_assert(good == !error);
    if (good)
        check_stored(&event);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void set_text(JsonObject *object, const char *name, Input *input, unsigned how)
{
    g_autofree char *text = how & 1 ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)take(input, 8))
                                    : take_text(input, how >> 1);
    json_object_set_string_member(object, name, text);
}

static void change(JsonObject *object, Input *input)
{
    const char *row = members[take(input, 1) % G_N_ELEMENTS(members)];
    g_autofree char *name = g_strdelimit(g_strdup(row), "_", '-');
    unsigned how = (unsigned)take(input, 1);
    switch (how & 7) {
    case 0: json_object_remove_member(object, name); break;
    case 1: json_object_set_int_member(object, name, (gint64)take(input, 8)); break;
    case 2: json_object_set_int_member(object, name, (gint8)take(input, 1)); break;
    case 3: json_object_set_null_member(object, name); break;
    case 4: json_object_set_double_member(object, name, (double)(gint64)take(input, 8)); break;
    case 5: json_object_set_array_member(object, name, json_array_new()); break;
    case 6:
        json_object_set_string_member(object, name, texts[take(input, 1) % G_N_ELEMENTS(texts)]);
        break;
    default: set_text(object, name, input, how >> 3); break;
    }
}

static void try_changed(Input *input)
{
    unsigned changes = (unsigned)take(input, 1) % (CHANGES_MAX + 1);
    Input rest = *input;
    rest.data += rest.left - MIN(rest.left, 12 * changes);
    rest.left = MIN(rest.left, 12 * changes);
    Event event;
    if (!event_decode(&event, input->data, input->left, NULL))
        return;
    check_as_it_was(&event);
    g_autoptr(JsonObject) object = export_event(&event);
    for (unsigned i = 0; i < changes; i++)
        change(object, &rest);
    try_object(object);
}

static void try_text(const Input *input)
{
    g_autofree char *text = g_strndup((const char *)input->data, input->left);
    g_autoptr(JsonObject) object = parse(text);
    if (object)
        try_object(object);
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    Input input = { data, size };
    if (size && take(&input, 1) & 1)
        try_text(&input);
    else if (size)
        try_changed(&input);
    return 0;
}
