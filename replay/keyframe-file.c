/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "PPKF", format u32, pages of memory u64; then blocks, each a header of 16 bytes (kind u32, raw
 * length u32, packed length u32, number of pages u32), a 16-byte digest of each page, a zstd frame,
 * and an XXH3-64 over all of that. A block of kind 1 holds pages. One of kind 2 holds a keyframe:
 * its KeyframeEntry, then the length of its state, the state, the number of changes, the changes:
 * pages with another place than in the keyframe before, or, in the first one, than at the start.
 * One of kind 3 holds a text, behind its device u64 and its start u64.
 */
#include "replay/keyframe-file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "replay/log-file.h"

#define MAGIC         0x50504b46u
#define FORMAT        2u
#define HEADER_SIZE   16u
#define BLOCK_HEADER  16u
#define BLOCK_TRAILER 8u
#define BLOCK_PAGES   32u
#define RAW_MAX       (256u << 20)
#define PLACE_SLOTS   8 /* bits of a place that are the page in its block */
#define LEVEL         1

typedef enum { KIND_PAGES = 1, KIND_FRAME = 2, KIND_TEXT = 3 } BlockKind;
#define TEXT_HEADER 16u

typedef struct Block {
    guint32 kind, raw, packed, count;
    guint64 offset, length;
} Block;

struct KeyframeFile {
    int fd;
    guint64 pages;
    GArray *entries; /* of KeyframeEntry, in the file's order */
    GArray *changes; /* of GArray *: of each entry */
    GArray *texts;   /* of KeyframeTextEntry */
    /* The writer's. */
    guint64 end;
    guint64 *places;       /* of the keyframe that is last in the file */
    GHashTable *by_digest; /* Digest -> place: owned, both */
    gboolean is_closed;    /* takes no more */
};

/* --- blocks --------------------------------------------------------------- */

static guint32 get32(const guint8 *at)
{
    guint32 value;

    memcpy(&value, at, sizeof value);
    return GUINT32_FROM_BE(value);
}

static void put32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof value);
}

static guint64 get64(const guint8 *at)
{
    return (guint64)get32(at) << 32 | get32(at + 4);
}

static void put64(guint8 *at, guint64 value)
{
    put32(at, (guint32)(value >> 32));
    put32(at + 4, (guint32)value);
}

static gboolean decode_header(Block *block, const guint8 header[BLOCK_HEADER])
{
    block->kind = get32(header);
    block->raw = get32(header + 4);
    block->packed = get32(header + 8);
    block->count = get32(header + 12);
    block->length =
        BLOCK_HEADER + (guint64)block->count * DIGEST_SIZE + block->packed + BLOCK_TRAILER;
    return block->kind >= KIND_PAGES && block->kind <= KIND_TEXT && block->raw <= RAW_MAX &&
           block->count <= BLOCK_PAGES && block->packed <= ZSTD_compressBound(RAW_MAX) &&
           (block->kind != KIND_PAGES || block->raw == block->count * PAGE_BYTES);
}

static gboolean fail(GError **error, const char *what, guint64 offset)
{
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_DAMAGED,
                "the recording's keyframes %s at offset %" G_GUINT64_FORMAT, what, offset);
    return FALSE;
}

/* The block's content, checked; the caller frees it. */
static guint8 *read_block(const KeyframeFile *file, guint64 offset, Block *block, GError **error)
{
    guint8 header[BLOCK_HEADER];
    guint64 checksum;

    if (!log_read_at(file->fd, header, sizeof header, offset, error)) {
        return NULL;
    }
    if (!decode_header(block, header)) {
        fail(error, "have no block", offset);
        return NULL;
    }

    g_autofree guint8 *stored = g_malloc(block->length);
    g_autofree guint8 *raw = g_malloc(MAX(block->raw, 1));
    gsize body = block->length - BLOCK_TRAILER, front = body - block->packed;

    if (!log_read_at(file->fd, stored, block->length, offset, error)) {
        return NULL;
    }
    memcpy(&checksum, stored + body, sizeof checksum);
    if (GUINT64_FROM_BE(checksum) != log_checksum(stored, body) ||
        ZSTD_decompress(raw, block->raw, stored + front, block->packed) != block->raw) {
        fail(error, "are damaged", offset);
        return NULL;
    }
    return g_steal_pointer(&raw);
}

static gboolean write_all(int fd, const guint8 *data, gsize length, guint64 offset, GError **error)
{
    while (length) {
        gssize done = pwrite(fd, data, length, (off_t)offset);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "cannot write keyframes: %s",
                        g_strerror(done ? errno : EIO));
            return FALSE;
        }
        data += done;
        length -= (gsize)done;
        offset += (guint64)done;
    }
    return TRUE;
}

static gboolean write_block(KeyframeFile *file, BlockKind kind, const guint8 *raw, gsize length,
                            const Digest *digests, guint count, GError **error)
{
    gsize front = BLOCK_HEADER + (gsize)count * DIGEST_SIZE, bound = ZSTD_compressBound(length);
    g_autofree guint8 *stored = g_malloc(front + bound + BLOCK_TRAILER);
    gsize packed = ZSTD_compress(stored + front, bound, raw, length, LEVEL);

    g_assert(!ZSTD_isError(packed));
    put32(stored, kind);
    put32(stored + 4, (guint32)length);
    put32(stored + 8, (guint32)packed);
    put32(stored + 12, count);
    if (count) {
        memcpy(stored + BLOCK_HEADER, digests, (gsize)count * DIGEST_SIZE);
    }

    guint64 checksum = GUINT64_TO_BE(log_checksum(stored, front + packed));

    memcpy(stored + front + packed, &checksum, sizeof checksum);
    if (!write_all(file->fd, stored, front + packed + BLOCK_TRAILER, file->end, error)) {
        return FALSE;
    }
    file->end += front + packed + BLOCK_TRAILER;
    return TRUE;
}

/* --- opening -------------------------------------------------------------- */

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

static guint64 place_of(guint64 offset, guint slot)
{
    return offset << PLACE_SLOTS | slot;
}

static void know_page(KeyframeFile *file, const Digest *digest, guint64 place)
{
    g_hash_table_insert(file->by_digest, g_memdup2(digest, sizeof *digest),
                        g_memdup2(&place, sizeof place));
}

static gboolean scan_pages(KeyframeFile *file, const Block *block)
{
    Digest digests[BLOCK_PAGES];

    if (!log_read_at(file->fd, digests, block->count * sizeof *digests,
                     block->offset + BLOCK_HEADER, NULL)) {
        return FALSE;
    }
    for (guint i = 0; i < block->count; i++) {
        know_page(file, &digests[i], place_of(block->offset, i));
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
    g_autofree guint8 *raw = read_block(file, offset, &block, error);

    if (!raw) {
        return FALSE;
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

static void apply(guint64 *places, const GArray *changes)
{
    for (guint i = 0; i < changes->len; i++) {
        const KeyframeChange *change = &g_array_index(changes, KeyframeChange, i);

        places[change->page] = change->place;
    }
}

/* The block's text behind its header; the caller frees all of it. */
static guint8 *read_text(const KeyframeFile *file, KeyframeTextEntry *entry)
{
    Block block;
    guint8 *raw = read_block(file, entry->offset, &block, NULL);

    if (!raw || block.kind != KIND_TEXT || block.raw < TEXT_HEADER) {
        g_free(raw);
        return NULL;
    }
    entry->device = get64(raw);
    entry->start = get64(raw + 8);
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
        !decode_header(&block, header) || block.length > size - file->end) {
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
        apply(file->places, append.changes);
        keyframe_file_commit(file, &append);
    } else {
        return FALSE;
    }
    file->end += block.length;
    return TRUE;
}

static gboolean begin_file(KeyframeFile *file, GError **error)
{
    guint8 header[HEADER_SIZE];
    guint64 pages = GUINT64_TO_BE(file->pages);

    put32(header, MAGIC);
    put32(header + 4, FORMAT);
    memcpy(header + 8, &pages, sizeof pages);
    return write_all(file->fd, header, sizeof header, 0, error);
}

static gboolean check_header(const KeyframeFile *file, GError **error)
{
    guint8 header[HEADER_SIZE];
    guint64 pages;

    if (!log_read_at(file->fd, header, sizeof header, 0, error)) {
        return FALSE;
    }
    memcpy(&pages, header + 8, sizeof pages);
    if (get32(header) == MAGIC && get32(header + 4) == FORMAT &&
        GUINT64_FROM_BE(pages) == file->pages) {
        return TRUE;
    }
    g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_MISMATCH,
                        "the file has keyframes of another format, or of another machine");
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
    if (fstat(fd, &status) < 0 || status.st_size < (off_t)HEADER_SIZE) {
        return begin_file(file, error) ? g_steal_pointer(&file) : NULL;
    }
    if (!check_header(file, error)) {
        return NULL;
    }
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

/* --- finding -------------------------------------------------------------- */

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

/* --- appending ------------------------------------------------------------ */

/* Pages on their way into a block. */
typedef struct Gathering {
    KeyframeFile *file;
    guint count;
    Digest digest[BLOCK_PAGES];
    guint8 raw[BLOCK_PAGES * PAGE_BYTES];
} Gathering;

static gboolean write_gathered(Gathering *pages, GError **error)
{
    guint count = pages->count;

    pages->count = 0;
    return !count || write_block(pages->file, KIND_PAGES, pages->raw, (gsize)count * PAGE_BYTES,
                                 pages->digest, count, error);
}

/* Where the content is, or is going to be. */
static gboolean place_page(Gathering *pages, const Page *page, guint64 *place, GError **error)
{
    KeyframeFile *file = pages->file;
    const guint64 *known;
    Digest digest;

    if (!page->data) {
        g_set_error_literal(error, REPLAY_ERROR, REPLAY_ERROR_IO,
                            "pages of the keyframe are in a snapshot's file only");
        return FALSE;
    }
    digest_bytes(&digest, page->data, PAGE_BYTES);
    known = g_hash_table_lookup(file->by_digest, &digest);
    if (known) {
        *place = *known;
        return TRUE;
    }
    *place = place_of(file->end, pages->count);
    know_page(file, &digest, *place);
    pages->digest[pages->count] = digest;
    memcpy(pages->raw + (gsize)pages->count * PAGE_BYTES, page->data, PAGE_BYTES);
    return ++pages->count < BLOCK_PAGES || write_gathered(pages, error);
}

static gboolean is_bytes(const Page *page)
{
    return page && (page->data || page->pack);
}

static gboolean gather_changes(KeyframeFile *file, const Keyframe *frame, GArray *changes,
                               GError **error)
{
    g_autofree Gathering *pages = g_new0(Gathering, 1);

    pages->file = file;
    for (guint64 i = 0; i < file->pages; i++) {
        const Page *page = page_map_get(frame->map, i);
        gboolean is_old = frame->is_news && !page;
        KeyframeChange change = { i, is_old ? KEYFRAME_PLACE_START : KEYFRAME_PLACE_ZERO };

        if (is_bytes(page) && !place_page(pages, page, &change.place, error)) {
            return FALSE;
        }
        if (change.place != file->places[i]) {
            g_array_append_val(changes, change);
        }
    }
    return write_gathered(pages, error);
}

static GBytes *frame_bytes(const Keyframe *frame, const GArray *changes)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    gsize length;
    const void *state = g_bytes_get_data(frame->state, &length);

    state_writer_u64(writer, frame->position.icount);
    state_writer_u64(writer, frame->position.virtual_ns);
    state_writer_u32(writer, frame->position.sequence);
    state_writer_u32(writer, frame->is_arrival);
    state_writer_u64(writer, frame->work);
    state_writer_u64(writer, frame->prefix.events);
    state_writer_bytes(writer, frame->prefix.digest.bytes, DIGEST_SIZE);
    state_writer_u64(writer, length);
    state_writer_bytes(writer, state, length);
    state_writer_u64(writer, changes->len);
    for (guint i = 0; i < changes->len; i++) {
        const KeyframeChange *change = &g_array_index(changes, KeyframeChange, i);

        state_writer_u64(writer, change->page);
        state_writer_u64(writer, change->place);
    }
    return state_writer_close_bytes(writer, NULL);
}

static gboolean append_frame(KeyframeFile *file, const Keyframe *frame, KeyframeAppend *append,
                             GError **error)
{
    if (!gather_changes(file, frame, append->changes, error)) {
        return FALSE;
    }

    g_autoptr(GBytes) bytes = frame_bytes(frame, append->changes);
    gsize length;
    const guint8 *raw = g_bytes_get_data(bytes, &length);

    append->entry = (KeyframeEntry){ .position = frame->position,
                                     .work = frame->work,
                                     .is_arrival = frame->is_arrival,
                                     .prefix = frame->prefix,
                                     .offset = file->end };
    if (length > RAW_MAX) {
        return fail(error, "would be too large", file->end);
    }
    if (!write_block(file, KIND_FRAME, raw, length, NULL, 0, error)) {
        return FALSE;
    }
    append->entry.length = file->end - append->entry.offset;
    apply(file->places, append->changes);
    return TRUE;
}

gboolean keyframe_file_append(KeyframeFile *file, const Keyframe *frame, KeyframeAppend *append,
                              GError **error)
{
    *append = (KeyframeAppend){ .changes = g_array_new(FALSE, FALSE, sizeof(KeyframeChange)) };
    if (file->is_closed) {
        fail(error, "take no more", file->end);
    } else if (append_frame(file, frame, append, error)) {
        return TRUE;
    }
    file->is_closed = TRUE;
    g_clear_pointer(&append->changes, g_array_unref);
    return FALSE;
}

gboolean keyframe_file_append_text(KeyframeFile *file, const KeyframeText *text,
                                   KeyframeAppend *append, GError **error)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(text->bytes, &length);
    g_autofree guint8 *raw = g_malloc(TEXT_HEADER + length);

    *append = (KeyframeAppend){ .text = { text->device, text->start, length, file->end } };
    put64(raw, text->device);
    put64(raw + 8, text->start);
    memcpy(raw + TEXT_HEADER, bytes, length);
    if (file->is_closed) {
        return fail(error, "take no more", file->end);
    }
    file->is_closed = !write_block(file, KIND_TEXT, raw, TEXT_HEADER + length, NULL, 0, error);
    return !file->is_closed;
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

/* --- texts ---------------------------------------------------------------- */

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

/* --- restoring ------------------------------------------------------------ */

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
        apply(places, g_array_index(file->changes, GArray *, i));
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
        reader->raw = read_block(reader->file, offset, &reader->block, error);
    }
    if (!reader->raw) {
        return NULL;
    }
    if (reader->block.kind != KIND_PAGES || slot >= reader->block.count) {
        fail(error, "have no such page", offset);
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
