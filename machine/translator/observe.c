/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What translated code tells an observer. Blocks made for an observed processor are the blocks that
 * they would be without: behind each inline store, and in front of each block, stands a call of
 * these that keeps all registers.
 */
#include "machine/cpu/observer.h"

#include <immintrin.h>

#include "machine/memory.h"
#include "machine/translator/cr-pending.h"
#include "machine/translator/float-pending.h"
#include "machine/translator/helpers.h"

void helper_stored(Cpu *cpu, uint32_t what, int64_t budget)
{
    const CpuObserver *observer = cpu->observer;
    uint64_t icount = cpu->icount_end - (uint64_t)(budget + HELPER_INSN(what));
    const uint8_t *data = (const uint8_t *)(uintptr_t)cpu->translated.ea;
    uint64_t at = (uint64_t)(data - cpu->memory->ram);
    observer->stored(observer->opaque, icount, at, what >> 8, data);
}

/* FPSCR and CR are shown as they would be, and what is pending stays so. */
void helper_block_left(Cpu *cpu, const Block *next, uint32_t what, int64_t budget)
{
    unsigned mxcsr = _mm_getcsr();
    uint64_t fpscr = cpu->s.fpscr;
    __typeof__(cpu->pending) pending = cpu->pending;
    uint64_t less = cr_pending_word(cpu->translated.cr_less);
    float_pending_settle(cpu);
    cr_pending_settle(cpu);
    cpu->s.cia = next->ea;
    cpu->left = budget;
    cpu->observer->block_left(cpu->observer->opaque, cpu);
    memcpy(cpu->translated.cr_less, &less, sizeof less);
    cpu->pending = pending;
    cpu->s.fpscr = fpscr;
    _mm_setcsr(mxcsr);
}
