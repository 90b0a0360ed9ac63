/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board "bench32": a 32-bit processor, RAM from address 0 and one device, for tests and for
 * programs without an operating system.
 *
 *   0x00000000  RAM, as much as the definition says
 *   0xf0000000  console, power-off and interrupt registers (machine/devices/bench.h)
 *
 * The definition's kernel is a 32-bit big-endian ELF executable, loaded at its physical addresses
 * and entered at its entry point with MSR 0 (no translation, vectors at 0, big-endian), r1 the end
 * of RAM less 64 bytes, all other registers 0. There is nothing else: no firmware, no tables, no
 * ROM.
 */
#include "machine/boards/boards.h"
#include "machine/boards/elf32.h"
#include "machine/cpu/board-hooks.h"
#include "machine/devices/bench.h"
#include "machine/machine.h"

#define DEVICE_BASE 0xf0000000u
#define STACK_ROOM  64

static const CpuBoard bench_cpu_board = { 0 };

static bool build(Machine *machine, GError **error)
{
    const MachineConfig *config = machine_config(machine);
    Cpu *cpu = machine_cpu(machine, 0);
    cpu->board = &bench_cpu_board;
    const char *id = config->serial_count ? config->serial[0].id : "bench";
    bench_connect(device_new(machine, &bench_class, id), machine_bus(machine), DEVICE_BASE, cpu);
    return true;
}

static void store_to_memory(void *opaque, uint64_t address, const void *data, uint64_t length)
{
    bool ok = memory_write(opaque, address, data, length);
    g_assert(ok);
}

static bool load(Machine *machine, GError **error)
{
    const MachineConfig *config = machine_config(machine);
    Memory *memory = machine_memory(machine);
    Cpu *cpu = machine_cpu(machine, 0);
    ElfImage image;
    if (!elf32_load(config->kernel_fd, memory->size, store_to_memory, memory, &image, error)) {
        g_prefix_error(error, "kernel \"%s\": ", config->kernel);
        return false;
    }
    cpu->s.msr = 0;
    cpu->s.cia = image.entry & ~3ull;
    cpu->s.gpr[1] = MIN(memory->size, DEVICE_BASE) - STACK_ROOM;
    cpu_mode_changed(cpu);
    return true;
}

const Board bare32_board = {
    .name = "bench32",
    .description = "32-bit processor, RAM and a console: programs without an operating system",
    .behaviour_version = 1,
    .is_32bit = true,
    .build = build,
    .load = load,
};
