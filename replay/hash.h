/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashes of a machine: one 128-bit digest per component.
 *
 * A component is anything with a name whose state two runs must share: a CPU, a device, the
 * translation set, RAM, the bytes a serial port has sent. Digests are XXH3-128 over canonical
 * values (state.h), so they depend on no host and no padding. They find accidents, not forgeries.
 *
 * RAM. A hash point digests at most 64 pages among those written since their last digest, in
 * ascending order from a cursor that is state, and one slice of all pages, chosen by icount; of the
 * slice only pages that were ever written, by their marks, if the view has marks. A slice is a
 * 256th, but not more than 128 pages. Points are 2^24 instructions apart, so up to 128 MiB are
 * looked at at least once in 2^32 instructions, four times as much in 2^34, and what changed in
 * them behind the machine's back (a flipped bit, a store that forgot its dirty mark) shows there;
 * in a page without any mark it shows at the end. RAM is digested at start and end of a recording.
 * This runs on the machine thread, and a recording may take 3 % longer than the run alone: reading
 * memory that no cache holds is nearly all of it, so the pages are few. What is left of the written
 * ones is digested at the next points.
 *
 * Invariants
 * 1. Nothing here allocates after the first point of a run.
 * 2. Nothing here changes what it digests, but for the cursor of the RAM hash.
 */
#pragma once

#include "replay/event.h"
#include "replay/state.h"

#define DIGEST_SIZE 16

typedef struct Digest {
    guint8 bytes[DIGEST_SIZE];
} Digest;

extern const StateTable digest_state;

void digest_bytes(Digest *digest, const void *data, gsize length);
/* Of the values of a struct with a state table. */
void digest_struct(Digest *digest, const StateTable *table, const void *state);
gboolean digest_equal(const Digest *a, const Digest *b);
gboolean digest_is_zero(const Digest *digest);
/* 32 hex digits and a zero byte. */
void digest_to_hex(const Digest *digest, char hex[2 * DIGEST_SIZE + 1]);

/* For a component that is no struct: digest its pieces one after the other. */
typedef struct Hasher Hasher;
Hasher *hasher_new(void);
void hasher_free(Hasher *hasher);
void hasher_reset(Hasher *hasher);
void hasher_u32(Hasher *hasher, guint32 value);
void hasher_u64(Hasher *hasher, guint64 value);
void hasher_bytes(Hasher *hasher, const void *data, gsize length);
void hasher_struct(Hasher *hasher, const StateTable *table, const void *state);
/* hasher_bytes() as a StateFeed, for state that is fed by a callback: USER is the hasher. */
void hasher_feed(gpointer user, const guint8 *data, gsize length);
void hasher_digest(const Hasher *hasher, Digest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hasher, hasher_free)

/* --- a list of components ------------------------------------------------- */

#define HASH_NAME_MAX       64
#define HASH_COMPONENTS_MAX 1024

typedef struct HashComponent {
    char name[HASH_NAME_MAX];
    Digest digest;
} HashComponent;

typedef struct HashList HashList;
HashList *hash_list_new(void);
void hash_list_free(HashList *list);
/* Empties the list, keeps its memory. */
void hash_list_reset(HashList *list);
/* NAME: at most 63 bytes, unique in the list. */
void hash_list_add(HashList *list, const char *name, const Digest *digest);
void hash_list_add_struct(HashList *list, const char *name, const StateTable *table,
                          const void *state);
/* Of RAM that ram_hash_point() has looked at for the list since it was made. */
guint64 hash_list_point_bytes(const HashList *list);
guint hash_list_length(const HashList *list);
const HashComponent *hash_list_get(const HashList *list, guint index);
/* Digest over all names and digests: the hash of the machine. */
void hash_list_digest(const HashList *list, Digest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HashList, hash_list_free)

/* --- RAM ------------------------------------------------------------------ */

#define HASH_POINT_INTERVAL (G_GUINT64_CONSTANT(1) << 24) /* instructions */
#define HASH_RAM_PAGE       4096u
#define HASH_POINT_VERSION  4u /* raised when points digest something else */
#define HASH_RAM_PAGES_MAX  64u
#define HASH_RAM_SLICES     256u /* at least */
#define HASH_SLICE_MAX      128u /* pages */

/* State of the machine, saved with it. */
typedef struct RamHash {
    guint64 cursor; /* page number at which the next point begins to look for dirty pages */
} RamHash;
extern const StateTable ram_hash_state;

typedef struct RamView {
    const guint8 *data;
    guint64 pages;
    /* First page >= FROM written since the last point, or >= pages if there is none. */
    guint64 (*next_dirty)(gpointer user, guint64 from);
    gpointer user;
    const guint32 *marks; /* one per page; 0: never written, so zeros. NULL: nothing is known */
} RamView;

/* Adds "ram-dirty" and "ram-slice" (both after PREFIX) to LIST, moves the cursor. */
/* How many slices so many PAGES have. */
guint64 ram_hash_slices(guint64 pages);
void ram_hash_point(RamHash *hash, const RamView *view, guint64 icount, const char *prefix,
                    HashList *list);
/* Adds "ram" (after PREFIX), the digest of all pages, or of all with a mark if VIEW has marks: the
 * same if the others are zero. Resets the cursor to 0: also in play, at the same positions, so it
 * is called at start and end of a recording only. Pass a copy of HASH when somebody merely asks for
 * the hash. */
void ram_hash_all(RamHash *hash, const RamView *view, const char *prefix, HashList *list);

/* --- output --------------------------------------------------------------- */

/*
 * Running digest of a stream of bytes that leaves the machine. It depends on the bytes only, not
 * on the pieces in which they came, and is state: saved, loaded and hashed.
 */
typedef struct OutputHash {
    Digest chain; /* of all full blocks */
    guint64 total;
    guint8 pending[256]; /* the first total % 256 bytes count, the others are 0 */
} OutputHash;
extern const StateTable output_hash_state;

void output_hash_init(OutputHash *hash);
void output_hash_add(OutputHash *hash, const void *data, gsize length);
