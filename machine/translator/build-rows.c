/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/translator/build-rows.h"

static const BuildFn builders[ISA_ROW_COUNT] = {
#define BUILDER(row, function) [ISA_##row] = build_##function,
#include "machine/translator/builders.def"
#undef BUILDER
};

BuildFn builder_of(unsigned row)
{
    return builders[row];
}
