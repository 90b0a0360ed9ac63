/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator beside the interpreter, on the same programs from the same state.
 *
 * lock-step [--cpu MODEL] [--instructions N] [--seed S] [--case SEED]: first the sweeps (each event
 * at each place of a block), then random programs until N instructions have run; or the one random
 * program SEED. The two are compared at every stop: registers, memory and its dirty marks, the
 * device's accesses with their instruction counts, the translation set. A program that tells them
 * apart is made as short as it can be and shown. The last line is "N passed, N failed".
 *
 * In every other program the processors are observed, too (store-digest.h): they agree on the
 * registers and on a digest of all stores wherever the translator left a block.
 *
 * 1. A case depends on nothing but its seed: each starts with new caches and a new translator.
 * 2. What happens to both sides between stops is the same; what happens to one only (flushes, other
 *    engines, other block limits) must not be noticed.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/cpu/code-cache.h"
#include "machine/cpu/disassemble.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/model.h"
#include "machine/translator/ir.h"
#include "tests/translator/program.h"
#include "tests/translator/store-digest.h"

typedef struct {
    const CpuModel *model;
    Side *interpreter, *translator;
    StoreDigest stored[2]; /* on either side, while they are observed */
    uint8_t *image;
    uint64_t instructions;
    unsigned passed, failed;
    uint64_t stops, stops_in_program; /* where programs were when they were compared */
    uint64_t exits, stores;           /* of observed programs: blocks left, stores digested */
    TranslatorCounters counters;
} Bench;

/* --- what happens at stops -------------------------------------------------------------------- */

/* To both: the guest notices. */
static void intrude(Bench *bench, Dice *dice, const Program *program)
{
    Side *sides[2] = { bench->interpreter, bench->translator };
    unsigned what = dice_below(dice, 8), which = dice_below(dice, 32);
    uint64_t value = program_value(dice);
    uint64_t place = dice_once_in(dice, 2) ? program->base + dice_below(dice, 4 * program->count)
                                           : DATA_START + dice_below(dice, DATA_SIZE - 8);
    for (unsigned i = 0; i < 2; i++) {
        Cpu *cpu = sides[i]->cpu;
        switch (what) {
        case 0: cpu->s.external_line ^= 1; break;
        case 1: memory_write(sides[i]->memory, place, &value, 1 + which % 8); break;
        case 2: cpu->s.reset_pending = which % 4 == 0; break;
        case 3: cpu->s.doorbell_pending = 1; break;
        case 4: memory_next_epoch(sides[i]->memory); break;
        default: cpu->s.gpr[which] = value; break;
        }
    }
}

static bool is_in_program(const Cpu *cpu)
{
    uint64_t within = cpu->model->is_64bit ? 0x3fffffffffffffff : 0x0fffffff;
    return (cpu->s.cia & within) - CODE_START < CODE_SIZE;
}

/* Both go back to the program if they left it, though handlers mostly come back by themselves. */
static void bring_back(Bench *bench, Dice *dice, const Program *program)
{
    Side *sides[2] = { bench->interpreter, bench->translator };
    bool is_handler = sides[0]->cpu->s.cia % 0x1000000 < CODE_START;
    unsigned first = dice_once_in(dice, 2) ? 0 : dice_below(dice, program->count);
    if (is_in_program(sides[0]->cpu) || (is_handler && dice_once_in(dice, 2)))
        return;
    for (unsigned i = 0; i < 2; i++) {
        Cpu *cpu = sides[i]->cpu;
        cpu->s.cia = program->base + 4 * first;
        cpu->s.msr = program->start.msr;
        cpu_mode_changed(cpu);
    }
}

/* To one side: nobody notices. */
static void disturb(Bench *bench, Dice *dice)
{
    static const uint8_t limits[] = { 1, 2, 7, 0 };
    Side *side = bench->translator;
    TranslatorOptions options = { .block_limit = limits[dice_below(dice, 4)],
                                  .threshold = 1,
                                  .code_bytes = 256 << 10,
                                  .all_hot = dice_once_in(dice, 2) };
    switch (dice_below(dice, 40)) {
    case 0:
        if (side->cpu->translator)
            translator_flush(side->cpu->translator);
        break;
    case 1: code_cache_flush(side->cpu->engine); break;
    case 2: mmu_drop_banks(side->cpu->mmu); break;
    case 3: mmu_drop_write_entries(side->cpu->mmu); break;
    case 4: side_set_engine(side, dice_once_in(dice, 3) ? NULL : &options); break;
    case 5: code_cache_flush(bench->interpreter->cpu->engine); break;
    default: break;
    }
}

static uint64_t next_slice(Dice *dice)
{
    switch (dice_below(dice, 6)) {
    case 0: return 1 + dice_below(dice, 4);
    case 1: return 1 + dice_below(dice, 40);
    case 2: return 1 + dice_below(dice, 1000);
    default: return 1 + dice_below(dice, 200);
    }
}

/* --- one program ------------------------------------------------------------------------------ */

static void count_work(Bench *bench)
{
    TranslatorCounters now;
    if (!bench->translator->cpu->translator)
        return;
    translator_counters(bench->translator->cpu->translator, &now);
    bench->counters.blocks += now.blocks;
    bench->counters.flushes += now.flushes;
    bench->counters.invalidations += now.invalidations;
    bench->counters.lookups += now.lookups;
    bench->counters.interpreted += now.interpreted;
}

static void run_reference(void *opaque, uint64_t icount)
{
    side_run(opaque, icount, false);
}

/* Both sides to AT; what differs, or NULL. */
static char *step(Bench *bench, uint64_t at, bool interpreted, bool whole)
{
    Side *a = bench->interpreter, *b = bench->translator;
    side_run(b, at, interpreted);
    char *difference = store_digest_follow(&bench->stored[0], &bench->stored[1], run_reference, a);
    if (difference)
        return difference;
    side_run(a, at, false);
    difference = side_compare(a, b, whole);
    return difference ? difference : store_digest_compare(&bench->stored[0], &bench->stored[1]);
}

/* What differs, or NULL. The caller frees it. */
static char *run(Bench *bench, const Program *program)
{
    Dice dice = { program->run_seed ^ 0x5555, program->base, bench->model };
    Side *a = bench->interpreter, *b = bench->translator;
    store_digest_begin(&bench->stored[0], a->cpu, program->run_seed & 1);
    store_digest_begin(&bench->stored[1], b->cpu, program->run_seed & 1);
    side_begin(a, bench->image, &program->start, NULL);
    side_begin(b, bench->image, &program->start, &program->options);
    program_place(program, a);
    program_place(program, b);
    char *difference = NULL;
    for (uint64_t at = 0; at < program->length && !difference;) {
        at = MIN(at + (program->undisturbed ? UINT64_MAX / 2 : next_slice(&dice)), program->length);
        bool interpreted = !program->undisturbed && dice_once_in(&dice, 12);
        difference = step(bench, at, interpreted, at == program->length);
        bench->stops++;
        bench->stops_in_program += is_in_program(a->cpu);
        if (difference || program->undisturbed)
            continue;
        if (dice_once_in(&dice, 3))
            intrude(bench, &dice, program);
        bring_back(bench, &dice, program);
        disturb(bench, &dice);
    }
    bench->instructions += cpu_icount(a->cpu);
    bench->exits += bench->stored[0].exits_followed;
    bench->stores += bench->stored[0].count;
    count_work(bench);
    return difference;
}

/* --- showing what went wrong ------------------------------------------------------------------ */

static bool still_differs(Bench *bench, const Program *program)
{
    g_autofree char *difference = run(bench, program);
    return difference;
}

/* Makes instructions no-ops and the run shorter for as long as the two still differ. */
static void minimise(Bench *bench, Program *program)
{
    Program trial = *program;
    for (uint64_t cut = program->length / 2; cut > 0; cut /= 2) {
        trial.length = program->length - cut;
        if (trial.length && still_differs(bench, &trial))
            program->length = trial.length;
    }
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < program->count; i++) {
            trial = *program;
            trial.word[i] = 0x60000000;
            if (program->word[i] != trial.word[i] && still_differs(bench, &trial))
                *program = trial;
        }
    trial = *program;
    trial.undisturbed = true;
    if (still_differs(bench, &trial))
        *program = trial;
}

static void print_lines(const char *prefix, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++)
        if (*lines[i])
            g_print("%s%s\n", prefix, lines[i]);
}

static void print_ir(Bench *bench, const Program *program)
{
    g_autofree IrBlock *block = g_new0(IrBlock, 1);
    side_begin(bench->interpreter, bench->image, &program->start, NULL);
    side_begin(bench->translator, bench->image, &program->start, NULL);
    program_place(program, bench->interpreter);
    unsigned limit = program->options.block_limit ? program->options.block_limit : 64;
    limit = MIN(limit, (4096 - program->base % 4096) / 4);
    ir_build(block, bench->interpreter->cpu, program->base,
             bench->interpreter->memory->ram + program->base, limit);
    ir_optimise(block);
    g_autofree char *text = ir_to_text(block);
    print_lines("#   ", text);
}

static void print_failure(Bench *bench, const char *name, const Program *original)
{
    Program program = *original;
    minimise(bench, &program);
    g_autofree char *difference = run(bench, &program);
    g_print("not ok - %s: block limit %u, msr 0x%" G_GINT64_MODIFIER "x, %" G_GUINT64_FORMAT
            " instructions%s; interpreter, translator:\n",
            name, program.options.block_limit, program.start.msr, program.length,
            program.undisturbed ? ", undisturbed" : "");
    print_lines("#   ", difference ? difference : "(the difference went away)");
    for (unsigned i = 0; i < program.count; i++) {
        uint64_t at = program.base + 4 * i;
        g_autofree char *text = disassemble(program.word[i], at, bench->model->families);
        if (program.word[i] != 0x60000000)
            g_print("#   %" G_GINT64_MODIFIER "x: %08x  %s\n", at, program.word[i], text);
    }
    print_ir(bench, &program);
}

static void check(Bench *bench, const char *name, const Program *program)
{
    g_autofree char *difference = run(bench, program);
    if (!difference) {
        bench->passed++;
        return;
    }
    bench->failed++;
    if (bench->failed <= 5)
        print_failure(bench, name, program);
    /* They no longer agree on what is to be restored before the next program. */
    side_forget(bench->interpreter);
    side_forget(bench->translator);
}

/* --- sweeps: each event at each place of a block ---------------------------------------------- */

#define SWEEP_WORDS 60u

/* Registers of the sweeps' words: r20 RAM, r21 the device, r22 no memory, r23 a page's end, r24
 * code. */
static const struct {
    const char *name;
    uint32_t word, word32; /* of 32-bit models: the same if 0 */
} events[] = {
    { "time base read", 0x7cac42a6 },                 /* mftb r5 */
    { "decrementer read", 0x7cb602a6 },               /* mfdec r5 */
    { "decrementer written", 0x7e9603a6 },            /* mtdec r20 */
    { "load fault", 0xe8b60000, 0x80b60000 },         /* ld (lwz) r5, 0(r22) */
    { "update load fault", 0x84b60004 },              /* lwzu r5, 4(r22) */
    { "store fault", 0xf8b60000, 0x90b60000 },        /* std (stw) r5, 0(r22) */
    { "update store fault", 0xf8b60009, 0x94b60008 }, /* stdu (stwu) r5, 8(r22) */
    { "trap", 0x7fe00008 },                           /* trap */
    { "illegal word", 0x00000000 },
    { "system call", 0x44000002 },                     /* sc */
    { "hypervisor call", 0x44000022 },                 /* sc 1 */
    { "load across pages", 0xe8b7fffc, 0x80b7fffe },   /* ld r5, -4(r23); lwz r5, -2(r23) */
    { "store across pages", 0xf8b7fffc, 0x90b7fffe },  /* std r5, -4(r23); stw r5, -2(r23) */
    { "device load", 0x80b50000 },                     /* lwz r5, 0(r21) */
    { "device load that stops", 0x80b50100 },          /* lwz r5, 0x100(r21) */
    { "device update load that stops", 0x84b50100 },   /* lwzu r5, 0x100(r21) */
    { "device store that interrupts", 0x93750200 },    /* stw r27, 0x200(r21) */
    { "device update store", 0x97750200 },             /* stwu r27, 0x200(r21) */
    { "store into the first word", 0x93780000 },       /* stw r27, 0(r24) */
    { "store into the next word", 0x93790000 },        /* stw r27, 0(r25) */
    { "store into its own word", 0x937a0000 },         /* stw r27, 0(r26) */
    { "update store into the next word", 0x97790000 }, /* stwu r27, 0(r25) */
    { "vector store into code", 0x7c19c1ce },          /* stvx v0, r25, r24 (r24 as 0 below) */
    { "interrupts enabled", 0x7fc10164, 0x7fc00124 },  /* mtmsrd r30, 1; mtmsr r30 */
    { "byte order changed", 0x7fa00124 },              /* mtmsr r29, which has LE or FP cleared */
    { "string load fault", 0x7cb6a4aa },               /* lswi r5, r22, 20 */
    { "cache block cleared", 0x7c00cfec },             /* dcbz 0, r25 */
    { "translations dropped", 0x7c00a264 },            /* tlbie r20 */
    { "segment changed", 0x7f6001a4 },                 /* mtsr 0, r27: illegal on a POWER9 */
    { "data block changed", 0x7e3883a6 },              /* mtspr 536, r17 */
    { "instruction block changed", 0x7e3083a6 },       /* mtspr 528, r17 */
    { "doze", 0x7f800124 },                            /* mtmsr r28 */
};

static const uint32_t filler[] = {
    0x3b7b0001, /* addi r27, r27, 1: what stores into code is another word each time */
    0x38630001, /* addi r3, r3, 1 */
    0x7c841a14, /* add r4, r4, r3 */
    0x7c832378, /* or r3, r4, r4 */
    0x2c040007, /* cmpwi r4, 7 */
    0x7d2a4815, /* addc. r9, r10, r9 */
    0x7d4a5114, /* adde r10, r10, r10 */
    0x90740010, /* stw r3, 16(r20) */
    0x80d40010, /* lwz r6, 16(r20) */
    0x7cc73278, /* xor r7, r6, r6 */
    0x7ce838f8, /* not r8, r7 */
};

static void sweep_program(Program *program, const CpuModel *model, unsigned event, unsigned place)
{
    *program = (Program){ .model = model,
                          .base = CODE_START + 64 * (place % 3),
                          .count = SWEEP_WORDS + 1,
                          .length = 4 * SWEEP_WORDS,
                          .undisturbed = true,
                          .options = { .threshold = 1, .code_bytes = 256 << 10 } };
    program_plain_state(model, &program->start);
    CpuState *s = &program->start;
    for (unsigned i = 0; i < SWEEP_WORDS; i++)
        program->word[i] = filler[i % G_N_ELEMENTS(filler)];
    bool has_other = !model->is_64bit && events[event].word32;
    program->word[place] = has_other ? events[event].word32 : events[event].word;
    program->word[SWEEP_WORDS] = 0x48000000 | (-4 * SWEEP_WORDS & 0x03fffffc);
    s->cia = s->spr[SPR_SPRG3] = program->base;
    if (!model->is_64bit)
        s->gpr[17] = program32_prepare_blocks(s);
    s->gpr[20] = DATA_START;
    s->gpr[21] = DEVICE_START;
    s->gpr[22] = model->is_64bit ? 0x8000000000000000 : 0x80000000;
    s->gpr[23] = DATA_START + 4096;
    s->gpr[24] = strstr(events[event].name, "vector") ? 0 : program->base;
    s->gpr[25] = program->base + 4 * (place + 1);
    s->gpr[26] = program->base + 4 * place;
    s->gpr[27] = 0x38a50001; /* addi r5, r5, 1 */
    s->gpr[28] = s->msr | MSR_POW | MSR_EE;
    s->gpr[29] = s->msr & ~(model->is_64bit ? MSR_LE : MSR_FP);
    s->gpr[30] = s->msr | MSR_EE;
    s->external_line = event % 2;
}

static void check_sweep(Bench *bench, const char *name, Program *program)
{
    static const uint8_t limits[] = { 0, 1, 2, 7 };
    for (unsigned l = 0; l < G_N_ELEMENTS(limits); l++)
        for (unsigned mode = 0; mode < 2; mode++) {
            Program with = *program;
            with.options.block_limit = limits[l];
            if (mode) {
                with.start.msr |= MSR_IR | MSR_DR;
                with.start.gpr[29] |= MSR_IR | MSR_DR;
                with.start.gpr[30] |= MSR_IR | MSR_DR;
            }
            for (with.run_seed = 0; with.run_seed < 2; with.run_seed++) {
                with.options.all_hot = with.run_seed % 2;
                check(bench, name, &with);
            }
        }
}

static void sweep_events(Bench *bench)
{
    for (unsigned event = 0; event < G_N_ELEMENTS(events); event++)
        for (unsigned place = 0; place < SWEEP_WORDS; place++) {
            Program program;
            g_autofree char *name = g_strdup_printf("%s at %u", events[event].name, place);
            sweep_program(&program, bench->model, event, place);
            check_sweep(bench, name, &program);
        }
}

/* The decrementer runs out, and the budget ends, before each instruction of the second round. */
static void sweep_ends(Bench *bench)
{
    for (unsigned place = 0; place < 2 * SWEEP_WORDS; place++) {
        Program program;
        g_autofree char *decrementer = g_strdup_printf("decrementer interrupt at %u", place);
        sweep_program(&program, bench->model, 0, place % SWEEP_WORDS);
        program.start.msr |= MSR_EE;
        program.start.external_line = 0;
        program.start.dec_zero_tb = place;
        check_sweep(bench, decrementer, &program);
        g_autofree char *budget = g_strdup_printf("budget of %u", SWEEP_WORDS + place);
        program.start.msr &= ~MSR_EE;
        program.length = SWEEP_WORDS + place;
        check_sweep(bench, budget, &program);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static void run_random(Bench *bench, uint64_t seed, uint64_t instructions)
{
    uint64_t end = bench->instructions + instructions;
    for (uint64_t number = 0; bench->instructions < end; number++) {
        Program program;
        uint64_t case_seed = seed << 32 | number;
        program_random(&program, bench->model, case_seed);
        g_autofree char *name =
            g_strdup_printf("random program, --case %" G_GUINT64_FORMAT, case_seed);
        check(bench, name, &program);
    }
}

int main(int argc, char **argv)
{
    gint64 instructions = 1000000, seed = 0, only = -1;
    gboolean no_sweeps = FALSE;
    g_autofree char *cpu = NULL;
    GOptionEntry entries[] = {
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &cpu, "processor model (power9)", "MODEL" },
        { "instructions", 'n', 0, G_OPTION_ARG_INT64, &instructions, "how many of random programs",
          "N" },
        { "seed", 's', 0, G_OPTION_ARG_INT64, &seed, "of the random programs", "S" },
        { "case", 'c', 0, G_OPTION_ARG_INT64, &only, "this random program alone", "SEED" },
        { "no-sweeps", 0, 0, G_OPTION_ARG_NONE, &no_sweeps, "random programs only", NULL },
        { NULL }
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        g_error("%s", error->message);
    const CpuModel *model = cpu_model_find(cpu ? cpu : "power9");
    if (!model)
        g_error("there is no processor model %s", cpu);
    Bench bench = { .model = model,
                    .interpreter = side_new(model),
                    .translator = side_new(model),
                    .image = program_image(model) };
    if (only >= 0) {
        Program program;
        program_random(&program, model, (uint64_t)only);
        check(&bench, "the one program", &program);
    } else {
        if (!no_sweeps) {
            sweep_events(&bench);
            sweep_ends(&bench);
        }
        g_print("# sweeps: %" G_GUINT64_FORMAT " instructions\n", bench.instructions);
        run_random(&bench, (uint64_t)seed, (uint64_t)instructions);
    }
    const TranslatorCounters *work = &bench.counters;
    g_print("# %" G_GUINT64_FORMAT " instructions in lock-step, %" G_GUINT64_FORMAT
            " stops (%" G_GUINT64_FORMAT " in the program); %" G_GUINT64_FORMAT
            " blocks, %" G_GUINT64_FORMAT " flushes, %" G_GUINT64_FORMAT
            " invalidations, %" G_GUINT64_FORMAT " lookups, %" G_GUINT64_FORMAT
            " times the interpreter\n",
            bench.instructions, bench.stops, bench.stops_in_program, work->blocks, work->flushes,
            work->invalidations, work->lookups, work->interpreted);
    g_print("# observed programs left %" G_GUINT64_FORMAT
            " blocks; their stores of %" G_GUINT64_FORMAT " pieces agree\n",
            bench.exits, bench.stores);
    g_print("%u passed, %u failed\n", bench.passed, bench.failed);
    side_free(bench.interpreter);
    side_free(bench.translator);
    store_digest_clear(&bench.stored[0]);
    store_digest_clear(&bench.stored[1]);
    g_free(bench.image);
    return bench.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
