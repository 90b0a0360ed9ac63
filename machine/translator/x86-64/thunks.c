/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that all blocks share: in, out, and through to the helpers.
 *
 * 1. Outside translated code the guest's registers are all in the state. enter loads the pinned
 *    ones; every way out has stored them before.
 * 2. In translated code the stack is 16-byte aligned, so that a thunk, called from there, has to
 *    move it by 8 before it calls C.
 */
#include <cpuid.h>

#include "machine/cpu/tlb.h"
#include "machine/translator/float-pending.h"
#include "machine/translator/helpers.h"
#include "machine/translator/x86-64/registers.h"
#include "machine/translator/x86-64/target.h"

const HostReg temp_regs[TEMP_COUNT] = { RAX, RCX, RDX, RSI, RDI };

const Pin pins[PIN_COUNT] = {
    { RBX, 9 }, { R12, 10 }, { R13, 5 }, { R8, 4 }, { R9, 7 }, { R10, 8 }, { R11, 6 },
};

static const HostReg saved[] = { RBX, RBP, R12, R13, R14, R15 };

HostReg pin_of(unsigned home)
{
    for (unsigned i = 0; i < PIN_COUNT; i++)
        if (pins[i].home == home)
            return pins[i].reg;
    return NO_REG;
}

/* clang 14 does not know the name in __builtin_cpu_supports(). */
static bool has_lzcnt(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & 1u << 5);
}

bool target_is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && has_lzcnt() && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("fma") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("aes");
}

static void load_pins(Assembler *as, bool all)
{
    for (unsigned i = 0; i < PIN_COUNT; i++)
        if (all || !pin_survives_calls(pins[i].reg))
            asm_load(as, pins[i].reg, home_mem(pins[i].home));
}

static void store_pins(Assembler *as)
{
    for (unsigned i = 0; i < PIN_COUNT; i++)
        asm_store(as, home_mem(pins[i].home), pins[i].reg);
}

static void load_everything(Assembler *as)
{
    asm_load(as, BANK_REG, CPU_MEM(tlb));
    asm_load(as, BUDGET_REG, CPU_MEM(left));
    load_pins(as, true);
}

static uint8_t *emit_enter(Assembler *as)
{
    uint8_t *start = as->at;
    for (unsigned i = 0; i < G_N_ELEMENTS(saved); i++)
        asm_push(as, saved[i]);
    /* Six pushes and the return address: 8 more make it 16-aligned. */
    asm_alu_imm(as, ALU_SUB, true, RSP, FRAME_SIZE + 8);
    asm_store_imm32(as, false, mem_at(RSP, 0), FLOAT_MXCSR);
    asm_rm(as, 0x0fae, false, 2, mem_at(RSP, 0)); /* ldmxcsr */
    asm_lea(as, true, CPU_REG, mem_at(RDI, CPU_BIAS));
    load_everything(as);
    asm_jmp_reg(as, RSI);
    return start;
}

static uint8_t *emit_exit_plain(Assembler *as)
{
    uint8_t *start = as->at;
    asm_alu_imm(as, ALU_ADD, true, RSP, FRAME_SIZE + 8);
    for (unsigned i = G_N_ELEMENTS(saved); i > 0; i--)
        asm_pop(as, saved[i - 1]);
    asm_ret(as);
    return start;
}

/* Registers are stored: asks where to go on, and goes there. */
static uint8_t *emit_go_on(Assembler *as)
{
    uint8_t *start = as->at;
    asm_lea(as, true, RDI, mem_at(CPU_REG, -CPU_BIAS));
    asm_mov_imm(as, RAX, (uint64_t)(uintptr_t)helper_go_on);
    asm_rr(as, 0xff, false, 2, RAX); /* call rax */
    load_everything(as);
    asm_jmp_reg(as, RAX);
    return start;
}

static uint8_t *emit_exit_spill(Assembler *as, const TargetThunks *thunks)
{
    uint8_t *start = as->at;
    store_pins(as);
    asm_store(as, CPU_MEM(left), BUDGET_REG);
    asm_jmp_to(as, thunks->go_on);
    return start;
}

static uint8_t *emit_exit_storing(Assembler *as, const TargetThunks *thunks, Mem where)
{
    uint8_t *start = as->at;
    asm_store(as, where, RAX);
    asm_jmp_to(as, thunks->exit_spill);
    return start;
}

/*
 * A call of HELPER(cpu, block in RCX, what in EAX, budget). Temporaries are lost; pins are
 * reloaded, all of them if the helper may change any guest register.
 */
static uint8_t *emit_helper(Assembler *as, const TargetThunks *thunks, const void *helper,
                            bool reload_all)
{
    uint8_t *start = as->at;
    asm_push(as, RAX); /* aligns */
    store_pins(as);
    asm_lea(as, true, RDI, mem_at(CPU_REG, -CPU_BIAS));
    asm_mov(as, RSI, RCX);
    asm_mov32(as, RDX, RAX);
    asm_mov(as, RCX, BUDGET_REG);
    asm_mov_imm(as, RAX, (uint64_t)(uintptr_t)helper);
    asm_rr(as, 0xff, false, 2, RAX); /* call rax */
    asm_alu_mem_imm(as, ALU_CMP, false, CPU_MEM(translated.leave), 0);
    uint8_t *leave = asm_jcc(as, CC_NE);
    if (reload_all)
        asm_load(as, BANK_REG, CPU_MEM(tlb));
    load_pins(as, reload_all);
    asm_pop(as, RCX);
    asm_ret(as);
    asm_land(as, leave);
    asm_alu_imm(as, ALU_ADD, true, RSP, 16); /* the pushed word and the return address */
    asm_jmp_to(as, thunks->go_on);
    return start;
}

/*
 * To the observer of stores, WHAT in EAX and the place in translated.ea, from the midst of a block:
 * every register is kept, those of vectors by XSAVE.
 */
static uint8_t *emit_stored(Assembler *as)
{
    static const HostReg kept[] = { RCX, RDX, RSI, RDI, R8, R9, R10, R11, RBX };
    enum { VECTORS = 0xe6, AREA = 4096, HEADER = 512, HEADER_SIZE = 64 };
    uint8_t *start = as->at;
    for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++)
        asm_push(as, kept[i]);
    asm_mov32(as, RSI, RAX);
    asm_mov(as, RBX, RSP);
    asm_alu_imm(as, ALU_AND, true, RSP, -64);
    asm_alu_imm(as, ALU_SUB, true, RSP, AREA);
    for (int i = 0; i < HEADER_SIZE; i += 4)
        asm_store_imm32(as, false, mem_at(RSP, HEADER + i), 0);
    asm_mov_imm(as, RAX, VECTORS);
    asm_mov_imm(as, RDX, 0);
    asm_rm(as, 0x0fae, true, 4, mem_at(RSP, 0)); /* xsave64 */
    asm_lea(as, true, RDI, mem_at(CPU_REG, -CPU_BIAS));
    asm_mov(as, RDX, BUDGET_REG);
    asm_mov_imm(as, RAX, (uint64_t)(uintptr_t)helper_stored);
    asm_rr(as, 0xff, false, 2, RAX); /* call rax */
    asm_mov_imm(as, RAX, VECTORS);
    asm_mov_imm(as, RDX, 0);
    asm_rm(as, 0x0fae, true, 5, mem_at(RSP, 0)); /* xrstor64 */
    asm_mov(as, RSP, RBX);
    for (unsigned i = G_N_ELEMENTS(kept); i > 0; i--)
        asm_pop(as, kept[i - 1]);
    asm_ret(as);
    return start;
}

void target_emit_thunks(CodeMemory *memory, TargetThunks *thunks, bool observed)
{
    uint8_t *start = code_memory_free(memory, CODE_IN_LINE);
    Assembler as = { start, start, code_memory_limit(memory, CODE_IN_LINE), false };
    thunks->enter = emit_enter(&as);
    thunks->exit_plain = emit_exit_plain(&as);
    thunks->go_on = emit_go_on(&as);
    thunks->exit_spill = emit_exit_spill(&as, thunks);
    thunks->exit_indirect = emit_exit_storing(&as, thunks, CPU_MEM(s.cia));
    thunks->exit_link = emit_exit_storing(&as, thunks, CPU_MEM(translated.link));
    thunks->load = emit_helper(&as, thunks, helper_load, false);
    thunks->store = emit_helper(&as, thunks, helper_store, false);
    thunks->call = emit_helper(&as, thunks, float_settled_call, true);
    thunks->rest = emit_helper(&as, thunks, float_settled_rest, true);
    thunks->stored = observed ? emit_stored(&as) : NULL;
    thunks->block_left = observed ? emit_helper(&as, thunks, helper_block_left, false) : NULL;
    g_assert(!as.overflow);
    code_memory_take(memory, CODE_IN_LINE, as.at);
}

void target_patch(Link *link, const uint8_t *target)
{
    asm_patch(link->site, target);
}
