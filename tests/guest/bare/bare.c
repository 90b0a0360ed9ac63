/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bare-metal tests' ground: console, power-off, vectors, translation, and the judging of runs.
 */
#include "bare.h"

u64 run_snippet(const void *address, u64 msr, const Inputs *inputs);
extern const u32 vector_entry[], vector_tail[], vector_tail_end[], caught[], caught_end[];

unsigned current_ail;
u64 run_decrementer = 0x7fffffff;
bool interrupt_little;
Entry entered;
static u64 power_off;

/* Console: sixteen characters a call, the first in the most significant byte. */
static char line[160];
static unsigned line_length;

static void flush(void)
{
    for (unsigned start = 0; start < line_length; start += 16) {
        unsigned length = line_length - start < 16 ? line_length - start : 16;
        u64 words[2] = { 0, 0 };
        for (unsigned i = 0; i < length; i++)
            words[i / 8] |= (u64)(unsigned char)line[start + i] << (56 - 8 * (i & 7));
        while (hcall(H_PUT_TERM_CHAR, 0, length, words[0], words[1]) == 1) {}
    }
    line_length = 0;
}

void print(const char *text)
{
    for (; *text; text++) {
        line[line_length++] = *text;
        if (*text == '\n' || line_length == sizeof line)
            flush();
    }
}

/* Hypercalls. */
u64 hcall(u64 number, u64 r4, u64 r5, u64 r6, u64 r7)
{
    u64 arguments[6] = { r4, r5, r6, r7, 0, 0 };
    return hypercall(number, arguments, 0);
}

void hcall_ok(u64 number, u64 r4, u64 r5, u64 r6, u64 r7)
{
    u64 result = hcall(number, r4, r5, r6, r7);
    if (result)
        report("needed-hypercall", false, result, number);
}

static u32 swap32(u32 x)
{
    return __builtin_bswap32(x);
}

static u32 big32(u32 x)
{
    return LITTLE ? swap32(x) : x;
}

static void finish(void)
{
    static u32 block[5];
    print("DONE\n");
    block[0] = big32((u32)power_off);
    block[1] = big32(2);
    block[2] = big32(1);
    hcall(H_RTAS, (u64)block, 0, 0, 0);
    print("FAIL power-off got 0x0 expected 0x1\n");
    for (;;) {}
}

/* The flattened tree: finds the four-byte property NAME of the node /rtas. */
static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static u64 tree_token(const u32 *tree, const char *wanted)
{
    const u32 *at = (const u32 *)((const char *)tree + big32(tree[2]));
    const char *strings = (const char *)tree + big32(tree[3]);
    bool in_rtas = false;
    for (;;) {
        u32 tag = big32(*at++);
        if (tag == 1) {
            const char *name = (const char *)at;
            unsigned length = 0;
            in_rtas = same(name, "rtas");
            while (name[length++]) {}
            at += (length + 3) / 4;
        } else if (tag == 3) {
            u32 length = big32(at[0]);
            if (in_rtas && same(strings + big32(at[1]), wanted))
                return big32(at[2]);
            at += 2 + (length + 3) / 4;
        } else if (tag == 9) {
            return 0;
        }
    }
}

/* Vectors: an entry each, in the byte order that interrupts now have. */
static void put_code(u64 place, u32 word)
{
    *(volatile u32 *)place = interrupt_little == LITTLE ? word : swap32(word);
    __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(place) : "memory");
}

static void put_entry_code(u64 place, u64 tail)
{
    put_code(place, vector_entry[0]);
    put_code(place + 4, vector_entry[1]);
    put_code(place + 8, vector_entry[2] | (u32)(place >> 16 & 0xffff));
    put_code(place + 12, vector_entry[3] | (u32)(place & 0xffff));
    put_code(place + 16, 0x48000000 | (u32)((tail - (place + 16)) & 0x03fffffc));
}

static void put_tail(u64 place)
{
    for (const u32 *word = vector_tail; word < vector_tail_end; word++, place += 4)
        put_code(place, *word);
}

static void install_vectors(void)
{
    static const uint16_t vectors[] = { 0x100, 0x200, 0x300, 0x380, 0x400, 0x480, 0x500,
                                        0x600, 0x700, 0x800, 0x900, 0x980, 0xa00, 0xc00,
                                        0xd00, 0xe00, 0xe20, 0xe40, 0xe60, 0xe80, 0xea0,
                                        0xf00, 0xf20, 0xf40, 0xf60, 0xf80 };
    for (u64 base = 0; base <= 0x4000; base += 0x4000)
        for (unsigned i = 0; i < sizeof vectors / sizeof *vectors; i++)
            put_entry_code(base + vectors[i], base + 0x1800);
    for (unsigned level = 0; level < 128; level++) {
        put_entry_code(0x17000 + 32 * level, 0x18000);
        if (level < 64)
            put_entry_code(0x3000 + 32 * level, 0x1800);
    }
    put_tail(0x1800);
    put_tail(0x5800);
    put_tail(0x18000);
    for (u64 i = 0; caught + i < caught_end; i++) {
        *(volatile u32 *)(0x6000 + 4 * i) = caught[i];
        __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(0x6000 + 4 * i) : "memory");
    }
}

void set_interrupt_order(bool little)
{
    hcall_ok(H_SET_MODE, little, 4, 0, 0);
    interrupt_little = little;
    install_vectors();
}

void set_ail(unsigned ail)
{
    hcall_ok(H_SET_MODE, ail, 3, 0, 0);
    current_ail = ail;
}

/* Translation. Tables, process table first, are made from 24 MiB on; data pages from 48 MiB on. */
static u64 next_table = 0x1800000, next_page = 0x3000000, next_ea = 0x40000000;
static u64 roots[2];
u64 last_real;

static u64 big64(u64 x)
{
    return LITTLE ? __builtin_bswap64(x) : x;
}

void put_entry(u64 *entry, u64 value)
{
    *(volatile u64 *)entry = big64(value);
    __asm__ volatile("ptesync" ::: "memory");
}

u64 get_entry(const u64 *entry)
{
    return big64(*(const volatile u64 *)entry);
}

static u64 new_table(u64 bytes)
{
    u64 place = (next_table + bytes - 1) & ~(bytes - 1);
    next_table = place + bytes;
    for (u64 i = 0; i < bytes; i += 8)
        *(u64 *)(place + i) = 0;
    return place;
}

u64 *entry_of(unsigned pid, u64 ea, unsigned shift)
{
    static const unsigned shifts[] = { 39, 30, 21 };
    u64 table = roots[pid];
    u64 *entry = (u64 *)table + (ea >> 39 & 0x1fff);
    for (unsigned i = 0; i < 3 && shifts[i] != shift; i++) {
        unsigned bits = shifts[i] == 21 && shift == 16 ? 5 : 9;
        unsigned next = shifts[i] == 21 ? shift : shifts[i + 1];
        if (!get_entry(entry))
            put_entry(entry,
                      1ull << 63 | new_table(8ull << bits < 256 ? 256 : 8ull << bits) | bits);
        table = get_entry(entry) & 0x0fffffffffffff00ull;
        entry = (u64 *)table + (ea >> next & ((1 << bits) - 1));
    }
    return entry;
}

void map(unsigned pid, u64 ea, u64 real, unsigned shift, u64 flags)
{
    put_entry(entry_of(pid, ea, shift), P_LEAF | real | flags);
}

/* tlbie of one 4 KiB page of process 1; of everything of every process. */
void flush_page(u64 ea)
{
    __asm__ volatile("ptesync; .machine push; .machine power9; tlbie %0, %1, 0, 1, 1; .machine pop;"
                     "eieio; tlbsync; ptesync"
                     :
                     : "r"(ea & ~0xfffull), "r"(1ull << 32)
                     : "memory");
}

void flush_all(void)
{
    __asm__ volatile("ptesync; .machine push; .machine power9; tlbie %0, %1, 2, 1, 1; .machine pop;"
                     "eieio; tlbsync; ptesync"
                     :
                     : "r"(2ull << 10), "r"(0ull)
                     : "memory");
}

u64 fresh_page(void)
{
    u64 place = next_page;
    next_page += 4096;
    for (u64 i = 0; i < 4096; i += 8)
        *(u64 *)(place + i) = 0;
    return place;
}

u64 fresh_ea(void)
{
    next_ea += 1ull << 21;
    return next_ea - (1ull << 21);
}

u64 fresh_mapping(u64 flags)
{
    u64 ea = fresh_ea();
    last_real = fresh_page();
    map(1, ea, last_real, 12, flags);
    return ea;
}

static void start_translation(void)
{
    u64 processes = new_table(4096);
    for (unsigned pid = 0; pid < 2; pid++) {
        roots[pid] = new_table(65536);
        put_entry((u64 *)(processes + 16 * pid), 2ull << 61 | roots[pid] | 5 << 5 | 13);
        put_entry((u64 *)(processes + 16 * pid + 8), 0);
    }
    map(0, QUADRANT3, 0, 30, P_ALL | P_PRIVILEGED);
    map(1, 0x1000000, 0x1000000, 21, P_ALL);
    hcall_ok(H_REGISTER_PROC_TBL, 0x1d, processes, 0, 0);
    MTSPR(48, 1);
    flush_all();
}

/* Runs. */
bool run(const void *code, u64 msr, const Inputs *inputs)
{
    record.vector = 0xdead;
    MTSPR(19, 0xdadadada);
    MTSPR(18, 0);
    MTSPR(22, run_decrementer);
    run_snippet(code, msr, inputs);
    if ((record.vector & 0xfff) == 0xc00) {
        u64 real = record.srr0 & 0x3fffffff;
        if (real < 0x2000000 && *(const u32 *)real == MARK)
            record.vector = 0;
    }
    return record.vector == 0;
}

bool run_r(const void *code, u64 msr, u64 r3, u64 r4, u64 r5)
{
    Inputs inputs = { { r3, r4, r5 }, 0, 0, 0, 0 };
    return run(code, msr, &inputs);
}

/* The MSR that an interrupt from MSR leaves. */
static u64 entry_msr(u64 msr, u64 vector)
{
    u64 result = MSR_SF | MSR_ME | (interrupt_little ? MSR_LE : 0);
    if ((vector & 0xff000) == 0x17000 || vector == 0x3000) /* scv keeps EE and RI */
        result |= msr & (MSR_EE | MSR_RI);
    if (current_ail == 3 && (msr & (MSR_IR | MSR_DR)) == (MSR_IR | MSR_DR))
        result |= MSR_IR | MSR_DR;
    return result;
}

static bool differs(const char *name, const char *what, u64 got, u64 expected)
{
    if (got == expected)
        return false;
    report(named(name, "", what), false, got, expected);
    return true;
}

static bool wrong(const char *name, const void *code, u64 msr, u64 vector, u64 at, u64 cause)
{
    u64 expected = vector;
    if (vector && current_ail == 3 && (msr & (MSR_IR | MSR_DR)) == (MSR_IR | MSR_DR))
        expected += 0x4000;
    if (differs(name, "vector", record.vector, expected))
        return true;
    if (!vector)
        return false;
    return differs(name, "srr0", record.srr0, (u64)code + at) ||
           differs(name, "srr1", record.srr1, (msr & ~0x783f0000ull) | cause) ||
           differs(name, "msr", record.msr, entry_msr(msr, vector));
}

void expect(const char *name, const void *code, u64 msr, u64 vector, u64 at, u64 cause)
{
    if (!wrong(name, code, msr, vector, at, cause))
        report(name, true, 0, 0);
}

void run_case(const Case *c)
{
    Inputs inputs = { { c->r[0], c->r[1], c->r[2], c->r[3], c->r[4], c->r[5] }, 0, 0, 0, 0 };
    run(c->code, c->msr, &inputs);
    if (wrong(c->name, c->code, c->msr, c->vector, c->at, c->cause))
        return;
    if (c->vector == 0x300 && differs(c->name, "dsisr", record.dsisr, c->dsisr))
        return;
    if ((c->vector == 0x300 || c->vector == 0x380 || c->vector == 0x600) &&
        differs(c->name, "dar", record.dar, c->dar))
        return;
    report(c->name, true, 0, 0);
}

void completes(const char *name, const u32 *code, u64 msr, u64 ea)
{
    run_case(&(Case){ .name = name, .code = code, .msr = msr, .r = { 0, ea } });
}

static void access_case(const char *name, const u32 *code, u64 msr, u64 ea, u64 vector, u64 dsisr)
{
    const Case c = { name, code, msr, vector, 4, 0, ea, dsisr, { 0, ea } };
    run_case(&c);
}

void data_fault(const char *name, const u32 *code, u64 msr, u64 ea, u64 dsisr)
{
    access_case(name, code, msr, ea, 0x300, dsisr);
}

void data_segment(const char *name, const u32 *code, u64 msr, u64 ea)
{
    access_case(name, code, msr, ea, 0x380, 0);
}

void unaligned(const char *name, const u32 *code, u64 msr, u64 ea)
{
    access_case(name, code, msr, ea, 0x600, 0);
}

void run_cases(const Case *cases, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        run_case(&cases[i]);
}

void bare_main(const u32 *tree, u64 power_off_token, u64 msr, u64 r4, u64 r6, u64 place)
{
    entered = (Entry){ tree, msr, r4, r6, place };
    power_off = tree ? tree_token(tree, "power-off") : power_off_token;
    set_interrupt_order(LITTLE);
    start_translation();
    tests();
    finish();
}
