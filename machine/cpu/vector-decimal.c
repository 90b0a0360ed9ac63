/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX decimal arithmetic (Power ISA 3.0B, Book I 6.17) and multiplication by ten.
 *
 * A packed decimal number is 31 digits of four bits and, last, a sign: A, C, E and F are plus, B
 * and D are minus. It is taken apart into a magnitude of 32 digits and a sign. The magnitude is
 * kept in decimal, one nibble a digit, and added and subtracted so.
 *
 * 1. CR field 6 describes the source (for sums, the unbounded result): LT, GT or EQ, with SO added
 *    when digits were lost. An invalid source gives SO alone.
 * 2. The result of an invalid source is undefined; here it is all ones. A binary number that does
 * not fit in 31 digits leaves the target as it was.
 */
#include "machine/cpu/vector-lanes.h"

enum { DIGITS = 31, PLUS = 0xc, PLUS_ALTERNATIVE = 0xf, MINUS = 0xd };

typedef struct {
    Quad magnitude; /* digits, the last in bits 0-3 */
    bool negative;
    bool valid;
} Decimal;

#define PS         INSN_BITS(insn, 22, 22)
#define DIGIT_MASK (((Quad)1 << 4 * DIGITS) - 1)

/* Whether all 32 nibbles are digits: a nibble above 9 carries when 6 is added. */
static bool digits_valid(Quad digits)
{
    const Quad sixes = (Quad)0x6666666666666666 << 64 | 0x6666666666666666;
    const Quad carries = (Quad)0x1111111111111111 << 64 | 0x1111111111111110;
    const Quad sum = digits + sixes;
    return sum >= digits && !((sum ^ digits ^ sixes) & carries);
}

static bool sign_negative(unsigned sign)
{
    return sign == 0xb || sign == 0xd;
}

static unsigned sign_code(bool negative, unsigned ps)
{
    return negative ? MINUS : ps ? PLUS_ALTERNATIVE : PLUS;
}

static Decimal unpack_decimal(Quad packed)
{
    const unsigned sign = packed & 15;
    return (Decimal){ packed >> 4, sign_negative(sign), sign >= 0xa && digits_valid(packed >> 4) };
}

/* The comparison with zero, as bits of a CR field. */
static unsigned compare_zero(const Decimal *value)
{
    return value->magnitude == 0 ? CR_EQ : value->negative ? CR_LT : CR_GT;
}

static ExecStatus finish(Cpu *cpu, const Insn *insn, Quad result, unsigned condition)
{
    cpu->s.vsr[insn->t].q = result;
    cpu->s.crf[6] = (uint8_t)condition;
    return EXEC_NEXT;
}

static ExecStatus finish_invalid(Cpu *cpu, const Insn *insn)
{
    return finish(cpu, insn, ~(Quad)0, CR_SO);
}

/* MAGNITUDE's last 31 digits with the preferred sign of NEGATIVE. */
static ExecStatus finish_decimal(Cpu *cpu, const Insn *insn, Quad magnitude, bool negative,
                                 unsigned condition)
{
    const Quad packed = (magnitude & DIGIT_MASK) << 4 | sign_code(negative, PS);
    return finish(cpu, insn, packed, condition | (magnitude >> 4 * DIGITS ? CR_SO : 0));
}

/* Sum of two magnitudes of at most 31 digits, and a - b for a >= b, digit by digit. */
static Quad decimal_sum(Quad a, Quad b)
{
    Quad sum = 0;
    unsigned carry = 0;
    for (unsigned shift = 0; shift < 128; shift += 4) {
        unsigned digit = (unsigned)(a >> shift & 15) + (unsigned)(b >> shift & 15) + carry;
        carry = digit > 9;
        sum |= (Quad)(digit - (carry ? 10 : 0)) << shift;
    }
    return sum;
}

static Quad decimal_difference(Quad a, Quad b)
{
    Quad difference = 0;
    unsigned borrow = 0;
    for (unsigned shift = 0; shift < 128; shift += 4) {
        unsigned digit = (unsigned)(a >> shift & 15) - (unsigned)(b >> shift & 15) - borrow;
        borrow = digit >> 31;
        difference |= (Quad)(digit + (borrow ? 10 : 0)) << shift;
    }
    return difference;
}

static ExecStatus add(Cpu *cpu, const Insn *insn, Decimal a, Decimal b)
{
    Decimal sum = { .negative = a.negative };
    if (!a.valid || !b.valid)
        return finish_invalid(cpu, insn);
    if (a.negative == b.negative) {
        sum.magnitude = decimal_sum(a.magnitude, b.magnitude);
    } else if (a.magnitude >= b.magnitude) {
        sum.magnitude = decimal_difference(a.magnitude, b.magnitude);
    } else {
        sum.magnitude = decimal_difference(b.magnitude, a.magnitude);
        sum.negative = b.negative;
    }
    if (sum.magnitude == 0)
        sum.negative = false;
    return finish_decimal(cpu, insn, sum.magnitude, sum.negative, compare_zero(&sum));
}

ExecStatus op_bcdadd_rc(Cpu *cpu, const Insn *insn)
{
    return add(cpu, insn, unpack_decimal(cpu->s.vsr[insn->a].q),
               unpack_decimal(cpu->s.vsr[insn->b].q));
}

ExecStatus op_bcdsub_rc(Cpu *cpu, const Insn *insn)
{
    Decimal subtrahend = unpack_decimal(cpu->s.vsr[insn->b].q);
    subtrahend.negative = !subtrahend.negative;
    return add(cpu, insn, unpack_decimal(cpu->s.vsr[insn->a].q), subtrahend);
}

/* National decimal: seven halfwords 0030-0039, then 002B for plus or 002D for minus. */
ExecStatus op_bcdcfn_rc(Cpu *cpu, const Insn *insn)
{
    const Vsr vb = cpu->s.vsr[insn->b];
    const unsigned sign = VSR_H(vb, 7);
    Decimal value = { .negative = sign == 0x2d };
    if (sign != 0x2b && sign != 0x2d)
        return finish_invalid(cpu, insn);
    for (unsigned i = 0; i < 7; i++) {
        if (VSR_H(vb, i) < 0x30 || VSR_H(vb, i) > 0x39)
            return finish_invalid(cpu, insn);
        value.magnitude = value.magnitude << 4 | (VSR_H(vb, i) & 15);
    }
    return finish_decimal(cpu, insn, value.magnitude, value.negative, compare_zero(&value));
}

ExecStatus op_bcdctn_rc(Cpu *cpu, const Insn *insn)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    Vsr result = { 0 };
    if (!value.valid)
        return finish_invalid(cpu, insn);
    for (unsigned i = 0; i < 7; i++)
        VSR_H(result, i) = (uint16_t)(0x30 | (value.magnitude >> 4 * (6 - i) & 15));
    VSR_H(result, 7) = value.negative ? 0x2d : 0x2b;
    return finish(cpu, insn, result.q, compare_zero(&value) | (value.magnitude >> 28 ? CR_SO : 0));
}

/*
 * Zoned decimal: sixteen bytes, a zone and a digit each; the last zone is the sign. PS chooses the
 * ASCII zones (3, with bit 1 of the sign meaning minus) or the EBCDIC ones (F, with packed signs).
 */
ExecStatus op_bcdcfz_rc(Cpu *cpu, const Insn *insn)
{
    const Vsr vb = cpu->s.vsr[insn->b];
    const unsigned zone = PS ? 0xf : 3, sign = VSR_B(vb, 15) >> 4;
    Decimal value = { .negative = PS ? sign_negative(sign) : sign & 4 };
    bool valid = !PS || sign >= 0xa;
    for (unsigned i = 0; i < 16; i++) {
        valid &= (VSR_B(vb, i) & 15) <= 9 && (i == 15 || VSR_B(vb, i) >> 4 == zone);
        value.magnitude = value.magnitude << 4 | (VSR_B(vb, i) & 15);
    }
    if (!valid)
        return finish_invalid(cpu, insn);
    return finish(cpu, insn, value.magnitude << 4 | sign_code(value.negative, 0),
                  compare_zero(&value));
}

ExecStatus op_bcdctz_rc(Cpu *cpu, const Insn *insn)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    const unsigned zone = PS ? 0xf : 3;
    const unsigned sign = PS ? sign_code(value.negative, 0) : value.negative ? 7 : 3;
    Vsr result = { 0 };
    if (!value.valid)
        return finish_invalid(cpu, insn);
    for (unsigned i = 0; i < 16; i++)
        VSR_B(result, i) = (uint8_t)((i < 15 ? zone : sign) << 4 |
                                     (unsigned)(value.magnitude >> 4 * (15 - i) & 15));
    return finish(cpu, insn, result.q, compare_zero(&value) | (value.magnitude >> 64 ? CR_SO : 0));
}

/* A signed binary quadword. */
ExecStatus op_bcdcfsq_rc(Cpu *cpu, const Insn *insn)
{
    const Quad b = cpu->s.vsr[insn->b].q;
    const bool negative = b >> 127;
    Quad rest = negative ? -b : b;
    Decimal value = { .negative = negative };
    for (unsigned i = 0; i < DIGITS; i++, rest /= 10)
        value.magnitude |= (Quad)(unsigned)(rest % 10) << 4 * i;
    const unsigned condition = b == 0 ? CR_EQ : negative ? CR_LT : CR_GT;
    if (rest)
        return finish(cpu, insn, cpu->s.vsr[insn->t].q, condition | CR_SO);
    return finish_decimal(cpu, insn, value.magnitude, negative, condition);
}

ExecStatus op_bcdctsq_rc(Cpu *cpu, const Insn *insn)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    Quad binary = 0;
    if (!value.valid)
        return finish_invalid(cpu, insn);
    for (unsigned i = DIGITS; i-- > 0;)
        binary = binary * 10 + (value.magnitude >> 4 * i & 15);
    return finish(cpu, insn, value.negative ? -binary : binary, compare_zero(&value));
}

/* VRA with the sign code of VRB. */
ExecStatus op_bcdcpsgn_rc(Cpu *cpu, const Insn *insn)
{
    const Quad a = cpu->s.vsr[insn->a].q, b = cpu->s.vsr[insn->b].q;
    Decimal value = unpack_decimal(a);
    const Decimal signer = unpack_decimal(b);
    if (!value.valid || !signer.valid)
        return finish_invalid(cpu, insn);
    value.negative = signer.negative;
    return finish(cpu, insn, value.magnitude << 4 | (b & 15), compare_zero(&value));
}

ExecStatus op_bcdsetsgn_rc(Cpu *cpu, const Insn *insn)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    if (!value.valid)
        return finish_invalid(cpu, insn);
    return finish_decimal(cpu, insn, value.magnitude, value.negative, compare_zero(&value));
}

/* Shifts: byte 7 of VRA is a signed count of digits, positive to the left. */
typedef struct {
    Quad digits;
    bool lost;      /* to the left, digits that were not all zero were lost */
    unsigned round; /* to the right, the last digit that left */
} Shifted;

/* DIGITS within a field of WIDTH (31 or 32) digits, shifted by COUNT. */
static Shifted shift_digits(Quad digits, unsigned width, int count)
{
    const unsigned distance = MIN((unsigned)ABS(count), width);
    const unsigned kept = 4 * (width - distance);
    if (distance == 0)
        return (Shifted){ .digits = digits };
    if (count < 0)
        return (Shifted){ .digits = distance == 32 ? 0 : digits >> 4 * distance,
                          .round = (unsigned)(digits >> 4 * (distance - 1) & 15) };
    if (kept == 0)
        return (Shifted){ .lost = digits != 0 };
    return (Shifted){ .digits = (digits & (((Quad)1 << kept) - 1)) << 4 * distance,
                      .lost = digits >> kept != 0 };
}

static int shift_count(const Cpu *cpu, const Insn *insn)
{
    return (int8_t)VSR_B(cpu->s.vsr[insn->a], 7);
}

static ExecStatus shift_signed(Cpu *cpu, const Insn *insn, bool round)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    Shifted shifted = shift_digits(value.magnitude, DIGITS, shift_count(cpu, insn));
    if (!value.valid)
        return finish_invalid(cpu, insn);
    if (round && shifted.round >= 5)
        shifted.digits = decimal_sum(shifted.digits, 1);
    return finish_decimal(cpu, insn, shifted.digits, value.negative,
                          compare_zero(&value) | (shifted.lost ? CR_SO : 0));
}

ExecStatus op_bcds_rc(Cpu *cpu, const Insn *insn)
{
    return shift_signed(cpu, insn, false);
}

ExecStatus op_bcdsr_rc(Cpu *cpu, const Insn *insn)
{
    return shift_signed(cpu, insn, true);
}

/* Unsigned numbers have 32 digits and no sign. */
ExecStatus op_bcdus_rc(Cpu *cpu, const Insn *insn)
{
    const Quad b = cpu->s.vsr[insn->b].q;
    const Shifted shifted = shift_digits(b, 32, shift_count(cpu, insn));
    if (!digits_valid(b))
        return finish_invalid(cpu, insn);
    return finish(cpu, insn, shifted.digits, (b ? CR_GT : CR_EQ) | (shifted.lost ? CR_SO : 0));
}

/* Truncation to the last digits, whose number is halfword 3 of VRA. */
static Quad last_digits(const Cpu *cpu, const Insn *insn, Quad digits)
{
    const unsigned length = VSR_H(cpu->s.vsr[insn->a], 3);
    return length >= 32 ? digits : digits & (((Quad)1 << 4 * length) - 1);
}

ExecStatus op_bcdtrunc_rc(Cpu *cpu, const Insn *insn)
{
    const Decimal value = unpack_decimal(cpu->s.vsr[insn->b].q);
    const Quad kept = last_digits(cpu, insn, value.magnitude);
    if (!value.valid)
        return finish_invalid(cpu, insn);
    return finish_decimal(cpu, insn, kept, value.negative,
                          compare_zero(&value) | (kept != value.magnitude ? CR_SO : 0));
}

ExecStatus op_bcdutrunc_rc(Cpu *cpu, const Insn *insn)
{
    const Quad b = cpu->s.vsr[insn->b].q, kept = last_digits(cpu, insn, b);
    if (!digits_valid(b))
        return finish_invalid(cpu, insn);
    return finish(cpu, insn, kept, (b ? CR_GT : CR_EQ) | (kept != b ? CR_SO : 0));
}

/* Unsigned binary times ten, plus a digit from VRB; and what is carried out of 128 bits. */
static Quad times_ten_carry(Quad a, unsigned digit)
{
    const Quad low = (Quad)(uint64_t)a * 10 + digit;
    return ((a >> 64) * 10 + (low >> 64)) >> 64;
}

QUAD_2(vmul10uq, a * 10)
QUAD_2(vmul10cuq, times_ten_carry(a, 0))
QUAD_2(vmul10euq, a * 10 + (b & 15))
QUAD_2(vmul10ecuq, times_ten_carry(a, b & 15))
