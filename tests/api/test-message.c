/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/message.h"
#include "tests/check-run.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static void set_up(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void tear_down(void)
{
    close(pair[0]);
    close(pair[1]);
}

START_TEST(a_message_and_its_descriptor_arrive)
{
    Message sent, got;
    int fd, pipe_fds[2];
    ck_assert_int_eq(pipe(pipe_fds), 0);
    message_init(&sent, MESSAGE_FILE, 0, "kernel", 6);
    ck_assert(message_send(pair[0], &sent, pipe_fds[1], NULL));
    ck_assert_int_eq(message_receive(pair[1], &got, &fd, NULL), PACKET_RECEIVED);
    g_autofree char *text = message_text(&got);
    ck_assert_str_eq(text, "kernel");
    char byte = 0;
    ck_assert_int_eq(write(fd, "x", 1), 1);
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    ck_assert_int_eq(message_receive(pair[1], &got, &fd, NULL), PACKET_NONE_YET);
}
END_TEST

START_TEST(the_other_end_going_is_noticed)
{
    Message got;
    int fd;
    close(pair[0]);
    pair[0] = -1;
    ck_assert_int_eq(message_receive(pair[1], &got, &fd, NULL), PACKET_CLOSED);
}
END_TEST

START_TEST(a_full_socket_is_an_error_and_does_not_block)
{
    Message sent;
    message_init(&sent, MESSAGE_PORT_DATA, 1, "x", 1);
    unsigned count = 0;
    while (message_send(pair[0], &sent, -1, NULL)) {
        ck_assert_uint_lt(++count, 100000);
    }
}
END_TEST

typedef struct {
    const char *text; /* part of the error */
    void (*break_it)(Message *message, gsize *bytes);
} Broken;

static void short_one(Message *m, gsize *bytes)
{
    *bytes -= 1;
}
static void long_one(Message *m, gsize *bytes)
{
    *bytes += 1;
}
static void other_magic(Message *m, gsize *bytes)
{
    m->magic ^= 1;
}
static void other_version(Message *m, gsize *bytes)
{
    m->version++;
}
static void type_zero(Message *m, gsize *bytes)
{
    m->type = 0;
}
static void type_beyond(Message *m, gsize *bytes)
{
    m->type = MESSAGE_TYPE_END;
}
static void too_long(Message *m, gsize *bytes)
{
    m->length = MESSAGE_DATA_SIZE + 1;
}
static void too_short(Message *m, gsize *bytes)
{
    m->length = 0;
}
static void no_port(Message *m, gsize *bytes)
{
    m->port = 0;
}
static void wants_fd(Message *m, gsize *bytes)
{
    m->type = MESSAGE_CLIENT;
}
static void tail(Message *m, gsize *bytes)
{
    m->data[MESSAGE_DATA_SIZE - 1] = 1;
}

static const Broken broken[] = {
    { "bytes instead of", short_one },
    { "bytes instead of", long_one },
    { "magic", other_magic },
    { "version", other_version },
    { "unknown type", type_zero },
    { "unknown type", type_beyond },
    { "bytes of data", too_long },
    { "bytes of data", too_short },
    { "port 0", no_port },
    { "without a descriptor", wants_fd },
    { "after the end", tail },
};

START_TEST(a_broken_message_is_refused_with_its_reason)
{
    Message message;
    gsize bytes = sizeof(message);
    g_autoptr(GError) error = NULL;
    message_init(&message, MESSAGE_PORT_DATA, 1, "x", 1);
    ck_assert(message_check(&message, bytes, false, NULL));
    broken[_i].break_it(&message, &bytes);
    ck_assert(!message_check(&message, bytes, false, &error));
    ck_assert_msg(strstr(error->message, broken[_i].text), "%s", error->message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tcase = tcase_create("message");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_message_and_its_descriptor_arrive);
    tcase_add_test(tcase, the_other_end_going_is_noticed);
    tcase_add_test(tcase, a_full_socket_is_an_error_and_does_not_block);
    tcase_add_loop_test(tcase, a_broken_message_is_refused_with_its_reason, 0,
                        G_N_ELEMENTS(broken));
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
