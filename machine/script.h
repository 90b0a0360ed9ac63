/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inputs that a live machine is given at set moments of its virtual time, as if a person gave them:
 * what is left of an edited recording. They go through the inbox, wait there for room as all inputs
 * do, and are recorded.
 *
 * All of it belongs to the machine thread, but for making one.
 */
#ifndef MACHINE_SCRIPT_H
#define MACHINE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/event.h"

typedef struct Machine Machine;
typedef struct InputScript InputScript;

InputScript *input_script_new(void);
void input_script_free(InputScript *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InputScript, input_script_free)

/* Appends EVENT, of class input, whose bytes are copied. False if an earlier one has a later time.
 */
bool input_script_add(InputScript *script, uint64_t virtual_ns, const Event *event);
/* How many are still to come. */
unsigned input_script_left(const InputScript *script);

/* The machine is given what is in SCRIPT (taken), which may be NULL: nothing any more. */
void machine_set_script(Machine *machine, InputScript *script);

/* --- for the machine's own loop --------------------------------------------------------------- */

/* When the next one is due, after NOW; UINT64_MAX without any. */
uint64_t input_script_deadline(const InputScript *script, uint64_t now);
/* Puts what is due at NOW into the machine's inbox. */
void input_script_post(InputScript *script, Machine *machine, uint64_t now);

#endif
