/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state at entry, and hypercalls and RTAS calls: their results, what they leave alone, and what
 * they refuse.
 */
#include "bare.h"

enum { SUCCESS = 0, FUNCTION = -2, PARAMETER = -4 };
#define RESULT(x) ((u64)(int64_t)(x))

/* Entered directly: big-endian, real mode, r4 where the image is, r5 (no firmware) and r6 zero. */
static void test_entry(void)
{
    if (!entered.tree)
        return;
    expect_value("entry-msr", entered.msr, MSR_SF | MSR_ME);
    expect_value("entry-r4", entered.r4, entered.place);
    expect_value("entry-r6", entered.r6, 0);
    expect_value("entry-tree-aligned", (u64)entered.tree & 7, 0);
    expect_value("entry-tree-magic", entered.tree[0], LITTLE ? 0xedfe0dd0 : 0xd00dfeed);
}

static void test_refusals(void)
{
    static const struct {
        const char *name;
        u64 number, r4, r5, r6, r7, result;
    } calls[] = {
        { "unknown-call", 0x7ffc, 0, 0, 0, 0, RESULT(FUNCTION) },
        { "call-not-multiple-of-4", 0x59, 0, 0, 0, 0, RESULT(FUNCTION) },
        { "call-64-bits", 0x100000058, 0, 0, 0, 0, RESULT(FUNCTION) },
        { "put-term-char-too-long", H_PUT_TERM_CHAR, 0, 17, 0, 0, RESULT(PARAMETER) },
        { "put-term-char-no-unit", H_PUT_TERM_CHAR, 0x12345, 1, 0, 0, RESULT(PARAMETER) },
        { "put-term-char-nothing", H_PUT_TERM_CHAR, 0, 0, 0, 0, SUCCESS },
        { "ipi-no-server", H_IPI, 99, 5, 0, 0, RESULT(PARAMETER) },
        { "proc-tbl-bad-flags", H_REGISTER_PROC_TBL, 0xe0, 0, 0, 0, RESULT(PARAMETER) },
    };
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        expect_value(calls[i].name,
                     hcall(calls[i].number, calls[i].r4, calls[i].r5, calls[i].r6, calls[i].r7),
                     calls[i].result);
}

/* A call leaves every register but its results alone, and MSR too. */
CODE(call, "li 3,0x68; li 4,0; li 14,14; li 20,20; li 31,31; sc 1; mfmsr 16");

static void test_preserved(void)
{
    Inputs inputs = {
        { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 0x1111110, 0x2222, 0x20000000, 0x12345678
    };
    run(call, REAL | MSR_RI, &inputs);
    expect_value("call-result", record.gpr[3], SUCCESS);
    expect_value("call-keeps-lr", record.lr, 0x1111110);
    expect_value("call-keeps-ctr", record.ctr, 0x2222);
    expect_value("call-keeps-cr", record.cr, 0x12345678);
    expect_value("call-keeps-xer", record.xer & 0xe0000000, 0x20000000);
    expect_value("call-keeps-r12", record.gpr[12], 10);
    expect_value("call-keeps-r14", record.gpr[14], 14);
    expect_value("call-keeps-r31", record.gpr[31], 31);
    expect_value("call-keeps-msr", record.gpr[16], REAL | MSR_RI);
    run(call, VIRTUAL, &inputs);
    expect_value("call-virtual", record.gpr[3], SUCCESS);
    expect_value("call-virtual-keeps-msr", record.gpr[16], VIRTUAL);
    run(call, REAL & ~MSR_SF, &inputs);
    expect_value("call-narrow", record.gpr[3], SUCCESS);
    expect_value("call-narrow-keeps-msr", record.gpr[16], REAL & ~MSR_SF);
}

/* RTAS: cells are big-endian whatever the caller is. */
static u32 cell(u32 value)
{
    return LITTLE ? __builtin_bswap32(value) : value;
}

static void test_rtas(void)
{
    static u32 block[16];
    block[0] = cell(0x7fffffff);
    block[1] = cell(0);
    block[2] = cell(1);
    block[3] = cell(77);
    hcall(H_RTAS, (u64)block, 0, 0, 0);
    expect_value("rtas-unknown-token", cell(block[3]), 0xfffffffd);
    expect_value("rtas-keeps-block", cell(block[0]), 0x7fffffff);
}

/* The presentation controller: CPPR and what H_XIRR gives. */
static void test_presentation(void)
{
    u64 none[6] = { 0 }, results[4];
    hcall_ok(H_CPPR, 0x80, 0, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("xirr-nothing", results[0] & 0xffffffff, 0x80000000);
    hcall_ok(H_IPI, 0, 0x80, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("xirr-equal-priority", results[0] & 0xffffffff, 0x80000000);
    hcall_ok(H_IPI, 0, 0x7f, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("xirr-ipi", results[0] & 0xffffffff, 0x80000002);
    hypercall(H_XIRR, none, results);
    expect_value("xirr-cppr-raised", results[0] & 0xffffffff, 0x7f000000);
    hcall_ok(H_IPI, 0, 0xff, 0, 0);
    hcall_ok(H_EOI, 0xff000002, 0, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("eoi-sets-cppr", results[0] & 0xffffffff, 0xff000000);
    hcall_ok(H_CPPR, 0, 0, 0, 0);
}

void tests(void)
{
    test_entry();
    test_refusals();
    test_preserved();
    test_rtas();
    test_presentation();
}
