/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of gdb's remote protocol on a stream of bytes ("Debugging with GDB", appendix E).
 *
 * $data#checksum, answered by + or -; a byte 3 outside of packets interrupts the target.
 */
#ifndef MACHINE_DEBUG_GDB_PACKET_H
#define MACHINE_DEBUG_GDB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Of what is between $ and #, in both directions; a longer packet is refused. */
#define GDB_PACKET_MAX 0x4000u

typedef enum {
    GDB_NOTHING,   /* the bytes are used up */
    GDB_PACKET,    /* a good one: in data */
    GDB_BAD,       /* its checksum is wrong, or it is too long: to be refused by - */
    GDB_INTERRUPT, /* a byte 3 */
    GDB_AGAIN,     /* the other side refused what was sent last */
} GdbItem;

typedef struct {
    GByteArray *data; /* of the packet, without escapes; a zero byte follows its end */
    uint8_t phase, sum, digits;
    bool is_escaped, is_too_long;
} GdbFramer;

void gdb_framer_init(GdbFramer *framer);
void gdb_framer_clear(GdbFramer *framer);
/* Takes bytes from BYTES on, moves it and LENGTH, and says what they made. */
GdbItem gdb_framer_take(GdbFramer *framer, const uint8_t **bytes, size_t *length);

/* LENGTH bytes of a reply as a packet, escaped. */
GByteArray *gdb_packet_encode(const void *data, size_t length);

/* Appends two digits per byte. */
void gdb_append_hex(GString *text, const void *data, size_t length);
/* Bytes of exactly LENGTH * 2 digits; false if TEXT is anything else. */
bool gdb_parse_hex(const char *text, void *data, size_t length);
/* A number of 1 to 16 digits; moves TEXT behind it. */
bool gdb_parse_number(const char **text, uint64_t *value);

#endif
