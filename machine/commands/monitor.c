/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The human monitor, as far as tools of today ask it. Its failures are texts, not errors. */

#include "machine/commands/commands.h"

#include <string.h>

static char *info_status(Worker *worker)
{
    WorkerStatus status = worker_status(worker);
    const char *name = worker_run_state_name(status.state);
    return status.state == MACHINE_RUNNING ? g_strdup("VM status: running\r\n")
                                           : g_strdup_printf("VM status: paused (%s)\r\n", name);
}

static char *info_replay(Worker *worker)
{
    WorkerStatus status = worker_status(worker);
    if (status.replay_mode == REPLAY_NONE) {
        return g_strdup("Record/replay is not active\r\n");
    }
    return g_strdup_printf("%s execution '%s': instruction count = %" G_GUINT64_FORMAT "\r\n",
                           status.replay_mode == REPLAY_RECORD ? "Recording" : "Replaying",
                           worker->recording ? worker->recording : "", status.position.icount);
}

static char *info_version(Worker *worker)
{
    return g_strdup("powerplay " POWERPLAY_VERSION "\r\n");
}

static char *info_block(Worker *worker)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < worker->config->disk_count; i++) {
        const ConfigDisk *disk = &worker->config->disks[i];
        g_string_append_printf(text, "%s: %s (%s%s)\r\n", disk->id, disk->file,
                               config_disk_format_name(disk->format),
                               disk->readonly ? ", read-only" : "");
    }
    return g_string_free(text, FALSE);
}

static char *info_name(Worker *worker)
{
    return g_strdup_printf("%s\r\n", worker->name);
}

static const struct {
    const char *line;
    char *(*execute)(Worker *worker);
} commands[] = {
    { "info block", info_block },   { "info status", info_status },
    { "info replay", info_replay }, { "info version", info_version },
    { "info name", info_name },     { "info snapshots", monitor_info_snapshots },
};

char *monitor_execute(Worker *worker, const char *line)
{
    g_autofree char *stripped = g_strstrip(g_strdup(line));
    if (!*stripped) {
        return g_strdup("");
    }
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].line, stripped) == 0) {
            return commands[i].execute(worker);
        }
    }
    return g_strdup_printf("unknown command: '%s'\r\n", stripped);
}

static char **words_of(const char *line)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_auto(GStrv) pieces = g_strsplit_set(line, " \t\r\n", -1);
    for (char **piece = pieces; *piece; piece++) {
        if (**piece) {
            g_strv_builder_add(words, *piece);
        }
    }
    return g_strv_builder_end(words);
}

void cmd_human_monitor_command(ApiRequest *request, const HumanMonitorCommandArgs *arguments)
{
    g_auto(GStrv) words = words_of(arguments->command_line);
    if (words[0] && monitor_snapshot(request, words)) {
        return;
    }
    g_autofree char *text = monitor_execute(worker_of_request(request), arguments->command_line);
    api_request_reply(request, json_node_init_string(json_node_alloc(), text));
}
