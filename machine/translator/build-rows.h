/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The builders of single instructions, declared from builders.def.
 */
#ifndef MACHINE_TRANSLATOR_BUILD_ROWS_H
#define MACHINE_TRANSLATOR_BUILD_ROWS_H

#include "machine/translator/build.h"

#define BUILDER(row, function) bool build_##function(Builder *build);
#include "machine/translator/builders.def"
#undef BUILDER

/* Those of x86-64/vector.def. */
bool build_vector(Builder *build);
bool build_vector_checked(Builder *build);
bool build_vector_of(Builder *build);
bool build_vector_value(Builder *build);
bool build_vector_load(Builder *build);
bool build_vector_store(Builder *build);
/* Those of x86-64/float.def. */
bool build_float(Builder *build);

#endif
