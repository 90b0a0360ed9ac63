/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's whole state: hashed, saved, loaded; and where recordings begin and end.
 *
 * 1. A machine rests in phase 1 of a boundary, or, idle, after its last phase. replay/ knows which
 *    (inputs were opened there or not) and ends a replay in the same phase.
 * 2. What is hashed is a subset of what is saved: how far a boundary has been worked through, and
 *    which pages await digesting, depend on when somebody stopped the machine.
 */
#include "machine/machine-internal.h"

#include <gio/gio.h>
#include <string.h>

#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/snapshot.h"

const StateTable machine_state_table = {
    "machine", 1, sizeof(MachineState),
    (const StateField[]){
        STATE_FIELD(MachineState, sequence_icount, "icount at which virtual time was moved last"),
        STATE_FIELD(MachineState, sequence, "how often it was moved there"),
        STATE_FIELD_MAX(MachineState, shutdown, SHUTDOWN_COUNT - 1,
                        "shutdown or reset asked for, due at the next boundary"),
        STATE_DONE }
};

/* --- hashing ---------------------------------------------------------------------------------- */

void machine_collect_dirty(Machine *machine)
{
    memory_take_news(machine->memory, machine->dirty_pages);
}

/* Takes the first page at or above FROM out of those that await digesting. */
static guint64 next_dirty(gpointer user, guint64 from)
{
    Machine *machine = user;
    uint64_t pages = memory_page_count(machine->memory);
    for (uint64_t word = from / 64; word <= (pages - 1) / 64; word++) {
        uint64_t bits = machine->dirty_pages[word];
        if (word == from / 64)
            bits &= UINT64_MAX << (from % 64);
        if (bits) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            machine->dirty_pages[word] &= ~(1ull << bit);
            return word * 64 + bit;
        }
    }
    return pages;
}

static void feed_hasher(void *user, const guint8 *data, gsize length)
{
    hasher_bytes(user, data, length);
}

static void hash_device(Device *device, Hasher *hasher, HashList *list)
{
    Digest digest;
    hasher_reset(hasher);
    hasher_struct(hasher, device->class->state, device_state(device));
    if (device->class->hash_more)
        device->class->hash_more(device, feed_hasher, hasher);
    hasher_digest(hasher, &digest);
    hash_list_add(list, device->id, &digest);
}

static void hash_translations(Machine *machine, Hasher *hasher, HashList *list)
{
    Digest digest;
    hasher_reset(hasher);
    translation_set_feed(mmu_translation_set(machine->cpu->mmu), feed_hasher, hasher);
    hasher_digest(hasher, &digest);
    hash_list_add(list, "translations", &digest);
}

static void hash_outputs(Machine *machine, HashList *list)
{
    for (guint i = 0; i < machine->outputs->len; i++) {
        const OutputHash *output = &g_array_index(machine->outputs, OutputHash, i);
        if (!output->total)
            continue;
        g_autofree char *name = g_strdup_printf("output:%s", machine_device(machine, i)->id);
        hash_list_add_struct(list, name, &output_hash_state, output);
    }
}

/* What is looked at of RAM. */
typedef enum {
    HASH_POINT_PAGES, /* those that it is the turn of */
    HASH_WRITTEN,     /* all that were ever written: the others are zero where a recording begins */
    HASH_ALL,         /* the others, too: something may have changed them behind the marks */
} HashScope;

static void hash_memory(Machine *machine, HashScope scope, HashList *list)
{
    RamView view = { .data = machine->memory->ram,
                     .pages = memory_page_count(machine->memory),
                     .next_dirty = next_dirty,
                     .user = machine,
                     .marks = scope == HASH_ALL ? NULL : machine->memory->page_mark };
    if (scope != HASH_POINT_PAGES)
        ram_hash_all(&machine->ram_hash, &view, "", list);
    else
        ram_hash_point(&machine->ram_hash, &view, cpu_icount(machine->cpu), "", list);
}

static void hash_machine(Machine *machine, HashScope scope, HashList *list)
{
    g_autoptr(Hasher) hasher = hasher_new();
    RamHash before = machine->ram_hash;
    hash_list_reset(list);
    if (scope != HASH_POINT_PAGES)
        memory_check_marks(machine->memory);
    machine_collect_dirty(machine);
    hash_list_add_struct(list, "machine", &machine_state_table, &machine->s);
    hash_list_add_struct(list, "clock", &clock_state_table, &machine->clock.s);
    hash_list_add_struct(list, "timers", &timer_queue_state_table,
                         timer_queue_state(machine->timers));
    hash_list_add_struct(list, "cpu0", &cpu_state_table, &machine->cpu->s);
    hash_translations(machine, hasher, list);
    for (guint i = 0; i < machine->devices->len; i++)
        hash_device(machine_device(machine, i), hasher, list);
    hash_outputs(machine, list);
    hash_memory(machine, scope, list);
    if (scope != HASH_POINT_PAGES)
        machine->ram_hash = before; /* a question leaves no trace in the points to come */
}

void machine_hash(Machine *machine, bool full, HashList *list)
{
    hash_machine(machine, full ? HASH_ALL : HASH_POINT_PAGES, list);
}

uint64_t machine_point_bytes(const Machine *machine)
{
    return hash_list_point_bytes(machine->hashes);
}

/* --- recording and replaying ------------------------------------------------------------------ */

static bool require_no_replay(Machine *machine, GError **error)
{
    ReplayMode mode = replay_mode(machine->replay);
    if (mode == REPLAY_NONE)
        return true;
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE, "the machine is in mode %s already",
                replay_mode_name(mode));
    return false;
}

/* RAM is digested where a recording begins: what was dirty before is no news. */
static void hash_from_scratch(Machine *machine)
{
    uint64_t words = memory_news_words(machine->memory);
    hash_machine(machine, HASH_WRITTEN, machine->hashes);
    machine->ram_hash = (RamHash){ 0 };
    for (uint64_t i = 0; i < words; i++)
        machine->dirty_pages[i] = 0;
}

bool machine_record(Machine *machine, LogWriter *log, SyncLevel level, GError **error)
{
    if (!require_no_replay(machine, error)) {
        log_writer_free(log);
        return false;
    }
    Position position = machine_position(machine);
    hash_from_scratch(machine);
    replay_record(machine->replay, log, level, &position, machine->hashes);
    return true;
}

bool machine_record_stop(Machine *machine, GError **error)
{
    if (replay_mode(machine->replay) != REPLAY_RECORD) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_STATE, "the machine is not recording");
        return false;
    }
    machine_settle_inputs(machine);
    Position position = machine_position(machine);
    machine_hash(machine, true, machine->hashes);
    return replay_finish(machine->replay, &position, machine->hashes, error);
}

bool machine_play(Machine *machine, LogReader *log, SyncLevel level, GError **error)
{
    if (!require_no_replay(machine, error)) {
        log_reader_free(log);
        return false;
    }
    Position position = machine_position(machine);
    hash_from_scratch(machine);
    inbox_set_closed(machine->inbox, true);
    replay_play(machine->replay, log, level, &position, machine->hashes);
    return true;
}

char **machine_behaviour_versions(Machine *machine)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *board =
        g_strdup_printf("board:%s %u", machine->board->name, machine->board->behaviour_version);
    g_autofree char *cpu = g_strdup_printf("cpu:%s %u", machine->cpu->model->name,
                                           machine->cpu->model->behaviour_version);
    g_autofree char *hash = g_strdup_printf("hash:points %u", HASH_POINT_VERSION);
    g_strv_builder_add(builder, board);
    g_strv_builder_add(builder, cpu);
    g_strv_builder_add(builder, hash);
    for (guint i = 0; i < machine->devices->len; i++) {
        const Device *device = machine_device(machine, i);
        g_autofree char *line = g_strdup_printf("%s:%s %u", device->class->name, device->id,
                                                device->class->behaviour_version);
        g_strv_builder_add(builder, line);
    }
    return g_strv_builder_end(builder);
}

/* --- saving and loading ----------------------------------------------------------------------- */

/*
 * Two halves: the memory, and all else. Recordings have them in one stream; a snapshot has the
 * memory as pages that it shares with others (snapshot.c).
 */

static bool is_zero_page(const uint8_t *data)
{
    static const uint8_t zero[MEMORY_PAGE_SIZE];
    return !memcmp(data, zero, sizeof zero);
}

static void save_memory(const Machine *machine, StateWriter *writer)
{
    const Memory *memory = machine->memory;
    state_writer_name(writer, "ram");
    state_writer_u64(writer, memory_page_count(memory) * MEMORY_PAGE_SIZE);
    for (uint64_t page = 0; page < memory_page_count(memory); page++) {
        const uint8_t *data = memory->ram + page * MEMORY_PAGE_SIZE;
        if (!memory->page_mark[page] || is_zero_page(data))
            continue;
        state_writer_u64(writer, page);
        state_writer_bytes(writer, data, MEMORY_PAGE_SIZE);
    }
    state_writer_u64(writer, UINT64_MAX);
}

/* All zero, as at power-on. A page without a mark is: nobody has touched it. */
static void clear_pages(Memory *memory)
{
    for (uint64_t page = 0; page < memory_page_count(memory); page++) {
        uint8_t *data = memory->ram + page * MEMORY_PAGE_SIZE;
        if (memory->page_mark[page] && !is_zero_page(data))
            memset(data, 0, MEMORY_PAGE_SIZE);
    }
}

static bool check_size(const Memory *memory, StateReader *reader, uint64_t size)
{
    uint64_t own = memory_page_count(memory) * MEMORY_PAGE_SIZE;
    if (size != own)
        state_reader_fail(reader,
                          "ram: %" G_GUINT64_FORMAT
                          " bytes were saved, this machine has %" G_GUINT64_FORMAT,
                          size, own);
    return !state_reader_failed(reader);
}

static void load_memory(Machine *machine, StateReader *reader)
{
    Memory *memory = machine->memory;
    state_reader_expect_name(reader, "ram");
    if (!check_size(memory, reader, state_reader_u64(reader)))
        return;
    clear_pages(memory);
    for (;;) {
        uint64_t page = state_reader_u64(reader);
        if (page == UINT64_MAX || state_reader_failed(reader))
            break;
        if (page >= memory_page_count(memory)) {
            state_reader_fail(reader, "ram: there is no page %" G_GUINT64_FORMAT, page);
            break;
        }
        state_reader_bytes(reader, memory->ram + page * MEMORY_PAGE_SIZE, MEMORY_PAGE_SIZE);
        memory_mark(memory, page * MEMORY_PAGE_SIZE);
    }
}

static void save_dirty(const Machine *machine, StateWriter *writer)
{
    uint64_t words = memory_news_words(machine->memory);
    state_writer_name(writer, "dirty-pages");
    for (uint64_t i = 0; i < words; i++)
        state_writer_u64(writer, machine->dirty_pages[i]);
}

static void load_dirty(Machine *machine, StateReader *reader)
{
    uint64_t pages = memory_page_count(machine->memory);
    state_reader_expect_name(reader, "dirty-pages");
    for (uint64_t i = 0; i < pages / 64 + 1; i++)
        machine->dirty_pages[i] = state_reader_u64(reader);
    machine->dirty_pages[pages / 64] &= (1ull << (pages % 64)) - 1;
}

static void save_devices(const Machine *machine, StateWriter *writer)
{
    for (guint i = 0; i < machine->devices->len; i++) {
        Device *device = g_ptr_array_index(machine->devices, i);
        state_writer_name(writer, device->id);
        state_save(writer, device->class->state, device_state(device));
        if (device->class->save_more)
            device->class->save_more(device, writer);
        state_save(writer, &output_hash_state, &g_array_index(machine->outputs, OutputHash, i));
    }
}

static bool load_devices(Machine *machine, StateReader *reader, GError **error)
{
    for (guint i = 0; i < machine->devices->len; i++) {
        Device *device = g_ptr_array_index(machine->devices, i);
        state_reader_expect_name(reader, device->id);
        state_poison(device->class->state, device_state(device));
        if (!state_load(reader, device->class->state, device_state(device), error))
            return false;
        if (device->class->load_more)
            device->class->load_more(device, reader);
        if (!state_load(reader, &output_hash_state, &g_array_index(machine->outputs, OutputHash, i),
                        error))
            return false;
    }
    return true;
}

void machine_save_state(Machine *machine, StateWriter *writer)
{
    machine_collect_dirty(machine);
    state_writer_name(writer, "powerplay-machine");
    state_writer_u64(writer, cpu_icount(machine->cpu));
    state_save(writer, &machine_state_table, &machine->s);
    state_save(writer, &clock_state_table, &machine->clock.s);
    state_save(writer, &timer_queue_state_table, timer_queue_state(machine->timers));
    Position position = machine_position(machine);
    state_save(writer, &replay_state, replay_get_state(machine->replay, &position));
    state_save(writer, &ram_hash_state, &machine->ram_hash);
    state_save(writer, &cpu_state_table, &machine->cpu->s);
    translation_set_save(mmu_translation_set(machine->cpu->mmu), writer);
    save_devices(machine, writer);
    save_dirty(machine, writer);
}

void machine_save(Machine *machine, StateWriter *writer)
{
    machine_save_state(machine, writer);
    save_memory(machine, writer);
}

/* What the table does not name is poisoned first, so that whatever was forgotten shows. */
static bool load_table(StateReader *reader, const StateTable *table, void *state, GError **error)
{
    state_poison(table, state);
    return state_load(reader, table, state, error);
}

static bool load_fixed(Machine *machine, StateReader *reader, GError **error)
{
    return load_table(reader, &machine_state_table, &machine->s, error) &&
           load_table(reader, &clock_state_table, &machine->clock.s, error) &&
           load_table(reader, &timer_queue_state_table, timer_queue_state(machine->timers),
                      error) &&
           load_table(reader, &replay_state, replay_get_state(machine->replay, NULL), error) &&
           load_table(reader, &ram_hash_state, &machine->ram_hash, error) &&
           load_table(reader, &cpu_state_table, &machine->cpu->s, error);
}

/* What belongs to a boundary that is not there any more, and to a guest that is another now. */
static void forget_present(Machine *machine)
{
    g_array_set_size(machine->block_errors, 0);
    memset(&machine->cpu->exception, 0xa5, sizeof machine->cpu->exception);
    inbox_set_closed(machine->inbox, replay_mode(machine->replay) == REPLAY_PLAY);
    machine->idle_is_paced = false;
}

bool machine_load_state(Machine *machine, StateReader *reader, GError **error)
{
    state_reader_expect_name(reader, "powerplay-machine");
    uint64_t icount = state_reader_u64(reader);
    if (!load_fixed(machine, reader, error))
        return false;
    machine->cpu->icount_end = icount;
    machine->cpu->left = 0;
    translation_set_load(mmu_translation_set(machine->cpu->mmu), reader);
    if (!load_devices(machine, reader, error))
        return false;
    load_dirty(machine, reader);
    forget_present(machine);
    return state_reader_check(reader, error);
}

void machine_loaded(Machine *machine, bool keeps_code)
{
    memory_take_news(machine->memory, NULL);
    machine->is_written = false;
    for (guint i = 0; i < machine->devices->len; i++) {
        Device *device = g_ptr_array_index(machine->devices, i);
        if (device->class->after_load)
            device->class->after_load(device);
    }
    cpu_after_load(machine->cpu, keeps_code);
}

bool machine_load(Machine *machine, StateReader *reader, GError **error)
{
    if (!machine_load_state(machine, reader, error))
        return false;
    machine_forget_base(machine);
    load_memory(machine, reader);
    if (!state_reader_check(reader, error))
        return false;
    machine_loaded(machine, false);
    return true;
}
