/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_SUPERVISOR_H
#define POWERPLAY_DAEMON_SUPERVISOR_H

/*
 * The daemon's machines by name: their folders, their processes, and the lines to them.
 *
 * One thread, one main loop. Nothing here waits: whatever takes time ends in a callback.
 */

#include "api/server.h"

#include <sys/types.h>

#define MACHINES_MAX 256
#define EVENTS_KEPT  4096

typedef enum {
    MACHINE_STATE_STOPPED,
    MACHINE_STATE_STARTING,
    MACHINE_STATE_RUNNING,
    MACHINE_STATE_STOPPING,
    MACHINE_STATE_CRASHED,
} MachineState;

typedef struct Supervisor Supervisor;
typedef struct Machine Machine;
typedef struct Relay Relay;
typedef struct Console Console;
typedef struct Start Start;
typedef struct Vnc Vnc;
typedef struct Netdev Netdev;
typedef struct Audio Audio;
typedef struct Gdb Gdb;

struct Machine {
    Supervisor *supervisor;
    char *name;
    char *directory;      /* STATE/machines/NAME */
    JsonNode *definition; /* as it was created, with absolute paths */
    MachineState state;
    char *exit_status;  /* of the last process, for people; NULL if there was none */
    char *run_state;    /* of the guest, as its events tell; NULL without a process */
    bool is_committing; /* a program writes one of its images */
    bool must_end;      /* its process was told to end: whatever its status, that is no crash */
    gint64 busy_us;     /* when such a process said last that it is still writing; 0: never */
    Start *start;       /* the machine-start that is going on, or NULL */
    GPtrArray *enders;  /* of Ender: requests that wait for the end of the process */

    pid_t pid;
    guint child_source;
    int link; /* socket for messages, -1 without a process */
    GSource *link_source;
    Relay *relay;     /* requests and events; NULL without a process */
    int qmp_listener; /* clients of qmp.sock, passed on as they come */
    GSource *qmp_source;
    GPtrArray *consoles; /* of Console: its sockets */
    Vnc *vnc;            /* the display helper; NULL if nobody may view */
    Netdev *netdev;      /* the network helper; NULL if no nic needs one */
    Audio *audio;        /* where sound goes and comes from; NULL without a process */
    Gdb *gdb;            /* where debuggers come in, or NULL */
    Descriptors *passed; /* taps that a client has passed; NULL without a process */
};

struct Supervisor {
    ApiServer *server;
    GMainLoop *loop;
    char *state_directory;
    char *worker_program;
    bool sandbox;
    GHashTable *machines; /* name to Machine */
    GQueue *events;       /* of JsonNode: the last EVENTS_KEPT */
    uint64_t sequence;    /* of the newest event */
    unsigned crashes;
    bool is_ending;
};

/* Reads the machines of the state directory. */
Supervisor *supervisor_new(const char *state_directory, const char *worker_program, bool sandbox,
                           GError **error);
void supervisor_free(Supervisor *supervisor);

/* Ends all processes, then the main loop. */
void supervisor_end(Supervisor *supervisor);

/* NULL, with `error` set, if there is none of that name. */
Machine *supervisor_find(Supervisor *supervisor, const char *name, GError **error);

/* Sends an event to all clients and keeps it; `machine` may be NULL. Takes `event`. */
void supervisor_emit(Supervisor *supervisor, Machine *machine, JsonNode *event);

/* Machines */

Machine *machine_new(Supervisor *supervisor, const char *name, JsonNode *definition);
void machine_free(Machine *machine);
const char *machine_state_name(MachineState state);

/* Changes the state and tells everybody. */
void machine_set_state(Machine *machine, MachineState state);

/* What machine-info and machine-list show. */
JsonNode *machine_info(Machine *machine);

/* The name of a folder in the machine's. The caller frees it. */
char *machine_path(Machine *machine, const char *name);

/* Ids of the definition's serial ports, NULL-terminated; the caller frees it. */
char **machine_serial_ids(Machine *machine);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Supervisor, supervisor_free)

#endif
