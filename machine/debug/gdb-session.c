/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's remote protocol, the target's side ("Debugging with GDB", appendix E).
 *
 * One thread, number 1, is the processor. Addresses are effective ones under the present MSR and
 * process, or real ones after Qqemu.PhyMemMode:1. Register values travel in the byte order that the
 * processor has at the time, unless "monitor endian" says another.
 *
 * 1. A packet that cannot be understood or obeyed is answered by an error; an unknown one by
 *    nothing, as the protocol has it.
 * 2. While the debugger waits for the machine to stop, a packet is answered all the same.
 */
#include "machine/debug/gdb-internal.h"

#include "machine/cpu/model.h"
#include "machine/debug/breakpoints.h"
#include "machine/debug/gdb-registers.h"

#include <string.h>

/* --- replies ---------------------------------------------------------------------------------- */

void gdb_reply(GdbSession *session, const char *text)
{
    session->host.send(session->host.opaque, text, strlen(text));
}

void gdb_fail(GdbSession *session, const char *format, ...)
{
    va_list arguments;
    g_autofree char *text = NULL;
    g_autofree char *packet = NULL;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    packet = g_strconcat("E.", text, NULL);
    gdb_reply(session, packet);
}

void gdb_say(GdbSession *session, const char *text)
{
    g_autoptr(GString) packet = g_string_new("O");
    gdb_append_hex(packet, text, strlen(text));
    gdb_reply(session, packet->str);
}

void gdb_reply_text(GdbSession *session, const char *text)
{
    g_autoptr(GString) packet = g_string_new(NULL);
    gdb_append_hex(packet, text, strlen(text));
    gdb_reply(session, *text ? packet->str : "OK");
}

bool gdb_parse_range(const char **arguments, uint64_t *address, uint64_t *length, char end)
{
    bool good = gdb_parse_number(arguments, address) && *(*arguments)++ == ',' &&
                gdb_parse_number(arguments, length) && **arguments == end;
    if (good && end)
        (*arguments)++;
    return good;
}

/* --- queries ------------------------------------------------------------------------------------
 */

static void supported(GdbSession *session, const char *arguments)
{
    g_autofree char *text = g_strdup_printf(
        "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;"
        "vContSupported+;ReverseStep+;ReverseContinue+;error-message+",
        GDB_PACKET_MAX);
    gdb_reply(session, text);
}

/* OFFSET , LENGTH of a document. */
static void transfer(GdbSession *session, const char *arguments, const char *document)
{
    uint64_t offset, length, total = strlen(document);
    if (!gdb_parse_range(&arguments, &offset, &length, 0)) {
        gdb_fail(session, "expected OFFSET , LENGTH");
        return;
    }
    offset = MIN(offset, total);
    length = MIN(MIN(length, GDB_PACKET_MAX / 2), total - offset);
    g_autofree char *part = g_strdup_printf("%c%.*s", offset + length < total ? 'm' : 'l',
                                            (int)length, document + offset);
    gdb_reply(session, part);
}

static void transfer_features(GdbSession *session, const char *arguments)
{
    static const char annex[] = "target.xml:";
    if (!g_str_has_prefix(arguments, annex)) {
        gdb_reply(session, "E00");
        return;
    }
    g_autofree char *xml = gdb_registers_describe(machine_cpu(session->machine, 0));
    transfer(session, arguments + strlen(annex), xml);
}

static void add_region(GString *xml, uint64_t start, uint64_t length)
{
    g_string_append_printf(xml,
                           "<memory type=\"ram\" start=\"0x%" G_GINT64_MODIFIER
                           "x\" length=\"0x%" G_GINT64_MODIFIER "x\"/>",
                           start, length);
}

/*
 * gdb reads nothing outside of the map. By real address it is what there is; an effective address
 * may lie anywhere, which on 64-bit processors takes two regions.
 */
static void transfer_memory_map(GdbSession *session, const char *arguments)
{
    bool is_64bit = machine_cpu(session->machine, 0)->model->is_64bit;
    g_autoptr(GString) xml = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE memory-map SYSTEM "
                                          "\"gdb-memory-map.dtd\"><memory-map>");
    if (session->is_physical) {
        add_region(xml, 0, machine_memory(session->machine)->size);
    } else if (is_64bit) {
        add_region(xml, 0, 1ull << 63);
        add_region(xml, 1ull << 63, 1ull << 63);
    } else {
        add_region(xml, 0, 1ull << 32);
    }
    g_string_append(xml, "</memory-map>");
    transfer(session, arguments, xml->str);
}

static void set_physical(GdbSession *session, const char *arguments)
{
    if (strcmp(arguments, "0") != 0 && strcmp(arguments, "1") != 0) {
        gdb_fail(session, "expected 0 or 1");
        return;
    }
    session->is_physical = *arguments == '1';
    gdb_reply(session, "OK");
}

static void get_physical(GdbSession *session, const char *arguments)
{
    gdb_reply(session, session->is_physical ? "1" : "0");
}

static void answer_ok(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "OK");
}

/* It begins as another one does. */
static void not_known(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "");
}

static void name_thread(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "QC1");
}

static void list_threads(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "m1");
}

static void end_list(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "l");
}

static void is_attached(GdbSession *session, const char *arguments)
{
    gdb_reply(session, "1");
}

static void describe_thread(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) packet = g_string_new(NULL);
    const char *name = machine_cpu(session->machine, 0)->model->name;
    gdb_append_hex(packet, name, strlen(name));
    gdb_reply(session, packet->str);
}

/* The first row whose name a packet begins with. */
static const struct {
    const char *name;
    void (*execute)(GdbSession *session, const char *arguments);
} packets[] = {
    { "?", gdb_report_stop },
    { "g", gdb_read_registers },
    { "G", gdb_write_registers },
    { "p", gdb_read_register },
    { "P", gdb_write_register },
    { "m", gdb_read_memory },
    { "M", gdb_write_memory },
    { "c", gdb_go_on },
    { "C", gdb_go_on },
    { "s", gdb_step },
    { "S", gdb_step },
    { "bs", gdb_step_back },
    { "bc", gdb_go_back },
    { "Z", gdb_add_breakpoint },
    { "z", gdb_remove_breakpoint },
    { "H", answer_ok },
    { "T", answer_ok },
    { "vCont", gdb_resume_threads },
    { "qSupported", supported },
    { "qXfer:features:read:", transfer_features },
    { "qXfer:memory-map:read::", transfer_memory_map },
    { "qRcmd,", gdb_monitor },
    { "qfThreadInfo", list_threads },
    { "qsThreadInfo", end_list },
    { "qThreadExtraInfo,", describe_thread },
    { "qAttached", is_attached },
    { "qSymbol:", answer_ok },
    { "qCRC", not_known },
    { "qC", name_thread },
    { "qqemu.PhyMemMode", get_physical },
    { "Qqemu.PhyMemMode:", set_physical },
};

bool gdb_session_packet(GdbSession *session, const char *packet, size_t length)
{
    if (*packet == 'X') {
        gdb_write_binary(session, packet + 1, packet + length);
        return true;
    }
    if (*packet == 'k' || *packet == 'D' || g_str_has_prefix(packet, "vKill")) {
        if (*packet != 'k')
            gdb_reply(session, "OK");
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
        if (g_str_has_prefix(packet, packets[i].name)) {
            packets[i].execute(session, packet + strlen(packets[i].name));
            return true;
        }
    }
    gdb_reply(session, "");
    return true;
}

GdbSession *gdb_session_new(Machine *machine, const GdbHost *host, GdbEndian endian)
{
    GdbSession *session = g_new0(GdbSession, 1);
    *session = (GdbSession){ .machine = machine, .host = *host, .endian = endian };
    session->was_running = machine_run_state(machine) == MACHINE_RUNNING;
    machine_set_breakpoints(machine, breakpoints_new());
    machine_pause(machine);
    return session;
}

void gdb_session_free(GdbSession *session)
{
    if (!session)
        return;
    gdb_forget_seek(session);
    machine_set_breakpoints(session->machine, NULL);
    if (session->was_running)
        machine_start(session->machine, NULL);
    else
        machine_pause(session->machine);
    g_free(session);
}
