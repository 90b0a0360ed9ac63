/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disassembler: prints the operands that the row lists, each by its kind.
 */
#include "machine/cpu/disassemble.h"

#include "machine/cpu/decode.h"

static int64_t sign_extend(uint32_t value, unsigned width)
{
    return (int64_t)((uint64_t)value << (64 - width)) >> (64 - width);
}

static void append_cr_bit(GString *text, unsigned bit)
{
    static const char *const names[] = { "lt", "gt", "eq", "so" };
    if (bit >= 4)
        g_string_append_printf(text, "4*cr%u+", bit >> 2);
    g_string_append(text, names[bit & 3]);
}

static void append_signed(GString *text, int64_t value)
{
    g_string_append_printf(text, "%" G_GINT64_FORMAT, value);
}

static void append_target(GString *text, uint32_t word, uint64_t address, int64_t displacement)
{
    uint64_t target = (word & 2 ? 0 : address) + (uint64_t)displacement;
    g_string_append_printf(text, "0x%" G_GINT64_MODIFIER "x", target);
}

/* Operands whose bits are scattered over the word. */
static void append_scattered(GString *text, uint32_t word, unsigned kind)
{
    if (kind == ISA_OPERAND_SH6)
        g_string_append_printf(text, "%u", (word >> 1 & 1) << 5 | (word >> 11 & 31));
    else if (kind == ISA_OPERAND_DX)
        append_signed(text, (int16_t)((word & 0xffc0) | (word >> 15 & 0x3e) | (word & 1)));
    else
        g_string_append_printf(text, "%u",
                               (word >> 6 & 1) << 6 | (word >> 2 & 1) << 5 | (word >> 16 & 31));
}

static void append_register(GString *text, uint32_t word, const IsaOperand *operand, unsigned value)
{
    static const char *const prefix[] = {
        [ISA_OPERAND_GPR] = "r", [ISA_OPERAND_BASE] = "r", [ISA_OPERAND_FPR] = "f",
        [ISA_OPERAND_VR] = "v",  [ISA_OPERAND_VSR] = "vs", [ISA_OPERAND_CRF] = "cr",
        [ISA_OPERAND_FPF] = "cr"
    };
    if (operand->kind == ISA_OPERAND_VSR)
        value |= (word >> operand->extension & 1) << 5;
    if (operand->kind == ISA_OPERAND_BASE && value == 0)
        g_string_append_c(text, '0');
    else
        g_string_append_printf(text, "%s%u", prefix[operand->kind], value);
}

static void append_operand(GString *text, uint32_t word, uint64_t address,
                           const IsaOperand *operand)
{
    uint32_t value = word >> operand->shift & ((1u << operand->width) - 1);
    switch (operand->kind) {
    case ISA_OPERAND_CRB: append_cr_bit(text, value); break;
    case ISA_OPERAND_U: g_string_append_printf(text, "%u", value); break;
    case ISA_OPERAND_S: append_signed(text, sign_extend(value, operand->width)); break;
    case ISA_OPERAND_S4: append_signed(text, sign_extend(value, operand->width) * 4); break;
    case ISA_OPERAND_S16: append_signed(text, sign_extend(value, operand->width) * 16); break;
    case ISA_OPERAND_LI:
    case ISA_OPERAND_BD:
        append_target(text, word, address, sign_extend(value, operand->width) * 4);
        break;
    case ISA_OPERAND_SPR: g_string_append_printf(text, "%u", (value & 31) << 5 | value >> 5); break;
    case ISA_OPERAND_COUNT: g_string_append_printf(text, "%u", value ? value : 32); break;
    case ISA_OPERAND_MB6: g_string_append_printf(text, "%u", (value & 1) << 5 | value >> 1); break;
    case ISA_OPERAND_SH6:
    case ISA_OPERAND_DX:
    case ISA_OPERAND_DCMX: append_scattered(text, word, operand->kind); break;
    default: append_register(text, word, operand, value); break;
    }
}

/* True if OPERAND is a displacement, which its base follows in parentheses. */
static bool is_displacement(const IsaOperand *operand)
{
    bool scaled = operand->kind == ISA_OPERAND_S4 || operand->kind == ISA_OPERAND_S16;
    bool bytes = operand->kind == ISA_OPERAND_S && operand->shift == 0;
    return (scaled || bytes) && operand[1].kind != ISA_OPERAND_NONE;
}

char *disassemble(uint32_t word, uint64_t address, unsigned families)
{
    const IsaRow *row = isa_lookup(word, families);
    if (!row)
        return g_strdup_printf(".long 0x%x", word);
    GString *text = g_string_new(row->mnemonic);
    const IsaOperand *operand = &isa_operands[isa_operand_first[isa_row_number(row)]];
    for (char before = ' '; operand->kind != ISA_OPERAND_NONE; operand++) {
        g_string_append_c(text, before);
        append_operand(text, word, address, operand);
        if (before == '(')
            g_string_append_c(text, ')');
        before = is_displacement(operand) ? '(' : ',';
    }
    return g_string_free(text, FALSE);
}
