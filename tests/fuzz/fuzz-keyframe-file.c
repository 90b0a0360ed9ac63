/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyframes that lie beside a recording. The first byte picks: the rest is the file itself, or
 * it is blocks that are put into a sound file and sealed as a writer would, so that the fuzzer need
 * not find checksums. Whatever is in it, memory that is restored from it stays the size it is.
 */
#include "replay/keyframe-file.h"
#include "replay/log-file.h"
#include "tests/fuzz/input.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#define PAGES      8u
#define BLOCKS_MAX 6u
#define COUNT_MAX  4u /* pages of a block; 32 is the format's own limit */

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void put(GByteArray *out, guint64 value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        g_byte_array_append(out, &(guint8){ (guint8)(value >> 8 * i) }, 1);
}

/* A place: a block that is there, or anything. */
static guint64 take_place(Input *input, const guint64 *blocks, unsigned count)
{
    guint8 how = (guint8)take(input, 1);
    if (how & 0x80)
        return how & 1 ? KEYFRAME_PLACE_START : take(input, 8);
    return count && how ? blocks[how % count] << 8 | (how >> 4 & 7) : 0;
}

static void put_frame(GByteArray *raw, Input *input, const guint64 *blocks, unsigned count)
{
    guint8 what = (guint8)take(input, 1);
    if (what & 1) { /* anything */
        size_t length = MIN(what >> 1, input->left);
        g_byte_array_append(raw, input->data, (guint)length);
        input->data += length;
        input->left -= length;
        return;
    }
    put(raw, take(input, 2), 8); /* icount, virtual time, sequence, arrival, work, events */
    put(raw, take(input, 1), 8);
    put(raw, what >> 4 & 1, 4);
    put(raw, what >> 5 & 1, 4);
    put(raw, take(input, 1), 8);
    put(raw, 0, 8);
    g_byte_array_append(raw, (const guint8[DIGEST_SIZE]){ 0 }, DIGEST_SIZE);
    unsigned state = (unsigned)take(input, 1) % 20, changes = what >> 1 & 7;
    put(raw, state, 8);
    for (unsigned i = 0; i < state; i++)
        put(raw, i, 1);
    put(raw, changes, 8);
    for (unsigned i = 0; i < changes; i++) {
        put(raw, take(input, 1) % (PAGES + 1), 8);
        put(raw, take_place(input, blocks, count), 8);
    }
}

/* Appends a block to FILE; what is wrong with it, the input says. */
static void put_block(GByteArray *file, Input *input, const guint64 *blocks, unsigned number)
{
    static ZSTD_CCtx *compressor;
    g_autoptr(GByteArray) raw = g_byte_array_new();
    guint8 what = (guint8)take(input, 1);
    guint32 kind = what & 1 ? 1 : 2, count = kind == 1 ? what >> 1 & (COUNT_MAX - 1) : 0;
    gsize begin = file->len;
    if (!compressor)
        compressor = ZSTD_createCCtx();
    if (kind == 1) {
        g_byte_array_set_size(raw, count * PAGE_BYTES);
        if (count)
            memset(raw->data, what, raw->len);
    } else {
        put_frame(raw, input, blocks, number);
    }
    guint8 packed[PAGE_BYTES * COUNT_MAX];
    gsize length = ZSTD_compressCCtx(compressor, packed, sizeof packed,
                                     raw->len ? raw->data : packed, raw->len, 1);
    g_assert(!ZSTD_isError(length));
    put(file, (what & 0xc0) == 0xc0 ? take(input, 1) : kind, 4);
    put(file, (what & 0xe0) == 0x80 ? take(input, 2) : raw->len, 4);
    put(file, (what & 0xe0) == 0x40 ? take(input, 1) : length, 4);
    put(file, (what & 0xe0) == 0x20 ? take(input, 1) : count, 4);
    guint8 digests[COUNT_MAX * DIGEST_SIZE];
    for (unsigned i = 0; i < sizeof digests; i++)
        digests[i] = (guint8)(i + number);
    g_byte_array_append(file, digests, count * DIGEST_SIZE);
    g_byte_array_append(file, packed, (guint)length);
    put(file, log_checksum(file->data + begin, file->len - begin), 8);
}

static void write_file(int fd, Input *input)
{
    g_autoptr(GByteArray) file = g_byte_array_new();
    guint64 blocks[BLOCKS_MAX];
    put(file, 0x50504b46, 4);
    put(file, 2, 4);
    put(file, PAGES, 8);
    for (unsigned i = 0; input->left && i < BLOCKS_MAX; i++) {
        blocks[i] = file->len;
        put_block(file, input, blocks, i);
    }
    g_assert(pwrite(fd, file->data, file->len, 0) == (gssize)file->len);
}

static void use(KeyframeFile *file)
{
    static guint8 bytes[PAGES * PAGE_BYTES];
    static guint32 marks[PAGES];
    static PageMap *start;
    const PageMemory memory = { bytes, marks, PAGES };
    if (!start)
        start = page_map_new(page_store_new(), PAGES);
    for (guint64 icount = 0; icount < 0x10000; icount = 16 * icount + 15) {
        const SeekTarget target = { icount, 0 };
        const KeyframeEntry *entry = keyframe_file_before(file, &target);
        if (!entry)
            continue;
        g_assert(keyframe_file_covers(file, entry->work, 1));
        g_autoptr(GError) state_error = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) state = keyframe_file_state(file, entry, &state_error);
        g_assert(!state == (state_error != NULL));
        bool good = keyframe_file_restore(file, entry, start, &memory, 1, &error);
        g_assert(good == !error);
    }
    g_assert(keyframe_file_bytes(file) >= 16);
    for (guint64 byte = 0; byte < 256; byte++) { /* a text of pages has such a device */
        guint64 device = byte * 0x0101010101010101u, end = keyframe_file_text_end(file, device);
        if (!end && byte)
            continue;
        g_autoptr(GBytes) text = keyframe_file_text(file, device, end, 100);
        g_assert(!text || g_bytes_get_size(text) <= 100);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */
    Input input = { data, size };
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_assert(ftruncate(fd, 0) == 0);
    if (take(&input, 1) & 1)
        write_file(fd, &input);
    else
        g_assert(pwrite(fd, input.data, input.left, 0) == (gssize)input.left);
    g_autoptr(GError) error = NULL;
    g_autoptr(KeyframeFile) file = keyframe_file_open(dup(fd), PAGES, &error);
    g_assert(!file == (error != NULL));
    if (file)
        use(file);
    return 0;
}
