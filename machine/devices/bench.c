/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/devices/bench.h"

#include "machine/machine.h"

enum { REG_CONSOLE = 0, REG_POWER_OFF = 4, REG_INTERRUPT = 8, REG_RESET = 12 };

typedef struct {
    uint8_t line; /* what was written to the interrupt register */
} BenchState;

typedef struct {
    Device parent;
    BenchState s;
    Cpu *cpu;
} Bench;

static const StateTable bench_state = {
    "bench", 1, sizeof(BenchState),
    (const StateField[]){ STATE_FIELD_MAX(BenchState, line, 1, "the interrupt register"),
                          STATE_DONE }
};

static uint64_t bench_read(Device *device, uint64_t offset, unsigned size)
{
    const Bench *bench = (const Bench *)device;
    if (offset == REG_INTERRUPT && size == 4)
        return GUINT32_SWAP_LE_BE((uint32_t)bench->s.line);
    device_note_unknown(device, "register", offset);
    return 0;
}

static void set_line(Bench *bench, bool level)
{
    bench->s.line = level;
    if (!bench->cpu)
        return;
    bench->cpu->s.external_line = level;
    machine_touch_boundary(bench->parent.machine);
}

static void write_word(Bench *bench, uint64_t offset, uint32_t value)
{
    Machine *machine = bench->parent.machine;
    uint8_t character = (uint8_t)value;
    switch (offset) {
    case REG_CONSOLE: machine_output(&bench->parent, &character, 1); break;
    case REG_POWER_OFF: machine_request_shutdown(machine, SHUTDOWN_GUEST_SHUTDOWN); break;
    case REG_INTERRUPT: set_line(bench, value & 1); break;
    case REG_RESET: machine_request_shutdown(machine, SHUTDOWN_GUEST_RESET); break;
    default: device_note_unknown(&bench->parent, "register", offset); break;
    }
}

static void bench_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (size == 4)
        write_word((Bench *)device, offset, GUINT32_SWAP_LE_BE((uint32_t)value));
    else if (size == 1 && offset == REG_CONSOLE)
        write_word((Bench *)device, offset, (uint8_t)value);
    else
        device_note_unknown(device, "register", offset);
}

void bench_connect(Device *device, Bus *bus, uint64_t base, Cpu *cpu)
{
    static const BusOps ops = { bench_read, bench_write };
    ((Bench *)device)->cpu = cpu;
    bus_map(bus, device, 0, base, BENCH_SIZE, &ops);
}

const DeviceClass bench_class = {
    .name = "bench",
    .behaviour_version = 1,
    .size = sizeof(Bench),
    .state = &bench_state,
    .state_offset = offsetof(Bench, s),
};
