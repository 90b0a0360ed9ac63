/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A message of any bytes and length: checked, and when it passes, sound. */

#include "api/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Whole messages are what checks beyond the length see: the input is the change to a good one.
     */
    Message message;
    message_init(&message, MESSAGE_PORT_DATA, 1, "x", 1);
    for (size_t i = 0; i < MIN(size, sizeof(message)); i++) {
        ((uint8_t *)&message)[i] ^= data[i];
    }
    for (int has_fd = 0; has_fd < 2; has_fd++) {
        g_assert(size == sizeof(message) || !message_check(&message, size, has_fd, NULL));
        if (message_check(&message, sizeof(message), has_fd, NULL)) {
            g_autofree char *text = message_text(&message);
            g_assert(message.length <= MESSAGE_DATA_SIZE && strlen(text) <= message.length);
        }
    }
    return 0;
}
