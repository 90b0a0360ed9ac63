/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of guest memory as they were at several moments, each content held once.
 *
 * A map is what all of memory held at one moment: a reference to a page for every 4 KiB of it. The
 * map of a later moment shares with an earlier one all pages that were not written in between, so
 * it costs what was written. That is a snapshot's memory as well as a keyframe's.
 *
 * A page's bytes are in memory, in a pack (page-pack.h) or in both. A map that was captured is in
 * memory; saving it writes the pages that no pack has yet; after that their memory may be given up.
 * A map that comes from a file has no bytes in memory at all until somebody reads them.
 *
 * Invariants
 * 1. Capturing copies the pages that were written since the map it builds on, and nothing else,
 * with the guest stopped. Packing, writing and reading files is not part of it.
 * 2. A page never changes. What refers to it is counted: maps may be dropped in any order.
 * 3. A page that is all zero has no bytes anywhere; in a map it is the absence of a page, unless
 * the map is one of news.
 * 4. The store belongs to one thread (the machine's), but for this: while another thread holds a
 *    map, it may read the map and its pages, and nobody gives up a page's bytes or moves it.
 */
#pragma once

#include <glib.h>

#define PAGE_BYTES 4096u

typedef struct PagePack PagePack;   /* page-pack.h */
typedef struct PageStore PageStore; /* owns the packs and the memory */

/* Where a page is in a pack. */
typedef struct PagePlace {
    PagePack *pack; /* NULL: nowhere */
    guint64 offset; /* of the chunk */
    guint32 slot;   /* page in the chunk */
} PagePlace;

typedef struct Page {
    guint32 references;
    guint32 slot;
    guint64 offset;
    PagePack *pack;
    guint8 *data; /* NULL: only in the pack; in a map of news without a pack: all zero */
} Page;

typedef struct PageMap PageMap;

PageStore *page_store_new(void);
/* All maps must be gone. */
void page_store_free(PageStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PageStore, page_store_free)

typedef struct PageFigures {
    guint64 pages;        /* that exist */
    guint64 memory_bytes; /* of their bytes in memory */
    guint64 free_bytes;   /* of memory from the host, kept for captures to come */
} PageFigures;
void page_store_figures(const PageStore *store, PageFigures *figures);

/* Takes 2 MiB of memory from the host for captures to come: that takes longer than the copying. */
void page_store_reserve(PageStore *store);

/* Memory with a mark for each page: the number of the epoch in which it was written last, 0: never,
 * so that it is all zero. */
typedef struct PageMemory {
    guint8 *bytes;
    guint32 *marks;
    guint64 pages;
} PageMemory;

/*
 * The map of what MEMORY holds. BASE is what it held when epoch SINCE had ended, or NULL: then
 * every page counts that has a mark. The caller gives the map back with page_map_unref().
 */
PageMap *page_map_capture(PageStore *store, const PageMap *base, guint32 since,
                          const PageMemory *memory);
/*
 * A map of news: pages that were not written since some moment are absent in it, and those that
 * have become zero are there, without bytes. BASE is another one, upon which it builds, or NULL:
 * then that moment is the end of epoch SINCE. It cannot be restored.
 */
PageMap *page_map_capture_news(PageStore *store, const PageMap *base, guint32 since,
                               const PageMemory *memory);
/*
 * The same in pieces, for a first capture of much memory: an empty map, filled while the guest runs
 * on between the pieces. What it holds is good for nothing but to be the BASE of a capture, with
 * the epoch that ended before the first piece.
 */
PageMap *page_map_new(PageStore *store, guint64 pages);
/* Goes on from page FROM until MOST pages are copied; returns where to go on. */
guint64 page_map_fill(PageMap *map, const PageMemory *memory, guint64 from, guint64 most);
PageMap *page_map_ref(PageMap *map);
void page_map_unref(PageMap *map);
guint64 page_map_pages(const PageMap *map);
/* How many of them are not all zero. */
guint64 page_map_used(const PageMap *map);
/* NULL: all zero. */
Page *page_map_get(const PageMap *map, guint64 page);
/* The bytes of a page that is there, good until the next call; NULL with ERROR when they are in a
 * pack that cannot be read. */
const guint8 *page_map_bytes(const PageMap *map, guint64 page, GError **error);

/*
 * A map of pages that are in packs: PLACE gives the place of each page. Pages that BASE (or NULL)
 * has at the same place are shared with it.
 */
typedef PagePlace (*PageMapPlace)(gpointer user, guint64 page);
PageMap *page_map_from_places(PageStore *store, guint64 pages, const PageMap *base,
                              PageMapPlace place, gpointer user);

/*
 * Makes MEMORY what MAP says. BASE and SINCE as above: pages that are the same in both maps and
 * were not written since are left alone; all others get the mark EPOCH. FALSE with ERROR when a
 * pack cannot be read; memory is then partly the one, partly the other.
 */
gboolean page_map_restore(PageStore *store, const PageMap *map, const PageMap *base, guint32 since,
                          const PageMemory *memory, guint32 epoch, GError **error);

/* The page's bytes are at PLACE, too. */
void page_set_place(Page *page, const PagePlace *place);
/* Gives up the memory of all of MAP's pages that have a place in a pack with a name. Others' bytes
 * may be on their way into another one. */
void page_map_drop_memory(PageStore *store, const PageMap *map);

/* The pack of that name, made known to the store if need be. */
PagePack *page_store_pack(PageStore *store, const char *name);
/* The pack of that name, or NULL if the store does not know it. */
PagePack *page_store_find_pack(PageStore *store, const char *name);
/* The folder (borrowed) of packs that are opened by name. */
void page_store_set_directory(PageStore *store, int directory);
