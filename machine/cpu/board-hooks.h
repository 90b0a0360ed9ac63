/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a processor asks of the board it sits on. Called by the machine thread, in the middle of an
 * instruction unless said otherwise.
 */
#ifndef MACHINE_CPU_BOARD_HOOKS_H
#define MACHINE_CPU_BOARD_HOOKS_H

#include "machine/cpu/cpu.h"

struct CpuBoard {
    /*
     * `sc 1`: arguments in GPRs, results into GPRs. Returns EXEC_NEXT, EXEC_BOUNDARY (interrupts or
     * modes may have changed, the processor may have halted) or EXEC_EXCEPTION. NULL on boards
     * without a hypervisor.
     */
    ExecStatus (*hypercall)(void *opaque, Cpu *cpu);
    /* 64 random bits for `darn`; false when none are to be had now (the result is all ones). */
    bool (*random)(void *opaque, Cpu *cpu, uint64_t *value);
};

#endif
