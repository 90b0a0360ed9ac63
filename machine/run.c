/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine thread: boundaries, idling, and the budgets between.
 *
 * A boundary lies between two attempts of instructions. What happens there, in this order and no
 * other: the end of a replay; hash points; logged inputs; expired timers; resets and shutdowns; the
 * highest-priority enabled interrupt. Then the engine gets a budget that ends where the next of
 * these is due at the latest, and comes back earlier when an instruction has changed what is due.
 *
 * 1. The budget's size never shows: everything that happens at a boundary is placed by icount,
 *    virtual time or the log, never by where a budget happened to end. Live inputs are the
 *    exception, and they are logged with their place.
 * 2. An idle machine moves virtual time to its next deadline. Pacing by real time delays that and
 *    changes no value; only an input that cuts the wait short enters the log, with its time.
 * 3. A host that is behind with a disk's request that is due is waited for in phase 1, before
 * anything else of that boundary: whoever asks the machine something meanwhile finds it at rest.
 * 4. The machine rests in phase 1 of a boundary: what is due there has not happened yet. Only an
 *    idle machine, or one whose debugger stops it where an interrupt led, may rest on a boundary
 *    that it has worked through; a second visit changes nothing.
 */
#include "machine/machine-internal.h"

#include "machine/cpu/exception.h"
#include "machine/cpu/interpreter.h"
#include "machine/debug/guest-write.h"
#include "machine/translator/translator.h"

Position machine_position(Machine *machine)
{
    uint64_t icount = cpu_icount(machine->cpu);
    bool same = machine->s.sequence_icount == icount;
    return (Position){ .icount = icount,
                       .virtual_ns = clock_virtual_ns(&machine->clock),
                       .sequence = same ? machine->s.sequence : 0 };
}

/* Moves virtual time of a machine that stands still. */
static void warp_to(Machine *machine, uint64_t virtual_ns)
{
    Position position = machine_position(machine);
    clock_warp_to(&machine->clock, virtual_ns);
    machine->s.sequence_icount = position.icount;
    machine->s.sequence = position.sequence + 1;
    machine->idle_is_paced = false;
}

/* In the number of a request: the event completes it, instead of telling how it went. */
#define DONE_BY_HOST 0x80000000u

/* --- inputs ----------------------------------------------------------------------------------- */

static size_t room_of(Machine *machine, unsigned number)
{
    Device *device = machine_device(machine, number);
    if (!device || !device->class->input)
        return 0;
    return device->class->input_room ? device->class->input_room(device) : SIZE_MAX;
}

/* The device an event is for, by the number that most events carry. */
static Device *addressee(Machine *machine, const Event *event)
{
    switch (event->kind) {
    case EVENT_CHAR_READ: return machine_device(machine, event->char_read.device);
    case EVENT_NET: return machine_device(machine, event->net.adapter);
    case EVENT_INPUT_KEY: return machine_device(machine, event->input_key.device);
    case EVENT_INPUT_QCODE: return machine_device(machine, event->input_qcode.device);
    case EVENT_INPUT_BUTTON: return machine_device(machine, event->input_button.device);
    case EVENT_INPUT_RELATIVE: return machine_device(machine, event->input_relative.device);
    case EVENT_INPUT_ABSOLUTE: return machine_device(machine, event->input_absolute.device);
    case EVENT_INPUT_TOUCH: return machine_device(machine, event->input_touch.device);
    case EVENT_BLOCK: return machine_device(machine, event->block.request >> 32);
    case EVENT_BLOCK_ERROR: return machine_device(machine, event->block_error.request >> 32);
    default: return NULL;
    }
}

bool machine_takes_input(Machine *machine, const Event *event)
{
    bool is_for_one = event->kind != EVENT_SHUTDOWN && event->kind != EVENT_CONTROL &&
                      event->kind != EVENT_INPUT_SYNC;
    const Device *device = addressee(machine, event);
    return !is_for_one || (device && device->class->input);
}

/* Its bytes: the number of the adapter or disk, and whether the cable is in, or which medium. */
static void pass_to_device(Machine *machine, const Event *event)
{
    bool is_whole = event->control.data_length == 2;
    Device *device = is_whole ? machine_device(machine, event->control.data[0]) : NULL;
    if (device && device->class->input)
        device->class->input(device, event);
    else
        machine_internal_error(machine, "input control/%s has no device to go to",
                               control_kind_name(event->control.kind));
}

static void press_power_button(Machine *machine)
{
    if (machine->board->press_power_button)
        machine->board->press_power_button(machine);
    else
        machine_internal_error(machine, "input control/power-button: the board \"%s\" has none",
                               machine->board->name);
}

static void control(Machine *machine, const Event *event)
{
    switch ((ControlKind)event->control.kind) {
    case CONTROL_NMI: machine->cpu->s.reset_pending = 1; break;
    case CONTROL_RESET: machine_request_shutdown(machine, SHUTDOWN_HOST_RESET); break;
    case CONTROL_MEDIUM:
    case CONTROL_LINK: pass_to_device(machine, event); break;
    case CONTROL_WRITE_MEMORY:
    case CONTROL_WRITE_REGISTER:
        if (!guest_write_deliver(machine, event))
            machine_internal_error(machine, "input control/%s has no such place to go to",
                                   control_kind_name(event->control.kind));
        break;
    case CONTROL_POWER_BUTTON: press_power_button(machine); break;
    default:
        machine_internal_error(machine, "input control/%s is not known to this machine",
                               control_kind_name(event->control.kind));
        break;
    }
}

static void end_input_group(Machine *machine)
{
    for (guint i = 0; i < machine->devices->len; i++) {
        Device *device = machine_device(machine, i);
        if (device->class->input_sync)
            device->class->input_sync(device);
    }
}

static void deliver(Machine *machine, const Event *event)
{
    if (event->kind == EVENT_SHUTDOWN) {
        machine_request_shutdown(machine, event->shutdown.cause);
        return;
    }
    if (event->kind == EVENT_CONTROL) {
        control(machine, event);
        return;
    }
    if (event->kind == EVENT_INPUT_SYNC) {
        end_input_group(machine);
        return;
    }
    if (event->kind == EVENT_BLOCK_ERROR && !(event->block_error.request & DONE_BY_HOST)) {
        BlockError failed = { event->block_error.request, event->block_error.code };
        g_array_append_val(machine->block_errors, failed);
        return;
    }
    Device *device = addressee(machine, event);
    if (device && device->class->input)
        device->class->input(device, event);
    else
        machine_internal_error(machine, "input %s has no device to go to",
                               event_kind_title(event->kind));
}

static void take_inputs(Machine *machine, const Position *position)
{
    const Event *event;
    if (!replay_open_inputs(machine->replay, position))
        return;
    while ((event = replay_next_input(machine->replay, position))) {
        if (machine->is_away)
            time_travel_note_input(machine);
        deliver(machine, event);
    }
    if (replay_mode(machine->replay) == REPLAY_PLAY)
        return;
    if (machine->script)
        input_script_post(machine->script, machine, position->virtual_ns);
    if (!inbox_is_touched(machine->inbox))
        return;
    while ((event = inbox_next_input(machine->inbox, room_of, machine)))
        if (replay_record_input(machine->replay, position, event))
            deliver(machine, event);
}

/*
 * Disk errors are inputs that become known in the phase of timers, when a request completes. A
 * replay has met them in the phase of inputs, unless a value was logged in between.
 */
static int logged_block_result(Machine *machine, const Position *position, uint64_t request)
{
    const Event *event;
    while ((event = replay_next_input(machine->replay, position)))
        deliver(machine, event);
    for (guint i = 0; i < machine->block_errors->len; i++) {
        BlockError failed = g_array_index(machine->block_errors, BlockError, i);
        if (failed.request == request) {
            g_array_remove_index(machine->block_errors, i);
            return (int)failed.code;
        }
    }
    return 0;
}

void machine_block_done(Device *device, uint32_t request, int code)
{
    uint64_t id = (uint64_t)device->number << 32 | DONE_BY_HOST | request;
    Event event = { .kind = EVENT_BLOCK, .block = { .request = id } };
    if (code != 0)
        event = (Event){ .kind = EVENT_BLOCK_ERROR,
                         .block_error = { .request = id, .code = (uint32_t)code } };
    inbox_post_event(device->machine->inbox, &event, NULL); /* refused in replay */
}

uint32_t machine_block_request(const Event *event)
{
    uint64_t id = event->kind == EVENT_BLOCK ? event->block.request : event->block_error.request;
    return (uint32_t)id & ~DONE_BY_HOST;
}

int machine_block_result(Device *device, uint32_t request, int code)
{
    Machine *machine = device->machine;
    Position position = machine_position(machine);
    uint64_t id = (uint64_t)device->number << 32 | request;
    if (replay_mode(machine->replay) == REPLAY_PLAY) {
        int logged = logged_block_result(machine, &position, id);
        if (code != 0 && logged == 0)
            machine_internal_error(machine,
                                   "disk \"%s\": the host fails to do what went well in the "
                                   "recording: %s",
                                   device->id, g_strerror(code));
        return logged;
    }
    if (code != 0) {
        Event event = { .kind = EVENT_BLOCK_ERROR,
                        .block_error = { .request = id, .code = (uint32_t)code } };
        replay_record_input(machine->replay, &position, &event);
    }
    return code;
}

/* --- boundaries ------------------------------------------------------------------------------- */

static void power_off(Machine *machine, ShutdownCause cause)
{
    g_autoptr(GError) error = NULL;
    machine->cause = cause;
    if (replay_mode(machine->replay) == REPLAY_RECORD && !machine_record_stop(machine, &error)) {
        machine_internal_error(machine, "%s", error->message);
        return;
    }
    /* The request stays: a replay ends with it, before it is acted upon. */
    machine_set_run_state(machine, MACHINE_SHUTDOWN);
}

static void reset(Machine *machine, ShutdownCause cause)
{
    g_autoptr(GError) error = NULL;
    machine->cause = cause;
    if (!machine_power_on(machine, &error))
        machine_internal_error(machine, "reset: %s", error->message);
    else if (machine->host.was_reset)
        machine->host.was_reset(machine->host.opaque, cause);
}

/* What the guest or its host asked for since the last boundary. */
static void act_on_shutdown(Machine *machine)
{
    ShutdownCause cause = machine->s.shutdown;
    switch (cause) {
    case SHUTDOWN_NONE: break;
    case SHUTDOWN_GUEST_RESET:
    case SHUTDOWN_HOST_RESET:
    case SHUTDOWN_SUBSYSTEM_RESET: reset(machine, cause); break;
    case SHUTDOWN_GUEST_PANIC:
        machine->s.shutdown = SHUTDOWN_NONE;
        machine->cause = cause;
        machine_set_run_state(machine, MACHINE_PANICKED);
        break;
    default: power_off(machine, cause);
    }
}

static void end_replay(Machine *machine, const Position *position)
{
    machine_hash(machine, true, machine->hashes);
    replay_finish(machine->replay, position, machine->hashes, NULL);
    machine_set_run_state(machine, MACHINE_REPLAY_END);
}

static bool replay_went_wrong(Machine *machine)
{
    switch (replay_status(machine->replay)) {
    case REPLAY_STATUS_DIVERGED:
        machine_set_run_state(machine, MACHINE_REPLAY_DIVERGED);
        return true;
    case REPLAY_STATUS_FAILED:
        machine_internal_error(machine, "%s", replay_failure(machine->replay)->message);
        return true;
    default: return false;
    }
}

void machine_wake(Device *device)
{
    inbox_wake(device->machine->inbox);
}

/* Whether the host is behind with what is due at POSITION: then nothing of it may happen. */
static bool host_is_behind(Machine *machine, const Position *position)
{
    HostPart part = HOST_PART_DONE;
    bool is_told = replay_mode(machine->replay) == REPLAY_PLAY &&
                   replay_next_icount(machine->replay, position) <= position->icount + 1;
    for (guint i = 0; i < machine->devices->len && part == HOST_PART_DONE; i++) {
        Device *device = machine_device(machine, i);
        if (device->class->host_part)
            part = device->class->host_part(device, position->virtual_ns, is_told);
        if (part != HOST_PART_NO_SPACE)
            continue;
        if (machine->host.no_space)
            machine->host.no_space(machine->host.opaque, device);
        machine_set_run_state(machine, MACHINE_IO_ERROR);
    }
    return part != HOST_PART_DONE;
}

static void hash_if_due(Machine *machine, const Position *position)
{
    if (replay_hash_due(machine->replay, position)) {
        machine_hash(machine, false, machine->hashes);
        replay_hash_point(machine->replay, position, machine->hashes);
    }
}

/* Phases 2 to 5. */
static void work_through(Machine *machine, const Position *position)
{
    machine->is_written = false;
    hash_if_due(machine, position);
    take_inputs(machine, position);
    exception_refresh_decrementer(machine->cpu);
    if (!timer_queue_run(machine->timers, position->virtual_ns))
        machine_internal_error(machine, "timers fire without end at %" G_GUINT64_FORMAT " ns",
                               position->virtual_ns);
    if (machine->block_errors->len)
        machine_internal_error(machine,
                               "the recording names a failed disk request %" G_GINT64_MODIFIER
                               "x that is not under way",
                               g_array_index(machine->block_errors, BlockError, 0).request);
    if (exception_take_pending(machine->cpu))
        replay_mark_interrupt(machine->replay, position);
}

/*
 * All that is due at the present boundary. A shutdown or reset that comes up in it is acted upon on
 * a further visit: phase 1 of the same position.
 */
static void boundary(Machine *machine)
{
    do {
        Position position = machine_position(machine);
        machine->waits_for_host = false;
        if (replay_at_end(machine->replay, &position)) {
            end_replay(machine, &position);
        } else {
            act_on_shutdown(machine);
            machine->waits_for_host =
                machine->run_state == MACHINE_RUNNING && host_is_behind(machine, &position);
            if (machine->run_state == MACHINE_RUNNING && !machine->waits_for_host)
                work_through(machine, &position);
        }
        replay_went_wrong(machine);
    } while (machine->run_state == MACHINE_RUNNING && machine->s.shutdown != SHUTDOWN_NONE);
}

/* --- idling
 * -------------------------------------------------------------------------------------------------
 */

static uint64_t next_deadline(Machine *machine)
{
    return MIN(timer_queue_next_deadline(machine->timers),
               exception_decrementer_deadline(machine->cpu));
}

/* When a script's next input comes. It is no deadline: an idle machine wakes up only for what can
 * be delivered. */
static uint64_t next_scripted(Machine *machine)
{
    if (!machine->script || replay_mode(machine->replay) == REPLAY_PLAY)
        return UINT64_MAX;
    return input_script_deadline(machine->script, clock_virtual_ns(&machine->clock));
}

/* Live: waits in real time for the deadline or an input; true when virtual time may move now. */
static bool wait_for_deadline(Machine *machine, uint64_t deadline, uint64_t *target)
{
    uint64_t now = clock_virtual_ns(&machine->clock);
    int64_t real = machine_host_ns(machine);
    if (!machine->idle_is_paced) {
        machine->idle_is_paced = true;
        machine->idle_began_ns = real;
    }
    uint64_t elapsed = (uint64_t)MAX(real - machine->idle_began_ns, 0);
    uint64_t until = MIN(deadline, next_scripted(machine)), left = until - now;
    *target = until;
    if (inbox_has_input(machine->inbox, room_of, machine)) {
        uint64_t moved = machine->config->clock.sleep ? CLAMP(elapsed, 1, left) : 1;
        *target = now + moved;
        return true;
    }
    if (until == UINT64_MAX) {
        inbox_wait(machine->inbox, -1);
        return false;
    }
    if (machine->config->clock.sleep && machine->host.monotonic_ns && elapsed < left) {
        inbox_wait(machine->inbox, (int64_t)MIN(left - elapsed, (uint64_t)G_MAXINT64));
        return false;
    }
    if (until == deadline)
        return true;
    input_script_post(machine->script, machine, until);
    return inbox_has_input(machine->inbox, room_of, machine);
}

static void idle(Machine *machine)
{
    Position position = machine_position(machine);
    uint64_t deadline = next_deadline(machine), target;
    if (replay_mode(machine->replay) == REPLAY_PLAY) {
        target = replay_next_wake(machine->replay, &position, deadline);
        if (replay_went_wrong(machine))
            return;
    } else if (!wait_for_deadline(machine, deadline, &target)) {
        return;
    }
    if (target > position.virtual_ns)
        warp_to(machine, target);
}

/* --- inputs at once
 * -------------------------------------------------------------------------------------------------
 */

/*
 * A boundary that was worked through takes no more inputs: a replay would give them to the guest
 * before what has happened here. An idle machine can have another one a moment later.
 */
static bool find_open_boundary(Machine *machine, GError **error)
{
    Position position = machine_position(machine);
    bool is_open = !replay_get_state(machine->replay, &position)->opened || machine->is_written;
    if (is_open && machine->s.shutdown == SHUTDOWN_NONE)
        return true;
    if (machine->s.shutdown == SHUTDOWN_NONE && machine->cpu->s.halted &&
        next_deadline(machine) > position.virtual_ns) {
        warp_to(machine, position.virtual_ns + 1);
        machine->is_written = false;
        return true;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                "the machine is being recorded and stands inside of a boundary, where %s: nothing "
                "can be written there; step one instruction first",
                machine->s.shutdown ? "a reset is about to happen" : "an interrupt was taken");
    return false;
}

bool machine_input_now(Machine *machine, const Event *event, GError **error)
{
    ReplayMode mode = replay_mode(machine->replay);
    if (mode == REPLAY_PLAY || machine->run_state == MACHINE_RUNNING) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY,
                            mode == REPLAY_PLAY
                                ? "this is a replay: take over first (replay-takeover), then write"
                                : "the machine runs: interrupt it first");
        return false;
    }
    if (mode == REPLAY_RECORD) {
        if (!find_open_boundary(machine, error))
            return false;
        Position position = machine_position(machine);
        hash_if_due(machine, &position);
        replay_open_inputs(machine->replay, &position);
        replay_record_input(machine->replay, &position, event);
        machine->is_written = true;
    }
    deliver(machine, event);
    return true;
}

/* A recording ends before a boundary or behind it: in the midst of it a replay cannot stop. */
void machine_settle_inputs(Machine *machine)
{
    Position position = machine_position(machine);
    if (machine->is_written && replay_get_state(machine->replay, &position)->opened)
        work_through(machine, &position);
    machine->is_written = false;
}

/* --- running
 * -------------------------------------------------------------------------------------------------
 */

/* Instruction count at which the machine must come to a boundary at the latest. */
static uint64_t budget_end(Machine *machine, const Position *position, uint64_t limit)
{
    uint64_t end = MIN(limit, replay_next_icount(machine->replay, position));
    if (machine->stops)
        end = MIN(end, breakpoints_end(machine->stops));
    uint64_t until = MIN(next_deadline(machine), next_scripted(machine));
    return MIN(end, clock_icount_at(&machine->clock, until));
}

static void run_budget(Machine *machine, uint64_t end)
{
    Cpu *cpu = machine->cpu;
    uint64_t icount = cpu_icount(cpu);
    cpu->icount_end = end;
    cpu->left = (int64_t)(end - icount);
    if (cpu->translator)
        translator_run(cpu);
    else
        interpreter_run(cpu);
    cpu->icount_end = cpu_icount(cpu);
    cpu->left = 0;
}

/* A debugger or a search wants the machine to rest here. */
static bool debugger_stops(Machine *machine)
{
    if (!machine->stops || !breakpoints_stop_here(machine->stops, machine->cpu))
        return false;
    machine_pause(machine);
    return true;
}

/*
 * One boundary and what follows it: a budget or a wait. Breakpoints are looked for in phase 1, and
 * again when an interrupt has led elsewhere.
 */
static void run_step(Machine *machine, uint64_t limit)
{
    if (debugger_stops(machine))
        return;
    boundary(machine);
    if (machine->run_state == MACHINE_RUNNING && machine->waits_for_host)
        inbox_wait(machine->inbox, -1);
    if (machine->run_state != MACHINE_RUNNING || machine->waits_for_host || debugger_stops(machine))
        return;
    if (machine->cpu->s.halted) {
        idle(machine);
        return;
    }
    Position position = machine_position(machine);
    uint64_t end = budget_end(machine, &position, limit);
    if (end > position.icount) {
        run_budget(machine, end);
    } else if (position.icount < limit) {
        /* A recording that ends inside this boundary: the second pass sees it. */
        boundary(machine);
        if (machine->run_state == MACHINE_RUNNING && !machine->waits_for_host)
            run_budget(machine, position.icount + 1);
    }
}

void machine_run(Machine *machine, uint64_t quantum, uint64_t limit)
{
    if (machine->run_state != MACHINE_RUNNING || cpu_icount(machine->cpu) >= limit)
        return;
    uint64_t quantum_end = cpu_icount(machine->cpu) + quantum;
    if (quantum_end < quantum)
        quantum_end = UINT64_MAX;
    uint64_t end = MIN(quantum_end, limit);
    do
        run_step(machine, end);
    while (machine->run_state == MACHINE_RUNNING && !machine->cpu->s.halted &&
           !machine->waits_for_host && cpu_icount(machine->cpu) < end);
    Position position = machine_position(machine);
    replay_progress(machine->replay, &position);
    if (machine->host.published && !machine->is_away)
        machine->host.published(machine->host.opaque);
}

void machine_thread(Machine *machine)
{
    while (!machine->quit) {
        if (inbox_is_touched(machine->inbox) && !time_travel_holds_tasks(machine))
            inbox_run_tasks(machine->inbox, machine);
        if (machine->quit)
            break;
        if (machine->run_state == MACHINE_RUNNING) {
            uint64_t limit = time_travel_before_run(machine);
            machine_run(machine, machine->quantum, limit);
        } else {
            time_travel_stopped(machine);
            if (machine->run_state != MACHINE_RUNNING)
                inbox_wait(machine->inbox, -1);
        }
    }
}

void machine_quit(Machine *machine)
{
    machine->quit = true;
}
