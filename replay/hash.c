/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/hash.h"

#include <string.h>

#include "replay/hash-page.h"

/* Inlined, so that a state of XXH3 can live on the stack whatever library is installed. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/* --- digests -------------------------------------------------------------- */

/* clang-format off */
const StateTable digest_state = {
    "digest", 1, sizeof(Digest), (const StateField[]) {
        STATE_BYTES(Digest, bytes, "XXH3-128, most significant byte first"),
        STATE_DONE
    }
};
/* clang-format on */

static void digest_from_hash(Digest *digest, XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(digest->bytes, canonical.digest, DIGEST_SIZE);
}

void digest_bytes(Digest *digest, const void *data, gsize length)
{
    digest_from_hash(digest, XXH3_128bits(data, length));
}

static void feed_state(gpointer user, const guint8 *data, gsize length)
{
    XXH3_128bits_update(user, data, length);
}

void digest_struct(Digest *digest, const StateTable *table, const void *state)
{
    XXH3_state_t hash;

    XXH3_128bits_reset(&hash);
    state_feed(table, state, feed_state, &hash);
    digest_from_hash(digest, XXH3_128bits_digest(&hash));
}

gboolean digest_equal(const Digest *a, const Digest *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

gboolean digest_is_zero(const Digest *digest)
{
    static const Digest zero;

    return digest_equal(digest, &zero);
}

void digest_to_hex(const Digest *digest, char hex[2 * DIGEST_SIZE + 1])
{
    for (guint i = 0; i < DIGEST_SIZE; i++) {
        g_snprintf(hex + 2 * i, 3, "%02x", digest->bytes[i]);
    }
}

/* --- hasher --------------------------------------------------------------- */

struct Hasher {
    XXH3_state_t *hash;
};

Hasher *hasher_new(void)
{
    Hasher *hasher = g_new0(Hasher, 1);

    hasher->hash = XXH3_createState();
    g_assert(hasher->hash);
    hasher_reset(hasher);
    return hasher;
}

void hasher_free(Hasher *hasher)
{
    if (hasher) {
        XXH3_freeState(hasher->hash);
        g_free(hasher);
    }
}

void hasher_reset(Hasher *hasher)
{
    XXH3_128bits_reset(hasher->hash);
}

void hasher_u32(Hasher *hasher, guint32 value)
{
    value = GUINT32_TO_BE(value);
    hasher_bytes(hasher, &value, sizeof(value));
}

void hasher_u64(Hasher *hasher, guint64 value)
{
    value = GUINT64_TO_BE(value);
    hasher_bytes(hasher, &value, sizeof(value));
}

void hasher_bytes(Hasher *hasher, const void *data, gsize length)
{
    XXH3_128bits_update(hasher->hash, data, length);
}

void hasher_feed(gpointer user, const guint8 *data, gsize length)
{
    hasher_bytes(user, data, length);
}

void hasher_struct(Hasher *hasher, const StateTable *table, const void *state)
{
    state_feed(table, state, feed_state, hasher->hash);
}

void hasher_digest(const Hasher *hasher, Digest *digest)
{
    digest_from_hash(digest, XXH3_128bits_digest(hasher->hash));
}

/* --- list ----------------------------------------------------------------- */

struct HashList {
    GArray *components;
    guint64 point_pages; /* of RAM, that points have digested into it; resetting keeps the count */
};

HashList *hash_list_new(void)
{
    HashList *list = g_new0(HashList, 1);

    list->components = g_array_new(FALSE, TRUE, sizeof(HashComponent));
    return list;
}

void hash_list_free(HashList *list)
{
    if (list) {
        g_array_unref(list->components);
        g_free(list);
    }
}

void hash_list_reset(HashList *list)
{
    g_array_set_size(list->components, 0);
}

void hash_list_add(HashList *list, const char *name, const Digest *digest)
{
    HashComponent component = { .digest = *digest };
    gsize length = strlen(name);

    g_assert(length > 0 && length < HASH_NAME_MAX);
    g_assert(list->components->len < HASH_COMPONENTS_MAX);
    for (guint i = 0; i < list->components->len; i++) {
        g_assert(strcmp(hash_list_get(list, i)->name, name) != 0);
    }
    memcpy(component.name, name, length);
    g_array_append_val(list->components, component);
}

void hash_list_add_struct(HashList *list, const char *name, const StateTable *table,
                          const void *state)
{
    Digest digest;

    digest_struct(&digest, table, state);
    hash_list_add(list, name, &digest);
}

guint64 hash_list_point_bytes(const HashList *list)
{
    return list->point_pages * HASH_RAM_PAGE;
}

guint hash_list_length(const HashList *list)
{
    return list->components->len;
}

const HashComponent *hash_list_get(const HashList *list, guint index)
{
    g_assert(index < list->components->len);
    return &g_array_index(list->components, HashComponent, index);
}

void hash_list_digest(const HashList *list, Digest *digest)
{
    digest_bytes(digest, list->components->data,
                 (gsize)list->components->len * sizeof(HashComponent));
}

/* --- RAM ------------------------------------------------------------------ */

/* clang-format off */
const StateTable ram_hash_state = {
    "ram-hash", 1, sizeof(RamHash), (const StateField[]) {
        STATE_FIELD(RamHash, cursor, "page at which the next hash point begins to look"),
        STATE_DONE
    }
};
/* clang-format on */

static gboolean is_zero(const guint8 *data)
{
    guint64 first;

    memcpy(&first, data, sizeof(first));
    return first == 0 && memcmp(data, data + sizeof(first), HASH_RAM_PAGE - sizeof(first)) == 0;
}

/* Pages of zeros, which are many, add nothing. */
static void feed_page(XXH3_state_t *hash, const RamView *view, guint64 page)
{
    const guint8 *data = view->data + page * HASH_RAM_PAGE;
    Digest digest;

    if (!is_zero(data)) {
        digest_page(&digest, data, page);
        XXH3_128bits_update(hash, digest.bytes, sizeof(digest.bytes));
    }
}

static void add_named(HashList *list, const char *prefix, const char *name, XXH3_state_t *hash)
{
    char full[HASH_NAME_MAX];
    Digest digest;

    g_assert((gsize)g_snprintf(full, sizeof(full), "%s%s", prefix, name) < sizeof(full));
    digest_from_hash(&digest, XXH3_128bits_digest(hash));
    hash_list_add(list, full, &digest);
}

/* Digests dirty pages of [from, end) into HASH while *COUNT allows, returns the page behind. */
static guint64 feed_dirty(XXH3_state_t *hash, const RamView *view, guint64 from, guint64 end,
                          guint *count)
{
    while (*count < HASH_RAM_PAGES_MAX) {
        guint64 page = view->next_dirty(view->user, from);

        if (page >= end) {
            return end;
        }
        guint64 number = GUINT64_TO_BE(page);
        g_assert(page >= from);
        XXH3_128bits_update(hash, &number, sizeof(number));
        feed_page(hash, view, page);
        from = page + 1;
        ++*count;
    }
    return from;
}

guint64 ram_hash_slices(guint64 pages)
{
    return MAX(HASH_RAM_SLICES, (pages + HASH_SLICE_MAX - 1) / HASH_SLICE_MAX);
}

void ram_hash_point(RamHash *hash, const RamView *view, guint64 icount, const char *prefix,
                    HashList *list)
{
    guint64 slices = ram_hash_slices(view->pages);
    guint64 slice = (icount / HASH_POINT_INTERVAL) % slices;
    guint64 start = hash->cursor < view->pages ? hash->cursor : 0;
    guint count = 0;
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    hash->cursor = feed_dirty(&state, view, start, view->pages, &count);
    if (count < HASH_RAM_PAGES_MAX) {
        hash->cursor = feed_dirty(&state, view, 0, start, &count);
    }
    add_named(list, prefix, "ram-dirty", &state);

    list->point_pages += count;
    XXH3_128bits_reset(&state);
    for (guint64 page = slice * view->pages / slices; page < (slice + 1) * view->pages / slices;
         page++) {
        /* Those that were never written are zero, or will be found not to be at the end. */
        if (!view->marks || view->marks[page]) {
            feed_page(&state, view, page);
            list->point_pages++;
        }
    }
    add_named(list, prefix, "ram-slice", &state);
}

void ram_hash_all(RamHash *hash, const RamView *view, const char *prefix, HashList *list)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    for (guint64 page = 0; page < view->pages; page++) {
        if (!view->marks || view->marks[page]) {
            feed_page(&state, view, page);
        }
    }
    add_named(list, prefix, "ram", &state);
    hash->cursor = 0;
}

/* --- output --------------------------------------------------------------- */

/* clang-format off */
const StateTable output_hash_state = {
    "output-hash", 1, sizeof(OutputHash), (const StateField[]) {
        STATE_STRUCT(OutputHash, chain, &digest_state, "digest of all full blocks"),
        STATE_FIELD(OutputHash, total, "bytes so far"),
        STATE_BYTES(OutputHash, pending, "bytes of the block that is not full"),
        STATE_DONE
    }
};
/* clang-format on */

void output_hash_init(OutputHash *hash)
{
    memset(hash, 0, sizeof(*hash));
}

static void fold_block(OutputHash *hash)
{
    guint8 block[DIGEST_SIZE + sizeof(hash->pending)];

    memcpy(block, hash->chain.bytes, DIGEST_SIZE);
    memcpy(block + DIGEST_SIZE, hash->pending, sizeof(hash->pending));
    digest_bytes(&hash->chain, block, sizeof(block));
    memset(hash->pending, 0, sizeof(hash->pending));
}

void output_hash_add(OutputHash *hash, const void *data, gsize length)
{
    const guint8 *bytes = data;

    while (length) {
        gsize used = hash->total % sizeof(hash->pending);
        gsize part = MIN(length, sizeof(hash->pending) - used);

        memcpy(hash->pending + used, bytes, part);
        hash->total += part;
        bytes += part;
        length -= part;
        if (used + part == sizeof(hash->pending)) {
            fold_block(hash);
        }
    }
}
