/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Good messages with seeded damage: the server must answer or stay silent, never die, and serve a
 * good message afterwards. POWERPLAY_MUTATIONS sets their number, POWERPLAY_SEED the first seed.
 */

#include "tests/api/wire.h"
#include "tests/check-run.h"

#include <stdlib.h>
#include <string.h>

static const char *const seeds[] = {
    "{\"execute\":\"query-name\",\"id\":[1,2.5e3,{\"a\":null}]}",
    "{\"execute\":\"memsave\",\"arguments\":{\"val\":18446744073709551615,\"size\":4096,"
    "\"filename\":\"out\",\"up\":true},\"id\":\"\\ud83d\\ude00\\u0000\"}",
    "{'execute':'query-name','arguments':{},'id':{'k':'\\'v\\''}}",
    "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
    "{\"execute\":\"nope\",\"id\":-9223372036854775808}",
    "[[[[{\"a\":{\"b\":[true,false,null,0.1,-0,1e-5]}}]]]]",
};
static const char interesting[] = "{}[]:,\"'\\\x01\xff\xfe\n\t 0-+.eEu\x7f\xc0\x80/#tfn";

static void mutate(GRand *rand, GString *text)
{
    unsigned edits = (unsigned)g_rand_int_range(rand, 1, 5);
    for (unsigned i = 0; i < edits && text->len > 1; i++) {
        gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)text->len);
        gsize span = (gsize)g_rand_int_range(rand, 1, 8);
        switch (g_rand_int_range(rand, 0, 5)) {
        case 0: text->str[at] = (char)g_rand_int_range(rand, 0, 256); break;
        case 1:
            text->str[at] = interesting[g_rand_int_range(rand, 0, sizeof(interesting) - 1)];
            break;
        case 2: g_string_erase(text, (gssize)at, (gssize)MIN(span, text->len - at)); break;
        case 3:
            g_string_insert_c(text, (gssize)at,
                              interesting[g_rand_int_range(rand, 0, sizeof(interesting) - 1)]);
            break;
        default: {
            g_autofree char *copy = g_memdup2(text->str + at, MIN(span, text->len - at));
            g_string_insert_len(text, (gssize)at, copy, (gssize)MIN(span, text->len - at));
        }
        }
    }
}

static unsigned setting(const char *name, unsigned fallback)
{
    const char *text = g_getenv(name);
    return text ? (unsigned)atoi(text) : fallback;
}

START_TEST(mutated_messages_do_no_harm)
{
    unsigned count = setting("POWERPLAY_MUTATIONS", 10000), first = setting("POWERPLAY_SEED", 1);
    static const char probe[] = "\n\xff\n{\"execute\":\"query-name\",\"id\":\"probe\"}";
    Wire wire;
    wire_init(&wire, true);
    for (unsigned i = 0; i < count; i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(first + i);
        GString *text = g_string_new(seeds[g_rand_int_range(rand, 0, G_N_ELEMENTS(seeds))]);
        mutate(rand, text);
        g_autofree char *answer = wire_converse(&wire, text->str, text->len);
        ck_assert(g_utf8_validate(answer, -1, NULL) && g_str_is_ascii(answer));
        g_autofree char *last = wire_converse(&wire, probe, strlen(probe));
        ck_assert_msg(g_str_has_suffix(last, "{\"id\": \"probe\", \"return\": {}}\r\n"),
                      "seed %u, message %s: answered %s", first + i, text->str, last);
        g_string_free(text, TRUE);
    }
    g_print("# %u mutated messages from seed %u\n", count, first);
    wire_clear(&wire);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mutations");
    TCase *tcase = tcase_create("mutations");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, mutated_messages_do_no_harm);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
