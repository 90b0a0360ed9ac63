/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments and the hashed page table (PEM 7.5 and 7.6; MPC7400 UM chapter 5).
 *
 * 1. Pages are named in the translation set by their 52-bit virtual address, and the set's context
 *    is the congruence class that tlbie names: dropping a class is dropping a context.
 * 2. Keys come from the segment register of the moment, so a change of Ks or Kp needs no tlbie.
 * 3. R and C are set as a store of the table entry's second word.
 */
#include "machine/cpu/hash32.h"

#define SEGMENT_DIRECT_STORE   0x80000000u
#define SEGMENT_KEY_SUPERVISOR 0x40000000u
#define SEGMENT_KEY_PROBLEM    0x20000000u
#define SEGMENT_NO_EXECUTE     0x10000000u
#define SEGMENT_VSID           0x00ffffffu

#define SDR1_ORIGIN   0xffff0000u
#define SDR1_MASK     0x1ffu
#define HASH_VSID     0x7ffffu
#define GROUP_BYTES   64
#define GROUP_ENTRIES 8

#define ENTRY_VALID      0x80000000u
#define ENTRY_SECONDARY  0x40u
#define ENTRY_REAL       0xfffff000u
#define ENTRY_R          0x100u
#define ENTRY_C          0x80u
#define ENTRY_PROTECTION 3u

#define CAUSE_NO_TRANSLATION 0x40000000u
#define CAUSE_NO_EXECUTE     0x10000000u
#define CAUSE_PROTECTION     0x08000000u
#define CAUSE_DIRECT_STORE   0x04000000u

#define CLASS_OF(ea) ((uint32_t)(ea) >> 12 & 63) /* address bits 14-19 */

static bool refuse(MmuFault *fault, uint32_t cause)
{
    *fault = (MmuFault){ .cause = cause };
    return false;
}

/* A direct-store segment refuses all: these processors have no such interface. */
static bool place(const Cpu *cpu, uint64_t ea, AccessKind access, MmuPlace *out, MmuFault *fault)
{
    if (bat_find(cpu, ea, access, out, fault))
        return !fault->cause;
    uint32_t segment = cpu->s.sr[ea >> 28 & 15];
    bool fetch = access == ACCESS_FETCH;
    if (segment & SEGMENT_DIRECT_STORE)
        return refuse(fault, fetch ? CAUSE_NO_EXECUTE : CAUSE_DIRECT_STORE);
    if (fetch && segment & SEGMENT_NO_EXECUTE)
        return refuse(fault, CAUSE_NO_EXECUTE);
    *out = (MmuPlace){
        .address = (uint64_t)(segment & SEGMENT_VSID) << 28 | (ea & 0x0fffffff),
        .context = CLASS_OF(ea),
        .segment = segment,
    };
    return true;
}

/* Protection (PEM table 7-10): with key 0 everything but PP=3 may be written. */
static bool permits(const Cpu *cpu, const MmuPlace *where, uint64_t bits, AccessKind access,
                    MmuFault *fault)
{
    enum { NONE, READ, WRITE };
    static const uint8_t granted[2][4] = { { WRITE, WRITE, WRITE, READ },
                                           { NONE, READ, WRITE, READ } };
    uint32_t key_bit = cpu->s.msr & MSR_PR ? SEGMENT_KEY_PROBLEM : SEGMENT_KEY_SUPERVISOR;
    unsigned key = where->segment & key_bit ? 1 : 0;
    if (granted[key][bits & ENTRY_PROTECTION] < (access == ACCESS_WRITE ? WRITE : READ))
        return refuse(fault, CAUSE_PROTECTION);
    if (access == ACCESS_FETCH && bits & HASH32_GUARDED)
        return refuse(fault, CAUSE_NO_EXECUTE);
    return true;
}

/* The entry of a group whose first word is WANTED: true, and its second word and address. */
static bool search_group(const Cpu *cpu, uint32_t hash, uint32_t wanted, uint32_t *second,
                         uint64_t *address)
{
    uint32_t sdr1 = (uint32_t)cpu->s.spr[SPR_SDR1];
    uint32_t mask = (sdr1 & SDR1_MASK) << 10 | 0x3ff;
    uint64_t group = (sdr1 & SDR1_ORIGIN) | (hash & mask) * GROUP_BYTES;
    for (unsigned i = 0; i < GROUP_ENTRIES; i++) {
        uint32_t first;
        *address = group + 8 * i;
        if (!memory_read_be32(cpu->memory, *address, &first) ||
            !memory_read_be32(cpu->memory, *address + 4, second))
            return false;
        if (first == wanted)
            return true;
    }
    return false;
}

static bool walk(const Cpu *cpu, const MmuPlace *where, TranslationEntry *entry,
                 uint64_t *table_address, MmuFault *fault)
{
    uint32_t vsid = where->segment & SEGMENT_VSID;
    uint32_t page = where->address >> 12 & 0xffff;
    uint32_t hash = (vsid & HASH_VSID) ^ page, second;
    uint32_t wanted = ENTRY_VALID | vsid << 7 | page >> 10;
    if (!search_group(cpu, hash, wanted, &second, table_address) &&
        !search_group(cpu, ~hash, wanted | ENTRY_SECONDARY, &second, table_address))
        return refuse(fault, CAUSE_NO_TRANSLATION);
    *entry = (TranslationEntry){
        .page = where->address & ~0xfffull,
        .real = second & ENTRY_REAL,
        .bits = second & ~ENTRY_REAL,
        .context = where->context,
        .shift = TLB_PAGE_BITS,
    };
    return true;
}

static void mark(Cpu *cpu, uint64_t table_address, AccessKind access, TranslationEntry *entry)
{
    uint32_t wanted = ENTRY_R | (access == ACCESS_WRITE ? ENTRY_C : 0), stored;
    if ((entry->bits & wanted) == wanted)
        return;
    memory_read_be32(cpu->memory, table_address + 4, &stored);
    stored = GUINT32_TO_BE(stored | wanted);
    mmu_store_table(cpu, table_address + 4, &stored, sizeof stored);
    entry->bits |= wanted;
}

void hash32_invalidate_class(Cpu *cpu, uint32_t ea)
{
    mmu_invalidate_class(cpu->mmu, CLASS_OF(ea));
}

static void forget(Cpu *cpu, const MmuPlace *where, uint64_t ea)
{
    hash32_invalidate_class(cpu, (uint32_t)ea);
}

static unsigned refusals(uint64_t bits)
{
    return (bits & HASH32_WRITE_THROUGH ? MMU_NO_RESERVATION : 0) |
           (bits & (HASH32_WRITE_THROUGH | HASH32_INHIBITED) ? MMU_NO_BLOCK_ZERO : 0);
}

/* Without relocation neither blocks nor segments matter. */
static void bank_key(const Cpu *cpu, TlbKey *key, uint64_t relocation)
{
    if (!(cpu->s.msr & relocation))
        return;
    key->word[0] = mmu_blocks_version(cpu->mmu);
    for (unsigned i = 0; i < 8; i++)
        key->word[1 + i] = (uint64_t)cpu->s.sr[2 * i] << 32 | cpu->s.sr[2 * i + 1];
}

static void bank_keys(const Cpu *cpu, TlbKey *data, TlbKey *code)
{
    bank_key(cpu, data, MSR_DR);
    bank_key(cpu, code, MSR_IR);
}

/* Segment registers name the address space, and the keys hold them all. */
static bool is_private(uint64_t ea)
{
    return false;
}

const MmuFamily mmu_hash32 = {
    .place = place,
    .permits = permits,
    .walk = walk,
    .mark = mark,
    .forget = forget,
    .refusals = refusals,
    .bank_keys = bank_keys,
    .is_private = is_private,
};
