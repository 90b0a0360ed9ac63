/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/machine/virtio-driver.h"

#define BAR(driver) (PCI_MEM32_BASE + (DRIVER_BAR - PCI_MEM32_PCI) + (driver)->slot * 0x10000u)

uint32_t driver_read(Driver *driver, uint32_t offset, unsigned size)
{
    return (uint32_t)bus_read(machine_bus(driver->machine), BAR(driver) + offset, size);
}

void driver_write(Driver *driver, uint32_t offset, unsigned size, uint64_t value)
{
    bus_write(machine_bus(driver->machine), BAR(driver) + offset, size, value);
}

static uint64_t queue_base(const Driver *driver, unsigned queue)
{
    return driver->rings + queue * 0x10000u;
}

uint64_t driver_descriptors(const Driver *driver, unsigned queue)
{
    return queue_base(driver, queue);
}

uint64_t driver_available_ring(const Driver *driver, unsigned queue)
{
    return queue_base(driver, queue) + 0x4000;
}

uint64_t driver_used_ring(const Driver *driver, unsigned queue)
{
    return queue_base(driver, queue) + 0x8000;
}

static void enable_queue(Driver *driver, unsigned queue)
{
    driver_write(driver, 0x16, 2, queue);
    driver_write(driver, 0x18, 2, DRIVER_QUEUE_SIZE);
    driver_write(driver, 0x20, 4, driver_descriptors(driver, queue));
    driver_write(driver, 0x24, 4, 0);
    driver_write(driver, 0x28, 4, driver_available_ring(driver, queue));
    driver_write(driver, 0x2c, 4, 0);
    driver_write(driver, 0x30, 8, driver_used_ring(driver, queue));
    driver_write(driver, 0x1c, 2, 1);
}

void driver_start(Driver *driver, Machine *machine, Device *host, unsigned slot, uint64_t rings,
                  unsigned queues, uint32_t features)
{
    *driver = (Driver){ .machine = machine, .host = host, .slot = slot, .rings = rings };
    pci_host_config_write(host, slot << 11 | 0x10, 4, DRIVER_BAR + slot * 0x10000u);
    pci_host_config_write(host, slot << 11 | 0x04, 2, 6);
    driver_write(driver, 0x14, 1, 0);
    driver_write(driver, 0x14, 1, 1);
    driver_write(driver, 0x14, 1, 3);
    driver_write(driver, 0x08, 4, 0);
    driver_write(driver, 0x0c, 4,
                 (features & DRIVER_INDIRECT ? 1u << 28 : 0) |
                     (features & DRIVER_EVENT_INDEX ? 1u << 29 : 0) |
                     (features & DRIVER_ZEROES ? 1u << 13 | 1u << 14 : 0));
    driver_write(driver, 0x08, 4, 1);
    driver_write(driver, 0x0c, 4, 1);
    driver_write(driver, 0x14, 1, 0x0b);
    for (unsigned i = 0; i < queues; i++)
        enable_queue(driver, i);
    driver_write(driver, 0x14, 1, 0x0f);
}

void driver_set_descriptor(Driver *driver, uint64_t table, unsigned index, uint64_t address,
                           uint32_t length, uint16_t flags, uint16_t next)
{
    Memory *memory = machine_memory(driver->machine);
    uint64_t at = table + 16 * index;
    memory_write_le32(memory, at, (uint32_t)address);
    memory_write_le32(memory, at + 4, (uint32_t)(address >> 32));
    memory_write_le32(memory, at + 8, length);
    memory_write_le16(memory, at + 12, flags);
    memory_write_le16(memory, at + 14, next);
}

void driver_make_available(Driver *driver, unsigned queue, uint16_t head)
{
    Memory *memory = machine_memory(driver->machine);
    uint64_t ring = driver_available_ring(driver, queue);
    uint16_t *index = &driver->available[queue];
    memory_write_le16(memory, ring + 4 + 2 * (*index % DRIVER_QUEUE_SIZE), head);
    memory_write_le16(memory, ring + 2, ++*index);
}

uint16_t driver_add(Driver *driver, unsigned queue, const DriverBuffer *buffers, unsigned count)
{
    uint16_t head = driver->next_descriptor[queue] % DRIVER_QUEUE_SIZE;
    for (unsigned i = 0; i < count; i++) {
        uint16_t index = driver->next_descriptor[queue]++ % DRIVER_QUEUE_SIZE;
        uint16_t flags = (uint16_t)((i + 1 < count ? 1 : 0) | (buffers[i].is_writable ? 2 : 0));
        driver_set_descriptor(driver, driver_descriptors(driver, queue), index, buffers[i].address,
                              buffers[i].length, flags, (index + 1) % DRIVER_QUEUE_SIZE);
    }
    driver_make_available(driver, queue, head);
    return head;
}

void driver_notify(Driver *driver, unsigned queue)
{
    driver_write(driver, 0x3000 + 4 * queue, 2, queue);
}

uint16_t driver_used_index(Driver *driver, unsigned queue)
{
    uint16_t index;
    memory_read_le16(machine_memory(driver->machine), driver_used_ring(driver, queue) + 2, &index);
    return index;
}

void driver_used(Driver *driver, unsigned queue, unsigned n, uint32_t *head, uint32_t *length)
{
    uint64_t at = driver_used_ring(driver, queue) + 4 + 8 * (n % DRIVER_QUEUE_SIZE);
    memory_read_le32(machine_memory(driver->machine), at, head);
    memory_read_le32(machine_memory(driver->machine), at + 4, length);
}

uint8_t driver_status(Driver *driver)
{
    return (uint8_t)driver_read(driver, 0x14, 1);
}
