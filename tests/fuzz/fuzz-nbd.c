/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image's server may say: the input is all of it, then it hangs up. Whatever the client
 * believes must be bounded, and a connection that broke must stay broken.
 */
#include "machine/block/nbd.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* The greeting and the answers of a server, so that the fuzzer begins where it gets interesting. */
static const uint8_t beginning[] = {
    'N', 'B', 'D', 'M', 'A', 'G', 'I', 'C', 'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T', 0, 3,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    uint8_t bytes[4096];
    signal(SIGPIPE, SIG_IGN);
    if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 0;
    if (size && data[0] & 1 && write(pair[1], beginning, sizeof beginning) < 0)
        return 0;
    if (size > 1 && write(pair[1], data + 1, size - 1) < 0)
        return 0;
    shutdown(pair[1], SHUT_WR);
    g_autoptr(GError) error = NULL;
    g_autoptr(Nbd) nbd = nbd_new(pair[0], &error);
    g_assert(!nbd == (error != NULL));
    bool is_broken = false;
    for (uint64_t offset = 0; nbd && offset < 8 * 512; offset += 512) {
        uint64_t there = nbd_size(nbd) > offset ? nbd_size(nbd) - offset : 0;
        int code = there ? nbd_read(nbd, offset, bytes, (uint32_t)MIN(there, sizeof bytes)) : EIO;
        g_assert(code == 0 || code == EIO);
        is_broken |= code != 0 && recv(pair[0], bytes, 1, MSG_PEEK) == 0;
        g_assert(code != 0 || !is_broken);
    }
    close(pair[0]);
    close(pair[1]);
    return 0;
}
