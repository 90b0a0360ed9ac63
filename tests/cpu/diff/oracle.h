/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another implementation of the processor: the runner under a user-mode emulator.
 */
#ifndef TESTS_CPU_DIFF_ORACLE_H
#define TESTS_CPU_DIFF_ORACLE_H

#include "tests/cpu/diff/image.h"

typedef struct Oracle Oracle;

/* Starts EMULATOR (a name or path), as processor CPU, on the program RUNNER. */
Oracle *oracle_new(const char *emulator, const char *cpu, const char *runner, bool little_endian,
                   GError **error);
void oracle_free(Oracle *oracle);

/* Starts COUNT (up to SLOT_COUNT) cases; case n runs in slot n. */
bool oracle_start(Oracle *oracle, const Image *cases, unsigned count, GError **error);
/* Waits for them. The results stay until the next start. */
bool oracle_finish(Oracle *oracle, GError **error);
void oracle_result(const Oracle *oracle, unsigned n, Image *result);

/* The guest address of the instruction tested in slot N. */
uint64_t oracle_address(unsigned n);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Oracle, oracle_free)

#endif
