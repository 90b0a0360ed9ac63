/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lowering of scalar floating point to SSE and FMA, exactly.
 *
 * The host computes under round to nearest with all exceptions masked. Its result is the guest's if
 * it is an ordinary number of the target format, well away from underflow and overflow, or a zero
 * that does not come from underflow, and FPSCR rounds to nearest and enables nothing. For
 * everything else (NaNs, infinities, tiny and huge results) the interpreter does the rest of the
 * block.
 *
 * Single results are rounded twice, to double and then to single. That is the same as rounding once
 * unless the first result lies in the middle between two singles; such go to the interpreter, too.
 *
 * What the operation does to FPSCR is left pending (lower-float.h, float-pending.h).
 */
#include "machine/cpu/float.h"
#include "machine/translator/float-pending.h"
#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

/* Flags of float.def. */
enum { SINGLE = 1, NEGATED = 2, DIRECT = 4, TWICE = 8 };
/* Operands; from T on as in cpu->pending.operand. */
enum { NO, T, A, B, C };

typedef enum {
    RECIPE_NONE,
    RECIPE_ONE,
    RECIPE_TWO,
    RECIPE_THREE,
    RECIPE_COPY,
    RECIPE_FROM_INTEGER,
    RECIPE_FROM_UNSIGNED,
    RECIPE_RECIPROCAL,
    RECIPE_RECIPROCAL_ROOT,
    RECIPE_INTEGRAL,
    RECIPE_COMPARE,
    RECIPE_TO_DOUBLEWORD,
    RECIPE_TO_WORD,
    RECIPE_SINGLE_BITS,
    RECIPE_EXTREME,
    RECIPE_MOVE_COPY,
    RECIPE_MOVE_NEGATE,
    RECIPE_MOVE_MAGNITUDE,
    RECIPE_MOVE_NEGATIVE,
    RECIPE_MOVE_SIGN,
    RECIPE_CHOOSE,
} FloatRecipe;

typedef struct {
    uint8_t recipe;
    uint8_t operand[3];
    uint8_t flags;
    VecOp op;
} FloatRow;

static const FloatRow rows[ISA_ROW_COUNT] = {
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

static void test_control(Assembler *as)
{
    asm_test_mem8_imm(as, CPU_MEM(s.fpscr), 0xf8 | FPSCR_RN);
}

/* To the interpreter unless FPSCR rounds to nearest and enables nothing. */
static void check_control(FloatCode *f)
{
    if (f->low->fp.is_plain)
        return;
    test_control(f->as);
    f->stub->control = asm_jcc(f->as, CC_NE);
    f->low->fp.is_plain = true;
}

/* --- what is pending -------------------------------------------------------------------------- */

static Mem pending_operand(unsigned field)
{
    Mem mem = CPU_MEM(pending.operand);
    mem.displacement += 8 * (int32_t)field;
    return mem;
}

/* Without a register. */
static void store_pointer(Assembler *as, Mem mem, const void *pointer)
{
    asm_store_imm32(as, false, mem, (int32_t)(uint32_t)(uintptr_t)pointer);
    mem.displacement += 4;
    asm_store_imm32(as, false, mem, (int32_t)(uint32_t)((uintptr_t)pointer >> 32));
}

/* Such an operation decides all of FPRF, FR and FI: what conversions and comparisons left is void.
 */
static void store_note(Lowering *low, const FloatNote *note)
{
    Assembler *as = &low->as;
    if (!note->is_lazy)
        return;
    store_pointer(as, CPU_MEM(pending.insn), &low->block->insn[note->insn]);
    asm_store_imm32(as, true, CPU_MEM(pending.convert), 0);
    if (!note->has_fpcc)
        asm_store_imm32(as, true, CPU_MEM(pending.fpcc), 0);
    for (unsigned i = 0; i < 4; i++)
        if (note->xmm[i])
            asm_vec1_mem(as, VMOVSD_STORE, note->xmm[i], pending_operand(i));
}

void lower_float_commit(Lowering *low)
{
    bool is_compared = low->compared_at == low->as.at, has_flags = low->fp.flags_at == low->as.at;
    store_note(low, &low->fp.note);
    if (is_compared)
        low->compared_at = low->as.at;
    if (has_flags)
        low->fp.flags_at = low->as.at;
    low->fp.note.is_lazy = false;
    low->xmm.kept = 0;
}

void lower_float_forget(Lowering *low)
{
    low->fp = (FloatState){ 0 };
}

/* This operation is the last one now. */
static void note(FloatCode *f)
{
    FloatNote *note = &f->low->fp.note;
    *note = (FloatNote){ .is_lazy = true, .insn = (uint8_t)(f->insn - f->low->ir->insn) };
    f->low->xmm.kept = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned operand = rows[f->row].operand[i];
        if (operand == NO)
            continue;
        note->xmm[operand - T] = f->x[i];
        f->low->xmm.kept |= (uint16_t)(1u << (f->x[i] - XMM_FIRST));
    }
}

/* A CALL settles what is pending, so what is only known to be there would be lost: RAX is free. */
static void copy_fpcc(Lowering *low, const Stub *stub, Mem to, Mem from)
{
    if (!stub->note.is_lazy || !stub->note.has_fpcc || stub->kind != STUB_CALL)
        return;
    asm_load(&low->as, RAX, from);
    asm_store(&low->as, to, RAX);
}

void lower_float_enter_stub(Lowering *low, const Stub *stub)
{
    store_note(low, &stub->note);
    copy_fpcc(low, stub, CPU_MEM(pending.kept_fpcc), CPU_MEM(pending.fpcc));
}

void lower_float_exit(Lowering *low, const FloatNote *note)
{
    store_note(low, note);
}

void lower_float_mark(Lowering *low)
{
    if (!low->fp.is_marked)
        asm_store_imm32(&low->as, false, CPU_MEM(pending.unsettled), 1);
    low->fp.is_marked = true;
}

void lower_float_leave_stub(Lowering *low, const Stub *stub)
{
    copy_fpcc(low, stub, CPU_MEM(pending.fpcc), CPU_MEM(pending.kept_fpcc));
    if (stub->is_marked)
        asm_store_imm32(&low->as, false, CPU_MEM(pending.unsettled), 1);
    for (unsigned i = 0; i < 4; i++)
        if (stub->note.is_lazy && stub->note.xmm[i])
            asm_vec1_mem(&low->as, VMOVSD_LOAD, stub->note.xmm[i], pending_operand(i));
}

/* --- arithmetic ------------------------------------------------------------------------------- */

/*
 * To the interpreter unless T has an exponent well within the target format, or is zero: see
 * lower_float_excuse(). What adds and subtracts here drops the sign and moves the range to 0.
 */
static void check_result(FloatCode *f, Xmm t)
{
    Assembler *as = f->as;
    unsigned format = f->flags & SINGLE ? 1 : 0;
    asm_vec1(as, VMOVQ_FROM_XMM, t, f->temp);
    if (format && !(f->flags & DIRECT)) {
        asm_mov32(as, f->other, f->temp);
        asm_alu_imm(as, ALU_AND, false, f->other, 0x1fffffff);
        asm_alu_imm(as, ALU_CMP, false, f->other, 0x10000000);
        f->stub->more[0] = asm_jcc(as, CC_E);
    }
    asm_alu(as, ALU_ADD, true, f->temp, f->temp);
    asm_alu_mem(as, ALU_ADD, true, f->temp, CPU_MEM(translated.float_least[format]));
    asm_alu_mem(as, ALU_CMP, true, f->temp, CPU_MEM(translated.float_span[format]));
    f->stub->excusable = asm_jcc(as, CC_A);
    f->stub->result = t;
    f->stub->value = f->temp;
    f->stub->resume = as->at;
}

/* A zero from no underflow is right. */
static void excuse_zero(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    asm_land(as, stub->excusable);
    asm_vec1(as, VMOVQ_FROM_XMM, stub->result, stub->value);
    asm_alu(as, ALU_ADD, true, stub->value, stub->value);
    uint8_t *never = asm_jcc(as, CC_NE);
    asm_rm(as, 0x0fae, false, 3, slot_mem(RAX)); /* stmxcsr */
    asm_test_mem8_imm(as, slot_mem(RAX), 0x10);
    asm_jcc_to(as, CC_E, stub->resume);
    asm_land(as, never);
}

/* XE may be set only because vectors own the host's flags: they give them back. */
static void excuse_control(Lowering *low, const Stub *stub)
{
    Assembler *as = &low->as;
    asm_land(as, stub->control);
    asm_cmp_mem8_imm(as, CPU_MEM(pending.lanes), 1);
    uint8_t *never = asm_jcc(as, CC_NE);
    asm_alu_mem_imm(as, ALU_AND, false, CPU_MEM(s.fpscr), (int32_t)~FPSCR_XE);
    asm_store_imm8(as, CPU_MEM(pending.lanes), 0);
    asm_store_imm32(as, false, slot_mem(RAX), FLOAT_MXCSR);
    asm_rm(as, 0x0fae, false, 2, slot_mem(RAX)); /* ldmxcsr */
    test_control(as);
    asm_jcc_to(as, CC_E, stub->control + 4);
    asm_land(as, never);
}

void lower_float_excuse(Lowering *low, const Stub *stub)
{
    uint8_t *never = NULL;
    if (stub->control) {
        excuse_control(low, stub);
        never = asm_jmp(&low->as);
    }
    if (stub->excusable)
        excuse_zero(low, stub);
    if (never)
        asm_land(&low->as, never);
}

static void copy(Assembler *as, Xmm to, Xmm from)
{
    asm_vec1(as, VMOVAPS, to, from);
}

/* The sign bit, in both halves of REG. */
static void load_sign(Assembler *as, Xmm reg)
{
    asm_vec(as, VPCMPEQD, reg, reg, reg);
    asm_vpsllq(as, reg, reg, 63);
}

static void load_one(FloatCode *f, Xmm reg)
{
    asm_mov_imm(f->as, f->temp, 0x3ff0000000000000);
    asm_vec1(f->as, VMOVQ_TO_XMM, reg, f->temp);
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
    case RECIPE_RECIPROCAL:
        load_one(f, 0);
        asm_vec(as, f->op, t, 0, f->x[0]);
        break;
    case RECIPE_RECIPROCAL_ROOT:
        asm_vec(as, VEC_SD(0x51), t, f->x[0], f->x[0]);
        load_one(f, 0);
        asm_vec(as, f->op, t, 0, t);
        break;
    default:
        asm_vec1(as, VMOVQ_FROM_XMM, f->x[0], f->temp);
        if (rows[f->row].recipe == RECIPE_FROM_UNSIGNED) {
            asm_test(as, true, f->temp, f->temp);
            f->stub->more[1] = asm_jcc(as, CC_S);
        }
        asm_vec(as, VPXOR, t, t, t);
        asm_vec(as, f->op, t, t, f->temp); /* cvtsi2sd, cvtsi2ss */
        break;
    }
}

static void lower_arithmetic(FloatCode *f)
{
    Assembler *as = f->as;
    FloatRecipe recipe = rows[f->row].recipe;
    bool from_integer = recipe == RECIPE_FROM_INTEGER || recipe == RECIPE_FROM_UNSIGNED;
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
    xmm_write_low(f->low, f->insn->t, t, false);
}

/* --- comparisons and conversions -------------------------------------------------------------- */

/* The CR field: 2 for equal, 4 for greater, 8 for less; unordered ones are the interpreter's. */
static void lower_compare(FloatCode *f)
{
    Assembler *as = f->as;
    asm_vec1(as, VEC_0F(0x2e), f->x[0], f->x[1]); /* ucomisd */
    f->stub->site = asm_jcc(as, CC_P);
    asm_mov_imm(as, f->temp, CR_EQ);
    asm_rm(as, 0x0f40 | CC_A, false, f->temp, CPU_MEM(translated.field_greater));
    asm_rm(as, 0x0f40 | CC_B, false, f->temp, CPU_MEM(translated.field_less));
    asm_store8(as, cr_mem(f->insn->t), f->temp);
    asm_store_imm8(as, cr_less_mem(f->insn->t), CR_IS_IN_STATE);
    asm_store(as, CPU_MEM(pending.fpcc), f->temp);
    f->low->fp.note.has_fpcc = true;
    f->low->fp.flags_at = as->at;
    f->low->fp.flags_field = f->insn->t;
}

bool lower_float_flags(const Lowering *low, unsigned field)
{
    return low->fp.flags_at == low->as.at && low->fp.flags_field == field;
}

/* The host's answer to what has none is the least integer: left to the interpreter. */
static void lower_to_integer(FloatCode *f)
{
    Assembler *as = f->as;
    bool wide = rows[f->row].recipe == RECIPE_TO_DOUBLEWORD;
    const Insn *insn = &f->low->block->insn[f->insn - f->low->ir->insn];
    Xmm t = xmm_temp(f->low);
    check_control(f);
    asm_vec1(as, f->op, f->temp, f->x[0]);
    asm_alu_imm(as, ALU_CMP, wide, f->temp, 1); /* overflows for the least integer */
    f->stub->more[0] = asm_jcc(as, CC_O);
    if (!wide)
        asm_rr(as, 0x63, true, f->temp, f->temp);
    asm_vec1(as, VMOVQ_TO_XMM, t, f->temp);
    if (f->flags & TWICE)
        asm_vec_imm(as, VPSHUFD, t, 0, t, 0x40); /* the low word in both */
    store_pointer(as, CPU_MEM(pending.convert), insn);
    asm_vec1_mem(as, VMOVSD_STORE, f->x[0], CPU_MEM(pending.converted));
    xmm_write_low(f->low, f->insn->t, t, false);
}

/* --- bits only -------------------------------------------------------------------------------- */

/* The single in the upper word; NaNs, which the host would quiet, are the interpreter's. */
static void lower_single_bits(FloatCode *f)
{
    Xmm t = xmm_temp(f->low);
    asm_vpsrlq(f->as, t, f->x[0], 32);
    asm_vec(f->as, VEC_SS(0x5a), t, t, t); /* cvtss2sd */
    asm_vec1(f->as, VEC_0F(0x2e), t, t);   /* ucomisd */
    f->stub->site = asm_jcc(f->as, CC_P);
    xmm_write_low(f->low, f->insn->t, t, false);
}

/* Of equals, two zeros perhaps, the host takes the second; here +0 exceeds -0: and, or of signs. */
static void lower_extreme(FloatCode *f)
{
    Assembler *as = f->as;
    Xmm t = xmm_temp(f->low);
    asm_vec1(as, VEC_0F(0x2e), f->x[0], f->x[1]); /* ucomisd */
    f->stub->site = asm_jcc(as, CC_P);
    asm_vec(as, f->op, t, f->x[0], f->x[1]);
    asm_vec(as, f->flags & NEGATED ? VPOR : VPAND, 0, f->x[0], f->x[1]);
    asm_vec_imm(as, VEC_SD(0xc2), 1, f->x[0], f->x[1], 0); /* cmpeqsd */
    asm_vec_imm(as, VEC_3A(0x4b), t, t, 0, 1 << 4);        /* blendvpd */
    xmm_write_low(f->low, f->insn->t, t, false);
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
    bool is_operation = recipe < RECIPE_COMPARE;
    if (recipe == RECIPE_TO_DOUBLEWORD || recipe == RECIPE_TO_WORD)
        lower_float_commit(low);
    read_operands(&f);
    if (recipe >= RECIPE_MOVE_COPY) {
        recipe == RECIPE_CHOOSE ? lower_choose(&f) : lower_move(&f);
        return;
    }
    f.temp = allocator_temp(&low->allocator);
    if (f.flags & SINGLE)
        f.other = allocator_temp(&low->allocator);
    f.stub = lower_rest_stub(low, node);
    if (is_operation)
        lower_arithmetic(&f);
    else if (recipe == RECIPE_COMPARE)
        lower_compare(&f);
    else if (recipe == RECIPE_SINGLE_BITS)
        lower_single_bits(&f);
    else if (recipe == RECIPE_EXTREME)
        lower_extreme(&f);
    else
        lower_to_integer(&f);
}
