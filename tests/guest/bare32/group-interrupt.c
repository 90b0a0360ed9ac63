/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How interrupts are entered and left (PEM chapter 6; MPC7400 UM chapter 4).
 */
#include "bare32.h"

CODE(nothing, "nop");
CODE(nops, "nop; nop; nop; nop");
CODE(illegal, ".long 0");
CODE(trap, "trap");
CODE(system_call, "sc; nop");
CODE(read_msr, "mfmsr 3");
CODE(fadd, "fadd 1,2,3");
CODE(lfd, "lfd 1,0(4)");
CODE(vand, "vand 1,2,3");
CODE(lvx, "lvx 1,0,4");
CODE(load_double, ".long 0xe8640000"); /* ld: 64-bit only */
CODE(isel, ".long 0x7c64281e");        /* isel: not in these */
CODE(fsqrt, ".long 0xfc20182c");       /* fsqrt: not in these */
CODE(mtmsrd, ".long 0x7c600164");
CODE(tlbia, ".long 0x7c0002e4");

static const struct {
    const char *name;
    const u32 *code;
    u32 vector, cause;
} synchronous[] = {
    { "illegal", illegal, 0x700, ILLEGAL },
    { "trap", trap, 0x700, TRAP },
    { "fadd", fadd, 0x800, 0 },
    { "lfd", lfd, 0x800, 0 },
    { "vand", vand, 0xf20, 0 },
    { "lvx", lvx, 0xf20, 0 },
    { "ld", load_double, 0x700, ILLEGAL },
    { "isel", isel, 0x700, ILLEGAL },
    { "fsqrt", fsqrt, 0x700, ILLEGAL },
    { "mtmsrd", mtmsrd, 0x700, ILLEGAL },
    { "tlbia", tlbia, 0x700, ILLEGAL },
};

static void test_entries(const char *where, u32 msr)
{
    for (unsigned i = 0; i < sizeof synchronous / sizeof *synchronous; i++) {
        bool is_fsqrt = synchronous[i].code == fsqrt;
        u32 in = is_fsqrt ? msr | MSR_FP : msr;
        run(synchronous[i].code, in, 0, 0, 0);
        expect(named(synchronous[i].name, where, ""), synchronous[i].code, in,
               synchronous[i].vector, 0, synchronous[i].cause);
    }
    run(system_call, msr, 0, 0, 0);
    expect(named("sc", where, ""), system_call, msr, 0xc00, 4, 0);
    run(system_call, msr | MSR_FP | MSR_VEC | MSR_FE0 | MSR_FE1 | MSR_RI, 0, 0, 0);
    expect_value(named("handler-msr", where, ""), record.msr, MSR_ME);
    run(system_call, msr & ~MSR_ME, 0, 0, 0);
    expect_value(named("handler-msr-me-0", where, ""), record.msr, 0);
}

/* Privileged instructions in problem state. */
CODE(p_mfmsr, "mfmsr 3");
CODE(p_mtmsr, "mtmsr 3");
CODE(p_rfi, "rfi");
CODE(p_mtsr, "mtsr 3,3");
CODE(p_mtsrin, "mtsrin 3,4");
CODE(p_mfsr, "mfsr 3,3");
CODE(p_mfsrin, "mfsrin 3,4");
CODE(p_tlbie, "tlbie 3");
CODE(p_tlbsync, "tlbsync");
CODE(p_dcbi, "dcbi 0,4");
CODE(p_mtsprg, "mtspr 272,3");
CODE(p_mfsdr1, "mfspr 3,25");
CODE(p_mthid0, "mtspr 1008,3");
CODE(p_mfpvr, "mfspr 3,287");
CODE(p_mtdec, "mtspr 22,3");
CODE(p_mttbl, "mtspr 284,3");

static void test_privileged(void)
{
    static const struct {
        const char *name;
        const u32 *code;
    } rows[] = { { "mfmsr", p_mfmsr },   { "mtmsr", p_mtmsr },   { "rfi", p_rfi },
                 { "mtsr", p_mtsr },     { "mtsrin", p_mtsrin }, { "mfsr", p_mfsr },
                 { "mfsrin", p_mfsrin }, { "tlbie", p_tlbie },   { "tlbsync", p_tlbsync },
                 { "dcbi", p_dcbi },     { "mtsprg", p_mtsprg }, { "mfsdr1", p_mfsdr1 },
                 { "mthid0", p_mthid0 }, { "mfpvr", p_mfpvr },   { "mtdec", p_mtdec },
                 { "mttbl", p_mttbl } };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(rows[i].code, USER, 0, 0x20000, 0);
        expect(named("user", rows[i].name, ""), rows[i].code, USER, 0x700, 0, PRIVILEGED);
    }
}

/* rfi gives back MSR bits 0, 5-9 and 16-31, and clears POW. */
CODE(return_to, "mtsrr0 5; mtsrr1 4; rfi");

static void test_return(void)
{
    run(return_to, REAL, 0, MSR_ME | MSR_FP | MSR_VEC | MSR_RI, (u32)read_msr);
    expect_value("rfi-msr", record.gpr[3], MSR_ME | MSR_FP | MSR_VEC | MSR_RI);
    run(return_to, REAL, 0, MSR_ME | 0x783b0000, (u32)read_msr);
    expect_value("rfi-information-bits", record.gpr[3], MSR_ME);
    run(return_to, REAL, 0, MSR_ME | MSR_POW, (u32)read_msr);
    expect_value("rfi-pow", record.gpr[3], MSR_ME);
    run(return_to, REAL, 0, MSR_ME, (u32)read_msr + 3);
    expect_value("rfi-low-bits-ignored", record.vector, 0);
    run(return_to, REAL, 0, USER, (u32)nothing);
    expect_value("rfi-user", record.srr1 & (MSR_PR | MSR_IR | MSR_DR), MSR_PR | MSR_IR | MSR_DR);
    run(return_to, REAL, 0, MSR_ME | MSR_PR, (u32)nothing);
    expect_value("rfi-pr-alone", record.srr1, MSR_ME | MSR_PR);
}

/* The decrementer: an edge, kept until it is taken. */
CODE(dec_then_ee, "mtdec 3; nop; mtdec 5; mtmsr 4; nop; nop");
CODE(wait_loop, "mtctr 3; 1: bdnz 1b");

static void test_decrementer(void)
{
    run_decrementer = 0x7fffffff;
    run(dec_then_ee, REAL, 0xffffffff, REAL | MSR_EE, 0x7fffffff);
    expect("dec-latched", dec_then_ee, REAL | MSR_EE, 0x900, 16, 0);
    run(dec_then_ee, REAL, 0x7fffffff, REAL | MSR_EE, 0xffffffff);
    expect("dec-by-write", dec_then_ee, REAL | MSR_EE, 0x900, 16, 0);
    run(dec_then_ee, REAL, 0x7fffffff, REAL | MSR_EE, 0x7fffffff);
    expect("dec-positive", dec_then_ee, REAL, 0, 0, 0);
    run_decrementer = 0xffffffff;
    run(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("dec-at-entry", nothing, REAL | MSR_EE, 0x900, 0, 0);
    /* Still negative, but taken. */
    run_decrementer = 0xfffffff0;
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("dec-taken-once", nops, REAL | MSR_EE, 0, 0, 0);
    run_decrementer = 0x7fffffff;
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("dec-quiet", nops, REAL | MSR_EE, 0, 0, 0);
    run_decrementer = 20;
    run(wait_loop, REAL | MSR_EE, 1000000, 0, 0);
    expect_value("dec-counts-vector", record.vector, 0x900);
    expect_value("dec-counts-value", record.dec >> 31, 1);
    run_decrementer = 20;
    run(wait_loop, REAL, 100000, 0, 0);
    expect_value("dec-masked", record.vector, 0);
    run_decrementer = 0x7fffffff;
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("dec-latched-while-masked", nops, REAL | MSR_EE, 0x900, 0, 0);
}

/* The time base by halves. */
CODE(time_halves, "mtspr 284,3; mtspr 285,4; mfspr 6,22; mftbu 5; mftb 7");

static void test_time_base(void)
{
    run(time_halves, REAL, 0x1000, 0x1234, 0);
    expect_value("tbu-written", record.gpr[5], 0x1234);
    expect_value("tbl-written", record.gpr[7] >= 0x1000 && record.gpr[7] < 0x100000, 1);
    expect_value("tb-write-keeps-dec", record.gpr[6] >> 16, 0x7fff);
    run(time_halves, REAL, 0xffffff00, 0, 0);
    expect_value("tbl-high", record.gpr[7] >> 31, 1);
    MTSPR(284, 0);
    MTSPR(285, 0);
}

CODE(nap, "mtmsr 3; nop; nop");

static void test_external(void)
{
    if (on_qemu)
        return;
    set_external(true);
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("external", nops, REAL | MSR_EE, 0x500, 0, 0);
    run(nops, REAL, 0, 0, 0);
    expect("external-masked", nops, REAL, 0, 0, 0);
    run_decrementer = 0xffffffff;
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("external-before-decrementer", nops, REAL | MSR_EE, 0x500, 0, 0);
    set_external(false);
    run_decrementer = 0x7fffffff;
    run(nops, REAL | MSR_EE, 0, 0, 0);
    expect("decrementer-then", nops, REAL | MSR_EE, 0x900, 0, 0);
    /* A nap ends with the decrementer's interrupt after the instruction that began it. */
    MTSPR(1008, 0x00400000);
    run_decrementer = 1000000;
    run(nap, REAL, REAL | MSR_EE | MSR_POW, 0, 0);
    expect("nap", nap, REAL | MSR_EE, 0x900, 4, 0);
    MTSPR(1008, 0);
    run_decrementer = 0x7fffffff;
    run(nap, REAL, REAL | MSR_POW, 0, 0);
    expect("no-nap-without-hid0", nap, REAL, 0, 0, 0);
}

/* Floating-point exceptions, when MSR asks for them. */
CODE(enable_float, "mtfsb1 27; mtfsb1 5; mtmsr 3; nop");
CODE(divide_by_zero, "mtfsb1 27; fsub 1,1,1; lfs 2,0(4); fdiv 3,2,1; nop");
CODE(clear_fpscr, "mtfsb0 27; mtfsb0 5; mtfsb0 0");
static volatile u32 one = 0x3f800000;

static void test_float(void)
{
    run(divide_by_zero, REAL | MSR_FP | MSR_FE0 | MSR_FE1, 0, (u32)&one, 0);
    expect("divide-by-zero", divide_by_zero, REAL | MSR_FP | MSR_FE0 | MSR_FE1, 0x700, 12, FLOAT);
    run(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
    run(divide_by_zero, REAL | MSR_FP, 0, (u32)&one, 0);
    expect("divide-by-zero-ignored", divide_by_zero, REAL | MSR_FP, 0, 0, 0);
    run(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
    run(enable_float, REAL | MSR_FP, REAL | MSR_FP | MSR_FE0, 0, 0);
    expect("enable-float", enable_float, REAL | MSR_FP | MSR_FE0, 0x700, 12, FLOAT | NEXT);
    run(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
}

/* Trace. */
CODE(branches, "nop; b 1f; nop; 1: nop; bc 12,2,2f; nop; 2: nop");

static void test_trace(void)
{
    run(nops, REAL | MSR_SE, 0, 0, 0);
    expect_value("trace-vector", record.vector, 0xd00);
    expect_value("trace-srr0", record.srr0, (u32)nops + 4);
    run(branches, REAL | MSR_BE, 0, 0, 0);
    expect_value("trace-branch", record.srr0, (u32)branches + 12);
    run(branches + 3, REAL | MSR_BE, 0, 0, 0);
    expect_value("trace-branch-not-taken", record.srr0, (u32)branches + 20);
    run(system_call, REAL | MSR_SE, 0, 0, 0);
    expect("trace-not-after-sc", system_call, REAL | MSR_SE, 0xc00, 4, 0);
}

/* Alignment: DSISR says which instruction and registers. */
CODE(u_lwarx, "lwarx 7,0,4");
CODE(u_stwcx, "stwcx. 7,0,4");
CODE(u_lmw, "lmw 29,0(4)");
CODE(u_stmw, "stmw 30,0(4)");
CODE(u_lwz, "lwz 7,0(4)");
CODE(u_lfd, "lfd 7,0(4)");
CODE(u_stfs, "stfs 9,0(4)");
CODE(u_stfdux, "stfdux 9,4,3");

static void test_alignment(void)
{
    static u32 words[8];
    u32 odd = (u32)words + 2;
    static const struct {
        const char *name;
        const u32 *code;
        u32 dsisr;
    } rows[] = { { "lwarx", u_lwarx, 7 << 5 },
                 { "stwcx", u_stwcx, 2 << 15 | 2 << 10 | 7 << 5 },
                 { "lmw", u_lmw, 7 << 10 | 29 << 5 | 4 },
                 { "stmw", u_stmw, 1 << 14 | 7 << 10 | 30 << 5 | 4 },
                 { "lfd", u_lfd, 9 << 10 | 7 << 5 | 4 },
                 { "stfs", u_stfs, 10 << 10 | 9 << 5 | 4 },
                 { "stfdux", u_stfdux, 3 << 15 | 1 << 14 | 11 << 10 | 9 << 5 | 4 } };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(rows[i].code, REAL | MSR_FP, 0, odd, 0);
        expect(named("unaligned", rows[i].name, ""), rows[i].code, REAL | MSR_FP, 0x600, 0, 0);
        expect_value(named("unaligned", rows[i].name, "dar"), record.dar, odd);
        expect_value(named("unaligned", rows[i].name, "dsisr"), record.dsisr, rows[i].dsisr);
    }
    run(u_lwz, REAL, 0, odd, 0);
    expect("unaligned-lwz-works", u_lwz, REAL, 0, 0, 0);
    run(u_lfd, REAL | MSR_FP, 0, (u32)words + 4, 0);
    expect("word-aligned-lfd-works", u_lfd, REAL | MSR_FP, 0, 0, 0);
}

void tests(void)
{
    test_entries("real", REAL);
    test_entries("virtual", VIRTUAL);
    test_entries("user", USER);
    test_privileged();
    test_return();
    test_decrementer();
    test_time_base();
    test_external();
    test_float();
    test_trace();
    test_alignment();
}
