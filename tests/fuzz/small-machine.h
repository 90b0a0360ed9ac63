/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_SMALL_MACHINE_H
#define TESTS_FUZZ_SMALL_MACHINE_H

#include "machine/machine.h"

/* A POWER9 with 64 MiB and a console, whose guest is a loop of four instructions; it is paused. */
Machine *small_machine_new(const MachineHost *host);

#endif
