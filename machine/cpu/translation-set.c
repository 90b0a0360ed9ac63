/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool of entries with two kinds of chains through it: by hash of the key, for look-ups, and by
 * context, so that dropping an address space costs what it holds and not what the set holds. Links
 * are pool indices (0 ends a chain; entry 0 is never used).
 *
 * Pages of four sizes live in one table: a look-up probes each size that is present.
 */
#include "machine/cpu/translation-set.h"

#include <string.h>
#include <xxhash.h>

#define POOL_SIZE       (TRANSLATION_SET_LIMIT + 1)
#define BUCKETS         65536u
#define CONTEXT_BUCKETS 1024u
#define MAX_SHIFT       64

typedef struct {
    TranslationEntry entry;
    uint32_t next;          /* in its hash bucket; for free slots, the next free one */
    uint32_t after, before; /* in its context's chain */
} Slot;

struct TranslationSet {
    Slot *pool;
    uint32_t *bucket;
    uint32_t *context_bucket;
    uint32_t free;
    uint32_t used; /* slots ever handed out since the last clear */
    uint32_t count;
    uint32_t count_by_shift[MAX_SHIFT];
    uint64_t shifts; /* a bit for each that is not 0 */
    uint64_t sum[2]; /* of the entries' digests */
};

TranslationSet *translation_set_new(void)
{
    TranslationSet *set = g_new0(TranslationSet, 1);
    set->pool = g_new0(Slot, POOL_SIZE);
    set->bucket = g_new0(uint32_t, BUCKETS);
    set->context_bucket = g_new0(uint32_t, CONTEXT_BUCKETS);
    return set;
}

void translation_set_free(TranslationSet *set)
{
    if (!set)
        return;
    g_free(set->pool);
    g_free(set->bucket);
    g_free(set->context_bucket);
    g_free(set);
}

static uint32_t key_hash(uint32_t context, uint64_t page, unsigned shift, uint8_t access)
{
    uint64_t key = (page >> shift) * 0x9e3779b97f4a7c15ull ^
                   ((uint64_t)context << 8 | shift << 2 | access) * 0xc2b2ae3d27d4eb4full;
    return (uint32_t)(key >> 40) % BUCKETS;
}

static uint64_t page_of(uint64_t ea, unsigned shift)
{
    return ea >> shift << shift;
}

/* Serialised alike for digests and snapshots: big-endian, no padding. */
static void entry_encode(const TranslationEntry *entry, uint8_t out[30])
{
    uint64_t words[3] = { GUINT64_TO_BE(entry->page), GUINT64_TO_BE(entry->real),
                          GUINT64_TO_BE(entry->bits) };
    uint32_t context = GUINT32_TO_BE(entry->context);
    memcpy(out, words, 24);
    memcpy(out + 24, &context, 4);
    out[28] = entry->shift;
    out[29] = entry->access;
}

static void sum_change(TranslationSet *set, const TranslationEntry *entry, bool add)
{
    uint8_t bytes[30];
    entry_encode(entry, bytes);
    XXH128_hash_t digest = XXH3_128bits(bytes, sizeof bytes);
    set->sum[0] += add ? digest.high64 : -digest.high64;
    set->sum[1] += add ? digest.low64 : -digest.low64;
}

static uint32_t find_exact(const TranslationSet *set, uint32_t context, uint64_t page,
                           unsigned shift, uint8_t access)
{
    uint32_t i = set->bucket[key_hash(context, page, shift, access)];
    for (; i; i = set->pool[i].next) {
        const TranslationEntry *entry = &set->pool[i].entry;
        if (entry->page == page && entry->context == context && entry->shift == shift &&
            entry->access == access)
            break;
    }
    return i;
}

/* Calls for each page size present, smallest first. */
#define FOR_EACH_SHIFT(set, shift)                                                                 \
    for (uint64_t left = (set)->shifts; left; left &= left - 1)                                    \
        for (unsigned shift = (unsigned)__builtin_ctzll(left), once = 1; once; once = 0)

const TranslationEntry *translation_set_find(const TranslationSet *set, uint32_t context,
                                             uint64_t ea, uint8_t access)
{
    FOR_EACH_SHIFT(set, shift)
    {
        uint32_t i = find_exact(set, context, page_of(ea, shift), shift, access);
        if (i)
            return &set->pool[i].entry;
    }
    return NULL;
}

static void link_slot(TranslationSet *set, uint32_t i)
{
    Slot *slot = &set->pool[i];
    const TranslationEntry *entry = &slot->entry;
    uint32_t *bucket =
        &set->bucket[key_hash(entry->context, entry->page, entry->shift, entry->access)];
    slot->next = *bucket;
    *bucket = i;
    uint32_t *chain = &set->context_bucket[entry->context % CONTEXT_BUCKETS];
    slot->before = 0;
    slot->after = *chain;
    if (*chain)
        set->pool[*chain].before = i;
    *chain = i;
    set->count++;
    if (set->count_by_shift[entry->shift]++ == 0)
        set->shifts |= 1ull << entry->shift;
    sum_change(set, entry, true);
}

static void unlink_slot(TranslationSet *set, uint32_t i)
{
    Slot *slot = &set->pool[i];
    const TranslationEntry *entry = &slot->entry;
    uint32_t *at = &set->bucket[key_hash(entry->context, entry->page, entry->shift, entry->access)];
    while (*at != i)
        at = &set->pool[*at].next;
    *at = slot->next;
    if (slot->before)
        set->pool[slot->before].after = slot->after;
    else
        set->context_bucket[entry->context % CONTEXT_BUCKETS] = slot->after;
    if (slot->after)
        set->pool[slot->after].before = slot->before;
    set->count--;
    if (--set->count_by_shift[entry->shift] == 0)
        set->shifts &= ~(1ull << entry->shift);
    sum_change(set, entry, false);
    slot->next = set->free;
    set->free = i;
}

bool translation_set_add(TranslationSet *set, const TranslationEntry *entry)
{
    g_assert(entry->shift < MAX_SHIFT && entry->page == page_of(entry->page, entry->shift));
    uint32_t i = find_exact(set, entry->context, entry->page, entry->shift, entry->access);
    if (i)
        unlink_slot(set, i);
    bool emptied = set->count == TRANSLATION_SET_LIMIT;
    if (emptied)
        translation_set_clear(set);
    i = set->free;
    if (i)
        set->free = set->pool[i].next;
    else
        i = ++set->used;
    set->pool[i].entry = *entry;
    link_slot(set, i);
    return emptied;
}

unsigned translation_set_remove_page(TranslationSet *set, uint32_t context, uint64_t ea,
                                     TranslationEntry removed[TRANSLATION_REMOVED_MAX])
{
    unsigned count = 0;
    FOR_EACH_SHIFT(set, shift)
    {
        for (uint8_t access = 0; access < 3; access++) {
            uint32_t i = find_exact(set, context, page_of(ea, shift), shift, access);
            if (i) {
                g_assert(count < TRANSLATION_REMOVED_MAX);
                removed[count++] = set->pool[i].entry;
                unlink_slot(set, i);
            }
        }
    }
    return count;
}

unsigned translation_set_remove_context(TranslationSet *set, uint32_t context)
{
    unsigned count = 0;
    uint32_t i = set->context_bucket[context % CONTEXT_BUCKETS];
    while (i) {
        uint32_t after = set->pool[i].after;
        if (set->pool[i].entry.context == context) {
            unlink_slot(set, i);
            count++;
        }
        i = after;
    }
    return count;
}

void translation_set_clear(TranslationSet *set)
{
    memset(set->bucket, 0, BUCKETS * sizeof *set->bucket);
    memset(set->context_bucket, 0, CONTEXT_BUCKETS * sizeof *set->context_bucket);
    memset(set->count_by_shift, 0, sizeof set->count_by_shift);
    set->shifts = 0;
    set->free = set->used = set->count = 0;
    set->sum[0] = set->sum[1] = 0;
}

unsigned translation_set_count(const TranslationSet *set)
{
    return set->count;
}

void translation_set_feed(const TranslationSet *set, StateFeed feed, void *user)
{
    uint64_t words[3] = { GUINT64_TO_BE(set->count), GUINT64_TO_BE(set->sum[0]),
                          GUINT64_TO_BE(set->sum[1]) };
    feed(user, (const uint8_t *)words, sizeof words);
}

static int slot_compare(const void *a, const void *b)
{
    uint8_t x[30], y[30];
    entry_encode(&((const Slot *)a)->entry, x);
    entry_encode(&((const Slot *)b)->entry, y);
    return memcmp(x, y, sizeof x);
}

/* Sorted, so that equal sets give equal bytes. */
void translation_set_save(const TranslationSet *set, StateWriter *writer)
{
    g_autofree Slot *sorted = g_new(Slot, set->count + 1);
    uint32_t n = 0;
    for (uint32_t c = 0; c < CONTEXT_BUCKETS; c++)
        for (uint32_t i = set->context_bucket[c]; i; i = set->pool[i].after)
            sorted[n++] = set->pool[i];
    g_assert(n == set->count);
    qsort(sorted, n, sizeof *sorted, slot_compare);
    state_writer_u32(writer, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t bytes[30];
        entry_encode(&sorted[i].entry, bytes);
        state_writer_bytes(writer, bytes, sizeof bytes);
    }
}

void translation_set_load(TranslationSet *set, StateReader *reader)
{
    translation_set_clear(set);
    uint32_t count = state_reader_u32(reader);
    if (count > TRANSLATION_SET_LIMIT)
        state_reader_fail(reader, "translation set: %u entries, the limit is %u", count,
                          TRANSLATION_SET_LIMIT);
    for (uint32_t i = 0; i < count && !state_reader_failed(reader); i++) {
        TranslationEntry entry = { 0 };
        entry.page = state_reader_u64(reader);
        entry.real = state_reader_u64(reader);
        entry.bits = state_reader_u64(reader);
        entry.context = state_reader_u32(reader);
        entry.shift = state_reader_u8(reader);
        entry.access = state_reader_u8(reader);
        if (entry.shift < 12 || entry.shift >= MAX_SHIFT || entry.access > 2 ||
            entry.page != page_of(entry.page, entry.shift) ||
            entry.real != page_of(entry.real, entry.shift)) {
            state_reader_fail(reader, "translation set: entry %u is malformed", i);
            return;
        }
        translation_set_add(set, &entry);
    }
}
