/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moments of a replay that are kept in memory, so that going back begins at the nearest of them.
 *
 * A keyframe is what a snapshot is (replay/snapshot.h), without a file: the machine's state but for
 * its memory, and a map of its memory (page-store.h) that shares all pages with its neighbours that
 * were not written in between. Any one of them may be dropped.
 *
 * Invariants
 * 1. They are in the order of their positions, and no two are at the same one.
 * 2. The first one is not dropped: from it every later position can be reached. In a set of a
 *    recording, which can be reached from its start anyway, it may go like the others.
 * 3. When they are more than the budget, one after the other goes: each time the one whose going
 *    makes the smallest gap, measured against how far it is from the one that was added last. So
 *    they are close together near the present and further apart with age.
 */
#pragma once

#include "replay/page-store.h"
#include "replay/replay-seek.h"

/* The first position with at least so many instructions and at least so much virtual time. */
typedef struct SeekTarget {
    guint64 icount;
    guint64 virtual_ns;
} SeekTarget;

gboolean seek_target_is_reached(const SeekTarget *target, const Position *position);

typedef struct Keyframe {
    Position position;
    guint64 work;        /* what it takes to get there from the start, in instructions */
    gboolean is_arrival; /* nothing of the boundary at its position has happened yet */
    ReplayPrefix prefix;
    ReplaySeek *place; /* of its prefix in the log, or NULL: not looked for yet */
    GBytes *state;
    PageMap *map;
    gboolean is_news; /* the map is one of news since the recording's start */
} Keyframe;

typedef struct KeyframeSet KeyframeSet;

/*
 * STORE is that of the maps and must outlive the set. BUDGET: bytes of states, and of the store's
 * pages in memory but for those of the one that was added last. What memory holds at present must
 * be there once; it is what keyframes do not share with it that they cost.
 */
KeyframeSet *keyframe_set_new(PageStore *store, guint64 budget);
/* Before anything is in it: the first one may go, too. */
void keyframe_set_let_first_go(KeyframeSet *set);
void keyframe_set_free(KeyframeSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyframeSet, keyframe_set_free)

/*
 * Takes what KEYFRAME refers to; it is dropped if there is one at its position. FALSE when the
 * budget does not even hold the first one and this one: then it was dropped again.
 */
gboolean keyframe_set_add(KeyframeSet *set, const Keyframe *keyframe);
/* The latest from which TARGET can be reached, or NULL. Borrowed until the set changes. */
Keyframe *keyframe_set_before(KeyframeSet *set, const SeekTarget *target);

/* The latest strictly before POSITION at which a boundary begins, or else the first one; NULL if
 * that is not before POSITION either. Borrowed until the set changes. */
Keyframe *keyframe_set_previous(KeyframeSet *set, const Position *position);

/* Gives up what FRAME, which is in no set, refers to. */
void keyframe_clear(Keyframe *frame);

/* Drops FRAME; not the first one. */
void keyframe_set_remove(KeyframeSet *set, Keyframe *frame);

guint keyframe_set_count(const KeyframeSet *set);
const Keyframe *keyframe_set_get(const KeyframeSet *set, guint index);
/* Bytes that count towards the budget. */
guint64 keyframe_set_bytes(const KeyframeSet *set);
