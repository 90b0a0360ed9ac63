/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Special registers: who may read and write which, and what of a write can be read back (Power ISA
 * 3.0B, Book III 4.4.5 and figure 18).
 */
#include "bare.h"

enum { NONE, R, W, RW };

/* How an access that is not allowed ends. */
enum { AS_PRIVILEGED, AS_ILLEGAL, AS_NOOP };

typedef struct {
    const char *name;
    unsigned number, user, privileged;
    u64 value;    /* what is written */
    u64 readable; /* of it, the bits that must read back; 0: not compared */
} Register;

/* clang-format off */
static const Register registers[] = {
    {"xer", 1, RW, RW, 0xe00000ffcafe007f, 0xe000007f},
    {"lr", 8, RW, RW, 0x123456789abcdef0, ~0ull},
    {"ctr", 9, RW, RW, 0x0fedcba987654321, ~0ull},
    {"dscr", 17, NONE, RW, 0x15, 0x15},
    {"dsisr", 18, NONE, RW, 0x12345678, 0xffffffff},
    {"dar", 19, NONE, RW, 0x123456789abcdef0, ~0ull},
    {"dec", 22, NONE, RW, 0x70000000, 0},
    {"srr0", 26, NONE, RW, 0x123456789abcdef0, 0xfffffffffffffffc},
    {"srr1", 27, NONE, RW, 0x8000000000001000, 0x8000000000001000},
    {"amr", 29, NONE, RW, 0x3ffc000000000000, 0x3ffc000000000000},
    {"pidr", 48, NONE, RW, 1, 1},
    {"iamr", 61, NONE, RW, 0x1540000000000000, 0x1540000000000000},
    {"ctrl-user", 136, R, R, 0, 0},
    {"ctrl", 152, NONE, W, 1, 0},
    {"fscr", 153, NONE, RW, 0x184, 0x184},
    {"uamor", 157, NONE, RW, 0, 0},
    {"pspb", 159, NONE, RW, 0, 0},
    {"vrsave", 256, RW, RW, 0x89abcdef, 0xffffffff},
    {"sprg3-user", 259, R, R, 0, 0},
    {"tb", 268, R, R, 0, 0},
    {"tbu", 269, R, R, 0, 0},
    {"sprg0", 272, NONE, RW, 0x123456789abcdef0, ~0ull},
    {"sprg1", 273, NONE, RW, 0x123456789abcdef0, ~0ull},
    {"sprg2", 274, NONE, RW, 0x123456789abcdef0, ~0ull},
    {"sprg3", 275, NONE, RW, 0x123456789abcdef0, ~0ull},
    {"pvr", 287, NONE, R, 0, 0},
    {"purr", 309, NONE, R, 0, 0},
    {"spurr", 308, NONE, R, 0, 0},
    {"mmcr2-user", 769, R, RW, 0, 0},
    {"mmcra-user", 770, R, RW, 0, 0},
    {"pmc1-user", 771, R, RW, 0, 0},
    {"mmcr0-user", 779, R, RW, 0, 0},
    {"siar-user", 780, R, R, 0, 0},
    {"sier", 784, NONE, RW, 0, 0},
    {"mmcr2", 785, NONE, RW, 0, 0},
    {"mmcra", 786, NONE, RW, 0, 0},
    {"pmc1", 787, NONE, RW, 0x1234, 0x1234},
    {"pmc6", 792, NONE, RW, 0x1234, 0x1234},
    {"mmcr0", 795, NONE, RW, 0x80000000, 0x80000000},
    {"siar", 796, NONE, RW, 0x1234, 0x1234},
    {"sdar", 797, NONE, RW, 0x1234, 0x1234},
    {"mmcr1", 798, NONE, RW, 0, 0},
    {"noop-808", 808, RW, RW, 0, 0},
    {"noop-811", 811, RW, RW, 0, 0},
    {"tar", 815, RW, RW, 0x123456789abcdef0, 0xfffffffffffffffc},
    {"vtb", 849, NONE, R, 0, 0},
    {"ppr", 896, RW, RW, 0x000c000000000000, 0x000c000000000000},
    {"ppr32", 898, RW, RW, 0x000c0000, 0x000c0000},
    {"pir", 1023, NONE, R, 0, 0},
};
/* clang-format on */

/* Registers that nobody or only the hypervisor has, by how an access ends. */
static const struct {
    const char *name;
    unsigned number, user, privileged;
} forbidden[] = {
    { "undefined-2", 2, AS_ILLEGAL, AS_NOOP },
    { "undefined-7", 7, AS_ILLEGAL, AS_NOOP },
    { "undefined-14", 14, AS_ILLEGAL, AS_NOOP },
    { "undefined-24", 24, AS_PRIVILEGED, AS_NOOP },
    { "undefined-30", 30, AS_PRIVILEGED, AS_NOOP },
    { "undefined-522", 522, AS_ILLEGAL, AS_NOOP },
    { "undefined-1020", 1020, AS_PRIVILEGED, AS_NOOP },
    { "zero", 0, AS_ILLEGAL, AS_ILLEGAL },
    { "four-write", 4, AS_ILLEGAL, AS_NOOP },
    { "hypervisor-hsrr0", 314, AS_PRIVILEGED, AS_ILLEGAL },
    { "hypervisor-lpcr", 318, AS_PRIVILEGED, AS_ILLEGAL },
    { "hypervisor-ptcr", 464, AS_PRIVILEGED, AS_ILLEGAL },
    { "hypervisor-hfscr", 190, AS_PRIVILEGED, AS_ILLEGAL },
};

/* A snippet that is made: mfspr r3 or mtspr, then the end. */
static const u32 *access_code(unsigned number, bool write)
{
    static u32 code[3] __attribute__((aligned(128)));
    code[0] = (write ? 0x7c6003a6 : 0x7c6002a6) | (number & 31) << 16 | (number >> 5) << 11;
    code[1] = 0x44000002;
    code[2] = MARK;
    __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(code) : "memory");
    return code;
}

static u64 cause_of(unsigned number)
{
    return number & 16 ? PRIVILEGED : ILLEGAL;
}

static void test_access(const Register *r, bool user, bool write)
{
    const u32 *code = access_code(r->number, write);
    bool allowed = (user ? r->user : r->privileged) & (write ? W : R);
    u64 msr = user ? USER : REAL;
    const char *name = named(r->name, user ? "user" : "privileged", write ? "write" : "read");
    run_r(code, msr, r->value, 0, 0);
    if (allowed)
        expect(name, code, msr, 0, 0, 0);
    else if (user)
        expect(name, code, msr, 0x700, 0, cause_of(r->number));
    else
        expect(name, code, msr, 0, 0, 0); /* a write of what can only be read does nothing */
}

/* A write, then a read, in one run. */
static void test_value(const Register *r)
{
    static u32 code[4] __attribute__((aligned(128)));
    u32 field = (r->number & 31) << 16 | (r->number >> 5) << 11;
    code[0] = 0x7c6003a6 | field; /* mtspr from r3 */
    code[1] = 0x7c8002a6 | field; /* mfspr to r4 */
    code[2] = 0x44000002;
    code[3] = MARK;
    __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(code) : "memory");
    run_r(code, REAL, r->value, 0, 0);
    expect_value(named("value", r->name, ""), record.gpr[4] & r->readable, r->value & r->readable);
}

static void test_forbidden(unsigned i)
{
    static const u64 causes[] = { PRIVILEGED, ILLEGAL, 0 };
    for (unsigned write = 0; write < 2; write++)
        for (unsigned user = 0; user < 2; user++) {
            unsigned number = forbidden[i].number;
            unsigned how = user ? forbidden[i].user : forbidden[i].privileged;
            if (number == 4 && !write && !user)
                how = AS_ILLEGAL; /* mfspr of 4, 5 and 6 is */
            const u32 *code = access_code(number, write);
            const char *name =
                named(forbidden[i].name, user ? "user" : "privileged", write ? "write" : "read");
            run_r(code, user ? USER : REAL, 0x1234567, 0, 0);
            expect(name, code, user ? USER : REAL, how == AS_NOOP ? 0 : 0x700, 0, causes[how]);
            if (how == AS_NOOP && !write)
                expect_value(named(name, "keeps", "target"), record.gpr[3], 0x1234567);
        }
}

/* The performance monitor in problem state, by MMCR0.PMCC. */
CODE(read_pmc1, "mfspr 3,771");
CODE(write_pmc1, "mtspr 771,3");
CODE(read_pmc5, "mfspr 3,775");
CODE(write_pmc5, "mtspr 775,3");

static void test_monitor(void)
{
    static const struct {
        const char *name;
        const u32 *code;
        unsigned ends[4]; /* vector, by PMCC */
    } accesses[] = {
        { "read-pmc1", read_pmc1, { 0, 0xf60, 0, 0 } },
        { "write-pmc1", write_pmc1, { 0x700, 0xf60, 0, 0 } },
        { "read-pmc5", read_pmc5, { 0, 0xf60, 0, 0xf60 } },
        { "write-pmc5", write_pmc5, { 0x700, 0xf60, 0, 0xf60 } },
    };
    static const char *const names[] = { "pmcc-0", "pmcc-1", "pmcc-2", "pmcc-3" };
    for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++)
        for (unsigned pmcc = 0; pmcc < 4; pmcc++) {
            const char *name = named(names[pmcc], accesses[i].name, "");
            unsigned vector = accesses[i].ends[pmcc];
            MTSPR(795, 0x80000000 | (u64)pmcc << 18);
            run_r(accesses[i].code, USER, 0, 0, 0);
            expect(name, accesses[i].code, USER, vector, 0, vector == 0x700 ? ILLEGAL : 0);
            if (vector == 0xf60)
                expect_value(named(name, "cause", ""), MFSPR(153) >> 56, 3);
        }
    MTSPR(795, 0);
}

/* Names for one register. */
CODE(xer_parts, "mtxer 3; mfxer 4; mcrxrx 0; addic 5,5,0; mfxer 6");
CODE(set_sprg3, "mtspr 275,3; mfspr 4,259");
CODE(set_ppr, "mtspr 896,3; mfspr 4,898");
CODE(set_dscr, "mtspr 17,3; mfspr 4,3");
CODE(read_halves, "mfspr 3,268; mfspr 4,269; mftb 5; mftbu 6");
CODE(user_amr, "mtspr 13,3; mfspr 4,13");
CODE(read_identity, "mfspr 3,287; mfspr 4,1023");

static void test_names(void)
{
    run_r(xer_parts, REAL, ~0ull, 0, 0);
    expect_value("xer-reserved-bits-are-0", record.gpr[4], 0xe00c007f);
    run_r(set_sprg3, REAL, 0x5555, 0, 0);
    expect_value("sprg3-user-name", record.gpr[4], 0x5555);
    run_r(set_ppr, REAL, 0x0010000000000000, 0, 0);
    expect_value("ppr32-is-upper-half", record.gpr[4], 0x00100000);
    run_r(set_dscr, REAL, 0x11, 0, 0);
    expect_value("dscr-user-name", record.gpr[4], 0x11);
    run_r(read_identity, REAL, 0, 0, 0);
    expect_value("pvr-version", record.gpr[3] >> 16, 0x4e);
    expect_value("pir", record.gpr[4], 0);
    MTSPR(157, 0); /* UAMOR: nothing of AMR is the user's */
    MTSPR(29, 0);
    run_r(user_amr, USER, ~0ull, 0, 0);
    expect_value("uamor-0-masks", record.gpr[4], 0);
    MTSPR(157, 0x0ff0000000000000);
    run_r(user_amr, USER, ~0ull, 0, 0);
    expect_value("uamor-lets-through", record.gpr[4], 0x0ff0000000000000);
    expect_value("uamor-sets-amr", MFSPR(29), 0x0ff0000000000000);
    MTSPR(29, 0);
    MTSPR(157, 0);
}

void tests(void)
{
    u64 fscr = MFSPR(153);
    MTSPR(153, 0x184); /* DSCR, EBB and TAR for the user */
    MTSPR(795, 0);
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
        for (unsigned way = 0; way < 4; way++) {
            if (registers[i].number == 152 && !(way & 2) && !(way & 1))
                continue; /* CTRL's writable name cannot be read; what then happens is undefined */
            test_access(&registers[i], way & 1, way & 2);
        }
    MTSPR(153, 0x184);
    MTSPR(29, 0);
    MTSPR(61, 0);
    MTSPR(48, 1);
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
        if (registers[i].readable)
            test_value(&registers[i]);
    MTSPR(29, 0);
    MTSPR(61, 0);
    MTSPR(48, 1);
    MTSPR(795, 0);
    for (unsigned i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        test_forbidden(i);
    test_monitor();
    test_names();
    MTSPR(153, fscr);
}
