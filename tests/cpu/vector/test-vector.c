/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX integer and VSX data-movement instructions, each called as the interpreter calls it.
 *
 * Two kinds: vector-golden.def compares digests of some hundred pseudo-random operands per row with
 * what an independent implementation gave, in both byte orders; the tables here hold single results
 * worked out from the book, above all where that implementation departs from it.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/cpu/access.h"
#include "machine/cpu/ops.h"
#include "tests/check-run.h"
#include "tests/cpu/vector/vector-cases.h"

/* A processor with CASE_MEMORY bytes of memory, seen at MEMORY_BASE, and no TLB hit ever. */
enum { MEMORY_BASE = 0x1000 };
static uint8_t memory[CASE_MEMORY];
static TlbBank bank;
static Cpu cpu;

static uint8_t *at(uint64_t ea, unsigned size)
{
    ck_assert_msg(ea >= MEMORY_BASE && ea + size <= MEMORY_BASE + CASE_MEMORY,
                  "access of %u bytes at %llx", size, (unsigned long long)ea);
    return memory + (ea - MEMORY_BASE);
}

bool cpu_load_slow(Cpu *c, uint64_t ea, unsigned size, void *data)
{
    memcpy(data, at(ea, size), size);
    return true;
}

bool cpu_store_slow(Cpu *c, uint64_t ea, unsigned size, const void *data)
{
    memcpy(at(ea, size), data, size);
    return true;
}

bool cpu_load_bytes(Cpu *c, uint64_t ea, unsigned length, uint8_t *bytes)
{
    return cpu_load_slow(c, ea, length, bytes);
}

bool cpu_store_bytes(Cpu *c, uint64_t ea, unsigned length, const uint8_t *bytes)
{
    return cpu_store_slow(c, ea, length, bytes);
}

bool cpu_load128(Cpu *c, uint64_t ea, Vsr *value)
{
    const uint8_t *bytes = at(ea, 16);
    for (unsigned i = 0; i < 16; i++)
        VSR_B(*value, c->s.msr & MSR_LE ? 15 - i : i) = bytes[i];
    return true;
}

bool cpu_store128(Cpu *c, uint64_t ea, Vsr value)
{
    uint8_t *bytes = at(ea, 16);
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = VSR_B(value, c->s.msr & MSR_LE ? 15 - i : i);
    return true;
}

ExecStatus cpu_raise_program(Cpu *c, uint64_t reason)
{
    ck_abort_msg("a vector instruction raised a program interrupt");
    return EXEC_EXCEPTION;
}

static void start(bool little)
{
    memset(&cpu, 0, sizeof cpu);
    for (unsigned i = 0; i < TLB_SETS; i++)
        bank.read[i].tag = bank.write[i].tag = TLB_INVALID;
    cpu.tlb = &bank;
    cpu.ea_mask = ~0ull;
    cpu.s.msr = little ? MSR_LE : 0;
    cpu.byte_swap = little != (G_BYTE_ORDER == G_LITTLE_ENDIAN);
}

/* The digests of another implementation. */
typedef struct {
    const char *name;
    Insn insn;
    unsigned needs;
    uint64_t digest[2]; /* big-endian, little-endian */
} Golden;

#define GOLDEN(name, word, t, a, b, c, needs, big, little)                                         \
    { #name, { op_##name, word, t, a, b, c }, needs, { big, little } },
static const Golden goldens[] = {
#include "tests/cpu/vector/vector-golden.def"
};

static void load_case(const VectorCase *c, unsigned needs)
{
    for (unsigned i = 0; i < 4; i++)
        for (unsigned half = 0; half < 2; half++)
            VSR_D(cpu.s.vsr[32 + i], half) = c->v[i][half];
    cpu.s.gpr[4] = needs & CASE_STORAGE ? MEMORY_BASE : c->gpr[0];
    cpu.s.gpr[5] = c->gpr[1];
    cpu.s.gpr[6] = c->gpr[2];
    cpu.s.crf[6] = 0;
    cpu.s.vscr_nj = c->vscr[1] >> 16 & 1;
    cpu.s.vscr_sat = c->vscr[1] & 1;
}

static void read_case(VectorCase *c)
{
    for (unsigned half = 0; half < 2; half++)
        c->v[0][half] = VSR_D(cpu.s.vsr[32], half);
    for (unsigned i = 0; i < 3; i++)
        c->gpr[i] = cpu.s.gpr[4 + i];
    c->cr = cpu.s.crf[6];
    c->vscr[1] = (uint64_t)cpu.s.vscr_nj << 16 | cpu.s.vscr_sat;
}

START_TEST(test_golden)
{
    const Golden *golden = &goldens[_i];
    for (unsigned little = 0; little < 2; little++) {
        uint64_t digest = CASE_DIGEST_START;
        start(little);
        for (unsigned k = 0; k < CASE_COUNT; k++) {
            VectorCase c;
            case_make(&c, k, golden->needs, memory);
            load_case(&c, golden->needs);
            ck_assert_int_eq(golden->insn.execute(&cpu, &golden->insn), EXEC_NEXT);
            read_case(&c);
            digest = case_outcome(digest, &c, golden->needs, memory);
        }
        ck_assert_msg(digest == golden->digest[little],
                      "%s (%08x), %s-endian: %016llx, not %016llx", golden->name, golden->insn.word,
                      little ? "little" : "big", (unsigned long long)digest,
                      (unsigned long long)golden->digest[little]);
    }
}
END_TEST

/* Single results. IMMEDIATE is or-ed into the word. */
typedef struct {
    const char *what;
    ExecFn execute;
    uint32_t immediate;
    uint64_t t[2], a[2], b[2], c[2]; /* operands */
    uint64_t expected[2];
    int cr6; /* -1: left alone */
    int sat;
} Directed;

#define NINES  0x9999999999999999ull
#define ONES   0xffffffffffffffffull
#define PS_BIT (1u << 9)

/* clang-format off */
static const Directed directed[] = {
    /* FIPS 197, appendix B: rounds 1 and 10, and round 10 undone. */
    {"AES round", op_vcipher, 0, {0}, {0x193de3bea0f4e22b, 0x9ac68d2ae9f84808},
     {0xa0fafe1788542cb1, 0x23a339392a6c7605}, {0}, {0xa49c7ff2689f352b, 0x6b5bea43026a5049}, -1, 0},
    {"AES last round", op_vcipherlast, 0, {0}, {0xeb40f21e592e3884, 0x8ba113e71bc342d2},
     {0xd014f9a8c9ee2589, 0xe13f0cc8b6630ca6}, {0}, {0x3925841d02dc09fb, 0xdc118597196a0b32}, -1, 0},
    {"AES inverse last round", op_vncipherlast, 0, {0}, {0xe9317db5cb322c72, 0x3d2e895faf090794},
     {0}, {0}, {0xeb40f21e592e3884, 0x8ba113e71bc342d2}, -1, 0},

    /* The inserted bits come from VRA's rotation, the others stay: begin 16, end 47, count 8. */
    {"insert under mask", op_vrldmi, 0, {0x1111111111111111, ONES},
     {0xabcdef0123456789, 0}, {0x102f08, 0x003f00}, {0}, {0x1111012345671111, 0}, -1, 0},
    {"insert under wrapping mask", op_vrldmi, 0, {0, 0}, {ONES, ONES}, {0x3c0300, 0x003f00}, {0},
     {0xf00000000000000f, ONES}, -1, 0},

    /* SAT is set by any element. */
    {"one element saturates", op_vadduhs, 0, {0}, {1, 0xffff}, {1, 1}, {0}, {2, 0xffff}, -1, 1},
    {"no element saturates", op_vadduhs, 0, {0}, {1, 0xfffe}, {1, 1}, {0}, {2, 0xffff}, -1, 0},
    {"only the end of the sum saturates", op_vsum4sbs, 0, {0}, {0, 0x7f7f8080},
     {0, 0x7fffffff}, {0}, {0, 0x7ffffffd}, -1, 0},
    {"halfword product of -1.0 squared", op_vmhaddshs, 0, {0}, {0, 0x8000}, {0, 0x8000}, {0},
     {0, 0x7fff}, -1, 1},

    /* Decimal sums: zero is always plus, whatever the operands were. */
    {"-0 + -0", op_bcdadd_rc, 0, {0}, {0, 0xd}, {0, 0xb}, {0}, {0, 0xc}, 2, 0},
    {"-0 + -0, PS", op_bcdadd_rc, PS_BIT, {0}, {0, 0xd}, {0, 0xb}, {0}, {0, 0xf}, 2, 0},
    {"5 + -5", op_bcdadd_rc, 0, {0}, {0, 0x5c}, {0, 0x5d}, {0}, {0, 0xc}, 2, 0},
    {"largest + 1", op_bcdadd_rc, 0, {0}, {NINES, 0x999999999999999c}, {0, 0x1c}, {0}, {0, 0xc},
     5, 0},
    {"-largest - 1", op_bcdsub_rc, 0, {0}, {NINES, 0x999999999999999d}, {0, 0x1c}, {0}, {0, 0xd},
     9, 0},
    {"3 - 5", op_bcdsub_rc, 0, {0}, {0, 0x3f}, {0, 0x5a}, {0}, {0, 0x2d}, 8, 0},
    {"1000 - 1", op_bcdsub_rc, PS_BIT, {0}, {0, 0x1000c}, {0, 0x1c}, {0}, {0, 0x999f}, 4, 0},
    {"equal invalid digits", op_bcdsub_rc, 0, {0}, {0, 0xa1c}, {0, 0xa1c}, {0}, {ONES, ONES}, 1, 0},
    {"invalid sign", op_bcdadd_rc, 0, {0}, {0, 0x15}, {0, 0x1c}, {0}, {ONES, ONES}, 1, 0},

    /* Shifts: CR6 tells of the source, even where nothing of it is left. */
    {"shifted out to the right", op_bcds_rc, 0, {0}, {0xe1, 0}, {0, 0x5d}, {0}, {0, 0xd}, 8, 0},
    {"rounds up", op_bcdsr_rc, 0, {0}, {0xff, 0}, {0, 0x195d}, {0}, {0, 0x20d}, 8, 0},
    {"rounds down", op_bcdsr_rc, 0, {0}, {0xff, 0}, {0, 0x194c}, {0}, {0, 0x19c}, 4, 0},
    {"all digits rounded", op_bcdsr_rc, 0, {0}, {0xe1, 0}, {0x5000000000000000, 0xc}, {0},
     {0, 0x1c}, 4, 0},
    {"lost to the left", op_bcds_rc, PS_BIT, {0}, {30, 0}, {0, 0x12c}, {0},
     {0x2000000000000000, 0xf}, 5, 0},
    {"zeros lost to the left", op_bcds_rc, 0, {0}, {29, 0}, {0, 0x12c}, {0},
     {0x1200000000000000, 0xc}, 4, 0},
    {"a count of -128", op_bcds_rc, 0, {0}, {0x80, 0}, {NINES, 0x999999999999999c}, {0}, {0, 0xc},
     4, 0},
    {"unsigned, 32 to the left", op_bcdus_rc, 0, {0}, {32, 0}, {0, 7}, {0}, {0, 0}, 5, 0},
    {"unsigned zero, 32 to the left", op_bcdus_rc, 0, {0}, {32, 0}, {0, 0}, {0}, {0, 0}, 2, 0},
    {"unsigned, to the right", op_bcdus_rc, 0, {0}, {0xfe, 0}, {0, 0x1234}, {0}, {0, 0x12}, 4, 0},

    /* Truncation: the length is unsigned. */
    {"truncated", op_bcdtrunc_rc, 0, {0}, {2, 0}, {0, 0x123d}, {0}, {0, 0x23d}, 9, 0},
    {"truncated to nothing", op_bcdtrunc_rc, 0, {0}, {0, 0}, {0, 0x123c}, {0}, {0, 0xc}, 5, 0},
    {"long enough", op_bcdtrunc_rc, 0, {0}, {0xffff, 0}, {NINES, 0x123b}, {0}, {NINES, 0x123d},
     8, 0},
    {"unsigned, truncated", op_bcdutrunc_rc, 0, {0}, {1, 0}, {0, 0x120}, {0}, {0, 0}, 5, 0},

    /* Conversions. */
    {"too many digits for national", op_bcdctn_rc, 0, {0}, {0}, {0, 0x12345678d}, {0},
     {0x0032003300340035, 0x003600370038002d}, 9, 0},
    {"invalid digit before national ones", op_bcdctn_rc, 0, {0}, {0}, {0xa, 0xc}, {0}, {ONES, ONES},
     1, 0},
    {"to zoned", op_bcdctz_rc, 0, {0}, {0}, {5, 0x123d}, {0},
     {0x3530303030303030, 0x3030303030313273}, 8, 0},
    {"digit 15 still fits in zoned", op_bcdctz_rc, PS_BIT, {0}, {0}, {0x50, 0xc}, {0},
     {0xf0f0f0f0f0f0f0f0, 0xf0f0f0f0f0f0f0c0}, 5, 0},
    {"largest binary", op_bcdcfsq_rc, 0, {7, 7}, {0}, {0x7e37be2022, 0xc0914b267fffffff}, {0},
     {NINES, 0x999999999999999c}, 4, 0},
    {"one more", op_bcdcfsq_rc, 0, {7, 7}, {0}, {0x7e37be2022, 0xc0914b2680000000}, {0}, {7, 7},
     5, 0},
    {"ten times with carry", op_vmul10ecuq, 0, {0}, {0x1999999999999999, 0x9999999999999999},
     {0, 6}, {0}, {0, 1}, -1, 0},
};
/* clang-format on */

START_TEST(test_directed)
{
    const Directed *d = &directed[_i];
    const Insn insn = { d->execute, d->immediate, 32, 33, 34, 35 };
    const uint64_t *operands[] = { d->t, d->a, d->b, d->c };
    start(false);
    cpu.s.crf[6] = 15;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned half = 0; half < 2; half++)
            VSR_D(cpu.s.vsr[32 + i], half) = operands[i][half];
    ck_assert_int_eq(d->execute(&cpu, &insn), EXEC_NEXT);
    ck_assert_msg(VSR_D(cpu.s.vsr[32], 0) == d->expected[0] &&
                      VSR_D(cpu.s.vsr[32], 1) == d->expected[1],
                  "%s: %016llx %016llx", d->what, (unsigned long long)VSR_D(cpu.s.vsr[32], 0),
                  (unsigned long long)VSR_D(cpu.s.vsr[32], 1));
    ck_assert_msg(cpu.s.crf[6] == (d->cr6 < 0 ? 15 : d->cr6), "%s: CR6 %x", d->what, cpu.s.crf[6]);
    ck_assert_msg(cpu.s.vscr_sat == d->sat, "%s: SAT %u", d->what, cpu.s.vscr_sat);
}
END_TEST

/* SAT stays until mtvscr clears it, and nothing else of VSCR can be written. */
START_TEST(test_sat_is_sticky)
{
    const Insn add = { op_vaddubs, 0, 32, 33, 34, 0 }, set = { op_mtvscr, 0, 0, 0, 35, 0 };
    const Insn get = { op_mfvscr, 0, 36, 0, 0, 0 };
    start(false);
    cpu.s.vsr[33].q = 0xff;
    cpu.s.vsr[34].q = 1;
    op_vaddubs(&cpu, &add);
    cpu.s.vsr[34].q = 0;
    op_vaddubs(&cpu, &add);
    ck_assert_uint_eq(cpu.s.vscr_sat, 1);
    cpu.s.vsr[35].q = ~(unsigned __int128)1;
    op_mtvscr(&cpu, &set);
    op_mfvscr(&cpu, &get);
    ck_assert_uint_eq(VSR_D(cpu.s.vsr[36], 0), 0);
    ck_assert_uint_eq(VSR_D(cpu.s.vsr[36], 1), 0x10000);
}
END_TEST

/* An address is formed modulo 2^32 in 32-bit mode. */
START_TEST(test_address_truncation)
{
    const Insn load = { op_lxvd2x, 0, 32, 4, 5, 0 }, control = { op_lvsl, 0, 33, 4, 5, 0 };
    start(false);
    cpu.ea_mask = 0xffffffff;
    cpu.s.gpr[4] = 0xabcdef01ffffffffull;
    cpu.s.gpr[5] = MEMORY_BASE + 4;
    for (unsigned i = 0; i < CASE_MEMORY; i++)
        memory[i] = (uint8_t)i;
    ck_assert_int_eq(op_lxvd2x(&cpu, &load), EXEC_NEXT);
    ck_assert_uint_eq(VSR_D(cpu.s.vsr[32], 0), 0x030405060708090a);
    op_lvsl(&cpu, &control);
    ck_assert_uint_eq(VSR_D(cpu.s.vsr[33], 0), 0x030405060708090a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vector");
    TCase *tcase = tcase_create("vector");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_golden, 0, G_N_ELEMENTS(goldens));
    tcase_add_loop_test(tcase, test_directed, 0, G_N_ELEMENTS(directed));
    tcase_add_test(tcase, test_sat_is_sticky);
    tcase_add_test(tcase, test_address_truncation);
    return check_run(suite);
}
