/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The lexer that stands between a socket and everything else.
 *
 * json-glib must not be the first to touch foreign bytes: it recurses without limit, wraps large
 * integers, cuts strings at \u0000 and reads comments, octal numbers and JavaScript. So the bytes
 * go through this table first. It accepts JSON as QMP does: RFC 8259, and strings in single quotes.
 *
 * The table has a row for each state and a column for each class of byte. An entry is the next
 * state or one of the actions below. What a stock QMP server answers to bad bytes is part of the
 * contract, and so are these rules:
 *
 * 1. A byte that no token can begin or continue with is an error that names the bytes of the
 *    broken token, that byte included ("01", "1.}").
 * 2. After an error, bytes are skipped up to a structural character, a control character other than
 *    tab, or one of 0xFE and 0xFF. That byte is then read as the beginning of something new. A
 *    client can thus force the lexer into a clean state by sending 0xFF or a line end.
 * 3. Control characters, 0xFE and 0xFF never stand inside a string; other bytes are checked as
 *    UTF-8 only when the string is read.
 * 4. A number or word ends at the first byte that cannot belong to it; that byte is fed again.
 * 5. No token grows beyond JSON_LEXER_MAX_BYTES.
 */

#include "api/json-lexer.h"

#include <string.h>

typedef enum {
    CONTROL, /* 0x00..0x1f without the three below */
    TAB,
    LINE_END,
    SPACE,
    STRUCTURAL,
    DOUBLE_QUOTE,
    SINGLE_QUOTE,
    BACKSLASH,
    MINUS,
    PLUS,
    DOT,
    ZERO,
    DIGIT,
    SMALL_E,
    CAPITAL_E,
    LOWER,
    OTHER,
    NEVER_UTF8, /* 0xfe, 0xff */
    CLASS_COUNT
} ByteClass;

typedef enum {
    START,
    IN_DOUBLE,
    IN_DOUBLE_ESCAPE,
    IN_SINGLE,
    IN_SINGLE_ESCAPE,
    IN_WORD,
    AFTER_MINUS,
    AFTER_ZERO,
    IN_DIGITS,
    AFTER_DOT,
    IN_FRACTION,
    AFTER_E,
    AFTER_E_SIGN,
    IN_EXPONENT,
    RECOVERY,
    STATE_COUNT,
    /* Actions. Those marked "again" leave the byte for the next token. */
    BAD = STATE_COUNT,
    SKIP,
    STRUCT,
    STRING,
    INTEGER, /* again */
    FLOAT,   /* again */
    WORD,    /* again */
    RESTART, /* again */
} Entry;

/* Ranges are laid down first and then overwritten in places: that is the point of these tables. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

static const uint8_t class_of[256] = {
    [0x00 ... 0x1f] = CONTROL,
    [0x20 ... 0xfd] = OTHER,
    [0xfe ... 0xff] = NEVER_UTF8,
    ['\t'] = TAB,
    ['\n'] = LINE_END,
    ['\r'] = LINE_END,
    [' '] = SPACE,
    ['{'] = STRUCTURAL,
    ['}'] = STRUCTURAL,
    ['['] = STRUCTURAL,
    [']'] = STRUCTURAL,
    [':'] = STRUCTURAL,
    [','] = STRUCTURAL,
    ['"'] = DOUBLE_QUOTE,
    ['\''] = SINGLE_QUOTE,
    ['\\'] = BACKSLASH,
    ['-'] = MINUS,
    ['+'] = PLUS,
    ['.'] = DOT,
    ['0'] = ZERO,
    ['1' ... '9'] = DIGIT,
    ['a' ... 'z'] = LOWER,
    ['e'] = SMALL_E,
    ['E'] = CAPITAL_E,
};

/* clang-format off */
static const uint8_t table[STATE_COUNT][CLASS_COUNT] = {
    [START] = { [0 ... CLASS_COUNT - 1] = BAD,
        [TAB] = SKIP, [LINE_END] = SKIP, [SPACE] = SKIP, [STRUCTURAL] = STRUCT,
        [DOUBLE_QUOTE] = IN_DOUBLE, [SINGLE_QUOTE] = IN_SINGLE, [MINUS] = AFTER_MINUS,
        [ZERO] = AFTER_ZERO, [DIGIT] = IN_DIGITS, [SMALL_E] = IN_WORD, [LOWER] = IN_WORD },
    [IN_DOUBLE] = { [0 ... CLASS_COUNT - 1] = IN_DOUBLE,
        [CONTROL] = BAD, [TAB] = BAD, [LINE_END] = BAD, [NEVER_UTF8] = BAD,
        [DOUBLE_QUOTE] = STRING, [BACKSLASH] = IN_DOUBLE_ESCAPE },
    [IN_DOUBLE_ESCAPE] = { [0 ... CLASS_COUNT - 1] = IN_DOUBLE,
        [CONTROL] = BAD, [TAB] = BAD, [LINE_END] = BAD, [NEVER_UTF8] = BAD },
    [IN_SINGLE] = { [0 ... CLASS_COUNT - 1] = IN_SINGLE,
        [CONTROL] = BAD, [TAB] = BAD, [LINE_END] = BAD, [NEVER_UTF8] = BAD,
        [SINGLE_QUOTE] = STRING, [BACKSLASH] = IN_SINGLE_ESCAPE },
    [IN_SINGLE_ESCAPE] = { [0 ... CLASS_COUNT - 1] = IN_SINGLE,
        [CONTROL] = BAD, [TAB] = BAD, [LINE_END] = BAD, [NEVER_UTF8] = BAD },
    [IN_WORD] = { [0 ... CLASS_COUNT - 1] = WORD, [LOWER] = IN_WORD, [SMALL_E] = IN_WORD },
    [AFTER_MINUS] = { [0 ... CLASS_COUNT - 1] = BAD, [ZERO] = AFTER_ZERO, [DIGIT] = IN_DIGITS },
    [AFTER_ZERO] = { [0 ... CLASS_COUNT - 1] = INTEGER, [ZERO] = BAD, [DIGIT] = BAD,
        [DOT] = AFTER_DOT, [SMALL_E] = AFTER_E, [CAPITAL_E] = AFTER_E },
    [IN_DIGITS] = { [0 ... CLASS_COUNT - 1] = INTEGER, [ZERO] = IN_DIGITS, [DIGIT] = IN_DIGITS,
        [DOT] = AFTER_DOT, [SMALL_E] = AFTER_E, [CAPITAL_E] = AFTER_E },
    [AFTER_DOT] = { [0 ... CLASS_COUNT - 1] = BAD, [ZERO] = IN_FRACTION, [DIGIT] = IN_FRACTION },
    [IN_FRACTION] = { [0 ... CLASS_COUNT - 1] = FLOAT, [ZERO] = IN_FRACTION,
        [DIGIT] = IN_FRACTION, [SMALL_E] = AFTER_E, [CAPITAL_E] = AFTER_E },
    [AFTER_E] = { [0 ... CLASS_COUNT - 1] = BAD, [MINUS] = AFTER_E_SIGN, [PLUS] = AFTER_E_SIGN,
        [ZERO] = IN_EXPONENT, [DIGIT] = IN_EXPONENT },
    [AFTER_E_SIGN] = { [0 ... CLASS_COUNT - 1] = BAD, [ZERO] = IN_EXPONENT,
        [DIGIT] = IN_EXPONENT },
    [IN_EXPONENT] = { [0 ... CLASS_COUNT - 1] = FLOAT, [ZERO] = IN_EXPONENT,
        [DIGIT] = IN_EXPONENT },
    [RECOVERY] = { [0 ... CLASS_COUNT - 1] = SKIP,
        [CONTROL] = RESTART, [LINE_END] = RESTART, [NEVER_UTF8] = RESTART,
        [STRUCTURAL] = RESTART },
};
/* clang-format on */
#pragma GCC diagnostic pop

void json_lexer_init(JsonLexer *lexer)
{
    *lexer = (JsonLexer){ .state = START, .token = g_string_new(NULL) };
}

void json_lexer_clear(JsonLexer *lexer)
{
    if (lexer->token) {
        g_string_free(lexer->token, TRUE);
    }
    lexer->token = NULL;
}

static JsonTokenKind finish(JsonLexer *lexer, unsigned next_state, JsonTokenKind kind)
{
    lexer->state = next_state;
    lexer->finished = true;
    return kind;
}

JsonTokenKind json_lexer_feed(JsonLexer *lexer, uint8_t byte, bool *consumed)
{
    if (lexer->finished) {
        /* A long string must not keep its megabyte for the life of the connection. */
        if (lexer->token->allocated_len > 65536) {
            g_string_free(lexer->token, TRUE);
            lexer->token = g_string_new(NULL);
        }
        g_string_truncate(lexer->token, 0);
        lexer->finished = false;
    }
    uint8_t entry = table[lexer->state][class_of[byte]];
    *consumed = entry < INTEGER;
    if (entry != SKIP && *consumed) {
        g_string_append_c(lexer->token, (char)byte);
        if (lexer->token->len > JSON_LEXER_MAX_BYTES) {
            return finish(lexer, RECOVERY, JSON_TOKEN_LONG);
        }
    }
    switch (entry) {
    case BAD: return finish(lexer, RECOVERY, JSON_TOKEN_STRAY);
    case STRUCT: return finish(lexer, START, JSON_TOKEN_STRUCTURAL);
    case STRING: return finish(lexer, START, JSON_TOKEN_STRING);
    case INTEGER: return finish(lexer, START, JSON_TOKEN_INTEGER);
    case FLOAT: return finish(lexer, START, JSON_TOKEN_FLOAT);
    case WORD: return finish(lexer, START, JSON_TOKEN_WORD);
    case RESTART: lexer->state = START; return JSON_TOKEN_NONE;
    case SKIP: return JSON_TOKEN_NONE;
    default: lexer->state = entry; return JSON_TOKEN_NONE;
    }
}
