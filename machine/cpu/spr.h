/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Special purpose registers: numbers, and the two moves. The rows are in spr.def.
 */
#ifndef MACHINE_CPU_SPR_H
#define MACHINE_CPU_SPR_H

#include "machine/cpu/insn.h"

typedef enum {
#define SPR(family, name, number, user, privileged, kind, meaning) SPR_##name = number,
#include "machine/cpu/spr.def"
#undef SPR
} SprNumber;

/* Which registers a model has. */
typedef enum { SPR_SET_P9, SPR_SET_7400, SPR_SET_7447, SPR_SETS } SprSet;

/* Block translation registers: pair n of four is at the first number + 2 n, upper half first. */
#define SPR_IBAT      SPR_IBAT0U
#define SPR_DBAT      SPR_DBAT0U
#define SPR_IBAT_HIGH SPR_IBAT4U
#define SPR_DBAT_HIGH SPR_DBAT4U

/* LPCR bits that matter to a guest. */
#define LPCR_ILE       (1ull << 25)
#define LPCR_AIL_SHIFT 23
#define LPCR_AIL       (3ull << LPCR_AIL_SHIFT)
#define LPCR_HR        (1ull << 20)
#define LPCR_UPRT      (1ull << 22)
#define LPCR_GTSE      (1ull << 10)

/* FSCR bits, by the number of the facility cause. */
#define FSCR_DSCR 2
#define FSCR_EBB  7
#define FSCR_TAR  8
#define FSCR_SCV  12
#define FSCR_TM   5
#define FSCR_PMU  3 /* reported when MMCR0.PMCC forbids the access */

/*
 * The member of CpuState.spr that an access of NUMBER under the present MSR reads or writes as it
 * is, with no condition and no effect elsewhere; -1 if there is more to it.
 */
int spr_storage(const Cpu *cpu, unsigned number, bool is_write);

/* The name of register NUMBER in SET, or NULL. */
const char *spr_name(SprSet set, unsigned number);

#endif
