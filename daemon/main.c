/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * powerplayd: options, the control socket, the main loop, the exit code.
 *
 * Exit codes: 0 ended properly, 1 could not start, 2 wrong options.
 */

#include "api-daemon-commands.h"

#include "daemon/relay.h"
#include "daemon/space.h"
#include "daemon/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_INHERITED_FD 3 /* sd_listen_fds(3) */

typedef struct {
    char *socket, *state, *config, *worker;
    gboolean foreground, sandbox, version;
    gint low_space; /* MiB; -1: not said */
} Options;

/* Defaults */

static bool is_service(void)
{
    return geteuid() == 0 && !g_getenv("XDG_RUNTIME_DIR");
}

static char *default_socket(void)
{
    const char *given = g_getenv("POWERPLAY_SOCKET");
    if (given) {
        return g_strdup(given);
    }
    return is_service()
               ? g_strdup("/run/powerplay/control.sock")
               : g_build_filename(g_get_user_runtime_dir(), "powerplay", "control.sock", NULL);
}

static char *default_state(void)
{
    return is_service() ? g_strdup("/var/lib/powerplay")
                        : g_build_filename(g_get_user_state_dir(), "powerplay", NULL);
}

/* Beside this program, or one level up as in a build directory. */
static char *default_worker(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *directory = g_path_get_dirname(self ? self : "/usr/bin/powerplayd");
    static const char *const places[] = { ".", ".." };
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(directory, places[i], "powerplay-machine", NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
            return g_steal_pointer(&path);
        }
    }
    char *found = g_find_program_in_path("powerplay-machine");
    return found ? found : g_build_filename(directory, "powerplay-machine", NULL);
}

/* [daemon] socket=, state=, machine-program=, sandbox=, low-space= ; options win. */
static bool read_config(Options *options, GError **error)
{
    if (!options->config) {
        return true;
    }
    g_autoptr(GKeyFile) file = g_key_file_new();
    if (!g_key_file_load_from_file(file, options->config, G_KEY_FILE_NONE, error)) {
        g_prefix_error(error, "%s: ", options->config);
        return false;
    }
    static const char *const known[] = { "socket",  "state",     "machine-program",
                                         "sandbox", "low-space", NULL };
    g_auto(GStrv) keys = g_key_file_get_keys(file, "daemon", NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        if (!g_strv_contains(known, *key)) {
            g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
                        "%s: [daemon] has no key '%s'", options->config, *key);
            return false;
        }
    }
    char **places[] = { &options->socket, &options->state, &options->worker };
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        if (!*places[i]) {
            *places[i] = g_key_file_get_string(file, "daemon", known[i], NULL);
        }
    }
    options->sandbox |= g_key_file_get_boolean(file, "daemon", "sandbox", NULL);
    if (options->low_space < 0 && g_key_file_has_key(file, "daemon", "low-space", NULL)) {
        g_autoptr(GError) reason = NULL;
        options->low_space = g_key_file_get_integer(file, "daemon", "low-space", &reason);
        if (reason || options->low_space < 0) {
            g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                        "%s: [daemon] low-space is no number of MiB", options->config);
            return false;
        }
    }
    return true;
}

/* Absolute, because a daemon leaves its directory. Takes `path`. */
static char *absolute(char *path)
{
    char *result = g_canonicalize_filename(path, NULL);
    g_free(path);
    return result;
}

static void fill_defaults(Options *options)
{
    options->socket = absolute(options->socket ? options->socket : default_socket());
    options->state = absolute(options->state ? options->state : default_state());
    options->worker = absolute(options->worker ? options->worker : default_worker());
    options->low_space = options->low_space < 0 ? SPACE_LOW_MIB : options->low_space;
}

/* The control socket */

/* Descriptors that systemd has opened for us; false if there are none. */
static bool take_inherited_sockets(ApiServer *server)
{
    const char *pid = g_getenv("LISTEN_PID"), *count_text = g_getenv("LISTEN_FDS");
    if (!pid || !count_text || strtol(pid, NULL, 10) != getpid()) {
        return false;
    }
    long count = strtol(count_text, NULL, 10);
    for (int fd = FIRST_INHERITED_FD; fd < FIRST_INHERITED_FD + count; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        api_server_listen_fd(server, fd);
    }
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return count > 0;
}

static bool listen_on_path(ApiServer *server, const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_mkdir_with_parents(directory, 0700) < 0) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno),
                    "cannot make the directory %s: %s", directory, g_strerror(errno));
        return false;
    }
    return api_server_listen_path(server, path, error);
}

/* Tells a service manager, if there is one, that clients may connect. */
static void notify_ready(void)
{
    static const char text[] = "READY=1";
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = 0;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
        close(fd);
    }
}

/* Running */

static gboolean on_signal(gpointer data)
{
    supervisor_end(data);
    return G_SOURCE_CONTINUE;
}

/* Leaves the terminal once clients can connect; the parent's exit code is the news. */
static void detach(void)
{
    if (daemon(0, 0) < 0) {
        g_warning("cannot detach: %s", g_strerror(errno));
    }
}

static bool run(const Options *options, GError **error)
{
    g_autoptr(Supervisor) supervisor =
        supervisor_new(options->state, options->worker, options->sandbox, error);
    if (!supervisor) {
        return false;
    }
    supervisor->server = api_server_new(&(ApiServerOptions){ .table = &api_daemon_table,
                                                             .context = supervisor,
                                                             .route = relay_route,
                                                             .takes_fds = true });
    bool is_activated = take_inherited_sockets(supervisor->server);
    if (!is_activated && !listen_on_path(supervisor->server, options->socket, error)) {
        return false;
    }
    if (!options->foreground && !is_activated && !g_getenv("NOTIFY_SOCKET")) {
        detach(); /* before GLib makes its thread for signals */
    }
    g_unix_signal_add(SIGTERM, on_signal, supervisor);
    g_unix_signal_add(SIGINT, on_signal, supervisor);
    g_autoptr(Space) space = space_new(supervisor, (uint64_t)options->low_space << 20);
    notify_ready();
    if (options->foreground) {
        fprintf(stderr, "powerplayd: listening on %s\n",
                is_activated ? "inherited sockets" : options->socket);
    }
    g_main_loop_run(supervisor->loop);
    return true;
}

static bool parse_options(Options *options, int *argc, char ***argv, GError **error)
{
    GOptionEntry entries[] = {
        { "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "The control socket", "PATH" },
        { "state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, "Machines and recordings", "DIR" },
        { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config, "Settings", "FILE" },
        { "foreground", 0, 0, G_OPTION_ARG_NONE, &options->foreground, "Stay on the terminal",
          NULL },
        { "sandbox", 0, 0, G_OPTION_ARG_NONE, &options->sandbox,
          "Forbid machines new sockets, processes and files outside their directory", NULL },
        { "machine-program", 0, 0, G_OPTION_ARG_FILENAME, &options->worker,
          "The program of a machine's process", "PATH" },
        { "low-space", 0, 0, G_OPTION_ARG_INT, &options->low_space,
          "Say when the state's disk has less left; 0: never", "MIB" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- host machines");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error)) {
        return false;
    }
    if (options->low_space < -1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--low-space is %d, expected a number of MiB", options->low_space);
        return false;
    }
    if (*argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unexpected argument '%s'",
                    (*argv)[1]);
        return false;
    }
    return true;
}

static void options_clear(Options *options)
{
    g_free(options->socket);
    g_free(options->state);
    g_free(options->config);
    g_free(options->worker);
}

int main(int argc, char **argv)
{
    Options options = { .low_space = -1 };
    GError *error = NULL;
    int status = 0;
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(&options, &argc, &argv, &error)) {
        status = 2;
    } else if (options.version) {
        printf("powerplayd %s\n", POWERPLAY_VERSION);
    } else if (!read_config(&options, &error)) {
        status = 2;
    } else {
        fill_defaults(&options);
        status = run(&options, &error) ? 0 : 1;
    }
    if (error) {
        fprintf(stderr, "powerplayd: %s\n", error->message);
        g_error_free(error);
    }
    options_clear(&options);
    return status;
}
