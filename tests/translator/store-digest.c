/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. At instruction count K the digest holds the stores of instructions before K. Those of number K
 *    itself, of which its fetch may have made one (R in the page table), wait until K is done: an
 *    engine may fetch before it asks or after.
 * 2. The place where a budget begins is no exit: interrupts may have been taken there.
 */
#include "tests/translator/store-digest.h"

#include <string.h>
#include <xxhash.h>

typedef struct {
    uint64_t icount, cia, registers, stores;
} ExitDigest;

/* --- stores ----------------------------------------------------------------------------------- */

static void digest_present(StoreDigest *digest)
{
    for (unsigned i = 0; i < digest->present_count; i++) {
        const Stored *piece = &digest->present[i];
        const uint64_t head[] = { digest->digest, piece->icount, piece->at, piece->size };
        digest->digest =
            XXH3_64bits_withSeed(piece->data, piece->size, XXH3_64bits(head, sizeof head));
        digest->last[digest->count++ % STORED_PIECES] = *piece;
    }
    digest->present_count = 0;
}

/* The digest of the stores of instructions before ICOUNT. */
static uint64_t digest_before(StoreDigest *digest, uint64_t icount)
{
    if (digest->present_count && digest->present[0].icount < icount)
        digest_present(digest);
    return digest->digest;
}

static void note_stored(void *opaque, uint64_t icount, uint64_t at, unsigned size, const void *data)
{
    StoreDigest *digest = opaque;
    digest_before(digest, icount);
    Stored *piece = &digest->present[digest->present_count];
    bool joins = digest->present_count > 0 && piece[-1].at + piece[-1].size == at &&
                 piece[-1].size + size <= sizeof piece->data;
    if (joins) {
        piece--;
    } else {
        g_assert(digest->present_count < STORED_PIECES && size <= sizeof piece->data);
        digest->present_count++;
        *piece = (Stored){ .icount = icount, .at = at };
    }
    g_assert(piece->icount == icount);
    memcpy(piece->data + piece->size, data, size);
    piece->size += size;
}

/* --- exits ------------------------------------------------------------------------------------ */

/* From FIRST to before LAST, members of CpuState. */
#define HASH_SPAN(s, first, last, seed)                                                            \
    XXH3_64bits_withSeed(&(s)->first, offsetof(CpuState, last) - offsetof(CpuState, first), seed)

/* All but special registers, which only functions of the interpreter change. */
static uint64_t digest_registers(const Cpu *cpu)
{
    uint64_t hash = HASH_SPAN(&cpu->s, gpr, spr, 0);
    return HASH_SPAN(&cpu->s, reserve_granule, external_line, hash);
}

static void note_budget(void *opaque, const Cpu *cpu)
{
    StoreDigest *digest = opaque;
    digest->budget_start = cpu_icount(cpu);
}

static void note_exit(void *opaque, const Cpu *cpu)
{
    StoreDigest *digest = opaque;
    uint64_t icount = cpu_icount(cpu);
    bool is_known =
        digest->exits->len &&
        g_array_index(digest->exits, ExitDigest, digest->exits->len - 1).icount == icount;
    if (is_known || icount == digest->budget_start)
        return;
    ExitDigest exit = { icount, cpu->s.cia, digest_registers(cpu), digest_before(digest, icount) };
    g_array_append_val(digest->exits, exit);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void describe_last(GString *text, const char *who, const StoreDigest *digest)
{
    uint64_t shown = MIN(digest->count, 4);
    for (uint64_t i = digest->count - shown; i < digest->count; i++) {
        const Stored *piece = &digest->last[i % STORED_PIECES];
        g_string_append_printf(text,
                               "%s: store %" G_GUINT64_FORMAT " at instruction %" G_GUINT64_FORMAT
                               ": %u bytes at 0x%" G_GINT64_MODIFIER "x:",
                               who, i, piece->icount, piece->size, piece->at);
        for (unsigned b = 0; b < MIN(piece->size, 16); b++)
            g_string_append_printf(text, " %02x", piece->data[b]);
        g_string_append_c(text, '\n');
    }
}

static char *describe_stores(const StoreDigest *reference, const StoreDigest *translated,
                             uint64_t icount)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "stores before instruction %" G_GUINT64_FORMAT " differ\n",
                           icount);
    describe_last(text, "interpreter", reference);
    describe_last(text, "translator, since then", translated);
    return g_string_free(text, FALSE);
}

char *store_digest_compare(StoreDigest *reference, StoreDigest *translated)
{
    if (!reference->cpu)
        return NULL;
    uint64_t icount = cpu_icount(reference->cpu);
    if (digest_before(reference, icount) == digest_before(translated, icount) &&
        reference->count == translated->count)
        return NULL;
    return describe_stores(reference, translated, icount);
}

static char *compare_exit(StoreDigest *reference, const StoreDigest *translated,
                          const ExitDigest *exit)
{
    const Cpu *cpu = reference->cpu;
    if (cpu_icount(cpu) != exit->icount || cpu->s.cia != exit->cia ||
        digest_registers(cpu) != exit->registers)
        return g_strdup_printf(
            "registers differ where a block was left: instruction %" G_GUINT64_FORMAT
            ", cia 0x%" G_GINT64_MODIFIER "x; instruction %" G_GUINT64_FORMAT
            ", cia 0x%" G_GINT64_MODIFIER "x\n",
            cpu_icount(cpu), cpu->s.cia, exit->icount, exit->cia);
    if (digest_before(reference, exit->icount) != exit->stores)
        return describe_stores(reference, translated, exit->icount);
    return NULL;
}

char *store_digest_follow(StoreDigest *reference, StoreDigest *translated, RunTo run_to,
                          void *opaque)
{
    char *difference = NULL;
    for (guint i = 0; reference->cpu && i < translated->exits->len && !difference; i++) {
        const ExitDigest *exit = &g_array_index(translated->exits, ExitDigest, i);
        run_to(opaque, exit->icount);
        difference = compare_exit(reference, translated, exit);
        reference->exits_followed++;
    }
    if (translated->exits)
        g_array_set_size(translated->exits, 0);
    return difference;
}

/* --- beginning and ending --------------------------------------------------------------------- */

void store_digest_begin(StoreDigest *digest, Cpu *cpu, bool observed)
{
    GArray *exits = digest->exits ? digest->exits : g_array_new(FALSE, FALSE, sizeof(ExitDigest));
    g_array_set_size(exits, 0);
    *digest = (StoreDigest){ .observer = { note_stored, note_budget, note_exit, digest },
                             .cpu = observed ? cpu : NULL,
                             .budget_start = UINT64_MAX,
                             .exits = exits };
    cpu->observer = observed ? &digest->observer : NULL;
}

void store_digest_clear(StoreDigest *digest)
{
    g_clear_pointer(&digest->exits, g_array_unref);
}
