/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How interrupts are entered and left: vectors, MSR, AIL, byte order, modes, masks, and those that
 * wait for EE (Power ISA 3.0B, Book III 3.3, 6.4, 6.5, 6.7).
 */
#include "bare.h"

CODE(nothing, "nop");
CODE(nops, "nop; nop; nop; nop");
CODE(trap, "nop; trap");
CODE(illegal, "nop; .long 0");
CODE(load, "nop; ld 3,0(4)");
CODE(load_word, "nop; lwz 3,0(4)");
CODE(fadd, "nop; fadd 1,2,3");
CODE(vand, "nop; vand 1,2,3");
CODE(xxlor, "nop; xxlor 1,2,3");
CODE(call, "nop; sc; nop");
CODE(reserve, "nop; lwarx 3,0,4");

/* Where interrupts arrive, and in which MSR, by AIL and the translation they come from. */
static void test_entries(const char *where, u64 msr)
{
    u64 free = fresh_ea();
    run_case(&(Case){ named("enter-trap", where, ""), trap, msr, 0x700, 4, TRAP });
    run_case(&(Case){ named("enter-illegal", where, ""), illegal, msr, 0x700, 4, ILLEGAL });
    run_case(&(Case){ named("enter-fp", where, ""), fadd, msr, 0x800, 4 });
    run_case(&(Case){ named("enter-vec", where, ""), vand, msr, 0xf20, 4 });
    run_case(&(Case){ named("enter-vsx", where, ""), xxlor, msr, 0xf40, 4 });
    unaligned(named("enter-alignment", where, ""), reserve, msr, (u64)nothing + 2);
    run_r(call, msr, 0, 0, 0);
    expect(named("enter-sc", where, ""), call, msr, 0xc00, 8, 0);
    run_decrementer = -1ull;
    run_r(nothing, msr | MSR_EE, 0, 0, 0);
    expect(named("enter-decrementer", where, ""), nothing, msr | MSR_EE, 0x900, 0, 0);
    run_decrementer = 0x7fffffff;
    if (msr & MSR_DR) {
        data_fault(named("enter-dsi", where, ""), load, msr, free, NO_TRANSLATION);
        data_segment(named("enter-data-segment", where, ""), load, msr, 1ull << 63);
    }
    if (msr & MSR_IR) {
        run_r((const void *)free, msr, 0, 0, 0);
        expect(named("enter-isi", where, ""), (const void *)free, msr, 0x400, 0, NO_TRANSLATION);
    }
}

static void test_all_entries(void)
{
    for (unsigned ail = 0; ail <= 3; ail += 3) {
        const char *suffix = ail ? "ail-3" : "ail-0";
        set_ail(ail);
        test_entries(named("real", suffix, ""), REAL);
        test_entries(named("virtual", suffix, ""), VIRTUAL);
        test_entries(named("user", suffix, ""), USER);
        test_entries(named("dr-only", suffix, ""), REAL | MSR_DR);
        test_entries(named("ri-set", suffix, ""), VIRTUAL | MSR_RI | MSR_FE1);
    }
    set_ail(0);
    expect_value("ail-1-refused", (int64_t)hcall(H_SET_MODE, 1, 3, 0, 0) < 0, 1);
    expect_value("ail-7-refused", (int64_t)hcall(H_SET_MODE, 7, 3, 0, 0) < 0, 1);
    expect_value("ile-2-refused", (int64_t)hcall(H_SET_MODE, 2, 4, 0, 0) < 0, 1);
    expect_value("mode-99-refused", (int64_t)hcall(H_SET_MODE, 0, 99, 0, 0) < 0, 1);
    set_ail(0);
}

/* Interrupts in the other byte order than what they interrupt. */
static void test_other_order(void)
{
    set_interrupt_order(!LITTLE);
    run_r(trap, REAL, 0, 0, 0);
    expect("other-order-trap", trap, REAL, 0x700, 4, TRAP);
    run_r(fadd, USER, 0, 0, 0);
    expect("other-order-fp-user", fadd, USER, 0x800, 4, 0);
    run_r(call, VIRTUAL, 0, 0, 0);
    expect("other-order-sc", call, VIRTUAL, 0xc00, 8, 0);
    set_ail(3);
    run_r(trap, VIRTUAL, 0, 0, 0);
    expect("other-order-ail-3", trap, VIRTUAL, 0x700, 4, TRAP);
    set_ail(0);
    set_interrupt_order(LITTLE);
}

/* A program in the other byte order: its words are swapped, and so is its data. */
CODE(accesses,
     "ld 5,0(4); lwz 6,0(4); lhz 7,0(4); lbz 8,0(4); ldbrx 9,0,4; std 5,8(4); stw 6,16(4);"
     "sth 7,20(4); stb 8,22(4); mfcr 10");

static void test_swapped_program(void)
{
    static u32 program[16] __attribute__((aligned(128)));
    static volatile u64 data[4] __attribute__((aligned(64)));
    for (unsigned i = 0; i < 12; i++)
        program[i] = __builtin_bswap32(accesses[i]);
    __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(program) : "memory");
    data[0] = 0x0123456789abcdef;
    run_r(program, REAL ^ MSR_LE, 0, (u64)data, 0);
    expect("swapped-ends", program, REAL ^ MSR_LE, 0xc00, 44, 0);
    expect_value("swapped-ld", record.gpr[5], 0xefcdab8967452301);
    expect_value("swapped-lwz", record.gpr[6], LITTLE ? 0xefcdab89 : 0x67452301);
    expect_value("swapped-lhz", record.gpr[7], LITTLE ? 0xefcd : 0x2301);
    expect_value("swapped-lbz", record.gpr[8], LITTLE ? 0xef : 0x01);
    expect_value("swapped-ldbrx", record.gpr[9], 0x0123456789abcdef);
    expect_value("swapped-std", data[1], 0x0123456789abcdef);
    expect_value("swapped-stores", data[2], LITTLE ? 0x00efcdef89abcdef : 0x0123456701230100);
}

/* MSR as rfid and mtmsr leave it: at the snippet's end SRR1 holds it. */
CODE(set_msr_d, "mfmsr 5; xor 5,5,3; mtmsrd 5; nop");
CODE(set_msr_d_1, "mfmsr 5; xor 5,5,3; mtmsrd 5,1; nop");
CODE(set_msr, "mfmsr 5; xor 5,5,3; mtmsr 5; nop");
CODE(set_msr_1, "mfmsr 5; xor 5,5,3; mtmsr 5,1; nop");
CODE(read_msr, "mfmsr 3");

static void test_masks(void)
{
    static const struct {
        const char *name;
        u64 given, made;
    } returns[] = {
        { "pr-alone", REAL | MSR_PR, USER },
        { "pr-without-ee", VIRTUAL | MSR_PR, USER },
        { "hv-stays-0", REAL | MSR_HV, REAL },
        { "me-stays", REAL & ~MSR_ME, REAL },
        { "fe-and-fp", REAL | MSR_FP | MSR_FE0 | MSR_FE1, REAL | MSR_FP | MSR_FE0 | MSR_FE1 },
        { "ri", REAL | MSR_RI, REAL | MSR_RI },
        { "vec-vsx", REAL | MSR_VEC | MSR_VSX, REAL | MSR_VEC | MSR_VSX },
        { "ir-alone", REAL | MSR_IR, REAL | MSR_IR },
    };
    for (unsigned i = 0; i < sizeof returns / sizeof *returns; i++) {
        run_r(read_msr, returns[i].given & ~MSR_PR, 0, 0, 0);
        u64 made = record.gpr[3];
        if (returns[i].given & MSR_PR) {
            run_r(nothing, returns[i].given, 0, 0, 0);
            made = record.srr1;
        }
        expect_value(named("rfid", returns[i].name, ""), made, returns[i].made);
    }
    static const struct {
        const char *name;
        const u32 *code;
        u64 flip, flipped; /* from REAL */
    } moves[] = {
        { "mtmsrd-le-stays", set_msr_d, MSR_LE, 0 },
        { "mtmsrd-me-stays", set_msr_d, MSR_ME, 0 },
        { "mtmsrd-hv-stays", set_msr_d, MSR_HV, 0 },
        { "mtmsrd-fp", set_msr_d, MSR_FP, MSR_FP },
        { "mtmsrd-ee-ri", set_msr_d, MSR_EE | MSR_RI, MSR_EE | MSR_RI },
        { "mtmsrd-dr", set_msr_d, MSR_DR, MSR_DR },
        { "mtmsrd-pr", set_msr_d, MSR_PR, MSR_PR | MSR_EE | MSR_IR | MSR_DR },
        { "mtmsrd-sf", set_msr_d, MSR_SF, MSR_SF },
        { "mtmsrd-1-ee-ri", set_msr_d_1, MSR_EE | MSR_RI, MSR_EE | MSR_RI },
        { "mtmsrd-1-no-more", set_msr_d_1, ~(MSR_EE | MSR_RI), 0 },
        { "mtmsr-le-stays", set_msr, MSR_LE, 0 },
        { "mtmsr-me-stays", set_msr, MSR_ME, 0 },
        { "mtmsr-sf-stays", set_msr, MSR_SF, 0 },
        { "mtmsr-fp", set_msr, MSR_FP, MSR_FP },
        { "mtmsr-pr", set_msr, MSR_PR, MSR_PR | MSR_EE | MSR_IR | MSR_DR },
        { "mtmsr-1-ee-ri", set_msr_1, MSR_EE | MSR_RI, MSR_EE | MSR_RI },
        { "mtmsr-1-no-more", set_msr_1, ~(MSR_EE | MSR_RI), 0 },
    };
    for (unsigned i = 0; i < sizeof moves / sizeof *moves; i++) {
        run_r(moves[i].code, REAL, moves[i].flip, 0, 0);
        expect_value(named(moves[i].name, "", ""), record.vector ? record.vector : record.srr1,
                     REAL ^ moves[i].flipped);
    }
}

/* 32-bit mode. Snippets lie below 4 GiB. */
CODE(link_32, "bl 1f; nop; 1: nop");
CODE(wrap_32, "lwz 3,8(4)");
CODE(record_32, "add. 5,3,4");
CODE(add_32, "addi 5,3,1");
CODE(count_32, "bdnz 1f; li 5,1; 1: nop");
CODE(branch_32, "bctr");
CODE(compare_32, "cmpd 3,4; cmpw 1,3,4");
CODE(carry_32, "addc 5,3,4; li 6,0; adde 6,6,6");
CODE(update_32, "lwzu 5,8(4)");

static void test_32_bit(void)
{
    u64 narrow = REAL & ~MSR_SF;
    *(volatile u32 *)0x7f04 = 0x1234567;
    run_r(load_word, narrow, 0, 0xabcdef0000007f04, 0);
    expect_value("narrow-load-ignores-high-half", record.gpr[3], 0x1234567);
    run_r(wrap_32, narrow, 0, 0xfffffffc + 0x7f00, 0);
    expect_value("narrow-address-wraps", record.gpr[3], 0x1234567);
    run_r(update_32, narrow, 0, 0x500007efc, 0);
    expect_value("narrow-update", record.gpr[4] & 0xffffffff, 0x7f04);
    run_r(link_32, narrow, 0, 0, 0);
    expect("narrow-completes", link_32, narrow, 0, 0, 0);
    expect_value("narrow-lr", record.lr, (u64)link_32 + 4);
    run_r(trap, narrow, 0, 0, 0);
    expect("narrow-trap", trap, narrow, 0x700, 4, TRAP);
    run_r(record_32, narrow, 0x7fffffff, 1, 0);
    expect_value("narrow-cr0-negative", record.cr >> 28, 8);
    expect_value("narrow-result-is-64-bit", record.gpr[5], 0x80000000);
    run_r(record_32, narrow, 0xffffffff00000000, 0, 0);
    expect_value("narrow-cr0-zero", record.cr >> 28, 2);
    run_r(add_32, narrow, 0xffffffff, 0, 0);
    expect_value("narrow-addi", record.gpr[5], 0x100000000);
    run_r(compare_32, narrow, 0x100000000, 1, 0);
    expect_value("narrow-cmpd-cmpw", record.cr >> 24, 0x48);
    run_r(carry_32, narrow, 0xffffffff, 1, 0);
    expect_value("narrow-carry", record.gpr[6], 1);
    run_r(carry_32, narrow, 0xffffffff00000000, 0x100000000, 0);
    expect_value("narrow-no-carry", record.gpr[6], 0);
    run_r(carry_32, REAL, 0xffffffff, 1, 0);
    expect_value("wide-no-carry", record.gpr[6], 0);
    Inputs counting = { { 0 }, 0, 0x100000001, 0, 0 };
    run(count_32, narrow, &counting);
    expect_value("narrow-bdnz-counts-low-half", record.gpr[5], 1);
    run(count_32, REAL, &counting);
    expect_value("wide-bdnz", record.gpr[5], 0);
    Inputs far = { { 0 }, 0, 0x4444444400000000 | (u64)nothing, 0, 0 };
    run(branch_32, narrow, &far);
    expect("narrow-branch-target", nothing, narrow, 0, 0, 0);
    expect_value("narrow-branch-srr0", record.srr0, (u64)nothing + 8);
    run_r(nothing, (VIRTUAL | MSR_EE | MSR_PR) & ~MSR_SF, 0, 0, 0);
    expect("narrow-user", nothing, USER & ~MSR_SF, 0, 0, 0);
    u64 free = fresh_ea();
    run_r(load_word, USER & ~MSR_SF, 0, 0x7700000000000000 | free, 0);
    expect("narrow-fault", load_word, USER & ~MSR_SF, 0x300, 4, 0);
    expect_value("narrow-dar", record.dar, free);
}

/* The decrementer: level-triggered by its sign, held back by EE. */
CODE(dec_then_ee, "li 3,-1; mtdec 3; nop; nop; mtmsrd 4,1; nop; nop");
CODE(dec_cancelled, "li 3,-1; mtdec 3; lis 3,0x7fff; mtdec 3; mtmsrd 4,1; nop; nop");
CODE(dec_with_ee, "li 3,-1; mtdec 3; nop");
CODE(dec_by_rfid, "li 3,-1; mtdec 3; mtsrr0 5; mtsrr1 4; rfid");
CODE(dec_runs_out, "li 3,200; mtdec 3; 1: b 1b");
CODE(dec_by_mtmsrd_0, "li 3,-1; mtdec 3; mfmsr 3; or 3,3,4; mtmsrd 3; nop");
CODE(dec_read, "mtdec 3; mfdec 4");
CODE(clocks, "mfdec 3; mftb 4; li 7,2000; mtctr 7; 1: bdnz 1b; mftb 6; mfdec 5");
CODE(time_base, "mftb 3; mftb 4; mftbu 5; mfspr 6,268");

static void test_decrementer(void)
{
    run_r(dec_then_ee, REAL, 0, MSR_EE, 0);
    expect("dec-waits-for-ee", dec_then_ee, REAL | MSR_EE, 0x900, 20, 0);
    run_r(dec_then_ee, REAL, 0, MSR_RI, 0);
    expect("dec-without-ee", dec_then_ee, REAL, 0, 0, 0);
    run_r(dec_cancelled, REAL, 0, MSR_EE, 0);
    expect("dec-cancelled", dec_cancelled, REAL | MSR_EE, 0, 0, 0);
    run_r(dec_with_ee, REAL | MSR_EE, 0, 0, 0);
    expect("dec-at-next-boundary", dec_with_ee, REAL | MSR_EE, 0x900, 8, 0);
    run_r(dec_by_mtmsrd_0, REAL, 0, MSR_EE, 0);
    expect("dec-by-mtmsrd-0", dec_by_mtmsrd_0, REAL | MSR_EE, 0x900, 20, 0);
    run_r(dec_by_rfid, REAL, 0, REAL | MSR_EE, (u64)nothing);
    expect("dec-by-rfid", nothing, REAL | MSR_EE, 0x900, 0, 0);
    run_r(dec_by_rfid, REAL, 0, USER, (u64)nothing);
    expect("dec-by-rfid-to-user", nothing, USER, 0x900, 0, 0);
    run_r(dec_runs_out, REAL | MSR_EE, 0, 0, 0);
    expect("dec-runs-out", dec_runs_out, REAL | MSR_EE, 0x900, 8, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("dec-positive", nothing, REAL | MSR_EE, 0, 0, 0);
    run_r(dec_read, REAL, 0x70000000, 0, 0);
    expect_value("dec-reads-back", record.gpr[4] <= 0x70000000 && record.gpr[4] > 0x60000000, 1);
    run_r(clocks, REAL, 0, 0, 0);
    int64_t drift =
        (int64_t)(record.gpr[3] - record.gpr[5]) - (int64_t)(record.gpr[6] - record.gpr[4]);
    expect_value("dec-follows-tb",
                 drift < 1000000 && drift > -1000000 && record.gpr[6] > record.gpr[4], 1);
    run_r(time_base, USER, 0, 0, 0);
    expect_value("tb-advances", record.gpr[4] >= record.gpr[3] && record.gpr[6] >= record.gpr[4],
                 1);
    expect_value("tbu-is-upper-half", record.gpr[5], record.gpr[6] >> 32);
}

/* External interrupts: the presentation controller's own, which one raises by H_IPI. */
static const u64 none[6];

static void accept_and_end(void)
{
    u64 results[4];
    hypercall(H_XIRR, none, results);
    hcall_ok(H_IPI, 0, 0xff, 0, 0);
    hcall_ok(H_EOI, results[0], 0, 0, 0);
    hcall_ok(H_CPPR, 0, 0, 0, 0);
}

static void test_external(void)
{
    u64 results[4];
    hcall_ok(H_CPPR, 0xff, 0, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external-none", nothing, REAL | MSR_EE, 0, 0, 0);
    hcall_ok(H_IPI, 0, 0x10, 0, 0);
    run_r(nothing, REAL, 0, 0, 0);
    expect("external-waits-for-ee", nothing, REAL, 0, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external", nothing, REAL | MSR_EE, 0x500, 0, 0);
    run_r(nothing, USER, 0, 0, 0);
    expect("external-is-level", nothing, USER, 0x500, 0, 0);
    run_decrementer = -1ull;
    run_r(nothing, USER, 0, 0, 0);
    expect("external-before-decrementer", nothing, USER, 0x500, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("external-xirr", results[0] & 0xffffffff, 0xff000002);
    run_r(nothing, USER, 0, 0, 0);
    expect("decrementer-after-external", nothing, USER, 0x900, 0, 0);
    run_decrementer = 0x7fffffff;
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external-accepted", nothing, REAL | MSR_EE, 0, 0, 0);
    hypercall(H_XIRR, none, results);
    expect_value("external-xirr-nothing", results[0] & 0xffffff, 0);
    hcall_ok(H_IPI, 0, 0xff, 0, 0);
    hcall_ok(H_EOI, 0xff000002, 0, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external-ended", nothing, REAL | MSR_EE, 0, 0, 0);
    hcall_ok(H_CPPR, 5, 0, 0, 0);
    hcall_ok(H_IPI, 0, 5, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external-not-more-favoured", nothing, REAL | MSR_EE, 0, 0, 0);
    hcall_ok(H_CPPR, 6, 0, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("external-more-favoured", nothing, REAL | MSR_EE, 0x500, 0, 0);
    accept_and_end();
}

/* H_CEDE sets EE and waits; the waking interrupt returns to the instruction after sc 1. */
CODE(cede, "li 3,0xe0; sc 1; nop; nop");
CODE(cede_dec, "li 4,3000; mtdec 4; li 3,0xe0; sc 1; nop; nop");

static void test_cede(void)
{
    run_r(cede_dec, REAL, 0, 0, 0);
    expect("cede-until-decrementer", cede_dec, REAL | MSR_EE, 0x900, 16, 0);
    expect_value("cede-result", record.gpr[3], 0);
    run_r(cede_dec, VIRTUAL, 0, 0, 0);
    expect("cede-virtual", cede_dec, VIRTUAL | MSR_EE, 0x900, 16, 0);
    run_decrementer = -1ull;
    run_r(cede, REAL, 0, 0, 0);
    expect("cede-with-pending", cede, REAL | MSR_EE, 0x900, 8, 0);
    run_decrementer = 0x7fffffff;
    hcall_ok(H_CPPR, 0xff, 0, 0, 0);
    hcall_ok(H_IPI, 0, 1, 0, 0);
    run_r(cede, REAL, 0, 0, 0);
    expect("cede-with-external", cede, REAL | MSR_EE, 0x500, 8, 0);
    accept_and_end();
}

/* Trace. What SRR1 says beyond the MSR differs between processors and is not looked at. */
CODE(branches, "nop; b 1f; nop; 1: nop; bc 12,2,2f; nop; 2: nop");
CODE(stores, "stw 3,0(4); nop");
CODE(traced_return, "mtsrr0 5; mtsrr1 4; rfid");

static void expect_trace(const char *name, const u32 *code, u64 at, u64 msr)
{
    bool good = record.vector == 0xd00 && record.srr0 == (u64)code + at &&
                (record.srr1 & ~0x783f0000ull) == msr;
    report(name, good, record.vector == 0xd00 ? record.srr0 : record.vector, (u64)code + at);
}

static void test_trace(void)
{
    run_r(nops, REAL | MSR_SE, 0, 0, 0);
    expect_trace("trace-single-step", nops, 4, REAL | MSR_SE);
    run_r(nops, USER | MSR_SE, 0, 0, 0);
    expect_trace("trace-single-step-user", nops, 4, USER | MSR_SE);
    run_r(branches + 1, REAL | MSR_SE, 0, 0, 0);
    expect_trace("trace-single-step-branch", branches, 12, REAL | MSR_SE);
    run_r(branches, REAL | MSR_BE, 0, 0, 0);
    expect_trace("trace-branch", branches, 12, REAL | MSR_BE);
    run_r(branches + 3, REAL | MSR_BE, 0, 0, 0);
    expect_trace("trace-branch-not-taken", branches, 20, REAL | MSR_BE);
    static volatile u32 word;
    run_r(stores, REAL | MSR_SE, 77, (u64)&word, 0);
    expect_trace("trace-store", stores, 4, REAL | MSR_SE);
    expect_value("trace-store-done", word, 77);
    run_r(illegal + 1, REAL | MSR_SE, 0, 0, 0);
    expect("trace-not-after-program-interrupt", illegal, REAL | MSR_SE, 0x700, 4, ILLEGAL);
    run_r(call + 1, REAL | MSR_SE, 0, 0, 0);
    expect("trace-not-after-sc", call, REAL | MSR_SE, 0xc00, 8, 0);
    run_r(traced_return, REAL, 0, REAL | MSR_SE, (u64)nops);
    expect_trace("trace-not-after-rfid", nops, 4, REAL | MSR_SE);
    run_decrementer = -1ull;
    run_r(nops, REAL | MSR_SE | MSR_EE, 0, 0, 0);
    expect("trace-decrementer-comes-first", nops, REAL | MSR_SE | MSR_EE, 0x900, 0, 0);
    run_decrementer = 0x7fffffff;
    run_r(dec_then_ee + 3, REAL | MSR_SE, 0, MSR_EE, 0);
    expect_trace("trace-one-instruction", dec_then_ee, 16, REAL | MSR_SE);
    run_r(nops, REAL | MSR_BE, 0, 0, 0);
    expect("trace-branch-without-branches", nops, REAL | MSR_BE, 0, 0, 0);
}

/* FPSCR.FEX is set while MSR does not ask for floating-point exceptions; then an MSR asks for them.
 */
CODE(enable_by_mtmsrd, "mtfsb1 27; mtfsb1 5; mtmsrd 3; nop");
CODE(enable_by_mtmsr, "mtfsb1 27; mtfsb1 5; mtmsr 3; nop");
CODE(enable_by_rfid, "mtfsb1 27; mtfsb1 5; mtsrr0 5; mtsrr1 4; rfid");
CODE(enable_nothing, "mtfsb1 5; mtmsrd 3; nop");
CODE(clear_fpscr, "mtfsb0 27; mtfsb0 5");
#define FLOAT_NEXT 0x110000 /* floating-point exception; SRR0 is the next instruction */

static void test_float_enable(void)
{
    static const u64 modes[] = { MSR_FE0, MSR_FE1, MSR_FE0 | MSR_FE1 };
    static const char *const names[] = { "fe0", "fe1", "both" };
    for (unsigned i = 0; i < 3; i++) {
        u64 msr = REAL | MSR_FP | modes[i];
        run_r(enable_by_mtmsrd, REAL | MSR_FP, msr, 0, 0);
        expect(named("fex-mtmsrd", names[i], ""), enable_by_mtmsrd, msr, 0x700, 12, FLOAT_NEXT);
        run_r(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
        run_r(enable_by_mtmsr, REAL | MSR_FP, msr, 0, 0);
        expect(named("fex-mtmsr", names[i], ""), enable_by_mtmsr, msr, 0x700, 12, FLOAT_NEXT);
        run_r(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
        run_r(enable_by_rfid, REAL | MSR_FP, 0, msr, (u64)nops);
        expect(named("fex-rfid", names[i], ""), nops, msr, 0x700, 0, FLOAT_NEXT);
        run_r(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
    }
    run_r(enable_by_mtmsrd, REAL | MSR_FP, REAL | MSR_FP, 0, 0);
    expect("fex-mtmsrd-neither", enable_by_mtmsrd, REAL | MSR_FP, 0, 0, 0);
    run_r(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
    run_r(enable_nothing, REAL | MSR_FP, REAL | MSR_FP | MSR_FE0, 0, 0);
    expect("fex-clear-mtmsrd", enable_nothing, REAL | MSR_FP, 0, 0, 0);
    run_r(clear_fpscr, REAL | MSR_FP, 0, 0, 0);
}

void tests(void)
{
    test_all_entries();
    test_other_order();
    test_swapped_program();
    test_masks();
    test_32_bit();
    test_decrementer();
    test_external();
    test_cede();
    test_trace();
    test_float_enable();
}
