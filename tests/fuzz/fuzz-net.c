/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the network helper: a message of any bytes; and what of its frames goes on. A frame
 * that passes the filter passes it again unchanged.
 */

#include "api/net-message.h"
#include "daemon/net/filter.h"

#include <stdlib.h>
#include <string.h>

#define NETWORK 0x0a000200u
#define MASK    0xffffff00u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const uint8_t *data, size_t size)
{
    size_t length = size, again;
    uint8_t *frame = g_memdup2(data, size), *copy;
    if (filter_frame(frame, &length, NETWORK, MASK)) {
        g_assert(length <= size);
        again = length;
        copy = g_memdup2(frame, length);
        g_assert(filter_frame(copy, &again, NETWORK, MASK));
        g_assert(again == length && memcmp(copy, frame, length) == 0);
        g_free(copy);
    }
    g_free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NetMessage message;
    if (size < 1 || size > sizeof message)
        return 0;
    filter(data + 1, size - 1);
    memset(&message, 0xa5, sizeof message);
    memcpy(&message, data + 1, size - 1);
    g_autoptr(GError) error = NULL;
    bool good = net_message_check(&message, size - 1, data[0] & 1, data[0] & 2, &error);
    g_assert(good == !error);
    g_assert(!good || (message.nic < NET_NICS && message.length <= NET_FRAME_MAX));
    return 0;
}
