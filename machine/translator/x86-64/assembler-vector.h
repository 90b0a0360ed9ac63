/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding AVX, AVX2, FMA and AVX-CLMUL instructions on 128-bit registers (VEX encodings).
 *
 * An operation is one word, VecOp: the mandatory prefix, the opcode map, W and the opcode. Operands
 * follow Intel's order: destination, first source (VEX.vvvv), second source (ModRM).
 */
#ifndef MACHINE_TRANSLATOR_X86_64_ASSEMBLER_VECTOR_H
#define MACHINE_TRANSLATOR_X86_64_ASSEMBLER_VECTOR_H

#include "machine/translator/x86-64/assembler.h"

typedef uint32_t VecOp;
typedef uint8_t Xmm; /* 0-15 */

/* Prefix PP: 0 none, 1 66, 2 f3, 3 f2. Map: 1 0f, 2 0f38, 3 0f3a. */
#define VEC_OP(pp, map, w, opcode) ((VecOp)((pp) << 16 | (map) << 12 | (w) << 8 | (opcode)))
#define VEC_0F(opcode)             VEC_OP(1, 1, 0, opcode)
#define VEC_38(opcode)             VEC_OP(1, 2, 0, opcode)
#define VEC_38W(opcode)            VEC_OP(1, 2, 1, opcode)
#define VEC_3A(opcode)             VEC_OP(1, 3, 0, opcode)
#define VEC_SD(opcode)             VEC_OP(3, 1, 0, opcode)
#define VEC_SS(opcode)             VEC_OP(2, 1, 0, opcode)
#define VEC_PS(opcode)             VEC_OP(0, 1, 0, opcode)
#define VEC_PD(opcode)             VEC_OP(1, 1, 0, opcode)

enum {
    VMOVDQU_LOAD = 0x2106f, /* xmm, mem */
    VMOVDQU_STORE = 0x2107f,
    VMOVSD_LOAD = 0x31010,
    VMOVSD_STORE = 0x31011,
    VMOVSS_LOAD = 0x21010,
    VMOVSS_STORE = 0x21011,
    VMOVD_TO_XMM = 0x1106e, /* with W: vmovq */
    VMOVQ_TO_XMM = 0x1116e,
    VMOVD_FROM_XMM = 0x1107e,
    VMOVQ_FROM_XMM = 0x1117e,
    VMOVQ = 0x2107e, /* low quadword of xmm or memory, upper cleared */
    VPEXTRQ = 0x13116,
    VPINSRQ = 0x13122,
    VMOVAPS = 0x01028,
    VMOVMSKPD = 0x11050,
    VROUNDPS = 0x13008,
    VROUNDPD = 0x13009,
    COMPARE_PS = 0x010c2,
    COMPARE_PD = 0x110c2,
    VPADDB = 0x110fc,
    VPADDW = 0x110fd,
    VPADDD = 0x110fe,
    VPADDQ = 0x110d4,
    VPSUBB = 0x110f8,
    VPSUBW = 0x110f9,
    VPSUBD = 0x110fa,
    VPSUBQ = 0x110fb,
    VPMULLW = 0x110d5,
    VPMULLD = 0x12040,
    VPMADDUBSW = 0x12004,
    VPMINUW = 0x1203a,
    VPSLLVD = 0x12047,
    VPSRLVD = 0x12045,
    VPSRAVD = 0x12046,
    VPSRLVQ = 0x12145,
    VPSLLQ = 0x110f3,
    VPSRLQ = 0x110d3,
    VPBLENDW = 0x1300e,
    VPSHUFLW = 0x31070,
    VPSHUFHW = 0x21070,
    VPCMPEQW = 0x11075,
    VPCMPGTQ = 0x12037,
    VPMINUD = 0x1203b,
    VPMAXUD = 0x1203f,
    VPXOR = 0x110ef,
    VPAND = 0x110db,
    VPANDN = 0x110df,
    VPOR = 0x110eb,
    VPCMPEQB = 0x11074,
    VPCMPEQD = 0x11076,
    VPSHUFD = 0x11070,
    VPSHUFB = 0x12000,
    VPALIGNR = 0x1300f,
    VSHUFPD = 0x110c6,
    VSHUFPS = 0x010c6,
    VUNPCKHPD = 0x11015,
    VUNPCKLPD = 0x11014,
    VMOVDDUP = 0x31012,
    VPTEST = 0x12017,
    VPBLENDVB = 0x1304c,
    VPMOVMSKB = 0x110d7,
    VPCLMULQDQ = 0x13044,
    VPACKUSWB = 0x11067,
    VPACKUSDW = 0x1202b,
};

static inline void asm_vex(Assembler *as, VecOp op, unsigned reg, unsigned first, unsigned index,
                           unsigned base)
{
    unsigned map = op >> 12 & 3, w = op >> 8 & 1, pp = op >> 16 & 3;
    asm_byte(as, 0xc4);
    asm_byte(
        as, (uint8_t)((~reg >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~base >> 3 & 1) << 5 | map));
    asm_byte(as, (uint8_t)(w << 7 | (~first & 15) << 3 | pp));
    asm_byte(as, (uint8_t)op);
}

static inline void asm_vec(Assembler *as, VecOp op, unsigned to, unsigned a, unsigned b)
{
    asm_vex(as, op, to, a, 0, b);
    asm_modrm_reg(as, to, b);
}

static inline void asm_vec_mem(Assembler *as, VecOp op, unsigned to, unsigned a, Mem b)
{
    asm_vex(as, op, to, a, b.index == NO_REG ? 0 : b.index, b.base);
    asm_modrm_mem(as, to, b);
}

/* With an immediate byte. */
static inline void asm_vec_imm(Assembler *as, VecOp op, unsigned to, unsigned a, unsigned b,
                               unsigned imm)
{
    asm_vec(as, op, to, a, b);
    asm_byte(as, (uint8_t)imm);
}

/* Without a first source. */
static inline void asm_vec1(Assembler *as, VecOp op, unsigned to, unsigned from)
{
    asm_vec(as, op, to, 0, from);
}

static inline void asm_vec1_mem(Assembler *as, VecOp op, unsigned reg, Mem mem)
{
    asm_vec_mem(as, op, reg, 0, mem);
}

/* Shifts of all elements by an immediate: opcode and /EXTENSION as in the manuals. */
static inline void asm_vec_shift(Assembler *as, unsigned opcode, unsigned extension, unsigned to,
                                 unsigned from, unsigned count)
{
    asm_vec(as, VEC_0F(opcode), extension, to, from);
    asm_byte(as, (uint8_t)count);
}

#define asm_vpsrldq(as, to, from, n) asm_vec_shift(as, 0x73, 3, to, from, n)
#define asm_vpslldq(as, to, from, n) asm_vec_shift(as, 0x73, 7, to, from, n)
#define asm_vpsrlq(as, to, from, n)  asm_vec_shift(as, 0x73, 2, to, from, n)
#define asm_vpsllq(as, to, from, n)  asm_vec_shift(as, 0x73, 6, to, from, n)
#define asm_vpsrld(as, to, from, n)  asm_vec_shift(as, 0x72, 2, to, from, n)
#define asm_vpsrad(as, to, from, n)  asm_vec_shift(as, 0x72, 4, to, from, n)
#define asm_vpslld(as, to, from, n)  asm_vec_shift(as, 0x72, 6, to, from, n)
#define asm_vpsrlw(as, to, from, n)  asm_vec_shift(as, 0x71, 2, to, from, n)
#define asm_vpsraw(as, to, from, n)  asm_vec_shift(as, 0x71, 4, to, from, n)
#define asm_vpsllw(as, to, from, n)  asm_vec_shift(as, 0x71, 6, to, from, n)

#endif
