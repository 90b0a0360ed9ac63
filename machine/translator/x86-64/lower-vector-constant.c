/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Constants in vector registers.
 */
#include "machine/translator/x86-64/lower-vector-recipe.h"

#define WORDS(a, b, c, d)                                                                          \
    {                                                                                              \
        a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d                                             \
    }

const uint8_t vector_constants[][16] = {
    [CONSTANT_ONES] = WORDS(255, 255, 255, 255),
    [CONSTANT_SIGNS_W] = WORDS(0, 0, 0, 0x80),
    [CONSTANT_SIGNS_D] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80 },
    [CONSTANT_SIGNS_H] = WORDS(0, 0x80, 0, 0x80),
    [CONSTANT_LEAST_W] = WORDS(0, 0, 0, 2),
    [CONSTANT_RANGE_W] = WORDS(255, 255, 255, 0xfc),
    [CONSTANT_LEAST_D] = WORDS(0, 0, 0x40, 0),
    [CONSTANT_RANGE_D] = WORDS(255, 255, 0x9f, 255),
    [CONSTANT_SINGLE_ONES] = WORDS(0, 0, 0x80, 0x3f),
    [CONSTANT_LEAST_NORMAL] = WORDS(0, 0, 0, 1),
    [CONSTANT_REVERSE_Q] = { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
    [CONSTANT_REVERSE_HALFWORDS] = { 14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1 },
    [CONSTANT_REVERSE_D] = { 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8 },
    [CONSTANT_REVERSE_W] = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12 },
    [CONSTANT_REVERSE_H] = { 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14 },
    [CONSTANT_NUMBERS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    [CONSTANT_NUMBERS_70] = { 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
                              0x7b, 0x7c, 0x7d, 0x7e, 0x7f },
    [CONSTANT_NUMBERS_FROM_16] = { 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16 },
    [CONSTANT_UNSHIFT_ROWS] = { 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3 },
    [CONSTANT_NIBBLE_COUNTS] = { 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4 },
    [CONSTANT_POWERS_UP] = { 1, 2, 4, 8, 16, 32, 64, 128 },
    [CONSTANT_POWERS_DOWN] = { 128, 64, 32, 16, 8, 4, 2, 1 },
};

void vector_load_constant_by(Lowering *low, Xmm reg, VectorConstant which, HostReg temp)
{
    asm_mov_imm(&low->as, temp, (uint64_t)(uintptr_t)vector_constants[which]);
    asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, mem_at(temp, 0));
}

void vector_load_constant(Lowering *low, Xmm reg, VectorConstant which)
{
    vector_load_constant_by(low, reg, which, allocator_temp(&low->allocator));
}

/* WORD in all four words of REG. */
void vector_load_words(Lowering *low, Xmm reg, uint32_t word)
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
