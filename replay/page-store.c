/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Maps are trees of two levels: leaves of 512 references that are shared like the pages, so that a
 * capture costs one leaf for every 2 MiB that were written to, not the whole tree.
 *
 * Bytes come from slabs of 2 MiB, which the host maps in one piece if it can: a capture would spend
 * more time on page faults than on copying. A few empty slabs are kept for the next one.
 */
#include "replay/page-store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "replay/page-pack.h"

#define LEAF_PAGES  512u
#define SLAB_BYTES  (2u << 20)
#define SLAB_BLOCKS (SLAB_BYTES / PAGE_BYTES - 1) /* the first block is the slab's own */
#define SPARE_MAX   32u                           /* empty slabs */

typedef struct Leaf {
    guint32 references;
    guint32 used; /* pages that are there */
    Page *page[LEAF_PAGES];
} Leaf;

struct PageMap {
    guint32 references;
    guint64 pages;
    PageStore *store;
    Leaf *leaf[]; /* NULL: all zero */
};

typedef struct Slab {
    struct Slab *next, *previous; /* in the list of slabs with free blocks */
    guint8 *free;                 /* a chain through the blocks */
    guint32 used;
} Slab;

struct PageStore {
    GPtrArray *packs;
    int directory;
    Slab *open; /* with free blocks; those with used ones first */
    guint spare;
    guint64 pages, blocks, slabs;
    PackReader *reader;
};

PageStore *page_store_new(void)
{
    PageStore *store = g_new0(PageStore, 1);
    store->packs = g_ptr_array_new();
    store->directory = -1;
    store->reader = pack_reader_new();
    return store;
}

static void free_pack(gpointer data, gpointer user)
{
    pack_close(data);
    g_free(data);
}

void page_store_free(PageStore *store)
{
    if (!store)
        return;
    g_assert(!store->pages && !store->blocks);
    for (Slab *slab = store->open; slab;) {
        Slab *next = slab->next;
        munmap(slab, SLAB_BYTES);
        slab = next;
    }
    g_ptr_array_foreach(store->packs, free_pack, NULL);
    g_ptr_array_unref(store->packs);
    pack_reader_free(store->reader);
    g_free(store);
}

void page_store_figures(const PageStore *store, PageFigures *figures)
{
    *figures =
        (PageFigures){ .pages = store->pages,
                       .memory_bytes = store->blocks * PAGE_BYTES,
                       .free_bytes = (store->slabs * SLAB_BLOCKS - store->blocks) * PAGE_BYTES };
}

/* --- packs ------------------------------------------------------------------------------------ */

void page_store_set_directory(PageStore *store, int directory)
{
    store->directory = directory;
}

PagePack *page_store_find_pack(PageStore *store, const char *name)
{
    for (guint i = 0; i < store->packs->len; i++) {
        PagePack *pack = g_ptr_array_index(store->packs, i);
        if (!pack->is_gone && strcmp(pack->name, name) == 0)
            return pack;
    }
    return NULL;
}

PagePack *page_store_pack(PageStore *store, const char *name)
{
    PagePack *pack = page_store_find_pack(store, name);
    if (!pack) {
        pack = g_new0(PagePack, 1);
        g_strlcpy(pack->name, name, sizeof pack->name);
        pack->directory = store->directory;
        pack->fd = -1;
        g_ptr_array_add(store->packs, pack);
    }
    return pack;
}

/* --- memory ----------------------------------------------------------------------------------- */

static Slab *map_slab(void)
{
    guint8 *twice =
        mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (twice == MAP_FAILED)
        g_error("no memory for a copy of the guest's: %s", g_strerror(errno));
    gsize before = -(gsize)twice & (SLAB_BYTES - 1);
    if (before)
        munmap(twice, before);
    munmap(twice + before + SLAB_BYTES, SLAB_BYTES - before);
    madvise(twice + before, SLAB_BYTES, MADV_HUGEPAGE);
    return (Slab *)(gpointer)(twice + before);
}

static void unlink_slab(PageStore *store, Slab *slab)
{
    if (slab->previous)
        slab->previous->next = slab->next;
    else
        store->open = slab->next;
    if (slab->next)
        slab->next->previous = slab->previous;
}

static void link_slab(PageStore *store, Slab *slab)
{
    slab->previous = NULL;
    slab->next = store->open;
    if (store->open)
        store->open->previous = slab;
    store->open = slab;
}

static void add_slab(PageStore *store)
{
    Slab *slab = map_slab();
    slab->used = 0;
    slab->free = NULL;
    for (guint i = SLAB_BLOCKS; i > 0; i--) {
        guint8 *block = (guint8 *)slab + (gsize)i * PAGE_BYTES;
        *(guint8 **)(gpointer)block = slab->free;
        slab->free = block;
    }
    link_slab(store, slab);
    store->spare++;
    store->slabs++;
}

void page_store_reserve(PageStore *store)
{
    add_slab(store);
}

static guint8 *take_block(PageStore *store)
{
    if (!store->open)
        add_slab(store);
    Slab *slab = store->open;
    guint8 *block = slab->free;
    slab->free = *(guint8 **)(gpointer)block;
    store->spare -= slab->used == 0;
    if (++slab->used == SLAB_BLOCKS)
        unlink_slab(store, slab);
    store->blocks++;
    return block;
}

static void give_block(PageStore *store, guint8 *block)
{
    Slab *slab = (Slab *)(gpointer)((gsize)block & ~(gsize)(SLAB_BYTES - 1));
    if (slab->used == SLAB_BLOCKS)
        link_slab(store, slab);
    *(guint8 **)(gpointer)block = slab->free;
    slab->free = block;
    store->blocks--;
    if (--slab->used > 0)
        return;
    if (store->spare < SPARE_MAX) {
        store->spare++;
        return;
    }
    unlink_slab(store, slab);
    munmap(slab, SLAB_BYTES);
    store->slabs--;
}

/* --- pages and leaves ------------------------------------------------------------------------- */

static Page *page_new(PageStore *store)
{
    Page *page = g_new0(Page, 1);
    page->references = 1;
    store->pages++;
    return page;
}

static void page_unref(PageStore *store, Page *page)
{
    if (!page || --page->references)
        return;
    if (page->data)
        give_block(store, page->data);
    store->pages--;
    g_free(page);
}

static Page *page_ref(Page *page)
{
    if (page)
        page->references++;
    return page;
}

static void leaf_unref(PageStore *store, Leaf *leaf)
{
    if (!leaf || --leaf->references)
        return;
    for (guint i = 0; i < LEAF_PAGES; i++)
        page_unref(store, leaf->page[i]);
    g_free(leaf);
}

/* Copy on write: a leaf of MAP that is nobody else's. */
static Leaf *own_leaf(PageMap *map, guint64 number)
{
    Leaf *old = map->leaf[number];
    if (old && old->references == 1)
        return old;
    Leaf *leaf = g_new0(Leaf, 1);
    leaf->references = 1;
    if (old) {
        leaf->used = old->used;
        for (guint i = 0; i < LEAF_PAGES; i++)
            leaf->page[i] = page_ref(old->page[i]);
        old->references--;
    }
    map->leaf[number] = leaf;
    return leaf;
}

/* Takes the reference. */
static void set_page(PageMap *map, guint64 number, Page *page)
{
    if (!page && !page_map_get(map, number))
        return;
    Leaf *leaf = own_leaf(map, number / LEAF_PAGES);
    Page **at = &leaf->page[number % LEAF_PAGES];
    leaf->used += (page != NULL) - (*at != NULL);
    page_unref(map->store, *at);
    *at = page;
    if (!leaf->used) {
        leaf_unref(map->store, leaf);
        map->leaf[number / LEAF_PAGES] = NULL;
    }
}

static guint64 leaf_count(guint64 pages)
{
    return (pages + LEAF_PAGES - 1) / LEAF_PAGES;
}

static PageMap *map_new(PageStore *store, guint64 pages, const PageMap *base)
{
    guint64 leaves = leaf_count(pages);
    PageMap *map = g_malloc0(sizeof *map + leaves * sizeof(Leaf *));
    map->references = 1;
    map->pages = pages;
    map->store = store;
    g_assert(!base || base->pages == pages);
    for (guint64 i = 0; base && i < leaves; i++)
        if ((map->leaf[i] = base->leaf[i]))
            map->leaf[i]->references++;
    return map;
}

PageMap *page_map_ref(PageMap *map)
{
    map->references++;
    return map;
}

void page_map_unref(PageMap *map)
{
    if (!map || --map->references)
        return;
    for (guint64 i = 0; i < leaf_count(map->pages); i++)
        leaf_unref(map->store, map->leaf[i]);
    g_free(map);
}

guint64 page_map_pages(const PageMap *map)
{
    return map->pages;
}

guint64 page_map_used(const PageMap *map)
{
    guint64 used = 0;
    for (guint64 i = 0; i < leaf_count(map->pages); i++)
        used += map->leaf[i] ? map->leaf[i]->used : 0;
    return used;
}

Page *page_map_get(const PageMap *map, guint64 page)
{
    const Leaf *leaf = map->leaf[page / LEAF_PAGES];
    return leaf ? leaf->page[page % LEAF_PAGES] : NULL;
}

const guint8 *page_map_bytes(const PageMap *map, guint64 page, GError **error)
{
    const Page *found = page_map_get(map, page);
    return found->data ? found->data
                       : pack_reader_page(map->store->reader, found->pack, found->offset,
                                          found->slot, error);
}

void page_set_place(Page *page, const PagePlace *place)
{
    page->pack = place->pack;
    page->offset = place->offset;
    page->slot = place->slot;
}

void page_map_drop_memory(PageStore *store, const PageMap *map)
{
    for (guint64 i = 0; i < map->pages; i++) {
        Page *page = page_map_get(map, i);
        if (page && page->data && page->pack && !page->pack->is_gone) {
            give_block(store, page->data);
            page->data = NULL;
        }
    }
}

/* --- capturing -------------------------------------------------------------------------------- */

static gboolean is_zero(const guint8 *bytes)
{
    const guint64 *words = (const guint64 *)(gconstpointer)bytes;
    if (words[0] | words[1] | words[64] | words[511])
        return FALSE;
    return memcmp(bytes, bytes + 8, PAGE_BYTES - 8) == 0;
}

static Page *copy_page(PageStore *store, const guint8 *bytes)
{
    if (is_zero(bytes))
        return NULL;
    Page *page = page_new(store);
    page->data = take_block(store);
    memcpy(page->data, bytes, PAGE_BYTES);
    return page;
}

PageMap *page_map_capture(PageStore *store, const PageMap *base, guint32 since,
                          const PageMemory *memory)
{
    PageMap *map = map_new(store, memory->pages, base);
    guint32 limit = base ? since : 0;
    for (guint64 i = 0; i < memory->pages; i++)
        if (memory->marks[i] > limit)
            set_page(map, i, copy_page(store, memory->bytes + i * PAGE_BYTES));
    return map;
}

PageMap *page_map_capture_news(PageStore *store, const PageMap *base, guint32 since,
                               const PageMemory *memory)
{
    PageMap *map = map_new(store, memory->pages, base);
    for (guint64 i = 0; i < memory->pages; i++) {
        if (memory->marks[i] <= since)
            continue;
        Page *page = copy_page(store, memory->bytes + i * PAGE_BYTES);
        set_page(map, i, page ? page : page_new(store));
    }
    return map;
}

PageMap *page_map_new(PageStore *store, guint64 pages)
{
    return map_new(store, pages, NULL);
}

guint64 page_map_fill(PageMap *map, const PageMemory *memory, guint64 from, guint64 most)
{
    for (; from < memory->pages && most > 0; from++) {
        if (!memory->marks[from])
            continue;
        set_page(map, from, copy_page(map->store, memory->bytes + from * PAGE_BYTES));
        most--;
    }
    return from;
}

/* --- from packs ------------------------------------------------------------------------------- */

static gboolean is_at(const Page *page, const PagePlace *place)
{
    return page && page->pack == place->pack && page->offset == place->offset &&
           page->slot == place->slot;
}

PageMap *page_map_from_places(PageStore *store, guint64 pages, const PageMap *base,
                              PageMapPlace place, gpointer user)
{
    PageMap *map = map_new(store, pages, base);
    for (guint64 i = 0; i < pages; i++) {
        PagePlace found = place(user, i);
        Page *page = NULL;
        if (is_at(page_map_get(map, i), &found))
            continue;
        if (found.pack) {
            page = page_new(store);
            page_set_place(page, &found);
        }
        set_page(map, i, page);
    }
    return map;
}

/* --- restoring -------------------------------------------------------------------------------- */

/* A page that must be read from a pack. */
typedef struct Wanted {
    const Page *page;
    guint64 number;
} Wanted;

/* Packs are ordered by their names: by nothing that differs from run to run. */
static int compare_wanted(gconstpointer a, gconstpointer b)
{
    const Page *x = ((const Wanted *)a)->page, *y = ((const Wanted *)b)->page;
    int by_name = x->pack == y->pack ? 0 : strcmp(x->pack->name, y->pack->name);
    if (by_name)
        return by_name;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void put_zero(const PageMemory *memory, guint64 number)
{
    guint8 *at = memory->bytes + number * PAGE_BYTES;
    if (memory->marks[number] && !is_zero(at))
        memset(at, 0, PAGE_BYTES);
}

static gboolean read_wanted(PageStore *store, GArray *wanted, const PageMemory *memory,
                            GError **error)
{
    for (guint i = 0; i < wanted->len; i++) {
        const Wanted *one = &g_array_index(wanted, Wanted, i);
        const guint8 *data = pack_reader_page(store->reader, one->page->pack, one->page->offset,
                                              one->page->slot, error);
        if (!data)
            return FALSE;
        memcpy(memory->bytes + one->number * PAGE_BYTES, data, PAGE_BYTES);
    }
    return TRUE;
}

gboolean page_map_restore(PageStore *store, const PageMap *map, const PageMap *base, guint32 since,
                          const PageMemory *memory, guint32 epoch, GError **error)
{
    g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(Wanted));
    g_assert(map->pages == memory->pages && (!base || base->pages == map->pages));
    for (guint64 i = 0; i < map->pages; i++) {
        Page *page = page_map_get(map, i);
        if (base && page_map_get(base, i) == page && memory->marks[i] <= since)
            continue;
        if (!page)
            put_zero(memory, i);
        else if (page->data)
            memcpy(memory->bytes + i * PAGE_BYTES, page->data, PAGE_BYTES);
        else
            g_array_append_val(wanted, ((Wanted){ page, i }));
        if (page || memory->marks[i])
            memory->marks[i] = epoch;
    }
    g_array_sort(wanted, compare_wanted);
    return read_wanted(store, wanted, memory, error);
}
