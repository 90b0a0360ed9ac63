/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Record and replay of a toy machine: what was recorded comes back, what differs is found. */
#include "tests/replay/fake-machine.h"

#include "replay/log-file.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RUN (HASH_POINT_INTERVAL + 1234567)

typedef struct Recorded {
    int fd;
    FakeState state; /* at the end */
    guint8 ram[FAKE_PAGES * HASH_RAM_PAGE];
    char *events_seen;
    ReplayCounters counters;
    guint64 boundaries;
} Recorded;

static void recorded_free(Recorded *recorded)
{
    close(recorded->fd);
    g_free(recorded->events_seen);
    g_free(recorded);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recorded, recorded_free)

static void begin_record(FakeMachine *machine, int fd, SyncLevel level)
{
    g_autoptr(GError) error = NULL;
    Position position = fake_position(machine);
    LogWriter *writer = log_writer_new(fd, &position, &error);

    support_ok(writer != NULL, error);
    machine->log = writer;
    replay_record(machine->replay, writer, level, &position, fake_hash_all(machine));
}

static Recorded *record_with(guint64 seed, guint64 icount, SyncLevel level, guint revisit_odds,
                             gboolean rest_inside)
{
    g_autoptr(FakeMachine) machine = fake_new(seed);
    g_autoptr(GError) error = NULL;
    Recorded *recorded = g_new0(Recorded, 1);

    recorded->fd = support_file();
    machine->revisit_odds = revisit_odds;
    begin_record(machine, recorded->fd, level);
    fake_run(machine, icount);
    if (rest_inside) {
        fake_rest_inside(machine);
    }
    replay_counters(machine->replay, &recorded->counters);

    Position position = fake_position(machine);

    support_ok(replay_finish(machine->replay, &position, fake_hash_all(machine), &error), error);
    ck_assert_int_eq(replay_mode(machine->replay), REPLAY_NONE);
    recorded->state = machine->state;
    recorded->events_seen = g_strdup(machine->events_seen->str);
    recorded->boundaries = machine->boundaries;
    memcpy(recorded->ram, machine->ram, sizeof(recorded->ram));
    return recorded;
}

static Recorded *record(guint64 seed, guint64 icount, SyncLevel level)
{
    return record_with(seed, icount, level, 0, FALSE);
}

static void begin_play(FakeMachine *machine, int fd, SyncLevel level)
{
    g_autoptr(GError) error = NULL;
    Position position = fake_position(machine);
    LogReader *reader = log_reader_new(fd, &error);

    support_ok(reader != NULL, error);
    replay_play(machine->replay, reader, level, &position, fake_hash_all(machine));
}

static void assert_held(FakeMachine *machine, const Recorded *recorded)
{
    const ReplayDivergence *divergence = replay_divergence(machine->replay);
    const GError *failure = replay_failure(machine->replay);
    g_autofree char *difference =
        state_compare_first(&fake_state, &machine->state, &recorded->state);

    ck_assert_msg(!divergence, "%s", divergence ? divergence->text : "");
    ck_assert_msg(!failure, "%s", failure ? failure->message : "");
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_ENDED);
    ck_assert_msg(!difference, "%s", difference);
    ck_assert_str_eq(machine->events_seen->str, recorded->events_seen);
    ck_assert_mem_eq(machine->ram, recorded->ram, sizeof(recorded->ram));
}

static void play_and_compare(const Recorded *recorded, guint64 seed, guint64 quantum,
                             SyncLevel level)
{
    g_autoptr(FakeMachine) machine = fake_new(seed);
    ReplayCounters counters;

    machine->quantum_limit = quantum;
    begin_play(machine, recorded->fd, level);
    fake_play_to_end(machine);
    assert_held(machine, recorded);
    replay_counters(machine->replay, &counters);
    ck_assert_uint_eq(counters.inputs, recorded->counters.inputs);
    ck_assert_uint_eq(counters.values, recorded->counters.values);
    ck_assert_uint_eq(counters.notes, recorded->counters.notes);
    ck_assert_uint_gt(counters.inputs, 100);
    ck_assert_uint_gt(counters.values, 100);
    ck_assert_uint_gt(counters.notes, 10);
    ck_assert_uint_eq(counters.hashes, 3);
    ck_assert_uint_eq(counters.hashes_unverified, 0);
}

START_TEST(test_replay_equals_record)
{
    g_autoptr(Recorded) recorded = record(1 + _i, RUN, _i % 3);

    play_and_compare(recorded, 1000 + _i, 65536, _i % 3);
    play_and_compare(recorded, 2000 + _i, 7, _i % 3);
    if (_i == 0) {
        play_and_compare(recorded, 3000, 1, SYNC_MINIMAL);
    }
}
END_TEST

START_TEST(test_idle_and_short_quanta_in_record)
{
    g_autoptr(FakeMachine) machine = fake_new(77);
    g_autoptr(FakeMachine) player = fake_new(78);
    g_autoptr(GError) error = NULL;
    int fd = support_file();

    machine->quantum_limit = 3;
    machine->input_odds = 200;
    begin_record(machine, fd, SYNC_FULL);
    fake_run(machine, 2000000);

    Position position = fake_position(machine);

    support_ok(replay_finish(machine->replay, &position, fake_hash_all(machine), &error), error);
    begin_play(player, fd, SYNC_FULL);
    fake_play_to_end(player);
    ck_assert_int_eq(replay_status(player->replay), REPLAY_STATUS_ENDED);
    ck_assert_str_eq(player->events_seen->str, machine->events_seen->str);
    ck_assert_uint_eq(player->state.x, machine->state.x);
    close(fd);
}
END_TEST

/* Ends at any place, also idle and inside a boundary. */
START_TEST(test_end_anywhere)
{
    for (guint i = 0; i < 300; i++) {
        g_autoptr(Recorded) recorded = record(5000 + i, 1 + i * 37, SYNC_MINIMAL);
        g_autoptr(FakeMachine) machine = fake_new(9000 + i);

        begin_play(machine, recorded->fd, SYNC_MINIMAL);
        fake_play_to_end(machine);
        assert_held(machine, recorded);
    }
}
END_TEST

/* A kick makes the machine visit a boundary twice; inputs must not slip in between. */
START_TEST(test_boundaries_visited_twice)
{
    for (guint i = 0; i < 20; i++) {
        g_autoptr(Recorded) recorded = record_with(6000 + i, 3000000, SYNC_FULL, 2, i % 2);
        g_autoptr(FakeMachine) machine = fake_new(6100 + i);

        machine->revisit_odds = i % 3 ? 3 : 0;
        begin_play(machine, recorded->fd, SYNC_FULL);
        fake_play_to_end(machine);
        assert_held(machine, recorded);
    }
}
END_TEST

/* Ends after a boundary was worked through: inputs and timers of that position have happened. */
START_TEST(test_end_inside_a_boundary)
{
    for (guint i = 0; i < 300; i++) {
        g_autoptr(Recorded) recorded = record_with(7000 + i, 1 + i * 37, SYNC_MINIMAL, 0, TRUE);
        g_autoptr(FakeMachine) machine = fake_new(7500 + i);

        begin_play(machine, recorded->fd, SYNC_MINIMAL);
        fake_play_to_end(machine);
        assert_held(machine, recorded);
    }
}
END_TEST

static void copy_events(int fd, GByteArray *out)
{
    g_autoptr(LogReader) reader = log_reader_new(fd, NULL);
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    LogEvent event;

    while (log_cursor_next_raw(cursor, &event, NULL) == LOG_STEP_EVENT) {
        event_encode(&event.event, out);
    }
}

START_TEST(test_recording_a_replay_gives_the_same_bytes)
{
    g_autoptr(Recorded) recorded = record(42, RUN, _i);
    g_autoptr(FakeMachine) machine = fake_new(43);
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    Position start = fake_position(machine);
    int fd = support_file();

    replay_set_echo(machine->replay, log_writer_new(fd, &start, &error));
    begin_play(machine, recorded->fd, _i);
    fake_play_to_end(machine);
    assert_held(machine, recorded);
    copy_events(recorded->fd, first);
    copy_events(fd, second);
    ck_assert_uint_gt(first->len, 10000);
    ck_assert_uint_eq(first->len, second->len);
    ck_assert_int_eq(memcmp(first->data, second->data, first->len), 0);
    close(fd);
}
END_TEST

START_TEST(test_stripped_log_plays)
{
    g_autoptr(Recorded) recorded = record(11, RUN, SYNC_MINIMAL);
    g_autoptr(FakeMachine) machine = fake_new(12);
    g_autoptr(LogReader) reader = log_reader_new(recorded->fd, NULL);
    g_autoptr(GError) error = NULL;
    ReplayCounters counters;
    int fd = support_file();

    support_ok(log_strip(reader, fd, &error), error);
    begin_play(machine, fd, SYNC_MINIMAL);
    fake_play_to_end(machine);
    assert_held(machine, recorded);
    replay_counters(machine->replay, &counters);
    ck_assert_uint_eq(counters.hashes, 3);
    ck_assert_uint_eq(counters.hashes_unverified, 3);
    close(fd);
}
END_TEST

/* --- divergence ----------------------------------------------------------- */

START_TEST(test_changed_register_is_found_and_named)
{
    g_autoptr(FakeMachine) recorder = fake_new(21);
    g_autoptr(FakeMachine) machine = fake_new(22);
    g_autoptr(GError) error = NULL;
    int fd = support_file();

    /* A byte that steers nothing: only the digest can find it. */
    begin_record(recorder, fd, SYNC_MINIMAL);
    fake_run(recorder, RUN);

    Position position = fake_position(recorder);

    support_ok(replay_finish(recorder->replay, &position, fake_hash_all(recorder), &error), error);
    begin_play(machine, fd, SYNC_MINIMAL);
    fake_run(machine, HASH_POINT_INTERVAL - 100);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_PLAYING);
    machine->state.reserved[1] = 1;
    fake_play_to_end(machine);

    const ReplayDivergence *divergence = replay_divergence(machine->replay);

    ck_assert_ptr_nonnull(divergence);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_DIVERGED);
    ck_assert_uint_eq(divergence->position.icount, HASH_POINT_INTERVAL);
    ck_assert_str_eq(divergence->components[0], "cpu");
    ck_assert_ptr_null(divergence->components[1]);
    ck_assert_ptr_nonnull(strstr(divergence->text, "cpu"));
    ck_assert_ptr_nonnull(strstr(divergence->text, "offset"));
    close(fd);
}
END_TEST

/* Changes that steer the machine elsewhere: found at the latest at the next hash, never a hang. */
START_TEST(test_tampering_always_stops)
{
    g_autoptr(Recorded) recorded = record(31, HASH_POINT_INTERVAL + 1000, SYNC_MINIMAL);

    for (guint i = 0; i < 20; i++) {
        g_autoptr(FakeMachine) machine = fake_new(100 + i);
        const ReplayDivergence *divergence;

        machine->tamper_at = 1 + dice_below(&machine->host, HASH_POINT_INTERVAL);
        begin_play(machine, recorded->fd, SYNC_MINIMAL);
        fake_play_to_end(machine);
        divergence = replay_divergence(machine->replay);
        ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_DIVERGED);
        ck_assert_ptr_nonnull(divergence);
        ck_assert_uint_ge(divergence->position.icount, machine->tamper_at);
        ck_assert_uint_le(divergence->position.icount, HASH_POINT_INTERVAL);
        ck_assert_ptr_nonnull(strstr(divergence->text, "diverged at icount"));
    }
}
END_TEST

START_TEST(test_flipped_ram_is_found_at_the_end)
{
    g_autoptr(Recorded) recorded = record(51, 100000, SYNC_MINIMAL);
    g_autoptr(FakeMachine) machine = fake_new(52);

    begin_play(machine, recorded->fd, SYNC_MINIMAL);
    fake_run(machine, 50000);
    machine->ram[77 * HASH_RAM_PAGE + 5] ^= 4;
    fake_play_to_end(machine);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_DIVERGED);
    ck_assert_str_eq(replay_divergence(machine->replay)->components[0], "ram");
}
END_TEST

START_TEST(test_live_input_is_refused_in_replay)
{
    g_autoptr(Recorded) recorded = record(61, 100000, SYNC_MINIMAL);
    g_autoptr(FakeMachine) machine = fake_new(62);
    Event event = { .kind = EVENT_INPUT_SYNC };

    begin_play(machine, recorded->fd, SYNC_MINIMAL);
    fake_run(machine, 5000);

    Position position = fake_position(machine);

    ck_assert(!replay_record_input(machine->replay, &position, &event));
    ck_assert(!replay_note(machine->replay, &position, "x"));
    fake_play_to_end(machine);
    assert_held(machine, recorded);
}
END_TEST

START_TEST(test_wrong_start_is_refused)
{
    g_autoptr(Recorded) recorded = record(61, 100000, SYNC_MINIMAL);
    g_autoptr(FakeMachine) machine = fake_new(62);

    machine->state.icount = 5;
    begin_play(machine, recorded->fd, SYNC_MINIMAL);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(replay_failure(machine->replay)->message, "icount 0"));
    ck_assert_ptr_nonnull(strstr(replay_failure(machine->replay)->message, "icount 5"));
}
END_TEST

/* A disk that fails while recording stops the machine at the end of its quantum. */
START_TEST(test_failed_disk_is_told)
{
    g_autoptr(FakeMachine) machine = fake_new(63);
    g_autoptr(GError) error = NULL;
    char name[] = "/tmp/powerplay-replay-XXXXXX";
    int fd = g_mkstemp(name);
    struct rlimit limit = { 4096, 4096 };
    Position position;

    unlink(name);
    begin_record(machine, fd, SYNC_FULL);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    fake_run(machine, 4000000);
    position = fake_position(machine);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(replay_failure(machine->replay)->message, "cannot write the log"));
    ck_assert(!replay_finish(machine->replay, &position, fake_hash_all(machine), &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(replay_mode(machine->replay), REPLAY_NONE);
    close(fd);
}
END_TEST

START_TEST(test_wrong_initial_state_is_refused)
{
    g_autoptr(Recorded) recorded = record(61, 100000, SYNC_MINIMAL);
    g_autoptr(FakeMachine) machine = fake_new(62);

    machine->ram[0] = 1;
    begin_play(machine, recorded->fd, SYNC_MINIMAL);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_DIVERGED);
    ck_assert_str_eq(replay_divergence(machine->replay)->components[0], "ram");
}
END_TEST

/* --- hostile logs --------------------------------------------------------- */

typedef struct Raw {
    GByteArray *bytes;
    LogSegment segment;
} Raw;

static void raw_add(Raw *raw, const Event *event)
{
    event_encode(event, raw->bytes);
    raw->segment.events++;
    if (event->kind == EVENT_INSTRUCTION) {
        raw->segment.last_icount += event->instruction.count;
    }
}

static void change(Dice *dice, Event *event)
{
    switch (event->kind) {
    case EVENT_INSTRUCTION: event->instruction.count ^= 1u << dice_below(dice, 25); break;
    case EVENT_WAKE: event->wake.virtual_ns ^= 1u << dice_below(dice, 30); break;
    case EVENT_CHAR_READ: event->char_read.data_length /= 2; break;
    case EVENT_HASH: event->hash.kind = dice_below(dice, HASH_COUNT); break;
    case EVENT_RANDOM: event->random.result = -1; break;
    case EVENT_CLOCK: event->clock.clock ^= 1; break;
    default: event->kind = EVENT_INPUT_SYNC; break;
    }
}

/* A sound file with the same events, but for a few that are lost, doubled, changed or swapped. */
static int mutated_log(LogReader *reader, Dice *dice)
{
    g_autoptr(LogCursor) cursor = log_cursor_new(reader);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    Raw raw = { bytes, { 0 } };
    Position start = { 0, 0, 0 };
    int fd = support_file();
    g_autoptr(LogFile) file = log_file_new(fd, &start, NULL);
    guint64 odds = 1 + dice_below(dice, 300);
    LogEvent event;

    while (log_cursor_next_raw(cursor, &event, NULL) == LOG_STEP_EVENT) {
        guint64 roll = dice_below(dice, odds * 4);

        if (roll == 1) {
            raw_add(&raw, &event.event);
        } else if (roll == 2) {
            change(dice, &event.event);
        } else if (roll == 3) {
            raw_add(&raw, &(Event){ .kind = EVENT_INSTRUCTION, .instruction = { 1 } });
        }
        if (roll != 0 && (event.event.kind != EVENT_INSTRUCTION || event.event.instruction.count)) {
            raw_add(&raw, &event.event);
        }
    }
    ck_assert(log_file_append(file, &raw.segment, bytes->data, bytes->len, NULL));
    return fd;
}

START_TEST(test_hostile_logs_end_with_a_clear_status)
{
    g_autoptr(Recorded) recorded = record(91, 300000, SYNC_FULL);
    g_autoptr(LogReader) reader = log_reader_new(recorded->fd, NULL);
    Dice dice = { 92 + _i };
    guint count[REPLAY_STATUS_FAILED + 1] = { 0 };

    for (guint i = 0; i < 150; i++) {
        g_autoptr(FakeMachine) machine = fake_new(1000 + i);
        int fd = mutated_log(reader, &dice);
        ReplayStatus status;

        begin_play(machine, fd, SYNC_FULL);
        fake_play_to_end(machine);
        status = replay_status(machine->replay);
        count[status]++;
        ck_assert_int_ne(status, REPLAY_STATUS_PLAYING);
        ck_assert_int_eq(status == REPLAY_STATUS_DIVERGED,
                         replay_divergence(machine->replay) != NULL);
        ck_assert_int_eq(status == REPLAY_STATUS_FAILED, replay_failure(machine->replay) != NULL);
        ck_assert_uint_lt(machine->boundaries, 10000000);
        close(fd);
    }
    ck_assert_uint_gt(count[REPLAY_STATUS_DIVERGED], 50);
}
END_TEST

/* A log that claims to go on for ever, for a machine that waits for an input for ever. */
START_TEST(test_endless_claim_does_not_hang)
{
    g_autoptr(FakeMachine) recorder = fake_new(95);
    g_autoptr(FakeMachine) machine = fake_new(96);
    g_autoptr(GError) error = NULL;
    Position claimed = { G_GUINT64_CONSTANT(1) << 60, G_GUINT64_CONSTANT(1) << 60, 0 };
    int fd = support_file();

    begin_record(recorder, fd, SYNC_MINIMAL);
    log_writer_progress(recorder->log, &claimed);
    support_ok(log_writer_flush(recorder->log, &error), error);
    begin_play(machine, fd, SYNC_MINIMAL);
    fake_play_to_end(machine);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_SHORT);
    ck_assert_uint_lt(machine->state.icount, HASH_POINT_INTERVAL);
    close(fd);
}
END_TEST

/* --- recordings that were not closed -------------------------------------- */

START_TEST(test_recording_without_end_plays_to_where_it_came)
{
    g_autoptr(FakeMachine) recorder = fake_new(71);
    g_autoptr(FakeMachine) machine = fake_new(72);
    g_autoptr(FakeMachine) idle = fake_new(73);
    int fd = support_file();

    begin_record(recorder, fd, SYNC_MINIMAL);
    fake_run(recorder, 3000000);

    /* As a crash: the thread has written, nothing was closed. */
    Position position = fake_position(recorder);

    g_clear_pointer(&recorder->replay, replay_free);
    recorder->replay = replay_new(&recorder->sources);
    begin_play(machine, fd, SYNC_MINIMAL);
    fake_play_to_end(machine);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_SHORT);
    ck_assert_uint_eq(machine->state.icount, position.icount);
    ck_assert_str_eq(machine->events_seen->str, recorder->events_seen->str);
    close(fd);
}
END_TEST

/* Cut anywhere: the replay runs as far as the log goes, says so, and has seen the same inputs. */
START_TEST(test_cut_logs_play_as_far_as_they_go)
{
    g_autoptr(Recorded) recorded = record(74, 4000000, SYNC_FULL);
    g_autoptr(GByteArray) bytes = support_read(recorded->fd);
    Dice dice = { 75 };

    for (guint i = 0; i < 60; i++) {
        g_autoptr(FakeMachine) machine = fake_new(76 + i);
        gsize length = LOG_SEGMENTS_OFFSET + dice_below(&dice, bytes->len - LOG_SEGMENTS_OFFSET);
        int fd = support_file_with(bytes->data, length);
        ReplayStatus status;

        begin_play(machine, fd, SYNC_FULL);
        fake_play_to_end(machine);
        status = replay_status(machine->replay);
        ck_assert_msg(status == REPLAY_STATUS_SHORT || status == REPLAY_STATUS_ENDED,
                      "cut to %zu: %s", length, replay_status_name(status));
        ck_assert(g_str_has_prefix(recorded->events_seen, machine->events_seen->str));
        ck_assert_uint_le(machine->state.icount, recorded->state.icount + 1);
        ck_assert(machine->state.icount > 0 || length < bytes->len / 2);
        close(fd);
    }
}
END_TEST

START_TEST(test_recording_from_the_middle)
{
    g_autoptr(FakeMachine) recorder = fake_new(81);
    g_autoptr(FakeMachine) machine = fake_new(82);
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    g_autoptr(GError) error = NULL;
    int fd = support_file();

    fake_run(recorder, 1234567 + _i * 1000);

    Position position = fake_position(recorder);

    /* The start snapshot: state, RAM, and whether inputs were taken here already. */
    fake_hash_all(recorder);
    state_save(writer, &fake_state, &recorder->state);
    state_save(writer, &replay_state, replay_get_state(recorder->replay, &position));
    state_writer_bytes(writer, recorder->ram, FAKE_PAGES * HASH_RAM_PAGE);
    g_string_truncate(recorder->events_seen, 0);
    begin_record(recorder, fd, SYNC_FULL);
    fake_run(recorder, 3000000);
    position = fake_position(recorder);
    support_ok(replay_finish(recorder->replay, &position, fake_hash_all(recorder), &error), error);

    g_autoptr(GBytes) bytes = state_writer_close_bytes(writer, &error);
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

    support_ok(state_load(reader, &fake_state, &machine->state, &error), error);
    support_ok(state_load(reader, &replay_state, replay_get_state(machine->replay, NULL), &error),
               error);
    state_reader_bytes(reader, machine->ram, FAKE_PAGES * HASH_RAM_PAGE);
    support_ok(state_reader_finish(reader, &error), error);
    begin_play(machine, fd, SYNC_FULL);
    fake_play_to_end(machine);
    ck_assert_int_eq(replay_status(machine->replay), REPLAY_STATUS_ENDED);
    ck_assert_str_eq(machine->events_seen->str, recorder->events_seen->str);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *same = tcase_create("same");
    TCase *different = tcase_create("different");

    tcase_set_timeout(same, 120);
    tcase_add_loop_test(same, test_replay_equals_record, 0, 3);
    tcase_add_test(same, test_idle_and_short_quanta_in_record);
    tcase_add_test(same, test_end_anywhere);
    tcase_add_test(same, test_boundaries_visited_twice);
    tcase_add_test(same, test_end_inside_a_boundary);
    tcase_add_loop_test(same, test_recording_a_replay_gives_the_same_bytes, 0, 3);
    tcase_add_test(same, test_stripped_log_plays);
    tcase_add_test(same, test_recording_without_end_plays_to_where_it_came);
    tcase_add_test(same, test_cut_logs_play_as_far_as_they_go);
    tcase_add_loop_test(same, test_recording_from_the_middle, 0, 20);
    suite_add_tcase(suite, same);
    tcase_set_timeout(different, 120);
    tcase_add_test(different, test_changed_register_is_found_and_named);
    tcase_add_test(different, test_tampering_always_stops);
    tcase_add_test(different, test_flipped_ram_is_found_at_the_end);
    tcase_add_test(different, test_live_input_is_refused_in_replay);
    tcase_add_test(different, test_wrong_start_is_refused);
    tcase_add_loop_test(different, test_hostile_logs_end_with_a_clear_status, 0, 4);
    tcase_add_test(different, test_endless_claim_does_not_hang);
    tcase_add_test(different, test_failed_disk_is_told);
    tcase_add_test(different, test_wrong_initial_state_is_refused);
    suite_add_tcase(suite, different);
    return check_run(suite);
}
