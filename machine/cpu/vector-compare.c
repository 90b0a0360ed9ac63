/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX integer comparisons: an element is all ones where the condition holds, else zero. The record
 * forms put into CR field 6 whether it held everywhere (bit 0) and nowhere (bit 2).
 */
#include "machine/cpu/vector-lanes.h"

static ExecStatus compare_record(Cpu *cpu, Quad result)
{
    cpu->s.crf[6] = (uint8_t)((~result == 0 ? CR_LT : 0) | (result == 0 ? CR_EQ : 0));
    return EXEC_NEXT;
}

#define COMPARE(name, type, lane, condition)                                                       \
    LANES(name, type, lane, (condition) ? -1 : 0)                                                  \
    ExecStatus op_##name##_rc(Cpu *cpu, const Insn *insn)                                          \
    {                                                                                              \
        op_##name(cpu, insn);                                                                      \
        return compare_record(cpu, cpu->s.vsr[insn->t].q);                                         \
    }

COMPARE(vcmpequb, uint8_t, b, a == b)
COMPARE(vcmpequh, uint16_t, h, a == b)
COMPARE(vcmpequw, uint32_t, w, a == b)
COMPARE(vcmpequd, uint64_t, d, a == b)
COMPARE(vcmpneb, uint8_t, b, a != b)
COMPARE(vcmpneh, uint16_t, h, a != b)
COMPARE(vcmpnew, uint32_t, w, a != b)
COMPARE(vcmpnezb, uint8_t, b, a == 0 || b == 0 || a != b)
COMPARE(vcmpnezh, uint16_t, h, a == 0 || b == 0 || a != b)
COMPARE(vcmpnezw, uint32_t, w, a == 0 || b == 0 || a != b)
COMPARE(vcmpgtub, uint8_t, b, a > b)
COMPARE(vcmpgtuh, uint16_t, h, a > b)
COMPARE(vcmpgtuw, uint32_t, w, a > b)
COMPARE(vcmpgtud, uint64_t, d, a > b)
COMPARE(vcmpgtsb, int8_t, b, a > b)
COMPARE(vcmpgtsh, int16_t, h, a > b)
COMPARE(vcmpgtsw, int32_t, w, a > b)
COMPARE(vcmpgtsd, int64_t, d, a > b)
