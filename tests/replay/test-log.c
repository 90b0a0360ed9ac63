/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log file: what is written comes back; what is damaged is reported, never believed. */
#include "tests/replay/support.h"

#include "replay/event-json.h"
#include "replay/log-file.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- random events -------------------------------------------------------- */

static guint8 noise[4096];

static void roll_event(Dice *dice, Event *event)
{
    memset(event, 0, sizeof(*event));
    do {
        event->kind = dice_below(dice, EVENT_COUNT);
    } while (event->kind == EVENT_INSTRUCTION || event->kind == EVENT_WAKE ||
             event->kind == EVENT_END);
    switch (event->kind) {
#define U8(name)  arguments->name = dice_roll(dice);
#define U16(name) arguments->name = dice_roll(dice);
#define U32(name) arguments->name = dice_roll(dice);
#define U64(name) arguments->name = dice_roll(dice);
#define I32(name) arguments->name = dice_roll(dice);
#define I64(name) arguments->name = dice_roll(dice);
#define ENUM(name, names)                                                                          \
    do {                                                                                           \
        arguments->name = dice_below(dice, 16);                                                    \
    } while (!names##_name(arguments->name));
#define BYTES(name)                                                                                \
    arguments->name##_length = dice_below(dice, 200);                                              \
    arguments->name = noise + dice_below(dice, sizeof(noise) - 200);
#define EVENT(NAME, id, member, title, class, fields, doc)                                         \
    case EVENT_##NAME: {                                                                           \
        __typeof__(event->member) *arguments = &event->member;                                     \
        (void)arguments;                                                                           \
        fields break;                                                                              \
    }
#include "replay/events.def"
#undef EVENT
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef I64
#undef ENUM
#undef BYTES
    default: ck_abort();
    }
}

static void roll_noise(void)
{
    Dice dice = { 99 };

    for (guint i = 0; i < sizeof(noise); i++) {
        noise[i] = dice_roll(&dice);
    }
}

static void roll_position(Dice *dice, Position *position)
{
    guint64 step = dice_below(dice, 4);

    if (step == 0) {
        position->virtual_ns += 1 + dice_below(dice, 100);
        position->sequence++;
        return;
    }
    if (step == 1) {
        guint64 count = dice_roll(dice) >> (24 + dice_below(dice, 40));

        position->icount += count;
        position->virtual_ns += count;
        position->sequence = count ? 0 : position->sequence;
    }
}

/* --- events --------------------------------------------------------------- */

START_TEST(test_each_event_survives_encoding)
{
    Dice dice = { 1 };
    guint seen[EVENT_COUNT] = { 0 };

    for (guint i = 0; i < 20000; i++) {
        g_autoptr(GByteArray) stored = g_byte_array_new();
        g_autoptr(GByteArray) again = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        Event event, decoded;

        roll_event(&dice, &event);
        event_encode(&event, stored);
        ck_assert_uint_eq(event_decode(&decoded, stored->data, stored->len, &error), stored->len);
        ck_assert(event_equal(&event, &decoded));
        event_encode(&decoded, again);
        ck_assert_mem_eq(stored->data, again->data, stored->len);
        seen[event.kind]++;
        for (gsize cut = 0; cut < stored->len; cut++) {
            g_autoptr(GError) short_error = NULL;

            ck_assert_uint_eq(event_decode(&decoded, stored->data, cut, &short_error), 0);
            ck_assert_ptr_nonnull(short_error);
        }
    }
    for (guint kind = 0; kind < EVENT_COUNT; kind++) {
        gboolean rolled = kind != EVENT_INSTRUCTION && kind != EVENT_WAKE && kind != EVENT_END;

        ck_assert_msg(!rolled || seen[kind] > 100, "%s was not tried", event_kind_title(kind));
    }
}
END_TEST

START_TEST(test_each_event_survives_json)
{
    Dice dice = { 2 };

    for (guint i = 0; i < 5000; i++) {
        g_autoptr(GString) json = g_string_new(NULL);
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = NULL;
        Event event, again;

        roll_event(&dice, &event);
        event_to_json(&event, json);
        node = json_from_string(json->str, NULL);
        ck_assert_msg(node && event_from_json(&again, json_node_get_object(node), bytes, &error),
                      "%s: %s", json->str, error ? error->message : "no JSON");
        ck_assert_msg(event_equal(&event, &again), "%s", json->str);
    }
}
END_TEST

START_TEST(test_bad_json_is_no_event)
{
    static const char *const texts[] = {
        "{}",
        "{\"event\": 7}",
        "{\"event\": \"nothing\"}",
        "{\"event\": \"char-read\", \"device\": 1}",
        "{\"event\": \"char-read\", \"device\": 256, \"data\": \"\"}",
        "{\"event\": \"char-read\", \"device\": -1, \"data\": \"\"}",
        "{\"event\": \"char-read\", \"device\": [1], \"data\": \"\"}",
        "{\"event\": \"char-read\", \"device\": 1, \"data\": \"6\"}",
        "{\"event\": \"char-read\", \"device\": 1, \"data\": \"6g\"}",
        "{\"event\": \"char-read\", \"device\": 1, \"data\": \"616g\"}",
        "{\"event\": \"block\", \"request\": 1}",
        "{\"event\": \"block\", \"request\": \"18446744073709551616\"}",
        "{\"event\": \"shutdown\", \"cause\": \"boredom\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = json_from_string(texts[i], NULL);
        Event event;

        ck_assert_msg(!event_from_json(&event, json_node_get_object(node), bytes, &error), "%s",
                      texts[i]);
        ck_assert_ptr_nonnull(error);
    }
}
END_TEST

START_TEST(test_known_encodings)
{
    static const guint8 expected[] = { 13, 7, 0, 0, 0, 2, 'h', 'i' };
    Event event = { .kind = EVENT_CHAR_READ, .char_read = { 7, (const guint8 *)"hi", 2 } };
    g_autoptr(GByteArray) stored = g_byte_array_new();
    g_autofree char *text = event_to_text(&event);
    GString *json = g_string_new(NULL);

    event_encode(&event, stored);
    ck_assert_uint_eq(stored->len, sizeof(expected));
    ck_assert_mem_eq(stored->data, expected, sizeof(expected));
    ck_assert_str_eq(text, "ASYNC/CHAR_READ device=7 data=6869");
    event_to_json(&event, json);
    ck_assert_str_eq(json->str, "{\"event\": \"char-read\", \"device\": 7, \"data\": \"6869\"}");
    g_string_free(json, TRUE);
}
END_TEST

START_TEST(test_bad_events_are_refused)
{
    static const struct {
        guint8 bytes[8];
        const char *why;
    } cases[] = {
        { { 200 }, "id 200 is not known" },
        { { 28, 99 }, "kind 99" },
        { { 19, 77 }, "cause 77" },
        { { 13, 0, 0xff, 0xff, 0xff, 0xff }, "4294967295 bytes" },
        { { 30, 0, 0, 0, 9 }, "9 bytes of data" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        Event event;

        ck_assert_uint_eq(event_decode(&event, cases[i].bytes, 8, &error), 0);
        ck_assert_msg(strstr(error->message, cases[i].why), "%s", error->message);
    }
}
END_TEST

/* --- whole logs ----------------------------------------------------------- */

typedef struct Written {
    Position position;
    GByteArray *event;
} Written;

/* Appends COUNT random events to a log in FD and lists them in WRITTEN. */
static void write_log(int fd, guint64 seed, guint count, gboolean close, GArray *written)
{
    g_autoptr(GError) error = NULL;
    Dice dice = { seed };
    Position position = { 17, 99, 0 };
    g_autoptr(LogWriter) writer = log_writer_new(fd, &position, &error);

    support_ok(writer != NULL, error);
    for (guint i = 0; i < count + close; i++) {
        Written entry = { .event = g_byte_array_new() };
        Event event = { .kind = EVENT_END };

        roll_position(&dice, &position);
        if (i < count) {
            roll_event(&dice, &event);
        }
        log_writer_append(writer, &position, &event);
        event_encode(&event, entry.event);
        entry.position = position;
        g_array_append_val(written, entry);
        if (dice_below(&dice, 16) == 0) {
            support_ok(log_writer_flush(writer, &error), error);
        }
    }
    if (close) {
        support_ok(log_writer_close(g_steal_pointer(&writer), &error), error);
    }
}

static void clear_written(gpointer entry)
{
    g_byte_array_unref(((Written *)entry)->event);
}

static GArray *written_new(void)
{
    GArray *written = g_array_new(FALSE, FALSE, sizeof(Written));

    g_array_set_clear_func(written, clear_written);
    return written;
}

static gboolean class_has_wake(const Event *event)
{
    EventClass class = event_class(event);

    return class != EVENT_CLASS_VALUE && class != EVENT_CLASS_SYNC;
}

/* Reads events as long as they come; each must be the one that was written. Returns how many. */
static guint read_log(LogReader *reader, const GArray *written, GError **error)
{
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    LogEvent event;
    guint count = 0;

    while (log_cursor_next(cursor, &event, error) == LOG_STEP_EVENT) {
        g_autoptr(GByteArray) stored = g_byte_array_new();

        ck_assert_uint_lt(count, written->len);

        const Written *entry = &g_array_index(written, Written, count);

        event_encode(&event.event, stored);
        ck_assert_uint_eq(stored->len, entry->event->len);
        ck_assert_mem_eq(stored->data, entry->event->data, stored->len);
        ck_assert_uint_eq(event.position.icount, entry->position.icount);
        if (class_has_wake(&event.event)) {
            ck_assert_uint_eq(event.position.sequence, entry->position.sequence > 0);
            if (entry->position.sequence) {
                ck_assert_uint_eq(event.position.virtual_ns, entry->position.virtual_ns);
            }
        }
        count++;
    }
    return count;
}

START_TEST(test_round_trip)
{
    g_autoptr(GArray) written = written_new();
    g_autoptr(GError) error = NULL;
    int fd = support_file();

    write_log(fd, 500 + _i, 3000, TRUE, written);

    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    Position start, end;

    support_ok(reader != NULL, error);
    ck_assert(log_reader_closed(reader));
    ck_assert_ptr_null(log_reader_notes(reader)[0]);
    ck_assert_uint_gt(log_reader_segments(reader), 50);
    ck_assert_uint_eq(read_log(reader, written, &error), written->len);
    support_ok(log_verify(reader, &error), error);
    log_reader_range(reader, &start, &end);
    ck_assert_uint_eq(start.icount, 17);
    ck_assert_uint_eq(start.virtual_ns, 99);
    ck_assert_uint_eq(end.icount,
                      g_array_index(written, Written, written->len - 1).position.icount);
    close(fd);
}
END_TEST

START_TEST(test_gap_of_more_than_32_bits)
{
    g_autoptr(GError) error = NULL;
    int fd = support_file();
    Position position = { 0, 0, 0 };
    LogWriter *writer = log_writer_new(fd, &position, &error);
    LogEvent event;

    position.icount = G_GUINT64_CONSTANT(0x300000005);
    log_writer_append(writer, &position, &(Event){ .kind = EVENT_INPUT_SYNC });
    position.icount = G_MAXUINT64;
    log_writer_progress(writer, &position);
    support_ok(log_writer_close(writer, &error), error);

    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    guint instructions = 0;

    do {
        ck_assert_int_eq(log_cursor_next_raw(cursor, &event, &error), LOG_STEP_EVENT);
        instructions += event.event.kind == EVENT_INSTRUCTION;
    } while (event.event.kind != EVENT_INPUT_SYNC);
    ck_assert_uint_eq(event.position.icount, G_GUINT64_CONSTANT(0x300000005));
    ck_assert_uint_eq(instructions, 4);
    close(fd);
}
END_TEST

/* --- damage --------------------------------------------------------------- */

typedef enum Outcome {
    OUTCOME_GOOD,    /* read to the end, nothing was said */
    OUTCOME_NOTED,   /* all or a part was read, and something was said */
    OUTCOME_REFUSED, /* an error, perhaps after a good part */
} Outcome;

/* Reads a log that may be damaged. All that it hands out must be what was written. */
static Outcome read_damaged(const GByteArray *bytes, const GArray *written, guint *count,
                            char **said)
{
    g_autoptr(GError) error = NULL;
    int fd = support_file_with(bytes->data, bytes->len);
    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    Outcome outcome;

    close(fd);
    *count = 0;
    if (!reader) {
        *said = g_strdup(error->message);
        return OUTCOME_REFUSED;
    }
    *count = read_log(reader, written, &error);
    outcome = error ? OUTCOME_REFUSED : log_reader_notes(reader)[0] ? OUTCOME_NOTED : OUTCOME_GOOD;
    *said = error ? g_strdup(error->message) : g_strjoinv("; ", (char **)log_reader_notes(reader));
    if (!error && *count < written->len && log_reader_closed(reader)) {
        ck_abort_msg("a shorter log passes as closed");
    }
    return outcome;
}

static guint segment_at(const GByteArray *bytes, gsize offset)
{
    gsize at = LOG_SEGMENTS_OFFSET;
    LogSegment segment;

    while (at + LOG_SEGMENT_HEADER_SIZE <= bytes->len &&
           log_segment_decode(bytes->data + at, &segment)) {
        at += LOG_SEGMENT_HEADER_SIZE + segment.packed_length;
        if (offset < at) {
            return segment.number;
        }
    }
    return G_MAXUINT;
}

static void check_flip(const GByteArray *bytes, gsize offset, guint8 mask, const GArray *written)
{
    g_autoptr(GByteArray) copy = g_byte_array_new();
    g_autofree char *said = NULL;
    g_autofree char *name = NULL;
    guint segment = offset < LOG_SEGMENTS_OFFSET ? G_MAXUINT : segment_at(bytes, offset);
    guint count;

    g_byte_array_append(copy, bytes->data, bytes->len);
    copy->data[offset] ^= mask;

    Outcome outcome = read_damaged(copy, written, &count, &said);

    ck_assert_msg(outcome != OUTCOME_GOOD, "a change of byte %zu by 0x%02x went unnoticed", offset,
                  mask);
    if (segment != G_MAXUINT) {
        name = g_strdup_printf("segment %u of the log (offset ", segment);
        ck_assert_msg(strstr(said, name), "byte %zu is in segment %u, but: %s", offset, segment,
                      said);
    }
}

static void check_all_flips(gboolean closed)
{
    g_autoptr(GArray) written = written_new();
    int fd = support_file();

    write_log(fd, 7, 60, closed, written);

    g_autoptr(GByteArray) bytes = support_read(fd);

    ck_assert_uint_lt(bytes->len, 20000);
    for (gsize offset = 0; offset < bytes->len; offset++) {
        check_flip(bytes, offset, 1 << (offset % 8), written);
        check_flip(bytes, offset, 0xff, written);
    }
    close(fd);
}

START_TEST(test_each_flipped_byte_of_a_closed_log)
{
    check_all_flips(TRUE);
}
END_TEST

START_TEST(test_each_flipped_byte_of_an_open_log)
{
    check_all_flips(FALSE);
}
END_TEST

START_TEST(test_each_truncation)
{
    g_autoptr(GArray) written = written_new();
    int fd = support_file();

    write_log(fd, 8, 60, TRUE, written);

    g_autoptr(GByteArray) bytes = support_read(fd);
    guint last = 0;

    for (gsize length = 0; length < bytes->len; length++) {
        g_autoptr(GByteArray) copy = g_byte_array_new();
        g_autofree char *said = NULL;
        guint count;

        g_byte_array_append(copy, bytes->data, length);

        Outcome outcome = read_damaged(copy, written, &count, &said);

        ck_assert_int_eq(outcome == OUTCOME_REFUSED, length < LOG_SEGMENTS_OFFSET);
        ck_assert_msg(outcome != OUTCOME_GOOD, "cut to %zu bytes: nothing was said", length);
        ck_assert_uint_ge(count, last);
        last = count;
    }
    ck_assert_uint_eq(last, written->len);
    close(fd);
}
END_TEST

START_TEST(test_random_damage)
{
    g_autoptr(GArray) written = written_new();
    int fd = support_file();

    write_log(fd, 9, 200, _i, written);

    g_autoptr(GByteArray) bytes = support_read(fd);
    Dice dice = { 10 };

    for (guint round = 0; round < 2000; round++) {
        g_autoptr(GByteArray) copy = g_byte_array_new();
        g_autofree char *said = NULL;
        guint count;

        g_byte_array_append(copy, bytes->data, bytes->len);
        for (guint i = 0; i <= dice_below(&dice, 4); i++) {
            copy->data[dice_below(&dice, copy->len)] ^= 1 + dice_below(&dice, 255);
        }
        if (dice_below(&dice, 4) == 0) {
            g_byte_array_set_size(copy, dice_below(&dice, copy->len));
        }
        ck_assert_int_ne(read_damaged(copy, written, &count, &said), OUTCOME_GOOD);
    }
    close(fd);
}
END_TEST

/* Damage under a right checksum: what a hostile file would hold. */
START_TEST(test_sealed_nonsense)
{
    Dice dice = { 11 };

    for (guint round = 0; round < 5000; round++) {
        int fd = support_file();
        g_autoptr(GError) error = NULL;
        Position start = { 0, 0, 0 };
        g_autoptr(LogFile) file = log_file_new(fd, &start, &error);
        guint8 raw[64];
        LogSegment segment = { .last_icount = dice_below(&dice, 3),
                               .first_icount = dice_below(&dice, 8) == 0,
                               .events = 1 + dice_below(&dice, 3) };
        gsize length = dice_below(&dice, sizeof(raw));

        for (gsize i = 0; i < length; i++) {
            raw[i] = dice_below(&dice, 2) ? dice_below(&dice, 40) : dice_below(&dice, 3);
        }
        support_ok(log_file_append(file, &segment, raw, length, &error), error);

        g_autoptr(LogReader) reader = log_reader_new(fd, &error);

        support_ok(reader != NULL, error);
        if (!log_verify(reader, &error)) {
            ck_assert_msg(strstr(error->message, "segment 0"), "%s", error->message);
        }
        close(fd);
    }
}
END_TEST

/* A frame that claims or holds more than its header says, and one that unpacks to gigabytes. */
START_TEST(test_sizes_are_not_believed)
{
    static const guint32 lengths[] = {
        0, 1, 99, 101, LOG_SEGMENT_RAW_MAX, LOG_SEGMENT_RAW_MAX + 1, G_MAXUINT32
    };

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        int fd = support_file();
        g_autoptr(GError) error = NULL;
        Position start = { 0, 0, 0 };
        g_autoptr(LogFile) file = log_file_new(fd, &start, &error);
        guint8 raw[100] = { EVENT_INPUT_SYNC };
        LogSegment segment = { .events = 1 };

        support_ok(log_file_append(file, &segment, raw, sizeof(raw), &error), error);

        g_autoptr(GByteArray) bytes = support_read(fd);
        guint8 *header = bytes->data + LOG_SEGMENTS_OFFSET;

        segment.raw_length = lengths[i];
        log_segment_encode(header, &segment);
        log_segment_hash(header, header + LOG_SEGMENT_HEADER_SIZE, segment.packed_length,
                         &segment.hash);
        log_segment_encode(header, &segment);

        int bad = support_file_with(bytes->data, bytes->len);
        g_autoptr(LogReader) reader = log_reader_new(bad, &error);

        ck_assert_ptr_nonnull(reader);
        ck_assert_uint_eq(log_reader_segments(reader), 0);
        ck_assert_ptr_nonnull(strstr(log_reader_notes(reader)[0], "segment 0"));
        close(fd);
        close(bad);
    }
}
END_TEST

/* Two segments with right hashes of their own, the second from another log. */
static int spliced_log(gboolean indexed)
{
    GByteArray *files[2];
    int spliced;

    for (guint i = 0; i < 2; i++) {
        int fd = support_file();
        Position start = { 0, 0, 0 };
        g_autoptr(LogFile) file = log_file_new(fd, &start, NULL);
        guint8 raw[4] = { EVENT_INPUT_BUTTON, i, 1, 1 };
        guint8 end[1] = { EVENT_END };
        LogSegment first = { .events = 1 };
        LogSegment second = { .events = 1, .first_event = 1, .flags = LOG_SEGMENT_HAS_END };

        ck_assert(log_file_append(file, &first, raw, sizeof(raw), NULL));
        ck_assert(log_file_append(file, &second, end, sizeof(end), NULL));
        ck_assert(!indexed || log_file_write_index(file, NULL));
        files[i] = support_read(fd);
        memcpy(files[0]->data + second.offset, files[i]->data + second.offset,
               LOG_SEGMENT_HEADER_SIZE + second.packed_length);
        close(fd);
    }
    spliced = support_file_with(files[0]->data, files[0]->len);
    g_byte_array_unref(files[0]);
    g_byte_array_unref(files[1]);
    return spliced;
}

START_TEST(test_foreign_segments_are_refused)
{
    g_autoptr(GError) error = NULL;
    int fd = spliced_log(_i);
    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    gboolean verified;

    support_ok(reader != NULL, error);
    verified = log_verify(reader, &error);
    ck_assert_ptr_nonnull(log_reader_notes(reader)[0]);
    ck_assert_ptr_nonnull(strstr(log_reader_notes(reader)[0], "does not follow"));
    ck_assert_int_eq(verified, !_i);
    ck_assert_int_eq(log_reader_closed(reader), _i);
    close(fd);
}
END_TEST

START_TEST(test_flushed_is_written)
{
    g_autoptr(GError) error = NULL;
    int fd = support_file();
    Position position = { 0, 0, 0 };
    g_autoptr(LogWriter) writer = log_writer_new(fd, &position, &error);
    g_autofree guint8 *large = g_malloc0(EVENT_BYTES_MAX);
    Dice dice = { 12 };

    for (guint i = 0; i < EVENT_BYTES_MAX; i++) {
        large[i] = dice_roll(&dice);
    }
    for (guint i = 1; i <= 40; i++) {
        Event event = { .kind = EVENT_CHAR_READ, .char_read = { 0, large, EVENT_BYTES_MAX } };

        position.icount++;
        log_writer_append(writer, &position, &event);
        support_ok(log_writer_flush(writer, &error), error);

        g_autoptr(LogReader) reader = log_reader_new(fd, &error);

        support_ok(reader != NULL, error);
        ck_assert_uint_eq(log_reader_segments(reader), i);
    }
    close(fd);
}
END_TEST

START_TEST(test_other_versions_are_refused)
{
    g_autoptr(GArray) written = written_new();
    g_autoptr(GError) error = NULL;
    int fd = support_file();

    write_log(fd, 8, 3, TRUE, written);
    ck_assert_int_eq(pwrite(fd, "\x50\x50\x00\x03", 4, 0), 4);
    ck_assert_ptr_null(log_reader_new(fd, &error));
    ck_assert(g_error_matches(error, LOG_ERROR, LOG_ERROR_VERSION));
    ck_assert_str_eq(error->message, "the log has version 0x50500003, this build reads 0x50500002");
    close(fd);
}
END_TEST

/* --- crashes -------------------------------------------------------------- */

/* Child: appends numbered events, tells the parent how many, until it is killed. */
static void record_until_killed(int fd, volatile guint64 *appended)
{
    Position position = { 0, 0, 0 };
    LogWriter *writer = log_writer_new(fd, &position, NULL);

    for (guint32 i = 0;; i++) {
        Event event = { .kind = EVENT_INPUT_KEY, .input_key = { 0, i, 0 } };

        position.icount += 1000;
        position.virtual_ns += 1000;
        log_writer_append(writer, &position, &event);
        appended[0] = i + 1;
        appended[1] = g_get_monotonic_time();
        g_usleep(1000);
    }
}

START_TEST(test_killed_writer_loses_at_most_100_ms)
{
    int fd = support_file();
    /* [0] events appended; child's last time [1]. */
    volatile guint64 *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();

    if (child == 0) {
        record_until_killed(fd, shared);
    }
    while (shared[0] < 450 + (guint)_i * 37) {
        g_usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);

    g_autoptr(GError) error = NULL;
    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    Position start, end;
    LogEvent event;
    guint32 count = 0;

    support_ok(reader != NULL, error);
    ck_assert(!log_reader_closed(reader));
    while (log_cursor_next(cursor, &event, &error) == LOG_STEP_EVENT) {
        ck_assert_uint_eq(event.event.input_key.number, count);
        count++;
    }
    support_ok(TRUE, error);
    log_reader_range(reader, &start, &end);
    ck_assert_uint_eq(end.icount, (guint64)count * 1000);
    /* An event each ms: at most 100 lost, twice that on a host that is slow to wake the thread. */
    ck_assert_uint_gt(count, 100);
    ck_assert_msg(shared[0] - count <= 200, "%u of %u events were saved", count, (guint)shared[0]);
    munmap((void *)shared, 4096);
    close(fd);
}
END_TEST

START_TEST(test_idle_machine_adds_nothing)
{
    int fd = support_file();
    g_autoptr(GError) error = NULL;
    Position position = { 0, 0, 0 };
    g_autoptr(LogWriter) writer = log_writer_new(fd, &position, &error);
    LogWriterCounters counters;
    struct stat status;

    for (guint i = 0; i < 4; i++) {
        position.virtual_ns += 1000;
        position.sequence++;
        log_writer_progress(writer, &position);
        support_ok(log_writer_flush(writer, &error), error);
    }
    fstat(fd, &status);
    ck_assert_int_eq(status.st_size, LOG_SEGMENTS_OFFSET);
    log_writer_counters(writer, &counters);
    ck_assert_uint_eq(counters.file, LOG_SEGMENTS_OFFSET);
    g_clear_pointer(&writer, log_writer_free);

    g_autoptr(LogReader) reader = log_reader_new(fd, &error);
    Position start, end;

    support_ok(reader != NULL, error);
    log_reader_range(reader, &start, &end);
    ck_assert_int_eq(position_compare(&end, &position), 0);
    close(fd);
}
END_TEST

START_TEST(test_full_disk_is_reported)
{
    struct rlimit limit = { 8192, 8192 };
    g_autoptr(GError) error = NULL;
    Position position = { 0, 0, 0 };
    char name[] = "/tmp/powerplay-log-XXXXXX";
    int fd = g_mkstemp(name);
    LogWriter *writer = log_writer_new(fd, &position, &error);

    unlink(name);
    support_ok(writer != NULL, error);
    roll_noise();
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (guint i = 0; i < 100; i++) {
        Event event = { .kind = EVENT_CHAR_READ, .char_read = { 0, noise, sizeof(noise) } };

        position.icount++;
        log_writer_append(writer, &position, &event);
        log_writer_flush(writer, NULL);
    }
    ck_assert(log_writer_failed(writer, NULL));
    ck_assert(!log_writer_close(writer, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "cannot write the log at offset"));
    g_clear_error(&error);

    g_autoptr(LogReader) reader = log_reader_new(fd, &error);

    support_ok(reader != NULL, error);
    ck_assert_uint_ge(log_reader_segments(reader), 1);
    support_ok(log_verify(reader, &error), error);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *events = tcase_create("events");
    TCase *logs = tcase_create("logs");
    TCase *damage = tcase_create("damage");
    TCase *crashes = tcase_create("crashes");

    roll_noise();
    tcase_set_timeout(events, 60);
    tcase_add_test(events, test_each_event_survives_encoding);
    tcase_add_test(events, test_known_encodings);
    tcase_add_test(events, test_each_event_survives_json);
    tcase_add_test(events, test_bad_json_is_no_event);
    tcase_add_test(events, test_bad_events_are_refused);
    suite_add_tcase(suite, events);
    tcase_set_timeout(logs, 60);
    tcase_add_loop_test(logs, test_round_trip, 0, 5);
    tcase_add_test(logs, test_gap_of_more_than_32_bits);
    suite_add_tcase(suite, logs);
    tcase_set_timeout(damage, 240);
    tcase_add_test(damage, test_each_flipped_byte_of_a_closed_log);
    tcase_add_test(damage, test_each_flipped_byte_of_an_open_log);
    tcase_add_test(damage, test_each_truncation);
    tcase_add_loop_test(damage, test_random_damage, 0, 2);
    tcase_add_test(damage, test_sealed_nonsense);
    tcase_add_test(damage, test_sizes_are_not_believed);
    tcase_add_loop_test(damage, test_foreign_segments_are_refused, 0, 2);
    tcase_add_test(logs, test_flushed_is_written);
    tcase_add_test(damage, test_other_versions_are_refused);
    suite_add_tcase(suite, damage);
    tcase_set_timeout(crashes, 60);
    tcase_add_loop_test(crashes, test_killed_writer_loses_at_most_100_ms, 0, 5);
    tcase_add_test(crashes, test_idle_machine_adds_nothing);
    tcase_add_test(crashes, test_full_disk_is_reported);
    suite_add_tcase(suite, crashes);
    return check_run(suite);
}
