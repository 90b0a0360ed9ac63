/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating-point instructions: the corners that the book spells out, each with the FPSCR it leaves.
 * float-model.py covers the arithmetic broadly; here are the cases that people get wrong.
 */
#include "machine/cpu/float-status.h"
#include "tests/cpu/float/stubs.h"
#include "tests/check-run.h"

#include <string.h>

#define ONE        0x3ff0000000000000ull
#define INF        0x7ff0000000000000ull
#define NEG        0x8000000000000000ull
#define QNAN       0x7ff8000000000000ull
#define SNAN_A     0x7ff4000000000001ull
#define SNAN_B     0xfff4000000000002ull
#define LARGEST    0x7fefffffffffffffull
#define MIN_NORMAL 0x0010000000000000ull
#define KEPT       0x1122334455667788ull

/* FPRF codes, in place. */
#define P_NORMAL   0x4000u
#define M_NORMAL   0x8000u
#define P_ZERO     0x2000u
#define M_ZERO     0x12000u
#define P_INF      0x5000u
#define M_INF      0x9000u
#define P_DENORMAL 0x14000u
#define NAN_CODE   0x11000u
#define INVALID    (FPSCR_FX | FPSCR_VX)
#define INEXACT    (FPSCR_FX | FPSCR_XX | FPSCR_FI)

static Cpu *new_cpu(void)
{
    static Cpu cpu;
    memset(&cpu, 0, sizeof cpu);
    cpu.ea_mask = ~0ull;
    cpu.model = &stub_model;
    return &cpu;
}

/* Operands: T is FPR 1, A 2, B 3, C 4. */
static Insn new_insn(ExecFn run, uint32_t word)
{
    return (Insn){ .execute = run, .word = word, .t = 1, .a = 2, .b = 3, .c = 4 };
}

typedef struct {
    ExecFn run;
    uint32_t fpscr;
    uint64_t a, b, c;
    uint64_t result;
    uint32_t left;
} Row;

static const Row rows[] = {
    /* exact zero sums follow the rounding mode */
    { op_fsub, 0, ONE, ONE, 0, 0, P_ZERO },
    { op_fsub, 3, ONE, ONE, 0, NEG, 3 | M_ZERO },
    { op_fadd, 3, 0, 0, 0, 0, 3 | P_ZERO },
    { op_fadd, 0, NEG, NEG, 0, NEG, M_ZERO },
    { op_fadd, 3, 0, NEG, 0, NEG, 3 | M_ZERO },
    /* rounding: 1 + 2^-53 is a tie */
    { op_fadd, 0, ONE, 0x3ca0000000000000, 0, ONE, INEXACT | P_NORMAL },
    { op_fadd, 2, ONE, 0x3ca0000000000000, 0, ONE + 1, 2 | INEXACT | FPSCR_FR | P_NORMAL },
    { op_fadd, 0, ONE + 1, 0x3ca0000000000000, 0, ONE + 2, INEXACT | FPSCR_FR | P_NORMAL },
    { op_fsub, 1, ONE, 0x3c00000000000000, 0, ONE - 1, 1 | INEXACT | P_NORMAL },
    /* invalid operations and the NaNs they give */
    { op_fsub, 0, INF, INF, 0, QNAN, INVALID | FPSCR_VXISI | NAN_CODE },
    { op_fmul, 0, INF, 0, 0, QNAN, INVALID | FPSCR_VXIMZ | NAN_CODE },
    { op_fdiv, 0, INF, INF | NEG, 0, QNAN, INVALID | FPSCR_VXIDI | NAN_CODE },
    { op_fdiv, 0, 0, NEG, 0, QNAN, INVALID | FPSCR_VXZDZ | NAN_CODE },
    { op_fsqrt, 0, 0, ONE | NEG, 0, QNAN, INVALID | FPSCR_VXSQRT | NAN_CODE },
    { op_fsqrt, 0, 0, NEG, 0, NEG, M_ZERO },
    { op_fadd, 0, SNAN_A, SNAN_B, 0, 0x7ffc000000000001, INVALID | FPSCR_VXSNAN | NAN_CODE },
    { op_fadd, 0, QNAN | 5, SNAN_B, 0, QNAN | 5, INVALID | FPSCR_VXSNAN | NAN_CODE },
    { op_fadd, 0, QNAN | NEG | 5, QNAN, 0, QNAN | NEG | 5, NAN_CODE },
    { op_fsub, 0, ONE, QNAN | 7, 0, QNAN | 7, NAN_CODE },
    /* multiply-add takes its NaN from A, then B (the addend), then C */
    { op_fmadd, 0, ONE, QNAN | 2, QNAN | 3, QNAN | 2, NAN_CODE },
    { op_fmadd, 0, ONE, ONE, QNAN | 3, QNAN | 3, NAN_CODE },
    { op_fmadd, 0, INF, QNAN | 2, 0, QNAN | 2, INVALID | FPSCR_VXIMZ | NAN_CODE },
    { op_fmadd, 0, INF, SNAN_A, 0, 0x7ffc000000000001,
      INVALID | FPSCR_VXIMZ | FPSCR_VXSNAN | NAN_CODE },
    { op_fmadd, 0, INF, INF | NEG, ONE, QNAN, INVALID | FPSCR_VXISI | NAN_CODE },
    { op_fnmadd, 0, ONE, ONE | NEG, ONE, NEG, M_ZERO },
    { op_fnmadd, 0, ONE, QNAN | 2, ONE, QNAN | 2, NAN_CODE },
    { op_fnmsub, 0, ONE, ONE, ONE, NEG, M_ZERO },
    /* negation comes after rounding: 1 + 2^-60 upwards is 1 + 2^-52, then negated */
    { op_fnmadd, 2, ONE, 0x3c30000000000000, ONE, (ONE + 1) | NEG,
      2 | INEXACT | FPSCR_FR | M_NORMAL },
    /* one rounding only: (1 + 2^-52)^2 - (1 + 2^-51) = 2^-104 */
    { op_fmsub, 0, ONE + 1, ONE + 2, ONE + 1, 0x3970000000000000, P_NORMAL },
    { op_fmadd, 0, ONE, QNAN - 0x10000000000000, NEG, 0x7fe8000000000000, P_NORMAL },
    /* division by zero, of zero, by infinity */
    { op_fdiv, 0, ONE | NEG, 0, 0, INF | NEG, FPSCR_FX | FPSCR_ZX | M_INF },
    { op_fdiv, 0, INF, 0, 0, INF, P_INF },
    { op_fdiv, 0, ONE, INF | NEG, 0, NEG, M_ZERO },
    { op_fdiv, 0, ONE, 0x4008000000000000, 0, 0x3fd5555555555555, INEXACT | P_NORMAL },
    /* overflow by rounding mode */
    { op_fadd, 0, LARGEST, LARGEST, 0, INF, INEXACT | FPSCR_OX | FPSCR_FR | P_INF },
    { op_fadd, 1, LARGEST, LARGEST, 0, LARGEST, 1 | INEXACT | FPSCR_OX | P_NORMAL },
    { op_fadd, 3, LARGEST, LARGEST, 0, LARGEST, 3 | INEXACT | FPSCR_OX | P_NORMAL },
    { op_fadd, 3, LARGEST | NEG, LARGEST | NEG, 0, INF | NEG,
      3 | INEXACT | FPSCR_OX | FPSCR_FR | M_INF },
    /* underflow: exact denormals raise nothing, tininess comes before rounding */
    { op_fsub, 0, MIN_NORMAL, 1, 0, MIN_NORMAL - 1, P_DENORMAL },
    { op_fmul, 0, MIN_NORMAL + 1, 0, ONE - 2, MIN_NORMAL,
      INEXACT | FPSCR_UX | FPSCR_FR | P_NORMAL },
    { op_fmul, 0, 1, 0, 0x3fe0000000000000, 0, INEXACT | FPSCR_UX | P_ZERO },
    { op_fmul, 2, 1, 0, 0x3fe0000000000000, 1, 2 | INEXACT | FPSCR_UX | FPSCR_FR | P_DENORMAL },
    /* single: one rounding from exact; 1 + 2^-24 + 2^-60 is above the tie */
    { op_fadds, 0, ONE, 0x3e70000000000000, 0, ONE, INEXACT | P_NORMAL },
    { op_fadds, 0, 0x3ff0000010000000, 0x3c30000000000000, 0, 0x3ff0000020000000,
      INEXACT | FPSCR_FR | P_NORMAL },
    { op_fmuls, 0, 0x47e0000000000000, 0, 0x4000000000000000, INF,
      INEXACT | FPSCR_OX | FPSCR_FR | P_INF },
    { op_fmuls, 0, 0x3810000000000000, 0, 0x3fe0000000000000, 0x3800000000000000, P_DENORMAL },
    { op_frsp, 0, 0, 0x36a0000000000000, 0, 0x36a0000000000000, P_DENORMAL },
    { op_frsp, 0, 0, 0x7ff8000012345678, 0, QNAN, NAN_CODE },
    { op_frsp, 0, 0, 0x7ff0000012345678, 0, QNAN, INVALID | FPSCR_VXSNAN | NAN_CODE },
    /* to integers */
    { op_fctiwz, 0, 0, QNAN, 0, 0x80000000, INVALID | FPSCR_VXCVI | NAN_CODE },
    { op_fctiwz, 0, 0, 0x41e0000000000000, 0, 0x7fffffff, INVALID | FPSCR_VXCVI | NAN_CODE },
    { op_fctiwz, 0, 0, 0xc1e0000000000000, 0, 0xffffffff80000000, 0 },
    { op_fctiwz, 0, 0, 0xc1e00000001fffff, 0, 0xffffffff80000000, INEXACT },
    { op_fctiwz, 0, 0, 0xc1e0000000200000, 0, 0xffffffff80000000,
      INVALID | FPSCR_VXCVI | NAN_CODE },
    { op_fctid, 0, 0, 0x4004000000000000, 0, 2, INEXACT },
    { op_fctid, 0, 0, 0x400c000000000000, 0, 4, INEXACT | FPSCR_FR },
    { op_fctidz, 0, 0, SNAN_A, 0, NEG, INVALID | FPSCR_VXCVI | FPSCR_VXSNAN | NAN_CODE },
    { op_fctiduz, 0, 0, 0xbfe0000000000000, 0, 0, INEXACT },
    { op_fctiduz, 0, 0, ONE | NEG, 0, 0, INVALID | FPSCR_VXCVI | NAN_CODE },
    { op_fctiduz, 0, 0, 0x43f0000000000000, 0, ~0ull, INVALID | FPSCR_VXCVI | NAN_CODE },
    /* from integers */
    { op_fcfid, 0, 0, ~0ull, 0, ONE | NEG, M_NORMAL },
    { op_fcfidu, 0, 0, ~0ull, 0, 0x43f0000000000000, INEXACT | FPSCR_FR | P_NORMAL },
    { op_fcfids, 0, 0, 0x1000001, 0, 0x4170000000000000, INEXACT | P_NORMAL },
    /* to integral: ties away, and nothing is inexact */
    { op_frin, 0, 0, 0x4004000000000000, 0, 0x4008000000000000, P_NORMAL },
    { op_frin, 0, 0, 0x3fdfffffffffffff, 0, 0, P_ZERO },
    { op_frim, 0, 0, 0xbfe0000000000000, 0, ONE | NEG, M_NORMAL },
    { op_frip, 0, 0, 0xbfe0000000000000, 0, NEG, M_ZERO },
    { op_friz, 0, 0, SNAN_B, 0, 0xfffc000000000002, INVALID | FPSCR_VXSNAN | NAN_CODE },
    /* estimates */
    { op_fre, 0, 0, NEG, 0, INF | NEG, FPSCR_FX | FPSCR_ZX | M_INF },
    { op_fre, 0, 0, 0x4000000000000000, 0, 0x3fe0000000000000, P_NORMAL },
    { op_frsqrte, 0, 0, 0x4010000000000000, 0, 0x3fe0000000000000, P_NORMAL },
    { op_frsqrte, 0, 0, ONE | NEG, 0, QNAN, INVALID | FPSCR_VXSQRT | NAN_CODE },
    { op_frsqrte, 0, 0, NEG, 0, INF | NEG, FPSCR_FX | FPSCR_ZX | M_INF },
    { op_frsqrte, 0, 0, INF, 0, 0, P_ZERO },
    /* enabled invalid operation and zero divide: target and FPRF stay, FR and FI are cleared */
    { op_fsub, FPSCR_VE | FPSCR_FI | FPSCR_FR | P_INF, INF, INF, 0, KEPT,
      FPSCR_VE | FPSCR_FEX | INVALID | FPSCR_VXISI | P_INF },
    { op_fdiv, FPSCR_ZE | FPSCR_FI | P_INF, ONE, 0, 0, KEPT,
      FPSCR_ZE | FPSCR_FEX | FPSCR_FX | FPSCR_ZX | P_INF },
    { op_fctid, FPSCR_VE, 0, QNAN, 0, KEPT, FPSCR_VE | FPSCR_FEX | INVALID | FPSCR_VXCVI },
    /* enabled overflow and underflow: the exponent is moved by 1536, or 192 for single */
    { op_fadd, FPSCR_OE, LARGEST, LARGEST, 0, 0x1fffffffffffffff,
      FPSCR_OE | FPSCR_FEX | FPSCR_FX | FPSCR_OX | P_NORMAL },
    { op_fmuls, FPSCR_OE, 0x47e0000000000000, 0, 0x4000000000000000, 0x3bf0000000000000,
      FPSCR_OE | FPSCR_FEX | FPSCR_FX | FPSCR_OX | P_NORMAL },
    { op_fmul, FPSCR_UE, MIN_NORMAL, 0, 0x3fe0000000000000, 0x6000000000000000,
      FPSCR_UE | FPSCR_FEX | FPSCR_FX | FPSCR_UX | P_NORMAL },
    { op_fadds, FPSCR_UE, 0x36a0000000000000, 0, 0, 0x42a0000000000000,
      FPSCR_UE | FPSCR_FEX | FPSCR_FX | FPSCR_UX | P_NORMAL },
    /* enabled inexact delivers its result */
    { op_fadd, FPSCR_XE, ONE, 0x3ca0000000000000, 0, ONE,
      FPSCR_XE | FPSCR_FEX | INEXACT | P_NORMAL },
    /* FX is set by a 0 to 1 step only */
    { op_fadd, FPSCR_XX, ONE, 0x3ca0000000000000, 0, ONE, FPSCR_XX | FPSCR_FI | P_NORMAL },
    /* not arithmetic: nothing changes but the target */
    { op_fsel, P_INF, NEG, 1, 2, 2, P_INF },
    { op_fsel, P_INF, QNAN, 1, 2, 1, P_INF },
    { op_fsel, P_INF, 0x8000000000000001, 1, 2, 1, P_INF },
    { op_fmr, P_INF, 0, SNAN_A, 0, SNAN_A, P_INF },
    { op_fneg, P_INF, 0, SNAN_A, 0, SNAN_A | NEG, P_INF },
    { op_fabs, P_INF, 0, SNAN_B, 0, SNAN_B & ~NEG, P_INF },
    { op_fnabs, P_INF, 0, 1, 0, 1 | NEG, P_INF },
    { op_fcpsgn, P_INF, NEG, ONE, 0, ONE | NEG, P_INF },
    { op_fmrgew, 0, 0x1111111122222222, 0x3333333344444444, 0, 0x1111111133333333, 0 },
    { op_fmrgow, 0, 0x1111111122222222, 0x3333333344444444, 0, 0x2222222244444444, 0 },
    /* maxima and minima */
    { op_xsmaxdp, P_INF, NEG, 0, 0, 0, P_INF },
    { op_xsmindp, P_INF, 0, NEG, 0, NEG, P_INF },
    { op_xsmaxdp, 0, QNAN, ONE, 0, ONE, 0 },
    { op_xsmaxdp, 0, QNAN | 1, QNAN | 2, 0, QNAN | 1, 0 },
    { op_xsmaxdp, 0, ONE, SNAN_A, 0, 0x7ffc000000000001, INVALID | FPSCR_VXSNAN },
    { op_xsmaxcdp, 0, QNAN, ONE, 0, ONE, 0 },
    { op_xsmaxcdp, 0, ONE, QNAN, 0, QNAN, 0 },
    { op_xsmaxcdp, 0, 0, NEG, 0, NEG, 0 },
    { op_xsmaxjdp, 0, QNAN | 1, ONE, 0, QNAN | 1, 0 },
    { op_xsmaxjdp, 0, NEG, 0, 0, 0, 0 },
    { op_xsminjdp, 0, 0, NEG, 0, NEG, 0 },
    /* conversions without signals move bits */
    { op_xscvdpspn, 0, 0, SNAN_A, 0, 0x7fa000007fa00000, 0 },
    { op_xscvspdpn, 0, 0, 0x7f80000100000000, 0, 0x7ff0000020000000, 0 },
    { op_xscvdpsp, 0, 0, 0x3fd5555555555555, 0, 0x3eaaaaab3eaaaaab, INEXACT | FPSCR_FR | P_NORMAL },
    { op_xscvdphp, 0, 0, 0x40effc0000000000, 0, 0x7bff, P_NORMAL },
    { op_xscvdphp, 0, 0, 0x40effe0000000000, 0, 0x7c00, INEXACT | FPSCR_OX | FPSCR_FR | P_INF },
    { op_xsrdpic, 0, 0, 0x4004000000000000, 0, 0x4000000000000000, INEXACT | P_NORMAL },
};

START_TEST(corner)
{
    const Row *row = &rows[_i];
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(row->run, 0);
    cpu->s.fpscr = row->fpscr;
    cpu->s.vsr[1].q = UINT128(KEPT, 99);
    cpu->s.vsr[2].q = UINT128(row->a, 77);
    cpu->s.vsr[3].q = UINT128(row->b, 77);
    cpu->s.vsr[4].q = UINT128(row->c, 77);
    ck_assert_int_eq(row->run(cpu, &insn), EXEC_NEXT);
    ck_assert_msg(cpu_fpr(cpu, 1) == row->result, "row %d: result %016llx, wanted %016llx", _i,
                  (unsigned long long)cpu_fpr(cpu, 1), (unsigned long long)row->result);
    ck_assert_msg(cpu->s.fpscr == row->left, "row %d: FPSCR %08llx, wanted %08x", _i,
                  (unsigned long long)cpu->s.fpscr, row->left);
    ck_assert_uint_eq(VSR_D(cpu->s.vsr[1], 1), row->result == KEPT ? 99 : 0);
}
END_TEST

START_TEST(interrupt_when_enabled)
{
    static const uint64_t modes[] = { 0, MSR_FE0, MSR_FE1, MSR_FE0 | MSR_FE1 };
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_fadd_rc, 0);
    cpu->s.msr = modes[_i];
    cpu->s.fpscr = FPSCR_XE;
    cpu_set_fpr(cpu, 2, ONE);
    cpu_set_fpr(cpu, 3, 1);
    ck_assert_int_eq(op_fadd_rc(cpu, &insn), _i ? EXEC_EXCEPTION : EXEC_NEXT);
    ck_assert_uint_eq(cpu->exception.srr1, _i ? PROGRAM_FP_ENABLED : 0);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), ONE);
    ck_assert_uint_eq(cpu->s.crf[1], 12); /* FX, FEX */
}
END_TEST

START_TEST(compare)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_fcmpu, 0);
    insn.t = 5;
    cpu->s.fpscr = FPSCR_FR | FPSCR_FI | 0x10000;
    cpu_set_fpr(cpu, 2, NEG);
    op_fcmpu(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[5], CR_EQ);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_FR | FPSCR_FI | 0x12000);
    cpu_set_fpr(cpu, 3, QNAN);
    op_fcmpu(cpu, &insn);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_FR | FPSCR_FI | 0x11000);
    op_fcmpo(cpu, &insn);
    ck_assert_uint_eq(cpu->s.fpscr, INVALID | FPSCR_VXVC | FPSCR_FR | FPSCR_FI | 0x11000);
    cpu->s.fpscr = FPSCR_VE;
    cpu_set_fpr(cpu, 3, SNAN_A);
    op_fcmpo(cpu, &insn);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_VE | FPSCR_FEX | INVALID | FPSCR_VXSNAN | 0x1000);
    ck_assert_uint_eq(cpu->s.crf[5], CR_SO);
}
END_TEST

START_TEST(software_tests)
{
    static const struct {
        uint64_t a, b;
        uint8_t divide, root;
    } cases[] = {
        { ONE, ONE, 8, 8 },
        { ONE, 0, 14, 14 },
        { INF, ONE, 14, 8 },
        { ONE, QNAN, 10, 10 },
        { ONE, 1, 14, 14 },                 /* a denormal divisor */
        { ONE, 0x7fc0000000000000, 10, 8 }, /* exponent 1021 */
        { ONE, 0x7fb0000000000000, 8, 8 },  /* exponent 1020 */
        { 0x7fe0000000000000, ONE, 10, 8 }, /* difference 1023 */
        { 0x0350000000000000, ONE, 10, 8 }, /* exponent -970 */
        { 0x0360000000000000, ONE, 8, 8 },
        { ONE, 0x0350000000000000, 8, 10 },
        { ONE, ONE | NEG, 8, 10 },
    };
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_ftdiv, 0);
    insn.t = 6;
    cpu_set_fpr(cpu, 2, cases[_i].a);
    cpu_set_fpr(cpu, 3, cases[_i].b);
    op_ftdiv(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[6], cases[_i].divide);
    op_ftsqrt(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[6], cases[_i].root);
}
END_TEST

/* FPSCR moves, given as the instruction's word. */
static ExecStatus control(Cpu *cpu, ExecFn run, uint32_t word)
{
    Insn insn = new_insn(run, word);
    return run(cpu, &insn);
}

START_TEST(read_fpscr)
{
    const uint64_t value = 0x7ffffffffull & ~0x800ull;
    Cpu *cpu = new_cpu();
    cpu->s.fpscr = value;
    control(cpu, op_mffs_rc, 0);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), value);
    ck_assert_uint_eq(cpu->s.crf[1], 15);
    control(cpu, op_mffsl, 0);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0x70007f0ffull);
    cpu_set_fpr(cpu, 3, 0x200000001ull);
    control(cpu, op_mffscrn, 0);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0x7000000ffull);
    ck_assert_uint_eq(cpu->s.fpscr & 3, 1);
    control(cpu, op_mffscdrn, 0);
    ck_assert_uint_eq(cpu->s.fpscr >> 32, 2);
    control(cpu, op_mffscrni, 2u << 11);
    ck_assert_uint_eq(cpu->s.fpscr & 3, 2);
    control(cpu, op_mffscdrni, 5u << 11);
    ck_assert_uint_eq(cpu->s.fpscr >> 32, 5);
    control(cpu, op_mffsce, 0);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0x500000000ull | (value & 0xfffffffcu) | 2);
    ck_assert_uint_eq(cpu->s.fpscr & 0xf8, 0);
    ck_assert_uint_eq(cpu->s.fpscr & FPSCR_FEX, 0);
}
END_TEST

START_TEST(write_fpscr)
{
    Cpu *cpu = new_cpu();
    cpu_set_fpr(cpu, 3, ~0ull);
    control(cpu, op_mtfsf, 0xffu << 17); /* all low fields */
    ck_assert_uint_eq(cpu->s.fpscr, 0xfffff7ffu);
    cpu_set_fpr(cpu, 3, 0);
    control(cpu, op_mtfsf, 0x80u << 17); /* field 0: FX and OX; FEX and VX are computed */
    ck_assert_uint_eq(cpu->s.fpscr, 0x6ffff7ffu);
    control(cpu, op_mtfsf, 1u << 25); /* L: everything */
    ck_assert_uint_eq(cpu->s.fpscr, 0);
    cpu_set_fpr(cpu, 3, FPSCR_FEX | FPSCR_VX | FPSCR_XX);
    control(cpu, op_mtfsf, 0xffu << 17);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_XX); /* FX as given */
    cpu_set_fpr(cpu, 3, ~0ull);
    control(cpu, op_mtfsf, 0xffu << 17 | 1u << 16); /* W: the high word */
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_DRN | FPSCR_XX);
    control(cpu, op_mtfsfi, 7u << 23 | 1u << 16 | 2u << 12);
    ck_assert_uint_eq(cpu->s.fpscr, 2ull << 32 | FPSCR_XX);
    control(cpu, op_mtfsfi_rc, 0u << 23 | 9u << 12);
    ck_assert_uint_eq(cpu->s.fpscr, 2ull << 32 | FPSCR_FX | FPSCR_OX | FPSCR_XX);
    ck_assert_uint_eq(cpu->s.crf[1], 9);
}
END_TEST

START_TEST(single_fpscr_bits)
{
    Cpu *cpu = new_cpu();
    control(cpu, op_mtfsb1, 7u << 21); /* VXSNAN: sets FX, and VX follows */
    ck_assert_uint_eq(cpu->s.fpscr, INVALID | FPSCR_VXSNAN);
    control(cpu, op_mtfsb1, 1u << 21); /* FEX cannot be set */
    ck_assert_uint_eq(cpu->s.fpscr, INVALID | FPSCR_VXSNAN);
    cpu->s.msr = MSR_FE0;
    ck_assert_int_eq(control(cpu, op_mtfsb1, 24u << 21), EXEC_EXCEPTION);
    ck_assert_uint_eq(cpu->s.fpscr, INVALID | FPSCR_FEX | FPSCR_VXSNAN | FPSCR_VE);
    ck_assert_int_eq(control(cpu, op_mtfsb0_rc, 7u << 21), EXEC_NEXT);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_FX | FPSCR_VE);
    ck_assert_uint_eq(cpu->s.crf[1], 8);
    control(cpu, op_mtfsb0, 0);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_VE);
    control(cpu, op_mtfsb1, 20u << 21); /* the reserved bit */
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_VE);
}
END_TEST

START_TEST(move_field_to_cr)
{
    Cpu *cpu = new_cpu();
    cpu->s.fpscr =
        float_summarise(FPSCR_FX | FPSCR_OX | FPSCR_VXSNAN | FPSCR_VXISI | P_INF | FPSCR_VE);
    control(cpu, op_mcrfs, 2u << 23); /* field 0 to CR2: FX and OX are cleared, FEX and VX stay */
    ck_assert_uint_eq(cpu->s.crf[2], 15);
    ck_assert_uint_eq(cpu->s.fpscr,
                      FPSCR_FEX | FPSCR_VX | FPSCR_VXSNAN | FPSCR_VXISI | P_INF | FPSCR_VE);
    control(cpu, op_mcrfs, 3u << 23 | 1u << 18); /* field 1: UX, ZX, XX, VXSNAN */
    ck_assert_uint_eq(cpu->s.crf[3], 1);
    ck_assert_uint_eq(cpu->s.fpscr & FPSCR_VX, FPSCR_VX);
    control(cpu, op_mcrfs, 3u << 23 | 2u << 18);
    ck_assert_uint_eq(cpu->s.crf[3], 8);
    ck_assert_uint_eq(cpu->s.fpscr, P_INF | FPSCR_VE);
    control(cpu, op_mcrfs, 3u << 23 | 4u << 18); /* FPRF and the modes are no exceptions */
    ck_assert_uint_eq(cpu->s.crf[3], 5);
    ck_assert_uint_eq(cpu->s.fpscr, P_INF | FPSCR_VE);
}
END_TEST

/* Memory. The softTLB is empty, so that every access goes to the stubs. */
static Cpu *new_memory_cpu(void)
{
    Cpu *cpu = new_cpu();
    cpu->tlb = g_malloc(sizeof *cpu->tlb);
    memset(cpu->tlb, 0xff, sizeof *cpu->tlb);
    memset(stub_memory, 0, sizeof stub_memory);
    return cpu;
}

START_TEST(load_store_single)
{
    static const struct {
        uint32_t single;
        uint64_t value;
    } cases[] = {
        { 0x3f800000, ONE },
        { 0x80000000, NEG },
        { 0x00000001, 0x36a0000000000000 },
        { 0x807fffff, 0xb80fffffc0000000 },
        { 0x7f800001, 0x7ff0000020000000 }, /* a signalling NaN stays one */
        { 0xff800000, INF | NEG },
        { 0x7f7fffff, 0x47efffffe0000000 },
    };
    Cpu *cpu = new_memory_cpu();
    Insn insn = { .word = 8, .t = 1, .a = 2, .b = 3 };
    memcpy(stub_memory + 24, &cases[_i].single, 4);
    cpu->s.gpr[2] = 16;
    cpu->s.gpr[3] = 8;
    cpu->s.vsr[1].q = 5;
    ck_assert_int_eq(op_lfs(cpu, &insn), EXEC_NEXT);
    ck_assert(cpu->s.vsr[1].q == UINT128(cases[_i].value, 0));
    memset(stub_memory, 0, sizeof stub_memory);
    ck_assert_int_eq(op_stfsux(cpu, &insn), EXEC_NEXT);
    ck_assert_uint_eq(cpu->s.gpr[2], 24);
    ck_assert_mem_eq(stub_memory + 24, &cases[_i].single, 4);
    ck_assert_uint_eq(cpu->s.fpscr, 0);
    g_free(cpu->tlb);
}
END_TEST

START_TEST(store_single_out_of_range)
{
    ck_assert_uint_eq(float_double_to_single(0x3690000000000000), 0);
    ck_assert_uint_eq(float_double_to_single(0xb690000000000000), 0x80000000);
    ck_assert_uint_eq(float_double_to_single(0x36affffff0000000), 1); /* cut, not rounded */
    ck_assert_uint_eq(float_double_to_single(1), 0);
}
END_TEST

START_TEST(load_store_words)
{
    Cpu *cpu = new_memory_cpu();
    Insn insn = { .t = 1, .a = 0, .b = 3 };
    uint32_t word = 0x87654321;
    memcpy(stub_memory + 12, &word, 4);
    cpu->s.gpr[0] = 1000; /* not used: RA = 0 reads as zero */
    cpu->s.gpr[3] = 12;
    op_lfiwax(cpu, &insn);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0xffffffff87654321);
    op_lfiwzx(cpu, &insn);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0x87654321);
    cpu->s.gpr[3] = 4;
    cpu_set_fpr(cpu, 1, 0x1122334455667788);
    op_stfiwx(cpu, &insn);
    ck_assert_uint_eq(stub_memory[4], 0x88);
    ck_assert_uint_eq(stub_memory[8], 0);
    g_free(cpu->tlb);
}
END_TEST

START_TEST(pairs_follow_byte_order)
{
    Cpu *cpu = new_memory_cpu();
    Insn insn = { .word = 16, .t = 4, .a = 0 };
    cpu_set_fpr(cpu, 4, 0x0102030405060708);
    cpu_set_fpr(cpu, 5, 0x1112131415161718);
    op_stfdp(cpu, &insn);
    ck_assert_uint_eq(stub_memory[16], 0x18); /* little-endian: the odd register first */
    ck_assert_uint_eq(stub_memory[31], 0x01);
    cpu->byte_swap = 1;
    op_stfdp(cpu, &insn);
    ck_assert_uint_eq(stub_memory[16], 0x01);
    ck_assert_uint_eq(stub_memory[31], 0x18);
    insn.t = 6;
    op_lfdp(cpu, &insn);
    ck_assert_uint_eq(cpu_fpr(cpu, 6), 0x0102030405060708);
    ck_assert_uint_eq(cpu_fpr(cpu, 7), 0x1112131415161718);
    g_free(cpu->tlb);
}
END_TEST

START_TEST(fault_changes_nothing)
{
    Cpu *cpu = new_memory_cpu();
    Insn insn = { .word = 8, .t = 1, .a = 2, .b = 3 };
    cpu->s.gpr[2] = STUB_MEMORY;
    cpu_set_fpr(cpu, 1, 5);
    ck_assert_int_eq(op_lfdu(cpu, &insn), EXEC_EXCEPTION);
    ck_assert_int_eq(op_stfsu(cpu, &insn), EXEC_EXCEPTION);
    ck_assert_int_eq(op_lfdpx(cpu, &insn), EXEC_EXCEPTION);
    ck_assert_uint_eq(cpu->s.gpr[2], STUB_MEMORY);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 5);
    g_free(cpu->tlb);
}
END_TEST

START_TEST(vector_with_enabled_exception)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xvdivdp, 0);
    cpu->s.fpscr = FPSCR_ZE | FPSCR_FR | FPSCR_FI | P_INF;
    cpu->s.msr = MSR_FE1;
    cpu->s.vsr[1].q = 5;
    cpu->s.vsr[2].q = UINT128(ONE, ONE);
    cpu->s.vsr[3].q = UINT128(0x4008000000000000, 0);
    ck_assert_int_eq(op_xvdivdp(cpu, &insn), EXEC_EXCEPTION);
    ck_assert(cpu->s.vsr[1].q == 5);
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_ZE | FPSCR_FEX | FPSCR_FX | FPSCR_ZX | FPSCR_XX |
                                        FPSCR_FR | FPSCR_FI | P_INF);
    cpu->s.fpscr = 0;
    ck_assert_int_eq(op_xvdivdp(cpu, &insn), EXEC_NEXT);
    ck_assert(cpu->s.vsr[1].q == UINT128(0x3fd5555555555555, INF));
    ck_assert_uint_eq(cpu->s.fpscr, FPSCR_FX | FPSCR_ZX | FPSCR_XX);
}
END_TEST

START_TEST(vector_compare)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xvcmpgedp_rc, 0);
    cpu->s.vsr[2].q = UINT128(ONE, 0);
    cpu->s.vsr[3].q = UINT128(ONE, NEG);
    op_xvcmpgedp_rc(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == ~(Uint128)0);
    ck_assert_uint_eq(cpu->s.crf[6], 8);
    op_xvcmpgtdp_rc(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == 0);
    ck_assert_uint_eq(cpu->s.crf[6], 2);
    cpu->s.vsr[3].q = UINT128(QNAN, NEG);
    op_xvcmpeqdp_rc(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[6], 0);
    ck_assert_uint_eq(cpu->s.fpscr, 0);
    op_xvcmpgedp_rc(cpu, &insn);
    ck_assert_uint_eq(cpu->s.fpscr, INVALID | FPSCR_VXVC);
}
END_TEST

START_TEST(number_parts)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xsxexpdp, 0);
    cpu->s.vsr[3].q = UINT128(0x4008000000000000, 0);
    op_xsxexpdp(cpu, &insn);
    ck_assert_uint_eq(cpu->s.gpr[1], 0x400);
    op_xsxsigdp(cpu, &insn);
    ck_assert_uint_eq(cpu->s.gpr[1], 0x0018000000000000);
    cpu->s.gpr[2] = 0xffffffffffffffff;
    cpu->s.gpr[3] = 0x801;
    op_xsiexpdp(cpu, &insn);
    ck_assert_uint_eq(cpu_fpr(cpu, 1), 0x801fffffffffffff);
    cpu->s.vsr[3].q = UINT128(0x7fff800000000000, 1);
    op_xsxsigqp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == UINT128(0x0000800000000000, 1)); /* no implied bit in a NaN */
    op_xsxexpqp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == UINT128(0x7fff, 0));
}
END_TEST

START_TEST(data_classes)
{
    static const struct {
        uint64_t bits;
        unsigned dcmx, dp, sp; /* CR fields */
    } cases[] = {
        { QNAN, 0x40, 2, 2 },
        { SNAN_B, 0x40, 10, 11 },
        { INF, 0x20, 2, 2 },
        { INF | NEG, 0x20, 8, 8 },
        { INF | NEG, 0x10, 10, 10 },
        { 0, 0x08, 2, 2 },
        { NEG, 0x04, 10, 10 },
        { 1, 0x02, 2, 3 },
        { NEG | 1, 0x01, 10, 11 },
        { ONE, 0x7f, 0, 0 },
        { 0x36a0000000000000, 0x02, 0, 2 },
        { 0x3690000000000000, 0x02, 0, 3 },
        { 0x3ff0000000000001, 0x7f, 0, 1 },
    };
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xststdcdp, cases[_i].dcmx << 16);
    insn.t = 4;
    cpu->s.vsr[3].q = UINT128(cases[_i].bits, 0);
    op_xststdcdp(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[4], cases[_i].dp);
    ck_assert_uint_eq(cpu->s.fpscr, (uint64_t)cases[_i].dp << 12);
    op_xststdcsp(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[4], cases[_i].sp);
}
END_TEST

/* Quad: the modes that xsrqpi and its kin take from their own fields. */
START_TEST(quad_rounding_fields)
{
    static const struct {
        unsigned r, rmc;
        uint64_t result; /* of -2.5, with FPSCR.RN down */
    } cases[] = {
        { 0, 0, 0xc000800000000000 }, { 0, 3, 0xc000800000000000 }, { 1, 0, 0xc000000000000000 },
        { 1, 1, 0xc000000000000000 }, { 1, 2, 0xc000000000000000 }, { 1, 3, 0xc000800000000000 },
    };
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xsrqpi, cases[_i].r << 16 | cases[_i].rmc << 9);
    cpu->s.fpscr = 3;
    cpu->s.vsr[3].q = UINT128(0xc000400000000000, 0);
    op_xsrqpi(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == UINT128(cases[_i].result, 0));
    ck_assert_uint_eq(cpu->s.fpscr, 3 | M_NORMAL);
    op_xsrqpix(cpu, &insn);
    ck_assert_uint_eq(cpu->s.fpscr & (FPSCR_XX | FPSCR_FI), FPSCR_XX | FPSCR_FI);
}
END_TEST

START_TEST(quad_to_extended)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_xsrqpxp, 1u << 16 | 2u << 9); /* up */
    cpu->s.vsr[3].q = UINT128(0x3fff000000000000, 1);
    op_xsrqpxp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == UINT128(0x3fff000000000000, 0x0002000000000000));
    ck_assert_uint_eq(cpu->s.fpscr, INEXACT | FPSCR_FR | P_NORMAL);
}
END_TEST

/* VMX. Words are given from the left. */
static Vsr words(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return (Vsr){ .q = UINT128((uint64_t)a << 32 | b, (uint64_t)c << 32 | d) };
}

START_TEST(vector_saturation)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_vctsxs, 1u << 16); /* times 2 */
    cpu->s.vsr[3] = words(0x3fc00000, 0x7fc00000, 0xbf000000, 0x80000001);
    op_vctsxs(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(3, 0, 0xffffffff, 0).q);
    ck_assert_uint_eq(cpu->s.vscr_sat, 0); /* a NaN does not saturate */
    op_vctuxs(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(3, 0, 0, 0).q);
    ck_assert_uint_eq(cpu->s.vscr_sat, 1);
    cpu->s.vscr_sat = 0;
    cpu->s.vsr[3] = words(0x4e800000, 0xff800000, 0, 0);
    op_vctsxs(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0x7fffffff, 0x80000000, 0, 0).q);
    ck_assert_uint_eq(cpu->s.vscr_sat, 1);
}
END_TEST

START_TEST(vector_bounds)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_vcmpbfp_rc, 0);
    cpu->s.vsr[2] = words(0x3f800000, 0x40000000, 0xc0000000, 0x7fc00000);
    cpu->s.vsr[3] = words(0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000);
    op_vcmpbfp_rc(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0, 0x80000000, 0x40000000, 0xc0000000).q);
    ck_assert_uint_eq(cpu->s.crf[6], 0);
    cpu->s.vsr[2] = words(0, 0x80000000, 0xbf800000, 0x3f800000);
    op_vcmpbfp_rc(cpu, &insn);
    ck_assert_uint_eq(cpu->s.crf[6], 2);
}
END_TEST

START_TEST(vector_non_java)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_vaddfp, 0);
    cpu->s.fpscr = 2; /* not obeyed: VMX rounds to nearest */
    cpu->s.vsr[2] = words(0x00400000, 0x80400000, 0x00800001, 0x3f800000);
    cpu->s.vsr[3] = words(0x00400000, 0, 0x80800000, 0x33000000);
    op_vaddfp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0x00800000, 0x80400000, 1, 0x3f800000).q);
    cpu->s.vscr_nj = 1;
    op_vaddfp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0, 0, 0, 0x3f800000).q);
    op_vmaxfp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0, 0, 0x00800001, 0x3f800000).q);
    ck_assert_uint_eq(cpu->s.fpscr, 2);
}
END_TEST

START_TEST(vector_estimates)
{
    Cpu *cpu = new_cpu();
    Insn insn = new_insn(op_vexptefp, 0);
    cpu->s.vsr[3] = words(0x3f000000, 0xc3160000, 0xff800000, 0x43000000); /* .5 -150 -inf 128 */
    op_vexptefp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0x3fb504f3, 0, 0, 0x7f800000).q);
    cpu->s.vsr[3] = words(0x40400000, 0x80000000, 0xbf800000, 0x00000001); /* 3 -0 -1 2^-149 */
    op_vlogefp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0x3fcae00d, 0xff800000, 0x7fc00000, 0xc3150000).q);
    op_vrefp(cpu, &insn);
    ck_assert(cpu->s.vsr[1].q == words(0x3eaaaaab, 0xff800000, 0xbf800000, 0x7f800000).q);
    op_vrsqrtefp(cpu, &insn);
    ck_assert_uint_eq(VSR_W(cpu->s.vsr[1], 1), 0xff800000);
    ck_assert_uint_eq(VSR_W(cpu->s.vsr[1], 2), 0x7fc00000);
}
END_TEST

static Suite *float_suite(void)
{
    Suite *suite = suite_create("float");
    TCase *scalar = tcase_create("scalar"), *memory = tcase_create("memory");
    TCase *vector = tcase_create("vector");
    tcase_add_loop_test(scalar, corner, 0, (int)G_N_ELEMENTS(rows));
    tcase_add_loop_test(scalar, interrupt_when_enabled, 0, 4);
    tcase_add_test(scalar, compare);
    tcase_add_loop_test(scalar, software_tests, 0, 12);
    tcase_add_test(scalar, read_fpscr);
    tcase_add_test(scalar, write_fpscr);
    tcase_add_test(scalar, single_fpscr_bits);
    tcase_add_test(scalar, move_field_to_cr);
    tcase_add_loop_test(memory, load_store_single, 0, 7);
    tcase_add_test(memory, store_single_out_of_range);
    tcase_add_test(memory, load_store_words);
    tcase_add_test(memory, pairs_follow_byte_order);
    tcase_add_test(memory, fault_changes_nothing);
    tcase_add_test(vector, vector_with_enabled_exception);
    tcase_add_test(vector, vector_compare);
    tcase_add_test(vector, number_parts);
    tcase_add_loop_test(vector, data_classes, 0, 13);
    tcase_add_loop_test(vector, quad_rounding_fields, 0, 6);
    tcase_add_test(vector, quad_to_extended);
    tcase_add_test(vector, vector_saturation);
    tcase_add_test(vector, vector_bounds);
    tcase_add_test(vector, vector_non_java);
    tcase_add_test(vector, vector_estimates);
    suite_add_tcase(suite, scalar);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, vector);
    return suite;
}

int main(void)
{
    return check_run(float_suite());
}
