/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bare-metal tests share. A test runs a snippet of machine code in some MSR and looks at
 * the interrupt that ends it: every snippet ends with `sc` and a mark, which counts as completion.
 *
 * The test program itself runs in real mode, 64-bit, EE off, in the byte order it was built for.
 */
#ifndef TESTS_GUEST_BARE_H
#define TESTS_GUEST_BARE_H

#include "tests/guest/bare/report.h"

typedef uint64_t u64;
typedef uint32_t u32;

#define MSR_SF  (1ull << 63)
#define MSR_HV  (1ull << 60)
#define MSR_TM  (1ull << 32)
#define MSR_VEC (1ull << 25)
#define MSR_VSX (1ull << 23)
#define MSR_EE  (1ull << 15)
#define MSR_PR  (1ull << 14)
#define MSR_FP  (1ull << 13)
#define MSR_ME  (1ull << 12)
#define MSR_FE0 (1ull << 11)
#define MSR_SE  (1ull << 10)
#define MSR_BE  (1ull << 9)
#define MSR_FE1 (1ull << 8)
#define MSR_IR  (1ull << 5)
#define MSR_DR  (1ull << 4)
#define MSR_RI  (1ull << 1)
#define MSR_LE  (1ull << 0)

#ifdef __LITTLE_ENDIAN__
#define NATIVE MSR_LE
#define LITTLE 1
#else
#define NATIVE 0
#define LITTLE 0
#endif

#define REAL    (MSR_SF | MSR_ME | NATIVE)
#define VIRTUAL (REAL | MSR_IR | MSR_DR)
#define USER    (VIRTUAL | MSR_EE | MSR_PR) /* PR brings EE, IR and DR with it */

/* SRR1 bits of program interrupts; of instruction storage interrupts. */
#define FP_ENABLED     (1ull << 20)
#define ILLEGAL        (1ull << 19)
#define PRIVILEGED     (1ull << 18)
#define TRAP           (1ull << 17)
#define NO_TRANSLATION 0x40000000ull
#define NO_EXECUTE     0x10000000ull
#define PROTECTION     0x08000000ull
#define ATTRIBUTE      0x04000000ull
#define STORE          0x02000000ull
#define KEY            0x00200000ull
#define BAD_TREE       0x00080000ull

/* Everything at the interrupt that ended a snippet; run.S knows this layout. */
typedef struct {
    u64 vector; /* the address of the entry; 0: the snippet completed */
    u64 srr0, srr1, msr, dar, lr, ctr, cr, xer, dec;
    u64 gpr[32];
    u64 dsisr;
    u64 spare;
} Record;
extern Record record;

/* Registers when a snippet begins: r3 to r12 and four more. */
typedef struct {
    u64 r[10];
    u64 lr, ctr, xer, cr;
} Inputs;

/* A snippet: TEXT, then the end that means completion. */
#define MARK 0x504f4b21
#define CODE(name, text)                                                                           \
    extern const u32 name[];                                                                       \
    __asm__(".pushsection .text\n.machine power9\n.balign 16\n" #name ":\n" text                   \
            "\nsc\n.long 0x504f4b21\n.popsection\n")

/* A test that is a row: a snippet, and how it must end. */
typedef struct {
    const char *name;
    const u32 *code;
    u64 msr;
    u64 vector;     /* 0: completes */
    u64 at;         /* byte offset of SRR0 in the snippet */
    u64 cause;      /* SRR1 bits that are not MSR's */
    u64 dar, dsisr; /* looked at after data storage (0x300), data segment (DAR), alignment (DAR) */
    u64 r[6];       /* r3 to r8 */
} Case;

/* bare.c */
typedef struct {
    const u32 *tree; /* NULL: entered through Open Firmware, the rest says nothing */
    u64 msr, r4, r6, place;
} Entry;
extern Entry entered; /* how the machine entered the image */
void bare_main(const u32 *tree, u64 power_off_token, u64 msr, u64 r4, u64 r6, u64 place);
void tests(void); /* the group's */

/* Runs CODE; fills `record`; says whether it completed. */
bool run(const void *code, u64 msr, const Inputs *inputs);
/* What DEC holds when a run begins. */
extern u64 run_decrementer;
bool run_r(const void *code, u64 msr, u64 r3, u64 r4, u64 r5);
/* Reports under NAME whether the last run ended as said (the first difference is printed). */
void expect(const char *name, const void *code, u64 msr, u64 vector, u64 at, u64 cause);
void run_case(const Case *c);
/*
 * Rows for one access: the second instruction of CODE, which uses EA in r4, completes or ends in
 * that interrupt with EA in DAR.
 */
void completes(const char *name, const u32 *code, u64 msr, u64 ea);
void data_fault(const char *name, const u32 *code, u64 msr, u64 ea, u64 dsisr);
void data_segment(const char *name, const u32 *code, u64 msr, u64 ea);
void unaligned(const char *name, const u32 *code, u64 msr, u64 ea);
void run_cases(const Case *cases, unsigned count);
#define CASES(table) run_cases(table, sizeof table / sizeof *table)

u64 hypercall(u64 number, const u64 *arguments, u64 *results);
u64 hcall(u64 number, u64 r4, u64 r5, u64 r6, u64 r7);
void hcall_ok(u64 number, u64 r4, u64 r5, u64 r6, u64 r7);
enum {
    H_PUT_TERM_CHAR = 0x58,
    H_EOI = 0x64,
    H_CPPR = 0x68,
    H_IPI = 0x6c,
    H_XIRR = 0x74,
    H_CEDE = 0xe0,
    H_SET_MODE = 0x31c,
    H_REGISTER_PROC_TBL = 0x37c,
    H_RTAS = 0xf000
};

/* What run() expects of interrupts: the byte order (H_SET_MODE) and AIL now in force. */
void set_interrupt_order(bool little);
void set_ail(unsigned ail);
extern unsigned current_ail;
extern bool interrupt_little;

/* Translation (radix; process 1 at quadrant 0, process 0 at quadrant 3). */
enum {
    P_R = 0x100,
    P_C = 0x80,
    P_SAO = 0x10,
    P_IDEMPOTENT_NOT = 0x20,
    P_PRIVILEGED = 8,
    P_READ = 4,
    P_WRITE = 2,
    P_EXECUTE = 1
};
#define P_ALL     (P_R | P_C | P_READ | P_WRITE | P_EXECUTE)
#define P_LEAF    (3ull << 62)
#define QUADRANT3 0xc000000000000000ull
u64 *entry_of(unsigned pid, u64 ea, unsigned shift); /* the big-endian entry of that size, made */
void map(unsigned pid, u64 ea, u64 real, unsigned shift, u64 flags);
void put_entry(u64 *entry, u64 value);
u64 get_entry(const u64 *entry);
void flush_page(u64 ea);
void flush_all(void);
u64 fresh_page(void); /* the real address of an unused, zeroed 4 KiB page */
u64 fresh_ea(void);   /* an unused effective address, 2 MiB aligned, in quadrant 0 */
/* Maps a fresh page at a fresh address with FLAGS; the address. */
u64 fresh_mapping(u64 flags);
extern u64 last_real; /* the page of the last fresh_mapping() */

#define MTSPR(number, value)                                                                       \
    __asm__ volatile("mtspr %0, %1" : : "i"(number), "r"((u64)(value)) : "memory")
#define MFSPR(number)                                                                              \
    ({                                                                                             \
        u64 value_;                                                                                \
        __asm__ volatile("mfspr %0, %1" : "=r"(value_) : "i"(number) : "memory");                  \
        value_;                                                                                    \
    })

#endif
