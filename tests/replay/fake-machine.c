/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/replay/fake-machine.h"

#include <string.h>

/* clang-format off */
const StateTable fake_state = {
    "fake", 1, sizeof(FakeState), (const StateField[]) {
        STATE_FIELD(FakeState, icount, "instructions"),
        STATE_FIELD(FakeState, warp, "time skipped"),
        STATE_FIELD(FakeState, x, "the only register"),
        STATE_FIELD(FakeState, deadline, "of the timer"),
        STATE_FIELD(FakeState, inputs, "received"),
        STATE_FIELD(FakeState, sequence, "warps at this icount"),
        STATE_FIELD(FakeState, idle, "waits for an interrupt"),
        STATE_FIELD(FakeState, pending, "interrupt"),
        STATE_BYTES(FakeState, reserved, "zero"),
        STATE_STRUCT(FakeState, console, &output_hash_state, "bytes sent"),
        STATE_STRUCT(FakeState, ram_hash, &ram_hash_state, "cursor"),
        STATE_DONE
    }
};
/* clang-format on */

static gint64 read_clock(gpointer user)
{
    FakeMachine *machine = user;

    machine->clock += dice_below(&machine->host, 1000000);
    return machine->clock;
}

static gint32 read_random(gpointer user, guint8 *buffer, guint32 length)
{
    FakeMachine *machine = user;

    if (dice_below(&machine->host, 8) == 0) {
        return -5;
    }
    for (guint32 i = 0; i < length; i++) {
        buffer[i] = dice_roll(&machine->host);
    }
    return 0;
}

FakeMachine *fake_new(guint64 seed)
{
    FakeMachine *machine = g_new0(FakeMachine, 1);

    machine->host.state = seed;
    machine->ram = g_malloc0(FAKE_PAGES * HASH_RAM_PAGE);
    machine->sources = (ReplaySources){ read_clock, read_clock, read_random, machine };
    machine->replay = replay_new(&machine->sources);
    machine->hashes = hash_list_new();
    machine->quantum_limit = 65536;
    machine->input_odds = 4;
    machine->events_seen = g_string_new(NULL);
    machine->state.x = 1;
    machine->state.deadline = G_MAXUINT64;
    return machine;
}

void fake_free(FakeMachine *machine)
{
    replay_free(machine->replay);
    hash_list_free(machine->hashes);
    g_string_free(machine->events_seen, TRUE);
    g_free(machine->ram);
    g_free(machine);
}

Position fake_position(const FakeMachine *machine)
{
    const FakeState *state = &machine->state;

    return (Position){ state->icount, state->icount + state->warp, state->sequence };
}

/* --- hashes --------------------------------------------------------------- */

static guint64 next_dirty(gpointer user, guint64 from)
{
    FakeMachine *machine = user;

    while (from < FAKE_PAGES && !machine->dirty[from]) {
        from++;
    }
    return from;
}

static RamView ram_view(FakeMachine *machine)
{
    return (RamView){ machine->ram, FAKE_PAGES, next_dirty, machine };
}

const HashList *fake_hash_all(FakeMachine *machine)
{
    RamView view = ram_view(machine);

    hash_list_reset(machine->hashes);
    ram_hash_all(&machine->state.ram_hash, &view, "", machine->hashes);
    memset(machine->dirty, 0, sizeof(machine->dirty));
    hash_list_add_struct(machine->hashes, "cpu", &fake_state, &machine->state);
    return machine->hashes;
}

static void hash_point(FakeMachine *machine, const Position *position)
{
    RamView view = ram_view(machine);

    hash_list_reset(machine->hashes);
    hash_list_add_struct(machine->hashes, "cpu", &fake_state, &machine->state);
    ram_hash_point(&machine->state.ram_hash, &view, position->icount, "", machine->hashes);
    memset(machine->dirty, 0, sizeof(machine->dirty));
    replay_hash_point(machine->replay, position, machine->hashes);
}

/* --- boundary ------------------------------------------------------------- */

static void deliver(FakeMachine *machine, const Event *event)
{
    g_autofree char *text = event_to_text(event);

    g_string_append_printf(machine->events_seen, "%" G_GUINT64_FORMAT " %s\n",
                           machine->state.icount, text);
    machine->state.inputs++;
    machine->state.x ^= event->kind;
    if (event->kind == EVENT_CHAR_READ) {
        for (guint i = 0; i < event->char_read.data_length; i++) {
            machine->state.x = machine->state.x * 31 + event->char_read.data[i];
        }
        machine->state.pending = true;
        /* Timers and inputs at one position must keep their order. */
        machine->state.deadline =
            MIN(machine->state.deadline, machine->state.icount + machine->state.warp);
    }
}

/* What comes in from the host at this boundary. */
static void take_live_inputs(FakeMachine *machine, const Position *position)
{
    guint8 data[16];
    guint count = dice_below(&machine->host, machine->input_odds) == 0
                      ? 1 + dice_below(&machine->host, 3)
                      : 0;

    for (guint i = 0; i < count; i++) {
        Event event = { .kind = EVENT_CHAR_READ, .char_read = { 1, data, 0 } };

        event.char_read.data_length = dice_below(&machine->host, sizeof(data));
        for (guint j = 0; j < event.char_read.data_length; j++) {
            data[j] = dice_roll(&machine->host);
        }
        if (dice_below(&machine->host, 4) == 0) {
            event = (Event){ .kind = EVENT_INPUT_SYNC };
        }
        if (replay_record_input(machine->replay, position, &event)) {
            deliver(machine, &event);
        }
    }
}

static void take_inputs(FakeMachine *machine, const Position *position)
{
    const Event *event;

    if (!replay_open_inputs(machine->replay, position)) {
        return;
    }
    while ((event = replay_next_input(machine->replay, position))) {
        deliver(machine, event);
    }
    if (replay_mode(machine->replay) != REPLAY_PLAY) {
        take_live_inputs(machine, position);
    }
}

static void fire_timer(FakeMachine *machine, const Position *position)
{
    gint64 now;

    if (machine->state.deadline > position->virtual_ns) {
        return;
    }
    machine->state.deadline = G_MAXUINT64;
    machine->state.pending = true;
    replay_mark_checkpoint(machine->replay, position, CHECKPOINT_CLOCK_VIRTUAL);
    if (replay_clock_host(machine->replay, position, &now)) {
        machine->state.x += now;
    }
}

static void boundary(FakeMachine *machine)
{
    Position position = fake_position(machine);

    machine->boundaries++;
    if (replay_hash_due(machine->replay, &position)) {
        hash_point(machine, &position);
    }
    take_inputs(machine, &position);
    fire_timer(machine, &position);
    if (machine->state.pending) {
        machine->state.pending = false;
        machine->state.idle = false;
        machine->state.x = ~machine->state.x;
        replay_mark_interrupt(machine->replay, &position);
    }
}

/* --- running -------------------------------------------------------------- */

static void store(FakeMachine *machine)
{
    guint64 page = machine->state.x >> 8 & (FAKE_PAGES - 1);

    machine->ram[page * HASH_RAM_PAGE + (machine->state.x & 0xfff)] ^= machine->state.x >> 16;
    machine->dirty[page] = TRUE;
}

/* TRUE if the machine has to look at its boundary at once. */
static gboolean run_one(FakeMachine *machine)
{
    FakeState *state = &machine->state;
    Position position = fake_position(machine);
    guint8 byte = state->x >> 40;
    gint32 result;
    gint64 now;

    state->x = state->x * G_GUINT64_CONSTANT(6364136223846793005) + 1442695040888963407;
    switch (state->x >> 52) {
    case 1: store(machine); break;
    case 2: output_hash_add(&state->console, &byte, 1); break;
    case 3: state->deadline = position.virtual_ns + (state->x >> 30 & 0xffff); return TRUE;
    case 4:
        if ((state->x & 15) == 0) {
            replay_clock_host(machine->replay, &position, &now);
            state->x += now;
        }
        break;
    case 5:
        if ((state->x & 15) == 0) {
            replay_random(machine->replay, &position, &byte, 1, &result);
            state->x += byte + result;
        }
        break;
    case 6:
        if ((state->x & 31) == 0) {
            state->idle = true;
            return TRUE;
        }
        break;
    case 7: replay_mark_exception(machine->replay, &position); break;
    }
    return FALSE;
}

static void run(FakeMachine *machine, guint64 until)
{
    while (machine->state.icount < until) {
        gboolean leave = run_one(machine);

        machine->state.icount++;
        machine->state.sequence = 0;
        if (machine->state.icount == machine->tamper_at) {
            machine->state.x ^= 1;
        }
        if (leave || machine->state.deadline <= machine->state.icount + machine->state.warp) {
            return;
        }
    }
}

static void warp(FakeMachine *machine, guint64 until)
{
    guint64 now = machine->state.icount + machine->state.warp;

    if (until > now) {
        machine->state.warp += until - now;
        machine->state.sequence++;
    }
}

static void wait_idle(FakeMachine *machine)
{
    Position position = fake_position(machine);
    guint64 wake = replay_next_wake(machine->replay, &position, machine->state.deadline);

    if (replay_mode(machine->replay) == REPLAY_PLAY) {
        if (wake != G_MAXUINT64) {
            warp(machine, wake);
        }
        return;
    }

    guint64 arrival = position.virtual_ns + 1 + dice_below(&machine->host, 65536);

    warp(machine, MIN(wake, arrival));
    if (dice_below(&machine->host, 8) == 0) {
        replay_note(machine->replay,
                    &(Position){ position.icount, machine->state.icount + machine->state.warp,
                                 machine->state.sequence },
                    "idle");
    }
}

/* One pass: a boundary and what follows it. FALSE if the machine has to stop. */
static gboolean pass(FakeMachine *machine, guint64 limit)
{
    Position position = fake_position(machine);

    if (replay_must_stop(machine->replay) || replay_at_end(machine->replay, &position)) {
        return FALSE;
    }
    boundary(machine);
    if (machine->revisit_odds && dice_below(&machine->host, machine->revisit_odds) == 0) {
        return TRUE;
    }
    if (machine->state.idle) {
        wait_idle(machine);
    } else {
        guint64 quantum = 1 + dice_below(&machine->host, machine->quantum_limit);
        guint64 next = replay_next_icount(machine->replay, &position);

        run(machine, MIN(MIN(next, limit), position.icount + quantum));
    }
    position = fake_position(machine);
    replay_progress(machine->replay, &position);
    if (machine->log && machine->boundaries % 32 == 0) {
        log_writer_flush(machine->log, NULL);
    }
    return TRUE;
}

void fake_run(FakeMachine *machine, guint64 icount)
{
    while (machine->state.icount < icount && pass(machine, icount)) {}
}

void fake_rest_inside(FakeMachine *machine)
{
    boundary(machine);
}

void fake_play_to_end(FakeMachine *machine)
{
    while (pass(machine, G_MAXUINT64)) {}

    Position position = fake_position(machine);

    if (replay_status(machine->replay) == REPLAY_STATUS_PLAYING) {
        replay_finish(machine->replay, &position, fake_hash_all(machine), NULL);
    }
}
