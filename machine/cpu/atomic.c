/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load and reserve, store conditional, and atomic memory operations (Power ISA 3.0B, Book II 4.5
 * and 4.6).
 *
 * 1. All raise an alignment interrupt unless naturally aligned; an atomic memory operation also if
 *    its second operand lies outside the 32-byte block of the first.
 * 2. The reservation is the 128-byte granule of a real address and the size of the load. A store
 *    conditional succeeds if both match, and clears the reservation whether it succeeds or not. It
 *    faults as a store does even without a reservation, but marks the page only if it stores.
 *    Caching-inhibited storage (on 32-bit processors, write-through) takes no reservation
 *    (Book III 6.5.3; PEM 6.4.3).
 * 3. A fault keeps the reservation.
 * 4. Function codes that are not in the book's tables cause a data storage interrupt.
 */
#include "machine/cpu/access.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/mmu-family.h"
#include "machine/cpu/ops.h"

#define RT (cpu->s.gpr[insn->t])
#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

enum { GRANULE = 128 };

static inline uint64_t ea_indexed(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + RB);
}

/* The granule that a permitted access at EA lies in. */
static bool find_granule(Cpu *cpu, uint64_t ea, bool is_store, uint64_t *granule)
{
    uint64_t real;
    unsigned refusals;
    if (!cpu_find_data(cpu, ea, is_store, &real, &refusals))
        return false;
    if (refusals & MMU_NO_RESERVATION) {
        cpu_raise(cpu, VECTOR_DATA_STORAGE, 0);
        cpu->exception.dar = ea;
        cpu->exception.dsisr = DSISR_ATTRIBUTE | (is_store ? DSISR_STORE : 0);
        return false;
    }
    *granule = real & ~(uint64_t)(GRANULE - 1);
    return true;
}

static void reserve(Cpu *cpu, uint64_t granule, unsigned size)
{
    cpu->s.reserve_valid = 1;
    cpu->s.reserve_granule = granule;
    cpu->s.reserve_size = (uint8_t)size;
}

/* Sets *HELD to whether a store of SIZE bytes at EA is covered. Returns false on an exception. */
static bool check_reservation(Cpu *cpu, uint64_t ea, unsigned size, bool *held)
{
    uint64_t granule;
    if (!find_granule(cpu, ea, true, &granule))
        return false;
    *held =
        cpu->s.reserve_valid && cpu->s.reserve_size == size && cpu->s.reserve_granule == granule;
    return true;
}

static ExecStatus finish_conditional(Cpu *cpu, bool stored)
{
    cpu->s.reserve_valid = 0;
    cpu->s.reserve_granule = 0;
    cpu->s.reserve_size = 0;
    cpu->s.crf[0] = (uint8_t)((stored ? CR_EQ : 0) | cpu->s.so);
    return EXEC_NEXT;
}

#define LOAD_RESERVE(name, bits)                                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t ea = ea_indexed(cpu, insn), granule, value;                                       \
        if (ea & (bits / 8 - 1))                                                                   \
            return cpu_raise_alignment(cpu, ea, insn);                                             \
        if (!find_granule(cpu, ea, false, &granule) || !cpu_load##bits(cpu, ea, &value))           \
            return EXEC_EXCEPTION;                                                                 \
        reserve(cpu, granule, bits / 8);                                                           \
        RT = value;                                                                                \
        return EXEC_NEXT;                                                                          \
    }

#define STORE_CONDITIONAL(name, bits)                                                              \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t ea = ea_indexed(cpu, insn);                                                       \
        bool held;                                                                                 \
        if (ea & (bits / 8 - 1))                                                                   \
            return cpu_raise_alignment(cpu, ea, insn);                                             \
        if (!check_reservation(cpu, ea, bits / 8, &held))                                          \
            return EXEC_EXCEPTION;                                                                 \
        if (held && !cpu_store##bits(cpu, ea, RT))                                                 \
            return EXEC_EXCEPTION;                                                                 \
        return finish_conditional(cpu, held);                                                      \
    }

LOAD_RESERVE(lbarx, 8)
LOAD_RESERVE(lharx, 16)
LOAD_RESERVE(lwarx, 32)
LOAD_RESERVE(ldarx, 64)
STORE_CONDITIONAL(stbcx_rc, 8)
STORE_CONDITIONAL(sthcx_rc, 16)
STORE_CONDITIONAL(stwcx_rc, 32)
STORE_CONDITIONAL(stdcx_rc, 64)

/* RT as an address register is invalid: an illegal instruction. The decoder refuses odd ones. */
ExecStatus op_lqarx(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = ea_indexed(cpu, insn), granule;
    Vsr value;

    if (insn->t == insn->a || insn->t == insn->b)
        return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    if (ea & 15)
        return cpu_raise_alignment(cpu, ea, insn);
    if (!find_granule(cpu, ea, false, &granule) || !cpu_load128(cpu, ea, &value))
        return EXEC_EXCEPTION;
    reserve(cpu, granule, 16);
    cpu->s.gpr[insn->t] = VSR_D(value, 0);
    cpu->s.gpr[insn->t + 1] = VSR_D(value, 1);
    return EXEC_NEXT;
}

ExecStatus op_stqcx_rc(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = ea_indexed(cpu, insn);
    Vsr value;
    bool held;

    if (ea & 15)
        return cpu_raise_alignment(cpu, ea, insn);
    if (!check_reservation(cpu, ea, 16, &held))
        return EXEC_EXCEPTION;
    VSR_D(value, 0) = cpu->s.gpr[insn->t];
    VSR_D(value, 1) = cpu->s.gpr[insn->t + 1];
    if (held && !cpu_store128(cpu, ea, value))
        return EXEC_EXCEPTION;
    return finish_conditional(cpu, held);
}

/* Atomic memory operations. */

enum {
    AMO_ADD,
    AMO_XOR,
    AMO_OR,
    AMO_AND,
    AMO_MAX_UNSIGNED,
    AMO_MAX_SIGNED,
    AMO_MIN_UNSIGNED,
    AMO_MIN_SIGNED,
    AMO_SWAP,
    AMO_COMPARE_SWAP_NE = 16,
    AMO_INC_BOUNDED = 24,
    AMO_STORE_TWIN = 24,
    AMO_INC_EQUAL = 25,
    AMO_DEC_BOUNDED = 28,
};

#define DSISR_BAD_AMO 0x4u
#define AMO_BLOCK     32u

static ExecStatus raise_bad_code(Cpu *cpu, uint64_t ea)
{
    ExecStatus status = cpu_raise(cpu, VECTOR_DATA_STORAGE, 0);
    cpu->exception.dar = ea;
    cpu->exception.dsisr = DSISR_BAD_AMO;
    return status;
}

static bool load_sized(Cpu *cpu, uint64_t ea, unsigned size, uint64_t *value)
{
    return size == 4 ? cpu_load32(cpu, ea, value) : cpu_load64(cpu, ea, value);
}

static bool store_sized(Cpu *cpu, uint64_t ea, unsigned size, uint64_t value)
{
    return size == 4 ? cpu_store32(cpu, ea, value) : cpu_store64(cpu, ea, value);
}

static inline int64_t as_signed(uint64_t value, unsigned size)
{
    return size == 4 ? (int32_t)value : (int64_t)value;
}

static inline uint64_t as_unsigned(uint64_t value, unsigned size)
{
    return size == 4 ? (uint32_t)value : value;
}

/* What codes 0 to 8 leave in storage that held OLD. */
static uint64_t combine(unsigned code, uint64_t old, uint64_t operand, unsigned size)
{
    uint64_t value = as_unsigned(operand, size);
    bool above = value > old;
    bool above_signed = as_signed(value, size) > as_signed(old, size);

    switch (code) {
    case AMO_ADD: return old + value;
    case AMO_XOR: return old ^ value;
    case AMO_OR: return old | value;
    case AMO_AND: return old & value;
    case AMO_MAX_UNSIGNED: return above ? value : old;
    case AMO_MAX_SIGNED: return above_signed ? value : old;
    case AMO_MIN_UNSIGNED: return above ? old : value;
    case AMO_MIN_SIGNED: return above_signed ? old : value;
    default: return value;
    }
}

static bool in_one_block(uint64_t ea, uint64_t other)
{
    return (ea & ~(uint64_t)(AMO_BLOCK - 1)) == (other & ~(uint64_t)(AMO_BLOCK - 1));
}

/*
 * The conditional codes compare storage at EA with its neighbour OTHER. If the comparison allows,
 * STEP is added to what is there and its old value is the result; else it is the sign bit alone.
 */
static ExecStatus amo_count(Cpu *cpu, const Insn *insn, uint64_t ea, unsigned size)
{
    unsigned code = insn->b;
    uint64_t other = code == AMO_DEC_BOUNDED ? ea - size : ea + size;
    uint64_t step = code == AMO_DEC_BOUNDED ? ~0ull : 1, old, bound;

    if (!in_one_block(ea, other))
        return cpu_raise_alignment(cpu, ea, insn);
    if (!load_sized(cpu, ea, size, &old) || !load_sized(cpu, other, size, &bound))
        return EXEC_EXCEPTION;
    bool allowed = (old == bound) == (code == AMO_INC_EQUAL);
    if (!store_sized(cpu, ea, size, allowed ? old + step : old))
        return EXEC_EXCEPTION;
    RT = allowed ? old : 1ull << (8 * size - 1);
    return EXEC_NEXT;
}

/* The operands of a load are the registers after RT, the result of a word is zero-extended. */
static ExecStatus amo_load(Cpu *cpu, const Insn *insn, unsigned size)
{
    uint64_t ea = cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a)), old, result;
    uint64_t first = cpu->s.gpr[(insn->t + 1) & 31], second = cpu->s.gpr[(insn->t + 2) & 31];
    unsigned code = insn->b;

    if (ea & (size - 1))
        return cpu_raise_alignment(cpu, ea, insn);
    if (code == AMO_INC_BOUNDED || code == AMO_INC_EQUAL || code == AMO_DEC_BOUNDED)
        return amo_count(cpu, insn, ea, size);
    if (code > AMO_SWAP && code != AMO_COMPARE_SWAP_NE)
        return raise_bad_code(cpu, ea);
    if (!load_sized(cpu, ea, size, &old))
        return EXEC_EXCEPTION;
    if (code == AMO_COMPARE_SWAP_NE)
        result = old != as_unsigned(first, size) ? second : old;
    else
        result = combine(code, old, first, size);
    if (!store_sized(cpu, ea, size, result))
        return EXEC_EXCEPTION;
    RT = old;
    return EXEC_NEXT;
}

/* Store twin: both of two neighbours, if they are equal. */
static ExecStatus amo_store_twin(Cpu *cpu, const Insn *insn, uint64_t ea, unsigned size)
{
    uint64_t old, other;

    if (!in_one_block(ea, ea + size))
        return cpu_raise_alignment(cpu, ea, insn);
    if (!load_sized(cpu, ea, size, &old) || !load_sized(cpu, ea + size, size, &other))
        return EXEC_EXCEPTION;
    uint64_t value = old == other ? RT : old, value_other = old == other ? RT : other;
    if (!store_sized(cpu, ea, size, value) || !store_sized(cpu, ea + size, size, value_other))
        return EXEC_EXCEPTION;
    return EXEC_NEXT;
}

static ExecStatus amo_store(Cpu *cpu, const Insn *insn, unsigned size)
{
    uint64_t ea = cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a)), old;
    unsigned code = insn->b;

    if (ea & (size - 1))
        return cpu_raise_alignment(cpu, ea, insn);
    if (code == AMO_STORE_TWIN)
        return amo_store_twin(cpu, insn, ea, size);
    if (code >= AMO_SWAP)
        return raise_bad_code(cpu, ea);
    if (!load_sized(cpu, ea, size, &old) ||
        !store_sized(cpu, ea, size, combine(code, old, RT, size)))
        return EXEC_EXCEPTION;
    return EXEC_NEXT;
}

ExecStatus op_lwat(Cpu *cpu, const Insn *insn)
{
    return amo_load(cpu, insn, 4);
}

ExecStatus op_ldat(Cpu *cpu, const Insn *insn)
{
    return amo_load(cpu, insn, 8);
}

ExecStatus op_stwat(Cpu *cpu, const Insn *insn)
{
    return amo_store(cpu, insn, 4);
}

ExecStatus op_stdat(Cpu *cpu, const Insn *insn)
{
    return amo_store(cpu, insn, 8);
}
