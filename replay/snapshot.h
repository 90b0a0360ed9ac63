/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots in a folder: a file for each, and the packs of pages that they share.
 *
 *     NAME.snapshot       who and when, the machine's state but for its memory, where each page of
 *                         its memory is: a part (part.h), so compressed and under checksums
 *     DIGEST.pages        a pack (page-pack.h): the pages that one save has added
 *     *.new               a file that is being written
 *
 * A snapshot adds the pages that no pack of its predecessors has; its list of places says where all
 * of them are. So each one is complete by itself, however many share its packs, and any one may be
 * deleted.
 *
 * Invariants
 * 1. A snapshot exists from the moment its file has its name, and until it has it no more. Its
 * packs are complete and on the disk before; they go after. Replacing one is one renaming.
 * 2. What a crash leaves beside snapshots and their packs is removed by snapshot_sweep(): files
 * that are being written, and packs that no snapshot names. While the file of any snapshot cannot
 * be read no pack is removed.
 * 3. Nothing read from the folder is believed before it is checked.
 */
#pragma once

#include "replay/page-store.h"
#include "replay/recording.h"

#define SNAPSHOT_SUFFIX "." SNAPSHOT_WORD
#define SNAPSHOT_WORD   "snapshot"

/* How a snapshot is tied to a recording: which events lie before it. */
typedef struct SnapshotTie {
    ReplayMode mode; /* of the machine when it was saved */
    char *recording; /* its name then, or NULL */
    ReplayPrefix prefix;
} SnapshotTie;

typedef struct SnapshotInfo {
    char *name;
    char id[33];        /* hex digits: of this save, also when the name is used again */
    char parent_id[33]; /* of the snapshot on which the machine's state was built; empty: none */
    char *parent;       /* its name then, or NULL */
    char *definition;   /* the machine definition: a JSON object */
    char *program;
    gint64 time_us; /* since 1970 UTC */
    Position position;
    SnapshotTie tie;
    GArray *versions;   /* of RecordingVersion, whose names are owned */
    GArray *references; /* of ManifestFile: files beside it by their SHA-256 */
    GPtrArray *packs;   /* of char *: names of packs */
    guint64 pages;      /* of memory */
    guint64 file_bytes; /* of the pack that came with it; in a list: and of its own file */
    char *damage;       /* why it cannot be read, in a list; then only the name is known */
} SnapshotInfo;

SnapshotInfo *snapshot_info_new(const char *name);
void snapshot_info_free(SnapshotInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotInfo, snapshot_info_free)

/* 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit. */
gboolean snapshot_name_is_valid(const char *name);

/* Called from time to time with how much is done; FALSE: it shall be given up. */
typedef gboolean (*SnapshotProgress)(gpointer user, guint64 done, guint64 total);

/* --- saving --------------------------------------------------------------- */

typedef struct SnapshotSave {
    SnapshotInfo *info; /* packs, pages, id and file_bytes are filled in by snapshot_write() */
    GBytes *state;
    GBytes *thumbnail; /* an image, or NULL */
    PageMap *map;
    SnapshotProgress progress;
    gpointer user;
    GPtrArray *written; /* of Page: what went into the new pack, in order */
    GArray *places;     /* of PagePlace without a pack */
    char pack[33];      /* the new pack's name; empty if nothing was written */
} SnapshotSave;

/*
 * Writes the snapshot, replacing one of the same name at the very end. On any thread, while the
 * store's thread leaves the map alone. Nothing of it stays when it fails or is given up
 * (G_IO_ERROR_CANCELLED).
 */
gboolean snapshot_write(int directory, SnapshotSave *save, GError **error);
/* On the store's thread, afterwards: the pages that were written are in the pack now. */
void snapshot_place_pages(PageStore *store, const SnapshotSave *save);
void snapshot_save_clear(SnapshotSave *save);

/* --- loading -------------------------------------------------------------- */

typedef struct SnapshotLoad {
    SnapshotInfo *info;
    GBytes *state;
    GBytes *thumbnail;
    guint64 *places; /* of each page: see snapshot_map() */
} SnapshotLoad;

/* Reads and checks NAME; G_IO_ERROR_NOT_FOUND if there is none. Any thread. */
SnapshotLoad *snapshot_read(int directory, const char *name, GError **error);
/* Its image only, empty if there is none. */
GBytes *snapshot_thumbnail(int directory, const char *name, GError **error);
/* Reads all packs that its pages need, so that a load that has begun does not fail; KNOWN is that
 * of pack_verify(). */
gboolean snapshot_verify_pages(int directory, const SnapshotLoad *load, GHashTable *known,
                               SnapshotProgress progress, gpointer user, GError **error);
/* On the store's thread: its memory as a map. */
PageMap *snapshot_map(PageStore *store, const SnapshotLoad *load, const PageMap *base);
void snapshot_load_free(SnapshotLoad *load);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotLoad, snapshot_load_free)

/* --- the folder ----------------------------------------------------------- */

/* All snapshots, oldest first; those that cannot be read have only a name and say why. */
GPtrArray *snapshot_list(int directory, GError **error);
gboolean snapshot_exists(int directory, const char *name);
/* Removes the snapshot's file; its packs stay: see snapshot_unused_packs(). */
gboolean snapshot_delete(int directory, const char *name, GError **error);
/* Names of packs that no snapshot names. */
GPtrArray *snapshot_unused_packs(int directory, GError **error);
/* Removes packs; what STORE still needs of them it reads through descriptors. NULL: there is none.
 */
gboolean snapshot_remove_packs(int directory, PageStore *store, const GPtrArray *packs,
                               GError **error);
/* Removes what a crash has left. Before anything else is done in the folder. */
gboolean snapshot_sweep(int directory, GError **error);
