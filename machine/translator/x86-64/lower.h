/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One block on its way from IR to x86-64.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_LOWER_H
#define MACHINE_TRANSLATOR_X86_64_LOWER_H

#include "machine/cpu/tlb.h"
#include "machine/translator/x86-64/allocate.h"
#include "machine/translator/x86-64/target.h"

/* The slow path of a memory access. */
typedef struct {
    uint8_t *site;    /* the jump that leads here */
    uint8_t *resume;  /* where the fast path goes on */
    uint32_t what;    /* for the helper */
    unsigned live;    /* temporaries to be kept, a bit each */
    HostReg ea, value, target;
    Ref node;
    bool is_store;
} Stub;

typedef struct {
    uint8_t *site;
    uint64_t target;
} Exit;

typedef struct {
    Assembler as;
    Allocator allocator;
    const IrBlock *ir;
    Block *block;
    const TargetThunks *thunks;
    Stub stub[IR_BLOCK_INSNS * 2];
    unsigned stub_count;
    Exit exit[2];
    unsigned exit_count;
} Lowering;

static inline Mem vsr_mem(uint64_t n)
{
    return mem_at(CPU_REG, (int32_t)(offsetof(Cpu, s.vsr) + 16 * n) - CPU_BIAS);
}

/* Operations on values and CR fields (lower-value.c). */
void lower_value(Lowering *low, const IrNode *node);

/*
 * Emits the test of a BRANCH's or SELECT's CR bit: the host condition under which it is 1.
 */
HostCondition lower_condition(Lowering *low, const IrNode *node);

#endif
