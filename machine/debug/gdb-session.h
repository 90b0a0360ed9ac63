/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A debugger at a machine: what its packets ask for. Machine thread.
 *
 * The machine pauses when a session begins and, when it ends, is in the run state that it had
 * before; in between QMP clients may pause and resume it as ever.
 */
#ifndef MACHINE_DEBUG_GDB_SESSION_H
#define MACHINE_DEBUG_GDB_SESSION_H

#include "machine/machine.h"

typedef struct GdbSession GdbSession;

/* Of register values; GDB_ENDIAN_AUTO: the processor's at the time. */
typedef enum { GDB_ENDIAN_AUTO, GDB_ENDIAN_LITTLE, GDB_ENDIAN_BIG } GdbEndian;

/* What a session needs of its process. */
typedef struct {
    /* Sends a packet's contents, LENGTH bytes at DATA, to the debugger. */
    void (*send)(void *opaque, const void *data, size_t length);
    /* The last place of the recording that is replayed; all 0 if there is none. */
    Position (*recording_end)(void *opaque);
    void *opaque;
} GdbHost;

GdbSession *gdb_session_new(Machine *machine, const GdbHost *host, GdbEndian endian);
void gdb_session_free(GdbSession *session);

/* A packet's contents, a zero byte behind them. False: the debugger has said that it leaves. */
bool gdb_session_packet(GdbSession *session, const char *packet, size_t length);
/* The debugger's user pressed Ctrl-C. */
void gdb_session_interrupt(GdbSession *session);
/* The machine has a new run state. */
void gdb_session_state_changed(GdbSession *session);

#endif
