/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/dispatch.h"

#include "api/json-reader.h"
#include "api/server.h"

#include <stdlib.h>
#include <string.h>

static int compare_name(const void *key, const void *row)
{
    return strcmp(key, ((const ApiCommand *)row)->name);
}

const ApiCommand *api_table_find(const ApiTable *table, const char *name)
{
    return bsearch(name, table->commands, table->count, sizeof(ApiCommand), compare_name);
}

static bool is_text(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
           !json_number_text(node);
}

static bool check_member(JsonObject *object, const char *name, JsonNode *value, bool may_route,
                         GError **error)
{
    const char *problem = NULL;
    bool is_execute = strcmp(name, "execute") == 0, is_machine = strcmp(name, "machine") == 0;
    if (is_execute || (is_machine && may_route)) {
        problem = is_text(value) ? NULL : "must be a string";
    } else if (strcmp(name, "arguments") == 0) {
        problem = JSON_NODE_HOLDS_OBJECT(value) ? NULL : "must be an object";
    } else if (strcmp(name, "exec-oob") == 0 && json_object_has_member(object, "execute")) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "QMP input member 'execute' clashes with 'exec-oob'");
        return false;
    } else if (strcmp(name, "id") != 0) {
        problem = "is unexpected"; /* exec-oob alone too: it is not a capability of ours */
    }
    if (problem) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "QMP input member '%s' %s", name, problem);
    }
    return problem == NULL;
}

/* The object of a well-formed request; else NULL. */
static JsonObject *check_message(JsonNode *message, bool may_route, GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(message)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "QMP input must be a JSON object");
        return NULL;
    }
    JsonObject *object = json_node_get_object(message);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (!check_member(object, name, value, may_route, error)) {
            return NULL;
        }
    }
    if (!json_object_has_member(object, "execute")) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "QMP input lacks member 'execute'");
        return NULL;
    }
    return object;
}

static bool check_negotiation(ApiSession *session, const char *name, GError **error)
{
    bool negotiating = strcmp(name, "qmp_capabilities") == 0;
    if (negotiating && api_session_is_negotiated(session)) {
        g_set_error(error, API_ERROR, API_ERROR_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
        return false;
    }
    if (!negotiating && !api_session_is_negotiated(session)) {
        g_set_error(error, API_ERROR, API_ERROR_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
        return false;
    }
    return true;
}

static void run_command(ApiRequest *request, const ApiCommand *command, JsonObject *object)
{
    GError *error = NULL;
    g_autofree void *arguments = g_malloc0(MAX(command->arguments->size, 1));
    JsonObject *given = json_object_has_member(object, "arguments")
                            ? json_object_get_object_member(object, "arguments")
                            : NULL;
    if (!api_arguments_parse(command->arguments, given, arguments, &error)) {
        api_request_fail(request, error);
        return;
    }
    command->handle(request, arguments);
    api_arguments_clear(command->arguments, arguments);
}

void api_dispatch(ApiRequest *request)
{
    GError *error = NULL;
    ApiSession *session = api_request_session(request);
    const ApiServerOptions *options = api_server_options(api_session_server(session));
    JsonObject *object = check_message(api_request_message(request), options->route, &error);
    const char *name = object ? json_object_get_string_member(object, "execute") : NULL;
    if (!object || !check_negotiation(session, name, &error)) {
        api_request_fail(request, error);
        return;
    }
    if (json_object_has_member(object, "machine")) {
        options->route(request, json_object_get_string_member(object, "machine"));
        return;
    }
    const ApiCommand *command = api_table_find(options->table, name);
    if (!command) {
        api_request_fail_text(request, API_ERROR_COMMAND_NOT_FOUND,
                              "The command %s has not been found", name);
        return;
    }
    run_command(request, command, object);
}
