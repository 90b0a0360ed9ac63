/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cache management, ordering, copy-paste, and external control (Power ISA 3.0B, Book II 4.3, 4.4
 * and 4.6; PEM chapter 8).
 *
 * 1. There are no caches and one processor, so only what these instructions do to storage and which
 *    exceptions they raise remains. Stores to code are seen by the next fetch, whoever stores.
 * 2. dcbz is a store of a whole block, and an alignment interrupt where storage is not cached.
 * dcbst, dcbf and icbi count as loads of a byte. The touches never raise anything.
 * 3. paste. reports that the block was not accepted (CR0 is 0 but for SO), as with no accelerator
 *    behind the address.
 * 4. wait resumes at once, which the book allows.
 */
#include "machine/cpu/access.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/mmu-family.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

enum { COPY_BLOCK = 128 };

#define DSISR_EXTERNAL_CONTROL 0x00100000u

static inline uint64_t ea_indexed(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + cpu->s.gpr[insn->b]);
}

ExecStatus op_dcbz(Cpu *cpu, const Insn *insn)
{
    static const uint8_t zeros[128];
    unsigned size = cpu->model->dcbz_size;
    uint64_t ea = ea_indexed(cpu, insn) & ~(uint64_t)(size - 1);

    g_assert(size <= sizeof zeros);
    uint64_t real;
    unsigned refusals;
    if (!cpu_find_data(cpu, ea, true, &real, &refusals))
        return EXEC_EXCEPTION;
    if (refusals & MMU_NO_BLOCK_ZERO)
        return cpu_raise_alignment(cpu, ea_indexed(cpu, insn), insn);
    return cpu_store_bytes(cpu, ea, size, zeros) ? EXEC_NEXT : EXEC_EXCEPTION;
}

static inline ExecStatus probe(Cpu *cpu, const Insn *insn)
{
    return cpu_probe_load(cpu, ea_indexed(cpu, insn), 1) ? EXEC_NEXT : EXEC_EXCEPTION;
}

/* Throws away what the cache holds: with no cache, nothing, but it needs the right to store. */
ExecStatus op_dcbi(Cpu *cpu, const Insn *insn)
{
    return cpu_probe_store(cpu, ea_indexed(cpu, insn), 1) ? EXEC_NEXT : EXEC_EXCEPTION;
}

ExecStatus op_dcbst(Cpu *cpu, const Insn *insn)
{
    return probe(cpu, insn);
}

ExecStatus op_dcbf(Cpu *cpu, const Insn *insn)
{
    return probe(cpu, insn);
}

ExecStatus op_icbi(Cpu *cpu, const Insn *insn)
{
    return probe(cpu, insn);
}

#define NOTHING(name)                                                                              \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return EXEC_NEXT;                                                                          \
    }

NOTHING(sync)
NOTHING(eieio)
NOTHING(isync)
NOTHING(wait)
NOTHING(cpabort)

/* External control is never enabled in EAR, for there is nothing to control (PEM 6.4.3). */
static ExecStatus external_control(Cpu *cpu, const Insn *insn, uint32_t direction)
{
    uint64_t ea = ea_indexed(cpu, insn);
    if (ea & 3)
        return cpu_raise_alignment(cpu, ea, insn);
    ExecStatus status = cpu_raise(cpu, VECTOR_DATA_STORAGE, 0);
    cpu->exception.dar = ea;
    cpu->exception.dsisr = DSISR_EXTERNAL_CONTROL | direction;
    return status;
}

ExecStatus op_eciwx(Cpu *cpu, const Insn *insn)
{
    return external_control(cpu, insn, 0);
}

ExecStatus op_ecowx(Cpu *cpu, const Insn *insn)
{
    return external_control(cpu, insn, DSISR_STORE);
}

ExecStatus op_copy(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = ea_indexed(cpu, insn);
    if (ea & (COPY_BLOCK - 1))
        return cpu_raise_alignment(cpu, ea, insn);
    return cpu_probe_load(cpu, ea, COPY_BLOCK) ? EXEC_NEXT : EXEC_EXCEPTION;
}

ExecStatus op_paste_rc(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = ea_indexed(cpu, insn);
    if (ea & (COPY_BLOCK - 1))
        return cpu_raise_alignment(cpu, ea, insn);
    cpu->s.crf[0] = cpu->s.so;
    return EXEC_NEXT;
}
