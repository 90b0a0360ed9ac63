/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the values of a block are while its code is emitted: one pass, forward.
 *
 * 1. A value is in one place: nowhere yet, a constant, a temporary, a frame slot, or still (again)
 *    in the home of the guest register that it was read from or written to.
 * 2. A home has at most one value that it is known to hold; a value may be in several homes, one of
 *    which its place names. Before the home changes, that value moves to a temporary if it is still
 *    needed and nowhere else.
 * 3. A temporary whose value a home or a slot holds as well can be taken for free.
 * 4. A temporary that a node has asked for stays its own until the node is done.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_ALLOCATE_H
#define MACHINE_TRANSLATOR_X86_64_ALLOCATE_H

#include "machine/translator/x86-64/registers.h"

typedef enum { AT_NOWHERE, AT_CONST, AT_HOME, AT_REG, AT_SLOT } PlaceKind;

typedef struct {
    uint8_t kind;
    uint8_t reg;  /* AT_REG: the temporary */
    uint8_t slot; /* AT_SLOT; AT_REG with has_slot: the slot's number */
    uint8_t home; /* AT_HOME; AT_REG with has_home: a home that holds it as well */
    bool has_home, has_slot;
    Ref last_use;
} Place;

typedef struct {
    Assembler *as;
    const IrBlock *ir;
    Place place[IR_NODES_MAX];
    Ref owner[16];               /* what a temporary holds; NO_REF: nothing */
    bool is_busy[16];            /* in use by the present node */
    Ref resident[HOME_COUNT];    /* the value that lives in a home */
    Ref slot_owner[SPILL_SLOTS]; /* what a slot of the frame holds */
    Ref now;                     /* the node being emitted */
} Allocator;

void allocator_init(Allocator *allocator, Assembler *as, const IrBlock *ir);
/* Nothing needs node REF: no code is emitted for it. */
bool allocator_is_unused(const Allocator *allocator, Ref ref);
/* Begins and ends the emission of a node; the end frees what is used up. */
void allocator_begin(Allocator *allocator, Ref node);
void allocator_end(Allocator *allocator);

/* A temporary for the present node, its contents unknown. */
HostReg allocator_temp(Allocator *allocator);
/* This very register, emptied. It must be a temporary that the node has not asked for yet. */
void allocator_claim(Allocator *allocator, HostReg reg);

/* A register with the value; it must not be changed. */
HostReg allocator_use(Allocator *allocator, Ref ref);
/* The value as an operand of an ALU instruction. */
typedef struct {
    enum { OPERAND_REG, OPERAND_MEM, OPERAND_IMM } kind;
    HostReg reg;
    Mem mem;
    int32_t imm;
} Operand;
Operand allocator_operand(Allocator *allocator, Ref ref);

/* Where the value is, without bringing it anywhere. */
Operand allocator_where(const Allocator *allocator, Ref ref);

bool allocator_is_const(const Allocator *allocator, Ref ref, uint64_t *value);
/* Whether it fits a sign-extended 32-bit immediate. */
bool allocator_is_imm(const Allocator *allocator, Ref ref, int32_t *value);

/*
 * Where the present node's result goes: the pinned register that the next nodes set to it, or to
 * what they make of it, if that is free now, else the temporary of an operand that is used up, else
 * a new one. allocator_result() then says that it is there.
 */
HostReg allocator_target(Allocator *allocator);
void allocator_result(Allocator *allocator, HostReg reg);
/* The same for a result that stands in TEMP, which the node owns: TEMP if it need not move. */
HostReg allocator_target_or(Allocator *allocator, HostReg temp);
/*
 * Whether the present node changes the register at MEM, which holds REF, and nobody needs what it
 * held nor, except for its flags, what it becomes. allocator_live_in_home() then says that it did.
 */
bool allocator_stays_in_memory(const Allocator *allocator, Ref ref, Mem *mem);
/* Whether REF is in memory only, and better compared there than brought into a register. */
bool allocator_is_compared_in_memory(const Allocator *allocator, Ref ref, Mem *mem);
/* The present node, a GET or as above: its value is where HOME is. */
void allocator_live_in_home(Allocator *allocator, unsigned home);
/* Copies the value into REG, which the node owns. Leaves the flags alone. */
void allocator_copy(Allocator *allocator, HostReg reg, Ref ref);

/* The present node, a SET. */
void allocator_set_home(Allocator *allocator, unsigned home, Ref value);

/* The temporaries whose values are needed after the present node, but for EXCEPT. */
unsigned allocator_live_temps(const Allocator *allocator, HostReg except);

#endif
