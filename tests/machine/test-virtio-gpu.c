/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-gpu, driven as a guest's driver does: resources, lists of pages, copies, what is shown.
 */
#include "machine/devices/virtio-gpu.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"
#include "tests/check-run.h"

#define RINGS   0x100000
#define COMMAND 0x110000
#define ANSWER  0x120000
#define PICTURE 0x200000
#define HEADER  24

enum {
    DISPLAY_INFO = 0x100,
    CREATE,
    UNREF,
    SCANOUT,
    FLUSH,
    TRANSFER,
    ATTACH,
    DETACH,
    EDID = 0x10a,
    CURSOR = 0x300
};
enum { OK = 0x1100, UNSPECIFIED = 0x1200, NO_MEMORY, WRONG_SCANOUT, NO_RESOURCE, WRONG = 0x1205 };

static Machine *machine;
static Driver driver;
static Device *gpu;
static Memory *memory;

static void setup(void)
{
    machine = fake_machine_new(NULL);
    memory = machine_memory(machine);
    Device *host = device_new(machine, &pci_host_class, "pci");
    pci_host_map(host, machine_bus(machine));
    VirtioDevice *device = virtio_gpu_new(machine, "gpu", 800, 600);
    pci_host_plug(host, &device->pci, 0);
    gpu = &device->parent;
    fake_machine_reset(machine);
    driver = (Driver){ 0 };
    driver_start(&driver, machine, host, 0, RINGS, 2, 0);
}

static void teardown(void)
{
    fake_machine_free(machine);
}

/* Sends a command of COUNT words after its header; the type of the answer, which is at ANSWER. */
static uint32_t send_words(uint32_t type, const uint32_t *words, unsigned count)
{
    uint32_t result, head, length;
    memory_write_le32(memory, COMMAND, type);
    memory_write_le32(memory, COMMAND + 4, 1); /* a fence */
    memory_write_le32(memory, COMMAND + 8, 0x11223344);
    memory_write_le32(memory, COMMAND + 12, 0x55667788);
    memory_write_le32(memory, COMMAND + 16, 7);
    for (unsigned i = 0; i < count; i++)
        memory_write_le32(memory, COMMAND + HEADER + 4 * i, words[i]);
    DriverBuffer buffers[] = { { COMMAND, HEADER + 4 * count, false }, { ANSWER, 2000, true } };
    driver_add(&driver, 0, buffers, 2);
    driver_notify(&driver, 0);
    driver_used(&driver, 0, driver_used_index(&driver, 0) - 1u, &head, &length);
    ck_assert_uint_ge(length, HEADER);
    memory_read_le32(memory, ANSWER, &result);
    return result;
}

#define SEND(type, ...)                                                                            \
    send_words((type), (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

static uint32_t answer(unsigned offset)
{
    uint32_t value;
    memory_read_le32(memory, ANSWER + offset, &value);
    return value;
}

/* The pixel at X, Y as 0xRRGGBB. */
static uint32_t pixel(unsigned x, unsigned y)
{
    static uint32_t row[VIRTIO_GPU_SIDE_MAX];
    Scanout scanout;
    ck_assert(virtio_gpu_scanout(gpu, &scanout));
    ck_assert(x < scanout.width && y < scanout.height);
    scanout_row(&scanout, memory, y, row);
    return row[x];
}

START_TEST(the_monitor_is_described)
{
    uint8_t edid[128], sum = 0;
    ck_assert_uint_eq(SEND(DISPLAY_INFO, 0), OK + 1);
    ck_assert_uint_eq(answer(4), 1); /* the fence is repeated */
    ck_assert_uint_eq(answer(8), 0x11223344);
    ck_assert_uint_eq(answer(12), 0x55667788);
    ck_assert_uint_eq(answer(16), 7);
    ck_assert_uint_eq(answer(HEADER + 8), 800);
    ck_assert_uint_eq(answer(HEADER + 12), 600);
    ck_assert_uint_eq(answer(HEADER + 16), 1);
    ck_assert_uint_eq(answer(HEADER + 24 + 16), 0); /* there is no second one */
    ck_assert_uint_eq(SEND(EDID, 0, 0), OK + 4);
    ck_assert_uint_eq(answer(HEADER), 128);
    memory_read(memory, ANSWER + HEADER + 8, edid, sizeof edid);
    for (unsigned i = 0; i < sizeof edid; i++)
        sum = (uint8_t)(sum + edid[i]);
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(SEND(EDID, 1, 0), WRONG_SCANOUT);
    ck_assert_uint_eq(driver_read(&driver, 0x2008, 4), 1);
}
END_TEST

/* Rows of 4 pixels whose bytes lie in three pieces of RAM, the second one in the middle of a pixel.
 */
START_TEST(pictures_are_copied_from_scattered_pages)
{
    for (unsigned i = 0; i < 4 * 3 * 4; i++)
        memory_write(memory,
                     i < 18   ? PICTURE + i
                     : i < 20 ? PICTURE + 0x5000 + i - 18
                              : PICTURE + 0x3000 + i - 20,
                     &(uint8_t){ (uint8_t)(i + 1) }, 1);
    ck_assert_uint_eq(SEND(CREATE, 5, 2, 4, 3), OK);
    ck_assert_uint_eq(SEND(ATTACH, 5, 3, PICTURE, 0, 18, 0, PICTURE + 0x5000, 0, 2, 0,
                           PICTURE + 0x3000, 0, 28, 0),
                      OK);
    ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 4, 3, 0, 5), OK);
    ck_assert_uint_eq(pixel(3, 2), 0); /* nothing was copied yet */
    ck_assert_uint_eq(SEND(TRANSFER, 1, 1, 2, 2, 20, 0, 5, 0), OK);
    ck_assert_uint_eq(SEND(FLUSH, 1, 1, 2, 2, 5, 0), OK);
    ck_assert_uint_eq(pixel(1, 0), 0);
    ck_assert_uint_eq(pixel(0, 1), 0);
    ck_assert_uint_eq(pixel(1, 1), 0x171615); /* bytes 21 and on: blue first */
    ck_assert_uint_eq(pixel(2, 2), 0x2b2a29);
    ck_assert_uint_eq(pixel(3, 2), 0);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 4, 3, 0, 0, 5, 0), OK);
    ck_assert_uint_eq(pixel(0, 1), 0x131211);
    ck_assert_uint_eq(pixel(3, 2), 0x2f2e2d);
}
END_TEST

START_TEST(every_order_of_colours_is_shown_right)
{
    static const struct {
        uint32_t format, colour;
    } rows[] = { { 1, 0x332211 },  { 2, 0x332211 },  { 3, 0x223344 },   { 4, 0x223344 },
                 { 67, 0x112233 }, { 68, 0x443322 }, { 121, 0x443322 }, { 134, 0x112233 } };
    memory_write(memory, PICTURE, "\x11\x22\x33\x44", 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        ck_assert_uint_eq(SEND(CREATE, 1, rows[i].format, 1, 1), OK);
        ck_assert_uint_eq(SEND(ATTACH, 1, 1, PICTURE, 0, 4, 0), OK);
        ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 1, 1, 0, 0, 1, 0), OK);
        ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 1, 1, 0, 1), OK);
        ck_assert_msg(pixel(0, 0) == rows[i].colour, "format %u: %06x", rows[i].format,
                      pixel(0, 0));
        ck_assert_uint_eq(SEND(UNREF, 1, 0), OK);
    }
}
END_TEST

START_TEST(the_size_of_the_screen_is_what_the_driver_shows)
{
    Scanout scanout;
    ck_assert(virtio_gpu_scanout(gpu, &scanout) && scanout.width == 0);
    SEND(CREATE, 1, 2, 100, 50);
    SEND(CREATE, 2, 2, 30, 20);
    SEND(SCANOUT, 10, 5, 80, 40, 0, 1);
    ck_assert(virtio_gpu_scanout(gpu, &scanout));
    ck_assert(scanout.width == 80 && scanout.height == 40 && scanout.pitch == 400);
    ck_assert_uint_eq(scanout.offset, 5 * 400 + 40);
    SEND(SCANOUT, 0, 0, 30, 20, 0, 2);
    ck_assert(virtio_gpu_scanout(gpu, &scanout) && scanout.width == 30);
    SEND(SCANOUT, 0, 0, 0, 0, 0, 0);
    ck_assert(virtio_gpu_scanout(gpu, &scanout) && scanout.width == 0);
    SEND(SCANOUT, 0, 0, 30, 20, 0, 2);
    SEND(UNREF, 2, 0);
    ck_assert(virtio_gpu_scanout(gpu, &scanout) && scanout.width == 0);
    SEND(SCANOUT, 0, 0, 30, 20, 0, 1);
    driver_write(&driver, 0x14, 1, 0); /* the driver resets the device */
    ck_assert(virtio_gpu_scanout(gpu, &scanout) && scanout.width == 0);
}
END_TEST

START_TEST(what_cannot_be_is_refused_and_changes_nothing)
{
    ck_assert_uint_eq(SEND(CREATE, 0, 2, 4, 4), NO_RESOURCE);
    ck_assert_uint_eq(SEND(CREATE, 1, 2, 0, 4), WRONG);
    ck_assert_uint_eq(SEND(CREATE, 1, 2, 4097, 4), WRONG);
    ck_assert_uint_eq(SEND(CREATE, 1, 5, 4, 4), WRONG);
    ck_assert_uint_eq(SEND(CREATE, 1, 2, 4096, 4096), NO_MEMORY);
    ck_assert_uint_eq(SEND(CREATE, 1, 2, 4, 4), OK);
    ck_assert_uint_eq(SEND(CREATE, 1, 2, 4, 4), NO_RESOURCE);
    ck_assert_uint_eq(SEND(UNREF, 2, 0), NO_RESOURCE);
    ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 4, 4, 1, 1), WRONG_SCANOUT);
    ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 4, 4, 0, 9), NO_RESOURCE);
    ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 5, 4, 0, 1), WRONG);
    ck_assert_uint_eq(SEND(SCANOUT, 0xffffffff, 0, 5, 4, 0, 1), WRONG);
    ck_assert_uint_eq(SEND(SCANOUT, 0, 0, 0, 4, 0, 1), WRONG);
    ck_assert_uint_eq(SEND(FLUSH, 0, 1, 4, 4, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(FLUSH, 0, 0, 4, 4, 3, 0), NO_RESOURCE);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 4, 4, 0, 0, 1, 0), WRONG); /* nothing is behind it */
    ck_assert_uint_eq(SEND(ATTACH, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(ATTACH, 1, 16385, PICTURE, 0, 64, 0), WRONG);
    ck_assert_uint_eq(SEND(ATTACH, 1, 2, PICTURE, 0, 64, 0), WRONG); /* one of two */
    ck_assert_uint_eq(SEND(ATTACH, 1, 1, 0, 0x7fffffff, 64, 0), WRONG);
    ck_assert_uint_eq(SEND(ATTACH, 1, 1, (uint32_t)memory->size - 63, 0, 64, 0), WRONG);
    ck_assert_uint_eq(SEND(ATTACH, 2, 1, PICTURE, 0, 64, 0), NO_RESOURCE);
    ck_assert_uint_eq(SEND(ATTACH, 1, 1, PICTURE, 0, 60, 0), OK);
    ck_assert_uint_eq(SEND(ATTACH, 1, 1, PICTURE, 0, 64, 0), UNSPECIFIED); /* twice */
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 4, 4, 0, 0, 1, 0), WRONG);      /* 4 bytes too few */
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 3, 4, 0, 0, 1, 0), OK);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 3, 4, 4, 0, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 3, 4, 0, 0xffffffff, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 0, 0, 0, 0, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(DETACH, 1, 0), OK);
    ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 1, 1, 0, 0, 1, 0), WRONG);
    ck_assert_uint_eq(SEND(0x108, 0), UNSPECIFIED);
    ck_assert_uint_eq(SEND(0x200, 0), UNSPECIFIED);
}
END_TEST

START_TEST(memory_is_found_again_and_is_zero)
{
    static const uint8_t zero[4096];
    memset(memory->ram + PICTURE, 0xee, 1 << 20);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned id = 1; id <= 7; id++) { /* 4 MiB and a list each: the eighth has no place */
            ck_assert_uint_eq(SEND(CREATE, id, 2, 1024, 1024), OK);
            ck_assert_uint_eq(SEND(ATTACH, id, 1, PICTURE, 0, 1 << 20, 0), OK);
            ck_assert_uint_eq(SEND(TRANSFER, 0, 0, 1024, 256, 0, 0, id, 0), OK);
        }
        ck_assert_uint_eq(SEND(CREATE, 8, 2, 1024, 1024), NO_MEMORY);
        for (unsigned id = 1; id <= 7; id++)
            ck_assert_uint_eq(SEND(UNREF, (id + round) % 7 + 1, 0), OK);
    }
    SEND(CREATE, 9, 2, 1024, 1024);
    SEND(SCANOUT, 0, 0, 1024, 1024, 0, 9);
    Scanout scanout;
    virtio_gpu_scanout(gpu, &scanout);
    for (unsigned y = 0; y < 1024; y++)
        ck_assert_mem_eq(memory_device_data(memory) + scanout.offset + 4096ull * y, zero, 4096);
    for (uint32_t id = 10; id < 10 + VIRTIO_GPU_RESOURCES - 1; id++)
        ck_assert_uint_eq(SEND(CREATE, id, 2, 1, 1), OK);
    ck_assert_uint_eq(SEND(CREATE, 99, 2, 1, 1), NO_MEMORY); /* no row is left */
}
END_TEST

/* Where member NAME of resource NUMBER is in the device's state. */
static uint32_t *member_of(unsigned number, const char *name)
{
    const StateField *outer = gpu->class->state->fields;
    while (strcmp(outer->name, "resource") != 0)
        outer++;
    const StateField *inner = outer->table->fields;
    while (strcmp(inner->name, name) != 0)
        inner++;
    uint8_t *state = device_state(gpu);
    return (uint32_t *)(void *)(state + outer->offset + number * outer->size + inner->offset);
}

START_TEST(a_forged_state_in_which_blocks_overlap_loses_them)
{
    for (uint32_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(SEND(CREATE, id, 2, 64, 64), OK);
    ck_assert_uint_eq(SEND(ATTACH, 3, 1, PICTURE, 0, 64, 0), OK);
    gpu->class->after_load(gpu); /* as it was: nothing is lost */
    *member_of(1, "offset") = *member_of(0, "offset") + 4096;
    *member_of(2, "list") = *member_of(2, "offset");
    gpu->class->after_load(gpu);
    ck_assert_uint_eq(SEND(UNREF, 1, 0), OK);
    ck_assert_uint_eq(SEND(UNREF, 2, 0), NO_RESOURCE);
    ck_assert_uint_eq(SEND(UNREF, 3, 0), NO_RESOURCE);
}
END_TEST

START_TEST(short_commands_and_pointers_are_returned)
{
    uint32_t head, length;
    DriverBuffer shortest[] = { { COMMAND, 23, false }, { ANSWER, 24, true } };
    driver_add(&driver, 0, shortest, 2);
    driver_notify(&driver, 0);
    driver_used(&driver, 0, 0, &head, &length);
    ck_assert_uint_eq(length, 0);
    memory_write_le32(memory, COMMAND, CURSOR);
    DriverBuffer pointer[] = { { COMMAND, 56, false } };
    driver_add(&driver, 1, pointer, 1);
    driver_notify(&driver, 1);
    ck_assert_uint_eq(driver_used_index(&driver, 1), 1);
    memory_write_le32(memory, COMMAND, DISPLAY_INFO); /* room for half of the answer */
    DriverBuffer half[] = { { COMMAND, 24, false }, { ANSWER, 30, true } };
    driver_add(&driver, 0, half, 2);
    driver_notify(&driver, 0);
    driver_used(&driver, 0, 1, &head, &length);
    ck_assert_uint_eq(length, 30);
    ck_assert_uint_eq(driver_status(&driver), 0x0f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_monitor_is_described,
        pictures_are_copied_from_scattered_pages,
        every_order_of_colours_is_shown_right,
        the_size_of_the_screen_is_what_the_driver_shows,
        what_cannot_be_is_refused_and_changes_nothing,
        memory_is_found_again_and_is_zero,
        a_forged_state_in_which_blocks_overlap_loses_them,
        short_commands_and_pointers_are_returned,
    };
    return check_run_tests("virtio-gpu", tests, G_N_ELEMENTS(tests), setup, teardown);
}
