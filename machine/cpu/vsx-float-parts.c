/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSX instructions on the parts of numbers: extract and insert exponents and significands, compare
 * exponents, test data classes; scalar double, quad, and vectors (Power ISA 3.0B, Book I chapter
 * 7).
 *
 * 1. None of them raises an exception; those that set a CR field set FPCC to the same.
 */
#include "machine/cpu/float-status.h"

/* The exponent field of BITS. */
static inline unsigned exponent_field(const FloatFormat *format, Uint128 bits)
{
    return (unsigned)(bits >> (format->precision - 1)) & ((1u << format->exponent_bits) - 1);
}

/* The significand with its implied bit. */
static Uint128 significand_field(const FloatFormat *format, Uint128 bits)
{
    unsigned exponent = exponent_field(format, bits);
    Uint128 implied = (Uint128)1 << (format->precision - 1);
    bool normal = exponent && exponent != (1u << format->exponent_bits) - 1;
    return (bits & (implied - 1)) | (normal ? implied : 0);
}

/* BITS with the exponent replaced by the low bits of EXPONENT. */
static Uint128 insert_exponent(const FloatFormat *format, Uint128 bits, uint64_t exponent)
{
    Uint128 field = ((Uint128)1 << format->exponent_bits) - 1;
    unsigned place = (unsigned)format->precision - 1;
    return (bits & ~(field << place)) | (exponent & field) << place;
}

ExecStatus op_xsxexpdp(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = exponent_field(&float_double, VSR_D(cpu->s.vsr[insn->b], 0));
    return EXEC_NEXT;
}

ExecStatus op_xsxsigdp(Cpu *cpu, const Insn *insn)
{
    cpu->s.gpr[insn->t] = (uint64_t)significand_field(&float_double, VSR_D(cpu->s.vsr[insn->b], 0));
    return EXEC_NEXT;
}

ExecStatus op_xsiexpdp(Cpu *cpu, const Insn *insn)
{
    Uint128 bits = insert_exponent(&float_double, cpu->s.gpr[insn->a], cpu->s.gpr[insn->b]);
    float_set_vsr(cpu, insn->t, (uint64_t)bits);
    return EXEC_NEXT;
}

ExecStatus op_xsxexpqp(Cpu *cpu, const Insn *insn)
{
    float_set_vsr(cpu, insn->t, exponent_field(&float_quad, cpu->s.vsr[insn->b].q));
    return EXEC_NEXT;
}

ExecStatus op_xsxsigqp(Cpu *cpu, const Insn *insn)
{
    cpu->s.vsr[insn->t].q = significand_field(&float_quad, cpu->s.vsr[insn->b].q);
    return EXEC_NEXT;
}

ExecStatus op_xsiexpqp(Cpu *cpu, const Insn *insn)
{
    uint64_t exponent = VSR_D(cpu->s.vsr[insn->b], 0);
    cpu->s.vsr[insn->t].q = insert_exponent(&float_quad, cpu->s.vsr[insn->a].q, exponent);
    return EXEC_NEXT;
}

/* Vectors: a and b are the elements' bits. */
#define VECTOR(name, count, element, expression)                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        const Vsr va = cpu->s.vsr[insn->a], vb = cpu->s.vsr[insn->b];                              \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            uint64_t a G_GNUC_UNUSED = element(va, i), b = element(vb, i);                         \
            element(cpu->s.vsr[insn->t], i) = expression;                                          \
        }                                                                                          \
        return EXEC_NEXT;                                                                          \
    }

VECTOR(xvxexpdp, 2, VSR_D, exponent_field(&float_double, b))
VECTOR(xvxexpsp, 4, VSR_W, exponent_field(&float_single, b))
VECTOR(xvxsigdp, 2, VSR_D, (uint64_t)significand_field(&float_double, b))
VECTOR(xvxsigsp, 4, VSR_W, (uint32_t)significand_field(&float_single, b))
VECTOR(xviexpdp, 2, VSR_D, (uint64_t)insert_exponent(&float_double, a, b))
VECTOR(xviexpsp, 4, VSR_W, (uint32_t)insert_exponent(&float_single, a, b))

static ExecStatus set_code(Cpu *cpu, unsigned field, unsigned code)
{
    cpu->s.crf[field] = (uint8_t)code;
    float_set_fpcc(cpu, code);
    return EXEC_NEXT;
}

static ExecStatus compare_exponents(Cpu *cpu, const Insn *insn, const FloatFormat *format,
                                    Uint128 a, Uint128 b)
{
    unsigned ea = exponent_field(format, a), eb = exponent_field(format, b);
    bool unordered =
        float_unpack(format, a).kind == FLOAT_NAN || float_unpack(format, b).kind == FLOAT_NAN;
    unsigned order = ea < eb ? CR_LT : ea > eb ? CR_GT : CR_EQ;
    return set_code(cpu, insn->t, unordered ? CR_SO : order);
}

ExecStatus op_xscmpexpdp(Cpu *cpu, const Insn *insn)
{
    return compare_exponents(cpu, insn, &float_double, VSR_D(cpu->s.vsr[insn->a], 0),
                             VSR_D(cpu->s.vsr[insn->b], 0));
}

ExecStatus op_xscmpexpqp(Cpu *cpu, const Insn *insn)
{
    return compare_exponents(cpu, insn, &float_quad, cpu->s.vsr[insn->a].q, cpu->s.vsr[insn->b].q);
}

/* Is X of a class in DCMX: NaN, +inf, -inf, +0, -0, +denormal, -denormal from bit 6 down? */
static bool in_class(const FloatFormat *format, Float x, unsigned dcmx)
{
    switch (x.kind) {
    case FLOAT_NAN: return dcmx & 0x40;
    case FLOAT_INFINITY: return dcmx & (x.sign ? 0x10 : 0x20);
    case FLOAT_ZERO: return dcmx & (x.sign ? 0x04 : 0x08);
    default: return x.exponent < 1 - format->bias && (dcmx & (x.sign ? 0x01 : 0x02));
    }
}

/* Scalar tests: the sign, 0, the match, and whether the number does not fit (single only). */
static ExecStatus test_class(Cpu *cpu, const Insn *insn, const FloatFormat *format, Float x,
                             bool misfit)
{
    bool match = in_class(format, x, INSN_BITS(insn, 9, 15));
    return set_code(cpu, insn->t, x.sign << 3 | match << 1 | misfit);
}

ExecStatus op_xststdcdp(Cpu *cpu, const Insn *insn)
{
    return test_class(cpu, insn, &float_double, float_operand(cpu, insn->b), false);
}

ExecStatus op_xststdcqp(Cpu *cpu, const Insn *insn)
{
    Float x = float_unpack(&float_quad, cpu->s.vsr[insn->b].q);
    return test_class(cpu, insn, &float_quad, x, false);
}

ExecStatus op_xststdcsp(Cpu *cpu, const Insn *insn)
{
    uint64_t bits = VSR_D(cpu->s.vsr[insn->b], 0);
    bool misfit = float_single_to_double(float_double_to_single(bits)) != bits;
    return test_class(cpu, insn, &float_single, float_unpack_double(bits), misfit);
}

#define TEST(name, count, element, format)                                                         \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        unsigned dcmx =                                                                            \
            INSN_BITS(insn, 25, 25) << 6 | INSN_BITS(insn, 29, 29) << 5 | INSN_BITS(insn, 11, 15); \
        const Vsr source = cpu->s.vsr[insn->b];                                                    \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            bool match = in_class(format, float_unpack(format, element(source, i)), dcmx);         \
            element(cpu->s.vsr[insn->t], i) = 0 - (uint64_t)match;                                 \
        }                                                                                          \
        return EXEC_NEXT;                                                                          \
    }

TEST(xvtstdcdp, 2, VSR_D, &float_double)
TEST(xvtstdcsp, 4, VSR_W, &float_single)
