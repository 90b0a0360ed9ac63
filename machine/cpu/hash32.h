/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation of 32-bit processors: block registers, segment registers, a hashed page table.
 */
#ifndef MACHINE_CPU_HASH32_H
#define MACHINE_CPU_HASH32_H

#include "machine/cpu/mmu-family.h"

/* Segment registers: T, Ks, Kp, N, VSID. The rest is reserved and reads as zero. */
#define HASH32_SEGMENT_BITS 0xf0ffffffu

/* tlbie: drops the translations of EA's congruence class, in all address spaces. */
void hash32_invalidate_class(Cpu *cpu, uint32_t ea);

/* Attributes, in block registers' lower halves and in table entries alike. */
#define HASH32_WRITE_THROUGH 0x40u
#define HASH32_INHIBITED     0x20u
#define HASH32_GUARDED       0x08u

/*
 * bat.c: whether a block register translates EA. Then either PLACE->entry is filled, or the access
 * is refused: FAULT->cause is not 0.
 */
bool bat_find(const Cpu *cpu, uint64_t ea, AccessKind access, MmuPlace *place, MmuFault *fault);

#endif
