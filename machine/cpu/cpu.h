/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PowerPC processor: its state, and what instruction functions may use.
 *
 * Cpu is open because every instruction touches it. All that the guest can notice is in CpuState,
 * which is saved, hashed and compared through one state table; the rest is wiring or a cache that
 * can be dropped at any time.
 *
 * 1. Registers have 64-bit slots on every model. In 32-bit mode effective addresses are truncated
 *    where they are formed (cpu_ea), never by trusting the upper halves of registers.
 * 2. While instruction number k (counted from 0) is attempted, cpu_icount() is k.
 * 3. An instruction function either completes or returns EXEC_EXCEPTION, having changed nothing but
 *    what the architecture lets a restarted instruction see changed.
 */
#ifndef MACHINE_CPU_CPU_H
#define MACHINE_CPU_CPU_H

#include "machine/cpu/insn.h"
#include "machine/cpu/spr.h"
#include "machine/cpu/vsr.h"

/* MSR bits (Power ISA 3.0B, Book III 3.2.1; bit 0 is the most significant of 64). */
#define MSR_SF  (1ull << 63)
#define MSR_HV  (1ull << 60)
#define MSR_TS  (3ull << 33)
#define MSR_TM  (1ull << 32)
#define MSR_VEC (1ull << 25)
#define MSR_VSX (1ull << 23)
#define MSR_POW (1ull << 18) /* 32-bit models */
#define MSR_ILE (1ull << 16) /* 32-bit models */
#define MSR_EE  (1ull << 15)
#define MSR_PR  (1ull << 14)
#define MSR_FP  (1ull << 13)
#define MSR_ME  (1ull << 12)
#define MSR_FE0 (1ull << 11)
#define MSR_SE  (1ull << 10)
#define MSR_BE  (1ull << 9)
#define MSR_FE1 (1ull << 8)
#define MSR_IP  (1ull << 6) /* 32-bit models */
#define MSR_IR  (1ull << 5)
#define MSR_DR  (1ull << 4)
#define MSR_PM  (1ull << 2) /* 32-bit models */
#define MSR_RI  (1ull << 1)
#define MSR_LE  (1ull << 0)

/* CR field bits as kept in crf[]. */
enum { CR_LT = 8, CR_GT = 4, CR_EQ = 2, CR_SO = 1 };

/* Interrupt vectors, by their real-mode offset. */
typedef enum {
    VECTOR_NONE = 0,
    VECTOR_SYSTEM_RESET = 0x100,
    VECTOR_MACHINE_CHECK = 0x200,
    VECTOR_DATA_STORAGE = 0x300,
    VECTOR_DATA_SEGMENT = 0x380,
    VECTOR_INSTRUCTION_STORAGE = 0x400,
    VECTOR_INSTRUCTION_SEGMENT = 0x480,
    VECTOR_EXTERNAL = 0x500,
    VECTOR_ALIGNMENT = 0x600,
    VECTOR_PROGRAM = 0x700,
    VECTOR_FP_UNAVAILABLE = 0x800,
    VECTOR_DECREMENTER = 0x900,
    VECTOR_DOORBELL = 0xa00,
    VECTOR_SYSTEM_CALL = 0xc00,
    VECTOR_TRACE = 0xd00,
    VECTOR_HV_EMULATION = 0xe40,
    VECTOR_PERFORMANCE = 0xf00,
    VECTOR_VEC_UNAVAILABLE = 0xf20,
    VECTOR_VSX_UNAVAILABLE = 0xf40,
    VECTOR_FACILITY_UNAVAILABLE = 0xf60,
    VECTOR_SYSTEM_CALL_VECTORED = 0x3000,
} Vector;

/* SRR1 bits that say why a program interrupt was taken. */
#define PROGRAM_FP_ENABLED (1ull << 20)
#define PROGRAM_ILLEGAL    (1ull << 19)
#define PROGRAM_PRIVILEGED (1ull << 18)
#define PROGRAM_TRAP       (1ull << 17)
#define PROGRAM_NEXT       (1ull << 16) /* SRR0 is not the instruction that caused it but the next */

/* DSISR bits of a data storage interrupt. */
#define DSISR_NO_TRANSLATION 0x40000000u
#define DSISR_PROTECTION     0x08000000u
#define DSISR_ATTRIBUTE      0x04000000u /* reservation or quad access to storage that forbids it */
#define DSISR_STORE          0x02000000u
#define DSISR_KEY            0x00200000u

/* Everything the guest can notice about the processor. */
typedef struct {
    uint64_t gpr[32];
    Vsr vsr[64];  /* FPR n is doubleword 0 of vsr[n]; VR n is vsr[32 + n] */
    uint64_t cia; /* address of the current instruction; at a boundary, of the next */
    uint64_t msr;
    uint64_t lr;
    uint64_t ctr;
    uint64_t fpscr;       /* the whole 64 bits; FEX and VX are kept up to date */
    uint64_t spr[1024];   /* by number, for every register that is plain storage (spr.def) */
    uint64_t tb_offset;   /* ticks: TB = ticks of virtual time + offset */
    uint64_t dec_zero_tb; /* the TB value at which DEC is 0 */
    uint64_t
        dec_seen_tb; /* 32-bit models: up to this TB, a sign change of DEC has been dealt with */
    uint64_t reserve_granule;       /* real address of the 128-byte granule */
    uint8_t crf[8];                 /* CR fields 0-7, one nibble each */
    uint8_t so, ov, ca, ov32, ca32; /* XER bits, 0 or 1 */
    uint8_t xer_count;              /* XER bits 57-63 */
    uint8_t reserve_valid;
    uint8_t reserve_size; /* bytes */
    uint8_t vscr_nj, vscr_sat;
    uint8_t external_line;    /* the interrupt controller's output, 0 or 1 */
    uint8_t halted;           /* ceded or napping: runs again at the next enabled interrupt */
    uint8_t reset_pending;    /* a system reset interrupt (NMI) waits for the next boundary */
    uint8_t doorbell_pending; /* a directed privileged doorbell waits */
    uint8_t running;          /* 0: stopped processor, waits for start-cpu */
    uint8_t dec_latch; /* 32-bit models: a decrementer interrupt waits, whatever DEC is now */
    uint32_t vrsave;
    uint32_t zero32; /* fills the struct to its alignment; always 0 */
    uint32_t sr[16]; /* segment registers of 32-bit models */
} CpuState;

typedef struct {
    Vector vector;
    uint64_t srr1;  /* bits to set in SRR1 */
    uint64_t dar;   /* with data storage, data segment and alignment */
    uint32_t dsisr; /* with data storage and alignment */
} CpuException;

typedef struct CpuModel CpuModel; /* model.h */
typedef struct TlbBank TlbBank;   /* tlb.h */
typedef struct CodeBank CodeBank;
typedef struct CpuBoard CpuBoard; /* board-hooks.h: what the processor asks its board */
typedef struct CpuEngine CpuEngine;

struct Cpu {
    CpuState s;

    /* Derived from the state; rebuilt by cpu_mode_changed(). */
    TlbBank *tlb;      /* translations of data under the present MSR, PID and keys */
    CodeBank *code;    /* and of instructions */
    uint64_t ea_mask;  /* all ones, or the low 32 bits in 32-bit mode */
    uint32_t mode_key; /* what predecoding depends on (mode.h) */
    uint8_t byte_swap; /* guest data order differs from the host's */
    /* Constant within a budget: the budget ends where it changes. On 32-bit models: is pending. */
    uint8_t decrementer_is_negative;

    /* The budget: instruction number k is attempted while icount_end - left == k. */
    uint64_t icount_end;
    int64_t left;

    /* Between translated code and its helpers (machine/translator). */
    struct {
        uint64_t ea, value;                /* of a memory access on its slow path */
        const void *link;                  /* the exit that was taken and is not linked yet */
        int64_t entered_with;              /* the budget when code was entered last */
        uint32_t leave;                    /* a helper asks to go back: 0 or 1 */
        uint8_t must_return;               /* and a boundary must look */
        uint8_t cr_less[8], cr_greater[8]; /* what comparisons found (cr-pending.h) */
        /* Constants for floating point (float-pending.h): of double and of single. */
        uint64_t float_least[2], float_span[2];
        uint32_t field_less, field_greater;
    } translated;

    /* What translated code has not yet done to FPSCR (machine/translator/float-pending.h). */
    struct {
        const Insn *insn;    /* the last arithmetic operation, or NULL */
        uint64_t operand[4]; /* what its t, a, b, c held */
        const Insn *convert; /* the last conversion to an integer after it, or NULL */
        uint64_t fpcc;       /* FPCC of the last comparison after it, or 0 */
        uint64_t converted;
        uint64_t kept_fpcc;  /* a copy, while C code runs */
        uint32_t unsettled;  /* 1: the host's flags may have something that is not in FPSCR */
        uint32_t host_flags; /* of the host, as translated code has read them */
        /* The host's flags are VMX operations', no one's concern, and FPSCR.XE is set until that is
         * over: 1, and 8 if it was set before (lower-vector-lanes.c). */
        uint8_t lanes;
    } pending;

    CpuException exception; /* valid while EXEC_EXCEPTION is on its way */

    /* Wiring. */
    const CpuModel *model;
    const CpuBoard *board;
    void *board_opaque;
    CpuEngine *engine;
    struct Translator *translator;      /* NULL: the interpreter runs everything */
    const struct CpuObserver *observer; /* NULL but in tests (observer.h) */
    const struct CpuWatch *watch;       /* NULL: nothing is watched (watch.h) */
    struct Memory *memory;
    struct Mmu *mmu;
    const struct Clock *clock;
};

/* Instructions attempted so far: the number of the present one while it is attempted. */
static inline uint64_t cpu_icount(const Cpu *cpu)
{
    return cpu->icount_end - (uint64_t)cpu->left;
}

/*
 * Makes the engine stop at the boundary after the present instruction; for what changes deadlines
 * or raises interrupts in the middle of a budget.
 */
static inline void cpu_stop_at_boundary(Cpu *cpu)
{
    if (cpu->left > 1) {
        cpu->icount_end -= (uint64_t)(cpu->left - 1);
        cpu->left = 1;
    }
}

/* An effective address as the present mode forms it. */
static inline uint64_t cpu_ea(const Cpu *cpu, uint64_t address)
{
    return address & cpu->ea_mask;
}

/* (RA|0): r0 as a base reads as zero. */
static inline uint64_t cpu_gpr_or_zero(const Cpu *cpu, unsigned n)
{
    return n ? cpu->s.gpr[n] : 0;
}

static inline bool cpu_is_64bit(const Cpu *cpu)
{
    return cpu->ea_mask >> 32;
}

/* Sets CR field 0 for an Rc=1 form, from RESULT compared with zero in the present mode. */
static inline void cpu_set_cr0(Cpu *cpu, uint64_t result)
{
    int64_t value = cpu_is_64bit(cpu) ? (int64_t)result : (int32_t)result;
    cpu->s.crf[0] = (uint8_t)((value < 0 ? CR_LT : value > 0 ? CR_GT : CR_EQ) | cpu->s.so);
}

static inline uint32_t cpu_cr(const Cpu *cpu)
{
    uint32_t cr = 0;
    for (unsigned i = 0; i < 8; i++)
        cr = cr << 4 | cpu->s.crf[i];
    return cr;
}

static inline void cpu_set_cr(Cpu *cpu, uint32_t cr)
{
    for (unsigned i = 0; i < 8; i++)
        cpu->s.crf[i] = (cr >> (28 - 4 * i)) & 15;
}

/* One bit of CR, by the book's number 0-31. */
static inline unsigned cpu_cr_bit(const Cpu *cpu, unsigned bit)
{
    return (cpu->s.crf[bit >> 2] >> (3 - (bit & 3))) & 1;
}

static inline void cpu_set_cr_bit(Cpu *cpu, unsigned bit, unsigned value)
{
    uint8_t mask = (uint8_t)(8 >> (bit & 3));
    cpu->s.crf[bit >> 2] = (uint8_t)((cpu->s.crf[bit >> 2] & ~mask) | (value ? mask : 0));
}

/* The value of FPR n; and setting it, which clears doubleword 1 as POWER processors do. */
static inline uint64_t cpu_fpr(const Cpu *cpu, unsigned n)
{
    return VSR_D(cpu->s.vsr[n], 0);
}

static inline void cpu_set_fpr(Cpu *cpu, unsigned n, uint64_t value)
{
    VSR_D(cpu->s.vsr[n], 0) = value;
    VSR_D(cpu->s.vsr[n], 1) = 0;
}

/*
 * Exceptions. Each records what to deliver and returns EXEC_EXCEPTION for the instruction function
 * to return.
 */
ExecStatus cpu_raise(Cpu *cpu, Vector vector, uint64_t srr1);
ExecStatus cpu_raise_program(Cpu *cpu, uint64_t reason);
/* Alignment interrupt for the data access at EA; DSISR is made from the instruction on models that
 * do. */
ExecStatus cpu_raise_alignment(Cpu *cpu, uint64_t ea, const Insn *insn);
/* Facility unavailable: CAUSE goes into FSCR bits 0-7. */
ExecStatus cpu_raise_facility(Cpu *cpu, uint64_t cause);

/*
 * To be called after MSR, PID, AMR, IAMR, LPCR or the model's translation registers changed: makes
 * the derived members true again.
 */
void cpu_mode_changed(Cpu *cpu);

/* TB and DEC as seen by the present instruction. */
uint64_t cpu_timebase(const Cpu *cpu);
uint64_t cpu_decrementer(const Cpu *cpu);
void cpu_set_decrementer(Cpu *cpu, uint64_t value);
/* The decrementer goes on as it was. */
void cpu_set_timebase(Cpu *cpu, uint64_t value);

uint64_t cpu_xer(const Cpu *cpu);
void cpu_set_xer(Cpu *cpu, uint64_t value);

#endif
