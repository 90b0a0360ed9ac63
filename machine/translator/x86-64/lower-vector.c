/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of vector instructions, and of loads and stores of VSRs, to AVX2.
 *
 * A row of vector.def names a recipe and, for most, the AVX operation that it is about. In host
 * registers a VSR is one number, so the book's element 0 is at the upper end: merges and packs take
 * their operands the other way around, element numbers are mirrored.
 *
 * What cannot be done in a few instructions (a miss of the TLB, a NaN to be kept signalling) goes
 * out of line to the interpreter's function for the whole instruction, then on behind it.
 */
#include <cpuid.h>

#include "machine/translator/vector-rows.h"
#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

/* --- cached VSRs ------------------------------------------------------------------------------ */

void xmm_forget(Lowering *low)
{
    low->xmm = (XmmCache){ 0 };
}

void xmm_begin(Lowering *low)
{
    low->xmm.busy = 0;
}

static Mem doubleword_mem(unsigned n, unsigned doubleword)
{
    Mem mem = vsr_mem(n);
    mem.displacement += doubleword ? 0 : 8;
    return mem;
}

static int find(const Lowering *low, unsigned n, XmmFormat format)
{
    for (unsigned i = 0; i < XMM_CACHED; i++)
        if (low->xmm.now.format[i] == format && low->xmm.now.vsr[i] == n)
            return (int)i;
    return -1;
}

Xmm xmm_temp(Lowering *low)
{
    XmmCache *cache = &low->xmm;
    do
        cache->next = (uint16_t)((cache->next + 1) % XMM_CACHED);
    while (cache->busy >> cache->next & 1);
    cache->busy |= (uint16_t)(1u << cache->next);
    cache->now.format[cache->next] = XMM_EMPTY;
    return (Xmm)(XMM_FIRST + cache->next);
}

static Xmm enter(Lowering *low, Xmm reg, unsigned n, XmmFormat format)
{
    low->xmm.now.vsr[reg - XMM_FIRST] = (uint8_t)n;
    low->xmm.now.format[reg - XMM_FIRST] = (uint8_t)format;
    return reg;
}

Xmm xmm_read(Lowering *low, unsigned n)
{
    int at = find(low, n, XMM_FULL);
    if (at >= 0) {
        low->xmm.busy |= (uint16_t)(1u << at);
        return (Xmm)(XMM_FIRST + (unsigned)at);
    }
    int half = find(low, n, XMM_LOW);
    Xmm reg = xmm_temp(low);
    if (half >= 0 && low->xmm.now.format[half] == XMM_LOW && low->xmm.narrow >> n & 1)
        asm_vpslldq(&low->as, reg, XMM_FIRST + (unsigned)half, 8);
    else
        asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, vsr_mem(n));
    return enter(low, reg, n, XMM_FULL);
}

Xmm xmm_read_low(Lowering *low, unsigned n)
{
    int at = find(low, n, XMM_LOW);
    if (at >= 0) {
        low->xmm.busy |= (uint16_t)(1u << at);
        return (Xmm)(XMM_FIRST + (unsigned)at);
    }
    int full = find(low, n, XMM_FULL);
    if (full >= 0)
        low->xmm.busy |= (uint16_t)(1u << full);
    Xmm reg = xmm_temp(low);
    if (full >= 0)
        asm_vpsrldq(&low->as, reg, XMM_FIRST + (unsigned)full, 8);
    else
        asm_vec1_mem(&low->as, VMOVSD_LOAD, reg, doubleword_mem(n, 0));
    return enter(low, reg, n, XMM_LOW);
}

static void drop(Lowering *low, unsigned n)
{
    for (unsigned i = 0; i < XMM_CACHED; i++)
        if (low->xmm.now.vsr[i] == n)
            low->xmm.now.format[i] = XMM_EMPTY;
}

/* REG, from xmm_temp(), becomes VSR n. */
void xmm_write(Lowering *low, unsigned n, Xmm reg)
{
    drop(low, n);
    low->xmm.narrow &= ~(1ull << n);
    asm_vec1_mem(&low->as, VMOVDQU_STORE, reg, vsr_mem(n));
    enter(low, reg, n, XMM_FULL);
}

/*
 * The low half of REG becomes doubleword 0 of VSR n, doubleword 1 becomes 0; the latter not for
 * sure if IS_KEPT: when an enabled exception may have suppressed it out of line.
 */
void xmm_write_low(Lowering *low, unsigned n, Xmm reg, bool is_kept)
{
    drop(low, n);
    asm_vec1_mem(&low->as, VMOVSD_STORE, reg, doubleword_mem(n, 0));
    if (!(low->xmm.narrow >> n & 1))
        asm_store_imm32(&low->as, true, doubleword_mem(n, 1), 0);
    if (!is_kept)
        low->xmm.narrow |= 1ull << n;
    enter(low, reg, n, XMM_LOW);
}

void xmm_reload(Lowering *low, const XmmSnapshot *snapshot)
{
    for (unsigned i = 0; i < XMM_CACHED; i++) {
        unsigned n = snapshot->vsr[i];
        if (snapshot->format[i] == XMM_FULL)
            asm_vec1_mem(&low->as, VMOVDQU_LOAD, XMM_FIRST + i, vsr_mem(n));
        else if (snapshot->format[i] == XMM_LOW)
            asm_vec1_mem(&low->as, VMOVSD_LOAD, XMM_FIRST + i, doubleword_mem(n, 0));
    }
}

/* --- constants -------------------------------------------------------------------------------- */

typedef enum {
    CONSTANT_REVERSE_Q,
    CONSTANT_REVERSE_D,
    CONSTANT_REVERSE_W,
    CONSTANT_REVERSE_H,
    CONSTANT_NIBBLE_COUNTS,
    CONSTANT_POWERS_UP,
    CONSTANT_POWERS_DOWN,
} Constant;

static const uint8_t constants[][16] = {
    [CONSTANT_REVERSE_Q] = { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
    [CONSTANT_REVERSE_D] = { 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8 },
    [CONSTANT_REVERSE_W] = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12 },
    [CONSTANT_REVERSE_H] = { 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14 },
    [CONSTANT_NIBBLE_COUNTS] = { 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4 },
    [CONSTANT_POWERS_UP] = { 1, 2, 4, 8, 16, 32, 64, 128 },
    [CONSTANT_POWERS_DOWN] = { 128, 64, 32, 16, 8, 4, 2, 1 },
};

/* By way of TEMP. */
static void load_constant_by(Lowering *low, Xmm reg, Constant which, HostReg temp)
{
    asm_mov_imm(&low->as, temp, (uint64_t)(uintptr_t)constants[which]);
    asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, mem_at(temp, 0));
}

static void load_constant(Lowering *low, Xmm reg, Constant which)
{
    load_constant_by(low, reg, which, allocator_temp(&low->allocator));
}

/* WORD in all four words of REG. */
static void load_words(Lowering *low, Xmm reg, uint32_t word)
{
    Assembler *as = &low->as;
    if (word == 0) {
        asm_vec(as, VPXOR, reg, reg, reg);
    } else if (word == UINT32_MAX) {
        asm_vec(as, VPCMPEQD, reg, reg, reg);
    } else {
        HostReg temp = allocator_temp(&low->allocator);
        asm_mov_imm(as, temp, word);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
        asm_vec_imm(as, VPSHUFD, reg, 0, reg, 0);
    }
}

/* --- recipes ---------------------------------------------------------------------------------- */

typedef struct {
    Lowering *low;
    Assembler *as;
    const Insn *insn;
    VecOp op;
    Xmm t; /* becomes the result; neither a nor b */
    Xmm a, b;
} Recipe;

typedef void (*RecipeFn)(Recipe *r);

static void complement(Recipe *r, Xmm reg)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, reg, reg, 3);
}

static void recipe_ab(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->a, r->b);
}

static void recipe_ba(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
}

static void recipe_not_ab(Recipe *r)
{
    recipe_ab(r);
    complement(r, r->t);
}

static void recipe_a_not_b(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, r->t, r->b, 3);
    asm_vec(r->as, r->op, r->t, r->a, r->t);
}

/* CR6: 8 if the result is all ones, 2 if it is zero, else 0. */
static void record(Recipe *r)
{
    HostReg temp = allocator_temp(&r->low->allocator), zero = allocator_temp(&r->low->allocator);
    asm_mov_imm(r->as, temp, 0);
    asm_mov_imm(r->as, zero, 0);
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec1(r->as, VPTEST, r->t, 3); /* ZF: t & 3 is zero; CF: ~t & 3 is zero */
    asm_setcc(r->as, CC_B, temp);
    asm_setcc(r->as, CC_E, zero);
    asm_shift_imm(r->as, 4, false, temp, 3);
    asm_lea(r->as, false, temp, mem_indexed(temp, zero, 1, 0));
    asm_store8(r->as, cr_mem(6), temp);
}

static void recipe_not_equal_or_zero(Recipe *r)
{
    asm_vec(r->as, VPXOR, 0, 0, 0);
    asm_vec(r->as, r->op, 1, r->a, 0);
    asm_vec(r->as, r->op, 2, r->b, 0);
    asm_vec(r->as, VPOR, 1, 1, 2);
    recipe_not_ab(r);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

/* a > b: not min(a, b) = a; the comparison of this element size is EQUAL. */
static void above(Recipe *r, VecOp equal)
{
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    asm_vec(r->as, equal, r->t, r->t, r->a);
    complement(r, r->t);
}

static void recipe_above_b(Recipe *r)
{
    above(r, VEC_0F(0x74));
}

static void recipe_above_h(Recipe *r)
{
    above(r, VEC_0F(0x75));
}

static void recipe_above_w(Recipe *r)
{
    above(r, VEC_0F(0x76));
}

#define RECORDING(name)                                                                            \
    static void recipe_##name##_rc(Recipe *r)                                                      \
    {                                                                                              \
        recipe_##name(r);                                                                          \
        record(r);                                                                                 \
    }
RECORDING(ab)
RECORDING(not_ab)
RECORDING(not_equal_or_zero)
RECORDING(above_b)
RECORDING(above_h)
RECORDING(above_w)

/* SAT becomes 1 unless X equals Y. */
static void saturated_unless_equal(Recipe *r, Xmm x, Xmm y)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    asm_vec(r->as, VPXOR, 3, x, y);
    asm_vec1(r->as, VPTEST, 3, 3);
    asm_setcc(r->as, CC_NE, temp);
    asm_rex(r->as, false, temp, 0, CPU_REG, true);
    asm_byte(r->as, 0x08); /* or byte */
    asm_modrm_mem(r->as, temp, CPU_MEM(s.vscr_sat));
}

static void recipe_saturate(Recipe *r)
{
    recipe_ab(r);
    asm_vec(r->as, r->op | 0xf0, 2, r->a, r->b); /* the modulo operation */
    saturated_unless_equal(r, r->t, 2);
}

/* min(a, ~b) + b */
static void recipe_saturate_add_w(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 3, 3, 3);
    asm_vec(r->as, VPXOR, 2, r->b, 3);
    asm_vec(r->as, VEC_38(0x3b), 2, r->a, 2);
    asm_vec(r->as, VEC_0F(0xfe), r->t, 2, r->b);
    saturated_unless_equal(r, 2, r->a);
}

/* max(a, b) - b */
static void recipe_saturate_sub_w(Recipe *r)
{
    asm_vec(r->as, VEC_38(0x3f), 2, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfa), r->t, 2, r->b);
    saturated_unless_equal(r, 2, r->a);
}

static void recipe_shift_w(Recipe *r)
{
    load_words(r->low, 0, 31);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, r->op, r->t, r->a, 0);
}

/* 63 in each doubleword. */
static void load_63(Recipe *r, Xmm reg)
{
    asm_vec(r->as, VPCMPEQD, reg, reg, reg);
    asm_vpsrlq(r->as, reg, reg, 58);
}

static void recipe_shift_d(Recipe *r)
{
    load_63(r, 0);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, r->op, r->t, r->a, 0);
}

/* The other way by SIZE - count, which gives zero for a count of 0: the right half then is a
 * itself. */
static void recipe_rotate_w(Recipe *r)
{
    load_words(r->low, 0, 31);
    load_words(r->low, 1, 32);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, VEC_0F(0xfa), 1, 1, 0);
    asm_vec(r->as, VEC_38(0x47), r->t, r->a, 0);
    asm_vec(r->as, VEC_38(0x45), 1, r->a, 1);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

static void recipe_rotate_d(Recipe *r)
{
    load_63(r, 0);
    asm_vec(r->as, VPCMPEQD, 1, 1, 1);
    asm_vec(r->as, VEC_0F(0xfb), 1, 0, 1); /* 63 - -1 */
    asm_vec(r->as, VPAND, 0, 0, r->b);
    asm_vec(r->as, VEC_0F(0xfb), 1, 1, 0);
    asm_vec(r->as, VEC_38W(0x47), r->t, r->a, 0);
    asm_vec(r->as, VEC_38W(0x45), 1, r->a, 1);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
}

/* Into xmm1: a power of two for each byte of b, from TABLE by the low three bits. */
static void load_powers(Recipe *r, Constant table)
{
    load_words(r->low, 0, 0x07070707);
    asm_vec(r->as, VPAND, 0, 0, r->b);
    load_constant(r->low, 1, table);
    asm_vec(r->as, VPSHUFB, 1, 1, 0);
}

static void recipe_shift_left_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_UP);
    load_words(r->low, 0, 0x00ff00ff);
    asm_vec(r->as, VPANDN, 2, 0, r->a); /* bytes at odd places */
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VEC_0F(0xd5), 2, 2, 3); /* pmullw */
    asm_vec(r->as, VEC_0F(0xd5), 1, r->a, 1);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

static void recipe_shift_right_b(Recipe *r)
{
    load_powers(r, CONSTANT_POWERS_DOWN);
    load_words(r->low, 0, 0x00ff00ff);
    asm_vpsrlw(r->as, 2, r->a, 8);
    asm_vpsrlw(r->as, 3, 1, 8);
    asm_vec(r->as, VEC_0F(0xd5), 2, 2, 3);
    asm_vpsrlw(r->as, 2, 2, 7);
    asm_vpsllw(r->as, 2, 2, 8);
    asm_vec(r->as, VPAND, 1, 1, 0);
    asm_vec(r->as, VPAND, 3, r->a, 0);
    asm_vec(r->as, VEC_0F(0xd5), 1, 1, 3);
    asm_vpsrlw(r->as, 1, 1, 7);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

static void recipe_shift_pair_bytes(Recipe *r)
{
    asm_vec_imm(r->as, VPALIGNR, r->t, r->a, r->b, 16 - INSN_BITS(r->insn, 22, 25));
}

static void recipe_shift_pair_words(Recipe *r)
{
    asm_vec_imm(r->as, VPALIGNR, r->t, r->a, r->b, 16 - 4 * INSN_BITS(r->insn, 22, 23));
}

static void recipe_permute_d(Recipe *r)
{
    unsigned left = INSN_BITS(r->insn, 22, 22), right = INSN_BITS(r->insn, 23, 23);
    asm_vec_imm(r->as, VSHUFPD, r->t, r->b, r->a, (right ^ 1) | (left ^ 1) << 1);
}

static void recipe_splat_w(Recipe *r)
{
    asm_vec_imm(r->as, VPSHUFD, r->t, 0, r->b, 0x55 * (3 - INSN_BITS(r->insn, 14, 15)));
}

static void recipe_splat_b(Recipe *r)
{
    load_words(r->low, 0, 0x01010101u * (15 - INSN_BITS(r->insn, 12, 15)));
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

static void recipe_splat_h(Recipe *r)
{
    load_words(r->low, 0, 0x01000100u + 0x02020202u * (7 - INSN_BITS(r->insn, 13, 15)));
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

static uint32_t immediate(const Recipe *r)
{
    return (uint32_t)((int32_t)(r->insn->word << 11) >> 27);
}

static void recipe_immediate_b(Recipe *r)
{
    load_words(r->low, r->t, (immediate(r) & 0xff) * 0x01010101u);
}

static void recipe_immediate_h(Recipe *r)
{
    load_words(r->low, r->t, (immediate(r) & 0xffff) * 0x00010001u);
}

static void recipe_immediate_w(Recipe *r)
{
    load_words(r->low, r->t, immediate(r));
}

static void recipe_immediate_ib(Recipe *r)
{
    load_words(r->low, r->t, INSN_BITS(r->insn, 13, 20) * 0x01010101u);
}

/*
 * Bytes of LEFT || RIGHT. CONTROL counts from the left, or from the right if REVERSED: the host's
 * number of a byte is the complement of the book's, and bit 4 of it says LEFT.
 */
static void permute(Recipe *r, Xmm left, Xmm right, Xmm control, bool reversed)
{
    load_words(r->low, 0, 0x1f1f1f1f);
    asm_vec(r->as, reversed ? VPAND : VPANDN, 0, control, 0);
    asm_vec(r->as, VPSHUFB, 1, left, 0);
    asm_vec(r->as, VPSHUFB, 2, right, 0);
    asm_vpslld(r->as, 0, 0, 3);
    asm_vec_imm(r->as, VPBLENDVB, r->t, 2, 1, 0 << 4);
}

static void recipe_permute(Recipe *r)
{
    permute(r, r->a, r->b, xmm_read(r->low, r->insn->c), false);
}

static void recipe_permute_r(Recipe *r)
{
    permute(r, r->a, r->b, xmm_read(r->low, r->insn->c), true);
}

static void recipe_permute_t(Recipe *r)
{
    permute(r, r->a, xmm_read(r->low, r->insn->t), r->b, false);
}

static void recipe_permute_tr(Recipe *r)
{
    permute(r, r->a, xmm_read(r->low, r->insn->t), r->b, true);
}

static void recipe_select(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    asm_vec(r->as, VPANDN, 0, c, r->a);
    asm_vec(r->as, VPAND, 1, c, r->b);
    asm_vec(r->as, VPOR, r->t, 0, 1);
}

static void pack(Recipe *r, uint32_t mask, VecOp op)
{
    load_words(r->low, 0, mask);
    asm_vec(r->as, VPAND, 1, r->b, 0);
    asm_vec(r->as, VPAND, 0, r->a, 0);
    asm_vec(r->as, op, r->t, 1, 0);
}

static void recipe_pack_h(Recipe *r)
{
    pack(r, 0x00ff00ff, VPACKUSWB);
}

static void recipe_pack_w(Recipe *r)
{
    pack(r, 0x0000ffff, VPACKUSDW);
}

static void recipe_pack_d(Recipe *r)
{
    asm_vec_imm(r->as, VSHUFPS, r->t, r->b, r->a, 0x88);
}

static void recipe_unpack_high(Recipe *r)
{
    asm_vpsrldq(r->as, 0, r->b, 8);
    asm_vec1(r->as, r->op, r->t, 0);
}

static void recipe_unpack_low(Recipe *r)
{
    asm_vec1(r->as, r->op, r->t, r->b);
}

static void shuffle(Recipe *r, Constant which)
{
    load_constant(r->low, 0, which);
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

static void recipe_reverse_q(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_Q);
}

static void recipe_reverse_d(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_D);
}

static void recipe_reverse_w(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_W);
}

static void recipe_reverse_h(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_H);
}

static void recipe_even_w(Recipe *r)
{
    asm_vpsrlq(r->as, 0, r->a, 32);
    asm_vpsrlq(r->as, 1, r->b, 32);
    asm_vec(r->as, r->op, r->t, 0, 1);
}

static void recipe_multiply_add_h(Recipe *r)
{
    asm_vec(r->as, VEC_0F(0xd5), 0, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfd), r->t, 0, xmm_read(r->low, r->insn->c));
}

/* Pairs of products of signed halfwords in X and Y, added to SUM. */
static void add_pairs(Recipe *r, Xmm to, Xmm x, Xmm y, Xmm sum)
{
    asm_vec(r->as, VEC_0F(0xf5), x, x, y); /* pmaddwd */
    asm_vec(r->as, VEC_0F(0xfe), to, x, sum);
}

static void recipe_sum_h(Recipe *r)
{
    asm_vec(r->as, VEC_0F(0xf5), 0, r->a, r->b);
    asm_vec(r->as, VEC_0F(0xfe), r->t, 0, xmm_read(r->low, r->insn->c));
}

static void recipe_sum_ub(Recipe *r)
{
    load_words(r->low, 2, 0x00ff00ff);
    asm_vec(r->as, VPAND, 0, r->a, 2);
    asm_vec(r->as, VPAND, 1, r->b, 2);
    add_pairs(r, r->t, 0, 1, xmm_read(r->low, r->insn->c));
    asm_vpsrlw(r->as, 0, r->a, 8);
    asm_vpsrlw(r->as, 1, r->b, 8);
    add_pairs(r, r->t, 0, 1, r->t);
}

/* VRA signed, VRB unsigned. */
static void recipe_sum_mb(Recipe *r)
{
    load_words(r->low, 2, 0x00ff00ff);
    asm_vpsllw(r->as, 0, r->a, 8);
    asm_vpsraw(r->as, 0, 0, 8);
    asm_vec(r->as, VPAND, 1, r->b, 2);
    add_pairs(r, r->t, 0, 1, xmm_read(r->low, r->insn->c));
    asm_vpsraw(r->as, 0, r->a, 8);
    asm_vpsrlw(r->as, 1, r->b, 8);
    add_pairs(r, r->t, 0, 1, r->t);
}

static void recipe_carryless(Recipe *r)
{
    asm_vec_imm(r->as, VPCLMULQDQ, 0, r->a, r->b, 0x00);
    asm_vec_imm(r->as, VPCLMULQDQ, 1, r->a, r->b, 0x11);
    asm_vec(r->as, VPXOR, r->t, 0, 1);
}

static void recipe_population_b(Recipe *r)
{
    load_words(r->low, 0, 0x0f0f0f0f);
    load_constant(r->low, 1, CONSTANT_NIBBLE_COUNTS);
    asm_vec(r->as, VPAND, 2, r->b, 0);
    asm_vec(r->as, VPSHUFB, 2, 1, 2);
    asm_vpsrlw(r->as, 3, r->b, 4);
    asm_vec(r->as, VPAND, 3, 3, 0);
    asm_vec(r->as, VPSHUFB, 1, 1, 3);
    asm_vec(r->as, VEC_0F(0xfc), r->t, 1, 2);
}

static void recipe_population_d(Recipe *r)
{
    recipe_population_b(r);
    asm_vec(r->as, VPXOR, 0, 0, 0);
    asm_vec(r->as, VEC_0F(0xf6), r->t, r->t, 0); /* psadbw */
}

/* --- instructions ----------------------------------------------------------------------------- */

/* clang-format off */
#define RECIPES(RECIPE) \
    RECIPE(AB, ab) \
    RECIPE(BA, ba) \
    RECIPE(NOT_AB, not_ab) \
    RECIPE(A_NOT_B, a_not_b) \
    RECIPE(AB_RC, ab_rc) \
    RECIPE(NOT_AB_RC, not_ab_rc) \
    RECIPE(NOT_EQUAL_OR_ZERO, not_equal_or_zero) \
    RECIPE(NOT_EQUAL_OR_ZERO_RC, not_equal_or_zero_rc) \
    RECIPE(ABOVE_B, above_b) \
    RECIPE(ABOVE_H, above_h) \
    RECIPE(ABOVE_W, above_w) \
    RECIPE(ABOVE_B_RC, above_b_rc) \
    RECIPE(ABOVE_H_RC, above_h_rc) \
    RECIPE(ABOVE_W_RC, above_w_rc) \
    RECIPE(SATURATE, saturate) \
    RECIPE(SATURATE_ADD_W, saturate_add_w) \
    RECIPE(SATURATE_SUB_W, saturate_sub_w) \
    RECIPE(SHIFT_W, shift_w) \
    RECIPE(SHIFT_D, shift_d) \
    RECIPE(ROTATE_W, rotate_w) \
    RECIPE(ROTATE_D, rotate_d) \
    RECIPE(SHIFT_LEFT_B, shift_left_b) \
    RECIPE(SHIFT_RIGHT_B, shift_right_b) \
    RECIPE(SHIFT_PAIR_BYTES, shift_pair_bytes) \
    RECIPE(SHIFT_PAIR_WORDS, shift_pair_words) \
    RECIPE(PERMUTE_D, permute_d) \
    RECIPE(SPLAT_W, splat_w) \
    RECIPE(SPLAT_B, splat_b) \
    RECIPE(SPLAT_H, splat_h) \
    RECIPE(IMMEDIATE_B, immediate_b) \
    RECIPE(IMMEDIATE_H, immediate_h) \
    RECIPE(IMMEDIATE_W, immediate_w) \
    RECIPE(IMMEDIATE_IB, immediate_ib) \
    RECIPE(PERMUTE, permute) \
    RECIPE(PERMUTE_R, permute_r) \
    RECIPE(PERMUTE_T, permute_t) \
    RECIPE(PERMUTE_TR, permute_tr) \
    RECIPE(SELECT, select) \
    RECIPE(PACK_H, pack_h) \
    RECIPE(PACK_W, pack_w) \
    RECIPE(PACK_D, pack_d) \
    RECIPE(UNPACK_HIGH, unpack_high) \
    RECIPE(UNPACK_LOW, unpack_low) \
    RECIPE(REVERSE_Q, reverse_q) \
    RECIPE(REVERSE_D, reverse_d) \
    RECIPE(REVERSE_W, reverse_w) \
    RECIPE(REVERSE_H, reverse_h) \
    RECIPE(EVEN_W, even_w) \
    RECIPE(MULTIPLY_ADD_H, multiply_add_h) \
    RECIPE(SUM_H, sum_h) \
    RECIPE(SUM_UB, sum_ub) \
    RECIPE(SUM_MB, sum_mb) \
    RECIPE(CARRYLESS, carryless) \
    RECIPE(POPULATION_B, population_b) \
    RECIPE(POPULATION_D, population_d)
/* clang-format on */

enum {
#define RECIPE(name, function) RECIPE_##name,
    RECIPES(RECIPE)
#undef RECIPE
        RECIPE_COUNT_TRAILING,
    RECIPE_COUNT_LEADING,
};

static const RecipeFn recipes[] = {
#define RECIPE(name, function) [RECIPE_##name] = recipe_##function,
    RECIPES(RECIPE)
#undef RECIPE
};

static const struct {
    uint8_t recipe; /* or VectorAccess */
    VecOp op;
} rows[ISA_ROW_COUNT] = {
#define VECTOR(row, recipe, operation) [ISA_##row] = { RECIPE_##recipe, operation },
#define VECTOR_VALUE                   VECTOR
#define VECTOR_LOAD(row, form, kind)   [ISA_##row] = { ACCESS_##kind, 0 },
#define VECTOR_STORE                   VECTOR_LOAD
#include "machine/translator/x86-64/vector.def"
#undef VECTOR
#undef VECTOR_VALUE
#undef VECTOR_LOAD
#undef VECTOR_STORE
};

static void lower_vector(Lowering *low, const IrNode *node)
{
    const Insn *insn = &low->ir->insn[node->insn];
    const IsaEffects *effects = &isa_effects[node->imm];
    Recipe r = { .low = low, .as = &low->as, .insn = insn, .op = rows[node->imm].op };
    if (effects->operand[1] & ISA_READ)
        r.a = xmm_read(low, insn->a);
    if (effects->operand[2] & ISA_READ)
        r.b = xmm_read(low, insn->b);
    r.t = xmm_temp(low);
    recipes[rows[node->imm].recipe](&r);
    xmm_write(low, insn->t, r.t);
}

/* Which bytes have their lowest bit set, and how many come before the first from one end. */
static void lower_vector_value(Lowering *low, const IrNode *node)
{
    Assembler *as = &low->as;
    const Insn *insn = &low->ir->insn[node->insn];
    Xmm b = xmm_read(low, insn->b);
    HostReg target = allocator_target(&low->allocator);
    asm_vpsllw(as, 0, b, 7);
    asm_vec1(as, VPMOVMSKB, target, 0);
    if (rows[node->imm].recipe == RECIPE_COUNT_TRAILING) {
        asm_alu_imm(as, ALU_OR, false, target, 0x10000);
        asm_prefixed_rr(as, 0xf3, 0x0fbc, false, target, target); /* tzcnt */
    } else {
        asm_prefixed_rr(as, 0xf3, 0x0fbd, false, target, target); /* lzcnt */
        asm_alu_imm(as, ALU_SUB, false, target, 16);
    }
    allocator_result(&low->allocator, target);
}

static void lower_get_vsr(Lowering *low, const IrNode *node)
{
    HostReg target = allocator_target(&low->allocator);
    asm_rm(&low->as, 0x8b, node->size == 8, target,
           doubleword_mem((unsigned)node->imm, node->field));
    allocator_result(&low->allocator, target);
}

static void lower_set_vsr(Lowering *low, const IrNode *node)
{
    unsigned n = (unsigned)node->imm;
    asm_store(&low->as, doubleword_mem(n, 0), allocator_use(&low->allocator, node->a));
    if (node->b == NO_REF)
        asm_store_imm32(&low->as, true, doubleword_mem(n, 1), 0);
    else
        asm_store(&low->as, doubleword_mem(n, 1), allocator_use(&low->allocator, node->b));
    drop(low, n);
    low->xmm.narrow &= ~(1ull << n);
    if (node->b == NO_REF)
        low->xmm.narrow |= 1ull << n;
}

/* --- memory
 * -------------------------------------------------------------------------------------------------
 */

static unsigned access_size(VectorAccess kind)
{
    switch (kind) {
    case ACCESS_SPLAT_DOUBLE:
    case ACCESS_DOUBLE: return 8;
    case ACCESS_SPLAT_WORD:
    case ACCESS_SINGLE:
    case ACCESS_WORD:
    case ACCESS_WORD_SIGNED: return 4;
    default: return 16;
    }
}

/*
 * An access: once a jump to the stub has been emitted no value may change its register, so all
 * temporaries are taken first. INDEX is free again once the place is known.
 */
typedef struct {
    Stub *stub;
    HostReg ea, index, tag, spare;
} Access;

static Access begin_access(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Access access = { .stub = lower_call_stub(low, node) };
    access.ea = allocator_use(allocator, node->a);
    access.index = allocator_temp(allocator);
    access.tag = allocator_temp(allocator);
    access.spare = allocator_temp(allocator);
    return access;
}

/* Where the SIZE bytes at EA are, in one page; else to the stub. */
static Mem look_up(Lowering *low, const Access *access, unsigned size, size_t table)
{
    Assembler *as = &low->as;
    HostReg index = access->index, tag = access->tag;
    asm_mov(as, index, access->ea);
    asm_shift_imm(as, 5, true, index, TLB_PAGE_BITS - 4);
    asm_alu_imm(as, ALU_AND, false, index, (TLB_SETS - 1) << 4);
    asm_lea(as, true, tag, mem_at(access->ea, (int32_t)size - 1));
    asm_alu_imm(as, ALU_AND, true, tag, -4096);
    asm_alu_mem(as, ALU_CMP, true, tag, mem_indexed(BANK_REG, index, 0, (int32_t)table));
    access->stub->site = asm_jcc(as, CC_NE);
    asm_load(as, tag, mem_indexed(BANK_REG, index, 0, (int32_t)table + 8));
    return mem_indexed(tag, access->ea, 0, 0);
}

/* Between the quadword in storage order and the register: the same both ways. */
static void reorder(Lowering *low, Xmm reg, VectorAccess kind, bool swap, HostReg temp)
{
    if (swap || kind == ACCESS_BYTES) {
        /* Elements in address order: big-endian mode has no other. */
        load_constant_by(low, 0, CONSTANT_REVERSE_Q, temp);
        asm_vec(&low->as, VPSHUFB, reg, reg, 0);
    } else if (kind == ACCESS_DOUBLEWORDS) {
        asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, 0x4e);
    } else if (kind == ACCESS_WORDS) {
        asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, 0x1b);
    }
}

/* Integers from memory in guest order; zero-extended. */
static void load_integer(Assembler *as, HostReg to, Mem mem, bool wide, bool swap)
{
    asm_rm(as, swap ? 0x0f38f0 : 0x8b, wide, to, mem);
}

/* The double in REG's low half, from the single at MEM. SNaNs stay signalling: left to the stub. */
static void load_single(Lowering *low, Xmm reg, Mem mem, bool swap, HostReg temp, Stub *stub)
{
    Assembler *as = &low->as;
    if (swap) {
        load_integer(as, temp, mem, false, true);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
    } else {
        asm_vec1_mem(as, VMOVSS_LOAD, reg, mem);
    }
    asm_vec(as, VEC_SS(0x5a), reg, reg, reg); /* cvtss2sd */
    asm_vec1(as, VEC_0F(0x2e), reg, reg);     /* ucomisd */
    stub->more[0] = asm_jcc(as, CC_P);
}

static void load_low(Lowering *low, Xmm reg, Mem mem, VectorAccess kind, bool swap, HostReg temp,
                     Stub *stub)
{
    Assembler *as = &low->as;
    switch (kind) {
    case ACCESS_SINGLE: load_single(low, reg, mem, swap, temp, stub); break;
    case ACCESS_WORD:
        load_integer(as, temp, mem, false, swap);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
        break;
    case ACCESS_WORD_SIGNED:
        load_integer(as, temp, mem, false, swap);
        asm_rr(as, 0x63, true, temp, temp);
        asm_vec1(as, VMOVQ_TO_XMM, reg, temp);
        break;
    default:
        if (swap) {
            load_integer(as, temp, mem, true, true);
            asm_vec1(as, VMOVQ_TO_XMM, reg, temp);
        } else {
            asm_vec1_mem(as, VMOVSD_LOAD, reg, mem);
        }
        break;
    }
}

static void load_splat(Lowering *low, Xmm reg, Mem mem, VectorAccess kind, bool swap, HostReg temp)
{
    bool wide = kind == ACCESS_SPLAT_DOUBLE;
    load_integer(&low->as, temp, mem, wide, swap);
    asm_vec1(&low->as, wide ? VMOVQ_TO_XMM : VMOVD_TO_XMM, reg, temp);
    asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, wide ? 0x44 : 0);
}

static void lower_vsr_load(Lowering *low, const IrNode *node)
{
    VectorAccess kind = rows[node->imm].recipe;
    unsigned size = access_size(kind), t = low->ir->insn[node->insn].t;
    Access access = begin_access(low, node);
    Mem mem = look_up(low, &access, size, offsetof(TlbBank, read));
    Xmm reg = xmm_temp(low);
    if (size == 16) {
        asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, mem);
        reorder(low, reg, kind, node->swap, access.index);
        xmm_write(low, t, reg);
    } else if (kind == ACCESS_SPLAT_DOUBLE || kind == ACCESS_SPLAT_WORD) {
        load_splat(low, reg, mem, kind, node->swap, access.index);
        xmm_write(low, t, reg);
    } else {
        load_low(low, reg, mem, kind, node->swap, access.index, access.stub);
        xmm_write_low(low, t, reg, false);
    }
    lower_call_resume(low, access.stub);
}

/*
 * The single in TEMP, from the double in VALUE: bits are picked. Only numbers that single has as
 * normal ones and zeros; what has an exponent below goes to the stub.
 */
static void pick_single(Lowering *low, HostReg temp, HostReg value, Stub *stub)
{
    Assembler *as = &low->as;
    asm_lea(as, true, temp, mem_indexed(value, value, 0, -1)); /* zero becomes the greatest */
    asm_shift_imm(as, 5, true, temp, 53);
    asm_alu_imm(as, ALU_CMP, false, temp, 896);
    stub->more[0] = asm_jcc(as, CC_BE);
    asm_mov(as, temp, value);
    asm_shift_imm(as, 5, true, temp, 29);
    asm_alu_imm(as, ALU_AND, false, temp, 0x3fffffff);
    asm_shift_imm(as, 5, true, value, 32);
    asm_alu_imm(as, ALU_AND, false, value, (int32_t)0xc0000000);
    asm_alu(as, ALU_OR, false, temp, value);
}

static void store_low(Lowering *low, unsigned n, Mem mem, VectorAccess kind, bool swap,
                      const Access *access)
{
    Assembler *as = &low->as;
    HostReg value = access->index;
    bool wide = kind == ACCESS_DOUBLE;
    int cached = find(low, n, XMM_LOW);
    if (wide && !swap && cached >= 0) {
        asm_vec1_mem(as, VMOVSD_STORE, XMM_FIRST + (unsigned)cached, mem);
        return;
    }
    if (cached >= 0)
        asm_vec1(as, VMOVQ_FROM_XMM, XMM_FIRST + (unsigned)cached, value);
    else
        asm_load(as, value, doubleword_mem(n, 0));
    if (kind == ACCESS_SINGLE) {
        pick_single(low, access->spare, value, access->stub);
        value = access->spare;
    }
    asm_rm(as, swap ? 0x0f38f1 : 0x89, wide, value, mem);
}

static void lower_vsr_store(Lowering *low, const IrNode *node)
{
    VectorAccess kind = rows[node->imm].recipe;
    unsigned size = access_size(kind), t = low->ir->insn[node->insn].t;
    Access access = begin_access(low, node);
    Mem mem = look_up(low, &access, size, offsetof(TlbBank, write));
    if (size == 16) {
        Xmm value = xmm_read(low, t);
        if (node->swap || kind != ACCESS_QUAD) {
            asm_vec1(&low->as, VEC_0F(0x6f), 1, value); /* movdqa */
            reorder(low, 1, kind, node->swap, access.index);
            value = 1;
        }
        asm_vec1_mem(&low->as, VMOVDQU_STORE, value, mem);
    } else {
        store_low(low, t, mem, kind, node->swap, &access);
    }
    lower_call_resume(low, access.stub);
}

bool lower_vector_node(Lowering *low, const IrNode *node)
{
    switch (node->op) {
    case IR_VECTOR: lower_vector(low, node); return true;
    case IR_VECTOR_VALUE: lower_vector_value(low, node); return true;
    case IR_VSR_LOAD: lower_vsr_load(low, node); return true;
    case IR_VSR_STORE: lower_vsr_store(low, node); return true;
    case IR_GET_VSR: lower_get_vsr(low, node); return true;
    case IR_SET_VSR: lower_set_vsr(low, node); return true;
    default: return false;
    }
}
