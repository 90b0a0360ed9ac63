/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking for places of a recording: backwards for a debugger, or for the answer to a question.
 *
 * Backwards means: the span from the keyframe before to here is run forwards, and notes are taken;
 * if there are none, the span before that, and so on. What was noted last is where to go.
 *
 * 1. All spans that were run end where the next one began, at first arrivals: each instruction of
 *    the recording is looked at once.
 * 2. While it looks, the machine's host is told nothing: no outputs, no run states. A debugger's
 *    search begins and ends as a seek does. A question leaves the machine what it was, in the run
 *    state that it was in.
 * 3. A span in which nothing was written to the pages that are asked for is not run at all: a page
 *    that two keyframes share was not written between them.
 */
#include <gio/gio.h>

#include "machine/time-travel-internal.h"

typedef enum {
    PART_SPAN,     /* notes are taken, up to where the span ends */
    PART_TO_FROM,  /* to where a question that looks forwards begins */
    PART_FORWARDS, /* and from there on */
    PART_TO_HIT,   /* to the position of what was found */
    PART_IN_FRONT, /* there, to where an interrupt leads */
    PART_TO_BEGIN,
} SearchPart;

struct Search {
    SearchPart part;
    Breakpoints *places; /* notes are taken of them */
    Breakpoints *exact;  /* of PART_IN_FRONT */
    MachineQuestion question;
    Position span; /* where the present span begins */
    Machine *machine;
    GArray *noted; /* of MachineHit: of the present span */
    MachineAnswer answer;
    MachineAnswered answered; /* NULL: it is a debugger's */
    Keyframe here;            /* a question returns there */
    MachineRunState run_state;
    void *opaque;
};

static Search *search_of(Machine *machine)
{
    return machine->travel->search;
}

bool search_is_question(const Search *search)
{
    return search->answered;
}

bool search_approaches(const Search *search)
{
    return search->part == PART_TO_HIT && !search->answered;
}

bool search_has_next_frame(Machine *machine)
{
    const TimeTravel *travel = machine->travel;
    return travel->search->part == PART_SPAN &&
           travel->target.icount - cpu_icount(machine->cpu) < travel->interval;
}

static void search_free(Search *search)
{
    breakpoints_free(search->places);
    breakpoints_free(search->exact);
    keyframe_clear(&search->here);
    g_array_unref(search->noted);
    g_array_unref(search->answer.hits);
    g_array_unref(search->answer.inputs);
    g_free(search);
}

/* --- notes ------------------------------------------------------------------------------------ */

/* Of those that are looked for backwards the last ones are kept, of others the first ones. */
static void note(void *opaque, const StopHit *hit)
{
    Search *search = opaque;
    MachineHit met = { machine_position(search->machine), *hit };
    search->answer.count++;
    if (search->noted->len == search->question.most) {
        if (!search->question.backwards)
            return;
        g_array_remove_index(search->noted, 0);
    }
    g_array_append_val(search->noted, met);
}

void time_travel_note_input(Machine *machine)
{
    Search *search = machine->travel ? search_of(machine) : NULL;
    MachineInput input = { replay_event_number(machine->replay), machine_position(machine) };
    if (search && search->part == PART_FORWARDS)
        g_array_append_val(search->answer.inputs, input);
}

/* From the span's notes into the answer, in the order in which they were looked for. */
static void take_notes(Search *search)
{
    GArray *noted = search->noted;
    bool backwards = search->question.backwards;
    for (guint i = 0; i < noted->len && search->answer.hits->len < search->question.most; i++) {
        guint at = backwards ? noted->len - 1 - i : i;
        const MachineHit *met = &g_array_index(noted, MachineHit, at);
        if (seek_target_is_reached(&search->question.from, &met->position))
            g_array_append_vals(search->answer.hits, met, 1);
    }
    g_array_set_size(noted, 0);
}

static bool has_enough(const Search *search)
{
    return search->answer.hits->len == search->question.most;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* The machine runs on to TARGET, watched by STOPS. */
static void set_part(Machine *machine, SearchPart part, const SeekTarget *target,
                     Breakpoints *stops)
{
    search_of(machine)->part = part;
    machine->travel->target = *target;
    machine_arm(machine, stops);
    if (stops)
        breakpoints_begin(stops);
}

static SeekTarget target_at(const Position *position)
{
    return (SeekTarget){ position->icount, position->virtual_ns };
}

static bool is_same_page(const Keyframe *a, const Keyframe *b, uint64_t page)
{
    const Page *found = page < page_map_pages(a->map) ? page_map_get(a->map, page) : NULL;
    return found && found == page_map_get(b->map, page); /* all zero: who knows */
}

static bool is_unwritten(const WatchRange *range, const Keyframe *a, const Keyframe *b)
{
    uint64_t last = (range->address + range->length - 1) / PAGE_BYTES;
    bool is_same = range->is_physical && range->kind == WATCH_WRITE;
    for (uint64_t page = range->address / PAGE_BYTES; is_same && page <= last; page++)
        is_same = is_same_page(a, b, page);
    return is_same;
}

/* Nothing that is looked for can have happened between FROM and the keyframe at TO. */
static bool is_clean(const Search *search, const Keyframe *from, const Position *to)
{
    const CpuWatch *watch = breakpoints_watch(search->places);
    KeyframeSet *frames = search->machine->travel->frames;
    const Keyframe *until = NULL;
    for (guint i = 0; i < keyframe_set_count(frames) && !until; i++)
        if (position_compare(&keyframe_set_get(frames, i)->position, to) == 0)
            until = keyframe_set_get(frames, i);
    bool clean = until && !watch->code->len;
    for (guint i = 0; clean && i < watch->data->len; i++)
        clean = is_unwritten(&g_array_index(watch->data, WatchRange, i), from, until);
    return clean;
}

/* Begins the span before the present one. False: there is none (any more), or with ERROR. */
static bool begin_span(Machine *machine, GError **error)
{
    Search *search = search_of(machine);
    KeyframeSet *frames = machine->travel->frames;
    SeekTarget from = search->question.from;
    Keyframe *frame = keyframe_set_previous(frames, &search->span);
    SeekTarget here = target_at(&search->span);
    const KeyframeEntry *entry = travel_find_in_file(machine, &here, frame);
    if (entry)
        travel_become_entry(machine, entry); /* now the set has one there */
    while ((frame = keyframe_set_previous(frames, &search->span))) {
        SeekTarget end = target_at(&search->span);
        Position before = search->span;
        if (from.icount > end.icount)
            return false;
        search->span = frame->position;
        if (is_clean(search, frame, &before))
            continue;
        g_autoptr(GError) problem = NULL;
        machine_arm(machine, NULL);
        if (travel_become(machine, frame, &problem)) {
            set_part(machine, PART_SPAN, &end, search->places);
            return true;
        }
        if (!travel_is_gone(machine, frame)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        search->span = before;
        keyframe_set_remove(frames, frame);
    }
    return false;
}

static bool begin_return(Machine *machine, SearchPart part, const SeekTarget *target,
                         GError **error)
{
    machine_arm(machine, NULL);
    if (!travel_go_back(machine, target, error))
        return false;
    set_part(machine, part, target, NULL);
    return true;
}

static bool go_to_begin(Machine *machine, GError **error)
{
    SeekTarget first = target_at(&keyframe_set_get(machine->travel->frames, 0)->position);
    return begin_return(machine, PART_TO_BEGIN, &first, error);
}

static bool go_to_hit(Machine *machine, GError **error)
{
    const MachineHit *met = &g_array_index(search_of(machine)->answer.hits, MachineHit, 0);
    SeekTarget target = target_at(&met->position);
    return begin_return(machine, PART_TO_HIT, &target, error);
}

/* After a span: true if the machine goes on somewhere. */
static bool after_span(Machine *machine, GError **error)
{
    Search *search = search_of(machine);
    GError *problem = NULL;
    take_notes(search);
    if (!has_enough(search) && begin_span(machine, &problem))
        return true;
    if (problem) {
        g_propagate_error(error, problem);
        return false;
    }
    if (search->answered)
        return false;
    return search->answer.hits->len ? go_to_hit(machine, error) : go_to_begin(machine, error);
}

/* At the hit's position: an interrupt may come before its instruction. */
static bool after_approach(Machine *machine)
{
    Search *search = search_of(machine);
    const StopHit *hit = &g_array_index(search->answer.hits, MachineHit, 0).hit;
    SeekTarget behind = { hit->icount + 1, 0 };
    if (hit->cia == UINT64_MAX || hit->cia == machine->cpu->s.cia)
        return false;
    search->exact = breakpoints_new();
    breakpoints_stop_in_front(search->exact, hit->icount, hit->cia);
    set_part(machine, PART_IN_FRONT, &behind, search->exact);
    return true;
}

static bool go_on(Machine *machine, GError **error)
{
    Search *search = search_of(machine);
    switch (search->part) {
    case PART_SPAN: return after_span(machine, error);
    case PART_TO_FROM:
        set_part(machine, PART_FORWARDS, &search->question.before, search->places);
        return true;
    case PART_TO_HIT: return after_approach(machine);
    case PART_FORWARDS: take_notes(search); return false;
    default: return false;
    }
}

static void fail(Machine *machine, const GError *error)
{
    machine_internal_error(machine, "a search could not go on: %s", error->message);
}

bool search_arrived(Machine *machine)
{
    GError *error = NULL;
    bool goes_on = go_on(machine, &error);
    if (error)
        fail(machine, error);
    g_clear_error(&error);
    return goes_on;
}

bool search_is_there(Machine *machine)
{
    Search *search = search_of(machine);
    if (search->part == PART_FORWARDS && machine->run_state == MACHINE_REPLAY_END) {
        take_notes(search);
        return true;
    }
    return search->part == PART_IN_FRONT && machine->run_state == MACHINE_PAUSED &&
           breakpoints_reason(search->exact) == STOP_POSITION;
}

/* --- beginning and ending --------------------------------------------------------------------- */

static Search *search_new(Machine *machine, const MachineQuestion *question)
{
    Search *search = g_new0(Search, 1);
    search->machine = machine;
    search->question = *question;
    search->places = question->places;
    search->noted = g_array_new(FALSE, FALSE, sizeof(MachineHit));
    search->answer.hits = g_array_new(FALSE, FALSE, sizeof(MachineHit));
    search->answer.inputs = g_array_new(FALSE, FALSE, sizeof(MachineInput));
    search->span =
        (Position){ .icount = question->before.icount, .virtual_ns = question->before.virtual_ns };
    breakpoints_set_note(search->places, note, search);
    return search;
}

static void come_back(Machine *machine)
{
    machine->is_away = false;
    machine_moved(machine);
}

/* The run state is a new one for the machine's host. */
static void announce(Machine *machine, MachineRunState before)
{
    MachineRunState state = machine->run_state;
    machine->is_away = false;
    machine->run_state = before;
    machine_set_run_state(machine, state);
}

static void tell_debugger(Machine *machine, const Search *search, const GError *error)
{
    TimeTravel *travel = machine->travel;
    bool is_hit = !error && search->part != PART_TO_BEGIN;
    travel->found = error ? STOP_OTHER : STOP_BEGIN;
    if (is_hit) {
        travel->found_hit = g_array_index(search->answer.hits, MachineHit, 0).hit;
        travel->found = travel->found_hit.reason;
    }
    if (machine->breakpoints)
        breakpoints_stopped(machine->breakpoints, travel->found,
                            is_hit ? &travel->found_hit : NULL);
}

StopReason machine_found(Machine *machine, StopHit *hit)
{
    const TimeTravel *travel = machine->travel;
    if (!travel)
        return STOP_OTHER;
    *hit = travel->found_hit;
    return travel->found;
}

static void return_from(Machine *machine, Search *search)
{
    g_autoptr(GError) problem = NULL;
    if (travel_become(machine, &search->here, &problem)) {
        machine->run_state = search->run_state;
        come_back(machine);
        return;
    }
    fail(machine, problem);
    announce(machine, search->run_state);
    machine_moved(machine);
}

void search_finish(Machine *machine, const GError *error)
{
    Search *search = g_steal_pointer(&machine->travel->search);
    if (search->answered) {
        return_from(machine, search); /* who asked frees it */
        return;
    }
    tell_debugger(machine, search, error);
    if (machine->run_state == MACHINE_RUNNING)
        machine->run_state = MACHINE_PAUSED;
    come_back(machine);
    announce(machine, MACHINE_RUNNING);
    search_free(search);
}

/* The first part. False with ERROR: there is none. */
static bool begin(Machine *machine, GError **error)
{
    Search *search = search_of(machine);
    GError *problem = NULL;
    if (!search->question.backwards)
        return begin_return(machine, PART_TO_FROM, &search->question.from, error);
    if (begin_span(machine, &problem))
        return true;
    if (problem)
        g_propagate_error(error, problem);
    return !problem && go_to_begin(machine, error);
}

static void give_up(Machine *machine)
{
    if (search_of(machine)->answered)
        machine->run_state = search_of(machine)->run_state;
    come_back(machine);
    machine_arm(machine, machine->breakpoints);
    search_free(g_steal_pointer(&machine->travel->search));
}

bool machine_reverse_continue(Machine *machine, MachineSeekDone done, void *opaque, GError **error)
{
    Breakpoints *own = machine->breakpoints;
    return machine_search_back(machine, own ? breakpoints_copy(own) : breakpoints_new(), done,
                               opaque, error);
}

bool machine_search_back(Machine *machine, Breakpoints *places, MachineSeekDone done, void *opaque,
                         GError **error)
{
    if (!travel_may_begin(machine, error)) {
        breakpoints_free(places);
        return false;
    }
    TimeTravel *travel = machine->travel;
    Position position = machine_position(machine);
    MachineQuestion question = {
        .places = places, .before = target_at(&position), .backwards = true, .most = 1
    };
    machine_pause(machine);
    machine->is_away = true;
    travel->search = search_new(machine, &question);
    travel->search->span = position;
    if (!begin(machine, error)) {
        give_up(machine);
        return false;
    }
    machine->run_state = MACHINE_RUNNING;
    announce(machine, MACHINE_PAUSED);
    machine->is_away = true;
    travel->done = done;
    travel->opaque = opaque;
    return true;
}

/* --- questions -------------------------------------------------------------------------------- */

static void answer(void *opaque, const GError *error)
{
    Search *search = opaque;
    search->answered(search->opaque, error ? NULL : &search->answer, error);
    search_free(search);
}

static bool may_ask(Machine *machine, GError **error)
{
    MachineRunState state = machine->run_state;
    if (!travel_may_begin(machine, error))
        return false;
    if (state == MACHINE_PRELAUNCH || state == MACHINE_RUNNING || state == MACHINE_PAUSED ||
        state == MACHINE_REPLAY_END)
        return true;
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE,
                "the machine is %s: replay-seek brings it back into the recording",
                machine_run_state_name(state));
    return false;
}

bool machine_ask(Machine *machine, const MachineQuestion *question, MachineAnswered done,
                 void *opaque, GError **error)
{
    g_assert(question->most);
    Search *search = search_new(machine, question);
    if (!may_ask(machine, error) || !travel_capture(machine, &search->here, error)) {
        search_free(search);
        return false;
    }
    TimeTravel *travel = machine->travel;
    travel->search = search;
    search->answered = done;
    search->opaque = opaque;
    search->run_state = machine->run_state;
    machine->is_away = true;
    g_atomic_int_set(&machine->is_called_back, false);
    if (!begin(machine, error)) {
        give_up(machine);
        return false;
    }
    machine->run_state = MACHINE_RUNNING;
    travel->done = answer;
    travel->opaque = search;
    return true;
}
