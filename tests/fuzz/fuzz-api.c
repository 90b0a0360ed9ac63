/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A client that sends anything at all; one whose input begins with '!' has not said hello. The
 * dictionary is api.dict, made from the schema.
 *
 * A piece that ends with '^' comes with a descriptor, one that ends with '~' with several.
 *
 * Whatever came before, the probe resets the reader and is answered; so a few inputs share a
 * session, which takes longer to make than an input does.
 */

#include "tests/api/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHARES      32
#define PIECE       16
#define ANSWERS_MAX 6

/* "flood" is answered with 200 KB; seen a few times, it is left out of most inputs. */
static bool is_too_slow(const uint8_t *data, size_t size)
{
    static unsigned asked;
    return memmem(data, size, "flood", 5) && asked++ % 256 > 8;
}

/* Every byte that is wrong may be answered: seen a few times, the rest of such an input is left
 * out. */
static bool is_enough(const char *answer, unsigned *answers)
{
    static unsigned asked;
    for (; *answer; answer++)
        *answers += *answer == '\n';
    return *answers > ANSWERS_MAX && asked++ % 64 > 8;
}

static char *converse_piece(Wire *wire, const uint8_t *data, size_t length)
{
    uint8_t last = data[length - 1];
    g_autofree char *text = g_strndup((const char *)data, length - 1);
    bool passes = (last == '^' || last == '~') && *text;
    return passes ? wire_converse_fd(wire, text, wire->fd, last == '^' ? 1 : 3)
                  : wire_converse(wire, data, length);
}

static void converse(Wire *wire, const uint8_t *data, size_t size)
{
    unsigned answers = 0;
    for (size_t at = 0, length; at < size; at += length) {
        length = MIN(PIECE, size - at);
        g_autofree char *answer = converse_piece(wire, data + at, length);
        g_assert(g_str_is_ascii(answer));
        if (is_enough(answer, &answers))
            break;
    }
    static const char probe[] = "\n\xff\n{\"execute\":\"query-name\",\"id\":\"probe\"}";
    g_autofree char *last = wire_converse(wire, probe, sizeof(probe) - 1);
    while (wire->deferred->len) { /* the answers behind theirs wait */
        api_request_reply(g_ptr_array_steal_index(wire->deferred, 0), NULL);
        g_free(last);
        last = wire_receive(wire);
    }
    g_assert(g_str_has_suffix(last, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Wire shared;
    static unsigned uses;
    Wire wire;
    if (is_too_slow(data, size))
        return 0;
    if (size && data[0] == '!') {
        wire_init(&wire, false);
        converse(&wire, data, size);
        wire_clear(&wire);
        return 0;
    }
    if (uses == SHARES) {
        wire_clear(&shared);
        uses = 0;
    }
    if (!uses++)
        wire_init(&shared, true);
    converse(&shared, data, size);
    return 0;
}
