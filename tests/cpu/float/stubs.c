/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the floating-point files need of the rest of the processor: interrupts are recorded, data is
 * accessed in one small array from address 0.
 */
#include "tests/cpu/float/stubs.h"

#include <string.h>

uint8_t stub_memory[STUB_MEMORY];
const CpuModel stub_model = { .is_64bit = true, .families = FAMILY_P9 };

ExecStatus cpu_raise_program(Cpu *cpu, uint64_t reason)
{
    cpu->exception = (CpuException){ .vector = VECTOR_PROGRAM, .srr1 = reason };
    return EXEC_EXCEPTION;
}

ExecStatus cpu_raise_alignment(Cpu *cpu, uint64_t ea, const Insn *insn)
{
    cpu->exception = (CpuException){ .vector = VECTOR_ALIGNMENT, .dar = ea };
    return EXEC_EXCEPTION;
}

bool cpu_load_slow(Cpu *cpu, uint64_t ea, unsigned size, void *data)
{
    if (ea > STUB_MEMORY - size)
        return false;
    memcpy(data, stub_memory + ea, size);
    return true;
}

bool cpu_store_slow(Cpu *cpu, uint64_t ea, unsigned size, const void *data)
{
    if (ea > STUB_MEMORY - size)
        return false;
    memcpy(stub_memory + ea, data, size);
    return true;
}

bool cpu_load128(Cpu *cpu, uint64_t ea, Vsr *value)
{
    value->q = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t byte;
        if (!cpu_load_slow(cpu, ea + i, 1, &byte))
            return false;
        if (cpu->byte_swap)
            VSR_B(*value, i) = byte;
        else
            VSR_B(*value, 15 - i) = byte;
    }
    return true;
}

bool cpu_store128(Cpu *cpu, uint64_t ea, Vsr value)
{
    if (ea > STUB_MEMORY - 16)
        return false;
    for (unsigned i = 0; i < 16; i++)
        stub_memory[ea + i] = cpu->byte_swap ? VSR_B(value, i) : VSR_B(value, 15 - i);
    return true;
}
