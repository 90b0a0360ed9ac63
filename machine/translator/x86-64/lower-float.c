/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of scalar floating point to SSE and FMA, exactly.
 *
 * The host computes under round to nearest with all exceptions masked. Its result is the guest's if
 * it is an ordinary number of the target format, well away from underflow and overflow (or a zero
 * that cannot come from underflow), and FPSCR rounds to nearest and enables nothing. Everything
 * else goes to the interpreter's function: NaNs, infinities, tiny and huge results.
 *
 * Single results are rounded twice, to double and then to single. That is the same as rounding once
 * unless the first result lies in the middle between two singles; such go to the function as well.
 *
 * What the operation does to FPSCR is left pending (float-pending.h).
 */
#include "machine/cpu/float.h"
#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

enum { SINGLE = 1, NEGATED = 2, ZERO = 4, DIRECT = 8 };
enum { NO, T, A, B, C };

typedef enum {
    RECIPE_NONE,
    RECIPE_ONE,
    RECIPE_TWO,
    RECIPE_THREE,
    RECIPE_COPY,
    RECIPE_FROM_INTEGER,
    RECIPE_INTEGRAL,
    RECIPE_COMPARE,
    RECIPE_TO_DOUBLEWORD,
    RECIPE_TO_WORD,
    RECIPE_MOVE_COPY,
    RECIPE_MOVE_NEGATE,
    RECIPE_MOVE_MAGNITUDE,
    RECIPE_MOVE_NEGATIVE,
    RECIPE_MOVE_SIGN,
    RECIPE_CHOOSE,
    RECIPE_LANES_TWO,
    RECIPE_LANES_THREE,
} FloatRecipe;

static const struct {
    uint8_t recipe;
    uint8_t operand[3];
    uint8_t flags;
    VecOp op;
} rows[ISA_ROW_COUNT] = {
#define FLOAT(row, recipe, operation, first, second, third, flags)                                 \
    [ISA_##row] = { RECIPE_##recipe, { first, second, third }, flags, operation },
#include "machine/translator/x86-64/float.def"
#undef FLOAT
};

typedef struct {
    Lowering *low;
    Assembler *as;
    const Insn *insn;
    unsigned row;
    unsigned flags;
    VecOp op;
    Xmm x[3]; /* the operands */
    HostReg temp, other;
    Stub *stub;
} FloatCode;

static unsigned register_of(const Insn *insn, unsigned operand)
{
    switch (operand) {
    case T: return insn->t;
    case A: return insn->a;
    case B: return insn->b;
    default: return insn->c;
    }
}

static void read_operands(FloatCode *f)
{
    for (unsigned i = 0; i < 3; i++)
        if (rows[f->row].operand[i] != NO)
            f->x[i] = xmm_read_low(f->low, register_of(f->insn, rows[f->row].operand[i]));
}

/* To the function unless FPSCR rounds to nearest and enables nothing. */
static void check_control(FloatCode *f)
{
    asm_test_mem8_imm(f->as, CPU_MEM(s.fpscr), 0xf8 | FPSCR_RN);
    f->stub->site = asm_jcc(f->as, CC_NE);
}

/*
 * To the function unless T has an exponent well within the target format, or is a zero that is
 * allowed. Exponents are those of double: the least and greatest normal ones are left out.
 */
static void check_result(FloatCode *f, Xmm t)
{
    Assembler *as = f->as;
    bool single = f->flags & SINGLE;
    uint8_t *zero = NULL;
    unsigned least = single ? 898 : 2, greatest = single ? 1149 : 2045;
    asm_vec1(as, VMOVQ_FROM_XMM, t, f->temp);
    if (single && !(f->flags & DIRECT)) {
        asm_mov32(as, f->other, f->temp);
        asm_alu_imm(as, ALU_AND, false, f->other, 0x1fffffff);
        asm_alu_imm(as, ALU_CMP, false, f->other, 0x10000000);
        f->stub->more[0] = asm_jcc(as, CC_E);
    }
    asm_alu(as, ALU_ADD, true, f->temp, f->temp);
    if (f->flags & ZERO)
        zero = asm_jcc(as, CC_E);
    asm_shift_imm(as, 5, true, f->temp, 53);
    asm_alu_imm(as, ALU_SUB, false, f->temp, (int32_t)least);
    asm_alu_imm(as, ALU_CMP, false, f->temp, (int32_t)(greatest - least));
    f->stub->more[1] = asm_jcc(as, CC_A);
    if (zero)
        asm_land(as, zero);
}

static Mem pending_operand(unsigned operand)
{
    Mem mem = CPU_MEM(pending.operand);
    mem.displacement += 8 * ((int32_t)operand - T);
    return mem;
}

static void store_insn(FloatCode *f, Mem mem)
{
    const Insn *insn = &f->low->block->insn[f->insn - f->low->ir->insn];
    asm_mov_imm(f->as, f->temp, (uint64_t)(uintptr_t)insn);
    asm_store(f->as, mem, f->temp);
}

G_STATIC_ASSERT(offsetof(Cpu, pending.fpcc) == offsetof(Cpu, pending.convert) + 8);

/* Leaves FPSCR's part pending: this operation decides all of FPRF, FR and FI. */
static void note(FloatCode *f)
{
    store_insn(f, CPU_MEM(pending.insn));
    asm_vec(f->as, VPXOR, 0, 0, 0);
    asm_vec1_mem(f->as, VMOVDQU_STORE, 0, CPU_MEM(pending.convert));
    for (unsigned i = 0; i < 3; i++)
        if (rows[f->row].operand[i] != NO)
            asm_vec1_mem(f->as, VMOVSD_STORE, f->x[i], pending_operand(rows[f->row].operand[i]));
}

/* The sign bit, in both halves of REG. */
static void load_sign(Assembler *as, Xmm reg)
{
    asm_vec(as, VPCMPEQD, reg, reg, reg);
    asm_vpsllq(as, reg, reg, 63);
}

static void copy(Assembler *as, Xmm to, Xmm from)
{
    asm_vec1(as, VEC_0F(0x28), to, from); /* movapd */
}

static void compute(FloatCode *f, Xmm t)
{
    Assembler *as = f->as;
    switch (rows[f->row].recipe) {
    case RECIPE_ONE: asm_vec(as, f->op, t, f->x[0], f->x[0]); break;
    case RECIPE_TWO: asm_vec(as, f->op, t, f->x[0], f->x[1]); break;
    case RECIPE_THREE:
        copy(as, t, f->x[2]);
        asm_vec(as, f->op, t, f->x[0], f->x[1]);
        break;
    case RECIPE_COPY: copy(as, t, f->x[0]); break;
    case RECIPE_INTEGRAL: asm_vec_imm(as, VEC_3A(0x0b), t, f->x[0], f->x[0], 8 | f->op); break;
    default:
        asm_vec1(as, VMOVQ_FROM_XMM, f->x[0], f->temp);
        asm_vec(as, VPXOR, t, t, t);
        asm_vec(as, f->op, t, t, f->temp); /* cvtsi2sd, cvtsi2ss */
        break;
    }
}

static void lower_arithmetic(FloatCode *f)
{
    Assembler *as = f->as;
    bool from_integer = rows[f->row].recipe == RECIPE_FROM_INTEGER;
    Xmm t = xmm_temp(f->low);
    check_control(f);
    compute(f, t);
    if (!from_integer)
        check_result(f, t);
    if (f->flags & SINGLE) {
        if (!from_integer)
            asm_vec(as, VEC_SD(0x5a), t, t, t); /* cvtsd2ss */
        asm_vec(as, VEC_SS(0x5a), t, t, t);     /* cvtss2sd */
    }
    if (f->flags & NEGATED) {
        load_sign(as, 0);
        asm_vec(as, VPXOR, t, t, 0);
    }
    note(f);
    xmm_write_low(f->low, f->insn->t, t, true);
}

/* The CR field: 2 for equal, 4 for greater, 8 for less; unordered ones go to the function. */
static void lower_compare(FloatCode *f)
{
    Assembler *as = f->as;
    asm_mov_imm(as, f->temp, 0);
    asm_mov_imm(as, f->other, 0);
    asm_vec1(as, VEC_0F(0x2e), f->x[0], f->x[1]); /* ucomisd */
    f->stub->site = asm_jcc(as, CC_P);
    asm_setcc(as, CC_A, f->temp);
    asm_setcc(as, CC_B, f->other);
    asm_lea(as, false, f->other, mem_indexed(f->other, f->other, 1, 0));
    asm_alu(as, ALU_ADD, false, f->temp, f->other);
    asm_lea(as, false, f->temp, mem_indexed(f->temp, f->temp, 0, 2));
    asm_store8(as, cr_mem(f->insn->t), f->temp);
    asm_store_imm8(as, cr_less_mem(f->insn->t), CR_IS_IN_STATE);
    asm_alu_imm(as, ALU_OR, false, f->temp, 0x10);
    asm_store(as, CPU_MEM(pending.fpcc), f->temp);
}

/* The host's answer to what has none is the least integer: left to the function. */
static void lower_to_integer(FloatCode *f)
{
    Assembler *as = f->as;
    bool wide = rows[f->row].recipe == RECIPE_TO_DOUBLEWORD;
    Xmm t = xmm_temp(f->low);
    check_control(f);
    asm_vec1(as, f->op, f->temp, f->x[0]);
    asm_alu_imm(as, ALU_CMP, wide, f->temp, 1); /* overflows for the least integer */
    f->stub->more[0] = asm_jcc(as, CC_O);
    if (!wide)
        asm_rr(as, 0x63, true, f->temp, f->temp);
    asm_vec1(as, VMOVQ_TO_XMM, t, f->temp);
    store_insn(f, CPU_MEM(pending.convert));
    asm_vec1_mem(as, VMOVSD_STORE, f->x[0], CPU_MEM(pending.converted));
    xmm_write_low(f->low, f->insn->t, t, true);
}

static void lower_move(FloatCode *f)
{
    Assembler *as = f->as;
    Xmm t = xmm_temp(f->low);
    load_sign(as, 0);
    switch (rows[f->row].recipe) {
    case RECIPE_MOVE_NEGATE: asm_vec(as, VPXOR, t, f->x[0], 0); break;
    case RECIPE_MOVE_MAGNITUDE: asm_vec(as, VPANDN, t, 0, f->x[0]); break;
    case RECIPE_MOVE_NEGATIVE: asm_vec(as, VPOR, t, f->x[0], 0); break;
    case RECIPE_MOVE_SIGN:
        asm_vec(as, VPANDN, t, 0, f->x[0]);
        asm_vec(as, VPAND, 0, 0, f->x[1]);
        asm_vec(as, VPOR, t, t, 0);
        break;
    default: copy(as, t, f->x[0]); break;
    }
    xmm_write_low(f->low, f->insn->t, t, false);
}

/* c if a >= 0, else b. */
static void lower_choose(FloatCode *f)
{
    Assembler *as = f->as;
    Xmm t = xmm_temp(f->low);
    asm_vec(as, VPXOR, 0, 0, 0);
    asm_vec_imm(as, VEC_SD(0xc2), 0, f->x[0], 0, 13);           /* cmpgesd */
    asm_vec_imm(as, VEC_3A(0x4b), t, f->x[1], f->x[2], 0 << 4); /* blendvpd */
    xmm_write_low(f->low, f->insn->t, t, false);
}

/*
 * To the function unless all lanes of T and of the operands are zeros or have exponents well within
 * single: what else there is depends on VSCR.NJ, or is infinite or a NaN.
 */
static void check_lanes(FloatCode *f, Xmm t)
{
    Assembler *as = f->as;
    Xmm u = xmm_temp(f->low);
    asm_vec(as, VPCMPEQD, 1, 1, 1);
    asm_vpsrld(as, 0, 1, 1);
    /* Magnitudes less 1, zeros becoming the greatest; in xmm2 the least of them. */
    asm_vec(as, VPAND, u, t, 0);
    asm_vec(as, VEC_0F(0xfe), u, u, 1);
    copy(as, 2, u);
    for (unsigned i = 0; i < 3; i++) {
        if (rows[f->row].operand[i] == NO)
            continue;
        asm_vec(as, VPAND, 3, f->x[i], 0);
        asm_vec(as, VEC_0F(0xfe), 3, 3, 1);
        asm_vec(as, VEC_38(0x3b), 2, 2, 3); /* pminud */
    }
    asm_vpsrld(as, 3, 1, 8);
    asm_vec(as, VEC_0F(0xfe), u, u, 3); /* negative: too great */
    asm_vec(as, VEC_38(0x3f), 3, 2, 3); /* pmaxud */
    asm_vec(as, VPCMPEQD, 3, 3, 2);
    asm_vec(as, VPANDN, 3, u, 3);
    asm_vec1(as, VEC_PS(0x50), f->temp, 3); /* movmskps */
    asm_alu_imm(as, ALU_CMP, false, f->temp, 15);
    f->stub->more[0] = asm_jcc(as, CC_NE);
}

/*
 * The host notes that a result was inexact, which is not the guest's concern here: harmless only
 * while FPSCR.XX is set, and to be cleared before it may be cleared (fpcc 32: something to settle).
 */
static void lower_lanes(FloatCode *f)
{
    Assembler *as = f->as;
    for (unsigned i = 0; i < 3; i++)
        if (rows[f->row].operand[i] != NO)
            f->x[i] = xmm_read(f->low, register_of(f->insn, rows[f->row].operand[i]));
    Xmm t = xmm_temp(f->low);
    Mem high = CPU_MEM(s.fpscr);
    high.displacement += 3;
    asm_test_mem8_imm(as, high, FPSCR_XX >> 24);
    f->stub->site = asm_jcc(as, CC_E);
    asm_alu_mem_imm(as, ALU_OR, true, CPU_MEM(pending.fpcc), 32);
    if (rows[f->row].recipe == RECIPE_LANES_THREE)
        copy(as, t, f->x[2]);
    asm_vec(as, f->op, t, f->x[0], f->x[1]);
    check_lanes(f, t);
    if (f->flags & NEGATED) {
        asm_vec(as, VPCMPEQD, 0, 0, 0);
        asm_vpslld(as, 0, 0, 31);
        asm_vec(as, VPXOR, t, t, 0);
    }
    xmm_write(f->low, f->insn->t, t);
}

void lower_float(Lowering *low, const IrNode *node)
{
    const Insn *insn = &low->ir->insn[node->insn];
    unsigned row = (unsigned)node->imm;
    FloatCode f = { .low = low,
                    .as = &low->as,
                    .insn = insn,
                    .row = row,
                    .flags = rows[row].flags,
                    .op = rows[row].op };
    FloatRecipe recipe = rows[row].recipe;
    if (recipe < RECIPE_LANES_TWO)
        read_operands(&f);
    if (recipe >= RECIPE_MOVE_COPY && recipe <= RECIPE_CHOOSE) {
        recipe == RECIPE_CHOOSE ? lower_choose(&f) : lower_move(&f);
        return;
    }
    f.temp = allocator_temp(&low->allocator);
    f.other = allocator_temp(&low->allocator);
    f.stub = lower_call_stub(low, node);
    if (recipe >= RECIPE_LANES_TWO)
        lower_lanes(&f);
    else if (recipe == RECIPE_COMPARE)
        lower_compare(&f);
    else if (recipe == RECIPE_TO_DOUBLEWORD || recipe == RECIPE_TO_WORD)
        lower_to_integer(&f);
    else
        lower_arithmetic(&f);
    lower_call_resume(low, f.stub);
}
