/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Recordings that branch off from each other: where they differ.
 */

#include "machine/commands/commands.h"

#include "machine/worker-recording.h"

/* --- comparing -------------------------------------------------------------------------------- */

typedef struct {
    Worker *worker;
    ApiRequest *request;
    char *name[2];
    LogDifference difference;
} Compare;

static void compare_free(Compare *compare)
{
    log_difference_clear(&compare->difference);
    g_free(compare->name[0]);
    g_free(compare->name[1]);
    g_free(compare);
}

static void compare_logs(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Compare *compare = data;
    GError *error = NULL;
    g_autoptr(LogTrack) a = worker_recording_track(compare->worker, compare->name[0], &error);
    g_autoptr(LogTrack) b =
        a ? worker_recording_track(compare->worker, compare->name[1], &error) : NULL;
    if (b && log_compare(a, b, &compare->difference, &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

static JsonObject *side_object(const LogSide *side)
{
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", side->position.icount);
    if (side->line) {
        json_object_set_member(object, "event", json_from_string(side->line, NULL));
    }
    return object;
}

static JsonNode *comparison_node(const LogDifference *difference)
{
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "same", difference->is_same);
    set_unsigned(object, "common-events", difference->common);
    if (!difference->is_same) {
        json_object_set_object_member(object, "first", side_object(&difference->side[0]));
        json_object_set_object_member(object, "second", side_object(&difference->side[1]));
    }
    return object_node(object);
}

static void compared(GObject *source, GAsyncResult *result, gpointer user)
{
    Compare *compare = user;
    GError *error = NULL;
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        api_request_reply(compare->request, comparison_node(&compare->difference));
    } else {
        set_class(&error, API_ERROR_GENERIC);
        api_request_fail(compare->request, error);
    }
    compare_free(compare);
}

void cmd_recording_compare(ApiRequest *request, const RecordingCompareArgs *arguments)
{
    if (!worker_recording_name_is_valid(arguments->recording) ||
        !worker_recording_name_is_valid(arguments->other)) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "A recording's name is 1 to 64 letters, digits, '.', '_' and '-', "
                              "beginning with a letter or digit");
        return;
    }
    Compare *compare = g_new0(Compare, 1);
    *compare = (Compare){ .worker = worker_of_request(request),
                          .request = request,
                          .name = { g_strdup(arguments->recording), g_strdup(arguments->other) } };
    g_autoptr(GTask) task = g_task_new(NULL, NULL, compared, compare);
    g_task_set_task_data(task, compare, NULL);
    g_task_run_in_thread(task, compare_logs);
}
