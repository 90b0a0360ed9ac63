/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a bare-metal test says what it found, on processors of 32 and 64 bits: lines "PASS name" and
 * "FAIL name got X expected Y". Values are as wide as a register.
 */
#ifndef TESTS_GUEST_BARE_REPORT_H
#define TESTS_GUEST_BARE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Each kind of test has its own console. */
void print(const char *text);

void report(const char *name, bool pass, uintptr_t got, uintptr_t expected);
void expect_value(const char *name, uintptr_t got, uintptr_t expected);
/* A name of up to three parts, good until sixteen more were made. */
const char *named(const char *a, const char *b, const char *c);

#endif
