/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intermediate representation: a thin linear SSA over one block of guest instructions.
 *
 * 1. Nodes stand in the order of execution; an operand is an earlier node's number.
 * 2. Guest registers change only by SET, in the order of guest instructions: before the nodes of
 *    instruction i, all SETs of instructions before i have happened, and none of later ones. So an
 *    instruction that leaves the block (memory, call) finds exact state with nothing to undo.
 *    Within an instruction, SETs follow the nodes that may leave.
 * 3. A block has one entry and may have several exits: BRANCHes on its way, and its last node.
 * 4. Values are 64-bit. Which mode the guest is in was decided when the block was built.
 */
#ifndef MACHINE_TRANSLATOR_IR_H
#define MACHINE_TRANSLATOR_IR_H

#include "machine/cpu/cpu.h"
#include "machine/cpu/isa.h"

typedef enum {
#define IR(name, kind, meaning) IR_##name,
#include "machine/translator/ir.def"
#undef IR
    IR_OP_COUNT,
} IrOp;

typedef enum { IR_KIND_VALUE, IR_KIND_EFFECT, IR_KIND_MEMORY, IR_KIND_CALL, IR_KIND_EXIT } IrKind;
IrKind ir_kind(IrOp op);
const char *ir_name(IrOp op);

/* Where guest registers live: GPRs, then these. */
enum { HOME_LR = 32, HOME_CTR = 33, HOME_COUNT = 34 };

typedef uint16_t Ref;
#define NO_REF 0xffff

/* How a BRANCH looks at CTR and at its CR bit. */
typedef enum { TEST_NONE, TEST_ZERO, TEST_NONZERO } IrTest;

typedef struct {
    uint8_t op;
    uint8_t home;
    uint8_t field; /* CR field; BRANCH, SELECT: of the bit */
    uint8_t size;  /* bytes of a memory access */
    bool is_signed, wide, swap;
    bool is_dead; /* CMP, SET_CR, SET: nobody sees the field, the register before it is set again */
    uint8_t bit;  /* BRANCH, SELECT: mask of the CR bit in its field (CR_LT...) */
    uint8_t test_bit; /* BRANCH: IrTest of that bit */
    uint8_t test_ctr; /* BRANCH: IrTest of the value c */
    bool fused; /* BRANCH, SELECT: the bit is that of the comparison is_signed, wide: a with b */
    /*
     * BRANCH on a comparison: that is dead, and the way out stores the field itself. Behind the
     * branch nobody sees the field, or, if IS_KNOWN, the field has the branch's bit.
     */
    bool is_sunk, is_known;
    Ref a, b, c;
    /*
     * LOAD, STORE: group, if not 0, of accesses near each other. The first looks for its page, of
     * the bytes FROM to TO (excluded) as seen from its address; each that follows is FROM behind
     * the first, at a + imm (the low word of it in 32-bit mode).
     */
    bool follows;
    uint8_t group;
    int16_t from, to;
    uint16_t insn; /* number of the guest instruction in its block */
    uint64_t imm;
} IrNode;

#define IR_BLOCK_INSNS 64u
#define IR_NODES_MAX   1024u
/* A block goes on behind so many conditional branches forward, and while it is that short. */
#define IR_EXITS_MAX  6u
#define IR_GOES_ON_TO 40u

#define IR_GROUPS_MAX 8u
#define IR_GROUP_SPAN 256 /* bytes */

typedef struct {
    IrNode node[IR_NODES_MAX];
    unsigned count;
    Insn insn[IR_BLOCK_INSNS];
    unsigned insn_count;
    unsigned exit_count; /* BRANCHes and GOTOs */
    bool is_64bit;       /* the mode it was built for */
    uint64_t ea;         /* effective address of the first instruction */
} IrBlock;

/*
 * Builds the block that starts at EA, of at most LIMIT instructions whose words stand at WORDS (in
 * guest byte order, up to the end of the page).
 */
void ir_build(IrBlock *block, const Cpu *cpu, uint64_t ea, const uint8_t *words, unsigned limit);

/* Marks what nobody can see: comparisons, registers set, carries; and makes groups of accesses. */
void ir_optimise(IrBlock *block);
/* The latter (group.c): accesses of a kind at constant distances from one value, no CALL between.
 */
void ir_group(IrBlock *block);

/* The block as text, for tests and people; the caller frees it. */
char *ir_to_text(const IrBlock *block);

#endif
