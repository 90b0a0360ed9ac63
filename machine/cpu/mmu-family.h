/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between families in how an effective address becomes a real one. mmu.c calls these;
 * the translation set, the banks and the accesses are common.
 */
#ifndef MACHINE_CPU_MMU_FAMILY_H
#define MACHINE_CPU_MMU_FAMILY_H

#include "machine/cpu/mmu.h"

/* Why an access is refused, as the bits that go into DSISR (without the store bit) or SRR1. */
typedef struct {
    bool is_segment; /* the segment interrupts of 64-bit processors */
    uint32_t cause;
} MmuFault;

/* What storage attributes refuse. */
enum {
    MMU_NO_RESERVATION = 1, /* lwarx and stwcx.: a data storage interrupt */
    MMU_NO_BLOCK_ZERO = 2,  /* dcbz: an alignment interrupt */
};

/* Where an effective address lies before pages are looked at. */
typedef struct {
    uint64_t address; /* of the byte, as pages are named in the translation set */
    uint32_t context; /* of the translation set */
    uint32_t segment; /* the family's own: a segment register */
    bool is_block;    /* a register translates it, no table does: ENTRY is all, and is permitted */
    TranslationEntry entry;
} MmuPlace;

typedef struct MmuFamily {
    bool (*place)(const Cpu *cpu, uint64_t ea, AccessKind access, MmuPlace *place, MmuFault *fault);
    /* Whether a table entry's bits permit ACCESS in the present state. */
    bool (*permits)(const Cpu *cpu, const MmuPlace *place, uint64_t bits, AccessKind access,
                    MmuFault *fault);
    /* Reads the guest's table and changes nothing: ENTRY, and the real address of the table entry.
     */
    bool (*walk)(const Cpu *cpu, const MmuPlace *place, TranslationEntry *entry,
                 uint64_t *table_address, MmuFault *fault);
    /* Sets R, and C for a store, in the table entry, which memory holds at TABLE_ADDRESS. */
    void (*mark)(Cpu *cpu, uint64_t table_address, AccessKind access, TranslationEntry *entry);
    /* The guest's table permits what the set's entry for EA refused: the old one must go. */
    void (*forget)(Cpu *cpu, const MmuPlace *place, uint64_t ea);
    /* MMU_NO_ bits that the attributes in an entry's bits stand for. */
    unsigned (*refusals)(uint64_t bits);
    /* What addresses of data and of code depend on besides MSR bits: fills in zeros. */
    void (*bank_keys)(const Cpu *cpu, TlbKey *data, TlbKey *code);
    /* Whether the translation of EA depends on the keys' context. */
    bool (*is_private)(uint64_t ea);
} MmuFamily;

extern const MmuFamily mmu_radix;  /* radix.c */
extern const MmuFamily mmu_hash32; /* hash32.c */

#endif
