/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX loads and stores.
 *
 * 1. lxv and lxvx move one quadword in the present byte order. lxvd2x, lxvw4x, lxvh8x and lxvb16x
 * move elements: element 0 at the lowest address in either byte order, each in the present byte
 * order. So in little-endian mode they are the quadword with its elements in the opposite order.
 * 2. Scalar loads clear doubleword 1, which the book leaves undefined before version 3.1: POWER
 *    processors do.
 * 3. The with-length forms touch only the bytes counted, and none for a length of zero.
 */
#include "machine/cpu/access.h"
#include "machine/cpu/float-status.h"
#include "machine/cpu/ops.h"

static uint64_t indexed_address(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + cpu->s.gpr[insn->b]);
}

static uint64_t ds_address(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + (uint64_t)insn_ds(insn));
}

static uint64_t dq_address(const Cpu *cpu, const Insn *insn)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + (uint64_t)insn_dq(insn));
}

static bool is_little(const Cpu *cpu)
{
    return cpu->s.msr & MSR_LE;
}

static ExecStatus done(bool success)
{
    return success ? EXEC_NEXT : EXEC_EXCEPTION;
}

/* Scalars: the value's place in doubleword 0 is the same for its load and its store. */
static uint64_t same(uint64_t value)
{
    return value;
}

static uint64_t extend_word(uint64_t value)
{
    return (uint64_t)(int64_t)(int32_t)value;
}

static uint64_t from_single(uint64_t value)
{
    return float_single_to_double((uint32_t)value);
}

static uint64_t to_single(uint64_t value)
{
    return float_double_to_single(value);
}

#define SCALAR_LOAD(name, bits, form, convert)                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t value;                                                                            \
        if (!cpu_load##bits(cpu, form##_address(cpu, insn), &value))                               \
            return EXEC_EXCEPTION;                                                                 \
        VSR_D(cpu->s.vsr[insn->t], 0) = convert(value);                                            \
        VSR_D(cpu->s.vsr[insn->t], 1) = 0;                                                         \
        return EXEC_NEXT;                                                                          \
    }

#define SCALAR_STORE(name, bits, form, convert)                                                    \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const uint64_t value = convert(VSR_D(cpu->s.vsr[insn->t], 0));                             \
        return done(cpu_store##bits(cpu, form##_address(cpu, insn), value));                       \
    }

SCALAR_LOAD(lxsdx, 64, indexed, same)
SCALAR_LOAD(lxsd, 64, ds, same)
SCALAR_LOAD(lxsspx, 32, indexed, from_single)
SCALAR_LOAD(lxssp, 32, ds, from_single)
SCALAR_LOAD(lxsiwax, 32, indexed, extend_word)
SCALAR_LOAD(lxsiwzx, 32, indexed, same)
SCALAR_LOAD(lxsihzx, 16, indexed, same)
SCALAR_LOAD(lxsibzx, 8, indexed, same)
SCALAR_STORE(stxsdx, 64, indexed, same)
SCALAR_STORE(stxsd, 64, ds, same)
SCALAR_STORE(stxsspx, 32, indexed, to_single)
SCALAR_STORE(stxssp, 32, ds, to_single)
SCALAR_STORE(stxsiwx, 32, indexed, same)
SCALAR_STORE(stxsihx, 16, indexed, same)
SCALAR_STORE(stxsibx, 8, indexed, same)

/* Load and splat. */
ExecStatus op_lxvdsx(Cpu *cpu, const Insn *insn)
{
    uint64_t value;
    if (!cpu_load64(cpu, indexed_address(cpu, insn), &value))
        return EXEC_EXCEPTION;
    cpu->s.vsr[insn->t].d[0] = cpu->s.vsr[insn->t].d[1] = value;
    return EXEC_NEXT;
}

ExecStatus op_lxvwsx(Cpu *cpu, const Insn *insn)
{
    uint64_t value;
    if (!cpu_load32(cpu, indexed_address(cpu, insn), &value))
        return EXEC_EXCEPTION;
    cpu->s.vsr[insn->t].d[0] = cpu->s.vsr[insn->t].d[1] = value << 32 | value;
    return EXEC_NEXT;
}

/* Quadwords. */
ExecStatus op_lxvx(Cpu *cpu, const Insn *insn)
{
    return done(cpu_load128(cpu, indexed_address(cpu, insn), &cpu->s.vsr[insn->t]));
}

ExecStatus op_lxv(Cpu *cpu, const Insn *insn)
{
    return done(cpu_load128(cpu, dq_address(cpu, insn), &cpu->s.vsr[insn->t]));
}

ExecStatus op_stxvx(Cpu *cpu, const Insn *insn)
{
    return done(cpu_store128(cpu, indexed_address(cpu, insn), cpu->s.vsr[insn->t]));
}

ExecStatus op_stxv(Cpu *cpu, const Insn *insn)
{
    return done(cpu_store128(cpu, dq_address(cpu, insn), cpu->s.vsr[insn->t]));
}

/* Elements in address order. */
#define ELEMENT_ACCESS(suffix, lane)                                                               \
    static Vsr address_order_##lane(const Cpu *cpu, Vsr value)                                     \
    {                                                                                              \
        Vsr result;                                                                                \
        if (!is_little(cpu))                                                                       \
            return value;                                                                          \
        for (unsigned i = 0; i < G_N_ELEMENTS(value.lane); i++)                                    \
            result.lane[i] = value.lane[G_N_ELEMENTS(value.lane) - 1 - i];                         \
        return result;                                                                             \
    }                                                                                              \
    ExecStatus op_lxv##suffix(Cpu *cpu, const Insn *insn)                                          \
    {                                                                                              \
        Vsr value;                                                                                 \
        if (!cpu_load128(cpu, indexed_address(cpu, insn), &value))                                 \
            return EXEC_EXCEPTION;                                                                 \
        cpu->s.vsr[insn->t] = address_order_##lane(cpu, value);                                    \
        return EXEC_NEXT;                                                                          \
    }                                                                                              \
    ExecStatus op_stxv##suffix(Cpu *cpu, const Insn *insn)                                         \
    {                                                                                              \
        const Vsr value = address_order_##lane(cpu, cpu->s.vsr[insn->t]);                          \
        return done(cpu_store128(cpu, indexed_address(cpu, insn), value));                         \
    }

ELEMENT_ACCESS(d2x, d)
ELEMENT_ACCESS(w4x, w)
ELEMENT_ACCESS(h8x, h)
ELEMENT_ACCESS(b16x, b)

/*
 * With length: byte 0 of RB counts, 16 and more meaning all. The bytes are the register's from the
 * left in big-endian mode and always for the left-justified forms; else its from the right.
 */
static unsigned counted_length(const Cpu *cpu, const Insn *insn)
{
    return MIN(cpu->s.gpr[insn->b] >> 56, 16);
}

static ExecStatus load_counted(Cpu *cpu, const Insn *insn, bool from_right)
{
    const unsigned length = counted_length(cpu, insn);
    uint8_t bytes[16] = { 0 };
    Vsr result;
    if (length && !cpu_load_bytes(cpu, cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a)), length, bytes))
        return EXEC_EXCEPTION;
    for (unsigned i = 0; i < 16; i++)
        VSR_B(result, from_right ? 15 - i : i) = bytes[i];
    cpu->s.vsr[insn->t] = result;
    return EXEC_NEXT;
}

static ExecStatus store_counted(Cpu *cpu, const Insn *insn, bool from_right)
{
    const unsigned length = counted_length(cpu, insn);
    uint8_t bytes[16];
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = VSR_B(cpu->s.vsr[insn->t], from_right ? 15 - i : i);
    return done(!length ||
                cpu_store_bytes(cpu, cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a)), length, bytes));
}

ExecStatus op_lxvl(Cpu *cpu, const Insn *insn)
{
    return load_counted(cpu, insn, is_little(cpu));
}

ExecStatus op_lxvll(Cpu *cpu, const Insn *insn)
{
    return load_counted(cpu, insn, false);
}

ExecStatus op_stxvl(Cpu *cpu, const Insn *insn)
{
    return store_counted(cpu, insn, is_little(cpu));
}

ExecStatus op_stxvll(Cpu *cpu, const Insn *insn)
{
    return store_counted(cpu, insn, false);
}
