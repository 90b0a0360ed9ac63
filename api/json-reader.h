/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_JSON_READER_H
#define POWERPLAY_API_JSON_READER_H

/*
 * A stream of bytes to JSON values, strictly. See json-reader.c for what is accepted.
 *
 * Strings in the tree are UTF-8; U+0000 is kept as the two bytes C0 80. Numbers that json-glib's
 * integers cannot hold, and all numbers with a fraction or exponent, are kept as text: see
 * json_number_text().
 */

#include "api/json-lexer.h"

#include <json-glib/json-glib.h>

#define JSON_READER_MAX_TOKENS  65536
#define JSON_READER_MAX_NESTING 1024 /* above it the message is given up at once */
#define JSON_READER_MAX_DEPTH   64   /* above it the message is read to its end, then refused */

typedef enum {
    JSON_READ_MORE,    /* all bytes used, nothing complete yet */
    JSON_READ_MESSAGE, /* `node` holds a value; the caller owns it */
    JSON_READ_ERROR,   /* `error` holds a sentence; the caller owns it */
} JsonReadKind;

typedef struct {
    JsonReadKind kind;
    gsize used; /* bytes consumed of those that were given */
    JsonNode *node;
    char *error;
} JsonRead;

typedef struct {
    JsonLexer lexer;
    GArray *stack; /* of Frame: the containers that are open */
    int braces, brackets;
    unsigned tokens;
    gsize bytes;
    char *error; /* the first mistake in this message; told when the message ends */
    JsonNode *value;
} ApiReader;

void api_reader_init(ApiReader *reader);
void api_reader_clear(ApiReader *reader);

/* Reads until one value or one mistake is complete, or the bytes end. Call again with the rest. */
JsonRead api_reader_feed(ApiReader *reader, const uint8_t *bytes, gsize length);

/* The whole of `text` as exactly one value; NULL with `error` set (G_IO_ERROR_INVALID_DATA) for
 * anything else. */
JsonNode *api_json_parse(const char *text, gssize length, GError **error);

/* A number as it was written, when the tree cannot hold it as an integer; else NULL. */
const char *json_number_text(JsonNode *node);

/* A node for an unsigned number, exact over the whole range. */
JsonNode *json_unsigned_new(uint64_t value);

/* True and the value when `node` is an integer in 0..2^64-1. */
bool json_unsigned_get(JsonNode *node, uint64_t *value);

#endif
