/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real addresses that are not RAM: which device answers.
 *
 * Values travel as numbers whose byte order is the bus's: PCI and its like are little-endian, so
 * the value of a 32-bit access is what a little-endian processor's plain load sees. The processor's
 * side (mmu.c) swaps for the other order. A read that nobody claims gives all ones, a write that
 * nobody claims is dropped; both are counted and the last ones listed.
 */
#ifndef MACHINE_BUS_H
#define MACHINE_BUS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Device Device;
typedef struct Bus Bus;

typedef struct {
    /* OFFSET is from the start of the range; SIZE is 1, 2, 4 or 8; never crosses the range's end.
     */
    uint64_t (*read)(Device *device, uint64_t offset, unsigned size);
    void (*write)(Device *device, uint64_t offset, unsigned size, uint64_t value);
} BusOps;

Bus *bus_new(void);
void bus_free(Bus *bus);

/*
 * Ranges may be moved and taken away while the machine runs (PCI BARs): HANDLE identifies one range
 * of DEVICE. SIZE 0 takes it away. Where ranges overlap, the one mapped last answers.
 */
void bus_map(Bus *bus, Device *device, unsigned handle, uint64_t base, uint64_t size,
             const BusOps *ops);

uint64_t bus_read(Bus *bus, uint64_t address, unsigned size);
void bus_write(Bus *bus, uint64_t address, unsigned size, uint64_t value);

/* Accesses that nobody claimed. */
uint64_t bus_unclaimed(const Bus *bus);

#endif
