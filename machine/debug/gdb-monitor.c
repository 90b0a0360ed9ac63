/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's "monitor LINE": what the protocol has no packets for. A row of the table is a command. */
#include "machine/debug/gdb-internal.h"

#include "machine/debug/breakpoints.h"
#include "machine/time-travel.h"
#include "replay/replay-seek.h"

#include <gio/gio.h>
#include <string.h>

#define SHOWN_KEYFRAMES 16u

/* A command returns its output, or NULL if it has replied or will do so. */

static char *when(GdbSession *session, const char *rest)
{
    Position position = machine_position(session->machine);
    return g_strdup_printf("instruction %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                           " ns of virtual time (sequence %u), %s, %s\n",
                           position.icount, position.virtual_ns, (unsigned)position.sequence,
                           machine_run_state_name(machine_run_state(session->machine)),
                           replay_mode_name(replay_mode(machine_replay(session->machine))));
}

/* All that the guest is: two machines with the same one have the same future. */
static char *hash(GdbSession *session, const char *rest)
{
    g_autoptr(HashList) list = hash_list_new();
    Digest digest;
    char hex[2 * DIGEST_SIZE + 1];
    machine_hash(session->machine, true, list);
    hash_list_digest(list, &digest);
    digest_to_hex(&digest, hex);
    return g_strdup_printf("%s\n", hex);
}

static char *stop_reason(GdbSession *session, const char *rest)
{
    static const char *const names[] = { [STOP_OTHER] = "paused",
                                         [STOP_BREAKPOINT] = "breakpoint",
                                         [STOP_WATCHPOINT] = "watchpoint",
                                         [STOP_BEGIN] = "the recording begins here",
                                         [STOP_POSITION] = "position reached" };
    const char *text = machine_error_text(session->machine);
    MachineRunState state = machine_run_state(session->machine);
    const char *why = names[breakpoints_reason(machine_breakpoints(session->machine))];
    return g_strdup_printf("%s%s%s\n",
                           state == MACHINE_PAUSED ? why : machine_run_state_name(state),
                           text ? ": " : "", text ? text : "");
}

/* --- places ----------------------------------------------------------------------------------- */

static bool is_replaying(GdbSession *session)
{
    return replay_mode(machine_replay(session->machine)) == REPLAY_PLAY &&
           machine_keyframes(session->machine);
}

static Position end_of(GdbSession *session)
{
    return session->host.recording_end ? session->host.recording_end(session->host.opaque)
                                       : (Position){ 0 };
}

static char *timeline(GdbSession *session, const char *rest)
{
    const KeyframeSet *frames = machine_keyframes(session->machine);
    if (!is_replaying(session))
        return g_strdup("the machine does not replay: there is no timeline\n");
    GString *text = g_string_new(NULL);
    guint count = keyframe_set_count(frames), skipped = count - MIN(count, SHOWN_KEYFRAMES);
    g_string_append_printf(text,
                           "begin    %" G_GUINT64_FORMAT "\nhere     %" G_GUINT64_FORMAT
                           "\nend      %" G_GUINT64_FORMAT "\n%u keyframes in %" G_GUINT64_FORMAT
                           " KiB; the last of them:\n",
                           keyframe_set_get(frames, 0)->position.icount,
                           machine_position(session->machine).icount, end_of(session).icount, count,
                           keyframe_set_bytes(frames) / 1024);
    for (guint i = skipped; i < count; i++) {
        const Position *position = &keyframe_set_get(frames, i)->position;
        g_string_append_printf(text, "keyframe %" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " ns)\n",
                               position->icount, position->virtual_ns);
    }
    return g_string_free(text, FALSE);
}

/* [+|-]DIGITS: from HERE, or from the start. */
static bool parse_icount(const char *text, uint64_t here, uint64_t *icount)
{
    bool is_back = *text == '-', is_relative = is_back || *text == '+';
    guint64 number;
    if (!g_ascii_string_to_unsigned(text + is_relative, 10, 0, G_MAXINT64, &number, NULL))
        return false;
    *icount = !is_relative ? number : is_back ? here - MIN(number, here) : here + number;
    return true;
}

static bool find_landmark(GdbSession *session, ReplayLandmark kind, const char *text,
                          SeekTarget *target, GError **error)
{
    guint64 number = 0;
    Position position;
    if (kind != REPLAY_LANDMARK_MARK &&
        !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &number, error))
        return false;
    if (!replay_find_landmark(machine_replay(session->machine), kind, number, text, &position,
                              error))
        return false;
    *target = (SeekTarget){ position.icount, position.virtual_ns };
    return true;
}

static bool find_target(GdbSession *session, const char *text, SeekTarget *target, GError **error)
{
    uint64_t here = machine_position(session->machine).icount;
    *target = (SeekTarget){ 0, 0 };
    if (strcmp(text, "begin") == 0)
        *target =
            (SeekTarget){ keyframe_set_get(machine_keyframes(session->machine), 0)->position.icount,
                          0 };
    else if (strcmp(text, "end") == 0)
        *target = (SeekTarget){ end_of(session).icount, 0 };
    else if (g_str_has_prefix(text, "mark "))
        return find_landmark(session, REPLAY_LANDMARK_MARK, text + 5, target, error);
    else if (g_str_has_prefix(text, "event "))
        return find_landmark(session, REPLAY_LANDMARK_EVENT, text + 6, target, error);
    else if (g_str_has_prefix(text, "time "))
        return g_ascii_string_to_unsigned(text + 5, 10, 0, G_MAXINT64, &target->virtual_ns, error);
    else if (!parse_icount(text, here, &target->icount))
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                            "expected an instruction's number, +N, -N, time NANOSECONDS, event N, "
                            "mark NAME, begin or end");
    return !*error;
}

/* Without a replay there is only what is still to come. */
static char *seek_live(GdbSession *session, const char *text)
{
    uint64_t here = machine_position(session->machine).icount, icount;
    g_autoptr(GError) error = NULL;
    if (!parse_icount(text, here, &icount))
        return g_strdup("the machine does not replay: expected an instruction's number, or +N\n");
    if (icount <= here)
        return g_strdup_printf("the machine does not replay: it cannot go back from instruction "
                               "%" G_GUINT64_FORMAT "\n",
                               here);
    return gdb_run_to(session, icount, &error) ? NULL : g_strdup_printf("%s\n", error->message);
}

static char *seek(GdbSession *session, const char *rest)
{
    g_autoptr(GError) error = NULL;
    SeekTarget target;
    if (session->seek || session->is_awaited)
        return g_strdup("the machine has not come to its last stop yet\n");
    if (!is_replaying(session))
        return seek_live(session, rest);
    if (!find_target(session, rest, &target, &error))
        return g_strdup_printf("%s\n", error->message);
    Position end = end_of(session);
    if (target.icount > end.icount || target.virtual_ns > end.virtual_ns)
        return g_strdup_printf("the recording ends at instruction %" G_GUINT64_FORMAT
                               ", %" G_GUINT64_FORMAT " ns: there is no %s\n",
                               end.icount, end.virtual_ns, rest);
    return gdb_seek(session, &target, &error) ? NULL : g_strdup_printf("%s\n", error->message);
}

static char *mark(GdbSession *session, const char *rest)
{
    Position position = machine_position(session->machine);
    if (!*rest || strlen(rest) > 255)
        return g_strdup("expected a name of 1 to 255 bytes\n");
    if (!replay_note(machine_replay(session->machine), &position, rest))
        return g_strdup("the machine is not being recorded: marks are made while it is\n");
    return g_strdup_printf("instruction %" G_GUINT64_FORMAT " is %s\n", position.icount, rest);
}

/* --- how things are shown --------------------------------------------------------------------- */

static char *memory(GdbSession *session, const char *rest)
{
    return g_strdup_printf("0x0 - 0x%" G_GINT64_MODIFIER "x: memory\n"
                           "elsewhere: devices, which debuggers do not read\n",
                           machine_memory(session->machine)->size - 1);
}

static char *endian(GdbSession *session, const char *rest)
{
    static const char *const names[] = { "auto", "little", "big" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(rest, names[i]) == 0) {
            session->endian = (GdbEndian)i;
            return g_strdup("");
        }
    }
    return g_strdup("expected auto, little or big\n");
}

static char *physical(GdbSession *session, const char *rest)
{
    if (strcmp(rest, "on") != 0 && strcmp(rest, "off") != 0)
        return g_strdup("expected on or off\n");
    session->is_physical = strcmp(rest, "on") == 0;
    return g_strdup("");
}

/* --- the commands ----------------------------------------------------------------------------- */

static char *help(GdbSession *session, const char *rest);

static const struct {
    const char *name, *help;
    char *(*execute)(GdbSession *session, const char *rest);
} commands[] = {
    { "help", "this list", help },
    { "when", "the position", when },
    { "hash", "the state's digest", hash },
    { "timeline", "where the recording begins and ends, and the keyframes", timeline },
    { "seek", "go to instruction N, +N, -N, or to time NANOSECONDS, event N, mark NAME, begin, end",
      seek },
    { "mark", "NAME: gives a name to this position of the recording that is being made", mark },
    { "stop-reason", "why the machine stands", stop_reason },
    { "memory", "where memory is, by real address", memory },
    { "physical", "on: addresses are real ones; off: effective ones", physical },
    { "endian", "byte order of registers: auto (the processor's), little, big", endian },
};

static char *help(GdbSession *session, const char *rest)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        g_string_append_printf(text, "%-12s %s\n", commands[i].name, commands[i].help);
    return g_string_free(text, FALSE);
}

static char *execute(GdbSession *session, char *line)
{
    char *rest = strchr(g_strstrip(line), ' ');
    if (rest)
        *rest++ = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(line, commands[i].name) == 0)
            return commands[i].execute(session, rest ? g_strstrip(rest) : "");
    return g_strdup("unknown command: see \"monitor help\"\n");
}

void gdb_monitor(GdbSession *session, const char *arguments)
{
    size_t length = strlen(arguments) / 2;
    g_autofree char *line = g_malloc0(length + 1);
    if (!gdb_parse_hex(arguments, line, length)) {
        gdb_fail(session, "expected qRcmd , COMMAND in hexadecimal digits");
        return;
    }
    g_autofree char *text = execute(session, line);
    if (text)
        gdb_reply_text(session, text);
}
