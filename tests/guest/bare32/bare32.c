/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ground of the 32-bit bare-metal tests: console, vectors, translation, judging.
 *
 * What is printed goes to the console of the bench32 board and also, for machines without it, into
 * memory: its length at LOG, the text behind it.
 */
#include "bare32.h"

#define CONSOLE   (*(volatile u32 *)0xf0000000)
#define POWER_OFF (*(volatile u32 *)0xf0000004)
#define INTERRUPT (*(volatile u32 *)0xf0000008)
#define LOG       ((volatile u32 *)0x200000)
#define TABLE     0x300000u
#define PAGES     0x400000u
#define DEC_FAR   0x7fffffffu
#define MARK      0x504f4b21u

void run_snippet(const void *code, u32 msr, const u32 *registers, u32 decrementer);
extern const u32 vector_entry[];
extern const char caught[];
void bare_main(u32 qemu);

bool on_qemu;
u32 run_decrementer = DEC_FAR;
static u32 next_page = PAGES, next_ea = 0x40000000;

void print(const char *text)
{
    for (; *text; text++) {
        ((volatile char *)(LOG + 1))[LOG[0]] = *text;
        LOG[0]++;
        if (!on_qemu)
            CONSOLE = (unsigned char)*text;
    }
}

/* --- running ---------------------------------------------------------------------------------- */

void run(const void *code, u32 msr, u32 r3, u32 r4, u32 r5)
{
    u32 registers[8] = { r3, r4, r5 };
    run_snippet(code, msr, registers, run_decrementer);
    if (record.vector == 0xc00 && !(record.srr0 & 0xff000000) && *(u32 *)record.srr0 == MARK)
        record.vector = 0;
}

void expect(const char *name, const void *code, u32 msr, u32 vector, u32 at, u32 cause)
{
    expect_value(named(name, "vector", ""), record.vector, vector);
    if (!vector || record.vector != vector)
        return;
    expect_value(named(name, "srr0", ""), record.srr0, (u32)code + at);
    expect_value(named(name, "srr1", ""), record.srr1, (msr & 0x87c0ffff) | cause);
}

void completes(const char *name, const u32 *code, u32 msr, u32 ea)
{
    run(code, msr, 0x01234567, ea, 0);
    expect_value(name, record.vector, 0);
}

void data_fault(const char *name, const u32 *code, u32 msr, u32 ea, u32 dsisr)
{
    run(code, msr, 0x01234567, ea, 0);
    expect(name, code, msr, 0x300, 0, 0);
    expect_value(named(name, "dsisr", ""), record.dsisr, dsisr);
    expect_value(named(name, "dar", ""), record.dar, ea);
}

/* --- translation ------------------------------------------------------------------------------ */

volatile u32 *map(u32 ea, u32 real, u32 bits, bool secondary)
{
    u32 vsid = get_segment(ea >> 28) & 0xffffff, hash = (vsid & 0x7ffff) ^ (ea >> 12 & 0xffff);
    volatile u32 *group = (volatile u32 *)(TABLE | ((secondary ? ~hash : hash) & 0x3ff) << 6);
    for (unsigned i = 0; i < 16; i += 2)
        if (!(group[i] & 0x80000000)) {
            group[i + 1] = real | bits;
            group[i] = 0x80000000 | vsid << 7 | (secondary ? 0x40 : 0) | (ea >> 22 & 0x3f);
            return &group[i + 1];
        }
    print("FAIL page-table-full\n");
    return group + 1;
}

void tlbie(u32 ea)
{
    __asm__ volatile("tlbie %0; sync; isync" : : "r"(ea) : "memory");
}

void unmap(volatile u32 *entry)
{
    entry[-1] = 0;
}

void set_segment(unsigned number, u32 value)
{
    __asm__ volatile("mtsrin %0,%1; isync" : : "r"(value), "r"(number << 28));
}

u32 get_segment(unsigned number)
{
    u32 value;
    __asm__ volatile("mfsrin %0,%1" : "=r"(value) : "r"(number << 28));
    return value;
}

u32 fresh_page(void)
{
    next_page += 0x1000;
    return next_page - 0x1000;
}

u32 fresh_ea(void)
{
    next_ea += 0x1000;
    return next_ea - 0x1000;
}

static void prepare_translation(void)
{
    for (u32 at = TABLE; at < TABLE + 0x10000; at += 4)
        *(volatile u32 *)at = 0;
    for (unsigned i = 0; i < 16; i++)
        set_segment(i, i * 0x100);
    MTSPR(25, TABLE);
    MTSPR(528, 0x1ff); /* 16 MiB at 0, both states */
    MTSPR(529, 0x02);
    MTSPR(536, 0x1ff);
    MTSPR(537, 0x02);
    MTSPR(530, 0);
    MTSPR(532, 0);
    MTSPR(534, 0);
    MTSPR(538, 0);
    MTSPR(540, 0);
    MTSPR(542, 0);
    for (u32 ea = 0; ea < 64; ea++)
        tlbie(ea << 12);
}

/* --- entry ------------------------------------------------------------------------------------ */

bool set_external(bool level)
{
    if (!on_qemu)
        INTERRUPT = level;
    return !on_qemu;
}

static void put_vector(u32 place)
{
    volatile u32 *at = (volatile u32 *)place;
    at[0] = vector_entry[0];
    at[1] = vector_entry[1];
    at[2] = vector_entry[2] | place;
    at[3] = 0x48000000 | (((u32)caught - (place + 12)) & 0x03fffffc);
    __asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(place) : "memory");
}

void bare_main(u32 qemu)
{
    on_qemu = qemu;
    LOG[0] = 0;
    for (u32 place = 0x100; place < 0x2000; place += 0x100)
        put_vector(place);
    put_vector(0xf20);
    prepare_translation();
    tests();
    print("DONE\n");
    if (!on_qemu)
        POWER_OFF = 1;
    for (;;) {}
}
