/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands before the VNC library: handshakes of every version, passwords, whole messages only.
 */
#include "daemon/display/rfb.h"
#include "tests/check-run.h"

#include <string.h>

static unsigned tries, wrong, inputs;
static bool takes_input, is_locked;
static RfbDoor door;
static RfbPeer peer;

static bool may_try(void *user)
{
    return !is_locked;
}

static void has_tried(void *user, bool good)
{
    tries++;
    wrong += !good;
}

static void encrypt(uint8_t bytes[RFB_CHALLENGE], const char *password)
{
    for (unsigned i = 0; i < RFB_CHALLENGE; i++)
        bytes[i] ^= (uint8_t)password[i % 8];
}

static void fixed(uint8_t *bytes, gsize length)
{
    memset(bytes, 7, length);
}

static bool key(void *user, uint32_t keysym, bool down)
{
    inputs += takes_input && keysym == 0x12345678 && down;
    return takes_input;
}

static bool pointer(void *user, uint16_t x, uint16_t y, uint8_t buttons)
{
    inputs += takes_input && x == 0x102 && y == 0x304 && buttons == 5;
    return takes_input;
}

static void setup(void)
{
    tries = wrong = inputs = 0;
    takes_input = true;
    is_locked = false;
    door = (RfbDoor){
        .encrypt = encrypt, .random = fixed, .may_try = may_try, .has_tried = has_tried
    };
    rfb_init(&peer, &door);
    peer.key = key;
    peer.pointer = pointer;
}

static void teardown(void)
{
    rfb_clear(&peer);
}

static gsize say(const void *bytes, gsize length)
{
    return rfb_feed(&peer, bytes, length);
}

static void heard(const void *bytes, gsize length)
{
    ck_assert_uint_eq(peer.reply->len, length);
    ck_assert_mem_eq(peer.reply->data, bytes, length);
    g_byte_array_set_size(peer.reply, 0);
}

static void forwarded(const void *bytes, gsize length)
{
    ck_assert_uint_eq(peer.forward->len, length);
    if (length)
        ck_assert_mem_eq(peer.forward->data, bytes, length);
    g_byte_array_set_size(peer.forward, 0);
}

static void come_in(void)
{
    say("RFB 003.008\n\1\1", 14);
    ck_assert_int_eq(peer.state, RFB_STATE_NORMAL);
    g_byte_array_set_size(peer.reply, 0);
    forwarded("RFB 003.008\n\1\1", 14);
}

START_TEST(version_8_without_password)
{
    heard("RFB 003.008\n", 12);
    say("RFB 003.008\n", 12);
    heard("\1\1", 2);
    say("\1", 1);
    heard("\0\0\0\0", 4);
    forwarded("", 0); /* nothing before it has come in */
    say("\0", 1);
    forwarded("RFB 003.008\n\1\1", 14);
}
END_TEST

START_TEST(version_3_is_told_its_type)
{
    g_byte_array_set_size(peer.reply, 0);
    say("RFB 003.003\n", 12);
    heard("\0\0\0\1", 4);
    say("\1", 1);
    ck_assert_int_eq(peer.state, RFB_STATE_NORMAL);
}
END_TEST

START_TEST(a_password_opens_and_a_wrong_one_does_not)
{
    for (unsigned i = 0; i < 3; i++) { /* right, wrong, right while locked */
        uint8_t response[RFB_CHALLENGE];
        teardown();
        setup();
        door.lock = RFB_PASSWORD;
        strcpy(door.password, "secret12");
        g_byte_array_set_size(peer.reply, 0);
        say("RFB 003.008\n", 12);
        heard("\1\2", 2);
        say("\2", 1);
        ck_assert_uint_eq(peer.reply->len, RFB_CHALLENGE);
        memcpy(response, peer.reply->data, sizeof response);
        g_byte_array_set_size(peer.reply, 0);
        encrypt(response, i == 1 ? "secret13" : "secret12");
        is_locked = i == 2;
        say(response, sizeof response);
        ck_assert_uint_eq(tries, i < 2);
        ck_assert_uint_eq(wrong, i == 1);
        if (i == 0) {
            heard("\0\0\0\0", 4);
            ck_assert_int_eq(peer.state, RFB_STATE_INIT);
        } else {
            heard("\0\0\0\1\0\0\0\16wrong password", 22);
            ck_assert_int_eq(peer.state, RFB_STATE_DEAD);
        }
    }
}
END_TEST

START_TEST(nobody_passes_a_closed_door)
{
    door.lock = RFB_CLOSED;
    say("RFB 003.008\n\1\1\1\1\1", 17);
    ck_assert_int_eq(peer.state, RFB_STATE_DEAD);
    forwarded("", 0);
    ck_assert_uint_eq(say("more", 4), 0);
}
END_TEST

START_TEST(a_type_that_was_not_offered_ends_it)
{
    door.lock = RFB_PASSWORD;
    strcpy(door.password, "secret");
    say("RFB 003.008\n\1", 13);
    ck_assert_int_eq(peer.state, RFB_STATE_DEAD);
    forwarded("", 0);
}
END_TEST

START_TEST(what_is_no_viewer_is_sent_away)
{
    static const char *const strangers[] = { "GET / HTTP/1.1\r\n", "RFB 004.000\n", "RFB 003.0x8\n",
                                             "\0\0\0\0\0\0\0\0\0\0\0\0" };
    for (unsigned i = 0; i < G_N_ELEMENTS(strangers); i++) {
        teardown();
        setup();
        say(strangers[i], 12);
        ck_assert_int_eq(peer.state, RFB_STATE_DEAD);
        forwarded("", 0);
    }
}
END_TEST

START_TEST(messages_pass_whole_in_any_pieces)
{
    static const uint8_t all[] = { 0,  0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255,
                                   16, 8, 0, 0, 0,  0,  2, 0, 0, 2,   0, 0,   0, 16,
                                   0,  0, 0, 0, 3,  1,  0, 0, 0, 0,   4, 0,   3, 0 };
    static const uint8_t hands[] = { 4, 1, 0, 0, 0x12, 0x34, 0x56, 0x78, 5, 5, 1, 2, 3, 4 };
    for (gsize piece = 1; piece <= sizeof all; piece++) {
        teardown();
        setup();
        come_in();
        for (gsize at = 0; at < sizeof all; at += piece)
            say(all + at, MIN(piece, sizeof all - at));
        forwarded(all, sizeof all);
        ck_assert(peer.wants_update);
        for (gsize at = 0; at < sizeof hands; at += piece)
            say(hands + at, MIN(piece, sizeof hands - at));
        forwarded("", 0);
        ck_assert_uint_eq(inputs, 2);
    }
}
END_TEST

START_TEST(input_that_cannot_be_taken_waits_in_order)
{
    static const uint8_t hands[] = { 4, 1, 0, 0, 0x12, 0x34, 0x56, 0x78, 5, 5, 1, 2, 3, 4 };
    come_in();
    takes_input = false;
    gsize used = say(hands, sizeof hands);
    ck_assert_uint_eq(used, 8);
    ck_assert_uint_eq(say(hands + used, 6), 0);
    ck_assert_uint_eq(inputs, 0);
    takes_input = true;
    ck_assert_uint_eq(say(hands + used, 6), 6);
    ck_assert_uint_eq(inputs, 2);
}
END_TEST

START_TEST(cut_text_is_skipped_up_to_a_limit)
{
    uint8_t text[3000] = { 6, 0, 0, 0, 0, 0, 0x0b, 0xb0 }; /* 2,992 bytes follow */
    come_in();
    for (gsize at = 0; at < sizeof text; at += 100)
        say(text + at, 100);
    ck_assert_int_eq(peer.state, RFB_STATE_NORMAL);
    say("\3\0\0\0\0\0\0\1\0\1", 10);
    ck_assert_uint_eq(peer.forward->len, 10);
    say("\6\0\0\0\x7f\xff\xff\xff", 8);
    ck_assert_int_eq(peer.state, RFB_STATE_DEAD);
}
END_TEST

START_TEST(encodings_that_lead_to_other_messages_are_left_out)
{
    static const uint8_t all[] = { 2,    0,    0,    6,                              /* six */
                                   0,    0,    0,    7,    0xc0, 0xa1, 0xe5, 0xce,   /* clipboard */
                                   0xff, 0xff, 0xff, 0x21, 0xff, 0xff, 0xfe, 0xcb,   /* Xvp */
                                   0,    0,    0,    3,    0xff, 0xff, 0xfe, 0xcc }; /* none yet */
    static const uint8_t served[] = { 2,    0,    0,    3,    0,    0,    0,    7,
                                      0xff, 0xff, 0xff, 0x21, 0xff, 0xff, 0xfe, 0xcc };
    for (gsize piece = 1; piece <= sizeof all; piece++) {
        teardown();
        setup();
        come_in();
        for (gsize at = 0; at < sizeof all; at += piece)
            say(all + at, MIN(piece, sizeof all - at));
        forwarded(served, sizeof served);
    }
}
END_TEST

START_TEST(wishes_for_another_size_are_skipped)
{
    uint8_t wish[8 + 16 + 8] = { 251, 0, 4, 0, 3, 0, 1 };
    memcpy(wish + 24, (uint8_t[]){ 4, 1, 0, 0, 0x12, 0x34, 0x56, 0x78 }, 8);
    for (gsize piece = 1; piece <= sizeof wish; piece++) {
        teardown();
        setup();
        come_in();
        for (gsize at = 0; at < sizeof wish; at += piece)
            say(wish + at, MIN(piece, sizeof wish - at));
        forwarded("", 0);
        ck_assert_uint_eq(inputs, 1);
    }
}
END_TEST

START_TEST(what_the_library_must_not_see_ends_it)
{
    static const uint8_t others[][20] = {
        { 7 },
        { 11 },
        { 150 },
        { 248 },
        { 250 },
        { 252 },
        { 255 },
        { 1 },
        { 2, 0, 1, 1 },             /* 257 encodings */
        { 251, 0, 0, 0, 0, 0, 17 }, /* 17 screens */
        { 0, 0, 0, 0, 32, 24, 0, 0 },
        { 0, 0, 0, 0, 24, 24, 0, 1 }, /* colour maps, 24 bits */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        teardown();
        setup();
        come_in();
        say(others[i], 20);
        ck_assert_msg(peer.state == RFB_STATE_DEAD, "row %u lives", i);
        forwarded("", 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        version_8_without_password,
        version_3_is_told_its_type,
        a_password_opens_and_a_wrong_one_does_not,
        nobody_passes_a_closed_door,
        a_type_that_was_not_offered_ends_it,
        what_is_no_viewer_is_sent_away,
        messages_pass_whole_in_any_pieces,
        input_that_cannot_be_taken_waits_in_order,
        cut_text_is_skipped_up_to_a_limit,
        encodings_that_lead_to_other_messages_are_left_out,
        wishes_for_another_size_are_skipped,
        what_the_library_must_not_see_ends_it,
    };
    return check_run_tests("rfb", tests, G_N_ELEMENTS(tests), setup, teardown);
}
