/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recording folders: made, moved, damaged, of other versions. */
#include "tests/replay/support.h"

#include "replay/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const RecordingVersion versions[] = {
    { "cpu/power9", 1 },
    { "board/pseries", 2 },
    { "device/spapr-vty", 3 },
};
#define DEFINITION "{\"name\": \"deb1\", \"memory\": \"1G\", \"disks\": [{\"id\": \"hd0\"}]}"

typedef struct Folder {
    char path[64];
    int fd;
} Folder;

static Folder folder_new(void)
{
    Folder folder = { "/tmp/powerplay-recording-XXXXXX", -1 };

    ck_assert_ptr_nonnull(g_mkdtemp(folder.path));
    folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder.fd, 0);
    return folder;
}

static void folder_remove(Folder *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder->path, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        unlinkat(folder->fd, name, 0);
    }
    close(folder->fd);
    ck_assert_int_eq(g_rmdir(folder->path), 0);
}

static void write_state(StateWriter *writer, gpointer user)
{
    guint64 *seed = user;

    for (guint i = 0; i < 40000; i++) {
        state_writer_u64(writer, *seed + i * (i % 3));
    }
}

static gboolean read_state(StateReader *reader, gpointer user, GError **error)
{
    guint64 *seed = user;

    for (guint i = 0; i < 40000 && !state_reader_failed(reader); i++) {
        if (state_reader_u64(reader) != *seed + i * (i % 3)) {
            state_reader_fail(reader, "value %u is wrong", i);
        }
    }
    return state_reader_check(reader, error);
}

static RecordingInfo info_new(void)
{
    return (RecordingInfo){
        .definition = DEFINITION,
        .program = "test 1",
        .level = SYNC_INTERRUPTS,
        .start = { G_GUINT64_CONSTANT(0xfedcba9876543210), G_MAXUINT64, 3 },
        .versions = versions,
        .n_versions = G_N_ELEMENTS(versions),
        .parent = "first",
        .branch = { 1, 2, 3 },
    };
}

static void make_recording(int fd, guint64 seed, gboolean seal)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Recording) recording = recording_new(fd, &error);
    RecordingInfo info = info_new();
    Position position = info.start;
    LogWriter *writer;

    support_ok(recording != NULL, error);
    support_ok(recording_add_part(recording, "start.state", write_state, &seed, &error), error);
    recording_add_reference(recording, "hd0",
                            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            1 << 30);
    writer = recording_start(recording, &info, &error);
    support_ok(writer != NULL, error);
    for (guint i = 0; i < 100; i++) {
        position.icount += 1000;
        position.sequence = 0;
        log_writer_append(writer, &position, &(Event){ .kind = EVENT_INPUT_SYNC });
    }
    log_writer_append(writer, &position, &(Event){ .kind = EVENT_END });
    if (seal) {
        support_ok(log_writer_close(writer, &error), error);
        support_ok(recording_seal(recording, &error), error);
    } else {
        log_writer_free(writer);
    }
}

START_TEST(test_round_trip)
{
    Folder folder = folder_new();
    guint64 seed = 5, size;
    const char *sha256;
    g_autoptr(GError) error = NULL;
    RecordingInfo made = info_new();

    make_recording(folder.fd, seed, TRUE);

    g_autoptr(Recording) recording = recording_open(folder.fd, &error);

    support_ok(recording != NULL, error);

    const RecordingInfo *info = recording_info(recording);

    ck_assert(recording_sealed(recording));
    ck_assert_str_eq(info->program, "test 1");
    ck_assert_str_eq(info->parent, "first");
    ck_assert_int_eq(info->level, SYNC_INTERRUPTS);
    ck_assert_int_eq(position_compare(&info->start, &made.start), 0);
    ck_assert_int_eq(position_compare(&info->branch, &made.branch), 0);
    ck_assert_ptr_nonnull(strstr(info->definition, "\"hd0\""));
    ck_assert_uint_eq(info->n_versions, 3);
    ck_assert_str_eq(info->versions[2].name, "device/spapr-vty");
    ck_assert(recording_get_reference(recording, "hd0", &sha256, &size));
    ck_assert_uint_eq(size, 1 << 30);
    ck_assert(!recording_get_reference(recording, "hd1", &sha256, &size));
    support_ok(recording_load_part(recording, "start.state", read_state, &seed, &error), error);
    support_ok(recording_verify(recording, &error), error);
    seed++;
    ck_assert(!recording_load_part(recording, "start.state", read_state, &seed, &error));
    ck_assert_str_eq(error->message, "value 0 is wrong");
    folder_remove(&folder);
}
END_TEST

START_TEST(test_not_closed)
{
    Folder folder = folder_new();
    g_autoptr(GError) error = NULL;

    make_recording(folder.fd, 5, FALSE);

    g_autoptr(Recording) recording = recording_open(folder.fd, &error);

    support_ok(recording != NULL, error);
    ck_assert(!recording_sealed(recording));
    support_ok(recording_verify(recording, &error), error);
    folder_remove(&folder);
}
END_TEST

START_TEST(test_second_recording_is_refused)
{
    Folder folder = folder_new();
    g_autoptr(GError) error = NULL;

    make_recording(folder.fd, 5, FALSE);
    ck_assert_ptr_null(recording_new(folder.fd, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "already"));
    folder_remove(&folder);
}
END_TEST

START_TEST(test_versions)
{
    Folder folder = folder_new();
    RecordingVersion own[4];
    g_autoptr(GError) error = NULL;

    make_recording(folder.fd, 5, TRUE);

    g_autoptr(Recording) recording = recording_open(folder.fd, &error);

    memcpy(own, versions, sizeof(versions));
    support_ok(recording_check_versions(recording, own, 3, &error), error);
    own[1].version = 7;
    ck_assert(!recording_check_versions(recording, own, 3, &error));
    ck_assert_str_eq(error->message, "behaviour of board/pseries: the recording was made with "
                                     "version 2, this build has 7");
    g_clear_error(&error);
    own[1].version = 2;
    ck_assert(!recording_check_versions(recording, own, 2, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "device/spapr-vty"));
    g_clear_error(&error);
    own[3] = (RecordingVersion){ "device/new", 1 };
    ck_assert(!recording_check_versions(recording, own, 4, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "device/new"));
    folder_remove(&folder);
}
END_TEST

/* --- damage --------------------------------------------------------------- */

static void flip(int folder, const char *name, gsize offset, guint8 mask)
{
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC);
    guint8 byte;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= mask;
    ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static gsize size_of(int folder, const char *name)
{
    struct stat status;

    ck_assert_int_eq(fstatat(folder, name, &status, 0), 0);
    return status.st_size;
}

/* Opens and checks all; NULL if nothing is wrong, else what is said. */
static char *complaint(int folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Recording) recording = recording_open(folder, &error);
    guint64 seed = 5;

    if (!recording || !recording_verify(recording, &error) ||
        !recording_load_part(recording, "start.state", read_state, &seed, &error)) {
        ck_assert_ptr_nonnull(error);
        return g_strdup(error->message);
    }
    return NULL;
}

START_TEST(test_each_flipped_byte)
{
    static const char *const names[] = { "manifest.json", "seal", "log", "start.state" };
    Folder folder = folder_new();

    make_recording(folder.fd, 5, TRUE);

    g_autofree char *before = complaint(folder.fd);
    gsize size = size_of(folder.fd, names[_i]);
    gsize step = 1 + size / 1500;

    ck_assert_ptr_null(before);
    for (gsize offset = 0; offset < size; offset += step) {
        guint8 mask = 1 << (offset % 8);

        flip(folder.fd, names[_i], offset, mask);

        g_autofree char *said = complaint(folder.fd);

        ck_assert_msg(said, "%s: a change of byte %zu went unnoticed", names[_i], offset);
        /* A part must be refused before anything in it is looked at. */
        ck_assert(_i != 3 || strstr(said, "SHA-256"));
        flip(folder.fd, names[_i], offset, mask);
    }
    folder_remove(&folder);
}
END_TEST

START_TEST(test_missing_and_foreign_files)
{
    static const char *const names[] = { "manifest.json", "seal", "log", "start.state" };
    Folder folder = folder_new();
    Folder other = folder_new();

    make_recording(folder.fd, 5, TRUE);
    make_recording(other.fd, 6, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        ck_assert_int_eq(renameat(folder.fd, names[i], folder.fd, "hidden"), 0);

        g_autofree char *missing = complaint(folder.fd);

        ck_assert_ptr_nonnull(missing);
        ck_assert_msg(strstr(missing, names[i]), "%s", missing);

        /* A link to the file is not the file. */
        ck_assert_int_eq(symlinkat("hidden", folder.fd, names[i]), 0);

        g_autofree char *link = complaint(folder.fd);

        ck_assert_ptr_nonnull(link);
        unlinkat(folder.fd, names[i], 0);
        ck_assert_int_eq(mkdirat(folder.fd, names[i], 0700), 0);

        g_autofree char *directory = complaint(folder.fd);

        ck_assert_ptr_nonnull(directory);
        unlinkat(folder.fd, names[i], AT_REMOVEDIR);
        ck_assert_int_eq(mkfifoat(folder.fd, names[i], 0600), 0);

        g_autofree char *fifo = complaint(folder.fd);

        ck_assert_ptr_nonnull(fifo);
        unlinkat(folder.fd, names[i], 0);
        ck_assert_int_eq(renameat(folder.fd, "hidden", folder.fd, names[i]), 0);
    }

    g_autofree char *before = complaint(folder.fd);

    ck_assert_ptr_null(before);
    ck_assert_int_eq(renameat(other.fd, "start.state", folder.fd, "start.state"), 0);

    g_autofree char *foreign = complaint(folder.fd);

    ck_assert_ptr_nonnull(strstr(foreign, "start.state"));
    folder_remove(&folder);
    folder_remove(&other);
}
END_TEST

static void replace(const Folder *folder, const char *text)
{
    g_autofree char *path = g_build_filename(folder->path, "manifest.json", NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

START_TEST(test_bad_manifests)
{
    static const struct {
        const char *from;
        const char *to;
        const char *why;
    } cases[] = {
        { "\"format\" : 1", "\"format\" : 9", "format: the recording has 9, this build reads 1" },
        { "\"format\" : 1", "\"format\" : \"1\"", "format: has the wrong type" },
        { "\"format\" : 1", "\"format\" : -1", "format: is out of range" },
        { "\"format\"", "\"fromat\"", "format: is missing" },
        { "\"log-version\" : 1", "\"log-version\" : 2", "log-version: the recording has" },
        { "interrupts", "everything", "sync-level: is not minimal, interrupts or full" },
        { "\"18364758544493064720\"", "18364758544493064720", "start" },
        { "\"18364758544493064720\"", "\"-1\"", "start.icount: is not a decimal number" },
        { "start.state", "../state", "parts: has a member that names no file" },
        { "\"board/pseries\" : 2", "\"board/pseries\" : [2]", "behaviour.board/pseries: has the" },
        { "{", "{{{{", "manifest.json: " },
        { "{", "/* x */ {", "a comment" },
        { "\"sha256\" : \"", "\"sha256\" : \"x", "is not a SHA-256" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Folder folder = folder_new();
        g_autofree char *path = g_build_filename(folder.path, "manifest.json", NULL);
        g_autofree char *text = NULL;

        make_recording(folder.fd, 5, TRUE);
        ck_assert(g_file_get_contents(path, &text, NULL, NULL));
        ck_assert_msg(strstr(text, cases[i].from), "%s is not in %s", cases[i].from, text);

        g_auto(GStrv) pieces = g_strsplit(text, cases[i].from, 2);
        g_autofree char *bad = g_strjoinv(cases[i].to, pieces);

        replace(&folder, bad);

        g_autofree char *said = complaint(folder.fd);

        ck_assert_msg(said && strstr(said, cases[i].why), "\"%s\" should say \"%s\"", said,
                      cases[i].why);
        folder_remove(&folder);
    }
}
END_TEST

START_TEST(test_deep_and_large_manifests)
{
    Folder folder = folder_new();
    g_autofree char *deep = g_malloc(200001);
    g_autofree char *large = g_malloc((2 << 20) + 1);

    make_recording(folder.fd, 5, TRUE);
    memset(deep, '[', 200000);
    deep[200000] = 0;
    replace(&folder, deep);

    g_autofree char *said_deep = complaint(folder.fd);

    ck_assert_ptr_nonnull(strstr(said_deep, "deeper than 32 levels"));
    memset(large, ' ', 2 << 20);
    large[2 << 20] = 0;
    replace(&folder, large);

    g_autofree char *said_large = complaint(folder.fd);

    ck_assert_ptr_nonnull(strstr(said_large, "the limit is"));
    folder_remove(&folder);
}
END_TEST

START_TEST(test_failed_part_leaves_nothing)
{
    Folder folder = folder_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(Recording) recording = recording_new(folder.fd, &error);
    RecordingInfo info = info_new();

    info.definition = "[1]";
    ck_assert_ptr_null(recording_start(recording, &info, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "machine definition: not a JSON object"));
    ck_assert_int_ne(faccessat(folder.fd, "log", F_OK, 0), 0);
    ck_assert_int_ne(faccessat(folder.fd, "manifest.json", F_OK, 0), 0);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recording");
    TCase *good = tcase_create("good");
    TCase *bad = tcase_create("bad");

    tcase_set_timeout(good, 60);
    tcase_add_test(good, test_round_trip);
    tcase_add_test(good, test_not_closed);
    tcase_add_test(good, test_second_recording_is_refused);
    tcase_add_test(good, test_versions);
    suite_add_tcase(suite, good);
    tcase_set_timeout(bad, 240);
    tcase_add_loop_test(bad, test_each_flipped_byte, 0, 4);
    tcase_add_test(bad, test_missing_and_foreign_files);
    tcase_add_test(bad, test_bad_manifests);
    tcase_add_test(bad, test_deep_and_large_manifests);
    tcase_add_test(bad, test_failed_part_leaves_nothing);
    suite_add_tcase(suite, bad);
    return check_run(suite);
}
