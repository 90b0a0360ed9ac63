/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Tokens to values. The tree is json-glib's, but its parser is never used: see json-lexer.c.
 *
 * A message ends when its braces and brackets balance, or when one closes that was never opened. A
 * number, word or string outside of all braces is a message of its own. There is no other framing.
 *
 * 1. One message gives one value or one mistake. A mistake of grammar is told when the message
 *    ends, so the rest of a broken message gives no further mistakes.
 * 2. Stray bytes and limits give up the message at once; what follows is a new message.
 * 3. Nothing here recurses: the open containers are an explicit stack.
 * 4. A tree deeper than JSON_READER_MAX_DEPTH is never built.
 */

#include "api/json-reader.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

typedef enum {
    EXPECT_FIRST, /* a value or key, or the end */
    EXPECT_NEXT,  /* a value or key */
    EXPECT_COLON,
    EXPECT_VALUE, /* the value of a pair */
    EXPECT_SEPARATOR,
} Expect;

typedef struct {
    JsonNode *node;
    char *key; /* of the pair being read */
    Expect expect;
} Frame;

/* No string of a tree can begin with this byte, so it marks a number kept as text. */
#define NUMBER_MARK '\xff'

static void frame_clear(gpointer data)
{
    Frame *frame = data;
    g_clear_pointer(&frame->node, json_node_unref);
    g_clear_pointer(&frame->key, g_free);
}

void api_reader_init(ApiReader *reader)
{
    *reader = (ApiReader){ .stack = g_array_new(FALSE, TRUE, sizeof(Frame)) };
    g_array_set_clear_func(reader->stack, frame_clear);
    json_lexer_init(&reader->lexer);
}

static void reset(ApiReader *reader)
{
    g_array_set_size(reader->stack, 0);
    g_clear_pointer(&reader->value, json_node_unref);
    g_clear_pointer(&reader->error, g_free);
    reader->braces = reader->brackets = 0;
    reader->tokens = 0;
    reader->bytes = 0;
}

void api_reader_clear(ApiReader *reader)
{
    reset(reader);
    g_clear_pointer(&reader->stack, g_array_unref);
    json_lexer_clear(&reader->lexer);
}

static JsonNode *text_node(const char *text)
{
    g_autofree char *marked = g_strdup_printf("%c%s", NUMBER_MARK, text);
    return json_node_init_string(json_node_alloc(), marked);
}

const char *json_number_text(JsonNode *node)
{
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING) {
        return NULL;
    }
    const char *text = json_node_get_string(node);
    return text[0] == NUMBER_MARK ? text + 1 : NULL;
}

JsonNode *json_unsigned_new(uint64_t value)
{
    if (value <= G_MAXINT64) {
        return json_node_init_int(json_node_alloc(), (gint64)value);
    }
    char digits[24];
    g_snprintf(digits, sizeof(digits), "%" G_GUINT64_FORMAT, value);
    return text_node(digits);
}

bool json_unsigned_get(JsonNode *node, uint64_t *value)
{
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64) {
        *value = (uint64_t)json_node_get_int(node);
        return json_node_get_int(node) >= 0;
    }
    const char *text = json_number_text(node);
    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, value, NULL);
}

static void mistake(ApiReader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void mistake(ApiReader *reader, const char *format, ...)
{
    if (reader->error) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    reader->error = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    /* Nothing of this message will be used. */
    g_array_set_size(reader->stack, 0);
    g_clear_pointer(&reader->value, json_node_unref);
}

/* Numbers */

static JsonNode *read_integer(ApiReader *reader, const char *text)
{
    gint64 value;
    if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL)) {
        return json_node_init_int(json_node_alloc(), value);
    }
    if (!isfinite(g_ascii_strtod(text, NULL))) {
        mistake(reader, "JSON parse error, number out of range");
        return NULL;
    }
    return text_node(text);
}

static JsonNode *read_float(ApiReader *reader, const char *text)
{
    if (!isfinite(g_ascii_strtod(text, NULL))) {
        mistake(reader, "JSON parse error, number out of range");
        return NULL;
    }
    return text_node(text);
}

/* Strings */

static bool is_scalar_value(gunichar c)
{
    bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
    bool is_noncharacter = (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
    return c <= 0x10ffff && !is_surrogate && !is_noncharacter;
}

/* U+0000 becomes C0 80, so that C strings can hold it. */
static void append_character(GString *out, gunichar c)
{
    if (c == 0) {
        g_string_append(out, "\xc0\x80");
    } else {
        g_string_append_unichar(out, c);
    }
}

/* Four hexadecimal digits, or -1. */
static int read_hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* `p` is at the backslash of \uXXXX; returns the bytes used, 0 after a mistake. */
static unsigned read_unicode_escape(ApiReader *reader, const char *p, GString *out)
{
    int first = read_hex4(p + 2);
    int shown = 6;
    if (first >= 0xd800 && first <= 0xdbff && p[6] == '\\' && p[7] == 'u') {
        int second = read_hex4(p + 8);
        if (second >= 0xdc00 && second <= 0xdfff) {
            gunichar c = 0x10000 + ((gunichar)(first - 0xd800) << 10) + (gunichar)(second - 0xdc00);
            if (is_scalar_value(c)) {
                append_character(out, c);
                return 12;
            }
            shown = 12;
        }
    }
    if (shown == 12 || first < 0 || !is_scalar_value((gunichar)first)) {
        mistake(reader, "JSON parse error, %.*s is not a valid Unicode character", shown, p);
        return 0;
    }
    append_character(out, (gunichar)first);
    return 6;
}

static unsigned read_escape(ApiReader *reader, const char *p, GString *out)
{
    static const char names[] = "bfnrt\"'\\/", values[] = "\b\f\n\r\t\"'\\/";
    if (p[1] == 'u') {
        return read_unicode_escape(reader, p, out);
    }
    const char *name = p[1] ? strchr(names, p[1]) : NULL;
    if (!name) {
        mistake(reader, "JSON parse error, invalid escape sequence in string");
        return 0;
    }
    g_string_append_c(out, values[name - names]);
    return 2;
}

static unsigned read_character(ApiReader *reader, const char *p, gsize left, GString *out)
{
    if (left >= 2 && memcmp(p, "\xc0\x80", 2) == 0) {
        g_string_append_len(out, p, 2);
        return 2;
    }
    gunichar c = g_utf8_get_char_validated(p, (gssize)left);
    if (c == (gunichar)-1 || c == (gunichar)-2 || !is_scalar_value(c)) {
        mistake(reader, "JSON parse error, invalid UTF-8 sequence in string");
        return 0;
    }
    g_string_append_unichar(out, c);
    return (unsigned)g_unichar_to_utf8(c, NULL);
}

static char *read_string(ApiReader *reader, const GString *token)
{
    GString *out = g_string_sized_new(token->len);
    const char *p = token->str + 1, *end = token->str + token->len - 1;
    while (p < end) {
        unsigned used = 1;
        if (*p == '\\') {
            used = read_escape(reader, p, out);
        } else if ((unsigned char)*p < 0x80) {
            g_string_append_c(out, *p);
        } else {
            used = read_character(reader, p, (gsize)(end - p), out);
        }
        if (!used) {
            g_string_free(out, TRUE);
            return NULL;
        }
        p += used;
    }
    return g_string_free(out, FALSE);
}

/* Grammar */

static Frame *top(ApiReader *reader)
{
    guint depth = reader->stack->len;
    return depth ? &g_array_index(reader->stack, Frame, depth - 1) : NULL;
}

static bool is_object(const Frame *frame)
{
    return JSON_NODE_HOLDS_OBJECT(frame->node);
}

/* True when a value may begin here; else says what is wrong. */
static bool value_is_expected(ApiReader *reader)
{
    Frame *frame = top(reader);
    if (frame && frame->expect == EXPECT_COLON) {
        mistake(reader, "JSON parse error, missing : in object pair");
    } else if (frame && frame->expect == EXPECT_SEPARATOR) {
        mistake(reader, "JSON parse error, expected separator in %s",
                is_object(frame) ? "dict" : "list");
    }
    return reader->error == NULL;
}

/* A value is complete: it becomes a member, an element, a key, or the message. Takes `node`. */
static void place_value(ApiReader *reader, JsonNode *node)
{
    Frame *frame = top(reader);
    if (!frame) {
        reader->value = node;
        return;
    }
    if (!is_object(frame)) {
        json_array_add_element(json_node_get_array(frame->node), node);
        frame->expect = EXPECT_SEPARATOR;
    } else if (frame->expect != EXPECT_VALUE) {
        bool is_string = JSON_NODE_HOLDS_VALUE(node) &&
                         json_node_get_value_type(node) == G_TYPE_STRING && !json_number_text(node);
        frame->expect = EXPECT_COLON;
        frame->key = is_string ? json_node_dup_string(node) : NULL;
        json_node_unref(node);
        if (!is_string) {
            mistake(reader, "JSON parse error, key is not a string in object");
        }
    } else if (json_object_has_member(json_node_get_object(frame->node), frame->key)) {
        json_node_unref(node);
        mistake(reader, "JSON parse error, duplicate key");
    } else {
        json_object_set_member(json_node_get_object(frame->node), frame->key, node);
        g_clear_pointer(&frame->key, g_free);
        frame->expect = EXPECT_SEPARATOR;
    }
}

static void open_container(ApiReader *reader, char byte)
{
    if (!value_is_expected(reader)) {
        return;
    }
    if (reader->stack->len >= JSON_READER_MAX_DEPTH) {
        mistake(reader, "JSON nesting depth limit exceeded");
        return;
    }
    Frame frame = { .node = json_node_alloc(), .expect = EXPECT_FIRST };
    if (byte == '{') {
        g_autoptr(JsonObject) object = json_object_new();
        json_node_init_object(frame.node, object);
    } else {
        g_autoptr(JsonArray) array = json_array_new();
        json_node_init_array(frame.node, array);
    }
    g_array_append_val(reader->stack, frame);
}

static void close_container(ApiReader *reader, char byte)
{
    Frame *frame = top(reader);
    bool may_end = frame && (frame->expect == EXPECT_FIRST || frame->expect == EXPECT_SEPARATOR);
    if (!may_end || is_object(frame) != (byte == '}')) {
        if (!frame || value_is_expected(reader)) {
            mistake(reader, "JSON parse error, expecting value");
        }
        return;
    }
    JsonNode *node = g_steal_pointer(&frame->node);
    g_array_set_size(reader->stack, reader->stack->len - 1);
    place_value(reader, node);
}

static void take_punctuation(ApiReader *reader, char byte)
{
    Frame *frame = top(reader);
    if (frame && byte == ',' && frame->expect == EXPECT_SEPARATOR) {
        frame->expect = EXPECT_NEXT;
    } else if (frame && byte == ':' && frame->expect == EXPECT_COLON) {
        frame->expect = EXPECT_VALUE;
    } else if (!frame || value_is_expected(reader)) {
        mistake(reader, "JSON parse error, expecting value");
    }
}

static JsonNode *read_word(ApiReader *reader, const char *word)
{
    if (strcmp(word, "null") == 0) {
        return json_node_init_null(json_node_alloc());
    }
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        return json_node_init_boolean(json_node_alloc(), word[0] == 't');
    }
    mistake(reader, "JSON parse error, invalid keyword '%s'", word);
    return NULL;
}

static JsonNode *read_scalar(ApiReader *reader, JsonTokenKind kind)
{
    const GString *token = reader->lexer.token;
    if (kind == JSON_TOKEN_INTEGER) {
        return read_integer(reader, token->str);
    }
    if (kind == JSON_TOKEN_FLOAT) {
        return read_float(reader, token->str);
    }
    if (kind == JSON_TOKEN_WORD) {
        return read_word(reader, token->str);
    }
    g_autofree char *text = read_string(reader, token);
    return text ? json_node_init_string(json_node_alloc(), text) : NULL;
}

static void count_structural(ApiReader *reader, char byte)
{
    reader->braces += (byte == '{') - (byte == '}');
    reader->brackets += (byte == '[') - (byte == ']');
}

static void take_token(ApiReader *reader, JsonTokenKind kind)
{
    char byte = reader->lexer.token->str[0];
    if (kind == JSON_TOKEN_STRUCTURAL) {
        count_structural(reader, byte);
    }
    if (reader->error) {
        return;
    }
    if (kind != JSON_TOKEN_STRUCTURAL) {
        JsonNode *node = value_is_expected(reader) ? read_scalar(reader, kind) : NULL;
        if (node) {
            place_value(reader, node);
        }
    } else if (byte == '{' || byte == '[') {
        open_container(reader, byte);
    } else if (byte == '}' || byte == ']') {
        close_container(reader, byte);
    } else {
        take_punctuation(reader, byte);
    }
}

/* The sentence if this token ends the message by a limit or as a stray; else NULL. */
static char *fatal_mistake(ApiReader *reader, JsonTokenKind kind)
{
    const GString *token = reader->lexer.token;
    reader->bytes += token->len;
    reader->tokens++;
    if (kind == JSON_TOKEN_STRAY) {
        return g_strdup_printf("JSON parse error, stray '%s'", token->str);
    }
    if (kind == JSON_TOKEN_LONG || reader->bytes > JSON_LEXER_MAX_BYTES) {
        return g_strdup("JSON token size limit exceeded");
    }
    if (reader->tokens > JSON_READER_MAX_TOKENS) {
        return g_strdup("JSON token count limit exceeded");
    }
    int opens = kind == JSON_TOKEN_STRUCTURAL && strchr("{[", token->str[0]) ? 1 : 0;
    if (reader->braces + reader->brackets + opens > JSON_READER_MAX_NESTING) {
        return g_strdup("JSON nesting depth limit exceeded");
    }
    return NULL;
}

static JsonRead end_message(ApiReader *reader, gsize used)
{
    JsonRead read = { .used = used };
    if (reader->error) {
        read.kind = JSON_READ_ERROR;
        read.error = g_steal_pointer(&reader->error);
    } else {
        read.kind = JSON_READ_MESSAGE;
        read.node = g_steal_pointer(&reader->value);
    }
    reset(reader);
    return read;
}

JsonRead api_reader_feed(ApiReader *reader, const uint8_t *bytes, gsize length)
{
    gsize used = 0;
    while (used < length) {
        bool consumed;
        JsonTokenKind kind = json_lexer_feed(&reader->lexer, bytes[used], &consumed);
        used += consumed;
        if (kind == JSON_TOKEN_NONE) {
            continue;
        }
        char *fatal = fatal_mistake(reader, kind);
        if (fatal) {
            reset(reader);
            return (JsonRead){ .kind = JSON_READ_ERROR, .used = used, .error = fatal };
        }
        take_token(reader, kind);
        bool open = reader->braces > 0 || reader->brackets > 0;
        if (!open || reader->braces < 0 || reader->brackets < 0) {
            return end_message(reader, used);
        }
    }
    return (JsonRead){ .kind = JSON_READ_MORE, .used = used };
}

JsonNode *api_json_parse(const char *text, gssize length, GError **error)
{
    g_autofree char *line = length < 0 ? g_strdup(text) : g_strndup(text, (gsize)length);
    gsize bytes = length < 0 ? strlen(text) : (gsize)length;
    ApiReader reader;
    api_reader_init(&reader);
    JsonRead first = api_reader_feed(&reader, (const uint8_t *)text, bytes);
    if (first.kind == JSON_READ_MORE) { /* a bare number or word ends with the text */
        first = api_reader_feed(&reader, (const uint8_t *)"\n", 1);
        first.used = bytes;
    }
    g_autoptr(JsonNode) node = first.node;
    g_autofree char *mistake_text = first.error;
    for (gsize i = first.used; i < bytes && node && !mistake_text; i++) {
        if (!g_ascii_isspace(text[i])) {
            mistake_text =
                g_strdup_printf("more text after the end of the JSON value: '%.20s'", line + i);
        }
    }
    api_reader_clear(&reader);
    if (!node || mistake_text) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s",
                    mistake_text ? mistake_text : "the JSON text ends too early");
        return NULL;
    }
    return g_steal_pointer(&node);
}
