/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats other than raw have programs that know them (qemu-nbd); one of them, in a process of its
 * own, serves the image, and the disk's thread asks it here. Numbers are those of the NBD protocol
 * document, sections "Fixed newstyle negotiation" and "Transmission".
 *
 * 1. One request is under way at a time, so a reply that does not carry its cookie breaks the
 * protocol.
 * 2. Nothing that the server says is believed: every length is bounded before a byte is read.
 * 3. A connection that broke is not used again: where its stream stands is unknown.
 */
#include "machine/block/nbd.h"

#include "machine/be.h"
#include "machine/block/layer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAGIC_SERVER  0x4e42444d41474943u /* "NBDMAGIC" */
#define MAGIC_OPTION  0x49484156454f5054u /* "IHAVEOPT" */
#define MAGIC_ANSWER  0x0003e889045565a9u
#define MAGIC_REQUEST 0x25609513u
#define MAGIC_REPLY   0x67446698u

#define FLAG_FIXED_NEWSTYLE 1u
#define FLAG_NO_ZEROES      2u

#define OPTION_GO     7
#define ANSWER_ACK    1
#define ANSWER_INFO   3
#define ANSWER_ERRORS 0x80000000u
#define INFO_EXPORT   0
#define ANSWER_MAX    4096 /* bytes of one answer that anybody has a use for */
#define ANSWERS_MAX   64   /* before the last one */
#define COMMAND_READ  0

#define SIZE_MAX_BYTES ((uint64_t)1 << 62)

struct Nbd {
    int socket;
    uint64_t size;
    uint64_t cookie; /* of the last request */
    bool is_broken;
};

/* --- bytes ---------------------------------------------------------------------------------------
 */

static bool receive(const Nbd *nbd, void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = read(nbd->socket, (uint8_t *)data + done, length - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool transmit(const Nbd *nbd, const void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = write(nbd->socket, (const uint8_t *)data + done, length - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* --- the handshake -------------------------------------------------------------------------------
 */

static bool fail(GError **error, const char *text)
{
    g_set_error(error, LAYER_ERROR, LAYER_ERROR_FORMAT, "the image's server %s", text);
    return false;
}

static bool greet(const Nbd *nbd, GError **error)
{
    uint8_t greeting[18], flags[4];
    if (!receive(nbd, greeting, sizeof greeting))
        return fail(error, "went away without a word: is the image of the format that is named?");
    uint64_t offered = be_get(greeting + 16, 2);
    if (be_get(greeting, 8) != MAGIC_SERVER || be_get(greeting + 8, 8) != MAGIC_OPTION ||
        !(offered & FLAG_FIXED_NEWSTYLE))
        return fail(error, "does not speak NBD as it is spoken since 2011");
    be_put(flags, 4, FLAG_FIXED_NEWSTYLE | (offered & FLAG_NO_ZEROES));
    return transmit(nbd, flags, sizeof flags) || fail(error, "does not listen");
}

/* The default export, and no information but what comes anyway. */
static bool ask_to_go(const Nbd *nbd, GError **error)
{
    uint8_t option[16 + 6] = { 0 };
    be_put(option, 8, MAGIC_OPTION);
    be_put(option + 8, 4, OPTION_GO);
    be_put(option + 12, 4, 6);
    return transmit(nbd, option, sizeof option) || fail(error, "does not listen");
}

/* Takes one answer; ENDS: it was the last. */
static bool take_answer(Nbd *nbd, bool *ends, GError **error)
{
    uint8_t head[20], body[ANSWER_MAX];
    if (!receive(nbd, head, sizeof head))
        return fail(error, "went away in the handshake");
    uint32_t kind = (uint32_t)be_get(head + 12, 4), length = (uint32_t)be_get(head + 16, 4);
    if (be_get(head, 8) != MAGIC_ANSWER || be_get(head + 8, 4) != OPTION_GO || length > ANSWER_MAX)
        return fail(error, "answers what it was not asked");
    if (!receive(nbd, body, length))
        return fail(error, "went away in the handshake");
    if (kind & ANSWER_ERRORS)
        return fail(error, "refuses its default export");
    if (kind == ANSWER_INFO && length >= 12 && be_get(body, 2) == INFO_EXPORT)
        nbd->size = be_get(body + 2, 8);
    *ends = kind == ANSWER_ACK;
    return true;
}

static bool shake_hands(Nbd *nbd, GError **error)
{
    bool ends = false;
    if (!greet(nbd, error) || !ask_to_go(nbd, error))
        return false;
    for (unsigned i = 0; i < ANSWERS_MAX && !ends; i++)
        if (!take_answer(nbd, &ends, error))
            return false;
    if (!ends || nbd->size == 0 || nbd->size > SIZE_MAX_BYTES)
        return fail(error, "names no size that an image can have");
    return true;
}

static void limit_waiting(int socket, int seconds)
{
    struct timeval limit = { .tv_sec = seconds };
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

Nbd *nbd_new(int socket, GError **error)
{
    g_autoptr(Nbd) nbd = g_new0(Nbd, 1);
    nbd->socket = socket;
    limit_waiting(socket, NBD_HANDSHAKE_S);
    if (!shake_hands(nbd, error))
        return NULL;
    limit_waiting(socket, 0); /* a late host is waited for */
    return g_steal_pointer(&nbd);
}

void nbd_free(Nbd *nbd)
{
    g_free(nbd);
}

void nbd_interrupt(Nbd *nbd)
{
    shutdown(nbd->socket, SHUT_RDWR);
}

uint64_t nbd_size(const Nbd *nbd)
{
    return nbd->size;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static bool request_read(Nbd *nbd, uint64_t offset, uint32_t length)
{
    uint8_t request[28] = { 0 };
    be_put(request, 4, MAGIC_REQUEST);
    be_put(request + 6, 2, COMMAND_READ);
    be_put(request + 8, 8, ++nbd->cookie);
    be_put(request + 16, 8, offset);
    be_put(request + 24, 4, length);
    return transmit(nbd, request, sizeof request);
}

int nbd_read(Nbd *nbd, uint64_t offset, uint8_t *data, uint32_t length)
{
    uint8_t reply[16];
    g_assert(length <= NBD_READ_MAX && offset <= nbd->size && length <= nbd->size - offset);
    if (nbd->is_broken)
        return EIO;
    nbd->is_broken = !request_read(nbd, offset, length) || !receive(nbd, reply, sizeof reply) ||
                     be_get(reply, 4) != MAGIC_REPLY || be_get(reply + 8, 8) != nbd->cookie;
    if (nbd->is_broken ||
        be_get(reply + 4, 4) != 0) /* what the server calls it says nothing here */
        return EIO;
    nbd->is_broken = !receive(nbd, data, length);
    return nbd->is_broken ? EIO : 0;
}
