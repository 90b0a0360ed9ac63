/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decoding names but never follows: functions of traps.c that no row names, families. */
#include "machine/cpu/decode.h"
#include "machine/cpu/exception-family.h"
#include "machine/cpu/mmu-family.h"

const MmuFamily mmu_radix, mmu_hash32;
const ExceptionFamily exceptions_book3, exceptions_classic;

ExecStatus op_fp_unavailable(Cpu *cpu, const Insn *insn)
{
    return EXEC_EXCEPTION;
}

ExecStatus op_vec_unavailable(Cpu *cpu, const Insn *insn)
{
    return EXEC_EXCEPTION;
}

ExecStatus op_vsx_unavailable(Cpu *cpu, const Insn *insn)
{
    return EXEC_EXCEPTION;
}
