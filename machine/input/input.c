/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/input/input.h"

#include "machine/machine.h"

#include <string.h>

void input_port_init(InputPort *port, Machine *machine)
{
    port->inbox = machine_inbox(machine);
    for (unsigned kind = 0; kind < MACHINE_CONFIG_MAX_INPUTS; kind++) {
        const Device *device = machine_device_by_id(machine, config_input_name(kind));
        port->device[kind] = device ? (int)device->number : -1;
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

void input_group_init(InputGroup *group, const InputPort *port)
{
    group->port = port;
    group->count = 0;
}

/* One for the end of the group stays free. */
static bool add(InputGroup *group, const Event *event, GError **error)
{
    if (group->count >= INPUT_GROUP_MAX - 1) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "more than %u events at once; send them in several groups",
                    INPUT_GROUP_MAX - 1);
        return false;
    }
    group->event[group->count++] = *event;
    return true;
}

/* The device that does it: the first of the kinds that is there. */
static int device_for(const InputGroup *group, ConfigInput first, ConfigInput second,
                      const char *names, GError **error)
{
    int device = group->port->device[first];
    if (device < 0)
        device = group->port->device[second];
    if (device < 0)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "the machine has no %s: its definition's \"input\" does not name one", names);
    return device;
}

bool input_group_key(InputGroup *group, unsigned code, bool down, GError **error)
{
    int device = device_for(group, CONFIG_INPUT_KEYBOARD, CONFIG_INPUT_KEYBOARD, "keyboard", error);
    Event event = { .kind = EVENT_INPUT_KEY,
                    .input_key = { .device = (guint8)device, .number = code, .down = down } };
    return device >= 0 && add(group, &event, error);
}

bool input_group_button(InputGroup *group, InputButton button, bool down, GError **error)
{
    int device =
        device_for(group, CONFIG_INPUT_TABLET, CONFIG_INPUT_MOUSE, "tablet or mouse", error);
    Event event = { .kind = EVENT_INPUT_BUTTON,
                    .input_button = {
                        .device = (guint8)device, .button = (guint8)button, .down = down } };
    return device >= 0 && add(group, &event, error);
}

bool input_group_relative(InputGroup *group, InputAxis axis, int32_t value, GError **error)
{
    int device = device_for(group, CONFIG_INPUT_MOUSE, CONFIG_INPUT_MOUSE, "mouse", error);
    Event event = { .kind = EVENT_INPUT_RELATIVE,
                    .input_relative = {
                        .device = (guint8)device, .axis = (guint8)axis, .value = value } };
    return device >= 0 && add(group, &event, error);
}

bool input_group_absolute(InputGroup *group, InputAxis axis, int32_t value, GError **error)
{
    int device = device_for(group, CONFIG_INPUT_TABLET, CONFIG_INPUT_TABLET, "tablet", error);
    Event event = { .kind = EVENT_INPUT_ABSOLUTE,
                    .input_absolute = { .device = (guint8)device,
                                        .axis = (guint8)axis,
                                        .value = CLAMP(value, 0, INPUT_AXIS_MAX) } };
    return device >= 0 && add(group, &event, error);
}

bool input_group_post(InputGroup *group, GError **error)
{
    if (!group->count)
        return true;
    group->event[group->count++] = (Event){ .kind = EVENT_INPUT_SYNC };
    return inbox_post_events(group->port->inbox, group->event, group->count, error);
}

/* --- keys ------------------------------------------------------------------------------------- */

void input_source_init(InputSource *source, const InputPort *port, const Keymap *keymap)
{
    *source = (InputSource){ .port = port, .keymap = keymap };
}

static bool post_key(InputSource *source, unsigned code, bool down, GError **error)
{
    InputGroup group;
    input_group_init(&group, source->port);
    if (!input_group_key(&group, code, down, error) || !input_group_post(&group, error))
        return false;
    source->key_is_down[code] = down;
    return true;
}

/* Keys that make a modifier, and what they are without it. */
static const struct {
    uint8_t modifier, keys[2];
} modifier_keys[] = {
    { KEYMAP_SHIFT, { KEY_LEFT_SHIFT, KEY_RIGHT_SHIFT } },
    { KEYMAP_ALTGR, { KEY_RIGHT_ALT, KEY_RIGHT_ALT } },
};

/*
 * Presses or releases modifiers until they are WANTED; what was changed goes to CHANGED, to be put
 * back: the number of keys.
 */
static unsigned adjust(InputSource *source, unsigned wanted, uint8_t changed[4])
{
    unsigned count = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(modifier_keys); i++) {
        const uint8_t *keys = modifier_keys[i].keys;
        bool is_wanted = wanted & modifier_keys[i].modifier;
        bool is_held = source->key_is_down[keys[0]] || source->key_is_down[keys[1]];
        if (is_wanted && !is_held) {
            changed[count++] = keys[0];
            continue;
        }
        for (unsigned k = 0; k < 2 && !is_wanted; k++)
            if (source->key_is_down[keys[k]] && (k == 0 || keys[k] != keys[0]))
                changed[count++] = keys[k];
    }
    for (unsigned i = 0; i < count; i++)
        post_key(source, changed[i], !source->key_is_down[changed[i]], NULL);
    return count;
}

static bool press_character(InputSource *source, const KeymapRow *row, GError **error)
{
    uint8_t changed[4];
    unsigned count = adjust(source, row->modifiers, changed);
    bool good = post_key(source, row->key, true, error);
    for (unsigned i = count; i > 0; i--)
        post_key(source, changed[i - 1], !source->key_is_down[changed[i - 1]], NULL);
    return good;
}

/* The client has applied these itself; in the guest they would apply again. */
static bool is_lock(uint32_t keysym)
{
    return keysym == 0xffe5 || keysym == 0xff7f;
}

bool input_source_keysym(InputSource *source, uint32_t keysym, bool down, GError **error)
{
    const KeymapRow *row = is_lock(keysym) ? NULL : keymap_lookup(source->keymap, keysym);
    if (!row || (!down && !source->key_is_down[row->key]))
        return true;
    if (down && keysym_is_character(keysym) && keysym != ' ')
        return press_character(source, row, error);
    return post_key(source, row->key, down, error);
}

/* --- the pointer ------------------------------------------------------------------------------ */

static bool move(InputSource *source, InputGroup *group, int32_t x, int32_t y, unsigned width,
                 unsigned height, GError **error)
{
    bool good = true;
    bool is_tablet = source->port->device[CONFIG_INPUT_TABLET] >= 0;
    if (is_tablet && (!source->has_place || x != source->x || y != source->y)) {
        /* The middle of the pixel, so that the guest's rounding finds the same one. */
        good = input_group_absolute(
                   group, INPUT_AXIS_X,
                   (int32_t)((2 * (int64_t)x + 1) * (INPUT_AXIS_MAX + 1) / (2 * width)), error) &&
               input_group_absolute(
                   group, INPUT_AXIS_Y,
                   (int32_t)((2 * (int64_t)y + 1) * (INPUT_AXIS_MAX + 1) / (2 * height)), error);
    } else if (!is_tablet && source->has_place) {
        if (x != source->x)
            good = input_group_relative(group, INPUT_AXIS_X, x - source->x, error);
        if (good && y != source->y)
            good = input_group_relative(group, INPUT_AXIS_Y, y - source->y, error);
    }
    return good;
}

static const InputButton rfb_buttons[] = {
    INPUT_BUTTON_LEFT,        INPUT_BUTTON_MIDDLE,     INPUT_BUTTON_RIGHT,
    INPUT_BUTTON_WHEEL_UP,    INPUT_BUTTON_WHEEL_DOWN, INPUT_BUTTON_WHEEL_LEFT,
    INPUT_BUTTON_WHEEL_RIGHT,
};

static bool press(InputSource *source, InputGroup *group, unsigned buttons, GError **error)
{
    unsigned changed = buttons ^ source->buttons;
    bool good = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(rfb_buttons) && good; i++)
        if (changed >> i & 1)
            good = input_group_button(group, rfb_buttons[i], buttons >> i & 1, error);
    return good;
}

bool input_source_pointer(InputSource *source, int32_t x, int32_t y, unsigned width,
                          unsigned height, unsigned buttons, GError **error)
{
    InputGroup group;
    if (!width || !height)
        return true;
    x = CLAMP(x, 0, (int32_t)width - 1);
    y = CLAMP(y, 0, (int32_t)height - 1);
    input_group_init(&group, source->port);
    if (!move(source, &group, x, y, width, height, error) ||
        !press(source, &group, buttons, error) || !input_group_post(&group, error))
        return false;
    source->has_place = true;
    source->x = x;
    source->y = y;
    source->buttons = buttons;
    return true;
}

/* What cannot be posted (in a replay) is not held either. */
void input_source_release(InputSource *source)
{
    InputGroup group;
    for (unsigned code = 0; code < KEY_CODES; code++)
        if (source->key_is_down[code])
            post_key(source, code, false, NULL);
    input_group_init(&group, source->port);
    press(source, &group, 0, NULL);
    input_group_post(&group, NULL);
    source->buttons = 0;
    source->has_place = false;
    memset(source->key_is_down, 0, sizeof source->key_is_down);
}

/* --- texts ------------------------------------------------------------------------------------ */

static bool check_text(const Keymap *keymap, const char *text, GError **error)
{
    const KeymapRow *rows[KEYMAP_STROKES_MAX];
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        if (!keymap_strokes(keymap, g_utf8_get_char(at), rows)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "no key of the keymap \"%s\" types '%.*s' (U+%04X)", keymap->name,
                        (int)(g_utf8_next_char(at) - at), at, g_utf8_get_char(at));
            return false;
        }
    }
    return true;
}

static bool type_key(InputSource *source, const KeymapRow *row, GError **error)
{
    return press_character(source, row, error) && post_key(source, row->key, false, error);
}

bool input_type_text(const InputPort *port, const Keymap *keymap, const char *text, GError **error)
{
    const KeymapRow *rows[KEYMAP_STROKES_MAX];
    InputSource source;
    input_source_init(&source, port, keymap);
    bool good = check_text(keymap, text, error);
    for (const char *at = text; *at && good; at = g_utf8_next_char(at)) {
        unsigned count = keymap_strokes(keymap, g_utf8_get_char(at), rows);
        for (unsigned i = 0; i < count && good; i++)
            good = type_key(&source, rows[i], error);
    }
    return good;
}
