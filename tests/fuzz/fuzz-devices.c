/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a program that works the devices of a pseries board: each step is one byte that says
 * what to do, and its operands. A fresh board for every input, so that findings repeat.
 */
#include "machine/boards/boards.h"
#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/devices/vty.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"

#include <sys/mman.h>
#include <unistd.h>

#define STEPS_MAX   400
#define RAM_BYTES   (2u << 20)
#define FUNCTIONS   6 /* slots */
#define SCREEN_SLOT 3
#define VGA_BASE    0xf0000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t left;
} Input;

static uint64_t take(Input *input, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
        value = value << 8 | *input->data++;
    return value;
}

/* Addresses near something: RAM, its end, or anything at all. */
static uint64_t take_address(Input *input)
{
    uint64_t value = take(input, 3);
    switch (take(input, 1) & 3) {
    case 0: return RAM_BYTES - (value & 0xff);
    case 1: return take(input, 8);
    default: return value % RAM_BYTES;
    }
}

static void store(Machine *machine, Input *input)
{
    uint8_t bytes[64] = { 0 };
    uint64_t address = take_address(input);
    unsigned length = (unsigned)take(input, 1) % sizeof bytes;
    for (unsigned i = 0; i < length; i++)
        bytes[i] = (uint8_t)take(input, 1);
    memory_write(machine_memory(machine), address, bytes, length);
}

static bool has_gpu(Machine *machine)
{
    return machine_config(machine)->display.device == CONFIG_DISPLAY_VIRTIO_GPU;
}

static void add_chain(Machine *machine, Input *input, Driver *drivers)
{
    /* Disk, network, entropy; keyboard and tablet come behind the screen, which may have queues. */
    static const uint8_t slots[] = { 0, 1, 2, 4, 5, SCREEN_SLOT };
    unsigned slot = slots[take(input, 1) % (sizeof slots - !has_gpu(machine))];
    DriverBuffer buffers[4];
    unsigned count = 1 + (unsigned)take(input, 1) % 4;
    if (!drivers[slot].machine)
        driver_start(&drivers[slot], machine, fake_machine_device(machine, "pci"), slot,
                     0x100000 + slot * 0x40000, slot == 1 || slot >= SCREEN_SLOT ? 2 : 1,
                     (uint32_t)take(input, 1) & (slot ? 3 : 7));
    for (unsigned i = 0; i < count; i++) {
        buffers[i].address = take_address(input);
        buffers[i].length = (uint32_t)take(input, 2);
        buffers[i].is_writable = take(input, 1) & 1;
    }
    unsigned queue = slot == 1 || slot >= SCREEN_SLOT ? (unsigned)take(input, 1) & 1 : 0;
    driver_add(&drivers[slot], queue, buffers, count);
    driver_notify(&drivers[slot], queue);
}

static void hypercall(Machine *machine, Input *input)
{
    unsigned count;
    const Hypercall *calls = pseries_hypercalls(&count);
    uint64_t which = take(input, 1);
    uint64_t opcode = which < count ? calls[which].opcode : which * 4;
    uint64_t first = take_address(input), second = take_address(input), third = take_address(input);
    fake_machine_hypercall(machine, opcode, 4, first, second, third, take(input, 2));
}

static void arrive(Machine *machine, Input *input)
{
    Device *device = fake_machine_device(machine, take(input, 1) & 1 ? "hvc0" : "net0");
    size_t length = take(input, 1);
    length = MIN(length, input->left);
    Event event = { .kind = EVENT_NET };
    event.net.data = input->data;
    event.net.data_length = (guint32)length;
    if (device->class == &vty_class) {
        event = (Event){ .kind = EVENT_CHAR_READ };
        event.char_read.data = input->data;
        event.char_read.data_length = (guint32)length;
    }
    device->class->input(device, &event);
}

static void move(Machine *machine, Input *input)
{
    static const EventKind kinds[] = { EVENT_INPUT_KEY, EVENT_INPUT_BUTTON, EVENT_INPUT_RELATIVE,
                                       EVENT_INPUT_ABSOLUTE };
    uint8_t what = (uint8_t)take(input, 1);
    Device *device = fake_machine_device(machine, what & 1 ? "keyboard" : "tablet");
    Event event = { .kind = kinds[what >> 1 & 3] };
    uint16_t first = (uint16_t)take(input, 2), second = (uint16_t)take(input, 2);
    switch (event.kind) {
    case EVENT_INPUT_KEY:
        event.input_key.number = first;
        event.input_key.down = second & 1;
        break;
    case EVENT_INPUT_BUTTON:
        event.input_button.button = (guint8)first;
        event.input_button.down = second & 1;
        break;
    case EVENT_INPUT_RELATIVE:
        event.input_relative.axis = (guint8)first;
        event.input_relative.value = (int16_t)second;
        break;
    default:
        event.input_absolute.axis = (guint8)first;
        event.input_absolute.value = (int16_t)second;
        break;
    }
    device->class->input(device, &event);
    if (what & 8)
        device->class->input_sync(device);
}

/* Its registers, its frame buffer, and what it shows then: every row must lie in its memory. */
/* A command with words that mean something more often than not. */
static void work_gpu(Machine *machine, Input *input, Driver *driver)
{
    static uint32_t row[VIRTIO_GPU_SIDE_MAX];
    const uint64_t command = 0x1000, answer = 0x2000;
    Memory *memory = machine_memory(machine);
    Scanout scanout;
    if (!driver->machine)
        driver_start(driver, machine, fake_machine_device(machine, "pci"), SCREEN_SLOT,
                     0x100000 + SCREEN_SLOT * 0x40000, 2, 0);
    memory_write_le32(memory, command, 0x100 + (uint32_t)take(input, 1) % 12);
    for (unsigned i = 1; i < 20; i++) {
        uint32_t value = (uint32_t)take(input, 1);
        if (value >= 0xf0)
            value = (uint32_t)take(input, 4);
        else if (value >= 0x80)
            value = (value & 0x7f) << 4;
        memory_write_le32(memory, command + 4 * i, value);
    }
    DriverBuffer buffers[] = { { command, 24 + (uint32_t)take(input, 1) % 60, false },
                               { answer, 1080, true } };
    driver_add(driver, 0, buffers, 2);
    driver_notify(driver, 0);
    g_assert(virtio_gpu_scanout(fake_machine_device(machine, "gpu"), &scanout));
    if (scanout.height) {
        g_assert(scanout.offset + (uint64_t)(scanout.height - 1) * scanout.pitch +
                     scanout_row_bytes(&scanout) <=
                 memory->device_size);
        scanout_row(&scanout, memory, 0, row);
        scanout_row(&scanout, memory, scanout.height - 1, row);
    }
}

static void work_vga(Machine *machine, Input *input, unsigned size)
{
    static uint32_t row[VGA_WIDTH_MAX];
    Bus *bus = machine_bus(machine);
    uint8_t what = (uint8_t)take(input, 1);
    uint64_t base = PCI_MEM32_BASE + (VGA_BASE - PCI_MEM32_PCI);
    uint64_t at = what & 1 ? VGA_MEMORY_SIZE + take(input, 2) % (0x1001 - size)
                           : take(input, 3) % (VGA_MEMORY_SIZE + 1 - size);
    Scanout scanout;
    if (what & 2)
        bus_write(bus, base + at, size, take(input, size));
    else
        bus_read(bus, base + at, size);
    g_assert(vga_scanout(fake_machine_device(machine, "vga"), &scanout));
    if (scanout.height) {
        scanout_row(&scanout, machine_memory(machine), 0, row);
        scanout_row(&scanout, machine_memory(machine), scanout.height - 1, row);
    }
}

static void step(Machine *machine, Input *input, Driver *drivers)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    Bus *bus = machine_bus(machine);
    Device *pci = fake_machine_device(machine, "pci");
    uint8_t what = (uint8_t)take(input, 1);
    unsigned size = sizes[what >> 6];
    uint64_t bar = PCI_MEM32_BASE + (DRIVER_BAR - PCI_MEM32_PCI) + (what >> 4 & 3) * 0x10000u;
    uint32_t value;
    switch (what & 15) {
    case 0: bus_write(bus, bar + take(input, 2) % (0x4001 - size), size, take(input, size)); break;
    case 1: bus_read(bus, bar + take(input, 2) % (0x4001 - size), size); break;
    case 2:
        pci_host_config_write(pci, (uint32_t)take(input, 2) & ~3u, 4, (uint32_t)take(input, 4));
        break;
    case 3: pci_host_config_read(pci, (uint32_t)take(input, 4) & ~3u, 4, &value); break;
    case 4: hypercall(machine, input); break;
    case 5: arrive(machine, input); break;
    case 6: fake_machine_run_to(machine, machine_now_ns(machine) + take(input, 3)); break;
    case 7: store(machine, input); break;
    case 8: fake_machine_reset(machine); break;
    case 10: move(machine, input); break;
    case 11:
    case 12:
        if (has_gpu(machine))
            work_gpu(machine, input, &drivers[SCREEN_SLOT]);
        else
            work_vga(machine, input, size);
        break;
    case 9: fake_machine_hypercall(machine, 0xf000, 1, take_address(input)); break;
    default: add_chain(machine, input, drivers); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int image_fd = -1;
    if (image_fd < 0) {
        image_fd = memfd_create("image", 0);
        g_assert(ftruncate(image_fd, 200 << 10) == 0);
    }
    MachineConfig config = {
        .memory_bytes = RAM_BYTES,
        .append = (char *)"",
        .kernel_fd = -1,
        .initrd_fd = -1,
        .serial = { { .id = (char *)"hvc0" } },
        .serial_count = 1,
        .disks = { { .id = (char *)"hd0", .fd = image_fd } },
        .disk_count = 1,
        .nics = { { .id = (char *)"net0" } },
        .nic_count = 1,
        .rng = true,
        .display = { .device = CONFIG_DISPLAY_VGA, .width = 320, .height = 200 },
        .inputs = { CONFIG_INPUT_KEYBOARD, CONFIG_INPUT_TABLET },
        .input_count = 2,
    };
    if (size && data[size - 1] & 1)
        config.display.device = CONFIG_DISPLAY_VIRTIO_GPU;
    Input input = { data, size };
    Driver drivers[FUNCTIONS] = { { 0 } };
    Machine *machine = fake_machine_new(&config);
    g_assert(pseries_board.build(machine, NULL));
    fake_machine_reset(machine);
    for (unsigned i = 0; i < STEPS_MAX && input.left; i++)
        step(machine, &input, drivers);
    fake_machine_free(machine);
    return 0;
}
