/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VSRs in host registers while a block runs: see lower-vector.h for the rules.
 */
#include "machine/translator/x86-64/assembler-vector.h"
#include "machine/translator/x86-64/lower.h"

void xmm_forget(Lowering *low)
{
    low->xmm = (XmmCache){ 0 };
}

void xmm_begin(Lowering *low)
{
    low->xmm.busy = 0;
}

Mem xmm_doubleword_mem(unsigned n, unsigned doubleword)
{
    Mem mem = vsr_mem(n);
    mem.displacement += doubleword ? 0 : 8;
    return mem;
}

int xmm_find(const Lowering *low, unsigned n, XmmFormat format)
{
    for (unsigned i = 0; i < XMM_CACHED; i++)
        if (low->xmm.now.format[i] == format && low->xmm.now.vsr[i] == n)
            return (int)i;
    return -1;
}

Xmm xmm_temp(Lowering *low)
{
    XmmCache *cache = &low->xmm;
    do
        cache->next = (uint16_t)((cache->next + 1) % XMM_CACHED);
    while ((cache->busy | cache->kept) >> cache->next & 1);
    cache->busy |= (uint16_t)(1u << cache->next);
    cache->now.format[cache->next] = XMM_EMPTY;
    return (Xmm)(XMM_FIRST + cache->next);
}

static Xmm enter(Lowering *low, Xmm reg, unsigned n, XmmFormat format)
{
    low->xmm.now.vsr[reg - XMM_FIRST] = (uint8_t)n;
    low->xmm.now.format[reg - XMM_FIRST] = (uint8_t)format;
    return reg;
}

Xmm xmm_read(Lowering *low, unsigned n)
{
    int at = xmm_find(low, n, XMM_FULL);
    if (at >= 0) {
        low->xmm.busy |= (uint16_t)(1u << at);
        return (Xmm)(XMM_FIRST + (unsigned)at);
    }
    int half = xmm_find(low, n, XMM_LOW);
    Xmm reg = xmm_temp(low);
    if (half >= 0 && low->xmm.now.format[half] == XMM_LOW && low->xmm.narrow >> n & 1)
        asm_vpslldq(&low->as, reg, XMM_FIRST + (unsigned)half, 8);
    else
        asm_vec1_mem(&low->as, VMOVDQU_LOAD, reg, vsr_mem(n));
    return enter(low, reg, n, XMM_FULL);
}

Xmm xmm_read_low(Lowering *low, unsigned n)
{
    int at = xmm_find(low, n, XMM_LOW);
    if (at >= 0) {
        low->xmm.busy |= (uint16_t)(1u << at);
        return (Xmm)(XMM_FIRST + (unsigned)at);
    }
    int full = xmm_find(low, n, XMM_FULL);
    if (full >= 0)
        low->xmm.busy |= (uint16_t)(1u << full);
    Xmm reg = xmm_temp(low);
    if (full >= 0)
        asm_vpsrldq(&low->as, reg, XMM_FIRST + (unsigned)full, 8);
    else
        asm_vec1_mem(&low->as, VMOVSD_LOAD, reg, xmm_doubleword_mem(n, 0));
    return enter(low, reg, n, XMM_LOW);
}

void xmm_drop(Lowering *low, unsigned n)
{
    low->xmm.clean &= ~(1ull << n);
    for (unsigned i = 0; i < XMM_CACHED; i++)
        if (low->xmm.now.vsr[i] == n)
            low->xmm.now.format[i] = XMM_EMPTY;
}

/* REG, from xmm_temp(), becomes VSR n. */
void xmm_write(Lowering *low, unsigned n, Xmm reg)
{
    xmm_drop(low, n);
    low->xmm.narrow &= ~(1ull << n);
    asm_vec1_mem(&low->as, VMOVDQU_STORE, reg, vsr_mem(n));
    enter(low, reg, n, XMM_FULL);
}

/*
 * The low half of REG becomes doubleword 0 of VSR n, doubleword 1 becomes 0; the latter not for
 * sure if IS_KEPT: when an enabled exception may have suppressed it out of line.
 */
void xmm_write_low(Lowering *low, unsigned n, Xmm reg, bool is_kept)
{
    xmm_drop(low, n);
    asm_vec1_mem(&low->as, VMOVSD_STORE, reg, xmm_doubleword_mem(n, 0));
    if (!(low->xmm.narrow >> n & 1))
        asm_store_imm32(&low->as, true, xmm_doubleword_mem(n, 1), 0);
    if (!is_kept)
        low->xmm.narrow |= 1ull << n;
    enter(low, reg, n, XMM_LOW);
}

void xmm_reload(Lowering *low, const XmmSnapshot *snapshot)
{
    for (unsigned i = 0; i < XMM_CACHED; i++) {
        unsigned n = snapshot->vsr[i];
        if (snapshot->format[i] == XMM_FULL)
            asm_vec1_mem(&low->as, VMOVDQU_LOAD, XMM_FIRST + i, vsr_mem(n));
        else if (snapshot->format[i] == XMM_LOW)
            asm_vec1_mem(&low->as, VMOVSD_LOAD, XMM_FIRST + i, xmm_doubleword_mem(n, 0));
    }
}
