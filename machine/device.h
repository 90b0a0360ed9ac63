/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices: a class each (one file, one row in devices.def), instances wired by a board.
 *
 * 1. What the guest can notice is in one inner struct, declared by one state table. Everything else
 *    in the instance is wiring, set by the board and never saved, or derived from the state.
 * 2. Reset is: zero the state, then the class's reset sets what is not zero.
 * 3. after_load rebuilds derived members of this device alone; it touches no other device, raises
 * no line and arms no timer (lines and deadlines are state of whoever holds them).
 * 4. A device calls no clock, no randomness, no file and no socket: host values come in through
 *    machine.h's input functions.
 */
#ifndef MACHINE_DEVICE_H
#define MACHINE_DEVICE_H

#include "machine/bus.h"
#include "machine/timer.h"
#include "replay/state.h"

typedef struct Machine Machine;
typedef struct DeviceClass DeviceClass;
struct Event; /* replay/event.h */

struct Device {
    const DeviceClass *class;
    Machine *machine;
    char *id;        /* "xics", "hvc0", "hd0": unique in the machine */
    unsigned number; /* place in the board's order: the tie-breaker of timers, the id in the log */
};

typedef enum {
    HOST_PART_DONE,
    HOST_PART_LATE,
    HOST_PART_NO_SPACE, /* and the machine is to stop; said again when it goes on too early */
} HostPart;

struct DeviceClass {
    const char *name;
    uint32_t behaviour_version; /* raised with any change that a guest could see */
    size_t size;                /* of the instance, whose first member is a Device */
    const StateTable *state;
    size_t state_offset; /* of the inner state struct in the instance */
    void (*reset)(Device *device);
    void (*after_load)(Device *device);
    /* An input that the log orders (replay's asynchronous events) has reached this device. */
    void (*input)(Device *device, const struct Event *event);
    /*
     * What the host has to do before the timers due at NOW_NS may fire, and before an input may
     * come that says that it is done (a replay's, IS_TOLD): whether it is. If not, time stands
     * still until machine_wake() has been called. NULL: the host has no part in it.
     */
    HostPart (*host_part)(Device *device, uint64_t now_ns, bool is_told);
    /* A group of keys and movements, perhaps with some for this device, is complete. May be NULL.
     */
    void (*input_sync)(Device *device);
    /* How many bytes or events of input the device takes at this moment; NULL: any. */
    size_t (*input_room)(Device *device);
    /*
     * State of variable size beside the table, saved and hashed after it (NULL: none). Loading must
     * check everything it reads and set the reader's error.
     */
    void (*save_more)(Device *device, StateWriter *writer);
    void (*load_more)(Device *device, StateReader *reader);
    void (*hash_more)(Device *device, StateFeed feed, void *user);
    void (*finalize)(Device *device); /* frees wiring; the state needs none */
};

/* Adds an instance to MACHINE (which owns it). Instances are numbered in the order they are added.
 */
Device *device_new(Machine *machine, const DeviceClass *class, const char *id);

static inline void *device_state(Device *device)
{
    return (char *)device + device->class->state_offset;
}

/* Zeroes the state and runs the class's reset. */
void device_reset(Device *device);

/* Counts (and, the first times, remembers) an access that no register answers to. */
void device_note_unknown(Device *device, const char *what, uint64_t which);

#endif
