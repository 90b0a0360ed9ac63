/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A debugger who asks a machine for anything: each line of the input is a packet's contents. The
 * guest is a loop of four instructions, which runs a little after each packet that wants it to.
 *
 * Each packet gets one answer, now or when the machine stops; a few that run it get two.
 */

#include "machine/debug/gdb-packet.h"
#include "machine/debug/gdb-session.h"
#include "tests/fuzz/small-machine.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE 100u /* instructions that run at once */

typedef struct {
    Machine *machine;
    GdbSession *session;
    unsigned answers;
} Target;

/* One for all inputs: a machine takes long to make. */
static Target target;

static void take_answer(void *opaque, const void *data, size_t length)
{
    g_assert(length < GDB_PACKET_MAX);
    target.answers++;
}

static Position recording_end(void *opaque)
{
    return (Position){ 0 };
}

static void state_changed(void *opaque, MachineRunState state, ShutdownCause cause)
{
    if (target.session)
        gdb_session_state_changed(target.session);
}

static void make_machine(void)
{
    target.machine = small_machine_new(&(MachineHost){ .state_changed = state_changed });
}

static void run_a_little(void)
{
    uint64_t icount = machine_position(target.machine).icount;
    if (machine_run_state(target.machine) == MACHINE_RUNNING)
        machine_run(target.machine, PIECE, icount + PIECE);
    gdb_session_interrupt(target.session);
}

/* "monitor hash" goes through all of RAM; seen a few times, it is left out of most inputs. */
static bool is_too_slow(const char *packet)
{
    static unsigned asked;
    return g_str_has_prefix(packet, "qRcmd,68617368") && asked++ % 256 > 8;
}

/* False when the debugger has left. */
static bool say(const char *packet, size_t length)
{
    target.answers = 0;
    bool stays = gdb_session_packet(target.session, packet, length);
    if (stays)
        run_a_little();
    g_assert(*packet == 'k' || target.answers >= 1);
    return stays;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const GdbHost host = { .send = take_answer, .recording_end = recording_end };
    if (!target.machine)
        make_machine();
    g_autofree char *text = g_malloc0(size + 1);
    memcpy(text, data, size);
    target.session = gdb_session_new(target.machine, &host, GDB_ENDIAN_AUTO);
    for (char *line = text, *end = text + size; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop ? stop : end) - line);
        if (stop)
            *stop = 0;
        if (length > GDB_PACKET_MAX || (!is_too_slow(line) && !say(line, length)))
            break;
        line += length + 1;
    }
    gdb_session_free(g_steal_pointer(&target.session));
    machine_pause(target.machine);
    return 0;
}
