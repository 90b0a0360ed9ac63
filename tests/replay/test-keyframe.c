/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyframes: which one a seek begins at, which ones go when there are too many.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/keyframe-file.h"
#include "tests/check-run.h"

#define PAGES 64u

typedef struct {
    PageStore *store;
    KeyframeSet *set;
    guint8 *bytes;
    guint32 marks[PAGES];
    guint32 epoch;
    PageMap *last; /* what the next capture builds on */
} Fixture;

static void fixture_init(Fixture *fixture, guint64 budget)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->store = page_store_new();
    fixture->set = keyframe_set_new(fixture->store, budget);
    fixture->bytes = g_malloc0(PAGES * PAGE_BYTES);
    fixture->epoch = 1;
}

static void fixture_clear(Fixture *fixture)
{
    g_clear_pointer(&fixture->last, page_map_unref);
    keyframe_set_free(fixture->set);
    page_store_free(fixture->store);
    g_free(fixture->bytes);
}

static Position at(guint64 icount, guint64 virtual_ns, guint32 sequence)
{
    return (Position){ .icount = icount, .virtual_ns = virtual_ns, .sequence = sequence };
}

/* Writes COUNT pages, and makes a keyframe of the result. */
static gboolean add(Fixture *fixture, Position position, guint count)
{
    PageMemory memory = { fixture->bytes, fixture->marks, PAGES };
    for (guint page = 0; page < count; page++) {
        fixture->bytes[page * PAGE_BYTES] = (guint8)(1 + fixture->epoch);
        fixture->marks[page] = fixture->epoch;
    }
    PageMap *map = page_map_capture(fixture->store, fixture->last, fixture->epoch - 1, &memory);
    fixture->epoch++;
    g_clear_pointer(&fixture->last, page_map_unref);
    fixture->last = page_map_ref(map);
    return keyframe_set_add(fixture->set, &(Keyframe){ .position = position,
                                                       .work = position.icount,
                                                       .is_arrival = TRUE,
                                                       .state = g_bytes_new_static("state", 5),
                                                       .map = map });
}

static guint64 begins_at(Fixture *fixture, guint64 icount, guint64 virtual_ns)
{
    const Keyframe *frame = keyframe_set_before(fixture->set, &(SeekTarget){ icount, virtual_ns });
    return frame ? frame->position.icount : G_MAXUINT64;
}

START_TEST(a_seek_begins_at_the_nearest_keyframe_that_has_not_passed_the_target)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    add(&fixture, at(0, 0, 0), 1);
    add(&fixture, at(300, 400, 0), 1);
    add(&fixture, at(100, 100, 0), 1);
    ck_assert_uint_eq(begins_at(&fixture, 0, 0), 0);
    ck_assert_uint_eq(begins_at(&fixture, 99, 0), 0);
    ck_assert_uint_eq(begins_at(&fixture, 100, 0), 100);
    ck_assert_uint_eq(begins_at(&fixture, 299, 0), 100);
    ck_assert_uint_eq(begins_at(&fixture, 5000, 0), 300);
    ck_assert_uint_eq(begins_at(&fixture, 0, 399), 100);
    ck_assert_uint_eq(begins_at(&fixture, 0, 401), 300);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(a_keyframe_in_the_middle_of_its_boundary_is_no_first_arrival)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    add(&fixture, at(0, 0, 0), 1);
    add(&fixture, at(100, 900, 1), 1); /* idled there, and woke up later */
    ck_assert_uint_eq(begins_at(&fixture, 100, 0), 0);
    ck_assert_uint_eq(begins_at(&fixture, 101, 0), 100);
    ck_assert_uint_eq(begins_at(&fixture, 100, 901), 100);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(there_is_nothing_before_the_first_one)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    add(&fixture, at(50, 50, 0), 1);
    ck_assert_uint_eq(begins_at(&fixture, 49, 0), G_MAXUINT64);
    ck_assert_uint_eq(begins_at(&fixture, 50, 0), 50);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(a_second_one_at_a_position_is_dropped)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    add(&fixture, at(0, 0, 0), 1);
    add(&fixture, at(10, 10, 0), 1);
    ck_assert(add(&fixture, at(10, 10, 0), 1));
    ck_assert_uint_eq(keyframe_set_count(fixture.set), 2);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(too_many_are_thinned_and_those_near_the_present_stay_close)
{
    Fixture fixture;
    guint64 budget = 40u * 8u * PAGE_BYTES;
    fixture_init(&fixture, budget);
    for (guint64 i = 0; i < 1000; i++) {
        ck_assert(add(&fixture, at(i << 24, i << 24, 0), 8));
        ck_assert_uint_le(keyframe_set_bytes(fixture.set), budget);
    }
    guint count = keyframe_set_count(fixture.set);
    ck_assert_uint_gt(count, 30);
    ck_assert_uint_le(count, 40);
    ck_assert_uint_eq(keyframe_set_get(fixture.set, 0)->position.icount, 0);
    ck_assert_uint_eq(keyframe_set_get(fixture.set, count - 1)->position.icount, 999ull << 24);
    ck_assert_uint_eq(keyframe_set_get(fixture.set, count - 2)->position.icount, 998ull << 24);
    for (guint i = 1; i < count; i++) {
        guint64 here = keyframe_set_get(fixture.set, i)->position.icount >> 24;
        guint64 before = keyframe_set_get(fixture.set, i - 1)->position.icount >> 24;
        ck_assert_uint_gt(here, before);
        ck_assert_uint_le(here - before, 1 + (999 - before) / 3);
    }
    fixture_clear(&fixture);
}
END_TEST

START_TEST(thinning_looks_from_where_the_machine_is)
{
    Fixture fixture;
    fixture_init(&fixture, 40u * 8u * PAGE_BYTES);
    for (guint64 i = 0; i < 400; i++)
        add(&fixture, at(i << 24, i << 24, 0), 8);
    for (guint64 i = 1; i < 12; i++) /* a seek has gone back to 100 */
        add(&fixture, at((100 << 24) + (i << 20), (100 << 24) + (i << 20), 0), 8);
    guint near = 0;
    for (guint i = 0; i < keyframe_set_count(fixture.set); i++) {
        guint64 icount = keyframe_set_get(fixture.set, i)->position.icount;
        near += icount > 100 << 24 && icount < 101 << 24;
    }
    ck_assert_uint_ge(near, 10);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(a_budget_that_is_too_small_leaves_the_first_one)
{
    Fixture fixture;
    fixture_init(&fixture, 8u * PAGE_BYTES);
    ck_assert(add(&fixture, at(0, 0, 0), 9));
    ck_assert(!add(&fixture, at(10, 10, 0), 9));
    ck_assert_uint_eq(keyframe_set_count(fixture.set), 1);
    ck_assert_uint_eq(begins_at(&fixture, 10, 0), 0);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(the_first_one_of_a_recording_may_go)
{
    Fixture fixture;
    fixture_init(&fixture, 12u * PAGE_BYTES);
    keyframe_set_let_first_go(fixture.set);
    for (guint64 i = 0; i < 20; i++)
        ck_assert(add(&fixture, at(i << 24, i << 24, 0), 30));
    guint count = keyframe_set_count(fixture.set);
    ck_assert_uint_ge(count, 1);
    ck_assert_uint_gt(keyframe_set_get(fixture.set, 0)->position.icount, 0);
    ck_assert_uint_eq(keyframe_set_get(fixture.set, count - 1)->position.icount, 19ull << 24);
    fixture_clear(&fixture);
}
END_TEST

START_TEST(much_memory_that_does_not_change_costs_nothing)
{
    Fixture fixture;
    fixture_init(&fixture, 12u * PAGE_BYTES);
    ck_assert(add(&fixture, at(0, 0, 0), 60));
    for (guint64 i = 1; i < 100; i++)
        ck_assert(add(&fixture, at(i << 24, i << 24, 0), 2));
    ck_assert_uint_ge(keyframe_set_count(fixture.set), 5);
    ck_assert_uint_le(keyframe_set_count(fixture.set), 7);
    fixture_clear(&fixture);
}
END_TEST

/* Forwards and backwards through the set, as searches go. */
START_TEST(the_one_before_is_where_a_boundary_begins)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    add(&fixture, at(0, 0, 0), 1);
    add(&fixture, at(100, 100, 0), 1);
    add(&fixture, at(200, 200, 0), 1);
    Position position = at(200, 200, 0);
    ck_assert_uint_eq(keyframe_set_previous(fixture.set, &position)->position.icount, 100);
    position = at(200, 201, 1);
    ck_assert_uint_eq(keyframe_set_previous(fixture.set, &position)->position.icount, 200);
    ((Keyframe *)keyframe_set_get(fixture.set, 1))->is_arrival = FALSE;
    position = at(200, 200, 0);
    ck_assert_uint_eq(keyframe_set_previous(fixture.set, &position)->position.icount, 0);
    position = at(0, 0, 0);
    ck_assert_ptr_null(keyframe_set_previous(fixture.set, &position));
    fixture_clear(&fixture);
}
END_TEST

/* --- the file --------------------------------------------------------------------------------- */

/* Makes memory what it is at moment N: some pages differ, some are the same, some are zero. */
static void set_memory(Fixture *fixture, guint n)
{
    for (guint page = 0; page < PAGES; page++) {
        guint8 *at = fixture->bytes + page * PAGE_BYTES;
        guint8 value = page % 8 == n % 8 ? 0 : (guint8)(page % 4 == 0 ? 7 : n + page);
        memset(at, value, PAGE_BYTES);
        if (value)
            at[page] ^= 0x55;
        fixture->marks[page] = fixture->epoch;
    }
}

static Keyframe frame_at(Fixture *fixture, guint n)
{
    PageMemory memory = { fixture->bytes, fixture->marks, PAGES };
    set_memory(fixture, n);
    g_autofree char *state = g_strdup_printf("state %u", n);
    Keyframe frame = { .position = at(1000 * n, 2000 * n, 0),
                       .work = 1500 * n,
                       .is_arrival = TRUE,
                       .prefix = { .events = n },
                       .state = g_bytes_new(state, strlen(state)),
                       .map = page_map_capture(fixture->store, NULL, 0, &memory) };
    return frame;
}

static KeyframeFile *open_copy(int fd)
{
    g_autoptr(GError) error = NULL;
    KeyframeFile *file = keyframe_file_open(dup(fd), PAGES, &error);
    ck_assert_msg(file, "%s", error ? error->message : "");
    return file;
}

static void put_frame(Fixture *fixture, KeyframeFile *file, guint n)
{
    g_autoptr(GError) error = NULL;
    Keyframe frame = frame_at(fixture, n);
    KeyframeAppend append;
    ck_assert_msg(keyframe_file_append(file, &frame, &append, &error), "%s", error->message);
    ck_assert(!keyframe_file_covers(file, frame.work, 1));
    keyframe_file_commit(file, &append);
    ck_assert(keyframe_file_covers(file, frame.work, 1));
    keyframe_clear(&frame);
}

static void check_frame(Fixture *fixture, KeyframeFile *file, guint n)
{
    PageMemory memory = { fixture->bytes, fixture->marks, PAGES };
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *expected = NULL;
    const KeyframeEntry *entry = keyframe_file_before(file, &(SeekTarget){ 1000 * n + 1, 0 });
    set_memory(fixture, n);
    expected = g_memdup2(fixture->bytes, PAGES * PAGE_BYTES);
    set_memory(fixture, n + 3);
    ck_assert_ptr_nonnull(entry);
    ck_assert_uint_eq(entry->position.icount, 1000 * n);
    ck_assert_uint_eq(entry->prefix.events, n);
    g_autoptr(GBytes) state = keyframe_file_state(file, entry, &error);
    g_autofree char *text = g_strdup_printf("state %u", n);
    ck_assert_mem_eq(g_bytes_get_data(state, NULL), text, strlen(text));
    ck_assert(keyframe_file_restore(file, entry, fixture->last, &memory, 99, &error));
    ck_assert_mem_eq(fixture->bytes, expected, PAGES * PAGE_BYTES);
}

START_TEST(keyframes_in_a_file_come_back)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    int fd = memfd_create("keyframes", 0);
    KeyframeFile *file = open_copy(fd);
    for (guint n = 1; n < 4; n++)
        put_frame(&fixture, file, n);
    for (guint n = 3; n > 0; n--)
        check_frame(&fixture, file, n);
    keyframe_file_free(file);
    file = open_copy(fd);
    ck_assert_uint_eq(keyframe_file_count(file), 3);
    for (guint n = 1; n < 4; n++)
        check_frame(&fixture, file, n);
    guint64 before = keyframe_file_bytes(file);
    put_frame(&fixture, file, 1 + 256); /* its pages are there already */
    ck_assert_uint_lt(keyframe_file_bytes(file) - before, 1500);
    keyframe_file_free(file);
    close(fd);
    fixture_clear(&fixture);
}
END_TEST

/* A recording's keyframes: pages that are as at the start are in none of them, those that became
 * zero are. */
START_TEST(keyframes_of_news_come_back)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    fixture_init(&fixture, G_MAXUINT64);
    PageMemory memory = { fixture.bytes, fixture.marks, PAGES };
    int fd = memfd_create("keyframes", 0);
    KeyframeFile *file = open_copy(fd);
    set_memory(&fixture, 1);
    PageMap *start = page_map_capture(fixture.store, NULL, 0, &memory), *news = NULL;
    guint32 since = fixture.epoch++;
    guint8 *expected[3];
    for (guint n = 0; n < 3; n++) {
        guint8 *changed = fixture.bytes + (10 + n) * PAGE_BYTES;
        memset(changed, (int)n + 50, PAGE_BYTES); /* by and by more of them */
        memset(fixture.bytes + (20 + n) * PAGE_BYTES, 0, PAGE_BYTES);
        fixture.marks[10 + n] = fixture.marks[20 + n] = fixture.epoch;
        PageMap *map = page_map_capture_news(fixture.store, news, since, &memory);
        since = fixture.epoch++;
        ck_assert_uint_eq(page_map_used(map), 2 * n + 2);
        Keyframe frame = { .position = at(1000 * (n + 1), 0, 0),
                           .work = n,
                           .is_arrival = TRUE,
                           .state = g_bytes_new_static("state", 5),
                           .map = page_map_ref(map),
                           .is_news = TRUE };
        KeyframeAppend append;
        ck_assert(keyframe_file_append(file, &frame, &append, &error));
        keyframe_file_commit(file, &append);
        keyframe_clear(&frame);
        g_clear_pointer(&news, page_map_unref);
        news = map;
        expected[n] = g_memdup2(fixture.bytes, PAGES * PAGE_BYTES);
    }
    keyframe_file_free(file);
    file = open_copy(fd);
    for (guint n = 3; n-- > 0;) {
        const KeyframeEntry *entry =
            keyframe_file_before(file, &(SeekTarget){ 1000 * (n + 1) + 1, 0 });
        set_memory(&fixture, 5);
        ck_assert(keyframe_file_restore(file, entry, start, &memory, 99, &error));
        ck_assert_mem_eq(fixture.bytes, expected[n], PAGES * PAGE_BYTES);
        g_free(expected[n]);
    }
    ck_assert_uint_lt(keyframe_file_bytes(file), 3 * 1500);
    keyframe_file_free(file);
    close(fd);
    page_map_unref(news);
    page_map_unref(start);
    fixture_clear(&fixture);
}
END_TEST

static void put_text(KeyframeFile *file, guint64 device, guint64 start, const char *text)
{
    KeyframeText one = { device, start, g_bytes_new(text, strlen(text)) };
    KeyframeAppend append;
    ck_assert(keyframe_file_append_text(file, &one, &append, NULL));
    keyframe_file_commit(file, &append);
    g_bytes_unref(one.bytes);
}

static void check_text(KeyframeFile *file, guint64 device, guint64 end, gsize most,
                       const char *expected)
{
    g_autoptr(GBytes) text = keyframe_file_text(file, device, end, most);
    if (!expected) {
        ck_assert_ptr_null(text);
        return;
    }
    ck_assert_uint_eq(g_bytes_get_size(text), strlen(expected));
    ck_assert_mem_eq(g_bytes_get_data(text, NULL), expected, strlen(expected));
}

START_TEST(texts_in_a_file_come_back)
{
    int fd = memfd_create("keyframes", 0);
    KeyframeFile *file = open_copy(fd);
    put_text(file, 3, 100, "one two ");
    put_text(file, 4, 0, "another device");
    put_text(file, 3, 108, "three ");
    put_text(file, 3, 200, "after a gap");
    for (guint again = 0; again < 2; again++) {
        ck_assert_uint_eq(keyframe_file_text_end(file, 3), 211);
        ck_assert_uint_eq(keyframe_file_text_end(file, 5), 0);
        check_text(file, 3, 114, 1000, "one two three ");
        check_text(file, 3, 112, 6, "o thre");
        check_text(file, 3, 101, 1000, "o");
        check_text(file, 3, 100, 1000, NULL);
        check_text(file, 3, 150, 1000, NULL);
        check_text(file, 3, 211, 1000, "after a gap");
        check_text(file, 4, 7, 1000, "another");
        check_text(file, 4, 7, 0, NULL);
        keyframe_file_free(file);
        file = open_copy(fd);
    }
    keyframe_file_free(file);
    close(fd);
}
END_TEST

/* Whatever is damaged or cut off, what comes before it is as it was, and more can be added. */
START_TEST(a_damaged_file_is_good_up_to_there)
{
    Fixture fixture;
    fixture_init(&fixture, G_MAXUINT64);
    for (guint way = 0; way < 200; way++) {
        int fd = memfd_create("keyframes", 0);
        KeyframeFile *file = open_copy(fd);
        for (guint n = 1; n < 4; n++)
            put_frame(&fixture, file, n);
        guint64 bytes = keyframe_file_bytes(file), place = 16 + way * (bytes - 16) / 200;
        keyframe_file_free(file);
        guint8 byte = 0;
        ck_assert_int_eq(pread(fd, &byte, 1, (off_t)place), 1);
        byte ^= 0x40;
        if (way % 2)
            ck_assert_int_eq(ftruncate(fd, (off_t)place), 0);
        else
            ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)place), 1);
        file = open_copy(fd);
        PageMemory memory = { fixture.bytes, fixture.marks, PAGES };
        for (guint n = 1; n <= keyframe_file_count(file); n++) {
            const KeyframeEntry *entry =
                keyframe_file_before(file, &(SeekTarget){ 1000 * n + 1, 0 });
            g_autoptr(GError) error = NULL;
            ck_assert_uint_eq(entry->position.icount, 1000 * n);
            if (keyframe_file_restore(file, entry, NULL, &memory, 99, &error))
                check_frame(&fixture, file, n);
            else
                ck_assert_ptr_nonnull(error);
        }
        ck_assert_uint_lt(keyframe_file_count(file), way % 2 ? 3 : 4);
        put_frame(&fixture, file, 7);
        keyframe_file_free(file);
        close(fd);
    }
    fixture_clear(&fixture);
}
END_TEST

static void check_refused(int fd, guint64 pages, const char *why)
{
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(keyframe_file_open(dup(fd), pages, &error));
    ck_assert(g_error_matches(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH));
    ck_assert_ptr_nonnull(strstr(error->message, why));
}

START_TEST(other_files_are_refused)
{
    int fd = memfd_create("keyframes", 0);
    KeyframeFile *file = open_copy(fd);
    put_text(file, 3, 0, "text");
    keyframe_file_free(file);
    check_refused(fd, PAGES + 1, "pages of memory");
    ck_assert_int_eq(pwrite(fd, "\1", 1, 7), 1);
    check_refused(fd, PAGES, "format 1");
    ck_assert_int_eq(pwrite(fd, "text", 4, 0), 4);
    check_refused(fd, PAGES, "no file of keyframes");
    close(fd);
}
END_TEST

/* Only those who write wait for the disk. */
START_TEST(opening_writes_nothing)
{
    int fd = memfd_create("keyframes", 0);
    struct stat status;
    keyframe_file_free(open_copy(fd));
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_int_eq(status.st_size, 0);
    close(fd);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("keyframes");
    tcase_add_test(tests, a_seek_begins_at_the_nearest_keyframe_that_has_not_passed_the_target);
    tcase_add_test(tests, a_keyframe_in_the_middle_of_its_boundary_is_no_first_arrival);
    tcase_add_test(tests, there_is_nothing_before_the_first_one);
    tcase_add_test(tests, a_second_one_at_a_position_is_dropped);
    tcase_add_test(tests, too_many_are_thinned_and_those_near_the_present_stay_close);
    tcase_add_test(tests, thinning_looks_from_where_the_machine_is);
    tcase_add_test(tests, a_budget_that_is_too_small_leaves_the_first_one);
    tcase_add_test(tests, much_memory_that_does_not_change_costs_nothing);
    tcase_add_test(tests, the_one_before_is_where_a_boundary_begins);
    tcase_add_test(tests, keyframes_in_a_file_come_back);
    tcase_add_test(tests, keyframes_of_news_come_back);
    tcase_add_test(tests, texts_in_a_file_come_back);
    tcase_add_test(tests, the_first_one_of_a_recording_may_go);
    tcase_add_test(tests, a_damaged_file_is_good_up_to_there);
    tcase_add_test(tests, other_files_are_refused);
    tcase_add_test(tests, opening_writes_nothing);
    Suite *suite = suite_create("keyframes");
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
