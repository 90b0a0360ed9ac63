/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of VSX vector floating point: two doubles or four singles by SSE and FMA, exactly.
 *
 * 1. As with scalars (lower-float.c) the host's result is the guest's if each is an ordinary number
 *    well away from underflow and overflow, or a zero that does not come from underflow, and FPSCR
 *    rounds to nearest and enables nothing. All else goes to the interpreter's function.
 * 2. FPRF, FR and FI are not concerned. That a result was inexact stays in the host's flags until
 *    float_pending_settle().
 * 3. An operation is of doubles or of singles as its VecOp is.
 */
#include "machine/cpu/float.h"
#include "machine/translator/x86-64/lower-vector-recipe.h"

enum { EQUAL = 0, ORDERED = 7 }; /* predicates of cmppd and cmpps */
enum { UNPACK_LOW = 0x14 };      /* unpcklpd */

static bool is_double(VecOp op)
{
    switch (op >> 12 & 3) {
    case 2: return op >> 8 & 1; /* fused ones: W */
    case 3: return op & 1;      /* roundps, roundpd */
    default: return op >> 16 & 1;
    }
}

static void compare(Recipe *r, Xmm to, Xmm a, Xmm b, unsigned predicate)
{
    asm_vec_imm(r->as, is_double(r->op) ? COMPARE_PD : COMPARE_PS, to, a, b, predicate);
}

static void to_stub(Recipe *r, HostCondition condition)
{
    uint8_t *site = asm_jcc(r->as, condition);
    if (!r->stub->site)
        r->stub->site = site;
    else
        r->stub->more[r->stub->more[0] ? 1 : 0] = site;
}

/* To the function unless all bits of MASK are set. */
static void check_all(Recipe *r, Xmm mask)
{
    asm_vec1_mem(r->as, VPTEST, mask, vector_constant(r, CONSTANT_ONES));
    to_stub(r, CC_AE);
}

/*
 * The rest of the block to the interpreter unless FPSCR rounds to nearest and enables nothing;
 * notes that the host's flags will count.
 */
static void check_control(Recipe *r)
{
    lower_float_mark(r->low);
    if (r->low->fp.is_plain)
        return;
    asm_test_mem8_imm(r->as, CPU_MEM(s.fpscr), 0xf8 | FPSCR_RN);
    lower_rest_stub(r->low, r->node)->control = asm_jcc(r->as, CC_NE);
    r->low->fp.is_plain = true;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

/* A jump if all elements have their bit in MASK: of doubles the upper word's counts. */
static uint8_t *if_all(Recipe *r, Xmm mask)
{
    if (!is_double(r->op)) {
        asm_vec1_mem(r->as, VPTEST, mask, vector_constant(r, CONSTANT_ONES));
        return asm_jcc(r->as, CC_B);
    }
    asm_vec1(r->as, VMOVMSKPD, r->temp, mask);
    asm_alu_imm(r->as, ALU_CMP, false, r->temp, 3);
    return asm_jcc(r->as, CC_E);
}

/* xmm3 = where the exponent of t is well within its format. */
static void find_ordinary(Recipe *r)
{
    bool wide = is_double(r->op);
    asm_vec(r->as, VPADDD, 3, r->t, r->t);
    asm_vec_mem(r->as, VPSUBD, 3, 3,
                vector_constant(r, wide ? CONSTANT_LEAST_D : CONSTANT_LEAST_W));
    asm_vec_mem(r->as, VPMINUD, 0, 3,
                vector_constant(r, wide ? CONSTANT_RANGE_D : CONSTANT_RANGE_W));
    asm_vec(r->as, VPCMPEQD, 3, 3, 0);
}

/*
 * On if each element of t is ordinary, or a zero: of factors X and Y one of which is zero; or with
 * nothing underflown, which the host's flags tell, but slowly. Else to the function, which is done
 * with all flags (float-pending.h).
 */
static void check_result(Recipe *r, Xmm x, Xmm y)
{
    Assembler *as = r->as;
    asm_vec(as, VPXOR, 0, 0, 0);
    compare(r, 2, r->t, 0, EQUAL);
    compare(r, 1, x, 0, EQUAL);
    compare(r, 3, y, 0, EQUAL);
    asm_vec(as, VPOR, 1, 1, 3);
    asm_vec(as, VPAND, 1, 1, 2);
    find_ordinary(r);
    asm_vec(as, VPOR, 0, 3, 1);
    uint8_t *ordinary = if_all(r, 0);
    asm_vec(as, VPOR, 3, 3, 2);
    uint8_t *zeros = if_all(r, 3);
    r->stub->site = asm_jmp(as);
    asm_land(as, zeros);
    asm_rm(as, 0x0fae, false, 3, CPU_MEM(pending.host_flags)); /* stmxcsr */
    asm_test_mem8_imm(as, CPU_MEM(pending.host_flags), 0x10);
    to_stub(r, CC_NE);
    asm_land(as, ordinary);
}

/* The same where no zero comes from underflow. */
static void check_exact_zeros(Recipe *r)
{
    find_ordinary(r);
    asm_vec(r->as, VPXOR, 0, 0, 0);
    compare(r, 2, r->t, 0, EQUAL);
    asm_vec(r->as, VPOR, 3, 3, 2);
    uint8_t *ordinary = if_all(r, 3);
    r->stub->site = asm_jmp(r->as);
    asm_land(r->as, ordinary);
}

void recipe_vsx_sum(Recipe *r)
{
    check_control(r);
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    check_exact_zeros(r);
}

/* Products, and quotients. */
void recipe_vsx_product(Recipe *r)
{
    check_control(r);
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    check_result(r, r->a, r->b);
}

void recipe_vsx_root(Recipe *r)
{
    check_control(r);
    asm_vec1(r->as, r->op, r->t, r->b);
    check_exact_zeros(r);
}

static void fused(Recipe *r, Xmm x, Xmm y, Xmm addend)
{
    check_control(r);
    asm_vec1(r->as, VMOVAPS, r->t, addend);
    asm_vec(r->as, r->op, r->t, x, y);
    check_result(r, x, y);
}

/* The A forms take the addend from VRT, the M forms a factor. */
void recipe_vsx_fused_a(Recipe *r)
{
    fused(r, r->a, r->b, xmm_read(r->low, r->insn->t));
}

void recipe_vsx_fused_m(Recipe *r)
{
    fused(r, r->a, xmm_read(r->low, r->insn->t), r->b);
}

static void change_signs(Recipe *r)
{
    VectorConstant signs = is_double(r->op) ? CONSTANT_SIGNS_D : CONSTANT_SIGNS_W;
    asm_vec_mem(r->as, VPXOR, r->t, r->t, vector_constant(r, signs));
}

void recipe_vsx_fused_a_negated(Recipe *r)
{
    recipe_vsx_fused_a(r);
    change_signs(r);
}

void recipe_vsx_fused_m_negated(Recipe *r)
{
    recipe_vsx_fused_m(r);
    change_signs(r);
}

/* --- what sets no flag but for NaNs ----------------------------------------------------------- */

static void check_ordered(Recipe *r, Xmm a, Xmm b)
{
    compare(r, 1, a, b, ORDERED);
    check_all(r, 1);
}

/* Of two zeros (or any equals) the host takes the second; here +0 exceeds -0: and, or of signs. */
static void extreme(Recipe *r, VecOp of_equals)
{
    asm_vec(r->as, r->op, r->t, r->a, r->b);
    asm_vec(r->as, of_equals, 0, r->a, r->b);
    compare(r, 1, r->a, r->b, EQUAL);
    asm_vec_imm(r->as, VPBLENDVB, r->t, r->t, 0, 1 << 4);
    check_ordered(r, r->a, r->b);
}

void recipe_vsx_maximum(Recipe *r)
{
    extreme(r, VPAND);
}

void recipe_vsx_minimum(Recipe *r)
{
    extreme(r, VPOR);
}

/* The operation is cmppd or cmpps with the predicate above its prefix. */
void recipe_vsx_compare(Recipe *r)
{
    unsigned predicate = r->op >> 24;
    asm_vec_imm(r->as, r->op & 0xffffff, r->t, r->a, r->b, predicate);
    check_ordered(r, r->a, r->b);
}

void recipe_vsx_compare_rc(Recipe *r)
{
    recipe_vsx_compare(r);
    vector_record_by(r, r->temp, r->constants);
}

/* To integral numbers: the mode above the operation; it keeps the host's flags. */
void recipe_vsx_integral(Recipe *r)
{
    check_ordered(r, r->b, r->b);
    asm_vec_imm(r->as, r->op & 0xffffff, r->t, 0, r->b, 8 | r->op >> 24);
}

/* In the current mode, inexact results noted. */
void recipe_vsx_integral_exact(Recipe *r)
{
    check_control(r);
    check_ordered(r, r->b, r->b);
    asm_vec_imm(r->as, r->op & 0xffffff, r->t, 0, r->b, 0);
}

/* --- signs: bits only ------------------------------------------------------------------------- */

static void load_signs(Recipe *r)
{
    asm_vec(r->as, VPCMPEQD, 0, 0, 0);
    if (r->op & VEC_DOUBLE)
        asm_vpsllq(r->as, 0, 0, 63);
    else
        asm_vpslld(r->as, 0, 0, 31);
}

/* xor, andn, or with the signs. */
void recipe_signs(Recipe *r)
{
    load_signs(r);
    asm_vec(r->as, r->op & 0xffffff, r->t, 0, r->b);
}

void recipe_copy_signs(Recipe *r)
{
    load_signs(r);
    asm_vec(r->as, VPANDN, r->t, 0, r->b);
    asm_vec(r->as, VPAND, 0, 0, r->a);
    asm_vec(r->as, VPOR, r->t, r->t, 0);
}

/* --- conversions ------------------------------------------------------------------------------ */

/* Elements 0 and 2 into the low half, and back into both halves of doublewords. */
#define WORDS_TOGETHER 0x0d
#define WORDS_TWICE    0x50

/* The low words of OPERATION(b's even words); exact. */
void recipe_vsx_from_words(Recipe *r)
{
    asm_vec_imm(r->as, VPSHUFD, 0, 0, r->b, WORDS_TOGETHER);
    asm_vec1(r->as, r->op, r->t, 0);
}

/* Singles that are numbers are exact, too. */
void recipe_vsx_from_singles(Recipe *r)
{
    recipe_vsx_from_words(r);
    asm_vec_imm(r->as, COMPARE_PD, 1, r->t, r->t, ORDERED);
    check_all(r, 1);
}

void recipe_vsx_words_to_singles(Recipe *r)
{
    check_control(r);
    asm_vec1(r->as, r->op, r->t, r->b);
}

void recipe_vsx_to_singles(Recipe *r)
{
    check_control(r);
    asm_vec1(r->as, VEC_OP(1, 1, 0, 0x5a), r->t, r->b); /* cvtpd2ps */
    asm_vec_imm(r->as, VPSHUFD, r->t, 0, r->t, WORDS_TWICE);
    check_result(r, r->b, r->b); /* both words of a double are zero, or one is not */
}

/* To the function if any word of t is the least one: the host's answer to what has none. */
static void check_words(Recipe *r)
{
    asm_vec_mem(r->as, VPCMPEQD, 1, r->t, vector_constant(r, CONSTANT_SIGNS_W));
    asm_vec1(r->as, VPTEST, 1, 1);
    to_stub(r, CC_NE);
}

void recipe_vsx_singles_to_words(Recipe *r)
{
    check_control(r);
    asm_vec1(r->as, r->op, r->t, r->b);
    check_words(r);
}

void recipe_vsx_doubles_to_words(Recipe *r)
{
    check_control(r);
    asm_vec1(r->as, r->op, r->t, r->b);
    asm_vec_imm(r->as, VPSHUFD, r->t, 0, r->t, WORDS_TWICE);
    check_words(r);
}

/* Doublewords one by one: there are no such operations on vectors. */
void recipe_vsx_from_doublewords(Recipe *r)
{
    Assembler *as = r->as;
    check_control(r);
    asm_vec(as, VPXOR, 0, 0, 0);
    asm_vec1(as, VMOVQ_FROM_XMM, r->b, r->temp);
    asm_vec(as, VEC_OP(3, 1, 1, 0x2a), r->t, 0, r->temp); /* cvtsi2sd */
    asm_vec_imm(as, VPEXTRQ, r->b, 0, r->temp, 1);
    asm_vec(as, VEC_OP(3, 1, 1, 0x2a), 1, 0, r->temp);
    asm_vec(as, VEC_0F(UNPACK_LOW), r->t, r->t, 1);
}

static void to_doubleword(Recipe *r, Xmm from, Xmm to)
{
    asm_vec1(r->as, VEC_OP(3, 1, 1, 0x2c), r->temp, from); /* cvttsd2si */
    asm_alu_imm(r->as, ALU_CMP, true, r->temp, 1);         /* overflows for the least integer */
    to_stub(r, CC_O);
    asm_vec1(r->as, VMOVQ_TO_XMM, to, r->temp);
}

void recipe_vsx_to_doublewords(Recipe *r)
{
    check_control(r);
    to_doubleword(r, r->b, r->t);
    asm_vpsrldq(r->as, 0, r->b, 8);
    to_doubleword(r, 0, 1);
    asm_vec(r->as, VEC_0F(UNPACK_LOW), r->t, r->t, 1);
}
