/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers follow the order of the description. Names, sizes and features are gdb's ("Debugging with
 * GDB", G.5.9): vs0h to vs31h are the halves of VSR 0-31 that are no floating-point registers.
 */
#include "machine/debug/gdb-registers.h"

#include "machine/cpu/float-status.h"
#include "machine/cpu/model.h"

#include <string.h>

enum {
    GPR = 0,
    PC = 32,
    MSR,
    CR,
    LR,
    CTR,
    XER,
    FPR = 38,
    FPSCR = 70,
    VR = 71,
    VSCR = 103,
    VRSAVE = 104,
    VSH = 105,
    COUNT = 137,
};

/* All but the summaries and what is reserved. */
#define FPSCR_WRITABLE (FPSCR_DRN | 0xfffff7ffull)

unsigned gdb_register_count(const Cpu *cpu)
{
    return cpu->model->is_64bit ? COUNT : VSH;
}

unsigned gdb_register_size(const Cpu *cpu, unsigned number)
{
    unsigned word = cpu->model->is_64bit ? 8 : 4;
    if (number >= gdb_register_count(cpu))
        return 0;
    if (number == CR || number == XER || number == VSCR || number == VRSAVE)
        return 4;
    if (number >= VR && number < VSCR)
        return 16;
    return number < FPR || number == FPSCR ? word : 8;
}

static uint64_t read_plain(const Cpu *cpu, unsigned number)
{
    const CpuState *s = &cpu->s;
    switch (number) {
    case PC: return s->cia;
    case MSR: return s->msr;
    case CR: return cpu_cr(cpu);
    case LR: return s->lr;
    case CTR: return s->ctr;
    case XER: return cpu_xer(cpu);
    case FPSCR: return s->fpscr;
    case VSCR: return (uint64_t)s->vscr_nj << 16 | s->vscr_sat;
    case VRSAVE: return s->vrsave;
    default:
        return number < PC      ? s->gpr[number]
               : number < FPSCR ? cpu_fpr(cpu, number - FPR)
                                : VSR_D(s->vsr[number - VSH], 1);
    }
}

void gdb_register_read(const Cpu *cpu, unsigned number, uint8_t *value)
{
    unsigned size = gdb_register_size(cpu, number);
    bool is_vector = number >= VR && number < VSCR;
    uint64_t plain = is_vector ? 0 : read_plain(cpu, number);
    for (unsigned i = 0; i < size; i++)
        value[i] = is_vector ? VSR_B(cpu->s.vsr[32 + number - VR], i)
                             : (uint8_t)(plain >> (8 * (size - 1 - i)));
}

static void write_plain(Cpu *cpu, unsigned number, uint64_t value)
{
    CpuState *s = &cpu->s;
    switch (number) {
    case PC: s->cia = cpu_ea(cpu, value & ~3ull); break;
    case MSR:
        s->msr = (s->msr & ~cpu->model->msr_mask) | (value & cpu->model->msr_mask);
        cpu_mode_changed(cpu);
        break;
    case CR: cpu_set_cr(cpu, (uint32_t)value); break;
    case LR: s->lr = value; break;
    case CTR: s->ctr = value; break;
    case XER: cpu_set_xer(cpu, value); break;
    case FPSCR: s->fpscr = float_summarise(value & FPSCR_WRITABLE); break;
    case VSCR:
        s->vscr_nj = value >> 16 & 1;
        s->vscr_sat = value & 1;
        break;
    case VRSAVE: s->vrsave = (uint32_t)value; break;
    default:
        if (number < PC)
            s->gpr[number] = value;
        else if (number < FPSCR)
            VSR_D(s->vsr[number - FPR], 0) = value;
        else
            VSR_D(s->vsr[number - VSH], 1) = value;
    }
}

void gdb_register_write(Cpu *cpu, unsigned number, const uint8_t *value)
{
    unsigned size = gdb_register_size(cpu, number);
    uint64_t plain = 0;
    g_assert(size > 0);
    for (unsigned i = 0; i < size; i++) {
        if (number >= VR && number < VSCR)
            VSR_B(cpu->s.vsr[32 + number - VR], i) = value[i];
        else
            plain = plain << 8 | value[i];
    }
    if (number < VR || number >= VSCR)
        write_plain(cpu, number, plain);
}

/* --- the description ----------------------------------------------------------------------------
 */

static const char vector_type[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v4i\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v8i\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v16i\" type=\"int8\" count=\"16\"/>"
    "<union id=\"vec128\"><field name=\"uint128\" type=\"uint128\"/>"
    "<field name=\"v4_float\" type=\"v4f\"/><field name=\"v4_int32\" type=\"v4i\"/>"
    "<field name=\"v8_int16\" type=\"v8i\"/><field name=\"v16_int8\" type=\"v16i\"/></union>";

static void add(GString *xml, const Cpu *cpu, const char *name, unsigned number, const char *type)
{
    g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"/>", name,
                           8 * gdb_register_size(cpu, number), number, type);
}

static void add_row(GString *xml, const Cpu *cpu, const char *format, unsigned first,
                    const char *type)
{
    for (unsigned i = 0; i < 32; i++) {
        char name[8];
        bool is_half = first == VSH;
        g_snprintf(name, sizeof(name), "%s%u%s", format, i, is_half ? "h" : "");
        add(xml, cpu, name, first + i, type);
    }
}

static void begin_feature(GString *xml, const char *name)
{
    g_string_append_printf(xml, "<feature name=\"org.gnu.gdb.power.%s\">", name);
}

static void add_core(GString *xml, const Cpu *cpu)
{
    const char *integer = cpu->model->is_64bit ? "uint64" : "uint32";
    begin_feature(xml, "core");
    add_row(xml, cpu, "r", GPR, integer);
    add(xml, cpu, "pc", PC, "code_ptr");
    add(xml, cpu, "msr", MSR, integer);
    add(xml, cpu, "cr", CR, "uint32");
    add(xml, cpu, "lr", LR, "code_ptr");
    add(xml, cpu, "ctr", CTR, integer);
    add(xml, cpu, "xer", XER, "uint32");
    g_string_append(xml, "</feature>");
}

char *gdb_registers_describe(const Cpu *cpu)
{
    bool is_64bit = cpu->model->is_64bit;
    GString *xml = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM "
                                "\"gdb-target.dtd\"><target version=\"1.0\">");
    g_string_append_printf(xml, "<architecture>powerpc:common%s</architecture>",
                           is_64bit ? "64" : "");
    add_core(xml, cpu);
    begin_feature(xml, "fpu");
    add_row(xml, cpu, "f", FPR, "ieee_double");
    add(xml, cpu, "fpscr", FPSCR, is_64bit ? "uint64" : "uint32");
    g_string_append(xml, "</feature>");
    begin_feature(xml, "altivec");
    g_string_append(xml, vector_type);
    add_row(xml, cpu, "vr", VR, "vec128");
    add(xml, cpu, "vscr", VSCR, "uint32");
    add(xml, cpu, "vrsave", VRSAVE, "uint32");
    g_string_append(xml, "</feature>");
    if (is_64bit) {
        begin_feature(xml, "vsx");
        add_row(xml, cpu, "vs", VSH, "uint64");
        g_string_append(xml, "</feature>");
    }
    g_string_append(xml, "</target>");
    return g_string_free(xml, FALSE);
}
