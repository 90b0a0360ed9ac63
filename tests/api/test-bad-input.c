/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a stock QMP server answers to bad input, byte for byte, and that the connection lives on.

 */

#include "tests/api/wire.h"

#include "api/json-reader.h"
#include "tests/check-run.h"

#include <string.h>

#define GENERIC(text) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" text "\"}}\r\n"
#define PARSE(text)   GENERIC("JSON parse error, " text)
#define VALUE         PARSE("expecting value")
#define WITH_ID(id, class, text)                                                                   \
    "{\"id\": " id ", \"error\": {\"class\": \"" class "\", \"desc\": \"" text "\"}}\r\n"
#define EMPTY       "{\"return\": {}}\r\n"
#define ECHO(id)    "{\"id\": " id ", \"return\": {}}\r\n"
#define NAME_ID(id) "{\"execute\":\"query-name\",\"id\":" id "}"

typedef struct {
    const char *name;
    const char *input;
    gsize length; /* 0: a C string */
    const char *answer;
} Row;

static const Row rows[] = {
    /* grammar */
    { "no value", "{\"execute\":}", 0, VALUE },
    { "trailing comma", "{\"execute\":\"query-name\",}", 0, VALUE },
    { "stray brace", "}", 0, VALUE },
    { "stray bracket", "]", 0, VALUE },
    { "stray comma", ",", 0, VALUE },
    { "half a word", "nul ", 0, PARSE("invalid keyword 'nul'") },
    { "bare key", "{execute:1}", 0, PARSE("invalid keyword 'execute'") },
    { "no colon", "{\"execute\" \"query-name\"}", 0, PARSE("missing : in object pair") },
    { "number as key", "{1:2}", 0, PARSE("key is not a string in object") },
    { "no comma in object", "{\"a\":1 \"b\":2}", 0, PARSE("expected separator in dict") },
    { "no comma in array", "[1 2]", 0, PARSE("expected separator in list") },
    { "comma before the end", "[1,]", 0, VALUE },
    { "only a comma", "{,}", 0, VALUE },
    { "wrong closing", "{]", 0, VALUE },
    { "wrong closing of an array", "[}", 0, VALUE },
    { "wrong closing inside", "{[}]", 0, VALUE },
    { "duplicate key", "{\"execute\":\"query-name\",\"execute\":\"query-name\"}", 0,
      PARSE("duplicate key") },
    { "duplicate key inside an id", NAME_ID("{\"a\":1,\"a\":2}"), 0, PARSE("duplicate key") },
    { "a comment", "// x\n", 0, PARSE("stray '/'") },
    { "a comment inside", "{\"execute\": // x\n\"query-name\"}", 0,
      PARSE("stray '/'") GENERIC("QMP input must be a JSON object") VALUE },
    { "capital word", "True ", 0, PARSE("stray 'T'") },
    { "leading zero", NAME_ID("010"), 0, PARSE("stray '01'") VALUE },
    { "hexadecimal", NAME_ID("0x10"), 0, PARSE("expected separator in dict") },
    { "no fraction", NAME_ID("1."), 0, PARSE("stray '1.}'") },
    { "only a sign", NAME_ID("-"), 0, PARSE("stray '-}'") },
    { "no integer part", NAME_ID(".5"), 0, PARSE("stray '.'") VALUE },
    { "plus sign", NAME_ID("+5"), 0, PARSE("stray '+'") VALUE },
    { "not a number", NAME_ID("nan"), 0, PARSE("invalid keyword 'nan'") },
    { "interpolation", "%d", 0, PARSE("stray '%'") },
    { "byte order mark", "\xef\xbb\xbf{\"execute\":\"query-name\"}", 0,
      PARSE("stray '\\uFFFD'") EMPTY },
    /* not a request */
    { "an array", "[1,2]", 0, GENERIC("QMP input must be a JSON object") },
    { "a string", "\"str\"", 0, GENERIC("QMP input must be a JSON object") },
    { "a number", "42 ", 0, GENERIC("QMP input must be a JSON object") },
    { "a word", "true\n", 0, GENERIC("QMP input must be a JSON object") },
    { "no execute", "{\"arguments\":{}}", 0, GENERIC("QMP input lacks member 'execute'") },
    { "execute is a number", "{\"execute\":1}", 0,
      GENERIC("QMP input member 'execute' must be a string") },
    { "an extra member", "{\"execute\":\"query-name\",\"foo\":1}", 0,
      GENERIC("QMP input member 'foo' is unexpected") },
    { "a machine without a daemon", "{\"execute\":\"query-name\",\"machine\":\"a\"}", 0,
      GENERIC("QMP input member 'machine' is unexpected") },
    { "arguments is an array", "{\"execute\":\"query-name\",\"arguments\":[]}", 0,
      GENERIC("QMP input member 'arguments' must be an object") },
    { "both kinds of execute", "{\"execute\":\"a\",\"exec-oob\":\"b\"}", 0,
      GENERIC("QMP input member 'execute' clashes with 'exec-oob'") },
    { "exec-oob that was not negotiated", "{\"exec-oob\":\"query-name\",\"id\":1}", 0,
      WITH_ID("1", "GenericError", "QMP input member 'exec-oob' is unexpected") },
    { "unknown command", "{\"execute\":\"nope\",\"id\":[1,{\"a\":null}]}", 0,
      WITH_ID("[1, {\"a\": null}]", "CommandNotFound", "The command nope has not been found") },
    { "negotiation twice", "{\"execute\":\"qmp_capabilities\"}", 0,
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is "
      "already "
      "complete, command ignored\"}}\r\n" },
    /* arguments */
    { "unexpected argument", "{\"execute\":\"query-name\",\"arguments\":{\"x\":1},\"id\":1}", 0,
      WITH_ID("1", "GenericError", "Parameter 'x' is unexpected") },
    { "argument of a wrong type",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":1,\"size\":\"x\",\"filename\":\"f\"},"
      "\"id\":2}",
      0, WITH_ID("2", "GenericError", "Invalid parameter type for 'size', expected: integer") },
    { "a fraction for an integer",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":1,\"size\":1.5,\"filename\":\"f\"},\"id\":"
      "2}",
      0, WITH_ID("2", "GenericError", "Invalid parameter type for 'size', expected: integer") },
    { "2^64-1 for a signed integer",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":1,\"size\":18446744073709551615,"
      "\"filename\":\"f\"},\"id\":2}",
      0, WITH_ID("2", "GenericError", "Invalid parameter type for 'size', expected: integer") },
    { "2^64-1 for a size",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":18446744073709551615,\"size\":-1,"
      "\"filename\":\"f\"}}",
      0, "{\"return\": \"18446744073709551615 -1 f\"}\r\n" },
    { "a negative size",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":-1,\"size\":1,\"filename\":\"f\"},\"id\":2}",
      0, WITH_ID("2", "GenericError", "Invalid parameter type for 'val', expected: integer") },
    { "a number for a boolean",
      "{\"execute\":\"memsave\",\"arguments\":{\"val\":1,\"size\":1,\"filename\":\"f\",\"up\":1},"
      "\"id\":3}",
      0, WITH_ID("3", "GenericError", "Invalid parameter type for 'up', expected: boolean") },
    { "missing argument", "{\"execute\":\"memsave\",\"arguments\":{\"val\":1},\"id\":3}", 0,
      WITH_ID("3", "GenericError", "Parameter 'size' is missing") },
    { "no arguments at all", "{\"execute\":\"memsave\",\"id\":null}", 0,
      WITH_ID("null", "GenericError", "Parameter 'val' is missing") },
    /* strings */
    { "single quotes", "{'execute':'query-name','id':'a\\'b'}", 0, ECHO("\"a'b\"") },
    { "control character in a string",
      NAME_ID("\"a\x01"
              "b\""),
      0, PARSE("stray '\\\"a\\u0001'") VALUE },
    { "0xFF in a string",
      NAME_ID("\"a\xff"
              "b\""),
      0, PARSE("stray '\\\"a\\uFFFD'") VALUE },
    { "line end in a string", NAME_ID("\"a\nb\""), 0, PARSE("stray '\\\"a\\n'") VALUE },
    { "lone surrogate", NAME_ID("\"\\ud83d\""), 0,
      PARSE("\\\\ud83d is not a valid Unicode character") },
    { "surrogate pair", NAME_ID("\"\\ud83d\\ude00\""), 0, ECHO("\"\\uD83D\\uDE00\"") },
    { "raw character beyond 16 bits", NAME_ID("\"\xf0\x9f\x98\x80\""), 0,
      ECHO("\"\\uD83D\\uDE00\"") },
    { "short escape", NAME_ID("\"\\u12\""), 0,
      PARSE("\\\\u12\\\" is not a valid Unicode character") },
    { "noncharacter", NAME_ID("\"\\uffff\""), 0,
      PARSE("\\\\uffff is not a valid Unicode character") },
    { "unknown escape", NAME_ID("\"\\q\""), 0, PARSE("invalid escape sequence in string") },
    { "escaped NUL", NAME_ID("\"\\u0000x\""), 0, ECHO("\"\\u0000x\"") },
    { "overlong NUL", NAME_ID("\"\xc0\x80x\""), 0, ECHO("\"\\u0000x\"") },
    { "encoded surrogate", NAME_ID("\"\xed\xa0\x80\""), 0,
      PARSE("invalid UTF-8 sequence in string") },
    { "overlong encoding", NAME_ID("\"\xc1\x80\""), 0, PARSE("invalid UTF-8 sequence in string") },
    { "beyond Unicode", NAME_ID("\"\xf4\x90\x80\x80\""), 0,
      PARSE("invalid UTF-8 sequence in string") },
    { "all short escapes", NAME_ID("\"\\u0001\\b\\f\\n\\r\\t\\/\x7f\""), 0,
      ECHO("\"\\u0001\\b\\f\\n\\r\\t/\\u007F\"") },
    { "NUL in a command's name", "{\"execute\":\"a\\u0000b\"}", 0,
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command a\\u0000b has not been "
      "found\"}}\r\n" },
    /* numbers */
    { "2^64-1", NAME_ID("18446744073709551615"), 0, ECHO("18446744073709551615") },
    { "2^64", NAME_ID("18446744073709551616"), 0, ECHO("18446744073709551616") },
    { "-2^63", NAME_ID("-9223372036854775808"), 0, ECHO("-9223372036854775808") },
    { "a fraction comes back as written", NAME_ID("0.1"), 0, ECHO("0.1") },
    { "minus zero", NAME_ID("-0"), 0, ECHO("0") },
    { "1e400", NAME_ID("1e400"), 0, PARSE("number out of range") },
    /* coming back to a clean state */
    { "byte 0x01", "\x01", 0, PARSE("stray '\\u0001'") },
    { "byte 0xFF", "\xff", 0, PARSE("stray '\\uFFFD'") },
    { "byte 0", "\0", 1, PARSE("stray ''") },
    { "0x01 in the middle", "{\"execute\":\x01{\"execute\":\"query-name\"}", 0,
      PARSE("stray '\\u0001'") EMPTY },
    { "0xFF in the middle", "{\"execute\":\xff{\"execute\":\"query-name\"}", 0,
      PARSE("stray '\\uFFFD'") EMPTY },
    { "several strays at once", "@@@", 0, PARSE("stray '@'") },
    /* framing */
    { "two in a packet", NAME_ID("1") NAME_ID("2"), 0, ECHO("1") ECHO("2") },
    { "any white space", "\t\r\n {\n\t\"execute\" :\r\"query-name\" } \n", 0, EMPTY },
};

static const char alive[] = "\n{\"execute\":\"query-name\",\"id\":\"alive\"}";

START_TEST(bad_input_is_answered_as_qmp_does)
{
    const Row *row = &rows[_i];
    Wire wire;
    wire_init(&wire, true);
    gsize length = row->length ? row->length : strlen(row->input);
    g_autofree char *answer = wire_converse(&wire, row->input, length);
    ck_assert_msg(strcmp(answer, row->answer) == 0, "%s:\n  got      %s  expected %s", row->name,
                  answer, row->answer);
    g_autofree char *after = wire_converse(&wire, alive, strlen(alive));
    ck_assert_str_eq(after, ECHO("\"alive\""));
    wire_clear(&wire);
}
END_TEST

START_TEST(bad_input_one_byte_at_a_time_is_the_same)
{
    const Row *row = &rows[_i];
    Wire wire;
    wire_init(&wire, true);
    gsize length = row->length ? row->length : strlen(row->input);
    GString *answer = g_string_new(NULL);
    for (gsize i = 0; i < length; i++) {
        g_autofree char *part = wire_converse(&wire, row->input + i, 1);
        g_string_append(answer, part);
    }
    ck_assert_str_eq(answer->str, row->answer);
    g_string_free(answer, TRUE);
    wire_clear(&wire);
}
END_TEST

static char *repeated(const char *open, gsize count, const char *close, gsize close_count)
{
    GString *out = g_string_new(NULL);
    for (gsize i = 0; i < count; i++) {
        g_string_append(out, open);
    }
    for (gsize i = 0; i < close_count; i++) {
        g_string_append(out, close);
    }
    return g_string_free(out, FALSE);
}

START_TEST(nesting_beyond_1024_gives_one_error_and_then_one_for_each_bracket)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *input = repeated("[", 1025, "]", 3);
    g_autofree char *answer = wire_converse(&wire, input, strlen(input));
    ck_assert_str_eq(answer, GENERIC("JSON nesting depth limit exceeded") VALUE VALUE VALUE);
    wire_clear(&wire);
}
END_TEST

START_TEST(nesting_of_a_hundred_thousand_does_not_hurt)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *input = repeated(_i ? "{\"a\":" : "[", 100000, "", 0);
    g_free(wire_converse(&wire, input, strlen(input)));
    g_autofree char *after = wire_converse(&wire, "\xff", 1);
    g_autofree char *last = wire_converse(&wire, alive, strlen(alive));
    ck_assert_str_eq(last, ECHO("\"alive\""));
    wire_clear(&wire);
}
END_TEST

START_TEST(nesting_beyond_64_is_refused_once_at_the_end)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *deep = repeated("[", 65, "]", 65);
    g_autofree char *answer = wire_converse(&wire, deep, strlen(deep));
    ck_assert_str_eq(answer, GENERIC("JSON nesting depth limit exceeded"));
    g_autofree char *good = repeated("[", 64, "]", 64);
    g_autofree char *other = wire_converse(&wire, good, strlen(good));
    ck_assert_str_eq(other, GENERIC("QMP input must be a JSON object"));
    wire_clear(&wire);
}
END_TEST

START_TEST(a_token_over_the_limit_is_refused)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *long_text = repeated("x", JSON_LEXER_MAX_BYTES + 10, "\"}", 1);
    g_free(wire_converse(&wire, "{\"a\":\"", 6));
    g_autofree char *answer = wire_converse(&wire, long_text, strlen(long_text));
    ck_assert_str_eq(answer, GENERIC("JSON token size limit exceeded") VALUE);
    g_autofree char *after = wire_converse(&wire, alive, strlen(alive));
    ck_assert_str_eq(after, ECHO("\"alive\""));
    wire_clear(&wire);
}
END_TEST

START_TEST(too_many_tokens_are_refused)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *many = repeated("1,", JSON_READER_MAX_TOKENS / 2, "", 0);
    g_free(wire_converse(&wire, "[", 1));
    g_autofree char *answer = wire_converse(&wire, many, strlen(many));
    ck_assert(g_str_has_prefix(answer, GENERIC("JSON token count limit exceeded")));
    wire_clear(&wire);
}
END_TEST

START_TEST(the_longest_good_message_is_taken)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *long_text = repeated("x", 900000, "\"}", 1);
    g_free(wire_converse(&wire, "{\"execute\":\"query-name\",\"id\":\"", 30));
    g_autofree char *answer = wire_converse(&wire, long_text, strlen(long_text));
    ck_assert(g_str_has_suffix(answer, "xxxx\", \"return\": {}}\r\n"));
    wire_clear(&wire);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bad-input");
    TCase *table = tcase_create("table");
    tcase_add_loop_test(table, bad_input_is_answered_as_qmp_does, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(table, bad_input_one_byte_at_a_time_is_the_same, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, table);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, nesting_beyond_1024_gives_one_error_and_then_one_for_each_bracket);
    tcase_add_loop_test(limits, nesting_of_a_hundred_thousand_does_not_hurt, 0, 2);
    tcase_add_test(limits, nesting_beyond_64_is_refused_once_at_the_end);
    tcase_add_test(limits, a_token_over_the_limit_is_refused);
    tcase_add_test(limits, too_many_tokens_are_refused);
    tcase_add_test(limits, the_longest_good_message_is_taken);
    suite_add_tcase(suite, limits);
    return check_run(suite);
}
