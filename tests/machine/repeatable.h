/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole machine in this process whose host is a function of the machine's own position, so that a
 * run can be repeated exactly. Whatever goes wrong ends the process with a message.
 */
#ifndef TESTS_MACHINE_REPEATABLE_H
#define TESTS_MACHINE_REPEATABLE_H

#include "machine/machine.h"

typedef struct {
    Machine *machine;
    GByteArray *output; /* of all devices */
    int64_t real_ns;    /* passes at each look */
} Repeatable;

/* A machine by its definition, which may name files; it makes its own in DIRECTORY. */
Machine *repeatable_build(const char *json, int directory, const MachineHost *host);
/* The same with a host as above: RUN is 0, and stays where it is. */
void repeatable_begin(Repeatable *run, const char *json, int directory);
void repeatable_clear(Repeatable *run);

/* The digest of all that the machine is, in hexadecimal. */
char *repeatable_hash(Machine *machine);

#endif
