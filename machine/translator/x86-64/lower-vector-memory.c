/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads and stores of VSRs.
 *
 * A miss of the TLB, a NaN to be kept signalling and the like go out of line to the interpreter's
 * function for the whole instruction, then on behind it.
 */
#include "machine/translator/vector-rows.h"
#include "machine/translator/x86-64/lower-vector-recipe.h"

static unsigned access_size(VectorAccess kind)
{
    switch (kind) {
    case ACCESS_SPLAT_DOUBLE:
    case ACCESS_DOUBLE: return 8;
    case ACCESS_SPLAT_WORD:
    case ACCESS_SINGLE:
    case ACCESS_WORD:
    case ACCESS_ELEMENT_W:
    case ACCESS_WORD_SIGNED: return 4;
    case ACCESS_ELEMENT_H:
    case ACCESS_HALFWORD: return 2;
    case ACCESS_ELEMENT_B:
    case ACCESS_BYTE: return 1;
    default: return 16;
    }
}

/*
 * An access: once a jump to the stub has been emitted no value may change its register, so all
 * temporaries are taken first. INDEX is free again once the place is known.
 */
typedef struct {
    Stub *stub;
    HostReg ea, index, tag, spare;
} Access;

static Access begin_access(Lowering *low, const IrNode *node)
{
    Allocator *allocator = &low->allocator;
    Access access = { .stub = lower_call_stub(low, node) };
    access.ea = allocator_use(allocator, node->a);
    access.index = allocator_temp(allocator);
    access.tag = allocator_temp(allocator);
    access.spare = allocator_temp(allocator);
    return access;
}

/*
 * Where the SIZE bytes at EA are, in one page; else to the stub. WORDS: also to the stub if EA is
 * not a word's address.
 */
static Mem look_up(Lowering *low, const Access *access, unsigned size, bool words, size_t table)
{
    Assembler *as = &low->as;
    HostReg index = access->index, tag = access->tag;
    asm_rorx(as, true, index, access->ea, TLB_PAGE_BITS - 4);
    asm_alu_imm(as, ALU_AND, false, index, (TLB_SETS - 1) << 4);
    asm_lea(as, true, tag, mem_at(access->ea, (int32_t)size - (words ? 4 : 1)));
    asm_alu_imm(as, ALU_AND, true, tag, words ? -4096 | 3 : -4096);
    if (table == offsetof(TlbBank, write))
        lower_match_observed(low, tag);
    asm_alu_mem(as, ALU_CMP, true, tag, mem_indexed(BANK_REG, index, 0, (int32_t)table));
    access->stub->site = asm_jcc(as, CC_NE);
    asm_load(as, tag, mem_indexed(BANK_REG, index, 0, (int32_t)table + 8));
    return mem_indexed(tag, access->ea, 0, 0);
}

/* Between the quadword in storage order and the register: the same both ways. */
static void reorder(Lowering *low, Xmm reg, VectorAccess kind, bool swap, HostReg temp)
{
    if (swap || kind == ACCESS_BYTES) {
        /* Elements in address order: big-endian mode has no other. */
        vector_load_constant_by(low, 0, CONSTANT_REVERSE_Q, temp);
        asm_vec(&low->as, VPSHUFB, reg, reg, 0);
    } else if (kind == ACCESS_HALFWORDS) {
        vector_load_constant_by(low, 0, CONSTANT_REVERSE_HALFWORDS, temp);
        asm_vec(&low->as, VPSHUFB, reg, reg, 0);
    } else if (kind == ACCESS_DOUBLEWORDS) {
        asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, 0x4e);
    } else if (kind == ACCESS_WORDS) {
        asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, 0x1b);
    }
}

/* Integers from memory in guest order; zero-extended. */
static void load_integer(Assembler *as, HostReg to, Mem mem, bool wide, bool swap)
{
    asm_rm(as, swap ? 0x0f38f0 : 0x8b, wide, to, mem);
}

/* Of one or two bytes. The flags are lost. */
static void load_small(Assembler *as, HostReg to, Mem mem, unsigned size, bool swap)
{
    asm_rm(as, size == 1 ? 0x0fb6 : 0x0fb7, false, to, mem);
    if (size == 2 && swap) {
        asm_byte(as, 0x66); /* rol r16, 8 */
        asm_shift_imm(as, 0, false, to, 8);
    }
}

static void store_integer(Assembler *as, HostReg from, Mem mem, unsigned size, bool swap)
{
    if (size == 1) {
        asm_store8(as, mem, from);
        return;
    }
    if (size == 2)
        asm_byte(as, 0x66);
    asm_rm(as, swap ? 0x0f38f1 : 0x89, size == 8, from, mem);
}

/* The double in REG's low half, from the single at MEM. SNaNs stay signalling: left to the stub. */
static void load_single(Lowering *low, Xmm reg, Mem mem, bool swap, HostReg temp, Stub *stub)
{
    Assembler *as = &low->as;
    if (swap) {
        load_integer(as, temp, mem, false, true);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
    } else {
        asm_vec1_mem(as, VMOVSS_LOAD, reg, mem);
    }
    asm_vec(as, VEC_SS(0x5a), reg, reg, reg); /* cvtss2sd */
    asm_vec1(as, VEC_0F(0x2e), reg, reg);     /* ucomisd */
    stub->more[0] = asm_jcc(as, CC_P);
}

static void load_low(Lowering *low, Xmm reg, Mem mem, VectorAccess kind, bool swap, HostReg temp,
                     Stub *stub)
{
    Assembler *as = &low->as;
    switch (kind) {
    case ACCESS_SINGLE: load_single(low, reg, mem, swap, temp, stub); break;
    case ACCESS_WORD:
        load_integer(as, temp, mem, false, swap);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
        break;
    case ACCESS_HALFWORD:
    case ACCESS_BYTE:
        load_small(as, temp, mem, access_size(kind), swap);
        asm_vec1(as, VMOVD_TO_XMM, reg, temp);
        break;
    case ACCESS_WORD_SIGNED:
        load_integer(as, temp, mem, false, swap);
        asm_rr(as, 0x63, true, temp, temp);
        asm_vec1(as, VMOVQ_TO_XMM, reg, temp);
        break;
    default:
        if (swap) {
            load_integer(as, temp, mem, true, true);
            asm_vec1(as, VMOVQ_TO_XMM, reg, temp);
        } else {
            asm_vec1_mem(as, VMOVSD_LOAD, reg, mem);
        }
        break;
    }
}

static void load_splat(Lowering *low, Xmm reg, Mem mem, VectorAccess kind, bool swap, HostReg temp)
{
    bool wide = kind == ACCESS_SPLAT_DOUBLE;
    load_integer(&low->as, temp, mem, wide, swap);
    asm_vec1(&low->as, wide ? VMOVQ_TO_XMM : VMOVD_TO_XMM, reg, temp);
    asm_vec_imm(&low->as, VPSHUFD, reg, 0, reg, wide ? 0x44 : 0);
}

static bool is_element(VectorAccess kind)
{
    return kind >= ACCESS_ELEMENT_W;
}

/*
 * Where the element of SIZE bytes that EA names is in the state: as far from the left as the
 * address is from a multiple of 16, or, in little-endian mode, from the right. By way of TEMP.
 */
static Mem element_mem(Lowering *low, unsigned n, unsigned size, bool swap, HostReg ea,
                       HostReg temp)
{
    Mem mem = vsr_mem(n);
    asm_mov32(&low->as, temp, ea);
    asm_alu_imm(&low->as, ALU_AND, false, temp, 15);
    if (swap)
        asm_alu_imm(&low->as, ALU_XOR, false, temp, (int32_t)(16 - size));
    return mem_indexed(mem.base, temp, 0, mem.displacement);
}

static void load_element(Lowering *low, unsigned t, Mem mem, unsigned size, bool swap,
                         const Access *access)
{
    if (size == 4)
        load_integer(&low->as, access->spare, mem, false, swap);
    else
        load_small(&low->as, access->spare, mem, size, swap);
    Mem element = element_mem(low, t, size, swap, access->ea, access->index);
    store_integer(&low->as, access->spare, element, size, false);
    xmm_drop(low, t);
    low->xmm.narrow &= ~(1ull << t);
}

static void store_element(Lowering *low, unsigned t, Mem mem, unsigned size, bool swap,
                          const Access *access)
{
    Mem element = element_mem(low, t, size, swap, access->ea, access->index);
    if (size == 4)
        load_integer(&low->as, access->spare, element, false, false);
    else
        load_small(&low->as, access->spare, element, size, false);
    store_integer(&low->as, access->spare, mem, size, swap);
}

void lower_vsr_load(Lowering *low, const IrNode *node)
{
    VectorAccess kind = vector_rows[node->imm].recipe;
    unsigned size = access_size(kind), t = low->ir->insn[node->insn].t;
    Access access = begin_access(low, node);
    Mem mem = look_up(low, &access, size, node->wide, offsetof(TlbBank, read));
    if (is_element(kind)) {
        load_element(low, t, mem, size, node->swap, &access);
        lower_call_resume(low, access.stub);
        return;
    }
    Xmm reg = xmm_temp(low);
    if (size == 16) {
        asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, mem);
        reorder(low, reg, kind, node->swap, access.index);
        xmm_write(low, t, reg);
    } else if (kind == ACCESS_SPLAT_DOUBLE || kind == ACCESS_SPLAT_WORD) {
        load_splat(low, reg, mem, kind, node->swap, access.index);
        xmm_write(low, t, reg);
    } else {
        load_low(low, reg, mem, kind, node->swap, access.index, access.stub);
        xmm_write_low(low, t, reg, false);
    }
    lower_call_resume(low, access.stub);
}

/*
 * The single in TEMP, from the double in VALUE: bits are picked. Only numbers that single has as
 * normal ones and zeros; what has an exponent below goes to the stub.
 */
static void pick_single(Lowering *low, HostReg temp, HostReg value, Stub *stub)
{
    Assembler *as = &low->as;
    asm_lea(as, true, temp, mem_indexed(value, value, 0, -1)); /* zero becomes the greatest */
    asm_shift_imm(as, 5, true, temp, 53);
    asm_alu_imm(as, ALU_CMP, false, temp, 896);
    stub->more[0] = asm_jcc(as, CC_BE);
    asm_mov(as, temp, value);
    asm_shift_imm(as, 5, true, temp, 29);
    asm_alu_imm(as, ALU_AND, false, temp, 0x3fffffff);
    asm_shift_imm(as, 5, true, value, 32);
    asm_alu_imm(as, ALU_AND, false, value, (int32_t)0xc0000000);
    asm_alu(as, ALU_OR, false, temp, value);
}

static void store_low(Lowering *low, unsigned n, Mem mem, VectorAccess kind, bool swap,
                      const Access *access)
{
    Assembler *as = &low->as;
    HostReg value = access->index;
    bool wide = kind == ACCESS_DOUBLE;
    int cached = xmm_find(low, n, XMM_LOW);
    if (wide && !swap && cached >= 0) {
        asm_vec1_mem(as, VMOVSD_STORE, XMM_FIRST + (unsigned)cached, mem);
        return;
    }
    if (cached >= 0)
        asm_vec1(as, VMOVQ_FROM_XMM, XMM_FIRST + (unsigned)cached, value);
    else
        asm_load(as, value, xmm_doubleword_mem(n, 0));
    if (kind == ACCESS_SINGLE) {
        pick_single(low, access->spare, value, access->stub);
        value = access->spare;
    }
    store_integer(as, value, mem, access_size(kind), swap);
}

void lower_vsr_store(Lowering *low, const IrNode *node)
{
    VectorAccess kind = vector_rows[node->imm].recipe;
    unsigned size = access_size(kind), t = low->ir->insn[node->insn].t;
    Access access = begin_access(low, node);
    Mem mem = look_up(low, &access, size, node->wide, offsetof(TlbBank, write));
    if (size == 16) {
        Xmm value = xmm_read(low, t);
        if (node->swap || kind != ACCESS_QUAD) {
            asm_vec1(&low->as, VEC_0F(0x6f), 1, value); /* movdqa */
            reorder(low, 1, kind, node->swap, access.index);
            value = 1;
        }
        asm_vec1_mem(&low->as, VMOVDQU_STORE, value, mem);
    } else if (is_element(kind)) {
        store_element(low, t, mem, size, node->swap, &access);
    } else {
        store_low(low, t, mem, kind, node->swap, &access);
    }
    lower_observe_store(low, node, mem, size);
    lower_call_resume(low, access.stub);
}
