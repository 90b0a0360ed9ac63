/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs floating-point instructions named on standard input and prints what they did.
 *
 * A line is: operation, FPSCR, MSR, VSCR, then the registers T, A, B and C, each 32 hexadecimal
 * digits. The answer is: whether a program interrupt was raised (0 or 1), T, FPSCR, CR fields 1, 3
 * and 6, and VSCR.SAT. A comparison writes CR field 3. float-model.py drives this program.
 */
#include "machine/cpu/cpu.h"
#include "machine/cpu/float.h"
#include "machine/cpu/ops.h"
#include "tests/cpu/float/stubs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    ExecFn run;
} Operation;

#define OP(name) { #name, op_##name },
static const Operation operations[] = {
#include "tests/cpu/float/operations.def"
};
#undef OP

static ExecFn find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++)
        if (!strcmp(operations[i].name, name))
            return operations[i].run;
    fprintf(stderr, "float-runner: no operation '%s'; see operations.def\n", name);
    exit(2);
}

static Uint128 parse(const char *digits)
{
    char high[17];
    memcpy(high, digits, 16);
    high[16] = '\0';
    return UINT128(strtoull(high, NULL, 16), strtoull(digits + 16, NULL, 16));
}

static void run_line(Cpu *cpu, const char *name, uint64_t fpscr, uint64_t msr, unsigned vscr,
                     char registers[4][40])
{
    Insn insn = { .execute = find(name), .t = 1, .a = 2, .b = 3, .c = 4 };
    if (strstr(name, "cmpu") || strstr(name, "cmpo"))
        insn.t = 3;
    memset(cpu, 0, sizeof *cpu);
    cpu->s.fpscr = fpscr;
    cpu->s.msr = msr;
    cpu->s.vscr_nj = vscr & 1;
    for (unsigned i = 0; i < 4; i++)
        cpu->s.vsr[1 + i].q = parse(registers[i]);
    ExecStatus status = insn.execute(cpu, &insn);
    Vsr t = cpu->s.vsr[1];
    printf("%d %016llx%016llx %llx %x %x %x %x\n", status == EXEC_EXCEPTION,
           (unsigned long long)VSR_D(t, 0), (unsigned long long)VSR_D(t, 1),
           (unsigned long long)cpu->s.fpscr, cpu->s.crf[1], cpu->s.crf[3], cpu->s.crf[6],
           cpu->s.vscr_sat);
}

int main(void)
{
    Cpu *cpu = g_new0(Cpu, 1);
    cpu->model = &stub_model;
    char name[32], registers[4][40];
    unsigned long long fpscr, msr;
    unsigned vscr;
    while (scanf("%31s %llx %llx %x %39s %39s %39s %39s", name, &fpscr, &msr, &vscr, registers[0],
                 registers[1], registers[2], registers[3]) == 8)
        run_line(cpu, name, fpscr, msr, vscr, registers);
    g_free(cpu);
    return 0;
}
