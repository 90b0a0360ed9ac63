/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The effect masks say what the instruction functions do. Each row runs on random states:
 *
 * 1. What changed is among what the row says it writes; memory changes only if it stores.
 * 2. A second run, from a state that differs in everything that the row does not say it reads, ends
 *    in the same values of everything it writes.
 */
#include <string.h>

#include "machine/cpu/board-hooks.h"
#include "machine/cpu/cpu-state.h"
#include "machine/cpu/decode.h"
#include "machine/cpu/ops.h"
#include "tests/check-run.h"

#define MEMORY_SIZE  0x40000u
#define ROUNDS       200u
#define NEXT_ADDRESS 0x100u

/* Unlike ck_assert_msg, which writes to a file each time it passes. */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/* What a mask can name. */
enum {
    CELL_GPR = 0,
    CELL_VSR = 32,
    CELL_CRF = 96,
    CELL_NAMED = 104, /* from ISA_REG_CA on, in the order of its bits */
    CELL_COUNT = 114,
    FIRST_NAMED_BIT = 8,
};

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = seed ^ seed >> 31;
    return x * 0x9e3779b97f4a7c15u ^ x >> 29;
}

static bool random_entropy(void *opaque, Cpu *cpu, uint64_t *value)
{
    *value = 0x0123456789abcdefu;
    return true;
}

static const CpuBoard board = { .random = random_entropy };

/* A value for a cell: addresses inside memory for GPRs, so that accesses succeed. */
static void randomise_cell(CpuState *s, unsigned cell)
{
    uint64_t random = next_random();
    if (cell < CELL_VSR) {
        bool is_address = random & 3;
        s->gpr[cell] = is_address ? 0x10000 + (random >> 8 & 0x7ff0) : next_random();
    } else if (cell < CELL_CRF) {
        VSR_D(s->vsr[cell - CELL_VSR], 0) = next_random();
        VSR_D(s->vsr[cell - CELL_VSR], 1) = next_random();
    } else if (cell < CELL_NAMED) {
        s->crf[cell - CELL_CRF] = random & 15;
    } else {
        switch (1u << (cell - CELL_NAMED + FIRST_NAMED_BIT)) {
        case ISA_REG_CA: s->ca = random & 1, s->ca32 = random >> 1 & 1; break;
        case ISA_REG_OV: s->ov = random & 1, s->ov32 = random >> 1 & 1; break;
        case ISA_REG_SO: s->so = random & 1; break;
        case ISA_REG_COUNT: s->xer_count = random & 127; break;
        case ISA_REG_LR: s->lr = random; break;
        case ISA_REG_CTR: s->ctr = random & 1 ? random : random >> 1 & 3; break;
        case ISA_REG_TAR: s->spr[SPR_TAR] = random; break;
        case ISA_REG_FPSCR: s->fpscr = random & 0xfb; break; /* enables and rounding mode */
        case ISA_REG_VSCR: s->vscr_nj = random & 1, s->vscr_sat = random >> 1 & 1; break;
        case ISA_REG_RESERVE:
            s->reserve_valid = random & 1;
            s->reserve_granule = 0x10000 + (random & 0xff80);
            s->reserve_size = (uint8_t)(1u << (random >> 16) % 5);
            break;
        default: g_assert_not_reached();
        }
    }
}

static bool same_cell(const CpuState *x, const CpuState *y, unsigned cell)
{
    if (cell < CELL_VSR)
        return x->gpr[cell] == y->gpr[cell];
    if (cell < CELL_CRF)
        return x->vsr[cell - CELL_VSR].q == y->vsr[cell - CELL_VSR].q;
    if (cell < CELL_NAMED)
        return x->crf[cell - CELL_CRF] == y->crf[cell - CELL_CRF];
    switch (1u << (cell - CELL_NAMED + FIRST_NAMED_BIT)) {
    case ISA_REG_CA: return x->ca == y->ca && x->ca32 == y->ca32;
    case ISA_REG_OV: return x->ov == y->ov && x->ov32 == y->ov32;
    case ISA_REG_SO: return x->so == y->so;
    case ISA_REG_COUNT: return x->xer_count == y->xer_count;
    case ISA_REG_LR: return x->lr == y->lr;
    case ISA_REG_CTR: return x->ctr == y->ctr;
    case ISA_REG_TAR: return x->spr[SPR_TAR] == y->spr[SPR_TAR];
    case ISA_REG_FPSCR: return x->fpscr == y->fpscr;
    case ISA_REG_VSCR: return x->vscr_nj == y->vscr_nj && x->vscr_sat == y->vscr_sat;
    case ISA_REG_RESERVE:
        return x->reserve_valid == y->reserve_valid &&
               (!x->reserve_valid ||
                (x->reserve_granule == y->reserve_granule && x->reserve_size == y->reserve_size));
    }
    g_assert_not_reached();
}

typedef struct {
    bool reads[CELL_COUNT];
    bool writes[CELL_COUNT];
} Claims;

static void claim(Claims *claims, unsigned cell, bool reads, bool writes)
{
    claims->reads[cell] |= reads;
    claims->writes[cell] |= writes;
}

static void claim_operand(Claims *claims, unsigned operand, unsigned value, bool is_pair)
{
    bool reads = operand & (ISA_READ | ISA_KEPT), writes = operand & ISA_WRITE;
    switch (operand & ISA_OPERAND_KIND) {
    case ISA_OPERAND_NONE: return;
    case ISA_OPERAND_BASE:
        if (value == 0)
            return;
        G_GNUC_FALLTHROUGH;
    case ISA_OPERAND_GPR: claim(claims, CELL_GPR + value, reads, writes); return;
    case ISA_OPERAND_CRF: claim(claims, CELL_CRF + value, reads, writes); return;
    case ISA_OPERAND_CRB: claim(claims, CELL_CRF + value / 4, reads, writes); return;
    default:
        claim(claims, CELL_VSR + value, reads, writes);
        if (is_pair)
            claim(claims, CELL_VSR + value + 1, reads, writes);
        return;
    }
}

static void claim_row(Claims *claims, const IsaRow *row, const Insn *insn)
{
    const IsaEffects *effects = &isa_effects[isa_row_number(row)];
    const uint8_t slots[4] = { insn->t, insn->a, insn->b, insn->c };
    memset(claims, 0, sizeof(*claims));
    for (unsigned i = 0; i < 4; i++)
        claim_operand(claims, effects->operand[i], slots[i], i == 0 && row->flags & ISA_EVEN);
    for (unsigned i = 0; i < 8; i++)
        claim(claims, CELL_CRF + i, effects->reads >> i & 1, effects->writes >> i & 1);
    for (unsigned i = 0; i < CELL_COUNT - CELL_NAMED; i++)
        claim(claims, CELL_NAMED + i, effects->reads >> (i + FIRST_NAMED_BIT) & 1,
              effects->writes >> (i + FIRST_NAMED_BIT) & 1);
    /* Of a range of GPRs nobody says which: the others keep what they had. */
    for (unsigned i = 0; i < 32 && (effects->reads | effects->writes) & ISA_REG_GPRS; i++)
        claim(claims, CELL_GPR + i, true, effects->writes & ISA_REG_GPRS);
}

typedef struct {
    Memory *memory;
    Bus *bus;
    Clock clock;
    Cpu *cpu;
    uint8_t before[MEMORY_SIZE];
    uint8_t after[MEMORY_SIZE];
} Bench;

static Bench *bench_new(void)
{
    Bench *bench = g_new0(Bench, 1);
    bench->memory = memory_new(MEMORY_SIZE, NULL);
    bench->bus = bus_new();
    bench->cpu = cpu_new(&cpu_model_power9, bench->memory, bench->bus, &bench->clock);
    bench->clock.cpu = bench->cpu;
    bench->cpu->board = &board;
    cpu_reset(bench->cpu);
    bench->cpu->s.msr |= MSR_FP | MSR_VEC | MSR_VSX | MSR_PR;
    bench->cpu->s.spr[SPR_FSCR] = UINT64_MAX;
    cpu_mode_changed(bench->cpu);
    for (unsigned i = 0; i < MEMORY_SIZE; i++)
        bench->memory->ram[i] = bench->before[i] = (uint8_t)next_random();
    return bench;
}

static void bench_free(Bench *bench)
{
    cpu_free(bench->cpu);
    bus_free(bench->bus);
    memory_free(bench->memory);
    g_free(bench);
}

static ExecStatus bench_run(Bench *bench, const CpuState *start, const Insn *insn, CpuState *end)
{
    Cpu *cpu = bench->cpu;
    cpu->s = *start;
    cpu->s.cia = NEXT_ADDRESS;
    ExecStatus status = insn->execute(cpu, insn);
    *end = cpu->s;
    return status;
}

/* Keeps what memory holds, and puts back what it held before. */
static void bench_exchange(Bench *bench)
{
    memcpy(bench->after, bench->memory->ram, MEMORY_SIZE);
    memcpy(bench->memory->ram, bench->before, MEMORY_SIZE);
}

/* One round; false if the instruction did not complete. */
static bool check_round(Bench *bench, const IsaRow *row, const Insn *insn)
{
    CpuState start = bench->cpu->s, other, end, other_end;
    Claims claims;
    claim_row(&claims, row, insn);
    for (unsigned cell = 0; cell < CELL_COUNT; cell++)
        randomise_cell(&start, cell);
    other = start;
    for (unsigned cell = 0; cell < CELL_COUNT; cell++) {
        if (!claims.reads[cell])
            randomise_cell(&other, cell);
    }
    ExecStatus status = bench_run(bench, &start, insn, &end);
    if (status == EXEC_EXCEPTION)
        return false;
    bool stores = isa_effects[isa_row_number(row)].store;
    if (stores)
        bench_exchange(bench);
    for (unsigned cell = 0; cell < CELL_COUNT; cell++)
        EXPECT(claims.writes[cell] || same_cell(&start, &end, cell), "%s (%08x) writes cell %u",
               row->name, insn->word, cell);
    EXPECT(bench_run(bench, &other, insn, &other_end) == status, "%s (%08x) ends otherwise",
           row->name, insn->word);
    EXPECT(end.cia == other_end.cia, "%s (%08x) branches by what it should not read", row->name,
           insn->word);
    if (stores) {
        EXPECT(!memcmp(bench->after, bench->memory->ram, MEMORY_SIZE),
               "%s (%08x) stores what it should not read", row->name, insn->word);
        bench_exchange(bench);
    }
    for (unsigned cell = 0; cell < CELL_COUNT; cell++)
        EXPECT(!claims.writes[cell] || same_cell(&end, &other_end, cell),
               "%s (%08x): cell %u depends on what it should not read", row->name, insn->word,
               cell);
    return true;
}

static bool is_tested(const IsaRow *row)
{
    const IsaEffects *effects = &isa_effects[isa_row_number(row)];
    return row->families & FAMILY_P9 && !(row->flags & (ISA_PRIV | ISA_HV)) &&
           !((effects->reads | effects->writes) & ISA_REG_ALL) && row->function != op_illegal &&
           row->function != op_tm_unavailable;
}

START_TEST(effects_hold)
{
    Bench *bench = bench_new();
    unsigned tested = 0;
    for (unsigned i = 0; i < ISA_ROW_COUNT; i++) {
        const IsaRow *row = &isa_rows[i];
        unsigned completed = 0;
        if (!is_tested(row))
            continue;
        for (unsigned round = 0; round < ROUNDS; round++) {
            Insn insn;
            uint32_t operands = (uint32_t)next_random() & ~row->mask & ~row->reserved;
            insn_decode(&cpu_model_power9, bench->cpu->mode_key, row->word | operands, &insn);
            if (insn.execute == row->function)
                completed += check_round(bench, row, &insn);
        }
        EXPECT(completed, "%s never completed", row->name);
        EXPECT(!memcmp(bench->before, bench->memory->ram, MEMORY_SIZE), "%s stores", row->name);
        tested++;
    }
    ck_assert_uint_gt(tested, 1000);
    bench_free(bench);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("effects");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, effects_hold);
    Suite *suite = suite_create("cpu-effects");
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
