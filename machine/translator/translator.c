/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator's run time: finding and making blocks, running them, giving them up.
 *
 * A block is known by (effective address, real address, mode key). It is run only when the present
 * translation of its effective address leads to its real address: the dispatcher looks that up, the
 * banks' jump tables hold only what it found and are emptied with the bank, and direct links stay
 * within a page.
 *
 * 1. The engine comes to a boundary at exactly the instruction count it was given: a block that
 * needs more budget than is left does not start, and the interpreter runs the rest.
 * 2. A block whose words change is dead at once: nothing leads to it any more. If it is the one
 * that runs, it is left after the storing instruction. Its memory stays until the next flush.
 * 3. Code memory is bounded. When it is full all of it is given up, between instructions.
 * 4. Which blocks exist, how they are linked, which are hot and when they were flushed changes
 *    nothing that the guest could see.
 * 5. Blocks where the time goes are made a second time, as hot ones, which may cost more to make
 *    and to begin with. They are found where budgets end.
 */
#include "machine/translator/translator.h"

#include <string.h>

#include "machine/cpu/access.h"
#include "machine/cpu/code-cache.h"
#include "machine/cpu/decode.h"
#include "machine/cpu/exception.h"
#include "machine/cpu/interpreter.h"
#include "machine/cpu/mmu.h"
#include "machine/cpu/observer.h"
#include "machine/cpu/watch.h"
#include "machine/translator/block.h"
#include "machine/translator/cr-pending.h"
#include "machine/translator/float-pending.h"
#include "machine/translator/helpers.h"
#include "machine/translator/x86-64/target.h"

#define DEFAULT_CODE_BYTES ((size_t)64 << 20)
#define DEFAULT_THRESHOLD  6
#define HASH_BUCKETS       (1u << 17)
#define HEAT_COUNTERS      (1u << 14)
#define ARENA_CHUNK        ((size_t)1 << 20)
/* A block at which so many budgets ended is hot; and is made anew for its roaming sites. */
#define HOT_SAMPLES 2

struct Translator {
    Cpu *cpu;
    Memory *memory;
    TranslatorOptions options;
    CodeMemory code;
    size_t thunk_bytes;
    TargetThunks thunks;
    Block **hash;
    Block **by_page;    /* per real page: its living blocks */
    uint64_t *granules; /* per real page: granules with living blocks */
    GPtrArray *arenas;  /* where Block structs lie, all freed by a flush */
    size_t arena_used;
    uint8_t *heat;
    IrBlock *ir;
    uint16_t next_slot; /* of the next hot block's sites */
    TranslatorCounters counters;
};

/* --- making and freeing ----------------------------------------------------------------------- */

Translator *translator_new(Cpu *cpu, Memory *memory, const TranslatorOptions *options,
                           GError **error)
{
    g_autoptr(Translator) translator = g_new0(Translator, 1);
    translator->cpu = cpu;
    translator->memory = memory;
    translator->options = *options;
    if (!options->threshold)
        translator->options.threshold = DEFAULT_THRESHOLD;
    size_t size = options->code_bytes ? options->code_bytes : DEFAULT_CODE_BYTES;
    if (!target_is_supported()) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                            "this host lacks AVX2, BMI2 or LZCNT: the interpreter runs");
        return NULL;
    }
    if (!code_memory_init(&translator->code, size, error))
        return NULL;
    target_emit_thunks(&translator->code, &translator->thunks, cpu->observer != NULL);
    translator->thunk_bytes = translator->code.used[CODE_IN_LINE];
    translator->hash = g_new0(Block *, HASH_BUCKETS);
    translator->by_page = g_new0(Block *, memory_page_count(memory));
    translator->granules = g_new0(uint64_t, memory_page_count(memory));
    translator->arenas = g_ptr_array_new_with_free_func(g_free);
    translator->arena_used = ARENA_CHUNK;
    translator->heat = g_new0(uint8_t, HEAT_COUNTERS);
    translator->ir = g_new(IrBlock, 1);
    memset(cpu->translated.cr_less, CR_IS_IN_STATE, sizeof cpu->translated.cr_less);
    float_pending_init(cpu);
    return g_steal_pointer(&translator);
}

void translator_free(Translator *translator)
{
    if (!translator)
        return;
    code_memory_clear(&translator->code);
    g_free(translator->hash);
    g_free(translator->by_page);
    g_free(translator->granules);
    g_clear_pointer(&translator->arenas, g_ptr_array_unref);
    g_free(translator->heat);
    g_free(translator->ir);
    g_free(translator);
}

void translator_flush(Translator *translator)
{
    memset(translator->hash, 0, HASH_BUCKETS * sizeof *translator->hash);
    uint64_t pages = memory_page_count(translator->memory);
    memset(translator->by_page, 0, pages * sizeof *translator->by_page);
    memset(translator->granules, 0, pages * sizeof *translator->granules);
    g_ptr_array_set_size(translator->arenas, 0);
    translator->arena_used = ARENA_CHUNK;
    code_memory_empty(&translator->code, translator->thunk_bytes);
    translator->counters.flushes++;
    mmu_drop_banks(translator->cpu->mmu);
}

static void *arena_allocate(Translator *translator, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (translator->arena_used + size > ARENA_CHUNK) {
        g_ptr_array_add(translator->arenas, g_malloc(ARENA_CHUNK));
        translator->arena_used = 0;
    }
    uint8_t *chunk = g_ptr_array_index(translator->arenas, translator->arenas->len - 1);
    translator->arena_used += size;
    return chunk + translator->arena_used - size;
}

/* --- finding and making blocks ---------------------------------------------------------------- */

static uint32_t hash_of(uint64_t ea, uint64_t real, uint32_t mode_key)
{
    uint64_t key = (ea >> 2) * 0x9e3779b97f4a7c15ull + (real >> 2) * 0xc2b2ae3d27d4eb4full +
                   mode_key * 0x165667b19e3779f9ull;
    return (uint32_t)(key >> 40) % HASH_BUCKETS;
}

static Block *find(const Translator *translator, uint64_t ea, uint64_t real, uint32_t mode_key)
{
    Block *block = translator->hash[hash_of(ea, real, mode_key)];
    while (block && (block->ea != ea || block->real != real || block->mode_key != mode_key))
        block = block->hash_next;
    return block;
}

static void enter_block(Translator *translator, Block *block)
{
    Block **bucket = &translator->hash[hash_of(block->ea, block->real, block->mode_key)];
    uint64_t page = block->real >> MEMORY_PAGE_BITS;
    block->hash_next = *bucket;
    *bucket = block;
    block->page_next = translator->by_page[page];
    translator->by_page[page] = block;
    if (!translator->granules[page] && !code_cache_has_code(translator->cpu->engine, block->real))
        mmu_drop_write_entries_to(translator->cpu->mmu, block->real);
    translator->granules[page] |= block_granules(block);
    translator->counters.blocks++;
}

static Block *allocate_block(Translator *translator, const Block *like)
{
    const IrBlock *ir = translator->ir;
    size_t insns = ir->insn_count * sizeof(Insn), links = ir->exit_count * sizeof(Link);
    size_t sites = like->is_hot ? ir->insn_count * sizeof(Site) : 0;
    Block *block = arena_allocate(translator, sizeof(Block) + insns + links + sites);
    *block = *like;
    memcpy(block->insn, ir->insn, insns);
    block->count = (uint16_t)ir->insn_count;
    block->link = (Link *)(block->insn + ir->insn_count);
    if (like->is_hot) {
        block->first_slot = translator->next_slot;
        translator->next_slot += block->count;
        block->site = memset(block->link + ir->exit_count, 0, sites);
    }
    return block;
}

/* Makes the block whose place, mode and kind are LIKE's. */
static Block *make(Translator *translator, const Block *like)
{
    Cpu *cpu = translator->cpu;
    IrBlock *ir = translator->ir;
    unsigned to_page_end = (4096 - like->real % 4096) / 4;
    unsigned limit = translator->options.block_limit;
    limit = limit ? MIN(limit, to_page_end) : to_page_end;
    if (cpu->watch)
        limit = (unsigned)MIN(limit, (cpu_watch_next(cpu->watch, like->ea + 4) - like->ea) / 4);
    ir_build(ir, cpu, like->ea, translator->memory->ram + like->real, limit);
    ir_optimise(ir);
    Block *block = allocate_block(translator, like);
    if (!target_lower(&translator->code, &translator->thunks, ir, block)) {
        translator_flush(translator);
        return NULL;
    }
    enter_block(translator, block);
    return block;
}

/* True once the block at EA has been asked for often enough. */
static bool is_warm(Translator *translator, uint64_t ea)
{
    uint8_t *heat = &translator->heat[(ea >> 2) % HEAT_COUNTERS];
    if (*heat >= translator->options.threshold)
        return true;
    ++*heat;
    return false;
}

/*
 * The block to run now; NULL: the interpreter's turn (which also raises the exception if the fetch
 * fails, and enters the fetch into the translation set).
 */
static Block *present_block(Translator *translator)
{
    Cpu *cpu = translator->cpu;
    uint64_t ea = cpu->s.cia;
    const FetchEntry *entry = &cpu->code->fetch[FETCH_INDEX(ea)];
    if (cpu->watch && cpu_watch_is_at(cpu->watch, ea))
        return NULL;
    bool is_known = entry->tag == (ea & ~(TLB_PAGE_SIZE - 1));
    if (!is_known && !mmu_fetch_page(cpu, ea))
        return NULL;
    uint64_t real = entry->real + ea % TLB_PAGE_SIZE;
    translator->counters.lookups++;
    Block *block = find(translator, ea, real, cpu->mode_key);
    if (!block && is_warm(translator, ea))
        block = make(translator, &(Block){ .ea = ea,
                                           .real = real,
                                           .mode_key = cpu->mode_key,
                                           .is_hot = translator->options.all_hot });
    return block;
}

/* --- links ------------------------------------------------------------------------------------ */

static void link_to(Translator *translator, Link *link, Block *target)
{
    link->to = target;
    link->next = target->incoming;
    target->incoming = link;
    target_patch(link, translator->code.write + (target->code - translator->code.execute));
}

static void unlink_incoming(Block *block)
{
    for (Link *link = block->incoming; link; link = link->next) {
        link->to = NULL;
        target_patch(link, link->stub);
    }
    block->incoming = NULL;
}

static void unlink_outgoing(Block *block)
{
    for (unsigned i = 0; i < block->link_count; i++) {
        Link *link = &block->link[i];
        if (!link->to)
            continue;
        Link **at = &link->to->incoming;
        while (*at != link)
            at = &(*at)->next;
        *at = link->next;
        link->to = NULL;
        target_patch(link, link->stub);
    }
}

/* --- giving up blocks ------------------------------------------------------------------------- */

static void remove_from_hash(Translator *translator, Block *block)
{
    Block **at = &translator->hash[hash_of(block->ea, block->real, block->mode_key)];
    while (*at != block)
        at = &(*at)->hash_next;
    *at = block->hash_next;
}

static void kill_block(Translator *translator, Block *block)
{
    unlink_incoming(block);
    unlink_outgoing(block);
    remove_from_hash(translator, block);
    mmu_drop_jump(translator->cpu->mmu, block->ea);
    block->is_dead = true;
    translator->counters.invalidations++;
}

bool translator_has_code(const Translator *translator, uint64_t real)
{
    return translator->granules[real >> MEMORY_PAGE_BITS] != 0;
}

/* Kills the page's blocks that touch MASK's granules. */
static void kill_in_page(Translator *translator, uint64_t page, uint64_t mask)
{
    uint64_t left = 0;
    Block **at = &translator->by_page[page];
    while (*at) {
        Block *block = *at;
        if (block_granules(block) & mask) {
            *at = block->page_next;
            kill_block(translator, block);
        } else {
            left |= block_granules(block);
            at = &block->page_next;
        }
    }
    translator->granules[page] = left;
}

void translator_written(Translator *translator, uint64_t real, uint64_t length)
{
    uint64_t last = real + length - 1;
    for (uint64_t page = real >> MEMORY_PAGE_BITS; page <= last >> MEMORY_PAGE_BITS; page++) {
        uint64_t from = MAX(real, page << MEMORY_PAGE_BITS) % 4096 / 64;
        uint64_t to = MIN(last, (page << MEMORY_PAGE_BITS) + 4095) % 4096 / 64;
        uint64_t mask = (UINT64_MAX << from) & (UINT64_MAX >> (63 - to));
        if (!(translator->granules[page] & mask))
            continue;
        kill_in_page(translator, page, mask);
        cpu_stop_at_boundary(translator->cpu);
    }
}

/* Whether the block has a watched instruction in it. */
static bool is_watched(const Block *block, const CpuWatch *watch)
{
    return cpu_watch_next(watch, block->ea) - block->ea < 4ull * block->count;
}

void translator_make_room(Translator *translator, const CpuWatch *watch)
{
    for (uint64_t page = 0; page < memory_page_count(translator->memory); page++) {
        uint64_t mask = 0;
        for (Block *block = translator->by_page[page]; block; block = block->page_next)
            if (is_watched(block, watch))
                mask |= block_granules(block);
        if (mask)
            kill_in_page(translator, page, mask);
    }
}

/* --- hot blocks ------------------------------------------------------------------------------- */

static void remove_from_page(Translator *translator, Block *block)
{
    Block **at = &translator->by_page[block->real >> MEMORY_PAGE_BITS];
    while (*at != block)
        at = &(*at)->page_next;
    *at = block->page_next;
}

/* The block again, as a hot one. Its granules are still those of the page. */
static void make_hot(Translator *translator, Block *block)
{
    const Block like = { .ea = block->ea,
                         .real = block->real,
                         .mode_key = block->mode_key,
                         .is_hot = true,
                         .roams = block->roams,
                         .roamed = block->roams };
    remove_from_page(translator, block);
    kill_block(translator, block);
    make(translator, &like);
}

/*
 * Whether another kind of BLOCK would be better. Operating systems are left alone: they change
 * translations often, and each change empties the sites.
 */
static bool is_due(const Cpu *cpu, const Block *block)
{
    return block->is_hot ? block->roams != block->roamed : (cpu->s.msr & MSR_PR) != 0;
}

/*
 * The budget is too small for the block at the present address: as good a sample as any of where
 * the time goes.
 */
static void take_sample(Translator *translator)
{
    Cpu *cpu = translator->cpu;
    uint64_t ea = cpu->s.cia;
    const FetchEntry *entry = &cpu->code->fetch[FETCH_INDEX(ea)];
    if (entry->tag != (ea & ~(TLB_PAGE_SIZE - 1)))
        return;
    Block *block = find(translator, ea, entry->real + ea % TLB_PAGE_SIZE, cpu->mode_key);
    if (block && is_due(cpu, block) && ++block->samples == HOT_SAMPLES)
        make_hot(translator, block);
}

/* --- running ---------------------------------------------------------------------------------- */

static void enter(Translator *translator, const uint8_t *code)
{
    const uint8_t *at = code_memory_executable(&translator->code, translator->thunks.enter);
    void (*run)(Cpu *, const uint8_t *) = (void (*)(Cpu *, const uint8_t *))(uintptr_t)at;
    translator->cpu->translated.link = NULL;
    translator->cpu->translated.leave = 0;
    translator->cpu->translated.entered_with = translator->cpu->left;
    run(translator->cpu, code);
    cr_pending_settle(translator->cpu);
    float_pending_settle(translator->cpu);
}

/* The code for the present address, by the jump table or by look-up; NULL: the interpreter's turn.
 */
static const uint8_t *present_code(Translator *translator)
{
    Cpu *cpu = translator->cpu;
    uint64_t ea = cpu->s.cia;
    if (cpu->s.msr & (MSR_SE | MSR_BE))
        return NULL;
    if (cpu->code->jump[JUMP_INDEX(ea)].ea == ea)
        return cpu->code->jump[JUMP_INDEX(ea)].code;
    const Block *block = present_block(translator);
    if (!block)
        return NULL;
    cpu->code->jump[JUMP_INDEX(ea)] = (JumpEntry){ ea, block->code };
    tlb_note_fill(&cpu->code->head, FILL_JUMP, JUMP_INDEX(ea));
    return block->code;
}

/*
 * Code came by an exit that was not linked: goes on at its target, by the link from now on. NULL:
 * as present_code().
 */
static const uint8_t *follow(Translator *translator, Link *link)
{
    uint64_t flushes = translator->counters.flushes;
    Block *target = present_block(translator);
    if (!target)
        return NULL;
    /* Making it may have flushed everything, the link too; a dead block is not entered again. */
    if (translator->counters.flushes == flushes && !link->from->is_dead)
        link_to(translator, link, target);
    return target->code;
}

const uint8_t *helper_go_on(Cpu *cpu)
{
    Translator *translator = cpu->translator;
    Link *link = (Link *)cpu->translated.link;
    const uint8_t *code = NULL;
    cpu->translated.leave = 0;
    cpu->translated.link = NULL;
    if (link)
        cpu->s.cia = link->target;
    /* Without budget nothing is attempted: the fetch must leave no trace. */
    bool stuck = cpu->left == cpu->translated.entered_with;
    if (cpu->left > 0 && !stuck && !cpu->translated.must_return)
        code = link ? follow(translator, link) : present_code(translator);
    cpu->translated.entered_with = cpu->left;
    return code ? code : code_memory_executable(&translator->code, translator->thunks.exit_plain);
}

/* The interpreter's turn; false: back to the boundary. */
static bool interpret(Cpu *cpu, bool *arrived)
{
    if (G_UNLIKELY(cpu->watch != NULL))
        return cpu_watch_run_straight(cpu, arrived);
    return interpreter_run_straight(cpu);
}

static void run_blocks(Cpu *cpu)
{
    Translator *translator = cpu->translator;
    bool arrived = false; /* at a watched instruction */
    cpu->translated.must_return = 0;
    while (cpu->left > 0 && !arrived) {
        const uint8_t *code = present_code(translator);
        int64_t before = cpu->left;
        if (code) {
            enter(translator, code);
            if (cpu->translated.must_return)
                return;
            arrived = cpu->watch && cpu_watch_is_at(cpu->watch, cpu->s.cia);
        }
        if (cpu->left == before) {
            /* No code yet, or more budget than is left for its first block. */
            if (code)
                take_sample(translator);
            translator->counters.interpreted++;
            if (cpu->observer)
                cpu->observer->block_left(cpu->observer->opaque, cpu);
            if (!interpret(cpu, &arrived))
                return;
        }
    }
}

void translator_run(Cpu *cpu)
{
    const CpuObserver *observer = cpu->observer;
    if (observer)
        observer->budget_begins(observer->opaque, cpu);
    run_blocks(cpu);
    if (observer)
        observer->block_left(observer->opaque, cpu);
}

void translator_counters(const Translator *translator, TranslatorCounters *counters)
{
    *counters = translator->counters;
    counters->code_bytes = code_memory_used(&translator->code);
}

/* --- helpers
 * ------------------------------------------------------------------------------------------------
 */

/* Makes the count and the address exact for instruction INDEX of BLOCK. */
static void stand_at(Cpu *cpu, const Block *block, unsigned index, int64_t budget)
{
    cpu->s.cia = block->ea + 4 * index;
    cpu->left = budget + (block->count - (int64_t)index);
}

static void leave(Cpu *cpu, ExecStatus status)
{
    cpu->translated.leave = 1;
    if (!interpreter_finish_attempt(cpu, status))
        cpu->translated.must_return = 1;
}

void helper_call(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    unsigned index = HELPER_INSN(what);
    const Insn *insn = &block->insn[index];
    stand_at(cpu, block, index, budget);
    int64_t before = cpu->left;
    ExecStatus status = insn->execute(cpu, insn);
    bool is_last = index + 1u == block->count;
    if (status != EXEC_NEXT || cpu->left != before || is_last)
        leave(cpu, status == EXEC_NEXT ? EXEC_BOUNDARY : status);
}

void helper_rest(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    for (unsigned index = HELPER_INSN(what); !cpu->translated.leave; index++)
        helper_call(cpu, block, index, budget);
}

static uint64_t extend(uint64_t value, uint32_t what)
{
    unsigned shift = 64 - 8 * HELPER_SIZE(what);
    return what & HELPER_SIGNED ? (uint64_t)((int64_t)(value << shift) >> shift) : value;
}

static uint64_t swap(uint64_t value, unsigned size)
{
    return GUINT64_SWAP_LE_BE(value) >> (64 - 8 * size);
}

/*
 * The instruction has completed but a boundary must look: what its SETs would do is done here. The
 * rows that are built as memory nodes have RT at t and, in update forms, the base at a.
 */
static void complete(Cpu *cpu, const Insn *insn, const uint64_t *loaded)
{
    const IsaRow *row = isa_lookup(insn->word, cpu->model->families);
    if (loaded)
        cpu->s.gpr[insn->t] = *loaded;
    if (row->flags & ISA_UPDATE)
        cpu->s.gpr[insn->a] = cpu->translated.ea;
    leave(cpu, EXEC_BOUNDARY);
}

uint64_t helper_load(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    unsigned index = HELPER_INSN(what), size = HELPER_SIZE(what);
    const Insn *insn = &block->insn[index];
    uint64_t value = 0;
    stand_at(cpu, block, index, budget);
    int64_t before = cpu->left;
    if (!cpu_load_slow(cpu, cpu->translated.ea, size, &value)) {
        leave(cpu, EXEC_EXCEPTION);
        return 0;
    }
    value = extend(what & HELPER_SWAP ? swap(value, size) : value, what);
    if (cpu->left != before)
        complete(cpu, insn, &value);
    return value;
}

void helper_store(Cpu *cpu, const Block *block, uint32_t what, int64_t budget)
{
    unsigned index = HELPER_INSN(what), size = HELPER_SIZE(what);
    const Insn *insn = &block->insn[index];
    uint64_t value = cpu->translated.value;
    stand_at(cpu, block, index, budget);
    int64_t before = cpu->left;
    if (what & HELPER_SWAP)
        value = swap(value, size);
    if (!cpu_store_slow(cpu, cpu->translated.ea, size, &value))
        leave(cpu, EXEC_EXCEPTION);
    else if (cpu->left != before)
        complete(cpu, insn, NULL);
}
