/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs predecoded pages, one function call per instruction.
 *
 * 1. cpu->s.cia is the address of the instruction being attempted, cpu->left counts down after it:
 *    both are exact in the middle of every instruction.
 * 2. Every attempt counts one, whatever came of it: a failed fetch and a fault included. Entering
 * an interrupt handler counts nothing.
 * 3. A pointer into a predecoded page is never kept across anything that may fetch.
 * 4. Where an instruction asks for a boundary, only an interrupt or a halt can be due there: all
 * that depends on time ends the budget (cpu_stop_at_boundary). If neither is, the run goes on.
 * 5. With MSR.SE or MSR.BE set every instruction ends a run, so that the trace interrupt follows
 * it.
 */
#include "machine/cpu/interpreter.h"

#include "machine/cpu/code-cache.h"
#include "machine/cpu/exception.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/watch.h"

static inline const Insn *fetch(Cpu *cpu)
{
    uint64_t cia = cpu->s.cia;
    const FetchEntry *entry = &cpu->code->fetch[FETCH_INDEX(cia)];
    DecodedPage *page = entry->decoded;
    if (G_UNLIKELY(entry->tag != (cia & ~(TLB_PAGE_SIZE - 1))))
        page = mmu_fetch_page(cpu, cia);
    return page ? &page->insn[cia >> 2 & (PAGE_INSNS - 1)] : NULL;
}

/* Attempts from the present instruction on while they follow each other in their page. */
static inline ExecStatus attempt_straight(Cpu *cpu)
{
    const Insn *insn = fetch(cpu);
    if (G_UNLIKELY(!insn))
        return EXEC_EXCEPTION;
    for (;;) {
        ExecStatus status = insn->execute(cpu, insn);
        if (status != EXEC_NEXT)
            return status;
        cpu->s.cia += 4;
        insn++;
        if (--cpu->left <= 0)
            return EXEC_REFETCH;
    }
}

bool interpreter_finish_attempt(Cpu *cpu, ExecStatus status)
{
    switch (status) {
    case EXEC_BRANCH: cpu->left--; return true;
    case EXEC_REFETCH: cpu->s.cia &= cpu->ea_mask; return true;
    case EXEC_EXCEPTION:
        exception_deliver(cpu);
        cpu->left--;
        return true;
    case EXEC_BOUNDARY: cpu->s.cia = cpu_ea(cpu, cpu->s.cia + 4); break;
    case EXEC_NEXT:
    case EXEC_BRANCH_BOUNDARY: break;
    }
    cpu->left--;
    return !cpu->s.halted && exception_pending(cpu) == VECTOR_NONE;
}

/* Whether the word is b, bc, bclr, bcctr or bctar: those that MSR.BE traces, taken or not. */
static bool is_branch(uint32_t word)
{
    enum { B = 18, BC = 16, INDIRECT = 19, BCLR = 16, BCCTR = 528, BCTAR = 560 };
    unsigned primary = word >> 26, extended = word >> 1 & 0x3ff;
    return primary == B || primary == BC ||
           (primary == INDIRECT && (extended == BCLR || extended == BCCTR || extended == BCTAR));
}

/*
 * Attempts one instruction under MSR.SE or MSR.BE. The trace interrupt follows if it completed;
 * rfid and its like, which end in EXEC_BRANCH_BOUNDARY, are not traced (Book III 6.5.15).
 */
static bool run_traced(Cpu *cpu)
{
    bool every = cpu->s.msr & MSR_SE;
    uint64_t address = cpu->s.cia;
    const Insn *insn = fetch(cpu);
    ExecStatus status = insn ? insn->execute(cpu, insn) : EXEC_EXCEPTION;
    if (status == EXEC_REFETCH)
        return true;
    bool traces = insn && (every || is_branch(insn->word));
    if (status == EXEC_NEXT)
        status = EXEC_BOUNDARY;
    bool go_on = interpreter_finish_attempt(cpu, status);
    if ((status == EXEC_BOUNDARY && traces) || status == EXEC_BRANCH)
        exception_deliver_trace(cpu, address);
    return go_on;
}

bool interpreter_run_straight(Cpu *cpu)
{
    if (G_UNLIKELY(cpu->s.msr & (MSR_SE | MSR_BE)))
        return run_traced(cpu);
    ExecStatus status = attempt_straight(cpu);
    if (G_LIKELY(status == EXEC_BRANCH)) {
        cpu->left--;
        return true;
    }
    return interpreter_finish_attempt(cpu, status);
}

static void run_watched(Cpu *cpu)
{
    bool arrived = false;
    while (!arrived && cpu->left > 0 && cpu_watch_run_straight(cpu, &arrived)) {}
}

void interpreter_run(Cpu *cpu)
{
    if (G_UNLIKELY(cpu->watch != NULL))
        run_watched(cpu);
    else
        while (cpu->left > 0 && interpreter_run_straight(cpu)) {}
}
