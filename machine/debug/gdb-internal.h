/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a debugger's session, shared by gdb-session.c (life, queries), gdb-access.c
 * (registers and memory), gdb-run.c (running, in both directions) and gdb-monitor.c.
 *
 * A packet's handler gets what follows the packet's name, and replies once: now, or when the
 * machine has stopped.
 */
#ifndef MACHINE_DEBUG_GDB_INTERNAL_H
#define MACHINE_DEBUG_GDB_INTERNAL_H

#include "machine/cpu/watch.h"
#include "machine/debug/gdb-packet.h"
#include "machine/debug/gdb-session.h"

typedef struct GdbSeek GdbSeek; /* gdb-run.c */

struct GdbSession {
    Machine *machine;
    GdbHost host;
    bool was_running;
    bool is_awaited;  /* the debugger waits for a stop */
    bool awaits_text; /* it was the monitor's: the answer is text */
    bool is_physical;
    GdbEndian endian;
    GdbSeek *seek; /* under way: its end is what is waited for; or NULL */
    /* The debugger was told of an access to WATCHED; see gdb-run.c, invariant 2. */
    bool is_step_due, is_step_backwards;
    WatchRange watched;
};

/* --- replies ---------------------------------------------------------------------------------- */

void gdb_reply(GdbSession *session, const char *text);
void gdb_fail(GdbSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Text for the debugger's user, while it waits for a reply. */
void gdb_say(GdbSession *session, const char *text);
/* The end of a monitor command's output. */
void gdb_reply_text(GdbSession *session, const char *text);

/* ADDRESS , LENGTH and the character END; moves ARGUMENTS behind it. */
bool gdb_parse_range(const char **arguments, uint64_t *address, uint64_t *length, char end);

/* --- packets ---------------------------------------------------------------------------------- */

void gdb_read_register(GdbSession *session, const char *arguments);
void gdb_read_registers(GdbSession *session, const char *arguments);
void gdb_write_register(GdbSession *session, const char *arguments);
void gdb_write_registers(GdbSession *session, const char *arguments);
void gdb_read_memory(GdbSession *session, const char *arguments);
void gdb_write_memory(GdbSession *session, const char *arguments);
/* END: of the packet, whose data are bytes. */
void gdb_write_binary(GdbSession *session, const char *arguments, const char *end);

void gdb_report_stop(GdbSession *session, const char *arguments);
void gdb_go_on(GdbSession *session, const char *arguments);
void gdb_step(GdbSession *session, const char *arguments);
void gdb_step_back(GdbSession *session, const char *arguments);
void gdb_go_back(GdbSession *session, const char *arguments);
void gdb_resume_threads(GdbSession *session, const char *arguments);
void gdb_add_breakpoint(GdbSession *session, const char *arguments);
void gdb_remove_breakpoint(GdbSession *session, const char *arguments);

void gdb_monitor(GdbSession *session, const char *arguments);

/* --- for the monitor's seek ------------------------------------------------------------------- */

struct SeekTarget;
/* Answers with text when the machine is there. False with ERROR if it cannot go there. */
bool gdb_seek(GdbSession *session, const struct SeekTarget *target, GError **error);
/* The same for a machine that does not replay, at a count that is still to come. */
bool gdb_run_to(GdbSession *session, uint64_t icount, GError **error);
/* Nobody waits for a seek any more that is under way. */
void gdb_forget_seek(GdbSession *session);

#endif
