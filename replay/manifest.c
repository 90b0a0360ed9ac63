/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/manifest.h"
#include "replay/part.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define DEPTH_MAX 32

static void file_clear(gpointer data)
{
    ManifestFile *file = data;

    g_free(file->name);
    g_free(file->sha256);
}

static void version_clear(gpointer data)
{
    g_free((char *)((RecordingVersion *)data)->name);
}

static GArray *array_new(gsize size, GDestroyNotify clear)
{
    GArray *array = g_array_new(FALSE, TRUE, size);

    g_array_set_clear_func(array, clear);
    return array;
}

Manifest *manifest_new(void)
{
    Manifest *manifest = g_new0(Manifest, 1);

    manifest->log_version = LOG_VERSION;
    manifest->versions = array_new(sizeof(RecordingVersion), version_clear);
    manifest->parts = array_new(sizeof(ManifestFile), file_clear);
    manifest->references = array_new(sizeof(ManifestFile), file_clear);
    return manifest;
}

void manifest_free(Manifest *manifest)
{
    if (!manifest) {
        return;
    }
    g_free(manifest->definition);
    g_free(manifest->program);
    g_free(manifest->parent);
    g_array_unref(manifest->versions);
    g_array_unref(manifest->parts);
    g_array_unref(manifest->references);
    g_free(manifest);
}

void manifest_add_file(GArray *files, const char *name, const char *sha256, guint64 size)
{
    ManifestFile file = { g_strdup(name), g_strdup(sha256), size };

    g_array_append_val(files, file);
}

const ManifestFile *manifest_find(const GArray *files, const char *name)
{
    for (guint i = 0; i < files->len; i++) {
        const ManifestFile *file = &g_array_index(files, ManifestFile, i);

        if (strcmp(file->name, name) == 0) {
            return file;
        }
    }
    return NULL;
}

/* --- JSON ----------------------------------------------------------------- */

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean fail(GError **error, const char *format, ...)
{
    va_list arguments;

    if (error) {
        va_start(arguments, format);
        *error = g_error_new_valist(REPLAY_ERROR, REPLAY_ERROR_DAMAGED, format, arguments);
        va_end(arguments);
    }
    return FALSE;
}

/* json-glib recurses as deep as its input says, and takes comments: look before it does. */
static gboolean check_depth(const char *text, const char *what, GError **error)
{
    guint depth = 0;
    gboolean in_string = FALSE;

    for (const char *at = text; *at; at++) {
        if (in_string) {
            if (*at == '\\' && at[1]) {
                at++;
            } else if (*at == '"') {
                in_string = FALSE;
            }
        } else if (*at == '"') {
            in_string = TRUE;
        } else if (*at == '/') {
            return fail(error, "%s: a comment at byte %td; JSON has none", what, at - text);
        } else if (*at == '{' || *at == '[') {
            if (++depth > DEPTH_MAX) {
                return fail(error, "%s: deeper than %d levels at byte %td", what, DEPTH_MAX,
                            at - text);
            }
        } else if ((*at == '}' || *at == ']') && depth) {
            depth--;
        }
    }
    return TRUE;
}

/* An object, owned by the caller; WHAT names the file in errors. */
static JsonObject *parse_object(const char *text, const char *what, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) reason = NULL;
    JsonNode *root;

    if (!g_utf8_validate(text, -1, NULL)) {
        fail(error, "%s: not UTF-8", what);
        return NULL;
    }
    if (!check_depth(text, what, error)) {
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, -1, &reason)) {
        fail(error, "%s: %s", what, reason->message);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        fail(error, "%s: not a JSON object", what);
        return NULL;
    }
    return json_object_ref(json_node_get_object(root));
}

/* Reading members: the first thing that is wrong is kept, the rest reads as nothing. */
typedef struct Members {
    JsonObject *object;
    const char *path; /* for errors: "manifest.json: start" */
    GError **error;
    gboolean failed;
} Members;

static void members_fail(Members *members, const char *name, const char *why)
{
    if (!members->failed) {
        fail(members->error, "%s.%s: %s", members->path, name, why);
    }
    members->failed = TRUE;
}

static JsonNode *get_member(Members *members, const char *name, GType type)
{
    JsonNode *node = members->failed ? NULL : json_object_get_member(members->object, name);

    if (!node) {
        members_fail(members, name, "is missing");
        return NULL;
    }
    if (json_node_get_value_type(node) != type) {
        members_fail(members, name, "has the wrong type");
        return NULL;
    }
    return node;
}

static const char *get_string(Members *members, const char *name)
{
    JsonNode *node = get_member(members, name, G_TYPE_STRING);

    return node ? json_node_get_string(node) : "";
}

static guint32 get_u32(Members *members, const char *name)
{
    JsonNode *node = get_member(members, name, G_TYPE_INT64);
    gint64 value = node ? json_node_get_int(node) : 0;

    if (value < 0 || value > G_MAXUINT32) {
        members_fail(members, name, "is out of range");
        return 0;
    }
    return value;
}

static guint64 get_u64(Members *members, const char *name)
{
    const char *text = get_string(members, name);
    guint64 value = 0;

    if (!members->failed && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &value, NULL)) {
        members_fail(members, name, "is not a decimal number in quotes");
    }
    return value;
}

static const char *get_sha256(Members *members, const char *name)
{
    const char *text = get_string(members, name);

    if (!members->failed &&
        (strlen(text) != 64 || strspn(text, "0123456789abcdef") != strlen(text))) {
        members_fail(members, name, "is not a SHA-256 of 64 hex digits");
    }
    return text;
}

static void get_position(Members *members, const char *name, Position *position)
{
    JsonNode *node = get_member(members, name, JSON_TYPE_OBJECT);

    if (!node) {
        return;
    }

    g_autofree char *path = g_strdup_printf("%s.%s", members->path, name);
    Members inner = { json_node_get_object(node), path, members->error, FALSE };

    position->icount = get_u64(&inner, "icount");
    position->virtual_ns = get_u64(&inner, "virtual-ns");
    position->sequence = get_u32(&inner, "sequence");
    members->failed = inner.failed;
}

/* --- manifest to text ----------------------------------------------------- */

static void set_u64(JsonObject *object, const char *name, guint64 value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

    json_object_set_string_member(object, name, text);
}

static void set_position(JsonObject *object, const char *name, const Position *position)
{
    JsonObject *inner = json_object_new();

    set_u64(inner, "icount", position->icount);
    set_u64(inner, "virtual-ns", position->virtual_ns);
    json_object_set_int_member(inner, "sequence", position->sequence);
    json_object_set_object_member(object, name, inner);
}

static void set_files(JsonObject *object, const char *name, const GArray *files)
{
    JsonObject *inner = json_object_new();

    for (guint i = 0; i < files->len; i++) {
        const ManifestFile *file = &g_array_index(files, ManifestFile, i);
        JsonObject *row = json_object_new();

        json_object_set_string_member(row, "sha256", file->sha256);
        set_u64(row, "size", file->size);
        json_object_set_object_member(inner, file->name, row);
    }
    json_object_set_object_member(object, name, inner);
}

static void set_versions(JsonObject *object, const GArray *versions)
{
    JsonObject *inner = json_object_new();

    for (guint i = 0; i < versions->len; i++) {
        const RecordingVersion *version = &g_array_index(versions, RecordingVersion, i);

        json_object_set_int_member(inner, version->name, version->version);
    }
    json_object_set_object_member(object, "behaviour", inner);
}

/* Takes OBJECT. */
static char *object_to_text(JsonObject *object)
{
    JsonNode *root = json_node_new(JSON_NODE_OBJECT);
    char *text, *line;

    json_node_take_object(root, object);
    text = json_to_string(root, TRUE);
    json_node_unref(root);
    line = g_strconcat(text, "\n", NULL);
    g_free(text);
    return line;
}

char *manifest_to_text(const Manifest *manifest, GError **error)
{
    JsonObject *definition = parse_object(manifest->definition, "machine definition", error);
    JsonObject *object;

    if (!definition) {
        return NULL;
    }
    object = json_object_new();
    json_object_set_int_member(object, "format", RECORDING_FORMAT);
    json_object_set_string_member(object, "program", manifest->program);
    json_object_set_int_member(object, "log-version", manifest->log_version);
    json_object_set_string_member(object, "sync-level", sync_level_name(manifest->level));
    set_position(object, "start", &manifest->start);
    if (manifest->parent) {
        json_object_set_string_member(object, "parent", manifest->parent);
        set_position(object, "branch", &manifest->branch);
    }
    set_versions(object, manifest->versions);
    set_files(object, "parts", manifest->parts);
    set_files(object, "references", manifest->references);
    json_object_set_object_member(object, "definition", definition);
    return object_to_text(object);
}

/* --- manifest from text --------------------------------------------------- */

static void parse_files(Members *members, const char *name, GArray *files)
{
    JsonNode *node = get_member(members, name, JSON_TYPE_OBJECT);
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;

    if (!node) {
        return;
    }
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &member, &value) && !members->failed) {
        g_autofree char *path = g_strdup_printf("%s.%s.%s", members->path, name, member);

        if (!JSON_NODE_HOLDS_OBJECT(value) || !part_name_is_valid(member)) {
            members_fail(members, name, "has a member that names no file");
            return;
        }

        Members row = { json_node_get_object(value), path, members->error, FALSE };
        const char *sha256 = get_sha256(&row, "sha256");
        guint64 size = get_u64(&row, "size");

        members->failed = row.failed;
        manifest_add_file(files, member, sha256, size);
    }
}

static void parse_versions(Members *members, GArray *versions)
{
    JsonNode *node = get_member(members, "behaviour", JSON_TYPE_OBJECT);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    if (!node) {
        return;
    }

    Members row = { json_node_get_object(node), "manifest.json: behaviour", members->error, FALSE };

    json_object_iter_init_ordered(&iter, row.object);
    while (json_object_iter_next_ordered(&iter, &name, &value) && !row.failed) {
        RecordingVersion version = { g_strdup(name), get_u32(&row, name) };

        g_array_append_val(versions, version);
    }
    members->failed = row.failed;
}

static char *definition_to_text(Members *members)
{
    JsonNode *node = get_member(members, "definition", JSON_TYPE_OBJECT);

    return node ? json_to_string(node, FALSE) : NULL;
}

static void check_format(Members *members, guint32 log_version)
{
    if (!members->failed && log_version != LOG_VERSION) {
        g_autofree char *why = g_strdup_printf("the recording has 0x%08x, this build reads 0x%08x",
                                               log_version, LOG_VERSION);

        members_fail(members, "log-version", why);
    }
}

static gboolean parse_manifest(Manifest *manifest, JsonObject *object, GError **error)
{
    Members members = { object, "manifest.json", error, FALSE };
    guint32 format = get_u32(&members, "format");

    if (!members.failed && format != RECORDING_FORMAT) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_VERSION,
                    "manifest.json.format: the recording has %u, this build reads %u", format,
                    RECORDING_FORMAT);
        return FALSE;
    }
    manifest->program = g_strdup(get_string(&members, "program"));
    manifest->log_version = get_u32(&members, "log-version");
    check_format(&members, manifest->log_version);
    if (!sync_level_parse(get_string(&members, "sync-level"), &manifest->level)) {
        members_fail(&members, "sync-level", "is not minimal, interrupts or full");
    }
    get_position(&members, "start", &manifest->start);
    if (json_object_has_member(object, "parent")) {
        manifest->parent = g_strdup(get_string(&members, "parent"));
        get_position(&members, "branch", &manifest->branch);
    }
    parse_versions(&members, manifest->versions);
    parse_files(&members, "parts", manifest->parts);
    parse_files(&members, "references", manifest->references);
    manifest->definition = definition_to_text(&members);
    return !members.failed;
}

Manifest *manifest_parse(const char *text, GError **error)
{
    g_autoptr(JsonObject) object = parse_object(text, "manifest.json", error);
    g_autoptr(Manifest) manifest = manifest_new();

    if (!object || !parse_manifest(manifest, object, error)) {
        return NULL;
    }
    return g_steal_pointer(&manifest);
}

/* --- seal ----------------------------------------------------------------- */

char *seal_to_text(const Seal *seal)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "manifest", seal->manifest);
    json_object_set_boolean_member(object, "closed", seal->log != NULL);
    if (seal->log) {
        json_object_set_string_member(object, "log", seal->log);
        set_u64(object, "log-size", seal->log_size);
    }
    return object_to_text(object);
}

Seal *seal_parse(const char *text, GError **error)
{
    g_autoptr(JsonObject) object = parse_object(text, "seal", error);
    g_autoptr(Seal) seal = g_new0(Seal, 1);

    if (!object) {
        return NULL;
    }

    Members members = { object, "seal", error, FALSE };
    JsonNode *closed = get_member(&members, "closed", G_TYPE_BOOLEAN);

    seal->manifest = g_strdup(get_sha256(&members, "manifest"));
    if (closed && json_node_get_boolean(closed)) {
        seal->log = g_strdup(get_sha256(&members, "log"));
        seal->log_size = get_u64(&members, "log-size");
    }
    return members.failed ? NULL : g_steal_pointer(&seal);
}

void seal_free(Seal *seal)
{
    if (seal) {
        g_free(seal->manifest);
        g_free(seal->log);
        g_free(seal);
    }
}
