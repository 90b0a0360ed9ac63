/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/json-writer.h"

#include "api/json-reader.h"

#include <math.h>
#include <string.h>

static void append_unit(GString *out, gunichar c)
{
    if (c >= 0x10000) {
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        g_string_append_printf(out, "\\u%04X", c);
    }
}

static const char *append_escaped(GString *out, const char *p)
{
    static const char values[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
    const char *value = strchr(values, *p);
    if (value) {
        g_string_append_printf(out, "\\%c", names[value - values]);
        return p + 1;
    }
    if (strncmp(p, "\xc0\x80", 2) == 0) { /* U+0000, see json-reader.h */
        g_string_append(out, "\\u0000");
        return p + 2;
    }
    gunichar c = g_utf8_get_char_validated(p, -1);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
        g_string_append(out, "\\uFFFD");
        return p + 1;
    }
    append_unit(out, c);
    return g_utf8_next_char(p);
}

static void append_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p;) {
        if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
            g_string_append_c(out, *p++);
        } else {
            p = append_escaped(out, p);
        }
    }
    g_string_append_c(out, '"');
}

static void append_value(GString *out, JsonNode *node)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN:
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
        break;
    case G_TYPE_INT64:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, json_node_get_int(node));
        break;
    case G_TYPE_DOUBLE: {
        double value = json_node_get_double(node);
        g_string_append(out,
                        isfinite(value) ? g_ascii_dtostr(number, sizeof(number), value) : "null");
        break;
    }
    default:
        if (json_number_text(node)) {
            g_string_append(out, json_number_text(node));
        } else {
            append_string(out, json_node_get_string(node));
        }
    }
}

static void append_object(GString *out, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name, *separator = "";
    JsonNode *value;
    g_string_append_c(out, '{');
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_string_append(out, separator);
        append_string(out, name);
        g_string_append(out, ": ");
        api_json_append(out, value);
        separator = ", ";
    }
    g_string_append_c(out, '}');
}

static void append_array(GString *out, JsonArray *array)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_string_append(out, i ? ", " : "");
        api_json_append(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
}

void api_json_append(GString *out, JsonNode *node)
{
    if (!node || JSON_NODE_HOLDS_NULL(node)) {
        g_string_append(out, "null");
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        append_object(out, json_node_get_object(node));
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        append_array(out, json_node_get_array(node));
    } else {
        append_value(out, node);
    }
}

char *api_json_to_line(JsonNode *node)
{
    GString *out = g_string_new(NULL);
    api_json_append(out, node);
    return g_string_free(out, FALSE);
}
