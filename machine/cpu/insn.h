/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A predecoded instruction, and the fields of its word.
 *
 * The four operand bytes hold the fields at bits 6-10 (t), 11-15 (a), 16-20 (b) and 21-25 (c),
 * already widened by the row's operand class: a VMX register is an index into vsr[] (32 is added),
 * a VSX register has its extension bit folded in, an FPR is 0-31 (its value is doubleword 0 of
 * vsr[n]), a three-bit CR field (BF at 6-8, BFA at 11-13) is 0-7, all else is the plain five-bit
 * field. What stands elsewhere is taken from the word by the functions below. Bits are numbered as
 * in the book, 0 being the most significant.
 */
#ifndef MACHINE_CPU_INSN_H
#define MACHINE_CPU_INSN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Cpu Cpu;
typedef struct Insn Insn;

/* How an instruction function ended. */
typedef enum {
    EXEC_NEXT,     /* completed; the next instruction follows */
    EXEC_BRANCH,   /* completed; cpu->s.cia holds the address of the next instruction */
    EXEC_BOUNDARY, /* completed, the next follows; something a boundary must look at has changed */
    EXEC_BRANCH_BOUNDARY, /* as EXEC_BRANCH, and a boundary must look */
    EXEC_EXCEPTION,       /* not completed: cpu->exception says what to deliver */
    EXEC_REFETCH,         /* internal to the interpreter: no instruction was attempted */
} ExecStatus;

/* What an instruction does. Called with cpu->s.cia = its own address. */
typedef ExecStatus (*ExecFn)(Cpu *cpu, const Insn *insn);

struct Insn {
    ExecFn execute;
    uint32_t word;
    uint8_t t, a, b, c;
};

/* Bits FIRST to LAST of the word, book numbering. */
#define INSN_BITS(insn, first, last)                                                               \
    (((insn)->word >> (31 - (last))) & (0xffffffffu >> (31 - ((last) - (first)))))

static inline int64_t insn_si(const Insn *insn)
{
    return (int16_t)insn->word;
}

static inline uint64_t insn_ui(const Insn *insn)
{
    return (uint16_t)insn->word;
}

/* Displacements of D, DS and DQ forms, in bytes. */
static inline int64_t insn_ds(const Insn *insn)
{
    return (int16_t)(insn->word & 0xfffc);
}

static inline int64_t insn_dq(const Insn *insn)
{
    return (int16_t)(insn->word & 0xfff0);
}

/* Branch displacements, in bytes. */
static inline int64_t insn_li(const Insn *insn)
{
    return (int32_t)((insn->word & 0x03fffffcu) << 6) >> 6;
}

static inline int64_t insn_bd(const Insn *insn)
{
    return (int16_t)(insn->word & 0xfffc);
}

static inline bool insn_aa(const Insn *insn)
{
    return insn->word & 2;
}

static inline bool insn_lk(const Insn *insn)
{
    return insn->word & 1;
}

/* XS and MD forms: the six-bit shift (bits 30 || 16-20) and mask bound (bits 26 || 21-25). */
static inline unsigned insn_sh6(const Insn *insn)
{
    return INSN_BITS(insn, 30, 30) << 5 | INSN_BITS(insn, 16, 20);
}

static inline unsigned insn_mb6(const Insn *insn)
{
    return INSN_BITS(insn, 26, 26) << 5 | INSN_BITS(insn, 21, 25);
}

/* M form: the mask end, bits 26-30. */
static inline unsigned insn_me5(const Insn *insn)
{
    return INSN_BITS(insn, 26, 30);
}

static inline unsigned insn_fxm(const Insn *insn)
{
    return INSN_BITS(insn, 12, 19);
}

/* The special register's number: its halves are swapped in the word. */
static inline unsigned insn_spr(const Insn *insn)
{
    return INSN_BITS(insn, 16, 20) << 5 | INSN_BITS(insn, 11, 15);
}

#endif
