/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's remote protocol, the target's side ("Debugging with GDB", appendix E).
 *
 * One thread, number 1, is the processor. Addresses are effective ones under the present MSR and
 * process, or real ones after Qqemu.PhyMemMode:1. Register values travel in the byte order that the
 * processor has at the time, unless "monitor endian" says another.
 *
 * 1. Looking leaves no trace: no translation is entered, no R bit set, no device read.
 * 2. A write changes the guest, so a recorded or replayed machine refuses it.
 * 3. A packet that cannot be understood or obeyed is answered by an error; an unknown one by
 *    nothing, as the protocol has it.
 */
#include "machine/debug/gdb-session.h"

#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/debug/breakpoints.h"
#include "machine/debug/gdb-packet.h"
#include "machine/debug/gdb-registers.h"

#include <gio/gio.h>
#include <string.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_ABORT = 6, SIGNAL_TERM = 15 };
typedef enum { ENDIAN_AUTO, ENDIAN_LITTLE, ENDIAN_BIG } Endian;

struct GdbSession {
    Machine *machine;
    GdbSend send;
    void *opaque;
    bool was_running;
    bool is_awaited; /* the debugger waits for a stop */
    bool is_physical;
    Endian endian;
};

/* --- replies ------------------------------------------------------------------------------------
 */

static void reply(GdbSession *session, const char *text)
{
    session->send(session->opaque, text, strlen(text));
}

G_GNUC_PRINTF(2, 3) static void fail(GdbSession *session, const char *format, ...)
{
    va_list arguments;
    g_autofree char *text = NULL;
    g_autofree char *packet = NULL;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    packet = g_strconcat("E.", text, NULL);
    reply(session, packet);
}

/* Text for the debugger's user. */
static void say(GdbSession *session, const char *text)
{
    g_autoptr(GString) packet = g_string_new("O");
    gdb_append_hex(packet, text, strlen(text));
    reply(session, packet->str);
}

static void reply_stop(GdbSession *session)
{
    unsigned signal;
    const char *more = "";
    switch (machine_run_state(session->machine)) {
    case MACHINE_SHUTDOWN: signal = SIGNAL_TERM; break;
    case MACHINE_INTERNAL_ERROR:
    case MACHINE_REPLAY_DIVERGED: signal = SIGNAL_ABORT; break;
    case MACHINE_REPLAY_END:
        signal = SIGNAL_TRAP;
        more = "replaylog:end;";
        break;
    default:
        signal = breakpoints_reason(machine_breakpoints(session->machine)) == STOP_OTHER
                     ? SIGNAL_INT
                     : SIGNAL_TRAP;
    }
    g_autofree char *text = g_strdup_printf("T%02xthread:1;%s", signal, more);
    session->is_awaited = false;
    reply(session, text);
}

/* --- registers ----------------------------------------------------------------------------------
 */

static bool is_little(const GdbSession *session)
{
    return session->endian == ENDIAN_AUTO ? machine_cpu(session->machine, 0)->s.msr & MSR_LE
                                          : session->endian == ENDIAN_LITTLE;
}

static void put_in_order(const GdbSession *session, uint8_t *value, unsigned size)
{
    for (unsigned i = 0; is_little(session) && i < size / 2; i++) {
        uint8_t byte = value[i];
        value[i] = value[size - 1 - i];
        value[size - 1 - i] = byte;
    }
}

static void append_register(GdbSession *session, GString *text, unsigned number)
{
    Cpu *cpu = machine_cpu(session->machine, 0);
    uint8_t value[GDB_REGISTER_SIZE_MAX];
    unsigned size = gdb_register_size(cpu, number);
    gdb_register_read(cpu, number, value);
    put_in_order(session, value, size);
    gdb_append_hex(text, value, size);
}

static void read_registers(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < gdb_register_count(machine_cpu(session->machine, 0)); i++)
        append_register(session, text, i);
    reply(session, text->str);
}

static void read_register(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t number;
    bool good = gdb_parse_number(&arguments, &number) && !*arguments && number < UINT32_MAX;
    if (!good || !gdb_register_size(machine_cpu(session->machine, 0), (unsigned)number)) {
        fail(session, "there is no such register");
        return;
    }
    append_register(session, text, (unsigned)number);
    reply(session, text->str);
}

/* Whether the guest may be changed now; else the debugger is told why not. */
static bool may_write(GdbSession *session)
{
    switch (replay_mode(machine_replay(session->machine))) {
    case REPLAY_PLAY:
        fail(session, "this is a replay: take over first (replay-takeover), then write");
        return false;
    case REPLAY_RECORD:
        fail(session, "the machine is being recorded, and writes by a debugger are not logged yet: "
                      "record-stop first");
        return false;
    default: break;
    }
    if (machine_run_state(session->machine) != MACHINE_RUNNING)
        return true;
    fail(session, "the machine runs: interrupt it first");
    return false;
}

static void set_register(GdbSession *session, unsigned number, const uint8_t *from)
{
    Cpu *cpu = machine_cpu(session->machine, 0);
    uint8_t value[GDB_REGISTER_SIZE_MAX];
    unsigned size = gdb_register_size(cpu, number);
    memcpy(value, from, size);
    put_in_order(session, value, size);
    gdb_register_write(cpu, number, value);
}

static void write_register(GdbSession *session, const char *arguments)
{
    uint8_t value[GDB_REGISTER_SIZE_MAX];
    uint64_t number;
    bool good = gdb_parse_number(&arguments, &number) && *arguments == '=' && number < UINT32_MAX;
    unsigned size =
        good ? gdb_register_size(machine_cpu(session->machine, 0), (unsigned)number) : 0;
    if (!size || !gdb_parse_hex(arguments + 1, value, size)) {
        fail(session, "there is no such register, or the value has another size");
        return;
    }
    if (!may_write(session))
        return;
    set_register(session, (unsigned)number, value);
    reply(session, "OK");
}

static void write_registers(GdbSession *session, const char *arguments)
{
    Cpu *cpu = machine_cpu(session->machine, 0);
    unsigned total = 0, at = 0;
    for (unsigned i = 0; i < gdb_register_count(cpu); i++)
        total += gdb_register_size(cpu, i);
    g_autofree uint8_t *values = g_malloc0(total);
    if (!gdb_parse_hex(arguments, values, total)) {
        fail(session, "the values of all registers are %u bytes", total);
        return;
    }
    if (!may_write(session))
        return;
    for (unsigned i = 0; i < gdb_register_count(cpu); at += gdb_register_size(cpu, i), i++)
        set_register(session, i, values + at);
    reply(session, "OK");
}

/* --- memory -------------------------------------------------------------------------------------
 */

/* How many of LENGTH bytes at ADDRESS lie together in RAM, and where; 0: none. */
static uint64_t find_memory(GdbSession *session, uint64_t address, uint64_t length, uint64_t *real)
{
    const Memory *memory = machine_memory(session->machine);
    uint64_t room = MEMORY_PAGE_SIZE - address % MEMORY_PAGE_SIZE;
    *real = address;
    if (!session->is_physical &&
        !mmu_translate_quietly(machine_cpu(session->machine, 0), address, real))
        return 0;
    length = MIN(length, room);
    return memory_contains(memory, *real, length) ? length : 0;
}

static bool parse_range(const char **arguments, uint64_t *address, uint64_t *length, char end)
{
    bool good = gdb_parse_number(arguments, address) && *(*arguments)++ == ',' &&
                gdb_parse_number(arguments, length) && **arguments == end;
    if (good && end)
        (*arguments)++;
    return good;
}

static void read_memory(GdbSession *session, const char *arguments)
{
    const Memory *memory = machine_memory(session->machine);
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t address, length, real, part;
    if (!parse_range(&arguments, &address, &length, 0)) {
        fail(session, "expected m ADDRESS , LENGTH");
        return;
    }
    length = MIN(length, GDB_PACKET_MAX / 2 - 16);
    while (length > 0 && (part = find_memory(session, address, length, &real)) > 0) {
        gdb_append_hex(text, memory->ram + real, part);
        address += part;
        length -= part;
    }
    /* Of replies to m, gdb 13 knows errors by number only. */
    reply(session, text->len == 0 && length > 0 ? "E14" : text->str);
}

/* Goes through the pages of a range and, with DATA, writes them. False: told what is missing. */
static bool walk(GdbSession *session, uint64_t address, const uint8_t *data, uint64_t length)
{
    uint64_t real, part;
    for (uint64_t done = 0; done < length; done += part) {
        part = find_memory(session, address + done, length - done, &real);
        if (part == 0) {
            fail(session, "no memory at 0x%" G_GINT64_MODIFIER "x", address + done);
            return false;
        }
        if (data)
            memory_write(machine_memory(session->machine), real, data + done, part);
    }
    return true;
}

/* All or nothing, unless what is written is the page table of the rest. */
static void store(GdbSession *session, uint64_t address, const uint8_t *data, uint64_t length)
{
    if (!walk(session, address, NULL, length) || (length > 0 && !may_write(session)))
        return;
    if (walk(session, address, data, length))
        reply(session, "OK");
}

static void write_memory(GdbSession *session, const char *arguments)
{
    uint64_t address, length;
    if (!parse_range(&arguments, &address, &length, ':') || length > GDB_PACKET_MAX / 2) {
        fail(session, "expected M ADDRESS , LENGTH : DATA");
        return;
    }
    g_autofree uint8_t *data = g_malloc0(length + 1);
    if (gdb_parse_hex(arguments, data, length))
        store(session, address, data, length);
    else
        fail(session, "the data are not %" G_GUINT64_FORMAT " bytes", length);
}

static void write_binary(GdbSession *session, const char *arguments, const char *end)
{
    uint64_t address, length;
    if (!parse_range(&arguments, &address, &length, ':') || length != (uint64_t)(end - arguments)) {
        fail(session, "expected X ADDRESS , LENGTH : DATA");
        return;
    }
    store(session, address, (const uint8_t *)arguments, length);
}

/* --- running ------------------------------------------------------------------------------------
 */

static void resume(GdbSession *session, bool one_instruction)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    uint64_t icount = machine_position(session->machine).icount;
    g_autoptr(GError) error = NULL;
    breakpoints_stop_at(breakpoints, one_instruction ? icount + 1 : UINT64_MAX);
    session->is_awaited = true;
    if (!machine_start(session->machine, &error)) {
        g_autofree char *text = g_strdup_printf("%s\n", error->message);
        say(session, text);
        reply_stop(session);
    }
}

/* vCont;ACTION[:THREAD]... There is one thread, so the first action is its. */
static void resume_threads(GdbSession *session, const char *arguments)
{
    if (strcmp(arguments, "?") == 0) {
        reply(session, "vCont;c;C;s;S;t");
        return;
    }
    char action = arguments[0] == ';' ? arguments[1] : 0;
    if (action == 't') {
        machine_pause(session->machine);
        reply(session, "OK");
    } else if (action && strchr("cCsS", action)) {
        resume(session, action == 's' || action == 'S');
    } else {
        fail(session, "vCont knows c, C, s, S and t");
    }
}

void gdb_session_interrupt(GdbSession *session)
{
    machine_pause(session->machine);
    if (session->is_awaited)
        reply_stop(session);
}

void gdb_session_state_changed(GdbSession *session)
{
    if (session->is_awaited && machine_run_state(session->machine) != MACHINE_RUNNING)
        reply_stop(session);
}

/* Z and z: TYPE , ADDRESS , KIND. */
static void change_breakpoint(GdbSession *session, const char *arguments, bool is_new)
{
    Breakpoints *breakpoints = machine_breakpoints(session->machine);
    uint64_t type, address, kind;
    if (!gdb_parse_number(&arguments, &type) || *arguments++ != ',' ||
        !parse_range(&arguments, &address, &kind, 0)) {
        fail(session, "expected TYPE , ADDRESS , KIND");
        return;
    }
    if (type > 1) {
        reply(session, "");
        return;
    }
    if (is_new ? breakpoints_add(breakpoints, address) : breakpoints_remove(breakpoints, address))
        reply(session, "OK");
    else
        fail(session, is_new ? "there are %u breakpoints" : "there is none", BREAKPOINTS_MAX);
}

/* --- monitor ------------------------------------------------------------------------------------
 */

static char *monitor_when(GdbSession *session, const char *rest)
{
    Position position = machine_position(session->machine);
    return g_strdup_printf("instruction %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                           " ns of virtual time (sequence %u), %s, %s\n",
                           position.icount, position.virtual_ns, (unsigned)position.sequence,
                           machine_run_state_name(machine_run_state(session->machine)),
                           replay_mode_name(replay_mode(machine_replay(session->machine))));
}

static char *monitor_reason(GdbSession *session, const char *rest)
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

static char *monitor_memory(GdbSession *session, const char *rest)
{
    const Memory *memory = machine_memory(session->machine);
    return g_strdup_printf("0x0 - 0x%" G_GINT64_MODIFIER "x: memory\n"
                           "elsewhere: devices, which debuggers do not read\n",
                           memory->size - 1);
}

static char *monitor_endian(GdbSession *session, const char *rest)
{
    static const char *const names[] = { "auto", "little", "big" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(rest, names[i]) == 0) {
            session->endian = (Endian)i;
            return g_strdup("");
        }
    }
    return g_strdup("expected auto, little or big\n");
}

static char *monitor_physical(GdbSession *session, const char *rest)
{
    if (strcmp(rest, "on") != 0 && strcmp(rest, "off") != 0)
        return g_strdup("expected on or off\n");
    session->is_physical = strcmp(rest, "on") == 0;
    return g_strdup("");
}

static char *monitor_help(GdbSession *session, const char *rest);

static const struct {
    const char *name, *help;
    char *(*execute)(GdbSession *session, const char *rest);
} monitor_commands[] = {
    { "help", "this list", monitor_help },
    { "when", "the position", monitor_when },
    { "stop-reason", "why the machine stands", monitor_reason },
    { "memory", "where memory is, by real address", monitor_memory },
    { "physical", "on: addresses are real ones; off: effective ones", monitor_physical },
    { "endian", "byte order of registers: auto (the processor's), little, big", monitor_endian },
};

static char *monitor_help(GdbSession *session, const char *rest)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(monitor_commands); i++)
        g_string_append_printf(text, "%-12s %s\n", monitor_commands[i].name,
                               monitor_commands[i].help);
    return g_string_free(text, FALSE);
}

static char *execute_line(GdbSession *session, char *line)
{
    char *rest = strchr(g_strstrip(line), ' ');
    if (rest)
        *rest++ = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(monitor_commands); i++)
        if (strcmp(line, monitor_commands[i].name) == 0)
            return monitor_commands[i].execute(session, rest ? g_strstrip(rest) : "");
    return g_strdup("unknown command: see \"monitor help\"\n");
}

static void monitor(GdbSession *session, const char *arguments)
{
    size_t length = strlen(arguments) / 2;
    g_autofree char *line = g_malloc0(length + 1);
    if (!gdb_parse_hex(arguments, line, length)) {
        fail(session, "expected qRcmd , COMMAND in hexadecimal digits");
        return;
    }
    g_autofree char *text = execute_line(session, line);
    g_autoptr(GString) packet = g_string_new(NULL);
    gdb_append_hex(packet, text, strlen(text));
    reply(session, *text ? packet->str : "OK");
}

/* --- queries ------------------------------------------------------------------------------------
 */

static void supported(GdbSession *session, const char *arguments)
{
    g_autofree char *text = g_strdup_printf(
        "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;error-message+",
        GDB_PACKET_MAX);
    reply(session, text);
}

/* ANNEX : OFFSET , LENGTH */
static void transfer_features(GdbSession *session, const char *arguments)
{
    static const char annex[] = "target.xml:";
    uint64_t offset, length;
    if (!g_str_has_prefix(arguments, annex)) {
        reply(session, "E00");
        return;
    }
    arguments += strlen(annex);
    if (!parse_range(&arguments, &offset, &length, 0)) {
        fail(session, "expected OFFSET , LENGTH");
        return;
    }
    g_autofree char *xml = gdb_registers_describe(machine_cpu(session->machine, 0));
    uint64_t total = strlen(xml);
    offset = MIN(offset, total);
    length = MIN(MIN(length, GDB_PACKET_MAX / 2), total - offset);
    g_autofree char *part =
        g_strdup_printf("%c%.*s", offset + length < total ? 'm' : 'l', (int)length, xml + offset);
    reply(session, part);
}

static void set_physical(GdbSession *session, const char *arguments)
{
    if (strcmp(arguments, "0") != 0 && strcmp(arguments, "1") != 0) {
        fail(session, "expected 0 or 1");
        return;
    }
    session->is_physical = *arguments == '1';
    reply(session, "OK");
}

static void get_physical(GdbSession *session, const char *arguments)
{
    reply(session, session->is_physical ? "1" : "0");
}

static void answer_ok(GdbSession *session, const char *arguments)
{
    reply(session, "OK");
}

static void name_thread(GdbSession *session, const char *arguments)
{
    reply(session, "QC1");
}

static void list_threads(GdbSession *session, const char *arguments)
{
    reply(session, "m1");
}

static void end_list(GdbSession *session, const char *arguments)
{
    reply(session, "l");
}

static void is_attached(GdbSession *session, const char *arguments)
{
    reply(session, "1");
}

static void describe_thread(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) packet = g_string_new(NULL);
    const char *name = machine_cpu(session->machine, 0)->model->name;
    gdb_append_hex(packet, name, strlen(name));
    reply(session, packet->str);
}

static void report_stop(GdbSession *session, const char *arguments)
{
    machine_pause(session->machine);
    reply_stop(session);
}

static void go_on(GdbSession *session, const char *arguments)
{
    resume(session, false);
}

static void step(GdbSession *session, const char *arguments)
{
    resume(session, true);
}

static void add_breakpoint(GdbSession *session, const char *arguments)
{
    change_breakpoint(session, arguments, true);
}

static void remove_breakpoint(GdbSession *session, const char *arguments)
{
    change_breakpoint(session, arguments, false);
}

/* The first row whose name a packet begins with. */
static const struct {
    const char *name;
    void (*execute)(GdbSession *session, const char *arguments);
} packets[] = {
    { "?", report_stop },
    { "g", read_registers },
    { "G", write_registers },
    { "p", read_register },
    { "P", write_register },
    { "m", read_memory },
    { "M", write_memory },
    { "c", go_on },
    { "C", go_on },
    { "s", step },
    { "S", step },
    { "Z", add_breakpoint },
    { "z", remove_breakpoint },
    { "H", answer_ok },
    { "T", answer_ok },
    { "vCont", resume_threads },
    { "qSupported", supported },
    { "qXfer:features:read:", transfer_features },
    { "qRcmd,", monitor },
    { "qfThreadInfo", list_threads },
    { "qsThreadInfo", end_list },
    { "qThreadExtraInfo,", describe_thread },
    { "qAttached", is_attached },
    { "qSymbol:", answer_ok },
    { "qC", name_thread },
    { "qqemu.PhyMemMode", get_physical },
    { "Qqemu.PhyMemMode:", set_physical },
};

bool gdb_session_packet(GdbSession *session, const char *packet, size_t length)
{
    if (*packet == 'X') {
        write_binary(session, packet + 1, packet + length);
        return true;
    }
    if (*packet == 'k' || *packet == 'D' || g_str_has_prefix(packet, "vKill")) {
        if (*packet != 'k')
            reply(session, "OK");
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
        if (g_str_has_prefix(packet, packets[i].name)) {
            packets[i].execute(session, packet + strlen(packets[i].name));
            return true;
        }
    }
    reply(session, "");
    return true;
}

GdbSession *gdb_session_new(Machine *machine, GdbSend send, void *opaque)
{
    GdbSession *session = g_new0(GdbSession, 1);
    *session = (GdbSession){ .machine = machine, .send = send, .opaque = opaque };
    session->was_running = machine_run_state(machine) == MACHINE_RUNNING;
    machine_set_breakpoints(machine, breakpoints_new());
    machine_pause(machine);
    return session;
}

void gdb_session_free(GdbSession *session)
{
    if (!session)
        return;
    machine_set_breakpoints(session->machine, NULL);
    if (session->was_running)
        machine_start(session->machine, NULL);
    else
        machine_pause(session->machine);
    g_free(session);
}
