/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block translation (PEM 7.4): four pairs of registers for data and four for instructions, twice as
 * many on a 7447A that has HID0[HIGH_BAT_EN] set. A block that matches is taken even if it refuses;
 * should several match, which software must not let happen, the first wins.
 */
#include "machine/cpu/hash32.h"
#include "machine/cpu/model.h"

#define UPPER_ADDRESS       0xfffe0000u
#define UPPER_LENGTH(upper) ((upper) << 15 & 0x0ffe0000u) /* address bits that are the offset's */
#define UPPER_SUPERVISOR    2u
#define UPPER_PROBLEM       1u
#define LOWER_PROTECTION    3u
#define LOWER_ATTRIBUTES    0x78u
#define CAUSE_PROTECTION    0x08000000u
#define PAIRS               4

enum { NO_ACCESS = 0, READ_WRITE = 2 }; /* else: read only */

static bool matches(const Cpu *cpu, uint32_t upper, uint32_t ea)
{
    uint32_t valid = cpu->s.msr & MSR_PR ? UPPER_PROBLEM : UPPER_SUPERVISOR;
    uint32_t compared = UPPER_ADDRESS & ~UPPER_LENGTH(upper);
    return upper & valid && !((upper ^ ea) & compared);
}

static bool permits(uint32_t lower, AccessKind access)
{
    unsigned protection = lower & LOWER_PROTECTION;
    return protection == READ_WRITE || (protection != NO_ACCESS && access != ACCESS_WRITE);
}

/* The block is used 4 KiB by 4 KiB: nothing is kept that would need more. */
static void use(uint32_t upper, uint32_t lower, uint32_t ea, AccessKind access, MmuPlace *place,
                MmuFault *fault)
{
    uint32_t page = ea & ~(uint32_t)(TLB_PAGE_SIZE - 1);
    uint32_t offset = page & ~(UPPER_ADDRESS & ~UPPER_LENGTH(upper));
    *fault = (MmuFault){ .cause = permits(lower, access) ? 0 : CAUSE_PROTECTION };
    *place = (MmuPlace){
        .address = ea,
        .is_block = true,
        .entry = { .page = page,
                   .real = (lower & UPPER_ADDRESS & ~UPPER_LENGTH(upper)) | offset,
                   .bits = lower & LOWER_ATTRIBUTES,
                   .shift = TLB_PAGE_BITS },
    };
}

static bool find_among(const Cpu *cpu, unsigned first, uint32_t ea, AccessKind access,
                       MmuPlace *place, MmuFault *fault)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        uint32_t upper = (uint32_t)cpu->s.spr[first + 2 * i];
        if (matches(cpu, upper, ea)) {
            use(upper, (uint32_t)cpu->s.spr[first + 2 * i + 1], ea, access, place, fault);
            return true;
        }
    }
    return false;
}

bool bat_find(const Cpu *cpu, uint64_t ea, AccessKind access, MmuPlace *place, MmuFault *fault)
{
    bool fetch = access == ACCESS_FETCH;
    bool high = cpu->s.spr[SPR_HID0] & cpu->model->hid0_high_bats;
    return find_among(cpu, fetch ? SPR_IBAT : SPR_DBAT, (uint32_t)ea, access, place, fault) ||
           (high && find_among(cpu, fetch ? SPR_IBAT_HIGH : SPR_DBAT_HIGH, (uint32_t)ea, access,
                               place, fault));
}
