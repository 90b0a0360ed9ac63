/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way in for web pages: the request, one-time tokens, frames in pieces, what is refused.
 */
#include "daemon/display/web.h"
#include "tests/check-run.h"

#include <string.h>

#define TOKEN  "0123456789abcdef"
#define ORIGIN "http://127.0.0.1:8080"

static unsigned admissions;
static bool token_is_good;
static WebDoor door;
static WebPeer peer;
static GByteArray *heard_messages;

static bool admit(void *user, const char *token, const char *origin)
{
    bool good = token_is_good && !strcmp(token, TOKEN) && !strcmp(origin, ORIGIN);
    admissions++;
    token_is_good &= !good;
    return good;
}

static void setup(void)
{
    admissions = 0;
    token_is_good = true;
    door = (WebDoor){ .admit = admit };
    heard_messages = g_byte_array_new();
    web_init(&peer, &door);
}

static void teardown(void)
{
    web_clear(&peer);
    g_byte_array_unref(heard_messages);
}

static void feed(const void *bytes, gsize length, gsize piece)
{
    uint8_t out[4096];
    for (gsize at = 0; at < length; at += piece) {
        gsize given = web_feed(&peer, (const uint8_t *)bytes + at, MIN(piece, length - at), out);
        g_byte_array_append(heard_messages, out, (guint)given);
    }
}

/* A good request, with REPLACED (a whole line, or a part of one) changed to BY. */
static char *request(const char *replaced, const char *by)
{
    GString *text =
        g_string_new("GET /vnc/" TOKEN " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\n"
                     "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " ORIGIN "\r\n"
                     "Sec-WebSocket-Protocol: binary\r\nUser-Agent: a browser\r\n\r\n");
    if (replaced)
        ck_assert_uint_eq(g_string_replace(text, replaced, by, 0), 1);
    return g_string_free(text, FALSE);
}

static void replied(const char *start)
{
    g_byte_array_append(peer.reply, (const uint8_t *)"", 1);
    ck_assert_msg(g_str_has_prefix((const char *)peer.reply->data, start), "%s",
                  (const char *)peer.reply->data);
    g_byte_array_set_size(peer.reply, 0);
}

static void come_in(void)
{
    g_autofree char *text = request(NULL, NULL);
    feed(text, strlen(text), 100000);
    ck_assert(web_is_open(&peer));
    g_byte_array_set_size(peer.reply, 0);
}

/* A frame as a page sends it, masked. */
static void send_frame(uint8_t first, const char *payload, gsize length, gsize piece)
{
    static const uint8_t mask[4] = { 1, 0x80, 0xff, 7 };
    g_autoptr(GByteArray) frame = g_byte_array_new();
    if (length < 126)
        g_byte_array_append(frame, (uint8_t[]){ first, (uint8_t)(0x80 | length) }, 2);
    else
        g_byte_array_append(frame,
                            (uint8_t[]){ first, 0xfe, (uint8_t)(length >> 8), (uint8_t)length }, 4);
    g_byte_array_append(frame, mask, 4);
    for (gsize i = 0; i < length; i++)
        g_byte_array_append(frame, &(uint8_t){ (uint8_t)payload[i] ^ mask[i % 4] }, 1);
    feed(frame->data, frame->len, piece);
}

static void gave(const char *bytes, gsize length)
{
    ck_assert_uint_eq(heard_messages->len, length);
    if (length) /* of nothing there are no bytes to compare */
        ck_assert_mem_eq(heard_messages->data, bytes, length);
    g_byte_array_set_size(heard_messages, 0);
}

/* The key and its answer are those of RFC 6455, 1.3. */
START_TEST(a_page_with_a_token_comes_in_once)
{
    g_autofree char *text = request(NULL, NULL);
    for (gsize piece = 1; piece < 400; piece += 133) {
        teardown();
        setup();
        feed(text, strlen(text), piece);
        ck_assert(web_is_open(&peer));
        ck_assert_ptr_nonnull(
            g_strstr_len((const char *)peer.reply->data, peer.reply->len,
                         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        ck_assert_ptr_nonnull(g_strstr_len((const char *)peer.reply->data, peer.reply->len,
                                           "Sec-WebSocket-Protocol: binary\r\n"));
        replied("HTTP/1.1 101 ");
        gave("", 0);
    }
    web_clear(&peer);
    web_init(&peer, &door);
    feed(text, strlen(text), 100);
    replied("HTTP/1.1 403 ");
    ck_assert_int_eq(peer.state, WEB_STATE_DEAD);
}
END_TEST

START_TEST(what_is_no_good_request_spends_no_token)
{
    static const struct {
        const char *replaced, *by, *status;
    } rows[] = {
        { "GET ", "POST ", "HTTP/1.1 400 " },
        { "/vnc/", "/", "HTTP/1.1 400 " },
        { "HTTP/1.1", "HTTP/1.0", "HTTP/1.1 400 " },
        { "Host: 127.0.0.1:8080\r\n", "", "HTTP/1.1 400 " },
        { "Upgrade: websocket\r\n", "", "HTTP/1.1 400 " },
        { "keep-alive, Upgrade", "keep-alive", "HTTP/1.1 400 " },
        { "Version: 13", "Version: 8", "HTTP/1.1 400 " },
        { "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", "HTTP/1.1 400 " },
        { "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR==", "HTTP/1.1 400 " },
        { "Origin: " ORIGIN "\r\n", "", "HTTP/1.1 403 " },
        { "Protocol: binary", "Protocol: chat", "HTTP/1.1 400 " },
        { "User-Agent: a browser", "User-Agent : a browser", "HTTP/1.1 400 " },
        { "User-Agent: a browser", "no header", "HTTP/1.1 400 " },
        { "User-Agent: a browser", "origin: " ORIGIN, "HTTP/1.1 400 " },
        { "User-Agent: a browser", " continued: line", "HTTP/1.1 400 " },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = request(rows[i].replaced, rows[i].by);
        teardown();
        setup();
        feed(text, strlen(text), 1000);
        ck_assert_msg(peer.state == WEB_STATE_DEAD && peer.why && !admissions, "row %u", i);
        replied(rows[i].status);
        send_frame(0x82, "x", 1, 100);
        gave("", 0);
    }
}
END_TEST

START_TEST(a_foreign_page_and_a_wrong_token_are_refused)
{
    static const char *const rows[][2] = { { "Origin: " ORIGIN, "Origin: http://evil.example" },
                                           { "Origin: " ORIGIN, "Origin: null" },
                                           { TOKEN, "0123456789abcdee" },
                                           { TOKEN, "" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = request(rows[i][0], rows[i][1]);
        teardown();
        setup();
        feed(text, strlen(text), 1000);
        replied("HTTP/1.1 403 ");
        ck_assert_int_eq(peer.state, WEB_STATE_DEAD);
    }
}
END_TEST

START_TEST(a_request_is_bounded_and_is_text)
{
    g_autofree char *many = g_strnfill(WEB_REQUEST_MAX + 100, 'a');
    feed(many, strlen(many), 1000);
    replied("HTTP/1.1 431 ");
    ck_assert_uint_le(peer.request->len, WEB_REQUEST_MAX);
    teardown();
    setup();
    feed("GET /vnc/" TOKEN "\0 HTTP/1.1\r\n\r\n", 40, 7);
    replied("HTTP/1.1 400 ");
}
END_TEST

START_TEST(messages_come_out_of_frames_of_any_size)
{
    char large[3000];
    for (unsigned i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7);
    for (gsize piece = 1; piece < 4000; piece = piece * 3 + 1) {
        teardown();
        setup();
        come_in();
        send_frame(0x82, "hello", 5, piece);
        send_frame(0x82, "", 0, piece);
        send_frame(0x02, " wor", 4, piece);
        send_frame(0x89, "ping", 4, piece); /* between the pieces of a message */
        send_frame(0x8a, "pong", 4, piece);
        send_frame(0x80, "ld", 2, piece);
        gave("hello world", 11);
        send_frame(0x82, large, sizeof large, piece);
        gave(large, sizeof large);
        ck_assert_uint_eq(peer.reply->len, 6);
        ck_assert_mem_eq(peer.reply->data, "\x8a\x04ping", 6);
    }
}
END_TEST

START_TEST(frames_that_break_the_protocol_end_it)
{
    static const struct {
        const char *bytes;
        gsize length;
        unsigned code;
    } rows[] = {
        { "\x82\x01x", 3, 1002 },    /* not masked */
        { "\xc2\x81mmmm", 6, 1002 }, /* a reserved bit */
        { "\x83\x81mmmm", 6, 1002 }, /* unknown kinds */
        { "\x8b\x81mmmm", 6, 1002 },
        { "\x81\x81mmmm", 6, 1003 },                    /* text */
        { "\x80\x81mmmm", 6, 1002 },                    /* goes on with nothing */
        { "\x02\x80mmmm\x82\x80mmmm", 12, 1002 },       /* begins inside another */
        { "\x09\x80mmmm", 6, 1002 },                    /* control in pieces */
        { "\x89\xfe\0\x7emmmm", 8, 1002 },              /* long control */
        { "\x82\xff\0\0\0\0\0\x40\0\1mmmm", 14, 1009 }, /* 4 MiB and a byte */
        { "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmmmm", 14, 1009 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        teardown();
        setup();
        come_in();
        feed(rows[i].bytes, rows[i].length, 100);
        ck_assert_msg(peer.state == WEB_STATE_DEAD && peer.why, "row %u", i);
        ck_assert_uint_eq(peer.reply->len, 4);
        ck_assert_uint_eq(peer.reply->data[0], 0x88);
        ck_assert_uint_eq((unsigned)peer.reply->data[2] << 8 | peer.reply->data[3], rows[i].code);
        send_frame(0x82, "x", 1, 100);
        gave("", 0);
    }
}
END_TEST

START_TEST(a_page_that_closes_is_answered)
{
    come_in();
    send_frame(0x88,
               "\x03\xe8"
               "bye",
               5, 1);
    ck_assert_int_eq(peer.state, WEB_STATE_DEAD);
    ck_assert_uint_eq(peer.reply->len, 4);
    ck_assert_mem_eq(peer.reply->data, "\x88\x02\x03\xe8", 4);
}
END_TEST

START_TEST(what_goes_out_is_wrapped_in_whole_frames)
{
    static const gsize lengths[] = { 0, 1, 125, 126, 65535, 65536, 200000 };
    g_autofree uint8_t *bytes = g_malloc0(200000);
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) out = g_byte_array_new();
        gsize at = 0, payload = 0;
        web_wrap(out, bytes, lengths[i]);
        while (at < out->len) {
            ck_assert_uint_eq(out->data[at], 0x82);
            gsize length = out->data[at + 1], header = 2;
            if (length == 126) {
                length = (gsize)out->data[at + 2] << 8 | out->data[at + 3];
                header = 4;
                ck_assert_uint_ge(length, 126);
            }
            ck_assert_uint_le(length, 65535);
            at += header + length;
            payload += length;
        }
        ck_assert_uint_eq(at, out->len);
        ck_assert_uint_eq(payload, lengths[i]);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_page_with_a_token_comes_in_once,
        what_is_no_good_request_spends_no_token,
        a_foreign_page_and_a_wrong_token_are_refused,
        a_request_is_bounded_and_is_text,
        messages_come_out_of_frames_of_any_size,
        frames_that_break_the_protocol_end_it,
        a_page_that_closes_is_answered,
        what_goes_out_is_wrapped_in_whole_frames,
    };
    return check_run_tests("web", tests, G_N_ELEMENTS(tests), setup, teardown);
}
