/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an instruction word to its row and to what runs it.
 */
#ifndef MACHINE_CPU_DECODE_H
#define MACHINE_CPU_DECODE_H

#include "machine/cpu/model.h"

/* The row that WORD matches among those of FAMILIES (FAMILY_ bits), or NULL. */
const IsaRow *isa_lookup(uint32_t word, unsigned families);

/* The number of ROW in isa_rows and isa_effects. */
static inline unsigned isa_row_number(const IsaRow *row)
{
    return (unsigned)(row - isa_rows);
}

/*
 * Fills OUT for WORD on MODEL under MODE_KEY (mode.h). Where the instruction would not be executed
 * at all, OUT runs the function that raises the interrupt for it.
 */
void insn_decode(const CpuModel *model, uint32_t mode_key, uint32_t word, Insn *out);

/* Functions that stand in for an instruction (traps.c). */
ExecStatus op_fp_unavailable(Cpu *cpu, const Insn *insn);
ExecStatus op_vec_unavailable(Cpu *cpu, const Insn *insn);
ExecStatus op_vsx_unavailable(Cpu *cpu, const Insn *insn);

#endif
