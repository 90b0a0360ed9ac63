/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/subject.h"

#include <signal.h>
#include <string.h>

#include "machine/cpu/board-hooks.h"
#include "machine/cpu/cpu-state.h"
#include "machine/cpu/decode.h"

struct Subject {
    Memory *memory;
    Bus *bus;
    Clock clock;
    Cpu *cpu;
    uint64_t msr;
};

static bool constant_random(void *opaque, Cpu *cpu, uint64_t *value)
{
    *value = 0x0123456789abcdefull;
    return true;
}

static const CpuBoard board = { .random = constant_random };

Subject *subject_new(const CpuModel *model, bool little_endian)
{
    Subject *subject = g_new0(Subject, 1);
    subject->memory = memory_new(LOW_END, NULL);
    subject->bus = bus_new();
    subject->cpu = cpu_new(model, subject->memory, subject->bus, &subject->clock);
    subject->clock.cpu = subject->cpu;
    subject->cpu->board = &board;
    subject_set_mode(subject, little_endian, false);
    return subject;
}

void subject_set_mode(Subject *subject, bool little_endian, bool narrow)
{
    uint64_t msr = MSR_PR | MSR_FP | MSR_VEC | MSR_VSX | MSR_FE0 | MSR_FE1 |
                   (little_endian ? MSR_LE : 0) | (narrow ? 0 : MSR_SF);
    subject->msr = msr & subject->cpu->model->msr_mask;
}

void subject_free(Subject *subject)
{
    if (!subject)
        return;
    cpu_free(subject->cpu);
    bus_free(subject->bus);
    memory_free(subject->memory);
    g_free(subject);
}

static void load(Subject *subject, const Image *from)
{
    Cpu *cpu = subject->cpu;
    CpuState *s = &cpu->s;

    if (s->msr != subject->msr) {
        s->msr = subject->msr;
        cpu_mode_changed(cpu);
    }
    memcpy(s->gpr, from->gpr, sizeof s->gpr);
    for (unsigned i = 0; i < 64; i++) {
        VSR_D(s->vsr[i], 0) = from->vsr[i][0];
        VSR_D(s->vsr[i], 1) = from->vsr[i][1];
    }
    s->fpscr = from->fpscr;
    cpu_set_cr(cpu, (uint32_t)from->cr);
    cpu_set_xer(cpu, from->xer);
    s->lr = from->lr;
    s->ctr = from->ctr;
    s->spr[SPR_TAR] = from->tar;
    s->spr[SPR_FSCR] = 1ull << FSCR_TAR | 1ull << FSCR_DSCR | 1ull << FSCR_EBB;
    s->vscr_nj = from->vscr[1] >> 16 & 1;
    s->vscr_sat = from->vscr[1] & 1;
    s->vrsave = (uint32_t)from->vrsave;
    s->reserve_valid = 0;
    memcpy(subject->memory->ram + WINDOW, from->window, WINDOW_SIZE);
}

static void save(const Subject *subject, Image *to)
{
    const CpuState *s = &subject->cpu->s;

    memcpy(to->gpr, s->gpr, sizeof s->gpr);
    for (unsigned i = 0; i < 64; i++) {
        to->vsr[i][0] = VSR_D(s->vsr[i], 0);
        to->vsr[i][1] = VSR_D(s->vsr[i], 1);
    }
    to->fpscr = s->fpscr;
    to->cr = cpu_cr(subject->cpu);
    to->xer = cpu_xer(subject->cpu);
    to->lr = s->lr;
    to->ctr = s->ctr;
    to->tar = s->spr[SPR_TAR];
    to->vscr[0] = 0;
    to->vscr[1] = (uint64_t)s->vscr_nj << 16 | s->vscr_sat;
    to->vrsave = s->vrsave;
    memcpy(to->window, subject->memory->ram + WINDOW, WINDOW_SIZE);
    if (!subject->cpu->model->is_64bit)
        image_narrow(to);
}

/* The pad at ADDRESS, counted from 1; all ones if there is none. */
static uint64_t pad_number(uint64_t address)
{
    const uint64_t size = PADS_EACH * PAD_SIZE;
    if (address >= PADS_LOW && address < PADS_LOW + size)
        return 1 + (address - PADS_LOW) / PAD_SIZE;
    if (address >= PADS_HIGH && address < PADS_HIGH + size)
        return 1 + PADS_EACH + (address - PADS_HIGH) / PAD_SIZE;
    return UINT64_MAX;
}

/* The signal that Linux makes of an exception. */
static int signal_of(const CpuException *exception)
{
    switch (exception->vector) {
    case VECTOR_PROGRAM:
        return exception->srr1 & PROGRAM_TRAP         ? SIGTRAP
               : exception->srr1 & PROGRAM_FP_ENABLED ? SIGFPE
                                                      : SIGILL;
    case VECTOR_ALIGNMENT: return SIGBUS;
    case VECTOR_DATA_STORAGE: return SIGSEGV;
    case VECTOR_FACILITY_UNAVAILABLE: return SIGILL;
    default: return 1000 + (int)exception->vector;
    }
}

void subject_run(Subject *subject, const Image *input, uint64_t address, Image *result)
{
    Cpu *cpu = subject->cpu;

    load(subject, input);
    *result = *input;
    result->slot = result->landing = result->signal = result->nip = 0;
    cpu->s.cia = address;
    for (unsigned i = 0; i < 2; i++) {
        Insn insn;
        insn_decode(cpu->model, cpu->mode_key, input->code[i], &insn);
        ExecStatus status = insn.execute(cpu, &insn);
        if (status == EXEC_EXCEPTION) {
            result->signal = (uint64_t)signal_of(&cpu->exception);
            result->nip = cpu->s.cia;
            break;
        }
        if (status == EXEC_BRANCH || status == EXEC_BRANCH_BOUNDARY) {
            result->landing = pad_number(cpu->s.cia);
            break;
        }
        cpu->s.cia += 4;
    }
    save(subject, result);
}
