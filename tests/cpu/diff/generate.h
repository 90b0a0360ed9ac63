/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random cases for a row of the instruction set, half of whose operands are corners.
 *
 * A case depends on the seed, the row's name and the case's number, and on nothing else, so that
 * any one can be made again alone.
 */
#ifndef TESTS_CPU_DIFF_GENERATE_H
#define TESTS_CPU_DIFF_GENERATE_H

#include "tests/cpu/diff/image.h"
#include "tests/cpu/diff/row.h"

/* Makes case NUMBER, to be executed at ADDRESS. Number modulo 4 is the rounding mode. */
void generate_case(const Row *row, uint64_t seed, uint64_t number, uint64_t address,
                   bool little_endian, Image *image);

#endif
