/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The display helper: a process of its own for each machine that wants viewers, with three sockets.
 * Two are where viewers and web pages come in, opened here; the third leads to the machine's
 * process.
 *
 * 1. When a helper dies, the machine goes on, and another one is started: at once, then after ever
 *    longer pauses, so that one that cannot start costs nothing.
 * 2. The sockets for viewers stay open meanwhile: whoever comes waits.
 * 3. Web pages have a socket of their own, in the machine's folder: no browser reaches it by
 * itself, and a viewer's port knows nothing of the web.
 */

#include "daemon/vnc.h"

#include "api/unix-socket.h"
#include "daemon/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME    "vnc.sock"
#define WEB_NAME       "vnc-web.sock"
#define MACHINE_FD     3 /* in the child */
#define LISTENER_FD    4
#define WEB_FD         5
#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS  5000
#define GOOD_AFTER_US  10000000 /* who lived that long may start again at once */

struct Vnc {
    Machine *machine;
    int listener, web;
    char *address;  /* "unix:PATH" or "tcp:HOST:PORT" */
    char *path;     /* of the unix socket, or NULL */
    char *web_path; /* of the socket for web pages */
    pid_t pid;
    guint child_source, restart_source;
    guint pause_ms;
    gint64 started_us;
};

static JsonObject *vnc_of(Machine *machine)
{
    JsonObject *definition = json_node_get_object(machine->definition);
    JsonObject *display = json_object_has_member(definition, "display")
                              ? json_object_get_object_member(definition, "display")
                              : NULL;
    return display && json_object_has_member(display, "vnc")
               ? json_object_get_object_member(display, "vnc")
               : NULL;
}

/* --- the socket for viewers ------------------------------------------------------------------- */

static bool listen_unix(Vnc *vnc, GError **error)
{
    vnc->path = machine_path(vnc->machine, SOCKET_NAME);
    vnc->listener = api_socket_listen(vnc->path, error);
    vnc->address = g_strdup_printf("unix:%s", vnc->path);
    return vnc->listener >= 0;
}

static bool listen_web(Vnc *vnc, GError **error)
{
    vnc->web_path = machine_path(vnc->machine, WEB_NAME);
    vnc->web = api_socket_listen(vnc->web_path, error);
    return vnc->web >= 0;
}

static bool listen_tcp(Vnc *vnc, guint port, GError **error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int yes = 1;
    vnc->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (vnc->listener < 0 ||
        setsockopt(vnc->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(vnc->listener, (struct sockaddr *)&address, length) < 0 ||
        listen(vnc->listener, 16) < 0 ||
        getsockname(vnc->listener, (struct sockaddr *)&address, &length) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Cannot listen for viewers on 127.0.0.1 port %u: %s", port, g_strerror(errno));
        return false;
    }
    vnc->address = g_strdup_printf("tcp:127.0.0.1:%u", ntohs(address.sin_port));
    return true;
}

/* --- the process ------------------------------------------------------------------------------ */

/* Beside the machine's program, as they are installed and built. */
static char *program_path(Machine *machine)
{
    g_autofree char *directory = g_path_get_dirname(machine->supervisor->worker_program);
    return g_build_filename(directory, "powerplay-display", NULL);
}

/* Between fork and exec: only calls that are safe there. */
static void become_helper(const char *program, const Vnc *vnc, int machine, int log,
                          const char *const *arguments)
{
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* First out of the way of the numbers that they get. */
    int high_machine = fcntl(machine, F_DUPFD, 10), high_log = fcntl(log, F_DUPFD, 10);
    int high_listener = fcntl(vnc->listener, F_DUPFD, 10), high_web = fcntl(vnc->web, F_DUPFD, 10);
    int high_null = fcntl(null, F_DUPFD, 10);
    dup2(high_null, STDIN_FILENO);
    dup2(high_log, STDOUT_FILENO);
    dup2(high_log, STDERR_FILENO);
    dup2(high_machine, MACHINE_FD);
    dup2(high_listener, LISTENER_FD);
    dup2(high_web, WEB_FD);
    close_range(WEB_FD + 1, ~0u, 0);
    execv(program, (char *const *)arguments);
    _exit(127);
}

static void on_helper_gone(GPid pid, gint status, gpointer data);

static bool spawn(Vnc *vnc, GError **error)
{
    Machine *machine = vnc->machine;
    g_autofree char *program = program_path(machine);
    g_autofree char *log_path = machine_path(machine, "display-log.txt");
    const char *arguments[] = {
        "powerplay-display", "--machine", "3", "--listen", "4", "--web", "5", "--name",
        machine->name,       NULL
    };
    g_autofree char *addresses = g_strdup_printf("%s\n%s", vnc->address, vnc->web_path);
    int pair[2];
    int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", program,
                    g_strerror(errno));
        if (log >= 0)
            close(log);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_helper(program, vnc, pair[1], log, arguments);
    close(log);
    close(pair[1]);
    bool good = pid > 0 &&
                process_send(machine, MESSAGE_DISPLAY, 0, 0, addresses, strlen(addresses), pair[0]);
    close(pair[0]);
    if (pid < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", program,
                    g_strerror(errno));
        return false;
    }
    vnc->pid = pid;
    vnc->started_us = g_get_monotonic_time();
    vnc->child_source = g_child_watch_add(pid, on_helper_gone, vnc);
    if (!good)
        kill(pid, SIGKILL); /* the machine's socket was full: try again */
    return true;
}

static gboolean restart(gpointer data)
{
    Vnc *vnc = data;
    g_autoptr(GError) error = NULL;
    vnc->restart_source = 0;
    if (!spawn(vnc, &error)) {
        g_warning("%s: %s", vnc->machine->name, error->message);
        vnc->restart_source = g_timeout_add(LAST_PAUSE_MS, restart, vnc);
    }
    return G_SOURCE_REMOVE;
}

static void on_helper_gone(GPid pid, gint status, gpointer data)
{
    Vnc *vnc = data;
    bool was_good = g_get_monotonic_time() - vnc->started_us > GOOD_AFTER_US;
    vnc->pid = 0;
    vnc->child_source = 0;
    if (WIFSIGNALED(status))
        g_message("%s: its display helper was killed by signal %d", vnc->machine->name,
                  WTERMSIG(status));
    vnc->pause_ms = was_good ? FIRST_PAUSE_MS : MIN(2 * vnc->pause_ms, LAST_PAUSE_MS);
    vnc->restart_source = g_timeout_add(vnc->pause_ms, restart, vnc);
}

/* --- life ------------------------------------------------------------------------------------- */

static void reap(GPid pid, gint status, gpointer data)
{
}

static void vnc_free(Vnc *vnc)
{
    if (vnc->restart_source)
        g_source_remove(vnc->restart_source);
    if (vnc->pid) {
        g_source_remove(vnc->child_source);
        kill(vnc->pid, SIGKILL);
        g_child_watch_add(vnc->pid, reap, NULL);
    }
    if (vnc->listener >= 0)
        close(vnc->listener);
    if (vnc->web >= 0)
        close(vnc->web);
    if (vnc->path)
        unlink(vnc->path);
    if (vnc->web_path)
        unlink(vnc->web_path);
    g_free(vnc->path);
    g_free(vnc->web_path);
    g_free(vnc->address);
    g_free(vnc);
}

bool vnc_start(Machine *machine, GError **error)
{
    JsonObject *wish = vnc_of(machine);
    const char *where =
        wish ? json_object_get_string_member_with_default(wish, "listen", "none") : "none";
    if (strcmp(where, "none") == 0)
        return true;
    Vnc *vnc = g_new0(Vnc, 1);
    *vnc = (Vnc){ .machine = machine, .listener = -1, .web = -1, .pause_ms = FIRST_PAUSE_MS / 2 };
    bool is_unix = strcmp(where, "unix") == 0;
    guint port = (guint)json_object_get_int_member_with_default(wish, "port", 0);
    bool listens = is_unix ? listen_unix(vnc, error) : listen_tcp(vnc, port, error);
    if (listens && listen_web(vnc, error) && spawn(vnc, error)) {
        machine->vnc = vnc;
        return true;
    }
    vnc_free(vnc);
    return false;
}

void vnc_end(Machine *machine)
{
    if (machine->vnc)
        vnc_free(machine->vnc);
    machine->vnc = NULL;
}
