/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A display message of any bytes and length: checked, and when it passes, sound. */

#include "api/display-message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sound(const DisplayMessage *message, bool has_fd, bool to_helper)
{
    g_assert(memchr(message->text, 0, DISPLAY_TEXT_SIZE));
    g_assert(message->client <= DISPLAY_CLIENTS);
    g_assert(has_fd == (message->type == DISPLAY_SCREEN));
    g_assert(to_helper == (message->type <= DISPLAY_ADMIT));
    g_assert(message->type != DISPLAY_SCREEN ||
             (message->width && message->width <= DISPLAY_SIZE_MAX && message->height &&
              message->height <= DISPLAY_SIZE_MAX));
    g_assert(message->type != DISPLAY_LOCK ||
             (message->value < DISPLAY_LOCK_END && strlen(message->text) <= DISPLAY_PASSWORD_MAX));
    g_assert(message->type < DISPLAY_JOIN || message->client);
    g_assert(memchr(message->origin, 0, DISPLAY_ORIGIN_SIZE));
    g_assert((message->type == DISPLAY_ADMIT) == (message->origin[0] != 0));
    g_assert(message->type != DISPLAY_ADMIT || (message->value && display_is_token(message->text)));
}

/* The input is the change to a good message; its first byte says to which. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    DisplayMessage message = display_message(1 + *data++ % (DISPLAY_TYPE_END - 1));
    size--;
    for (size_t i = 0; i < MIN(size, sizeof message); i++)
        ((uint8_t *)&message)[i] ^= data[i];
    for (unsigned i = 0; i < 4; i++) {
        bool has_fd = i & 1, to_helper = i & 2;
        g_assert(size == sizeof message ||
                 !display_message_check(&message, size, has_fd, to_helper, NULL));
        if (display_message_check(&message, sizeof message, has_fd, to_helper, NULL))
            check_sound(&message, has_fd, to_helper);
    }
    return 0;
}
