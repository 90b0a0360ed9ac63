/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the rows of vector-golden.def as a user program of another PowerPC, without a C library, and
 * writes one line a row: its digest and, with -DVERBOSE, every outcome. Built by vector-golden.py.
 */
#include "vector-cases.h"

static const unsigned needs[] = {
#define ROW(needs_) needs_,
#include "oracle-rows.h"
#undef ROW
};

extern const uint64_t oracle_entries[]; /* code addresses, one a row */
void oracle_call(uint64_t entry, VectorCase *c);

static uint8_t memory[CASE_MEMORY] __attribute__((aligned(128)));
static VectorCase c __attribute__((aligned(16)));

static long system_call(long number, long a, long b, long d)
{
    register long r0 __asm__("r0") = number, r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b, r5 __asm__("r5") = d;
    __asm__ volatile("sc"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5)
                     :
                     : "memory", "cr0", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr");
    return r3;
}

static void write_hex(uint64_t value, char last)
{
    char text[17];
    for (unsigned i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    text[16] = last;
    system_call(4, 1, (long)text, 17);
}

static uint64_t run_case(uint64_t digest, unsigned row, unsigned k)
{
    case_make(&c, k, needs[row], memory);
    if (needs[row] & CASE_STORAGE)
        c.gpr[0] = (uint64_t)memory;
    oracle_call(oracle_entries[row], &c);
    c.cr = c.cr >> 4 & 15;
    c.vscr[1] &= 0x10001;
#ifdef VERBOSE
    write_hex(c.v[0][0], ' ');
    write_hex(c.v[0][1], ' ');
    write_hex(c.cr, '\n');
#endif
    return case_outcome(digest, &c, needs[row], memory);
}

void oracle_main(void)
{
    for (unsigned row = 0; row < sizeof needs / sizeof *needs; row++) {
        uint64_t digest = CASE_DIGEST_START;
        for (unsigned k = 0; k < CASE_COUNT; k++)
            digest = run_case(digest, row, k);
        write_hex(digest, '\n');
    }
    system_call(1, 0, 0, 0);
}
