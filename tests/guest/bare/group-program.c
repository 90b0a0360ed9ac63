/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Program interrupts, traps, unavailable facilities, system calls (Power ISA 3.0B, Book III 6.5.9,
 * 6.5.10, 6.5.14, 6.5.19 and on).
 */
#include "bare.h"

CODE(nothing, "nop");

/* Words that are no instruction; X(name, word). */
#define ILLEGALS(X)                                                                                \
    X(word_zero, ".long 0")                                                                        \
    X(opcode_1, ".long 0x04000000")                                                                \
    X(opcode_4_reserved, ".long 0x10000019")                                                       \
    X(opcode_5, ".long 0x14000000")                                                                \
    X(opcode_6_reserved, ".long 0x18000002")                                                       \
    X(opcode_22, ".long 0x58000000")                                                               \
    X(opcode_31_reserved, ".long 0x7c0007fe")                                                      \
    X(opcode_19_reserved, ".long 0x4c0007fe")                                                      \
    X(opcode_63_reserved, ".long 0xfc0007de")                                                      \
    X(opcode_30_reserved, ".long 0x7800001e")                                                      \
    X(opcode_62_reserved, ".long 0xf8000003")                                                      \
    X(power_abs, ".long 0x7c6402d0")                                                               \
    X(mfsr_of_32_bits, ".long 0x7c6004a6")                                                         \
    X(mcrxr_of_32_bits, ".long 0x7c000400")
#define ILLEGAL_CODE(n, text) CODE(illegal_##n, "nop;" text);
#define ILLEGAL_ROWS(n, text)                                                                      \
    { "illegal-" #n "-real", illegal_##n, REAL, 0x700, 4, ILLEGAL },                               \
        { "illegal-" #n "-user", illegal_##n, USER, 0x700, 4, ILLEGAL },
ILLEGALS(ILLEGAL_CODE)

/* What problem state may not execute. */
#define PRIVILEGEDS(X)                                                                             \
    X(mfmsr, "mfmsr 3")                                                                            \
    X(mtmsr, "mtmsr 3")                                                                            \
    X(mtmsrd, "mtmsrd 3")                                                                          \
    X(mtmsrd_l, "mtmsrd 3,1")                                                                      \
    X(rfid, "rfid")                                                                                \
    X(rfscv, ".long 0x4c0000a4")                                                                   \
    X(hrfid, "hrfid")                                                                              \
    X(tlbie, ".long 0x7c6b1a64")                                                                   \
    X(tlbiel, ".long 0x7c6b1a24")                                                                  \
    X(tlbsync, "tlbsync")                                                                          \
    X(slbia, "slbia")                                                                              \
    X(slbie, "slbie 3")                                                                            \
    X(slbmte, "slbmte 3,4")                                                                        \
    X(slbmfee, "slbmfee 3,4")                                                                      \
    X(slbmfev, "slbmfev 3,4")                                                                      \
    X(msgsndp, "msgsndp 3")                                                                        \
    X(msgclrp, "msgclrp 3")                                                                        \
    X(stop, ".long 0x4c0002e4")                                                                    \
    X(mtspr_srr0, "mtspr 26,3")                                                                    \
    X(mfspr_srr1, "mfspr 3,27")                                                                    \
    X(mfspr_dec, "mfspr 3,22")                                                                     \
    X(mtspr_pidr, "mtspr 48,3")                                                                    \
    X(lbzcix, "lbzcix 3,0,4")                                                                      \
    X(stdcix, "stdcix 3,0,4")
#define PRIVILEGED_CODE(n, text) CODE(privileged_##n, text);
#define PRIVILEGED_ROW(n, text)                                                                    \
    { "privileged-" #n, privileged_##n, USER, 0x700, 0, PRIVILEGED, 0, 0, { 0, 0 } },
PRIVILEGEDS(PRIVILEGED_CODE)

/* What belongs to the hypervisor is privileged even in privileged state (HV=0). */
#define HYPERVISORS(X)                                                                             \
    X(hrfid, "hrfid")                                                                              \
    X(stdcix, "stdcix 3,0,4")                                                                      \
    X(lwzcix, "lwzcix 3,0,4")                                                                      \
    X(msgsnd, "msgsnd 3")                                                                          \
    X(msgclr, "msgclr 3")
#define HYPERVISOR_CODE(n, text) CODE(hypervisor_##n, text);
#define HYPERVISOR_ROW(n, text)                                                                    \
    { "hypervisor-" #n, hypervisor_##n, REAL, 0x700, 0, PRIVILEGED, 0, 0, { 0, 0x3000000 } },
HYPERVISORS(HYPERVISOR_CODE)

/* Facilities that the MSR turns off: X(name, vector, text). */
#define UNAVAILABLES(X)                                                                            \
    X(fadd, 0x800, "fadd 1,2,3")                                                                   \
    X(fmr, 0x800, "fmr 1,2")                                                                       \
    X(mffs, 0x800, "mffs 1")                                                                       \
    X(mtfsb1, 0x800, "mtfsb1 3")                                                                   \
    X(fcmpu, 0x800, "fcmpu 0,1,2")                                                                 \
    X(lfd_unmapped, 0x800, "lfd 1,0(4)")                                                           \
    X(stfiwx_unmapped, 0x800, "stfiwx 1,0,4")                                                      \
    X(mfvsrd_low, 0x800, "mfvsrd 3,5")                                                             \
    X(mtvsrwz_low, 0x800, "mtvsrwz 5,3")                                                           \
    X(vaddubm, 0xf20, "vaddubm 1,2,3")                                                             \
    X(vaddfp, 0xf20, "vaddfp 1,2,3")                                                               \
    X(mfvscr, 0xf20, "mfvscr 1")                                                                   \
    X(lvx_unmapped, 0xf20, "lvx 1,0,4")                                                            \
    X(bcdadd, 0xf20, "bcdadd. 1,2,3,0")                                                            \
    X(mfvsrd_high, 0xf20, "mfvsrd 3,37")                                                           \
    X(mtvsrd_high, 0xf20, "mtvsrd 37,3")                                                           \
    X(lxv_high, 0xf20, "lxv 37,0(4)")                                                              \
    X(mtvsrdd_high, 0xf20, "mtvsrdd 37,3,4")                                                       \
    X(xxspltib_high, 0xf20, "xxspltib 37,1")                                                       \
    X(lxv_low, 0xf40, "lxv 5,0(4)")                                                                \
    X(mtvsrdd_low, 0xf40, "mtvsrdd 5,3,4")                                                         \
    X(xxspltib_low, 0xf40, "xxspltib 5,1")                                                         \
    X(xxlor, 0xf40, "xxlor 1,2,3")                                                                 \
    X(xsadddp, 0xf40, "xsadddp 1,2,3")                                                             \
    X(lxvd2x_unmapped, 0xf40, "lxvd2x 1,0,4")                                                      \
    X(xscpsgndp_high, 0xf40, "xscpsgndp 33,34,35")                                                 \
    X(xsaddqp, 0xf40, "xsaddqp 1,2,3")                                                             \
    X(tbegin, 0xf60, ".long 0x7c00051d")
#define UNAVAILABLE_CODE(n, vector, text) CODE(unavailable_##n, "nop; nop;" text);
#define UNAVAILABLE_ROWS(n, vector, text)                                                          \
    { "unavailable-" #n "-real", unavailable_##n, REAL, vector, 8, 0, 0, 0, { 0, 1ull << 45 } },   \
        { "unavailable-" #n "-user", unavailable_##n, USER, vector, 8, 0, 0, 0, { 0, 1ull << 45 } },
UNAVAILABLES(UNAVAILABLE_CODE)

/* The MSR bits of others do not help. */
/* clang-format off */
static const Case facilities[] = {
    {"fp-on", unavailable_fmr, REAL | MSR_FP, 0},
    {"vec-on", unavailable_vaddubm, USER | MSR_VEC, 0},
    {"vsx-on", unavailable_xxlor, USER | MSR_VSX, 0},
    {"vsx-on-vec-off", unavailable_lxv_high, REAL | MSR_VSX | MSR_FP, 0xf20, 8},
    {"vec-on-vsx-off", unavailable_lxv_low, REAL | MSR_VEC | MSR_FP, 0xf40, 8},
    {"fp-off-vsx-on", unavailable_fadd, REAL | MSR_VEC | MSR_VSX, 0x800, 8},
    {"vsx-on-scalar-high", unavailable_xscpsgndp_high, REAL | MSR_VSX, 0},
    {"vec-on-mfvsrd-high", unavailable_mfvsrd_high, REAL | MSR_VEC, 0},
    {"fp-on-mfvsrd-low", unavailable_mfvsrd_low, REAL | MSR_FP, 0},
};
/* clang-format on */

static const Case illegal_and_privileged[] = { ILLEGALS(ILLEGAL_ROWS) PRIVILEGEDS(
    PRIVILEGED_ROW) HYPERVISORS(HYPERVISOR_ROW) UNAVAILABLES(UNAVAILABLE_ROWS) };

/* Traps: each condition alone, where it holds and where it does not. X(name, TO). */
#define CONDITIONS(X) X(lt, 16) X(gt, 8) X(eq, 4) X(ult, 2) X(ugt, 1)
#define TRAP_CODE(n, to)                                                                           \
    CODE(tw_##n, "tw " #to ",3,4");                                                                \
    CODE(td_##n, "td " #to ",3,4");                                                                \
    CODE(twi_##n, "twi " #to ",3,-5");                                                             \
    CODE(tdi_##n, "tdi " #to ",3,-5");
CONDITIONS(TRAP_CODE)

#define TRAP_ENTRY(n, to) { #n, to, { tw_##n, td_##n, twi_##n, tdi_##n } },
static const struct {
    const char *name;
    unsigned to;
    const u32 *code[4]; /* tw, td, twi, tdi */
} conditions[] = { CONDITIONS(TRAP_ENTRY) };

static unsigned relation(u64 a, u64 b, bool word)
{
    int64_t x = word ? (int32_t)a : (int64_t)a, y = word ? (int32_t)b : (int64_t)b;
    u64 ux = word ? (u32)a : a, uy = word ? (u32)b : b;
    return (x < y ? 16 : 0) | (x > y ? 8 : 0) | (x == y ? 4 : 0) | (ux < uy ? 2 : 0) |
           (ux > uy ? 1 : 0);
}

static void test_traps(void)
{
    static const char *const kinds[] = { "tw", "td", "twi", "tdi" };
    static const u64 values[] = { 0,          1,          0x7fffffff,  0x80000000,
                                  0xfffffffb, 0xffffffff, 0x100000000, 0x1fffffffb,
                                  ~0ull,      -5ull,      -6ull,       1ull << 63 };
    enum { COUNT = sizeof values / sizeof *values };
    for (unsigned i = 0; i < sizeof conditions / sizeof *conditions; i++)
        for (unsigned kind = 0; kind < 4; kind++) {
            unsigned wrong = 0;
            for (unsigned pair = 0; pair < COUNT * COUNT; pair++) {
                u64 a = values[pair / COUNT], b = kind < 2 ? values[pair % COUNT] : -5ull;
                bool traps = relation(a, b, !(kind & 1)) & conditions[i].to;
                run_r(conditions[i].code[kind], pair & 1 ? USER : REAL, a, b, 0);
                wrong += record.vector != (traps ? 0x700 : 0);
                wrong += traps && (record.srr1 & 0x7fff0000) != TRAP;
            }
            expect_value(named("trap", kinds[kind], conditions[i].name), wrong, 0);
        }
}

/* Facilities that FSCR turns off in problem state. X(name, bit, text). */
#define FACILITIES(X)                                                                              \
    X(dscr_read, 2, "mfspr 3,3")                                                                   \
    X(dscr_write, 2, "mtspr 3,3")                                                                  \
    X(tar_read, 8, "mfspr 3,815")                                                                  \
    X(tar_write, 8, "mtspr 815,3")                                                                 \
    X(bctar, 8, "bctar 4,31,0")                                                                    \
    X(ebb_read_bescr, 7, "mfspr 3,806")                                                            \
    X(ebb_write_ebbhr, 7, "mtspr 804,3")
#define FACILITY_CODE(n, bit, text)  CODE(facility_##n, "nop;" text);
#define FACILITY_ENTRY(n, bit, text) { #n, facility_##n, bit },
FACILITIES(FACILITY_CODE)
static const struct {
    const char *name;
    const u32 *code;
    unsigned bit;
} fscr_cases[] = { FACILITIES(FACILITY_ENTRY) };

static void test_fscr(void)
{
    u64 saved = MFSPR(153);
    for (unsigned i = 0; i < sizeof fscr_cases / sizeof *fscr_cases; i++) {
        const char *name = fscr_cases[i].name;
        MTSPR(153, 0);
        MTSPR(815, fscr_cases[i].code + 2); /* bctar goes to the end of the snippet */
        run_r(fscr_cases[i].code, USER, 0, 0, 0);
        expect(named("fscr-off", name, ""), fscr_cases[i].code, USER, 0xf60, 4, 0);
        expect_value(named("fscr-cause", name, ""), MFSPR(153) >> 56, fscr_cases[i].bit);
        MTSPR(153, 1ull << fscr_cases[i].bit);
        MTSPR(815, fscr_cases[i].code + 2);
        run_r(fscr_cases[i].code, USER, 0, 0, 0);
        expect(named("fscr-on", name, ""), fscr_cases[i].code, USER, 0, 0, 0);
        MTSPR(153, 0);
        MTSPR(815, fscr_cases[i].code + 2);
        run_r(fscr_cases[i].code, REAL, 0, 0, 0);
        expect(named("fscr-privileged", name, ""), fscr_cases[i].code, REAL, 0, 0, 0);
    }
    MTSPR(153, saved);
}

/* System calls. A snippet's own end is one, so these are looked at by hand. */
CODE(call_0, "nop; sc; nop");
CODE(call_1_function, "lis 3,0x7fff; sc 1");
CODE(vectored_0, "nop; scv 0; nop");
CODE(vectored_1, "nop; scv 1; nop");
CODE(vectored_back, "rfscv");

static void test_system_calls(void)
{
    run_r(call_0, REAL | MSR_RI, 0, 0, 0);
    expect("sc-real", call_0, REAL | MSR_RI, 0xc00, 8, 0);
    run_r(call_0, USER | MSR_FP | MSR_FE0, 0, 0, 0);
    expect("sc-user", call_0, USER | MSR_FP | MSR_FE0, 0xc00, 8, 0);
    run_r(call_1_function, REAL, 0, 0, 0);
    expect("sc-1-unknown-completes", call_1_function, REAL, 0, 0, 0);
    expect_value("sc-1-unknown-result", record.gpr[3], -2ull);
    run_r(call_1_function, USER, 0, 0, 0);
    expect("sc-1-user-completes", call_1_function, USER, 0, 0, 0);
    expect_value("sc-1-user-result", record.gpr[3], -3ull);
}

static void test_vectored(const char *name, const u32 *code, u64 msr, u64 vector)
{
    MTSPR(26, 0x1234);
    run_r(code, msr, 0, 0, 0);
    expect_value(named("scv-vector", name, ""), record.vector, vector);
    expect_value(named("scv-lr", name, ""), record.lr, (u64)code + 8);
    expect_value(named("scv-ctr", name, ""), record.ctr, msr & ~0x783f0000ull);
    expect_value(named("scv-msr", name, ""), record.msr,
                 MSR_SF | MSR_ME | (msr & (MSR_EE | MSR_RI)) | NATIVE);
}

static void test_scv(void)
{
    u64 saved = MFSPR(153);
    MTSPR(153, 0);
    run_r(vectored_0, USER, 0, 0, 0);
    expect("scv-off", vectored_0, USER, 0xf60, 4, 0);
    expect_value("scv-off-cause", MFSPR(153) >> 56, 12);
    MTSPR(153, 1 << 12);
    test_vectored("user", vectored_0, USER | MSR_RI, 0x17000);
    test_vectored("level-1", vectored_1, USER, 0x17020);
    test_vectored("privileged", vectored_0, REAL, 0x17000);
    MTSPR(153, saved);

    Inputs inputs = { { 0 }, (u64)nothing, USER | MSR_FP, 0, 0 };
    run(vectored_back, REAL, &inputs);
    expect("rfscv", nothing, USER | MSR_FP, 0, 0, 0);
    expect_value("rfscv-msr", record.srr1, USER | MSR_FP);
}

void tests(void)
{
    static const Case completes[] = {
        { "completes-real", nothing, REAL, 0 },
        { "completes-virtual", nothing, VIRTUAL, 0 },
        { "completes-user", nothing, USER, 0 },
    };
    CASES(completes);
    CASES(illegal_and_privileged);
    CASES(facilities);
    test_traps();
    test_fscr();
    test_system_calls();
    test_scv();
}
