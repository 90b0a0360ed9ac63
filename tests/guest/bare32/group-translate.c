/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block, segment and page translation (PEM chapter 7; MPC7400 UM chapter 5).
 */
#include "bare32.h"

#define R     0x100u
#define C     0x80u
#define PTE_W 0x40u
#define PTE_I 0x20u
#define PTE_M 0x10u
#define PTE_G 0x08u
#define KS    0x40000000u
#define KP    0x20000000u
#define N     0x10000000u
#define T     0x80000000u

CODE(load, "lwz 3,0(4)");
CODE(store, "stw 3,0(4)");
CODE(reserve, "lwarx 3,0,4");
CODE(conditional, "stwcx. 3,0,4");
CODE(zero_block, "dcbz 0,4");
CODE(flush_block, "dcbst 0,4");
CODE(touch, "dcbt 0,4");
CODE(touch_store, "dcbtst 0,4");
CODE(instruction_block, "icbi 0,4");
CODE(invalidate_block, "dcbi 0,4");
CODE(load_vector, "lvx 3,0,4");
CODE(store_float, "stfd 3,0(4)");
CODE(load_many, "lmw 28,0(4)");
CODE(store_string, "stswi 5,4,8");

/* Whether an instruction fetch from EA works: jumps there; a `sc` with the mark stands there. */
static u32 fetch(u32 ea, u32 msr)
{
    run((const void *)ea, msr, 0, 0, 0);
    return record.vector == 0xc00 ? 0 : record.vector;
}

static void put_code(u32 real)
{
    *(volatile u32 *)real = 0x44000002;
    *(volatile u32 *)(real + 4) = 0x504f4b21;
    __asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; isync" : : "r"(real) : "memory");
}

/* --- pages: keys, protection, R and C --------------------------------------------------------- */

static void test_protection(void)
{
    static const char *const names[] = { "pp-0", "pp-1", "pp-2", "pp-3" };
    for (unsigned user = 0; user < 2; user++)
        for (unsigned key = 0; key < 2; key++)
            for (unsigned pp = 0; pp < 4; pp++) {
                u32 msr = user ? USER : VIRTUAL, ea = fresh_ea();
                const char *name =
                    named(names[pp], key ? "key-1" : "key-0", user ? "user" : "super");
                bool readable = !key || pp, writable = pp == 2 || (!key && pp != 3);
                set_segment(4, 0x400 | (key ? (user ? KP : KS) : (user ? KS : KP)));
                volatile u32 *entry = map(ea, fresh_page(), pp | PTE_M, false);
                if (readable)
                    completes(named(name, "load", ""), load, msr, ea + 8);
                else
                    data_fault(named(name, "load", ""), load, msr, ea + 8, PROTECTION);
                expect_value(named(name, "load", "rc"), *entry & (R | C), readable ? R : 0);
                if (writable)
                    completes(named(name, "store", ""), store, msr, ea + 8);
                else
                    data_fault(named(name, "store", ""), store, msr, ea + 8, PROTECTION | STORE);
                expect_value(named(name, "store", "rc"), *entry & (R | C),
                             writable   ? R | C
                             : readable ? R
                                        : 0);
                unmap(entry);
                tlbie(ea);
            }
    set_segment(4, 0x400);
}

static void test_missing(void)
{
    u32 ea = fresh_ea();
    data_fault("none-load", load, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("none-store", store, VIRTUAL, ea, NO_TRANSLATION | STORE);
    data_fault("none-user-load", load, USER, ea, NO_TRANSLATION);
    data_fault("none-lwarx", reserve, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("none-dcbz", zero_block, VIRTUAL, ea, NO_TRANSLATION | STORE);
    data_fault("none-dcbst", flush_block, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("none-icbi", instruction_block, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("none-dcbi", invalidate_block, VIRTUAL, ea, NO_TRANSLATION | STORE);
    data_fault("none-lvx", load_vector, VIRTUAL | MSR_VEC, ea, NO_TRANSLATION);
    data_fault("none-stfd", store_float, VIRTUAL | MSR_FP, ea, NO_TRANSLATION | STORE);
    data_fault("none-lmw", load_many, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("none-stswi", store_string, VIRTUAL, ea, NO_TRANSLATION | STORE);
    completes("none-dcbt", touch, VIRTUAL, ea);
    completes("none-dcbtst", touch_store, VIRTUAL, ea);
    expect_value("none-fetch", fetch(ea, VIRTUAL), 0x400);
    expect_value("none-fetch-srr1", record.srr1, VIRTUAL | NO_TRANSLATION);
    expect_value("none-fetch-srr0", record.srr0, ea);
    run(load, REAL, 0, 0x20000, 0);
    expect_value("real-load", record.vector, 0);
}

static void test_groups(void)
{
    u32 ea = fresh_ea(), real = fresh_page();
    volatile u32 *entry = map(ea, real, 2, true);
    *(volatile u32 *)(real + 4) = 0x11223344;
    completes("secondary", load, VIRTUAL, ea + 4);
    expect_value("secondary-value", record.gpr[3], 0x11223344);
    expect_value("secondary-r", *entry & (R | C), R);
    unmap(entry);
    completes("kept-until-tlbie", load, VIRTUAL, ea + 4);
    tlbie(ea);
    data_fault("gone-after-tlbie", load, VIRTUAL, ea + 4, NO_TRANSLATION);
    /* An entry of the other group's kind in the wrong group does not count. */
    entry = map(ea, real, 2, false);
    entry[-1] |= 0x40;
    data_fault("wrong-h", load, VIRTUAL, ea + 4, NO_TRANSLATION);
    entry[-1] ^= 0x41;
    data_fault("wrong-api", load, VIRTUAL, ea + 4, NO_TRANSLATION);
    entry[-1] ^= 0x01 | 0x80;
    data_fault("wrong-vsid", load, VIRTUAL, ea + 4, NO_TRANSLATION);
    unmap(entry);
    /* All eight entries of the group are looked at. */
    volatile u32 *entries[8];
    for (unsigned i = 0; i < 7; i++) {
        entries[i] = map(ea, real, 2, false);
        entries[i][-1] ^= 0x20;
    }
    entries[7] = map(ea, real, 2, false);
    completes("eighth-entry", load, VIRTUAL, ea + 4);
    expect_value("eighth-entry-value", record.gpr[3], 0x11223344);
    for (unsigned i = 0; i < 8; i++)
        unmap(entries[i]);
    tlbie(ea);
}

static void test_change(void)
{
    u32 ea = fresh_ea(), real = fresh_page();
    volatile u32 *entry = map(ea, real, 2, false);
    completes("load-first", load, VIRTUAL, ea);
    expect_value("load-sets-r", *entry & (R | C), R);
    completes("then-store", store, VIRTUAL, ea);
    expect_value("store-sets-c", *entry & (R | C), R | C);
    expect_value("stored", *(volatile u32 *)real, 0x01234567);
    *entry &= ~(R | C);
    completes("again", store, VIRTUAL, ea);
    expect_value("no-second-marking", *entry & (R | C), 0);
    tlbie(ea);
    completes("again-after-tlbie", store, VIRTUAL, ea);
    expect_value("marked-again", *entry & (R | C), R | C);
    unmap(entry);
    tlbie(ea);
    /* What faults on its second page marks and stores nothing on the second. */
    u32 first = fresh_ea(), one = fresh_page();
    fresh_ea();
    entry = map(first, one, 2, false);
    run(store, VIRTUAL, 0xffffffff, first + 0xffe, 0);
    expect_value("crossing-vector", record.vector, 0x300);
    expect_value("crossing-dsisr", record.dsisr, NO_TRANSLATION | STORE);
    expect_value("crossing-stores-nothing", *(volatile u32 *)(one + 0xffc), 0);
    unmap(entry);
    tlbie(first);
}

/* --- fetches ---------------------------------------------------------------------------------- */

static void test_fetch(void)
{
    u32 ea = fresh_ea(), real = fresh_page();
    put_code(real);
    volatile u32 *entry = map(ea, real, 2, false);
    expect_value("fetch", fetch(ea, VIRTUAL), 0);
    expect_value("fetch-sets-r", *entry & (R | C), R);
    set_segment(4, 0x400 | N);
    expect_value("no-execute", fetch(ea, VIRTUAL), 0x400);
    expect_value("no-execute-srr1", record.srr1, VIRTUAL | NO_EXECUTE);
    completes("no-execute-load", load, VIRTUAL, ea);
    set_segment(4, 0x400 | KP);
    *entry = real;
    tlbie(ea);
    expect_value("fetch-pp-0-user", fetch(ea, USER), 0x400);
    expect_value("fetch-pp-0-user-srr1", record.srr1, USER | PROTECTION);
    expect_value("fetch-pp-0-super", fetch(ea, VIRTUAL), 0);
    set_segment(4, 0x400);
    *entry = real | 2 | PTE_G;
    tlbie(ea);
    expect_value("fetch-guarded", fetch(ea, VIRTUAL), 0x400);
    expect_value("fetch-guarded-srr1", record.srr1, VIRTUAL | NO_EXECUTE);
    completes("load-guarded", load, VIRTUAL, ea);
    unmap(entry);
    tlbie(ea);
}

/* --- attributes ------------------------------------------------------------------------------- */

static void test_attributes(void)
{
    u32 ea = fresh_ea(), real = fresh_page();
    volatile u32 *entry = map(ea, real, 2 | PTE_W, false);
    completes("write-through-load", load, VIRTUAL, ea);
    data_fault("write-through-lwarx", reserve, VIRTUAL, ea, ATTRIBUTE);
    data_fault("write-through-stwcx", conditional, VIRTUAL, ea, ATTRIBUTE | STORE);
    run(zero_block, VIRTUAL, 0, ea + 36, 0);
    expect("write-through-dcbz", zero_block, VIRTUAL, 0x600, 0, 0);
    expect_value("write-through-dcbz-dar", record.dar, ea + 36);
    *entry = real | 2 | PTE_I | PTE_G;
    tlbie(ea);
    completes("inhibited-load", load, VIRTUAL, ea);
    completes("inhibited-store", store, VIRTUAL, ea);
    run(zero_block, VIRTUAL, 0, ea, 0);
    expect("inhibited-dcbz", zero_block, VIRTUAL, 0x600, 0, 0);
    *entry = real | 2 | PTE_M;
    tlbie(ea);
    *(volatile u32 *)(real + 28) = *(volatile u32 *)(real + 32) = *(volatile u32 *)(real + 64) = 9;
    completes("dcbz", zero_block, VIRTUAL, ea + 44);
    expect_value("dcbz-before", *(volatile u32 *)(real + 28), 9);
    expect_value("dcbz-inside", *(volatile u32 *)(real + 32), 0);
    expect_value("dcbz-after", *(volatile u32 *)(real + 64), 9);
    unmap(entry);
    tlbie(ea);
}

/* --- segments --------------------------------------------------------------------------------- */

CODE(segment_moves, "mtsr 5,3; mfsr 6,5; mtsrin 4,5; mfsrin 7,5; mfsr 8,5");

static void test_segments(void)
{
    run(segment_moves, REAL, 0x70abcdef, 0x0fffffff, 0x5fffffff);
    expect_value("mfsr", record.gpr[6], 0x70abcdef);
    expect_value("mfsrin", record.gpr[7] & 0xf0ffffff, 0x00ffffff);
    expect_value("mtsrin-same-register", record.gpr[8], record.gpr[7]);
    set_segment(5, T);
    data_fault("direct-store-load", load, VIRTUAL, 0x50000000, ATTRIBUTE);
    data_fault("direct-store-store", store, VIRTUAL, 0x50000000, ATTRIBUTE | STORE);
    expect_value("direct-store-fetch", fetch(0x50000000, VIRTUAL), 0x400);
    expect_value("direct-store-fetch-srr1", record.srr1, VIRTUAL | NO_EXECUTE);
    /* Two segments with one VSID name the same pages; another VSID, others. */
    set_segment(5, 0x500);
    u32 offset = 0x01234000, real = fresh_page(), other = fresh_page();
    volatile u32 *entry = map(0x50000000 + offset, real, 2, false);
    *(volatile u32 *)real = 0x55550000;
    *(volatile u32 *)other = 0x66660000;
    set_segment(6, 0x500);
    completes("alias", load, VIRTUAL, 0x60000000 + offset);
    expect_value("alias-value", record.gpr[3], 0x55550000);
    set_segment(6, 0x600);
    data_fault("other-vsid", load, VIRTUAL, 0x60000000 + offset, NO_TRANSLATION);
    volatile u32 *second = map(0x60000000 + offset, other, 2, false);
    completes("other-vsid-mapped", load, VIRTUAL, 0x60000000 + offset);
    expect_value("other-vsid-value", record.gpr[3], 0x66660000);
    set_segment(6, 0x500);
    completes("vsid-back", load, VIRTUAL, 0x60000000 + offset);
    expect_value("vsid-back-value", record.gpr[3], 0x55550000);
    set_segment(6, 0x600);
    /* tlbie takes all address spaces, and all addresses of the class. */
    unmap(entry);
    unmap(second);
    tlbie(0x30000000 | (offset & 0x3f000));
    data_fault("class-one", load, VIRTUAL, 0x50000000 + offset, NO_TRANSLATION);
    data_fault("class-two", load, VIRTUAL, 0x60000000 + offset, NO_TRANSLATION);
    entry = map(0x50000000 + offset, real, 2, false);
    completes("class-other", load, VIRTUAL, 0x50000000 + offset);
    unmap(entry);
    tlbie(offset ^ 0x1000);
    if (!on_qemu)
        completes("class-other-kept", load, VIRTUAL, 0x50000000 + offset);
    tlbie(offset);
    data_fault("class-gone", load, VIRTUAL, 0x50000000 + offset, NO_TRANSLATION);
    /* The large VSID is used in full. */
    set_segment(7, 0x00abcdef);
    entry = map(0x70005000, real, 2, false);
    completes("large-vsid", load, VIRTUAL, 0x70005000);
    expect_value("large-vsid-value", record.gpr[3], 0x55550000);
    unmap(entry);
    tlbie(0x5000);
    set_segment(7, 0x700);
}

/* --- blocks
 * ------------------------------------------------------------------------------------------------
 */

#define BLOCK 0x90000000u
static void set_block(u32 upper, u32 lower)
{
    MTSPR(542, 0);
    MTSPR(543, lower);
    MTSPR(542, upper);
}

static void test_blocks(void)
{
    *(volatile u32 *)0x500010 = 0x77778888;
    *(volatile u32 *)0x600010 = 0x99990000;
    set_block(BLOCK | 2, 0x500000 | 2); /* 128 KiB, supervisor, read and write */
    completes("block", load, VIRTUAL, BLOCK + 0x10);
    expect_value("block-value", record.gpr[3], 0x77778888);
    data_fault("block-not-user", load, USER, BLOCK + 0x10, NO_TRANSLATION);
    data_fault("block-end", load, VIRTUAL, BLOCK + 0x20000, NO_TRANSLATION);
    completes("block-last", load, VIRTUAL, BLOCK + 0x1fffc);
    set_block(BLOCK | 1, 0x500000 | 2);
    completes("block-user", load, USER, BLOCK + 0x10);
    data_fault("block-not-super", load, VIRTUAL, BLOCK + 0x10, NO_TRANSLATION);
    set_block(BLOCK | 3, 0x500000 | 1);
    completes("block-pp-1-load", load, VIRTUAL, BLOCK + 0x10);
    data_fault("block-pp-1-store", store, VIRTUAL, BLOCK + 0x14, PROTECTION | STORE);
    set_block(BLOCK | 3, 0x500000 | 3);
    completes("block-pp-3-load", load, USER, BLOCK + 0x10);
    data_fault("block-pp-3-store", store, USER, BLOCK + 0x14, PROTECTION | STORE);
    set_block(BLOCK | 3, 0x500000);
    data_fault("block-pp-0-load", load, VIRTUAL, BLOCK + 0x10, PROTECTION);
    set_block(BLOCK | 0x1c | 3, 0x400000 | 2); /* 1 MiB */
    completes("block-large", load, VIRTUAL, BLOCK + 0xfff00);
    data_fault("block-large-end", load, VIRTUAL, BLOCK + 0x100000, NO_TRANSLATION);
    set_block(BLOCK | 0x7c | 3, 0x400000 | 2); /* 4 MiB */
    completes("block-4m", load, VIRTUAL, BLOCK + 0x200010);
    expect_value("block-4m-value", record.gpr[3], 0x99990000);
    set_block(BLOCK | 3, 0x600000 | 2);
    completes("block-moved", load, VIRTUAL, BLOCK + 0x10);
    expect_value("block-moved-value", record.gpr[3], 0x99990000);
    /* A block is stronger than a page. */
    set_segment(9, 0x900);
    volatile u32 *entry = map(BLOCK, 0x500000, 2, false);
    completes("block-over-page", load, VIRTUAL, BLOCK + 0x10);
    expect_value("block-over-page-value", record.gpr[3], 0x99990000);
    expect_value("block-over-page-unmarked", *entry & (R | C), 0);
    set_block(0, 0);
    completes("page-without-block", load, VIRTUAL, BLOCK + 0x10);
    expect_value("page-without-block-value", record.gpr[3], 0x77778888);
    unmap(entry);
    tlbie(BLOCK);
    /* Data and instruction blocks are separate. */
    put_code(0x500100);
    set_block(BLOCK | 3, 0x500000 | 2);
    expect_value("data-block-fetch", fetch(BLOCK + 0x100, VIRTUAL), 0x400);
    MTSPR(535, 0x500000 | 2);
    MTSPR(534, BLOCK | 3);
    expect_value("block-fetch", fetch(BLOCK + 0x100, VIRTUAL), 0);
    MTSPR(535, 0x500000);
    expect_value("block-fetch-pp-0", fetch(BLOCK + 0x100, VIRTUAL), 0x400);
    expect_value("block-fetch-pp-0-srr1", record.srr1, VIRTUAL | PROTECTION);
    MTSPR(534, 0);
    set_block(BLOCK | 3, 0x500000 | 2 | PTE_W);
    data_fault("block-write-through-lwarx", reserve, VIRTUAL, BLOCK, ATTRIBUTE);
    set_block(0, 0);
}

/* Four more pairs, behind a bit of HID0, where there are. */
static void test_high_blocks(void)
{
    if (on_qemu || MFSPR(287) >> 16 != 0x8003)
        return;
    MTSPR(569, 0x500000 | 2);
    MTSPR(568, 0xa0000000 | 3);
    data_fault("high-block-off", load, VIRTUAL, 0xa0000010, NO_TRANSLATION);
    MTSPR(1008, 0x00800000);
    completes("high-block-on", load, VIRTUAL, 0xa0000010);
    expect_value("high-block-value", record.gpr[3], 0x77778888);
    MTSPR(1008, 0);
    data_fault("high-block-off-again", load, VIRTUAL, 0xa0000010, NO_TRANSLATION);
}

/* A larger table: more bits of the hash count. */
static void test_table_size(void)
{
    u32 ea = 0x4ABCD000, real = fresh_page(), table = 0x340000;
    for (u32 at = table; at < table + 0x40000; at += 4)
        *(volatile u32 *)at = 0;
    u32 hash = 0x400 ^ (ea >> 12 & 0xffff);
    volatile u32 *group = (volatile u32 *)(table | (hash & 0xfff) << 6);
    group[1] = real | 2;
    group[0] = 0x80000000 | 0x400 << 7 | (ea >> 22 & 0x3f);
    *(volatile u32 *)real = 0xabcdabcd;
    MTSPR(25, table | 3);
    completes("large-table", load, VIRTUAL, ea);
    expect_value("large-table-value", record.gpr[3], 0xabcdabcd);
    expect_value("large-table-r", group[1] & (R | C), R);
    tlbie(ea);
    MTSPR(25, 0x300000);
    data_fault("small-table-again", load, VIRTUAL, ea, NO_TRANSLATION);
}

void tests(void)
{
    test_protection();
    test_missing();
    test_groups();
    test_change();
    test_fetch();
    test_attributes();
    test_segments();
    test_blocks();
    test_high_blocks();
    test_table_size();
}
