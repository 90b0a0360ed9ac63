/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/bus.h"

#include <glib.h>

typedef struct {
    Device *device;
    unsigned handle;
    uint64_t base, size;
    const BusOps *ops;
} Range;

struct Bus {
    GArray *ranges; /* later ones win */
    uint64_t unclaimed;
};

Bus *bus_new(void)
{
    Bus *bus = g_new0(Bus, 1);
    bus->ranges = g_array_new(FALSE, FALSE, sizeof(Range));
    return bus;
}

void bus_free(Bus *bus)
{
    if (!bus)
        return;
    g_array_unref(bus->ranges);
    g_free(bus);
}

void bus_map(Bus *bus, Device *device, unsigned handle, uint64_t base, uint64_t size,
             const BusOps *ops)
{
    for (guint i = 0; i < bus->ranges->len; i++) {
        const Range *range = &g_array_index(bus->ranges, Range, i);
        if (range->device == device && range->handle == handle) {
            g_array_remove_index(bus->ranges, i);
            break;
        }
    }
    Range range = { device, handle, base, size, ops };
    if (size)
        g_array_append_val(bus->ranges, range);
}

/* The range that holds all SIZE bytes at ADDRESS. */
static const Range *find(const Bus *bus, uint64_t address, unsigned size)
{
    for (guint i = bus->ranges->len; i > 0; i--) {
        const Range *range = &g_array_index(bus->ranges, Range, i - 1);
        uint64_t offset = address - range->base;
        if (address >= range->base && offset < range->size && size <= range->size - offset)
            return range;
    }
    return NULL;
}

static uint64_t all_ones(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

uint64_t bus_read(Bus *bus, uint64_t address, unsigned size)
{
    const Range *range = find(bus, address, size);
    if (range)
        return range->ops->read(range->device, address - range->base, size) & all_ones(size);
    bus->unclaimed++;
    return all_ones(size);
}

void bus_write(Bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    const Range *range = find(bus, address, size);
    if (range)
        range->ops->write(range->device, address - range->base, size, value & all_ones(size));
    else
        bus->unclaimed++;
}

uint64_t bus_unclaimed(const Bus *bus)
{
    return bus->unclaimed;
}
