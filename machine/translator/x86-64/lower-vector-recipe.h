/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the recipes of vector instructions share. A recipe emits the code of one instruction whose
 * operands are in xmm registers; lower-vector.c reads them before and stores the result after it.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_LOWER_VECTOR_RECIPE_H
#define MACHINE_TRANSLATOR_X86_64_LOWER_VECTOR_RECIPE_H

#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

typedef struct {
    Lowering *low;
    Assembler *as;
    const Insn *insn;
    VecOp op;
    Xmm t; /* becomes the result; neither a nor b */
    Xmm a, b;
    /* Rows of VECTOR_CHECKED only. */
    const IrNode *node;
    Stub *stub; /* the interpreter's function; the recipe sets its jumps */
    HostReg temp;
    HostReg constants; /* their address, see vector_constant() */
} Recipe;

/* What vector.def adds to an operation for its recipe: an immediate, or that it is about doubles.
 */
#define VEC_WITH(op, imm) ((op) | (VecOp)(imm) << 24)
#define VEC_DOUBLE        (1u << 24)

typedef void (*RecipeFn)(Recipe *r);

#define RECIPE(name, function) void recipe_##function(Recipe *r);
#include "machine/translator/x86-64/lower-vector-recipe.def"
#undef RECIPE

/* --- constants -------------------------------------------------------------------------------- */

typedef enum {
    CONSTANT_ONES,
    CONSTANT_SIGNS_W,
    CONSTANT_SIGNS_D,
    CONSTANT_SIGNS_H,
    CONSTANT_LEAST_W, /* of exponents well within single; and how far the greatest is from it */
    CONSTANT_RANGE_W,
    CONSTANT_LEAST_D, /* the same of double, in its upper word */
    CONSTANT_RANGE_D,
    CONSTANT_SINGLE_ONES,
    CONSTANT_LEAST_NORMAL, /* of single: twice its magnitude */
    CONSTANT_REVERSE_Q,    /* also the numbers of the book's bytes */
    CONSTANT_REVERSE_HALFWORDS,
    CONSTANT_REVERSE_D,
    CONSTANT_REVERSE_W,
    CONSTANT_REVERSE_H,
    CONSTANT_NUMBERS, /* of bytes, from 0, from 0x70 */
    CONSTANT_NUMBERS_70,
    CONSTANT_NUMBERS_FROM_16, /* of the book's bytes */
    CONSTANT_UNSHIFT_ROWS,    /* of AES: the inverse of its ShiftRows */
    CONSTANT_NIBBLE_COUNTS,
    CONSTANT_POWERS_UP,
    CONSTANT_POWERS_DOWN,
} VectorConstant;

/* REG becomes a constant, by way of a temporary, or of TEMP. */
void vector_load_constant(Lowering *low, Xmm reg, VectorConstant which);
void vector_load_constant_by(Lowering *low, Xmm reg, VectorConstant which, HostReg temp);
extern const uint8_t vector_constants[][16];
/* Where it is, for a recipe that has r->constants. */
static inline Mem vector_constant(const Recipe *r, VectorConstant which)
{
    return mem_at(r->constants, 16 * (int32_t)which);
}
/* WORD in all four words of REG. */
void vector_load_words(Lowering *low, Xmm reg, uint32_t word);

/* CR6: 8 if the result is all ones, 2 if it is zero, else 0; uses xmm3 and the temporaries. */
void vector_record_by(Recipe *r, HostReg temp, HostReg zero);
/* REG = ~REG; uses xmm3. */
void vector_complement(Recipe *r, Xmm reg);

/* TO = a > b, unsigned doublewords; uses xmm1-xmm3. */
void vector_above_d(Recipe *r, Xmm to);
/* t = X + Y, signed words that saturate, which SAT notes; X and Y are none of xmm0, xmm2, xmm3. */
void vector_add_signed_words(Recipe *r, Xmm x, Xmm y);
/* SAT becomes 1 if the host's condition is "not equal". */
void vector_note_saturation(Recipe *r, HostReg temp);
/* SAT becomes 1 unless X equals Y; uses xmm3. */
void vector_saturated_unless_equal(Recipe *r, Xmm x, Xmm y);

/* --- memory ----------------------------------------------------------------------------------- */

void lower_vsr_load(Lowering *low, const IrNode *node);
void lower_vsr_store(Lowering *low, const IrNode *node);

typedef struct {
    uint8_t recipe; /* or VectorAccess */
    VecOp op;
} VectorRow;
extern const VectorRow vector_rows[ISA_ROW_COUNT];

#endif
