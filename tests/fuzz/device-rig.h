/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boards with devices, and a program of bytes that works them: each step is one byte that says what
 * to do, and its operands.
 *
 * A board is made once and switched on anew for every input, so that findings repeat: RAM is empty,
 * time is 0, and every device is what its reset makes of it, which is checked.
 */
#ifndef TESTS_FUZZ_DEVICE_RIG_H
#define TESTS_FUZZ_DEVICE_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

typedef struct {
    const uint8_t *data;
    size_t left;
} RigInput;

/* A number of so many bytes, big-endian; zeroes come after the end. */
uint64_t rig_take(RigInput *input, unsigned bytes);

/* Subjects are numbered from 0 on: a board about one class of devices, or a whole one. */
unsigned rig_count(void);
/* NAME must be there. */
unsigned rig_find(const char *name);
/* Every class of devices must have a subject. */
void rig_check_that_none_is_left_out(void);

typedef struct Rig Rig;

Rig *rig_switch_on(unsigned subject);
Machine *rig_machine(const Rig *rig);
void rig_step(Rig *rig, RigInput *input);

#endif
