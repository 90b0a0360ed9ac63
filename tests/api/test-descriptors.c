/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/api/wire.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/check-run.h"

#define GOOD "{\"return\": {}}\r\n"

/* The descriptor that is passed: the end of a pipe, so that the other end tells whether any copy of
 * it is open. */
typedef struct {
    Wire wire;
    int watched, passed;
} Client;

static void client_init(Client *client)
{
    int ends[2];
    wire_init(&client->wire, true);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    client->watched = ends[0];
    client->passed = ends[1];
}

static bool is_held(const Client *client)
{
    char byte;
    return read(client->watched, &byte, 1) < 0;
}

static void let_go(Client *client)
{
    close(client->passed);
    client->passed = -1;
}

static void client_clear(Client *client)
{
    if (client->passed >= 0)
        close(client->passed);
    wire_clear(&client->wire);
    ck_assert(!is_held(client));
    close(client->watched);
}

static void expect(Client *client, const char *text, unsigned fds, const char *expected)
{
    g_autofree char *answer = fds ? wire_converse_fd(&client->wire, text, client->passed, fds)
                                  : wire_converse(&client->wire, text, strlen(text));
    ck_assert_msg(strstr(answer, expected), "%s: %s", text, answer);
}

static char *get(const char *name)
{
    return g_strdup_printf("{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"%s\"}}", name);
}

START_TEST(a_descriptor_is_kept_until_it_is_closed)
{
    Client client;
    client_init(&client);
    expect(&client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"x\"}}\r\n", 1, GOOD);
    let_go(&client);
    ck_assert(is_held(&client));
    expect(&client, "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"y\"}}", 0,
           "File descriptor named 'y' not found");
    ck_assert(is_held(&client));
    expect(&client, "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"x\"}}", 0, GOOD);
    ck_assert(!is_held(&client));
    client_clear(&client);
}
END_TEST

START_TEST(a_client_that_goes_takes_its_own_along)
{
    Client client;
    client_init(&client);
    expect(&client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"x\"}}", 1, GOOD);
    wire_pass(&client.wire, "{\"execute\":", client.passed, 1); /* and one in the middle of it */
    g_free(wire_receive(&client.wire));
    let_go(&client);
    ck_assert(is_held(&client));
    close(client.wire.fd);
    client.wire.fd = -1;
    while (is_held(&client))
        g_main_context_iteration(NULL, TRUE);
    client_clear(&client);
}
END_TEST

START_TEST(one_comes_with_each_getfd_no_more_and_no_less)
{
    Client client;
    client_init(&client);
    g_autofree char *x = get("x");
    expect(&client, x, 0, "No file descriptor supplied via SCM_RIGHTS");
    for (unsigned fds = 2; fds < 6; fds++)
        expect(&client, x, fds, "More than one file descriptor came via SCM_RIGHTS");
    expect(&client, x, 253, "More than one file descriptor came via SCM_RIGHTS");
    let_go(&client);
    ck_assert(!is_held(&client));
    client_clear(&client);
}
END_TEST

START_TEST(names_are_names_and_none_is_taken_twice)
{
    static const char *const wrong[] = { "", "7", "7x", "-x", ".", "a b", "a/b", "\\u00e4" };
    Client client;
    client_init(&client);
    g_autofree char *longest = g_strnfill(DESCRIPTOR_NAME_MAX, 'l');
    g_autofree char *get_longest = get(longest);
    expect(&client, get_longest, 1, GOOD);
    expect(&client, get_longest, 1, "is here already: choose another name");
    g_autofree char *longer = g_strconcat(longest, "l", NULL);
    g_autofree char *get_longer = get(longer);
    expect(&client, get_longer, 1, "expected a name of at most 63");
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *text = get(wrong[i]);
        expect(&client, text, 1, "expected a name of at most 63");
    }
    expect(&client, "{\"execute\":\"getfd\"}", 1, "Parameter 'fdname' is missing");
    client_clear(&client);
}
END_TEST

START_TEST(a_client_keeps_no_more_than_the_limit)
{
    Client client;
    client_init(&client);
    for (unsigned i = 0; i < DESCRIPTORS_MAX; i++) {
        g_autofree char *name = g_strdup_printf("x%u", i), *text = get(name);
        expect(&client, text, 1, GOOD);
    }
    g_autofree char *more = get("more");
    expect(&client, more, 1, "16 file descriptors of this client are here already");
    expect(&client, "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"x3\"}}", 0, GOOD);
    expect(&client, more, 1, GOOD);
    client_clear(&client);
}
END_TEST

/* Whatever else is sent before or behind it. */
START_TEST(a_descriptor_belongs_to_the_request_that_it_was_sent_with)
{
    Client client;
    client_init(&client);
    g_autofree char *x = get("x"), *y = get("y"), *z = get("z");
    const char *other = "{\"execute\":\"query-name\"}";
    wire_send(&client.wire, other, strlen(other));
    wire_pass(&client.wire, x, client.passed, 1);
    wire_send(&client.wire, y, strlen(y));
    wire_pass(&client.wire, z, client.passed, 1);
    g_autofree char *answers = wire_receive(&client.wire);
    ck_assert_str_eq(
        answers, GOOD GOOD
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"No file descriptor supplied "
        "via SCM_RIGHTS: it comes with the bytes of the command\"}}\r\n" GOOD);
    expect(&client, other, 1, GOOD); /* which does not take it */
    g_autofree char *last = get("last");
    expect(&client, last, 0, "No file descriptor supplied");
    expect(&client, "}", 1, "JSON parse error");
    expect(&client, last, 0, "No file descriptor supplied");
    client_clear(&client);
}
END_TEST

START_TEST(a_request_may_come_in_pieces)
{
    Client client;
    client_init(&client);
    g_autofree char *x = get("x"), *y = get("y");
    for (unsigned at = 0; x[at]; at++) {
        char piece[2] = { x[at], 0 };
        if (at == 7)
            wire_pass(&client.wire, piece, client.passed, 1);
        else
            wire_send(&client.wire, piece, 1);
        g_autofree char *answer = wire_receive(&client.wire);
        ck_assert_str_eq(answer, x[at + 1] ? "" : GOOD);
    }
    wire_pass(&client.wire, "{\"execute\":\"getfd\",", client.passed, 1);
    g_free(wire_receive(&client.wire));
    wire_pass(&client.wire, "\"arguments\":{\"fdname\":\"y\"}}", client.passed, 1);
    g_autofree char *answer = wire_receive(&client.wire);
    ck_assert_msg(strstr(answer, "More than one file descriptor"), "%s", answer);
    expect(&client, y, 1, GOOD);
    client_clear(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tests = tcase_create("descriptors");
    tcase_add_test(tests, a_descriptor_is_kept_until_it_is_closed);
    tcase_add_test(tests, a_client_that_goes_takes_its_own_along);
    tcase_add_test(tests, one_comes_with_each_getfd_no_more_and_no_less);
    tcase_add_test(tests, names_are_names_and_none_is_taken_twice);
    tcase_add_test(tests, a_client_keeps_no_more_than_the_limit);
    tcase_add_test(tests, a_descriptor_belongs_to_the_request_that_it_was_sent_with);
    tcase_add_test(tests, a_request_may_come_in_pieces);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
