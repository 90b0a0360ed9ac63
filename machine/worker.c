/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * powerplay-machine: the process of one machine.
 *
 * Under the daemon it gets descriptors only (--link). Alone it opens its files itself:
 *
 *     powerplay-machine --qmp unix:/tmp/q machine.json
 *
 * Either way, all files are open before the machine starts; from then on it opens no socket and no
 * process, and files only inside its one directory (worker-sandbox.c).
 */

#include "machine/worker.h"

#include "api/json-reader.h"
#include "api/json-writer.h"
#include "machine/block/commit.h"
#include "machine/time-travel.h"
#include "machine/worker-audio.h"
#include "machine/worker-display.h"
#include "machine/worker-gdb.h"
#include "machine/worker-keyframes.h"
#include "machine/worker-link.h"
#include "machine/worker-net.h"
#include "machine/worker-recording.h"
#include "machine/worker-snapshot.h"

#include "api-machine-commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMMIT_IMAGE_FD     3
#define COMMIT_DIRECTORY_FD 4

typedef struct {
    char **qmp; /* "unix:PATH" */
    char *directory;
    int link;
    gboolean paused, check, sandbox, version;
    char *config; /* a file, "-" for standard input */
    char *commit; /* a disk's id */
} Options;

/* Ending */

static void execute_end(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    if (replay_mode(machine_replay(machine)) == REPLAY_RECORD) {
        machine_record_stop(machine, &call->error);
    }
    worker_recording_seal(call->worker);
    machine_quit(machine);
}

static void finish_end(WorkerCall *call)
{
    if (call->error) {
        g_warning("the recording could not be closed: %s", call->error->message);
    }
    g_main_loop_quit(call->worker->loop);
}

void worker_end(Worker *worker)
{
    if (!worker->is_ending) {
        worker->is_ending = true;
        machine_call_back(worker->machine);
        worker_call(worker, NULL, execute_end, finish_end, NULL, NULL);
    }
}

static gboolean on_signal(gpointer data)
{
    Worker *worker = data;
    if (!worker->is_ending) {
        JsonObject *object = json_object_new();
        json_object_set_boolean_member(object, "guest", FALSE);
        json_object_set_string_member(object, "reason", "host-signal");
        JsonNode *node = json_node_init_object(json_node_alloc(), object);
        json_object_unref(object);
        api_server_emit(worker->server, "SHUTDOWN", node);
    }
    worker_end(worker);
    return G_SOURCE_CONTINUE;
}

/* Reading the definition */

static char *read_text(const char *path, GError **error)
{
    char *text = NULL;
    gsize length;
    if (strcmp(path, "-") != 0) {
        return g_file_get_contents(path, &text, &length, error) ? text : NULL;
    }
    GString *all = g_string_new(NULL);
    char bytes[4096];
    ssize_t n;
    while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
        g_string_append_len(all, bytes, n);
    }
    return g_string_free(all, FALSE);
}

static MachineConfig *parse_definition(const char *text, GError **error)
{
    g_autoptr(JsonNode) node = api_json_parse(text, -1, error);
    return node ? machine_config_from_node(node, error) : NULL;
}

static int open_directory(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                    "cannot open the directory %s: %s", path, g_strerror(errno));
    }
    return fd;
}

static MachineConfig *config_from_file(const Options *options, GError **error)
{
    g_autofree char *text = read_text(options->config, error);
    g_autoptr(MachineConfig) config = text ? parse_definition(text, error) : NULL;
    if (!config) {
        g_prefix_error(error, "%s: ", options->config);
        return NULL;
    }
    if (options->check) {
        return g_steal_pointer(&config);
    }
    g_autofree char *base = g_path_get_dirname(options->config);
    int directory = open_directory(base, error);
    bool good = directory >= 0 && machine_config_open_files(config, directory, error);
    if (directory >= 0) {
        close(directory);
    }
    return good ? g_steal_pointer(&config) : NULL;
}

static MachineConfig *config_from_link(LinkFiles *files, GError **error)
{
    g_autoptr(MachineConfig) config =
        files->definition ? parse_definition(files->definition, error) : NULL;
    GHashTableIter iter;
    gpointer name, value;
    if (!config) {
        if (error && !*error) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_SYNTAX,
                        "the daemon sent no definition");
        }
        return NULL;
    }
    g_hash_table_iter_init(&iter, files->files);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        int fd = dup(GPOINTER_TO_INT(value) - 1);
        if (!machine_config_attach(config, name, fd, error)) {
            return NULL;
        }
    }
    return machine_config_is_complete(config, error) ? g_steal_pointer(&config) : NULL;
}

/* Building */

static bool add_serial_ports(Worker *worker, GError **error)
{
    const MachineConfig *config = worker->config;
    for (unsigned i = 0; i < config->serial_count; i++) {
        Device *device = machine_device_by_id(worker->machine, config->serial[i].id);
        if (!device) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                        "serial[%u]: the board has no such port", i);
            return false;
        }
        worker->serial[i] = serial_new(
            config->serial[i].id, config->serial[i].backend == CONFIG_SERIAL_RING, device->number);
        worker->serial_count = i + 1;
    }
    return true;
}

static bool add_input(Worker *worker, GError **error)
{
    const MachineConfig *config = worker->config;
    g_autofree char *names = keymap_names();
    worker->keymap = keymap_find(config->keymap);
    if (!worker->keymap) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                    "keymap: there is no \"%s\"; there are %s", config->keymap, names);
        return false;
    }
    input_port_init(&worker->input, worker->machine);
    for (unsigned i = 0; i < config->input_count; i++) {
        if (worker->input.device[config->inputs[i]] < 0) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                        "input[%u]: the board \"%s\" takes no %s", i, config->board,
                        config_input_name(config->inputs[i]));
            return false;
        }
    }
    if (config->display.device != CONFIG_DISPLAY_NONE &&
        !machine_device_by_id(worker->machine, config_display_id(&config->display))) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                    "display: the board \"%s\" takes none", config->board);
        return false;
    }
    worker->display = config->display.device != CONFIG_DISPLAY_NONE ? display_new(worker) : NULL;
    return true;
}

static bool add_sound(Worker *worker, GError **error)
{
    g_autoptr(GError) problem = NULL;
    worker->audio = audio_new(worker, &problem);
    if (!problem) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static gpointer run_machine_thread(gpointer data)
{
    Worker *worker = data;
    g_mutex_lock(&worker->lock);
    worker->status.thread_id = (int)syscall(SYS_gettid);
    g_mutex_unlock(&worker->lock);
    machine_thread(worker->machine);
    return NULL;
}

/*
 * The translator, unless POWERPLAY_ENGINE says interpreter or this host lacks what it needs. The
 * guest cannot tell, so it is no part of a machine's definition.
 */
static bool choose_engine(Machine *machine, GError **error)
{
    const char *name = g_getenv("POWERPLAY_ENGINE");
    g_autoptr(GError) why = NULL;
    if (name && strcmp(name, "interpreter") == 0) {
        return true;
    }
    if (name && *name && strcmp(name, "translator") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "POWERPLAY_ENGINE is \"%s\": it can be translator or interpreter", name);
        return false;
    }
    if (!machine_set_engine(machine, MACHINE_ENGINE_TRANSLATOR, NULL, &why)) {
        g_message("%s", why->message);
    }
    return true;
}

/* Takes `config`. */
static bool build(Worker *worker, MachineConfig *config, GError **error)
{
    MachineHost host;
    worker_host_init(&host, worker);
    worker->name = g_strdup(config->name);
    worker->machine = machine_new(config, worker->directory, &host, error);
    if (!worker->machine || !choose_engine(worker->machine, error)) {
        return false;
    }
    worker->config = machine_config(worker->machine);
    worker->inbox = machine_inbox(worker->machine);
    worker->server =
        api_server_new(&(ApiServerOptions){ .table = &api_machine_table, .context = worker });
    worker->snapshots = worker_snapshots_new(worker);
    worker->gdb = worker_gdb_new(worker);
    worker_publish(worker);
    worker->net = worker->config->nic_count ? net_new(worker) : NULL;
    return add_serial_ports(worker, error) && add_input(worker, error) && add_sound(worker, error);
}

static bool listen_all(Worker *worker, char **addresses, GError **error)
{
    for (char **address = addresses; address && *address; address++) {
        if (!g_str_has_prefix(*address, "unix:")) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "--qmp %s: expected unix:PATH", *address);
            return false;
        }
        if (!api_server_listen_path(worker->server, *address + 5, error)) {
            return false;
        }
    }
    return true;
}

static void execute_start(WorkerCall *call)
{
    if (audio_may_run(call->worker->audio, &call->error)) {
        machine_start(call->worker->machine, &call->error);
    }
}

static bool run(Worker *worker, const Options *options, GError **error)
{
    worker->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_signal, worker);
    g_unix_signal_add(SIGINT, on_signal, worker);
    bool may_accept = options->qmp != NULL;
    worker->is_confined = options->sandbox;
    if (options->sandbox && !worker_sandbox_enter(worker->directory, may_accept, error)) {
        return false;
    }
    audio_start(worker->audio);
    worker->thread = g_thread_new("machine", run_machine_thread, worker);
    if (options->link >= 0) {
        link_send_ready(options->link);
        worker->link = link_new(worker, options->link);
    } else if (!options->paused) {
        worker_call(worker, NULL, execute_start, NULL, NULL, NULL);
    }
    g_main_loop_run(worker->loop);
    return true;
}

static void worker_clear(Worker *worker)
{
    if (worker->thread) {
        g_thread_join(worker->thread);
    }
    worker_gdb_close(worker->gdb);
    worker_snapshots_free(worker->snapshots);
    display_free(worker->display);
    audio_free(worker->audio);
    worker->audio = NULL;
    net_free(worker->net);
    worker->net = NULL;
    api_server_free(worker->server);
    worker_keyframes_close(worker);
    link_free(worker->link);
    g_free(worker->keyframes_of);
    machine_free(worker->machine);
    while (g_main_context_iteration(NULL, FALSE)) {
        /* What the machine thread has posted last refers to the worker. */
    }
    worker_gdb_free(worker->gdb);
    for (unsigned i = 0; i < worker->serial_count; i++) {
        serial_free(worker->serial[i]);
    }
    g_clear_pointer(&worker->loop, g_main_loop_unref);
    g_mutex_clear(&worker->lock);
    g_free(worker->recording);
    g_free(worker->name);
}

/* Ways to run */

static bool run_alone(Worker *worker, const Options *options, GError **error)
{
    MachineConfig *config = config_from_file(options, error);
    if (!config) {
        return false;
    }
    worker->directory = open_directory(options->directory ? options->directory : ".", error);
    if (worker->directory < 0) {
        machine_config_free(config);
        return false;
    }
    return build(worker, config, error) && listen_all(worker, options->qmp, error) &&
           run(worker, options, error);
}

static bool build_from_link(Worker *worker, const Options *options, GError **error)
{
    LinkFiles files;
    MachineConfig *config = NULL;
    if (link_receive_files(options->link, &files, error)) {
        config = config_from_link(&files, error);
    }
    worker->directory = files.directory;
    bool good = config && build(worker, config, error);
    if (good && files.relay >= 0) {
        api_server_add_fd(worker->server, files.relay, API_SESSION_RELAY);
    }
    link_files_clear(&files);
    return good;
}

static bool run_linked(Worker *worker, const Options *options, GError **error)
{
    GError *problem = NULL;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bool good = build_from_link(worker, options, &problem) && run(worker, options, &problem);
    if (!good) {
        link_send_failed(options->link, problem->message);
        g_propagate_error(error, problem);
    }
    return good;
}

static int check_definition(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) config = config_from_file(options, &error);
    if (!config) {
        const char *text = error->message;
        /* The daemon shows this to its client, for whom "-" means nothing. */
        fprintf(stderr, "%s\n", g_str_has_prefix(text, "-: ") ? text + 3 : text);
        return 1;
    }
    printf("%s\n", config->canonical);
    return 0;
}

static int commit_disk(const char *id, GError **error)
{
    g_autofree char *name = g_strconcat("disk-", id, NULL);
    uint32_t clusters;
    if (!commit_layer(COMMIT_DIRECTORY_FD, name, COMMIT_IMAGE_FD, &clusters, error)) {
        return 1;
    }
    printf("%u\n", clusters);
    return 0;
}

static bool parse_options(Options *options, int *argc, char ***argv, GError **error)
{
    char **rest = NULL;
    GOptionEntry entries[] = {
        { "qmp", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->qmp, "Listen for QMP clients",
          "unix:PATH" },
        { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options->directory,
          "Where overlays and recordings are made (default: here)", "DIR" },
        { "paused", 0, 0, G_OPTION_ARG_NONE, &options->paused, "Wait for `cont`", NULL },
        { "check", 0, 0, G_OPTION_ARG_NONE, &options->check,
          "Only check the definition, and print it with all defaults", NULL },
        { "sandbox", 0, 0, G_OPTION_ARG_NONE, &options->sandbox,
          "Forbid new sockets, processes and files outside the directory", NULL },
        { "link", 0, 0, G_OPTION_ARG_INT, &options->link, "The daemon's socket", "FD" },
        { "commit", 0, 0, G_OPTION_ARG_STRING, &options->commit,
          "Only write a disk's layer into its image: descriptors 3, the image, and 4, the folder",
          "ID" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, "DEFINITION" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- run one machine");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error)) {
        return false;
    }
    options->config = rest ? g_strdup(rest[0]) : NULL;
    bool needs_config = !options->version && options->link < 0 && !options->commit;
    if (needs_config != (rest != NULL) || (rest && rest[1])) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "expected %s",
                    needs_config ? "one machine definition" : "no machine definition");
    }
    g_strfreev(rest);
    return *error == NULL;
}

static void options_clear(Options *options)
{
    g_strfreev(options->qmp);
    g_free(options->directory);
    g_free(options->config);
    g_free(options->commit);
}

int main(int argc, char **argv)
{
    /*
     * One heap for all threads: the C library opens a file of /proc before it gives back a part of
     * another thread's heap, and a confined worker may open nothing.
     */
    mallopt(M_ARENA_MAX, 1);
    Options options = { .link = -1 };
    Worker worker = { .directory = -1 };
    GError *error = NULL;
    int status = 0;
    signal(SIGPIPE, SIG_IGN);
    /* The first text of an errno opens conversion tables, which a confined worker may not. */
    g_assert(g_strerror(EAGAIN));
    g_mutex_init(&worker.lock);
    if (!parse_options(&options, &argc, &argv, &error)) {
        status = 2;
    } else if (options.version) {
        printf("powerplay-machine %s\n", POWERPLAY_VERSION);
    } else if (options.commit) {
        status = commit_disk(options.commit, &error);
    } else if (options.check) {
        status = check_definition(&options);
    } else {
        bool good = options.link >= 0 ? run_linked(&worker, &options, &error)
                                      : run_alone(&worker, &options, &error);
        status = good ? 0 : 1;
    }
    if (error) {
        fprintf(stderr, "powerplay-machine: %s\n", error->message);
        g_error_free(error);
    }
    worker_clear(&worker);
    options_clear(&options);
    return status;
}
