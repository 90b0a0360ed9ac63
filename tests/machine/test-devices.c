/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must hold for every device class of devices.def, whatever it does: its table covers its
 * state, a save and a load lose nothing, and no sequence of accesses brings it down. The devices
 * are those of a whole pseries board, worked by a stream of random but meaningful operations.
 */
#include "machine/boards/boards.h"
#include "machine/devices/devices.h"
#include "machine/devices/bench.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/virtio-devices.h"
#include "machine/devices/virtio-gpu.h"
#include "machine/devices/vty.h"
#include "tests/machine/fake-machine.h"
#include "tests/machine/virtio-driver.h"
#include "tests/check-run.h"

#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_BYTES  (300u << 10)
#define FUNCTIONS    6 /* of the slots: those of virtio devices */
#define SCREEN_SLOT  3 /* a VGA, which has no queues, or a virtio-gpu */
#define TABLET_SLOT  4
#define CONSOLE_SLOT 5
#define SOUND_SLOT   6
#define SOUND_PORTS  0x1000u
#define OPERATIONS   3000
#define BENCH_BASE   0xf0000000u

typedef struct {
    Machine *machine;
    Driver driver[FUNCTIONS];
    GRand *random; /* of the operations, not of the machine */
} TestBoard;

static MachineConfig config;

static void setup(void)
{
    config = fake_machine_whole_config(4u << 20, memfd_create("image", 0));
    config.inputs[0] = CONFIG_INPUT_TABLET;
    config.input_count = 1;
    ck_assert_int_eq(ftruncate(config.disks[0].fd, IMAGE_BYTES), 0);
}

static void teardown(void)
{
    close(config.disks[0].fd);
}

/* Of boards that are made from now on. */
static void choose_screen(bool is_gpu)
{
    config.display.device = is_gpu ? CONFIG_DISPLAY_VIRTIO_GPU : CONFIG_DISPLAY_VGA;
}

static bool has_gpu(void)
{
    return config.display.device == CONFIG_DISPLAY_VIRTIO_GPU;
}

static TestBoard board_new(uint32_t seed)
{
    TestBoard board = { .machine = fake_machine_new(&config),
                        .random = g_rand_new_with_seed(seed) };
    ck_assert(pseries_board.build(board.machine, NULL));
    /* The one device of another board. */
    bench_connect(device_new(board.machine, &bench_class, "bench"), machine_bus(board.machine),
                  BENCH_BASE, NULL);
    fake_machine_reset(board.machine);
    return board;
}

static void board_clear(TestBoard *board)
{
    fake_machine_free(board->machine);
    g_rand_free(board->random);
}

/* --- operations ------------------------------------------------------------------------------- */

static uint32_t below(TestBoard *board, uint32_t limit)
{
    return (uint32_t)g_rand_int_range(board->random, 0, (gint32)limit);
}

static uint64_t any64(TestBoard *board)
{
    uint64_t value = (uint64_t)g_rand_int(board->random) << 32 | g_rand_int(board->random);
    return value >> below(board, 64);
}

static Device *pci(TestBoard *board)
{
    return fake_machine_device(board->machine, "pci");
}

static unsigned queues_of(unsigned slot)
{
    return slot == CONSOLE_SLOT                                      ? 6
           : slot == 1 || slot == SCREEN_SLOT || slot == TABLET_SLOT ? 2
                                                                     : 1;
}

static void start_slot(TestBoard *board, unsigned slot)
{
    if (slot != SCREEN_SLOT || has_gpu())
        driver_start(&board->driver[slot], board->machine, pci(board), slot,
                     0x100000 + slot * 0x40000, queues_of(slot),
                     below(board, 4) | (slot == 0 ? DRIVER_ZEROES : 0));
}

static void start_function(TestBoard *board)
{
    start_slot(board, below(board, FUNCTIONS));
}

static DriverBuffer any_buffer(TestBoard *board, bool is_writable)
{
    return (DriverBuffer){ 0x10000 + below(board, 0x80000), 512 * below(board, 9), is_writable };
}

/* A request that a disk understands, most of the time. */
static void add_disk_request(TestBoard *board)
{
    static const uint8_t types[] = { 0, 0, 0, 1, 1, 1, 4, 8, 2, 99, 11, 13 };
    Memory *memory = machine_memory(board->machine);
    uint32_t type = types[below(board, sizeof types)];
    DriverBuffer buffers[3] = { any_buffer(board, false), any_buffer(board, type != 1 && type < 11),
                                any_buffer(board, true) };
    buffers[0].length = 16;
    buffers[2].length = 1;
    if (type == 11 || type == 13) {
        buffers[1].length = 16;
        memory_write_le32(memory, buffers[1].address, below(board, IMAGE_BYTES / 512 + 2));
        memory_write_le32(memory, buffers[1].address + 4, 0);
        memory_write_le32(memory, buffers[1].address + 8, below(board, 300));
        memory_write_le32(memory, buffers[1].address + 12, below(board, 2));
    }
    memory_write_le32(memory, buffers[0].address, type);
    memory_write_le32(memory, buffers[0].address + 8, below(board, IMAGE_BYTES / 512 + 2));
    memory_write_le32(memory, buffers[0].address + 12, 0);
    driver_add(&board->driver[0], 0, buffers, 3);
}

/* A command that a virtio-gpu understands, most of the time: the last two words are a list of
 * pages. */
static void add_gpu_command(TestBoard *board)
{
    static const uint32_t formats[] = { 1, 2, 3, 4, 67, 68, 121, 134, 5 };
    Memory *memory = machine_memory(board->machine);
    DriverBuffer buffers[2] = { any_buffer(board, false), any_buffer(board, true) };
    uint32_t words[20] = { 0x100 + below(board, 12), below(board, 2), below(board, 99) };
    uint32_t id = 1 + below(board, 3), side = 1 + below(board, 20);
    words[6] = words[0] == 0x101 || words[0] == 0x102 || words[0] >= 0x106 ? id : below(board, 3);
    words[7] = words[0] == 0x101   ? formats[below(board, G_N_ELEMENTS(formats))]
               : words[0] == 0x106 ? 1 + below(board, 2)
                                   : below(board, 3);
    words[8] = words[0] == 0x106 ? 0x10000 + below(board, 0x1000) : side;
    words[9] = words[0] == 0x106 ? 0 : 1 + below(board, 20);
    words[10] = words[0] == 0x103 ? 0 : words[0] == 0x104 ? id : 4 * below(board, 9);
    words[11] = words[0] == 0x103 ? id : 0;
    words[12] = words[0] == 0x106 ? 0x30000 : id;
    words[14] = 4 * below(board, 500);
    if (words[0] == 0x106)
        words[10] = 4 * below(board, 500);
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        memory_write_le32(memory, buffers[0].address + 4 * i, words[i]);
    buffers[0].length = sizeof words;
    buffers[1].length += 24;
    driver_add(&board->driver[SCREEN_SLOT], 0, buffers, 2);
}

/* What a driver tells of a port, and buffers for what it is told. */
static void work_console(TestBoard *board)
{
    static const uint8_t events[] = { 0, 3, 3, 6, 6, 6, 1, 9 };
    Driver *driver = &board->driver[CONSOLE_SLOT];
    DriverBuffer message = { 0x10000 + 16 * below(board, 99), below(board, 20) ? 8 : 5, false };
    DriverBuffer room = { 0x20000 + below(board, 0x1000), below(board, 80), true };
    if (!driver->machine || driver_status(driver) != 0x0f)
        start_slot(board, CONSOLE_SLOT);
    memory_write_le32(machine_memory(board->machine), message.address, below(board, 3));
    memory_write_le32(machine_memory(board->machine), message.address + 4,
                      events[below(board, sizeof events)] | (below(board, 8) != 0) << 16);
    driver_add(driver, 2, &room, 1);
    driver_add(driver, 3, &message, 1);
    driver_notify(driver, below(board, 3) ? 3 : 2);
}

static void add_any_chain(TestBoard *board, unsigned slot, unsigned queue)
{
    DriverBuffer buffers[4];
    unsigned count = 1 + below(board, 4), written_from = slot && queue == 0 ? 0 : below(board, 6);
    for (unsigned i = 0; i < count; i++)
        buffers[i] = any_buffer(board, i >= written_from);
    driver_add(&board->driver[slot], queue, buffers, count);
}

static void add_chain(TestBoard *board)
{
    unsigned slot = below(board, FUNCTIONS);
    unsigned queue = below(board, queues_of(slot));
    if (slot == SCREEN_SLOT && !has_gpu())
        return;
    if (!board->driver[slot].machine || driver_status(&board->driver[slot]) != 0x0f)
        start_slot(board, slot);
    if (slot == 0 && below(board, 30))
        add_disk_request(board);
    else if (slot == SCREEN_SLOT && queue == 0 && below(board, 30))
        add_gpu_command(board);
    else
        add_any_chain(board, slot, queue);
    driver_notify(&board->driver[slot], queue);
}

static void poke_bar(TestBoard *board)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    Driver driver = { .machine = board->machine, .slot = below(board, FUNCTIONS) };
    unsigned size = sizes[below(board, 4)];
    uint32_t offset = below(board, 4) * 0x1000 + below(board, 0x40) / size * size;
    if (below(board, 2))
        driver_write(&driver, offset, size, any64(board));
    else
        driver_read(&driver, offset, size);
}

static void poke_bench(TestBoard *board)
{
    static const uint8_t registers[] = { 0, 8, 8, 16 };
    uint64_t address = BENCH_BASE + registers[below(board, sizeof registers)];
    if (below(board, 4))
        bus_write(machine_bus(board->machine), address, 4, (uint64_t)below(board, 2) << 24);
    else
        bus_read(machine_bus(board->machine), address, 4);
}

/* Registers as drivers use them, and the frame buffer; not the bytes that nobody decodes. */
static void poke_vga(TestBoard *board)
{
    static const uint16_t places[] = { 0, 0x400, 0x408, 0x41a, 0x500, 0x508, 0x600, 0x604 };
    Bus *bus = machine_bus(board->machine);
    uint64_t real = 0;
    if (has_gpu())
        return;
    Device *vga = fake_machine_device(board->machine, "vga");
    bool in_frame = below(board, 2);
    if (!pci_function_bar(vga_function(vga), in_frame ? VGA_FRAME_BAR : VGA_REGISTER_BAR, &real))
        return;
    real += in_frame ? below(board, VGA_MEMORY_SIZE / 2) * 2
                     : places[below(board, G_N_ELEMENTS(places))] + below(board, 8) * 2;
    if (below(board, 3))
        bus_write(bus, real, 2, below(board, 2) ? any64(board) & 0xffff : below(board, 4) * 32);
    else
        bus_read(bus, real, 2);
}

static void open_sound(TestBoard *board)
{
    pci_host_config_write(pci(board), SOUND_SLOT << 11 | 0x10, 4, SOUND_PORTS);
    pci_host_config_write(pci(board), SOUND_SLOT << 11 | 0x04, 4, 5);
    for (unsigned page = 0; page < 64; page++)
        pci_host_set_tce(pci(board), 4096 * page, 1, (0x40000 + 4096 * page) | 3);
}

/* Registers as drivers use them; the channels run most of the time. */
static void poke_sound(TestBoard *board)
{
    static const uint8_t places[] = { 0,    0,    4,    8,    0x0c, 0x0c, 0x10, 0x20,
                                      0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c };
    uint64_t real = PCI_IO_BASE + SOUND_PORTS + places[below(board, sizeof places)];
    uint32_t at = (uint32_t)(real & 0x3f), value = (uint32_t)any64(board);
    Bus *bus = machine_bus(board->machine);
    if (!below(board, 4))
        open_sound(board);
    if (at == 0)
        value = (below(board, 60) << 16) | 3u << 12 | below(board, 8) << 4;
    else if (at == 0x0c)
        value = 0x0c + below(board, 2);
    else if (at == 0x30 || at == 0x38)
        value = below(board, 0x3f000);
    else if (at >= 0x20)
        value = below(board, at == 0x20 ? 0x10000 : 200);
    if (below(board, 3))
        bus_write(bus, real, 4, value);
    else
        bus_read(bus, real, 4);
}

static void poke_config(TestBoard *board)
{
    uint32_t value, address = below(board, SOUND_SLOT + 1) << 11 | (below(board, 64) << 2);
    if (below(board, 2))
        pci_host_config_read(pci(board), address, 4, &value);
    else
        pci_host_config_write(pci(board), address, 4, (uint32_t)any64(board));
}

static void poke_hypercall(TestBoard *board)
{
    unsigned count;
    const Hypercall *calls = pseries_hypercalls(&count);
    uint64_t opcode = below(board, 8) ? calls[below(board, count)].opcode : any64(board);
    fake_machine_hypercall(board->machine, opcode, 6, any64(board), any64(board), any64(board),
                           any64(board), any64(board), any64(board));
}

static void poke_rtas(TestBoard *board)
{
    unsigned count;
    const RtasCall *calls = pseries_rtas_calls(&count);
    const RtasCall *call = &calls[below(board, count)];
    Memory *memory = machine_memory(board->machine);
    memory_write_be32(memory, 0x2000, call->token);
    memory_write_be32(memory, 0x2004, call->arg_count);
    memory_write_be32(memory, 0x2008, call->ret_count);
    for (unsigned i = 0; i < call->arg_count; i++)
        memory_write_be32(memory, 0x200c + 4 * i,
                          below(board, 3) ? 0x1000 + below(board, 0x204) : (uint32_t)any64(board));
    fake_machine_hypercall(board->machine, 0xf000, 1, (uint64_t)0x2000);
}

/* Presses the button, and sometimes fetches what that leaves. */
static void press_power_button(TestBoard *board)
{
    static const uint32_t words[] = { 0x2006, 6, 1, 0x500, 0x1000, 1u << 30, 0, 0x3000, 256 };
    if (below(board, 2)) {
        pseries_press_power_button(machine_cpu(board->machine, 0)->board_opaque);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        memory_write_be32(machine_memory(board->machine), 0x2000 + 4 * i, words[i]);
    fake_machine_hypercall(board->machine, 0xf000, 1, (uint64_t)0x2000);
}

static void move(TestBoard *board)
{
    Device *tablet = fake_machine_device(board->machine, "tablet");
    Event event = { .kind = EVENT_INPUT_ABSOLUTE };
    event.input_absolute.axis = (guint8)below(board, 2);
    event.input_absolute.value = (gint32)below(board, 40000);
    if (!tablet->class->input_room(tablet))
        return;
    tablet->class->input(tablet, &event);
    if (below(board, 2))
        tablet->class->input_sync(tablet);
}

static void arrive(TestBoard *board)
{
    static const uint8_t bytes[64] = "some bytes from outside";
    Device *vty = fake_machine_device(board->machine, "hvc0");
    Device *net = fake_machine_device(board->machine, "net0");
    Event event = { .kind = EVENT_NET };
    event.net.data = bytes;
    event.net.data_length = below(board, sizeof bytes);
    size_t typed = below(board, sizeof bytes);
    Event typing = { .kind = EVENT_CHAR_READ };
    typing.char_read.data = bytes;
    typing.char_read.data_length = below(board, sizeof bytes);
    Device *port = fake_machine_device(board->machine, below(board, 2) ? "hvc1" : "port");
    port->class->input(port, &typing);
    if (below(board, 2))
        net->class->input(net, &event);
    else
        vty_receive(vty, bytes, MIN(vty_room(vty), typed));
}

static void pass_time(TestBoard *board)
{
    fake_machine_run_to(board->machine, machine_now_ns(board->machine) + below(board, 200000));
}

static void work(TestBoard *board, unsigned operations)
{
    static void (*const kinds[])(
        TestBoard *) = { start_function,     add_chain,   add_chain,      add_chain,  poke_bar,
                         poke_config,        poke_bench,  poke_hypercall, poke_rtas,  arrive,
                         pass_time,          pass_time,   poke_vga,       poke_vga,   move,
                         press_power_button, poke_sound,  poke_sound,     poke_sound, poke_sound,
                         work_console,       work_console };
    for (unsigned i = 0; i < operations; i++) {
        unsigned kind = below(board, G_N_ELEMENTS(kinds));
        if ((kind >= 4 && kind <= 5) || kind == 0) /* these mostly stop what runs */
            kind = below(board, 20) ? 1 : kind;
        kinds[kind](board);
    }
}

/* --- state ------------------------------------------------------------------------------------ */

static void append(gpointer user, const guint8 *data, gsize length)
{
    g_byte_array_append(user, data, (guint)length);
}

/* All that a hash would see of DEVICE. */
static GByteArray *hashed_bytes(Device *device)
{
    GByteArray *bytes = g_byte_array_new();
    state_feed(device->class->state, device_state(device), append, bytes);
    if (device->class->hash_more)
        device->class->hash_more(device, append, bytes);
    return bytes;
}

static bool devices_equal(Device *a, Device *b)
{
    g_autoptr(GByteArray) first = hashed_bytes(a);
    g_autoptr(GByteArray) second = hashed_bytes(b);
    return first->len == second->len && !memcmp(first->data, second->data, first->len);
}

static const char *first_difference(Machine *a, Machine *b)
{
    for (unsigned i = 0; i < fake_machine_device_count(a); i++)
        if (!devices_equal(fake_machine_device_at(a, i), fake_machine_device_at(b, i)))
            return fake_machine_device_at(a, i)->id;
    return NULL;
}

static GBytes *save(Device *device, const StateTable *table)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    state_save(writer, table, device_state(device));
    if (device->class->save_more)
        device->class->save_more(device, writer);
    GBytes *bytes = state_writer_close_bytes(writer, NULL);
    ck_assert_ptr_nonnull(bytes);
    return bytes;
}

static void load(Device *device, const StateTable *table, GBytes *bytes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    state_poison(table, device_state(device));
    bool ok = state_load(reader, table, device_state(device), &error);
    ck_assert_msg(ok, "%s: %s", device->id, error ? error->message : "");
    if (device->class->load_more)
        device->class->load_more(device, reader);
    ok = state_reader_finish(reader, &error);
    ck_assert_msg(ok, "%s: %s", device->id, error ? error->message : "");
    if (device->class->after_load)
        device->class->after_load(device);
}

/* Loads every device of FROM into TO, and RAM. */
static void clone_machine(Machine *from, Machine *to)
{
    Memory *memory = machine_memory(from);
    memory_write(machine_memory(to), 0, memory->ram, memory->size);
    memory_device_write(machine_memory(to), 0, memory_device_data(memory), memory->device_size);
    fake_machine_run_to(to, machine_now_ns(from));
    machine_cpu(to, 0)->s = machine_cpu(from, 0)->s;
    fake_machine_copy_timers(from, to);
    for (unsigned i = 0; i < fake_machine_device_count(from); i++) {
        Device *device = fake_machine_device_at(from, i);
        g_autoptr(GBytes) bytes = save(device, device->class->state);
        load(fake_machine_device_at(to, i), device->class->state, bytes);
    }
}

/* The operations reached the devices, and the host did its part. */
static void check_that_it_worked(TestBoard *board)
{
    DiskFigures figures;
    const FakeRecord *record = fake_machine_record(board->machine);
    disk_figures(virtio_blk_disk(fake_machine_device(board->machine, "hd0")), &figures);
    ck_assert_uint_eq(record->internal_errors, 0);
    /* A reset forgets what the disk's thread has not begun: a slow host does less. */
    ck_assert_uint_ge(figures.reads, 10);
    ck_assert_uint_ge(figures.writes, 10);
    ck_assert_uint_ge(figures.flushes, 3);
    ck_assert_uint_ge(record->random_reads, 20);
    ck_assert_uint_ge(record->output->len, 1000);
    ck_assert_uint_ge(record->captured, 100);
}

/* Boards that are made from now on have such a device. */
static const DeviceRow *row_at(int index)
{
    unsigned count;
    const DeviceRow *rows = device_rows(&count);
    if ((unsigned)index < count)
        choose_screen(rows[index].class == &virtio_gpu_class);
    return (unsigned)index < count ? &rows[index] : NULL;
}

static Device *device_of_class(Machine *machine, const DeviceClass *class)
{
    for (unsigned i = 0; i < fake_machine_device_count(machine); i++)
        if (fake_machine_device_at(machine, i)->class == class)
            return fake_machine_device_at(machine, i);
    return NULL;
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(class_is_complete)
{
    const DeviceRow *row = row_at(_i);
    g_autoptr(GError) error = NULL;
    TestBoard board = board_new(1);
    bool ok = state_table_check(row->class->state, &error);
    ck_assert_msg(ok, "%s: %s", row->class->name, error ? error->message : "");
    ck_assert_uint_ge(row->class->behaviour_version, 1);
    ck_assert_uint_le(row->class->state_offset + row->class->state->size, row->class->size);
    ck_assert_msg(device_of_class(board.machine, row->class) != NULL,
                  "%s: no board of this test has one", row->class->name);
    board_clear(&board);
}
END_TEST

START_TEST(reset_gives_the_same_state_again)
{
    const DeviceRow *row = row_at(_i);
    TestBoard board = board_new(2), fresh = board_new(2);
    work(&board, 500);
    fake_machine_reset(board.machine);
    ck_assert_msg(devices_equal(device_of_class(board.machine, row->class),
                                device_of_class(fresh.machine, row->class)),
                  "%s keeps something across a reset", row->class->name);
    board_clear(&board);
    board_clear(&fresh);
}
END_TEST

START_TEST(saved_poisoned_and_loaded_is_the_same)
{
    const DeviceRow *row = row_at(_i);
    TestBoard board = board_new(3 + (uint32_t)_i);
    work(&board, 500);
    Device *device = device_of_class(board.machine, row->class);
    g_autoptr(GByteArray) before = hashed_bytes(device);
    g_autoptr(GBytes) saved = save(device, row->class->state);
    load(device, row->class->state, saved);
    g_autoptr(GByteArray) after = hashed_bytes(device);
    ck_assert_uint_eq(before->len, after->len);
    ck_assert_mem_eq(before->data, after->data, before->len);
    board_clear(&board);
}
END_TEST

/* Copies of the tables with the row left out, for KEPT, which frees them. */
static const StateTable *without_row(const StateTable *table, guint *n, GPtrArray *kept)
{
    guint rows = 0;
    while (table->fields[rows].kind != STATE_KIND_DONE)
        rows++;
    StateField *fields = g_memdup2(table->fields, (rows + 1) * sizeof *fields);
    g_ptr_array_add(kept, fields);
    for (guint i = 0; i < rows; i++) {
        const StateTable *inner = NULL;
        if (fields[i].kind >= STATE_KIND_TRANSIENT)
            continue;
        if (fields[i].kind == STATE_KIND_STRUCT) {
            inner = without_row(fields[i].table, n, kept);
            if (!inner)
                continue;
            fields[i].table = inner;
        } else if ((*n)-- != 0) {
            continue;
        } else {
            fields[i].kind = STATE_KIND_TRANSIENT;
            fields[i].size *= fields[i].count;
            fields[i].count = 1;
        }
        StateTable *copy = g_memdup2(table, sizeof *table);
        copy->fields = fields;
        g_ptr_array_add(kept, copy);
        return copy;
    }
    return NULL;
}

/* Those of nested tables, too. */
START_TEST(every_row_of_the_table_matters)
{
    const DeviceRow *row = row_at(_i);
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);
    const StateTable *without;
    unsigned tried = 0;
    guint left;
    for (guint n = 0; (left = n, without = without_row(row->class->state, &left, kept));
         n++, tried++) {
        TestBoard board = board_new(3 + (uint32_t)_i);
        work(&board, 100);
        Device *device = device_of_class(board.machine, row->class);
        g_autoptr(GByteArray) before = hashed_bytes(device);
        g_autoptr(StateWriter) writer = state_writer_new_memory();
        state_save(writer, without, device_state(device));
        g_autoptr(GBytes) saved = state_writer_close_bytes(writer, NULL);
        g_autoptr(StateReader) reader =
            state_reader_new_memory(g_bytes_get_data(saved, NULL), g_bytes_get_size(saved));
        state_poison(without, device_state(device));
        ck_assert(state_load(reader, without, device_state(device), NULL));
        g_autoptr(GByteArray) after = g_byte_array_new();
        state_feed(row->class->state, device_state(device), append, after);
        ck_assert_msg(memcmp(before->data, after->data, after->len) != 0,
                      "%s: nobody notices that row %u is gone", row->class->name, n);
        fake_machine_reset(board.machine);
        board_clear(&board);
    }
    ck_assert_uint_ge(tried, 1);
}
END_TEST

START_TEST(the_same_operations_give_the_same_machine)
{
    choose_screen(_i & 1);
    TestBoard a = board_new(100 + (uint32_t)_i), b = board_new(100 + (uint32_t)_i);
    work(&a, OPERATIONS);
    work(&b, OPERATIONS);
    const char *difference = first_difference(a.machine, b.machine);
    ck_assert_msg(!difference, "%s differs", difference);
    ck_assert_mem_eq(machine_memory(a.machine)->ram, machine_memory(b.machine)->ram,
                     machine_memory(a.machine)->size);
    ck_assert_str_eq(fake_machine_record(a.machine)->output->str,
                     fake_machine_record(b.machine)->output->str);
    check_that_it_worked(&a);
    board_clear(&a);
    board_clear(&b);
}
END_TEST

/* Without disk writes, whose bytes stay in the layer of the first machine. */
START_TEST(a_loaded_machine_goes_on_as_the_saved_one)
{
    uint32_t seed = 200 + (uint32_t)_i;
    config.disks[0].readonly = true;
    choose_screen(_i & 1);
    TestBoard a = board_new(seed), b = board_new(seed);
    work(&a, OPERATIONS / 10);
    clone_machine(a.machine, b.machine);
    memcpy(b.driver, a.driver, sizeof b.driver);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (b.driver[i].machine) {
            b.driver[i].machine = b.machine;
            b.driver[i].host = pci(&b);
        }
    g_rand_set_seed(a.random, seed + 1);
    g_rand_set_seed(b.random, seed + 1);
    g_string_truncate(fake_machine_record(a.machine)->output, 0);
    work(&a, OPERATIONS / 10);
    work(&b, OPERATIONS / 10);
    const char *difference = first_difference(a.machine, b.machine);
    ck_assert_msg(!difference, "seed %u: %s differs", seed, difference);
    ck_assert_mem_eq(machine_memory(a.machine)->ram, machine_memory(b.machine)->ram,
                     machine_memory(a.machine)->size);
    ck_assert_str_eq(fake_machine_record(a.machine)->output->str,
                     fake_machine_record(b.machine)->output->str);
    board_clear(&a);
    board_clear(&b);
}
END_TEST

START_TEST(cut_and_foreign_states_are_refused)
{
    const DeviceRow *row = row_at(_i);
    TestBoard board = board_new(5);
    Device *device = device_of_class(board.machine, row->class);
    g_autoptr(GBytes) saved = save(device, row->class->state);
    gsize size;
    const guint8 *data = g_bytes_get_data(saved, &size);
    for (gsize cut = 0; cut < size; cut += 1 + size / 64) {
        g_autoptr(StateReader) reader = state_reader_new_memory(data, cut);
        bool ok = state_load(reader, row->class->state, device_state(device), NULL);
        if (ok && device->class->load_more)
            device->class->load_more(device, reader);
        ck_assert_msg(!ok || !state_reader_finish(reader, NULL), "%s: %zu of %zu bytes are enough",
                      row->class->name, cut, size);
    }
    fake_machine_reset(board.machine);
    board_clear(&board);
}
END_TEST

/* How many messages the driver of the consoles gets, if it has buffers for all. */
static unsigned told(TestBoard *board)
{
    Driver *driver = &board->driver[CONSOLE_SLOT];
    uint16_t before = driver_used_index(driver, 2);
    for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
        driver_add(driver, 2, &(DriverBuffer){ 0x20000 + 64 * i, 64, true }, 1);
    driver_notify(driver, 2);
    return (uint16_t)(driver_used_index(driver, 2) - before);
}

START_TEST(a_forged_port_tells_nothing_of_a_name_that_it_has_not)
{
    TestBoard board = board_new(6);
    Device *port = fake_machine_device(board.machine, "hvc1");
    const StateField *field = port->class->state->fields;
    while (strcmp(field->name, "untold") != 0)
        field++;
    start_slot(&board, CONSOLE_SLOT);
    ((uint8_t *)device_state(port))[field->offset] = 15;
    port->class->after_load(port);
    ck_assert_uint_eq(told(&board), 3); /* that it is there, is a console, and is open */
    board_clear(&board);
}
END_TEST

int main(void)
{
    unsigned rows;
    Suite *suite = suite_create("devices");
    TCase *tests = tcase_create("devices");
    device_rows(&rows);
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, class_is_complete, 0, (int)rows);
    tcase_add_loop_test(tests, reset_gives_the_same_state_again, 0, (int)rows);
    tcase_add_loop_test(tests, saved_poisoned_and_loaded_is_the_same, 0, (int)rows);
    tcase_add_loop_test(tests, every_row_of_the_table_matters, 0, (int)rows);
    tcase_add_loop_test(tests, the_same_operations_give_the_same_machine, 0, 5);
    tcase_add_loop_test(tests, a_loaded_machine_goes_on_as_the_saved_one, 0, 20);
    tcase_add_loop_test(tests, cut_and_foreign_states_are_refused, 0, (int)rows);
    tcase_add_test(tests, a_forged_port_tells_nothing_of_a_name_that_it_has_not);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
