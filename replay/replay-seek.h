/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going to another place of the recording that is replayed.
 *
 * A place is named by the events before it: how many there are, and a digest of them all. So a
 * state that was saved in one recording is never taken for that of another, and it does not matter
 * whether it was saved while recording or while replaying.
 */
#pragma once

#include "replay/replay.h"

/* Where the machine is; all zero if it neither records nor replays. Notes do not count. */
void replay_prefix(const Replay *replay, ReplayPrefix *prefix);

typedef struct ReplaySeek ReplaySeek;
/* Play: finds the place in the log; NULL with ERROR (REPLAY_ERROR_MISMATCH) when its events are not
 * those. Changes nothing. */
ReplaySeek *replay_seek_find(Replay *replay, const ReplayPrefix *prefix, GError **error);
/* Goes there, whatever the status was; the machine's state must be made that of the place. */
void replay_seek_go(Replay *replay, ReplaySeek *seek);
void replay_seek_free(ReplaySeek *seek);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplaySeek, replay_seek_free)
