/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_NET_LINE_H
#define POWERPLAY_DAEMON_NET_LINE_H

/* A connection to the other end of a wire: see line.c. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    LINE_STREAM, /* each frame after its length */
    LINE_PACKETS /* each read and write is a frame: a tap */
} LineKind;

typedef struct Line Line;

/* Takes FD, which must not block. */
Line *line_new(int fd, LineKind kind);
void line_free(Line *line);
int line_fd(const Line *line);

/* Sends a frame, keeps it until there is room, or drops it. False when the other end has gone. */
bool line_send(Line *line, const void *frame, gsize length);
/* Whether something is kept. */
bool line_is_behind(const Line *line);
/* Sends what is kept, as far as there is room. False when the other end has gone. */
bool line_flush(Line *line);

typedef void (*LineFrame)(const void *frame, gsize length, void *data);
/* Reads once and hands out the frames of an acceptable size that are complete. False when the other
 * end has gone, or does not speak as it should. */
bool line_receive(Line *line, LineFrame take, void *data);

#endif
