/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which host register holds what while translated code runs.
 *
 *     RBP          the Cpu, plus CPU_BIAS so that short displacements reach all 32 GPRs
 *     R14          the TLB bank of the present context
 *     R15          the instruction budget
 *     RBX R12 R13  pinned guest registers that survive calls
 *     R8-R11       pinned guest registers that do not
 *     RAX RCX RDX RSI RDI   temporaries
 *
 * The pins are what loops use most: in samples of seven integer programs, weighted by time, r9,
 * r10, r7, r8, r5, r6 and r4 had 65 % of all uses; r3, r31 and r1 together 7 %.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_REGISTERS_H
#define MACHINE_TRANSLATOR_X86_64_REGISTERS_H

#include "machine/translator/cr-pending.h"
#include "machine/translator/ir.h"
#include "machine/translator/x86-64/assembler.h"

#define CPU_REG    RBP
#define CPU_BIAS   128
#define BANK_REG   R14
#define BUDGET_REG R15

#define TEMP_COUNT 5
extern const HostReg temp_regs[TEMP_COUNT];

typedef struct {
    HostReg reg;
    uint8_t home;
} Pin;
#define PIN_COUNT 7
extern const Pin pins[PIN_COUNT];

/* The register that HOME is pinned to, or NO_REG. */
HostReg pin_of(unsigned home);

static inline bool pin_survives_calls(HostReg reg)
{
    return reg == RBX || reg == R12 || reg == R13;
}

#define CPU_MEM(member) mem_at(CPU_REG, (int32_t)offsetof(Cpu, member) - CPU_BIAS)

/* Where HOME is kept when it is not pinned, or while C code runs. */
static inline Mem home_mem(unsigned home)
{
    size_t offset = home == HOME_LR    ? offsetof(Cpu, s.lr)
                    : home == HOME_CTR ? offsetof(Cpu, s.ctr)
                                       : offsetof(Cpu, s.gpr) + 8 * home;
    return mem_at(CPU_REG, (int32_t)offset - CPU_BIAS);
}

/* A CR field that stands in the state; and what a comparison found (cr-pending.h). */
static inline Mem cr_mem(unsigned field)
{
    return mem_at(CPU_REG, (int32_t)(offsetof(Cpu, s.crf) + field) - CPU_BIAS);
}

static inline Mem cr_less_mem(unsigned field)
{
    return mem_at(CPU_REG, (int32_t)(offsetof(Cpu, translated.cr_less) + field) - CPU_BIAS);
}

static inline Mem cr_greater_mem(unsigned field)
{
    return mem_at(CPU_REG, (int32_t)(offsetof(Cpu, translated.cr_greater) + field) - CPU_BIAS);
}

/*
 * The frame of translated code, 16-aligned: a slot for each host register, and slots for values
 * that had to make room: as many as a block has instructions, and some more.
 */
#define SPILL_SLOTS (IR_BLOCK_INSNS + 16)
#define FRAME_SIZE  (128 + 8 * (int)SPILL_SLOTS)
static inline Mem slot_mem(HostReg reg)
{
    return mem_at(RSP, 8 * reg);
}

static inline Mem spill_mem(unsigned slot)
{
    return mem_at(RSP, 128 + 8 * (int32_t)slot);
}

/* The host address of the first access of a group, or 0: in slots of registers never saved there.
 */
static inline Mem group_mem(unsigned group)
{
    return slot_mem((HostReg)(R8 + group - 1));
}

#endif
