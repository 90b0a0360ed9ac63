/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/cpu.h"

#include "machine/clock.h"
#include "machine/cpu/code-cache.h"
#include "machine/cpu/cpu-state.h"
#include "machine/cpu/exception-family.h"
#include "machine/cpu/exception.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/mode.h"
#include "machine/cpu/model.h"

/* XER as mfxer shows it (Book I 3.2.2). */
#define XER_SO_SHIFT   31
#define XER_OV_SHIFT   30
#define XER_CA_SHIFT   29
#define XER_OV32_SHIFT 19
#define XER_CA32_SHIFT 18
#define XER_COUNT      0x7fu
#define DEC_BITS       32

const StateTable cpu_state_table = {
    "cpu", 2, sizeof(CpuState),
    (const StateField[]){
        STATE_ARRAY(CpuState, gpr, "general purpose registers"),
        STATE_VECTOR_ARRAY(CpuState, vsr, "vector-scalar registers; FPRs and VRs lie in them"),
        STATE_FIELD(CpuState, cia, "address of the next instruction"),
        STATE_FIELD(CpuState, msr, "machine state"),
        STATE_FIELD(CpuState, lr, "link"),
        STATE_FIELD(CpuState, ctr, "count"),
        STATE_FIELD(CpuState, fpscr, "floating-point status and control"),
        STATE_ARRAY(CpuState, spr, "special registers that are plain storage, by number"),
        STATE_FIELD(CpuState, tb_offset, "ticks added to virtual time to give the time base"),
        STATE_FIELD(CpuState, dec_zero_tb, "time base at which the decrementer is 0"),
        STATE_FIELD(CpuState, dec_seen_tb, "time base up to which its sign changes are dealt with"),
        STATE_FIELD(CpuState, reserve_granule, "real address of the reserved 128 bytes"),
        STATE_ARRAY_MAX(CpuState, crf, 15, "condition register fields"),
        STATE_FIELD_MAX(CpuState, so, 1, "summary overflow"),
        STATE_FIELD_MAX(CpuState, ov, 1, "overflow"),
        STATE_FIELD_MAX(CpuState, ca, 1, "carry"),
        STATE_FIELD_MAX(CpuState, ov32, 1, "overflow of the low word"),
        STATE_FIELD_MAX(CpuState, ca32, 1, "carry of the low word"),
        STATE_FIELD_MAX(CpuState, xer_count, 127, "byte count of string instructions"),
        STATE_FIELD_MAX(CpuState, reserve_valid, 1, "a reservation is held"),
        STATE_FIELD_MAX(CpuState, reserve_size, 16, "bytes it was made for"),
        STATE_FIELD_MAX(CpuState, vscr_nj, 1, "vector non-Java mode"),
        STATE_FIELD_MAX(CpuState, vscr_sat, 1, "vector saturation has occurred"),
        STATE_FIELD_MAX(CpuState, external_line, 1, "the interrupt controller's output"),
        STATE_FIELD_MAX(CpuState, halted, 1, "waits for an interrupt"),
        STATE_FIELD_MAX(CpuState, reset_pending, 1, "a system reset interrupt waits"),
        STATE_FIELD_MAX(CpuState, doorbell_pending, 1, "a doorbell waits"),
        STATE_FIELD_MAX(CpuState, running, 1, "started"),
        STATE_FIELD_MAX(CpuState, dec_latch, 1, "a decrementer interrupt waits (32-bit models)"),
        STATE_FIELD(CpuState, vrsave, "vector registers in use"),
        STATE_FIELD(CpuState, zero32, "always 0"),
        STATE_ARRAY(CpuState, sr, "segment registers of 32-bit models"),
        STATE_DONE }
};

Cpu *cpu_new(const CpuModel *model, Memory *memory, Bus *bus, const Clock *clock)
{
    Cpu *cpu = g_new0(Cpu, 1);
    cpu->model = model;
    cpu->memory = memory;
    cpu->clock = clock;
    cpu->mmu = mmu_new(cpu, memory, bus);
    cpu->engine = code_cache_new(cpu, memory);
    return cpu;
}

void cpu_free(Cpu *cpu)
{
    if (!cpu)
        return;
    code_cache_free(cpu->engine);
    mmu_free(cpu->mmu);
    g_free(cpu);
}

void cpu_reset(Cpu *cpu)
{
    /* The count of instructions and the time base go on across a reset. */
    uint64_t tb_offset = cpu->s.tb_offset;
    cpu->s = (CpuState){ .tb_offset = tb_offset, .running = 1 };
    cpu->model->exceptions->reset(cpu);
    cpu_set_decrementer(cpu, 0x7fffffff);
    mmu_invalidate_all(cpu->mmu);
    cpu_mode_changed(cpu);
}

void cpu_after_load(Cpu *cpu, bool keeps_code)
{
    if (keeps_code)
        mmu_drop_banks(cpu->mmu);
    else
        code_cache_flush(cpu->engine);
    cpu_mode_changed(cpu);
}

void cpu_mode_changed(Cpu *cpu)
{
    cpu->ea_mask = cpu->s.msr & MSR_SF ? UINT64_MAX : UINT32_MAX;
    bool guest_is_little = cpu->s.msr & MSR_LE;
    cpu->byte_swap = guest_is_little != (G_BYTE_ORDER == G_LITTLE_ENDIAN);
    cpu->mode_key = mode_key_of(cpu->s.msr);
    mmu_select_banks(cpu->mmu);
}

void cpu_break_reservation(Cpu *cpu, uint64_t address, uint64_t length)
{
    uint64_t granule = cpu->s.reserve_granule;
    if (cpu->s.reserve_valid && address < granule + 128 && granule < address + length)
        cpu->s.reserve_valid = 0;
}

uint64_t cpu_timebase(const Cpu *cpu)
{
    uint64_t ns = clock_virtual_ns(cpu->clock);
    return clock_ticks_from_ns(ns, cpu->model->timebase_hz) + cpu->s.tb_offset;
}

/* Sign-extended, as mfdec gives it. */
uint64_t cpu_decrementer(const Cpu *cpu)
{
    uint64_t value = cpu->s.dec_zero_tb - cpu_timebase(cpu);
    return (uint64_t)((int64_t)(value << (64 - DEC_BITS)) >> (64 - DEC_BITS));
}

void cpu_set_decrementer(Cpu *cpu, uint64_t value)
{
    int64_t extended = (int64_t)(value << (64 - DEC_BITS)) >> (64 - DEC_BITS);
    cpu->model->exceptions->decrementer_write(cpu, extended < 0);
    cpu->s.dec_zero_tb = cpu_timebase(cpu) + (uint64_t)extended;
    exception_refresh_decrementer(cpu);
    cpu_stop_at_boundary(cpu);
}

void cpu_set_timebase(Cpu *cpu, uint64_t value)
{
    uint64_t change = value - cpu_timebase(cpu);
    cpu->s.tb_offset += change;
    cpu->s.dec_zero_tb += change;
    cpu->s.dec_seen_tb += change;
    cpu_stop_at_boundary(cpu);
}

uint64_t cpu_xer(const Cpu *cpu)
{
    uint64_t xer = (uint64_t)cpu->s.so << XER_SO_SHIFT | (uint64_t)cpu->s.ov << XER_OV_SHIFT |
                   (uint64_t)cpu->s.ca << XER_CA_SHIFT | cpu->s.xer_count;
    /* These two came with Power ISA 3.0. */
    if (cpu->model->is_64bit)
        xer |= (uint64_t)cpu->s.ov32 << XER_OV32_SHIFT | (uint64_t)cpu->s.ca32 << XER_CA32_SHIFT;
    return xer;
}

void cpu_set_xer(Cpu *cpu, uint64_t value)
{
    cpu->s.so = value >> XER_SO_SHIFT & 1;
    cpu->s.ov = value >> XER_OV_SHIFT & 1;
    cpu->s.ca = value >> XER_CA_SHIFT & 1;
    cpu->s.ov32 = value >> XER_OV32_SHIFT & 1;
    cpu->s.ca32 = value >> XER_CA32_SHIFT & 1;
    cpu->s.xer_count = value & XER_COUNT;
}
