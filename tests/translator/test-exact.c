/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instruction counts, the time base, faults and changed code inside a block, by what the contract
 * says and not by what the other engine does: instruction number k sees the time base of k, has
 * exactly the k instructions before it behind it when it faults, and sees what they stored as code.
 *
 * A program is 60 additions of 1 to r3, one of them replaced by an event, and a jump to itself. It
 * runs three times, so that its blocks exist; each run must be exact. On both engines, with limits
 * of blocks, on a 64- and a 32-bit model, in real mode and translated.
 */

#include "machine/cpu/model.h"
#include "tests/translator/program.h"
#include "tests/check-run.h"

enum { WORDS = 60, RUNS = 3, LENGTH = 200 };

#define COUNT_UP  0x38630001u /* addi r3, r3, 1 */
#define OTHER_UP  0x38a50001u /* addi r5, r5, 1 */
#define STAY      0x48000000u /* b to itself */
#define READ_TB   0x7cac42a6u /* mftb r5 */
#define UNMAPPED  0x700000u
#define UNTOUCHED 0x5555u

static const struct {
    unsigned vector;
    uint32_t word;
    unsigned skips;  /* SRR0 less the instruction's address */
    bool is_data;    /* faults only where addresses are translated */
    unsigned offset; /* DAR less UNMAPPED */
} faults[] = {
    { VECTOR_DATA_STORAGE, 0x80b60000, 0, true, 0 }, /* lwz r5, 0(r22) */
    { VECTOR_DATA_STORAGE, 0x84b60004, 0, true, 4 }, /* lwzu r5, 4(r22) */
    { VECTOR_DATA_STORAGE, 0x90b60000, 0, true, 0 }, /* stw r5, 0(r22) */
    { VECTOR_DATA_STORAGE, 0x94b60008, 0, true, 8 }, /* stwu r5, 8(r22) */
    { VECTOR_DATA_STORAGE, 0xc8360000, 0, true, 0 }, /* lfd f1, 0(r22) */
    { VECTOR_DATA_STORAGE, 0xd8360000, 0, true, 0 }, /* stfd f1, 0(r22) */
    { VECTOR_DATA_STORAGE, 0x7c20b1ce, 0, true, 0 }, /* stvx v1, 0, r22 */
    { VECTOR_DATA_STORAGE, 0x7c00b7ec, 0, true, 0 }, /* dcbz 0, r22 */
    { VECTOR_PROGRAM, 0x7fe00008, 0, false, 0 },     /* trap */
    { VECTOR_PROGRAM, 0x00000000, 0, false, 0 },     /* illegal */
    { VECTOR_SYSTEM_CALL, 0x44000002, 4, false, 0 }, /* sc */
};

typedef struct {
    const CpuModel *model;
    Side *side;
    uint8_t *image;
    CpuState start;
    const TranslatorOptions *options;
    uint64_t base;
    uint32_t word[WORDS + 4];
    uint64_t begun; /* the instruction count at which the last run began */
    uint64_t blocks;
} Bench;

/* --- running ---------------------------------------------------------------------------------- */

static uint32_t in_guest_order(const Bench *bench, uint32_t word)
{
    return bench->model->is_64bit ? GUINT32_TO_LE(word) : GUINT32_TO_BE(word);
}

static void put_words(Bench *bench, uint64_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t word = in_guest_order(bench, words[i]);
        ck_assert(memory_write(bench->side->memory, at + 4 * i, &word, sizeof word));
    }
}

/* Every handler says in r7 where it is and in r6 when, and stays. */
static void put_handlers(Bench *bench)
{
    for (unsigned vector = 0x100; vector < 0x1000; vector += 0x80) {
        const uint32_t words[] = { 0x38e00000 | vector, 0x7ccc42a6, STAY };
        put_words(bench, vector, words, G_N_ELEMENTS(words));
    }
}

static void plain_program(Bench *bench)
{
    for (unsigned i = 0; i < WORDS; i++)
        bench->word[i] = COUNT_UP;
    for (unsigned i = WORDS; i < G_N_ELEMENTS(bench->word); i++)
        bench->word[i] = STAY;
}

static void begin(Bench *bench)
{
    bench->start.cia = bench->base;
    bench->start.gpr[3] = 0;
    bench->start.gpr[5] = UNTOUCHED;
    bench->start.gpr[22] = UNMAPPED;
    side_begin(bench->side, bench->image, &bench->start, bench->options);
    put_handlers(bench);
}

/* The program from its start, with the words as they are and all blocks of the last run. */
static const CpuState *run_once(Bench *bench)
{
    Cpu *cpu = bench->side->cpu;
    put_words(bench, bench->base, bench->word, G_N_ELEMENTS(bench->word));
    cpu->s = bench->start;
    cpu_mode_changed(cpu);
    bench->begun = cpu_icount(cpu);
    side_run(bench->side, bench->begun + LENGTH, false);
    return &cpu->s;
}

static uint64_t time_base_of(const Bench *bench, uint64_t instruction)
{
    return clock_ticks_from_ns(bench->begun + instruction, bench->model->timebase_hz);
}

typedef void (*Case)(Bench *bench, unsigned place);

static void end(Bench *bench)
{
    TranslatorCounters counters;
    if (!bench->options)
        return;
    translator_counters(bench->side->cpu->translator, &counters);
    bench->blocks += counters.blocks;
}

static void sweep_places(Bench *bench, Case run_case)
{
    begin(bench);
    for (unsigned place = 0; place < WORDS; place++) {
        plain_program(bench);
        run_case(bench, place);
    }
    end(bench);
}

/* On both engines, with all limits of blocks, in both modes. */
static void sweep_model(const CpuModel *model, Case run_case)
{
    static const uint8_t limits[] = { 0, 1, 2, 7 };
    Bench bench = { .model = model, .side = side_new(model), .image = program_image(model) };
    for (unsigned virtual = 0; virtual < 2; virtual ++)
        for (unsigned engine = 0; engine < 1 + 2 * G_N_ELEMENTS(limits); engine++) {
            TranslatorOptions options = { .threshold = 1, .code_bytes = 256 << 10 };
            options.block_limit = engine ? limits[(engine - 1) % G_N_ELEMENTS(limits)] : 0;
            options.all_hot = engine > G_N_ELEMENTS(limits);
            bench.options = engine ? &options : NULL;
            bench.base = CODE_START + 64 * engine;
            program_plain_state(model, &bench.start);
            bench.start.msr |= virtual ? MSR_IR | MSR_DR : 0;
            bench.blocks = 0;
            sweep_places(&bench, run_case);
            ck_assert_uint_ge(bench.blocks, engine ? WORDS : 0);
        }
    side_free(bench.side);
    g_free(bench.image);
}

static void sweep(Case run_case)
{
    sweep_model(&cpu_model_power9, run_case);
    sweep_model(&cpu_model_7447a, run_case);
}

/* --- time ------------------------------------------------------------------------------------- */

static void time_base_case(Bench *bench, unsigned place)
{
    bench->word[place] = READ_TB;
    for (unsigned i = 0; i < RUNS; i++) {
        const CpuState *s = run_once(bench);
        ck_assert_uint_eq(s->gpr[5], time_base_of(bench, place));
        ck_assert_uint_eq(s->gpr[3], WORDS - 1);
    }
}

START_TEST(time_base_is_that_of_the_instruction)
{
    sweep(time_base_case);
}
END_TEST

static void decrementer_case(Bench *bench, unsigned place)
{
    bench->word[place] = 0x7cb602a6; /* mfdec r5 */
    for (unsigned i = 0; i < RUNS; i++) {
        const CpuState *s = run_once(bench);
        uint64_t expected = bench->start.dec_zero_tb - time_base_of(bench, place);
        ck_assert_uint_eq((uint32_t)s->gpr[5], (uint32_t)expected);
        ck_assert_uint_eq(s->gpr[3], WORDS - 1);
    }
}

START_TEST(decrementer_is_that_of_the_instruction)
{
    sweep(decrementer_case);
}
END_TEST

/* It becomes negative on the boundary before the first instruction whose time base is past 0. */
static void decrementer_interrupt_case(Bench *bench, unsigned place)
{
    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t now = cpu_icount(bench->side->cpu) + place, hz = bench->model->timebase_hz;
        bench->start.msr |= MSR_EE;
        bench->start.dec_zero_tb = clock_ticks_from_ns(now, hz);
        bench->start.dec_seen_tb = 0;
        uint64_t fires = clock_ns_from_ticks(bench->start.dec_zero_tb + 1, hz);
        const CpuState *s = run_once(bench);
        uint64_t done = fires - bench->begun;
        ck_assert_uint_eq(s->gpr[7], VECTOR_DECREMENTER);
        ck_assert_uint_eq(s->gpr[3], MIN(done, WORDS));
        ck_assert_uint_eq(s->spr[SPR_SRR0], bench->base + 4 * MIN(done, WORDS));
        ck_assert_uint_eq(s->gpr[6], time_base_of(bench, done + 1));
    }
}

START_TEST(decrementer_interrupts_at_its_instruction)
{
    sweep(decrementer_interrupt_case);
}
END_TEST

/* --- faults ----------------------------------------------------------------------------------- */

/* Whether the next run faults, and not only on machines that translate addresses. */
static bool can_fault(const Bench *bench, unsigned i)
{
    return !faults[i].is_data || bench->start.msr & MSR_DR;
}

static void check_fault(const Bench *bench, const CpuState *s, unsigned place, unsigned i)
{
    uint64_t address = bench->base + 4 * place;
    ck_assert_msg(s->gpr[7] == faults[i].vector, "%s: 0x%x at %u: 0x%x, cia 0x%x",
                  bench->model->name, faults[i].word, place, (unsigned)s->gpr[7], (unsigned)s->cia);
    ck_assert_uint_eq(s->gpr[3], place);
    ck_assert_uint_eq(s->gpr[5], UNTOUCHED);
    ck_assert_uint_eq(s->gpr[22], UNMAPPED);
    ck_assert_uint_eq(s->spr[SPR_SRR0], address + faults[i].skips);
    if (faults[i].is_data)
        ck_assert_uint_eq(s->spr[SPR_DAR], UNMAPPED + faults[i].offset);
    ck_assert_uint_eq(s->gpr[6], time_base_of(bench, place + 2));
}

static void fault_case(Bench *bench, unsigned place)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
        plain_program(bench);
        bench->word[place] = faults[i].word;
        for (unsigned run = 0; run < RUNS && can_fault(bench, i); run++)
            check_fault(bench, run_once(bench), place, i);
    }
}

START_TEST(faults_are_precise)
{
    sweep(fault_case);
}
END_TEST

/* --- changed code ----------------------------------------------------------------------------- */

/* The word at DISTANCE behind the store becomes OTHER_UP: at once. */
static void check_changed(Bench *bench, unsigned place, int distance, bool with_update)
{
    unsigned changed = (unsigned)((int)place + distance);
    plain_program(bench);
    /* stw r27, 4 * distance(r26), or stwu */
    bench->word[place] = (with_update ? 0x977a0000u : 0x937a0000u) | (4 * distance & 0xffff);
    bench->start.gpr[26] = bench->base + 4 * place;
    bench->start.gpr[27] = OTHER_UP;
    for (unsigned run = 0; run < RUNS; run++) {
        const CpuState *s = run_once(bench);
        bool is_ahead = distance > 0;
        ck_assert_uint_eq(s->gpr[5], UNTOUCHED + is_ahead);
        ck_assert_uint_eq(s->gpr[3], WORDS - 1 - is_ahead);
        ck_assert_uint_eq(s->cia, bench->base + 4 * WORDS);
        ck_assert_uint_eq(s->gpr[26], bench->base + 4 * (with_update ? changed : place));
    }
}

static void changed_code_case(Bench *bench, unsigned place)
{
    static const int distances[] = { -17, -1, 0, 1, 2, 3, 16, 31 };
    for (unsigned i = 0; i < G_N_ELEMENTS(distances); i++) {
        int changed = (int)place + distances[i];
        if (changed >= 0 && changed < WORDS)
            check_changed(bench, place, distances[i], i % 2);
    }
    if (place + 1 < WORDS)
        check_changed(bench, place, WORDS - 1 - (int)place, false);
}

START_TEST(changed_code_runs_at_once)
{
    sweep(changed_code_case);
}
END_TEST

/* Data beside the code: in its page, and in its 64 bytes. */
static void beside_code_case(Bench *bench, unsigned place)
{
    static const unsigned offsets[] = { 4 * WORDS + 8, 4 * WORDS + 1024 };
    for (unsigned i = 0; i < G_N_ELEMENTS(offsets); i++) {
        uint32_t expected = in_guest_order(bench, place), found;
        plain_program(bench);
        bench->word[place] = 0x90780000; /* stw r3, 0(r24) */
        bench->start.gpr[24] = bench->base + offsets[i];
        for (unsigned run = 0; run < RUNS; run++) {
            const CpuState *s = run_once(bench);
            ck_assert_uint_eq(s->gpr[3], WORDS - 1);
            ck_assert_uint_eq(s->cia, bench->base + 4 * WORDS);
            memory_read(bench->side->memory, bench->base + offsets[i], &found, sizeof found);
            ck_assert_uint_eq(found, expected);
        }
    }
}

START_TEST(data_beside_code_changes_nothing_else)
{
    sweep(beside_code_case);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exact");
    TCase *tcase = tcase_create("blocks");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, time_base_is_that_of_the_instruction);
    tcase_add_test(tcase, decrementer_is_that_of_the_instruction);
    tcase_add_test(tcase, decrementer_interrupts_at_its_instruction);
    tcase_add_test(tcase, faults_are_precise);
    tcase_add_test(tcase, changed_code_runs_at_once);
    tcase_add_test(tcase, data_beside_code_changes_nothing_else);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
