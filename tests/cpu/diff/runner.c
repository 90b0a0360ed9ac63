/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest side's driver: a freestanding program for qemu-ppc64(le), qemu-ppc or the real thing.
 *
 * File descriptor 3 is the memory shared with the host. For each 32-bit count read from standard
 * input (in the guest's order) it runs as many cases and answers with the same count.
 */
#include <stdint.h>

#include "layout.h"

long system_call(long number, ...);
void run_case(void);
void leave_slot(void);
void leave_pad(void);
void on_signal(void);
void runner_main(void);

enum {
    SYS_EXIT = 1,
    SYS_READ = 3,
    SYS_WRITE = 4,
    SYS_MMAP = 90,
    SYS_SIGALTSTACK = 185,
    SYS_RT_SIGACTION = 173,
};

enum { PROT_ALL = 7, MAP_SHARED = 1, MAP_FIXED_PRIVATE_ANONYMOUS = 0x32, MAP_FIXED = 0x10 };

typedef unsigned long Word; /* what a register holds */

static uint64_t signal_stack[4096];

#ifdef __powerpc64__
enum { STORE_DOUBLE = 0xf8000000u | STATE, LOAD_DOUBLE = 0xe8000000u | STATE, LOW_HALF = 0 };
#else
enum { STORE_DOUBLE = 0x90000000u | STATE, LOAD_DOUBLE = 0x80000000u | STATE, LOW_HALF = 4 };
#endif

static uint32_t branch(Word from, Word to)
{
    return 0x48000000u | ((uint32_t)(to - from) & 0x03fffffcu);
}

static void flush(Word start, Word length)
{
    for (Word at = start; at < start + length; at += 32)
        __asm__ volatile("dcbst 0,%0; sync; icbi 0,%0" : : "r"(at) : "memory");
    __asm__ volatile("sync; isync" : : : "memory");
}

static void copy(uint64_t *to, const uint64_t *from, unsigned bytes)
{
    for (unsigned i = 0; i < bytes / 8; i++)
        to[i] = from[i];
}

/* A pad saves r0, notes its own number, counted from 1, and leaves. */
static void make_pads(Word address, unsigned first)
{
    for (unsigned i = 0; i < PADS_EACH; i++, address += PAD_SIZE) {
        volatile uint32_t *code = (volatile uint32_t *)address;
        code[0] = STORE_DOUBLE + LOW_HALF;                 /* std (stw) r0,STATE(0) */
        code[1] = 0x38000000u | (first + i);               /* li r0,number */
        code[2] = STORE_DOUBLE + STATE_LANDING + LOW_HALF; /* std r0,STATE_LANDING(0) */
        code[3] = branch(address + 12, (Word)leave_pad);
    }
}

static void make_slot(unsigned n, const uint32_t *words)
{
    Word address = SLOTS + n * SLOT_SIZE;
    volatile uint32_t *code = (volatile uint32_t *)address;
    code[0] = 0x7c0903a6u;            /* mtctr r0 */
    code[1] = LOAD_DOUBLE + LOW_HALF; /* ld (lwz) r0,STATE(0) */
    code[2] = words[0];
    code[3] = words[1];
    code[4] = branch(address + 16, (Word)leave_slot);
}

static void map(Word address, Word length, long flags, long fd)
{
    long got = system_call(SYS_MMAP, address, length, (long)PROT_ALL, flags, fd, 0l);
    if ((Word)got != address)
        system_call(SYS_EXIT, 2l);
}

static void catch_signals(void)
{
    static const uint8_t numbers[] = { 4, 5, 7, 8, 11 };
    struct {
        Word base;
        int flags;
        Word size;
    } stack = { (Word)signal_stack, 0, sizeof signal_stack };
    /* SA_SIGINFO | SA_ONSTACK | SA_NODEFER: the handler never returns. */
    struct {
        Word handler, flags, restorer;
        uint64_t mask;
    } action = { (Word)on_signal, 0x48000004u, 0, 0 };

    system_call(SYS_SIGALTSTACK, &stack, 0l);
    for (unsigned i = 0; i < sizeof numbers; i++)
        system_call(SYS_RT_SIGACTION, (long)numbers[i], &action, 0l, 8l);
}

static void run_batch(uint32_t count)
{
    uint64_t *in = (uint64_t *)SHARED, *out = (uint64_t *)(SHARED + SLOT_COUNT * STATE_SIZE);

    for (uint32_t i = 0; i < count; i++)
        make_slot(i, (const uint32_t *)(in + (i * STATE_SIZE + STATE_CODE) / 8));
    flush(SLOTS, SLOT_COUNT * SLOT_SIZE);
    for (uint32_t i = 0; i < count; i++, in += STATE_SIZE / 8, out += STATE_SIZE / 8) {
        copy((uint64_t *)STATE, in, STATE_WINDOW);
        copy((uint64_t *)WINDOW, in + STATE_WINDOW / 8, WINDOW_SIZE);
        run_case();
        copy(out, (const uint64_t *)STATE, STATE_WINDOW);
        copy(out + STATE_WINDOW / 8, (const uint64_t *)WINDOW, WINDOW_SIZE);
    }
}

void runner_main(void)
{
    uint32_t count;

    map(LOW_START, LOW_END - LOW_START, MAP_FIXED_PRIVATE_ANONYMOUS, -1);
    map(SHARED, 2 * SLOT_COUNT * STATE_SIZE, MAP_SHARED | MAP_FIXED, 3);
    make_pads(PADS_LOW, 1);
    make_pads(PADS_HIGH, 1 + PADS_EACH);
    flush(PADS_LOW, PADS_EACH * PAD_SIZE);
    flush(PADS_HIGH, PADS_EACH * PAD_SIZE);
    catch_signals();
    while (system_call(SYS_READ, 0l, &count, 4l) == 4) {
        if (count > SLOT_COUNT)
            system_call(SYS_EXIT, 3l);
        run_batch(count);
        system_call(SYS_WRITE, 1l, &count, 4l);
    }
    system_call(SYS_EXIT, 0l);
}
