/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keyboard and pointers from clients: QEMU's commands with QEMU's arguments. */

#include "machine/commands/commands.h"

#include <string.h>

#define HOLD_MS      100
#define TEXT_MAX     4000 /* characters */
#define REL_MAX      32767
#define NOT_A_NUMBER G_MININT64

/* Errors as clients know them: what a replay or a full inbox refuses is a matter of state. */
static void fail(ApiRequest *request, GError *error)
{
    bool is_state = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY) ||
                    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY);
    set_class(&error, is_state ? API_ERROR_DEVICE_NOT_ACTIVE
                      : g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
                          ? API_ERROR_DEVICE_NOT_FOUND
                          : API_ERROR_GENERIC);
    api_request_fail(request, error);
}

static bool wrong(GError **error, const char *path, const char *expected)
{
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Parameter '%s' expects %s", path, expected);
    return false;
}

/* --- reading arguments ------------------------------------------------------------------------ */

static const char *text_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    bool is_text =
        node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    return is_text ? json_node_get_string(node) : "";
}

static gint64 number_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    bool is_number =
        node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
    return is_number ? json_node_get_int(node) : NOT_A_NUMBER;
}

static JsonObject *object_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static bool down_member(JsonObject *object, const char *path, bool *down, GError **error)
{
    JsonNode *node = json_object_get_member(object, "down");
    bool is_bool =
        node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN;
    *down = is_bool && json_node_get_boolean(node);
    return is_bool || wrong(error, path, "\"down\" to be true or false");
}

/* {"type": "qcode", "data": "a"} or {"type": "number", "data": 30}; 0 with ERROR for others. */
static unsigned read_key(JsonObject *object, const char *path, GError **error)
{
    const char *type = object ? text_member(object, "type") : "";
    unsigned code = 0;
    if (strcmp(type, "qcode") == 0) {
        code = key_of_name(text_member(object, "data"));
    } else if (strcmp(type, "number") == 0) {
        code = key_of_number((uint64_t)number_member(object, "data"));
    } else {
        wrong(error, path, "a key like {\"type\": \"qcode\", \"data\": \"a\"}");
        return 0;
    }
    if (!code) {
        g_autofree char *expected = g_strdup_printf("a key that exists, not the %s '%s'", type,
                                                    text_member(object, "data"));
        wrong(error, path, expected);
    }
    return code;
}

static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* --- send-key --------------------------------------------------------------------------------- */

typedef struct {
    ApiRequest *request;
    const InputPort *port;
    unsigned code[INPUT_GROUP_MAX];
    unsigned count;
    guint timer;
} Chord;

static bool post_chord(const Chord *chord, bool down, GError **error)
{
    InputGroup group;
    input_group_init(&group, chord->port);
    bool good = true;
    for (unsigned i = 0; i < chord->count && good; i++) {
        unsigned which = down ? i : chord->count - 1 - i;
        good = input_group_key(&group, chord->code[which], down, error);
    }
    return good && input_group_post(&group, error);
}

static gboolean release_chord(gpointer data)
{
    Chord *chord = data;
    GError *error = NULL;
    if (post_chord(chord, false, &error)) {
        api_request_reply(chord->request, NULL);
    } else {
        fail(chord->request, error);
    }
    g_free(chord);
    return G_SOURCE_REMOVE;
}

/* The client goes: its keys come up. */
static void cancel_chord(ApiRequest *request, gpointer data)
{
    Chord *chord = data;
    g_source_remove(chord->timer);
    post_chord(chord, false, NULL);
    g_free(chord);
    api_request_reply(request, NULL);
}

static bool read_chord(Chord *chord, JsonNode *const *keys, gsize count, GError **error)
{
    if (count == 0 || count >= INPUT_GROUP_MAX) {
        return wrong(error, "keys", "1 to 31 keys");
    }
    for (gsize i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("keys[%" G_GSIZE_FORMAT "]", i);
        chord->code[i] = read_key(json_node_get_object(keys[i]), path, error);
        if (!chord->code[i]) {
            return false;
        }
    }
    chord->count = (unsigned)count;
    return true;
}

void cmd_send_key(ApiRequest *request, const SendKeyArgs *arguments)
{
    GError *error = NULL;
    Chord *chord = g_new0(Chord, 1);
    chord->request = request;
    chord->port = &worker_of_request(request)->input;
    if (!read_chord(chord, arguments->keys, arguments->keys_count, &error) ||
        !post_chord(chord, true, &error)) {
        fail(request, error);
        g_free(chord);
        return;
    }
    guint hold = arguments->has_hold_time ? (guint)arguments->hold_time : HOLD_MS;
    chord->timer = g_timeout_add(hold, release_chord, chord);
    api_request_on_cancel(request, cancel_chord, chord);
}

/* --- input-send-event ------------------------------------------------------------------------- */

static bool add_key(InputGroup *group, JsonObject *data, const char *path, GError **error)
{
    bool down;
    g_autofree char *key_path = g_strdup_printf("%s.data.key", path);
    unsigned code = read_key(object_member(data, "key"), key_path, error);
    return code && down_member(data, path, &down, error) &&
           input_group_key(group, code, down, error);
}

static bool add_button(InputGroup *group, JsonObject *data, const char *path, GError **error)
{
    static const char *const names[] = { "left",        "middle", "right", "wheel-up",
                                         "wheel-down",  "side",   "extra", "wheel-left",
                                         "wheel-right", NULL };
    bool down;
    int button = index_of(names, text_member(data, "button"));
    if (button < 0) {
        return wrong(error, path,
                     "\"button\" to be left, middle, right, wheel-up, wheel-down, "
                     "side, extra, wheel-left or wheel-right");
    }
    return down_member(data, path, &down, error) &&
           input_group_button(group, (InputButton)button, down, error);
}

static bool add_movement(InputGroup *group, JsonObject *data, bool is_absolute, const char *path,
                         GError **error)
{
    static const char *const names[] = { "x", "y", NULL };
    int axis = index_of(names, text_member(data, "axis"));
    gint64 value = number_member(data, "value");
    if (axis < 0) {
        return wrong(error, path, "\"axis\" to be x or y");
    }
    if (value < (is_absolute ? 0 : -REL_MAX) || value > REL_MAX) {
        return wrong(error, path,
                     is_absolute ? "\"value\" to be from 0 to 32767"
                                 : "\"value\" to be from -32767 to 32767");
    }
    return is_absolute ? input_group_absolute(group, (InputAxis)axis, (int32_t)value, error)
                       : input_group_relative(group, (InputAxis)axis, (int32_t)value, error);
}

static bool add_event(InputGroup *group, JsonObject *event, const char *path, GError **error)
{
    static const char *const types[] = { "key", "btn", "rel", "abs", NULL };
    JsonObject *data = object_member(event, "data");
    int type = data ? index_of(types, text_member(event, "type")) : -1;
    switch (type) {
    case 0: return add_key(group, data, path, error);
    case 1: return add_button(group, data, path, error);
    case 2:
    case 3: return add_movement(group, data, type == 3, path, error);
    default: return wrong(error, path, "\"type\" to be key, btn, rel or abs, and \"data\"");
    }
}

void cmd_input_send_event(ApiRequest *request, const InputSendEventArgs *arguments)
{
    GError *error = NULL;
    InputGroup group;
    bool good = true;
    input_group_init(&group, &worker_of_request(request)->input);
    for (gsize i = 0; i < arguments->events_count && good; i++) {
        g_autofree char *path = g_strdup_printf("events[%" G_GSIZE_FORMAT "]", i);
        good = add_event(&group, json_node_get_object(arguments->events[i]), path, &error);
    }
    if (good && input_group_post(&group, &error)) {
        api_request_reply(request, NULL);
    } else {
        fail(request, error);
    }
}

/* --- type-text -------------------------------------------------------------------------------- */

void type_on_keyboard(ApiRequest *request, const TypeTextArgs *arguments)
{
    GError *error = NULL;
    Worker *worker = worker_of_request(request);
    const Keymap *keymap = arguments->has_keymap ? keymap_find(arguments->keymap) : worker->keymap;
    if (!keymap) {
        g_autofree char *names = keymap_names();
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameter 'keymap' expects one of %s, not '%s'", names,
                              arguments->keymap);
    } else if (g_utf8_strlen(arguments->text, -1) > TEXT_MAX) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameter 'text' has more than %d characters; type it in parts",
                              TEXT_MAX);
    } else if (input_type_text(&worker->input, keymap, arguments->text, &error)) {
        api_request_reply(request, NULL);
    } else {
        fail(request, error);
    }
}
