/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one device of the test bench: big-endian words at fixed offsets.
 *
 *   0  write: the low byte goes to the console. A byte access does the same.
 *   4  write: power off
 *   8  the processor's external interrupt input, bit 31 (the lowest): written and read back
 *   12 write: reset
 *
 * Words may be accessed as words only; anything else reads as zero and is counted as unknown.
 */
#ifndef MACHINE_DEVICES_BENCH_H
#define MACHINE_DEVICES_BENCH_H

#include "machine/cpu/cpu.h"
#include "machine/device.h"

#define BENCH_SIZE 0x1000u

extern const DeviceClass bench_class;

/* Maps the registers at BASE and connects the interrupt. */
void bench_connect(Device *device, Bus *bus, uint64_t base, Cpu *cpu);

#endif
