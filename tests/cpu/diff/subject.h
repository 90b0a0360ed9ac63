/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our processor as the differential test drives it: in problem state with translation off, its
 * addresses those of the guest program. What a 32-bit model does not have (upper halves, the lower
 * doublewords of floating-point registers) reads as zero.
 */
#ifndef TESTS_CPU_DIFF_SUBJECT_H
#define TESTS_CPU_DIFF_SUBJECT_H

#include "machine/cpu/model.h"
#include "tests/cpu/diff/image.h"

typedef struct Subject Subject;

Subject *subject_new(const CpuModel *model, bool little_endian);

/* For the cases from now on: the byte order, and 32-bit mode if NARROW. */
void subject_set_mode(Subject *subject, bool little_endian, bool narrow);
void subject_free(Subject *subject);

/* Executes the code of CASE at ADDRESS. RESULT has what oracle_result() would give. */
void subject_run(Subject *subject, const Image *input, uint64_t address, Image *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Subject, subject_free)

#endif
