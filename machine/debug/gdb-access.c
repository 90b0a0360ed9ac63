/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A debugger's looks at registers and memory, and its writes.
 *
 * 1. Looking leaves no trace: no translation is entered, no R bit set, no device read.
 * 2. A write changes the guest, so it is an input: it is logged while the machine is recorded, and
 *    refused in a replay (guest-write.h).
 */
#include "machine/debug/gdb-internal.h"

#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/debug/gdb-registers.h"
#include "machine/debug/guest-write.h"

#include <gio/gio.h>
#include <string.h>

/* --- registers ----------------------------------------------------------------------------------
 */

static bool is_little(const GdbSession *session)
{
    return session->endian == GDB_ENDIAN_AUTO ? machine_cpu(session->machine, 0)->s.msr & MSR_LE
                                              : session->endian == GDB_ENDIAN_LITTLE;
}

static void put_in_order(bool little, uint8_t *value, unsigned size)
{
    for (unsigned i = 0; little && i < size / 2; i++) {
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
    put_in_order(is_little(session), value, size);
    gdb_append_hex(text, value, size);
}

void gdb_read_registers(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < gdb_register_count(machine_cpu(session->machine, 0)); i++)
        append_register(session, text, i);
    gdb_reply(session, text->str);
}

void gdb_read_register(GdbSession *session, const char *arguments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t number;
    bool good = gdb_parse_number(&arguments, &number) && !*arguments && number < UINT32_MAX;
    if (!good || !gdb_register_size(machine_cpu(session->machine, 0), (unsigned)number)) {
        gdb_fail(session, "there is no such register");
        return;
    }
    append_register(session, text, (unsigned)number);
    gdb_reply(session, text->str);
}

/* Reports why the guest was not changed. */
static void refuse(GdbSession *session, GError *error)
{
    gdb_fail(session, "%s", error->message);
    g_error_free(error);
}

static bool set_register(GdbSession *session, unsigned number, const uint8_t *from, bool little,
                         GError **error)
{
    uint8_t value[GDB_REGISTER_SIZE_MAX];
    unsigned size = gdb_register_size(machine_cpu(session->machine, 0), number);
    memcpy(value, from, size);
    put_in_order(little, value, size);
    return guest_write_register(session->machine, number, value, error);
}

void gdb_write_register(GdbSession *session, const char *arguments)
{
    uint8_t value[GDB_REGISTER_SIZE_MAX];
    uint64_t number;
    GError *error = NULL;
    bool good = gdb_parse_number(&arguments, &number) && *arguments == '=' && number < UINT32_MAX;
    unsigned size =
        good ? gdb_register_size(machine_cpu(session->machine, 0), (unsigned)number) : 0;
    if (!size || !gdb_parse_hex(arguments + 1, value, size))
        gdb_fail(session, "there is no such register, or the value has another size");
    else if (set_register(session, (unsigned)number, value, is_little(session), &error))
        gdb_reply(session, "OK");
    else
        refuse(session, error);
}

void gdb_write_registers(GdbSession *session, const char *arguments)
{
    Cpu *cpu = machine_cpu(session->machine, 0);
    unsigned total = 0, at = 0, count = gdb_register_count(cpu);
    bool little = is_little(session); /* as it was sent: MSR, which says it, is among them */
    GError *error = NULL;
    for (unsigned i = 0; i < count; i++)
        total += gdb_register_size(cpu, i);
    g_autofree uint8_t *values = g_malloc0(total);
    if (!gdb_parse_hex(arguments, values, total)) {
        gdb_fail(session, "the values of all registers are %u bytes", total);
        return;
    }
    for (unsigned i = 0; i < count && !error; at += gdb_register_size(cpu, i), i++)
        set_register(session, i, values + at, little, &error);
    if (error)
        refuse(session, error);
    else
        gdb_reply(session, "OK");
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

void gdb_read_memory(GdbSession *session, const char *arguments)
{
    const Memory *memory = machine_memory(session->machine);
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t address, length, real, part;
    if (!gdb_parse_range(&arguments, &address, &length, 0)) {
        gdb_fail(session, "expected m ADDRESS , LENGTH");
        return;
    }
    length = MIN(length, GDB_PACKET_MAX / 2 - 16);
    while (length > 0 && (part = find_memory(session, address, length, &real)) > 0) {
        gdb_append_hex(text, memory->ram + real, part);
        address += part;
        length -= part;
    }
    /* Of replies to m, gdb 13 knows errors by number only. */
    gdb_reply(session, text->len == 0 && length > 0 ? "E14" : text->str);
}

/* Goes through the pages of a range and, with DATA, writes them. */
static bool walk(GdbSession *session, uint64_t address, const uint8_t *data, uint64_t length,
                 GError **error)
{
    uint64_t real, part;
    for (uint64_t done = 0; done < length; done += part) {
        part = find_memory(session, address + done, length - done, &real);
        if (part == 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                        "no memory at 0x%" G_GINT64_MODIFIER "x", address + done);
            return false;
        }
        if (data && !guest_write_memory(session->machine, real, data + done, part, error))
            return false;
    }
    return true;
}

/* All or nothing, unless what is written is the page table of the rest. */
static void store(GdbSession *session, uint64_t address, const uint8_t *data, uint64_t length)
{
    GError *error = NULL;
    if (walk(session, address, NULL, length, &error) &&
        walk(session, address, data, length, &error))
        gdb_reply(session, "OK");
    else
        refuse(session, error);
}

void gdb_write_memory(GdbSession *session, const char *arguments)
{
    uint64_t address, length;
    if (!gdb_parse_range(&arguments, &address, &length, ':') || length > GDB_PACKET_MAX / 2) {
        gdb_fail(session, "expected M ADDRESS , LENGTH : DATA");
        return;
    }
    g_autofree uint8_t *data = g_malloc0(length + 1);
    if (gdb_parse_hex(arguments, data, length))
        store(session, address, data, length);
    else
        gdb_fail(session, "the data are not %" G_GUINT64_FORMAT " bytes", length);
}

void gdb_write_binary(GdbSession *session, const char *arguments, const char *end)
{
    uint64_t address, length;
    if (!gdb_parse_range(&arguments, &address, &length, ':') ||
        length != (uint64_t)(end - arguments)) {
        gdb_fail(session, "expected X ADDRESS , LENGTH : DATA");
        return;
    }
    store(session, address, (const uint8_t *)arguments, length);
}
