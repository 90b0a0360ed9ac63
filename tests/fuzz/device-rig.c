/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/device-rig.h"

#include "machine/boards/boards.h"
#include "machine/devices/bench.h"
#include "machine/devices/devices.h"
#include "machine/devices/es1370.h"
#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/virtio-devices.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/devices/vty.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_BYTES  (2u << 20)
#define SLOTS      8
#define VGA_BASE   0xf0000000u
#define BENCH_BASE 0xf0000000u
#define RINGS      0x100000u
#define RINGS_STEP 0x20000u
#define QUEUES_MAX 8u      /* of a device; a console has more, of ports that are not there */
#define SOUND_AT   0x1000u /* its ports */
#define LIVES      4096    /* a disk's layer grows with what is written to it */
#define CHECK_MAX  65536u

enum {
    DISK = 1,
    NIC = 2,
    RNG = 4,
    VGA = 8,
    GPU = 16,
    HANDS = 32,
    BENCH = 64,
    SOUND = 128,
    PORTS = 256
};

/* What there is to work, by the name of the class that it is about. */
typedef struct {
    const char *name;
    unsigned parts;
    bool has_tces;              /* its hypercalls may change the I/O translations */
    const uint32_t *hypercalls; /* NULL: all that there are, or what its first byte says */
} Subject;

static const uint32_t no_calls[] = { 0 };
static const uint32_t xics_calls[] = { 0x64, 0x68, 0x6c, 0x70, 0x74, 0x2fc, 0xf000, 0 };
static const uint32_t vty_calls[] = { 0x54, 0x58, 0x68, 0x74, 0x64, 0 };
static const uint32_t pci_calls[] = { 0x1c, 0x20, 0x138, 0x13c, 0xf000, 0 };

static const Subject subjects[] = {
    { "whole", DISK | NIC | RNG | VGA | HANDS, true, NULL },
    { "whole-gpu", DISK | NIC | RNG | GPU | HANDS, true, NULL },
    { "pseries-hypervisor", 0, true, NULL },
    { "xics", 0, false, xics_calls },
    { "vty", 0, false, vty_calls },
    { "pci-host", RNG, true, pci_calls },
    { "virtio-blk", DISK, false, no_calls },
    { "virtio-net", NIC, false, no_calls },
    { "bench", BENCH, false, no_calls },
    { "virtio-rng", RNG, false, no_calls },
    { "vga", VGA, false, no_calls },
    { "virtio-gpu", GPU, false, no_calls },
    { "virtio-input", HANDS, false, no_calls },
    { "es1370", SOUND, true, no_calls },
    { "virtio-console", PORTS, false, no_calls },
    { "virtio-port", PORTS, false, no_calls },
};

/* A board that was made for a subject; it lives through many inputs. */
struct Rig {
    const Subject *subject;
    MachineConfig config;
    Machine *machine;
    unsigned lives;
    GPtrArray *fresh; /* of GBytes: what the device's state is after reset; NULL: too large */
    uint8_t slot[SLOTS], virtio_slot[SLOTS];
    unsigned slot_count, virtio_count;
    Driver driver[SLOTS];
};

uint64_t rig_take(RigInput *input, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
        value = value << 8 | *input->data++;
    return value;
}

/* Addresses near something: RAM, its end, or anything at all. */
static uint64_t take_address(RigInput *input)
{
    uint64_t value = rig_take(input, 3);
    switch (rig_take(input, 1) & 3) {
    case 0: return RAM_BYTES - (value & 0xff);
    case 1: return rig_take(input, 8);
    default: return value % RAM_BYTES;
    }
}

/* What calls take: addresses, numbers of units and interrupts, small numbers. */
static uint64_t take_argument(RigInput *input)
{
    static const uint32_t known[] = { 0x71000000, PCI_LIOBN,  0x1000,     0x1100,
                                      0x1200,     0x05000000, 0xff000000, 0x1000 << 11 };
    uint8_t how = (uint8_t)rig_take(input, 1);
    switch (how & 3) {
    case 0: return rig_take(input, 1);
    case 1: return known[how >> 2 & 7] + (how >> 5);
    case 2: return rig_take(input, 4);
    default: return take_address(input);
    }
}

static void store(Machine *machine, RigInput *input)
{
    uint8_t bytes[64] = { 0 };
    uint64_t address = take_address(input);
    unsigned length = (unsigned)rig_take(input, 1) % sizeof bytes;
    size_t there = MIN(length, input->left);
    memcpy(bytes, input->data, there);
    input->data += there;
    input->left -= there;
    memory_write(machine_memory(machine), address, bytes, length);
}

/* --- what is done to it ----------------------------------------------------------------------- */

/* The driver of a virtio device, at work. FEATURES: DRIVER_INDIRECT and so on. */
static Driver *start(Rig *rig, unsigned slot, uint32_t features)
{
    Driver *driver = &rig->driver[slot];
    Device *host = fake_machine_device(rig->machine, CONFIG_PCI_ID);
    const VirtioDevice *device = (const VirtioDevice *)pci_host_slot(host, slot)->device;
    unsigned queues = MIN(device->type->queue_count, QUEUES_MAX);
    if (!driver->machine)
        driver_start(driver, rig->machine, host, slot, RINGS + slot * RINGS_STEP, queues,
                     device->parent.class == &virtio_blk_class ? features & 7 : features & 3);
    return driver;
}

static void add_chain(Rig *rig, RigInput *input)
{
    DriverBuffer buffers[4];
    uint8_t what = (uint8_t)rig_take(input, 1);
    unsigned slot = rig->virtio_slot[what % rig->virtio_count], count = 1 + (what >> 6);
    Driver *driver = start(rig, slot, rig->driver[slot].machine ? 0 : (uint32_t)rig_take(input, 1));
    Device *host = fake_machine_device(rig->machine, CONFIG_PCI_ID);
    const VirtioDevice *device = (const VirtioDevice *)pci_host_slot(host, slot)->device;
    for (unsigned i = 0; i < count; i++) {
        buffers[i].address = take_address(input);
        buffers[i].length = (uint32_t)rig_take(input, 2);
        buffers[i].is_writable = rig_take(input, 1) & 1;
    }
    unsigned queues = MIN(device->type->queue_count, QUEUES_MAX);
    unsigned queue = queues > 1 ? (unsigned)rig_take(input, 1) % queues : 0;
    driver_add(driver, queue, buffers, count);
    driver_notify(driver, queue);
}

/* A disk's request that means something more often than not. */
static void work_disk(Rig *rig, RigInput *input)
{
    static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 5, 0xff };
    const uint64_t header = 0x1000, data = 0x3000, status = 0x2000;
    Memory *memory = machine_memory(rig->machine);
    uint8_t what = (uint8_t)rig_take(input, 1);
    Driver *driver = start(rig, rig->virtio_slot[0], 4 | what >> 6);
    memory_write_le32(memory, header, types[what & 7]);
    memory_write_le32(memory, header + 4, 0);
    memory_write_le32(memory, header + 8, (uint32_t)rig_take(input, 1) << (what >> 3 & 3));
    memory_write_le32(memory, header + 12, 0);
    uint32_t length = (uint32_t)rig_take(input, 1) * (what & 32 ? 512 : 16);
    bool reads = (what & 7) == 0 || (what & 7) == 3;
    DriverBuffer buffers[] = { { header, 16, false },
                               { data, length, reads },
                               { status, 1, true } };
    if (!length)
        buffers[1] = buffers[2];
    driver_add(driver, 0, buffers, length ? 3 : 2);
    driver_notify(driver, 0);
}

static void call_rtas(Machine *machine, RigInput *input)
{
    const uint64_t block = 0x4000;
    unsigned count;
    const RtasCall *calls = pseries_rtas_calls(&count);
    unsigned which = (unsigned)rig_take(input, 1);
    const RtasCall *call = &calls[which % count];
    Memory *memory = machine_memory(machine);
    bool is_odd = which >= 2 * count;
    memory_write_be32(memory, block, is_odd ? (uint32_t)rig_take(input, 4) : call->token);
    memory_write_be32(memory, block + 4, is_odd ? (uint32_t)rig_take(input, 1) : call->arg_count);
    memory_write_be32(memory, block + 8, is_odd ? (uint32_t)rig_take(input, 1) : call->ret_count);
    for (unsigned i = 0; i < MIN(call->arg_count, 8); i++)
        memory_write_be32(memory, block + 12 + 4 * i, (uint32_t)take_argument(input));
    fake_machine_hypercall(machine, 0xf000, 1, is_odd ? take_address(input) : block);
}

static void hypercall(Rig *rig, RigInput *input)
{
    unsigned count;
    const Hypercall *calls = pseries_hypercalls(&count);
    unsigned which = (unsigned)rig_take(input, 1);
    uint64_t opcode = which < count ? calls[which].opcode : which * 4;
    if (rig->subject->hypercalls) {
        for (count = 0; rig->subject->hypercalls[count]; count++) {}
        opcode = rig->subject->hypercalls[which % count];
    }
    uint64_t arguments[4];
    for (unsigned i = 0; i < 4; i++)
        arguments[i] = take_argument(input);
    fake_machine_hypercall(rig->machine, opcode, 4, arguments[0], arguments[1], arguments[2],
                           arguments[3]);
}

static void press(Device *device, RigInput *input)
{
    static const EventKind kinds[] = { EVENT_INPUT_KEY, EVENT_INPUT_BUTTON, EVENT_INPUT_RELATIVE,
                                       EVENT_INPUT_ABSOLUTE };
    uint8_t what = (uint8_t)rig_take(input, 1);
    Event event = { .kind = kinds[what & 3] };
    uint16_t first = (uint16_t)rig_take(input, what & 4 ? 2 : 1),
             second = (uint16_t)rig_take(input, 2);
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

/* Something comes from outside for one of those that take input. */
static void arrive(Rig *rig, RigInput *input)
{
    unsigned count = fake_machine_device_count(rig->machine), first = (unsigned)rig_take(input, 1);
    Device *device = NULL;
    for (unsigned i = 0; i < count && (!device || !device->class->input); i++)
        device = fake_machine_device_at(rig->machine, (first + i) % count);
    if (device->class == &virtio_input_class) {
        press(device, input);
        return;
    }
    size_t length = rig_take(input, 1);
    length = MIN(length, input->left);
    Event event = { .kind = EVENT_NET };
    event.net.data = input->data;
    event.net.data_length = (guint32)length;
    bool types = device->class == &vty_class || device->class == &virtio_port_class;
    if (types) {
        event = (Event){ .kind = EVENT_CHAR_READ };
        event.char_read.data = input->data;
        event.char_read.data_length = (guint32)length;
    }
    if (types || device->class == &virtio_net_class)
        device->class->input(device, &event);
}

static bool shows(Rig *rig, unsigned part)
{
    return rig->subject->parts & part;
}

/* What is on the screen: every row must lie in the device's memory. */
static void look(Machine *machine, const Scanout *scanout)
{
    static uint32_t row[MAX(VGA_WIDTH_MAX, VIRTIO_GPU_SIDE_MAX)];
    Memory *memory = machine_memory(machine);
    if (!scanout->height)
        return;
    g_assert(scanout->offset + (uint64_t)(scanout->height - 1) * scanout->pitch +
                 scanout_row_bytes(scanout) <=
             memory->device_size);
    scanout_row(scanout, memory, 0, row);
    scanout_row(scanout, memory, scanout->height - 1, row);
}

/* A command with words that mean something more often than not. */
static void work_gpu(Rig *rig, RigInput *input)
{
    const uint64_t command = 0x1000, answer = 0x2000;
    Device *gpu = fake_machine_device(rig->machine, "gpu");
    unsigned slot = ((VirtioDevice *)gpu)->pci.slot;
    Driver *driver = start(rig, slot, 0);
    Memory *memory = machine_memory(rig->machine);
    Scanout scanout;
    memory_write_le32(memory, command, 0x100 + (uint32_t)rig_take(input, 1) % 12);
    for (unsigned i = 1; i < 20; i++) {
        uint32_t value = (uint32_t)rig_take(input, 1);
        if (value >= 0xf0)
            value = (uint32_t)rig_take(input, 4);
        else if (value >= 0x80)
            value = (value & 0x7f) << 4;
        memory_write_le32(memory, command + 4 * i, value);
    }
    DriverBuffer buffers[] = { { command, 24 + (uint32_t)rig_take(input, 1) % 60, false },
                               { answer, 1080, true } };
    driver_add(driver, 0, buffers, 2);
    driver_notify(driver, 0);
    g_assert(virtio_gpu_scanout(gpu, &scanout));
    look(rig->machine, &scanout);
}

/* Its registers, its frame buffer, and what it shows then. */
static void work_vga(Machine *machine, RigInput *input, unsigned size)
{
    Bus *bus = machine_bus(machine);
    uint8_t what = (uint8_t)rig_take(input, 1);
    uint64_t base = PCI_MEM32_BASE + (VGA_BASE - PCI_MEM32_PCI);
    uint64_t at = what & 1 ? VGA_MEMORY_SIZE + rig_take(input, 2) % (0x1001 - size)
                           : rig_take(input, 3) % (VGA_MEMORY_SIZE + 1 - size);
    Scanout scanout;
    if (what & 4) /* the Bochs registers, 2 bytes each */
        at = VGA_MEMORY_SIZE + 0x500 + 2 * (rig_take(input, 1) % 11);
    if (what & 2)
        bus_write(bus, base + at, what & 4 ? 2 : size, rig_take(input, what & 4 ? 2 : size));
    else
        bus_read(bus, base + at, size);
    g_assert(vga_scanout(fake_machine_device(machine, "vga"), &scanout));
    look(machine, &scanout);
}

/* The sound card at work: its ports, and translations for its buffers, some of which lack a right.
 */
static void open_sound(Rig *rig, uint8_t rights)
{
    Device *pci = fake_machine_device(rig->machine, CONFIG_PCI_ID);
    unsigned slot = es1370_function(fake_machine_device(rig->machine, CONFIG_AUDIO_ID))->slot;
    uint32_t command = 0;
    pci_host_config_read(pci, slot << 11 | 0x04, 4, &command);
    if (command & 4)
        return;
    pci_host_config_write(pci, slot << 11 | 0x10, 4, SOUND_AT);
    pci_host_config_write(pci, slot << 11 | 0x04, 4, 5);
    for (unsigned page = 0; page < 80; page++)
        pci_host_set_tce(pci, 4096 * page, 1,
                         (4096 * (page * 7 % (RAM_BYTES / 4096 + 2))) |
                             (3 & ~(rights >> page % 7)));
}

/* Its registers, most of the time with values that mean something. */
static void work_sound(Rig *rig, RigInput *input, unsigned size)
{
    static const uint8_t places[] = { 0,    0,    0,    4,    8,    0x0c, 0x0c, 0x10,
                                      0x20, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38 };
    Bus *bus = machine_bus(rig->machine);
    uint8_t what = (uint8_t)rig_take(input, 1);
    unsigned at = what & 0x10 ? places[what & 15] + (what >> 4 & 8 ? 4 : 0) : 4 * (what & 15);
    uint32_t value = (uint32_t)rig_take(input, 2);
    open_sound(rig, (uint8_t)rig_take(input, 1));
    if (at == 0)
        value = (value & 0x1fff) << 16 | (value >> 13 & 7) << 4 | (value & 3) << 12;
    else if (at == 0x0c)
        value = 0x0c + (value & 3);
    else if (at == 0x20)
        value = (value & 0x7fff) | (value & 0x8000) << 1;
    if (what & 0x20)
        bus_write(bus, PCI_IO_BASE + SOUND_AT + at, 4, value);
    else if (what & 0x40)
        bus_write(bus, PCI_IO_BASE + SOUND_AT + MIN(at + (value & 3), 64 - size), size, value);
    else
        bus_read(bus, PCI_IO_BASE + SOUND_AT + MIN(at + (value & 3), 64 - size), size);
}

/* What a driver says of its ports, and room for what it is told. */
static void work_console(Rig *rig, RigInput *input)
{
    const uint64_t message = 0x1000, answer = 0x2000;
    Memory *memory = machine_memory(rig->machine);
    uint8_t what = (uint8_t)rig_take(input, 1);
    Driver *driver = start(rig, rig->virtio_slot[0], what >> 6);
    DriverBuffer room = { answer, (uint32_t)rig_take(input, 1), true };
    DriverBuffer said = { message, what & 32 ? 8 : (uint32_t)rig_take(input, 1), false };
    memory_write_le32(memory, message, what & 3);
    memory_write_le32(memory, message + 4, (what >> 2 & 7) | (uint32_t)rig_take(input, 1) << 16);
    driver_add(driver, 2, &room, 1);
    driver_add(driver, 3, &said, 1);
    driver_notify(driver, 3);
}

/* A register of the device in one of the slots, or of the bench. */
static void touch(Rig *rig, RigInput *input, unsigned size, bool writes)
{
    Bus *bus = machine_bus(rig->machine);
    uint64_t at;
    if (shows(rig, BENCH)) {
        at = BENCH_BASE + rig_take(input, 1) % (BENCH_SIZE + 1 - size);
    } else {
        unsigned slot = rig->slot_count ? rig->slot[rig_take(input, 1) % rig->slot_count] : 0;
        uint32_t offset =
            (uint32_t)rig_take(input, 2); /* most registers are at the start of a KiB */
        offset &= offset & 0x8000 ? 0x30ff : 0x3fff;
        at = PCI_MEM32_BASE + (DRIVER_BAR - PCI_MEM32_PCI) + slot * 0x10000u +
             MIN(offset, 0x4000 - size);
    }
    if (writes)
        bus_write(bus, at, size, rig_take(input, size));
    else
        bus_read(bus, at, size);
}

static void configure(Rig *rig, RigInput *input, bool writes)
{
    Device *pci = fake_machine_device(rig->machine, CONFIG_PCI_ID);
    uint32_t address = (uint32_t)rig_take(input, 2) & ~3u, value;
    if (writes)
        pci_host_config_write(pci, address, 4, (uint32_t)rig_take(input, 4));
    else
        pci_host_config_read(pci, address, 4, &value);
}

/* --- the rig ---------------------------------------------------------------------------------- */

static void reset_devices(Rig *rig)
{
    for (unsigned i = 0; i < fake_machine_device_count(rig->machine); i++) {
        Device *device = fake_machine_device_at(rig->machine, i);
        /* Its state is large, and what most subjects do cannot change it. */
        if (device->class == &pci_host_class && !rig->subject->has_tces && rig->fresh)
            continue;
        device_reset(device);
    }
}

void rig_step(Rig *rig, RigInput *input)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    Machine *machine = rig->machine;
    uint8_t what = (uint8_t)rig_take(input, 1);
    unsigned size = sizes[what >> 6];
    bool calls = rig->subject->hypercalls != no_calls;
    switch (what & 15) {
    case 0:
    case 1: touch(rig, input, size, !(what & 1)); return;
    case 6: fake_machine_run_to(machine, machine_now_ns(machine) + rig_take(input, 3)); return;
    case 7: store(machine, input); return;
    case 8: reset_devices(rig); return;
    }
    if (shows(rig, BENCH)) {
        touch(rig, input, size, what & 1);
        return;
    }
    switch (what & 15) {
    case 2:
    case 3: configure(rig, input, !(what & 1)); return;
    case 4:
    case 9:
        if (calls) {
            what & 1 ? call_rtas(machine, input) : hypercall(rig, input);
            return;
        }
        break;
    case 5:
    case 10: arrive(rig, input); return;
    case 11:
    case 12:
        if (shows(rig, GPU))
            work_gpu(rig, input);
        else if (shows(rig, VGA))
            work_vga(machine, input, size);
        else if (shows(rig, DISK))
            work_disk(rig, input);
        else if (shows(rig, SOUND))
            work_sound(rig, input, size);
        else if (shows(rig, PORTS))
            work_console(rig, input);
        return;
    }
    if (rig->virtio_count)
        add_chain(rig, input);
    else if (shows(rig, SOUND))
        work_sound(rig, input, size);
    else if (shows(rig, VGA))
        work_vga(machine, input, size);
    else
        hypercall(rig, input);
}

static int image(void)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("image", 0);
        g_assert(ftruncate(fd, 200 << 10) == 0);
    }
    return fd;
}

static MachineConfig describe(unsigned parts)
{
    MachineConfig config = fake_machine_whole_config(RAM_BYTES, image());
    config.serial_count = parts & PORTS ? 3 : 1;
    config.disk_count = parts & DISK ? 1 : 0;
    config.nic_count = parts & NIC ? 1 : 0;
    config.rng = parts & RNG;
    config.display.device = parts & GPU   ? CONFIG_DISPLAY_VIRTIO_GPU
                            : parts & VGA ? CONFIG_DISPLAY_VGA
                                          : CONFIG_DISPLAY_NONE;
    config.input_count = parts & HANDS ? 3 : 0;
    config.audio.device = parts & SOUND ? CONFIG_AUDIO_ES1370 : CONFIG_AUDIO_NONE;
    return config;
}

static bool is_virtio(const PciFunction *function)
{
    return function->identity->vendor == 0x1af4 && function->identity->device >= 0x1040;
}

static void find_slots(Rig *rig)
{
    Device *host = fake_machine_device(rig->machine, CONFIG_PCI_ID);
    for (unsigned slot = 0; host && slot < SLOTS; slot++) {
        const PciFunction *function = pci_host_slot(host, slot);
        if (function)
            rig->slot[rig->slot_count++] = (uint8_t)slot;
        if (function && is_virtio(function))
            rig->virtio_slot[rig->virtio_count++] = (uint8_t)slot;
    }
}

static void keep_fresh_states(Rig *rig)
{
    GPtrArray *fresh = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (unsigned i = 0; i < fake_machine_device_count(rig->machine); i++) {
        Device *device = fake_machine_device_at(rig->machine, i);
        size_t size = MIN(device->class->state->size, CHECK_MAX);
        g_ptr_array_add(fresh, g_bytes_new(device_state(device), size));
    }
    rig->fresh = fresh;
}

static void check_fresh_states(const Rig *rig)
{
    for (unsigned i = 0; i < rig->fresh->len; i++) {
        Device *device = fake_machine_device_at(rig->machine, i);
        GBytes *bytes = rig->fresh->pdata[i];
        if (memcmp(device_state(device), g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)))
            g_error("reset leaves something in the state of %s", device->id);
    }
}

static void destroy(Rig *rig)
{
    fake_machine_free(rig->machine);
    g_ptr_array_unref(rig->fresh);
    memset(rig, 0, sizeof *rig);
}

static void build(Rig *rig, const Subject *subject)
{
    rig->subject = subject;
    rig->config = describe(subject->parts);
    rig->machine = fake_machine_new(&rig->config);
    g_assert((subject->parts & BENCH ? &bare32_board : &pseries_board)->build(rig->machine, NULL));
    find_slots(rig);
    reset_devices(rig);
    keep_fresh_states(rig);
}

Rig *rig_switch_on(unsigned which)
{
    static Rig rigs[G_N_ELEMENTS(subjects)];
    Rig *rig = &rigs[which];
    if (rig->machine && rig->lives++ == LIVES && shows(rig, DISK))
        destroy(rig);
    if (!rig->machine)
        build(rig, &subjects[which]);
    fake_machine_power_on(rig->machine);
    reset_devices(rig);
    check_fresh_states(rig);
    memset(rig->driver, 0, sizeof rig->driver);
    return rig;
}

unsigned rig_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(subjects); i++)
        if (g_str_equal(name, subjects[i].name))
            return i;
    g_error("there is no device %s here", name);
}

unsigned rig_count(void)
{
    return G_N_ELEMENTS(subjects);
}

Machine *rig_machine(const Rig *rig)
{
    return rig->machine;
}

void rig_check_that_none_is_left_out(void)
{
    unsigned count;
    const DeviceRow *rows = device_rows(&count);
    for (unsigned i = 0; i < count; i++)
        rig_find(rows[i].class->name);
}
