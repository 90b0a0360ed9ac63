/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for translated code: one file mapped twice, once to write and once to execute. No page is
 * ever both (W^X), and no system call is made after the start.
 *
 * It has two areas: what runs as a rule, and aside what is rarely needed (slow paths of accesses,
 * exits not linked yet). Apart from that the former lies close together, so that the host's caches
 * of code, pages and branches hold more of it. Code of a boot is 42 % in line, that of hot blocks
 * less.
 */
#ifndef MACHINE_TRANSLATOR_CODE_MEMORY_H
#define MACHINE_TRANSLATOR_CODE_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { CODE_IN_LINE, CODE_ASIDE, CODE_AREAS } CodeArea;

typedef struct {
    uint8_t *write; /* the writable mapping */
    const uint8_t *execute;
    size_t size;
    size_t used[CODE_AREAS]; /* up to where each area is, in bytes from WRITE */
} CodeMemory;

bool code_memory_init(CodeMemory *memory, size_t size, GError **error);
void code_memory_clear(CodeMemory *memory);
/* Empties both areas, but for the first KEPT bytes of the former. */
void code_memory_empty(CodeMemory *memory, size_t kept);

/* What of AREA is free: from here, up to there. */
static inline uint8_t *code_memory_free(const CodeMemory *memory, CodeArea area)
{
    return memory->write + memory->used[area];
}

static inline uint8_t *code_memory_limit(const CodeMemory *memory, CodeArea area)
{
    return memory->write + (area == CODE_IN_LINE ? memory->size / 8 * 3 : memory->size);
}

/* AREA is in use up to END, and to where the host likes the next code to begin. */
void code_memory_take(CodeMemory *memory, CodeArea area, const uint8_t *end);
/* Bytes in use. */
size_t code_memory_used(const CodeMemory *memory);

/* The executable alias of a pointer into the writable mapping. */
static inline const uint8_t *code_memory_executable(const CodeMemory *memory, const uint8_t *write)
{
    return memory->execute + (write - memory->write);
}

#endif
