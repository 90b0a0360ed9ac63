/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One whole machine. Two faces: what boards and devices may ask of it, and what its owner (the
 * worker, a test) does with it.
 *
 * All of it belongs to the machine thread, but for the functions in inbox.h.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "machine/clock.h"
#include "machine/config.h"
#include "machine/device.h"
#include "machine/memory.h"
#include "replay/replay.h"

typedef struct Cpu Cpu;

/* --- for boards and devices ---------------------------------------------------------------------
 */

Memory *machine_memory(Machine *machine);
Bus *machine_bus(Machine *machine);
Clock *machine_clock(Machine *machine);
TimerQueue *machine_timers(Machine *machine);
/* Processor INDEX; there is one for now. */
Cpu *machine_cpu(Machine *machine, unsigned index);
const MachineConfig *machine_config(Machine *machine);

/* Virtual time of the present instruction, in ns. */
uint64_t machine_now_ns(Machine *machine);

/*
 * Something that a boundary looks at (an interrupt line, a deadline) has changed: the processor
 * leaves its block after the present instruction.
 */
void machine_touch_boundary(Machine *machine);

/* The host's wall clock in ns since 1970 UTC: read and logged, or taken from the log. */
int64_t machine_host_clock_ns(Machine *machine);
/* LENGTH bytes of host entropy: read and logged, or taken from the log. */
void machine_random(Machine *machine, void *data, size_t length);

/*
 * COUNT (at most MACHINE_AUDIO_FRAMES_MAX) captured frames of two 16-bit samples, from number FIRST
 * on of those that DEVICE has taken in: read and logged, or taken from the log; silence where the
 * host has none.
 */
#define MACHINE_AUDIO_FRAMES_MAX 512u
void machine_audio_in(Device *device, uint64_t first, int16_t *frames, unsigned count);

/*
 * What the host made of DEVICE's request number REQUEST (unique among those under way), which
 * completes now: CODE is 0 or an errno value. Errors are logged, or taken from the log; the result
 * is what the guest has to see. Called in the phase of timers. A request that went well in the
 * recording and fails in the replay stops the machine.
 */
int machine_block_result(Device *device, uint32_t request, int code);
/*
 * A disk whose requests complete when the host is done says so, from any thread. DEVICE gets the
 * event BLOCK or BLOCK_ERROR at a boundary to come; machine_block_request() is REQUEST again.
 */
void machine_block_done(Device *device, uint32_t request, int code);
uint32_t machine_block_request(const struct Event *event);

/* From any thread: the host has got on, so the class's host_part() is to be asked again. */
void machine_wake(Device *device);

/*
 * What the guest sends out through DEVICE (console bytes, packets). Hashed, compared in replay, and
 * handed to the host's side; never blocks, and nothing comes back.
 */
void machine_output(Device *device, const void *data, size_t length);

/* Tells the host's side what the guest has got through DEVICE (a frame); for dumps, nothing more.
 */
void machine_arrived(Device *device, const void *data, size_t length);

/* Acted upon at the next boundary; a later request in the same instruction does not replace it. */
void machine_request_shutdown(Machine *machine, ShutdownCause cause);

/*
 * The machine cannot go on as a machine should (devices hang, the host has no space): it stops,
 * stays inspectable, and says TEXT.
 */
void machine_internal_error(Machine *machine, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* --- boards --------------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const char *description;
    uint32_t behaviour_version;
    bool is_32bit; /* takes the 32-bit processors; else the 64-bit ones */
    /* Adds processors' hooks and devices, maps their ranges; opens nothing. */
    bool (*build)(Machine *machine, GError **error);
    /*
     * After every device's reset: loads images into (zeroed) RAM, makes tables, sets the
     * processor's entry state. Called at power-on and at each machine reset; the same each time.
     */
    bool (*load)(Machine *machine, GError **error);
    /* Tells the guest that it is to power off; an input. NULL: the board has no such button. */
    void (*press_power_button)(Machine *machine);
} Board;

/* A board by name, or NULL. The table is in boards/boards.c. */
const Board *board_find(const char *name);
const Board *const *board_list(void);

/* --- for the machine's owner ------------------------------------------------------------------ */

typedef enum {
    MACHINE_PRELAUNCH, /* built and loaded, has not run yet */
    MACHINE_RUNNING,
    MACHINE_PAUSED,
    MACHINE_SHUTDOWN,   /* powered off, by guest or host; inspectable, does not run on */
    MACHINE_PANICKED,   /* the guest said so; it may run on */
    MACHINE_IO_ERROR,   /* the host had no space for what a disk wrote; it may run on */
    MACHINE_REPLAY_END, /* the recording is used up */
    MACHINE_REPLAY_DIVERGED,
    MACHINE_INTERNAL_ERROR, /* machine_error_text() says why; does not run on */
} MachineRunState;

/*
 * How the machine reaches its host. Called on the machine thread unless said otherwise; none of it
 * can reach the guest but through the inbox. All members but the sources may be NULL.
 */
typedef struct {
    ReplaySources sources;
    /* Real time in ns from any moment on, for pacing. */
    int64_t (*monotonic_ns)(void *opaque);
    /* Fills in captured frames, COUNT from number FIRST on; returns how many there are. */
    unsigned (*audio_in)(void *opaque, const Device *device, uint64_t first, int16_t *frames,
                         unsigned count);
    /* What the guest sent out through DEVICE. */
    void (*output)(void *opaque, const Device *device, const void *data, size_t length);
    /* The same while a search has taken a replay elsewhere, of which nobody else is told. */
    void (*output_away)(void *opaque, const Device *device, const void *data, size_t length);
    /* The machine has become another one: a snapshot or keyframe was restored, a search has brought
     * it back, or it has left a replay. Outputs go on from machine_output_count(). */
    void (*moved)(void *opaque);
    /* What the guest has got through DEVICE. */
    void (*arrived)(void *opaque, const Device *device, const void *data, size_t length);
    /* The run state is a new one. */
    void (*state_changed)(void *opaque, MachineRunState state, ShutdownCause cause);
    /* The machine was reset, and goes on from power-on. */
    void (*was_reset)(void *opaque, ShutdownCause cause);
    /* The host has no space for what DEVICE wrote; the machine stops. */
    void (*no_space)(void *opaque, const Device *device);
    /* At each end of a quantum: the numbers that queries show may be published. */
    void (*published)(void *opaque);
    void *opaque;
} MachineHost;

/*
 * Builds the machine that CONFIG (taken) describes and puts it into its power-on state. DIRECTORY
 * is the one directory (borrowed) in which it may create files: overlays. NULL with ERROR if it
 * cannot.
 */
Machine *machine_new(MachineConfig *config, int directory, const MachineHost *host, GError **error);
void machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_free)

int machine_directory(Machine *machine);
/* How many bytes the guest has sent out through the device of that number. */
uint64_t machine_output_count(Machine *machine, unsigned number);
Position machine_position(Machine *machine);
Replay *machine_replay(Machine *machine);
MachineRunState machine_run_state(Machine *machine);
const char *machine_run_state_name(MachineRunState state);
/* Why it is MACHINE_INTERNAL_ERROR, or NULL. */
const char *machine_error_text(Machine *machine);

/* Starts or pauses at the present boundary. Starting is refused in the states that do not run on.
 */
bool machine_start(Machine *machine, GError **error);
void machine_pause(Machine *machine);

/*
 * Runs until the boundary at LIMIT instructions, the end of a quantum (QUANTUM instructions; any
 * number gives the same machine), or a change of run state. An idle machine waits in
 * inbox_wait() at most until its deadline.
 */
void machine_run(Machine *machine, uint64_t quantum, uint64_t limit);

/*
 * The machine thread's whole life: executes tasks, runs while the machine is running, until
 * machine_quit() (from a task).
 */
void machine_thread(Machine *machine);
void machine_quit(Machine *machine);
/*
 * Which engine runs the instructions; the guest cannot tell. A machine begins with the interpreter.
 * False with ERROR when this host cannot run the translator: the engine then stays as it was.
 */
typedef enum { MACHINE_ENGINE_INTERPRETER, MACHINE_ENGINE_TRANSLATOR } MachineEngine;
struct TranslatorOptions;
bool machine_set_engine(Machine *machine, MachineEngine engine,
                        const struct TranslatorOptions *options, GError **error);

/* For tests: instructions per quantum; 0 is the default of 2^16. */
void machine_set_quantum(Machine *machine, uint64_t quantum);

/* --- recording and replaying ------------------------------------------------------------------ */

/*
 * On a machine in its power-on state or stopped anywhere: records from here on into LOG (taken).
 * False with ERROR when the machine is replaying or recording already.
 */
bool machine_record(Machine *machine, LogWriter *log, SyncLevel level, GError **error);
/* Ends the recording: END is written and synced. */
bool machine_record_stop(Machine *machine, GError **error);
/* On a machine in the state in which the recording started: plays LOG (taken). */
bool machine_play(Machine *machine, LogReader *log, SyncLevel level, GError **error);
/* Versions of everything that a guest could notice, as lines "component version" for manifests. */
char **machine_behaviour_versions(Machine *machine);

/* --- state ------------------------------------------------------------------------------------ */

/* Digests of every component; FULL digests all of RAM instead of a hash point's share. */
void machine_hash(Machine *machine, bool full, HashList *list);
/* Of RAM that hash points have looked at since the machine was made: what recording it costs. */
uint64_t machine_point_bytes(const Machine *machine);
/* Writes or replaces the whole state, RAM included. On a failed load the machine is unusable. */
void machine_save(Machine *machine, StateWriter *writer);
bool machine_load(Machine *machine, StateReader *reader, GError **error);

/* Devices in the board's order. */
unsigned machine_device_count(Machine *machine);
Device *machine_device(Machine *machine, unsigned index);
Device *machine_device_by_id(Machine *machine, const char *id);
/* Whether the device that EVENT, an input, is for is there and takes input; true if it is for none.
 */
bool machine_takes_input(Machine *machine, const struct Event *event);

/* What guests asked for that the machine does not know (device_note_unknown). No state: a count for
 * people. At most MACHINE_UNKNOWNS_MAX different ones are told apart. */
#define MACHINE_UNKNOWNS_MAX 64
typedef struct {
    const Device *device;
    const char *what; /* a constant: "hypercall", "register" */
    uint64_t which;
    uint64_t count;
} MachineUnknown;
const MachineUnknown *machine_unknowns(Machine *machine, unsigned *count);

#endif
