/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A debugger who says anything: packets are cut out of it, whatever the pieces in which it comes,
 * and what is sent is understood by the other side as it was meant.
 */

#include "machine/debug/gdb-packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last packet that is in DATA, which comes in pieces of at most STEP bytes; NULL if none. */
static GByteArray *last_packet(const uint8_t *data, size_t size, size_t step)
{
    GByteArray *last = NULL;
    GdbFramer framer;
    gdb_framer_init(&framer);
    while (size > 0) {
        size_t left = MIN(step, size);
        size -= left;
        while (left > 0) {
            GdbItem item = gdb_framer_take(&framer, &data, &left);
            g_assert(framer.data->len <= GDB_PACKET_MAX);
            if (item == GDB_PACKET) {
                g_clear_pointer(&last, g_byte_array_unref);
                last = g_byte_array_new();
                g_byte_array_append(last, framer.data->data, framer.data->len);
                g_assert(framer.data->data[framer.data->len] == 0);
            }
        }
    }
    gdb_framer_clear(&framer);
    return last;
}

static void expect_equal(const GByteArray *a, const void *data, size_t length)
{
    g_assert(a && a->len == length && (!length || memcmp(a->data, data, length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) whole = last_packet(data, size, SIZE_MAX);
    g_autoptr(GByteArray) bytes = last_packet(data, size, 1);
    g_assert(!whole == !bytes);
    if (whole)
        expect_equal(bytes, whole->data, whole->len);
    if (size > 0 && size <= GDB_PACKET_MAX) {
        g_autoptr(GByteArray) sent = gdb_packet_encode(data, size);
        g_autoptr(GByteArray) taken = last_packet(sent->data, sent->len, 7);
        expect_equal(taken, data, size);
    }
    return 0;
}
