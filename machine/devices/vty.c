/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vty: a console without registers. Output leaves at once and never waits (determinism: output does
 * not feed back); input waits in a small buffer until the guest takes it, up to 16 characters per
 * hypercall. What does not fit waits outside the guest: the machine asks for room on boundaries.
 */
#include "machine/devices/vty.h"

#include "machine/machine.h"

#define INPUT_SIZE 256

typedef struct {
    uint8_t input[INPUT_SIZE];
    uint32_t first;
    uint32_t count;
} VtyState;

typedef struct {
    Device parent;
    VtyState s;
    uint32_t unit;
    Irq line;
} Vty;

static const StateTable vty_state = {
    "vty", 1, sizeof(VtyState),
    (const StateField[]){
        STATE_BYTES(VtyState, input, "ring of characters that the guest has not taken yet"),
        STATE_FIELD_MAX(VtyState, first, INPUT_SIZE - 1, "place of the oldest"),
        STATE_FIELD_MAX(VtyState, count, INPUT_SIZE, "how many there are"), STATE_DONE }
};

void vty_connect(Device *device, uint32_t unit, Irq line)
{
    Vty *vty = (Vty *)device;
    vty->unit = unit;
    vty->line = line;
}

uint32_t vty_unit(const Device *device)
{
    return ((const Vty *)device)->unit;
}

void vty_send(Device *device, const uint8_t *data, size_t length)
{
    g_assert(length <= VTY_CHUNK);
    if (length)
        machine_output(device, data, length);
}

size_t vty_take(Device *device, uint8_t *data)
{
    VtyState *s = &((Vty *)device)->s;
    size_t taken = 0;
    while (taken < VTY_CHUNK && s->count) {
        uint8_t next = s->input[s->first];
        /* Linux drops a NUL that follows CR in one answer, as old hypervisors added it; let such a
         * NUL begin the next answer. */
        if (taken && next == 0 && data[taken - 1] == '\r')
            break;
        data[taken++] = next;
        s->input[s->first] = 0;
        s->first = (s->first + 1) % INPUT_SIZE;
        s->count--;
    }
    return taken;
}

size_t vty_room(Device *device)
{
    return INPUT_SIZE - ((Vty *)device)->s.count;
}

void vty_receive(Device *device, const uint8_t *data, size_t length)
{
    Vty *vty = (Vty *)device;
    VtyState *s = &vty->s;
    g_assert(length <= vty_room(device));
    bool was_empty = s->count == 0;
    for (size_t i = 0; i < length; i++)
        s->input[(s->first + s->count++) % INPUT_SIZE] = data[i];
    if (was_empty && length) {
        irq_set(&vty->line, true);
        irq_set(&vty->line, false);
    }
}

/* A log that was made or edited elsewhere may bring more than there is room for. */
static void vty_input(Device *device, const Event *event)
{
    if (event->kind != EVENT_CHAR_READ)
        return;
    size_t room = vty_room(device), length = event->char_read.data_length;
    if (length > room)
        device_note_unknown(device, "characters beyond the buffer", length - room);
    vty_receive(device, event->char_read.data, MIN(length, room));
}

const DeviceClass vty_class = {
    .name = "vty",
    .behaviour_version = 1,
    .size = sizeof(Vty),
    .state = &vty_state,
    .state_offset = offsetof(Vty, s),
    .input = vty_input,
    .input_room = vty_room,
};
