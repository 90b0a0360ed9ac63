/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/display-message.h"

#include <gio/gio.h>
#include <string.h>

G_STATIC_ASSERT(sizeof(DisplayMessage) == 32 + DISPLAY_TEXT_SIZE + DISPLAY_ORIGIN_SIZE);

/* Which members of each type may be other than zero, and how large. */
typedef struct {
    bool to_helper, has_fd, needs_client, has_text;
    uint32_t client, x, y, width, height, value; /* the greatest */
} Shape;

static const Shape shapes[DISPLAY_TYPE_END] = {
    [DISPLAY_SCREEN] = { .to_helper = true,
                         .has_fd = true,
                         .width = DISPLAY_SIZE_MAX,
                         .height = DISPLAY_SIZE_MAX },
    [DISPLAY_DIRTY] = { .to_helper = true, .y = DISPLAY_SIZE_MAX, .height = DISPLAY_SIZE_MAX },
    [DISPLAY_LOCK] = { .to_helper = true, .has_text = true, .value = DISPLAY_LOCK_END - 1 },
    [DISPLAY_DROP] = { .to_helper = true, .client = DISPLAY_CLIENTS },
    [DISPLAY_ADMIT] = { .to_helper = true, .has_text = true, .value = DISPLAY_SECONDS_MAX },
    [DISPLAY_DRAWN] = { .to_helper = false },
    [DISPLAY_JOIN] = { .needs_client = true,
                       .client = DISPLAY_CLIENTS,
                       .has_text = true,
                       .value = 1 },
    [DISPLAY_LEAVE] = { .needs_client = true, .client = DISPLAY_CLIENTS },
    [DISPLAY_KEY] = { .needs_client = true,
                      .client = DISPLAY_CLIENTS,
                      .x = 1,
                      .value = UINT32_MAX },
    [DISPLAY_POINTER] = { .needs_client = true,
                          .client = DISPLAY_CLIENTS,
                          .x = UINT16_MAX,
                          .y = UINT16_MAX,
                          .value = UINT8_MAX },
};

DisplayMessage display_message(DisplayMessageType type)
{
    return (DisplayMessage){ .magic = DISPLAY_MAGIC,
                             .version = DISPLAY_VERSION,
                             .type = (uint16_t)type };
}

void display_message_set_text(DisplayMessage *message, const char *text)
{
    memset(message->text, 0, DISPLAY_TEXT_SIZE);
    memcpy(message->text, text, MIN(strlen(text), DISPLAY_TEXT_SIZE - 1));
}

#define refuse(error, ...) packet_refuse(error, "display message", __VA_ARGS__)

bool display_is_token(const char *text)
{
    gsize length = strlen(text);
    return length >= DISPLAY_TOKEN_MIN && length < DISPLAY_TEXT_SIZE &&
           strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_") == length;
}

bool display_is_origin(const char *text)
{
    gsize length = strlen(text);
    for (gsize i = 0; i < length; i++)
        if (!g_ascii_isgraph(text[i]))
            return false;
    return length && length < DISPLAY_ORIGIN_SIZE && strstr(text, "://");
}

static bool is_zero_after(const char *bytes, gsize start, gsize size)
{
    for (gsize i = start; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* What says which page may come in; all others have no origin. */
static bool check_admission(const DisplayMessage *message, GError **error)
{
    gsize length = strnlen(message->origin, DISPLAY_ORIGIN_SIZE);
    bool is_admission = message->type == DISPLAY_ADMIT;
    if (length == DISPLAY_ORIGIN_SIZE ||
        !is_zero_after(message->origin, length, DISPLAY_ORIGIN_SIZE) || (length && !is_admission))
        return refuse(error, "an origin of %" G_GSIZE_FORMAT " bytes in type %u", length,
                      message->type);
    if (is_admission && (!message->value || !display_is_token(message->text) ||
                         !display_is_origin(message->origin)))
        return refuse(error, "an admission by \"%s\" from \"%s\" for %u s", message->text,
                      message->origin, message->value);
    return true;
}

static bool check_text(const DisplayMessage *message, const Shape *shape, GError **error)
{
    gsize length = strnlen(message->text, DISPLAY_TEXT_SIZE);
    bool is_lock = message->type == DISPLAY_LOCK;
    if (!is_zero_after(message->text, length, DISPLAY_TEXT_SIZE))
        return refuse(error, "bytes after the end of the text in type %u", message->type);
    if (length == DISPLAY_TEXT_SIZE || (length && !shape->has_text))
        return refuse(error, "a text of %" G_GSIZE_FORMAT " bytes in type %u", length,
                      message->type);
    if (is_lock && (length > DISPLAY_PASSWORD_MAX ||
                    (length > 0) != (message->value == DISPLAY_LOCK_PASSWORD)))
        return refuse(error, "a password of %" G_GSIZE_FORMAT " bytes for lock %u", length,
                      message->value);
    return true;
}

bool display_message_check(const DisplayMessage *message, gsize bytes, bool has_fd, bool to_helper,
                           GError **error)
{
    if (bytes != sizeof *message)
        return refuse(error, "%" G_GSIZE_FORMAT " bytes instead of %zu", bytes, sizeof *message);
    if (message->magic != DISPLAY_MAGIC || message->version != DISPLAY_VERSION)
        return refuse(error, "magic %08x version %u instead of %08x version %u", message->magic,
                      message->version, DISPLAY_MAGIC, DISPLAY_VERSION);
    if (message->type == 0 || message->type >= DISPLAY_TYPE_END ||
        shapes[message->type].to_helper != to_helper)
        return refuse(error, "type %u in this direction", message->type);
    const Shape *shape = &shapes[message->type];
    if (shape->has_fd != has_fd)
        return refuse(error, "type %u %s a descriptor", message->type, has_fd ? "with" : "without");
    if (message->client > shape->client || (shape->needs_client && !message->client))
        return refuse(error, "client %u in type %u", message->client, message->type);
    if (message->x > shape->x || message->y > shape->y || message->width > shape->width ||
        message->height > shape->height || message->value > shape->value)
        return refuse(error, "%u,%u %ux%u value %u in type %u", message->x, message->y,
                      message->width, message->height, message->value, message->type);
    if (message->type == DISPLAY_SCREEN && (!message->width || !message->height))
        return refuse(error, "a screen of %ux%u", message->width, message->height);
    return check_text(message, shape, error) && check_admission(message, error);
}

bool display_message_send(int socket, const DisplayMessage *message, int fd)
{
    return packet_send(socket, message, sizeof *message, fd) == 0;
}

PacketResult display_message_receive(int socket, DisplayMessage *message, bool to_helper, int *fd,
                                     GError **error)
{
    gsize length;
    PacketResult result = packet_receive(socket, message, sizeof *message, &length, fd);
    return result != PACKET_RECEIVED
               ? result
               : packet_judge(display_message_check(message, length, *fd >= 0, to_helper, error),
                              fd);
}
