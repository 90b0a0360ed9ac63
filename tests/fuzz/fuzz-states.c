/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * States of devices as a recording or a snapshot from anywhere brings them: what a device saved,
 * with some bytes changed; and inputs as its log brings them. The first byte says which board; the
 * next ones say how it is worked before, whose state is changed, and how; then it is worked on.
 *
 * A state is refused, or what is wrong with it is mended once and for all: saved again, it loads
 * and stays as it is. Whatever it holds, the device keeps to its own memory and ends what it does.
 */
#include "tests/fuzz/device-rig.h"

#include <string.h>

#include "tests/machine/fake-machine.h"

#define BEFORE_MAX  16
#define CHANGES_MAX 32
#define AFTER_MAX   64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* *LAYOUT: how much of it are the names of the rows, which come first. */
static GBytes *save(Device *device, gsize *layout)
{
    const StateTable *table = device->class->state;
    g_autoptr(StateWriter) rows = state_writer_new_memory();
    state_save(rows, table, device_state(device));
    g_autoptr(GBytes) fixed = state_writer_close_bytes(rows, NULL);
    g_autoptr(StateWriter) more = state_writer_new_memory();
    if (device->class->save_more)
        device->class->save_more(device, more);
    g_autoptr(GBytes) variable = state_writer_close_bytes(more, NULL);
    GByteArray *all = g_byte_array_new();
    gsize size;
    g_byte_array_append(all, g_bytes_get_data(fixed, NULL), (guint)g_bytes_get_size(fixed));
    const guint8 *data = g_bytes_get_data(variable, &size);
    g_byte_array_append(all, data, (guint)size);
    *layout = g_bytes_get_size(fixed) - state_table_stored_size(table);
    return g_byte_array_free_to_bytes(all);
}

/* Another layout is refused at once: what is changed is behind it. */
static GByteArray *change(Device *device, RigInput *input)
{
    gsize size, layout, at = 0;
    g_autoptr(GBytes) saved = save(device, &layout);
    const guint8 *data = g_bytes_get_data(saved, &size);
    GByteArray *changed = g_byte_array_append(g_byte_array_new(), data, (guint)size);
    unsigned count = (unsigned)rig_take(input, 1) % CHANGES_MAX;
    for (unsigned i = 0; i < count && input->left && size > layout; i++) {
        uint8_t step = (uint8_t)rig_take(input, 1);
        at += step < 0xff ? step : rig_take(input, 2);
        changed->data[layout + at % (size - layout)] = (uint8_t)rig_take(input, 1);
    }
    return changed;
}

/* As machine-state.c does it. */
static bool load(Device *device, const guint8 *data, gsize size)
{
    g_autoptr(StateReader) reader = state_reader_new_memory(data, size);
    g_autoptr(GError) error = NULL;
    state_poison(device->class->state, device_state(device));
    bool good = state_load(reader, device->class->state, device_state(device), &error);
    if (good && device->class->load_more)
        device->class->load_more(device, reader);
    g_autoptr(GError) late = NULL;
    bool all = state_reader_check(reader, &late);
    g_assert(good == !error && all == !late && (good || !all));
    if (all && device->class->after_load)
        device->class->after_load(device);
    return all;
}

static void check_again(Device *device)
{
    gsize size, layout;
    g_autoptr(GBytes) saved = save(device, &layout);
    const guint8 *data = g_bytes_get_data(saved, &size);
    if (!load(device, data, size))
        g_error("%s does not load what it saved", device->id);
    g_autoptr(GBytes) again = save(device, &layout);
    if (!g_bytes_equal(saved, again))
        g_error("%s does not save what it loaded", device->id);
}

/* False: it is refused, and the machine is given up. */
static bool exchange(Device *device, RigInput *input)
{
    g_autoptr(GByteArray) changed = change(device, input);
    if (!load(device, changed->data, changed->len))
        return false;
    check_again(device);
    return true;
}

/* Whatever a log may hold goes to the device whose number it has; machine/run.c sees to that. */
static void tell(Machine *machine, RigInput *input)
{
    Event event;
    Device *device = fake_machine_device_at(machine, (unsigned)rig_take(input, 1) %
                                                         fake_machine_device_count(machine));
    gsize used = event_decode(&event, input->data, input->left, NULL);
    input->data += used;
    input->left -= used;
    if (!used || !device->class->input || event_class(&event) != EVENT_CLASS_INPUT)
        return;
    device->class->input(device, &event);
    if (device->class->input_sync)
        device->class->input_sync(device);
}

static void work(Rig *rig, RigInput *input)
{
    Machine *machine = rig_machine(rig);
    for (unsigned i = 0; i < AFTER_MAX && input->left; i++) {
        if (input->data[0] % 16 == 15)
            tell(machine, input);
        else
            rig_step(rig, input);
    }
    fake_machine_run_to(machine, machine_now_ns(machine) + 10000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RigInput input = { data, size };
    Rig *rig = rig_switch_on((unsigned)rig_take(&input, 1) % rig_count());
    Machine *machine = rig_machine(rig);
    unsigned before = (unsigned)rig_take(&input, 1) % BEFORE_MAX;
    for (unsigned i = 0; i < before && input.left; i++)
        rig_step(rig, &input);
    unsigned which = (unsigned)rig_take(&input, 1) % fake_machine_device_count(machine);
    Device *device = fake_machine_device_at(machine, which);
    if (exchange(device, &input))
        work(rig, &input);
    device_reset(device); /* the rig does not do it with all */
    return 0;
}
