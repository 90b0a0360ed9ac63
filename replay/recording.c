/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/recording.h"
#include "replay/manifest.h"
#include "replay/part.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST "manifest.json"
#define SEAL     "seal"
#define LOG      "log"
#define TEXT_MAX (1u << 20)

struct Recording {
    int directory;
    Manifest *manifest;
    Seal *seal;
    RecordingInfo info; /* points into manifest */
};

void recording_free(Recording *recording)
{
    if (!recording) {
        return;
    }
    if (recording->directory >= 0) {
        close(recording->directory);
    }
    manifest_free(recording->manifest);
    seal_free(recording->seal);
    g_free(recording);
}

static Recording *recording_at(int directory, GError **error)
{
    g_autoptr(Recording) recording = g_new0(Recording, 1);

    recording->directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    if (recording->directory < 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "cannot use the recording's folder: %s",
                    g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&recording);
}

/* --- making --------------------------------------------------------------- */

Recording *recording_new(int directory, GError **error)
{
    g_autoptr(Recording) recording = recording_at(directory, error);

    if (!recording) {
        return NULL;
    }
    if (faccessat(directory, MANIFEST, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(directory, LOG, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                    "there is a recording in this folder already; use another name");
        return NULL;
    }
    recording->manifest = manifest_new();
    return g_steal_pointer(&recording);
}

int recording_directory(const Recording *recording)
{
    return recording->directory;
}

static gboolean write_part(int fd, RecordingWrite write, gpointer user, GError **error)
{
    g_autoptr(PartWriter) part = part_writer_new(fd);
    g_autoptr(StateWriter) writer = state_writer_new(part_writer_sink, part);

    write(writer, user);
    return state_writer_close(writer, error) && part_writer_finish(part, error);
}

static gboolean list_part(Recording *recording, const char *name, int fd, GError **error)
{
    guint64 size;
    g_autofree char *sha256 = part_sha256(fd, &size, error);

    if (!sha256) {
        return FALSE;
    }
    manifest_add_file(recording->manifest->parts, name, sha256, size);
    return TRUE;
}

gboolean recording_add_part(Recording *recording, const char *name, RecordingWrite write,
                            gpointer user, GError **error)
{
    g_autofree char *temporary = g_strconcat(name, ".new", NULL);
    gboolean done;
    int fd;

    g_assert(part_name_is_valid(name) && !recording->seal);
    unlinkat(recording->directory, temporary, 0);
    fd = part_create(recording->directory, temporary, error);
    if (fd < 0) {
        return FALSE;
    }
    done = write_part(fd, write, user, error) && list_part(recording, name, fd, error) &&
           part_publish(recording->directory, fd, temporary, name, error);
    close(fd);
    if (!done) {
        unlinkat(recording->directory, temporary, 0);
    }
    return done;
}

void recording_add_reference(Recording *recording, const char *name, const char *sha256,
                             guint64 size)
{
    g_assert(part_name_is_valid(name) && !recording->seal);
    manifest_add_file(recording->manifest->references, name, sha256, size);
}

static void fill_manifest(Manifest *manifest, const RecordingInfo *info)
{
    manifest->definition = g_strdup(info->definition);
    manifest->program = g_strdup(info->program);
    manifest->level = info->level;
    manifest->start = info->start;
    manifest->parent = g_strdup(info->parent);
    manifest->branch = info->branch;
    for (guint i = 0; i < info->n_versions; i++) {
        RecordingVersion version = { g_strdup(info->versions[i].name), info->versions[i].version };

        g_array_append_val(manifest->versions, version);
    }
}

static void point_info(Recording *recording)
{
    const Manifest *manifest = recording->manifest;

    recording->info = (RecordingInfo){
        .definition = manifest->definition,
        .program = manifest->program,
        .level = manifest->level,
        .start = manifest->start,
        .versions = (const RecordingVersion *)manifest->versions->data,
        .n_versions = manifest->versions->len,
        .parent = manifest->parent,
        .branch = manifest->branch,
    };
}

static gboolean write_seal(Recording *recording, GError **error)
{
    g_autofree char *text = seal_to_text(recording->seal);

    return part_replace_text(recording->directory, SEAL, text, error);
}

/* The manifest comes last: without it the folder is no recording. */
static gboolean publish(Recording *recording, GError **error)
{
    g_autofree char *text = manifest_to_text(recording->manifest, error);

    if (!text) {
        return FALSE;
    }
    recording->seal = g_new0(Seal, 1);
    recording->seal->manifest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    return write_seal(recording, error) &&
           part_replace_text(recording->directory, MANIFEST, text, error);
}

LogWriter *recording_start(Recording *recording, const RecordingInfo *info, GError **error)
{
    LogWriter *writer;
    int fd;

    g_assert(!recording->seal);
    fill_manifest(recording->manifest, info);
    point_info(recording);
    fd = part_create(recording->directory, LOG, error);
    if (fd < 0) {
        return NULL;
    }
    writer = log_writer_new(fd, &info->start, error);
    close(fd);
    if (writer && !publish(recording, error)) {
        g_clear_pointer(&writer, log_writer_free);
    }
    if (!writer) {
        unlinkat(recording->directory, LOG, 0);
    }
    return writer;
}

gboolean recording_seal(Recording *recording, GError **error)
{
    int fd = part_open(recording->directory, LOG, error);

    g_assert(recording->seal);
    if (fd < 0) {
        return FALSE;
    }
    g_free(recording->seal->log);
    recording->seal->log = part_sha256(fd, &recording->seal->log_size, error);
    close(fd);
    return recording->seal->log && write_seal(recording, error);
}

/* --- reading -------------------------------------------------------------- */

static gboolean check_sha256(const char *name, const char *expected, const char *found,
                             GError **error)
{
    if (strcmp(expected, found) != 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "%s is damaged or was changed: its SHA-256 should be %s, it is %s", name,
                    expected, found);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_part(Recording *recording, const ManifestFile *file, GError **error)
{
    guint64 size;
    int fd = part_open(recording->directory, file->name, error);

    if (fd < 0) {
        return FALSE;
    }

    g_autofree char *sha256 = part_sha256(fd, &size, error);

    close(fd);
    if (sha256 && size != file->size) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "%s has %" G_GUINT64_FORMAT " bytes, the manifest says %" G_GUINT64_FORMAT,
                    file->name, size, file->size);
        return FALSE;
    }
    return sha256 && check_sha256(file->name, file->sha256, sha256, error);
}

static gboolean check_parts(Recording *recording, GError **error)
{
    for (guint i = 0; i < recording->manifest->parts->len; i++) {
        if (!check_part(recording, &g_array_index(recording->manifest->parts, ManifestFile, i),
                        error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean read_manifest(Recording *recording, GError **error)
{
    g_autofree char *text = part_read_text(recording->directory, MANIFEST, TEXT_MAX, error);
    g_autofree char *seal =
        text ? part_read_text(recording->directory, SEAL, TEXT_MAX, error) : NULL;

    if (!seal || !(recording->seal = seal_parse(seal, error))) {
        return FALSE;
    }

    g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    /* The form is checked first: its errors say more, and a newer format keeps its own name. */
    recording->manifest = manifest_parse(text, error);
    return recording->manifest && check_sha256(MANIFEST, recording->seal->manifest, sha256, error);
}

Recording *recording_open(int directory, GError **error)
{
    g_autoptr(Recording) recording = recording_at(directory, error);

    if (!recording || !read_manifest(recording, error) || !check_parts(recording, error)) {
        return NULL;
    }
    point_info(recording);
    return g_steal_pointer(&recording);
}

gboolean recording_read_branch(int directory, char **parent, Position *branch, GError **error)
{
    g_autofree char *text = part_read_text(directory, MANIFEST, TEXT_MAX, error);
    g_autoptr(Manifest) manifest = text ? manifest_parse(text, error) : NULL;

    if (!manifest) {
        return FALSE;
    }
    *parent = g_steal_pointer(&manifest->parent);
    *branch = manifest->branch;
    return TRUE;
}

const RecordingInfo *recording_info(const Recording *recording)
{
    return &recording->info;
}

gboolean recording_sealed(const Recording *recording)
{
    return recording->seal && recording->seal->log;
}

static const RecordingVersion *find_version(const RecordingVersion *versions, guint n_versions,
                                            const char *name)
{
    for (guint i = 0; i < n_versions; i++) {
        if (strcmp(versions[i].name, name) == 0) {
            return &versions[i];
        }
    }
    return NULL;
}

gboolean recording_compare_versions(const char *what, const RecordingVersion *theirs,
                                    guint n_theirs, const RecordingVersion *versions,
                                    guint n_versions, GError **error)
{
    for (guint i = 0; i < n_theirs; i++) {
        const RecordingVersion *needed = &theirs[i];
        const RecordingVersion *own = find_version(versions, n_versions, needed->name);

        if (!own || own->version != needed->version) {
            g_autofree char *have =
                own ? g_strdup_printf("has %u", own->version) : g_strdup("does not have it");

            g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_VERSION,
                        "behaviour of %s: the %s was made with version %u, this build %s",
                        needed->name, what, needed->version, have);
            return FALSE;
        }
    }
    for (guint i = 0; i < n_versions; i++) {
        if (!find_version(theirs, n_theirs, versions[i].name)) {
            g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_VERSION,
                        "behaviour of %s: the %s does not name it, this machine has version %u",
                        versions[i].name, what, versions[i].version);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean recording_check_versions(const Recording *recording, const RecordingVersion *versions,
                                  guint n_versions, GError **error)
{
    return recording_compare_versions("recording", recording->info.versions,
                                      recording->info.n_versions, versions, n_versions, error);
}

gboolean recording_has_part(const Recording *recording, const char *name)
{
    return manifest_find(recording->manifest->parts, name) != NULL;
}

gboolean recording_get_reference(const Recording *recording, const char *name, const char **sha256,
                                 guint64 *size)
{
    const ManifestFile *file = manifest_find(recording->manifest->references, name);

    if (file) {
        *sha256 = file->sha256;
        *size = file->size;
    }
    return file != NULL;
}

gboolean recording_load_part(Recording *recording, const char *name, RecordingRead read,
                             gpointer user, GError **error)
{
    gboolean done;
    int fd;

    if (!recording_has_part(recording, name)) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED, "the recording has no part %s",
                    name);
        return FALSE;
    }
    fd = part_open(recording->directory, name, error);
    if (fd < 0) {
        return FALSE;
    }

    g_autoptr(PartReader) part = part_reader_new(fd, name);
    g_autoptr(StateReader) reader = state_reader_new(part_reader_source, part);

    done = read(reader, user, error) && state_reader_finish(reader, error);
    close(fd);
    return done;
}

LogReader *recording_open_log(Recording *recording, GError **error)
{
    int fd = part_open(recording->directory, LOG, error);
    LogReader *reader;
    Position start, end;

    if (fd < 0) {
        return NULL;
    }
    reader = log_reader_new(fd, error);
    close(fd);
    if (!reader) {
        return NULL;
    }
    log_reader_range(reader, &start, &end);
    if (position_compare(&start, &recording->info.start) != 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the log starts at icount %" G_GUINT64_FORMAT
                    ", the manifest says icount %" G_GUINT64_FORMAT ": they do not belong together",
                    start.icount, recording->info.start.icount);
        g_clear_pointer(&reader, log_reader_free);
    } else if (recording_sealed(recording) && !log_reader_closed(reader)) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "the recording was closed, but its log is cut short (%s)",
                    log_reader_notes(reader)[0] ? log_reader_notes(reader)[0] : "no END");
        g_clear_pointer(&reader, log_reader_free);
    }
    return reader;
}

static gboolean check_log_seal(Recording *recording, GError **error)
{
    guint64 size;
    int fd;

    if (!recording_sealed(recording)) {
        return TRUE;
    }
    fd = part_open(recording->directory, LOG, error);
    if (fd < 0) {
        return FALSE;
    }

    g_autofree char *sha256 = part_sha256(fd, &size, error);

    close(fd);
    if (sha256 && size != recording->seal->log_size) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                    "log has %" G_GUINT64_FORMAT " bytes, the seal says %" G_GUINT64_FORMAT, size,
                    recording->seal->log_size);
        return FALSE;
    }
    return sha256 && check_sha256(LOG, recording->seal->log, sha256, error);
}

gboolean recording_verify(Recording *recording, GError **error)
{
    g_autoptr(LogReader) reader = recording_open_log(recording, error);

    return reader && log_verify(reader, error) && check_log_seal(recording, error);
}
