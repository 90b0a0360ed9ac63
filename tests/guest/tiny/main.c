/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tiny guest: a bare-metal program that touches what a recording has to get right, in a few
 * million instructions: computing, console output and typed input, the decrementer, the vty's
 * interrupt, idling in H_CEDE, the date and random numbers; with a virtio block device, also
 * writing and reading sectors (disk.c). Tests run it thousands of times.
 *
 * It says TINY-READY, then for each round ROUND n and a check over all that it has seen so far
 * (input, its time, random numbers), then TINY-DONE, and powers the machine off. Words of the
 * command line: rounds=N (default 20), work=N (steps of computing in a round, default 20000),
 * wait=N (microseconds of idling in a round, default 500), keys=N (default 0: after the last round
 * it goes on until so many bytes have been typed). Typed bytes are said back as KEY xx.
 */
#include "tiny.h"

#define H_GET_TERM_CHAR       0x54
#define H_PUT_TERM_CHAR       0x58
#define H_EOI                 0x64
#define H_CPPR                0x68
#define H_XIRR                0x74
#define H_CEDE                0xe0
#define H_SET_MODE            0x31c
#define H_RANDOM              0x300
#define H_RTAS                0xf000
#define VTY_UNIT              0x71000000
#define VTY_SOURCE            0x1100
#define VECTOR_EXTERNAL       0x500
#define VECTOR_DECREMENTER    0x900
#define TICKS_PER_MICROSECOND 512

void copy_handlers(void);
void guest_main(const uint8_t *tree, uint64_t r4, uint64_t client_interface);

static uint64_t scratch[8192];
uint32_t rtas_block[16];

void *memset(void *start, int value, size_t length)
{
    for (uint8_t *byte = start; length--; byte++) {
        *(volatile uint8_t *)byte = (uint8_t)value;
    }
    return start;
}

uint64_t call(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t out[8])
{
    uint64_t in[8] = { a, b, c, d, 0, 0, 0, 0 };
    return hypercall(op, in, out);
}

static uint64_t be64(const char *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | (uint8_t)bytes[i];
    }
    return value;
}

static uint32_t be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- console ---- */

void print(const char *text)
{
    while (*text) {
        char piece[16] = { 0 };
        uint64_t length = 0, out[8];
        while (length < 16 && *text) {
            piece[length++] = *text++;
        }
        while (call(H_PUT_TERM_CHAR, VTY_UNIT, length, be64(piece), be64(piece + 8), out) == 1) {}
    }
}

void print_hex(const char *label, uint64_t value, int digits)
{
    char text[20];
    text[digits] = 0;
    for (int i = digits - 1; i >= 0; i--, value >>= 4) {
        text[i] = "0123456789abcdef"[value & 15];
    }
    print(label);
    print(text);
}

static void print_decimal(uint64_t value, int digits)
{
    uint64_t coded = 0;
    for (int i = 0; i < digits; i++, value /= 10) {
        coded |= value % 10 << (4 * i);
    }
    print_hex("", coded, digits);
}

void see(Guest *guest, uint64_t value)
{
    guest->check = (guest->check ^ value) * 0x9e3779b97f4a7c15u;
    guest->check ^= guest->check >> 29;
}

uint64_t time_base(void)
{
    uint64_t ticks;
    __asm__ volatile("mftb %0" : "=r"(ticks));
    return ticks;
}

/* Says back what was typed, with the moment of seeing it in the check. */
static void read_keys(Guest *guest)
{
    uint64_t out[8];
    while (call(H_GET_TERM_CHAR, VTY_UNIT, 0, 0, 0, out) == 0 && out[0] != 0 && out[0] <= 16) {
        for (uint64_t i = 0; i < out[0]; i++) {
            uint64_t key = out[1 + i / 8] >> (56 - i % 8 * 8) & 0xff;
            print_hex("KEY ", key, 2);
            print("\n");
            see(guest, key);
            see(guest, time_base());
            guest->keys++;
        }
    }
}

/* ---- device tree ---- */

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* The value of the first property of that name anywhere in the tree; NULL if there is none. */
static const uint8_t *property(const Guest *guest, const char *name)
{
    const uint8_t *at = guest->structure;
    while (at != NULL) {
        uint32_t token = be32(at);
        at += 4;
        if (token == 1) { /* begin node: a name follows */
            while (*at++) {}
            at += -(uintptr_t)at & 3;
        } else if (token == 3) { /* property: length, name, value */
            uint32_t length = be32(at);
            if (same((const char *)guest->strings + be32(at + 4), name)) {
                return at + 8;
            }
            at += 8 + ((length + 3) & ~3u);
        } else if (token == 9) {
            break;
        }
    }
    return NULL;
}

/* The number after "word=" on the command line. */
static uint64_t number(const Guest *guest, const char *word, uint64_t fallback)
{
    const char *line = (const char *)property(guest, "bootargs");
    for (; line != NULL && *line; line++) {
        const char *a = line, *b = word;
        while (*b && *a == *b) {
            a++;
            b++;
        }
        if (!*b && *a == '=') {
            uint64_t value = 0;
            while (*++a >= '0' && *a <= '9') {
                value = value * 10 + (uint64_t)(*a - '0');
            }
            return value;
        }
    }
    return fallback;
}

/* Calls a service; its results are in rtas_block from index 3 + in_count on, big endian. Returns 0
 * if it is there. */
int rtas(const Guest *guest, const char *service, uint32_t in_count, uint32_t out_count,
         const uint32_t in[])
{
    const uint8_t *token = property(guest, service);
    uint64_t out[8];
    if (token == NULL) {
        return -1;
    }
    rtas_block[0] = __builtin_bswap32(be32(token));
    rtas_block[1] = __builtin_bswap32(in_count);
    rtas_block[2] = __builtin_bswap32(out_count);
    for (uint32_t i = 0; i < in_count; i++) {
        rtas_block[3 + i] = __builtin_bswap32(in[i]);
    }
    call(H_RTAS, (uint64_t)rtas_block, 0, 0, 0, out);
    return 0;
}

/* ---- waiting ---- */

/* Waits for the time or for input; says what ended it. */
void wait(Guest *guest, uint64_t microseconds)
{
    uint64_t out[8], vector;
    uint64_t until = time_base() + microseconds * TICKS_PER_MICROSECOND;
    while ((int64_t)(until - time_base()) > 0) {
        __asm__ volatile("mtdec %0" : : "r"(until - time_base()));
        __asm__ volatile("mtsprg2 %0" : : "r"(0));
        call(H_CEDE, 0, 0, 0, 0, out);
        __asm__ volatile("mfsprg2 %0" : "=r"(vector));
        see(guest, vector);
        if (vector == VECTOR_EXTERNAL) {
            call(H_XIRR, 0, 0, 0, 0, out);
            uint64_t xirr = out[0];
            see(guest, xirr);
            read_keys(guest);
            call(H_EOI, xirr, 0, 0, 0, out);
        }
    }
    __asm__ volatile("mtdec %0" : : "r"(0x7fffffff));
}

static void work(Guest *guest, uint64_t steps)
{
    uint64_t x = guest->check | 1;
    for (uint64_t i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        scratch[x % 8192] += x;
        if ((scratch[i % 8192] & 3) == 0) {
            x += i;
        }
    }
    see(guest, x);
}

static void see_outside(Guest *guest)
{
    uint64_t out[8];
    if (call(H_RANDOM, 0, 0, 0, 0, out) == 0) {
        print_hex(" random=", out[0], 16);
        see(guest, out[0]);
    }
    if (rtas(guest, "get-time-of-day", 0, 8, NULL) == 0) {
        for (int i = 0; i < 6; i++) {
            see(guest, __builtin_bswap32(rtas_block[4 + i]));
        }
        print(" date=");
        print_decimal(__builtin_bswap32(rtas_block[4]), 4);
        print_decimal(__builtin_bswap32(rtas_block[5]), 2);
        print_decimal(__builtin_bswap32(rtas_block[6]), 2);
    }
}

static void set_up(const Guest *guest)
{
    uint64_t out[8];
    copy_handlers();
    __asm__ volatile("mtdec %0" : : "r"(0x7fffffff));
    call(H_SET_MODE, 1, 4, 0, 0, out); /* interrupts little endian */
    call(H_CPPR, 0xff, 0, 0, 0, out);
    rtas(guest, "ibm,set-xive", 3, 1, (const uint32_t[]){ VTY_SOURCE, 0, 5 });
}

void guest_main(const uint8_t *tree, uint64_t r4, uint64_t client_interface)
{
    (void)r4;
    Guest guest = { 0 };
    if (client_interface == 0 && be32(tree) == 0xd00dfeed) {
        guest.structure = tree + be32(tree + 8);
        guest.strings = tree + be32(tree + 12);
    }
    set_up(&guest);
    Disk disk = { 0 };
    disk_find(&disk, &guest);
    uint64_t rounds = number(&guest, "rounds", 20), keys = number(&guest, "keys", 0);
    print("TINY-READY\n");
    for (uint64_t round = 1; round <= rounds || guest.keys < keys; round++) {
        work(&guest, number(&guest, "work", 20000));
        wait(&guest, number(&guest, "wait", 500));
        read_keys(&guest);
        print_hex("ROUND ", round, 4);
        see_outside(&guest);
        disk_use(&disk, &guest, round);
        see(&guest, time_base());
        print_hex(" check=", guest.check, 16);
        print("\n");
    }
    print("TINY-DONE\n");
    rtas(&guest, "power-off", 2, 1, (const uint32_t[]){ 0xffffffff, 0xffffffff });
    for (;;) {}
}
