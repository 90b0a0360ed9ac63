/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One block on its way from IR to x86-64.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_LOWER_H
#define MACHINE_TRANSLATOR_X86_64_LOWER_H

#include "machine/cpu/tlb.h"
#include "machine/translator/x86-64/allocate.h"
#include "machine/translator/x86-64/lower-float.h"
#include "machine/translator/x86-64/lower-vector.h"
#include "machine/translator/x86-64/target.h"

/*
 * CR fields that are known, but not stored: a bit for each field in MASK, and what a comparison
 * would have stored in the others.
 */
typedef struct {
    uint8_t mask, less, greater;
} KnownFields;

/*
 * Out-of-line code: the slow path of a memory access, the interpreter's function for the
 * instruction or for it and the rest of the block, or the look at a CR field that stands in the
 * state.
 */
typedef enum { STUB_ACCESS, STUB_CALL, STUB_REST, STUB_FIELD } StubKind;
typedef struct {
    uint8_t *site;    /* the jump that leads here */
    uint8_t *more[3]; /* other jumps that lead here, or NULL */
    uint8_t *resume;  /* where the fast path goes on */
    uint32_t what;    /* for the helper */
    unsigned live;    /* temporaries to be kept, a bit each */
    HostReg ea, value, target;
    HostReg tag;  /* of a site, which goes on at HIT with the addend there */
    int32_t slot; /* of a site: its place in the bank; else 0 */
    uint8_t *hit;
    Operand base; /* of a group's access: the address is this and the node's imm */
    uint8_t group;
    unsigned groups; /* whose pages are known here */
    KnownFields known;
    Ref node;
    StubKind kind;
    bool is_store;
    /* STUB_REST: these lead here, too, but CONTROL back to itself if FPSCR only seemed not plain,
     * and EXCUSABLE to RESUME if RESULT (an xmm) is right after all. */
    uint8_t *control, *excusable;
    uint8_t result;
    uint8_t home; /* STUB_CALL: a GPR that the function changes but later nodes set; HOME_COUNT */
    XmmSnapshot xmm; /* what is cached where the fast path goes on */
    FloatNote note;
    bool is_marked; /* as in FloatState */
} Stub;

/* An exit whose jump stands at SITE. */
typedef struct {
    uint8_t *site;
    uint64_t target;
    uint8_t home;       /* LR or CTR, which has the target; or HOME_COUNT */
    unsigned left;      /* instructions behind it, which have been charged */
    const IrNode *sunk; /* the branch whose comparison is stored here; or NULL */
    KnownFields known;
    FloatNote note;
} Exit;

/* A jump out of the page that finds another target in the jump table. */
typedef struct {
    uint8_t *site;
    uint64_t target;
} FarMiss;

typedef struct {
    Assembler as;
    Allocator allocator;
    const IrBlock *ir;
    Block *block;
    const TargetThunks *thunks;
    Stub stub[IR_BLOCK_INSNS * 2];
    unsigned stub_count;
    Exit exit[IR_EXITS_MAX];
    unsigned exit_count;
    FarMiss far[IR_EXITS_MAX];
    unsigned far_count;
    unsigned site_count;
    unsigned groups; /* whose pages were looked for, a bit each */
    KnownFields known;
    XmmCache xmm;
    const IrNode *compared; /* its flags are those of the host, at this place */
    const uint8_t *compared_at;
    Ref counted; /* the flags are those of this sum's or logical result, at this place */
    const uint8_t *counted_at;
    bool counted_is_logic; /* as a comparison with 0 would leave them */
    FloatState fp;
} Lowering;

static inline Mem vsr_mem(uint64_t n)
{
    return mem_at(CPU_REG, (int32_t)(offsetof(Cpu, s.vsr) + 16 * n) - CPU_BIAS);
}

/* Stores what FIELD is, if that is known but not stored yet. The flags stay. */
void lower_known_field(Lowering *low, unsigned field);
/* FIELD is being set. */
void lower_forget_known(Lowering *low, unsigned field);

/* REG becomes the address of the block's struct. */
void lower_block_pointer(Lowering *low, HostReg reg);

/* A stub that SITE, a jump, leads to. */
Stub *lower_add_stub(Lowering *low, uint8_t *site);
/*
 * A stub that calls the interpreter's function for NODE's instruction; the caller makes its jumps.
 * lower_call_resume() says that the fast path goes on here.
 */
Stub *lower_call_stub(Lowering *low, const IrNode *node);
void lower_call_resume(Lowering *low, Stub *stub);
/*
 * The stub for NODE, which looks at a CR field, when that stands in the state. It brings a GET_CR's
 * field into the stub's target; for others it sets the flags, those of CR_EQ by way of the target.
 */
Stub *lower_field_stub(Lowering *low, const IrNode *node, uint8_t *site);

/*
 * For an observer of stores; without one neither emits anything. Makes TAG, of the page of a store,
 * what the table has for it; and tells, behind the store of SIZE bytes to MEM, what is there now.
 */
void lower_match_observed(Lowering *low, HostReg tag);
void lower_observe_store(Lowering *low, const IrNode *node, Mem mem, unsigned size);

/* A stub that leaves this instruction and the rest of the block to the interpreter. */
Stub *lower_rest_stub(Lowering *low, const IrNode *node);

/* VSRs in host registers (lower-vector-cache.c). */
void xmm_forget(Lowering *low);
void xmm_begin(Lowering *low);
uint8_t xmm_temp(Lowering *low);
uint8_t xmm_read(Lowering *low, unsigned n);
uint8_t xmm_read_low(Lowering *low, unsigned n);
void xmm_write(Lowering *low, unsigned n, uint8_t reg);
void xmm_write_low(Lowering *low, unsigned n, uint8_t reg, bool is_kept);
void xmm_reload(Lowering *low, const XmmSnapshot *snapshot);
void xmm_drop(Lowering *low, unsigned n);
/* The place of a copy of VSR N in FORMAT, or -1. */
int xmm_find(const Lowering *low, unsigned n, XmmFormat format);
Mem xmm_doubleword_mem(unsigned n, unsigned doubleword);

/* Vector nodes; false if NODE is none. */
bool lower_vector_node(Lowering *low, const IrNode *node);

/* What operating systems do (lower-system.c); false if NODE is none of it. */
bool lower_system_node(Lowering *low, const IrNode *node);

/* Memory (lower-memory.c). */
void lower_load(Lowering *low, const IrNode *node);
void lower_store(Lowering *low, const IrNode *node);
void lower_probe(Lowering *low, const IrNode *node);
void lower_zero(Lowering *low, const IrNode *node);
/*
 * The head of a stub for an access of a group: looks again, for this access alone. Gives the jump
 * that is taken on a miss.
 */
uint8_t *lower_look_again(Lowering *low, const Stub *stub, uint8_t *site);
/*
 * Leaves in INDEX where the entry is for the page of the access, or of its group, in TAG that page,
 * and the host's flags "equal" if the entry is for it and no page is crossed. Gives the entry's
 * place.
 */
Mem lower_look(Lowering *low, const IrNode *node, HostReg ea, HostReg index, HostReg tag);

/*
 * Sites (lower-site.c): whether NODE is one; its check, which leaves the addend in TEMP; and the
 * head of its stub, as above.
 */
bool lower_is_site(const Lowering *low, const IrNode *node);
Stub *lower_site(Lowering *low, const IrNode *node, HostReg ea, HostReg temp);
uint8_t *lower_site_refill(Lowering *low, const Stub *stub);

/* Behind a call of C code: what was known of pages may be so no longer. */
void lower_forget_groups(Lowering *low, const Stub *stub);

/* Scalar floating point (lower-float.c). */
void lower_float(Lowering *low, const IrNode *node);
/* Parts of a stub: before its jumps, between them and its helper, and behind the helper. */
void lower_float_excuse(Lowering *low, const Stub *stub);
void lower_float_enter_stub(Lowering *low, const Stub *stub);
void lower_float_leave_stub(Lowering *low, const Stub *stub);
/* What an exit amidst a block has to note. */
void lower_float_exit(Lowering *low, const FloatNote *note);
/* Sees to it that the host's flags get into FPSCR without the note of an operation. */
void lower_float_mark(Lowering *low);
/* Notes the last operation in the state. The host's flags and all registers stay. */
void lower_float_commit(Lowering *low);
/* Nothing is known any more: behind a CALL, and where a block begins. */
void lower_float_forget(Lowering *low);
/* Whether the host's flags show CR field FIELD at the present node. */
bool lower_float_flags(const Lowering *low, unsigned field);

/* Operations on values and CR fields (lower-value.c). */
void lower_value(Lowering *low, const IrNode *node);

/* Compares a with b: wide; only the host's flags change. */
void lower_comparison(Lowering *low, const IrNode *node);

/*
 * Emits the test of a BRANCH's or SELECT's CR bit: the host condition under which it is 1.
 */
HostCondition lower_condition(Lowering *low, const IrNode *node);

#endif
