/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio transport, queues and devices, driven as a guest's driver does.
 */
#include "machine/devices/virtio-devices.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"
#include "tests/check-run.h"

#include <sys/mman.h>
#include <unistd.h>

#define RINGS      0x100000
#define BUFFER     0x200000
#define DISK_BYTES (1u << 20)
enum { SLOT_BLK, SLOT_NET, SLOT_RNG, SLOT_RO, SLOT_CHANGER };

static Machine *machine;
static Device *host;
static Driver driver;
static unsigned line_level; /* a bit per slot */
static int image_fd, small_fd;
static VirtioDevice *changer; /* cd1: two media */

static void set_line(Device *receiver, unsigned line, bool level)
{
    line_level = (line_level & ~(1u << line)) | (unsigned)level << line;
}

static void plug(VirtioDevice *device, unsigned slot)
{
    pci_host_plug(host, &device->pci, slot);
    device->irq = (Irq){ set_line, host, slot };
}

static Disk *make_disk(bool is_writable)
{
    Disk *disk = disk_new(image_fd, NULL);
    ck_assert_ptr_nonnull(disk);
    if (is_writable)
        ck_assert(disk_add_layer(disk, -1, "disk", NULL));
    return disk;
}

/* One sector of 0x77. */
static Disk *make_small_disk(void)
{
    uint8_t sector[512];
    small_fd = memfd_create("small", 0);
    memset(sector, 0x77, sizeof sector);
    ck_assert_int_eq(write(small_fd, sector, sizeof sector), sizeof sector);
    return disk_new(small_fd, NULL);
}

static void setup(void)
{
    static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
    uint8_t sector[512];
    image_fd = memfd_create("image", 0);
    for (unsigned i = 0; i < DISK_BYTES / 512; i++) {
        memset(sector, (int)i, sizeof sector);
        ck_assert_int_eq(write(image_fd, sector, sizeof sector), sizeof sector);
    }
    machine = fake_machine_new(NULL);
    host = device_new(machine, &pci_host_class, "pci");
    pci_host_map(host, machine_bus(machine));
    plug(virtio_blk_new(machine, "hd0", make_disk(true), false), SLOT_BLK);
    plug(virtio_net_new(machine, "net0", mac), SLOT_NET);
    plug(virtio_rng_new(machine, "rng"), SLOT_RNG);
    plug(virtio_blk_new(machine, "cd0", make_disk(false), true), SLOT_RO);
    changer = virtio_blk_new(machine, "cd1", make_disk(false), true);
    virtio_blk_set_removable(changer);
    virtio_blk_add_medium(changer, make_small_disk());
    plug(changer, SLOT_CHANGER);
    line_level = 0;
    fake_machine_reset(machine);
}

static void teardown(void)
{
    fake_machine_free(machine);
    close(image_fd);
    close(small_fd);
}

/* --- the transport ---------------------------------------------------------------------------- */

static uint32_t config_read(unsigned slot, unsigned at, unsigned size)
{
    uint32_t value;
    ck_assert(pci_host_config_read(host, slot << 11 | at, size, &value));
    return value;
}

START_TEST(identity_and_capabilities_are_those_of_a_modern_device)
{
    unsigned found = 0;
    ck_assert_uint_eq(config_read(SLOT_BLK, 0, 4), 0x10421af4);
    ck_assert_uint_eq(config_read(SLOT_BLK, 8, 4), 0x01000001);
    ck_assert_uint_eq(config_read(SLOT_BLK, 0x2c, 4), 0x11001af4);
    ck_assert_uint_eq(config_read(SLOT_BLK, 0x3d, 1), 1);
    ck_assert_uint_eq(config_read(SLOT_BLK, 6, 2) & 0x10, 0x10);
    for (unsigned at = config_read(SLOT_BLK, 0x34, 1), n = 0; at; n++) {
        ck_assert_uint_lt(n, 8);
        ck_assert_uint_eq(config_read(SLOT_BLK, at, 1), 9);
        found |= 1u << config_read(SLOT_BLK, at + 3, 1);
        ck_assert_uint_eq(config_read(SLOT_BLK, at + 4, 1), 0);
        at = config_read(SLOT_BLK, at + 1, 1);
    }
    ck_assert_uint_eq(found, 0x1e); /* common, notify, ISR, device */
}
END_TEST

START_TEST(bar_sizes_itself_and_decodes_only_when_enabled)
{
    pci_host_config_write(host, SLOT_BLK << 11 | 0x10, 4, 0xffffffff);
    ck_assert_uint_eq(config_read(SLOT_BLK, 0x10, 4), 0xffffc000);
    pci_host_config_write(host, SLOT_BLK << 11 | 0x14, 4, 0xffffffff);
    ck_assert_uint_eq(config_read(SLOT_BLK, 0x14, 4), 0);
    pci_host_config_write(host, SLOT_BLK << 11, 4, 0);
    ck_assert_uint_eq(config_read(SLOT_BLK, 0, 4), 0x10421af4);
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    ck_assert_uint_eq(driver_read(&driver, 0x12, 2), 1);
    pci_host_config_write(host, SLOT_BLK << 11 | 4, 2, 0);
    ck_assert_uint_eq(driver_read(&driver, 0x12, 2), 0xffff);
}
END_TEST

START_TEST(features_must_be_offered_and_include_version_1)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
    driver_write(&driver, 0x14, 1, 0);
    ck_assert_uint_eq(driver_status(&driver), 0);
    driver_write(&driver, 0x14, 1, 3);
    driver_write(&driver, 0x14, 1, 0x0b);
    ck_assert_uint_eq(driver_status(&driver), 3); /* no VERSION_1 */
    driver_write(&driver, 8, 4, 1);
    driver_write(&driver, 0xc, 4, 5); /* RING_PACKED */
    driver_write(&driver, 0x14, 1, 0x0b);
    ck_assert_uint_eq(driver_status(&driver), 3);
    driver_write(&driver, 0xc, 4, 1);
    driver_write(&driver, 0x14, 1, 0x0b);
    ck_assert_uint_eq(driver_status(&driver), 0x0b);
    driver_write(&driver, 0xc, 4, 0); /* too late */
    ck_assert_uint_eq(driver_read(&driver, 0xc, 4), 1);
}
END_TEST

START_TEST(queues_outside_ram_need_a_reset)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 0, 0);
    driver_write(&driver, 0x20, 8, 0xfffffffffffffff0);
    driver_write(&driver, 0x1c, 2, 1);
    ck_assert_uint_eq(driver_read(&driver, 0x1c, 2), 0);
    ck_assert_uint_eq(driver_status(&driver), 0x4f);
    ck_assert_uint_eq(driver_read(&driver, 0x1000, 1), 2);
    driver_write(&driver, 0x14, 1, 0);
    ck_assert_uint_eq(driver_status(&driver), 0);
}
END_TEST

START_TEST(absent_queues_and_odd_registers_are_harmless)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    driver_write(&driver, 0x16, 2, 7);
    ck_assert_uint_eq(driver_read(&driver, 0x18, 2), 0);
    driver_write(&driver, 0x1c, 2, 1);
    driver_write(&driver, 0x3ff0, 4, 0xffff);
    driver_write(&driver, 0x2004, 4, 1);
    driver_write(&driver, 0x0ffe, 2, 1);
    ck_assert_uint_eq(driver_read(&driver, 0x0ffc, 4), 0);
    ck_assert_uint_eq(driver_read(&driver, 0x3000, 4), 0);
    ck_assert_uint_ge(fake_machine_record(machine)->unknown, 4);
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
}
END_TEST

/* --- queues ----------------------------------------------------------------------------------- */

static void add_rng_buffer(uint32_t length)
{
    driver_add(&driver, 0, &(DriverBuffer){ BUFFER, length, true }, 1);
}

START_TEST(entropy_fills_buffers_and_interrupts)
{
    uint32_t head, length;
    uint8_t bytes[5];
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, 0);
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
    driver_used(&driver, 0, 0, &head, &length);
    ck_assert_uint_eq(length, 4);
    memory_read(machine_memory(machine), BUFFER, bytes, 5);
    ck_assert_mem_eq(bytes, "\x11\x22\x33\x44\0", 5);
    ck_assert_uint_eq(line_level, 1u << SLOT_RNG);
    ck_assert_uint_eq(driver_read(&driver, 0x1000, 1), 1);
    ck_assert_uint_eq(line_level, 0);
    ck_assert_uint_eq(driver_read(&driver, 0x1000, 1), 0);
}
END_TEST

START_TEST(no_interrupt_flag_is_obeyed)
{
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, 0);
    memory_write_le16(machine_memory(machine), driver_available_ring(&driver, 0), 1);
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
    ck_assert_uint_eq(line_level, 0);
}
END_TEST

START_TEST(event_index_decides_about_interrupts_and_kicks)
{
    uint16_t event;
    uint64_t used_event;
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, DRIVER_EVENT_INDEX);
    used_event = driver_available_ring(&driver, 0) + 4 + 2 * DRIVER_QUEUE_SIZE;
    memory_write_le16(machine_memory(machine), used_event, 1); /* at the second buffer */
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(line_level, 0);
    memory_read_le16(machine_memory(machine),
                     driver_used_ring(&driver, 0) + 4 + 8 * DRIVER_QUEUE_SIZE, &event);
    ck_assert_uint_eq(event, 1);
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(line_level, 1u << SLOT_RNG);
}
END_TEST

START_TEST(ring_indices_wrap)
{
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, 0);
    for (unsigned i = 0; i < 70000; i++) {
        add_rng_buffer(1);
        driver_notify(&driver, 0);
        ck_assert_uint_eq(driver_used_index(&driver, 0), (uint16_t)(i + 1));
    }
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
}
END_TEST

START_TEST(indirect_tables_are_followed)
{
    uint32_t head, length;
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, DRIVER_INDIRECT);
    driver_set_descriptor(&driver, BUFFER + 0x1000, 0, BUFFER, 3, 3, 1);
    driver_set_descriptor(&driver, BUFFER + 0x1000, 1, BUFFER + 0x100, 5, 2, 0);
    driver_set_descriptor(&driver, driver_descriptors(&driver, 0), 0, BUFFER + 0x1000, 32, 4, 0);
    driver_make_available(&driver, 0, 0);
    driver_notify(&driver, 0);
    driver_used(&driver, 0, 0, &head, &length);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
    ck_assert_uint_eq(length, 8);
}
END_TEST

typedef struct {
    const char *what;
    uint64_t address;
    uint32_t length;
    uint16_t flags, next, head;
    uint16_t available; /* index written to the ring */
} BadRing;

/* Descriptor 0 as given; descriptor 1 is a good readable one. */
static const BadRing bad_rings[] = {
    { "loop", BUFFER, 16, 3, 0, 0, 1 },
    { "next outside the table", BUFFER, 16, 3, DRIVER_QUEUE_SIZE, 0, 1 },
    { "readable after writable", BUFFER, 16, 3, 1, 0, 1 },
    { "head outside the table", BUFFER, 16, 2, 0, DRIVER_QUEUE_SIZE, 1 },
    { "index ahead of the ring", BUFFER, 16, 2, 0, 0, DRIVER_QUEUE_SIZE + 1 },
    { "address outside RAM", 16u << 20, 16, 2, 0, 0, 1 },
    { "address wraps", UINT64_MAX - 4, 16, 2, 0, 0, 1 },
    { "end outside RAM", (16u << 20) - 8, 16, 2, 0, 0, 1 },
    { "indirect length 0", BUFFER, 0, 4, 0, 0, 1 },
    { "indirect length odd", BUFFER, 24, 4, 0, 0, 1 },
    { "indirect with next", BUFFER, 32, 5, 1, 0, 1 },
    { "indirect table outside RAM", UINT64_MAX - 31, 32, 4, 0, 0, 1 },
};

START_TEST(bad_rings_need_a_reset)
{
    const BadRing *bad = &bad_rings[_i];
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, DRIVER_INDIRECT);
    driver_set_descriptor(&driver, driver_descriptors(&driver, 0), 0, bad->address, bad->length,
                          bad->flags, bad->next);
    driver_set_descriptor(&driver, driver_descriptors(&driver, 0), 1, BUFFER, 16, 0, 0);
    memory_write_le16(machine_memory(machine), driver_available_ring(&driver, 0) + 4, bad->head);
    memory_write_le16(machine_memory(machine), driver_available_ring(&driver, 0) + 2,
                      bad->available);
    driver_notify(&driver, 0);
    ck_assert_msg(driver_status(&driver) == 0x4f, "%s: status %02x", bad->what,
                  driver_status(&driver));
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
    ck_assert_uint_eq(driver_read(&driver, 0x1000, 1), 2);
    driver_notify(&driver, 0); /* stays quiet */
    driver_start(&driver, machine, host, SLOT_RNG, RINGS + 0x40000, 1, 0);
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
}
END_TEST

START_TEST(indirect_inside_indirect_is_refused)
{
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, DRIVER_INDIRECT);
    driver_set_descriptor(&driver, BUFFER, 0, BUFFER + 0x100, 16, 4, 0);
    driver_set_descriptor(&driver, BUFFER + 0x100, 0, BUFFER + 0x200, 16, 2, 0);
    driver_set_descriptor(&driver, driver_descriptors(&driver, 0), 0, BUFFER, 16, 4, 0);
    driver_make_available(&driver, 0, 0);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_status(&driver), 0x4f);
}
END_TEST

START_TEST(nothing_moves_without_bus_mastering)
{
    driver_start(&driver, machine, host, SLOT_RNG, RINGS, 1, 0);
    pci_host_config_write(host, SLOT_RNG << 11 | 4, 2, 2);
    add_rng_buffer(4);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
}
END_TEST

/* --- the disk --------------------------------------------------------------------------------- */

#define HEADER BUFFER
#define STATUS (BUFFER + 0x100)
#define DATA   (BUFFER + 0x10000)

static void put_header(uint64_t at, uint32_t type, uint64_t sector)
{
    Memory *memory = machine_memory(machine);
    memory_write_le32(memory, at, type);
    memory_write_le32(memory, at + 4, 0);
    memory_write_le32(memory, at + 8, (uint32_t)sector);
    memory_write_le32(memory, at + 12, (uint32_t)(sector >> 32));
}

/* One request with its own header and status, numbered N; data goes at DATA + N * 64 KiB. */
static void request(unsigned n, uint32_t type, uint64_t sector, uint32_t length)
{
    uint8_t none = 0xee;
    uint64_t header = HEADER + 16 * n;
    put_header(header, type, sector);
    memory_write(machine_memory(machine), STATUS + n, &none, 1);
    DriverBuffer buffers[3] = { { header, 16, false },
                                { DATA + n * 0x10000u, length, type != 1 },
                                { STATUS + n, 1, true } };
    if (length == 0) {
        buffers[1] = buffers[2];
        driver_add(&driver, 0, buffers, 2);
    } else {
        driver_add(&driver, 0, buffers, 3);
    }
}

static uint8_t status_of(unsigned n)
{
    uint8_t status;
    memory_read(machine_memory(machine), STATUS + n, &status, 1);
    return status;
}

static void finish(void)
{
    while (fake_machine_next_deadline(machine) != UINT64_MAX)
        fake_machine_run_to(machine, fake_machine_next_deadline(machine));
}

static uint8_t data_byte(unsigned n, unsigned offset)
{
    uint8_t byte;
    memory_read(machine_memory(machine), DATA + n * 0x10000u + offset, &byte, 1);
    return byte;
}

static void fill(unsigned n, uint8_t byte, uint32_t length)
{
    g_autofree uint8_t *bytes = g_malloc(length);
    memset(bytes, byte, length);
    memory_write(machine_memory(machine), DATA + n * 0x10000u, bytes, length);
}

START_TEST(disk_reads_complete_at_their_virtual_time)
{
    uint32_t head, length;
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    request(0, 0, 5, 2048);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
    ck_assert_uint_eq(fake_machine_next_deadline(machine), 50000 + 2 * 400);
    fake_machine_run_to(machine, 50799);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
    ck_assert_uint_eq(data_byte(0, 0), 0);
    fake_machine_run_to(machine, 50800);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
    driver_used(&driver, 0, 0, &head, &length);
    ck_assert_uint_eq(length, 2049);
    ck_assert_uint_eq(status_of(0), 0);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(data_byte(0, 512 * i + 511), 5 + i);
    ck_assert_uint_eq(line_level, 1u << SLOT_BLK);
}
END_TEST

START_TEST(disk_writes_are_read_back_and_never_reach_the_image)
{
    uint8_t before[512];
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    fill(0, 0xaa, 1024);
    request(0, 1, 127, 1024); /* crosses a cluster */
    driver_notify(&driver, 0);
    fill(0, 0xbb, 1024); /* too late: the bytes were copied */
    finish();
    ck_assert_uint_eq(status_of(0), 0);
    request(1, 4, 0, 0);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(1), 0);
    request(2, 0, 126, 2048);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(data_byte(2, 0), 126);
    ck_assert_uint_eq(data_byte(2, 512), 0xaa);
    ck_assert_uint_eq(data_byte(2, 1535), 0xaa);
    ck_assert_uint_eq(data_byte(2, 1536), 129);
    ck_assert_int_eq(pread(image_fd, before, 512, 127 * 512), 512);
    ck_assert_uint_eq(before[0], 127);
}
END_TEST

START_TEST(host_errors_reach_the_guest_as_errors)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    ck_assert_int_eq(ftruncate(image_fd, 1024), 0);
    fill(0, 0x11, 1024);
    request(0, 0, 1, 1024); /* only half of it is there */
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(0), 1);
    ck_assert_uint_eq(data_byte(0, 0), 0x11); /* nothing arrived */
    request(1, 0, 1, 512);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(1), 0);
    ck_assert_uint_eq(fake_machine_record(machine)->block_errors, 1);
    ck_assert_uint_eq(fake_machine_record(machine)->internal_errors, 0);
}
END_TEST

START_TEST(overlapping_requests_wait_for_each_other)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    VirtioDevice *device = (VirtioDevice *)fake_machine_device(machine, "hd0");
    fill(0, 0x77, 512);
    request(0, 1, 3, 512);
    request(1, 0, 3, 512);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(device->state->queue[0].next_available, 1);
    finish();
    ck_assert_uint_eq(driver_used_index(&driver, 0), 2);
    ck_assert_uint_eq(data_byte(1, 0), 0x77);
}
END_TEST

START_TEST(impossible_disk_requests_fail_politely)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint32_t length;
        uint8_t status;
    } rows[] = {
        { 0, DISK_BYTES / 512, 512, 1 },
        { 0, DISK_BYTES / 512 - 1, 1024, 1 },
        { 0, UINT64_MAX, 512, 1 },
        { 1, UINT64_MAX / 512, 512, 1 },
        { 0, 0, 100, 1 },
        { 99, 0, 0, 2 },
        { 11, 0, 512, 2 },
    };
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        driver.next_descriptor[0] = 0;
        request(i, rows[i].type, rows[i].sector, rows[i].length);
        driver_notify(&driver, 0);
        finish();
        ck_assert_uint_eq(status_of(i), rows[i].status);
    }
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
}
END_TEST

START_TEST(readonly_disk_says_so_and_refuses_writes)
{
    driver_start(&driver, machine, host, SLOT_RO, RINGS, 1, 0);
    driver_write(&driver, 0, 4, 0);
    ck_assert_uint_eq(driver_read(&driver, 4, 4) >> 5 & 1, 1);
    request(0, 1, 0, 512);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(0), 1);
    request(1, 4, 0, 0);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(1), 0);
}
END_TEST

/* Type 11 discards, 13 writes zeroes: the range is the data. */
static uint8_t range(unsigned n, uint32_t type, uint64_t sector, uint32_t count, uint32_t flags,
                     uint32_t length)
{
    Memory *memory = machine_memory(machine);
    uint64_t at = DATA + n * 0x10000u;
    put_header(HEADER + 16 * n, type, 0);
    memory_write_le32(memory, at, (uint32_t)sector);
    memory_write_le32(memory, at + 4, (uint32_t)(sector >> 32));
    memory_write_le32(memory, at + 8, count);
    memory_write_le32(memory, at + 12, flags);
    DriverBuffer buffers[3] = { { HEADER + 16 * n, 16, false },
                                { at, length, false },
                                { STATUS + n, 1, true } };
    driver_add(&driver, 0, buffers, 3);
    driver_notify(&driver, 0);
    finish();
    return status_of(n);
}

static uint8_t sector_byte(uint64_t sector)
{
    request(7, 0, sector, 512);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(7), 0);
    return data_byte(7, 0);
}

START_TEST(discarded_and_zeroed_sectors_read_as_zeroes)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, DRIVER_ZEROES);
    ck_assert_uint_eq(driver_read(&driver, 0x2024, 4), (1u << 30) / 512);
    ck_assert_uint_eq(driver_read(&driver, 0x2028, 4), 1);
    ck_assert_uint_eq(driver_read(&driver, 0x2038, 1), 1);
    ck_assert_uint_eq(range(0, 13, 3, 2, 0, 16), 0);
    ck_assert_uint_eq(range(1, 13, 10, 1, 1, 16), 0);
    ck_assert_uint_eq(range(2, 11, 20, 1, 0, 16), 0);
    static const uint8_t expected[] = { 2, 0, 0, 5 };
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(sector_byte(2 + i), expected[i]);
    ck_assert_uint_eq(sector_byte(10), 0);
    ck_assert_uint_eq(sector_byte(20), 0);
    ck_assert_uint_eq(sector_byte(21), 21);
    ck_assert_uint_eq(range(0, 11, 20, 1, 1, 16), 2); /* a flag that a discard has not */
    ck_assert_uint_eq(range(1, 13, 20, 1, 2, 16), 2); /* an unknown one */
    ck_assert_uint_eq(range(2, 13, 20, 1, 0, 32), 1); /* two ranges */
    ck_assert_uint_eq(range(3, 13, 20, 1, 0, 15), 1); /* less than one */
    ck_assert_uint_eq(range(4, 13, DISK_BYTES / 512, 1, 0, 16), 1);
    ck_assert_uint_eq(range(5, 13, UINT64_MAX, 2, 0, 16), 1);
    ck_assert_uint_eq(range(6, 11, 0, UINT32_MAX, 0, 16), 1);
    ck_assert_uint_eq(range(0, 11, DISK_BYTES / 512, 0, 0, 16), 0); /* nothing, at the end */
    ck_assert_uint_eq(sector_byte(21), 21);
}
END_TEST

START_TEST(discards_that_were_not_negotiated_are_not_known)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    ck_assert_uint_eq(range(0, 11, 20, 1, 0, 16), 2);
    ck_assert_uint_eq(range(1, 13, 20, 1, 0, 16), 2);
    ck_assert_uint_eq(sector_byte(20), 20);
    driver_start(&driver, machine, host, SLOT_RO, RINGS, 1, DRIVER_ZEROES);
    ck_assert_uint_eq(driver_status(&driver) & 8, 0); /* the features are not taken */
}
END_TEST

START_TEST(disk_names_itself_and_its_size)
{
    char name[21] = "";
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    request(0, 8, 0, 20);
    driver_notify(&driver, 0);
    finish();
    memory_read(machine_memory(machine), DATA, name, 20);
    ck_assert_str_eq(name, "hd0");
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), DISK_BYTES / 512);
    ck_assert_uint_eq(driver_read(&driver, 0x2004, 4), 0);
    ck_assert_uint_eq(driver_read(&driver, 0x200c, 4), 126);
    ck_assert_uint_eq(driver_read(&driver, 0x2014, 4), 512);
    ck_assert_uint_eq(driver_read(&driver, 0x2ffc, 4), 0);
}
END_TEST

START_TEST(chains_without_header_or_status_need_a_reset)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    DriverBuffer short_header[2] = { { HEADER, 15, false }, { STATUS, 1, true } };
    DriverBuffer no_status[1] = { { HEADER, 16, false } };
    driver_add(&driver, 0, _i ? no_status : short_header, _i ? 1 : 2);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_status(&driver), 0x4f);
}
END_TEST

START_TEST(split_headers_and_scattered_data_work)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    put_header(HEADER, 0, 9);
    DriverBuffer buffers[6] = { { HEADER, 4, false },        { HEADER + 4, 12, false },
                                { DATA, 100, true },         { DATA + 0x10000, 412, true },
                                { DATA + 0x20000, 0, true }, { STATUS, 1, true } };
    driver_add(&driver, 0, buffers, 6);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(0), 0);
    ck_assert_uint_eq(data_byte(0, 99), 9);
    ck_assert_uint_eq(data_byte(0, 100), 0);
    ck_assert_uint_eq(data_byte(1, 411), 9);
}
END_TEST

START_TEST(a_reset_forgets_requests_under_way)
{
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    request(0, 0, 0, 512);
    driver_notify(&driver, 0);
    driver_write(&driver, 0x14, 1, 0);
    ck_assert_uint_eq(fake_machine_next_deadline(machine), UINT64_MAX);
    ck_assert_uint_eq(status_of(0), 0xee);
}
END_TEST

static void put_in(uint8_t medium)
{
    Device *device = &changer->parent;
    const guint8 data[] = { (guint8)device->number, medium };
    Event event = { .kind = EVENT_CONTROL,
                    .control = { .kind = CONTROL_MEDIUM, .data = data, .data_length = 2 } };
    device->class->input(device, &event);
}

START_TEST(media_come_and_go_and_what_was_under_way_fails)
{
    unsigned medium;
    driver_start(&driver, machine, host, SLOT_CHANGER, RINGS, 1, 0);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), DISK_BYTES / 512);
    request(0, 0, 3, 512);
    driver_notify(&driver, 0);
    put_in(1);
    ck_assert_uint_eq(line_level, 1u << SLOT_CHANGER); /* the configuration has changed */
    ck_assert_uint_eq(driver_read(&driver, 0x1000, 1), 2);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), 1);
    ck_assert_uint_eq(status_of(0), 0xee); /* not before its time */
    finish();
    ck_assert_uint_eq(status_of(0), 1);
    request(1, 0, 0, 512);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(1), 0);
    ck_assert_uint_eq(data_byte(1, 0), 0x77);
    put_in(VIRTIO_BLK_NO_MEDIUM);
    ck_assert_ptr_null(virtio_blk_medium(&changer->parent, &medium));
    ck_assert_uint_eq(medium, VIRTIO_BLK_NO_MEDIUM);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), 0);
    request(2, 0, 0, 512);
    request(3, 4, 0, 0);
    driver_notify(&driver, 0);
    finish();
    ck_assert_uint_eq(status_of(2), 1);
    ck_assert_uint_eq(status_of(3), 1);
    fake_machine_reset(machine);
    ck_assert_ptr_nonnull(virtio_blk_medium(&changer->parent, &medium));
    ck_assert_uint_eq(medium, 0);
    ck_assert_uint_eq(fake_machine_record(machine)->internal_errors, 0);
    put_in(2); /* there are two */
    ck_assert_uint_eq(fake_machine_record(machine)->internal_errors, 1);
}
END_TEST

static void save_and_load(Device *device, GBytes **bytes)
{
    const StateTable *table = device->class->state;
    if (!*bytes) {
        g_autoptr(StateWriter) writer = state_writer_new_memory();
        state_save(writer, table, device_state(device));
        device->class->save_more(device, writer);
        *bytes = state_writer_close_bytes(writer, NULL);
        return;
    }
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(*bytes, NULL), g_bytes_get_size(*bytes));
    ck_assert(state_load(reader, table, device_state(device), NULL));
    device->class->load_more(device, reader);
    ck_assert(state_reader_finish(reader, NULL));
    device->class->after_load(device);
}

START_TEST(a_load_brings_the_medium_of_its_time)
{
    unsigned medium;
    g_autoptr(GBytes) empty = NULL, second = NULL;
    driver_start(&driver, machine, host, SLOT_CHANGER, RINGS, 1, 0);
    put_in(VIRTIO_BLK_NO_MEDIUM);
    save_and_load(&changer->parent, &empty);
    put_in(1);
    save_and_load(&changer->parent, &second);
    put_in(0);
    save_and_load(&changer->parent, &second);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), 1);
    save_and_load(&changer->parent, &empty);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), 0);
    ck_assert_ptr_null(virtio_blk_medium(&changer->parent, &medium));
}
END_TEST

START_TEST(a_loaded_disk_goes_on_as_the_saved_one)
{
    Device *device = fake_machine_device(machine, "hd0");
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    driver_start(&driver, machine, host, SLOT_BLK, RINGS, 1, 0);
    fill(0, 0x41, 512);
    request(0, 1, 10, 512);
    request(1, 0, 20, 512);
    driver_notify(&driver, 0);
    state_save(writer, device->class->state, device_state(device));
    device->class->save_more(device, writer);
    g_autoptr(GBytes) saved = state_writer_close_bytes(writer, NULL);
    finish();
    driver.next_descriptor[0] = 0;
    fill(0, 0x42, 512);
    request(0, 1, 10, 512);
    driver_notify(&driver, 0);
    finish();

    fake_machine_reset(machine);
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(saved, NULL), g_bytes_get_size(saved));
    state_poison(device->class->state, device_state(device));
    ck_assert(state_load(reader, device->class->state, device_state(device), NULL));
    device->class->load_more(device, reader);
    ck_assert(state_reader_finish(reader, NULL));
    device->class->after_load(device);
    fill(1, 0, 512);
    /* RAM is not part of this load: take the third request out of the ring. */
    memory_write_le16(machine_memory(machine), driver_available_ring(&driver, 0) + 2, 2);
    uint8_t none = 0xee;
    memory_write(machine_memory(machine), STATUS, &none, 1);
    memory_write(machine_memory(machine), STATUS + 1, &none, 1);
    finish();
    ck_assert_uint_eq(status_of(0), 0);
    ck_assert_uint_eq(status_of(1), 0);
    ck_assert_uint_eq(data_byte(1, 0), 20);
    Disk *disk = virtio_blk_disk(device);
    g_autofree uint8_t *now = NULL;
    ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_READ, 10 * 512, 512, NULL), &now), 0);
    ck_assert_uint_eq(now[0], 0x41);
}
END_TEST

/* --- the network ------------------------------------------------------------------------------ */

START_TEST(packets_leave_without_their_header)
{
    driver_start(&driver, machine, host, SLOT_NET, RINGS, 2, 0);
    memory_write(machine_memory(machine), BUFFER + 12, "frame", 5);
    driver_add(&driver, 1, &(DriverBuffer){ BUFFER, 17, false }, 1);
    driver_notify(&driver, 1);
    ck_assert_str_eq(fake_machine_record(machine)->output->str, "frame");
    ck_assert_uint_eq(driver_used_index(&driver, 1), 1);
    driver_add(&driver, 1, &(DriverBuffer){ BUFFER, 12, false }, 1); /* no frame at all */
    driver_notify(&driver, 1);
    ck_assert_str_eq(fake_machine_record(machine)->output->str, "frame");
    ck_assert_uint_eq(driver_used_index(&driver, 1), 2);
    ck_assert_uint_eq(driver_read(&driver, 0x2000, 4), 0x01005452);
    ck_assert_uint_eq(driver_read(&driver, 0x2006, 2), 1);
}
END_TEST

/* Small frames take the line for 1 us each; it may be 256 us behind. */
START_TEST(a_flood_waits_for_the_line)
{
    unsigned sent = 0;
    driver_start(&driver, machine, host, SLOT_NET, RINGS, 2, 0);
    memory_write(machine_memory(machine), BUFFER + 12, "frame", 5);
    while (driver_used_index(&driver, 1) == sent && sent < 10000) {
        driver_add(&driver, 1, &(DriverBuffer){ BUFFER, 17, false }, 1);
        driver_notify(&driver, 1);
        sent++;
    }
    ck_assert_uint_eq(sent, 258); /* the last one waits */
    ck_assert_uint_eq(fake_machine_record(machine)->output->len, 257 * 5);
    driver_notify(&driver, 1);
    ck_assert_uint_eq(driver_used_index(&driver, 1), 257);
    ck_assert_uint_eq(fake_machine_next_deadline(machine), 257000 - 128000);
    fake_machine_run_to(machine, 128999);
    ck_assert_uint_eq(driver_used_index(&driver, 1), 257);
    fake_machine_run_to(machine, 129000);
    ck_assert_uint_eq(driver_used_index(&driver, 1), 258);
    ck_assert_uint_eq(fake_machine_next_deadline(machine), UINT64_MAX);
    fake_machine_run_to(machine, 10000000); /* what was not sent is not saved up */
    for (sent = 258; driver_used_index(&driver, 1) == sent && sent < 10000; sent++) {
        driver_add(&driver, 1, &(DriverBuffer){ BUFFER, 1526, false }, 1);
        driver_notify(&driver, 1);
    }
    ck_assert_uint_eq(sent - 258, 256000 / ((1526 + 24) * 8 / 10) + 2);
}
END_TEST

static void arrive(const char *frame)
{
    Device *device = fake_machine_device(machine, "net0");
    Event event = { .kind = EVENT_NET };
    event.net.data = (const guint8 *)frame;
    event.net.data_length = (guint32)strlen(frame);
    device->class->input(device, &event);
}

START_TEST(packets_arrive_in_waiting_buffers_or_are_dropped)
{
    uint32_t head, length;
    uint8_t bytes[18] = { 0 };
    driver_start(&driver, machine, host, SLOT_NET, RINGS, 2, 0);
    arrive("too early");
    driver_add(&driver, 0, &(DriverBuffer){ BUFFER, 2048, true }, 1);
    driver_notify(&driver, 0);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
    arrive("hello");
    ck_assert_uint_eq(driver_used_index(&driver, 0), 1);
    driver_used(&driver, 0, 0, &head, &length);
    ck_assert_uint_eq(length, 17);
    memory_read(machine_memory(machine), BUFFER, bytes, 17);
    ck_assert_mem_eq(bytes, "\0\0\0\0\0\0\0\0\0\0\1\0hello", 17);
    driver_add(&driver, 0, &(DriverBuffer){ BUFFER, 14, true }, 1);
    arrive("too long for it");
    driver_used(&driver, 0, 1, &head, &length);
    ck_assert_uint_eq(length, 0);
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("virtio");
    TCase *tests = tcase_create("virtio");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, identity_and_capabilities_are_those_of_a_modern_device);
    tcase_add_test(tests, bar_sizes_itself_and_decodes_only_when_enabled);
    tcase_add_test(tests, features_must_be_offered_and_include_version_1);
    tcase_add_test(tests, queues_outside_ram_need_a_reset);
    tcase_add_test(tests, absent_queues_and_odd_registers_are_harmless);
    tcase_add_test(tests, entropy_fills_buffers_and_interrupts);
    tcase_add_test(tests, no_interrupt_flag_is_obeyed);
    tcase_add_test(tests, event_index_decides_about_interrupts_and_kicks);
    tcase_add_test(tests, ring_indices_wrap);
    tcase_add_test(tests, indirect_tables_are_followed);
    tcase_add_loop_test(tests, bad_rings_need_a_reset, 0, G_N_ELEMENTS(bad_rings));
    tcase_add_test(tests, indirect_inside_indirect_is_refused);
    tcase_add_test(tests, nothing_moves_without_bus_mastering);
    tcase_add_test(tests, disk_reads_complete_at_their_virtual_time);
    tcase_add_test(tests, disk_writes_are_read_back_and_never_reach_the_image);
    tcase_add_test(tests, host_errors_reach_the_guest_as_errors);
    tcase_add_test(tests, overlapping_requests_wait_for_each_other);
    tcase_add_test(tests, impossible_disk_requests_fail_politely);
    tcase_add_test(tests, readonly_disk_says_so_and_refuses_writes);
    tcase_add_test(tests, discarded_and_zeroed_sectors_read_as_zeroes);
    tcase_add_test(tests, discards_that_were_not_negotiated_are_not_known);
    tcase_add_test(tests, disk_names_itself_and_its_size);
    tcase_add_loop_test(tests, chains_without_header_or_status_need_a_reset, 0, 2);
    tcase_add_test(tests, split_headers_and_scattered_data_work);
    tcase_add_test(tests, a_reset_forgets_requests_under_way);
    tcase_add_test(tests, media_come_and_go_and_what_was_under_way_fails);
    tcase_add_test(tests, a_load_brings_the_medium_of_its_time);
    tcase_add_test(tests, a_loaded_disk_goes_on_as_the_saved_one);
    tcase_add_test(tests, packets_leave_without_their_header);
    tcase_add_test(tests, a_flood_waits_for_the_line);
    tcase_add_test(tests, packets_arrive_in_waiting_buffers_or_are_dropped);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
