/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. Whatever comes in, at most GDB_PACKET_MAX bytes are kept.
 * 2. What is between packets and means nothing is passed over, as the protocol wants it.
 */
#include "machine/debug/gdb-packet.h"

#include <string.h>

enum { OUTSIDE, INSIDE, SUM };
enum { ESCAPE = '}', ESCAPE_FLIP = 0x20, INTERRUPT = 3 };

void gdb_framer_init(GdbFramer *framer)
{
    *framer = (GdbFramer){ .data = g_byte_array_new() };
}

void gdb_framer_clear(GdbFramer *framer)
{
    g_clear_pointer(&framer->data, g_byte_array_unref);
}

static void begin(GdbFramer *framer)
{
    g_byte_array_set_size(framer->data, 0);
    framer->phase = INSIDE;
    framer->sum = framer->digits = 0;
    framer->is_escaped = framer->is_too_long = false;
}

static GdbItem outside(GdbFramer *framer, uint8_t byte)
{
    if (byte == '$')
        begin(framer);
    return byte == INTERRUPT ? GDB_INTERRUPT : byte == '-' ? GDB_AGAIN : GDB_NOTHING;
}

static void inside(GdbFramer *framer, uint8_t byte)
{
    if (byte == '$') {
        begin(framer); /* the rest of the one before was lost */
        return;
    }
    if (byte == '#') {
        framer->phase = SUM;
        return;
    }
    framer->sum = (uint8_t)(framer->sum + byte);
    if (byte == ESCAPE && !framer->is_escaped) {
        framer->is_escaped = true;
        return;
    }
    byte ^= framer->is_escaped ? ESCAPE_FLIP : 0;
    framer->is_escaped = false;
    if (framer->data->len < GDB_PACKET_MAX)
        g_byte_array_append(framer->data, &byte, 1);
    else
        framer->is_too_long = true;
}

static GdbItem sum(GdbFramer *framer, uint8_t byte)
{
    int digit = g_ascii_xdigit_value((char)byte);
    bool wrong = digit < 0 || digit != (framer->digits ? framer->sum & 15 : framer->sum >> 4);
    framer->is_too_long |= wrong;
    if (++framer->digits < 2)
        return GDB_NOTHING;
    framer->phase = OUTSIDE;
    if (framer->is_too_long || framer->is_escaped)
        return GDB_BAD;
    g_byte_array_append(framer->data, (const uint8_t *)"", 1);
    g_byte_array_set_size(framer->data, framer->data->len - 1);
    return GDB_PACKET;
}

GdbItem gdb_framer_take(GdbFramer *framer, const uint8_t **bytes, size_t *length)
{
    while (*length > 0) {
        uint8_t byte = *(*bytes)++;
        GdbItem item = GDB_NOTHING;
        (*length)--;
        if (framer->phase == OUTSIDE)
            item = outside(framer, byte);
        else if (framer->phase == INSIDE)
            inside(framer, byte);
        else
            item = sum(framer, byte);
        if (item != GDB_NOTHING)
            return item;
    }
    return GDB_NOTHING;
}

GByteArray *gdb_packet_encode(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    GByteArray *out = g_byte_array_new();
    uint8_t total = 0;
    char tail[4];
    g_byte_array_append(out, (const uint8_t *)"$", 1);
    for (size_t i = 0; i < length; i++) {
        bool escaped = memchr("#$}*", bytes[i], 4) != NULL;
        uint8_t pair[2] = { ESCAPE, bytes[i] ^ ESCAPE_FLIP };
        g_byte_array_append(out, escaped ? pair : bytes + i, escaped ? 2 : 1);
    }
    for (guint i = 1; i < out->len; i++)
        total = (uint8_t)(total + out->data[i]);
    g_snprintf(tail, sizeof(tail), "#%02x", total);
    g_byte_array_append(out, (const uint8_t *)tail, 3);
    return out;
}

/* A debugger reads all registers at every stop: printf would take most of the time. */
void gdb_append_hex(GString *text, const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++)
        g_string_append_len(text, (const char[]){ digits[bytes[i] >> 4], digits[bytes[i] & 15] },
                            2);
}

bool gdb_parse_hex(const char *text, void *data, size_t length)
{
    uint8_t *bytes = data;
    if (strlen(text) != length * 2)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool gdb_parse_number(const char **text, uint64_t *value)
{
    unsigned digits = 0;
    for (*value = 0; g_ascii_isxdigit(**text); (*text)++, digits++)
        *value = *value << 4 | (uint64_t)g_ascii_xdigit_value(**text);
    return digits >= 1 && digits <= 16;
}
