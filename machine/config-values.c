/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Readers of values, objects and arrays: what the files of a definition's members are made of. */

#include "machine/config-internal.h"

#include <string.h>

bool config_wrong_value(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE, text);
    return false;
}

/* Values */

static char *show(JsonNode *node)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    json_generator_set_root(generator, node);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    return g_strdup_printf("%.60s%s", text, strlen(text) > 60 ? "..." : "");
}

bool config_wrong_type(const char *path, JsonNode *node, const char *expected, GError **error)
{
    g_autofree char *shown = show(node);
    return config_wrong_value(error, "%s is %s, expected %s", path, shown, expected);
}

bool config_holds(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

bool config_take_text(const char *path, JsonNode *node, char **out, GError **error)
{
    /* Numbers beyond 64 bits come from a strict reader as text that is not UTF-8. */
    if (!config_holds(node, G_TYPE_STRING) ||
        !g_utf8_validate(json_node_get_string(node), -1, NULL)) {
        return config_wrong_type(path, node, "a text", error);
    }
    g_free(*out);
    *out = json_node_dup_string(node);
    return true;
}

bool config_take_bool(const char *path, JsonNode *node, bool *out, GError **error)
{
    if (!config_holds(node, G_TYPE_BOOLEAN)) {
        return config_wrong_type(path, node, "true or false", error);
    }
    *out = json_node_get_boolean(node);
    return true;
}

bool config_take_choice(const char *path, JsonNode *node, const char *const *choices, unsigned *out,
                        GError **error)
{
    g_autofree char *list = g_strjoinv("\", \"", (char **)choices);
    g_autofree char *expected = g_strdup_printf("%s\"%s\"", choices[1] ? "one of " : "", list);
    if (!config_holds(node, G_TYPE_STRING)) {
        return config_wrong_type(path, node, expected, error);
    }
    for (unsigned i = 0; choices[i]; i++) {
        if (strcmp(choices[i], json_node_get_string(node)) == 0) {
            *out = i;
            return true;
        }
    }
    return config_wrong_type(path, node, expected, error);
}

/* An integer from LOW to HIGH that is a multiple of STEP. */
bool config_take_number(const char *path, JsonNode *node, unsigned low, unsigned high,
                        unsigned step, unsigned *out, GError **error)
{
    gint64 value = config_holds(node, G_TYPE_INT64) ? json_node_get_int(node) : -1;
    if (value < low || value > high || value % step) {
        g_autofree char *multiple = step > 1 ? g_strdup_printf(", a multiple of %u", step) : NULL;
        g_autofree char *expected =
            g_strdup_printf("an integer from %u to %u%s", low, high, multiple ? multiple : "");
        return config_wrong_type(path, node, expected, error);
    }
    *out = (unsigned)value;
    return true;
}

/* Objects and arrays */

bool config_take_object(const char *path, JsonNode *node, const ConfigRow *rows, void *target,
                        GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return config_wrong_type(*path ? path : "the machine definition", node, "an object", error);
    }
    JsonObject *object = json_node_get_object(node);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_autofree char *member = g_strdup_printf("%s%s%s", path, *path ? "." : "", name);
        const ConfigRow *row = rows;
        while (row->name && strcmp(row->name, name) != 0) {
            row++;
        }
        if (!row->name) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_MEMBER,
                        "%s is not a member of a machine definition", member);
            return false;
        }
        if (!row->take(member, value, target, error)) {
            return false;
        }
    }
    for (const ConfigRow *row = rows; row->name; row++) {
        if (row->required && !json_object_has_member(object, row->name)) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_MEMBER,
                        "%s%s%s is missing", path, *path ? "." : "", row->name);
            return false;
        }
    }
    return true;
}

bool config_take_array(const char *path, JsonNode *node, const ConfigRow *rows, void *elements,
                       size_t element_size, unsigned maximum, unsigned *count, GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return config_wrong_type(path, node, "an array", error);
    }
    JsonArray *array = json_node_get_array(node);
    guint length = json_array_get_length(array);
    if (length > maximum) {
        return config_wrong_value(error, "%s has %u elements, at most %u are possible", path,
                                  length, maximum);
    }
    *count = 0;
    for (guint i = 0; i < length; i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", path, i);
        *count = i + 1;
        if (!config_take_object(element, json_array_get_element(array, i), rows,
                                (char *)elements + i * element_size, error)) {
            return false;
        }
    }
    return true;
}

bool config_take_id(const char *path, JsonNode *node, char **out, GError **error)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (!config_take_text(path, node, out, error)) {
        return false;
    }
    size_t length = strlen(*out);
    if (!g_ascii_isalpha(**out) || length > 32 || strspn(*out, rest) != length) {
        return config_wrong_type(
            path, node, "up to 32 letters, digits, '_' and '-', beginning with a letter", error);
    }
    return true;
}

bool config_take_path(const char *path, JsonNode *node, char **out, GError **error)
{
    if (!config_take_text(path, node, out, error)) {
        return false;
    }
    return **out ? true : config_wrong_type(path, node, "the path of a file", error);
}

void config_add_member(JsonBuilder *b, const char *name, const char *value)
{
    json_builder_add_string_value(json_builder_set_member_name(b, name), value);
}
