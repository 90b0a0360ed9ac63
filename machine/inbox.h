/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What other threads may do to a machine: leave something in its inbox.
 *
 * Two kinds of things lie there. Inputs reach the guest; they are delivered on a boundary, in
 * order, and logged. Tasks are functions that the machine thread executes between boundaries;
 * whether a task runs, and when, changes nothing for the guest unless the task itself posts inputs
 * or ends a run state.
 *
 * 1. These functions may be called from any thread. Everything else of a machine may not.
 * 2. Inputs of one device stay in order. Bytes for a character device wait here until the guest has
 *    room for them. So do keys and movements, which are one stream, whatever device they are for,
 *    and frames for an adapter.
 * 3. While the machine is stopped inputs wait; in replay they are refused.
 */
#ifndef MACHINE_INBOX_H
#define MACHINE_INBOX_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "replay/event.h"

typedef struct Machine Machine;
typedef struct Inbox Inbox;

#define INBOX_CHAR_BYTES_MAX (1u << 20) /* waiting for one device */
#define INBOX_EVENTS_MAX     65536u

typedef void (*MachineTask)(Machine *machine, void *data);

Inbox *inbox_new(void);
void inbox_free(Inbox *inbox);
Inbox *machine_inbox(Machine *machine);

/* Executes TASK on the machine thread soon; FREE_DATA (may be NULL) disposes of DATA after it. */
void inbox_post_task(Inbox *inbox, MachineTask task, void *data, GDestroyNotify free_data);

/*
 * Bytes for the character device NUMBER. False with G_IO_ERROR_BUSY when more than
 * INBOX_CHAR_BYTES_MAX would be waiting, with G_IO_ERROR_READ_ONLY in replay: then none is taken.
 */
bool inbox_post_chars(Inbox *inbox, unsigned number, const void *data, size_t length,
                      GError **error);
/* Any other event of class input; its bytes are copied. Errors as above. */
bool inbox_post_event(Inbox *inbox, const Event *event, GError **error);
/* COUNT events that nothing may come between: all of them are taken, or none. */
bool inbox_post_events(Inbox *inbox, const Event *events, unsigned count, GError **error);
/* Ends the wait in which the machine thread is, or the next one: there is news, but not here. */
void inbox_wake(Inbox *inbox);
/* How many keys, movements and ends of their groups wait. */
unsigned inbox_waiting_hands(Inbox *inbox);
/* How many frames wait for adapter NUMBER. */
unsigned inbox_waiting_frames(Inbox *inbox, unsigned number);
/* How many bytes wait for device NUMBER. */
size_t inbox_waiting_chars(Inbox *inbox, unsigned number);

/* --- for the machine thread ------------------------------------------------------------------- */

/* Executes waiting tasks; false if there were none. */
bool inbox_run_tasks(Inbox *inbox, Machine *machine);
/* Cheap: whether anything at all lies there. */
bool inbox_is_touched(Inbox *inbox);
/*
 * The next input that can be delivered: events that their devices have room for, else up to
 * ROOM(device) waiting characters of the first device that has both. The event's bytes are the
 * inbox's until the next call.
 */
const Event *inbox_next_input(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine);
/* Whether inbox_next_input() would give one. */
bool inbox_has_input(Inbox *inbox, size_t (*room)(Machine *, unsigned), Machine *machine);
/* Waits until something new is posted, at most TIMEOUT_NS (negative: without end). */
void inbox_wait(Inbox *inbox, int64_t timeout_ns);
/* Refuses inputs from now on (replay), or takes them again; what waits is dropped. */
void inbox_set_closed(Inbox *inbox, bool closed);

#endif
