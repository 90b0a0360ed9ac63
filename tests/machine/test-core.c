/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a machine that need no guest: translation set, memory marks, bus, inbox, clock.
 */
#include <gio/gio.h>

#include "machine/bus.h"
#include "machine/clock.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/translation-set.h"
#include "machine/inbox.h"
#include "machine/memory.h"
#include "tests/check-run.h"

static TranslationEntry entry(uint32_t context, uint64_t page, unsigned shift, unsigned access)
{
    return (TranslationEntry){ .page = page,
                               .real = page ^ 0x100000000000ull,
                               .bits = 7,
                               .context = context,
                               .shift = (uint8_t)shift,
                               .access = (uint8_t)access };
}

static void add(TranslationSet *set, uint32_t context, uint64_t page, unsigned shift,
                unsigned access)
{
    TranslationEntry e = entry(context, page, shift, access);
    translation_set_add(set, &e);
}

static void keep_bytes(void *user, const guint8 *data, gsize length)
{
    g_byte_array_append(user, data, (guint)length);
}

static bool digests_are_equal(const TranslationSet *a, const TranslationSet *b)
{
    g_autoptr(GByteArray) x = g_byte_array_new(), y = g_byte_array_new();
    translation_set_feed(a, keep_bytes, x);
    translation_set_feed(b, keep_bytes, y);
    return x->len == y->len && !memcmp(x->data, y->data, x->len);
}

START_TEST(a_translation_is_found_anywhere_in_its_page_and_nowhere_else)
{
    TranslationSet *set = translation_set_new();
    add(set, 5, 0x200000, 21, 0);
    ck_assert_ptr_nonnull(translation_set_find(set, 5, 0x200000, 0));
    ck_assert_ptr_nonnull(translation_set_find(set, 5, 0x3fffff, 0));
    ck_assert_ptr_null(translation_set_find(set, 5, 0x400000, 0));
    ck_assert_ptr_null(translation_set_find(set, 5, 0x200000, 1));
    ck_assert_ptr_null(translation_set_find(set, 6, 0x200000, 0));
    translation_set_free(set);
}
END_TEST

START_TEST(a_smaller_page_hides_a_larger_one)
{
    TranslationSet *set = translation_set_new();
    add(set, 1, 0x200000, 21, 0);
    add(set, 1, 0x201000, 12, 0);
    ck_assert_uint_eq(translation_set_find(set, 1, 0x201008, 0)->shift, 12);
    ck_assert_uint_eq(translation_set_find(set, 1, 0x202000, 0)->shift, 21);
    translation_set_free(set);
}
END_TEST

START_TEST(removing_a_page_takes_every_size_and_access_that_covers_it)
{
    TranslationSet *set = translation_set_new();
    add(set, 1, 0x200000, 21, 0);
    add(set, 1, 0x201000, 12, 1);
    add(set, 1, 0x202000, 12, 1);
    add(set, 2, 0x201000, 12, 1);
    TranslationEntry removed[TRANSLATION_REMOVED_MAX];
    ck_assert_uint_eq(translation_set_remove_page(set, 1, 0x201000, removed), 2);
    ck_assert_uint_eq(removed[0].shift + removed[1].shift, 12 + 21);
    ck_assert_uint_eq(translation_set_count(set), 2);
    translation_set_free(set);
}
END_TEST

START_TEST(removing_a_context_leaves_those_that_share_its_bucket)
{
    TranslationSet *set = translation_set_new();
    for (unsigned i = 0; i < 50; i++) {
        add(set, 3, 0x1000ull * i, 12, 2);
        add(set, 3 + 1024, 0x1000ull * i, 12, 2);
    }
    ck_assert_uint_eq(translation_set_remove_context(set, 3), 50);
    ck_assert_uint_eq(translation_set_count(set), 50);
    ck_assert_ptr_nonnull(translation_set_find(set, 3 + 1024, 0x5000, 2));
    translation_set_free(set);
}
END_TEST

START_TEST(the_digest_does_not_depend_on_order_or_history)
{
    TranslationSet *a = translation_set_new(), *b = translation_set_new();
    for (unsigned i = 0; i < 100; i++)
        add(a, i % 7, 0x10000ull * i, 16, i % 3);
    for (unsigned i = 100; i > 0; i--)
        add(b, (i - 1) % 7, 0x10000ull * (i - 1), 16, (i - 1) % 3);
    add(b, 9, 0x7000, 12, 0);
    ck_assert(!digests_are_equal(a, b));
    translation_set_remove_context(b, 9);
    ck_assert(digests_are_equal(a, b));
    translation_set_free(a);
    translation_set_free(b);
}
END_TEST

START_TEST(the_set_is_emptied_when_it_is_full)
{
    TranslationSet *set = translation_set_new();
    for (uint64_t i = 0; i < TRANSLATION_SET_LIMIT; i++)
        add(set, 1, i << 12, 12, 0);
    ck_assert_uint_eq(translation_set_count(set), TRANSLATION_SET_LIMIT);
    TranslationEntry more = entry(1, 1ull << 40, 12, 0);
    ck_assert(translation_set_add(set, &more));
    ck_assert_uint_eq(translation_set_count(set), 1);
    translation_set_free(set);
}
END_TEST

START_TEST(a_saved_set_loads_equal)
{
    TranslationSet *a = translation_set_new(), *b = translation_set_new();
    for (unsigned i = 0; i < 1000; i++)
        add(a, i % 11, (uint64_t)i << 12, 12, i % 3);
    StateWriter *writer = state_writer_new_memory();
    translation_set_save(a, writer);
    GBytes *bytes = state_writer_close_bytes(writer, NULL);
    StateReader *reader =
        state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    translation_set_load(b, reader);
    ck_assert(state_reader_finish(reader, NULL));
    ck_assert(digests_are_equal(a, b));
    state_reader_free(reader);
    g_bytes_unref(bytes);
    state_writer_free(writer);
    translation_set_free(a);
    translation_set_free(b);
}
END_TEST

START_TEST(a_write_marks_each_page_it_touches_with_the_epoch)
{
    Memory *memory = memory_new(1 << 20, NULL);
    uint8_t bytes[8192] = { 0 };
    uint32_t closed = memory_next_epoch(memory);
    ck_assert(memory_write(memory, 0x1ffe, bytes, 0x1003));
    ck_assert_uint_le(memory->page_mark[0], closed);
    ck_assert_uint_gt(memory->page_mark[1], closed);
    ck_assert_uint_gt(memory->page_mark[2], closed);
    ck_assert_uint_gt(memory->page_mark[3], closed);
    ck_assert_uint_le(memory->page_mark[4], closed);
    memory_free(memory);
}
END_TEST

static void check_changed(const Memory *memory, uint32_t since)
{
    uint64_t next = 0;
    for (uint64_t page = 0; page < memory_page_count(memory); page++) {
        if (memory->page_mark[page] <= since)
            continue;
        ck_assert_uint_eq(memory_next_changed(memory, since, next), page);
        next = page + 1;
    }
    ck_assert_uint_eq(memory_next_changed(memory, since, next), memory_page_count(memory));
}

/* Of a size that is no multiple of a group's, with device memory behind. */
START_TEST(pages_that_changed_are_found_by_their_marks)
{
    Memory *memory = memory_new(1000 * MEMORY_PAGE_SIZE, NULL);
    g_autoptr(GRand) dice = g_rand_new_with_seed((guint32)_i);
    memory_add_device(memory, 37 * MEMORY_PAGE_SIZE);
    for (unsigned round = 0; round < 50; round++) {
        uint32_t since = memory_next_epoch(memory);
        for (int n = g_rand_int_range(dice, 0, 6); n; n--) {
            uint64_t at = (uint64_t)g_rand_int_range(dice, 0, 999 * MEMORY_PAGE_SIZE);
            ck_assert(memory_write(memory, at, "five", 5));
            memory_device_write(memory, at % (36 * MEMORY_PAGE_SIZE), "five", 5);
            memory_mark(memory, at);
        }
        check_changed(memory, since);
        check_changed(memory, since - MIN(since, 7));
        memory_check_marks(memory);
    }
    memory_free(memory);
}
END_TEST

START_TEST(news_are_told_once)
{
    Memory *memory = memory_new(1000 * MEMORY_PAGE_SIZE, NULL);
    memory_add_device(memory, 37 * MEMORY_PAGE_SIZE);
    g_autofree uint64_t *told = g_new0(uint64_t, memory_news_words(memory));
    uint32_t before = memory->epoch;
    memory_mark(memory, 3 * MEMORY_PAGE_SIZE + 5);
    memory_next_epoch(memory);
    ck_assert(memory_write(memory, 64 * MEMORY_PAGE_SIZE - 1, "two", 2));
    memory_device_write(memory, 36 * MEMORY_PAGE_SIZE, "last", 4);
    memory_take_news(memory, told);
    ck_assert_uint_eq(memory->epoch, before + 2);
    ck_assert_uint_eq(told[0], 1ull << 63 | 1ull << 3);
    ck_assert_uint_eq(told[1], 1);
    ck_assert_uint_eq(told[1036 / 64], 1ull << (1036 % 64));
    memset(told, 0, memory_news_words(memory) * sizeof told[0]);
    memory_mark(memory, 0);
    memory_take_news(memory, NULL);
    memory_take_news(memory, told);
    for (uint64_t word = 0; word < memory_news_words(memory); word++)
        ck_assert_uint_eq(told[word], 0);
    memory_free(memory);
}
END_TEST

START_TEST(marks_written_by_others_are_found)
{
    Memory *memory = memory_new(1000 * MEMORY_PAGE_SIZE, NULL);
    uint32_t since = memory_next_epoch(memory);
    memory->page_mark[3] = memory->page_mark[700] = memory->page_mark[999] = memory->epoch;
    memory_marks_written(memory);
    memory_check_marks(memory);
    check_changed(memory, since);
    memory_free(memory);
}
END_TEST

START_TEST(a_transfer_that_leaves_memory_moves_nothing)
{
    Memory *memory = memory_new(1 << 20, NULL);
    uint8_t bytes[16] = { 1 };
    ck_assert(!memory_write(memory, (1 << 20) - 8, bytes, 16));
    ck_assert(!memory_write(memory, UINT64_MAX - 4, bytes, 16));
    ck_assert_uint_eq(memory->ram[(1 << 20) - 8], 0);
    memory_free(memory);
}
END_TEST

static uint64_t read_offset(Device *device, uint64_t offset, unsigned size)
{
    return offset;
}

static void ignore_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
}

START_TEST(unclaimed_addresses_read_as_ones_and_are_counted)
{
    static const BusOps ops = { read_offset, ignore_write };
    Bus *bus = bus_new();
    bus_map(bus, NULL, 1, 0x1000, 0x100, &ops);
    ck_assert_uint_eq(bus_read(bus, 0x1010, 4), 0x10);
    ck_assert_uint_eq(bus_read(bus, 0x10fe, 4), 0xffffffff);
    ck_assert_uint_eq(bus_read(bus, 0x2000, 8), UINT64_MAX);
    bus_map(bus, NULL, 1, 0, 0, &ops);
    ck_assert_uint_eq(bus_read(bus, 0x1010, 1), 0xff);
    ck_assert_uint_eq(bus_unclaimed(bus), 3);
    bus_free(bus);
}
END_TEST

static size_t four_bytes(Machine *machine, unsigned number)
{
    return number == 3 ? 4 : 0;
}

START_TEST(characters_wait_for_room_and_stay_in_order)
{
    Inbox *inbox = inbox_new();
    ck_assert(inbox_post_chars(inbox, 3, "abcdef", 6, NULL));
    ck_assert(inbox_post_chars(inbox, 4, "x", 1, NULL));
    const Event *event = inbox_next_input(inbox, four_bytes, NULL);
    ck_assert_int_eq(event->kind, EVENT_CHAR_READ);
    ck_assert_uint_eq(event->char_read.data_length, 4);
    ck_assert_mem_eq(event->char_read.data, "abcd", 4);
    event = inbox_next_input(inbox, four_bytes, NULL);
    ck_assert_mem_eq(event->char_read.data, "ef", 2);
    ck_assert_ptr_null(inbox_next_input(inbox, four_bytes, NULL));
    ck_assert_uint_eq(inbox_waiting_chars(inbox, 4), 1);
    inbox_free(inbox);
}
END_TEST

START_TEST(a_closed_inbox_refuses_input_and_says_why)
{
    Inbox *inbox = inbox_new();
    g_autoptr(GError) error = NULL;
    inbox_set_closed(inbox, true);
    ck_assert(!inbox_post_chars(inbox, 1, "a", 1, &error));
    ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY));
    inbox_free(inbox);
}
END_TEST

START_TEST(too_much_input_is_refused_whole)
{
    Inbox *inbox = inbox_new();
    g_autofree char *bytes = g_malloc0(INBOX_CHAR_BYTES_MAX + 1);
    g_autoptr(GError) error = NULL;
    ck_assert(!inbox_post_chars(inbox, 1, bytes, INBOX_CHAR_BYTES_MAX + 1, &error));
    ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY));
    ck_assert_uint_eq(inbox_waiting_chars(inbox, 1), 0);
    inbox_free(inbox);
}
END_TEST

START_TEST(a_deadline_in_ticks_is_the_first_ns_whose_floor_reaches_it)
{
    for (uint64_t ticks = 0; ticks < 5000; ticks++) {
        uint64_t ns = clock_ns_from_ticks(ticks, 512000000);
        ck_assert_uint_eq(clock_ticks_from_ns(ns, 512000000), ticks);
        if (ns)
            ck_assert_uint_lt(clock_ticks_from_ns(ns - 1, 512000000), ticks);
    }
}
END_TEST

START_TEST(a_deadline_falls_on_the_first_instruction_at_or_after_it)
{
    Cpu *cpu = g_new0(Cpu, 1);
    Clock clock = { .s = { .warp_ns = 1000, .shift = 3 }, .cpu = cpu };
    ck_assert_uint_eq(clock_icount_at(&clock, 1000), 0);
    ck_assert_uint_eq(clock_icount_at(&clock, 1001), 1);
    ck_assert_uint_eq(clock_icount_at(&clock, 1008), 1);
    ck_assert_uint_eq(clock_icount_at(&clock, 1009), 2);
    cpu->icount_end = 10;
    ck_assert_uint_eq(clock_icount_at(&clock, 1009), 10);
    clock_warp_to(&clock, 5000);
    ck_assert_uint_eq(clock_virtual_ns(&clock), 5000);
    clock_warp_to(&clock, 4000);
    ck_assert_uint_eq(clock_virtual_ns(&clock), 5000);
    g_free(cpu);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("core");
    tcase_add_test(tests, a_translation_is_found_anywhere_in_its_page_and_nowhere_else);
    tcase_add_test(tests, a_smaller_page_hides_a_larger_one);
    tcase_add_test(tests, removing_a_page_takes_every_size_and_access_that_covers_it);
    tcase_add_test(tests, removing_a_context_leaves_those_that_share_its_bucket);
    tcase_add_test(tests, the_digest_does_not_depend_on_order_or_history);
    tcase_add_test(tests, the_set_is_emptied_when_it_is_full);
    tcase_add_test(tests, a_saved_set_loads_equal);
    tcase_add_test(tests, a_write_marks_each_page_it_touches_with_the_epoch);
    tcase_add_test(tests, a_transfer_that_leaves_memory_moves_nothing);
    tcase_add_loop_test(tests, pages_that_changed_are_found_by_their_marks, 0, 4);
    tcase_add_test(tests, marks_written_by_others_are_found);
    tcase_add_test(tests, news_are_told_once);
    tcase_add_test(tests, unclaimed_addresses_read_as_ones_and_are_counted);
    tcase_add_test(tests, characters_wait_for_room_and_stay_in_order);
    tcase_add_test(tests, a_closed_inbox_refuses_input_and_says_why);
    tcase_add_test(tests, too_much_input_is_refused_whole);
    tcase_add_test(tests, a_deadline_in_ticks_is_the_first_ns_whose_floor_reaches_it);
    tcase_add_test(tests, a_deadline_falls_on_the_first_instruction_at_or_after_it);
    Suite *suite = suite_create("machine core");
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
