/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk. PTCR holds, for a guest, doubleword 1 of its partition table entry: where the process
 * table is and how long, as H_REGISTER_PROC_TBL gave it. All tables are big-endian.
 */
#include "machine/cpu/radix.h"

#define CAUSE_NO_TRANSLATION    0x40000000u
#define CAUSE_NO_EXECUTE        0x10000000u
#define CAUSE_PROTECTION        0x08000000u
#define CAUSE_BAD_CONFIGURATION 0x00080000u

#define TABLE_ADDRESS         0x0fffffffffffff00ull
#define ENTRY_VALID           (1ull << 63)
#define ENTRY_LEAF            (1ull << 62)
#define ENTRY_SIZE            0x1full
#define LEAF_RPN              0x01fffffffffff000ull
#define PROCESS_TABLE_ADDRESS 0x0ffffffffffff000ull
#define TREE_SIZE_MIN         31
/* Index bits of a directory: a node below the root has 5, 9 or 13, none fewer (POWER9 UM 4.10). */
#define ROOT_BITS_MIN 1
#define NODE_BITS_MIN 5

/* Quadrant 0 is the present process's, quadrant 3 process 0's; a guest has no others. */
static bool place(const Cpu *cpu, uint64_t ea, AccessKind access, MmuPlace *out, MmuFault *fault)
{
    unsigned quadrant = (unsigned)(ea >> 62);
    *fault = (MmuFault){ .is_segment = true };
    *out = (MmuPlace){ .address = radix_page_address(ea),
                       .context = quadrant == 0 ? (uint32_t)cpu->s.spr[SPR_PIDR] : 0 };
    return quadrant == 0 || quadrant == 3;
}

static bool refuse(MmuFault *fault, uint32_t cause)
{
    *fault = (MmuFault){ .cause = cause };
    return false;
}

static bool permits(const Cpu *cpu, const MmuPlace *where, uint64_t bits, AccessKind access,
                    MmuFault *fault)
{
    static const uint64_t needed[] = {
        [ACCESS_READ] = RADIX_PTE_READ,
        [ACCESS_WRITE] = RADIX_PTE_WRITE,
        [ACCESS_FETCH] = RADIX_PTE_EXECUTE,
    };
    bool problem_state = cpu->s.msr & MSR_PR;
    bool is_fetch = access == ACCESS_FETCH;
    if (is_fetch && (bits & RADIX_PTE_ATTRIBUTES) == RADIX_PTE_NON_IDEMPOTENT)
        return refuse(fault, CAUSE_NO_EXECUTE);
    if (problem_state && (bits & RADIX_PTE_PRIVILEGED))
        return refuse(fault, CAUSE_PROTECTION);
    /* A writable page is readable whatever its read bit says. */
    uint64_t granted = bits & RADIX_PTE_WRITE ? bits | RADIX_PTE_READ : bits;
    if (!(granted & needed[access]))
        return refuse(fault, is_fetch ? CAUSE_NO_EXECUTE : CAUSE_PROTECTION);
    /* Key 0 guards problem-state pages against privileged accesses; a refusal is no key fault. */
    if (!problem_state && !(bits & RADIX_PTE_PRIVILEGED)) {
        uint64_t amr = cpu->s.spr[SPR_AMR], iamr = cpu->s.spr[SPR_IAMR];
        bool denied = access == ACCESS_WRITE  ? amr >> 63 & 1
                      : access == ACCESS_READ ? amr >> 62 & 1
                                              : iamr >> 62 & 1;
        if (denied)
            return refuse(fault, is_fetch ? CAUSE_NO_EXECUTE : CAUSE_PROTECTION);
    }
    return true;
}

/* The root: where the tree of CONTEXT starts, and how many address bits it covers. */
static bool find_root(const Cpu *cpu, uint32_t context, uint64_t *root, unsigned *size,
                      MmuFault *fault)
{
    uint64_t registered = cpu->s.spr[SPR_PTCR];
    uint64_t table = registered & PROCESS_TABLE_ADDRESS;
    uint64_t table_bytes = 1ull << ((registered & ENTRY_SIZE) + 12);
    uint64_t offset = (uint64_t)context * 16;
    if (offset >= table_bytes || !memory_read_be64(cpu->memory, table + offset, root))
        return refuse(fault, CAUSE_BAD_CONFIGURATION);
    *size = (unsigned)((*root >> 61 & 3) << 3 | (*root >> 5 & 7)) + TREE_SIZE_MIN;
    return true;
}

static bool shift_is_supported(unsigned shift)
{
    return shift == 12 || shift == 16 || shift == 21 || shift == 30;
}

static bool walk(const Cpu *cpu, const MmuPlace *where, TranslationEntry *entry,
                 uint64_t *leaf_address, MmuFault *fault)
{
    uint64_t node, address = where->address;
    unsigned remaining;
    if (!find_root(cpu, where->context, &node, &remaining, fault))
        return false;
    if (remaining < 62 && address >> remaining) {
        *fault = (MmuFault){ .is_segment = true };
        return false;
    }
    for (bool is_root = true;; is_root = false) {
        unsigned bits = node & ENTRY_SIZE;
        if (bits < (is_root ? ROOT_BITS_MIN : NODE_BITS_MIN) || bits + 12 > remaining)
            return refuse(fault, CAUSE_BAD_CONFIGURATION);
        remaining -= bits;
        uint64_t index = address >> remaining & ((1ull << bits) - 1);
        *leaf_address = (node & TABLE_ADDRESS) + index * 8;
        if (!memory_read_be64(cpu->memory, *leaf_address, &node))
            return refuse(fault, CAUSE_BAD_CONFIGURATION);
        if (!(node & ENTRY_VALID))
            return refuse(fault, CAUSE_NO_TRANSLATION);
        if (node & ENTRY_LEAF)
            break;
    }
    if (!shift_is_supported(remaining))
        return refuse(fault, CAUSE_BAD_CONFIGURATION);
    uint64_t offset_mask = (1ull << remaining) - 1;
    *entry = (TranslationEntry){
        .page = address & ~offset_mask,
        .real = node & LEAF_RPN & ~offset_mask,
        .bits = node & ~LEAF_RPN,
        .context = where->context,
        .shift = (uint8_t)remaining,
    };
    return true;
}

static void mark(Cpu *cpu, uint64_t leaf_address, AccessKind access, TranslationEntry *entry)
{
    uint64_t wanted = RADIX_PTE_R | (access == ACCESS_WRITE ? RADIX_PTE_C : 0), stored;
    if ((entry->bits & wanted) == wanted)
        return;
    memory_read_be64(cpu->memory, leaf_address, &stored);
    stored = GUINT64_TO_BE(stored | wanted);
    mmu_store_table(cpu, leaf_address, &stored, sizeof stored);
    entry->bits |= wanted;
}

static void forget(Cpu *cpu, const MmuPlace *where, uint64_t ea)
{
    mmu_invalidate_page(cpu->mmu, where->context, ea);
}

/* Non-idempotent and tolerant I/O pages are caching-inhibited. */
static unsigned refusals(uint64_t bits)
{
    return bits & RADIX_PTE_NON_IDEMPOTENT ? MMU_NO_RESERVATION | MMU_NO_BLOCK_ZERO : 0;
}

/*
 * In problem state each process has banks of its own; privileged code is common to all. So are
 * privileged data while the keys forbid what belongs to the process: an operating system opens them
 * for a copy only.
 */
static void bank_keys(const Cpu *cpu, TlbKey *data, TlbKey *code)
{
    uint32_t process = (uint32_t)cpu->s.spr[SPR_PIDR];
    bool problem_state = cpu->s.msr & MSR_PR;
    data->context = code->context = process;
    data->word[0] = code->word[0] = cpu->ea_mask;
    uint64_t forbidden = problem_state ? 0 : cpu->s.spr[SPR_AMR] >> 62;
    data->word[1] = forbidden == 3 ? 0 : (uint64_t)process + 1;
    data->word[2] = forbidden;
    code->word[1] = problem_state ? (uint64_t)process + 1 : 0;
    code->word[2] = problem_state ? 0 : cpu->s.spr[SPR_IAMR] >> 62 & 1;
}

static bool is_private(uint64_t ea)
{
    return ea >> 62 == 0;
}

const MmuFamily mmu_radix = {
    .place = place,
    .permits = permits,
    .walk = walk,
    .mark = mark,
    .forget = forget,
    .refusals = refusals,
    .bank_keys = bank_keys,
    .is_private = is_private,
};
