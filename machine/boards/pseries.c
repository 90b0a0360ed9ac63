/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pseries board: a POWER9 partition as PAPR describes it, entered without firmware.
 *
 * Memory at power-on, from below: nothing (the kernel copies itself to 0) - the kernel at 4 MiB -
 * the RTAS blob - the device tree - the initial ramdisk. Everything lies inside RAM and nothing
 * overlaps; the blob must be below 4 GiB, which the kernel's own bound of 256 MiB ensures.
 */
#include "machine/boards/pseries-fdt.h"
#include "machine/boards/boards.h"
#include "machine/boards/elf.h"
#include "machine/devices/es1370.h"
#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/virtio-devices.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/devices/vty.h"
#include "machine/devices/xics.h"
#include "machine/machine.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNEL_BASE         0x400000u
#define KERNEL_ADDRESS_MASK 0x0fffffffu /* a kernel's own addresses: 0 or 0xc000000000000000 up */
#define PLACE_ALIGNMENT     0x10000u
#define VTY_UNIT            0x71000000u
#define VGA_BASE            0xf0000000u /* PCI address; Linux assigns its own from 0x80000000 on */
#define COPY_CHUNK          (1u << 20)

G_STATIC_ASSERT(PSERIES_VTY_MAX >= MACHINE_CONFIG_MAX_VTYS);

static void add_console(Pseries *board, const ConfigSerial *serial)
{
    unsigned index = board->vty_count;
    Device *vty = device_new(board->parent.machine, &vty_class, serial->id);
    vty_connect(vty, VTY_UNIT + index, xics_line(board->xics, XICS_SOURCE_VIO + index));
    board->vty[board->vty_count++] = vty;
}

static void plug(Pseries *board, VirtioDevice *device, unsigned *slot)
{
    pci_host_plug(board->pci, &device->pci, *slot);
    device->irq = pci_host_interrupt(board->pci, *slot);
    (*slot)++;
}

static void connect_bridge(Pseries *board)
{
    Irq lines[PCI_INTERRUPT_LINES];
    for (unsigned line = 0; line < PCI_INTERRUPT_LINES; line++)
        lines[line] = xics_line(board->xics, XICS_SOURCE_PCI + line);
    pci_host_connect(board->pci, lines);
}

/* After the board's own consoles: those are Linux's first ones. */
static void add_ports(Pseries *board, const MachineConfig *config, unsigned *slot)
{
    VirtioDevice *console = NULL;
    for (unsigned i = 0; i < config->serial_count; i++) {
        const ConfigSerial *serial = &config->serial[i];
        if (serial->interface == CONFIG_SERIAL_VTY)
            continue;
        if (!console)
            plug(board, console = virtio_console_new(board->parent.machine, CONFIG_CONSOLE_ID),
                 slot);
        virtio_console_add_port(console, serial->id,
                                serial->interface == CONFIG_SERIAL_VIRTIO_CONSOLE, serial->name);
    }
}

static void add_sound(Pseries *board, const ConfigAudio *config, unsigned *slot)
{
    if (config->device != CONFIG_AUDIO_ES1370)
        return;
    Device *card = es1370_new(board->parent.machine, CONFIG_AUDIO_ID);
    pci_host_plug(board->pci, es1370_function(card), *slot);
    es1370_connect(card, pci_host_interrupt(board->pci, (*slot)++));
}

static bool add_media(VirtioDevice *device, const ConfigDisk *config, GError **error)
{
    virtio_blk_set_removable(device);
    for (unsigned i = 0; i < config->media_count; i++) {
        Disk *disk = disk_new(config->media_fd[i], error);
        if (!disk) {
            g_prefix_error(error, "disk \"%s\", medium %u: ", config->id, i);
            return false;
        }
        virtio_blk_add_medium(device, disk);
    }
    return true;
}

static bool add_disk(Pseries *board, const ConfigDisk *config, unsigned *slot, GError **error)
{
    Machine *machine = board->parent.machine;
    g_autofree char *layer = g_strconcat("disk-", config->id, NULL);
    g_autoptr(Disk) disk = NULL;
    disk = config->format == CONFIG_DISK_RAW ? disk_new(config->fd, error)
                                             : disk_new_nbd(config->nbd_fd, error);
    if (!disk ||
        (!config->readonly && !disk_add_layer(disk, machine_directory(machine), layer, error))) {
        g_prefix_error(error, "disk \"%s\": ", config->id);
        return false;
    }
    VirtioDevice *device =
        virtio_blk_new(machine, config->id, g_steal_pointer(&disk), config->readonly);
    if (config->completion == CONFIG_COMPLETION_HOST)
        virtio_blk_complete_by_host(device);
    plug(board, device, slot);
    return !config->is_removable || add_media(device, config, error);
}

static void add_display(Pseries *board, const ConfigDisplay *config, unsigned *slot)
{
    Machine *machine = board->parent.machine;
    const char *id = config_display_id(config);
    switch (config->device) {
    case CONFIG_DISPLAY_NONE: return;
    case CONFIG_DISPLAY_VIRTIO_GPU:
        plug(board, virtio_gpu_new(machine, id, config->width, config->height), slot);
        return;
    case CONFIG_DISPLAY_VGA:
        board->display = vga_new(machine, id, config->width, config->height, VGA_BASE);
        pci_host_plug(board->pci, vga_function(board->display), (*slot)++);
    }
}

static bool build(Machine *machine, GError **error)
{
    const MachineConfig *config = machine_config(machine);
    Pseries *board = (Pseries *)device_new(machine, &pseries_class, CONFIG_HYPERVISOR_ID);
    unsigned slot = 0;
    board->cpu = machine_cpu(machine, 0);
    board->xics = device_new(machine, &xics_class, CONFIG_XICS_ID);
    board->pci = device_new(machine, &pci_host_class, CONFIG_PCI_ID);
    board->cpu->board = &pseries_cpu_board;
    board->cpu->board_opaque = board;
    xics_connect(board->xics, board->cpu);
    board->events = xics_line(board->xics, XICS_SOURCE_EVENTS);
    pci_host_map(board->pci, machine_bus(machine));
    connect_bridge(board);
    for (unsigned i = 0; i < config->serial_count; i++)
        if (config->serial[i].interface == CONFIG_SERIAL_VTY)
            add_console(board, &config->serial[i]);
    for (unsigned i = 0; i < config->disk_count; i++)
        if (!add_disk(board, &config->disks[i], &slot, error))
            return false;
    for (unsigned i = 0; i < config->nic_count; i++)
        plug(board, virtio_net_new(machine, config->nics[i].id, config->nics[i].mac), &slot);
    if (config->rng)
        plug(board, virtio_rng_new(machine, CONFIG_RNG_ID), &slot);
    add_display(board, &config->display, &slot);
    for (unsigned i = 0; i < config->input_count; i++)
        plug(board,
             virtio_input_new(machine, config_input_name(config->inputs[i]), config->inputs[i]),
             &slot);
    add_ports(board, config, &slot);
    add_sound(board, &config->audio, &slot);
    return true;
}

/* --- images ----------------------------------------------------------------------------------- */

static uint64_t align_up(uint64_t address)
{
    return (address + PLACE_ALIGNMENT - 1) & ~(uint64_t)(PLACE_ALIGNMENT - 1);
}

static void store_to_memory(void *opaque, uint64_t address, const void *data, uint64_t length)
{
    bool ok = memory_write(opaque, address, data, length);
    g_assert(ok);
}

static bool read_initrd(int fd, uint64_t size, Memory *memory, uint64_t address, GError **error)
{
    g_autofree uint8_t *chunk = g_malloc(COPY_CHUNK);
    for (uint64_t done = 0; done < size;) {
        ssize_t got = pread(fd, chunk, (size_t)MIN(COPY_CHUNK, size - done), (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO,
                        "cannot read the initrd at offset %" G_GUINT64_FORMAT ": %s", done,
                        got ? g_strerror(errno) : "the file became shorter");
            return false;
        }
        store_to_memory(memory, address + done, chunk, (uint64_t)got);
        done += (uint64_t)got;
    }
    return true;
}

static bool place_initrd(const MachineConfig *config, Memory *memory, PseriesFdt *fdt,
                         uint64_t address, GError **error)
{
    struct stat info;
    if (config->initrd_fd < 0)
        return true;
    if (fstat(config->initrd_fd, &info) < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot examine the initrd: %s",
                    g_strerror(errno));
        return false;
    }
    if (!memory_contains(memory, address, (uint64_t)info.st_size)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                    "the initrd does not fit: %" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
                    "x, but memory ends at 0x%" G_GINT64_MODIFIER "x; give the machine more memory",
                    (uint64_t)info.st_size, address, memory->size);
        return false;
    }
    fdt->initrd_start = address;
    fdt->initrd_end = address + (uint64_t)info.st_size;
    return read_initrd(config->initrd_fd, (uint64_t)info.st_size, memory, address, error);
}

/* r4 <- r3; r3 <- 0xf000; sc 1; blr */
static void place_rtas(Memory *memory, uint64_t address)
{
    static const uint32_t blob[] = { 0x7c641b78, 0x3c600000, 0x6063f000, 0x44000022, 0x4e800020 };
    for (unsigned i = 0; i < G_N_ELEMENTS(blob); i++)
        memory_write_be32(memory, address + 4 * i, blob[i]);
}

static void enter(Cpu *cpu, uint64_t entry, uint64_t fdt_address)
{
    cpu->s.msr = MSR_SF | MSR_ME;
    cpu->s.cia = entry;
    cpu->s.gpr[3] = fdt_address;
    cpu->s.gpr[4] = entry;
    cpu->s.gpr[5] = 0; /* no Open Firmware client interface */
    cpu->s.gpr[6] = 0;
    cpu->s.running = 1;
    cpu_set_decrementer(cpu, 0x7fffffff);
    cpu_mode_changed(cpu);
}

static PseriesFdt describe(Machine *machine, uint32_t *vty_units)
{
    const MachineConfig *config = machine_config(machine);
    const Pseries *board = machine_cpu(machine, 0)->board_opaque;
    for (unsigned i = 0; i < board->vty_count; i++)
        vty_units[i] = vty_unit(board->vty[i]);
    return (PseriesFdt){
        .memory_bytes = config->memory_bytes,
        .bootargs = config->append,
        .has_random = config->rng,
        .vty_units = vty_units,
        .vty_count = board->vty_count,
        .pci = board->pci,
        .display = board->display,
    };
}

static bool load(Machine *machine, GError **error)
{
    const MachineConfig *config = machine_config(machine);
    Memory *memory = machine_memory(machine);
    uint32_t vty_units[PSERIES_VTY_MAX];
    PseriesFdt fdt = describe(machine, vty_units);
    ElfImage kernel;
    if (!elf_load(config->kernel_fd, KERNEL_ADDRESS_MASK, KERNEL_BASE, memory->size,
                  store_to_memory, memory, &kernel, error)) {
        g_prefix_error(error, "kernel \"%s\": ", config->kernel);
        return false;
    }
    uint64_t rtas_address = align_up(kernel.high);
    uint64_t fdt_address = rtas_address + PSERIES_RTAS_RESERVED;
    if (!memory_contains(memory, fdt_address, PSERIES_FDT_MAX)) {
        g_set_error(error, ELF_ERROR, ELF_ERROR_SPACE,
                    "no room for the device tree above the "
                    "kernel, which ends at 0x%" G_GINT64_MODIFIER "x; give the machine more memory",
                    kernel.high);
        return false;
    }
    fdt.rtas_address = (uint32_t)rtas_address;
    if (!place_initrd(config, memory, &fdt, fdt_address + PSERIES_FDT_MAX, error))
        return false;
    g_autoptr(GBytes) tree = pseries_fdt_new(&fdt, error);
    if (!tree)
        return false;
    place_rtas(memory, rtas_address);
    store_to_memory(memory, fdt_address, g_bytes_get_data(tree, NULL), g_bytes_get_size(tree));
    enter(machine_cpu(machine, 0), kernel.entry, fdt_address);
    return true;
}

static void press_power_button(Machine *machine)
{
    pseries_press_power_button(machine_cpu(machine, 0)->board_opaque);
}

const Board pseries_board = {
    .name = "pseries",
    .description = "POWER9 partition with virtio devices, direct kernel entry",
    .behaviour_version = 3,
    .build = build,
    .load = load,
    .press_power_button = press_power_button,
};
