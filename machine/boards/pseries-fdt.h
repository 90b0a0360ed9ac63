/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device tree of the pseries board.
 */
#ifndef MACHINE_BOARDS_PSERIES_FDT_H
#define MACHINE_BOARDS_PSERIES_FDT_H

#include "machine/device.h"

#include <glib.h>

#define PSERIES_TIMEBASE_HZ   512000000u
#define PSERIES_RTAS_RESERVED 0x10000u
#define PSERIES_FDT_MAX       (1u << 20)

typedef struct {
    uint64_t memory_bytes;
    uint32_t rtas_address;
    uint64_t initrd_start, initrd_end; /* both 0: none */
    const char *bootargs;
    bool has_random; /* H_RANDOM is offered */
    const uint32_t *vty_units;
    unsigned vty_count;
    Device *pci;
    Device *display; /* the VGA, or NULL */
} PseriesFdt;

/* The flattened tree, version 17; the caller frees it. NULL when it would exceed PSERIES_FDT_MAX.
 */
GBytes *pseries_fdt_new(const PseriesFdt *board, GError **error);

#endif
