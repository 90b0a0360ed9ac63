/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A debugger who asks a machine for anything: each line of the input is a packet's contents. The
 * guest is a loop of four instructions, which runs a little after each packet that wants it to.
 *
 * Each packet gets one answer, now or when the machine stops; a few that run it get two.
 */

#include "machine/debug/gdb-packet.h"
#include "machine/debug/gdb-session.h"
#include "machine/cpu/cpu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static uint64_t recording_end(void *opaque)
{
    return 0;
}

static void state_changed(void *opaque, MachineRunState state, ShutdownCause cause)
{
    if (target.session)
        gdb_session_state_changed(target.session);
}

/* A 64-bit program: addi r3,r3,1; std r3,0(r4); ld r5,0(r4); b back. */
static int make_kernel(void)
{
    static const uint8_t program[] = { 0x38, 0x63, 0, 1, 0xf8, 0x64, 0,    0,
                                       0xe8, 0xa4, 0, 0, 0x4b, 0xff, 0xff, 0xf4 };
    struct {
        uint8_t ident[16];
        uint16_t type, machine;
        uint32_t version;
        uint64_t entry, phoff, shoff;
        uint32_t flags;
        uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
        uint32_t p_type, p_flags;
        uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
        uint8_t text[sizeof program];
    } file = { .ident = { 0x7f, 'E', 'L', 'F', 2, 2, 1 },
               .type = GUINT16_TO_BE(2),
               .machine = GUINT16_TO_BE(21),
               .version = GUINT32_TO_BE(1),
               .phoff = GUINT64_TO_BE(64),
               .ehsize = GUINT16_TO_BE(64),
               .phentsize = GUINT16_TO_BE(56),
               .phnum = GUINT16_TO_BE(1),
               .p_type = GUINT32_TO_BE(1),
               .p_flags = GUINT32_TO_BE(7),
               .p_offset = GUINT64_TO_BE(120),
               .p_filesz = GUINT64_TO_BE(sizeof program),
               .p_memsz = GUINT64_TO_BE(sizeof program),
               .p_align = GUINT64_TO_BE(65536) };
    memcpy(file.text, program, sizeof program);
    int fd = memfd_create("kernel", 0);
    g_assert(fd >= 0 && write(fd, &file, sizeof file) == (ssize_t)sizeof file);
    return fd;
}

static void make_machine(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = g_strdup_printf(
        "{\"name\":\"fuzzed\",\"board\":\"pseries\",\"cpu\":\"power9\",\"memory\":\"64M\","
        "\"kernel\":\"/proc/self/fd/%d\",\"clock\":{\"shift\":0,\"sleep\":false,"
        "\"rtc\":\"2026-01-31T12:00:00\"},\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]}",
        make_kernel());
    MachineHost host = { .state_changed = state_changed };
    MachineConfig *config = machine_config_parse(json, -1, &error);
    if (!config || !machine_config_open_files(config, AT_FDCWD, &error) ||
        !(target.machine = machine_new(config, AT_FDCWD, &host, &error)))
        g_error("%s", error->message);
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
