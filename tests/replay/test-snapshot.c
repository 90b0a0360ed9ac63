/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps of pages, packs and the folder of snapshots, against a plain copy of the memory. */
#include "tests/replay/support.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/page-pack.h"
#include "replay/snapshot.h"

#define PAGES 1500u /* not a whole number of leaves */

typedef struct {
    char path[64];
    int fd;
    PageStore *store;
    guint8 *bytes;
    guint32 *marks;
    guint32 epoch;
    PageMap *base;
    guint32 base_epoch;
    Dice dice;
} World;

static World world_new(guint64 seed)
{
    World world = { "/tmp/powerplay-snapshot-XXXXXX", -1 };
    ck_assert_ptr_nonnull(g_mkdtemp(world.path));
    world.fd = open(world.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world.store = page_store_new();
    page_store_set_directory(world.store, world.fd);
    world.bytes = g_malloc0(PAGES * PAGE_BYTES);
    world.marks = g_new0(guint32, PAGES);
    world.epoch = 1;
    world.dice.state = seed;
    return world;
}

static guint count_files(const World *world)
{
    g_autoptr(GDir) dir = g_dir_open(world->path, 0, NULL);
    guint count = 0;
    while (g_dir_read_name(dir))
        count++;
    return count;
}

static void world_free(World *world)
{
    g_autoptr(GDir) dir = g_dir_open(world->path, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));)
        unlinkat(world->fd, name, 0);
    page_map_unref(world->base);
    page_store_free(world->store);
    close(world->fd);
    g_rmdir(world->path);
    g_free(world->bytes);
    g_free(world->marks);
}

static PageMemory memory_of(World *world)
{
    return (PageMemory){ world->bytes, world->marks, PAGES };
}

static void write_some(World *world, guint count)
{
    for (guint i = 0; i < count; i++) {
        guint64 page = dice_below(&world->dice, PAGES);
        guint8 *at = world->bytes + page * PAGE_BYTES;
        if (dice_below(&world->dice, 8) == 0)
            memset(at, 0, PAGE_BYTES);
        else
            at[dice_below(&world->dice, PAGE_BYTES)] = (guint8)dice_roll(&world->dice);
        world->marks[page] = world->epoch;
    }
}

static PageMap *capture(World *world, guint32 *epoch)
{
    PageMemory memory = memory_of(world);
    *epoch = world->epoch++;
    return page_map_capture(world->store, world->base, world->base_epoch, &memory);
}

/* Takes MAP. */
static void set_base(World *world, PageMap *map, guint32 epoch)
{
    page_map_unref(world->base);
    world->base = map;
    world->base_epoch = epoch;
}

static void restore(World *world, PageMap *map)
{
    g_autoptr(GError) error = NULL;
    PageMemory memory = memory_of(world);
    guint32 epoch = world->epoch++;
    support_ok(
        page_map_restore(world->store, map, world->base, world->base_epoch, &memory, epoch, &error),
        error);
    set_base(world, page_map_ref(map), epoch);
}

static guint8 *copy(const World *world)
{
    return g_memdup2(world->bytes, PAGES * PAGE_BYTES);
}

static void assert_is(const World *world, const guint8 *expected)
{
    ck_assert_int_eq(memcmp(world->bytes, expected, PAGES * PAGE_BYTES), 0);
}

/* --- maps ------------------------------------------------------------------------------------- */

START_TEST(test_maps_keep_every_moment)
{
    enum { MOMENTS = 12 };
    World world = world_new(_i + 1);
    PageMap *map[MOMENTS];
    guint8 *copies[MOMENTS];
    guint32 epoch;
    for (guint i = 0; i < MOMENTS; i++) {
        write_some(&world, 200);
        map[i] = capture(&world, &epoch);
        copies[i] = copy(&world);
        if (dice_below(&world.dice, 3))
            set_base(&world, page_map_ref(map[i]), epoch);
    }
    for (guint i = 0; i < 60; i++) {
        guint64 to = dice_below(&world.dice, MOMENTS);
        write_some(&world, 50);
        restore(&world, map[to]);
        assert_is(&world, copies[to]);
    }
    for (guint i = 0; i < MOMENTS; i++) {
        page_map_unref(map[i]);
        g_free(copies[i]);
    }
    world_free(&world); /* which checks that no page is left */
}
END_TEST

START_TEST(test_a_capture_costs_what_was_written)
{
    World world = world_new(1);
    PageFigures before, after;
    guint32 epoch;
    for (guint i = 0; i < PAGES; i++) {
        world.bytes[i * PAGE_BYTES] = 1;
        world.marks[i] = 1;
    }
    PageMap *whole = capture(&world, &epoch);
    set_base(&world, whole, epoch);
    page_store_figures(world.store, &before);
    ck_assert_uint_eq(before.pages, PAGES);
    for (guint i = 0; i < 10; i++) {
        world.bytes[i * 100 * PAGE_BYTES] = 2;
        world.marks[i * 100] = world.epoch;
    }
    PageMap *map = capture(&world, &epoch);
    page_store_figures(world.store, &after);
    ck_assert_uint_eq(after.pages - before.pages, 10);
    ck_assert_uint_eq(after.memory_bytes - before.memory_bytes, 10 * PAGE_BYTES);
    page_map_unref(map);
    world_free(&world);
}
END_TEST

START_TEST(test_a_map_filled_in_pieces_is_a_base)
{
    World world = world_new(5);
    PageMemory memory = memory_of(&world);
    write_some(&world, 3000);
    guint32 since = world.epoch++, epoch;
    PageMap *early = page_map_new(world.store, PAGES);
    for (guint64 at = 0; at < PAGES;) {
        at = page_map_fill(early, &memory, at, 100);
        write_some(&world, 30);
    }
    set_base(&world, early, since);
    PageMap *map = capture(&world, &epoch);
    g_autofree guint8 *expected = copy(&world);
    write_some(&world, 500);
    restore(&world, map);
    assert_is(&world, expected);
    page_map_unref(map);
    world_free(&world);
}
END_TEST

/* --- snapshots -------------------------------------------------------------------------------- */

static gboolean save_with(World *world, const char *name, SnapshotProgress progress, gpointer user,
                          GError **error)
{
    SnapshotSave save = { .info = snapshot_info_new(name),
                          .state = g_bytes_new_static("state", 5),
                          .progress = progress,
                          .user = user };
    guint32 epoch;
    save.info->definition = g_strdup("{}");
    save.info->time_us = (gint64)world->epoch;
    save.map = capture(world, &epoch);
    gboolean done = snapshot_write(world->fd, &save, error);
    if (done) {
        snapshot_place_pages(world->store, &save);
        set_base(world, page_map_ref(save.map), epoch);
        page_map_drop_memory(world->store, save.map);
    }
    snapshot_save_clear(&save);
    return done;
}

static void save(World *world, const char *name)
{
    g_autoptr(GError) error = NULL;
    support_ok(save_with(world, name, NULL, NULL, &error), error);
}

static gboolean load(World *world, const char *name, GError **error)
{
    g_autoptr(SnapshotLoad) file = snapshot_read(world->fd, name, error);
    if (!file || !snapshot_verify_pages(world->fd, file, NULL, NULL, NULL, error))
        return FALSE;
    ck_assert_int_eq(memcmp(g_bytes_get_data(file->state, NULL), "state", 5), 0);
    PageMap *map = snapshot_map(world->store, file, world->base);
    restore(world, map);
    page_map_unref(map);
    return TRUE;
}

static void remove_unused(World *world)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) unused = snapshot_unused_packs(world->fd, &error);
    support_ok(snapshot_remove_packs(world->fd, world->store, unused, &error), error);
}

static guint64 memory_bytes(const World *world)
{
    PageFigures figures;
    page_store_figures(world->store, &figures);
    return figures.memory_bytes;
}

/* A save that is under way may be reading it. */
START_TEST(test_memory_of_pages_in_a_pack_that_is_gone_is_kept)
{
    g_autoptr(GError) error = NULL;
    World world = world_new(8);
    SnapshotSave first = { .info = snapshot_info_new("a"),
                           .state = g_bytes_new_static("state", 5) };
    guint32 epoch;
    write_some(&world, 200);
    first.info->definition = g_strdup("{}");
    first.map = capture(&world, &epoch);
    support_ok(snapshot_write(world.fd, &first, &error), error);
    snapshot_place_pages(world.store, &first);
    guint64 before = memory_bytes(&world);
    ck_assert_uint_gt(before, 0);
    support_ok(snapshot_delete(world.fd, "a", &error), error);
    remove_unused(&world);
    page_map_drop_memory(world.store, first.map);
    ck_assert_uint_eq(memory_bytes(&world), before);
    set_base(&world, page_map_ref(first.map), epoch);
    snapshot_save_clear(&first);
    save(&world, "b");
    ck_assert_uint_eq(memory_bytes(&world), 0);
    world_free(&world);
}
END_TEST

/* Saves, loads and deletes at random; loads in the same store and in a new one. */
START_TEST(test_any_order_of_saves_loads_and_deletes)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    guint8 *copies[4] = { NULL };
    World world = world_new(_i + 100);
    for (guint i = 0; i < 60; i++) {
        g_autoptr(GError) error = NULL;
        guint64 which = dice_below(&world.dice, 4);
        write_some(&world, 60);
        if (!copies[which] || dice_below(&world.dice, 3) == 0) {
            save(&world, names[which]);
            g_free(copies[which]);
            copies[which] = copy(&world);
            remove_unused(&world);
        } else if (dice_below(&world.dice, 3) == 0) {
            support_ok(snapshot_delete(world.fd, names[which], &error), error);
            g_clear_pointer(&copies[which], g_free);
            remove_unused(&world);
        } else {
            if (dice_below(&world.dice, 2))
                set_base(&world, NULL, 0);
            support_ok(load(&world, names[which], &error), error);
            assert_is(&world, copies[which]);
        }
    }
    for (guint i = 0; i < 4; i++) {
        if (copies[i])
            snapshot_delete(world.fd, names[i], NULL);
        g_free(copies[i]);
    }
    remove_unused(&world);
    ck_assert_uint_eq(count_files(&world), 0);
    world_free(&world);
}
END_TEST

static gboolean give_up(gpointer user, guint64 done, guint64 total)
{
    guint *left = user;
    return (*left)-- > 0;
}

START_TEST(test_given_up_it_leaves_nothing)
{
    World world = world_new(7);
    for (guint calls = 0; calls < 5; calls++) {
        g_autoptr(GError) error = NULL;
        guint left = calls;
        write_some(&world, 2000);
        if (save_with(&world, "a", give_up, &left, &error)) {
            ck_assert_uint_gt(calls, 1);
            world_free(&world);
            return;
        }
        ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
        ck_assert_uint_eq(count_files(&world), 0);
    }
    world_free(&world);
}
END_TEST

static void touch(const World *world, const char *name)
{
    int fd = openat(world->fd, name, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

START_TEST(test_the_sweep_removes_what_a_crash_left_and_nothing_else)
{
    World world = world_new(8);
    g_autoptr(GError) error = NULL;
    write_some(&world, 500);
    save(&world, "a");
    g_autofree guint8 *expected = copy(&world);
    guint good = count_files(&world);
    touch(&world, "pack.new");
    touch(&world, "a.snapshot.new");
    touch(&world, "0123456789abcdef0123456789abcdef.pages");
    touch(&world, "notes");
    support_ok(snapshot_sweep(world.fd, &error), error);
    ck_assert_uint_eq(count_files(&world), good + 1); /* the notes are somebody's */
    write_some(&world, 100);
    set_base(&world, NULL, 0);
    support_ok(load(&world, "a", &error), error);
    assert_is(&world, expected);
    /* While a snapshot cannot be read, its packs are not known: none goes. */
    touch(&world, "0123456789abcdef0123456789abcdef.pages");
    touch(&world, "b.snapshot");
    support_ok(snapshot_sweep(world.fd, &error), error);
    ck_assert_uint_eq(count_files(&world), good + 3);
    world_free(&world);
}
END_TEST

/* Files of the folder, flipped byte by byte (every 97th): noticed before anything is restored. */
START_TEST(test_a_flipped_byte_is_noticed)
{
    World world = world_new(9);
    write_some(&world, 40);
    save(&world, "a");
    g_autofree guint8 *expected = copy(&world);
    g_autoptr(GDir) dir = g_dir_open(world.path, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        int fd = openat(world.fd, name, O_RDWR);
        struct stat status;
        ck_assert_int_eq(fstat(fd, &status), 0);
        for (off_t at = 0; at < status.st_size; at += 97) {
            g_autoptr(GError) error = NULL;
            guint8 byte, wrong;
            ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
            wrong = byte ^ 0x10;
            ck_assert_int_eq(pwrite(fd, &wrong, 1, at), 1);
            ck_assert_msg(!load(&world, "a", &error), "%s at %ld", name, (long)at);
            ck_assert_ptr_nonnull(strstr(error->message, "cannot be read"));
            ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
        }
        close(fd);
    }
    g_autoptr(GError) error = NULL;
    support_ok(load(&world, "a", &error), error);
    assert_is(&world, expected);
    world_free(&world);
}
END_TEST

/* A file that is as good as any, but of another snapshot, or cut. */
START_TEST(test_renamed_and_cut_files)
{
    World world = world_new(10);
    g_autoptr(GError) error = NULL;
    write_some(&world, 40);
    save(&world, "a");
    ck_assert_int_eq(renameat(world.fd, "a.snapshot", world.fd, "b.snapshot"), 0);
    ck_assert(!load(&world, "b", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "it is the snapshot 'a', renamed"));
    g_clear_error(&error);
    ck_assert(!load(&world, "a", &error));
    ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
    g_clear_error(&error);
    int fd = openat(world.fd, "b.snapshot", O_RDWR);
    ck_assert_int_eq(ftruncate(fd, 30), 0);
    close(fd);
    ck_assert(!load(&world, "b", &error));
    g_autoptr(GPtrArray) list = snapshot_list(world.fd, NULL);
    ck_assert_uint_eq(list->len, 1);
    ck_assert_ptr_nonnull(((SnapshotInfo *)g_ptr_array_index(list, 0))->damage);
    world_free(&world);
}
END_TEST

START_TEST(test_names)
{
    ck_assert(snapshot_name_is_valid("a") && snapshot_name_is_valid("Before-2.update_1"));
    ck_assert(!snapshot_name_is_valid("") && !snapshot_name_is_valid(".a"));
    ck_assert(!snapshot_name_is_valid("a/b") && !snapshot_name_is_valid("a b"));
    ck_assert(pack_is_file_name("0123456789abcdef0123456789abcdef.pages"));
    ck_assert(!pack_is_file_name("0123456789abcdef0123456789abcdeg.pages"));
    ck_assert(!pack_is_file_name("a.pages"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, test_maps_keep_every_moment, 0, 4);
    tcase_add_test(all, test_a_capture_costs_what_was_written);
    tcase_add_test(all, test_a_map_filled_in_pieces_is_a_base);
    tcase_add_loop_test(all, test_any_order_of_saves_loads_and_deletes, 0, 4);
    tcase_add_test(all, test_memory_of_pages_in_a_pack_that_is_gone_is_kept);
    tcase_add_test(all, test_given_up_it_leaves_nothing);
    tcase_add_test(all, test_the_sweep_removes_what_a_crash_left_and_nothing_else);
    tcase_add_test(all, test_a_flipped_byte_is_noticed);
    tcase_add_test(all, test_renamed_and_cut_files);
    tcase_add_test(all, test_names);
    suite_add_tcase(suite, all);
    return check_run(suite);
}
