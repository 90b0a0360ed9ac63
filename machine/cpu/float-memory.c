/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating-point loads and stores (Power ISA 3.0B, Book I 4.6.2 to 4.6.5).
 *
 * 1. Single numbers are converted by moving bits: no exception, no rounding, a signalling NaN
 *    stays.
 * 2. Update forms write RA after the access succeeded. RA = 0, an invalid form, uses r0.
 * 3. 32-bit models raise an alignment interrupt unless the address is a word's (MPC7400 UM 4.6.6).
 */
#include "machine/cpu/access.h"
#include "machine/cpu/float-status.h"
#include "machine/cpu/model.h"

/* Addresses. */
static inline uint64_t displaced(const Cpu *cpu, const Insn *insn)
{
    return cpu_gpr_or_zero(cpu, insn->a) + (uint64_t)insn_si(insn);
}

static inline uint64_t displaced_ds(const Cpu *cpu, const Insn *insn)
{
    return cpu_gpr_or_zero(cpu, insn->a) + (uint64_t)insn_ds(insn);
}

static inline uint64_t indexed(const Cpu *cpu, const Insn *insn)
{
    return cpu_gpr_or_zero(cpu, insn->a) + cpu->s.gpr[insn->b];
}

static inline uint64_t displaced_update(const Cpu *cpu, const Insn *insn)
{
    return cpu->s.gpr[insn->a] + (uint64_t)insn_si(insn);
}

static inline uint64_t indexed_update(const Cpu *cpu, const Insn *insn)
{
    return cpu->s.gpr[insn->a] + cpu->s.gpr[insn->b];
}

static inline bool is_misaligned(const Cpu *cpu, uint64_t address)
{
    return address & 3 && !cpu->model->is_64bit;
}

/* What a loaded value becomes in a register, and the other way. */
#define FROM_SINGLE(x)      float_single_to_double((uint32_t)(x))
#define FROM_WORD_SIGNED(x) ((uint64_t)(int32_t)(x))
#define TO_SINGLE(x)        float_double_to_single(x)
#define SAME(x)             (x)

#define LOAD(name, bits, convert, address, is_update)                                              \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t sum = address(cpu, insn), data;                                                   \
        if (G_UNLIKELY(is_misaligned(cpu, sum)))                                                   \
            return cpu_raise_alignment(cpu, cpu_ea(cpu, sum), insn);                               \
        if (!cpu_load##bits(cpu, cpu_ea(cpu, sum), &data))                                         \
            return EXEC_EXCEPTION;                                                                 \
        float_set_vsr(cpu, insn->t, convert(data));                                                \
        if (is_update)                                                                             \
            cpu->s.gpr[insn->a] = sum;                                                             \
        return EXEC_NEXT;                                                                          \
    }

#define STORE(name, bits, convert, address, is_update)                                             \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t sum = address(cpu, insn);                                                         \
        if (G_UNLIKELY(is_misaligned(cpu, sum)))                                                   \
            return cpu_raise_alignment(cpu, cpu_ea(cpu, sum), insn);                               \
        uint64_t data = convert(VSR_D(cpu->s.vsr[insn->t], 0));                                    \
        if (!cpu_store##bits(cpu, cpu_ea(cpu, sum), data))                                         \
            return EXEC_EXCEPTION;                                                                 \
        if (is_update)                                                                             \
            cpu->s.gpr[insn->a] = sum;                                                             \
        return EXEC_NEXT;                                                                          \
    }

LOAD(lfs, 32, FROM_SINGLE, displaced, false)
LOAD(lfsu, 32, FROM_SINGLE, displaced_update, true)
LOAD(lfsx, 32, FROM_SINGLE, indexed, false)
LOAD(lfsux, 32, FROM_SINGLE, indexed_update, true)
LOAD(lfd, 64, SAME, displaced, false)
LOAD(lfdu, 64, SAME, displaced_update, true)
LOAD(lfdx, 64, SAME, indexed, false)
LOAD(lfdux, 64, SAME, indexed_update, true)
LOAD(lfiwax, 32, FROM_WORD_SIGNED, indexed, false)
LOAD(lfiwzx, 32, SAME, indexed, false)

STORE(stfs, 32, TO_SINGLE, displaced, false)
STORE(stfsu, 32, TO_SINGLE, displaced_update, true)
STORE(stfsx, 32, TO_SINGLE, indexed, false)
STORE(stfsux, 32, TO_SINGLE, indexed_update, true)
STORE(stfd, 64, SAME, displaced, false)
STORE(stfdu, 64, SAME, displaced_update, true)
STORE(stfdx, 64, SAME, indexed, false)
STORE(stfdux, 64, SAME, indexed_update, true)
STORE(stfiwx, 32, SAME, indexed, false)

/*
 * Pairs are one quadword in the present byte order, the even register its high half. An odd FRTp,
 * an invalid form, pairs with the next register.
 */
static ExecStatus load_pair(Cpu *cpu, const Insn *insn, uint64_t sum)
{
    Vsr value;
    if (!cpu_load128(cpu, cpu_ea(cpu, sum), &value))
        return EXEC_EXCEPTION;
    cpu_set_fpr(cpu, insn->t, VSR_D(value, 0));
    cpu_set_fpr(cpu, (insn->t + 1) & 31, VSR_D(value, 1));
    return EXEC_NEXT;
}

static ExecStatus store_pair(Cpu *cpu, const Insn *insn, uint64_t sum)
{
    Vsr value = { .q = UINT128(cpu_fpr(cpu, insn->t), cpu_fpr(cpu, (insn->t + 1) & 31)) };
    return cpu_store128(cpu, cpu_ea(cpu, sum), value) ? EXEC_NEXT : EXEC_EXCEPTION;
}

ExecStatus op_lfdp(Cpu *cpu, const Insn *insn)
{
    return load_pair(cpu, insn, displaced_ds(cpu, insn));
}

ExecStatus op_lfdpx(Cpu *cpu, const Insn *insn)
{
    return load_pair(cpu, insn, indexed(cpu, insn));
}

ExecStatus op_stfdp(Cpu *cpu, const Insn *insn)
{
    return store_pair(cpu, insn, displaced_ds(cpu, insn));
}

ExecStatus op_stfdpx(Cpu *cpu, const Insn *insn)
{
    return store_pair(cpu, insn, indexed(cpu, insn));
}
