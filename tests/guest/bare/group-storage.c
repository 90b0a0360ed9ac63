/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alignment, accesses that cross pages, reservations, cache blocks, quadwords, self-modifying code
 * (Power ISA 3.0B, Book II 1 and 4; Book III 6.5.8).
 */
#include "bare.h"

/* Atomic accesses: X(name, size in bytes, load text, store text). */
#define ATOMICS(X)                                                                                 \
    X(byte, 1, "lbarx 6,0,4", "stbcx. 6,0,4")                                                      \
    X(half, 2, "lharx 6,0,4", "sthcx. 6,0,4")                                                      \
    X(word, 4, "lwarx 6,0,4", "stwcx. 6,0,4")                                                      \
    X(double, 8, "ldarx 6,0,4", "stdcx. 6,0,4")                                                    \
    X(quad, 16, "lqarx 6,0,4", "stqcx. 6,0,4")
#define ATOMIC_CODE(n, size, load, store)                                                          \
    CODE(load_##n, "nop;" load);                                                                   \
    CODE(store_##n, "nop;" store);                                                                 \
    CODE(pair_##n, load ";" store);                                                                \
    CODE(pair_other_block_##n, load "; addi 4,4,128;" store);                                      \
    CODE(pair_stored_between_##n, load "; std 3,64(4);" store);                                    \
    CODE(twice_##n, load ";" store ";" store);
#define ATOMIC_ENTRY(n, size, load, store)                                                         \
    {                                                                                              \
        #n,                                                                                        \
        size,                                                                                      \
        load_##n,                                                                                  \
        store_##n,                                                                                 \
        pair_##n,                                                                                  \
        pair_other_block_##n,                                                                      \
        pair_stored_between_##n,                                                                   \
        twice_##n                                                                                  \
    },
ATOMICS(ATOMIC_CODE)
static const struct {
    const char *name;
    unsigned size;
    const u32 *load, *store, *pair, *other_block, *stored_between, *twice;
} atomics[] = { ATOMICS(ATOMIC_ENTRY) };

typedef unsigned char byte;
static byte area[1024] __attribute__((aligned(1024)));

static unsigned cr0(void)
{
    return record.cr >> 28;
}

static void test_atomics(void)
{
    u64 place = (u64)area;
    for (unsigned i = 0; i < sizeof atomics / sizeof *atomics; i++) {
        const char *name = atomics[i].name;
        for (unsigned off = 1; off < atomics[i].size; off *= 2)
            for (unsigned user = 0; user < 2; user++) {
                u64 msr = user ? USER : REAL;
                const char *where = named(name,
                                          off == 1   ? "by-1"
                                          : off == 2 ? "by-2"
                                          : off == 4 ? "by-4"
                                                     : "by-8",
                                          user ? "user" : "real");
                unaligned(named("unaligned-load", where, ""), atomics[i].load, msr, place + off);
                unaligned(named("unaligned-store", where, ""), atomics[i].store, msr, place + off);
            }
        run_r(atomics[i].pair, REAL, 0, place, 0);
        expect_value(named("pair", name, ""), cr0(), 2);
        run_r(atomics[i].store, REAL, 0, place, 0);
        expect_value(named("store-alone", name, ""), cr0(), 0);
        run_r(atomics[i].twice, REAL, 0, place, 0);
        expect_value(named("second-store", name, ""), cr0(), 0);
        run_r(atomics[i].other_block, REAL, 0, place, 0);
        expect_value(named("other-block", name, ""), cr0(), 0);
        run_r(atomics[i].stored_between, REAL, 0, place, 0);
        expect_value(named("own-store-between", name, ""), cr0(), 2);
    }
}

/* A reservation survives interrupts; CR0 takes SO. */
CODE(reserve, "lwarx 6,0,4");
CODE(conditional, "stwcx. 7,0,4");
CODE(pair_so, "lwarx 6,0,4; stwcx. 6,0,4");

static void test_reservation(void)
{
    run_r(reserve, REAL, 0, (u64)area, 0);
    run_r(conditional, REAL, 0, (u64)area, 0);
    expect_value("reservation-survives-interrupt", cr0(), 2);
    Inputs so = { { 0, (u64)area }, 0, 0, 0x80000000, 0 };
    run(pair_so, REAL, &so);
    expect_value("conditional-store-copies-so", cr0(), 3);
    *(volatile u32 *)area = 5;
    run_r(conditional, REAL, 0, (u64)area, 0);
    expect_value("failed-store-stores-nothing", *(volatile u32 *)area, 5);
}

/*
 * Other accesses that must be aligned, or that little-endian mode forbids; those are given as words
 * because the assembler forbids them too: lmw and stmw 29,0(4), lswi and stswi 9,4,8, lswx and
 * stswx 9,0,4, copy 0,4.
 */
CODE(lmw, "nop; .long 0xbba40000");
CODE(stmw, "nop; .long 0xbfa40000");
CODE(lswi, "nop; .long 0x7d2444aa");
CODE(stswi, "nop; .long 0x7d2445aa");
CODE(lswx, "nop; .long 0x7d20242a");
CODE(stswx, "nop; .long 0x7d20252a");
CODE(lq, "nop; lq 6,0(4)");
CODE(stq, "nop; stq 6,0(4)");
CODE(ld_unaligned, "nop; ld 3,0(4)");
CODE(lwz_unaligned, "nop; lwz 3,0(4)");
CODE(lhbrx, "nop; lhbrx 3,0,4");
CODE(copy_unaligned, "nop; .long 0x7c20260c");

static void test_alignment(void)
{
    u64 place = (u64)area;
    static const struct {
        const char *name;
        const u32 *code;
    } multiples[] = { { "lmw", lmw }, { "stmw", stmw }, { "lswi", lswi }, { "stswi", stswi } };
    for (unsigned i = 0; i < 4; i++)
        for (unsigned user = 0; user < 2; user++) {
            const char *name = named(multiples[i].name, user ? "user" : "real",
                                     LITTLE ? "little-endian" : "big-endian");
            if (LITTLE)
                unaligned(name, multiples[i].code, user ? USER : REAL, place);
            else
                completes(name, multiples[i].code, user ? USER : REAL, place);
        }
    for (unsigned user = 0; user < 2; user++) {
        u64 msr = user ? USER : REAL;
        const char *who = user ? "user" : "real";
        completes(named("lq-aligned", who, ""), lq, msr, place);
        unaligned(named("lq-unaligned", who, ""), lq, msr, place + 8);
        unaligned(named("stq-unaligned", who, ""), stq, msr, place + 4);
        unaligned(named("copy-unaligned", who, ""), copy_unaligned, msr, place + 8);
        completes(named("ld-unaligned", who, ""), ld_unaligned, msr, place + 3);
        completes(named("lwz-unaligned", who, ""), lwz_unaligned, msr, place + 1);
        completes(named("lhbrx-unaligned", who, ""), lhbrx, msr, place + 127);
    }
    Inputs none = { { 0, place }, 0, 0, 0, 0 };
    run(lswx, REAL, &none);
    expect_value("lswx-of-nothing", record.vector, LITTLE ? 0x600 : 0);
    run(stswx, REAL, &none);
    expect_value("stswx-of-nothing", record.vector, LITTLE ? 0x600 : 0);
}

/* Quadwords: which register holds which half does not depend on the byte order. */
CODE(lq_value, "lq 6,0(4)");
CODE(stq_value, "stq 6,0(4)");
CODE(add_one, "lqarx 8,0,4; addi 9,9,1; stqcx. 8,0,4; lq 6,0(4)");

static void test_quad(void)
{
    volatile u64 *words = (volatile u64 *)area;
    words[0] = 0x1111;
    words[1] = 0x2222;
    run_r(lq_value, REAL, 0, (u64)area, 0);
    expect_value("lq-even", record.gpr[6], LITTLE ? 0x2222 : 0x1111);
    expect_value("lq-odd", record.gpr[7], LITTLE ? 0x1111 : 0x2222);
    Inputs inputs = { { 0, (u64)area, 0, 0x3333, 0x4444 }, 0, 0, 0, 0 };
    run(stq_value, USER, &inputs);
    expect_value("stq-first", words[0], LITTLE ? 0x4444 : 0x3333);
    expect_value("stq-second", words[1], LITTLE ? 0x3333 : 0x4444);
    run_r(add_one, USER, 0, (u64)area, 0);
    expect_value("lqarx-stqcx", record.gpr[7], 0x4445);
}

/* Accesses across two pages, the second of which does not let them. */
CODE(cross_ld, "nop; ld 3,0(4)");
CODE(cross_lwz, "nop; lwz 3,0(4)");
CODE(cross_lhz, "nop; lhz 3,0(4)");
CODE(cross_std, "nop; std 3,0(4)");
CODE(cross_stw, "nop; stw 3,0(4)");
CODE(cross_sth, "nop; sth 3,0(4)");
CODE(cross_stdbrx, "nop; stdbrx 3,0,4");
CODE(cross_stdu, "nop; stdu 3,16(4)");
CODE(cross_lxv, "nop; lxv 5,0(4)");
CODE(cross_stxv, "nop; stxv 5,0(4)");
CODE(cross_stxvd2x, "nop; stxvd2x 5,0,4");

static void test_crossing(void)
{
    static const struct {
        const char *name;
        const u32 *code;
        unsigned size;
        bool store;
    } accesses[] = {
        { "ld", cross_ld, 8, false },        { "lwz", cross_lwz, 4, false },
        { "lhz", cross_lhz, 2, false },      { "std", cross_std, 8, true },
        { "stw", cross_stw, 4, true },       { "sth", cross_sth, 2, true },
        { "stdbrx", cross_stdbrx, 8, true }, { "lxv", cross_lxv, 16, false },
        { "stxv", cross_stxv, 16, true },    { "stxvd2x", cross_stxvd2x, 16, true },
    };
    u64 first = fresh_mapping(P_ALL), real = last_real, second_real = fresh_page();
    u64 second = first + 4096;
    u64 msr = USER | MSR_VSX | MSR_FP | MSR_VEC;
    static volatile byte *page;
    for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++)
        for (unsigned writable = 0; writable < 2; writable++) {
            u64 ea = second - accesses[i].size / 2;
            page = (volatile byte *)real;
            for (unsigned j = 4080; j < 4096; j++)
                page[j] = 0x55;
            put_entry(entry_of(1, second, 12),
                      writable ? P_LEAF | second_real | P_R | P_C | P_READ : 0);
            flush_page(second);
            const char *name =
                named("cross", accesses[i].name, writable ? "read-only" : "unmapped");
            bool faults = !writable || accesses[i].store;
            run_r(accesses[i].code, msr, ~0ull, ea, 0);
            expect(name, accesses[i].code, msr, faults ? 0x300 : 0, 4, 0);
            if (faults) {
                expect_value(named(name, "dsisr", ""), record.dsisr,
                             (writable ? PROTECTION : NO_TRANSLATION) |
                                 (accesses[i].store ? STORE : 0));
                expect_value(named(name, "dar", ""), record.dar, second);
            }
            unsigned changed = 0;
            for (unsigned j = 4080; j < 4096; j++)
                changed += page[j] != 0x55;
            expect_value(named(name, "stores-nothing", ""), changed, 0);
        }
    put_entry(entry_of(1, second, 12), P_LEAF | second_real | P_ALL);
    run_r(cross_std, USER, 0x0102030405060708, second - 3, 0);
    expect_value("cross-std-low-page", ((byte *)real)[4095], LITTLE ? 6 : 3);
    expect_value("cross-std-high-page", *(byte *)second_real, LITTLE ? 5 : 4);
    run_r(cross_ld, USER, 0, second - 3, 0);
    expect_value("cross-ld", record.gpr[3], 0x0102030405060708);
    put_entry(entry_of(1, second, 12), 0);
    flush_page(second);
    run_r(cross_stdu, USER, 1, second - 20, 0);
    expect_value("cross-stdu-keeps-base", record.gpr[4], second - 20);
}

/* Blocks of 128 bytes. */
CODE(zero, "dcbz 0,4");

static void test_blocks(void)
{
    for (unsigned i = 0; i < 512; i++)
        ((volatile byte *)area)[i] = 0xff;
    run_r(zero, USER, 0, (u64)area + 128 + 77, 0);
    unsigned zeros = 0, kept = 0;
    for (unsigned i = 0; i < 512; i++) {
        zeros += i / 128 == 1 && ((volatile byte *)area)[i] == 0;
        kept += i / 128 != 1 && ((volatile byte *)area)[i] == 0xff;
    }
    expect_value("dcbz-zeroes-128", zeros, 128);
    expect_value("dcbz-keeps-the-rest", kept, 384);
}

/* A program that changes itself, with the architected sequence. */
CODE(patches_next,
     "mr 6,3; bl 1f; 1: mflr 5; addi 5,5,2f-1b; stw 6,0(5); dcbst 0,5; sync; icbi 0,5; isync;"
     "2: li 3,1");
CODE(patches_loop, "li 3,0; bl 1f; 1: mflr 5; addi 5,5,2f-1b; li 7,2; mtctr 7; 2: addi 3,3,1;"
                   "stw 4,0(5); dcbst 0,5; sync; icbi 0,5; isync; bdnz 2b");

static void test_self_modifying(void)
{
    u64 original = patches_next[9];
    run_r(patches_next, REAL, 0x3860002a, 0, 0); /* li 3,42 */
    expect_value("patched-ahead", record.gpr[3], 42);
    run_r(patches_next, USER, original, 0, 0);
    expect_value("patched-back", record.gpr[3], 1);
    run_r(patches_loop, USER, 0, 0x38630064, 0); /* addi 3,3,100 */
    expect_value("patched-in-loop", record.gpr[3], 101);
    /* Seen through another mapping of the same page. */
    u64 ea = fresh_ea();
    map(1, ea, (u64)patches_next & ~0xfffull, 12, P_ALL);
    const void *alias = (const void *)(ea + ((u64)patches_next & 0xfff));
    run_r(alias, USER, 0x38600007, 0, 0);
    expect_value("patched-through-alias", record.gpr[3], 7);
    run_r(patches_next, USER, original, 0, 0);
    expect_value("patched-through-alias-back", record.gpr[3], 1);
}

void tests(void)
{
    test_atomics();
    test_reservation();
    test_alignment();
    test_quad();
    test_crossing();
    test_blocks();
    test_self_modifying();
}
