/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/snapshot.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/manifest.h"
#include "replay/part.h"
#include "replay/snapshot-internal.h"

#define PACK_TEMPORARY "pack" SNAPSHOT_TEMPORARY
#define STATE_MAX      (1u << 30)
#define PAGES_MAX      (1ull << 30)
#define PROGRESS_PAGES 256

/* A place as the file has it: the pack's number in its list plus 1, the slot, the chunk's offset.
 */
#define PLACE_PACK_SHIFT 48
#define PLACE_SLOT_SHIFT 40
#define PLACE_OFFSET     ((1ull << PLACE_SLOT_SHIFT) - 1)

char *snapshot_file_name(const char *name)
{
    return g_strconcat(name, SNAPSHOT_SUFFIX, NULL);
}

/* --- saving: the pack ------------------------------------------------------------------------- */

static gboolean has_lasting_place(const Page *page)
{
    return page->pack && !page->pack->is_gone;
}

static gboolean is_given_up(const SnapshotSave *save, guint64 done, guint64 total, GError **error)
{
    if (!save->progress || save->progress(save->user, done * PAGE_BYTES, total * PAGE_BYTES))
        return FALSE;
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "it was cancelled");
    return TRUE;
}

static guint64 count_new_pages(const PageMap *map)
{
    guint64 count = 0;
    for (guint64 i = 0; i < page_map_pages(map); i++) {
        const Page *page = page_map_get(map, i);
        count += page && !has_lasting_place(page);
    }
    return count;
}

static gboolean write_page(SnapshotSave *save, PackWriter *writer, PackReader *reader, Page *page,
                           GError **error)
{
    PagePlace place = { 0 };
    const guint8 *data = page->data;
    if (!data)
        data = pack_reader_page(reader, page->pack, page->offset, page->slot, error);
    if (!data || !pack_writer_add(writer, data, &place.offset, &place.slot, error))
        return FALSE;
    g_ptr_array_add(save->written, page);
    g_array_append_val(save->places, place);
    return TRUE;
}

static gboolean write_pages(SnapshotSave *save, PackWriter *writer, guint64 total, GError **error)
{
    g_autoptr(PackReader) reader = pack_reader_new();
    for (guint64 i = 0; i < page_map_pages(save->map); i++) {
        Page *page = page_map_get(save->map, i);
        if (!page || has_lasting_place(page))
            continue;
        if (save->written->len % PROGRESS_PAGES == 0 &&
            is_given_up(save, save->written->len, total, error))
            return FALSE;
        if (!write_page(save, writer, reader, page, error))
            return FALSE;
    }
    return pack_writer_finish(writer, save->pack, error);
}

/* A pack of that name has the same content, whoever made it. */
static gboolean publish_pack(int directory, int fd, const char *name, GError **error)
{
    g_autofree char *file = g_strconcat(name, PACK_SUFFIX, NULL);
    return part_publish(directory, fd, PACK_TEMPORARY, file, error);
}

static gboolean write_pack(int directory, SnapshotSave *save, GError **error)
{
    guint64 total = count_new_pages(save->map);
    if (!total)
        return !is_given_up(save, 0, 0, error);
    unlinkat(directory, PACK_TEMPORARY, 0);
    int fd = part_create(directory, PACK_TEMPORARY, error);
    if (fd < 0)
        return FALSE;
    g_autoptr(PackWriter) writer = pack_writer_new(fd);
    gboolean done = write_pages(save, writer, total, error) &&
                    !is_given_up(save, total, total, error) &&
                    publish_pack(directory, fd, save->pack, error);
    save->info->file_bytes = pack_writer_bytes(writer);
    close(fd);
    if (!done) {
        unlinkat(directory, PACK_TEMPORARY, 0);
        save->pack[0] = 0;
    }
    return done;
}

/* --- saving: the snapshot's file -------------------------------------------------------------- */

/* Numbers packs in the order in which they are met; 1 is the first. */
static guint64 pack_number(GPtrArray *packs, GHashTable *numbers, const char *name)
{
    guint64 number = GPOINTER_TO_SIZE(g_hash_table_lookup(numbers, name));
    if (!number) {
        char *own = g_strdup(name);
        g_ptr_array_add(packs, own);
        number = packs->len;
        g_hash_table_insert(numbers, own, GSIZE_TO_POINTER(number));
    }
    return number;
}

static guint64 encode_place(guint64 pack, guint64 offset, guint32 slot)
{
    return pack << PLACE_PACK_SHIFT | (guint64)slot << PLACE_SLOT_SHIFT | offset;
}

/* The places of all pages, big-endian; fills in the list of packs. */
static guint64 *make_places(SnapshotSave *save)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);
    guint64 *places = g_new0(guint64, page_map_pages(save->map));
    guint next = 0; /* written pages are in the map's order */
    const PagePack *last = NULL;
    guint64 last_number = 0;
    for (guint64 i = 0; i < page_map_pages(save->map); i++) {
        const Page *page = page_map_get(save->map, i);
        PagePlace place;
        if (!page)
            continue;
        place = (PagePlace){ page->pack, page->offset, page->slot };
        if (next < save->written->len && g_ptr_array_index(save->written, next) == page)
            place = g_array_index(save->places, PagePlace, next++);
        if (!place.pack || place.pack != last)
            last_number =
                pack_number(save->info->packs, numbers, place.pack ? place.pack->name : save->pack);
        last = place.pack;
        places[i] = GUINT64_TO_BE(encode_place(last_number, place.offset, place.slot));
    }
    return places;
}

static void put_bytes(StateWriter *writer, GBytes *bytes)
{
    gsize length = 0;
    gconstpointer data = bytes ? g_bytes_get_data(bytes, &length) : NULL;
    state_writer_u64(writer, length);
    state_writer_bytes(writer, data, length);
}

/* Each section ends a chunk: looking at the first one reads no more. */
static gboolean write_sections(PartWriter *part, const SnapshotSave *save, const guint64 *places,
                               GError **error)
{
    g_autoptr(StateWriter) info = state_writer_new(part_writer_sink, part);
    g_autoptr(StateWriter) state = state_writer_new(part_writer_sink, part);
    g_autoptr(StateWriter) pages = state_writer_new(part_writer_sink, part);
    state_writer_name(info, SNAPSHOT_MAGIC);
    state_writer_u32(info, SNAPSHOT_FORMAT);
    snapshot_info_put(info, save->info);
    if (!state_writer_close(info, error))
        return FALSE;
    put_bytes(state, save->thumbnail);
    put_bytes(state, save->state);
    if (!state_writer_close(state, error))
        return FALSE;
    state_writer_name(pages, "pages");
    state_writer_bytes(pages, places, save->info->pages * sizeof *places);
    return state_writer_close(pages, error) && part_writer_finish(part, error);
}

/* Of the state and the moment: two saves have the same only if they are the same. */
static void make_id(const SnapshotSave *save, char id[33])
{
    g_autoptr(Hasher) hasher = hasher_new();
    Digest digest;
    hasher_u64(hasher, (guint64)save->info->time_us);
    hasher_bytes(hasher, save->info->name, strlen(save->info->name));
    hasher_bytes(hasher, g_bytes_get_data(save->state, NULL), g_bytes_get_size(save->state));
    hasher_bytes(hasher, save->pack, strlen(save->pack));
    hasher_digest(hasher, &digest);
    digest_to_hex(&digest, id);
}

static gboolean write_file(int directory, SnapshotSave *save, GError **error)
{
    g_autofree char *file = snapshot_file_name(save->info->name);
    g_autofree char *temporary = g_strconcat(file, SNAPSHOT_TEMPORARY, NULL);
    unlinkat(directory, temporary, 0);
    int fd = part_create(directory, temporary, error);
    if (fd < 0)
        return FALSE;
    save->info->pages = page_map_pages(save->map);
    g_autofree guint64 *places = make_places(save);
    g_autoptr(PartWriter) part = part_writer_new(fd);
    make_id(save, save->info->id);
    gboolean done = write_sections(part, save, places, error) &&
                    part_publish(directory, fd, temporary, file, error);
    close(fd);
    if (!done)
        unlinkat(directory, temporary, 0);
    return done;
}

static void remove_pack(int directory, const char *name)
{
    g_autofree char *file = g_strconcat(name, PACK_SUFFIX, NULL);
    unlinkat(directory, file, 0);
}

gboolean snapshot_write(int directory, SnapshotSave *save, GError **error)
{
    save->written = g_ptr_array_new();
    save->places = g_array_new(FALSE, FALSE, sizeof(PagePlace));
    if (!write_pack(directory, save, error))
        return FALSE;
    if (write_file(directory, save, error))
        return TRUE;
    /* The pack is nobody's, unless a snapshot had the same one already. */
    g_autoptr(GPtrArray) unused = snapshot_unused_packs(directory, NULL);
    for (guint i = 0; unused && i < unused->len; i++)
        if (strcmp(g_ptr_array_index(unused, i), save->pack) == 0)
            remove_pack(directory, save->pack);
    return FALSE;
}

void snapshot_place_pages(PageStore *store, const SnapshotSave *save)
{
    PagePack *pack = save->pack[0] ? page_store_pack(store, save->pack) : NULL;
    for (guint i = 0; i < save->written->len; i++) {
        PagePlace place = g_array_index(save->places, PagePlace, i);
        place.pack = pack;
        page_set_place(g_ptr_array_index(save->written, i), &place);
    }
}

void snapshot_save_clear(SnapshotSave *save)
{
    g_clear_pointer(&save->info, snapshot_info_free);
    g_clear_pointer(&save->state, g_bytes_unref);
    g_clear_pointer(&save->thumbnail, g_bytes_unref);
    g_clear_pointer(&save->map, page_map_unref);
    g_clear_pointer(&save->written, g_ptr_array_unref);
    g_clear_pointer(&save->places, g_array_unref);
}

/* --- loading ---------------------------------------------------------------------------------- */

void snapshot_file_close(SnapshotFile *file)
{
    g_clear_pointer(&file->reader, state_reader_free);
    g_clear_pointer(&file->part, part_reader_free);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static gboolean read_front(SnapshotFile *file, SnapshotInfo *info, GError **error)
{
    state_reader_expect_name(file->reader, SNAPSHOT_MAGIC);
    guint32 format = state_reader_u32(file->reader);
    if (!state_reader_failed(file->reader) && format != SNAPSHOT_FORMAT) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_VERSION,
                    "it has format %u, this build reads %u", format, SNAPSHOT_FORMAT);
        return FALSE;
    }
    return snapshot_info_get(file->reader, info, error);
}

gboolean snapshot_file_open(SnapshotFile *file, int directory, SnapshotInfo *info, GError **error)
{
    g_autofree char *name = snapshot_file_name(info->name);
    *file = (SnapshotFile){ .fd = -1 };
    if (!snapshot_exists(directory, info->name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no snapshot '%s'",
                    info->name);
        return FALSE;
    }
    file->fd = part_open(directory, name, error);
    if (file->fd < 0)
        return FALSE;
    file->part = part_reader_new(file->fd, name);
    file->reader = state_reader_new(part_reader_source, file->part);
    if (read_front(file, info, error))
        return TRUE;
    g_prefix_error(error, "The snapshot '%s' cannot be read: ", info->name);
    snapshot_file_close(file);
    return FALSE;
}

static GBytes *get_bytes(StateReader *reader)
{
    guint64 length = state_reader_u64(reader);
    if (length > STATE_MAX)
        state_reader_fail(reader, "%" G_GUINT64_FORMAT " bytes of state", length);
    if (state_reader_failed(reader))
        return NULL;
    guint8 *bytes = g_malloc(length);
    state_reader_bytes(reader, bytes, length);
    return g_bytes_new_take(bytes, length);
}

static gboolean is_place(guint64 place, const SnapshotInfo *info)
{
    guint64 pack = place >> PLACE_PACK_SHIFT;
    return !place || (pack >= 1 && pack <= info->packs->len &&
                      (place >> PLACE_SLOT_SHIFT & 0xff) < PACK_CHUNK_PAGES);
}

static void read_places(StateReader *reader, SnapshotLoad *load)
{
    if (load->info->pages > PAGES_MAX)
        state_reader_fail(reader, "%" G_GUINT64_FORMAT " pages", load->info->pages);
    if (state_reader_failed(reader))
        return;
    load->places = g_try_new(guint64, MAX(load->info->pages, 1));
    if (!load->places) {
        state_reader_fail(reader, "no memory for %" G_GUINT64_FORMAT " pages", load->info->pages);
        return;
    }
    state_reader_bytes(reader, load->places, load->info->pages * sizeof *load->places);
    for (guint64 i = 0; i < load->info->pages; i++) {
        load->places[i] = GUINT64_FROM_BE(load->places[i]);
        if (!is_place(load->places[i], load->info))
            state_reader_fail(reader, "page %" G_GUINT64_FORMAT " is nowhere", i);
    }
}

static gboolean read_rest(SnapshotFile *file, SnapshotLoad *load, GError **error)
{
    load->thumbnail = get_bytes(file->reader);
    load->state = get_bytes(file->reader);
    state_reader_expect_name(file->reader, "pages");
    read_places(file->reader, load);
    return state_reader_finish(file->reader, error);
}

SnapshotLoad *snapshot_read(int directory, const char *name, GError **error)
{
    g_autoptr(SnapshotLoad) load = g_new0(SnapshotLoad, 1);
    SnapshotFile file;
    load->info = snapshot_info_new(name);
    if (!snapshot_file_open(&file, directory, load->info, error))
        return NULL;
    gboolean done = read_rest(&file, load, error);
    snapshot_file_close(&file);
    if (!done) {
        g_prefix_error(error, "The snapshot '%s' cannot be read: ", name);
        return NULL;
    }
    return g_steal_pointer(&load);
}

GBytes *snapshot_thumbnail(int directory, const char *name, GError **error)
{
    g_autoptr(SnapshotInfo) info = snapshot_info_new(name);
    SnapshotFile file;
    if (!snapshot_name_is_valid(name) || !snapshot_exists(directory, name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no snapshot '%s'", name);
        return NULL;
    }
    if (!snapshot_file_open(&file, directory, info, error))
        return NULL;
    GBytes *image = get_bytes(file.reader);
    if (!image)
        state_reader_check(file.reader, error);
    snapshot_file_close(&file);
    return image;
}

gboolean snapshot_verify_pages(int directory, const SnapshotLoad *load, GHashTable *known,
                               SnapshotProgress progress, gpointer user, GError **error)
{
    const GPtrArray *packs = load->info->packs;
    for (guint i = 0; i < packs->len; i++) {
        if (progress && !progress(user, i, packs->len)) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "it was cancelled");
            return FALSE;
        }
        if (!pack_verify(directory, g_ptr_array_index(packs, i), known, error)) {
            g_prefix_error(error, "The snapshot '%s' cannot be read: ", load->info->name);
            return FALSE;
        }
    }
    return TRUE;
}

typedef struct Finder {
    const SnapshotLoad *load;
    PagePack **pack; /* by number */
} Finder;

static PagePlace find_place(gpointer user, guint64 page)
{
    const Finder *finder = user;
    guint64 place = finder->load->places[page];
    if (!place)
        return (PagePlace){ 0 };
    return (PagePlace){ .pack = finder->pack[(place >> PLACE_PACK_SHIFT) - 1],
                        .offset = place & PLACE_OFFSET,
                        .slot = place >> PLACE_SLOT_SHIFT & 0xff };
}

PageMap *snapshot_map(PageStore *store, const SnapshotLoad *load, const PageMap *base)
{
    g_autofree PagePack **packs = g_new0(PagePack *, load->info->packs->len + 1);
    Finder finder = { load, packs };
    for (guint i = 0; i < load->info->packs->len; i++)
        packs[i] = page_store_pack(store, g_ptr_array_index(load->info->packs, i));
    return page_map_from_places(store, load->info->pages, base, find_place, &finder);
}

void snapshot_load_free(SnapshotLoad *load)
{
    if (!load)
        return;
    snapshot_info_free(load->info);
    g_clear_pointer(&load->state, g_bytes_unref);
    g_clear_pointer(&load->thumbnail, g_bytes_unref);
    g_free(load->places);
    g_free(load);
}
