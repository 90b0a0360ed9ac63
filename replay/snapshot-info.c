/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot's file says about it, in front of all else. */
#include <string.h>

#include "replay/manifest.h"
#include "replay/snapshot-internal.h"

#define TEXT_MAX (1u << 20)
#define LIST_MAX 65536u

static void clear_version(gpointer data)
{
    g_free((char *)((RecordingVersion *)data)->name);
}

static void clear_file(gpointer data)
{
    g_free(((ManifestFile *)data)->name);
    g_free(((ManifestFile *)data)->sha256);
}

SnapshotInfo *snapshot_info_new(const char *name)
{
    SnapshotInfo *info = g_new0(SnapshotInfo, 1);
    info->name = g_strdup(name);
    info->versions = g_array_new(FALSE, TRUE, sizeof(RecordingVersion));
    g_array_set_clear_func(info->versions, clear_version);
    info->references = g_array_new(FALSE, TRUE, sizeof(ManifestFile));
    g_array_set_clear_func(info->references, clear_file);
    info->packs = g_ptr_array_new_with_free_func(g_free);
    return info;
}

void snapshot_info_free(SnapshotInfo *info)
{
    if (!info)
        return;
    g_free(info->name);
    g_free(info->parent);
    g_free(info->definition);
    g_free(info->program);
    g_free(info->tie.recording);
    g_free(info->damage);
    g_array_unref(info->versions);
    g_array_unref(info->references);
    g_ptr_array_unref(info->packs);
    g_free(info);
}

gboolean snapshot_name_is_valid(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    gsize length = strlen(name);
    return g_ascii_isalnum(*name) && length <= 64 && strspn(name, rest) == length;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* NULL is the empty text. */
static void put_text(StateWriter *writer, const char *text)
{
    gsize length = text ? strlen(text) : 0;
    state_writer_u32(writer, (guint32)length);
    state_writer_bytes(writer, text, length);
}

static void put_position(StateWriter *writer, const Position *position)
{
    state_writer_u64(writer, position->icount);
    state_writer_u64(writer, position->virtual_ns);
    state_writer_u32(writer, position->sequence);
}

static void put_tie(StateWriter *writer, const SnapshotTie *tie)
{
    state_writer_u32(writer, tie->mode);
    put_text(writer, tie->recording);
    state_writer_u64(writer, tie->prefix.events);
    state_writer_bytes(writer, tie->prefix.digest.bytes, DIGEST_SIZE);
}

static void put_lists(StateWriter *writer, const SnapshotInfo *info)
{
    state_writer_u32(writer, info->versions->len);
    for (guint i = 0; i < info->versions->len; i++) {
        const RecordingVersion *version = &g_array_index(info->versions, RecordingVersion, i);
        put_text(writer, version->name);
        state_writer_u32(writer, version->version);
    }
    state_writer_u32(writer, info->references->len);
    for (guint i = 0; i < info->references->len; i++) {
        const ManifestFile *file = &g_array_index(info->references, ManifestFile, i);
        put_text(writer, file->name);
        put_text(writer, file->sha256);
        state_writer_u64(writer, file->size);
    }
    state_writer_u32(writer, info->packs->len);
    for (guint i = 0; i < info->packs->len; i++)
        put_text(writer, g_ptr_array_index(info->packs, i));
}

void snapshot_info_put(StateWriter *writer, const SnapshotInfo *info)
{
    put_text(writer, info->name);
    put_text(writer, info->id);
    put_text(writer, info->parent_id);
    put_text(writer, info->parent);
    put_text(writer, info->definition);
    put_text(writer, info->program);
    state_writer_u64(writer, (guint64)info->time_us);
    put_position(writer, &info->position);
    put_tie(writer, &info->tie);
    put_lists(writer, info);
    state_writer_u64(writer, info->pages);
    state_writer_u64(writer, info->file_bytes);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The caller frees it; "" after an error. */
static char *get_text(StateReader *reader, guint32 limit)
{
    guint32 length = state_reader_u32(reader);
    if (length > limit) {
        state_reader_fail(reader, "a text of %u bytes, where %u are the most", length, limit);
        length = 0;
    }
    char *text = g_malloc0((gsize)length + 1);
    state_reader_bytes(reader, text, length);
    if (strlen(text) != length)
        state_reader_fail(reader, "a text with a zero byte");
    return text;
}

static char *get_text_or_null(StateReader *reader, guint32 limit)
{
    char *text = get_text(reader, limit);
    if (!*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static void get_id(StateReader *reader, char *id, gsize size)
{
    g_autofree char *text = get_text(reader, (guint32)size - 1);
    if (strspn(text, "0123456789abcdef") != strlen(text))
        state_reader_fail(reader, "an identity that is no hexadecimal number");
    g_strlcpy(id, text, size);
}

static void get_position(StateReader *reader, Position *position)
{
    position->icount = state_reader_u64(reader);
    position->virtual_ns = state_reader_u64(reader);
    position->sequence = state_reader_u32(reader);
}

static void get_tie(StateReader *reader, SnapshotTie *tie)
{
    guint32 mode = state_reader_u32(reader);
    if (mode > REPLAY_PLAY)
        state_reader_fail(reader, "there is no mode %u", mode);
    tie->mode = (ReplayMode)mode;
    tie->recording = get_text_or_null(reader, 255);
    tie->prefix.events = state_reader_u64(reader);
    state_reader_bytes(reader, tie->prefix.digest.bytes, DIGEST_SIZE);
}

static guint32 get_count(StateReader *reader)
{
    guint32 count = state_reader_u32(reader);
    if (count > LIST_MAX)
        state_reader_fail(reader, "a list of %u, where %u are the most", count, LIST_MAX);
    return state_reader_failed(reader) ? 0 : count;
}

static void get_lists(StateReader *reader, SnapshotInfo *info)
{
    for (guint32 n = get_count(reader); n > 0 && !state_reader_failed(reader); n--) {
        char *name = get_text(reader, 255);
        RecordingVersion version = { name, state_reader_u32(reader) };
        g_array_append_val(info->versions, version);
    }
    for (guint32 n = get_count(reader); n > 0 && !state_reader_failed(reader); n--) {
        ManifestFile file = { .name = get_text(reader, 255), .sha256 = get_text(reader, 64) };
        file.size = state_reader_u64(reader);
        g_array_append_val(info->references, file);
    }
    for (guint32 n = get_count(reader); n > 0 && !state_reader_failed(reader); n--) {
        char pack[PACK_NAME_SIZE];
        get_id(reader, pack, sizeof pack);
        g_ptr_array_add(info->packs, g_strdup(pack));
    }
}

gboolean snapshot_info_get(StateReader *reader, SnapshotInfo *info, GError **error)
{
    g_autofree char *name = get_text(reader, 64);
    if (strcmp(name, info->name) != 0)
        state_reader_fail(reader, "it is the snapshot '%s', renamed", name);
    get_id(reader, info->id, sizeof info->id);
    get_id(reader, info->parent_id, sizeof info->parent_id);
    info->parent = get_text_or_null(reader, 64);
    info->definition = get_text(reader, TEXT_MAX);
    info->program = get_text(reader, 255);
    info->time_us = (gint64)state_reader_u64(reader);
    get_position(reader, &info->position);
    get_tie(reader, &info->tie);
    get_lists(reader, info);
    info->pages = state_reader_u64(reader);
    info->file_bytes = state_reader_u64(reader);
    return state_reader_check(reader, error);
}
