/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding x86-64 instructions, as far as the lowering needs them.
 *
 * Operands: HostReg for registers, Mem for [base + index * scale + displacement]. WIDE picks 64-bit
 * operand size. Nothing here knows the guest.
 */
#ifndef MACHINE_TRANSLATOR_X86_64_ASSEMBLER_H
#define MACHINE_TRANSLATOR_X86_64_ASSEMBLER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    NO_REG = 0xff,
} HostReg;

/* Condition codes as in the encodings of jcc, setcc and cmovcc. */
typedef enum {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G,
} HostCondition;

typedef struct {
    HostReg base;
    HostReg index; /* NO_REG: none; never RSP */
    uint8_t scale; /* log2 */
    int32_t displacement;
} Mem;

static inline Mem mem_at(HostReg base, int32_t displacement)
{
    return (Mem){ base, NO_REG, 0, displacement };
}

static inline Mem mem_indexed(HostReg base, HostReg index, unsigned scale, int32_t displacement)
{
    return (Mem){ base, index, (uint8_t)scale, displacement };
}

/* Where code goes. Overrunning LIMIT sets OVERFLOW and writes nothing more. */
typedef struct {
    uint8_t *at;
    uint8_t *start;
    uint8_t *limit;
    bool overflow;
} Assembler;

static inline void asm_byte(Assembler *as, uint8_t byte)
{
    if (G_LIKELY(as->at < as->limit))
        *as->at++ = byte;
    else
        as->overflow = true;
}

static inline void asm_u32(Assembler *as, uint32_t value)
{
    if (G_LIKELY(as->at + 4 <= as->limit)) {
        memcpy(as->at, &value, 4);
        as->at += 4;
    } else {
        as->overflow = true;
    }
}

static inline void asm_u64(Assembler *as, uint64_t value)
{
    asm_u32(as, (uint32_t)value);
    asm_u32(as, (uint32_t)(value >> 32));
}

/* --- prefixes and operands ----------------------------------------------------------------------
 */

static inline void asm_rex(Assembler *as, bool wide, unsigned reg, unsigned index, unsigned base,
                           bool byte_register)
{
    uint8_t rex =
        (uint8_t)(0x40 | wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1));
    if (rex != 0x40 || byte_register)
        asm_byte(as, rex);
}

static inline void asm_modrm_reg(Assembler *as, unsigned reg, unsigned rm)
{
    asm_byte(as, (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7)));
}

static inline void asm_modrm_mem(Assembler *as, unsigned reg, Mem mem)
{
    bool has_index = mem.index != NO_REG;
    bool short_displacement = mem.displacement >= -128 && mem.displacement < 128;
    bool none = mem.displacement == 0 && (mem.base & 7) != RBP;
    unsigned mod = none ? 0 : short_displacement ? 1 : 2;
    bool needs_sib = has_index || (mem.base & 7) == RSP;
    asm_byte(as, (uint8_t)(mod << 6 | (reg & 7) << 3 | (needs_sib ? 4 : mem.base & 7)));
    if (needs_sib)
        asm_byte(as,
                 (uint8_t)(mem.scale << 6 | (has_index ? mem.index & 7 : 4) << 3 | (mem.base & 7)));
    if (mod == 1)
        asm_byte(as, (uint8_t)mem.displacement);
    else if (mod == 2)
        asm_u32(as, (uint32_t)mem.displacement);
}

/* OPCODE may have up to three bytes (0x0fXX, 0x0f38XX), most significant first. */
static inline void asm_opcode(Assembler *as, uint32_t opcode)
{
    if (opcode > 0xffff)
        asm_byte(as, (uint8_t)(opcode >> 16));
    if (opcode > 0xff)
        asm_byte(as, (uint8_t)(opcode >> 8));
    asm_byte(as, (uint8_t)opcode);
}

static inline void asm_rr(Assembler *as, uint32_t opcode, bool wide, unsigned reg, unsigned rm)
{
    asm_rex(as, wide, reg, 0, rm, false);
    asm_opcode(as, opcode);
    asm_modrm_reg(as, reg, rm);
}

static inline void asm_rm(Assembler *as, uint32_t opcode, bool wide, unsigned reg, Mem mem)
{
    asm_rex(as, wide, reg, mem.index == NO_REG ? 0 : mem.index, mem.base, false);
    asm_opcode(as, opcode);
    asm_modrm_mem(as, reg, mem);
}

/* With a mandatory prefix (0x66, 0xf2, 0xf3), which stands before REX. */
static inline void asm_prefixed_rr(Assembler *as, uint8_t prefix, uint32_t opcode, bool wide,
                                   unsigned reg, unsigned rm)
{
    asm_byte(as, prefix);
    asm_rr(as, opcode, wide, reg, rm);
}

static inline void asm_prefixed_rm(Assembler *as, uint8_t prefix, uint32_t opcode, bool wide,
                                   unsigned reg, Mem mem)
{
    asm_byte(as, prefix);
    asm_rm(as, opcode, wide, reg, mem);
}

/* --- moves ------------------------------------------------------------------------------------ */

static inline void asm_mov(Assembler *as, HostReg to, HostReg from)
{
    if (to != from)
        asm_rr(as, 0x8b, true, to, from);
}

static inline void asm_mov32(Assembler *as, HostReg to, HostReg from)
{
    asm_rr(as, 0x8b, false, to, from);
}

static inline void asm_load(Assembler *as, HostReg to, Mem mem)
{
    asm_rm(as, 0x8b, true, to, mem);
}

static inline void asm_store(Assembler *as, Mem mem, HostReg from)
{
    asm_rm(as, 0x89, true, from, mem);
}

/* Leaves the flags alone. */
static inline void asm_mov_imm(Assembler *as, HostReg to, uint64_t value)
{
    if (value <= UINT32_MAX) {
        asm_rex(as, false, 0, 0, to, false);
        asm_byte(as, (uint8_t)(0xb8 | (to & 7)));
        asm_u32(as, (uint32_t)value);
    } else if ((int64_t)value >= INT32_MIN && (int64_t)value < 0) {
        asm_rex(as, true, 0, 0, to, false);
        asm_byte(as, 0xc7);
        asm_modrm_reg(as, 0, to);
        asm_u32(as, (uint32_t)value);
    } else {
        asm_rex(as, true, 0, 0, to, false);
        asm_byte(as, (uint8_t)(0xb8 | (to & 7)));
        asm_u64(as, value);
    }
}

static inline void asm_store_imm32(Assembler *as, bool wide, Mem mem, int32_t value)
{
    asm_rm(as, 0xc7, wide, 0, mem);
    asm_u32(as, (uint32_t)value);
}

static inline void asm_store_imm8(Assembler *as, Mem mem, uint8_t value)
{
    asm_rm(as, 0xc6, false, 0, mem);
    asm_byte(as, value);
}

/* Byte registers need a REX prefix from RSP up. */
static inline void asm_store8(Assembler *as, Mem mem, HostReg from)
{
    asm_rex(as, false, from, mem.index == NO_REG ? 0 : mem.index, mem.base, from >= RSP);
    asm_byte(as, 0x88);
    asm_modrm_mem(as, from, mem);
}

static inline void asm_lea(Assembler *as, bool wide, HostReg to, Mem mem)
{
    asm_rm(as, 0x8d, wide, to, mem);
}

/* --- arithmetic: the eight classic operations ------------------------------------------------- */

typedef enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP } AluOp;

static inline void asm_alu(Assembler *as, AluOp op, bool wide, HostReg to, HostReg from)
{
    asm_rr(as, op << 3 | 3, wide, to, from);
}

static inline void asm_alu_mem(Assembler *as, AluOp op, bool wide, HostReg to, Mem from)
{
    asm_rm(as, op << 3 | 3, wide, to, from);
}

static inline void asm_alu_to_mem(Assembler *as, AluOp op, bool wide, Mem to, HostReg from)
{
    asm_rm(as, op << 3 | 1, wide, from, to);
}

static inline void asm_alu_imm(Assembler *as, AluOp op, bool wide, HostReg to, int32_t value)
{
    bool is_short = value >= -128 && value < 128;
    asm_rex(as, wide, 0, 0, to, false);
    asm_byte(as, is_short ? 0x83 : 0x81);
    asm_modrm_reg(as, op, to);
    if (is_short)
        asm_byte(as, (uint8_t)value);
    else
        asm_u32(as, (uint32_t)value);
}

static inline void asm_alu_mem_imm(Assembler *as, AluOp op, bool wide, Mem to, int32_t value)
{
    bool is_short = value >= -128 && value < 128;
    asm_rm(as, is_short ? 0x83 : 0x81, wide, op, to);
    if (is_short)
        asm_byte(as, (uint8_t)value);
    else
        asm_u32(as, (uint32_t)value);
}

static inline void asm_test(Assembler *as, bool wide, HostReg a, HostReg b)
{
    asm_rr(as, 0x85, wide, b, a);
}

static inline void asm_test_mem8_imm(Assembler *as, Mem mem, uint8_t value)
{
    asm_rm(as, 0xf6, false, 0, mem);
    asm_byte(as, value);
}

static inline void asm_cmp_mem8_imm(Assembler *as, Mem mem, uint8_t value)
{
    asm_rm(as, 0x80, false, ALU_CMP, mem);
    asm_byte(as, value);
}

/* Byte registers need a REX prefix from RSP up. */
static inline void asm_alu8_mem(Assembler *as, AluOp op, HostReg to, Mem from)
{
    asm_rex(as, false, to, from.index == NO_REG ? 0 : from.index, from.base, to >= RSP);
    asm_byte(as, (uint8_t)(op << 3 | 2));
    asm_modrm_mem(as, to, from);
}

static inline void asm_test8(Assembler *as, HostReg reg)
{
    asm_rex(as, false, reg, 0, reg, reg >= RSP);
    asm_byte(as, 0x84);
    asm_modrm_reg(as, reg, reg);
}

/* Group 3 (not 2, neg 3, mul 4, imul 5, div 6, idiv 7) and shifts (rol 0, ror 1, shl 4, shr 5, sar
 * 7). */
static inline void asm_group3(Assembler *as, unsigned op, bool wide, HostReg reg)
{
    asm_rr(as, 0xf7, wide, op, reg);
}

/* cdq, cqo */
static inline void asm_sign_extend_rax(Assembler *as, bool wide)
{
    asm_rex(as, wide, 0, 0, 0, false);
    asm_byte(as, 0x99);
}

static inline void asm_shift_imm(Assembler *as, unsigned op, bool wide, HostReg reg, uint8_t count)
{
    asm_rr(as, 0xc1, wide, op, reg);
    asm_byte(as, count);
}

static inline void asm_imul(Assembler *as, bool wide, HostReg to, HostReg from)
{
    asm_rr(as, 0x0faf, wide, to, from);
}

/* BMI2 shifts by a register (shlx, sarx, shrx: pp 1, 2, 3), VEX.LZ.0F38 F7. */
static inline void asm_shift_var(Assembler *as, unsigned pp, bool wide, HostReg to, HostReg from,
                                 HostReg count)
{
    asm_byte(as, 0xc4);
    asm_byte(as, (uint8_t)((~to >> 3 & 1) << 7 | 1 << 6 | (~from >> 3 & 1) << 5 | 2));
    asm_byte(as, (uint8_t)(wide << 7 | (~count & 15) << 3 | pp));
    asm_byte(as, 0xf7);
    asm_modrm_reg(as, to, from);
}

/* BMI andn: TO = ~A & B. */
static inline void asm_andn(Assembler *as, bool wide, HostReg to, HostReg a, HostReg b)
{
    asm_byte(as, 0xc4);
    asm_byte(as, (uint8_t)((~to >> 3 & 1) << 7 | 1 << 6 | (~b >> 3 & 1) << 5 | 2));
    asm_byte(as, (uint8_t)(wide << 7 | (~a & 15) << 3 | 0));
    asm_byte(as, 0xf2);
    asm_modrm_reg(as, to, b);
}

/* BMI2 rorx: TO = FROM rotated right by COUNT; the flags stay. */
static inline void asm_rorx(Assembler *as, bool wide, HostReg to, HostReg from, uint8_t count)
{
    asm_byte(as, 0xc4);
    asm_byte(as, (uint8_t)((~to >> 3 & 1) << 7 | 1 << 6 | (~from >> 3 & 1) << 5 | 3));
    asm_byte(as, (uint8_t)(wide << 7 | 0x7b));
    asm_byte(as, 0xf0);
    asm_modrm_reg(as, to, from);
    asm_byte(as, count);
}

static inline void asm_setcc(Assembler *as, HostCondition condition, HostReg to)
{
    asm_rex(as, false, 0, 0, to, to >= RSP);
    asm_byte(as, 0x0f);
    asm_byte(as, (uint8_t)(0x90 | condition));
    asm_modrm_reg(as, 0, to);
}

static inline void asm_setcc_mem(Assembler *as, HostCondition condition, Mem to)
{
    asm_rm(as, 0x0f90 | condition, false, 0, to);
}

static inline void asm_cmov(Assembler *as, HostCondition condition, bool wide, HostReg to,
                            HostReg from)
{
    asm_rr(as, 0x0f40 | condition, wide, to, from);
}

static inline void asm_movzx8(Assembler *as, HostReg to, HostReg from)
{
    asm_rex(as, false, to, 0, from, from >= RSP);
    asm_byte(as, 0x0f);
    asm_byte(as, 0xb6);
    asm_modrm_reg(as, to, from);
}

/* --- jumps ------------------------------------------------------------------------------------ */

/* Emits a jump with a 32-bit distance and returns where the distance stands. */
static inline uint8_t *asm_jmp(Assembler *as)
{
    asm_byte(as, 0xe9);
    asm_u32(as, 0);
    return as->at - 4;
}

static inline uint8_t *asm_jcc(Assembler *as, HostCondition condition)
{
    asm_byte(as, 0x0f);
    asm_byte(as, (uint8_t)(0x80 | condition));
    asm_u32(as, 0);
    return as->at - 4;
}

/* Makes the jump whose distance stands at SITE go to TARGET. */
static inline void asm_patch(uint8_t *site, const uint8_t *target)
{
    int32_t distance = (int32_t)(target - (site + 4));
    memcpy(site, &distance, 4);
}

static inline void asm_jmp_to(Assembler *as, const uint8_t *target)
{
    uint8_t *site = asm_jmp(as);
    if (!as->overflow)
        asm_patch(site, target);
}

static inline void asm_jcc_to(Assembler *as, HostCondition condition, const uint8_t *target)
{
    uint8_t *site = asm_jcc(as, condition);
    if (!as->overflow)
        asm_patch(site, target);
}

/* Makes an earlier jump arrive here. */
static inline void asm_land(Assembler *as, uint8_t *site)
{
    if (!as->overflow)
        asm_patch(site, as->at);
}

static inline void asm_jmp_mem(Assembler *as, Mem mem)
{
    asm_rm(as, 0xff, false, 4, mem);
}

static inline void asm_jmp_reg(Assembler *as, HostReg reg)
{
    asm_rr(as, 0xff, false, 4, reg);
}

static inline void asm_call_mem(Assembler *as, Mem mem)
{
    asm_rm(as, 0xff, false, 2, mem);
}

static inline void asm_call_to(Assembler *as, const uint8_t *target)
{
    asm_byte(as, 0xe8);
    asm_u32(as, 0);
    if (!as->overflow)
        asm_patch(as->at - 4, target);
}

static inline void asm_push(Assembler *as, HostReg reg)
{
    asm_rex(as, false, 0, 0, reg, false);
    asm_byte(as, (uint8_t)(0x50 | (reg & 7)));
}

static inline void asm_pop(Assembler *as, HostReg reg)
{
    asm_rex(as, false, 0, 0, reg, false);
    asm_byte(as, (uint8_t)(0x58 | (reg & 7)));
}

static inline void asm_ret(Assembler *as)
{
    asm_byte(as, 0xc3);
}

#endif
