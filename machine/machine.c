/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/machine-internal.h"

#include <string.h>

#include "machine/cpu/code-cache.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/snapshot.h"
#include "machine/translator/translator.h"

#define DEFAULT_QUANTUM (1u << 16)

/* --- what memory tells the processor ---------------------------------------------------------- */

static void epoch_moved(void *opaque)
{
    Machine *machine = opaque;
    mmu_drop_write_entries(machine->cpu->mmu);
}

static void written_by_device(void *opaque, uint64_t address, uint64_t length)
{
    Machine *machine = opaque;
    code_cache_written(machine->cpu->engine, address, length);
    if (machine->cpu->watch)
        cpu_watch_report_physical(machine->cpu, address, length);
    cpu_break_reservation(machine->cpu, address, length);
}

static void window_moved(void *opaque)
{
    Machine *machine = opaque;
    mmu_drop_banks(machine->cpu->mmu);
    machine_touch_boundary(machine);
}

static const MemoryWatcher memory_watcher = {
    .epoch_moved = epoch_moved,
    .written = written_by_device,
    .window_moved = window_moved,
};

/* --- making and freeing ----------------------------------------------------------------------- */

static const Board *find_board(const MachineConfig *config, GError **error)
{
    const Board *board = board_find(config->board);
    if (!board)
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                    "board: there is no \"%s\"", config->board);
    return board;
}

static const CpuModel *find_model(const MachineConfig *config, const Board *board, GError **error)
{
    const CpuModel *model = cpu_model_find(config->cpu);
    if (!model)
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                    "cpu: there is no \"%s\"", config->cpu);
    if (!model || model->is_64bit != board->is_32bit)
        return model;
    g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                "cpu: the board \"%s\" takes no \"%s\"; use %s", board->name, config->cpu,
                board->is_32bit ? "\"7400\" or \"7447a\"" : "\"power9\"");
    return NULL;
}

static bool assemble(Machine *machine, const CpuModel *model, GError **error)
{
    machine->memory = memory_new(machine->config->memory_bytes, error);
    if (!machine->memory)
        return false;
    machine->clock.s.shift = machine->config->clock.shift;
    machine->cpu = cpu_new(model, machine->memory, machine->bus, &machine->clock);
    machine->clock.cpu = machine->cpu;
    machine->memory->watcher = &memory_watcher;
    machine->memory->watcher_opaque = machine;
    cpu_reset(machine->cpu);
    if (!machine->board->build(machine, error))
        return false;
    machine->dirty_pages = g_new0(uint64_t, memory_news_words(machine->memory));
    return machine_power_on(machine, error);
}

Machine *machine_new(MachineConfig *config, int directory, const MachineHost *host, GError **error)
{
    g_autoptr(Machine) machine = g_new0(Machine, 1);
    machine->config = config;
    machine->directory = directory;
    machine->host = *host;
    machine->quantum = DEFAULT_QUANTUM;
    machine->bus = bus_new();
    machine->timers = timer_queue_new(machine);
    machine->devices = g_ptr_array_new();
    machine->outputs = g_array_new(FALSE, TRUE, sizeof(OutputHash));
    machine->replay = replay_new(&machine->host.sources);
    machine->inbox = inbox_new();
    machine->block_errors = g_array_new(FALSE, FALSE, sizeof(BlockError));
    machine->hashes = hash_list_new();
    machine->board = find_board(config, error);
    const CpuModel *model = machine->board ? find_model(config, machine->board, error) : NULL;
    if (!model || !machine_config_is_complete(config, error) || !assemble(machine, model, error))
        return NULL;
    return g_steal_pointer(&machine);
}

static void device_free(Device *device)
{
    if (device->class->finalize)
        device->class->finalize(device);
    g_free(device->id);
    g_free(device);
}

void machine_free(Machine *machine)
{
    if (!machine)
        return;
    for (guint i = machine->devices->len; i > 0; i--)
        device_free(g_ptr_array_index(machine->devices, i - 1));
    g_ptr_array_unref(machine->devices);
    g_array_unref(machine->outputs);
    g_array_unref(machine->block_errors);
    time_travel_free(machine->travel);
    machine_free_pages(machine);
    breakpoints_free(machine->breakpoints);
    input_script_free(machine->script);
    replay_free(machine->replay);
    inbox_free(machine->inbox);
    hash_list_free(machine->hashes);
    timer_queue_free(machine->timers);
    if (machine->cpu)
        translator_free(machine->cpu->translator);
    cpu_free(machine->cpu);
    bus_free(machine->bus);
    memory_free(machine->memory);
    machine_config_free(machine->config);
    g_free(machine->dirty_pages);
    g_free(machine->error_text);
    g_free(machine);
}

/* RAM is zero at power-on. Zeroing marks every page that was not: a reset is a write. */
static void clear_memory(Memory *memory)
{
    static const uint8_t zero[MEMORY_PAGE_SIZE];
    memory_device_clear(memory, 0, memory->device_size);
    for (uint64_t page = 0; page < memory->size >> MEMORY_PAGE_BITS; page++) {
        uint64_t at = page << MEMORY_PAGE_BITS;
        bool was_touched = memory->page_mark[page] != 0;
        if (was_touched && memcmp(memory->ram + at, zero, sizeof zero))
            memory_write(memory, at, zero, sizeof zero);
    }
}

bool machine_power_on(Machine *machine, GError **error)
{
    machine->s.shutdown = SHUTDOWN_NONE;
    clear_memory(machine->memory);
    cpu_reset(machine->cpu);
    for (guint i = 0; i < machine->devices->len; i++)
        device_reset(g_ptr_array_index(machine->devices, i));
    return machine->board->load(machine, error);
}

/* --- devices ---------------------------------------------------------------------------------- */

Device *device_new(Machine *machine, const DeviceClass *class, const char *id)
{
    g_assert(class->size >= sizeof(Device) && !machine_device_by_id(machine, id));
    Device *device = g_malloc0(class->size);
    device->class = class;
    device->machine = machine;
    device->id = g_strdup(id);
    device->number = machine->devices->len;
    g_ptr_array_add(machine->devices, device);
    g_array_set_size(machine->outputs, machine->devices->len);
    output_hash_init(&g_array_index(machine->outputs, OutputHash, device->number));
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
    Machine *machine = device->machine;
    for (unsigned i = 0; i < machine->unknown_count; i++) {
        MachineUnknown *known = &machine->unknowns[i];
        if (known->device == device && known->which == which && !strcmp(known->what, what)) {
            known->count++;
            return;
        }
    }
    if (machine->unknown_count < MACHINE_UNKNOWNS_MAX)
        machine->unknowns[machine->unknown_count++] = (MachineUnknown){ device, what, which, 1 };
}

const MachineUnknown *machine_unknowns(Machine *machine, unsigned *count)
{
    *count = machine->unknown_count;
    return machine->unknowns;
}

unsigned machine_device_count(Machine *machine)
{
    return machine->devices->len;
}

Device *machine_device(Machine *machine, unsigned index)
{
    return index < machine->devices->len ? g_ptr_array_index(machine->devices, index) : NULL;
}

Device *machine_device_by_id(Machine *machine, const char *id)
{
    for (guint i = 0; i < machine->devices->len; i++) {
        Device *device = g_ptr_array_index(machine->devices, i);
        if (!strcmp(device->id, id))
            return device;
    }
    return NULL;
}

/* --- what boards and devices ask -------------------------------------------------------------- */

Memory *machine_memory(Machine *machine)
{
    return machine->memory;
}

Bus *machine_bus(Machine *machine)
{
    return machine->bus;
}

Clock *machine_clock(Machine *machine)
{
    return &machine->clock;
}

TimerQueue *machine_timers(Machine *machine)
{
    return machine->timers;
}

Cpu *machine_cpu(Machine *machine, unsigned index)
{
    return index == 0 ? machine->cpu : NULL;
}

const MachineConfig *machine_config(Machine *machine)
{
    return machine->config;
}

int machine_directory(Machine *machine)
{
    return machine->directory;
}

uint64_t machine_now_ns(Machine *machine)
{
    return clock_virtual_ns(&machine->clock);
}

void machine_touch_boundary(Machine *machine)
{
    cpu_stop_at_boundary(machine->cpu);
}

int64_t machine_host_clock_ns(Machine *machine)
{
    Position position = machine_position(machine);
    gint64 ns = 0;
    if (!replay_clock_host(machine->replay, &position, &ns))
        machine_touch_boundary(machine);
    return ns;
}

void machine_random(Machine *machine, void *data, size_t length)
{
    Position position = machine_position(machine);
    gint32 result = 0;
    if (!replay_random(machine->replay, &position, data, (guint32)length, &result))
        machine_touch_boundary(machine);
}

/* In the log a sample has eight bytes, big-endian. */
#define LOGGED_FRAME 16

static void put_frames(uint8_t *bytes, const int16_t *frames, unsigned count)
{
    for (unsigned i = 0; i < 2 * count; i++) {
        uint64_t sample = GUINT64_TO_BE((uint64_t)(int64_t)frames[i]);
        memcpy(bytes + 8 * i, &sample, 8);
    }
}

static void get_frames(const uint8_t *bytes, int16_t *frames, unsigned count)
{
    for (unsigned i = 0; i < 2 * count; i++)
        frames[i] = (int16_t)(uint16_t)(bytes[8 * i + 6] << 8 | bytes[8 * i + 7]);
}

void machine_audio_in(Device *device, uint64_t first, int16_t *frames, unsigned count)
{
    Machine *machine = device->machine;
    Position position = machine_position(machine);
    uint8_t bytes[MACHINE_AUDIO_FRAMES_MAX * LOGGED_FRAME];
    unsigned got = 0;
    g_assert(count <= MACHINE_AUDIO_FRAMES_MAX);
    memset(frames, 0, count * 2 * sizeof *frames);
    if (replay_mode(machine->replay) != REPLAY_PLAY && machine->host.audio_in)
        got = machine->host.audio_in(machine->host.opaque, device, first, frames, count);
    put_frames(bytes, frames, got);
    Event event = { .kind = EVENT_AUDIO_IN };
    event.audio_in.write_position = first;
    event.audio_in.frames = bytes;
    event.audio_in.frames_length = got * LOGGED_FRAME;
    if (!replay_value(machine->replay, &position, &event)) {
        machine_touch_boundary(machine);
        return;
    }
    get_frames(event.audio_in.frames, frames,
               MIN(count, event.audio_in.frames_length / LOGGED_FRAME));
}

void machine_output(Device *device, const void *data, size_t length)
{
    Machine *machine = device->machine;
    output_hash_add(&g_array_index(machine->outputs, OutputHash, device->number), data, length);
    if (machine->host.output && !machine->is_away)
        machine->host.output(machine->host.opaque, device, data, length);
    if (machine->host.output_away && machine->is_away)
        machine->host.output_away(machine->host.opaque, device, data, length);
}

uint64_t machine_output_count(Machine *machine, unsigned number)
{
    return g_array_index(machine->outputs, OutputHash, number).total;
}

void machine_moved(Machine *machine)
{
    if (machine->host.moved && !machine->is_away)
        machine->host.moved(machine->host.opaque);
}

void machine_arrived(Device *device, const void *data, size_t length)
{
    Machine *machine = device->machine;
    if (machine->host.arrived && !machine->is_away)
        machine->host.arrived(machine->host.opaque, device, data, length);
}

void machine_request_shutdown(Machine *machine, ShutdownCause cause)
{
    if (machine->s.shutdown == SHUTDOWN_NONE)
        machine->s.shutdown = cause;
    machine_touch_boundary(machine);
}

/* --- run states ------------------------------------------------------------------------------- */

static const char *const run_state_names[] = {
    [MACHINE_PRELAUNCH] = "prelaunch",
    [MACHINE_RUNNING] = "running",
    [MACHINE_PAUSED] = "paused",
    [MACHINE_SHUTDOWN] = "shutdown",
    [MACHINE_PANICKED] = "guest-panicked",
    [MACHINE_IO_ERROR] = "io-error",
    [MACHINE_REPLAY_END] = "replay-end",
    [MACHINE_REPLAY_DIVERGED] = "replay-diverged",
    [MACHINE_INTERNAL_ERROR] = "internal-error",
};

const char *machine_run_state_name(MachineRunState state)
{
    g_assert(state < G_N_ELEMENTS(run_state_names));
    return run_state_names[state];
}

MachineRunState machine_run_state(Machine *machine)
{
    return machine->run_state;
}

void machine_set_run_state(Machine *machine, MachineRunState state)
{
    if (machine->run_state == state)
        return;
    machine->run_state = state;
    machine->idle_is_paced = false;
    cpu_stop_at_boundary(machine->cpu);
    if (machine->host.state_changed && !machine->is_away)
        machine->host.state_changed(machine->host.opaque, state, machine->cause);
}

void machine_internal_error(Machine *machine, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_free(machine->error_text);
    machine->error_text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    machine_set_run_state(machine, MACHINE_INTERNAL_ERROR);
}

const char *machine_error_text(Machine *machine)
{
    return machine->error_text;
}

bool machine_start(Machine *machine, GError **error)
{
    if (machine->breakpoints)
        breakpoints_resume(machine->breakpoints, machine->cpu);
    if (machine->stops)
        breakpoints_resume(machine->stops, machine->cpu);
    switch (machine->run_state) {
    case MACHINE_PRELAUNCH:
    case MACHINE_PAUSED:
    case MACHINE_PANICKED:
    case MACHINE_IO_ERROR:
    case MACHINE_RUNNING: machine_set_run_state(machine, MACHINE_RUNNING); return true;
    default:
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the machine cannot run on: it is %s",
                    machine_run_state_name(machine->run_state));
        return false;
    }
}

void machine_pause(Machine *machine)
{
    if (machine->run_state == MACHINE_RUNNING)
        machine_set_run_state(machine, MACHINE_PAUSED);
}

Replay *machine_replay(Machine *machine)
{
    return machine->replay;
}

Inbox *machine_inbox(Machine *machine)
{
    return machine->inbox;
}

bool machine_set_engine(Machine *machine, MachineEngine engine,
                        const struct TranslatorOptions *options, GError **error)
{
    static const TranslatorOptions defaults;
    Translator *translator = NULL;
    if (engine == MACHINE_ENGINE_TRANSLATOR) {
        translator =
            translator_new(machine->cpu, machine->memory, options ? options : &defaults, error);
        if (!translator)
            return false;
    }
    translator_free(machine->cpu->translator);
    machine->cpu->translator = translator;
    code_cache_flush(machine->cpu->engine);
    return true;
}

void machine_set_quantum(Machine *machine, uint64_t quantum)
{
    machine->quantum = quantum ? quantum : DEFAULT_QUANTUM;
}
