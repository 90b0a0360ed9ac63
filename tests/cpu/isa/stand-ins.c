/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of traps.c that no row names, for programs that only decode. */
#include "machine/cpu/decode.h"

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
