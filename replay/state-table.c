/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be asked of a table itself: is it complete, what is in it, what if a row were missing.
 */
#include "replay/state-internal.h"

#include <string.h>

#define POISON 0xA5

const char *state_kind_name(StateKind kind)
{
    switch (kind) {
    case STATE_KIND_U8: return "u8";
    case STATE_KIND_U16: return "u16";
    case STATE_KIND_U32: return "u32";
    case STATE_KIND_U64: return "u64";
    case STATE_KIND_I8: return "i8";
    case STATE_KIND_I16: return "i16";
    case STATE_KIND_I32: return "i32";
    case STATE_KIND_I64: return "i64";
    case STATE_KIND_BOOL: return "bool";
    case STATE_KIND_BYTES: return "bytes";
    case STATE_KIND_VECTOR: return "vector";
    case STATE_KIND_STRUCT: return "struct";
    case STATE_KIND_TRANSIENT: return "transient";
    case STATE_KIND_WIRING: return "wiring";
    case STATE_KIND_PADDING: return "padding";
    default: return "unknown";
    }
}

/* --- coverage ------------------------------------------------------------- */

static gboolean fail(GError **error, const StateTable *table, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean fail(GError **error, const StateTable *table, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);

    g_autofree char *text = g_strdup_vprintf(format, arguments);

    va_end(arguments);
    g_set_error(error, STATE_ERROR, STATE_ERROR_TABLE, "table %s: %s",
                table->name ? table->name : "(null)", text);
    return FALSE;
}

static gboolean check_name(const StateTable *table, const StateField *field, GError **error)
{
    if (!field->name || !*field->name || strlen(field->name) > G_MAXUINT8) {
        return fail(error, table, "a row at offset %u has no usable name", field->offset);
    }
    for (const StateField *other = table->fields; other < field; other++) {
        if (strcmp(other->name, field->name) == 0) {
            return fail(error, table, "two rows are called %s", field->name);
        }
    }
    return TRUE;
}

static gboolean check_element(const StateTable *table, const StateField *field, GError **error)
{
    static const guint8 sizes[] = {
        [STATE_KIND_U8] = 1,    [STATE_KIND_U16] = 2,     [STATE_KIND_U32] = 4,
        [STATE_KIND_U64] = 8,   [STATE_KIND_I8] = 1,      [STATE_KIND_I16] = 2,
        [STATE_KIND_I32] = 4,   [STATE_KIND_I64] = 8,     [STATE_KIND_BOOL] = 1,
        [STATE_KIND_BYTES] = 1, [STATE_KIND_VECTOR] = 16,
    };

    if (field->kind != STATE_KIND_STRUCT) {
        return !state_field_is_stored(field) || field->size == sizes[field->kind] ||
               fail(error, table, "row %s has a size of %u bytes", field->name, field->size);
    }
    if (!field->table) {
        return fail(error, table, "row %s has no table", field->name);
    }
    if (field->table->size != field->size) {
        return fail(error, table,
                    "row %s has elements of %u bytes, its table %s describes %" G_GSIZE_FORMAT,
                    field->name, field->size, field->table->name, field->table->size);
    }
    return state_table_check(field->table, error);
}

/* Marks the bytes of FIELD in OWNERS, which holds the number of the row that owns each byte. */
static gboolean claim_bytes(const StateTable *table, const StateField *field, guint16 *owners,
                            GError **error)
{
    guint16 number = field - table->fields + 1;
    gsize length = (gsize)field->size * field->count;

    if (field->offset > table->size || length > table->size - field->offset) {
        return fail(error, table, "row %s reaches beyond the struct", field->name);
    }
    for (gsize i = field->offset; i < field->offset + length; i++) {
        if (owners[i]) {
            return fail(error, table, "rows %s and %s both claim byte %" G_GSIZE_FORMAT,
                        table->fields[owners[i] - 1].name, field->name, i);
        }
        owners[i] = number;
    }
    return TRUE;
}

static gboolean check_tiling(const StateTable *table, const guint16 *owners, GError **error)
{
    for (gsize i = 0; i < table->size; i++) {
        if (!owners[i]) {
            gsize end = i;

            while (end < table->size && !owners[end]) {
                end++;
            }
            return fail(error, table,
                        "no row for bytes %" G_GSIZE_FORMAT "..%" G_GSIZE_FORMAT " (after %s)", i,
                        end - 1, i ? table->fields[owners[i - 1] - 1].name : "the start");
        }
    }
    return TRUE;
}

gboolean state_table_check(const StateTable *table, GError **error)
{
    g_autofree guint16 *owners = g_new0(guint16, table->size + 1);

    if (!table->name || !*table->name || strlen(table->name) > G_MAXUINT8) {
        return fail(error, table, "it has no usable name");
    }
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        if (!check_name(table, field, error) || !check_element(table, field, error) ||
            !claim_bytes(table, field, owners, error)) {
            return FALSE;
        }
    }
    return check_tiling(table, owners, error);
}

/* --- poison --------------------------------------------------------------- */

/* Saves the bytes that stay, poisons all, puts them back: bytes without a row are poisoned too. */
static void restore_rows(const StateTable *table, void *state, const guint8 *copy)
{
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        gsize length = (gsize)field->size * field->count;

        if (field->kind == STATE_KIND_STRUCT) {
            for (guint i = 0; i < field->count; i++) {
                restore_rows(field->table, state_field_element(field, state, i),
                             copy + field->offset + (gsize)i * field->size);
            }
        } else if (state_field_is_stored(field) || field->kind == STATE_KIND_WIRING) {
            memcpy(state_field_element(field, state, 0), copy + field->offset, length);
        }
    }
}

void state_poison(const StateTable *table, void *state)
{
    g_autofree guint8 *copy = g_memdup2(state, table->size);

    memset(state, POISON, table->size);
    restore_rows(table, state, copy);
}

/* --- tables without a row ------------------------------------------------- */

static guint count_rows(const StateTable *table)
{
    guint rows = 0;

    while (table->fields[rows].kind != STATE_KIND_DONE) {
        rows++;
    }
    return rows;
}

StateTable *state_table_without(const StateTable *table, guint row)
{
    guint rows = count_rows(table);
    g_autofree StateField *fields = g_memdup2(table->fields, (rows + 1) * sizeof(StateField));

    for (guint i = 0; i < rows; i++) {
        if (!state_field_is_stored(&fields[i]) || row-- != 0) {
            continue;
        }

        StateTable *copy = g_memdup2(table, sizeof(*table));

        fields[i].kind = STATE_KIND_TRANSIENT;
        fields[i].size *= fields[i].count;
        fields[i].count = 1;
        copy->fields = g_steal_pointer(&fields);
        return copy;
    }
    return NULL;
}

void state_table_free(StateTable *table)
{
    if (table) {
        g_free((gpointer)table->fields);
        g_free(table);
    }
}

/* --- description ---------------------------------------------------------- */

static void describe(const StateTable *table, const char *prefix, GString *out)
{
    for (const StateField *field = table->fields; field->kind != STATE_KIND_DONE; field++) {
        g_autofree char *path =
            g_strdup_printf("%s%s%s", prefix, field->name, field->count > 1 ? "[]" : "");

        if (field->kind == STATE_KIND_PADDING) {
            continue;
        }
        g_string_append_printf(out, "| `%s` | %s | %u | %s |\n", path, state_kind_name(field->kind),
                               field->count, field->doc ? field->doc : "");
        if (field->kind == STATE_KIND_STRUCT) {
            g_autofree char *inner = g_strconcat(path, ".", NULL);

            describe(field->table, inner, out);
        }
    }
}

void state_describe(const StateTable *table, GString *out)
{
    g_string_append(out, "| field | kind | count | meaning |\n|---|---|---|---|\n");
    describe(table, "", out);
}
