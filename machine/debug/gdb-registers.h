/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A processor's registers as gdb numbers them, and the description that tells gdb so: the features
 * power.core, power.fpu, power.altivec and, on 64-bit models, power.vsx.
 */
#ifndef MACHINE_DEBUG_GDB_REGISTERS_H
#define MACHINE_DEBUG_GDB_REGISTERS_H

#include "machine/cpu/cpu.h"

#define GDB_REGISTER_SIZE_MAX 16u

/* How many there are. */
unsigned gdb_register_count(const Cpu *cpu);
/* Bytes of register NUMBER; 0: there is none. */
unsigned gdb_register_size(const Cpu *cpu, unsigned number);
/* Its value, most significant byte first. NUMBER exists. */
void gdb_register_read(const Cpu *cpu, unsigned number, uint8_t *value);
/* Sets it. Bits that the register has not are dropped. */
void gdb_register_write(Cpu *cpu, unsigned number, const uint8_t *value);

/* target.xml */
char *gdb_registers_describe(const Cpu *cpu);

#endif
