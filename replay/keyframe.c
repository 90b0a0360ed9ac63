/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/keyframe.h"

/* Keyframes that are nearer to the present than this count as being so far away. */
#define NEAR (1u << 20)

struct KeyframeSet {
    PageStore *store;
    guint64 budget;
    guint64 state_bytes;
    guint64 present_bytes; /* of the pages of the one that was added last */
    gboolean first_may_go;
    GPtrArray *frames; /* of Keyframe *, by position */
};

gboolean seek_target_is_reached(const SeekTarget *target, const Position *position)
{
    return position->icount >= target->icount && position->virtual_ns >= target->virtual_ns;
}

/* --- the set ---------------------------------------------------------------------------------- */

KeyframeSet *keyframe_set_new(PageStore *store, guint64 budget)
{
    KeyframeSet *set = g_new0(KeyframeSet, 1);
    set->store = store;
    set->budget = budget;
    set->frames = g_ptr_array_new();
    return set;
}

void keyframe_set_let_first_go(KeyframeSet *set)
{
    g_assert(!set->frames->len);
    set->first_may_go = TRUE;
}

void keyframe_clear(Keyframe *frame)
{
    g_clear_pointer(&frame->place, replay_seek_free);
    g_clear_pointer(&frame->state, g_bytes_unref);
    g_clear_pointer(&frame->map, page_map_unref);
}

static void frame_free(Keyframe *frame)
{
    keyframe_clear(frame);
    g_free(frame);
}

static void drop(KeyframeSet *set, guint index)
{
    Keyframe *frame = g_ptr_array_steal_index(set->frames, index);
    set->state_bytes -= g_bytes_get_size(frame->state);
    frame_free(frame);
}

void keyframe_set_free(KeyframeSet *set)
{
    if (!set)
        return;
    while (set->frames->len)
        drop(set, set->frames->len - 1);
    g_ptr_array_unref(set->frames);
    g_free(set);
}

guint keyframe_set_count(const KeyframeSet *set)
{
    return set->frames->len;
}

const Keyframe *keyframe_set_get(const KeyframeSet *set, guint index)
{
    return g_ptr_array_index(set->frames, index);
}

guint64 keyframe_set_bytes(const KeyframeSet *set)
{
    PageFigures figures;
    page_store_figures(set->store, &figures);
    return set->state_bytes + figures.memory_bytes - MIN(figures.memory_bytes, set->present_bytes);
}

/* --- thinning --------------------------------------------------------------------------------- */

static guint64 work_of(const KeyframeSet *set, guint index)
{
    return keyframe_set_get(set, index)->work;
}

/* The gap that its going would leave, in parts of its distance from PRESENT. */
static double price(const KeyframeSet *set, guint index, guint64 present)
{
    guint64 here = work_of(set, index);
    guint64 age = here > present ? here - present : present - here;
    guint64 gap = work_of(set, index + 1) - (index ? work_of(set, index - 1) : 0);
    return (double)gap / (double)(age + NEAR);
}

/* Neither the first (unless it may go), nor the one at PRESENT, nor the last. */
static gboolean drop_cheapest(KeyframeSet *set, guint present)
{
    guint found = set->frames->len;
    double best = 0;
    for (guint i = set->first_may_go ? 0 : 1; i + 1 < set->frames->len; i++) {
        double cost = price(set, i, work_of(set, present));
        if (i != present && (found == set->frames->len || cost < best)) {
            found = i;
            best = cost;
        }
    }
    if (found == set->frames->len)
        return FALSE;
    drop(set, found);
    return TRUE;
}

static guint index_of(const KeyframeSet *set, const Keyframe *frame)
{
    guint index = 0;
    gboolean found = g_ptr_array_find(set->frames, frame, &index);
    g_assert(found);
    return index;
}

static gboolean thin(KeyframeSet *set, const Keyframe *present)
{
    while (keyframe_set_bytes(set) > set->budget && drop_cheapest(set, index_of(set, present))) {}
    guint last = set->frames->len - 1;
    if (keyframe_set_bytes(set) > set->budget && keyframe_set_get(set, last) != present)
        drop(set, last);
    if (keyframe_set_bytes(set) <= set->budget || index_of(set, present) == 0)
        return TRUE;
    drop(set, index_of(set, present));
    return FALSE;
}

/* --- adding and finding ----------------------------------------------------------------------- */

gboolean keyframe_set_add(KeyframeSet *set, const Keyframe *keyframe)
{
    Keyframe *frame = g_memdup2(keyframe, sizeof *keyframe);
    guint at = set->frames->len;
    while (at && position_compare(&keyframe_set_get(set, at - 1)->position, &frame->position) > 0)
        at--;
    if (at && position_compare(&keyframe_set_get(set, at - 1)->position, &frame->position) == 0) {
        frame_free(frame);
        return TRUE;
    }
    g_ptr_array_insert(set->frames, (int)at, frame);
    set->state_bytes += g_bytes_get_size(frame->state);
    set->present_bytes = page_map_used(frame->map) * PAGE_BYTES;
    return thin(set, frame);
}

/* Nothing before it has reached the target: it is where the target is met first. */
static gboolean is_first_arrival(const Keyframe *frame, const SeekTarget *target)
{
    return frame->is_arrival && frame->position.sequence == 0 &&
           frame->position.icount == target->icount &&
           frame->position.virtual_ns >= target->virtual_ns;
}

Keyframe *keyframe_set_before(KeyframeSet *set, const SeekTarget *target)
{
    for (guint i = set->frames->len; i > 0; i--) {
        Keyframe *frame = g_ptr_array_index(set->frames, i - 1);
        if (!seek_target_is_reached(target, &frame->position) || is_first_arrival(frame, target))
            return frame;
    }
    return NULL;
}

Keyframe *keyframe_set_previous(KeyframeSet *set, const Position *position)
{
    for (guint i = set->frames->len; i > 0; i--) {
        Keyframe *frame = g_ptr_array_index(set->frames, i - 1);
        if (position_compare(&frame->position, position) < 0 && (frame->is_arrival || i == 1))
            return frame;
    }
    return NULL;
}

void keyframe_set_remove(KeyframeSet *set, Keyframe *frame)
{
    guint index = index_of(set, frame);
    g_assert(index > 0);
    drop(set, index);
}
