/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VGA and what is made of its memory: modes, colours, dirt, windows, the monitor's own words.
 */
#include "machine/boards/boards.h"
#include "machine/devices/vga.h"
#include "machine/display/edid.h"
#include "machine/le.h"
#include "tests/machine/fake-machine.h"
#include "tests/check-run.h"

#define WIDTH     640u
#define HEIGHT    400u
#define FRAME     (PCI_MEM32_BASE + (0xf0000000u - PCI_MEM32_PCI))
#define REGISTERS (FRAME + VGA_MEMORY_SIZE)

enum { ID, XRES, YRES, DEPTH, ENABLE, BANK, VIRTUAL_WIDTH, VIRTUAL_HEIGHT, X_OFFSET, Y_OFFSET };

static MachineConfig config;
static Machine *machine;
static Device *vga;

static void setup(void)
{
    config = fake_machine_bare_config(2u << 20);
    config.display =
        (ConfigDisplay){ .device = CONFIG_DISPLAY_VGA, .width = WIDTH, .height = HEIGHT };
    machine = fake_machine_new(&config);
    ck_assert(pseries_board.build(machine, NULL));
    fake_machine_reset(machine);
    vga = fake_machine_device(machine, "vga");
}

static void teardown(void)
{
    fake_machine_free(machine);
}

static uint64_t get(uint64_t address, unsigned size)
{
    return bus_read(machine_bus(machine), address, size);
}

static void put(uint64_t address, unsigned size, uint64_t value)
{
    bus_write(machine_bus(machine), address, size, value);
}

static void set_mode(unsigned which, uint16_t value)
{
    put(REGISTERS + 0x500 + 2 * which, 2, value);
}

static uint16_t mode(unsigned which)
{
    return (uint16_t)get(REGISTERS + 0x500 + 2 * which, 2);
}

static void set_size(unsigned width, unsigned height, unsigned depth, uint16_t enable)
{
    set_mode(ENABLE, 0);
    set_mode(XRES, (uint16_t)width);
    set_mode(YRES, (uint16_t)height);
    set_mode(DEPTH, (uint16_t)depth);
    set_mode(ENABLE, enable);
}

static Scanout scanout(void)
{
    Scanout shown;
    ck_assert(vga_scanout(vga, &shown));
    return shown;
}

static uint32_t pixel(unsigned x, unsigned y)
{
    static uint32_t row[VGA_WIDTH_MAX];
    Scanout shown = scanout();
    scanout_row(&shown, machine_memory(machine), y, row);
    return row[x];
}

START_TEST(the_firmware_leaves_a_mode_and_addresses_behind)
{
    Scanout shown = scanout();
    uint32_t value;
    ck_assert_uint_eq(shown.width, WIDTH);
    ck_assert_uint_eq(shown.height, HEIGHT);
    ck_assert_uint_eq(shown.pitch, 4 * WIDTH);
    ck_assert_int_eq(shown.format, SCANOUT_XRGB8888);
    ck_assert(!shown.is_blank);
    ck_assert(pci_host_config_read(fake_machine_device(machine, "pci"), 0x10, 4, &value));
    ck_assert_uint_eq(value, 0xf0000000);
    ck_assert_uint_eq(mode(ID), 0xb0c5);
    ck_assert_uint_eq(mode(10), VGA_MEMORY_SIZE >> 16);
}
END_TEST

START_TEST(bytes_become_colours)
{
    static const struct {
        unsigned depth, bytes;
        uint32_t stored, shown;
    } rows[] = {
        { 32, 4, 0xff123456, 0x123456 }, { 24, 3, 0x123456, 0x123456 }, { 16, 2, 0xf81f, 0xff00ff },
        { 16, 2, 0x07e0, 0x00ff00 },     { 15, 2, 0x7c00, 0xff0000 },   { 15, 2, 0x03e0, 0x00ff00 },
        { 8, 1, 3, 0xffc300 },
    };
    put(REGISTERS + 0x408, 1, 3); /* palette entry 3, 6 bits each */
    put(REGISTERS + 0x409, 1, 0x3f);
    put(REGISTERS + 0x409, 1, 0x30);
    put(REGISTERS + 0x409, 1, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_size(320, 200, rows[i].depth, 0x41);
        ck_assert_uint_eq(pixel(5, 7), 0);
        uint64_t at = FRAME + (7 * 320 + 5) * rows[i].bytes;
        for (unsigned b = 0; b < rows[i].bytes; b++)
            put(at + b, 1, rows[i].stored >> 8 * b & 0xff);
        ck_assert_msg(pixel(5, 7) == rows[i].shown, "row %u: %06x", i, pixel(5, 7));
        ck_assert_uint_eq(pixel(4, 7), rows[i].depth == 8 ? pixel(0, 0) : 0);
        ck_assert_uint_eq(get(at, 1), rows[i].stored & 0xff);
    }
}
END_TEST

START_TEST(big_endian_pixels_and_blanking)
{
    put(FRAME, 4, 0x11223344);
    ck_assert_uint_eq(pixel(0, 0), 0x223344);
    put(REGISTERS + 0x604, 4, 0xbebebebe);
    ck_assert_uint_eq(get(REGISTERS + 0x604, 4), 0xbebebebe);
    ck_assert_uint_eq(pixel(0, 0), 0x332211);
    get(REGISTERS + 0x41a, 1);
    put(REGISTERS + 0x400, 1, 0);
    ck_assert_uint_eq(pixel(0, 0), 0);
    get(REGISTERS + 0x41a, 1);
    put(REGISTERS + 0x400, 1, 0x20);
    ck_assert_uint_eq(pixel(0, 0), 0x332211);
}
END_TEST

START_TEST(modes_that_do_not_fit_are_refused)
{
    static const unsigned sizes[][3] = { { 0, 200, 32 },      { 320, 0, 32 },
                                         { 4096, 1025, 32 },  { 4097, 10, 8 },
                                         { 65535, 65535, 8 }, { 320, 200, 4 },
                                         { 320, 200, 65535 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        unsigned before = fake_machine_record(machine)->unknown;
        set_size(sizes[i][0], sizes[i][1], sizes[i][2], 0x41);
        ck_assert_uint_eq(mode(ENABLE), 0);
        ck_assert_uint_eq(scanout().width, 0);
        ck_assert_uint_eq(fake_machine_record(machine)->unknown, before + 1);
    }
    set_size(4096, 1024, 32, 0x41);
    ck_assert_uint_eq(scanout().height, 1024);
    ck_assert_uint_eq(pixel(4095, 1023), 0);
}
END_TEST

START_TEST(the_view_moves_inside_the_memory_only)
{
    set_size(320, 200, 32, 0x41);
    set_mode(VIRTUAL_WIDTH, 1000);
    ck_assert_uint_eq(mode(VIRTUAL_HEIGHT), VGA_MEMORY_SIZE / 4000);
    set_mode(X_OFFSET, 680);
    set_mode(Y_OFFSET, (uint16_t)(VGA_MEMORY_SIZE / 4000 - 200));
    ck_assert_uint_eq(mode(X_OFFSET), 680);
    ck_assert_uint_eq(scanout().offset, (VGA_MEMORY_SIZE / 4000 - 200) * 4000ull + 2720);
    set_mode(X_OFFSET, 985); /* the last line would end one pixel behind the memory */
    set_mode(Y_OFFSET, (uint16_t)(VGA_MEMORY_SIZE / 4000 - 199));
    set_mode(VIRTUAL_WIDTH, 319);
    set_mode(XRES, 400); /* not while the mode is on */
    ck_assert_uint_eq(mode(X_OFFSET), 680);
    ck_assert_uint_eq(mode(Y_OFFSET), VGA_MEMORY_SIZE / 4000 - 200);
    ck_assert_uint_eq(mode(VIRTUAL_WIDTH), 1000);
    ck_assert_uint_eq(scanout().width, 320);
    set_mode(X_OFFSET, 984);
    ck_assert_uint_eq(mode(X_OFFSET), 984);
    pixel(319, 199);
}
END_TEST

START_TEST(a_picture_begins_anywhere_in_the_memory)
{
    set_size(320, 200, 32, 0x41);
    put(FRAME + 4 * (10 * 320 + 319), 4, 0x112233);
    put(FRAME + 4 * (11 * 320), 4, 0x445566);
    set_mode(X_OFFSET, 319);
    set_mode(Y_OFFSET, 10);
    ck_assert_uint_eq(pixel(0, 0), 0x112233);
    ck_assert_uint_eq(pixel(1, 0), 0x445566);
}
END_TEST

START_TEST(enabling_clears_the_screen_unless_told_not_to)
{
    put(FRAME, 4, 0x123456);
    put(FRAME + 4 * 320 * 200 - 4, 4, 0x123456);
    put(FRAME + 4 * 320 * 200, 4, 0x123456); /* another picture, which a driver has made already */
    set_size(320, 200, 32, 0xc1);
    ck_assert_uint_eq(pixel(0, 0), 0x123456);
    set_size(320, 200, 32, 0x41);
    ck_assert_uint_eq(pixel(0, 0), 0);
    ck_assert_uint_eq(pixel(319, 199), 0);
    ck_assert_uint_eq(get(FRAME + 4 * 320 * 200, 4), 0x123456);
}
END_TEST

START_TEST(limits_are_told_on_request)
{
    set_mode(ENABLE, 2);
    ck_assert_uint_eq(mode(XRES), VGA_WIDTH_MAX);
    ck_assert_uint_eq(mode(YRES), VGA_HEIGHT_MAX);
    ck_assert_uint_eq(mode(DEPTH), 32);
    set_mode(ENABLE, 0);
    ck_assert_uint_eq(mode(XRES), WIDTH);
}
END_TEST

START_TEST(dirt_is_found_by_rows)
{
    Memory *memory = machine_memory(machine);
    Scanout shown = scanout();
    unsigned first = 99, last = 99;
    uint32_t seen = memory_next_epoch(memory);
    ck_assert(!scanout_dirty_rows(&shown, memory, seen, &first, &last));
    put(FRAME + 100 * shown.pitch, 4, 1);
    put(FRAME + 200 * shown.pitch, 4, 1);
    ck_assert(scanout_dirty_rows(&shown, memory, seen, &first, &last));
    /* A page may hold the end of the row before and the start of the next. */
    ck_assert_uint_ge(first, 98);
    ck_assert_uint_le(first, 100);
    ck_assert_uint_ge(last, 200);
    ck_assert_uint_le(last, 202);
    seen = memory_next_epoch(memory);
    put(FRAME + shown.pitch * shown.height + 4096, 4, 1); /* below the screen */
    ck_assert(!scanout_dirty_rows(&shown, memory, seen, &first, &last));
}
END_TEST

static void append(gpointer user, const guint8 *data, gsize length)
{
    g_byte_array_append(user, data, (guint)length);
}

static GByteArray *frame_digest(void)
{
    GByteArray *bytes = g_byte_array_new();
    vga->class->hash_more(vga, append, bytes);
    return bytes;
}

START_TEST(the_hash_sees_every_pixel_that_is_shown)
{
    Memory *memory = machine_memory(machine);
    memory_next_epoch(memory);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t at = FRAME + (i * 7919 * 4) % (WIDTH * HEIGHT * 4);
        g_autoptr(GByteArray) before = frame_digest();
        g_autoptr(GByteArray) again = frame_digest();
        ck_assert_mem_eq(before->data, again->data, before->len);
        /* Before and after an epoch ends: the digest that is kept must not hide a change. */
        if (i % 2)
            memory_next_epoch(memory);
        put(at, 1, i + 1);
        g_autoptr(GByteArray) after = frame_digest();
        ck_assert_int_ne(memcmp(before->data, after->data, before->len), 0);
    }
    g_autoptr(GByteArray) before = frame_digest();
    put(FRAME + WIDTH * HEIGHT * 4, 4, 1);
    g_autoptr(GByteArray) after = frame_digest();
    ck_assert_mem_eq(before->data, after->data, before->len);
}
END_TEST

START_TEST(the_window_follows_the_function)
{
    Memory *memory = machine_memory(machine);
    Device *pci = fake_machine_device(machine, "pci");
    uint64_t at;
    ck_assert(memory_find(memory, FRAME + 8, 4, &at));
    ck_assert_uint_eq(at, memory->size + 8);
    ck_assert(!memory_find(memory, FRAME + VGA_MEMORY_SIZE - 2, 4, &at));
    ck_assert(!memory_find(memory, FRAME - 1, 1, &at));
    ck_assert(!memory_contains(memory, memory->size, 1));
    pci_host_config_write(pci, 0x04, 2, 0);
    ck_assert(!memory_find(memory, FRAME, 4, &at));
    pci_host_config_write(pci, 0x10, 4, 0xa0000000);
    pci_host_config_write(pci, 0x04, 2, 2);
    ck_assert(!memory_find(memory, FRAME, 4, &at));
    ck_assert(memory_find(memory, PCI_MEM32_BASE + 0x20000000, 4, &at));
    pci_host_config_write(pci, 0x10, 4, 0x10000000); /* below what the processor sees */
    ck_assert(!memory_find(memory, PCI_MEM32_BASE + 0x20000000, 4, &at));
    fake_machine_reset(machine);
    ck_assert(memory_find(memory, FRAME, 4, &at));
}
END_TEST

/* No guest can write such a BAR, but a forged snapshot has it: one place then, by either way. */
START_TEST(bits_below_a_bars_size_move_nothing)
{
    Device *pci = fake_machine_device(machine, "pci");
    const PciFunction *function = NULL;
    for (unsigned slot = 0; slot < PCI_SLOTS && !function; slot++) {
        const PciFunction *one = pci_host_slot(pci, slot);
        function = one && one->device == vga ? one : NULL;
    }
    ck_assert_ptr_nonnull(function);
    le_put(function->state->config + 0x18, 4, le_get(function->state->config + 0x18, 4) | 0x7f0);
    uint64_t real;
    ck_assert(pci_function_bar(function, 2, &real));
    ck_assert_uint_eq(real, REGISTERS);
    ck_assert_uint_eq(mode(ID), 0xb0c5);
}
END_TEST

START_TEST(the_monitor_says_what_it_prefers)
{
    static const unsigned sizes[][2] = { { 320, 200 }, { 1024, 768 }, { 2560, 1600 } };
    uint8_t edid[EDID_SIZE];
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        uint8_t sum = 0;
        edid_make(edid, sizes[i][0], sizes[i][1]);
        for (unsigned b = 0; b < EDID_SIZE; b++)
            sum = (uint8_t)(sum + edid[b]);
        ck_assert_uint_eq(sum, 0);
        ck_assert_uint_eq(edid[56] | (edid[58] & 0xf0) << 4, sizes[i][0]);
        ck_assert_uint_eq(edid[59] | (edid[61] & 0xf0) << 4, sizes[i][1]);
    }
    edid_make(edid, WIDTH, HEIGHT);
    for (unsigned b = 0; b < EDID_SIZE; b++)
        ck_assert_uint_eq(get(REGISTERS + b, 1), edid[b]);
}
END_TEST

START_TEST(definitions_are_checked)
{
    static const struct {
        const char *members, *error;
    } rows[] = {
        { "\"display\":{}", NULL },
        { "\"display\":{\"device\":\"none\"}", NULL },
        { "\"display\":{\"width\":2560,\"height\":1600,\"vnc\":{\"listen\":\"tcp\",\"port\":5901}}",
          NULL },
        { "\"input\":[\"tablet\",\"keyboard\",\"mouse\"]", NULL },
        { "\"display\":{\"device\":\"cga\"}",
          "display.device is \"cga\", expected one of \"none\", \"vga\", \"virtio-gpu\"" },
        { "\"display\":{\"width\":321}",
          "display.width is 321, expected an integer from 320 to 2560, a multiple of 8" },
        { "\"display\":{\"height\":1601}",
          "display.height is 1601, expected an integer from 200 to 1600" },
        { "\"display\":{\"vnc\":{\"port\":65536}}",
          "display.vnc.port is 65536, expected an integer from 0 to 65535" },
        { "\"display\":{\"vnc\":{\"sasl\":true}}",
          "display.vnc.sasl is not a member of a machine definition" },
        { "\"display\":{\"device\":\"none\",\"vnc\":{\"listen\":\"unix\"}}",
          "display.vnc needs a display.device; \"vga\" and \"virtio-gpu\" are possible" },
        { "\"input\":[\"keyboard\",\"keyboard\"]", "input[1] is \"keyboard\" a second time" },
        { "\"input\":[\"pen\"]",
          "input[0] is \"pen\", expected one of \"keyboard\", \"mouse\", \"tablet\"" },
        { "\"input\":\"keyboard\"", "input is \"keyboard\", expected an array of \"keyboard\", "
                                    "\"mouse\" and \"tablet\"" },
        { "\"display\":{},\"serial\":[{\"id\":\"vga\"}]", "two devices have the id \"vga\"" },
        { "\"display\":{\"device\":\"virtio-gpu\"},\"serial\":[{\"id\":\"vga\"}]", NULL },
        { "\"display\":{\"device\":\"virtio-gpu\"},\"serial\":[{\"id\":\"gpu\"}]",
          "two devices have the id \"gpu\"" },
        { "\"input\":[\"mouse\"],\"serial\":[{\"id\":\"mouse\"}]",
          "two devices have the id \"mouse\"" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
            g_strdup_printf("{\"name\":\"m\",\"kernel\":\"k\",%s}", rows[i].members);
        g_autoptr(MachineConfig) parsed = machine_config_parse(text, -1, &error);
        ck_assert_pstr_eq(error ? error->message : NULL, rows[i].error);
        if (parsed) {
            g_autoptr(MachineConfig) again = machine_config_parse(parsed->canonical, -1, &error);
            ck_assert_msg(again != NULL, "%s", parsed->canonical);
            ck_assert_str_eq(again->canonical, parsed->canonical);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_firmware_leaves_a_mode_and_addresses_behind,
        bytes_become_colours,
        big_endian_pixels_and_blanking,
        modes_that_do_not_fit_are_refused,
        the_view_moves_inside_the_memory_only,
        a_picture_begins_anywhere_in_the_memory,
        enabling_clears_the_screen_unless_told_not_to,
        limits_are_told_on_request,
        dirt_is_found_by_rows,
        the_hash_sees_every_pixel_that_is_shown,
        the_window_follows_the_function,
        bits_below_a_bars_size_move_nothing,
        the_monitor_says_what_it_prefers,
        definitions_are_checked,
    };
    return check_run_tests("display", tests, G_N_ELEMENTS(tests), setup, teardown);
}
