/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio keyboard, mouse and tablet as a driver sees them, and the layouts that choose keys.
 */
#include "machine/boards/boards.h"
#include "machine/devices/virtio-devices.h"
#include "machine/input/input.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"
#include "tests/check-run.h"

#define BUFFERS   0x80000u
#define RINGS     0x100000u
#define DEVICE    0x2000u
#define EVENT_LEN 8u

static MachineConfig config;
static Machine *machine;
static Driver driver;

static void setup(void)
{
    config = fake_machine_bare_config(2u << 20);
    config.inputs[0] = CONFIG_INPUT_KEYBOARD;
    config.inputs[1] = CONFIG_INPUT_MOUSE;
    config.inputs[2] = CONFIG_INPUT_TABLET;
    config.input_count = 3;
    machine = fake_machine_new(&config);
    ck_assert(pseries_board.build(machine, NULL));
    fake_machine_reset(machine);
    driver = (Driver){ 0 };
}

static void teardown(void)
{
    fake_machine_free(machine);
}

static Device *device(ConfigInput kind)
{
    return fake_machine_device(machine, config_input_name(kind));
}

static void start(ConfigInput kind)
{
    driver_start(&driver, machine, fake_machine_device(machine, "pci"), kind, RINGS, 2, 0);
}

static void add_buffers(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        DriverBuffer buffer = { BUFFERS + 64u * (driver.available[0] % DRIVER_QUEUE_SIZE),
                                EVENT_LEN, true };
        driver_add(&driver, 0, &buffer, 1);
    }
    driver_notify(&driver, 0);
}

static void send(ConfigInput kind, const Event *events, unsigned count)
{
    Device *target = device(kind);
    for (unsigned i = 0; i < count; i++)
        target->class->input(target, &events[i]);
    target->class->input_sync(target);
}

static Event key(unsigned code, bool down)
{
    return (Event){ .kind = EVENT_INPUT_KEY, .input_key = { .number = code, .down = down } };
}

static Event button(unsigned number, bool down)
{
    return (Event){ .kind = EVENT_INPUT_BUTTON,
                    .input_button = { .button = (guint8)number, .down = down } };
}

static Event place(unsigned axis, int value)
{
    return (Event){ .kind = EVENT_INPUT_ABSOLUTE,
                    .input_absolute = { .axis = (guint8)axis, .value = value } };
}

/* The Nth event that the driver got, as "type code value". */
static const char *got(unsigned n)
{
    static char text[40];
    uint32_t head, length, value;
    uint16_t type, code;
    Memory *memory = machine_memory(machine);
    driver_used(&driver, 0, n, &head, &length);
    ck_assert_uint_eq(length, EVENT_LEN);
    uint64_t at = BUFFERS + 64u * (n % DRIVER_QUEUE_SIZE);
    memory_read_le16(memory, at, &type);
    memory_read_le16(memory, at + 2, &code);
    memory_read_le32(memory, at + 4, &value);
    g_snprintf(text, sizeof text, "%u %u %d", type, code, (int32_t)value);
    return text;
}

/* The size of what SELECT, SUBSELECT shows; its bytes go to DATA. */
static unsigned ask(uint8_t select, uint8_t subselect, uint8_t data[128])
{
    driver_write(&driver, DEVICE, 1, select);
    driver_write(&driver, DEVICE + 1, 1, subselect);
    for (unsigned i = 0; i < 128; i++)
        data[i] = (uint8_t)driver_read(&driver, DEVICE + 8 + i, 1);
    return driver_read(&driver, DEVICE + 2, 1);
}

START_TEST(a_keyboard_says_what_it_is)
{
    uint8_t data[128];
    start(CONFIG_INPUT_KEYBOARD);
    ck_assert_uint_eq(ask(1, 0, data), 18);
    ck_assert_mem_eq(data, "Powerplay Keyboard", 18);
    ck_assert_uint_eq(ask(3, 0, data), 8);
    ck_assert_uint_eq(ask(0x11, 1, data), 32); /* keys 1 to 248 */
    ck_assert_uint_eq(data[0], 0xfe);
    ck_assert_uint_eq(data[31], 0x01);
    ck_assert_uint_eq(ask(0x11, 0x11, data), 1);
    ck_assert_uint_eq(data[0], 7);
    ck_assert_uint_eq(ask(0x11, 0x14, data), 1);
    ck_assert_uint_eq(ask(0x11, 2, data), 0);
    ck_assert_uint_eq(ask(0x11, 3, data), 0);
    ck_assert_uint_eq(ask(0x12, 0, data), 0);
    ck_assert_uint_eq(ask(0, 0, data), 0);
    ck_assert_uint_eq(ask(0xff, 0xff, data), 0);
}
END_TEST

START_TEST(pointers_say_what_they_are)
{
    uint8_t data[128];
    start(CONFIG_INPUT_TABLET);
    ck_assert_uint_eq(ask(0x11, 1, data), 35);
    ck_assert_uint_eq(data[34], 0x1f); /* five buttons from 110 hex on */
    ck_assert_uint_eq(ask(0x11, 3, data), 1);
    ck_assert_uint_eq(data[0], 3);
    ck_assert_uint_eq(ask(0x12, 1, data), 20);
    ck_assert_uint_eq(data[4] | data[5] << 8, INPUT_AXIS_MAX);
    ck_assert_uint_eq(ask(0x12, 2, data), 0);
    start(CONFIG_INPUT_MOUSE);
    ck_assert_uint_eq(ask(0x11, 2, data), 2);
    ck_assert_uint_eq(data[0], 0x43);
    ck_assert_uint_eq(data[1], 0x01);
    ck_assert_uint_eq(ask(0x11, 3, data), 0);
}
END_TEST

START_TEST(a_group_arrives_with_its_end_mark)
{
    Event events[] = { key(29, true), key(46, true) };
    start(CONFIG_INPUT_KEYBOARD);
    add_buffers(8);
    send(CONFIG_INPUT_KEYBOARD, events, 2);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 3);
    ck_assert_str_eq(got(0), "1 29 1");
    ck_assert_str_eq(got(1), "1 46 1");
    ck_assert_str_eq(got(2), "0 0 0");
    send(CONFIG_INPUT_KEYBOARD, NULL, 0); /* a group for others */
    ck_assert_uint_eq(driver_used_index(&driver, 0), 3);
}
END_TEST

START_TEST(a_group_without_buffers_waits_whole)
{
    Event events[] = { key(1, true), key(2, true), key(3, true) };
    start(CONFIG_INPUT_KEYBOARD);
    add_buffers(3);
    send(CONFIG_INPUT_KEYBOARD, events, 3);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
    add_buffers(1);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 4);
    ck_assert_str_eq(got(0), "1 1 1");
    ck_assert_str_eq(got(3), "0 0 0");
}
END_TEST

START_TEST(all_of_many_groups_arrive_in_order)
{
    Device *keyboard = device(CONFIG_INPUT_KEYBOARD);
    unsigned sent = 0, seen = 0;
    start(CONFIG_INPUT_KEYBOARD);
    while (seen < 20000) {
        while (sent < 10000 && keyboard->class->input_room(keyboard)) {
            Event event = key(1 + sent % 248, sent & 1);
            send(CONFIG_INPUT_KEYBOARD, &event, 1);
            sent++;
        }
        add_buffers(2);
        ck_assert_uint_eq((uint16_t)(driver_used_index(&driver, 0) - seen), 2);
        g_autofree char *expected = g_strdup_printf("1 %u %u", 1 + seen / 2 % 248, seen / 2 & 1);
        ck_assert_str_eq(got(seen), expected);
        ck_assert_str_eq(got(seen + 1), "0 0 0");
        seen += 2;
    }
    ck_assert_uint_eq(sent, 10000);
}
END_TEST

START_TEST(room_ends_before_something_is_lost)
{
    Device *keyboard = device(CONFIG_INPUT_KEYBOARD);
    unsigned sent = 0;
    start(CONFIG_INPUT_KEYBOARD);
    while (keyboard->class->input_room(keyboard)) {
        Event event = key(30, sent++ & 1);
        send(CONFIG_INPUT_KEYBOARD, &event, 1);
        ck_assert_uint_lt(sent, 1000);
    }
    for (unsigned i = 0; i < 2 * sent; i += 2)
        add_buffers(2);
    ck_assert_uint_eq(driver_used_index(&driver, 0), (uint16_t)(2 * sent));
    ck_assert(keyboard->class->input_room(keyboard) > 0);
}
END_TEST

static uint32_t *number_of(Device *target, const char *name)
{
    const StateField *field = target->class->state->fields;
    while (strcmp(field->name, name) != 0)
        field++;
    return (uint32_t *)(void *)((uint8_t *)device_state(target) + field->offset);
}

START_TEST(a_forged_group_leaves_room_for_its_end)
{
    Device *keyboard = device(CONFIG_INPUT_KEYBOARD);
    start(CONFIG_INPUT_KEYBOARD);
    *number_of(keyboard, "count") = 256;
    *number_of(keyboard, "complete") = 200;
    keyboard->class->after_load(keyboard);
    send(CONFIG_INPUT_KEYBOARD, (Event[]){ key(30, true) }, 1);
    ck_assert_uint_eq(*number_of(keyboard, "count"), 256);
    ck_assert_uint_eq(*number_of(keyboard, "complete"), 256);
    *number_of(keyboard, "complete") = 257;
    keyboard->class->after_load(keyboard); /* full, as it may be */
    ck_assert_uint_eq(*number_of(keyboard, "count"), 256);
    ck_assert_uint_eq(*number_of(keyboard, "complete"), 256);
}
END_TEST

START_TEST(nobody_types_to_a_device_without_driver)
{
    Event event = key(30, true);
    send(CONFIG_INPUT_KEYBOARD, &event, 1);
    start(CONFIG_INPUT_KEYBOARD);
    add_buffers(4);
    ck_assert_uint_eq(driver_used_index(&driver, 0), 0);
}
END_TEST

START_TEST(buttons_wheels_and_places)
{
    Event tablet[] = { place(0, 0),
                       place(1, 40000),
                       button(INPUT_BUTTON_RIGHT, true),
                       button(INPUT_BUTTON_WHEEL_DOWN, true),
                       button(INPUT_BUTTON_WHEEL_DOWN, false),
                       button(99, true) };
    start(CONFIG_INPUT_TABLET);
    add_buffers(8);
    send(CONFIG_INPUT_TABLET, tablet, G_N_ELEMENTS(tablet));
    ck_assert_uint_eq(driver_used_index(&driver, 0), 5);
    ck_assert_str_eq(got(0), "3 0 0");
    ck_assert_str_eq(got(1), "3 1 32767");
    ck_assert_str_eq(got(2), "1 273 1");
    ck_assert_str_eq(got(3), "2 8 -1");
    ck_assert_str_eq(got(4), "0 0 0");
}
END_TEST

START_TEST(lights_are_taken)
{
    DriverBuffer buffer = { BUFFERS + 0x1000, EVENT_LEN, false };
    Memory *memory = machine_memory(machine);
    start(CONFIG_INPUT_KEYBOARD);
    memory_write_le32(memory, BUFFERS + 0x1000, 0x00010011); /* LED 1: caps lock */
    memory_write_le32(memory, BUFFERS + 0x1004, 1);
    driver_add(&driver, 1, &buffer, 1);
    driver_notify(&driver, 1);
    ck_assert_uint_eq(driver_used_index(&driver, 1), 1);
    g_autoptr(GString) dump = g_string_new(NULL);
    Device *keyboard = device(CONFIG_INPUT_KEYBOARD);
    state_dump(keyboard->class->state, device_state(keyboard), dump);
    ck_assert_ptr_nonnull(strstr(dump->str, "\"leds\": 2"));
}
END_TEST

/* --- layouts ---------------------------------------------------------------------------------- */

static void check_key(const char *layout, uint32_t keysym, const char *name, unsigned modifiers)
{
    const Keymap *keymap = keymap_find(layout);
    ck_assert_ptr_nonnull(keymap);
    const KeymapRow *row = keymap_lookup(keymap, keysym);
    ck_assert_msg(row != NULL, "%s: no key for %x", layout, keysym);
    ck_assert_msg(row->key == key_of_name(name) && row->modifiers == modifiers,
                  "%s: keysym %x is on key %u with %u", layout, keysym, row->key, row->modifiers);
}

START_TEST(layouts_know_where_their_characters_are)
{
    check_key("en-us", 'a', "a", 0);
    check_key("en-us", 'A', "a", KEYMAP_SHIFT);
    check_key("en-us", '@', "2", KEYMAP_SHIFT);
    check_key("en-us", '-', "minus", 0);
    check_key("de", 'z', "y", 0);
    check_key("de", '@', "q", KEYMAP_ALTGR);
    check_key("de", 0xf6, "semicolon", 0);
    check_key("de", 0xd6, "semicolon", KEYMAP_SHIFT);
    check_key("de", 0x20ac, "e", KEYMAP_ALTGR);
    check_key("de", 0x010020ac, "e", KEYMAP_ALTGR);
    check_key("fr", 'a', "q", 0);
    check_key("fr", '1', "1", KEYMAP_SHIFT);
    check_key("en-gb", '@', "apostrophe", KEYMAP_SHIFT);
    check_key("es", 0xf1, "semicolon", 0);
    check_key("es", 0xff0d, "ret", 0);
    check_key("en-us", 0xffb7, "7", 0);
    ck_assert_ptr_null(keymap_find("common"));
    ck_assert_ptr_null(keymap_find("klingon"));
    ck_assert_ptr_null(keymap_lookup(keymap_find("en-us"), 0x010020ac));
}
END_TEST

START_TEST(every_character_of_ascii_can_be_typed)
{
    static const char *const layouts[] = { "en-us", "en-gb", "de", "fr", "es" };
    const KeymapRow *rows[KEYMAP_STROKES_MAX];
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++)
        for (gunichar c = ' '; c < 0x7f; c++)
            ck_assert_msg(keymap_strokes(keymap_find(layouts[i]), c, rows) > 0, "%s: %c",
                          layouts[i], (char)c);
    ck_assert_uint_eq(keymap_strokes(keymap_find("fr"), 0xea, rows), 2);
    ck_assert_uint_eq(rows[1]->key, key_of_name("e"));
    ck_assert_uint_eq(keymap_strokes(keymap_find("en-us"), '\n', rows), 1);
    ck_assert_uint_eq(keymap_strokes(keymap_find("en-us"), 0xea, rows), 0);
}
END_TEST

static void check_code(const char *name, unsigned code, void *count)
{
    ck_assert_msg(code >= 1 && code <= 248, "%s is %u", name, code);
    ck_assert_uint_eq(key_of_name(name), code);
    ++*(unsigned *)count;
}

START_TEST(names_and_numbers_of_keys)
{
    unsigned count = 0;
    key_each_name(check_code, &count);
    ck_assert_uint_gt(count, 140);
    ck_assert_uint_eq(key_of_name("ret"), 28);
    ck_assert_uint_eq(key_of_name("enter"), 0);
    ck_assert_uint_eq(key_of_number(0x1c), 28);
    ck_assert_uint_eq(key_of_number(0x9c), 96);
    ck_assert_uint_eq(key_of_number(0xc8), key_of_name("up"));
    ck_assert_uint_eq(key_of_number(0), 0);
    ck_assert_uint_eq(key_of_number(0x80), 0);
    ck_assert_uint_eq(key_of_number(UINT64_MAX), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_keyboard_says_what_it_is,
        pointers_say_what_they_are,
        a_group_arrives_with_its_end_mark,
        a_group_without_buffers_waits_whole,
        all_of_many_groups_arrive_in_order,
        room_ends_before_something_is_lost,
        a_forged_group_leaves_room_for_its_end,
        nobody_types_to_a_device_without_driver,
        buttons_wheels_and_places,
        lights_are_taken,
        layouts_know_where_their_characters_are,
        every_character_of_ascii_can_be_typed,
        names_and_numbers_of_keys,
    };
    return check_run_tests("input", tests, G_N_ELEMENTS(tests), setup, teardown);
}
