/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing keyframes and texts at the end of a file of keyframes.
 *
 * 1. A page's content is written once: the digests of all that the file has are known.
 * 2. After a failure the file takes no more, for what is at its end then is unknown.
 * 3. Nothing here is what readers look at; keyframe_file_commit() gives it to them.
 */
#include "replay/keyframe-file-internal.h"

#include <string.h>

#include "replay/state.h"

guint64 keyframe_place(guint64 offset, guint slot)
{
    return offset << PLACE_SLOTS | slot;
}

void keyframe_know_page(KeyframeFile *file, const Digest *digest, guint64 place)
{
    g_hash_table_insert(file->by_digest, g_memdup2(digest, sizeof *digest),
                        g_memdup2(&place, sizeof place));
}

void keyframe_apply(guint64 *places, const GArray *changes)
{
    for (guint i = 0; i < changes->len; i++) {
        const KeyframeChange *change = &g_array_index(changes, KeyframeChange, i);

        places[change->page] = change->place;
    }
}

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
    return !count || keyframe_block_write(pages->file, KIND_PAGES, pages->raw,
                                          (gsize)count * PAGE_BYTES, pages->digest, count, error);
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
    *place = keyframe_place(file->end, pages->count);
    keyframe_know_page(file, &digest, *place);
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
    if (length > BLOCK_RAW_MAX) {
        return keyframe_fail(error, "would be too large", file->end);
    }
    if (!keyframe_block_write(file, KIND_FRAME, raw, length, NULL, 0, error)) {
        return FALSE;
    }
    append->entry.length = file->end - append->entry.offset;
    keyframe_apply(file->places, append->changes);
    return TRUE;
}

gboolean keyframe_file_takes_more(const KeyframeFile *file)
{
    return !file->is_closed;
}

gboolean keyframe_file_append(KeyframeFile *file, const Keyframe *frame, KeyframeAppend *append,
                              GError **error)
{
    *append = (KeyframeAppend){ .changes = g_array_new(FALSE, FALSE, sizeof(KeyframeChange)) };
    if (file->is_closed) {
        keyframe_fail(error, "take no more", file->end);
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
    keyframe_put64(raw, text->device);
    keyframe_put64(raw + 8, text->start);
    memcpy(raw + TEXT_HEADER, bytes, length);
    if (file->is_closed) {
        return keyframe_fail(error, "take no more", file->end);
    }
    file->is_closed =
        !keyframe_block_write(file, KIND_TEXT, raw, TEXT_HEADER + length, NULL, 0, error);
    return !file->is_closed;
}
