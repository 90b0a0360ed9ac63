/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/space.h"

#include <sys/statvfs.h>

#define LOOK_SECONDS 5

struct Space {
    Supervisor *supervisor;
    uint64_t limit;
    guint source;
    bool is_told;
};

static void tell(const Space *space, uint64_t available)
{
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "directory", space->supervisor->state_directory);
    json_object_set_int_member(data, "available", (gint64)available);
    json_object_set_int_member(data, "limit", (gint64)space->limit);
    JsonNode *node = json_node_init_object(json_node_alloc(), data);
    json_object_unref(data);
    supervisor_emit(space->supervisor, NULL, api_event_new("DISK_SPACE_LOW", node));
}

static gboolean look(gpointer user)
{
    Space *space = user;
    struct statvfs info;
    if (statvfs(space->supervisor->state_directory, &info) < 0) {
        return G_SOURCE_CONTINUE; /* a network's file system may be away for a while */
    }
    uint64_t available = (uint64_t)info.f_bavail * info.f_frsize;
    if (available < space->limit && !space->is_told) {
        space->is_told = true;
        tell(space, available);
    } else if (available / 2 >= space->limit) {
        space->is_told = false;
    }
    return G_SOURCE_CONTINUE;
}

Space *space_new(Supervisor *supervisor, uint64_t limit)
{
    Space *space = g_new0(Space, 1);
    space->supervisor = supervisor;
    space->limit = limit;
    if (limit) {
        look(space);
        space->source = g_timeout_add_seconds(LOOK_SECONDS, look, space);
    }
    return space;
}

void space_free(Space *space)
{
    if (!space) {
        return;
    }
    if (space->source) {
        g_source_remove(space->source);
    }
    g_free(space);
}
