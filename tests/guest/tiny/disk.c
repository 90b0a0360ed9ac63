/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver for one modern virtio block device (virtio 1.x, 4.1 and 5.2), as small as it gets: one
 * request at a time, no interrupt: the guest looks again after each short wait.
 */
#include "tiny.h"

#define BUID_HIGH         0x08000000u
#define BUID_LOW          0x20000000u
#define BLOCK_ID          0x10421af4u /* device 1042, vendor 1af4 */
#define CAPABILITY_VENDOR 9
#define KIND_COMMON       1
#define KIND_NOTIFY       2
#define KIND_ISR          3
#define SPACE_32                                                                                   \
    0x200080000000u /* processor's address of the 32-bit window; PCI address 80000000 */
#define SPACE_64      0x210000000000u
#define QUEUE_SIZE    4
#define SECTOR        512
#define SECTORS       256 /* the guest keeps to the first 128 KiB */
#define REQUEST_READ  0
#define REQUEST_WRITE 1
#define FLAG_NEXT     1
#define FLAG_WRITE    2

typedef struct {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
} Descriptor;

static struct {
    Descriptor descriptor[QUEUE_SIZE];
    struct {
        uint16_t flags, index, ring[QUEUE_SIZE], event;
    } available;
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } ring[QUEUE_SIZE];
        uint16_t event;
    } used __attribute__((aligned(16)));
} queue __attribute__((aligned(64)));

static struct {
    uint32_t type, reserved;
    uint64_t sector;
} header;
static uint64_t data[SECTOR / 8];
static uint8_t status;

static uint32_t config_read(const Guest *guest, uint32_t device, uint32_t reg, uint32_t size)
{
    uint32_t in[] = { device << 11 | reg, BUID_HIGH, BUID_LOW, size };
    if (rtas(guest, "ibm,read-pci-config", 4, 2, in) != 0 || rtas_block[7] != 0) {
        return 0xffffffff;
    }
    return __builtin_bswap32(rtas_block[8]);
}

static void config_write(const Guest *guest, uint32_t device, uint32_t reg, uint32_t size,
                         uint32_t value)
{
    uint32_t in[] = { device << 11 | reg, BUID_HIGH, BUID_LOW, size, value };
    rtas(guest, "ibm,write-pci-config", 5, 1, in);
}

/* Gives the region a place in the bridge's windows; the processor's address of it. */
static uint64_t place_region(const Guest *guest, uint32_t device, uint32_t bar)
{
    uint32_t reg = 0x10 + 4 * bar;
    uint32_t kind = config_read(guest, device, reg, 4);
    if ((kind & 6) == 4) {
        uint64_t address = SPACE_64 + device * 0x100000;
        config_write(guest, device, reg, 4, (uint32_t)address);
        config_write(guest, device, reg + 4, 4, (uint32_t)(address >> 32));
        return address;
    }
    config_write(guest, device, reg, 4, 0x80000000u + device * 0x100000);
    return SPACE_32 + device * 0x100000;
}

#define REGISTER(type, address) (*(volatile type *)(address))

static void set_64(uint64_t address, const void *value)
{
    REGISTER(uint32_t, address) = (uint32_t)(uintptr_t)value;
    REGISTER(uint32_t, address + 4) = (uint32_t)((uintptr_t)value >> 32);
}

static void find_structures(Disk *disk, const Guest *guest, uint32_t device)
{
    uint64_t region = 0;
    for (uint32_t at = config_read(guest, device, 0x34, 1); at != 0 && at < 0x100;
         at = config_read(guest, device, at + 1, 1)) {
        if (config_read(guest, device, at, 1) != CAPABILITY_VENDOR) {
            continue;
        }
        uint32_t kind = config_read(guest, device, at + 3, 1);
        uint32_t bar = config_read(guest, device, at + 4, 1);
        uint32_t offset = config_read(guest, device, at + 8, 4);
        if (kind < KIND_COMMON || kind > KIND_ISR) {
            continue;
        }
        if (region == 0) {
            region = place_region(guest, device, bar);
            config_write(guest, device, 4, 2, 6); /* memory, bus master */
        }
        uint64_t *structures[] = { &disk->common, &disk->notify, &disk->isr };
        *structures[kind - KIND_COMMON] = region + offset;
        if (kind == KIND_NOTIFY) {
            disk->notify_multiplier = config_read(guest, device, at + 16, 4);
        }
    }
}

static void start(Disk *disk)
{
    uint64_t common = disk->common;
    REGISTER(uint8_t, common + 0x14) = 0;
    REGISTER(uint8_t, common + 0x14) = 3; /* ACKNOWLEDGE, DRIVER */
    REGISTER(uint32_t, common + 0x08) = 1;
    REGISTER(uint32_t, common + 0x0c) = 1; /* VERSION_1 */
    REGISTER(uint8_t, common + 0x14) = 11; /* FEATURES_OK */
    REGISTER(uint16_t, common + 0x16) = 0;
    REGISTER(uint16_t, common + 0x18) = QUEUE_SIZE;
    set_64(common + 0x20, queue.descriptor);
    set_64(common + 0x28, &queue.available);
    set_64(common + 0x30, &queue.used);
    disk->notify += REGISTER(uint16_t, common + 0x1e) * disk->notify_multiplier;
    REGISTER(uint16_t, common + 0x1c) = 1;
    REGISTER(uint8_t, common + 0x14) = 15; /* DRIVER_OK */
}

void disk_find(Disk *disk, const Guest *guest)
{
    for (uint32_t device = 0; device < 32 && disk->common == 0; device++) {
        if (config_read(guest, device, 0, 4) == BLOCK_ID) {
            find_structures(disk, guest, device);
        }
    }
    if (disk->common != 0) {
        start(disk);
        print("DISK\n");
    }
}

/* An address as it is at run time: the image is not where it was linked, and nothing relocates
 * constants. */
static uint64_t address_of(const void *object)
{
    __asm__("" : "+r"(object));
    return (uintptr_t)object;
}

/* Orders memory accesses. The operands tell the compiler that the device reads and writes here. */
static void order(void)
{
    __asm__ volatile("sync" : : "r"(&queue), "r"(&header), "r"(data), "r"(&status) : "memory");
}

/* One request on the sector; waits until the device has done it. */
static void request(Disk *disk, Guest *guest, uint32_t type, uint64_t sector)
{
    header.type = type;
    header.sector = sector;
    status = 0xff;
    queue.descriptor[0] = (Descriptor){ address_of(&header), sizeof(header), FLAG_NEXT, 1 };
    queue.descriptor[1] = (Descriptor){ address_of(data), SECTOR,
                                        FLAG_NEXT | (type == REQUEST_READ ? FLAG_WRITE : 0), 2 };
    queue.descriptor[2] = (Descriptor){ address_of(&status), 1, FLAG_WRITE, 0 };
    queue.available.flags = 1; /* no interrupt */
    queue.available.ring[disk->sent % QUEUE_SIZE] = 0;
    order();
    *(volatile uint16_t *)&queue.available.index = ++disk->sent;
    order();
    REGISTER(uint16_t, disk->notify) = 0;
    uint64_t started = time_base();
    while (*(volatile uint16_t *)&queue.used.index != disk->sent) {
        wait(guest, 20);
    }
    order();
    see(guest, time_base() - started);
    see(guest, *(volatile uint8_t *)&status);
}

static void see_data(Guest *guest)
{
    for (unsigned i = 0; i < SECTOR / 8; i++) {
        see(guest, data[i]);
    }
}

static void fill_data(uint64_t seed)
{
    for (unsigned i = 0; i < SECTOR / 8; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = seed;
    }
}

void disk_use(Disk *disk, Guest *guest, uint64_t round)
{
    if (disk->common == 0) {
        return;
    }
    uint64_t sector = round % SECTORS;
    request(disk, guest, REQUEST_READ, sector);
    see_data(guest);
    fill_data(guest->check);
    request(disk, guest, REQUEST_WRITE, sector);
    request(disk, guest, REQUEST_READ, round * 7 / 8 % SECTORS);
    see_data(guest);
    print_hex(" disk=", status, 2);
}
