/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables that isa.py makes from ppc.isa: one row per instruction variant.
 */
#ifndef MACHINE_CPU_ISA_H
#define MACHINE_CPU_ISA_H

#include "machine/cpu/insn.h"
#include "machine/cpu/isa-rows.h"
#include "machine/cpu/ops.h"

/* Processor families: which rows a model has. */
enum {
    FAMILY_P9 = 1 << 0, /* POWER9 (Power ISA 3.0B) as a guest of a hypervisor sees it */
    FAMILY_G4 = 1 << 1, /* 7400 and 7450: 32 bits with AltiVec */
};

/* What must be enabled in the MSR. A_OR_B: B if the row's register is VSR 32-63, else A. */
typedef enum {
    FACILITY_NONE,
    FACILITY_FP,
    FACILITY_VEC,
    FACILITY_VSX,
    FACILITY_TM,
    FACILITY_VSX_OR_VEC,
    FACILITY_FP_OR_VEC,
} IsaFacility;

/* Row flags. */
enum {
    ISA_PRIV = 1 << 0,      /* supervisor only */
    ISA_HV = 1 << 1,        /* hypervisor only */
    ISA_END = 1 << 2,       /* ends a block */
    ISA_TRAP = 1 << 3,      /* may interrupt by what it computes */
    ISA_EVEN = 1 << 4,      /* bits 6-10 name a pair, whose first register is even */
    ISA_UPDATE = 1 << 5,    /* updates its base register */
    ISA_LOADS_GPR = 1 << 6, /* bits 6-10 name a GPR that memory is read into */
    ISA_MAY_FAULT = 1 << 7, /* may raise any interrupt but those of floating-point arithmetic */
};

/* How an operand byte of Insn is made from the five bits at its place. */
typedef enum {
    SLOT_PLAIN,
    SLOT_VMX,  /* 32 is added */
    SLOT_CRF,  /* a field of three bits: the lower two are dropped */
    SLOT_VSX0, /* bit 31 of the word (book numbering) is the high bit; and so on */
    SLOT_VSX1,
    SLOT_VSX2,
    SLOT_VSX3,
} IsaSlot;

typedef struct {
    const char *name;     /* unique */
    const char *mnemonic; /* differs from the name where two families share a mnemonic */
    ExecFn function;
    uint32_t word;     /* value of the fixed bits */
    uint32_t mask;     /* which bits are fixed */
    uint32_t reserved; /* which bits are ignored */
    uint8_t flags;
    uint8_t families;
    uint8_t facility; /* IsaFacility */
    uint8_t slot[4];  /* IsaSlot of t, a, b, c */
} IsaRow;

extern const IsaRow isa_rows[ISA_ROW_COUNT];

/* Registers that a row reads or writes though no operand names them. */
enum {
    ISA_REG_CR0 = 1 << 0, /* CR field n is 1 << n */
    ISA_REG_CR1 = 1 << 1,
    ISA_REG_CR6 = 1 << 6,
    ISA_REG_CA = 1 << 8, /* with CA32 */
    ISA_REG_OV = 1 << 9, /* with OV32 */
    ISA_REG_SO = 1 << 10,
    ISA_REG_COUNT = 1 << 11, /* XER bits 57-63 */
    ISA_REG_LR = 1 << 12,
    ISA_REG_CTR = 1 << 13,
    ISA_REG_TAR = 1 << 14,
    ISA_REG_FPSCR = 1 << 15,
    ISA_REG_VSCR = 1 << 16,
    ISA_REG_RESERVE = 1 << 17,
    ISA_REG_GPRS = 1 << 18, /* GPRs other than the operands named: ranges, pairs */
    ISA_REG_ALL = 1 << 19,  /* anything: an SPR */
};

/* IsaEffects.operand: what register the operand at t, a, b, c is, and how it is used; 0 if none. */
enum {
    ISA_OPERAND_NONE = 0,
    ISA_OPERAND_GPR,
    ISA_OPERAND_BASE, /* a GPR, but number 0 reads as zero */
    ISA_OPERAND_FPR,
    ISA_OPERAND_VR,
    ISA_OPERAND_VSR,
    ISA_OPERAND_CRF,
    ISA_OPERAND_CRB, /* one CR bit; a written one also reads its field */
    ISA_OPERAND_FPF, /* from here on: what only the disassembler sees; an FPSCR field */
    ISA_OPERAND_U,
    ISA_OPERAND_S,
    ISA_OPERAND_S4,
    ISA_OPERAND_S16,
    ISA_OPERAND_LI,
    ISA_OPERAND_BD,
    ISA_OPERAND_SPR,
    ISA_OPERAND_COUNT,
    ISA_OPERAND_MB6,
    ISA_OPERAND_SH6,
    ISA_OPERAND_DX,
    ISA_OPERAND_DCMX,
    ISA_OPERAND_KIND = 0x1f, /* mask */
    ISA_KEPT = 0x20, /* not written if an enabled floating-point exception suppresses the result */
    ISA_READ = 0x40,
    ISA_WRITE = 0x80,
};

#define ISA_SIZE_VARIES 255

typedef struct {
    uint32_t reads; /* ISA_REG_ bits */
    uint32_t writes;
    uint8_t operand[4]; /* t, a, b, c */
    uint8_t load;       /* bytes, ISA_SIZE_VARIES, or 0 */
    uint8_t store;
} IsaEffects;

extern const IsaEffects isa_effects[ISA_ROW_COUNT];

/* Operands in the assembler's order; a row's list ends with ISA_OPERAND_NONE. */
typedef struct {
    uint8_t kind;
    uint8_t shift;
    uint8_t width;
    uint8_t extension; /* VSR: how far to shift the word to find the register's high bit */
} IsaOperand;

extern const IsaOperand isa_operands[];
extern const uint16_t isa_operand_first[ISA_ROW_COUNT];

/* The decoder: isa_leaves[first + (word & low_mask)] starts a list in isa_candidates. */
typedef struct {
    uint16_t first;
    uint16_t low_mask;
} IsaPrimary;

extern const IsaPrimary isa_primaries[64];
extern const uint16_t isa_leaves[];
extern const uint16_t isa_candidates[]; /* row numbers; a list ends with ISA_ROW_COUNT */

#endif
