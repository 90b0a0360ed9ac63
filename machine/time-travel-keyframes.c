/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the keyframes that a replay's seeks begin at, and keeping them in a file.
 *
 * 1. A replay makes them as it passes, so often that going back from anywhere is quick; in front of
 *    a seek's target more of them.
 * 2. A recording makes them for replays to come, of nothing but what was written since it began:
 *    its start is known to every replay. They may cost it a hundredth of its time, so what a
 *    keyframe copies must have been paid for before, in instructions for each page.
 * 3. Memory from the host, whose first touch can cost ten times the copying, is taken a piece at a
 *    time before a keyframe that is due by the interval, so that the guest does not stand still for
 *    all of it at once. A recording waits between the pieces, many times as long as they took: what
 *    they cost differs a hundredfold between hosts.
 * 4. Work is what it takes to get somewhere from the start, in instructions: a machine that idles
 *    works, too.
 */
#include "machine/disks.h"
#include "machine/time-travel-internal.h"

/* What a visit of the machine's loop counts as. */
#define VISIT_WORK 4096u

/* Of a recording: how often in an interval it is looked whether what is new has been paid for; what
 * pays for a page, whose copying takes less than a microsecond; and how much work makes a keyframe
 * late, which need not be paid for any more. */
#define LOOKS          8u
#define PAGE_WORK      (1u << 18)
#define RECORDING_LATE (1ull << 35)

/* A recording takes its first 2 MiB from the host after half an interval; after each, the host's
 * time that it took passes so many times before the next. */
#define ROOM_WAITS      512
#define ROOM_WAITS_LATE 16

/* Of a replay: so many pages that a keyframe copies have memory beforehand. There may be more,
 * which take longer than the guest is to stand still anyway, or are all zero and need none. */
#define ROOM_MOST 16384u

/* A keyframe is a version of each disk. A cluster that is written after it is copied elsewhere,
 * which costs as much as so many pages; and with so many of them no more keyframes are made. */
#define CLUSTER_PAGES 32u
#define CLUSTERS_MOST 16384u /* 1 GiB */

/* Keyframes on the way to a target, so that going back a little from there is quick. */
static const uint64_t approach[] = { 1u << 23, 1u << 18 };

TimeTravel *travel_of(Machine *machine)
{
    if (!machine->travel)
        machine->travel = g_new0(TimeTravel, 1);
    return machine->travel;
}

void time_travel_free(TimeTravel *travel)
{
    if (!travel)
        return;
    keyframe_set_free(travel->frames);
    keyframe_file_free(travel->file);
    page_map_unref(travel->news);
    g_free(travel);
}

/* --- one keyframe ----------------------------------------------------------------------------- */

/* Takes CAPTURE. */
static Keyframe frame_of(Machine *machine, const MachineCapture *capture)
{
    const ReplayState *state = replay_get_state(machine->replay, &capture->position);
    return (Keyframe){ .position = capture->position,
                       .work = machine->travel->work,
                       .is_arrival = !state->opened,
                       .prefix = capture->prefix,
                       .state = capture->state,
                       .map = capture->map };
}

bool travel_capture(Machine *machine, Keyframe *frame, GError **error)
{
    MachineCapture capture;
    machine_set_disks_passing(machine, true);
    bool good = machine_capture(machine, &capture, error);
    machine_set_disks_passing(machine, false);
    if (!good)
        return false;
    machine_capture_adopt(machine, &capture);
    *frame = frame_of(machine, &capture);
    return true;
}

static bool make_frame(Machine *machine, GError **error)
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

static TimeTravel *new_set(Machine *machine, uint64_t budget, uint64_t interval)
{
    TimeTravel *travel = travel_of(machine);
    g_clear_pointer(&travel->frames, keyframe_set_free);
    travel->frames = keyframe_set_new(machine_page_store(machine), budget);
    travel->interval = interval;
    travel->work = 0;
    travel->counted = cpu_icount(machine->cpu);
    travel->is_full = false;
    return travel;
}

bool machine_keep_keyframes(Machine *machine, uint64_t budget, uint64_t interval, GError **error)
{
    g_assert(replay_mode(machine->replay) == REPLAY_PLAY && interval);
    new_set(machine, budget, interval);
    return make_frame(machine, error);
}

const KeyframeSet *machine_keyframes(Machine *machine)
{
    return machine->travel ? machine->travel->frames : NULL;
}

/* --- on the way of a replay ------------------------------------------------------------------- */

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

/* The first place at or behind FROM, on the way to the target, where a keyframe is good to have. */
static uint64_t next_approach(const TimeTravel *travel, uint64_t from)
{
    uint64_t target = travel->target.icount;
    for (unsigned i = 0; approaches(travel) && i < G_N_ELEMENTS(approach); i++)
        if (target > approach[i] && target - approach[i] >= from)
            return target - approach[i];
    return UINT64_MAX;
}

uint64_t travel_next_approach(Machine *machine)
{
    return next_approach(machine->travel, cpu_icount(machine->cpu) + 1);
}

static bool is_approaching(Machine *machine)
{
    uint64_t icount = cpu_icount(machine->cpu);
    return next_approach(machine->travel, icount) == icount;
}

/* A keyframe that cannot be made costs time later on, and does no other harm. */
static void make_or_go_on(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    g_autoptr(GError) error = NULL;
    if (!make_frame(machine, &error)) {
        g_info("no keyframe at %" G_GUINT64_FORMAT ": %s", travel->counted, error->message);
        travel->next_work = travel->work + travel->interval;
    }
}

/* Whether there is memory for a keyframe that is due; if not, there is some more of it. */
static bool has_room(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    PageFigures figures;
    if (travel->room_for != travel->next_work) {
        travel->room_for = travel->next_work;
        travel->room_pages = MIN(machine_count_capture(machine), ROOM_MOST);
    }
    page_store_figures(machine_page_store(machine), &figures);
    if (figures.free_bytes / PAGE_BYTES >= travel->room_pages)
        return true;
    page_store_reserve(machine_page_store(machine));
    return false;
}

static void make_replayed(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    bool is_here = is_approaching(machine);
    if (travel->is_full || (travel->work < travel->next_work && !is_here))
        return;
    if (travel->search && search_has_next_frame(machine))
        return;
    if (is_here || has_room(machine))
        make_or_go_on(machine);
}

/* --- on the way of a recording ---------------------------------------------------------------- */

void machine_record_keyframes(Machine *machine, uint64_t budget, uint64_t interval, bool thrifty)
{
    g_assert(replay_mode(machine->replay) == REPLAY_RECORD && interval);
    TimeTravel *travel = new_set(machine, budget, interval);
    keyframe_set_let_first_go(travel->frames);
    travel->next_work = interval / LOOKS;
    travel->news_work = travel->news_pages = 0;
    travel->room_ns = 0;
    travel->room_most = budget / PAGE_BYTES;
    travel->is_due = false;
    travel->first_superseded = travel->superseded = machine_superseded_clusters(machine);
    travel->is_thrifty = thrifty;
    travel->is_recording = true;
    travel->news_epoch = memory_next_epoch(machine->memory);
}

KeyframeSet *machine_take_keyframes(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    if (!travel || !travel->is_recording)
        return NULL;
    travel->is_recording = false;
    g_clear_pointer(&travel->news, page_map_unref);
    machine->lent_maps++;
    return g_steal_pointer(&travel->frames);
}

void machine_return_keyframes(Machine *machine, KeyframeSet *frames)
{
    if (!frames)
        return;
    keyframe_set_free(frames);
    machine->lent_maps--;
}

/* Some more memory, as soon as what the last cost is a small part of the time since. */
static void reserve_thriftily(Machine *machine, bool is_late)
{
    TimeTravel *travel = machine->travel;
    int64_t began = machine_host_ns(machine);
    if (began < travel->room_ns)
        return;
    page_store_reserve(machine_page_store(machine));
    int64_t now = machine_host_ns(machine);
    travel->room_ns = now + (is_late ? ROOM_WAITS_LATE : ROOM_WAITS) * (now - began);
}

/* Whether there is memory for so many PAGES; if not, there may be some more. */
static bool make_room(Machine *machine, uint64_t pages, bool is_late)
{
    TimeTravel *travel = machine->travel;
    PageFigures figures;
    page_store_figures(machine_page_store(machine), &figures);
    if (figures.free_bytes / PAGE_BYTES >= MIN(pages, travel->room_most))
        return true;
    if (!travel->is_thrifty)
        page_store_reserve(machine_page_store(machine));
    else if (travel->work >= travel->interval / 2)
        reserve_thriftily(machine, is_late);
    return false;
}

/* Whether so many PAGES have memory, and enough lies between the last keyframe and one here. */
static bool can_pay(Machine *machine, uint64_t pages)
{
    const TimeTravel *travel = machine->travel;
    uint64_t work = travel->work - travel->news_work;
    uint64_t clusters = machine_superseded_clusters(machine) - travel->superseded;
    bool is_late = !travel->is_thrifty || work >= RECORDING_LATE;
    bool has_room = make_room(machine, pages, is_late);
    return has_room && (is_late || work >= (pages + CLUSTER_PAGES * clusters) * PAGE_WORK);
}

/* What is new only grows, and counting it costs, too: it waits for what is known of to be paid.
 * Asked on the way to the interval as well, since room is made meanwhile. */
static bool is_paid(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    if (!can_pay(machine, travel->news_pages))
        return false;
    travel->news_pages = machine_count_news(machine, travel->news_epoch);
    return can_pay(machine, travel->news_pages) &&
           travel->work - travel->news_work >= travel->interval;
}

/* What is new since the keyframe before, as the next one. */
static bool capture_news(Machine *machine, Keyframe *frame)
{
    TimeTravel *travel = machine->travel;
    MachineCapture capture;
    g_autoptr(GError) error = NULL;
    machine_set_disks_passing(machine, true);
    machine_capture_since(machine, travel->news, travel->news_epoch, &capture, &error);
    machine_set_disks_passing(machine, false);
    if (error) {
        g_info("no keyframe at %" G_GUINT64_FORMAT ": %s", travel->counted, error->message);
        return false;
    }
    g_clear_pointer(&travel->news, page_map_unref);
    travel->news = page_map_ref(capture.map);
    travel->news_epoch = capture.epoch;
    *frame = frame_of(machine, &capture);
    frame->is_news = true;
    return true;
}

/* Not after a debugger's write, which lies in the midst of a boundary; nor is the guest kept
 * waiting for its disks. */
static bool may_capture(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    if (travel->work < travel->next_work || machine->is_written)
        return false;
    unsigned clusters = machine_superseded_clusters(machine) - travel->first_superseded;
    travel->is_due = clusters <= CLUSTERS_MOST && (travel->is_due || is_paid(machine));
    if (!travel->is_due)
        travel->next_work = travel->work + travel->interval / LOOKS;
    return travel->is_due && machine_disks_are_idle(machine);
}

static void make_recorded(Machine *machine)
{
    TimeTravel *travel = machine->travel;
    Keyframe frame;
    if (!may_capture(machine))
        return;
    unsigned superseded = machine_superseded_clusters(machine);
    travel->is_due = false;
    travel->next_work = travel->work + travel->interval / LOOKS;
    travel->news_work = travel->work;
    travel->news_pages = 0;
    travel->superseded = superseded;
    if (capture_news(machine, &frame))
        keyframe_set_add(travel->frames, &frame);
}

void travel_make_keyframes(Machine *machine)
{
    ReplayMode mode = replay_mode(machine->replay);
    count_work(machine);
    if (mode == REPLAY_PLAY)
        make_replayed(machine);
    else if (mode == REPLAY_RECORD && machine->travel->is_recording)
        make_recorded(machine);
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
    const KeyframeFile *file = machine->lent_maps ? NULL : machine->travel->file;
    const KeyframeEntry *entry = file ? keyframe_file_before(file, target) : NULL;
    uint64_t have = frame ? frame->position.icount : 0;
    return entry && entry->position.icount > have + KEYFRAME_FILE_GAP ? entry : NULL;
}

typedef struct {
    KeyframeFile *file;
    const KeyframeEntry *entry;
    const PageMap *start;
} Fill;

static bool fill_from_file(void *opaque, const PageMemory *memory, uint32_t epoch, GError **error)
{
    const Fill *fill = opaque;
    return keyframe_file_restore(fill->file, fill->entry, fill->start, memory, epoch, error);
}

static bool load_entry(Machine *machine, const KeyframeEntry *entry, GError **error)
{
    TimeTravel *travel = machine->travel;
    Fill fill = { travel->file, entry, keyframe_set_get(travel->frames, 0)->map };
    g_autoptr(GBytes) state = keyframe_file_state(travel->file, entry, error);
    ReplaySeek *place = state ? replay_seek_find(machine->replay, &entry->prefix, error) : NULL;
    machine_set_disks_passing(machine, true);
    bool good =
        place && machine_restore_filled(machine, state, fill_from_file, &fill, place, error);
    machine_set_disks_passing(machine, false);
    if (!good)
        return false;
    travel->work = entry->work;
    travel->counted = entry->position.icount;
    return make_frame(machine, error);
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
    if (!travel || !travel->frames || travel->is_file_bad || machine->lent_maps ||
        machine_has_disks(machine) ||
        (travel->file && (!keyframe_file_takes_more(travel->file) ||
                          keyframe_file_bytes(travel->file) > KEYFRAME_FILE_BYTES)))
        return NULL;
    for (guint i = 0; i < keyframe_set_count(travel->frames); i++) {
        const Keyframe *frame = keyframe_set_get(travel->frames, i);
        if (frame->work < last + KEYFRAME_FILE_INTERVAL || !frame->is_arrival)
            continue;
        last = frame->work;
        if (!travel->file ||
            !keyframe_file_covers(travel->file, frame->work, KEYFRAME_FILE_INTERVAL / 2))
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
    machine->lent_maps++;
    return true;
}

void machine_keep_lent(Machine *machine, Keyframe *frame, GArray *appended)
{
    machine->lent_maps--;
    keyframe_clear(frame);
    for (guint i = 0; i < appended->len && machine->travel->file; i++)
        keyframe_file_commit(machine->travel->file, &g_array_index(appended, KeyframeAppend, i));
}
