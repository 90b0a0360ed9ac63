/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixed-point arithmetic (Power ISA 3.0B, Book I 3.3.9): add, subtract, multiply, divide, modulo.
 *
 * 1. Every addition and subtraction is one sum a + b + carry, subtraction with ~a. CA and OV come
 *    from its carries; CA32 and OV32 always describe the low 32 bits, and in 32-bit mode CA and OV
 *    are equal to them.
 * 2. For multiplication and division OV32 is OV (3.3.9: OV32 tells whether the same overflow
 *    happened, the operand size being that of the instruction).
 * 3. SO is set before CR0 copies it, and only ever set.
 * 4. Undefined results. The quotient of a division by zero, or of the most negative number by -1,
 *    is the dividend on 64-bit processors and 0 on 32-bit ones (as the 74xx does), that of an
 *    extended division 0, every such remainder 0. The upper halves of divw and mulhw results are
 *    zero, of divwe and modsw the sign of the result.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

/* Which flags a variant changes. */
enum { SETS_CR = 1, SETS_CA = 2, SETS_OV = 4 };

static inline void set_overflow(Cpu *cpu, bool ov, bool ov32)
{
    cpu->s.ov = ov;
    cpu->s.ov32 = ov32;
    cpu->s.so |= cpu->s.ov;
}

static inline ExecStatus finish(Cpu *cpu, unsigned target, uint64_t result, unsigned sets)
{
    cpu->s.gpr[target] = result;
    if (sets & SETS_CR)
        cpu_set_cr0(cpu, result);
    return EXEC_NEXT;
}

/* Carries out of each bit position of SUM = A + B + carry. */
static inline uint64_t carries_of(uint64_t a, uint64_t b, uint64_t sum)
{
    return (a & b) | ((a | b) & ~sum);
}

static inline ExecStatus add(Cpu *cpu, unsigned target, uint64_t a, uint64_t b, unsigned carry,
                             unsigned sets)
{
    uint64_t sum = a + b + carry;
    if (sets & SETS_CA) {
        uint64_t carries = carries_of(a, b, sum);
        cpu->s.ca32 = (carries >> 31) & 1;
        cpu->s.ca = cpu_is_64bit(cpu) ? carries >> 63 : cpu->s.ca32;
    }
    if (sets & SETS_OV) {
        uint64_t overflows = (a ^ sum) & (b ^ sum);
        bool ov32 = (overflows >> 31) & 1;
        set_overflow(cpu, cpu_is_64bit(cpu) ? overflows >> 63 : ov32, ov32);
    }
    return finish(cpu, target, sum, sets);
}

#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

/* One function, with the flags it sets. */
#define OP(name, sets, call)                                                                       \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        enum { SETS = (sets) };                                                                    \
        return call;                                                                               \
    }
/* The plain and the record form; and all four variants of an XO form. */
#define OP_RC(name, sets, call)    OP(name, sets, call) OP(name##_rc, (sets) | SETS_CR, call)
#define OP_OE_RC(name, sets, call) OP_RC(name, sets, call) OP_RC(name##o, (sets) | SETS_OV, call)

#define ADD(a, b, carry) add(cpu, insn->t, a, b, carry, SETS)

OP(addi, 0, ADD(cpu_gpr_or_zero(cpu, insn->a), (uint64_t)insn_si(insn), 0))
OP(addis, 0, ADD(cpu_gpr_or_zero(cpu, insn->a), (uint64_t)insn_si(insn) << 16, 0))
OP(addic, SETS_CA, ADD(RA, (uint64_t)insn_si(insn), 0))
OP(addic_rc, SETS_CA | SETS_CR, ADD(RA, (uint64_t)insn_si(insn), 0))
OP(subfic, SETS_CA, ADD(~RA, (uint64_t)insn_si(insn), 1))
OP_OE_RC(add, 0, ADD(RA, RB, 0))
OP_OE_RC(addc, SETS_CA, ADD(RA, RB, 0))
OP_OE_RC(adde, SETS_CA, ADD(RA, RB, cpu->s.ca))
OP_OE_RC(addme, SETS_CA, ADD(RA, ~0ull, cpu->s.ca))
OP_OE_RC(addze, SETS_CA, ADD(RA, 0, cpu->s.ca))
OP_OE_RC(subf, 0, ADD(~RA, RB, 1))
OP_OE_RC(subfc, SETS_CA, ADD(~RA, RB, 1))
OP_OE_RC(subfe, SETS_CA, ADD(~RA, RB, cpu->s.ca))
OP_OE_RC(subfme, SETS_CA, ADD(~RA, ~0ull, cpu->s.ca))
OP_OE_RC(subfze, SETS_CA, ADD(~RA, 0, cpu->s.ca))
OP_OE_RC(neg, 0, ADD(~RA, 0, 1))

/* OV is the carry here, in and out; SO stays. CY values other than 0 are reserved: taken as 0. */
ExecStatus op_addex(Cpu *cpu, const Insn *insn)
{
    uint64_t sum = RA + RB + cpu->s.ov;
    uint64_t carries = carries_of(RA, RB, sum);
    cpu->s.ov32 = (carries >> 31) & 1;
    cpu->s.ov = cpu_is_64bit(cpu) ? carries >> 63 : cpu->s.ov32;
    return finish(cpu, insn->t, sum, 0);
}

/* The displacement's parts stand at bits 16-25, 11-15 and 31. */
ExecStatus op_addpcis(Cpu *cpu, const Insn *insn)
{
    int16_t d = (int16_t)(INSN_BITS(insn, 16, 25) << 6 | INSN_BITS(insn, 11, 15) << 1 |
                          INSN_BITS(insn, 31, 31));
    uint64_t next = cpu_ea(cpu, cpu->s.cia + 4);
    return finish(cpu, insn->t, next + ((uint64_t)(int64_t)d << 16), 0);
}

/* Multiplication. */

static inline ExecStatus multiply_low_word(Cpu *cpu, const Insn *insn, unsigned sets)
{
    int64_t product = (int64_t)(int32_t)RA * (int32_t)RB;
    if (sets & SETS_OV) {
        bool ov = product != (int32_t)product;
        set_overflow(cpu, ov, ov);
    }
    return finish(cpu, insn->t, (uint64_t)product, sets);
}

static inline ExecStatus multiply_low_double(Cpu *cpu, const Insn *insn, unsigned sets)
{
    __int128 product = (__int128)(int64_t)RA * (int64_t)RB;
    if (sets & SETS_OV) {
        bool ov = product != (int64_t)product;
        set_overflow(cpu, ov, ov);
    }
    return finish(cpu, insn->t, (uint64_t)product, sets);
}

#define HIGH_SIGNED(a, b)   ((uint64_t)(((__int128)(int64_t)(a) * (int64_t)(b)) >> 64))
#define HIGH_UNSIGNED(a, b) ((uint64_t)(((unsigned __int128)(a) * (b)) >> 64))

OP(mulli, 0, finish(cpu, insn->t, (uint64_t)insn_si(insn) * RA, 0))
OP_OE_RC(mullw, 0, multiply_low_word(cpu, insn, SETS))
OP_OE_RC(mulld, 0, multiply_low_double(cpu, insn, SETS))
OP_RC(mulhw, 0, finish(cpu, insn->t, (uint32_t)(((int64_t)(int32_t)RA * (int32_t)RB) >> 32), SETS))
OP_RC(mulhwu, 0, finish(cpu, insn->t, ((uint64_t)(uint32_t)RA * (uint32_t)RB) >> 32, SETS))
OP_RC(mulhd, 0, finish(cpu, insn->t, HIGH_SIGNED(RA, RB), SETS))
OP_RC(mulhdu, 0, finish(cpu, insn->t, HIGH_UNSIGNED(RA, RB), SETS))

ExecStatus op_maddhd(Cpu *cpu, const Insn *insn)
{
    __int128 sum = (__int128)(int64_t)RA * (int64_t)RB + (int64_t)cpu->s.gpr[insn->c];
    return finish(cpu, insn->t, (uint64_t)(sum >> 64), 0);
}

ExecStatus op_maddhdu(Cpu *cpu, const Insn *insn)
{
    unsigned __int128 sum = (unsigned __int128)RA * RB + cpu->s.gpr[insn->c];
    return finish(cpu, insn->t, (uint64_t)(sum >> 64), 0);
}

ExecStatus op_maddld(Cpu *cpu, const Insn *insn)
{
    return finish(cpu, insn->t, RA * RB + cpu->s.gpr[insn->c], 0);
}

/* Division and modulo. */

static inline ExecStatus finish_quotient(Cpu *cpu, unsigned target, uint64_t quotient, bool ov,
                                         unsigned sets)
{
    if (sets & SETS_OV)
        set_overflow(cpu, ov, ov);
    return finish(cpu, target, quotient, sets);
}

static inline uint64_t undefined_quotient(const Cpu *cpu, uint64_t dividend)
{
    return cpu->model->is_64bit ? dividend : 0;
}

static inline ExecStatus divide_word(Cpu *cpu, const Insn *insn, unsigned sets)
{
    int32_t a = (int32_t)RA, b = (int32_t)RB;
    bool ov = b == 0 || (a == INT32_MIN && b == -1);
    uint64_t quotient = ov ? undefined_quotient(cpu, (uint32_t)a) : (uint32_t)(a / b);
    return finish_quotient(cpu, insn->t, quotient, ov, sets);
}

static inline ExecStatus divide_word_unsigned(Cpu *cpu, const Insn *insn, unsigned sets)
{
    uint32_t a = (uint32_t)RA, b = (uint32_t)RB;
    uint64_t quotient = b == 0 ? undefined_quotient(cpu, a) : a / b;
    return finish_quotient(cpu, insn->t, quotient, b == 0, sets);
}

static inline ExecStatus divide_double(Cpu *cpu, const Insn *insn, unsigned sets)
{
    int64_t a = (int64_t)RA, b = (int64_t)RB;
    bool ov = b == 0 || (a == INT64_MIN && b == -1);
    uint64_t quotient = ov ? undefined_quotient(cpu, RA) : (uint64_t)(a / b);
    return finish_quotient(cpu, insn->t, quotient, ov, sets);
}

static inline ExecStatus divide_double_unsigned(Cpu *cpu, const Insn *insn, unsigned sets)
{
    uint64_t a = RA, b = RB;
    uint64_t quotient = b == 0 ? undefined_quotient(cpu, a) : a / b;
    return finish_quotient(cpu, insn->t, quotient, b == 0, sets);
}

/* The extended forms divide RA followed by as many zero bits. */
static inline ExecStatus divide_word_extended(Cpu *cpu, const Insn *insn, unsigned sets)
{
    int64_t a = (int64_t)(RA << 32), b = (int32_t)RB;
    bool ov = b == 0 || (a == INT64_MIN && b == -1);
    int64_t quotient = ov ? 0 : a / b;
    ov |= quotient != (int32_t)quotient;
    return finish_quotient(cpu, insn->t, ov ? 0 : (uint64_t)quotient, ov, sets);
}

static inline ExecStatus divide_word_extended_unsigned(Cpu *cpu, const Insn *insn, unsigned sets)
{
    uint64_t a = RA << 32, b = (uint32_t)RB;
    uint64_t quotient = b == 0 ? 0 : a / b;
    bool ov = b == 0 || quotient >> 32;
    return finish_quotient(cpu, insn->t, ov ? 0 : quotient, ov, sets);
}

static inline ExecStatus divide_double_extended(Cpu *cpu, const Insn *insn, unsigned sets)
{
    __int128 a = (__int128)((unsigned __int128)RA << 64);
    int64_t b = (int64_t)RB;
    bool ov = b == 0 || (b == -1 && RA == 1ull << 63);
    __int128 quotient = ov ? 0 : a / b;
    ov |= quotient != (int64_t)quotient;
    return finish_quotient(cpu, insn->t, ov ? 0 : (uint64_t)quotient, ov, sets);
}

static inline ExecStatus divide_double_extended_unsigned(Cpu *cpu, const Insn *insn, unsigned sets)
{
    bool ov = RA >= RB; /* true for a zero divisor, too */
    uint64_t quotient = ov ? 0 : (uint64_t)(((unsigned __int128)RA << 64) / RB);
    return finish_quotient(cpu, insn->t, quotient, ov, sets);
}

OP_OE_RC(divw, 0, divide_word(cpu, insn, SETS))
OP_OE_RC(divwu, 0, divide_word_unsigned(cpu, insn, SETS))
OP_OE_RC(divd, 0, divide_double(cpu, insn, SETS))
OP_OE_RC(divdu, 0, divide_double_unsigned(cpu, insn, SETS))
OP_OE_RC(divwe, 0, divide_word_extended(cpu, insn, SETS))
OP_OE_RC(divweu, 0, divide_word_extended_unsigned(cpu, insn, SETS))
OP_OE_RC(divde, 0, divide_double_extended(cpu, insn, SETS))
OP_OE_RC(divdeu, 0, divide_double_extended_unsigned(cpu, insn, SETS))

ExecStatus op_modsw(Cpu *cpu, const Insn *insn)
{
    int32_t a = (int32_t)RA, b = (int32_t)RB;
    bool defined = b != 0 && b != -1; /* by -1 the remainder is 0 anyway */
    return finish(cpu, insn->t, defined ? (uint64_t)(int64_t)(a % b) : 0, 0);
}

ExecStatus op_moduw(Cpu *cpu, const Insn *insn)
{
    uint32_t a = (uint32_t)RA, b = (uint32_t)RB;
    return finish(cpu, insn->t, b ? a % b : 0, 0);
}

ExecStatus op_modsd(Cpu *cpu, const Insn *insn)
{
    int64_t a = (int64_t)RA, b = (int64_t)RB;
    bool defined = b != 0 && b != -1;
    return finish(cpu, insn->t, defined ? (uint64_t)(a % b) : 0, 0);
}

ExecStatus op_modud(Cpu *cpu, const Insn *insn)
{
    return finish(cpu, insn->t, RB ? RA % RB : 0, 0);
}
