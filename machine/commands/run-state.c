/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Run state: pausing, resuming, resetting, ending. */

#include "machine/commands/commands.h"

#include "machine/time-travel.h"
#include "machine/worker-audio.h"

bool cmd_query_status(ApiSession *session, const QueryStatusArgs *arguments, JsonNode **reply,
                      GError **error)
{
    WorkerStatus status = worker_status(worker_of(session));
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "running", status.state == MACHINE_RUNNING);
    json_object_set_string_member(object, "status", worker_run_state_name(status.state));
    if (status.state == MACHINE_INTERNAL_ERROR) {
        json_object_set_string_member(object, "error", status.error_text);
    }
    *reply = object_node(object);
    return true;
}

static void execute_stop(WorkerCall *call)
{
    machine_pause(call->worker->machine);
}

void cmd_stop(ApiRequest *request, const StopArgs *arguments)
{
    machine_call_back(worker_of_request(request)->machine);
    worker_call(worker_of_request(request), request, execute_stop, NULL, NULL, NULL);
}

static void execute_cont(WorkerCall *call)
{
    if (!audio_may_run(call->worker->audio, &call->error) ||
        !machine_start(call->worker->machine, &call->error)) {
        set_class(&call->error, API_ERROR_DEVICE_NOT_ACTIVE);
    }
}

void cmd_cont(ApiRequest *request, const ContArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_cont, NULL, NULL, NULL);
}

static void execute_nothing(WorkerCall *call)
{
}

static void finish_quit(WorkerCall *call)
{
    worker_end(call->worker);
}

/* The answer leaves first; worker_end() lets it. */
void cmd_quit(ApiRequest *request, const QuitArgs *arguments)
{
    Worker *worker = worker_of_request(request);
    JsonObject *data = json_object_new();
    json_object_set_boolean_member(data, "guest", FALSE);
    json_object_set_string_member(data, "reason", "host-qmp-quit");
    api_server_emit(worker->server, "SHUTDOWN", object_node(data));
    worker_call(worker, request, execute_nothing, finish_quit, NULL, NULL);
}

/* Inputs from a client: refused in replay, they wait while the guest is stopped. */
static bool post_control(Worker *worker, ControlKind kind, GError **error)
{
    Event event = { .kind = EVENT_CONTROL, .control = { .kind = (guint8)kind } };
    if (!inbox_post_event(worker->inbox, &event, error)) {
        set_class(error, API_ERROR_DEVICE_NOT_ACTIVE);
        return false;
    }
    return true;
}

void cmd_system_reset(ApiRequest *request, const SystemResetArgs *arguments)
{
    Worker *worker = worker_of_request(request);
    GError *error = NULL;
    if (!post_control(worker, CONTROL_RESET, &error)) {
        api_request_fail(request, error);
        return;
    }
    api_request_reply(request, NULL);
}

/* Where there is no button the client learns it here, while it can still do something else. */
void cmd_system_powerdown(ApiRequest *request, const SystemPowerdownArgs *arguments)
{
    Worker *worker = worker_of_request(request);
    GError *error = NULL;
    if (board_find(worker->config->board)->press_power_button) {
        if (!post_control(worker, CONTROL_POWER_BUTTON, &error)) {
            api_request_fail(request, error);
            return;
        }
        api_server_emit(worker->server, "POWERDOWN", NULL);
        api_request_reply(request, NULL);
        return;
    }
    api_request_fail_text(request, API_ERROR_GENERIC,
                          "The board '%s' has no power button: power off from inside the guest, or "
                          "end the process (machine-kill)",
                          worker->config->board);
}
