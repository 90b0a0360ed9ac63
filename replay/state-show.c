/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * States for people: what differs between two of them, and what is in one.
 */
#include "replay/state-internal.h"

#include <string.h>

static char *element_to_text(const StateField *field, const guint8 *element)
{
    if (field->kind == STATE_KIND_VECTOR) {
        StateVector vector = state_element_vector(element);

        return g_strdup_printf("0x%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                               vector.high, vector.low);
    }

    guint64 value = state_element_integer(field, element);

    if (field->kind == STATE_KIND_BOOL) {
        return g_strdup(value ? "true" : "false");
    }
    if (state_field_is_signed(field)) {
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)value);
    }
    return g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);
}

/* --- compare -------------------------------------------------------------- */

typedef struct Comparison {
    StateDifference difference;
    gpointer user;
    guint64 count;
} Comparison;

static void compare_table(Comparison *comparison, const StateTable *table, const char *prefix,
                          const void *a, const void *b);

static char *element_path(const StateField *field, const char *prefix, guint index)
{
    return field->count > 1 ? g_strdup_printf("%s%s[%u]", prefix, field->name, index)
                            : g_strconcat(prefix, field->name, NULL);
}

static void compare_element(Comparison *comparison, const StateField *field, const char *prefix,
                            guint index, const guint8 *a, const guint8 *b)
{
    if (field->kind != STATE_KIND_STRUCT && memcmp(a, b, field->size) == 0) {
        return;
    }

    g_autofree char *path = element_path(field, prefix, index);

    if (field->kind == STATE_KIND_STRUCT) {
        g_autofree char *inner = g_strconcat(path, ".", NULL);

        compare_table(comparison, field->table, inner, a, b);
        return;
    }
    comparison->count++;
    if (comparison->difference) {
        g_autofree char *text_a = element_to_text(field, a);
        g_autofree char *text_b = element_to_text(field, b);

        comparison->difference(comparison->user, path, text_a, text_b);
    }
}

static void compare_table(Comparison *comparison, const StateTable *table, const char *prefix,
                          const void *a, const void *b)
{
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        for (guint i = 0; state_field_is_stored(field) && i < field->count; i++) {
            compare_element(comparison, field, prefix, i, state_field_element_const(field, a, i),
                            state_field_element_const(field, b, i));
        }
    }
}

guint64 state_compare(const StateTable *table, const void *a, const void *b,
                      StateDifference difference, gpointer user)
{
    Comparison comparison = { .difference = difference, .user = user };

    compare_table(&comparison, table, "", a, b);
    return comparison.count;
}

static void keep_first(gpointer user, const char *path, const char *a, const char *b)
{
    char **first = user;

    if (!*first) {
        *first = g_strdup_printf("%s: %s, %s", path, a, b);
    }
}

char *state_compare_first(const StateTable *table, const void *a, const void *b)
{
    char *first = NULL;

    state_compare(table, a, b, keep_first, &first);
    return first;
}

/* --- dump ----------------------------------------------------------------- */

static void dump_bytes(const guint8 *data, gsize length, GString *out)
{
    g_string_append_c(out, '"');
    for (gsize i = 0; i < length; i++) {
        g_string_append_printf(out, "%02x", data[i]);
    }
    g_string_append_c(out, '"');
}

static void dump_element(const StateField *field, const guint8 *element, GString *out)
{
    StateVector vector;

    switch (field->kind) {
    case STATE_KIND_STRUCT: state_dump(field->table, element, out); break;
    case STATE_KIND_BOOL: g_string_append(out, *element ? "true" : "false"); break;
    case STATE_KIND_VECTOR:
        vector = state_element_vector(element);
        g_string_append_printf(out, "\"%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x\"",
                               vector.high, vector.low);
        break;
    case STATE_KIND_U64:
        g_string_append_printf(out, "\"0x%" G_GINT64_MODIFIER "x\"",
                               state_element_integer(field, element));
        break;
    case STATE_KIND_I64:
        g_string_append_printf(out, "\"%" G_GINT64_FORMAT "\"",
                               (gint64)state_element_integer(field, element));
        break;
    default:
        g_string_append_printf(out, "%" G_GINT64_FORMAT,
                               (gint64)state_element_integer(field, element));
        break;
    }
}

static void dump_field(const StateField *field, const void *state, GString *out)
{
    g_string_append_printf(out, "\"%s\": ", field->name);
    if (field->kind == STATE_KIND_BYTES) {
        dump_bytes(state_field_element_const(field, state, 0), field->count, out);
        return;
    }
    if (field->count > 1) {
        g_string_append_c(out, '[');
    }
    for (guint i = 0; i < field->count; i++) {
        g_string_append(out, i ? ", " : "");
        dump_element(field, state_field_element_const(field, state, i), out);
    }
    if (field->count > 1) {
        g_string_append_c(out, ']');
    }
}

void state_dump(const StateTable *table, const void *state, GString *out)
{
    gboolean first = TRUE;

    g_string_append_c(out, '{');
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        if (state_field_is_stored(field)) {
            g_string_append(out, first ? "" : ", ");
            dump_field(field, state, out);
            first = FALSE;
        }
    }
    g_string_append_c(out, '}');
}
