/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/translator/build-rows.h"

static const BuildFn builders[ISA_ROW_COUNT] = {
#define BUILDER(row, function) [ISA_##row] = build_##function,
#include "machine/translator/builders.def"
#undef BUILDER
#define VECTOR(row, recipe, operation)         [ISA_##row] = build_vector,
#define VECTOR_CHECKED(row, recipe, operation) [ISA_##row] = build_vector_checked,
#define VECTOR_OF(row, form, recipe)           [ISA_##row] = build_vector_of,
#define VECTOR_VALUE(row, recipe, operation)   [ISA_##row] = build_vector_value,
#define VECTOR_LOAD(row, form, kind)           [ISA_##row] = build_vector_load,
#define VECTOR_STORE(row, form, kind)          [ISA_##row] = build_vector_store,
#include "machine/translator/x86-64/vector.def"
#define FLOAT(row, recipe, operation, first, second, third, flags) [ISA_##row] = build_float,
#include "machine/translator/x86-64/float.def"
#undef FLOAT
#undef VECTOR
#undef VECTOR_VALUE
#undef VECTOR_OF
#undef VECTOR_CHECKED
#undef VECTOR_LOAD
#undef VECTOR_STORE
};

BuildFn builder_of(unsigned row)
{
    return builders[row];
}
