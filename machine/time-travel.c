/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/time-travel.h"

#include <gio/gio.h>

#include "machine/disks.h"
#include "machine/time-travel-internal.h"

/* What a visit of the machine's loop counts as, in instructions: an idle machine has work, too. */
#define VISIT_WORK 4096u

/* What a keyframe of the file must save to be worth reading; how far apart they are put there; and
 * how much. */
#define FILE_GAP      (1ull << 27)
#define FILE_INTERVAL (1ull << 29)
#define FILE_BYTES    (1ull << 30)

/* Keyframes on the way to a target, so that going back a little from there is quick. */
static const uint64_t approach[] = { 1u << 23, 1u << 18 };

static bool is_replaying(Machine *machine)
{
    return replay_mode(machine->replay) == REPLAY_PLAY;
}

static TimeTravel *travel_of(Machine *machine)
{
    if (!machine->travel)
        machine->travel = g_new0(TimeTravel, 1);
    return machine->travel;
}

void time_travel_free(TimeTravel *travel)
{
    if (travel)
        keyframe_set_free(travel->frames);
    if (travel)
        keyframe_file_free(travel->file);
    g_free(travel);
}

/* --- keyframes -------------------------------------------------------------------------------- */

bool travel_capture(Machine *machine, Keyframe *frame, GError **error)
{
    MachineCapture capture;
    machine_set_disks_passing(machine, true);
    bool good = machine_capture(machine, &capture, error);
    machine_set_disks_passing(machine, false);
    if (!good)
        return false;
    machine_capture_adopt(machine, &capture);
    *frame =
        (Keyframe){ .position = capture.position,
                    .work = machine->travel->work,
                    .is_arrival = !replay_get_state(machine->replay, &capture.position)->opened,
                    .prefix = capture.prefix,
                    .state = capture.state,
                    .map = capture.map };
    return true;
}

static bool make_keyframe(Machine *machine, GError **error)
{
    TimeTravel *travel = machine->travel;
    Keyframe frame;
    if (!travel_capture(machine, &frame, error))
        return false;
    if (!keyframe_set_add(travel->frames, &frame)) {
        travel->is_full = true;
        machine_forget_base(machine);
    }
    travel->next_work = travel->work + travel->interval;
    return true;
}

bool machine_keep_keyframes(Machine *machine, uint64_t budget, uint64_t interval, GError **error)
{
    g_assert(is_replaying(machine) && interval);
    TimeTravel *travel = travel_of(machine);
    g_clear_pointer(&travel->frames, keyframe_set_free);
    travel->frames = keyframe_set_new(machine_page_store(machine), budget);
    travel->interval = interval;
    travel->work = 0;
    travel->counted = cpu_icount(machine->cpu);
    travel->is_full = false;
    return make_keyframe(machine, error);
}

const KeyframeSet *machine_keyframes(Machine *machine)
{
    return machine->travel ? machine->travel->frames : NULL;
}

static void recount_work(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    Position position = machine_position(machine);
    SeekTarget here = { position.icount, position.virtual_ns };
    const Keyframe *frame = keyframe_set_before(travel->frames, &here);
    travel->work = frame ? frame->work + position.icount - frame->position.icount : 0;
    travel->counted = position.icount;
}

static void count_work(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    uint64_t icount = cpu_icount(machine->cpu);
    if (icount < travel->counted) /* somebody else has moved the machine: loadvm */
        return recount_work(machine);
    travel->work += VISIT_WORK + icount - travel->counted;
    travel->counted = icount;
}

static bool approaches(const TimeTravel *travel)
{
    return travel->done && (!travel->search || search_approaches(travel->search));
}

/* Whether the machine is at a place of its way to the target where a keyframe is good to have. */
static bool is_approaching(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    uint64_t icount = cpu_icount(machine->cpu);
    for (unsigned i = 0; approaches(travel) && i < G_N_ELEMENTS(approach); i++)
        if (travel->target.icount > approach[i] && icount == travel->target.icount - approach[i])
            return true;
    return false;
}

/* A keyframe that cannot be made costs time later on, and does no other harm. */
static void make_what_is_due(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    g_autoptr(GError) error = NULL;
    if (travel->is_full || (travel->work < travel->next_work && !is_approaching(machine)))
        return;
    if (travel->search && search_has_next_frame(machine))
        return;
    if (!make_keyframe(machine, &error)) {
        g_info("no keyframe at %" G_GUINT64_FORMAT ": %s", travel->counted, error->message);
        travel->next_work = travel->work + travel->interval;
    }
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
    for (unsigned i = 0; approaches(travel) && i < G_N_ELEMENTS(approach); i++)
        if (travel->target.icount > approach[i] && icount < travel->target.icount - approach[i])
            return travel->target.icount - approach[i];
    if (icount < travel->target.icount)
        return travel->target.icount;
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
    if (!travel || !travel->frames || !is_replaying(machine))
        return limit;
    count_work(machine);
    make_what_is_due(machine);
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

/* --- keyframes in the file -------------------------------------------------------------------- */

void machine_set_keyframe_file(Machine *machine, KeyframeFile *file)
{
    TimeTravel *travel = travel_of(machine);
    g_clear_pointer(&travel->file, keyframe_file_free);
    travel->file = file;
}

KeyframeFile *machine_keyframe_file(Machine *machine)
{
    return machine->travel ? machine->travel->file : NULL;
}

const KeyframeEntry *travel_find_in_file(Machine *machine, const SeekTarget *target,
                                         const Keyframe *frame)
{
    const KeyframeFile *file = machine->is_map_lent ? NULL : machine->travel->file;
    const KeyframeEntry *entry = file ? keyframe_file_before(file, target) : NULL;
    uint64_t have = frame ? frame->position.icount : 0;
    return entry && entry->position.icount > have + FILE_GAP ? entry : NULL;
}

typedef struct {
    KeyframeFile *file;
    const KeyframeEntry *entry;
} Fill;

static bool fill_from_file(void *opaque, const PageMemory *memory, uint32_t epoch, GError **error)
{
    const Fill *fill = opaque;
    return keyframe_file_restore(fill->file, fill->entry, memory, epoch, error);
}

static bool load_entry(Machine *machine, const KeyframeEntry *entry, GError **error)
{
    TimeTravel *travel = machine->travel;
    Fill fill = { travel->file, entry };
    g_autoptr(GBytes) state = keyframe_file_state(travel->file, entry, error);
    ReplaySeek *place = state ? replay_seek_find(machine->replay, &entry->prefix, error) : NULL;
    if (!place || !machine_restore_filled(machine, state, fill_from_file, &fill, place, error))
        return false;
    travel->work = entry->work;
    travel->counted = entry->position.icount;
    return make_keyframe(machine, error);
}

bool travel_become_entry(Machine *machine, const KeyframeEntry *entry)
{
    TimeTravel *travel = machine->travel;
    g_autoptr(GError) error = NULL;
    if (load_entry(machine, entry, &error))
        return true;
    g_warning("the keyframes in the recording's folder are not used: %s", error->message);
    machine_set_keyframe_file(machine, NULL);
    travel->is_file_bad = true;
    machine_forget_base(machine);
    Keyframe *first = (Keyframe *)keyframe_set_get(travel->frames, 0);
    if (!travel_become(machine, first, NULL))
        machine_internal_error(machine, "the replay cannot go back to its beginning");
    return false;
}

/* The first that is far from those before it and from those in the file, or NULL. */
static const Keyframe *next_to_lend(Machine *machine)
{
    const TimeTravel *travel = machine->travel;
    uint64_t last = 0;
    if (!travel || !travel->frames || travel->is_file_bad || machine->is_map_lent ||
        (travel->file && keyframe_file_bytes(travel->file) > FILE_BYTES))
        return NULL;
    for (guint i = 0; i < keyframe_set_count(travel->frames); i++) {
        const Keyframe *frame = keyframe_set_get(travel->frames, i);
        if (frame->work < last + FILE_INTERVAL || !frame->is_arrival)
            continue;
        last = frame->work;
        if (!travel->file || !keyframe_file_covers(travel->file, frame->work, FILE_INTERVAL / 2))
            return frame;
    }
    return NULL;
}

bool machine_has_keyframe_to_lend(Machine *machine)
{
    return next_to_lend(machine);
}

bool machine_lend_keyframe(Machine *machine, Keyframe *frame)
{
    const Keyframe *found = next_to_lend(machine);
    if (!found || !machine->travel->file)
        return false;
    *frame = *found;
    frame->place = NULL;
    g_bytes_ref(frame->state);
    page_map_ref(frame->map);
    machine->is_map_lent = true;
    return true;
}

void machine_keep_lent(Machine *machine, Keyframe *frame, KeyframeAppend *append)
{
    machine->is_map_lent = false;
    keyframe_clear(frame);
    if (append && machine->travel->file)
        keyframe_file_commit(machine->travel->file, append);
}

/* Whether a later keyframe is nearer than the machine is. */
static bool can_jump(Machine *machine, const SeekTarget *target)
{
    Position position = machine_position(machine);
    const Keyframe *frame = keyframe_set_before(machine->travel->frames, target);
    const KeyframeEntry *entry = travel_find_in_file(machine, target, frame);
    return (frame && position_compare(&frame->position, &position) > 0) ||
           (entry && entry->position.icount > position.icount + FILE_GAP);
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
    machine_set_run_state(machine, MACHINE_PAUSED);
    return true;
}
