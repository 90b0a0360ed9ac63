/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Sockets of a machine's sound card: audio-out.sock and audio-in.sock in its folder. Who connects
 * is passed on to its process as he comes; the stream is between the two: frames of two 16-bit
 * samples, little-endian, 44,100 a second.
 *
 * The last one who came is heard, or hears.
 */

#include "daemon/audio.h"

#include "api/unix-socket.h"
#include "daemon/process.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIDE_OUT, SIDE_IN, SIDES };

typedef struct {
    Machine *machine;
    unsigned side;
    int listener;
    GSource *source;
    char *path;
} Side;

struct Audio {
    Side side[SIDES];
};

static const char *const members[SIDES] = { "playback", "capture" };
static const char *const sockets[SIDES] = { "audio-out.sock", "audio-in.sock" };

static JsonObject *side_of(JsonNode *definition, unsigned side)
{
    JsonObject *object = json_node_get_object(definition);
    if (!json_object_has_member(object, "audio")) {
        return NULL;
    }
    object = json_object_get_object_member(object, "audio");
    return json_object_has_member(object, members[side])
               ? json_object_get_object_member(object, members[side])
               : NULL;
}

const char *audio_capture_file(JsonNode *definition)
{
    JsonObject *capture = side_of(definition, SIDE_IN);
    return capture ? json_object_get_string_member_with_default(capture, "file", NULL) : NULL;
}

static gboolean on_connection(gint listener, GIOCondition condition, gpointer data)
{
    Side *side = data;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0) {
        process_send(side->machine, MESSAGE_SOUND, 1 + side->side, 0, NULL, 0, client);
        close(client);
    }
    return G_SOURCE_CONTINUE;
}

static bool open_side(Machine *machine, unsigned number, GError **error)
{
    JsonObject *object = side_of(machine->definition, number);
    Side *side = &machine->audio->side[number];
    side->listener = -1;
    if (!object || strcmp(json_object_get_string_member(object, "backend"), "socket") != 0) {
        return true;
    }
    side->machine = machine;
    side->side = number;
    side->path = machine_path(machine, sockets[number]);
    side->listener = api_socket_listen(side->path, error);
    if (side->listener < 0) {
        return false;
    }
    side->source = g_unix_fd_source_new(side->listener, G_IO_IN);
    g_source_set_callback(side->source, G_SOURCE_FUNC(on_connection), side, NULL);
    g_source_attach(side->source, NULL);
    return true;
}

bool audio_start(Machine *machine, GError **error)
{
    machine->audio = g_new0(Audio, 1);
    machine->audio->side[SIDE_IN].listener = -1;
    return open_side(machine, SIDE_OUT, error) && open_side(machine, SIDE_IN, error);
}

static void close_side(Side *side)
{
    if (side->source) {
        g_source_destroy(side->source);
        g_source_unref(side->source);
    }
    if (side->listener >= 0) {
        close(side->listener);
        unlink(side->path);
    }
    g_free(side->path);
}

void audio_end(Machine *machine)
{
    for (unsigned side = 0; machine->audio && side < SIDES; side++) {
        close_side(&machine->audio->side[side]);
    }
    g_clear_pointer(&machine->audio, g_free);
}
