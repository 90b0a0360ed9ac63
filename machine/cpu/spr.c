/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mfspr, mtspr and mftb.
 *
 * An access goes through the row of its register: who may, and how. What no row allows is, from
 * problem state, a privileged (SPR bit 0 of the second half set) or illegal instruction; from
 * privileged state register 0, reading 4, 5 or 6, and hypervisor resources are illegal
 * instructions, all others are no-operations (Book III 5.4.4, with LPCR.EVIRT set and the emulation
 * assistance interrupt turned by the hypervisor into a program interrupt). A 32-bit processor is
 * the same but for the hypervisor.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/cpu/ops.h"

#define SPR_COUNT             1024
#define SPR_PRIVILEGED_NUMBER 0x10u

typedef enum {
    KIND_ABSENT,
    KIND_PLAIN,
    KIND_WORD, /* storage of the low 32 bits */
    KIND_XER,
    KIND_LR,
    KIND_CTR,
    KIND_DSCR,
    KIND_AMR,
    KIND_AMR_USER,
    KIND_IAMR,
    KIND_DEC,
    KIND_CFAR,
    KIND_PIDR,
    KIND_TM,
    KIND_CTRL,
    KIND_FSCR,
    KIND_DPDES,
    KIND_VRSAVE,
    KIND_SPRG3_USER,
    KIND_TB,
    KIND_TBU,
    KIND_PVR,
    KIND_ZERO,
    KIND_PMU,
    KIND_EBB,
    KIND_NOOP,
    KIND_TAR,
    KIND_PPR32,
    KIND_HYPERVISOR,
    KIND_BAT_UPPER, /* and from here on: 32-bit models only */
    KIND_BAT_LOWER,
    KIND_TBL_WRITE,
    KIND_TBU_WRITE,
    KIND_MONITOR, /* reads the performance monitor's privileged register */
    KIND_HID0,
    KIND_MSSCR0,
    KIND_L2CR,
} SprKind;

enum { ACCESS_NONE = 0, ACCESS_R = 1, ACCESS_W = 2, ACCESS_RW = 3 };

typedef struct {
    const char *name;
    uint8_t user, privileged;
    uint8_t kind;
} SprRow;

/* One table for each set: ROW_ is a row that the set may have, IF_ a family's entry in it. */
#define ROW_(name, number, user, privileged, kind)                                                 \
    [number] = { #name, ACCESS_##user, ACCESS_##privileged, KIND_##kind },
#define NO_ROW_(name, number, user, privileged, kind)
#define SPR(family, name, number, user, privileged, kind, meaning)                                 \
    IF_##family(name, number, user, privileged, kind)

static const SprRow tables[SPR_SETS][SPR_COUNT] = {
    [SPR_SET_P9] = {
#define IF_P9      ROW_
#define IF_BOTH    ROW_
#define IF_G4      NO_ROW_
#define IF_G4_7400 NO_ROW_
#define IF_G4_7447 NO_ROW_
#include "machine/cpu/spr.def"
#undef IF_P9
#undef IF_G4
#undef IF_G4_7400
    },
    [SPR_SET_7400] = {
#define IF_P9      NO_ROW_
#define IF_G4      ROW_
#define IF_G4_7400 ROW_
#include "machine/cpu/spr.def"
#undef IF_G4_7400
#undef IF_G4_7447
    },
    [SPR_SET_7447] = {
#define IF_G4_7400 NO_ROW_
#define IF_G4_7447 ROW_
#include "machine/cpu/spr.def"
    },
};
#undef SPR

const char *spr_name(SprSet set, unsigned number)
{
    return number < SPR_COUNT ? tables[set][number].name : NULL;
}

static const SprRow *row_of(const Cpu *cpu, unsigned number)
{
    return &tables[cpu->model->spr_set][number];
}

static bool in_problem_state(const Cpu *cpu)
{
    return cpu->s.msr & MSR_PR;
}

/* --- accesses that no row allows ----------------------------------------------------------------
 */

static ExecStatus refuse(Cpu *cpu, unsigned number, bool is_write)
{
    if (in_problem_state(cpu))
        return cpu_raise_program(cpu, number & SPR_PRIVILEGED_NUMBER ? PROGRAM_PRIVILEGED
                                                                     : PROGRAM_ILLEGAL);
    bool illegal = number == 0 || (!is_write && (number == 4 || number == 5 || number == 6));
    if (illegal || row_of(cpu, number)->kind == KIND_HYPERVISOR)
        return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    return EXEC_NEXT;
}

/* --- facilities that FSCR gates in problem state ---------------------------------------------- */

static int gate_of(SprKind kind)
{
    switch (kind) {
    case KIND_DSCR: return FSCR_DSCR;
    case KIND_EBB: return FSCR_EBB;
    case KIND_TAR: return FSCR_TAR;
    default: return -1;
    }
}

/* Whether problem state reaches the performance monitor depends on MMCR0.PMCC (Book III 9.4.4). */
static bool pmu_refuses(Cpu *cpu, unsigned number, bool is_write, ExecStatus *status)
{
    enum { PMCC_READ_ONLY = 0, PMCC_NONE = 1, PMCC_FOUR = 3 };
    unsigned pmcc = cpu->s.spr[SPR_MMCR0] >> 18 & 3;
    bool fifth_or_sixth = number == SPR_PMC5_USER || number == SPR_PMC6_USER;
    if (pmcc == PMCC_NONE || (pmcc == PMCC_FOUR && fifth_or_sixth))
        *status = cpu_raise_facility(cpu, FSCR_PMU);
    else if (pmcc == PMCC_READ_ONLY && is_write)
        *status = cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    else
        return false;
    return true;
}

/* True when the access may not go on; STATUS then is its outcome. */
static bool is_refused(Cpu *cpu, unsigned number, bool is_write, ExecStatus *status)
{
    const SprRow *row = row_of(cpu, number);
    unsigned allowed = in_problem_state(cpu) ? row->user : row->privileged;
    if (!(allowed & (is_write ? ACCESS_W : ACCESS_R))) {
        *status = refuse(cpu, number, is_write);
        return true;
    }
    if (row->kind == KIND_TM) {
        /* Transactional memory is not there for a guest, whatever its state. */
        *status = cpu_raise_facility(cpu, FSCR_TM);
        return true;
    }
    if (!in_problem_state(cpu) || number == SPR_DSCR)
        return false;
    if (row->kind == KIND_PMU)
        return pmu_refuses(cpu, number, is_write, status);
    int gate = gate_of(row->kind);
    if (gate < 0 || cpu->s.spr[SPR_FSCR] >> gate & 1)
        return false;
    *status = cpu_raise_facility(cpu, (uint64_t)gate);
    return true;
}

/* --- performance monitor: problem-state names of the privileged registers --------------------- */

#define PMU_PRIVILEGED_DISTANCE 16
/* Bits that problem state sees of MMCR0: FC, PMAO and PMAE (Book III 9.4.4). */
#define MMCR0_USER ((1ull << 31) | (1ull << 26) | (1ull << 7))
#define MMCR2_USER 0x4020100804020000ull

static uint64_t pmu_user_mask(unsigned number)
{
    return number == SPR_MMCR0_USER   ? MMCR0_USER
           : number == SPR_MMCR2_USER ? MMCR2_USER
                                      : UINT64_MAX;
}

static uint64_t pmu_read(const Cpu *cpu, unsigned number)
{
    return cpu->s.spr[number + PMU_PRIVILEGED_DISTANCE] & pmu_user_mask(number);
}

static void pmu_write(Cpu *cpu, unsigned number, uint64_t value)
{
    uint64_t *stored = &cpu->s.spr[number + PMU_PRIVILEGED_DISTANCE];
    uint64_t mask = pmu_user_mask(number);
    if (number >= SPR_PMC1_USER && number <= SPR_PMC6_USER)
        value = (uint32_t)value;
    *stored = (*stored & ~mask) | (value & mask);
}

/* --- event-based branches: the status register has set and reset names ------------------------ */

static uint64_t ebb_read(const Cpu *cpu, unsigned number)
{
    switch (number) {
    case SPR_BESCRS:
    case SPR_BESCRR: return cpu->s.spr[SPR_BESCR];
    case SPR_BESCRSU:
    case SPR_BESCRRU: return cpu->s.spr[SPR_BESCR] >> 32;
    default: return cpu->s.spr[number];
    }
}

static void ebb_write(Cpu *cpu, unsigned number, uint64_t value)
{
    uint64_t *status = &cpu->s.spr[SPR_BESCR];
    switch (number) {
    case SPR_BESCRS: *status |= value; break;
    case SPR_BESCRR: *status &= ~value; break;
    case SPR_BESCRSU: *status |= value << 32; break;
    case SPR_BESCRRU: *status &= ~(value << 32); break;
    default: cpu->s.spr[number] = value; break;
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A value as the model's registers hold it. */
static uint64_t narrow(const Cpu *cpu, uint64_t value)
{
    return cpu->model->is_64bit ? value : (uint32_t)value;
}

static uint64_t read_register(Cpu *cpu, unsigned number)
{
    switch ((SprKind)row_of(cpu, number)->kind) {
    case KIND_XER: return cpu_xer(cpu);
    case KIND_LR: return cpu->s.lr;
    case KIND_CTR: return cpu->s.ctr;
    case KIND_DSCR: return cpu->s.spr[SPR_DSCR];
    case KIND_AMR:
    case KIND_AMR_USER: return cpu->s.spr[SPR_AMR];
    case KIND_DEC: return narrow(cpu, cpu_decrementer(cpu));
    case KIND_CTRL: return cpu->s.spr[SPR_CTRL];
    case KIND_DPDES: return cpu->s.doorbell_pending;
    case KIND_VRSAVE: return cpu->s.vrsave;
    case KIND_SPRG3_USER: return cpu->s.spr[SPR_SPRG3];
    case KIND_TB: return narrow(cpu, cpu_timebase(cpu));
    case KIND_TBU: return cpu_timebase(cpu) >> 32;
    case KIND_PVR: return cpu->model->pvr;
    case KIND_PMU: return pmu_read(cpu, number);
    case KIND_EBB: return ebb_read(cpu, number);
    case KIND_PPR32: return cpu->s.spr[SPR_PPR] >> 32;
    case KIND_CFAR:
    case KIND_ZERO:
    case KIND_NOOP:
    case KIND_TM:
    case KIND_ABSENT:
    case KIND_TBL_WRITE:
    case KIND_TBU_WRITE:
    case KIND_HYPERVISOR: return 0;
    case KIND_MONITOR: return cpu->s.spr[number + PMU_PRIVILEGED_DISTANCE];
    case KIND_BAT_UPPER:
    case KIND_BAT_LOWER:
    case KIND_HID0:
    case KIND_MSSCR0:
    case KIND_L2CR:
    case KIND_PLAIN:
    case KIND_WORD:
    case KIND_IAMR:
    case KIND_PIDR:
    case KIND_FSCR:
    case KIND_TAR: break;
    }
    return cpu->s.spr[number];
}

ExecStatus op_mfspr(Cpu *cpu, const Insn *insn)
{
    unsigned number = insn_spr(insn);
    if (number == SPR_LR) {
        cpu->s.gpr[insn->t] = cpu->s.lr;
        return EXEC_NEXT;
    }
    ExecStatus status;
    if (is_refused(cpu, number, false, &status))
        return status;
    if (row_of(cpu, number)->kind != KIND_NOOP)
        cpu->s.gpr[insn->t] = read_register(cpu, number);
    return EXEC_NEXT;
}

ExecStatus op_mftb(Cpu *cpu, const Insn *insn)
{
    unsigned number = insn_spr(insn);
    if (number != SPR_TB && number != SPR_TBU)
        return cpu_raise_program(cpu, PROGRAM_ILLEGAL);
    cpu->s.gpr[insn->t] = read_register(cpu, number);
    return EXEC_NEXT;
}

/* --- for the translator ----------------------------------------------------------------------- */

int spr_storage(const Cpu *cpu, unsigned number, bool is_write)
{
    const SprRow *row = row_of(cpu, number);
    unsigned allowed = in_problem_state(cpu) ? row->user : row->privileged;
    if (!(allowed & (is_write ? ACCESS_W : ACCESS_R)) || !cpu->model->is_64bit)
        return -1;
    switch ((SprKind)row->kind) {
    case KIND_PLAIN: return (int)number;
    case KIND_WORD:
    case KIND_IAMR:
    case KIND_PIDR: return is_write ? -1 : (int)number;
    case KIND_AMR: return is_write ? -1 : SPR_AMR;
    case KIND_SPRG3_USER: return is_write ? -1 : SPR_SPRG3;
    default: return -1;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static ExecStatus write_mode_register(Cpu *cpu, unsigned number, uint64_t value)
{
    cpu->s.spr[number] = value;
    cpu_mode_changed(cpu);
    return EXEC_BOUNDARY;
}

/* Only what data addresses mean changes: the next instruction is where it was. */
static ExecStatus write_authority_mask(Cpu *cpu, uint64_t value)
{
    cpu->s.spr[SPR_AMR] = value;
    cpu_mode_changed(cpu);
    return EXEC_NEXT;
}

/* Reserved bits of the block translation registers read as zero (PEM 7.4.3). */
#define BAT_UPPER_BITS 0xfffe1fffu
#define BAT_LOWER_BITS 0xfffe007bu
/* Bits that ask for something that is done at once: they read as zero. */
#define HID0_FLASH_INVALIDATE 0x00000c00u /* ICFI, DCFI */
#define MSSCR0_FLUSH          0x00800000u /* DL1HWF */
#define L2CR_INVALIDATE       0x00200801u /* L2I, L2HWF, L2IP */

static ExecStatus write_blocks(Cpu *cpu, unsigned number, uint64_t value)
{
    if (cpu->s.spr[number] == value)
        return EXEC_NEXT;
    cpu->s.spr[number] = value;
    mmu_blocks_changed(cpu->mmu);
    cpu_mode_changed(cpu);
    return EXEC_BOUNDARY;
}

static ExecStatus write_timebase(Cpu *cpu, unsigned number, uint32_t value)
{
    uint64_t now = cpu_timebase(cpu);
    bool upper = number == SPR_TBU_WRITE;
    cpu_set_timebase(cpu, upper ? (uint64_t)value << 32 | (uint32_t)now : now >> 32 << 32 | value);
    return EXEC_BOUNDARY;
}

static ExecStatus write_register(Cpu *cpu, unsigned number, uint64_t value)
{
    switch ((SprKind)row_of(cpu, number)->kind) {
    case KIND_XER: cpu_set_xer(cpu, value); break;
    case KIND_LR: cpu->s.lr = value; break;
    case KIND_CTR: cpu->s.ctr = value; break;
    case KIND_DSCR: cpu->s.spr[SPR_DSCR] = value & 0x1ffffff; break;
    case KIND_AMR: return write_authority_mask(cpu, value);
    case KIND_AMR_USER: {
        uint64_t changeable = in_problem_state(cpu) ? cpu->s.spr[SPR_UAMOR] : UINT64_MAX;
        uint64_t kept = cpu->s.spr[SPR_AMR] & ~changeable;
        return write_authority_mask(cpu, kept | (value & changeable));
    }
    case KIND_IAMR: return write_mode_register(cpu, SPR_IAMR, value);
    case KIND_PIDR: return write_mode_register(cpu, SPR_PIDR, value & 0xfffff);
    case KIND_DEC: cpu_set_decrementer(cpu, value); return EXEC_BOUNDARY;
    case KIND_CTRL: cpu->s.spr[SPR_CTRL] = value & 1 ? 0x8001 : 0; break;
    case KIND_VRSAVE: cpu->s.vrsave = (uint32_t)value; break;
    case KIND_PMU: pmu_write(cpu, number, value); break;
    case KIND_EBB: ebb_write(cpu, number, value); break;
    case KIND_PPR32: {
        uint64_t *ppr = &cpu->s.spr[SPR_PPR];
        *ppr = (uint32_t)*ppr | value << 32;
        break;
    }
    case KIND_WORD: cpu->s.spr[number] = (uint32_t)value; break;
    case KIND_PLAIN:
    case KIND_FSCR:
    case KIND_TAR: cpu->s.spr[number] = narrow(cpu, value); break;
    case KIND_BAT_UPPER: return write_blocks(cpu, number, value & BAT_UPPER_BITS);
    case KIND_BAT_LOWER: return write_blocks(cpu, number, value & BAT_LOWER_BITS);
    case KIND_HID0:
        /* One of its bits enables block translations. */
        return write_blocks(cpu, number, (uint32_t)value & ~HID0_FLASH_INVALIDATE);
    case KIND_MSSCR0: cpu->s.spr[number] = (uint32_t)value & ~MSSCR0_FLUSH; break;
    case KIND_L2CR: cpu->s.spr[number] = (uint32_t)value & ~L2CR_INVALIDATE; break;
    case KIND_TBL_WRITE:
    case KIND_TBU_WRITE: return write_timebase(cpu, number, (uint32_t)value);
    default: break; /* reads as a constant: the write is dropped */
    }
    return EXEC_NEXT;
}

ExecStatus op_mtspr(Cpu *cpu, const Insn *insn)
{
    unsigned number = insn_spr(insn);
    uint64_t value = cpu->s.gpr[insn->t];
    ExecStatus status;
    if (is_refused(cpu, number, true, &status))
        return status;
    return write_register(cpu, number, value);
}
