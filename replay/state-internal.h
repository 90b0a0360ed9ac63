/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the state tables share. */
#pragma once

#include "replay/state.h"

/* A 128-bit register as its most significant and least significant half. */
typedef struct StateVector {
    guint64 high;
    guint64 low;
} StateVector;

static inline gboolean state_field_is_stored(const StateField *field)
{
    return field->kind < STATE_KIND_TRANSIENT;
}

static inline gboolean state_field_is_signed(const StateField *field)
{
    return field->kind >= STATE_KIND_I8 && field->kind <= STATE_KIND_I64;
}

static inline guint8 *state_field_element(const StateField *field, void *state, guint index)
{
    return (guint8 *)state + field->offset + (gsize)index * field->size;
}

static inline const guint8 *state_field_element_const(const StateField *field, const void *state,
                                                      guint index)
{
    return (const guint8 *)state + field->offset + (gsize)index * field->size;
}

/* "u32", "struct", ... */
const char *state_kind_name(StateKind kind);

/* Value of an integer element, sign-extended if it is signed. */
guint64 state_element_integer(const StateField *field, const guint8 *element);
StateVector state_element_vector(const guint8 *element);
