/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for translated code: one file mapped twice, once to write and once to execute. No page is
 * ever both (W^X), and no system call is made after the start.
 */
#ifndef MACHINE_TRANSLATOR_CODE_MEMORY_H
#define MACHINE_TRANSLATOR_CODE_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *write; /* the writable mapping */
    const uint8_t *execute;
    size_t size;
    size_t used;
} CodeMemory;

bool code_memory_init(CodeMemory *memory, size_t size, GError **error);
void code_memory_clear(CodeMemory *memory);

/* The executable alias of a pointer into the writable mapping. */
static inline const uint8_t *code_memory_executable(const CodeMemory *memory, const uint8_t *write)
{
    return memory->execute + (write - memory->write);
}

#endif
