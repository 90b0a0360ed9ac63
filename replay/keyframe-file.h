/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyframes of a recording that are kept in a file, for later replays of it; and with them the text
 * that the guest has sent, which nobody sees who jumps over it.
 *
 * The file only grows: blocks of compressed pages, and for each keyframe a block with its state and
 * with the pages that are not those of the keyframe before it in the file. A page's content is in
 * the file once; not at all, if it is that of the recording's start. A keyframe is tied to the
 * recording by the events before it, as a snapshot is.
 *
 * Invariants
 * 1. Every block has a checksum; nothing is believed before it is checked. A file that ends in the
 *    middle of a block, or is damaged, is good up to there, and is cut off there.
 * 2. One thread may append while another one reads: what is appended is known to readers when it is
 *    committed, on their thread.
 */
#pragma once

#include "replay/keyframe.h"

typedef struct KeyframeEntry {
    Position position;
    guint64 work;
    gboolean is_arrival;
    ReplayPrefix prefix;
    guint64 offset; /* of its block */
    guint64 length;
} KeyframeEntry;

typedef struct KeyframeFile KeyframeFile;

/* FD (taken) is open for reading and writing, empty or such a file. PAGES: of the machine's memory.
 * Writes nothing; an empty one is begun with what is appended first. NULL with ERROR, of
 * REPLAY_ERROR_MISMATCH if it is another kind of file, one of another format, or of other memory.
 */
KeyframeFile *keyframe_file_open(int fd, guint64 pages, GError **error);
void keyframe_file_free(KeyframeFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyframeFile, keyframe_file_free)

guint keyframe_file_count(const KeyframeFile *file);
guint64 keyframe_file_bytes(const KeyframeFile *file);
/* The latest from which TARGET can be reached, or NULL; good until the next commit. */
const KeyframeEntry *keyframe_file_before(const KeyframeFile *file, const SeekTarget *target);
/* Whether there is one within DISTANCE of WORK. */
gboolean keyframe_file_covers(const KeyframeFile *file, guint64 work, guint64 distance);

/* What the guest has sent out of a device: bytes START and later of all that it ever sent. */
typedef struct KeyframeText {
    guint64 device;
    guint64 start;
    GBytes *bytes;
} KeyframeText;

typedef struct KeyframeTextEntry {
    guint64 device, start, length;
    guint64 offset; /* of its block */
} KeyframeTextEntry;

/* What is on its way into the file: a keyframe, or a text. */
typedef struct KeyframeAppend {
    KeyframeEntry entry;
    GArray *changes; /* of KeyframeChange; NULL: it is a text */
    KeyframeTextEntry text;
} KeyframeAppend;
#define KEYFRAME_PLACE_ZERO  0u /* all zero */
#define KEYFRAME_PLACE_START 1u /* as at the recording's start */
typedef struct KeyframeChange {
    guint64 page;
    guint64 place; /* KEYFRAME_PLACE_..., or where it is in the file */
} KeyframeChange;

/*
 * Writes FRAME. On any thread, one at a time, while the store's thread keeps the map and moves none
 * of its pages. FALSE with ERROR, and the file takes no more, when it cannot be written or a page
 * is not in memory.
 */
gboolean keyframe_file_append(KeyframeFile *file, const Keyframe *frame, KeyframeAppend *append,
                              GError **error);
/* Not while something is being appended. */
gboolean keyframe_file_takes_more(const KeyframeFile *file);
/* The same for a text. */
gboolean keyframe_file_append_text(KeyframeFile *file, const KeyframeText *text,
                                   KeyframeAppend *append, GError **error);
/* On the readers' thread, after that. */
void keyframe_file_commit(KeyframeFile *file, KeyframeAppend *append);

/* The end of the text that is in the file, in bytes that DEVICE ever sent; 0: there is none. */
guint64 keyframe_file_text_end(const KeyframeFile *file, guint64 device);
/* The text before END, at most MOST bytes; NULL if there is none. */
GBytes *keyframe_file_text(KeyframeFile *file, guint64 device, guint64 end, gsize most);

/* The state of ENTRY's machine but for its memory; NULL with ERROR. */
GBytes *keyframe_file_state(KeyframeFile *file, const KeyframeEntry *entry, GError **error);
/*
 * Makes MEMORY what it was there; pages that this changes get the mark EPOCH. START is what it was
 * at the recording's start. FALSE with ERROR when a block is damaged: memory is then partly the
 * one, partly the other, all of it marked.
 */
gboolean keyframe_file_restore(KeyframeFile *file, const KeyframeEntry *entry, const PageMap *start,
                               const PageMemory *memory, guint32 epoch, GError **error);
