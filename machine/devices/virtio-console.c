/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-console with several ports (virtio 1.x, 5.3). Each port is a device of its own beside the
 * one that has the queues: by it the log, the digest of outputs and clients know it. A port is a
 * console, which Linux makes an hvc, or a file by a name.
 *
 * 1. Output leaves at once and never waits. Input waits in the port until its other end is open in
 *    the guest and the driver has given a buffer; what finds no room in the port waits outside
 *    (input_room).
 * 2. What the driver is still to be told about a port is a set of bits, sent in their order as the
 *    driver gives buffers for it: nothing is forgotten, and nothing grows.
 * 3. The queues are those of CONSOLE_PORTS ports, however many there are.
 */
#include "machine/devices/virtio-devices.h"
#include "machine/le.h"
#include "machine/machine.h"

#include <string.h>

#define CONSOLE_PORTS   MACHINE_CONFIG_MAX_PORTS
#define QUEUES          (2 + 2 * CONSOLE_PORTS)
#define MORE_QUEUES     (QUEUES - VIRTIO_QUEUES_MAX)
#define QUEUE_SIZE      64
#define CONTROL_RECEIVE 2u
#define CONTROL_SEND    3u

#define FEATURE_MULTIPORT 1
#define CONFIG_MAX_PORTS  4
#define CONFIG_SIZE       12

#define INPUT_SIZE  1024u
#define OUTPUT_MAX  (256u << 10) /* of one chain */
#define OUTPUT_PART 4096u

/* Control messages: port, event, value, and for a name its bytes. */
#define CONTROL_SIZE 8
enum {
    EVENT_DEVICE_READY = 0,
    EVENT_PORT_ADD = 1,
    EVENT_PORT_READY = 3,
    EVENT_CONSOLE_PORT = 4,
    EVENT_PORT_OPEN = 6,
    EVENT_PORT_NAME = 7,
};
enum { TELL_ADD = 1, TELL_CONSOLE = 2, TELL_NAME = 4, TELL_OPEN = 8, TELL_ALL = 15 };

typedef struct {
    uint8_t input[INPUT_SIZE];
    uint32_t first, count;
    uint8_t is_open; /* as the guest says */
    uint8_t untold;  /* TELL_ bits */
    uint8_t zero[2];
} VirtioPortState;

typedef struct VirtioConsole VirtioConsole;

typedef struct {
    Device parent;
    VirtioPortState s;
    VirtioConsole *console;
    unsigned number;
    bool is_console;
    char *name; /* NULL: none */
} VirtioPort;

typedef struct {
    VirtioState virtio;
    VirtqueueState more[MORE_QUEUES];
} VirtioConsoleState;

struct VirtioConsole {
    VirtioDevice parent;
    VirtioConsoleState s;
    VirtioPort *port[CONSOLE_PORTS];
    unsigned ports;
};

static const StateTable virtio_port_state = {
    "virtio-port", 1, sizeof(VirtioPortState),
    (const StateField[]){
        STATE_BYTES(VirtioPortState, input, "ring of bytes that the guest has not taken yet"),
        STATE_FIELD_MAX(VirtioPortState, first, INPUT_SIZE - 1, "place of the oldest"),
        STATE_FIELD_MAX(VirtioPortState, count, INPUT_SIZE, "how many there are"),
        STATE_FIELD_MAX(VirtioPortState, is_open, 1, "whether the guest has it open"),
        STATE_FIELD_MAX(VirtioPortState, untold, TELL_ALL, "what the driver is to be told of it"),
        STATE_ARRAY_MAX(VirtioPortState, zero, 0, "always 0"), STATE_DONE }
};

static const StateTable virtio_console_state = {
    "virtio-console", 1, sizeof(VirtioConsoleState),
    (const StateField[]){
        STATE_STRUCT(VirtioConsoleState, virtio, &virtio_state_table, "transport"),
        STATE_STRUCT_ARRAY(VirtioConsoleState, more, &virtqueue_state_table, "queues from 4 on"),
        STATE_DONE }
};

static unsigned receive_queue(unsigned port)
{
    return port == 0 ? 0 : 2 + 2 * port;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void send_chain(VirtioPort *port, const VirtqueueChain *chain)
{
    uint8_t part[OUTPUT_PART];
    Memory *memory = machine_memory(port->parent.machine);
    uint64_t length = MIN(chain->readable_bytes, OUTPUT_MAX);
    if (length < chain->readable_bytes)
        device_note_unknown(&port->parent, "bytes beyond the longest chain",
                            chain->readable_bytes - length);
    for (uint64_t done = 0; done < length; done += OUTPUT_PART) {
        uint64_t size = MIN(length - done, OUTPUT_PART);
        if (virtqueue_chain_read(chain, memory, done, part, size))
            machine_output(&port->parent, part, size);
    }
}

static void send_output(VirtioConsole *console, unsigned number)
{
    VirtioDevice *device = &console->parent;
    unsigned queue = receive_queue(number) + 1;
    VirtqueueChain chain;
    while (virtio_pop(device, queue, &chain)) {
        if (number < console->ports)
            send_chain(console->port[number], &chain);
        virtio_push(device, queue, chain.head, 0);
    }
    virtio_signal(device, queue);
}

/* The oldest bytes, as many as lie in a row and as there are LENGTH for. */
static uint32_t take_input(VirtioPortState *s, uint8_t *data, uint64_t length)
{
    uint32_t size = (uint32_t)MIN(MIN(s->count, INPUT_SIZE - s->first), length);
    memcpy(data, s->input + s->first, size);
    memset(s->input + s->first, 0, size);
    s->first = (s->first + size) % INPUT_SIZE;
    s->count -= size;
    return size;
}

static void pump_input(VirtioPort *port)
{
    VirtioDevice *device = &port->console->parent;
    unsigned queue = receive_queue(port->number);
    uint8_t data[INPUT_SIZE];
    VirtqueueChain chain;
    if (!port->s.is_open || !port->s.count)
        return;
    while (port->s.count && virtio_pop(device, queue, &chain)) {
        uint32_t size = take_input(&port->s, data, chain.writable_bytes);
        virtqueue_chain_write(&chain, machine_memory(device->parent.machine), 0, data, size);
        virtio_push(device, queue, chain.head, size);
    }
    virtio_signal(device, queue);
}

/* --- control ---------------------------------------------------------------------------------- */

/* Puts what BIT stands for into MESSAGE; its length. */
static uint32_t make_message(const VirtioPort *port, unsigned bit, uint8_t *message)
{
    static const uint8_t events[] = { [TELL_ADD] = EVENT_PORT_ADD,
                                      [TELL_CONSOLE] = EVENT_CONSOLE_PORT,
                                      [TELL_NAME] = EVENT_PORT_NAME,
                                      [TELL_OPEN] = EVENT_PORT_OPEN };
    le_put(message, 4, port->number);
    le_put(message + 4, 2, events[bit]);
    le_put(message + 6, 2, 1);
    if (bit != TELL_NAME)
        return CONTROL_SIZE;
    size_t length = strlen(port->name);
    memcpy(message + CONTROL_SIZE, port->name, length);
    return (uint32_t)(CONTROL_SIZE + length);
}

/* False when the driver has given no buffer. */
static bool tell(VirtioPort *port, unsigned bit)
{
    uint8_t message[CONTROL_SIZE + CONFIG_PORT_NAME_MAX];
    VirtioDevice *device = &port->console->parent;
    VirtqueueChain chain;
    if (!virtio_pop(device, CONTROL_RECEIVE, &chain))
        return false;
    uint32_t length = make_message(port, bit, message);
    length = (uint32_t)MIN(length, chain.writable_bytes);
    virtqueue_chain_write(&chain, machine_memory(device->parent.machine), 0, message, length);
    virtio_push(device, CONTROL_RECEIVE, chain.head, length);
    port->s.untold &= (uint8_t)~bit;
    return true;
}

static void pump_control(VirtioConsole *console)
{
    bool has_buffers = true;
    for (unsigned i = 0; i < console->ports && has_buffers; i++) {
        VirtioPort *port = console->port[i];
        for (unsigned bit = TELL_ADD; bit <= TELL_OPEN && has_buffers; bit <<= 1)
            has_buffers = !(port->s.untold & bit) || tell(port, bit);
    }
    virtio_signal(&console->parent, CONTROL_RECEIVE);
}

static void obey_port(VirtioPort *port, uint32_t event, uint32_t value)
{
    if (event == EVENT_PORT_READY && value) {
        port->s.untold |= (uint8_t)((port->is_console ? TELL_CONSOLE : 0) |
                                    (port->name ? TELL_NAME : 0) | TELL_OPEN);
    } else if (event == EVENT_PORT_OPEN) {
        port->s.is_open = value != 0;
        pump_input(port);
    } else {
        device_note_unknown(&port->parent, "control event << 16 | value", event << 16 | value);
    }
}

static void obey(VirtioConsole *console, const uint8_t *message)
{
    uint32_t number = (uint32_t)le_get(message, 4);
    uint32_t event = (uint32_t)le_get(message + 4, 2), value = (uint32_t)le_get(message + 6, 2);
    if (event == EVENT_DEVICE_READY) {
        for (unsigned i = 0; i < console->ports && value; i++)
            console->port[i]->s.untold |= TELL_ADD;
    } else if (number < console->ports) {
        obey_port(console->port[number], event, value);
    } else {
        device_note_unknown(&console->parent.parent, "control of port", number);
    }
}

static void take_control(VirtioConsole *console)
{
    uint8_t message[CONTROL_SIZE];
    VirtioDevice *device = &console->parent;
    VirtqueueChain chain;
    while (virtio_pop(device, CONTROL_SEND, &chain)) {
        if (virtqueue_chain_read(&chain, machine_memory(device->parent.machine), 0, message,
                                 sizeof message))
            obey(console, message);
        else
            device_note_unknown(&device->parent, "short control message", chain.readable_bytes);
        virtio_push(device, CONTROL_SEND, chain.head, 0);
    }
    virtio_signal(device, CONTROL_SEND);
    pump_control(console);
}

static void console_notify(VirtioDevice *device, unsigned queue)
{
    VirtioConsole *console = (VirtioConsole *)device;
    unsigned port = queue < 2 ? 0 : queue / 2 - 1;
    if (queue == CONTROL_SEND)
        take_control(console);
    else if (queue == CONTROL_RECEIVE)
        pump_control(console);
    else if (queue & 1)
        send_output(console, port);
    else if (port < console->ports)
        pump_input(console->port[port]);
}

/* --- ports ------------------------------------------------------------------------------------ */

static size_t port_room(Device *device)
{
    return INPUT_SIZE - ((const VirtioPort *)device)->s.count;
}

/* A log that was made or edited elsewhere may bring more than there is room for. */
static void port_input(Device *device, const Event *event)
{
    VirtioPort *port = (VirtioPort *)device;
    VirtioPortState *s = &port->s;
    if (event->kind != EVENT_CHAR_READ)
        return;
    size_t room = port_room(device), length = event->char_read.data_length;
    if (length > room)
        device_note_unknown(device, "characters beyond the buffer", length - room);
    for (size_t i = 0; i < MIN(length, room); i++)
        s->input[(s->first + s->count++) % INPUT_SIZE] = event->char_read.data[i];
    pump_input(port);
}

/* Only a forged snapshot tells the driver of a name or a console that there is not. */
static void port_after_load(Device *device)
{
    VirtioPort *port = (VirtioPort *)device;
    port->s.untold &=
        (uint8_t) ~((port->name ? 0 : TELL_NAME) | (port->is_console ? 0 : TELL_CONSOLE));
}

static void port_finalize(Device *device)
{
    g_free(((VirtioPort *)device)->name);
}

Device *virtio_console_add_port(VirtioDevice *device, const char *id, bool is_console,
                                const char *name)
{
    VirtioConsole *console = (VirtioConsole *)device;
    g_assert(console->ports < CONSOLE_PORTS);
    g_assert(!name || strlen(name) <= CONFIG_PORT_NAME_MAX);
    VirtioPort *port = (VirtioPort *)device_new(device->parent.machine, &virtio_port_class, id);
    port->console = console;
    port->number = console->ports;
    port->is_console = is_console;
    port->name = g_strdup(name);
    console->port[console->ports++] = port;
    return &port->parent;
}

const DeviceClass virtio_port_class = {
    .name = "virtio-port",
    .behaviour_version = 1,
    .size = sizeof(VirtioPort),
    .state = &virtio_port_state,
    .state_offset = offsetof(VirtioPort, s),
    .after_load = port_after_load,
    .input = port_input,
    .input_room = port_room,
    .finalize = port_finalize,
};

/* --- the device ------------------------------------------------------------------------------- */

static uint64_t console_features(VirtioDevice *device)
{
    return 1ull << FEATURE_MULTIPORT;
}

static void console_config(VirtioDevice *device, uint8_t *bytes)
{
    le_put(bytes + CONFIG_MAX_PORTS, 4, CONSOLE_PORTS);
}

/* A new driver learns of the ports when it asks, and opens them again. */
static void console_stop(VirtioDevice *device)
{
    VirtioConsole *console = (VirtioConsole *)device;
    for (unsigned i = 0; i < console->ports; i++)
        console->port[i]->s.is_open = console->port[i]->s.untold = 0;
}

static const VirtioType console_type = {
    .identity = VIRTIO_IDENTITY(3, 0x078000),
    .node_name = "communication-controller",
    .queue_count = QUEUES,
    .queue_size = QUEUE_SIZE,
    .config_size = CONFIG_SIZE,
    .features = console_features,
    .config = console_config,
    .notify = console_notify,
    .stop = console_stop,
};

static void console_reset(Device *device)
{
    virtio_reset((VirtioDevice *)device);
}

VirtioDevice *virtio_console_new(Machine *machine, const char *id)
{
    VirtioConsole *console = (VirtioConsole *)device_new(machine, &virtio_console_class, id);
    console->parent.more_queues = console->s.more;
    virtio_init(&console->parent, &console_type);
    return &console->parent;
}

const DeviceClass virtio_console_class = {
    .name = "virtio-console",
    .behaviour_version = 1,
    .size = sizeof(VirtioConsole),
    .state = &virtio_console_state,
    .state_offset = offsetof(VirtioConsole, s),
    .reset = console_reset,
};
