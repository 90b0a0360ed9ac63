/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test vectors: one instruction with its inputs and what the book says comes out.
 *
 * A line is
 *     NAME MODE WORD WORD INPUTS -> OUTPUTS
 * MODE is le or be, with 32 behind it for 32-bit mode, or g4 for a 7447A. The two words
 * (hexadecimal, as numbers) are executed one after the other at address 0xa008; 60000000 does
 * nothing. Inputs and outputs are FIELD=HEX with the fields of image.h. Inputs that are not named
 * are zero, outputs that are not named are as they were before. Empty lines and lines that start
 * with # count for nothing.
 */
#ifndef TESTS_CPU_DIFF_VECTOR_H
#define TESTS_CPU_DIFF_VECTOR_H

#include "machine/cpu/model.h"
#include "tests/cpu/diff/image.h"

#define VECTOR_ADDRESS (SLOTS + SLOT_INSN)

typedef struct {
    char *name;
    bool little_endian, narrow; /* narrow: 32-bit mode */
    const CpuModel *model;
    Image input, expected;
} TestVector;

void test_vector_free(TestVector *vector);

/* The vectors of file PATH, which also says in which line an error is. */
GPtrArray *vectors_load(const char *path, GError **error);

/* A line for INPUT and RESULT. */
char *vector_format(const char *name, const CpuModel *model, bool little_endian, const Image *input,
                    const Image *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestVector, test_vector_free)

#endif
