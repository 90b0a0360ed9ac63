/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/commands/commands.h"

#include "api/json-reader.h"

#include <string.h>

void set_unsigned(JsonObject *object, const char *name, uint64_t value)
{
    json_object_set_member(object, name, json_unsigned_new(value));
}

void set_class(GError **error, ApiErrorCode code)
{
    if (*error && (*error)->domain != API_ERROR) {
        GError *other = g_error_new_literal(API_ERROR, (gint)code, (*error)->message);
        g_error_free(*error);
        *error = other;
    }
}

Serial *find_serial(Worker *worker, const char *id, GError **error)
{
    for (unsigned i = 0; i < worker->serial_count; i++) {
        if (!id || strcmp(worker->serial[i]->id, id) == 0) {
            return worker->serial[i];
        }
    }
    g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                id ? id : "serial");
    return NULL;
}
