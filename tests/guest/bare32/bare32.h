/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the 32-bit bare-metal tests share. A test runs a snippet in some MSR and looks at the
 * interrupt that ends it; every snippet ends with `sc` and a mark, which counts as completion. The
 * test program itself runs without translation. RAM below 16 MiB is mapped one to one by IBAT0 and
 * DBAT0 for snippets that run with translation; segments 4 to 7 have VSID 0x100 times their number
 * and pages.
 */
#ifndef TESTS_GUEST_BARE32_H
#define TESTS_GUEST_BARE32_H

#include "tests/guest/bare/report.h"

typedef uint32_t u32;

#define MSR_VEC 0x02000000u
#define MSR_POW 0x00040000u
#define MSR_ILE 0x00010000u
#define MSR_EE  0x8000u
#define MSR_PR  0x4000u
#define MSR_FP  0x2000u
#define MSR_ME  0x1000u
#define MSR_FE0 0x0800u
#define MSR_SE  0x0400u
#define MSR_BE  0x0200u
#define MSR_FE1 0x0100u
#define MSR_IP  0x0040u
#define MSR_IR  0x0020u
#define MSR_DR  0x0010u
#define MSR_RI  0x0002u

#define REAL    MSR_ME
#define VIRTUAL (MSR_ME | MSR_IR | MSR_DR)
#define USER    (VIRTUAL | MSR_PR)

/* SRR1 bits of program and instruction storage interrupts, DSISR bits. */
#define FLOAT          0x00100000u
#define ILLEGAL        0x00080000u
#define PRIVILEGED     0x00040000u
#define TRAP           0x00020000u
#define NEXT           0x00010000u
#define NO_TRANSLATION 0x40000000u
#define NO_EXECUTE     0x10000000u
#define PROTECTION     0x08000000u
#define ATTRIBUTE      0x04000000u
#define STORE          0x02000000u

typedef struct {
    u32 vector; /* 0: the snippet completed */
    u32 srr0, srr1, msr, dar, dsisr, lr, ctr, cr, xer, dec, spare;
    u32 gpr[32];
} Record;
extern Record record;

#define CODE(name, text)                                                                           \
    extern const u32 name[];                                                                       \
    __asm__(".pushsection .text\n.machine \"7400\"\n.balign 32\n" #name ":\n" text                 \
            "\nsc\n.long 0x504f4b21\n.popsection\n")

#define MFSPR(n)                                                                                   \
    ({                                                                                             \
        u32 value_;                                                                                \
        __asm__ volatile("mfspr %0," #n : "=r"(value_));                                           \
        value_;                                                                                    \
    })
#define MTSPR(n, value) __asm__ volatile("mtspr " #n ",%0; isync" : : "r"((u32)(value)))

/* Runs CODE with r3 to r5 in MSR. */
void run(const void *code, u32 msr, u32 r3, u32 r4, u32 r5);
extern u32 run_decrementer;
/* Whether the last run ended so; AT: byte offset of SRR0 in CODE; CAUSE: SRR1 bits beside MSR's. */
void expect(const char *name, const void *code, u32 msr, u32 vector, u32 at, u32 cause);
/* One access by the first instruction of CODE to EA in r4. */
void completes(const char *name, const u32 *code, u32 msr, u32 ea);
void data_fault(const char *name, const u32 *code, u32 msr, u32 ea, u32 dsisr);

/* Pages: an entry in the primary or secondary group of EA; returns its second word's place. */
volatile u32 *map(u32 ea, u32 real, u32 bits, bool secondary);
void unmap(volatile u32 *entry);
void tlbie(u32 ea);
void set_segment(unsigned number, u32 value);
u32 get_segment(unsigned number);
#define VSID(ea) (((ea) >> 28) * 0x100u)
/* A page of its own below 16 MiB; an effective page of its own in segment 4. */
u32 fresh_page(void);
u32 fresh_ea(void);

/* The external interrupt input; false on machines that have none to play with. */
bool set_external(bool level);
extern bool on_qemu;
void tests(void);

#endif
