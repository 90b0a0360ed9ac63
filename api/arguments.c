/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/arguments.h"

#include "api/errors.h"
#include "api/json-reader.h"

#include <string.h>

/* How a member is called in a sentence: "disks[0].format". */
typedef struct Path {
    const struct Path *parent;
    const char *name; /* NULL for an element */
    guint index;
} Path;

static void path_append(const Path *path, GString *out)
{
    if (path->parent) {
        path_append(path->parent, out);
    }
    if (path->name) {
        g_string_append_printf(out, "%s%s", path->parent ? "." : "", path->name);
    } else {
        g_string_append_printf(out, "[%u]", path->index);
    }
}

static char *path_text(const Path *path)
{
    GString *out = g_string_new(NULL);
    path_append(path, out);
    return g_string_free(out, FALSE);
}

static bool wrong_type(const Path *path, const char *expected, GError **error)
{
    g_autofree char *name = path_text(path);
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "Invalid parameter type for '%s', expected: %s", name, expected);
    return false;
}

static bool is_value_of(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static bool is_text(JsonNode *node)
{
    return is_value_of(node, G_TYPE_STRING) && !json_number_text(node);
}

static bool parse_int(const ApiMember *member, JsonNode *node, int64_t *out, const Path *path,
                      GError **error)
{
    if (!is_value_of(node, G_TYPE_INT64)) {
        return wrong_type(path, "integer", error);
    }
    int64_t value = json_node_get_int(node);
    if (member->minimum != member->maximum &&
        (value < member->minimum || value > member->maximum)) {
        g_autofree char *name = path_text(path);
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter '%s' expects a value from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                    name, member->minimum, member->maximum);
        return false;
    }
    *out = value;
    return true;
}

static bool parse_number(JsonNode *node, double *out, const Path *path, GError **error)
{
    if (is_value_of(node, G_TYPE_INT64)) {
        *out = (double)json_node_get_int(node);
        return true;
    }
    const char *text = json_number_text(node);
    if (!text) {
        return wrong_type(path, "number", error);
    }
    *out = g_ascii_strtod(text, NULL);
    return true;
}

static bool parse_enum(const ApiMember *member, JsonNode *node, int *out, const Path *path,
                       GError **error)
{
    if (!is_text(node)) {
        return wrong_type(path, "string", error);
    }
    const char *text = json_node_get_string(node);
    for (int i = 0; member->names[i]; i++) {
        if (strcmp(text, member->names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    g_autofree char *name = path_text(path);
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Parameter '%s' does not accept value '%s'",
                name, text);
    return false;
}

static bool parse_struct(const ApiStruct *type, JsonObject *object, void *out, const Path *path,
                         GError **error);

static bool parse_value(const ApiMember *member, JsonNode *node, void *out, const Path *path,
                        GError **error)
{
    switch (member->kind) {
    case API_TYPE_INT: return parse_int(member, node, out, path, error);
    case API_TYPE_NUMBER: return parse_number(node, out, path, error);
    case API_TYPE_ENUM: return parse_enum(member, node, out, path, error);
    case API_TYPE_SIZE: return json_unsigned_get(node, out) || wrong_type(path, "integer", error);
    case API_TYPE_STRUCT:
        return JSON_NODE_HOLDS_OBJECT(node)
                   ? parse_struct(member->members, json_node_get_object(node), out, path, error)
                   : wrong_type(path, "object", error);
    case API_TYPE_BOOL:
        if (!is_value_of(node, G_TYPE_BOOLEAN)) {
            return wrong_type(path, "boolean", error);
        }
        *(bool *)out = json_node_get_boolean(node);
        return true;
    case API_TYPE_STRING:
        if (!is_text(node)) {
            return wrong_type(path, "string", error);
        }
        *(char **)out = json_node_dup_string(node);
        return true;
    case API_TYPE_OBJECT:
        if (!JSON_NODE_HOLDS_OBJECT(node)) {
            return wrong_type(path, "object", error);
        }
        /* fall through */
    case API_TYPE_ANY: *(JsonNode **)out = json_node_copy(node); return true;
    }
    g_assert_not_reached();
}

static gsize value_size(const ApiMember *member)
{
    switch (member->kind) {
    case API_TYPE_BOOL: return sizeof(bool);
    case API_TYPE_ENUM: return sizeof(int);
    case API_TYPE_STRUCT: return member->members->size;
    default: return 8;
    }
}

static bool parse_array(const ApiMember *member, JsonNode *node, char *base, const Path *path,
                        GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return wrong_type(path, "array", error);
    }
    JsonArray *array = json_node_get_array(node);
    guint length = json_array_get_length(array);
    gsize size = value_size(member);
    char *elements = g_malloc0_n(length + 1, size);
    *(char **)(base + member->offset) = elements;
    for (guint i = 0; i < length; i++) {
        Path element = { path, NULL, i };
        /* Counted first: a struct that fails half-way leaves nothing, a zeroed one is harmless. */
        *(gsize *)(base + member->count_offset) = i + 1;
        if (!parse_value(member, json_array_get_element(array, i), elements + i * size, &element,
                         error)) {
            return false;
        }
    }
    return true;
}

static bool find_unexpected(const ApiStruct *type, JsonObject *object, const Path *path,
                            GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        bool known = false;
        for (unsigned i = 0; i < type->member_count; i++) {
            known |= strcmp(type->members[i].name, name) == 0;
        }
        if (!known) {
            g_autofree char *full = path_text(&(Path){ path, name, 0 });
            g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Parameter '%s' is unexpected", full);
            return false;
        }
    }
    return true;
}

static bool parse_member(const ApiMember *member, JsonObject *object, char *base, const Path *path,
                         GError **error)
{
    Path here = { path, member->name, 0 };
    JsonNode *node = object ? json_object_get_member(object, member->name) : NULL;
    if (!node && member->has_offset < 0) {
        g_autofree char *name = path_text(&here);
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Parameter '%s' is missing", name);
        return false;
    }
    if (!node) {
        return true;
    }
    if (member->has_offset >= 0) {
        *(bool *)(base + member->has_offset) = true;
    }
    return member->is_array ? parse_array(member, node, base, &here, error)
                            : parse_value(member, node, base + member->offset, &here, error);
}

static bool parse_struct(const ApiStruct *type, JsonObject *object, void *out, const Path *path,
                         GError **error)
{
    bool good = true;
    for (unsigned i = 0; i < type->member_count && good; i++) {
        good = parse_member(&type->members[i], object, out, path, error);
    }
    good = good && (!object || find_unexpected(type, object, path, error));
    if (!good) {
        api_arguments_clear(type, out);
    }
    return good;
}

bool api_arguments_parse(const ApiStruct *type, JsonObject *object, void *out, GError **error)
{
    return parse_struct(type, object, out, NULL, error);
}

static void clear_value(const ApiMember *member, void *data)
{
    if (member->kind == API_TYPE_STRING) {
        g_free(*(char **)data);
    } else if (member->kind == API_TYPE_STRUCT) {
        api_arguments_clear(member->members, data);
    } else if (member->kind == API_TYPE_OBJECT || member->kind == API_TYPE_ANY) {
        g_clear_pointer((JsonNode **)data, json_node_unref);
    }
}

void api_arguments_clear(const ApiStruct *type, void *data)
{
    char *base = data;
    for (unsigned i = 0; i < type->member_count; i++) {
        const ApiMember *member = &type->members[i];
        if (!member->is_array) {
            clear_value(member, base + member->offset);
            continue;
        }
        char *elements = *(char **)(base + member->offset);
        gsize count = *(gsize *)(base + member->count_offset);
        for (gsize k = 0; k < count; k++) {
            clear_value(member, elements + k * value_size(member));
        }
        g_free(elements);
    }
    memset(data, 0, type->size);
}
