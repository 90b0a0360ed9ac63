/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-input: keyboard, mouse and tablet (virtio 1.x, 5.8). Keys are Linux' codes.
 *
 * What comes from outside is queued here event by event. When a group is complete it goes into the
 * driver's buffers, whole: as soon as there are buffers for all of it and for its end mark.
 *
 * 1. Nothing is lost while a driver works the device: what finds no buffer waits here, and what
 *    finds no place here waits outside (input_room). Without a driver there is nobody to type to,
 *    and groups are dropped.
 * 2. The queue up to COMPLETE holds whole groups, each with its end mark.
 */
#include "machine/devices/virtio-devices.h"
#include "machine/input/input.h"
#include "machine/le.h"
#include "machine/machine.h"

enum { QUEUE_EVENTS, QUEUE_STATUS };
#define QUEUE_SIZE   64
#define EVENT_BYTES  8
#define WAITING_MAX  256u /* a group is at most a part of this: INPUT_GROUP_MAX */
#define MESSAGES_MAX 64   /* of the driver, in one notification */

/* Configuration: the driver writes what it wants to know, then reads it (5.8.4). */
#define CONFIG_SELECT    0
#define CONFIG_SUBSELECT 1
#define CONFIG_SIZE      2
#define CONFIG_DATA      8
#define CONFIG_DATA_MAX  128
enum {
    SELECT_NAME = 0x01,
    SELECT_SERIAL = 0x02,
    SELECT_IDS = 0x03,
    SELECT_EVENTS = 0x11,
    SELECT_AXIS = 0x12,
};

/* Linux' event types and codes. */
enum { EV_SYN, EV_KEY, EV_REL, EV_ABS, EV_LED = 0x11, EV_REP = 0x14 };
enum { REL_X = 0, REL_Y = 1, REL_HWHEEL = 6, REL_WHEEL = 8 };
enum { BTN_LEFT = 0x110, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA };
#define KEY_FIRST 1
#define KEY_LAST  248
#define LEDS      0x07 /* num, caps, scroll lock */

typedef struct {
    uint32_t value;
    uint16_t type, code;
} Item;

typedef struct {
    VirtioState virtio;
    Item item[WAITING_MAX];
    uint32_t count;    /* items that wait */
    uint32_t complete; /* of these, in whole groups */
    uint64_t dropped;  /* items that came while nobody worked the device */
    uint8_t select, subselect;
    uint8_t leds; /* as the guest has set them */
    uint8_t zero[5];
} VirtioInputState;

typedef struct {
    VirtioDevice parent;
    VirtioInputState s;
    ConfigInput kind;
} VirtioInput;

static const StateTable item_state = { "input-item", 1, sizeof(Item),
                                       (const StateField[]){
                                           STATE_FIELD(Item, value, "of the event"),
                                           STATE_FIELD(Item, type, "of the event, Linux' number"),
                                           STATE_FIELD(Item, code, "likewise"), STATE_DONE } };

static const StateTable virtio_input_state = {
    "virtio-input", 1, sizeof(VirtioInputState),
    (const StateField[]){
        STATE_STRUCT(VirtioInputState, virtio, &virtio_state_table, "transport"),
        STATE_STRUCT_ARRAY(VirtioInputState, item, &item_state, "events that wait for buffers"),
        STATE_FIELD_MAX(VirtioInputState, count, WAITING_MAX, "how many"),
        STATE_FIELD_MAX(VirtioInputState, complete, WAITING_MAX, "of these, in whole groups"),
        STATE_FIELD(VirtioInputState, dropped, "events that came while there was no driver"),
        STATE_FIELD(VirtioInputState, select, "what the configuration shows"),
        STATE_FIELD(VirtioInputState, subselect, "of that, which"),
        STATE_FIELD(VirtioInputState, leds, "lights: bit 0 num, 1 caps, 2 scroll lock"),
        STATE_ARRAY(VirtioInputState, zero, "always 0"), STATE_DONE }
};

/* --- configuration ---------------------------------------------------------------------------- */

static void set_bit(uint8_t *bits, unsigned *size, unsigned bit)
{
    bits[bit / 8] |= (uint8_t)(1 << bit % 8);
    *size = MAX(*size, bit / 8 + 1);
}

static void set_bits(uint8_t *bits, unsigned *size, unsigned first, unsigned last)
{
    for (unsigned bit = first; bit <= last; bit++)
        set_bit(bits, size, bit);
}

static unsigned event_bits(ConfigInput kind, unsigned type, uint8_t *bits)
{
    unsigned size = 0;
    if (kind == CONFIG_INPUT_KEYBOARD) {
        if (type == EV_KEY)
            set_bits(bits, &size, KEY_FIRST, KEY_LAST);
        else if (type == EV_LED)
            set_bits(bits, &size, 0, 2);
        else if (type == EV_REP)
            size = 1; /* it repeats; there is nothing more to say */
        return size;
    }
    if (type == EV_KEY)
        set_bits(bits, &size, BTN_LEFT, BTN_EXTRA);
    if (type == EV_REL) {
        set_bit(bits, &size, REL_WHEEL);
        set_bit(bits, &size, REL_HWHEEL);
    }
    if (type == (kind == CONFIG_INPUT_MOUSE ? EV_REL : EV_ABS))
        set_bits(bits, &size, 0, 1);
    return size;
}

static unsigned text(uint8_t *data, const char *value)
{
    unsigned size = (unsigned)strlen(value);
    memcpy(data, value, size);
    return size;
}

static unsigned ids(uint8_t *data, ConfigInput kind)
{
    static const uint8_t bytes[8] = { 6, 0, 0x27, 0x06, 1, 0, 1, 0 }; /* virtual bus, version 1 */
    memcpy(data, bytes, sizeof bytes);
    data[4] = (uint8_t)(kind + 1);
    return sizeof bytes;
}

static unsigned axis(uint8_t *data)
{
    memset(data, 0, 20); /* least, greatest, fuzz, flat, resolution: 4 bytes each */
    le_put(data + 4, 4, INPUT_AXIS_MAX);
    return 20;
}

static unsigned selected_data(const VirtioInput *input, uint8_t *data)
{
    static const char *const names[] = {
        [CONFIG_INPUT_KEYBOARD] = "Powerplay Keyboard",
        [CONFIG_INPUT_MOUSE] = "Powerplay Mouse",
        [CONFIG_INPUT_TABLET] = "Powerplay Tablet",
    };
    unsigned sub = input->s.subselect;
    switch (input->s.select) {
    case SELECT_NAME: return sub == 0 ? text(data, names[input->kind]) : 0;
    case SELECT_SERIAL: return sub == 0 ? text(data, input->parent.parent.id) : 0;
    case SELECT_IDS: return sub == 0 ? ids(data, input->kind) : 0;
    case SELECT_EVENTS: return event_bits(input->kind, sub, data);
    case SELECT_AXIS: return input->kind == CONFIG_INPUT_TABLET && sub <= 1 ? axis(data) : 0;
    default: return 0;
    }
}

static void input_config(VirtioDevice *device, uint8_t *bytes)
{
    const VirtioInput *input = (const VirtioInput *)device;
    bytes[CONFIG_SELECT] = input->s.select;
    bytes[CONFIG_SUBSELECT] = input->s.subselect;
    bytes[CONFIG_SIZE] = (uint8_t)selected_data(input, bytes + CONFIG_DATA);
}

static bool input_config_write(VirtioDevice *device, uint64_t offset, unsigned size, uint64_t value)
{
    VirtioInput *input = (VirtioInput *)device;
    if (offset + size > CONFIG_SUBSELECT + 1)
        return false;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        if (offset + i == CONFIG_SELECT)
            input->s.select = byte;
        else
            input->s.subselect = byte;
    }
    return true;
}

/* --- to the driver ---------------------------------------------------------------------------- */

static void drop(VirtioInputState *s, unsigned items)
{
    s->count -= items;
    s->complete -= items;
    memmove(s->item, s->item + items, s->count * sizeof s->item[0]);
    memset(s->item + s->count, 0, items * sizeof s->item[0]); /* what is no item is 0 */
}

/* Length of the first group. The bounds matter for a forged snapshot only. */
static unsigned group_length(const VirtioInputState *s)
{
    unsigned length = 1;
    while (length < s->complete && length < INPUT_GROUP_MAX && s->item[length - 1].type != EV_SYN)
        length++;
    return length;
}

static void send_item(VirtioDevice *device, const Item *item, const VirtqueueChain *chain)
{
    uint8_t bytes[EVENT_BYTES];
    le_put(bytes, 2, item->type);
    le_put(bytes + 2, 2, item->code);
    le_put(bytes + 4, 4, (uint64_t)item->value);
    bool fits =
        virtqueue_chain_write(chain, machine_memory(device->parent.machine), 0, bytes, EVENT_BYTES);
    virtio_push(device, QUEUE_EVENTS, chain->head, fits ? EVENT_BYTES : 0);
}

/* Takes buffers for COUNT events, or none. */
static bool take_buffers(VirtioDevice *device, VirtqueueChain *chains, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (virtio_pop(device, QUEUE_EVENTS, &chains[i]))
            continue;
        while (i-- > 0)
            virtio_unpop(device, QUEUE_EVENTS);
        return false;
    }
    return true;
}

static void pump(VirtioInput *input)
{
    VirtioInputState *s = &input->s;
    g_autofree VirtqueueChain *chains = NULL;
    bool any = false;
    while (s->complete) {
        unsigned length = group_length(s);
        if (!chains)
            chains = g_new(VirtqueueChain, INPUT_GROUP_MAX);
        if (!take_buffers(&input->parent, chains, length))
            break;
        for (unsigned i = 0; i < length; i++)
            send_item(&input->parent, &s->item[i], &chains[i]);
        drop(s, length);
        any = true;
    }
    if (any)
        virtio_signal(&input->parent, QUEUE_EVENTS);
}

/* The driver says which lights shall burn. */
static void take_status(VirtioInput *input)
{
    VirtioDevice *device = &input->parent;
    VirtqueueChain chain;
    for (unsigned i = 0; i < MESSAGES_MAX && virtio_pop(device, QUEUE_STATUS, &chain); i++) {
        uint8_t bytes[EVENT_BYTES];
        if (virtqueue_chain_read(&chain, machine_memory(device->parent.machine), 0, bytes,
                                 sizeof bytes) &&
            bytes[0] == EV_LED && bytes[1] == 0 && bytes[2] < 3 && bytes[3] == 0) {
            uint8_t bit = (uint8_t)(1 << bytes[2]);
            input->s.leds = bytes[4] ? input->s.leds | bit : input->s.leds & (uint8_t)~bit;
        }
        virtio_push(device, QUEUE_STATUS, chain.head, 0);
    }
    virtio_signal(device, QUEUE_STATUS);
}

static void input_notify(VirtioDevice *device, unsigned queue)
{
    if (queue == QUEUE_EVENTS)
        pump((VirtioInput *)device);
    else
        take_status((VirtioInput *)device);
}

static void forget(VirtioInput *input)
{
    VirtioInputState *s = &input->s;
    s->dropped += s->count;
    s->count = s->complete = 0;
    memset(s->item, 0, sizeof s->item);
}

/* The driver has gone: for the next one nothing of the past counts. */
static void input_stop(VirtioDevice *device)
{
    VirtioInput *input = (VirtioInput *)device;
    forget(input);
    input->s.select = input->s.subselect = 0;
}

/* --- from outside ----------------------------------------------------------------------------- */

static void queue(VirtioInput *input, uint16_t type, uint16_t code, int32_t value)
{
    VirtioInputState *s = &input->s;
    if (s->count - s->complete >= INPUT_GROUP_MAX - 1 || s->count >= WAITING_MAX - 1) {
        s->dropped++; /* only a forged log has such groups */
        return;
    }
    s->item[s->count++] = (Item){ (uint32_t)value, type, code };
}

static void queue_button(VirtioInput *input, unsigned button, bool down)
{
    static const uint16_t codes[] = {
        [INPUT_BUTTON_LEFT] = BTN_LEFT,   [INPUT_BUTTON_MIDDLE] = BTN_MIDDLE,
        [INPUT_BUTTON_RIGHT] = BTN_RIGHT, [INPUT_BUTTON_SIDE] = BTN_SIDE,
        [INPUT_BUTTON_EXTRA] = BTN_EXTRA, [INPUT_BUTTON_WHEEL_RIGHT] = 0,
    };
    static const struct {
        uint16_t code;
        int8_t step;
    } wheels[] = {
        [INPUT_BUTTON_WHEEL_UP] = { REL_WHEEL, 1 },
        [INPUT_BUTTON_WHEEL_DOWN] = { REL_WHEEL, -1 },
        [INPUT_BUTTON_WHEEL_LEFT] = { REL_HWHEEL, -1 },
        [INPUT_BUTTON_WHEEL_RIGHT] = { REL_HWHEEL, 1 },
    };
    if (button >= G_N_ELEMENTS(codes))
        return;
    if (codes[button])
        queue(input, EV_KEY, codes[button], down);
    else if (down)
        queue(input, EV_REL, wheels[button].code, wheels[button].step);
}

static void input_input(Device *device, const Event *event)
{
    VirtioInput *input = (VirtioInput *)device;
    bool is_keyboard = input->kind == CONFIG_INPUT_KEYBOARD;
    if (event->kind == EVENT_INPUT_KEY && is_keyboard) {
        if (event->input_key.number >= KEY_FIRST && event->input_key.number <= KEY_LAST)
            queue(input, EV_KEY, (uint16_t)event->input_key.number, event->input_key.down != 0);
    } else if (event->kind == EVENT_INPUT_BUTTON && !is_keyboard) {
        queue_button(input, event->input_button.button, event->input_button.down);
    } else if (event->kind == EVENT_INPUT_RELATIVE && input->kind == CONFIG_INPUT_MOUSE) {
        if (event->input_relative.axis <= 1)
            queue(input, EV_REL, event->input_relative.axis, event->input_relative.value);
    } else if (event->kind == EVENT_INPUT_ABSOLUTE && input->kind == CONFIG_INPUT_TABLET) {
        if (event->input_absolute.axis <= 1)
            queue(input, EV_ABS, event->input_absolute.axis,
                  CLAMP(event->input_absolute.value, 0, INPUT_AXIS_MAX));
    } else {
        device_note_unknown(device, "input of a kind that it is not for", event->kind);
    }
}

static void input_sync(Device *device)
{
    VirtioInput *input = (VirtioInput *)device;
    VirtioInputState *s = &input->s;
    if (s->count == s->complete)
        return;
    s->item[s->count++] = (Item){ 0, EV_SYN, 0 };
    s->complete = s->count;
    if (virtio_is_running(&input->parent))
        pump(input);
    else
        forget(input);
}

/* Room for an event and for the end of its group. */
static size_t input_room(Device *device)
{
    return WAITING_MAX - 2 > ((const VirtioInput *)device)->s.count
               ? WAITING_MAX - 2 - ((const VirtioInput *)device)->s.count
               : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

#define INPUT_TYPE(class)                                                                          \
    {                                                                                              \
        .identity = VIRTIO_IDENTITY(0x12, (class)), .node_name = "input", .queue_count = 2,        \
        .queue_size = QUEUE_SIZE, .config_size = CONFIG_DATA + CONFIG_DATA_MAX,                    \
        .config = input_config, .config_write = input_config_write, .notify = input_notify,        \
        .stop = input_stop,                                                                        \
    }

static const VirtioType input_types[] = {
    [CONFIG_INPUT_KEYBOARD] = INPUT_TYPE(0x090000),
    [CONFIG_INPUT_MOUSE] = INPUT_TYPE(0x090200),
    [CONFIG_INPUT_TABLET] = INPUT_TYPE(0x098000),
};

static void input_reset(Device *device)
{
    virtio_reset((VirtioDevice *)device);
}

static void input_after_load(Device *device)
{
    VirtioInputState *s = &((VirtioInput *)device)->s;
    /* A forged snapshot may say otherwise, or leave no place for the end of a group. */
    s->complete = MIN(s->complete, s->count);
    if (s->complete < s->count)
        s->count = MIN(s->count, WAITING_MAX - 1);
}

VirtioDevice *virtio_input_new(Machine *machine, const char *id, ConfigInput kind)
{
    VirtioInput *input = (VirtioInput *)device_new(machine, &virtio_input_class, id);
    input->kind = kind;
    virtio_init(&input->parent, &input_types[kind]);
    return &input->parent;
}

const DeviceClass virtio_input_class = {
    .name = "virtio-input",
    .behaviour_version = 1,
    .size = sizeof(VirtioInput),
    .state = &virtio_input_state,
    .state_offset = offsetof(VirtioInput, s),
    .reset = input_reset,
    .after_load = input_after_load,
    .input = input_input,
    .input_sync = input_sync,
    .input_room = input_room,
};
