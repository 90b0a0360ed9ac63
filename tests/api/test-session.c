/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/api/wire.h"

#include <glib/gstdio.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/unix-socket.h"
#include "tests/check-run.h"

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 2, \"major\": 10}, "             \
    "\"package\": "                                                                                \
    "\"powerplay " POWERPLAY_VERSION "\"}, \"capabilities\": []}}\r\n"

static char *converse(Wire *wire, const char *text)
{
    return wire_converse(wire, text, strlen(text));
}

START_TEST(the_greeting_comes_first_and_negotiation_before_all_else)
{
    Wire wire;
    wire_init(&wire, false);
    g_autofree char *greeting = wire_receive(&wire);
    ck_assert_str_eq(greeting, GREETING);
    g_autofree char *early = converse(&wire, "{\"execute\":\"query-name\",\"id\":3}");
    ck_assert_str_eq(early, "{\"id\": 3, \"error\": {\"class\": \"CommandNotFound\", \"desc\": "
                            "\"Expecting capabilities negotiation with 'qmp_capabilities'\"}}\r\n");
    api_server_emit(wire.server, "STOP", NULL);
    g_autofree char *unknown =
        converse(&wire, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"foo\"]}}");
    ck_assert_str_eq(unknown, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Parameter "
                              "'enable[0]' does not accept value 'foo'\"}}\r\n");
    g_autofree char *oob =
        converse(&wire, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}");
    ck_assert_str_eq(oob,
                     "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Capability 'oob' is "
                     "not available\"}}\r\n");
    g_autofree char *good = converse(&wire, "{\"execute\":\"qmp_capabilities\",\"arguments\":{}}");
    ck_assert_str_eq(good, "{\"return\": {}}\r\n");
    wire_clear(&wire);
}
END_TEST

START_TEST(events_reach_a_negotiated_client_with_a_timestamp)
{
    Wire wire;
    wire_init(&wire, true);
    api_server_emit(wire.server, "STOP", NULL);
    g_autofree char *line = wire_receive(&wire);
    ck_assert(g_str_has_prefix(line, "{\"timestamp\": {\"seconds\": "));
    ck_assert(g_str_has_suffix(line, "}, \"event\": \"STOP\"}\r\n"));
    wire_clear(&wire);
}
END_TEST

START_TEST(answers_keep_the_order_of_requests_even_when_one_takes_long)
{
    Wire wire;
    wire_init(&wire, true);
    g_autofree char *before =
        converse(&wire, "{\"execute\":\"later\",\"id\":1}{\"execute\":\"query-name\",\"id\":2}}"
                        "{\"execute\":\"query-name\",\"id\":3}");
    ck_assert_str_eq(before, "");
    ck_assert_int_eq(wire.deferred->len, 1);
    api_request_reply(g_ptr_array_index(wire.deferred, 0), NULL);
    g_autofree char *after = wire_receive(&wire);
    ck_assert_str_eq(after,
                     "{\"id\": 1, \"return\": {}}\r\n{\"id\": 2, \"return\": {}}\r\n"
                     "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, "
                     "expecting value\"}}\r\n{\"id\": 3, \"return\": {}}\r\n");
    wire_clear(&wire);
}
END_TEST

START_TEST(a_client_that_goes_cancels_what_it_waits_for)
{
    Wire wire;
    wire_init(&wire, true);
    g_free(converse(&wire, "{\"execute\":\"later\",\"id\":1}{\"execute\":\"later\",\"id\":2}"));
    ck_assert_int_eq(wire.deferred->len, 1);
    close(wire.fd);
    wire.fd = -1;
    while (wire.cancelled == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    ck_assert_int_eq(wire.deferred->len, 0);
    wire_clear(&wire);
}
END_TEST

START_TEST(a_client_that_only_stops_writing_gets_its_answers)
{
    Wire wire;
    wire_init(&wire, true);
    g_free(converse(&wire, "{\"execute\":\"later\"}"));
    shutdown(wire.fd, SHUT_WR);
    g_free(wire_receive(&wire));
    api_request_reply(g_ptr_array_index(wire.deferred, 0), NULL);
    g_autofree char *answer = wire_receive(&wire);
    ck_assert_str_eq(answer, "{\"return\": {}}\r\n");
    char byte;
    ck_assert_int_eq(recv(wire.fd, &byte, 1, MSG_DONTWAIT), 0);
    wire_clear(&wire);
}
END_TEST

static void count_drop(const char *domain, GLogLevelFlags level, const char *text, gpointer data)
{
    ck_assert(strstr(text, "does not read its answers"));
    ++*(unsigned *)data;
}

START_TEST(a_client_that_never_reads_is_dropped_and_nobody_waits)
{
    Wire wire;
    unsigned drops = 0;
    wire_init(&wire, true);
    guint handler = g_log_set_handler(NULL, G_LOG_LEVEL_WARNING, count_drop, &drops);
    g_autofree char *text = g_strnfill(100000, 'x');
    for (int i = 0; i < 100 && !drops; i++) {
        api_server_emit(wire.server, "X", json_node_init_string(json_node_alloc(), text));
    }
    g_log_remove_handler(NULL, handler);
    ck_assert_int_eq(drops, 1);
    while (g_main_context_iteration(NULL, FALSE)) {}
    wire_clear(&wire);
}
END_TEST

START_TEST(a_client_whose_answers_pile_up_is_not_read_until_it_reads)
{
    Wire wire;
    wire_init(&wire, true);
    GString *many = g_string_new(NULL);
    for (int i = 0; i < 50; i++) {
        g_string_append(many, "{\"execute\":\"flood\"}");
    }
    wire_send(&wire, many->str, many->len);
    while (g_main_context_iteration(NULL, FALSE)) {}
    g_autofree char *answers = wire_receive(&wire);
    ck_assert_uint_eq(strlen(answers), 50 * (200000 + strlen("{\"return\": \"\"}\r\n")));
    g_string_free(many, TRUE);
    wire_clear(&wire);
}
END_TEST

typedef struct {
    char *directory, *path;
    Wire wire;
} Listening;

static void listening_init(Listening *l)
{
    GError *error = NULL;
    l->directory = g_dir_make_tmp("powerplay-XXXXXX", NULL);
    l->path = g_build_filename(l->directory, "q.sock", NULL);
    wire_init(&l->wire, true);
    ck_assert_msg(api_server_listen_path(l->wire.server, l->path, &error), "%s",
                  error ? error->message : "");
}

static void listening_clear(Listening *l)
{
    wire_clear(&l->wire);
    ck_assert(!g_file_test(l->path, G_FILE_TEST_EXISTS));
    g_rmdir(l->directory);
    g_free(l->directory);
    g_free(l->path);
}

START_TEST(a_socket_is_private_and_serves_sixteen_clients)
{
    Listening l;
    struct stat status;
    int fds[20];
    listening_init(&l);
    ck_assert_int_eq(stat(l.path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    for (int i = 0; i < 17; i++) {
        fds[i] = api_socket_connect(l.path, NULL);
        ck_assert_int_ge(fds[i], 0);
        while (g_main_context_iteration(NULL, FALSE)) {}
    }
    char bytes[512] = "";
    /* The wire of listening_init() is one of the sixteen. */
    ck_assert_int_gt(recv(fds[14], bytes, sizeof(bytes) - 1, MSG_DONTWAIT), 0);
    ck_assert(g_str_has_prefix(bytes, "{\"QMP\""));
    memset(bytes, 0, sizeof(bytes));
    ck_assert_int_gt(recv(fds[16], bytes, sizeof(bytes) - 1, MSG_DONTWAIT), 0);
    ck_assert(strstr(bytes, "Too many clients"));
    for (int i = 0; i < 17; i++) {
        close(fds[i]);
    }
    while (g_main_context_iteration(NULL, FALSE)) {}
    listening_clear(&l);
}
END_TEST

START_TEST(a_live_socket_is_not_taken_and_a_dead_one_is)
{
    Listening l;
    listening_init(&l);
    g_autoptr(GError) error = NULL;
    ck_assert(!api_server_listen_path(l.wire.server, l.path, &error));
    ck_assert_msg(strstr(error->message, "another server is listening"), "%s", error->message);
    g_autofree char *stale = g_build_filename(l.directory, "dead.sock", NULL);
    int fd = api_socket_listen(stale, NULL);
    close(fd);
    ck_assert(g_file_test(stale, G_FILE_TEST_EXISTS));
    ck_assert(api_server_listen_path(l.wire.server, stale, NULL));
    g_autofree char *file = g_build_filename(l.directory, "file", NULL);
    ck_assert(g_file_set_contents(file, "x", 1, NULL));
    g_autoptr(GError) other = NULL;
    ck_assert(!api_server_listen_path(l.wire.server, file, &other));
    ck_assert_msg(strstr(other->message, "is not a socket"), "%s", other->message);
    g_unlink(file);
    listening_clear(&l);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tcase = tcase_create("session");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, the_greeting_comes_first_and_negotiation_before_all_else);
    tcase_add_test(tcase, events_reach_a_negotiated_client_with_a_timestamp);
    tcase_add_test(tcase, answers_keep_the_order_of_requests_even_when_one_takes_long);
    tcase_add_test(tcase, a_client_that_goes_cancels_what_it_waits_for);
    tcase_add_test(tcase, a_client_that_only_stops_writing_gets_its_answers);
    tcase_add_test(tcase, a_client_that_never_reads_is_dropped_and_nobody_waits);
    tcase_add_test(tcase, a_client_whose_answers_pile_up_is_not_read_until_it_reads);
    tcase_add_test(tcase, a_socket_is_private_and_serves_sixteen_clients);
    tcase_add_test(tcase, a_live_socket_is_not_taken_and_a_dead_one_is);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
