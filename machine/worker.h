/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_H
#define POWERPLAY_MACHINE_WORKER_H

/*
 * The process around one machine: what its control thread knows and does.
 *
 * Two threads. The machine thread owns the machine. The control thread (main) owns everything else:
 * clients, consoles, the line to the daemon. It reaches the machine only by its inbox, and reads
 * what the machine thread publishes in WorkerStatus and in the serial rings.
 */

#include "api/server.h"
#include "machine/inbox.h"
#include "machine/input/input.h"
#include "machine/machine.h"
#include "machine/worker-serial.h"

/* A copy of the machine's numbers, renewed at each end of a quantum and after each call. */
typedef struct {
    MachineRunState state;
    ShutdownCause cause;
    Position position;
    ReplayMode replay_mode;
    ReplayStatus replay_status;
    ReplayCounters counters;
    Position end; /* of the recording that is replayed; all 0 if none */
    int thread_id;
    char error_text[256]; /* why the state is MACHINE_INTERNAL_ERROR, else empty */
} WorkerStatus;

typedef struct WorkerAudio WorkerAudio; /* worker-audio.h */
typedef struct WorkerDisplay WorkerDisplay;
typedef struct WorkerGdb WorkerGdb;             /* worker-gdb.h */
typedef struct WorkerKeyframes WorkerKeyframes; /* worker-keyframes.h */
typedef struct WorkerLink WorkerLink;
typedef struct WorkerNet WorkerNet;
typedef struct Recording Recording;             /* replay/recording.h */
typedef struct WorkerSnapshots WorkerSnapshots; /* worker-snapshot.h */

typedef struct Worker {
    char *name;
    const MachineConfig *config; /* the machine's */
    int directory;               /* the one directory where files are made */
    Machine *machine;
    Inbox *inbox;
    GThread *thread;
    ApiServer *server;
    GMainLoop *loop;
    WorkerLink *link; /* NULL when it runs alone */
    Serial *serial[MACHINE_CONFIG_MAX_SERIAL];
    unsigned serial_count;
    InputPort input;
    const Keymap *keymap;
    WorkerDisplay *display; /* NULL without a screen */
    WorkerNet *net;         /* NULL without a nic */
    WorkerAudio *audio;     /* NULL without a sound card */
    char *recording;        /* that is written, replayed, or was last; NULL if none */
    bool recording_is_busy; /* a start or stop is on its way */
    bool has_recorded;      /* `recording` was made by this process */
    bool has_run;           /* the guest was started once */
    bool is_ending;
    bool is_confined; /* worker_sandbox_enter() */
    WorkerSnapshots *snapshots;
    WorkerGdb *gdb;
    WorkerKeyframes *keyframes; /* of a replay; NULL: none are on their way into a file */
    GPtrArray *spills;          /* keyframes of recordings on their way; machine thread; or NULL */
    char *keyframes_of;        /* the recording in whose folder they are, or NULL; machine thread */
    Recording *open_recording; /* until its log is closed; machine thread only */

    GMutex lock; /* of status */
    WorkerStatus status;
} Worker;

/* A copy of what was published last. */
WorkerStatus worker_status(Worker *worker);

/* Work for the machine thread on behalf of a request. */
typedef struct WorkerCall WorkerCall;
struct WorkerCall {
    Worker *worker;
    ApiRequest *request;               /* may be NULL */
    void (*execute)(WorkerCall *call); /* machine thread: sets reply or error */
    void (*finish)(WorkerCall *call);  /* control thread, before the answer; may be NULL */
    void *data;
    GDestroyNotify free_data;
    JsonNode *reply;
    GError *error;
};

/* Has `execute` run on the machine thread between two instructions, then answers `request` with
 * what it left in the call. */
void worker_call(Worker *worker, ApiRequest *request, void (*execute)(WorkerCall *),
                 void (*finish)(WorkerCall *), void *data, GDestroyNotify free_data);

/* Names of the run states as query-status gives them. */
const char *worker_run_state_name(MachineRunState state);

/* Closes a recording, stops the machine thread, and ends the main loop. */
void worker_end(Worker *worker);

/* The machine's view of its host; the worker is its opaque pointer. */
void worker_host_init(MachineHost *host, Worker *worker);
/* Renews the published copy. Machine thread, or before there is one. */
void worker_publish(Worker *worker);

/* Forbids, for tests and for jails, everything that a started worker must not do: see
 * worker-sandbox.c. `may_accept`: it serves a listening socket of its own. */
bool worker_sandbox_enter(int directory, bool may_accept, GError **error);

#endif
