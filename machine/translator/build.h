/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building IR: what the builders of single instructions use.
 */
#ifndef MACHINE_TRANSLATOR_BUILD_H
#define MACHINE_TRANSLATOR_BUILD_H

#include "machine/translator/ir.h"

typedef struct {
    IrBlock *block;
    const Cpu *cpu;
    const Insn *insn;
    const IsaRow *row;
    uint64_t cia;
    bool is_64bit;
    bool swap;               /* guest data order is not the host's */
    bool ended;              /* an exit has been built */
    bool stops;              /* nothing more is wanted: the block goes to the next instruction */
    Ref current[HOME_COUNT]; /* the value of each register here, if some node has it */
    Ref compare[8];          /* the CMP that set each CR field last, if nothing else has since */
} Builder;

/* Builds one instruction; false if this form has none and the interpreter's function must do. */
typedef bool (*BuildFn)(Builder *build);

/* The builder of ROW, or NULL. */
BuildFn builder_of(unsigned row);

Ref build_const(Builder *build, uint64_t value);
Ref build_op(Builder *build, IrOp op, Ref a, Ref b);
Ref build_shift(Builder *build, IrOp op, Ref a, unsigned count);
Ref build_get(Builder *build, unsigned home);
void build_set(Builder *build, unsigned home, Ref value);
/* (RA|0) */
Ref build_base(Builder *build, unsigned n);
IrNode *build_node(Builder *build, IrOp op);
Ref build_last(const Builder *build);
bool build_is_const(const Builder *build, Ref ref, uint64_t *value);
/* An effective address: truncated in 32-bit mode. */
Ref build_ea(Builder *build, Ref sum);
void build_compare(Builder *build, unsigned field, bool is_signed, bool wide, Ref a, Ref b);
/* CR field 0 from a result, for Rc=1. */
void build_record(Builder *build, Ref result);
Ref build_load(Builder *build, Ref ea, unsigned size, bool is_signed, bool reverse);
void build_store(Builder *build, Ref ea, Ref value, unsigned size, bool reverse);

/* What `or` of register HINT with itself into itself does to PPR (build-system.c). */
void build_priority(Builder *build, unsigned hint);

#endif
