/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixed-point loads and stores (Power ISA 3.0B, Book I 3.3.2 to 3.3.7).
 *
 * 1. Scalar accesses work at any alignment. lq and stq raise an alignment interrupt unless aligned
 *    to 16, and multiple and string accesses always in little-endian mode (lmw and stmw of 32-bit
 *    processors also unless aligned to 4).
 * 2. A fault leaves all registers as they were: values are loaded in full before any register, and
 *    the base of an update form, is written.
 * 3. Invalid forms. The decoder refuses update forms with RA=0 and loads with RA=RT on 64-bit
 *    processors, and quadwords with an odd register or a base that they load. What is left: 32-bit
 *    processors take r0 as the base, and keep the loaded value where RA=RT; lswi and lswx that
 * would load a register of their own address are illegal instructions; lmw loads it.
 */
#include <string.h>

#include "machine/cpu/access.h"
#include "machine/cpu/cpu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

#define RS (cpu->s.gpr[insn->t])
#define RT (cpu->s.gpr[insn->t])
#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

/* Effective addresses of the plain forms, where r0 as the base reads as zero. */
static inline uint64_t ea_displaced(const Cpu *cpu, const Insn *insn, int64_t displacement)
{
    return cpu_ea(cpu, cpu_gpr_or_zero(cpu, insn->a) + (uint64_t)displacement);
}

#define EA_D  ea_displaced(cpu, insn, insn_si(insn))
#define EA_DS ea_displaced(cpu, insn, insn_ds(insn))
#define EA_DQ ea_displaced(cpu, insn, insn_dq(insn))
#define EA_X  ea_displaced(cpu, insn, (int64_t)RB)
/* And of the update forms. */
#define EA_DU  cpu_ea(cpu, RA + (uint64_t)insn_si(insn))
#define EA_DSU cpu_ea(cpu, RA + (uint64_t)insn_ds(insn))
#define EA_XU  cpu_ea(cpu, RA + RB)

/* What is loaded is converted to TYPE, whose sign extends. */
#define LOAD(name, bits, type, address)                                                            \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t value;                                                                            \
        if (!cpu_load##bits(cpu, address, &value))                                                 \
            return EXEC_EXCEPTION;                                                                 \
        RT = (uint64_t)(type)value;                                                                \
        return EXEC_NEXT;                                                                          \
    }

#define LOAD_UPDATE(name, bits, type, address)                                                     \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t ea = address, value;                                                              \
        if (!cpu_load##bits(cpu, ea, &value))                                                      \
            return EXEC_EXCEPTION;                                                                 \
        RA = ea;                                                                                   \
        RT = (uint64_t)(type)value;                                                                \
        return EXEC_NEXT;                                                                          \
    }

#define STORE(name, bits, value, address)                                                          \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return cpu_store##bits(cpu, address, value) ? EXEC_NEXT : EXEC_EXCEPTION;                  \
    }

#define STORE_UPDATE(name, bits, address)                                                          \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t ea = address;                                                                     \
        if (!cpu_store##bits(cpu, ea, RS))                                                         \
            return EXEC_EXCEPTION;                                                                 \
        RA = ea;                                                                                   \
        return EXEC_NEXT;                                                                          \
    }

#define LOAD_ALL(name, bits, type)                                                                 \
    LOAD(name, bits, type, EA_D)                                                                   \
    LOAD(name##x, bits, type, EA_X)                                                                \
    LOAD_UPDATE(name##u, bits, type, EA_DU)                                                        \
    LOAD_UPDATE(name##ux, bits, type, EA_XU)

#define STORE_ALL(name, bits)                                                                      \
    STORE(name, bits, RS, EA_D)                                                                    \
    STORE(name##x, bits, RS, EA_X)                                                                 \
    STORE_UPDATE(name##u, bits, EA_DU)                                                             \
    STORE_UPDATE(name##ux, bits, EA_XU)

LOAD_ALL(lbz, 8, uint8_t)
LOAD_ALL(lhz, 16, uint16_t)
LOAD_ALL(lha, 16, int16_t)
LOAD_ALL(lwz, 32, uint32_t)
LOAD(lwa, 32, int32_t, EA_DS)
LOAD(lwax, 32, int32_t, EA_X)
LOAD_UPDATE(lwaux, 32, int32_t, EA_XU)
LOAD(ld, 64, uint64_t, EA_DS)
LOAD(ldx, 64, uint64_t, EA_X)
LOAD_UPDATE(ldu, 64, uint64_t, EA_DSU)
LOAD_UPDATE(ldux, 64, uint64_t, EA_XU)

STORE_ALL(stb, 8)
STORE_ALL(sth, 16)
STORE_ALL(stw, 32)
STORE(std, 64, RS, EA_DS)
STORE(stdx, 64, RS, EA_X)
STORE_UPDATE(stdu, 64, EA_DSU)
STORE_UPDATE(stdux, 64, EA_XU)

/* Byte-reversed. */

#define LOAD_REVERSED(name, bits)                                                                  \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        uint64_t value;                                                                            \
        if (!cpu_load##bits(cpu, EA_X, &value))                                                    \
            return EXEC_EXCEPTION;                                                                 \
        RT = __builtin_bswap##bits((uint##bits##_t)value);                                         \
        return EXEC_NEXT;                                                                          \
    }

LOAD_REVERSED(lhbrx, 16)
LOAD_REVERSED(lwbrx, 32)
LOAD_REVERSED(ldbrx, 64)
STORE(sthbrx, 16, __builtin_bswap16((uint16_t)RS), EA_X)
STORE(stwbrx, 32, __builtin_bswap32((uint32_t)RS), EA_X)
STORE(stdbrx, 64, __builtin_bswap64(RS), EA_X)

/* Quadwords: the even register is the upper half of one number in the present byte order. */

ExecStatus op_lq(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = EA_DQ;
    Vsr value;

    if (ea & 15)
        return cpu_raise_alignment(cpu, ea, insn);
    if (!cpu_load128(cpu, ea, &value))
        return EXEC_EXCEPTION;
    cpu->s.gpr[insn->t] = VSR_D(value, 0);
    cpu->s.gpr[insn->t + 1] = VSR_D(value, 1);
    return EXEC_NEXT;
}

ExecStatus op_stq(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = EA_DS;
    Vsr value;

    if (ea & 15)
        return cpu_raise_alignment(cpu, ea, insn);
    VSR_D(value, 0) = cpu->s.gpr[insn->t];
    VSR_D(value, 1) = cpu->s.gpr[insn->t + 1];
    return cpu_store128(cpu, ea, value) ? EXEC_NEXT : EXEC_EXCEPTION;
}

/*
 * Multiple and string. Both move LENGTH bytes between storage and the low words of successive
 * registers, first byte first, r0 following r31; a last register that is filled in part has zeros
 * behind.
 */

static inline bool is_little_endian(const Cpu *cpu)
{
    return cpu->s.msr & MSR_LE;
}

static ExecStatus load_registers(Cpu *cpu, uint64_t ea, unsigned first, unsigned length)
{
    uint8_t bytes[128 + 4] = { 0 };

    if (!cpu_load_bytes(cpu, ea, length, bytes))
        return EXEC_EXCEPTION;
    for (unsigned i = 0; i < length; i += 4) {
        uint32_t word;
        memcpy(&word, bytes + i, sizeof word);
        cpu->s.gpr[(first + i / 4) & 31] = GUINT32_FROM_BE(word);
    }
    return EXEC_NEXT;
}

static ExecStatus store_registers(Cpu *cpu, uint64_t ea, unsigned first, unsigned length)
{
    uint8_t bytes[128 + 4];

    for (unsigned i = 0; i < length; i += 4) {
        uint32_t word = GUINT32_TO_BE((uint32_t)cpu->s.gpr[(first + i / 4) & 31]);
        memcpy(bytes + i, &word, sizeof word);
    }
    return cpu_store_bytes(cpu, ea, length, bytes) ? EXEC_NEXT : EXEC_EXCEPTION;
}

static bool multiple_is_misaligned(const Cpu *cpu, uint64_t ea)
{
    return is_little_endian(cpu) || (!cpu->model->is_64bit && (ea & 3));
}

ExecStatus op_lmw(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = EA_D;
    if (multiple_is_misaligned(cpu, ea))
        return cpu_raise_alignment(cpu, ea, insn);
    return load_registers(cpu, ea, insn->t, 4 * (32u - insn->t));
}

ExecStatus op_stmw(Cpu *cpu, const Insn *insn)
{
    uint64_t ea = EA_D;
    if (multiple_is_misaligned(cpu, ea))
        return cpu_raise_alignment(cpu, ea, insn);
    return store_registers(cpu, ea, insn->t, 4 * (32u - insn->t));
}

/* Whether a string of LENGTH bytes from register FIRST on fills register N. */
static inline bool string_fills(unsigned first, unsigned length, unsigned n)
{
    return ((n - first) & 31) < (length + 3) / 4;
}

/* The immediate forms' EA has no displacement; a count of 0 means 32. */
#define EA_IMMEDIATE ea_displaced(cpu, insn, 0)

static inline unsigned immediate_length(const Insn *insn)
{
    return insn->b ? insn->b : 32;
}

ExecStatus op_lswi(Cpu *cpu, const Insn *insn)
{
    unsigned length = immediate_length(insn);
    if (is_little_endian(cpu))
        return cpu_raise_alignment(cpu, EA_IMMEDIATE, insn);
    if (string_fills(insn->t, length, insn->a))
        return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    return load_registers(cpu, EA_IMMEDIATE, insn->t, length);
}

ExecStatus op_lswx(Cpu *cpu, const Insn *insn)
{
    unsigned length = cpu->s.xer_count;
    if (is_little_endian(cpu))
        return cpu_raise_alignment(cpu, EA_X, insn);
    if (string_fills(insn->t, length, insn->b) ||
        (insn->a && string_fills(insn->t, length, insn->a)))
        return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    return load_registers(cpu, EA_X, insn->t, length);
}

ExecStatus op_stswi(Cpu *cpu, const Insn *insn)
{
    if (is_little_endian(cpu))
        return cpu_raise_alignment(cpu, EA_IMMEDIATE, insn);
    return store_registers(cpu, EA_IMMEDIATE, insn->t, immediate_length(insn));
}

ExecStatus op_stswx(Cpu *cpu, const Insn *insn)
{
    if (is_little_endian(cpu))
        return cpu_raise_alignment(cpu, EA_X, insn);
    return store_registers(cpu, EA_X, insn->t, cpu->s.xer_count);
}
