/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A toy machine with all that replay has to cope with: instructions, a timer, idling, inputs, host
 * values inside instructions and inside timers, interrupts, output, RAM. Its host side is a dice.
 */
#pragma once

#include "tests/replay/support.h"

#define FAKE_PAGES 256u

typedef struct FakeState {
    guint64 icount;
    guint64 warp;
    guint64 x;
    guint64 deadline; /* of the timer, UINT64_MAX: not armed */
    guint64 inputs;
    guint32 sequence;
    bool idle;
    bool pending; /* an interrupt */
    guint8 reserved[2];
    OutputHash console;
    RamHash ram_hash;
} FakeState;
extern const StateTable fake_state;

typedef struct FakeMachine {
    FakeState state;
    guint8 *ram;
    gboolean dirty[FAKE_PAGES];
    Replay *replay;
    HashList *hashes;
    ReplaySources sources;
    Dice host;             /* decides quanta, arrivals, clock values */
    guint64 quantum_limit; /* quanta are 1 .. this */
    guint input_odds;      /* one in so many visits of a boundary finds an input */
    guint revisit_odds; /* one in so many boundaries is visited twice, as after a kick; 0: none */
    guint64 boundaries;
    guint64 clock;
    GString *events_seen;
    LogWriter *log;    /* flushed now and then, so that there are many segments */
    guint64 tamper_at; /* icount at which x changes behind everybody's back; 0: never */
} FakeMachine;

FakeMachine *fake_new(guint64 seed);
void fake_free(FakeMachine *machine);
Position fake_position(const FakeMachine *machine);
/* All components, "ram" in full. */
const HashList *fake_hash_all(FakeMachine *machine);
/* Runs until icount (or a little later, none and record), or until the replay stops. */
void fake_run(FakeMachine *machine, guint64 icount);
/* Works through the boundary at which the machine stands, and stays there. */
void fake_rest_inside(FakeMachine *machine);
/* As fake_run, up to the end of what is replayed, and finishes it. */
void fake_play_to_end(FakeMachine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeMachine, fake_free)
