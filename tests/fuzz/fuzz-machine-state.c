/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a whole machine, without its memory, as a snapshot from anywhere brings it: what one
 * saved, with some bytes changed. Processor, translations, clock, timers and all devices at once;
 * the devices by themselves are fuzz-states.c.
 *
 * It is refused, or the machine runs on somehow; and afterwards it takes a good state.
 */
#include "machine/inbox.h"
#include "machine/machine-internal.h"
#include "tests/fuzz/small-machine.h"

#include <string.h>

#define CHANGES_MAX 32u
#define BEFORE      1000u /* instructions before the state that is changed */
#define AFTER       200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void state_changed(void *opaque, MachineRunState state, ShutdownCause cause)
{
}

static void run(Machine *machine, uint64_t count)
{
    uint64_t icount = machine_position(machine).icount;
    inbox_wake(machine->inbox); /* an idle one waits for nobody */
    if (machine_start(machine, NULL) && icount <= UINT64_MAX - count)
        machine_run(machine, count, icount + count);
    machine_pause(machine);
}

static GBytes *save(Machine *machine)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    machine_save_state(machine, writer);
    return state_writer_close_bytes(writer, NULL);
}

static bool load(Machine *machine, const void *data, gsize size)
{
    g_autoptr(StateReader) reader = state_reader_new_memory(data, size);
    g_autoptr(GError) error = NULL;
    bool good = machine_load_state(machine, reader, &error);
    g_assert(good == !error);
    if (good)
        machine_loaded(machine, false);
    return good;
}

/* Where a state may be changed without being another machine's: places in it, of guint32. */
static GArray *find_values(Machine *machine, const uint8_t *good, gsize length)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_autofree uint8_t *state = g_memdup2(good, length);
    for (guint32 at = 0; at < length; at++) {
        state[at] ^= 1;
        g_autoptr(StateReader) reader = state_reader_new_memory(state, length);
        if (machine_load_state(machine, reader, NULL))
            g_array_append_val(places, at);
        state[at] ^= 1;
    }
    return places;
}

/* Each is how many places to go on, and what to write to three of them. */
static void change(uint8_t *state, const GArray *places, const uint8_t *data, size_t size)
{
    gsize at = 0;
    for (unsigned i = 0; i < CHANGES_MAX && size >= 5; i++, data += 5, size -= 5) {
        at += (gsize)data[0] << 8 | data[1];
        for (unsigned j = 2; j < 5; j++)
            state[g_array_index(places, guint32, (at + j) % places->len)] = data[j];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Machine *machine;
    static GBytes *base;
    static GArray *places;
    gsize length;
    if (!machine) {
        machine = small_machine_new(&(MachineHost){ .state_changed = state_changed });
        run(machine, BEFORE);
        base = save(machine);
    }
    const void *good = g_bytes_get_data(base, &length);
    if (!places)
        places = find_values(machine, good, length);
    g_autofree uint8_t *state = g_memdup2(good, length);
    change(state, places, data, size);
    if (load(machine, state, length))
        run(machine, AFTER);
    g_assert(load(machine, good, length));
    return 0;
}
