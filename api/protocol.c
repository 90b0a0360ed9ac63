/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The commands that every socket has. */

#include "api/json-reader.h"
#include "api/server.h"

#include "api-machine-commands.h"

static const ApiTable *table_of(ApiSession *session)
{
    return api_server_options(api_session_server(session))->table;
}

bool cmd_qmp_capabilities(ApiSession *session, const QmpCapabilitiesArgs *arguments,
                          JsonNode **reply, GError **error)
{
    if (arguments->enable_count > 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Capability '%s' is not available",
                    api_qmp_capability_names[arguments->enable[0]]);
        return false;
    }
    api_session_set_negotiated(session);
    return true;
}

bool cmd_query_version(ApiSession *session, const QueryVersionArgs *arguments, JsonNode **reply,
                       GError **error)
{
    *reply = api_version_new();
    return true;
}

bool cmd_query_commands(ApiSession *session, const QueryCommandsArgs *arguments, JsonNode **reply,
                        GError **error)
{
    const ApiTable *table = table_of(session);
    g_autoptr(JsonArray) list = json_array_new();
    for (unsigned i = 0; i < table->count; i++) {
        JsonObject *entry = json_object_new();
        json_object_set_string_member(entry, "name", table->commands[i].name);
        json_array_add_object_element(list, entry);
    }
    *reply = json_node_init_array(json_node_alloc(), list);
    return true;
}

bool cmd_query_qmp_schema(ApiSession *session, const QueryQmpSchemaArgs *arguments,
                          JsonNode **reply, GError **error)
{
    *reply = api_json_parse(table_of(session)->schema, -1, error);
    return *reply != NULL;
}
