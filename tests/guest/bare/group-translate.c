/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Radix translation: which access faults how, and what becomes of R and C (Power ISA 3.0B, Book III
 * 5.7 and 6.5.3 to 6.5.6).
 */
#include "bare.h"

CODE(load_byte, "nop; lbz 3,0(4)");
CODE(load_double, "nop; ld 3,0(4)");
CODE(store_byte, "nop; stb 3,0(4)");
CODE(store_double, "nop; std 3,0(4)");
CODE(zero_block, "nop; dcbz 0,4");
CODE(flush_block, "nop; dcbf 0,4");
CODE(clean_block, "nop; dcbst 0,4");
CODE(touch_block, "nop; dcbt 0,4");
CODE(touch_store, "nop; dcbtst 0,4");
CODE(invalidate_code, "nop; icbi 0,4");
CODE(reserve, "nop; lwarx 3,0,4");
CODE(store_update, "nop; stdu 3,8(4)");
CODE(load_update, "nop; ldu 3,8(4)");

/* What a fetch test jumps to: the page holds this. */
static void put_return(u64 real)
{
    *(volatile u32 *)real = 0x44000002;
    *(volatile u32 *)(real + 4) = MARK;
    __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(real) : "memory");
}

/* A fetch from EA in MSR: the vector that ends it (0: it arrived), and SRR1's bits. */
static u64 fetch(u64 ea, u64 msr)
{
    run_r((const void *)ea, msr, 0, 0, 0);
    return record.vector == 0xc00 && record.srr0 == ea + 4 ? 0 : record.vector;
}

/*
 * Every combination of the four authority bits, for every access in both states. The write bit
 * allows loads too. A fetch that the privilege bit forbids sets either SRR1 bit 35 or 36: the
 * book's words fit both.
 */
static void test_authority(void)
{
    static const char *const bits[] = { "x", "w", "wx", "r", "rx", "rw", "rwx" };
    for (unsigned privileged = 0; privileged < 2; privileged++)
        for (unsigned rights = 1; rights < 8; rights++) {
            u64 ea = fresh_mapping(P_R | P_C | rights | (privileged ? P_PRIVILEGED : 0));
            put_return(last_real);
            for (unsigned user = 0; user < 2; user++) {
                u64 msr = user ? USER : VIRTUAL;
                const char *name = named(bits[rights - 1], privileged ? "kernel-page" : "user-page",
                                         user ? "from-user" : "from-kernel");
                bool open = !(user && privileged);
                bool load = open && rights & (P_READ | P_WRITE), store = open && rights & P_WRITE;
                bool execute = open && rights & P_EXECUTE;
                if (load)
                    completes(named("load", name, ""), load_double, msr, ea);
                else
                    data_fault(named("load", name, ""), load_double, msr, ea, PROTECTION);
                if (store)
                    completes(named("store", name, ""), store_double, msr, ea + 16);
                else
                    data_fault(named("store", name, ""), store_double, msr, ea + 16,
                               PROTECTION | STORE);
                u64 vector = fetch(ea, msr);
                expect_value(named("fetch", name, ""), vector, execute ? 0 : 0x400);
                if (!execute && open)
                    expect_value(named("fetch-srr1", name, ""), record.srr1, msr | NO_EXECUTE);
                else if (!execute)
                    expect_value(named("fetch-srr1", name, ""), record.srr1,
                                 msr | (record.srr1 & NO_EXECUTE ? NO_EXECUTE : PROTECTION));
            }
        }
}

/* Every instruction that accesses storage, at an address without translation. */
static void test_untranslated(void)
{
    u64 ea = fresh_ea() + 0x100;
    data_fault("no-translation-lbz", load_byte, VIRTUAL, ea, NO_TRANSLATION);
    data_fault("no-translation-ld-user", load_double, USER, ea, NO_TRANSLATION);
    data_fault("no-translation-stb", store_byte, USER, ea, NO_TRANSLATION | STORE);
    data_fault("no-translation-std", store_double, VIRTUAL, ea, NO_TRANSLATION | STORE);
    data_fault("no-translation-dcbz", zero_block, USER, ea, NO_TRANSLATION | STORE);
    data_fault("no-translation-dcbst", clean_block, USER, ea, NO_TRANSLATION);
    data_fault("no-translation-dcbf", flush_block, USER, ea, NO_TRANSLATION);
    completes("no-translation-dcbt", touch_block, USER, ea);
    completes("no-translation-dcbtst", touch_store, USER, ea);
    data_fault("no-translation-icbi", invalidate_code, USER, ea, NO_TRANSLATION);
    data_fault("no-translation-lwarx", reserve, USER, ea, NO_TRANSLATION);
    run_r(store_update, USER, 0, ea, 0);
    expect("no-translation-stdu", store_update, USER, 0x300, 4, 0);
    expect_value("no-translation-stdu-dar", record.dar, ea + 8);
    expect_value("no-translation-stdu-base", record.gpr[4], ea);
    run_r(load_update, USER, 7, ea, 0);
    expect_value("no-translation-ldu-base", record.gpr[4], ea);
    expect_value("no-translation-ldu-target", record.gpr[3], 7);
    for (unsigned user = 0; user < 2; user++) {
        u64 msr = user ? USER : VIRTUAL;
        expect_value(named("no-translation-fetch", user ? "user" : "kernel", ""),
                     fetch(ea & ~3ull, msr), 0x400);
        expect_value("no-translation-fetch-srr0", record.srr0, ea & ~3ull);
        expect_value("no-translation-fetch-srr1", record.srr1, msr | NO_TRANSLATION);
        expect_value("no-translation-fetch-dar", record.dar, 0xdadadada);
    }
}

/* IR and DR alone. */
static void test_halves(void)
{
    u64 ea = fresh_mapping(P_ALL), free = fresh_ea();
    completes("ir-only-load-is-real", load_double, REAL | MSR_IR, last_real);
    completes("dr-only-load-is-virtual", load_double, REAL | MSR_DR, ea);
    data_fault("dr-only-load-faults", load_double, REAL | MSR_DR, free, NO_TRANSLATION);
    completes("real-load", load_double, REAL, last_real);
    expect_value("ir-only-fetch-faults", fetch(free, REAL | MSR_IR), 0x400);
    expect_value("ir-only-fetch-srr1", record.srr1, REAL | MSR_IR | NO_TRANSLATION);
}

/* Invalid entries at each level, and each size of page. */
static void test_levels(void)
{
    static const unsigned shifts[] = { 39, 30, 21, 12 };
    static const char *const names[] = { "root", "level-2", "level-3", "level-4" };
    u64 base = 0x10000000000; /* a root entry of its own */
    for (unsigned level = 0; level < 4; level++) {
        u64 ea = base * (level + 1) + 0x123000;
        u64 *entry = entry_of(1, ea, shifts[level]);
        data_fault(named("invalid", names[level], ""), load_byte, USER, ea, NO_TRANSLATION);
        put_entry(entry, 0x7fffffffffffffff); /* all but valid */
        data_fault(named("invalid-with-bits", names[level], ""), store_byte, USER, ea,
                   NO_TRANSLATION | STORE);
        put_entry(entry, 0);
    }
    static const struct {
        const char *name;
        unsigned shift;
    } sizes[] = { { "4k", 12 }, { "64k", 16 }, { "2m", 21 }, { "1g", 30 } };
    for (unsigned i = 0; i < 4; i++) {
        u64 ea = 0x20000000000 * (i + 3),
            offset = 0x3456789 & ((1ull << sizes[i].shift) - 1) & ~7ull;
        u64 real = 0x4000000 & ~((1ull << sizes[i].shift) - 1);
        *(volatile u64 *)(real + offset) = 0x1111 * (i + 1);
        map(1, ea, real, sizes[i].shift, P_ALL);
        run_r(load_double, USER, 0, ea + offset, 0);
        expect_value(named("page-size", sizes[i].name, ""), record.gpr[3], 0x1111 * (i + 1));
        run_r(load_double, USER, 0, ea + (1ull << sizes[i].shift), 0);
        expect_value(named("page-size-end", sizes[i].name, ""), record.vector, 0x300);
    }
}

/* Address bits that no radix tree covers. */
static void test_quadrants(void)
{
    static const struct {
        const char *name;
        u64 ea;
    } bad[] = { { "1", 0x4000000000000000 },
                { "1-top", 0x7ffffffffffff000 },
                { "2", 0x8000000000000000 },
                { "2-top", 0xbffffffffffff000 } };
    for (unsigned i = 0; i < 4; i++)
        for (unsigned user = 0; user < 2; user++) {
            u64 msr = user ? USER : VIRTUAL;
            const char *name = named("quadrant", bad[i].name, user ? "user" : "kernel");
            data_segment(named(name, "load", ""), load_byte, msr, bad[i].ea);
            data_segment(named(name, "store", ""), store_byte, msr, bad[i].ea);
            expect_value(named(name, "fetch", ""), fetch(bad[i].ea, msr), 0x480);
            expect_value(named(name, "fetch-srr1", ""), record.srr1, msr);
            expect_value(named(name, "fetch-srr0", ""), record.srr0, bad[i].ea);
        }
    /* Quadrant 3 is process 0's, whatever PIDR says; its page is privileged. */
    *(volatile u64 *)0x4000000 = 0xabcd;
    run_r(load_double, VIRTUAL, 0, QUADRANT3 + 0x4000000, 0);
    expect_value("quadrant-3-kernel", record.gpr[3], 0xabcd);
    data_fault("quadrant-3-user", load_double, USER, QUADRANT3 + 0x4000000, PROTECTION);
    data_fault("quadrant-3-unmapped", load_double, VIRTUAL, QUADRANT3 + 0x8000000000,
               NO_TRANSLATION);
    expect_value("quadrant-3-fetch-user", fetch(QUADRANT3 + 0x4000000, USER), 0x400);
    expect_value("quadrant-3-fetch-user-srr1", record.srr1,
                 USER | (record.srr1 & NO_EXECUTE ? NO_EXECUTE : PROTECTION));
}

/*
 * Storage keys: radix has key 0 of AMR and IAMR, for user pages from privileged state. A forbidden
 * data access is a protection fault (not a key fault, as with a hashed table).
 */
static void set_amr(u64 value)
{
    MTSPR(29, value);
    flush_all(); /* not needed by the book, see the end */
}

static void test_keys(void)
{
    u64 user_page = fresh_mapping(P_ALL);
    u64 kernel_page = fresh_mapping(P_ALL | P_PRIVILEGED);
    set_amr(1ull << 63); /* no writes */
    data_fault("amr-no-write-store", store_byte, VIRTUAL, user_page, PROTECTION | STORE);
    completes("amr-no-write-load", load_byte, VIRTUAL, user_page);
    completes("amr-no-write-user", store_byte, USER, user_page);
    completes("amr-no-write-kernel-page", store_byte, VIRTUAL, kernel_page);
    set_amr(1ull << 62); /* no reads */
    data_fault("amr-no-read-load", load_byte, VIRTUAL, user_page, PROTECTION);
    completes("amr-no-read-store", store_byte, VIRTUAL, user_page);
    set_amr(3ull << 62);
    data_fault("amr-all-dcbz", zero_block, VIRTUAL, user_page, PROTECTION | STORE);
    completes("amr-all-user", load_byte, USER, user_page);
    set_amr(0x3fffffffffffffff); /* the other keys do not matter */
    completes("amr-other-keys", store_byte, VIRTUAL, user_page);
    MTSPR(29, 3ull << 62);
    data_fault("amr-change-needs-no-tlbie", store_byte, VIRTUAL, user_page, PROTECTION | STORE);
    set_amr(0);

    u64 user_code = fresh_mapping(P_ALL);
    put_return(last_real);
    u64 kernel_code = fresh_mapping(P_ALL | P_PRIVILEGED);
    put_return(last_real);
    MTSPR(61, 1ull << 62); /* IAMR: no execution */
    flush_all();
    expect_value("iamr-kernel-fetch-user-page", fetch(user_code, VIRTUAL), 0x400);
    expect_value("iamr-user-fetch-user-page", fetch(user_code, USER), 0);
    expect_value("iamr-kernel-fetch-kernel-page", fetch(kernel_code, VIRTUAL), 0);
    MTSPR(61, 0);
    flush_all();
    expect_value("iamr-off", fetch(user_code, VIRTUAL), 0);
}

/* R and C: set when and only when an access was permitted; C only by a store. */
static void test_reference_change(void)
{
    static const struct {
        const char *name;
        const u32 *code;
        u64 rights, set;
    } accesses[] = {
        { "load", load_byte, P_READ | P_WRITE, P_R },
        { "store", store_byte, P_READ | P_WRITE, P_R | P_C },
        { "dcbz", zero_block, P_READ | P_WRITE, P_R | P_C },
        { "lwarx", reserve, P_READ | P_WRITE, P_R },
        { "refused-load", load_byte, P_EXECUTE, 0 },
        { "refused-store", store_byte, P_READ, 0 },
        { "refused-user-load", load_byte, P_READ | P_WRITE | P_PRIVILEGED, 0 },
    };
    for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++) {
        u64 ea = fresh_mapping(accesses[i].rights);
        u64 *entry = entry_of(1, ea, 12);
        run_r(accesses[i].code, USER, 0, ea, 0);
        expect_value(named("rc", accesses[i].name, ""), get_entry(entry) & (P_R | P_C),
                     accesses[i].set);
    }
    u64 ea = fresh_mapping(P_READ | P_WRITE | P_EXECUTE);
    u64 *entry = entry_of(1, ea, 12);
    put_return(last_real);
    fetch(ea, USER);
    expect_value("rc-fetch", get_entry(entry) & (P_R | P_C), P_R);
    run_r(load_byte, USER, 0, ea, 0);
    expect_value("rc-load-after-fetch", get_entry(entry) & (P_R | P_C), P_R);
    run_r(store_byte, USER, 0, ea, 0);
    expect_value("rc-store-after-load", get_entry(entry) & (P_R | P_C), P_R | P_C);
    expect_value("rc-leaves-the-rest", get_entry(entry) & ~(P_R | P_C),
                 P_LEAF | last_real | P_READ | P_WRITE | P_EXECUTE);
}

/* A changed entry counts at the latest after tlbie; a new one needs none. */
static void test_invalidation(void)
{
    u64 ea = fresh_mapping(P_ALL), first = last_real, second = fresh_page();
    u64 *entry = entry_of(1, ea, 12);
    *(volatile u64 *)first = 1;
    *(volatile u64 *)second = 2;
    run_r(load_double, USER, 0, ea, 0);
    expect_value("tlb-first", record.gpr[3], 1);
    put_entry(entry, P_LEAF | second | P_ALL);
    run_r(load_double, USER, 0, ea, 0);
    expect_value("tlb-kept-until-tlbie", record.gpr[3], 1); /* the book would allow either */
    flush_page(ea);
    run_r(load_double, USER, 0, ea, 0);
    expect_value("tlb-after-tlbie", record.gpr[3], 2);
    put_entry(entry, 0);
    flush_page(ea);
    run_r(load_double, USER, 0, ea, 0);
    expect_value("tlb-removed", record.vector, 0x300);
    put_entry(entry, P_LEAF | first | P_ALL);
    run_r(load_double, USER, 0, ea, 0);
    expect_value("tlb-new-entry-needs-no-tlbie", record.gpr[3], 1);
    put_entry(entry, P_LEAF | first | P_R | P_C | P_READ);
    flush_all();
    run_r(store_double, USER, 0, ea, 0);
    expect_value("tlb-less-rights", record.dsisr, PROTECTION | STORE);
    put_entry(entry, P_LEAF | first | P_ALL);
    run_r(store_double, USER, 5, ea, 0);
    if (record
            .vector) /* a protection fault may come from a kept translation: then tlbie must help */
        flush_page(ea);
    run_r(store_double, USER, 5, ea, 0);
    expect_value("tlb-more-rights", record.vector, 0);
}

/*
 * The forms of tlbie and tlbiel that a radix guest may use. r3: the process in the high word; r4:
 * the page; r5: IS = 1, all of the process. X(name, text).
 */
#define FORMS(X)                                                                                   \
    X(tlbie_page, "tlbie 4,3,0,1,1")                                                               \
    X(tlbie_process, "tlbie 5,3,0,1,1")                                                            \
    X(tlbie_process_all, "tlbie 5,3,2,1,1")                                                        \
    X(tlbiel_page, "tlbiel 4,3,0,1,1")                                                             \
    X(tlbiel_process, "tlbiel 5,3,0,1,1")                                                          \
    X(tlbiel_process_all, "tlbiel 5,3,2,1,1")
#define FORM_CODE(n, text) CODE(form_##n, "ptesync;" text "; eieio; tlbsync; ptesync");
FORMS(FORM_CODE)

static void test_form(const char *name, const u32 *code)
{
    u64 ea = fresh_mapping(P_ALL), second = fresh_page();
    *(volatile u64 *)last_real = 1;
    *(volatile u64 *)second = 2;
    run_r(load_double, USER, 0, ea, 0);
    put_entry(entry_of(1, ea, 12), P_LEAF | second | P_ALL);
    run_r(code, REAL, 1ull << 32, ea, 1ull << 10);
    expect(named("form", name, "completes"), code, REAL, 0, 0, 0);
    run_r(load_double, USER, 0, ea, 0);
    expect_value(named("form", name, "page"), record.gpr[3], 2);
}

/* Storage attributes: 2 is non-idempotent, 3 tolerant I/O; both are caching-inhibited. */
CODE(load_quad, "nop; lq 6,0(4)");
CODE(store_quad, "nop; stq 6,0(4)");
CODE(store_conditional, "nop; stwcx. 6,0,4");
CODE(reserve_double, "nop; ldarx 6,0,4");

static void test_attributes(void)
{
    u64 free = fresh_ea();
    data_fault("no-translation-lq", load_quad, USER, free, NO_TRANSLATION);
    data_fault("no-translation-stq", store_quad, USER, free, NO_TRANSLATION | STORE);
    for (u64 attribute = 2; attribute < 4; attribute++) {
        const char *name = attribute == 2 ? "non-idempotent" : "tolerant";
        u64 ea = fresh_mapping(P_ALL | attribute << 4);
        put_return(last_real);
        completes(named(name, "ld", ""), load_double, USER, ea + 16);
        completes(named(name, "std", ""), store_double, USER, ea + 16);
        data_fault(named(name, "lwarx", ""), reserve, USER, ea, ATTRIBUTE);
        data_fault(named(name, "ldarx", ""), reserve_double, VIRTUAL, ea, ATTRIBUTE);
        data_fault(named(name, "stwcx", ""), store_conditional, USER, ea, ATTRIBUTE | STORE);
        unaligned(named(name, "dcbz", ""), zero_block, USER, ea + 128);
        expect_value(named(name, "fetch", ""), fetch(ea, USER), attribute == 2 ? 0x400 : 0);
        if (attribute == 2)
            expect_value(named(name, "fetch-srr1", ""), record.srr1, USER | NO_EXECUTE);
    }
}

/* Trees that no processor supports. */
static void test_bad_trees(void)
{
    static const struct {
        const char *name;
        unsigned size;
    } sizes[] = { { "nls-0", 0 }, { "nls-4", 4 }, { "nls-31", 31 } };
    for (unsigned i = 0; i < 3; i++) {
        u64 ea = 0x80000000000 * (i + 8) + 0x1000;
        u64 *entry = entry_of(1, ea, 39);
        put_entry(entry, 1ull << 63 | fresh_page() | sizes[i].size);
        data_fault(named("bad-tree", sizes[i].name, "load"), load_byte, USER, ea, BAD_TREE);
        expect_value(named("bad-tree", sizes[i].name, "fetch"), fetch(ea, USER), 0x400);
        expect_value(named("bad-tree", sizes[i].name, "fetch-srr1"), record.srr1, USER | BAD_TREE);
        put_entry(entry, 0);
    }
}

/* PIDR selects the tree of quadrant 0. */
static void test_process(void)
{
    u64 ea = fresh_ea(), one = fresh_page(), zero = fresh_page();
    map(1, ea, one, 12, P_ALL);
    map(0, ea, zero, 12, P_ALL);
    *(volatile u64 *)one = 1;
    *(volatile u64 *)zero = 100;
    run_r(load_double, VIRTUAL, 0, ea, 0);
    expect_value("pidr-1", record.gpr[3], 1);
    MTSPR(48, 0);
    __asm__ volatile("isync");
    run_r(load_double, VIRTUAL, 0, ea, 0);
    expect_value("pidr-0", record.gpr[3], 100);
    MTSPR(48, 3);
    __asm__ volatile("isync");
    run_r(load_double, VIRTUAL, 0, ea, 0);
    expect_value("pidr-without-process", record.vector, 0x400);
    MTSPR(48, 300); /* the table has 256 entries */
    __asm__ volatile("isync");
    run_r(load_double, REAL | MSR_DR, 0, ea, 0);
    expect_value("pidr-beyond-table", record.vector, 0x300);
    MTSPR(48, 1);
    __asm__ volatile("isync");
    run_r(load_double, USER, 0, ea, 0);
    expect_value("pidr-1-again", record.gpr[3], 1);
}

void tests(void)
{
    test_authority();
    test_untranslated();
    test_halves();
    test_levels();
    test_quadrants();
    test_keys();
    test_reference_change();
    test_invalidation();
#define FORM_TEST(n, text) test_form(#n, form_##n);
    FORMS(FORM_TEST)
    test_process();
    test_attributes();
    test_bad_trees();
}
