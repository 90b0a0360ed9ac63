/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/time-travel.h"

#include <gio/gio.h>

#include "machine/disks.h"
#include "machine/time-travel-internal.h"

static bool is_replaying(Machine *machine)
{
    return replay_mode(machine->replay) == REPLAY_PLAY;
}

/* --- stops ------------------------------------------------------------------------------------ */

static void tell_debugger(Machine *machine, StopReason reason)
{
    if (machine->breakpoints)
        breakpoints_stopped(machine->breakpoints, reason, NULL);
}

static void finish(Machine *machine, const GError *error)
{
    TimeTravel *travel = machine->travel;
    MachineSeekDone done = travel->done;
    machine_arm(machine, machine->breakpoints);
    if (travel->search) {
        search_finish(machine, error);
    } else {
        tell_debugger(machine, error ? STOP_OTHER : STOP_POSITION);
        machine_pause(machine);
    }
    travel->done = NULL;
    done(travel->opaque, error);
}

static bool is_at_target(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    Position position = machine_position(machine);
    return travel->done && seek_target_is_reached(&travel->target, &position);
}

static bool is_at_break(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    return travel->has_break && !travel->search && cpu_icount(machine->cpu) >= travel->break_icount;
}

static uint64_t target_limit(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    uint64_t icount = cpu_icount(machine->cpu);
    if (icount < travel->target.icount)
        return MIN(travel->target.icount, travel_next_approach(machine));
    return MAX(clock_icount_at(&machine->clock, travel->target.virtual_ns), icount + 1);
}

bool time_travel_holds_tasks(Machine *machine)
{
    const TimeTravel *travel = machine->travel;
    return travel && travel->search && search_is_question(travel->search);
}

void machine_call_back(Machine *machine)
{
    g_atomic_int_set(&machine->is_called_back, true);
}

/* Whoever asked does not want to know any more. */
static bool search_is_over(Machine *machine)
{
    if (!time_travel_holds_tasks(machine) || !g_atomic_int_get(&machine->is_called_back))
        return false;
    g_autoptr(GError) error =
        g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "the question was taken back");
    finish(machine, error);
    return true;
}

uint64_t time_travel_before_run(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    uint64_t limit = UINT64_MAX;
    if (!travel || !travel->frames)
        return limit;
    travel_make_keyframes(machine);
    if (!is_replaying(machine))
        return limit;
    if (search_is_over(machine))
        return 0;
    while (is_at_target(machine) && travel->search && search_arrived(machine)) {}
    if (machine->run_state != MACHINE_RUNNING) /* time_travel_stopped() says so */
        return 0;
    if (is_at_target(machine)) {
        travel->has_break &= !is_at_break(machine);
        finish(machine, NULL);
        return 0;
    }
    if (is_at_break(machine)) {
        travel->has_break = false;
        machine_pause(machine);
        return limit;
    }
    if (travel->done)
        limit = target_limit(machine);
    return travel->has_break && !travel->search ? MIN(limit, travel->break_icount) : limit;
}

void time_travel_stopped(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    if (!travel || !travel->done)
        return;
    if (travel->search && search_is_there(machine)) {
        finish(machine, NULL);
        return;
    }
    Position position = machine_position(machine);
    g_autoptr(GError) error =
        g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED,
                    "the machine stopped on the way, at %" G_GUINT64_FORMAT " instructions: %s",
                    position.icount, machine_run_state_name(machine->run_state));
    finish(machine, error);
}

/* --- seeking ---------------------------------------------------------------------------------- */

static bool require_frames(Machine *machine, GError **error)
{
    if (is_replaying(machine) && machine_keyframes(machine))
        return true;
    g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_STATE, "the machine does not replay");
    return false;
}

/* Its place in the log, found from that of a keyframe before it, where that is known. */
static ReplaySeek *place_of(Machine *machine, Keyframe *frame, GError **error)
{
    const KeyframeSet *frames = machine->travel->frames;
    const ReplaySeek *from = NULL;
    for (guint i = 0; !frame->place && i < keyframe_set_count(frames); i++) {
        const Keyframe *other = keyframe_set_get(frames, i);
        if (position_compare(&other->position, &frame->position) >= 0)
            break;
        if (other->place)
            from = other->place;
    }
    if (!frame->place)
        frame->place = replay_seek_find_after(machine->replay, from, &frame->prefix, error);
    return frame->place ? replay_seek_copy(frame->place) : NULL;
}

static bool restore_keyframe(Machine *machine, Keyframe *frame, GError **error)
{
    ReplaySeek *place = place_of(machine, frame, error);
    if (!place)
        return false;
    machine_set_disks_passing(machine, true);
    bool good = machine_restore(machine, frame->state, frame->map, place, error);
    machine_set_disks_passing(machine, false);
    return good;
}

/* Loading a snapshot in a replay takes disks to where later keyframes are of no use any more. */
bool travel_is_gone(Machine *machine, const Keyframe *frame)
{
    return frame != keyframe_set_get(machine->travel->frames, 0) && machine_has_disks(machine) &&
           !machine_error_text(machine);
}

bool travel_become(Machine *machine, Keyframe *frame, GError **error)
{
    TimeTravel *travel = machine->travel;
    if (!restore_keyframe(machine, frame, error))
        return false;
    travel->work = frame->work;
    travel->counted = frame->position.icount;
    travel->next_work = frame->work + travel->interval;
    return true;
}

bool travel_go_back(Machine *machine, const SeekTarget *target, GError **error)
{
    TimeTravel *travel = machine->travel;
    Keyframe *frame = keyframe_set_before(travel->frames, target);
    const KeyframeEntry *entry = travel_find_in_file(machine, target, frame);
    if (entry && travel_become_entry(machine, entry))
        return true;
    if (!frame) {
        const Keyframe *first = keyframe_set_get(travel->frames, 0);
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "the recording begins at %" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT
                    " ns",
                    first->position.icount, first->position.virtual_ns);
        return false;
    }
    g_autoptr(GError) problem = NULL;
    if (travel_become(machine, frame, &problem))
        return true;
    if (travel_is_gone(machine, frame)) {
        keyframe_set_remove(travel->frames, frame);
        return travel_go_back(machine, target, error);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

/* Whether a later keyframe is nearer than the machine is. */
static bool can_jump(Machine *machine, const SeekTarget *target)
{
    Position position = machine_position(machine);
    const Keyframe *frame = keyframe_set_before(machine->travel->frames, target);
    const KeyframeEntry *entry = travel_find_in_file(machine, target, frame);
    return (frame && position_compare(&frame->position, &position) > 0) ||
           (entry && entry->position.icount > position.icount + KEYFRAME_FILE_GAP);
}

bool travel_may_begin(Machine *machine, GError **error)
{
    if (!require_frames(machine, error))
        return false;
    if (machine->travel->done)
        g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                            "another seek is under way: `stop` ends it");
    return !machine->travel->done;
}

bool machine_seek(Machine *machine, const SeekTarget *target, MachineSeekDone done, void *opaque,
                  GError **error)
{
    Position position = machine_position(machine);
    if (!travel_may_begin(machine, error))
        return false;
    machine_pause(machine);
    bool is_past = seek_target_is_reached(target, &position);
    if ((is_past || replay_must_stop(machine->replay) || can_jump(machine, target)) &&
        !travel_go_back(machine, target, error))
        return false;
    if (!machine_start(machine, error))
        return false;
    machine_arm(machine, NULL);
    machine->travel->target = *target;
    machine->travel->done = done;
    machine->travel->opaque = opaque;
    return true;
}

bool machine_break_at(Machine *machine, uint64_t icount, GError **error)
{
    if (!require_frames(machine, error))
        return false;
    if (icount < cpu_icount(machine->cpu)) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                    "the replay is past %" G_GUINT64_FORMAT " already, at %" G_GUINT64_FORMAT
                    ": replay-seek goes back",
                    icount, cpu_icount(machine->cpu));
        return false;
    }
    machine->travel->has_break = true;
    machine->travel->break_icount = icount;
    return true;
}

bool machine_get_break(Machine *machine, uint64_t *icount)
{
    const TimeTravel *travel = machine->travel;
    if (travel && travel->has_break)
        *icount = travel->break_icount;
    return travel && travel->has_break;
}

void machine_delete_break(Machine *machine)
{
    if (machine->travel)
        machine->travel->has_break = false;
}

/* --- taking over ------------------------------------------------------------------------------ */

static bool may_take_over(Machine *machine, GError **error)
{
    ReplayStatus status = replay_status(machine->replay);
    if (!require_frames(machine, error))
        return false;
    if (machine->travel->done)
        g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                            "a seek is under way: `stop` ends it");
    else if (status == REPLAY_STATUS_DIVERGED || status == REPLAY_STATUS_FAILED)
        g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                            "the replay did not hold: go back to where it did first");
    else
        return true;
    return false;
}

bool machine_take_over(Machine *machine, GError **error)
{
    if (!may_take_over(machine, error))
        return false;
    machine_delete_break(machine);
    g_clear_pointer(&machine->travel->frames, keyframe_set_free);
    replay_leave(machine->replay);
    inbox_set_closed(machine->inbox, false);
    machine_moved(machine);
    machine_set_run_state(machine, MACHINE_PAUSED);
    return true;
}
