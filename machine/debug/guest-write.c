/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/debug/guest-write.h"

#include "machine/debug/gdb-registers.h"
#include "machine/machine-internal.h"

#include <string.h>

#define ADDRESS_SIZE sizeof(uint64_t)

static bool post(Machine *machine, ControlKind kind, const uint8_t *data, size_t length,
                 GError **error)
{
    Event event = { .kind = EVENT_CONTROL,
                    .control = { .kind = (guint8)kind, .data = data, .data_length = length } };
    return machine_input_now(machine, &event, error);
}

bool guest_write_register(Machine *machine, unsigned number, const uint8_t *value, GError **error)
{
    uint8_t data[1 + GDB_REGISTER_SIZE_MAX] = { (uint8_t)number };
    unsigned size = gdb_register_size(machine->cpu, number);
    g_assert(size > 0);
    memcpy(data + 1, value, size);
    return post(machine, CONTROL_WRITE_REGISTER, data, 1 + size, error);
}

bool guest_write_memory(Machine *machine, uint64_t real, const void *data, uint64_t length,
                        GError **error)
{
    uint64_t address = GUINT64_TO_BE(real);
    g_assert(length <= GUEST_WRITE_MAX && memory_contains(machine->memory, real, length));
    g_autofree uint8_t *bytes = g_malloc(ADDRESS_SIZE + length);
    memcpy(bytes, &address, ADDRESS_SIZE);
    memcpy(bytes + ADDRESS_SIZE, data, length);
    return post(machine, CONTROL_WRITE_MEMORY, bytes, ADDRESS_SIZE + length, error);
}

static bool deliver_register(Machine *machine, const uint8_t *data, size_t length)
{
    unsigned size = length ? gdb_register_size(machine->cpu, data[0]) : 0;
    if (size == 0 || length != 1 + size)
        return false;
    gdb_register_write(machine->cpu, data[0], data + 1);
    return true;
}

static bool deliver_memory(Machine *machine, const uint8_t *data, size_t length)
{
    uint64_t address;
    if (length < ADDRESS_SIZE)
        return false;
    memcpy(&address, data, ADDRESS_SIZE);
    return memory_write(machine->memory, GUINT64_FROM_BE(address), data + ADDRESS_SIZE,
                        length - ADDRESS_SIZE);
}

bool guest_write_deliver(Machine *machine, const Event *event)
{
    const uint8_t *data = event->control.data;
    size_t length = event->control.data_length;
    return event->control.kind == CONTROL_WRITE_REGISTER ? deliver_register(machine, data, length)
                                                         : deliver_memory(machine, data, length);
}
