/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_COMMANDS_COMMANDS_H
#define POWERPLAY_MACHINE_COMMANDS_COMMANDS_H

/* What the handlers of a machine's commands share. */

#include "api-machine-commands.h"

#include "machine/worker.h"
#include "replay/keyframe.h"

static inline Worker *worker_of(ApiSession *session)
{
    return api_session_context(session);
}

static inline Worker *worker_of_request(ApiRequest *request)
{
    return api_request_context(request);
}

/* Takes the reference. */
static inline JsonNode *object_node(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

static inline JsonNode *array_node(JsonArray *array)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

void set_unsigned(JsonObject *object, const char *name, uint64_t value);

/* Makes an error of another domain one of a class that clients can tell; keeps the text. */
void set_class(GError **error, ApiErrorCode code);

/* The port of that id, or the first for NULL; NULL with `error` set. */
Serial *find_serial(Worker *worker, const char *id, GError **error);

/* Whether the machine replays. Machine thread. */
bool is_replaying(Worker *worker, GError **error);
/* The same, and that the recording goes as far as PLACE; else ERROR says where it ends. */
bool is_recorded(Worker *worker, const SeekTarget *place, GError **error);

/* Whether NAME may be that of a new file in the machine's folder; else the request has failed. */
bool is_plain_name(ApiRequest *request, const char *name);
/* Makes a new file in DIRECTORY. */
bool write_file(int directory, const char *name, const uint8_t *bytes, size_t size, GError **error);

/* type-text for the keyboard. */
void type_on_keyboard(ApiRequest *request, const TypeTextArgs *arguments);

/* Text of a reply to `info status` and the like. */
char *monitor_execute(Worker *worker, const char *line);
char *monitor_info_snapshots(Worker *worker);
/* savevm, loadvm, delvm: answers the request with a text when it is done. False if it is none of
 * them. `words` has at least one. */
bool monitor_snapshot(ApiRequest *request, char **words);

#endif
