/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One processor with its memory and a device, driven as a machine drives it: what lock-step
 * compares two of.
 */
#ifndef TESTS_TRANSLATOR_SIDE_H
#define TESTS_TRANSLATOR_SIDE_H

#include "machine/cpu/cpu-state.h"
#include "machine/cpu/model.h"
#include "machine/translator/translator.h"

#define RAM_SIZE      0x100000u
#define CODE_START    0x20000u /* two pages that programs lie in */
#define CODE_SIZE     0x2000u
#define DATA_START    0x30000u
#define DATA_SIZE     0x4000u
#define PROCESS_TABLE 0x60000u
#define ROOT_TABLE    0x62000u
#define LEAF_TABLE    0x64000u /* of 512 pages: twice the RAM */
#define HASH_TABLE    0x80000u /* of 32-bit models: 64 KiB */
#define DEVICE_START  RAM_SIZE
#define DEVICE_SIZE   0x1000u

typedef struct {
    Memory *memory;
    Bus *bus;
    Clock clock;
    Cpu *cpu;
    uint64_t device_digest; /* of all accesses: address, size, value, instruction count */
    uint64_t device_accesses;
    uint64_t unclaimed_before; /* accesses that no device answered, before the present program */
    uint32_t first_epoch;      /* of the present program: pages marked since then are restored */
} Side;

/* MODEL decides what the tables in memory are (program.h). */
Side *side_new(const CpuModel *model);
void side_free(Side *side);

/*
 * Puts back memory as IMAGE (RAM_SIZE bytes) has it and starts from START with instruction count 0.
 * OPTIONS: the translator's; NULL for the interpreter.
 */
void side_begin(Side *side, const uint8_t *image, const CpuState *start,
                const TranslatorOptions *options);

/* The next side_begin() restores all of memory. */
void side_forget(Side *side);

/* Writes LENGTH (within a page) bytes at ADDRESS, before the first instruction runs. */
void side_place(Side *side, uint64_t address, const void *data, size_t length);

/* Another engine from here on, as machine_set_engine() does it. */
void side_set_engine(Side *side, const TranslatorOptions *options);

/* Runs to instruction count TARGET; INTERPRETED: by the interpreter whatever there is. */
void side_run(Side *side, uint64_t target, bool interpreted);

/* The first thing in which the two differ, as text, or NULL. WHOLE compares all memory. */
char *side_compare(const Side *a, const Side *b, bool whole);

#endif
