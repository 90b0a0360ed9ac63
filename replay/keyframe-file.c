/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening such a file, finding what is in it, and reading that. Its format is described in
 * keyframe-file-internal.h; keyframe-file-append.c writes it.
 */
#include "replay/keyframe-file-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/log-file.h"

/* --- opening ---------------------------------------------------------------------------------- */

static guint hash_digest(gconstpointer digest)
{
    guint value;

    memcpy(&value, digest, sizeof value);
    return value;
}

static gboolean equal_digests(gconstpointer a, gconstpointer b)
{
    return digest_equal(a, b);
}

static gboolean scan_pages(KeyframeFile *file, const Block *block)
{
    Digest digests[BLOCK_PAGES];

    if (!log_read_at(file->fd, digests, block->count * sizeof *digests,
                     block->offset + BLOCK_HEADER, NULL)) {
        return FALSE;
    }
    for (guint i = 0; i < block->count; i++) {
        keyframe_know_page(file, &digests[i], keyframe_place(block->offset, i));
    }
    return TRUE;
}

/* The reader stands behind the state; its length comes with it. */
static void read_entry(StateReader *reader, KeyframeEntry *entry)
{
    entry->position.icount = state_reader_u64(reader);
    entry->position.virtual_ns = state_reader_u64(reader);
    entry->position.sequence = state_reader_u32(reader);
    entry->is_arrival = state_reader_u32(reader);
    entry->work = state_reader_u64(reader);
    entry->prefix.events = state_reader_u64(reader);
    state_reader_bytes(reader, entry->prefix.digest.bytes, DIGEST_SIZE);
}

static GBytes *read_state(StateReader *reader, gsize most)
{
    guint64 length = state_reader_u64(reader);
    guint8 *bytes;

    if (length > most) {
        state_reader_fail(reader, "%" G_GUINT64_FORMAT " bytes of state", length);
        length = 0;
    }
    bytes = g_malloc0(MAX(length, 1));
    state_reader_bytes(reader, bytes, length);
    return g_bytes_new_take(bytes, length);
}

static GArray *read_changes(const KeyframeFile *file, StateReader *reader, gsize most)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(KeyframeChange));
    guint64 count = state_reader_u64(reader);

    if (count > most / sizeof(KeyframeChange)) {
        state_reader_fail(reader, "%" G_GUINT64_FORMAT " changes", count);
        count = 0;
    }
    for (guint64 i = 0; i < count; i++) {
        KeyframeChange change = { state_reader_u64(reader), state_reader_u64(reader) };

        if (change.page >= file->pages) {
            state_reader_fail(reader, "page %" G_GUINT64_FORMAT, change.page);
            break;
        }
        g_array_append_val(changes, change);
    }
    return changes;
}

/* Reads the keyframe at OFFSET; what the caller does not want is NULL. */
static gboolean read_frame(const KeyframeFile *file, guint64 offset, KeyframeEntry *entry,
                           GBytes **state, GArray **changes, GError **error)
{
    Block block;
    g_autofree guint8 *raw = keyframe_block_read(file, offset, &block, error);

    if (!raw) {
        return FALSE;
    }
    if (block.kind != KIND_FRAME) {
        return keyframe_fail(error, "have no state", offset);
    }

    g_autoptr(StateReader) reader = state_reader_new_memory(raw, block.raw);
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GArray) list = NULL;

    read_entry(reader, entry);
    entry->offset = offset;
    entry->length = block.length;
    bytes = read_state(reader, block.raw);
    list = read_changes(file, reader, block.raw);
    if (!state_reader_finish(reader, error)) {
        return FALSE;
    }
    if (state) {
        *state = g_steal_pointer(&bytes);
    }
    if (changes) {
        *changes = g_steal_pointer(&list);
    }
    return TRUE;
}

/* The block's text behind its header; the caller frees all of it. */
static guint8 *read_text(const KeyframeFile *file, KeyframeTextEntry *entry)
{
    Block block;
    guint8 *raw = keyframe_block_read(file, entry->offset, &block, NULL);

    if (!raw || block.kind != KIND_TEXT || block.raw < TEXT_HEADER) {
        g_free(raw);
        return NULL;
    }
    entry->device = keyframe_get64(raw);
    entry->start = keyframe_get64(raw + 8);
    entry->length = block.raw - TEXT_HEADER;
    return raw;
}

static gboolean scan_text(KeyframeFile *file)
{
    KeyframeTextEntry entry = { .offset = file->end };
    g_autofree guint8 *raw = read_text(file, &entry);

    if (raw) {
        g_array_append_val(file->texts, entry);
    }
    return raw != NULL;
}

static gboolean scan_block(KeyframeFile *file, guint64 size)
{
    Block block = { .offset = file->end };
    guint8 header[BLOCK_HEADER];
    KeyframeAppend append;

    if (!log_read_at(file->fd, header, sizeof header, file->end, NULL) ||
        !keyframe_block_decode(&block, header) || block.length > size - file->end) {
        return FALSE;
    }
    if (block.kind == KIND_PAGES) {
        if (!scan_pages(file, &block)) {
            return FALSE;
        }
    } else if (block.kind == KIND_TEXT) {
        if (!scan_text(file)) {
            return FALSE;
        }
    } else if (read_frame(file, file->end, &append.entry, NULL, &append.changes, NULL)) {
        keyframe_apply(file->places, append.changes);
        keyframe_file_commit(file, &append);
    } else {
        return FALSE;
    }
    file->end += block.length;
    return TRUE;
}

static gboolean check_header(const KeyframeFile *file, GError **error)
{
    guint8 header[HEADER_SIZE];
    guint32 format;
    guint64 pages;

    if (!log_read_at(file->fd, header, sizeof header, 0, error)) {
        return FALSE;
    }
    format = keyframe_get32(header + 4);
    pages = keyframe_get64(header + 8);
    if (keyframe_get32(header) != KEYFRAME_MAGIC) {
        g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH, "no file of keyframes");
    } else if (format != KEYFRAME_FORMAT) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "keyframes of format %u, where this program's are of format %u", format,
                    KEYFRAME_FORMAT);
    } else if (pages != file->pages) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                    "keyframes of a machine with %" G_GUINT64_FORMAT
                    " pages of memory, where this one has %" G_GUINT64_FORMAT,
                    pages, file->pages);
    } else {
        return TRUE;
    }
    return FALSE;
}

static void free_changes(gpointer changes)
{
    g_array_unref(*(GArray **)changes);
}

/* All pages are as at the start. */
static guint64 *places_at_start(guint64 pages)
{
    guint64 *places = g_new(guint64, pages);

    for (guint64 i = 0; i < pages; i++) {
        places[i] = KEYFRAME_PLACE_START;
    }
    return places;
}

KeyframeFile *keyframe_file_open(int fd, guint64 pages, GError **error)
{
    g_autoptr(KeyframeFile) file = g_new0(KeyframeFile, 1);
    struct stat status;

    file->fd = fd;
    file->pages = pages;
    file->end = HEADER_SIZE;
    file->entries = g_array_new(FALSE, FALSE, sizeof(KeyframeEntry));
    file->changes = g_array_new(FALSE, FALSE, sizeof(GArray *));
    g_array_set_clear_func(file->changes, free_changes);
    file->texts = g_array_new(FALSE, FALSE, sizeof(KeyframeTextEntry));
    file->places = places_at_start(pages);
    file->by_digest = g_hash_table_new_full(hash_digest, equal_digests, g_free, g_free);
    if (fstat(fd, &status) < 0) {
        g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "%s", g_strerror(errno));
        return NULL;
    }
    if (status.st_size < (off_t)HEADER_SIZE) {
        return g_steal_pointer(&file);
    }
    if (!check_header(file, error)) {
        return NULL;
    }
    file->is_begun = TRUE;
    while (file->end < (guint64)status.st_size && scan_block(file, (guint64)status.st_size)) {}
    if (ftruncate(fd, (off_t)file->end) < 0) {
        file->is_closed = TRUE;
    }
    return g_steal_pointer(&file);
}

void keyframe_file_free(KeyframeFile *file)
{
    if (!file) {
        return;
    }
    close(file->fd);
    g_array_unref(file->entries);
    g_array_unref(file->changes);
    g_array_unref(file->texts);
    g_hash_table_unref(file->by_digest);
    g_free(file->places);
    g_free(file);
}

/* --- finding ---------------------------------------------------------------------------------- */

guint keyframe_file_count(const KeyframeFile *file)
{
    return file->entries->len;
}

guint64 keyframe_file_bytes(const KeyframeFile *file)
{
    guint count = file->entries->len;
    const KeyframeEntry *last =
        count ? &g_array_index(file->entries, KeyframeEntry, count - 1) : NULL;

    return last ? last->offset + last->length : HEADER_SIZE;
}

const KeyframeEntry *keyframe_file_before(const KeyframeFile *file, const SeekTarget *target)
{
    const KeyframeEntry *best = NULL;

    for (guint i = 0; i < file->entries->len; i++) {
        const KeyframeEntry *entry = &g_array_index(file->entries, KeyframeEntry, i);

        if (!seek_target_is_reached(target, &entry->position) &&
            (!best || position_compare(&entry->position, &best->position) > 0)) {
            best = entry;
        }
    }
    return best;
}

gboolean keyframe_file_covers(const KeyframeFile *file, guint64 work, guint64 distance)
{
    for (guint i = 0; i < file->entries->len; i++) {
        const KeyframeEntry *entry = &g_array_index(file->entries, KeyframeEntry, i);

        if (MAX(entry->work, work) - MIN(entry->work, work) < distance) {
            return TRUE;
        }
    }
    return FALSE;
}

void keyframe_file_commit(KeyframeFile *file, KeyframeAppend *append)
{
    if (!append->changes) {
        g_array_append_val(file->texts, append->text);
        return;
    }
    g_array_append_val(file->entries, append->entry);
    g_array_append_val(file->changes, append->changes);
    append->changes = NULL;
}

/* --- texts ------------------------------------------------------------------------------------ */

guint64 keyframe_file_text_end(const KeyframeFile *file, guint64 device)
{
    guint64 end = 0;

    for (guint i = 0; i < file->texts->len; i++) {
        const KeyframeTextEntry *entry = &g_array_index(file->texts, KeyframeTextEntry, i);

        if (entry->device == device) {
            end = MAX(end, entry->start + entry->length);
        }
    }
    return end;
}

static gboolean has_byte_before(const KeyframeTextEntry *entry, guint64 device, guint64 end)
{
    return entry->device == device && entry->start < end && end - entry->start <= entry->length;
}

static KeyframeTextEntry *text_before(const KeyframeFile *file, guint64 device, guint64 end)
{
    for (guint i = 0; i < file->texts->len; i++) {
        KeyframeTextEntry *entry = &g_array_index(file->texts, KeyframeTextEntry, i);

        if (has_byte_before(entry, device, end)) {
            return entry;
        }
    }
    return NULL;
}

GBytes *keyframe_file_text(KeyframeFile *file, guint64 device, guint64 end, gsize most)
{
    g_autofree guint8 *text = g_malloc(most);
    gsize left = most;
    KeyframeTextEntry *entry;

    while (left && (entry = text_before(file, device, end))) {
        g_autofree guint8 *raw = read_text(file, entry);
        gsize part = MIN(end - entry->start, left);

        if (!raw || !has_byte_before(entry, device, end)) {
            break;
        }
        left -= part;
        memcpy(text + left, raw + TEXT_HEADER + (end - entry->start) - part, part);
        end -= part;
    }
    return left < most ? g_bytes_new(text + left, most - left) : NULL;
}

/* --- restoring -------------------------------------------------------------------------------- */

GBytes *keyframe_file_state(KeyframeFile *file, const KeyframeEntry *entry, GError **error)
{
    KeyframeEntry again;
    GBytes *state = NULL;

    return read_frame(file, entry->offset, &again, &state, NULL, error) ? state : NULL;
}

static int compare_places(gconstpointer a, gconstpointer b)
{
    const KeyframeChange *x = a, *y = b;

    return x->place < y->place ? -1 : x->place > y->place;
}

/* Where each page is, in the order of the places. */
static GArray *wanted_pages(const KeyframeFile *file, const KeyframeEntry *entry)
{
    g_autofree guint64 *places = places_at_start(file->pages);
    GArray *wanted = g_array_new(FALSE, FALSE, sizeof(KeyframeChange));

    for (guint i = 0; i < file->entries->len; i++) {
        keyframe_apply(places, g_array_index(file->changes, GArray *, i));
        if (&g_array_index(file->entries, KeyframeEntry, i) == entry) {
            break;
        }
    }
    for (guint64 i = 0; i < file->pages; i++) {
        g_array_append_val(wanted, ((KeyframeChange){ i, places[i] }));
    }
    g_array_sort(wanted, compare_places);
    return wanted;
}

static void put_page(const PageMemory *memory, guint64 page, const guint8 *data, guint32 epoch)
{
    static const guint8 zero[PAGE_BYTES];
    guint8 *at = memory->bytes + page * PAGE_BYTES;
    const guint8 *content = data ? data : zero;

    if (!data && !memory->marks[page]) {
        return;
    }
    if (memcmp(at, content, PAGE_BYTES) != 0) {
        memcpy(at, content, PAGE_BYTES);
        memory->marks[page] = epoch;
    } else if (data && !memory->marks[page]) {
        memory->marks[page] = epoch;
    }
}

/* Reads pages of the file, a block at a time. */
typedef struct BlockReader {
    const KeyframeFile *file;
    guint64 offset; /* of the block in RAW, if that is not NULL */
    Block block;
    guint8 *raw;
} BlockReader;

static const guint8 *read_page(BlockReader *reader, guint64 place, GError **error)
{
    guint64 offset = place >> PLACE_SLOTS;
    guint slot = place & ((1u << PLACE_SLOTS) - 1);

    if (offset != reader->offset || !reader->raw) {
        g_free(reader->raw);
        reader->offset = offset;
        reader->raw = keyframe_block_read(reader->file, offset, &reader->block, error);
    }
    if (!reader->raw) {
        return NULL;
    }
    if (reader->block.kind != KIND_PAGES || slot >= reader->block.count) {
        keyframe_fail(error, "have no such page", offset);
        return NULL;
    }
    return reader->raw + (gsize)slot * PAGE_BYTES;
}

static gboolean restore_page(BlockReader *reader, const KeyframeChange *one, const PageMap *start,
                             const PageMemory *memory, guint32 epoch, GError **error)
{
    gboolean is_old = one->place == KEYFRAME_PLACE_START;
    const guint8 *bytes = NULL;

    if (one->place == KEYFRAME_PLACE_ZERO || (is_old && !page_map_get(start, one->page))) {
        put_page(memory, one->page, NULL, epoch);
        return TRUE;
    }
    bytes = is_old ? page_map_bytes(start, one->page, error) : read_page(reader, one->place, error);
    if (bytes) {
        put_page(memory, one->page, bytes, epoch);
    }
    return bytes != NULL;
}

gboolean keyframe_file_restore(KeyframeFile *file, const KeyframeEntry *entry, const PageMap *start,
                               const PageMemory *memory, guint32 epoch, GError **error)
{
    g_autoptr(GArray) wanted = wanted_pages(file, entry);
    BlockReader reader = { .file = file };
    gboolean good = TRUE;

    g_assert(memory->pages == file->pages);
    for (guint i = 0; good && i < wanted->len; i++) {
        good = restore_page(&reader, &g_array_index(wanted, KeyframeChange, i), start, memory,
                            epoch, error);
    }
    g_free(reader.raw);
    return good;
}
