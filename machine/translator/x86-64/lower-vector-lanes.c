/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of VMX floating point: four singles by SSE and FMA, exactly.
 *
 * 1. FPSCR plays no part. So the host's flags, which collect what scalar operations owe FPSCR.XX
 *    (float-pending.h), are taken over before the first operation that may set them: see
 *    own_flags().
 * 2. Denormal numbers are left to the interpreter's function, as VSCR.NJ decides about them, and
 *    NaNs, as the host's choice is another one. All other results are the host's.
 * 3. Under NJ no operation of this file gives a denormal number. So a register that the last of
 *    them wrote (XmmCache.clean) needs no second look, whichever way its result came about.
 */
#include "machine/cpu/float.h"
#include "machine/translator/x86-64/lower-vector-recipe.h"

enum {
    ADD = 0x58,
    MULTIPLY = 0x59,
    TO_INTEGERS = 0x5b, /* and from integers, by prefix */
    MINIMUM = 0x5d,
    DIVIDE = 0x5e,
    MAXIMUM = 0x5f,
    ROOT = 0x51,
};

#define PENDING_LANES 1

/* Predicates of cmpps. */
enum { EQUAL = 0, NOT_AT_MOST = 6, ORDERED = 7, NOT_AT_LEAST = 9 };

/*
 * The flags are no longer scalar operations': what they have noted goes to FPSCR.XX, and XE, which
 * these ask to be 0, is set until float_pending_settle().
 */
static void own_flags(Recipe *r)
{
    Assembler *as = r->as;
    r->low->fp.is_plain = false;
    asm_rm(as, 0x80, false, 7, CPU_MEM(pending.lanes)); /* cmp byte */
    asm_byte(as, 0);
    uint8_t *owned = asm_jcc(as, CC_NE);
    asm_rm(as, 0x0fae, false, 3, CPU_MEM(pending.host_flags)); /* stmxcsr */
    asm_test_mem8_imm(as, CPU_MEM(pending.host_flags), 0x20);
    uint8_t *exact = asm_jcc(as, CC_E);
    asm_rm(as, 0xf7, false, 0, CPU_MEM(s.fpscr)); /* test */
    asm_u32(as, FPSCR_XX);
    uint8_t *known = asm_jcc(as, CC_NE);
    asm_alu_mem_imm(as, ALU_OR, false, CPU_MEM(s.fpscr), (int32_t)(FPSCR_XX | FPSCR_FX));
    asm_land(as, known);
    asm_land(as, exact);
    asm_rm(as, 0x8b, false, r->temp, CPU_MEM(s.fpscr));
    asm_alu_imm(as, ALU_AND, false, r->temp, FPSCR_XE);
    asm_alu_imm(as, ALU_OR, false, r->temp, PENDING_LANES);
    asm_store8(as, CPU_MEM(pending.lanes), r->temp);
    asm_alu_mem_imm(as, ALU_OR, false, CPU_MEM(s.fpscr), FPSCR_XE);
    asm_land(as, owned);
}

/* --- checks: to the function unless all is well ----------------------------------------------- */

/* Into xmm2, or as a minimum with it: twice the magnitude of REG's lanes less 1, as integers. */
static void note_magnitude(Recipe *r, Xmm reg, bool is_first)
{
    Xmm to = is_first ? 2 : 3;
    asm_vec(r->as, VPADDD, to, reg, reg);
    asm_vec_mem(r->as, VPADDD, to, to, vector_constant(r, CONSTANT_ONES));
    if (!is_first)
        asm_vec(r->as, VPMINUD, 2, 2, to);
}

static void note_operand(Recipe *r, Xmm reg, unsigned n, bool *is_first)
{
    if (r->low->xmm.clean >> n & 1)
        return;
    note_magnitude(r, reg, *is_first);
    *is_first = false;
}

/* xmm3 = which lanes noted in xmm2 are zero, or greater than the least normal number. */
static void find_normal(Recipe *r)
{
    asm_vec_mem(r->as, VPMAXUD, 3, 2, vector_constant(r, CONSTANT_LEAST_NORMAL));
    asm_vec(r->as, VPCMPEQD, 3, 3, 2);
}

/* On unless all bits of MASK are set. */
static uint8_t *unless_all(Recipe *r, Xmm mask)
{
    asm_vec1_mem(r->as, VPTEST, mask, vector_constant(r, CONSTANT_ONES));
    return asm_jcc(r->as, CC_AE);
}

static void check_denormals(Recipe *r)
{
    find_normal(r);
    r->stub->site = unless_all(r, 3);
}

/* Of the result: neither NaN nor denormal; and what is noted in xmm2 if IS_NOTED. */
static void check_result(Recipe *r, bool is_noted)
{
    note_magnitude(r, r->t, !is_noted);
    asm_vec_imm(r->as, COMPARE_PS, 1, r->t, r->t, ORDERED);
    find_normal(r);
    asm_vec(r->as, VPAND, 3, 3, 1);
    r->stub->site = unless_all(r, 3);
    r->low->xmm.cleaned = true;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

void recipe_lanes_two(Recipe *r)
{
    bool is_first = true;
    own_flags(r);
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    note_operand(r, r->a, r->insn->a, &is_first);
    note_operand(r, r->b, r->insn->b, &is_first);
    check_result(r, !is_first);
}

void recipe_lanes_three(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    bool is_first = true;
    own_flags(r);
    asm_vec1(r->as, VMOVAPS, r->t, r->b);
    asm_vec(r->as, r->op, r->t, r->a, c);
    note_operand(r, r->a, r->insn->a, &is_first);
    note_operand(r, r->b, r->insn->b, &is_first);
    note_operand(r, c, r->insn->c, &is_first);
    check_result(r, !is_first);
}

static void change_signs(Recipe *r, Xmm reg)
{
    asm_vec_mem(r->as, VPXOR, reg, reg, vector_constant(r, CONSTANT_SIGNS_W));
}

void recipe_lanes_three_negated(Recipe *r)
{
    recipe_lanes_three(r);
    change_signs(r, r->t);
}

/* 1 / x, x being VRB or its root. A denormal or infinite result has an operand of that kind, or 0.
 */
static void reciprocal(Recipe *r, Xmm of)
{
    bool is_first = true;
    asm_vec1_mem(r->as, VMOVDQU_LOAD, 1, vector_constant(r, CONSTANT_SINGLE_ONES));
    asm_vec(r->as, VEC_PS(DIVIDE), r->t, 1, of);
    note_operand(r, r->b, r->insn->b, &is_first);
    check_result(r, !is_first);
}

void recipe_lanes_reciprocal(Recipe *r)
{
    own_flags(r);
    reciprocal(r, r->b);
}

void recipe_lanes_reciprocal_root(Recipe *r)
{
    own_flags(r);
    asm_vec1(r->as, VEC_PS(ROOT), 0, r->b);
    reciprocal(r, 0);
}

/* The operation is the rounding mode; bit 3 keeps the host's flags. */
void recipe_lanes_integral(Recipe *r)
{
    bool is_first = true;
    asm_vec_imm(r->as, VROUNDPS, r->t, 0, r->b, 8 | r->op);
    note_operand(r, r->b, r->insn->b, &is_first);
    check_result(r, !is_first);
}

/* Of two zeros (or any equals) the host takes the second; here +0 exceeds -0: and, or of signs. */
static void extreme(Recipe *r, VecOp op, VecOp of_equals)
{
    bool is_first = true;
    asm_vec(r->as, op, r->t, r->a, r->b);
    asm_vec(r->as, of_equals, 0, r->a, r->b);
    asm_vec_imm(r->as, COMPARE_PS, 1, r->a, r->b, EQUAL);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->t, 0, 1 << 4);
    note_operand(r, r->a, r->insn->a, &is_first);
    note_operand(r, r->b, r->insn->b, &is_first);
    asm_vec_imm(r->as, COMPARE_PS, 1, r->a, r->b, ORDERED);
    if (is_first) {
        r->stub->site = unless_all(r, 1);
    } else {
        find_normal(r);
        asm_vec(r->as, VPAND, 3, 3, 1);
        r->stub->site = unless_all(r, 3);
    }
    r->low->xmm.cleaned = true;
}

void recipe_lanes_maximum(Recipe *r)
{
    extreme(r, VEC_PS(MAXIMUM), VPAND);
}

void recipe_lanes_minimum(Recipe *r)
{
    extreme(r, VEC_PS(MINIMUM), VPOR);
}

/* --- comparisons: the operation is the predicate ---------------------------------------------- */

static void check_operands(Recipe *r)
{
    bool is_first = true;
    note_operand(r, r->a, r->insn->a, &is_first);
    note_operand(r, r->b, r->insn->b, &is_first);
    if (is_first)
        note_magnitude(r, r->a, true); /* a stub needs a jump */
    check_denormals(r);
}

void recipe_lanes_compare(Recipe *r)
{
    asm_vec_imm(r->as, COMPARE_PS, r->t, r->a, r->b, r->op);
    check_operands(r);
}

void recipe_lanes_compare_rc(Recipe *r)
{
    recipe_lanes_compare(r);
    vector_record_by(r, r->temp, r->constants);
}

/* Bit 0: not a <= b; bit 1: not a >= -b. */
void recipe_lanes_bounds(Recipe *r)
{
    asm_vec_imm(r->as, COMPARE_PS, r->t, r->a, r->b, NOT_AT_MOST);
    asm_vec1(r->as, VMOVAPS, 0, r->b);
    change_signs(r, 0);
    asm_vec_imm(r->as, COMPARE_PS, 1, r->a, 0, NOT_AT_LEAST);
    asm_vpslld(r->as, r->t, r->t, 31);
    asm_vpslld(r->as, 1, 1, 31);
    asm_vpsrld(r->as, 1, 1, 1);
    asm_vec(r->as, VPOR, r->t, r->t, 1);
    check_operands(r);
}

void recipe_lanes_bounds_rc(Recipe *r)
{
    recipe_lanes_bounds(r);
    vector_record_by(r, r->temp, r->constants);
}

/* --- conversions ------------------------------------------------------------------------------ */

/* Into REG: 2 to the POWER in all lanes. */
static void load_power(Recipe *r, Xmm reg, int power)
{
    asm_mov_imm(r->as, r->temp, (uint32_t)(127 + power) << 23);
    asm_vec1(r->as, VMOVD_TO_XMM, reg, r->temp);
    asm_vec_imm(r->as, VPSHUFD, reg, 0, reg, 0);
}

static void scale(Recipe *r, Xmm to, Xmm from, int power)
{
    if (power == 0) {
        if (to != from)
            asm_vec1(r->as, VMOVAPS, to, from);
        return;
    }
    load_power(r, 3, power);
    asm_vec(r->as, VEC_PS(MULTIPLY), to, from, 3);
}

void recipe_lanes_from_signed(Recipe *r)
{
    own_flags(r);
    asm_vec1(r->as, VEC_PS(TO_INTEGERS), r->t, r->b); /* cvtdq2ps */
    scale(r, r->t, r->t, -(int)INSN_BITS(r->insn, 11, 15));
}

/* Both halves are exact, and so is the upper one times 65536: the sum is rounded once. */
void recipe_lanes_from_unsigned(Recipe *r)
{
    own_flags(r);
    asm_vpsrld(r->as, 0, r->b, 16);
    asm_vpslld(r->as, 1, r->b, 16);
    asm_vpsrld(r->as, 1, 1, 16);
    asm_vec1(r->as, VEC_PS(TO_INTEGERS), 0, 0);
    asm_vec1(r->as, VEC_PS(TO_INTEGERS), r->t, 1);
    load_power(r, 3, 16);
    asm_vec(r->as, VEC_38(0xb8), r->t, 0, 3); /* vfmadd231ps */
    scale(r, r->t, r->t, -(int)INSN_BITS(r->insn, 11, 15));
}

/* What has no integer gives the least one, or is negative if that is asked for. */
static void to_integers(Recipe *r, bool is_signed)
{
    Assembler *as = r->as;
    own_flags(r);
    scale(r, 0, r->b, (int)INSN_BITS(r->insn, 11, 15));
    asm_vec1(as, VEC_SS(TO_INTEGERS), r->t, 0); /* cvttps2dq */
    if (is_signed) {
        asm_vec_mem(as, VPCMPEQD, 1, r->t, vector_constant(r, CONSTANT_SIGNS_W));
    } else {
        asm_vec(as, VPOR, 1, r->t, r->b);
        asm_vpsrad(as, 1, 1, 31);
    }
    asm_vec1(as, VPTEST, 1, 1);
    r->stub->site = asm_jcc(as, CC_NE);
}

void recipe_lanes_to_signed(Recipe *r)
{
    to_integers(r, true);
}

void recipe_lanes_to_unsigned(Recipe *r)
{
    to_integers(r, false);
}
