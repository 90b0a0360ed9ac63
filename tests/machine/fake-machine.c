/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/machine/fake-machine.h"

#include <stdarg.h>

typedef struct {
    Device *device;
    unsigned handle;
    uint64_t base, size;
    const BusOps *ops;
} FakeRange;

struct Bus {
    GArray *ranges;
    uint64_t unclaimed;
};

struct TimerQueue {
    GPtrArray *timers;
    TimerQueueState s;
    uint64_t now;
};

struct Machine {
    MachineConfig defaults;
    const MachineConfig *config;
    Memory *memory;
    Bus *bus;
    TimerQueue *timers;
    Cpu cpu;
    GPtrArray *devices;
    FakeRecord record;
};

static void free_device(gpointer data)
{
    Device *device = data;
    if (device->class->finalize)
        device->class->finalize(device);
    g_free(device->id);
    g_free(device);
}

MachineConfig fake_machine_bare_config(uint64_t memory_bytes)
{
    return (MachineConfig){
        .memory_bytes = memory_bytes, .append = (char *)"", .kernel_fd = -1, .initrd_fd = -1
    };
}

MachineConfig fake_machine_whole_config(uint64_t memory_bytes, int image)
{
    MachineConfig config = fake_machine_bare_config(memory_bytes);
    config.serial[0].id = (char *)"hvc0";
    config.serial[1] =
        (ConfigSerial){ .id = (char *)"hvc1", .interface = CONFIG_SERIAL_VIRTIO_CONSOLE };
    config.serial[2] = (ConfigSerial){ .id = (char *)"port",
                                       .interface = CONFIG_SERIAL_VIRTIO_PORT,
                                       .name = (char *)"a.name" };
    config.serial_count = 3;
    config.disks[0] = (ConfigDisk){ .id = (char *)"hd0", .fd = image };
    config.disk_count = 1;
    config.nics[0] = (ConfigNic){ .id = (char *)"net0", .mac = { 2 } };
    config.nic_count = 1;
    config.rng = true;
    config.display = (ConfigDisplay){ .device = CONFIG_DISPLAY_VGA, .width = 320, .height = 200 };
    config.inputs[0] = CONFIG_INPUT_KEYBOARD;
    config.inputs[1] = CONFIG_INPUT_TABLET;
    config.inputs[2] = CONFIG_INPUT_MOUSE;
    config.input_count = 3;
    config.audio.device = CONFIG_AUDIO_ES1370;
    return config;
}

Machine *fake_machine_new(const MachineConfig *config)
{
    Machine *machine = g_new0(Machine, 1);
    machine->defaults = fake_machine_bare_config(16u << 20);
    machine->defaults.append = (char *)"console=hvc0";
    machine->defaults.serial_count = 1;
    machine->defaults.serial[0].id = (char *)"hvc0";
    machine->defaults.clock.rtc_epoch_sec = 1700000000;
    machine->config = config ? config : &machine->defaults;
    machine->memory = memory_new(machine->config->memory_bytes, NULL);
    machine->bus = g_new0(Bus, 1);
    machine->bus->ranges = g_array_new(FALSE, TRUE, sizeof(FakeRange));
    machine->timers = g_new0(TimerQueue, 1);
    machine->timers->timers = g_ptr_array_new();
    machine->devices = g_ptr_array_new_with_free_func(free_device);
    machine->record.output = g_string_new(NULL);
    machine->cpu.memory = machine->memory;
    return machine;
}

void fake_machine_free(Machine *machine)
{
    g_ptr_array_free(machine->devices, TRUE);
    g_array_free(machine->bus->ranges, TRUE);
    g_free(machine->bus);
    g_ptr_array_free(machine->timers->timers, TRUE);
    g_free(machine->timers);
    g_string_free(machine->record.output, TRUE);
    memory_free(machine->memory);
    g_free(machine);
}

static void clear_written_pages(Memory *memory)
{
    for (uint64_t page = 0; page < memory_page_count(memory); page++) {
        if (!memory->page_mark[page])
            continue;
        memset(memory->ram + (page << MEMORY_PAGE_BITS), 0, MEMORY_PAGE_SIZE);
        memory->page_mark[page] = 0;
    }
}

void fake_machine_power_on(Machine *machine)
{
    GString *output = machine->record.output;
    clear_written_pages(machine->memory);
    machine->timers->s = (TimerQueueState){ 0 };
    machine->timers->now = 0;
    g_string_truncate(output, 0);
    machine->record = (FakeRecord){ .output = output };
    memset(&machine->cpu.s, 0, sizeof machine->cpu.s);
}

FakeRecord *fake_machine_record(Machine *machine)
{
    return &machine->record;
}

/* --- devices ---------------------------------------------------------------------------------- */

Device *device_new(Machine *machine, const DeviceClass *class, const char *id)
{
    Device *device = g_malloc0(class->size);
    device->class = class;
    device->machine = machine;
    device->id = g_strdup(id);
    device->number = machine->devices->len;
    g_ptr_array_add(machine->devices, device);
    return device;
}

void device_reset(Device *device)
{
    memset(device_state(device), 0, device->class->state->size);
    if (device->class->reset)
        device->class->reset(device);
}

void device_note_unknown(Device *device, const char *what, uint64_t which)
{
    device->machine->record.unknown++;
}

void fake_machine_reset(Machine *machine)
{
    for (unsigned i = 0; i < machine->devices->len; i++)
        device_reset(machine->devices->pdata[i]);
}

Device *fake_machine_device(Machine *machine, const char *id)
{
    for (unsigned i = 0; i < machine->devices->len; i++) {
        Device *device = machine->devices->pdata[i];
        if (g_str_equal(device->id, id))
            return device;
    }
    return NULL;
}

unsigned fake_machine_device_count(Machine *machine)
{
    return machine->devices->len;
}

Device *fake_machine_device_at(Machine *machine, unsigned index)
{
    return machine->devices->pdata[index];
}

/* --- the bus ---------------------------------------------------------------------------------- */

void bus_map(Bus *bus, Device *device, unsigned handle, uint64_t base, uint64_t size,
             const BusOps *ops)
{
    FakeRange range = { device, handle, base, size, ops };
    g_array_append_val(bus->ranges, range);
}

static const FakeRange *find_range(Bus *bus, uint64_t address, unsigned size)
{
    for (unsigned i = bus->ranges->len; i-- > 0;) {
        const FakeRange *range = &g_array_index(bus->ranges, FakeRange, i);
        if (address >= range->base && address - range->base <= range->size - size)
            return range;
    }
    bus->unclaimed++;
    return NULL;
}

uint64_t bus_read(Bus *bus, uint64_t address, unsigned size)
{
    const FakeRange *range = find_range(bus, address, size);
    return range ? range->ops->read(range->device, address - range->base, size)
                 : UINT64_MAX >> (64 - 8 * size);
}

void bus_write(Bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    const FakeRange *range = find_range(bus, address, size);
    if (range)
        range->ops->write(range->device, address - range->base, size, value);
}

/* --- timers ----------------------------------------------------------------------------------- */

const StateTable timer_state_table = {
    "timer", 1, sizeof(TimerState),
    (const StateField[]){ STATE_FIELD(TimerState, deadline_ns, "virtual"),
                          STATE_FIELD(TimerState, sequence, "arm sequence"),
                          STATE_FIELD_MAX(TimerState, is_armed, 1, "waits"), STATE_DONE }
};

void timer_init(Timer *timer, Device *device, TimerState *state, TimerFire fire, unsigned which)
{
    TimerQueue *queue = device->machine->timers;
    *timer = (Timer){ queue, state, device, fire, which };
    g_ptr_array_add(queue->timers, timer);
}

void timer_arm(Timer *timer, uint64_t deadline_ns)
{
    *timer->state = (TimerState){ deadline_ns, timer->queue->s.arm_sequence++, 1 };
}

void timer_disarm(Timer *timer)
{
    *timer->state = (TimerState){ 0, 0, 0 };
}

static bool is_before(const Timer *a, const Timer *b)
{
    if (a->state->deadline_ns != b->state->deadline_ns)
        return a->state->deadline_ns < b->state->deadline_ns;
    if (a->device->number != b->device->number)
        return a->device->number < b->device->number;
    return a->state->sequence < b->state->sequence;
}

static Timer *next_timer(TimerQueue *queue)
{
    Timer *next = NULL;
    for (unsigned i = 0; i < queue->timers->len; i++) {
        Timer *timer = queue->timers->pdata[i];
        if (timer->state->is_armed && (!next || is_before(timer, next)))
            next = timer;
    }
    return next;
}

uint64_t fake_machine_next_deadline(Machine *machine)
{
    const Timer *timer = next_timer(machine->timers);
    return timer ? timer->state->deadline_ns : UINT64_MAX;
}

void fake_machine_run_to(Machine *machine, uint64_t ns)
{
    TimerQueue *queue = machine->timers;
    for (;;) {
        Timer *timer = next_timer(queue);
        if (!timer || timer->state->deadline_ns > ns)
            break;
        queue->now = MAX(queue->now, timer->state->deadline_ns);
        timer_disarm(timer);
        timer->fire(timer->device, timer->which);
    }
    queue->now = MAX(queue->now, ns);
}

void fake_machine_copy_timers(const Machine *from, Machine *to)
{
    to->timers->s = from->timers->s;
}

/* --- the machine ------------------------------------------------------------------------------ */

Memory *machine_memory(Machine *machine)
{
    return machine->memory;
}

Bus *machine_bus(Machine *machine)
{
    return machine->bus;
}

Cpu *machine_cpu(Machine *machine, unsigned index)
{
    return &machine->cpu;
}

const MachineConfig *machine_config(Machine *machine)
{
    return machine->config;
}

/* Layers of disks are anonymous files. */
int machine_directory(Machine *machine)
{
    return -1;
}

uint64_t machine_now_ns(Machine *machine)
{
    return machine->timers->now;
}

void machine_touch_boundary(Machine *machine)
{
    machine->record.boundaries++;
}

int64_t machine_host_clock_ns(Machine *machine)
{
    machine->record.host_clock_reads++;
    return machine->record.host_clock_ns;
}

void machine_random(Machine *machine, void *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)data)[i] = (uint8_t)(0x11 * (i + 1));
    machine->record.random_reads++;
}

/* A ramp: each frame is its number, left and negated. */
void machine_audio_in(Device *device, uint64_t first, int16_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frames[2 * i] = (int16_t)(first + i);
        frames[2 * i + 1] = (int16_t)-frames[2 * i];
    }
    device->machine->record.captured += count;
}

void machine_wake(Device *device)
{
}

/* Completion by the host needs a whole machine: disk-shapes.c. */
void machine_block_done(Device *device, uint32_t request, int code)
{
}

uint32_t machine_block_request(const struct Event *event)
{
    return 0;
}

int machine_block_result(Device *device, uint32_t request, int code)
{
    device->machine->record.block_errors += code != 0;
    return code;
}

void machine_arrived(Device *device, const void *data, size_t length)
{
}

void machine_output(Device *device, const void *data, size_t length)
{
    g_string_append_len(device->machine->record.output, data, (gssize)length);
}

void machine_request_shutdown(Machine *machine, ShutdownCause cause)
{
    machine->record.shutdown = cause;
}

void machine_internal_error(Machine *machine, const char *format, ...)
{
    machine->record.internal_errors++;
}

/* --- the processor ---------------------------------------------------------------------------- */

uint64_t cpu_timebase(const Cpu *cpu)
{
    return 0x1234;
}

void cpu_set_decrementer(Cpu *cpu, uint64_t value)
{
    cpu->s.dec_zero_tb = value;
}

void cpu_mode_changed(Cpu *cpu)
{
}

int64_t fake_machine_hypercall(Machine *machine, uint64_t opcode, unsigned count, ...)
{
    Cpu *cpu = &machine->cpu;
    va_list args;
    cpu->s.gpr[3] = opcode;
    for (unsigned i = 4; i < 13; i++)
        cpu->s.gpr[i] = 0;
    va_start(args, count);
    for (unsigned i = 0; i < count; i++)
        cpu->s.gpr[4 + i] = va_arg(args, uint64_t);
    va_end(args);
    cpu->board->hypercall(cpu->board_opaque, cpu);
    return (int64_t)cpu->s.gpr[3];
}
