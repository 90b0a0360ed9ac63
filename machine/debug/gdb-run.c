/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A debugger's machine runs, forwards and backwards, and stops.
 *
 * 1. Backwards is a seek in the recording that is replayed (time-travel.h); its end answers.
 * 2. gdb takes Power's watchpoints for such as stop before the access: told of one, it takes it
 *    away and steps once, in the direction in which the machine came, before it looks at values.
 *    Here the machine has stopped behind the access (backwards: in front of it), so that step is
 *    answered, but not taken. A debugger that leaves the watchpoint where it is means its step.
 */
#include "machine/debug/gdb-internal.h"

#include "machine/cpu/cpu.h"
#include "machine/debug/breakpoints.h"
#include "machine/time-travel.h"

#include <gio/gio.h>
#include <string.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_ABORT = 6, SIGNAL_TERM = 15 };

struct GdbSeek {
    GdbSession *session; /* NULL: it has gone */
};

/* --- replies to running ----------------------------------------------------------------------- */

static void reply_signal(GdbSession *session, unsigned signal, const char *more)
{
    g_autofree char *text = g_strdup_printf("T%02xthread:1;%s", signal, more);
    session->is_awaited = false;
    gdb_reply(session, text);
}

static void reply_access(GdbSession *session, const StopHit *hit, bool is_backwards)
{
    static const char *const names[] = {
        [WATCH_READ] = "rwatch", [WATCH_WRITE] = "watch", [WATCH_ACCESS] = "awatch"
    };
    g_autofree char *more =
        g_strdup_printf("%s:%" G_GINT64_MODIFIER "x;", names[hit->range.kind], hit->address);
    session->is_step_due = true;
    session->is_step_backwards = is_backwards;
    session->watched = hit->range;
    reply_signal(session, SIGNAL_TRAP, more);
}

static void reply_paused(GdbSession *session, bool is_backwards)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    const StopHit *hit = breakpoints_hit(breakpoints);
    switch (breakpoints_reason(breakpoints)) {
    case STOP_OTHER: reply_signal(session, is_backwards ? SIGNAL_TRAP : SIGNAL_INT, ""); return;
    case STOP_WATCHPOINT: reply_access(session, hit, is_backwards); return;
    case STOP_BEGIN: reply_signal(session, SIGNAL_TRAP, "replaylog:begin;"); return;
    default: reply_signal(session, SIGNAL_TRAP, "");
    }
}

static void reply_place(GdbSession *session, const GError *error)
{
    Position position = machine_position(session->machine);
    g_autofree char *text =
        error ? g_strdup_printf("%s\n", error->message)
              : g_strdup_printf("instruction %" G_GUINT64_FORMAT "\n", position.icount);
    session->is_awaited = session->awaits_text = false;
    gdb_reply_text(session, text);
}

static void reply_stop(GdbSession *session)
{
    if (session->awaits_text) {
        reply_place(session, NULL);
        return;
    }
    switch (machine_run_state(session->machine)) {
    case MACHINE_SHUTDOWN: reply_signal(session, SIGNAL_TERM, ""); break;
    case MACHINE_INTERNAL_ERROR:
    case MACHINE_REPLAY_DIVERGED: reply_signal(session, SIGNAL_ABORT, ""); break;
    case MACHINE_REPLAY_END: reply_signal(session, SIGNAL_TRAP, "replaylog:end;"); break;
    default: reply_paused(session, false);
    }
}

void gdb_report_stop(GdbSession *session, const char *arguments)
{
    machine_pause(session->machine);
    reply_stop(session);
}

void gdb_session_interrupt(GdbSession *session)
{
    machine_pause(session->machine);
    if (session->is_awaited && !session->seek)
        reply_stop(session);
}

void gdb_session_state_changed(GdbSession *session)
{
    if (session->is_awaited && !session->seek &&
        machine_run_state(session->machine) != MACHINE_RUNNING)
        reply_stop(session);
}

/* --- gdb's own step at a watchpoint ------------------------------------------------------------
 */

static bool is_watched_still(GdbSession *session)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    bool is_there = breakpoints_remove_range(breakpoints, &session->watched);
    if (is_there)
        breakpoints_add_range(breakpoints, &session->watched);
    return is_there;
}

/* The machine is moving at the debugger's own wish already. */
static bool refuse_second_move(GdbSession *session)
{
    if (session->seek || session->is_awaited)
        gdb_fail(session, "the machine has not come to its last stop yet: interrupt it first");
    return session->seek || session->is_awaited;
}

/* Whether a step, or what else moves the machine, is gdb's behind an access: then it is answered.
 */
static bool is_done_already(GdbSession *session, bool is_step, bool is_backwards)
{
    bool is_due = session->is_step_due;
    session->is_step_due = false;
    if (!is_due || !is_step || is_backwards != session->is_step_backwards ||
        machine_run_state(session->machine) == MACHINE_RUNNING || is_watched_still(session))
        return false;
    reply_signal(session, SIGNAL_TRAP, "");
    return true;
}

/* --- forwards --------------------------------------------------------------------------------- */

static void resume(GdbSession *session, bool is_step)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    uint64_t icount = machine_position(session->machine).icount;
    g_autoptr(GError) error = NULL;
    if (refuse_second_move(session) || is_done_already(session, is_step, false))
        return;
    breakpoints_stop_at(breakpoints, is_step ? icount + 1 : UINT64_MAX);
    session->is_awaited = true;
    if (machine_run_state(session->machine) == MACHINE_REPLAY_END) {
        reply_stop(session);
    } else if (!machine_start(session->machine, &error)) {
        g_autofree char *text = g_strdup_printf("%s\n", error->message);
        gdb_say(session, text);
        reply_stop(session);
    }
}

void gdb_go_on(GdbSession *session, const char *arguments)
{
    resume(session, false);
}

void gdb_step(GdbSession *session, const char *arguments)
{
    resume(session, true);
}

/* vCont;ACTION[:THREAD]... There is one thread, so the first action is its. */
void gdb_resume_threads(GdbSession *session, const char *arguments)
{
    if (strcmp(arguments, "?") == 0) {
        gdb_reply(session, "vCont;c;C;s;S;t");
        return;
    }
    char action = arguments[0] == ';' ? arguments[1] : 0;
    if (action == 't') {
        machine_pause(session->machine);
        gdb_reply(session, "OK");
    } else if (action && strchr("cCsS", action)) {
        resume(session, action == 's' || action == 'S');
    } else {
        gdb_fail(session, "vCont knows c, C, s, S and t");
    }
}

/* --- backwards and elsewhere ------------------------------------------------------------------ */

static void seek_done(void *opaque, const GError *error)
{
    GdbSeek *seek = opaque;
    GdbSession *session = seek->session;
    g_free(seek);
    if (!session)
        return;
    session->seek = NULL;
    if (session->awaits_text)
        reply_place(session, error);
    else if (machine_run_state(session->machine) != MACHINE_PAUSED)
        reply_stop(session);
    else if (error)
        reply_signal(session, SIGNAL_INT, "");
    else
        reply_paused(session, true);
}

void gdb_forget_seek(GdbSession *session)
{
    if (session->seek)
        session->seek->session = NULL;
    session->seek = NULL;
}

/* A seek to TARGET, or back to a breakpoint if it is NULL. */
static bool begin(GdbSession *session, const SeekTarget *target, bool is_monitors, GError **error)
{
    Machine *machine = session->machine;
    GdbSeek *seek = g_new0(GdbSeek, 1);
    seek->session = session;
    session->seek = seek; /* beginning it changes the run state already */
    session->is_step_due = false;
    if (target ? machine_seek(machine, target, seek_done, seek, error)
               : machine_reverse_continue(machine, seek_done, seek, error)) {
        session->is_awaited = true;
        session->awaits_text = is_monitors;
        return true;
    }
    session->seek = NULL;
    g_free(seek);
    return false;
}

bool gdb_seek(GdbSession *session, const SeekTarget *target, GError **error)
{
    return begin(session, target, true, error);
}

bool gdb_run_to(GdbSession *session, uint64_t icount, GError **error)
{
    session->is_step_due = false;
    breakpoints_stop_at(machine_breakpoints(session->machine), icount);
    session->is_awaited = session->awaits_text = machine_start(session->machine, error);
    return session->is_awaited;
}

/* The first place that there is; UINT64_MAX if there is none. */
static uint64_t first_icount(Machine *machine)
{
    const KeyframeSet *frames = machine_keyframes(machine);
    return frames ? keyframe_set_get(frames, 0)->position.icount : UINT64_MAX;
}

static void go_backwards(GdbSession *session, const SeekTarget *target)
{
    g_autoptr(GError) error = NULL;
    if (replay_mode(machine_replay(session->machine)) != REPLAY_PLAY)
        gdb_fail(session, "only a replay can go backwards: record-start, then replay-start what "
                          "was recorded");
    else if (machine_position(session->machine).icount <= first_icount(session->machine))
        reply_signal(session, SIGNAL_TRAP, "replaylog:begin;");
    else if (!begin(session, target, false, &error))
        gdb_fail(session, "%s", error->message);
}

void gdb_step_back(GdbSession *session, const char *arguments)
{
    SeekTarget target = { machine_position(session->machine).icount - 1, 0 };
    if (!refuse_second_move(session) && !is_done_already(session, true, true))
        go_backwards(session, &target);
}

void gdb_go_back(GdbSession *session, const char *arguments)
{
    if (refuse_second_move(session))
        return;
    session->is_step_due = false;
    go_backwards(session, NULL);
}

/* --- breakpoints ------------------------------------------------------------------------------ */

static void change_address(GdbSession *session, uint64_t address, bool is_new)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    if (is_new ? breakpoints_add(breakpoints, address) : breakpoints_remove(breakpoints, address))
        gdb_reply(session, "OK");
    else if (is_new)
        gdb_fail(session, "there are %u breakpoints already", BREAKPOINTS_MAX);
    else
        gdb_fail(session, "there is no breakpoint at 0x%" G_GINT64_MODIFIER "x", address);
}

static void change_range(GdbSession *session, const WatchRange *range, bool is_new)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    if (is_new ? breakpoints_add_range(breakpoints, range)
               : breakpoints_remove_range(breakpoints, range))
        gdb_reply(session, "OK");
    else if (is_new)
        gdb_fail(session, "there are %u watchpoints already, or this one has no byte",
                 WATCHPOINTS_MAX);
    else
        gdb_fail(session, "there is no such watchpoint at 0x%" G_GINT64_MODIFIER "x",
                 range->address);
}

/* Z and z: TYPE , ADDRESS , KIND. */
static void change(GdbSession *session, const char *arguments, bool is_new)
{
    static const WatchKind kinds[] = { [2] = WATCH_WRITE, [3] = WATCH_READ, [4] = WATCH_ACCESS };
    uint64_t type, address, length;
    if (!gdb_parse_number(&arguments, &type) || *arguments++ != ',' ||
        !gdb_parse_range(&arguments, &address, &length, 0)) {
        gdb_fail(session, "expected TYPE , ADDRESS , KIND");
    } else if (type >= G_N_ELEMENTS(kinds)) {
        gdb_reply(session, "");
    } else if (!kinds[type]) {
        change_address(session, address, is_new);
    } else {
        WatchRange range = { .address = address,
                             .length = length,
                             .kind = kinds[type],
                             .is_physical = session->is_physical };
        change_range(session, &range, is_new);
    }
}

void gdb_add_breakpoint(GdbSession *session, const char *arguments)
{
    change(session, arguments, true);
}

void gdb_remove_breakpoint(GdbSession *session, const char *arguments)
{
    change(session, arguments, false);
}
