/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TINY_H
#define TINY_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *structure, *strings; /* of the device tree; NULL: there is none */
    uint64_t check;                     /* over all that the guest has seen */
    uint64_t keys;                      /* how many it has taken */
} Guest;

/* A virtio block device; common is 0 if there is none. Addresses are of its four structures. */
typedef struct {
    uint64_t common, notify, isr;
    uint32_t notify_multiplier;
    uint16_t sent; /* requests so far */
} Disk;

uint64_t hypercall(uint64_t op, const uint64_t in[8], uint64_t out[8]);
uint64_t call(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t out[8]);

void print(const char *text);
void print_hex(const char *label, uint64_t value, int digits);

/* Folds a value into the check. */
void see(Guest *guest, uint64_t value);
uint64_t time_base(void);

/* Waits for the time to pass; typed keys are taken and said back meanwhile. */
void wait(Guest *guest, uint64_t microseconds);

/* Calls a service. Its results are in rtas_block from index 3 + in_count on, big endian. 0: the
 * service is there. */
extern uint32_t rtas_block[16];
int rtas(const Guest *guest, const char *service, uint32_t in_count, uint32_t out_count,
         const uint32_t in[]);

/* Looks for a block device on the first PCI bridge and sets it up. */
void disk_find(Disk *disk, const Guest *guest);

/* Reads a sector, writes it, reads one that an earlier round has written; sees data and moments. */
void disk_use(Disk *disk, Guest *guest, uint64_t round);

#endif
