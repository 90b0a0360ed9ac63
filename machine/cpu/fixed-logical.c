/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixed-point logical, rotate and shift instructions (Power ISA 3.0B, Book I 3.3.13 and 3.3.14).
 *
 * 1. The source is RS, the field at bits 6-10 (insn->t); the target is RA (insn->a).
 * 2. Rotates of words rotate the low word repeated in both halves, so a mask that wraps (MB > ME)
 *    lets rotated bits into the upper half.
 * 3. Shift counts have one bit more than the operand's size needs: counts from 32 (64) on shift
 *    everything out.
 * 4. CA32 of the algebraic shifts is CA.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"
#include "machine/cpu/priority.h"

#define RS (cpu->s.gpr[insn->t])
#define RA (cpu->s.gpr[insn->a])
#define RB (cpu->s.gpr[insn->b])

static inline ExecStatus finish(Cpu *cpu, const Insn *insn, uint64_t result, bool record)
{
    RA = result;
    if (record)
        cpu_set_cr0(cpu, result);
    return EXEC_NEXT;
}

#define OP(name, result, record)                                                                   \
    ExecStatus op_##name(Cpu *cpu, const Insn *insn)                                               \
    {                                                                                              \
        return finish(cpu, insn, result, record);                                                  \
    }
#define OP_RC(name, result) OP(name, result, false) OP(name##_rc, result, true)

static void set_priority(Cpu *cpu, unsigned hint)
{
    uint64_t priority = priority_of_hint(cpu, hint), *ppr = &cpu->s.spr[SPR_PPR];
    if (priority)
        *ppr = (*ppr & ~PRIORITY_MASK) | priority << PRIORITY_SHIFT;
}

ExecStatus op_or(Cpu *cpu, const Insn *insn)
{
    if (G_UNLIKELY(insn->t == insn->a && insn->t == insn->b) && cpu->model->is_64bit)
        set_priority(cpu, insn->t);
    return finish(cpu, insn, RS | RB, false);
}

/* clang-format takes products of bare names for declarations. */
/* clang-format off */
OP(or_rc, RS | RB, true)
OP(andi_rc, RS & insn_ui(insn), true)
OP(andis_rc, RS & insn_ui(insn) << 16, true)
OP(ori, RS | insn_ui(insn), false)
OP(oris, RS | insn_ui(insn) << 16, false)
OP(xori, RS ^ insn_ui(insn), false)
OP(xoris, RS ^ insn_ui(insn) << 16, false)
OP_RC(and, RS & RB)
OP_RC(xor, RS ^ RB)
OP_RC(nand, ~(RS & RB))
OP_RC(nor, ~(RS | RB))
OP_RC(eqv, ~(RS ^ RB))
OP_RC(andc, RS & ~RB)
OP_RC(orc, RS | ~RB)
/* clang-format on */
OP_RC(extsb, (uint64_t)(int8_t)RS)
OP_RC(extsh, (uint64_t)(int16_t)RS)
OP_RC(extsw, (uint64_t)(int32_t)RS)

/* Counting. */

static inline unsigned leading_zeros(uint64_t value, unsigned bits)
{
    return value ? (unsigned)__builtin_clzll(value) - (64 - bits) : bits;
}

static inline unsigned trailing_zeros(uint64_t value, unsigned bits)
{
    return value ? (unsigned)__builtin_ctzll(value) : bits;
}

/* Ones in each field of BITS bits, without a host instruction for it. */
static inline uint64_t count_ones(uint64_t value, unsigned bits)
{
    value -= (value >> 1) & 0x5555555555555555ull;
    value = (value & 0x3333333333333333ull) + ((value >> 2) & 0x3333333333333333ull);
    value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0full;
    if (bits == 8)
        return value;
    value = (value + (value >> 8)) & 0x00ff00ff00ff00ffull;
    value = (value + (value >> 16)) & 0x0000ffff0000ffffull;
    return bits == 32 ? value : (value + (value >> 32)) & 0x7f;
}

/* Parity of the low bits of the bytes of each field. */
static inline uint64_t byte_parity(uint64_t value, unsigned bits)
{
    value ^= value >> 8;
    value ^= value >> 16;
    if (bits == 32)
        return value & 0x0000000100000001ull;
    return (value ^ value >> 32) & 1;
}

OP_RC(cntlzw, leading_zeros((uint32_t)RS, 32))
OP_RC(cntlzd, leading_zeros(RS, 64))
OP_RC(cnttzw, trailing_zeros((uint32_t)RS, 32))
OP_RC(cnttzd, trailing_zeros(RS, 64))
OP(popcntb, count_ones(RS, 8), false)
OP(popcntw, count_ones(RS, 32), false)
OP(popcntd, count_ones(RS, 64), false)
OP(prtyw, byte_parity(RS, 32), false)
OP(prtyd, byte_parity(RS, 64), false)

/* Bytes and bits. */

static inline uint64_t equal_bytes(uint64_t a, uint64_t b)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 8)
        if ((uint8_t)(a >> shift) == (uint8_t)(b >> shift))
            result |= 0xffull << shift;
    return result;
}

/* Byte i of SELECT, from the most significant on, picks the bit of SOURCE that becomes bit i. */
static inline uint64_t permute_bits(uint64_t select, uint64_t source)
{
    uint64_t result = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned index = (uint8_t)(select >> (56 - 8 * i));
        if (index < 64 && (source >> (63 - index)) & 1)
            result |= 0x80u >> i;
    }
    return result;
}

OP(cmpb, equal_bytes(RS, RB), false)
OP(bpermd, permute_bits(RS, RB), false)

/* Rotates. */

static inline uint64_t rotate(uint64_t value, unsigned count)
{
    return value << (count & 63) | value >> (-count & 63);
}

static inline uint64_t rotate_word(uint64_t value, unsigned count)
{
    return rotate((uint32_t)value | value << 32, count & 31);
}

/* Ones from bit FIRST to bit LAST, wrapping around if FIRST > LAST. */
static inline uint64_t mask(unsigned first, unsigned last)
{
    uint64_t from = ~0ull >> first, to = ~0ull << (63 - last);
    return first <= last ? from & to : from | to;
}

/* The mask of the M forms. */
static inline uint64_t word_mask(const Insn *insn)
{
    return mask(insn->c + 32, insn_me5(insn) + 32);
}

static inline uint64_t insert(uint64_t old, uint64_t value, uint64_t bits)
{
    return (value & bits) | (old & ~bits);
}

OP_RC(rlwinm, rotate_word(RS, insn->b) & word_mask(insn))
OP_RC(rlwnm, rotate_word(RS, (unsigned)RB) & word_mask(insn))
OP_RC(rlwimi, insert(RA, rotate_word(RS, insn->b), word_mask(insn)))
OP_RC(rldicl, rotate(RS, insn_sh6(insn)) & mask(insn_mb6(insn), 63))
OP_RC(rldicr, rotate(RS, insn_sh6(insn)) & mask(0, insn_mb6(insn)))
OP_RC(rldic, rotate(RS, insn_sh6(insn)) & mask(insn_mb6(insn), 63 - insn_sh6(insn)))
OP_RC(rldimi, insert(RA, rotate(RS, insn_sh6(insn)), mask(insn_mb6(insn), 63 - insn_sh6(insn))))
OP_RC(rldcl, rotate(RS, (unsigned)RB) & mask(insn_mb6(insn), 63))
OP_RC(rldcr, rotate(RS, (unsigned)RB) & mask(0, insn_mb6(insn)))

/* Shifts. */

static inline uint64_t shift_left(uint64_t value, unsigned count)
{
    return count < 64 ? value << count : 0;
}

static inline uint64_t shift_right(uint64_t value, unsigned count)
{
    return count < 64 ? value >> count : 0;
}

/* VALUE has been sign-extended to 64 bits, so one shift serves both sizes. */
static inline uint64_t shift_algebraic(Cpu *cpu, int64_t value, unsigned count)
{
    uint64_t lost = count < 64 ? (uint64_t)value & ~(~0ull << count) : (uint64_t)value;
    cpu->s.ca = cpu->s.ca32 = value < 0 && lost;
    return (uint64_t)(value >> MIN(count, 63));
}

OP_RC(slw, (uint32_t)shift_left((uint32_t)RS, RB & 63))
OP_RC(srw, shift_right((uint32_t)RS, RB & 63))
OP_RC(sld, shift_left(RS, RB & 127))
OP_RC(srd, shift_right(RS, RB & 127))
OP_RC(sraw, shift_algebraic(cpu, (int32_t)RS, RB & 63))
OP_RC(srawi, shift_algebraic(cpu, (int32_t)RS, insn->b))
OP_RC(srad, shift_algebraic(cpu, (int64_t)RS, RB & 127))
OP_RC(sradi, shift_algebraic(cpu, (int64_t)RS, insn_sh6(insn)))
OP_RC(extswsli, (uint64_t)(int32_t)RS << insn_sh6(insn))
