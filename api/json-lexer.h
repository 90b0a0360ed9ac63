/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_JSON_LEXER_H
#define POWERPLAY_API_JSON_LEXER_H

/* Bytes to JSON tokens, one byte at a time. See json-lexer.c. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The longest token and the longest message, in bytes. */
#define JSON_LEXER_MAX_BYTES (1024 * 1024)

typedef enum {
    JSON_TOKEN_NONE,       /* the byte finished nothing */
    JSON_TOKEN_STRUCTURAL, /* one of { } [ ] : , */
    JSON_TOKEN_STRING,     /* with its quotes, escapes not yet read */
    JSON_TOKEN_INTEGER,
    JSON_TOKEN_FLOAT,
    JSON_TOKEN_WORD,  /* lower-case letters: true, false, null or a mistake */
    JSON_TOKEN_STRAY, /* bytes that begin no token; the lexer is in recovery now */
    JSON_TOKEN_LONG,  /* a token over JSON_LEXER_MAX_BYTES; in recovery too */
} JsonTokenKind;

typedef struct {
    unsigned state;
    GString *token; /* the bytes of the token so far, or of the token just finished */
    bool finished;  /* `token` was handed out: the next byte begins a new one */
} JsonLexer;

void json_lexer_init(JsonLexer *lexer);
void json_lexer_clear(JsonLexer *lexer);

/* Looks at one byte. Sets `*consumed` to false when the byte ended the token before it and must be
 * fed again. When a token is finished its bytes are in lexer->token until the next call. */
JsonTokenKind json_lexer_feed(JsonLexer *lexer, uint8_t byte, bool *consumed);

#endif
