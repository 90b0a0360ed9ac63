/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator: the fast engine.
 */
#ifndef MACHINE_TRANSLATOR_TRANSLATOR_H
#define MACHINE_TRANSLATOR_TRANSLATOR_H

#include "machine/cpu/cpu.h"
#include "machine/memory.h"

typedef struct Translator Translator;

/* What tests vary; nothing of it can be noticed by the guest. */
typedef struct TranslatorOptions {
    unsigned block_limit; /* instructions in a block; 0: as many as there are */
    unsigned threshold;   /* executions by the interpreter before a block is translated */
    size_t code_bytes;    /* size of the code memory; 0: 64 MiB */
    bool all_hot;         /* no block has to wait until it is found to be hot */
} TranslatorOptions;

/* NULL with ERROR when this host cannot: the interpreter then runs everything. */
Translator *translator_new(Cpu *cpu, Memory *memory, const TranslatorOptions *options,
                           GError **error);
void translator_free(Translator *translator);

/* As interpreter_run(). */
void translator_run(Cpu *cpu);

/* Whether translated code stands for words in the page at REAL; and that words have changed. */
bool translator_has_code(const Translator *translator, uint64_t real);
void translator_written(Translator *translator, uint64_t real, uint64_t length);

struct CpuWatch;
/* Forgets blocks that have an instruction of WATCH in them. Only between instructions. */
void translator_make_room(Translator *translator, const struct CpuWatch *watch);

/* Forgets all code. Only between instructions. */
void translator_flush(Translator *translator);

typedef struct {
    uint64_t blocks, flushes, invalidations, lookups, interpreted;
    size_t code_bytes;
} TranslatorCounters;
void translator_counters(const Translator *translator, TranslatorCounters *counters);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Translator, translator_free)

#endif
