/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes that move elements: permutes, splats, packs, reversals.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

void recipe_shift_pair_bytes(Recipe *r)
{
    asm_vec_imm(r->as, VPALIGNR, r->t, r->a, r->b, 16 - INSN_BITS(r->insn, 22, 25));
}

void recipe_shift_pair_words(Recipe *r)
{
    asm_vec_imm(r->as, VPALIGNR, r->t, r->a, r->b, 16 - 4 * INSN_BITS(r->insn, 22, 23));
}

void recipe_permute_d(Recipe *r)
{
    unsigned left = INSN_BITS(r->insn, 22, 22), right = INSN_BITS(r->insn, 23, 23);
    asm_vec_imm(r->as, VSHUFPD, r->t, r->b, r->a, (right ^ 1) | (left ^ 1) << 1);
}

void recipe_splat_w(Recipe *r)
{
    asm_vec_imm(r->as, VPSHUFD, r->t, 0, r->b, 0x55 * (3 - INSN_BITS(r->insn, 14, 15)));
}

void recipe_splat_b(Recipe *r)
{
    vector_load_words(r->low, 0, 0x01010101u * (15 - INSN_BITS(r->insn, 12, 15)));
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

void recipe_splat_h(Recipe *r)
{
    vector_load_words(r->low, 0, 0x01000100u + 0x02020202u * (7 - INSN_BITS(r->insn, 13, 15)));
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

static uint32_t immediate(const Recipe *r)
{
    return (uint32_t)((int32_t)(r->insn->word << 11) >> 27);
}

void recipe_immediate_b(Recipe *r)
{
    vector_load_words(r->low, r->t, (immediate(r) & 0xff) * 0x01010101u);
}

void recipe_immediate_h(Recipe *r)
{
    vector_load_words(r->low, r->t, (immediate(r) & 0xffff) * 0x00010001u);
}

void recipe_immediate_w(Recipe *r)
{
    vector_load_words(r->low, r->t, immediate(r));
}

void recipe_immediate_ib(Recipe *r)
{
    vector_load_words(r->low, r->t, INSN_BITS(r->insn, 13, 20) * 0x01010101u);
}

/*
 * Bytes of LEFT || RIGHT. CONTROL counts from the left, or from the right if REVERSED: the host's
 * number of a byte is the complement of the book's, and bit 4 of it says LEFT.
 */
static void permute(Recipe *r, Xmm left, Xmm right, Xmm control, bool reversed)
{
    vector_load_words(r->low, 0, 0x1f1f1f1f);
    asm_vec(r->as, reversed ? VPAND : VPANDN, 0, control, 0);
    asm_vec(r->as, VPSHUFB, 1, left, 0);
    asm_vec(r->as, VPSHUFB, 2, right, 0);
    asm_vpslld(r->as, 0, 0, 3);
    asm_vec_imm(r->as, VPBLENDVB, r->t, 2, 1, 0 << 4);
}

void recipe_permute(Recipe *r)
{
    permute(r, r->a, r->b, xmm_read(r->low, r->insn->c), false);
}

void recipe_permute_r(Recipe *r)
{
    permute(r, r->a, r->b, xmm_read(r->low, r->insn->c), true);
}

void recipe_permute_t(Recipe *r)
{
    permute(r, r->a, xmm_read(r->low, r->insn->t), r->b, false);
}

void recipe_permute_tr(Recipe *r)
{
    permute(r, r->a, xmm_read(r->low, r->insn->t), r->b, true);
}

void recipe_select(Recipe *r)
{
    Xmm c = xmm_read(r->low, r->insn->c);
    asm_vec(r->as, VPANDN, 0, c, r->a);
    asm_vec(r->as, VPAND, 1, c, r->b);
    asm_vec(r->as, VPOR, r->t, 0, 1);
}

static void pack(Recipe *r, uint32_t mask, VecOp op)
{
    vector_load_words(r->low, 0, mask);
    asm_vec(r->as, VPAND, 1, r->b, 0);
    asm_vec(r->as, VPAND, 0, r->a, 0);
    asm_vec(r->as, op, r->t, 1, 0);
}

void recipe_pack_h(Recipe *r)
{
    pack(r, 0x00ff00ff, VPACKUSWB);
}

void recipe_pack_w(Recipe *r)
{
    pack(r, 0x0000ffff, VPACKUSDW);
}

void recipe_pack_d(Recipe *r)
{
    asm_vec_imm(r->as, VSHUFPS, r->t, r->b, r->a, 0x88);
}

void recipe_unpack_high(Recipe *r)
{
    asm_vpsrldq(r->as, 0, r->b, 8);
    asm_vec1(r->as, r->op, r->t, 0);
}

void recipe_unpack_low(Recipe *r)
{
    asm_vec1(r->as, r->op, r->t, r->b);
}

static void shuffle(Recipe *r, VectorConstant which)
{
    vector_load_constant(r->low, 0, which);
    asm_vec(r->as, VPSHUFB, r->t, r->b, 0);
}

void recipe_reverse_q(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_Q);
}

void recipe_reverse_d(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_D);
}

void recipe_reverse_w(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_W);
}

void recipe_reverse_h(Recipe *r)
{
    shuffle(r, CONSTANT_REVERSE_H);
}

void recipe_merge_even_w(Recipe *r)
{
    asm_vpsrlq(r->as, 0, r->b, 32);
    asm_vec_imm(r->as, VPBLENDW, r->t, 0, r->a, 0xcc);
}

void recipe_merge_odd_w(Recipe *r)
{
    asm_vpsllq(r->as, 0, r->a, 32);
    asm_vec_imm(r->as, VPBLENDW, r->t, r->b, 0, 0xcc);
}

/* Signs from bit 31 of the words of FROM into the doublewords' upper halves. */
static void extend_words(Recipe *r, Xmm from)
{
    asm_vpsrad(r->as, 1, from, 31);
    asm_vpsllq(r->as, 1, 1, 32);
    asm_vpsllq(r->as, 2, from, 32);
    asm_vpsrlq(r->as, 2, 2, 32);
    asm_vec(r->as, VPOR, r->t, 1, 2);
}

void recipe_extend_w(Recipe *r)
{
    extend_words(r, r->b);
}

/* The operation is the number of bits to the left of the element. */
void recipe_extend_to_w(Recipe *r)
{
    asm_vpslld(r->as, 0, r->b, r->op);
    asm_vpsrad(r->as, r->t, 0, r->op);
}

void recipe_extend_to_d(Recipe *r)
{
    asm_vpslld(r->as, 0, r->b, r->op);
    asm_vpsrad(r->as, 0, 0, r->op);
    extend_words(r, 0);
}

/*
 * Sixteen bits of VRA, numbered by the bytes of VRB: the byte it is in, the bit within, and a
 * comparison. A number from 128 on gives 0, as does a byte number with bit 7 in the host.
 */
void recipe_permute_bits(Recipe *r)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    Assembler *as = r->as;
    vector_load_words(r->low, 3, 0x07070707);
    asm_vec(as, VPAND, 0, r->b, 3);
    vector_load_constant(r->low, 1, CONSTANT_POWERS_DOWN);
    asm_vec(as, VPSHUFB, 1, 1, 0);
    vector_load_words(r->low, 3, 0x0f0f0f0f);
    asm_vpsrlw(as, 0, r->b, 3);
    asm_vec(as, VPANDN, 0, 0, 3);
    vector_load_words(r->low, 3, 0x80808080);
    asm_vec(as, VPAND, 2, r->b, 3);
    asm_vec(as, VPOR, 0, 0, 2);
    asm_vec(as, VPSHUFB, 0, r->a, 0);
    asm_vec(as, VPAND, 0, 0, 1);
    asm_vec(as, VPCMPEQB, 0, 0, 1);
    asm_vec1(as, VPMOVMSKB, temp, 0);
    asm_vec1(as, VMOVD_TO_XMM, r->t, temp);
    asm_vpslldq(as, r->t, r->t, 8);
}

/* The word from byte UIM of VRB on, zeros behind the last: in the state it can be loaded. */
void recipe_extract_w(Recipe *r)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    int first = (int)INSN_BITS(r->insn, 12, 15), beyond = MAX(first - 12, 0);
    Mem mem = vsr_mem(r->insn->b);
    mem.displacement += 12 - MIN(first, 12);
    asm_rm(r->as, 0x8b, false, temp, mem);
    if (beyond)
        asm_shift_imm(r->as, 4, false, temp, (uint8_t)(8 * beyond));
    asm_vec1(r->as, VMOVD_TO_XMM, r->t, temp);
    asm_vpslldq(r->as, r->t, r->t, 8);
}

/* --- packs with saturation -------------------------------------------------------------------- */

/* SAT becomes 1 if X or Y, each plus BIAS, has a bit of MASK. */
static void saturated_if(Recipe *r, VecOp add, uint32_t bias, uint32_t mask)
{
    HostReg temp = allocator_temp(&r->low->allocator);
    if (bias) {
        vector_load_words(r->low, 0, bias);
        asm_vec(r->as, add, 1, r->a, 0);
        asm_vec(r->as, add, 2, r->b, 0);
        asm_vec(r->as, VPOR, 1, 1, 2);
    } else {
        asm_vec(r->as, VPOR, 1, r->a, r->b);
    }
    vector_load_words(r->low, 0, mask);
    asm_vec1(r->as, VPTEST, 1, 0);
    vector_note_saturation(r, temp);
}

/* From signed: the operation saturates as wanted. */
void recipe_pack_signed_h(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
    saturated_if(r, VPADDW, 0x00800080, 0xff00ff00);
}

void recipe_pack_signed_w(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
    saturated_if(r, VPADDD, 0x00008000, 0xffff0000);
}

void recipe_pack_positive_h(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
    saturated_if(r, 0, 0, 0xff00ff00);
}

void recipe_pack_positive_w(Recipe *r)
{
    asm_vec(r->as, r->op, r->t, r->b, r->a);
    saturated_if(r, 0, 0, 0xffff0000);
}

/* From unsigned: the host's operation takes them as signed, so they are bounded first. */
void recipe_pack_unsigned_h(Recipe *r)
{
    vector_load_words(r->low, 0, 0x00ff00ff);
    asm_vec(r->as, VPMINUW, 1, r->a, 0);
    asm_vec(r->as, VPMINUW, 2, r->b, 0);
    asm_vec(r->as, VPACKUSWB, r->t, 2, 1);
    saturated_if(r, 0, 0, 0xff00ff00);
}

void recipe_pack_unsigned_w(Recipe *r)
{
    vector_load_words(r->low, 0, 0x0000ffff);
    asm_vec(r->as, VPMINUD, 1, r->a, 0);
    asm_vec(r->as, VPMINUD, 2, r->b, 0);
    asm_vec(r->as, VPACKUSDW, r->t, 2, 1);
    saturated_if(r, 0, 0, 0xffff0000);
}
